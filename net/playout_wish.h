/* net/playout_wish.h - how long a receiver is asked to hold pictures back before it shows them, by what
 * its reports say it loses. A packet that comes again is a round trip late, and two when the question
 * or its answer is lost too: without time for that the picture stands still at each such loss.
 * Threads: the leg's loop. A value; the clock is an argument.
 *
 * The wish goes out in the header extension playout-delay
 * (http://www.webrtc.org/experiments/rtp-hdrext/playout-delay): 12 bits of least and 12 bits of most
 * delay, in units of 10 ms. Browsers hold the sound back with the picture, so only who loses is asked. */
#ifndef MCU_NET_PLAYOUT_WISH_H
#define MCU_NET_PLAYOUT_WISH_H

#include <stdbool.h>
#include <stdint.h>

#define MCU_PLAYOUT_WISH_BYTES   3
#define MCU_PLAYOUT_WISH_MAX_MS  400

/* All zero at first. */
struct mcu_playout_wish {
    int ms;               /* the least delay; 0: as the receiver likes */
    bool said;            /* there was a wish once: the end of it must be told too */
    double loss;          /* smoothed, 0 to 1 */
    int64_t lossy_ns;     /* the last report that called for it */
};

/* A report came (RFC 3550 6.4.1): the part lost since the one before, in 1/256, and the round trip,
 * 0: not known. From 1.5 % on there is a wish, of two round trips and some; without any such loss for
 * 20 s it ends. */
void mcu_playout_wish_report(struct mcu_playout_wish *wish, uint8_t fraction_lost, double rtt_ms,
                             int64_t now_ns);

/* The extension's bytes. */
void mcu_playout_wish_write(const struct mcu_playout_wish *wish, uint8_t out[MCU_PLAYOUT_WISH_BYTES]);

#endif
