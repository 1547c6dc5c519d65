/* net/rtcp_fb.h - what feedback packets carry: generic NACK (RFC 4585 6.2.1), REMB
 * (draft-alvestrand-rmcat-remb-03), TMMBR and TMMBN (RFC 5104 4.2.1, 4.2.2). net/rtcp.h walks to them.
 * Threads: any; values only. What is read points into the datagram and is hostile. */
#ifndef MCU_NET_RTCP_FB_H
#define MCU_NET_RTCP_FB_H

#include "net/rtcp.h"

#define MCU_REMB_SSRCS_MAX 16 /* that are looked at */

/* The next entry of a NACK's FCI: *pid is lost, and pid + 1 + i for each bit i of *blp. */
bool mcu_rtcp_nack_next(struct mcu_cursor *fci, uint16_t *pid, uint16_t *blp);

struct mcu_remb {
    int64_t bps; /* INT64_MAX: more than that */
    uint32_t ssrc[MCU_REMB_SSRCS_MAX];
    int ssrc_count;
};

/* The FCI of a PSFB packet of format 15. 0 or -EBADMSG: another message of an application, or a list
 * of sources that is longer than the packet. */
int mcu_rtcp_read_remb(struct mcu_remb *out, const uint8_t *fci, size_t size);

/* ---- writers: one packet each; the cursor goes bad when there is no room ---- */

/* seq: rising (modulo 2^16), what is written into as few entries as can be; n: at least 1. */
void mcu_rtcp_write_nack(struct mcu_wcursor *w, uint32_t ssrc, uint32_t media_ssrc,
                         const uint16_t *seq, int n);
/* bps is rounded down to what 18 bits of mantissa can say. n: 1 to 255 sources that share it. */
void mcu_rtcp_write_remb(struct mcu_wcursor *w, uint32_t ssrc, int64_t bps, const uint32_t *source,
                         int n);
/* A request to media_ssrc. overhead_bytes: of each packet below RTP, counted into bps (0 to 511). */
void mcu_rtcp_write_tmmbr(struct mcu_wcursor *w, uint32_t ssrc, uint32_t media_ssrc, int64_t bps,
                          int overhead_bytes);
/* The answer: what holds is the request of owner; owner 0: nothing holds. */
void mcu_rtcp_write_tmmbn(struct mcu_wcursor *w, uint32_t ssrc, uint32_t owner, int64_t bps,
                          int overhead_bytes);

#endif
