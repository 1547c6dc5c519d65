/* net/rtcp.h - RTCP packets, read and written: SR, RR, SDES, BYE (RFC 3550 section 6), PLI (RFC 4585
 * section 6.3.1), FIR, TMMBR and TMMBN (RFC 5104 section 4). Others are walked over; what feedback
 * carries besides is read by net/rtcp_fb.h.
 * Threads: any; values only. */
#ifndef MCU_NET_RTCP_H
#define MCU_NET_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mixer/base/cursor.h"

#define MCU_RTCP_BLOCKS_MAX 31 /* the count has five bits */
#define MCU_RTCP_FCI_MAX    16 /* FIR and TMMBR entries that are read; more are not looked at */

enum mcu_rtcp_type {
    MCU_RTCP_SR = 200,
    MCU_RTCP_RR = 201,
    MCU_RTCP_SDES = 202,
    MCU_RTCP_BYE = 203,
    MCU_RTCP_APP = 204,
    MCU_RTCP_RTPFB = 205,
    MCU_RTCP_PSFB = 206,
    MCU_RTCP_XR = 207,
};

enum { MCU_RTPFB_NACK = 1, MCU_RTPFB_TMMBR = 3, MCU_RTPFB_TMMBN = 4, MCU_RTPFB_TWCC = 15 };
enum { MCU_PSFB_PLI = 1, MCU_PSFB_FIR = 4, MCU_PSFB_ALFB = 15 }; /* ALFB: of an application, REMB */

/* RFC 3550 section 6.4.1. */
struct mcu_rtcp_block {
    uint32_t ssrc;
    uint8_t fraction_lost;
    int32_t lost; /* 24 bits, signed */
    uint32_t highest_seq, jitter, lsr, dlsr;
};

struct mcu_rtcp_sender {
    uint64_t ntp;
    uint32_t rtp_ts, packets, octets;
};

/* One packet of a compound. Which members hold something depends on type. */
struct mcu_rtcp {
    uint8_t type;  /* enum mcu_rtcp_type, or one that is not known */
    uint8_t count; /* of blocks, chunks or sources; FMT of feedback */
    uint32_t ssrc; /* the sender; SDES and BYE: the first source, 0 when none */
    struct mcu_rtcp_sender sender;                       /* SR */
    struct mcu_rtcp_block block[MCU_RTCP_BLOCKS_MAX];    /* SR, RR */
    int block_count;
    char cname[64];                                      /* SDES: of the first chunk, cut to fit */
    uint32_t bye[MCU_RTCP_BLOCKS_MAX];                   /* BYE */
    int bye_count;
    uint32_t media_ssrc;                                 /* RTPFB, PSFB; and their FCI: */
    const uint8_t *fci;                                  /* within the datagram */
    size_t fci_bytes;
    struct {
        uint32_t ssrc;
        uint8_t seq;
    } fir[MCU_RTCP_FCI_MAX];                             /* PSFB FIR */
    int fir_count;
    struct {
        uint32_t ssrc;
        uint64_t bps;
        int overhead_bytes;
    } tmmbr[MCU_RTCP_FCI_MAX];                           /* RTPFB TMMBR, TMMBN */
    int tmmbr_count;
};

/* Checks a datagram before anything of it is believed (RFC 3550 A.2): version 2, padding in the last
 * packet alone, lengths that add up. It may begin with any type (RFC 5506). 0 or -EBADMSG. */
int mcu_rtcp_check(const uint8_t *data, size_t size);

/* The next packet at the cursor of a checked datagram: 1 with *out; 0 at the end; -EBADMSG: this
 * packet contradicts itself and was walked over, go on with the next one. */
int mcu_rtcp_next(struct mcu_cursor *c, struct mcu_rtcp *out);

/* Writers append one packet each; the cursor goes bad when there is no room. n: at most 31. */
void mcu_rtcp_write_sr(struct mcu_wcursor *w, uint32_t ssrc, const struct mcu_rtcp_sender *sender,
                       const struct mcu_rtcp_block *block, int n);
void mcu_rtcp_write_rr(struct mcu_wcursor *w, uint32_t ssrc, const struct mcu_rtcp_block *block,
                       int n);
void mcu_rtcp_write_cname(struct mcu_wcursor *w, uint32_t ssrc, const char *cname);
void mcu_rtcp_write_bye(struct mcu_wcursor *w, uint32_t ssrc);
void mcu_rtcp_write_pli(struct mcu_wcursor *w, uint32_t ssrc, uint32_t media_ssrc);
void mcu_rtcp_write_fir(struct mcu_wcursor *w, uint32_t ssrc, uint32_t media_ssrc, uint8_t seq);

#endif
