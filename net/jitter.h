/* net/jitter.h - the playout delay that the measured jitter asks for.
 * Threads: the leg's loop. Plain values.
 *
 * A packet's relative delay is how much longer it was on its way than the fastest one of the last
 * seconds. Relative delays go into a histogram that forgets (half in about 3 s of 20 ms packets);
 * the delay wanted covers 97 % of it with a margin of half as much, 4 to 10 ms, and up to 20 ms all of
 * the last ten seconds but the two worst ones, with one of a quarter, 4 ms at least: there a late packet
 * is cheaper to wait for than to conceal, unless it is one in hundreds. It rises at once and falls by at
 * most 75 ms a second, so that the 300 ms of a burst are gone within 5 s. */
#ifndef MCU_NET_JITTER_H
#define MCU_NET_JITTER_H

#include <stdbool.h>
#include <stdint.h>

#include "net/peer_clock.h"

#define MCU_JITTER_BIN_MS  5
#define MCU_JITTER_BINS    81 /* the last one: 400 ms and more */
#define MCU_JITTER_MAX_MS  400
#define MCU_JITTER_SECONDS 10
#define MCU_JITTER_FINE_MS 20 /* up to here ms by ms: rounding up to 5 ms would be heard as delay */

struct mcu_jitter {
    int rate_hz;
    struct mcu_min_filter fastest;     /* arrival - RTP time, ns */
    bool has_base;
    uint32_t base_rtp_ts;
    int64_t base_ticks;
    float bin[MCU_JITTER_BINS];        /* adds up to 1 */
    int top;                           /* the highest that is not empty; mostly the first or second */
    float fine[MCU_JITTER_FINE_MS];    /* the first bins, ms by ms */
    uint8_t worst[MCU_JITTER_SECONDS]; /* ms, rounded up: of the latest packet of each second below that */
    int64_t second;                    /* the running one */
    int count;                         /* packets seen, up to where forgetting is steady */
    int outliers;                      /* in a row: over a second off */
    double delay_ms;
    int need_ms;                       /* what has been seen, without a margin */
    int64_t at_ns;
};

void mcu_jitter_init(struct mcu_jitter *jitter, int rate_hz);

/* One packet, late ones too (not duplicates). Returns its relative delay in ms, 0 for one whose
 * timestamp is far off. */
int mcu_jitter_packet(struct mcu_jitter *jitter, uint32_t rtp_ts, int64_t now_ns);

/* Delay wanted now between the arrival of a packet, had it been as fast as the fastest, and the moment
 * from which it may be played: 5 to 400 ms. */
int mcu_jitter_delay_ms(const struct mcu_jitter *jitter);

/* How much of that is margin, 4 ms at most: who plays so much earlier misses nothing of what was seen. */
int mcu_jitter_spare_ms(const struct mcu_jitter *jitter);

#endif
