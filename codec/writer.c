#include "codec/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/writer_mux.h"
#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/util.h"

#define QUEUE_UNITS 1024 /* 4 s of 50 audio and 30 video units a second, three times over */
#define QUEUE_NS    (4 * MCU_NS_PER_S)
#define QUEUE_BYTES (16u << 20)
#define HOLD_NS     (2 * MCU_NS_PER_S) /* sound kept while the first keyframe is awaited */

struct mcu_writer {
    struct mcu_writer_config config; /* never changes; strings are not kept */
    mcu_writer_done_cb done;
    void *arg;
    pthread_t thread;
    struct {
        bool video_open; /* a keyframe came, and no unit was dropped since */
    } pusher;            /* the pushing loop only */
    struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct mcu_unit *ring[QUEUE_UNITS];
        unsigned head, count;
        size_t bytes;
        bool has_key;    /* a video keyframe is or was queued: the file can begin */
        bool stopping, detached;
        bool failed;     /* nothing is taken any more */
        uint64_t dropped;
    } shared;            /* under the lock */
    struct {
        struct mcu_mux *mux;
        uint64_t units;
    } job;               /* the writer's thread only, once it runs */
};

static struct mcu_unit *oldest(const struct mcu_writer *w)
{
    return w->shared.ring[w->shared.head];
}

/* Under the lock; there is one. */
static struct mcu_unit *pop(struct mcu_writer *w)
{
    struct mcu_unit *u = oldest(w);
    w->shared.head = (w->shared.head + 1) % QUEUE_UNITS;
    w->shared.count--;
    w->shared.bytes -= u->size;
    return u;
}

static bool is_full(const struct mcu_writer *w, const struct mcu_unit *u)
{
    return w->shared.count == QUEUE_UNITS || w->shared.bytes + u->size > QUEUE_BYTES
        || (w->shared.count && u->time_ns - oldest(w)->time_ns > QUEUE_NS);
}

/* Before the file can begin, sound older than HOLD_NS makes room. Under the lock. */
static void trim_held(struct mcu_writer *w, const struct mcu_unit *u)
{
    while (w->shared.count && (u->time_ns - oldest(w)->time_ns > HOLD_NS
                               || w->shared.count == QUEUE_UNITS)) {
        struct mcu_unit *old = pop(w);
        mcu_unit_unref(&old);
    }
}

static int enqueue(struct mcu_writer *w, struct mcu_unit *u, bool is_video)
{
    int rc = 0;
    pthread_mutex_lock(&w->shared.lock);
    if (!w->shared.has_key && !is_video)
        trim_held(w, u);
    if (w->shared.failed || w->shared.stopping || is_full(w, u)) {
        w->shared.dropped++;
        rc = -EAGAIN;
    } else {
        unsigned at = (w->shared.head + w->shared.count++) % QUEUE_UNITS;
        w->shared.ring[at] = mcu_unit_ref(u);
        w->shared.bytes += u->size;
        w->shared.has_key |= is_video;
        pthread_cond_signal(&w->shared.changed);
    }
    pthread_mutex_unlock(&w->shared.lock);
    return rc;
}

int mcu_writer_push(struct mcu_writer *w, struct mcu_unit *unit)
{
    bool is_video = mcu_codec_info(unit->codec)->kind == MCU_VIDEO;
    if (unit->codec != (is_video ? w->config.video : w->config.audio) || unit->size == 0)
        return 0; /* not a stream of this file */
    if (is_video && !unit->keyframe && !w->pusher.video_open)
        return -EAGAIN;
    int rc = enqueue(w, unit, is_video);
    if (rc < 0)
        mcu_count(MCU_CNT_WRITER_DROPPED);
    if (is_video)
        w->pusher.video_open = rc == 0;
    return rc;
}

/* The next unit to write, or NULL when all is written and a stop was asked for. Nothing comes out
 * before the file can begin: its header needs the keyframe's parameter sets. */
static struct mcu_unit *wait_unit(struct mcu_writer *w)
{
    struct mcu_unit *u = NULL;
    pthread_mutex_lock(&w->shared.lock);
    while (!w->shared.stopping && (!w->shared.count || !w->shared.has_key))
        pthread_cond_wait(&w->shared.changed, &w->shared.lock);
    if (w->shared.count)
        u = pop(w);
    pthread_mutex_unlock(&w->shared.lock);
    return u;
}

/* The first video unit queued, which is a keyframe; NULL if there is none. The reference is the
 * caller's. */
static struct mcu_unit *find_key(struct mcu_writer *w)
{
    struct mcu_unit *key = NULL;
    pthread_mutex_lock(&w->shared.lock);
    for (unsigned i = 0; i < w->shared.count && !key; i++) {
        struct mcu_unit *u = w->shared.ring[(w->shared.head + i) % QUEUE_UNITS];
        if (mcu_codec_info(u->codec)->kind == MCU_VIDEO)
            key = mcu_unit_ref(u);
    }
    pthread_mutex_unlock(&w->shared.lock);
    return key;
}

static int begin(struct mcu_writer *w, struct mcu_unit *first)
{
    bool first_is_video = mcu_codec_info(first->codec)->kind == MCU_VIDEO;
    struct mcu_unit *key = first_is_video ? mcu_unit_ref(first) : find_key(w);
    int rc = mcu_mux_begin(w->job.mux, first->time_ns, key);
    mcu_unit_unref(&key);
    return rc;
}

static int write_all(struct mcu_writer *w)
{
    struct mcu_unit *u;
    int rc = 0;
    bool begun = false;
    while (rc == 0 && (u = wait_unit(w))) {
        if (!begun)
            rc = begin(w, u);
        begun = true;
        if (rc == 0)
            rc = mcu_mux_write(w->job.mux, u);
        w->job.units += rc == 0;
        mcu_unit_unref(&u);
    }
    return rc;
}

static void drain(struct mcu_writer *w, bool failed)
{
    pthread_mutex_lock(&w->shared.lock);
    w->shared.failed = failed;
    while (w->shared.count) {
        struct mcu_unit *u = pop(w);
        w->shared.dropped++;
        mcu_unit_unref(&u);
    }
    pthread_mutex_unlock(&w->shared.lock);
}

static void free_writer(struct mcu_writer *w)
{
    mcu_mux_free(&w->job.mux);
    pthread_cond_destroy(&w->shared.changed);
    pthread_mutex_destroy(&w->shared.lock);
    free(w);
}

/* The owner may push and stop until it has stopped, whatever became of the file. */
static bool wait_stop(struct mcu_writer *w)
{
    pthread_mutex_lock(&w->shared.lock);
    while (!w->shared.stopping)
        pthread_cond_wait(&w->shared.changed, &w->shared.lock);
    bool detached = w->shared.detached;
    pthread_mutex_unlock(&w->shared.lock);
    return detached;
}

static void *run(void *arg)
{
    struct mcu_writer *w = arg;
    int rc = write_all(w);
    drain(w, true);
    int end = mcu_mux_end(w->job.mux);
    struct mcu_writer_stats stats = { .bytes = mcu_mux_bytes(w->job.mux), .units = w->job.units };
    pthread_mutex_lock(&w->shared.lock);
    stats.dropped = w->shared.dropped;
    pthread_mutex_unlock(&w->shared.lock);
    if (w->done)
        w->done(rc < 0 ? rc : end, &stats, w->arg);
    if (wait_stop(w))
        free_writer(w);
    return NULL;
}

static int check_config(const struct mcu_writer_config *c)
{
    bool video = c->video == MCU_CODEC_H264 || c->video == MCU_CODEC_VP8 ||
                 c->video == MCU_CODEC_VP9;
    bool audio = c->audio == MCU_CODEC_OPUS;
    if (!c->path || (!video && !audio) || (c->video != MCU_CODEC_NONE && !video)
        || (c->audio != MCU_CODEC_NONE && !audio))
        return -EINVAL;
    if (video && (c->width < 2 || c->height < 2 || c->fps < 1))
        return -EINVAL;
    return audio && (c->audio_channels < 1 || c->audio_channels > 2) ? -EINVAL : 0;
}

int mcu_writer_start(struct mcu_writer **out, const struct mcu_writer_config *config,
                     mcu_writer_done_cb done, void *arg)
{
    int rc = check_config(config);
    if (rc < 0)
        return rc;
    struct mcu_writer *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->config = *config;
    w->config.path = w->config.title = NULL;
    w->done = done;
    w->arg = arg;
    w->shared.has_key = config->video == MCU_CODEC_NONE;
    pthread_mutex_init(&w->shared.lock, NULL);
    pthread_cond_init(&w->shared.changed, NULL);
    rc = mcu_mux_open(&w->job.mux, config);
    if (rc == 0)
        rc = pthread_create(&w->thread, NULL, run, w) ? -ENOMEM : 0;
    if (rc < 0) {
        if (w->job.mux)
            unlink(config->path); /* ours, and empty */
        free_writer(w);
    } else {
        *out = w;
    }
    return rc;
}

void mcu_writer_stop(struct mcu_writer **writer, bool wait)
{
    struct mcu_writer *w = *writer;
    *writer = NULL;
    if (!w)
        return;
    pthread_t thread = w->thread;
    if (!wait)
        pthread_detach(thread);
    pthread_mutex_lock(&w->shared.lock);
    w->shared.stopping = true;
    w->shared.detached = !wait;
    pthread_cond_signal(&w->shared.changed);
    pthread_mutex_unlock(&w->shared.lock);
    if (!wait)
        return; /* the thread frees it */
    pthread_join(thread, NULL);
    free_writer(w);
}
