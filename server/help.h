/* server/help.h - other runners for the pieces of a job (mixer/base/share.h): a large room's sound, a
 * large canvas.
 *
 *   job: mcu_help_ask > a helper's strand > run(arg) on another runner > done(arg) on the loop
 *
 * A helper who is asked for is with the workers until the loop has seen that he is done, so there
 * are some more of them than runners: who asks again soon, for the next part of his job, finds others.
 * Threads: ask from the job that is helped; run on a runner; all else on the loop. */
#ifndef MCU_SERVER_HELP_H
#define MCU_SERVER_HELP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "net/workers.h"

#define MCU_HELPERS_MAX 16

struct mcu_helper {
    struct mcu_help *help;
    struct mcu_strand strand;
    struct mcu_job job;
    atomic_bool asked; /* with the workers */
};

/* Embedded in what is worked on. */
struct mcu_help {
    void (*run)(void *arg);
    void (*done)(void *arg, int64_t cpu_ns); /* that a helper has worked */
    void *arg;
    int count;
    struct mcu_helper helper[MCU_HELPERS_MAX];
};

/* At most `count` helpers at a time; run, done and arg are set by the caller. */
void mcu_help_init(struct mcu_help *help, struct mcu_workers *workers, enum mcu_job_kind kind,
                   struct mcu_loop *home, int count);
/* Asks for n of those who are free. */
void mcu_help_ask(struct mcu_help *help, int n);
/* Whether one is with the workers: what he works on may not be freed yet; done will be called. */
bool mcu_help_is_out(const struct mcu_help *help);

#endif
