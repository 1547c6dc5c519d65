/* net/workers.h - jobs on libuv's thread pool: resident runners that pull from queues of our own,
 * sound apart from pictures, the jobs of one stream in order.
 *
 * libuv's pool is one FIFO without priorities, and takes work from loop threads only. So runners are
 * queued on it once and stay: cores + 1 for sound, and cores for pictures that lower their own
 * priority. Sound so never waits for a picture's job to end, however many rooms and helpers
 * (server/help.h) it has: the kernel gives it the core. Of those who wait, the one who worked last is
 * woken first. The pool has two threads more, for DNS and files.
 *
 *   any thread --push--> strand --ready--> runner: run() --mcu_loop_send--> home loop: done()
 *
 * Sound that is done comes first on its loop too, whatever waits there (mcu_loop_send_first).
 *
 * Threads: push from any thread; run on a runner; done on the job's home loop. */
#ifndef MCU_NET_WORKERS_H
#define MCU_NET_WORKERS_H

#include <stdbool.h>
#include <stdint.h>

#include "net/loop.h"

enum mcu_job_kind { MCU_JOB_AUDIO, MCU_JOB_VIDEO, MCU_JOB_KINDS };

struct mcu_workers;

/* Embedded in what it works on; belongs to the workers from push until done is called. */
struct mcu_job {
    struct mcu_msg msg;
    struct mcu_job *next;
    struct mcu_loop *home;
    void (*run)(struct mcu_job *job);
    void (*done)(struct mcu_job *job);
    bool late;      /* done may wait for the loop's next tick: mcu_loop_send_late */
    int64_t cpu_ns; /* thread CPU time that run took, valid in done */
};

/* A queue whose jobs run one at a time, in order: one decoder, one view, one encoder. Embedded. */
struct mcu_strand {
    struct mcu_workers *workers;
    enum mcu_job_kind kind;
    struct mcu_job *head, *tail;
    struct mcu_strand *next_ready;
    int64_t ready_ns;
    bool scheduled; /* in a ready queue, or a runner is in it */
};

struct mcu_workers_stats {
    uint64_t jobs[MCU_JOB_KINDS];
    int64_t cpu_ns[MCU_JOB_KINDS];
    int64_t wait_ns[MCU_JOB_KINDS]; /* from ready to begun, added up */
    int queued[MCU_JOB_KINDS]; /* strands ready and waiting now */
};

/* cores: that sound and pictures use; 0: as many as the machine has. inline_mode (tests): no threads; run
 * is called within push, done still comes through the home loop's inbox. Must be called before
 * anything else uses libuv's pool: it sets UV_THREADPOOL_SIZE. Returns 0 or negative errno. */
int mcu_workers_new(struct mcu_workers **out, int cores, bool inline_mode);
/* No more pushes: runs what is queued, ends the runners. */
void mcu_workers_free(struct mcu_workers **workers);

void mcu_strand_init(struct mcu_strand *strand, struct mcu_workers *workers,
                     enum mcu_job_kind kind);
void mcu_strand_push(struct mcu_strand *strand, struct mcu_job *job);

void mcu_workers_get_stats(struct mcu_workers *workers, struct mcu_workers_stats *out);
int mcu_workers_cores(const struct mcu_workers *workers);

#endif
