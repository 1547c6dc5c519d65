/* server/hold.h - how long a source's pictures are held back, so that those that came late, because a
 * packet had to be sent again, do not make it stand still each time.
 * Threads: the conference's loop. A value; the clock is an argument.
 *
 *   delay (sender to decoded)
 *     ^        *         *    *        late ones: three times in 10 s or oftener call for a hold,
 *     |                                which follows them and fades slowly when they stay away
 *     | * * *    * * * *   **   * *    quick ones
 *     +------------------------------> time */
#ifndef MCU_SERVER_HOLD_H
#define MCU_SERVER_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#define MCU_HOLD_MAX_MS 300

/* All zero at first. */
struct mcu_hold {
    int64_t quick_ns;   /* delay of pictures that were not held up */
    int64_t hold_ns;    /* what is added to it */
    double events;      /* late ones after one in time, of the last 10 s or so */
    bool late;          /* the newest was */
    int64_t at_ns;
};

/* A picture was decoded so long after it was sent. */
void mcu_hold_picture(struct mcu_hold *hold, int64_t delay_ns, int64_t now_ns);

/* How long after it was sent a picture is to be shown at the earliest; 0: as soon as it is there. */
int64_t mcu_hold_delay_ns(const struct mcu_hold *hold);

#endif
