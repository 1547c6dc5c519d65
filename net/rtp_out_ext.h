/* net/rtp_out_ext.h - the header extensions of what we send: levels, time, transport-wide number, MID,
 * playout delay.
 * Threads: the leg's loop. Nothing allocates. */
#ifndef MCU_NET_RTP_OUT_EXT_H
#define MCU_NET_RTP_OUT_EXT_H

#include "net/line.h"
#include "net/playout_wish.h"

#define MCU_RTP_OUT_EXT_MAX 80 /* all of them, two-byte form, longest MID and CSRC list, padded */

struct mcu_rtp_out_ext {
    struct mcu_line_ext id;
    char mid[MCU_LINE_ID];
    bool two_byte;          /* RFC 8285 4.3: a number or a MID needs it */
    bool mid_known;         /* the peer's reports name our stream: he has bound it to its line */
    struct mcu_twcc *twcc;
    struct mcu_playout_wish wish;
};

/* What is to be said of the sound in a packet. */
struct mcu_rtp_out_levels {
    int8_t level_dbov;      /* 0 to -127; 1: not known, and not sent */
    uint8_t csrc_count;
    int8_t csrc[MCU_UNIT_CSRC_MAX];
};

void mcu_rtp_out_ext_configure(struct mcu_rtp_out_ext *ext, const struct mcu_line_config *config);

/* What the largest extension of a picture's packet takes, with its header; 0: there is none. */
size_t mcu_rtp_out_ext_room(const struct mcu_rtp_out_ext *ext);

/* Writes them behind the header of `head` bytes at packet[room], on which `payload` bytes will follow,
 * now that the packet leaves. levels: NULL for pictures. mid: it is written too, whatever the peer
 * knows. Returns the bytes of the whole header, or -EMSGSIZE. */
int mcu_rtp_out_ext_write(struct mcu_rtp_out_ext *ext, uint8_t *packet, size_t head, size_t room,
                          size_t payload, const struct mcu_rtp_out_levels *levels, bool mid,
                          int64_t now_ns);

#endif
