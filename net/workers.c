#include "net/workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "mixer/base/clock.h"
#include "mixer/base/thread.h"
#include "mixer/base/util.h"

#define SPARE_POOL_THREADS 2
#define VIDEO_NICE         5
#define MAX_CORES          256

struct runner {
    uv_work_t work;
    struct mcu_workers *workers;
    enum mcu_job_kind kind;
    pthread_cond_t wake;
    bool idle;                /* on the list of those */
    struct runner *next_idle;
};

struct ready_queue {
    struct mcu_strand *head, *tail;
    int length;
    struct runner *idle;      /* who worked last comes first: his caches are warm */
};

struct mcu_workers {
    bool inline_mode;
    int cores, runner_count;
    uv_loop_t uv; /* only to queue the runners and to collect them */
    struct runner *runners;

    pthread_mutex_t lock; /* all below, and every strand */
    struct ready_queue ready[MCU_JOB_KINDS];
    bool stopping;
    struct mcu_workers_stats stats;
};

static int64_t thread_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * MCU_NS_PER_S + t.tv_nsec;
}

static void run_job(struct mcu_job *job)
{
    int64_t before = thread_cpu_ns();
    job->run(job);
    job->cpu_ns = thread_cpu_ns() - before;
}

static void deliver(struct mcu_msg *msg)
{
    struct mcu_job *job = mcu_container_of(msg, struct mcu_job, msg);
    job->done(job);
}

static void finish(struct mcu_job *job, enum mcu_job_kind kind)
{
    job->msg.fn = deliver;
    if (kind == MCU_JOB_AUDIO)
        mcu_loop_send_first(job->home, &job->msg);
    else if (job->late)
        mcu_loop_send_late(job->home, &job->msg);
    else
        mcu_loop_send(job->home, &job->msg);
}

/* ---- under the lock ---- */

static void wake_one(struct ready_queue *q)
{
    struct runner *r = q->idle;
    q->idle = r->next_idle; /* the next strand wakes another one */
    r->idle = false;
    pthread_cond_signal(&r->wake);
}

static void make_ready(struct mcu_workers *w, struct mcu_strand *s)
{
    struct ready_queue *q = &w->ready[s->kind];
    s->next_ready = NULL;
    s->ready_ns = mcu_clock_now_ns();
    if (q->tail)
        q->tail->next_ready = s;
    else
        q->head = s;
    q->tail = s;
    q->length++;
    if (q->idle)
        wake_one(q);
}

static struct mcu_strand *take_ready(struct mcu_workers *w, enum mcu_job_kind kind)
{
    struct ready_queue *q = &w->ready[kind];
    struct mcu_strand *s = q->head;
    if (!s)
        return NULL;
    q->head = s->next_ready;
    if (!q->head)
        q->tail = NULL;
    q->length--;
    return s;
}

static struct mcu_strand *wait_for_strand(struct runner *r)
{
    struct mcu_workers *w = r->workers;
    struct ready_queue *q = &w->ready[r->kind];
    for (;;) {
        struct mcu_strand *s = take_ready(w, r->kind);
        if (s || w->stopping)
            return s;
        r->next_idle = q->idle;
        q->idle = r;
        r->idle = true;
        while (r->idle)
            pthread_cond_wait(&r->wake, &w->lock);
    }
}

static void run_one(struct mcu_workers *w, struct mcu_strand *s)
{
    enum mcu_job_kind kind = s->kind;
    struct mcu_job *job = s->head;
    w->stats.wait_ns[s->kind] += mcu_clock_now_ns() - s->ready_ns;
    s->head = job->next;
    if (!s->head)
        s->tail = NULL;
    pthread_mutex_unlock(&w->lock);
    run_job(job);
    int64_t cpu_ns = job->cpu_ns;
    pthread_mutex_lock(&w->lock);
    w->stats.jobs[s->kind]++;
    w->stats.cpu_ns[s->kind] += cpu_ns;
    if (s->head)
        make_ready(w, s);
    else
        s->scheduled = false;
    /* Last: once it is delivered, the strand's owner may free strand and job. */
    finish(job, kind);
}

static void runner_main(uv_work_t *work)
{
    struct runner *r = mcu_container_of(work, struct runner, work);
    struct mcu_workers *w = r->workers;
    pthread_setname_np(pthread_self(), r->kind == MCU_JOB_AUDIO ? "mcu-audio" : "mcu-video");
    /* On Linux nice values belong to threads; failing to lower ours is harmless. */
    if (r->kind == MCU_JOB_AUDIO)
        mcu_thread_be_prompt();
    else
        setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), VIDEO_NICE);
    pthread_mutex_lock(&w->lock);
    for (;;) {
        struct mcu_strand *s = wait_for_strand(r);
        if (!s)
            break;
        run_one(w, s);
    }
    pthread_mutex_unlock(&w->lock);
}

static void runner_ended(uv_work_t *work, int status)
{
}

/* Of sound and pictures together. */
static int runners_for(int cores)
{
    return cores + 1 + cores;
}

static int start_runners(struct mcu_workers *w)
{
    char size[16];
    int count = runners_for(w->cores);
    snprintf(size, sizeof(size), "%d", count + SPARE_POOL_THREADS);
    setenv("UV_THREADPOOL_SIZE", size, 0);
    int rc = uv_loop_init(&w->uv);
    if (rc < 0)
        return rc;
    for (int i = 0; i < count; i++) {
        struct runner *r = &w->runners[i];
        /* By turns: where the operator has set a smaller pool, both kinds have some. */
        *r = (struct runner){ .workers = w, .kind = i % 2 ? MCU_JOB_VIDEO : MCU_JOB_AUDIO };
        pthread_cond_init(&r->wake, NULL);
        rc = uv_queue_work(&w->uv, &r->work, runner_main, runner_ended);
        if (rc < 0)
            return rc;
        w->runner_count++;
    }
    return 0;
}

int mcu_workers_new(struct mcu_workers **out, int cores, bool inline_mode)
{
    struct mcu_workers *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->inline_mode = inline_mode;
    w->cores = mcu_clamp(cores > 0 ? cores : (int)sysconf(_SC_NPROCESSORS_ONLN), 1, MAX_CORES);
    pthread_mutex_init(&w->lock, NULL);
    int rc = 0;
    if (!inline_mode) {
        w->runners = calloc((size_t)runners_for(w->cores), sizeof(*w->runners));
        rc = w->runners ? start_runners(w) : -ENOMEM;
    }
    if (rc < 0)
        mcu_workers_free(&w);
    else
        *out = w;
    return rc;
}

void mcu_workers_free(struct mcu_workers **pp)
{
    struct mcu_workers *w = *pp;
    *pp = NULL;
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    for (int i = 0; i < MCU_JOB_KINDS; i++)
        while (w->ready[i].idle)
            wake_one(&w->ready[i]);
    pthread_mutex_unlock(&w->lock);
    if (w->runner_count)
        uv_run(&w->uv, UV_RUN_DEFAULT);
    if (!w->inline_mode)
        uv_loop_close(&w->uv);
    for (int i = 0; i < w->runner_count; i++)
        pthread_cond_destroy(&w->runners[i].wake);
    pthread_mutex_destroy(&w->lock);
    free(w->runners);
    free(w);
}

void mcu_strand_init(struct mcu_strand *strand, struct mcu_workers *workers, enum mcu_job_kind kind)
{
    *strand = (struct mcu_strand){ .workers = workers, .kind = kind };
}

void mcu_strand_push(struct mcu_strand *s, struct mcu_job *job)
{
    struct mcu_workers *w = s->workers;
    job->next = NULL;
    if (w->inline_mode) {
        run_job(job);
        w->stats.jobs[s->kind]++;
        finish(job, s->kind);
        return;
    }
    pthread_mutex_lock(&w->lock);
    if (s->tail)
        s->tail->next = job;
    else
        s->head = job;
    s->tail = job;
    if (!s->scheduled) {
        s->scheduled = true;
        make_ready(w, s);
    }
    pthread_mutex_unlock(&w->lock);
}

void mcu_workers_get_stats(struct mcu_workers *w, struct mcu_workers_stats *out)
{
    pthread_mutex_lock(&w->lock);
    *out = w->stats;
    for (int i = 0; i < MCU_JOB_KINDS; i++)
        out->queued[i] = w->ready[i].length;
    pthread_mutex_unlock(&w->lock);
}

int mcu_workers_cores(const struct mcu_workers *w)
{
    return w->cores;
}
