/* tests/unit/held_runners.h - runners of a conference's workers that are held up, so that its jobs have to wait.
 * Needs conf_rig.h before it. */
#ifndef MCU_TESTS_UNIT_HELD_RUNNERS_H
#define MCU_TESTS_UNIT_HELD_RUNNERS_H

#include <semaphore.h>

#include "mixer/base/util.h"

#define HELD_MOST 3

struct held_runner {
    struct mcu_job job;
    struct mcu_strand strand;
    sem_t go;
    bool done;
};

struct held_runners {
    struct held_runner of[HELD_MOST];
    int count;
};

static inline void held_run(struct mcu_job *job)
{
    sem_wait(&mcu_container_of(job, struct held_runner, job)->go);
}

static inline void held_done(struct mcu_job *job)
{
    mcu_container_of(job, struct held_runner, job)->done = true;
}

/* So many of them get a job that waits to be let go. */
static inline void hold_runners(struct rig *r, struct held_runners *h, int count, enum mcu_job_kind kind)
{
    memset(h, 0, sizeof(*h));
    h->count = count;
    for (int i = 0; i < count; i++) {
        sem_init(&h->of[i].go, 0, 0);
        h->of[i].job = (struct mcu_job){ .home = r->loop, .run = held_run, .done = held_done };
        mcu_strand_init(&h->of[i].strand, r->workers, kind);
        mcu_strand_push(&h->of[i].strand, &h->of[i].job);
    }
}

static inline void let_go(struct held_runners *h)
{
    for (int i = 0; i < h->count; i++)
        sem_post(&h->of[i].go);
}

static inline bool all_are_back(const struct held_runners *h)
{
    bool back = true;
    for (int i = 0; i < h->count; i++)
        back &= h->of[i].done;
    return back;
}

/* They must be back. */
static inline void held_end(struct held_runners *h)
{
    assert_true(all_are_back(h));
    for (int i = 0; i < h->count; i++)
        sem_destroy(&h->of[i].go);
}

#endif
