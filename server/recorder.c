#include "server/recorder.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "codec/writer.h"
#include "mixer/base/clock.h"
#include "server/video_priv.h"

#define RECORDING_OPUS_BPS 64000
#define SAME_NAME_TRIES    100
#define PATH_BYTES         600

/* One file, from before it is opened until it is closed: shared by the recorder, the thread that
 * opens it (a disk may take its time, and a loop must not) and the writer's thread. */
struct file {
    _Atomic int refs;
    struct mcu_bus *bus;
    struct mcu_media *media;
    struct mcu_recorder *recorder; /* the loop's; NULL once it has stopped */
    struct mcu_config config;
    char room[MCU_ROOM_MAX];
    char path[PATH_BYTES];
    struct mcu_writer *writer;     /* passed by a message */
    int error;
};

struct mcu_recorder {
    struct mcu_conf *conf;
    struct file *file;
    struct mcu_writer *writer;
    mcu_handle leg;
    int64_t asked_ns;
};

static _Atomic int open_files;

int mcu_recorder_open_files(void)
{
    return atomic_load(&open_files);
}

static void unref(struct file *f)
{
    if (atomic_fetch_sub(&f->refs, 1) != 1)
        return;
    free(f);
    atomic_fetch_sub(&open_files, 1);
}

/* ---- the threads of the file ---- */

static void file_closed(int error, const struct mcu_writer_stats *stats, void *arg)
{
    struct file *f = arg;
    char path[PATH_BYTES + 100];
    mcu_bus_emit(f->bus, mcu_clock_now_ns(), MCU_EVENT_RECORDING_ENDED, f->room, 0, 0,
                 "error=%d bytes=%llu dropped=%llu", error, (unsigned long long)stats->bytes,
                 (unsigned long long)stats->dropped);
    mcu_log(error ? MCU_LOG_ERROR : MCU_LOG_INFO, "recording-closed", "file=%s error=%d",
            mcu_log_quote(path, sizeof(path), f->path), error);
    unref(f);
}

/* A room's name as part of a file name: letters, digits, dot, dash and UTF-8 stay, the rest becomes
 * an underscore; no leading dot. */
static void file_part(const char *room, char *out, size_t size)
{
    size_t n = 0;
    for (; *room && n + 1 < size; room++) {
        unsigned char c = (unsigned char)*room;
        bool plain = c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                     (c >= 'A' && c <= 'Z') || c == '-' || (c == '.' && n);
        out[n++] = plain ? (char)c : '_';
    }
    out[n] = '\0';
}

static void make_path(struct file *f, int attempt)
{
    char room[MCU_ROOM_MAX], when[32], number[16] = "";
    time_t t = time(NULL);
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
    file_part(f->room, room, sizeof(room));
    if (attempt)
        snprintf(number, sizeof(number), "-%d", attempt + 1);
    snprintf(f->path, sizeof(f->path), "%s/%s-%s%s.mkv", f->config.record_dir, room, when, number);
}

static int open_writer(struct file *f)
{
    const struct mcu_config *c = &f->config;
    struct mcu_writer_config w = {
        .path = f->path, .video = c->video_codecs[0], .width = c->rungs[0].width,
        .height = c->rungs[0].height, .fps = c->rungs[0].fps, .audio = MCU_CODEC_OPUS,
        .audio_channels = c->audio_channels, .title = f->room,
    };
    mkdir(c->record_dir, 0750); /* there already: fine; else opening says why */
    atomic_fetch_add(&f->refs, 1); /* file_closed's */
    int rc = -EEXIST;
    for (int i = 0; i < SAME_NAME_TRIES && rc == -EEXIST; i++) {
        make_path(f, i);
        rc = mcu_writer_start(&f->writer, &w, file_closed, f);
    }
    if (rc < 0)
        unref(f);
    return rc;
}

static void opened(void *arg);

static void *open_file(void *arg)
{
    struct file *f = arg;
    f->error = open_writer(f);
    mcu_post_call(f->media->loop, opened, f);
    return NULL;
}

/* ---- the conference's loop ---- */

static void on_unit(const struct mcu_sink *sink, int role, struct mcu_unit *unit)
{
    struct mcu_recorder *r = sink->arg;
    int64_t now = mcu_loop_now(r->conf->media->loop);
    if (mcu_writer_push(r->writer, unit) != -EAGAIN || role != MCU_ROLE_VIDEO ||
        now - r->asked_ns < MCU_NS_PER_S)
        return;
    r->asked_ns = now;
    struct mcu_conf_leg *leg = mcu_handle_get(&r->conf->media->conf_legs, r->leg);
    if (leg)
        mcu_vsub_refresh(leg);
}

static void on_ask_keyframe(const struct mcu_sink *sink, int role)
{
}

static mcu_handle subscribe(struct mcu_recorder *r)
{
    const struct mcu_config *c = &r->conf->config;
    struct mcu_join join = {
        .hidden = true, .name = "recorder",
        .audio = { .codec = MCU_CODEC_OPUS, .bitrate_bps = RECORDING_OPUS_BPS,
                   .channels = c->audio_channels, .frame_ms = 20 },
        .video = { .codec = c->video_codecs[0] },
        .sink = { .arg = r, .unit = on_unit, .ask_keyframe = on_ask_keyframe },
    };
    return mcu_conf_join(r->conf, &join);
}

static void opened(void *arg)
{
    struct file *f = arg;
    struct mcu_recorder *r = f->recorder;
    char path[PATH_BYTES + 100];
    struct mcu_writer *writer = f->writer;
    int rc = f->error;
    if (r && rc == 0) {
        r->writer = writer;
        r->leg = subscribe(r);
        rc = r->leg ? 0 : -ENOMEM;
    } else if (rc == 0) {
        mcu_writer_stop(&writer, false); /* the conference has ended meanwhile */
    }
    mcu_log(rc < 0 ? MCU_LOG_ERROR : MCU_LOG_INFO, rc < 0 ? "recording-failed" : "recording-file",
            "conference=\"%s\" file=%s error=\"%s\"", f->room,
            mcu_log_quote(path, sizeof(path), f->path), rc < 0 ? strerror(-rc) : "none");
    if (r && rc == 0)
        mcu_conf_event(r->conf, NULL, MCU_EVENT_RECORDING_STARTED, NULL);
    unref(f);
}

void mcu_recorder_start(struct mcu_recorder **out, struct mcu_conf *conf)
{
    struct mcu_recorder *r = calloc(1, sizeof(*r));
    struct file *f = calloc(1, sizeof(*f));
    pthread_t thread;
    if (!r || !f)
        goto fail;
    r->conf = conf;
    r->file = f;
    atomic_init(&f->refs, 2); /* the recorder's and the opening thread's */
    f->bus = conf->media->bus;
    f->media = conf->media;
    f->recorder = r;
    f->config = conf->config;
    memcpy(f->room, conf->room, sizeof(f->room));
    if (pthread_create(&thread, NULL, open_file, f) != 0)
        goto fail;
    pthread_detach(thread);
    atomic_fetch_add(&open_files, 1);
    *out = r;
    return;
fail:
    mcu_log(MCU_LOG_ERROR, "recording-failed", "conference=\"%s\" error=\"out of memory\"",
            conf->room);
    free(f);
    free(r);
}

bool mcu_recorder_runs(const struct mcu_recorder *r)
{
    return r->writer != NULL;
}

void mcu_recorder_stop(struct mcu_recorder **rp)
{
    struct mcu_recorder *r = *rp;
    *rp = NULL;
    if (!r)
        return;
    struct mcu_conf_leg *leg = mcu_handle_get(&r->conf->media->conf_legs, r->leg);
    if (leg)
        mcu_conf_leave(leg);
    r->file->recorder = NULL;
    mcu_writer_stop(&r->writer, false);
    unref(r->file);
    free(r);
}
