/* net/pacer.h - lets video out at 2.5 times its bitrate, so that a keyframe does not flood the
 * narrowest link on its way.
 * Threads: the leg's loop. Nothing allocates; units wait by reference, and are only cut into packets
 * when they may leave.
 *
 * A token bucket that is filled with time and holds 15 ms, but at least two packets. A packet leaves
 * while there are tokens, and may overdraw them. So a usual picture of 30 a second leaves at once, in
 * one system call, and what is larger in rounds of 5 ms. */
#ifndef MCU_NET_PACER_H
#define MCU_NET_PACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mixer/base/unit.h"

#define MCU_PACER_UNITS 128
#define MCU_PACER_ROUND_NS INT64_C(5000000)

struct mcu_pacer {
    int64_t rate_bps;                      /* 2.5 times the bitrate; 0: no pacing */
    int64_t tokens_bits, bucket_bits;
    int64_t at_ns;
    bool started;
    struct mcu_unit *unit[MCU_PACER_UNITS]; /* [first] is the one being sent */
    int first, count;
    size_t waiting_bytes;                  /* of whole units; what was sent of the first counts */
};

/* max_packet_bytes: of the largest packet. */
void mcu_pacer_init(struct mcu_pacer *pacer, int pace_bps, int max_packet_bytes);
/* Another rate; what waits stays. */
void mcu_pacer_set_rate(struct mcu_pacer *pacer, int pace_bps, int max_packet_bytes);
/* Drops what waits but for the first `keep` units; returns how many were dropped. */
int mcu_pacer_clear(struct mcu_pacer *pacer, int keep);

/* Takes a reference. -ENOBUFS: more than 1 s would wait before it, or no place. */
int mcu_pacer_push(struct mcu_pacer *pacer, struct mcu_unit *unit);
struct mcu_unit *mcu_pacer_head(const struct mcu_pacer *pacer); /* or NULL */
void mcu_pacer_pop(struct mcu_pacer *pacer);

/* True when a packet may leave now. */
bool mcu_pacer_may_send(struct mcu_pacer *pacer, int64_t now_ns);
void mcu_pacer_sent(struct mcu_pacer *pacer, size_t bytes);
/* When a packet may leave, in whole rounds, whatever waits. */
int64_t mcu_pacer_ready_ns(const struct mcu_pacer *pacer);
/* The same; INT64_MAX: nothing waits. */
int64_t mcu_pacer_next_ns(const struct mcu_pacer *pacer);

#endif
