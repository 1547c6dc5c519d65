#include "server/recorder.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "codec/writer.h"
#include "mixer/base/clock.h"
#include "server/conf_priv.h"

#define RECORDING_OPUS_BPS 64000

/* Shared with the writer's thread, which may outlive recorder and conference. */
struct ending {
    struct mcu_bus *bus;
    char room[MCU_ROOM_MAX];
    char path[600];
};

struct mcu_recorder {
    struct mcu_conf *conf;
    struct mcu_writer *writer;
    mcu_handle leg;
};

static _Atomic int open_files;

int mcu_recorder_open_files(void)
{
    return atomic_load(&open_files);
}

static void file_closed(int error, const struct mcu_writer_stats *stats, void *arg)
{
    struct ending *e = arg;
    char path[700];
    mcu_bus_emit(e->bus, mcu_clock_now_ns(), MCU_EVENT_RECORDING_ENDED, e->room, 0, 0,
                 "error=%d bytes=%llu dropped=%llu", error, (unsigned long long)stats->bytes,
                 (unsigned long long)stats->dropped);
    mcu_log(error ? MCU_LOG_ERROR : MCU_LOG_INFO, "recording-closed", "file=%s error=%d",
            mcu_log_quote(path, sizeof(path), e->path), error);
    free(e);
    atomic_fetch_sub(&open_files, 1);
}

static void on_unit(const struct mcu_sink *sink, int role, struct mcu_unit *unit)
{
    struct mcu_recorder *r = sink->arg;
    mcu_writer_push(r->writer, unit);
}

static void on_ask_keyframe(const struct mcu_sink *sink, int role)
{
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

static void make_path(const struct mcu_conf *conf, char *out, size_t size)
{
    char room[MCU_ROOM_MAX], when[32];
    time_t t = time(NULL);
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
    file_part(conf->room, room, sizeof(room));
    snprintf(out, size, "%s/%s-%s.mkv", conf->config.record_dir, room, when);
}

static int open_writer(struct mcu_recorder *r, const char *path)
{
    const struct mcu_conf *conf = r->conf;
    const struct mcu_config *c = &conf->config;
    struct ending *e = calloc(1, sizeof(*e));
    if (!e)
        return -ENOMEM;
    e->bus = conf->media->bus;
    snprintf(e->room, sizeof(e->room), "%s", conf->room);
    snprintf(e->path, sizeof(e->path), "%s", path);
    struct mcu_writer_config w = {
        .path = path, .video = c->video_codecs[0], .width = c->rungs[0].width,
        .height = c->rungs[0].height, .fps = c->rungs[0].fps, .audio = MCU_CODEC_OPUS,
        .audio_channels = c->audio_channels, .title = conf->room,
    };
    int rc = mcu_writer_start(&r->writer, &w, file_closed, e);
    if (rc < 0)
        free(e);
    else
        atomic_fetch_add(&open_files, 1);
    return rc;
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

void mcu_recorder_start(struct mcu_recorder **out, struct mcu_conf *conf)
{
    char path[600], quoted[700];
    struct mcu_recorder *r = calloc(1, sizeof(*r));
    if (!r)
        return;
    r->conf = conf;
    mkdir(conf->config.record_dir, 0750); /* there already: fine; else opening says why */
    make_path(conf, path, sizeof(path));
    int rc = open_writer(r, path);
    if (rc == 0 && !(r->leg = subscribe(r)))
        rc = -ENOMEM;
    mcu_log(rc < 0 ? MCU_LOG_ERROR : MCU_LOG_INFO, rc < 0 ? "recording-failed" : "recording-file",
            "conference=\"%s\" file=%s error=%s", conf->room,
            mcu_log_quote(quoted, sizeof(quoted), path), rc < 0 ? strerror(-rc) : "none");
    if (rc < 0) {
        mcu_writer_stop(&r->writer, false);
        free(r);
        return;
    }
    mcu_conf_event(conf, NULL, MCU_EVENT_RECORDING_STARTED, NULL);
    *out = r;
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
    mcu_writer_stop(&r->writer, false);
    free(r);
}
