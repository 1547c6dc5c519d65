/* net/dtmf.h - keys as telephone events (RFC 4733 section 2).
 * Threads: the leg's loop. Plain values. */
#ifndef MCU_NET_DTMF_H
#define MCU_NET_DTMF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mcu_dtmf {
    bool active, ended;
    uint8_t event;
    uint16_t duration;
    uint32_t rtp_ts;  /* of the press: all its packets carry the same one */
    int64_t at_ns;
};

/* One packet of the event payload type, in any order. Returns the key when a press is seen for the
 * first time (a lost beginning is made up for by any later packet, the retransmitted end included),
 * else 0: same press, events that are no keys, malformed. */
char mcu_dtmf_push(struct mcu_dtmf *dtmf, const uint8_t *payload, size_t size, bool marker,
                   uint32_t rtp_ts, int64_t now_ns);

#endif
