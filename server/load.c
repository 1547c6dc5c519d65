#include "server/load.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "server/server.h"

#define SAMPLE_NS (250 * MCU_NS_PER_MS)

/* Sums since the start. */
struct totals {
    uint64_t sound_ticks, sound_late, pictures, pictures_late, jobs;
    int64_t wait_ns, cpu_ns, at_ns;
};

struct mcu_load {
    struct mcu_server *server;
    struct mcu_timer timer;
    struct totals before;
    struct mcu_overload state;
    double cores;
};

static double usable_cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

static int64_t cpu_ns(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) < 0)
        return 0;
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * MCU_NS_PER_S +
           (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * INT64_C(1000);
}

static void add_up(const struct mcu_server *s, struct totals *t)
{
    struct mcu_workers_stats w;
    *t = (struct totals){ .at_ns = mcu_loop_now(s->control), .cpu_ns = cpu_ns() };
    for (int i = 0; i < s->media_count; i++) {
        struct mcu_media_ticks *k = &s->media[i]->ticks;
        t->sound_ticks += atomic_load_explicit(&k->sound, memory_order_relaxed);
        t->sound_late += atomic_load_explicit(&k->sound_late, memory_order_relaxed);
        t->pictures += atomic_load_explicit(&k->pictures, memory_order_relaxed);
        t->pictures_late += atomic_load_explicit(&k->pictures_late, memory_order_relaxed);
    }
    mcu_workers_get_stats(s->workers, &w);
    t->jobs = w.jobs[MCU_JOB_VIDEO];
    t->wait_ns = w.wait_ns[MCU_JOB_VIDEO];
}

static void take_sample(struct mcu_load *l, struct mcu_overload_sample *out)
{
    struct totals now, *was = &l->before;
    add_up(l->server, &now);
    double elapsed_ns = fmax((double)(now.at_ns - was->at_ns), 1);
    double jobs = fmax((double)(now.jobs - was->jobs), 1);
    *out = (struct mcu_overload_sample){
        .now_ns = now.at_ns,
        .sound_ticks = now.sound_ticks - was->sound_ticks,
        .sound_late = now.sound_late - was->sound_late,
        .pictures = now.pictures - was->pictures,
        .pictures_late = now.pictures_late - was->pictures_late,
        .picture_wait_ms = (double)(now.wait_ns - was->wait_ns) / jobs / 1e6,
        .cores_used = (double)(now.cpu_ns - was->cpu_ns) / elapsed_ns,
        .cores = l->cores,
        .legs = mcu_server_legs(l->server),
    };
    *was = now;
}

static void tell(const struct mcu_load *l, const struct mcu_overload_sample *s)
{
    const struct mcu_server *server = l->server;
    for (int i = 0; i < server->media_count; i++)
        atomic_store_explicit(&server->media[i]->overload_level, l->state.level,
                              memory_order_relaxed);
    mcu_bus_emit(server->bus, s->now_ns, MCU_EVENT_OVERLOAD_CHANGED, "", 0, 0,
                 "level=%d fps=%d refuses=%d sound_late=%d/%d pictures_late=%d/%d wait_ms=%.0f "
                 "cores=%.2f legs=%d", l->state.level,
                 mcu_overload_fps(l->state.level, server->config.fps), l->state.refuses,
                 (int)s->sound_late, (int)s->sound_ticks, (int)s->pictures_late, (int)s->pictures,
                 s->picture_wait_ms, l->state.cores_used, s->legs);
}

static void on_timer(struct mcu_timer *timer)
{
    struct mcu_load *l = mcu_container_of(timer, struct mcu_load, timer);
    struct mcu_overload_sample sample;
    int64_t now_ns = mcu_loop_now(timer->loop);
    if (!l->server->stopping) {
        take_sample(l, &sample);
        bool was_on = l->state.level > 0 || l->state.refuses;
        bool changed = l->server->config.overload && mcu_overload_update(&l->state, &sample);
        if (!l->server->config.overload) {
            memset(&l->state, 0, sizeof(l->state));
            changed = was_on;
        }
        if (changed)
            tell(l, &sample);
    }
    mcu_timer_start(timer, now_ns + SAMPLE_NS);
}

int mcu_load_new(struct mcu_load **out, struct mcu_server *server)
{
    struct mcu_load *l = calloc(1, sizeof(*l));
    if (!l)
        return -ENOMEM;
    l->server = server;
    l->cores = usable_cores();
    add_up(server, &l->before);
    mcu_timer_init(&l->timer, server->control, on_timer);
    mcu_timer_start(&l->timer, l->before.at_ns + SAMPLE_NS);
    *out = l;
    return 0;
}

void mcu_load_free(struct mcu_load **lp)
{
    struct mcu_load *l = *lp;
    *lp = NULL;
    if (!l)
        return;
    mcu_timer_stop(&l->timer);
    free(l);
}

bool mcu_load_admits(const struct mcu_load *l, int others)
{
    if (!l || !l->server->config.overload || mcu_overload_admits(&l->state, others))
        return true;
    mcu_count(MCU_CNT_OVERLOAD_REFUSED);
    return false;
}

void mcu_load_get(const struct mcu_load *l, struct mcu_overload *out)
{
    *out = l ? l->state : (struct mcu_overload){ 0 };
}
