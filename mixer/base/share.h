/* mixer/base/share.h - the work of one job, cut into pieces that are done by whoever comes: the job
 * itself, and helpers on other threads.
 *
 *   job      mcu_share_run: ask(), then piece 0, 2, 3, 5 ..., then wait for what helpers have in hand
 *   helper   mcu_share_help:            piece 1, 4 ...
 *
 * Each takes the next piece that nobody has, by an atomic index. So nobody waits for a helper that
 * has not begun: where all other threads are busy, the job does all of it, and one that comes late
 * finds nothing to do. A helper that has begun is waited for asleep, for a piece at most: its thread
 * may need the very core that the job is on.
 * Threads: run from one job at a time; help from any, at any time between init and deinit. What the
 * pieces write is seen by the job after run. */
#ifndef MCU_MIXER_BASE_SHARE_H
#define MCU_MIXER_BASE_SHARE_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

struct mcu_share {
    void (*ask)(void *arg); /* NULL: nobody helps */
    void *ask_arg;
    void (*piece)(void *arg, int i);
    void *arg;
    int count;
    atomic_int next;        /* the first piece that nobody has; may grow past count */
    atomic_uint state;      /* open or not, and how many helpers are in it */
    sem_t left;             /* the last helper has gone */
};

/* ask(arg), unless NULL, may have mcu_share_help called soon, late or never. */
void mcu_share_init(struct mcu_share *share, void (*ask)(void *arg), void *arg);
void mcu_share_deinit(struct mcu_share *share);

/* Calls piece(arg, i) for each i below count once, in any order and several at a time, and returns
 * when all is done. with_help: it is so much that helpers are asked. */
void mcu_share_run(struct mcu_share *share, void (*piece)(void *arg, int i), void *arg, int count,
                   bool with_help);
void mcu_share_help(struct mcu_share *share);

#endif
