/* server/rung_policy.h - which rung of the ladder suits what a receiver reports: a lower one when he
 * loses much or may take less, the next higher one again when all has been well for a while.
 * Threads: the conference's loop. A value; the clock is an argument. */
#ifndef MCU_SERVER_RUNG_POLICY_H
#define MCU_SERVER_RUNG_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* All zero at first. */
struct mcu_rung_policy {
    int index;             /* the rung, from 0 (largest) */
    int first;             /* the best that was negotiated */
    int loss_percent;      /* certain, of the last seconds (net/loss_window.h) */
    int64_t limit_bps;     /* REMB or TMMBR; 0: none */
    int64_t bad_since_ns, good_since_ns; /* 0: it is not bad, not good */
    int64_t lowered_ns;    /* last step down */
    int64_t raised_ns, wait_ns; /* last step up; how long all must be well: doubled when one fails */
};

/* Chooses among count rungs (bps[0] the largest), none above `first`, which is the best that was
 * negotiated. Called about once a second, or oftener. Returns the index.
 *   down: more than 5 % lost for certain: to the next one; limit below the rung for 2 s: to the first
 *         that fits
 *   up:   one step after 10 s with less than 2 % lost and room for it; 20 s, 40 s ... up to 160 s when
 *         the last step up did not last */
int mcu_rung_policy_choose(struct mcu_rung_policy *policy, const int *bps, int count, int first,
                           int64_t now_ns);

#endif
