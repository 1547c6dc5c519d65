/* server/tick_wait.h - which tick takes a stream's packets.
 * Threads: the audio runner that decodes the stream. Plain values.
 *
 * From when a packet may be played to the tick that takes it there are up to 20 ms, and all packets of a
 * stream are played without a gap: the longest wait of the last 3 to 6 s holds for all. It grows at once.
 * Where packets come right at a tick, a little more or less jitter would send the sound to and fro by
 * whole ticks: a stream stays with its tick as long as that one lies within the margin of its playout
 * delay. */
#ifndef MCU_SERVER_TICK_WAIT_H
#define MCU_SERVER_TICK_WAIT_H

#include <stdint.h>

#include "mixer/base/unit.h"

struct mcu_tick_wait {
    int64_t longest_ns[2]; /* of the running 3 s and of those before */
    int64_t since_ns;      /* the running ones */
    int64_t delay_ns;      /* from the fastest packet's arrival to its tick; 0: none yet */
};

/* Takes a packet that play_ns is known of, in the tick of tick_ns. Returns how long after its play_ns
 * the stream's packets are played: -spare_ms to 20 ms. */
int64_t mcu_tick_wait_ns(struct mcu_tick_wait *wait, const struct mcu_unit *unit, int64_t tick_ns);

#endif
