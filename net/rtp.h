/* net/rtp.h - the RTP header (RFC 3550 section 5.1), read and written.
 * Threads: any; values only. What is read points into the caller's bytes. */
#ifndef MCU_NET_RTP_H
#define MCU_NET_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MCU_RTP_CSRC_MAX 15
#define MCU_RTP_HEADER_MAX (12 + 4 * MCU_RTP_CSRC_MAX) /* what mcu_rtp_write needs at most */

struct mcu_rtp {
    bool marker;
    uint8_t pt;
    uint16_t seq;
    uint32_t ts, ssrc;
    int csrc_count;
    uint32_t csrc[MCU_RTP_CSRC_MAX];
    bool has_ext;
    uint16_t ext_profile;   /* 0xBEDE: one-byte elements (RFC 8285 section 4.2) */
    const uint8_t *ext;     /* whole words, without the header of the extension */
    size_t ext_bytes;
    const uint8_t *payload; /* without padding */
    size_t payload_bytes;   /* may be 0 */
};

/* Reads one packet. Returns 0 or -EBADMSG: too short, not version 2, CSRCs, extension or padding
 * longer than the packet, padding of 0 bytes. */
int mcu_rtp_parse(struct mcu_rtp *out, const uint8_t *data, size_t size);

/* Writes the fixed header and the CSRCs; extension and payload of `rtp` are not looked at. Returns
 * the bytes written, or -EMSGSIZE or -EINVAL (too many CSRCs, payload type over 127). */
int mcu_rtp_write(const struct mcu_rtp *rtp, uint8_t *buf, size_t size);

#endif
