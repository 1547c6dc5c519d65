#include "server/conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/recorder.h"
#include "server/video_priv.h"

void mcu_conf_event(struct mcu_conf *conf, const struct mcu_conf_leg *leg, enum mcu_event_type type,
                    const char *detail, ...)
{
    char text[160] = "";
    if (detail) {
        va_list ap;
        va_start(ap, detail);
        vsnprintf(text, sizeof(text), detail, ap);
        va_end(ap);
    }
    mcu_bus_emit(conf->media->bus, mcu_loop_now(conf->media->loop), type, conf->room,
                 leg ? leg->join.participant : 0, leg ? leg->join.leg : 0, "%s", text);
}

void mcu_conf_node_gone(struct mcu_conf *conf)
{
    if (--conf->nodes > 0 || !conf->ending)
        return;
    if (conf->announced)
        mcu_conf_event(conf, NULL, MCU_EVENT_CONFERENCE_ENDED, NULL);
    void (*ended)(void *) = conf->ended;
    void *arg = conf->ended_arg;
    free(conf->legs);
    free(conf);
    if (ended)
        ended(arg);
}

int mcu_conf_new(struct mcu_conf **out, struct mcu_media *media, const char *room,
                 const struct mcu_config *config)
{
    struct mcu_conf *conf = calloc(1, sizeof(*conf));
    if (!conf)
        return -ENOMEM;
    conf->media = media;
    conf->config = *config;
    snprintf(conf->room, sizeof(conf->room), "%s", room);
    conf->started_ns = mcu_loop_now(media->loop);
    conf->handle = mcu_handle_add(&media->conferences, conf);
    conf->nodes = 1; /* its own life */
    int rc = conf->handle ? mcu_audio_start(conf) : -ENOMEM;
    if (rc == 0)
        rc = mcu_stages_start(conf);
    if (rc < 0) {
        mcu_conf_end(conf, NULL, NULL);
        return rc;
    }
    mcu_conf_event(conf, NULL, MCU_EVENT_CONFERENCE_STARTED, NULL);
    conf->announced = true;
    if (config->record)
        mcu_recorder_start(&conf->recorder, conf);
    *out = conf;
    return 0;
}

void mcu_conf_end(struct mcu_conf *conf, void (*done)(void *arg), void *arg)
{
    conf->ended = done;
    conf->ended_arg = arg;
    mcu_handle_remove(&conf->media->conferences, conf->handle); /* nobody joins any more */
    mcu_recorder_stop(&conf->recorder);
    while (conf->leg_count)
        mcu_conf_leave(conf->legs[conf->leg_count - 1]);
    if (conf->audio.timer.loop)
        mcu_audio_end(conf);
    mcu_stages_end(conf);
    conf->ending = true;
    mcu_conf_node_gone(conf);
}

void mcu_conf_set_config(struct mcu_conf *conf, const struct mcu_config *config)
{
    /* Only what the loop alone reads: jobs may be reading the rest. */
    conf->config.layout = config->layout;
    conf->config.logo_corner = config->logo_corner;
    conf->config.logo_percent = config->logo_percent;
    conf->config.max_heard = config->max_heard;
    conf->config.heard_threshold_dbov = config->heard_threshold_dbov;
    mcu_stages_set_config(conf);
}

void mcu_conf_tell_layouts(struct mcu_conf *conf, _Atomic unsigned *seen)
{
    conf->layouts_seen = seen;
}

mcu_handle mcu_conf_handle(const struct mcu_conf *conf)
{
    return conf->handle;
}

void mcu_conf_set_speaker(struct mcu_conf *conf, struct mcu_conf_leg *leg)
{
    if (conf->speaker == leg)
        return;
    conf->speaker = leg;
    mcu_conf_event(conf, leg, MCU_EVENT_SPEAKER_CHANGED, NULL);
}

/* ---- roster ---- */

static int add_to_roster(struct mcu_conf *conf, struct mcu_conf_leg *leg)
{
    if (conf->leg_count == conf->leg_capacity) {
        int n = conf->leg_capacity ? conf->leg_capacity * 2 : 8;
        void *p = realloc(conf->legs, (size_t)n * sizeof(struct mcu_conf_leg *));
        if (!p)
            return -ENOMEM;
        conf->legs = p;
        conf->leg_capacity = n;
    }
    conf->legs[conf->leg_count++] = leg;
    return 0;
}

static void remove_from_roster(struct mcu_conf *conf, struct mcu_conf_leg *leg)
{
    for (int i = 0; i < conf->leg_count; i++) {
        if (conf->legs[i] != leg)
            continue;
        memmove(&conf->legs[i], &conf->legs[i + 1],
                sizeof(struct mcu_conf_leg *) * (size_t)(conf->leg_count - i - 1));
        conf->leg_count--;
        return;
    }
}

static int connect_leg(struct mcu_conf *conf, struct mcu_conf_leg *leg)
{
    int rc = add_to_roster(conf, leg);
    if (rc == 0)
        rc = mcu_audio_join(leg);
    if (rc == 0)
        rc = mcu_vsource_join(leg);
    if (rc == 0)
        rc = mcu_vsub_join(mcu_stages_ladder(leg), leg);
    return rc;
}

static void disconnect_leg(struct mcu_conf_leg *leg)
{
    struct mcu_conf *conf = leg->conf;
    mcu_audio_leave(leg);
    mcu_vsource_leave(leg);
    mcu_vsub_leave(leg);
    remove_from_roster(conf, leg);
    if (conf->speaker == leg)
        mcu_conf_set_speaker(conf, NULL);
    mcu_handle_remove(&conf->media->conf_legs, leg->handle);
    free(leg);
}

mcu_handle mcu_conf_join(struct mcu_conf *conf, const struct mcu_join *join)
{
    struct mcu_conf_leg *leg = calloc(1, sizeof(*leg));
    if (!leg)
        return 0;
    leg->conf = conf;
    leg->join = *join;
    leg->wish = join->layout;
    leg->joined_ns = mcu_loop_now(conf->media->loop);
    leg->video_sent_ns = join->video_after_ns;
    leg->handle = mcu_handle_add(&conf->media->conf_legs, leg);
    if (!leg->handle || connect_leg(conf, leg) < 0) {
        disconnect_leg(leg);
        return 0;
    }
    if (!join->hidden) {
        char name[MCU_NAME_MAX + 8];
        mcu_conf_event(conf, leg, MCU_EVENT_LEG_JOINED, "name=%s audio=%s video=%s",
                       mcu_log_quote(name, sizeof(name), join->name),
                       mcu_codec_info(join->audio.codec)->name,
                       mcu_codec_info(join->video.codec)->name);
    }
    return leg->handle;
}

void mcu_conf_leave(struct mcu_conf_leg *leg)
{
    if (!leg->join.hidden)
        mcu_conf_event(leg->conf, leg, MCU_EVENT_LEG_LEFT, NULL);
    disconnect_leg(leg);
}

void mcu_conf_update(struct mcu_conf_leg *leg, const struct mcu_join *join)
{
    leg->join.sends_audio = join->sends_audio;
    leg->join.sends_video = join->sends_video;
    leg->join.audio = join->audio;
    leg->join.video = join->video;
    mcu_audio_update(leg);
    mcu_vsource_update(leg);
    mcu_stages_update(leg);
    mcu_conf_event(leg->conf, leg, MCU_EVENT_LEG_CHANGED, "audio=%s video=%s",
                   mcu_codec_info(join->audio.codec)->name,
                   mcu_codec_info(join->video.codec)->name);
}

void mcu_conf_unit(struct mcu_conf_leg *leg, int role, struct mcu_unit *unit)
{
    if (role == MCU_ROLE_AUDIO)
        mcu_audio_unit(leg, unit);
    else if (role == MCU_ROLE_VIDEO && leg->vsource)
        mcu_vsource_unit(leg->vsource, unit);
}

void mcu_conf_keyframe(struct mcu_conf_leg *leg, int role)
{
    if (role == MCU_ROLE_VIDEO)
        mcu_vsub_keyframe(leg);
}

void mcu_conf_loss(struct mcu_conf_leg *leg, int role, int percent)
{
    if (role == MCU_ROLE_AUDIO && leg->asub)
        leg->asub->loss_percent = percent;
    else if (role == MCU_ROLE_VIDEO)
        leg->rung.loss_percent = percent;
}

void mcu_conf_limit(struct mcu_conf_leg *leg, int64_t bps)
{
    leg->rung.limit_bps = bps;
}

void mcu_conf_loop(struct mcu_conf_leg *leg, int role)
{
    mcu_conf_event(leg->conf, leg, MCU_EVENT_LOOP_FOUND, "line=%s",
                   role == MCU_ROLE_AUDIO ? "audio" : "video");
}

void mcu_conf_signs(struct mcu_conf_leg *leg, bool hand, bool muted)
{
    leg->join.hand = hand;
    leg->join.muted = muted;
}

void mcu_conf_wish(struct mcu_conf_leg *leg, enum mcu_layout_wish wish)
{
    leg->wish = wish;
    mcu_stages_wish(leg);
}

void mcu_conf_key(struct mcu_conf_leg *leg, char key)
{
    mcu_conf_event(leg->conf, leg, MCU_EVENT_KEY_PRESSED, "key=%c", key);
}

struct mcu_tap *mcu_conf_tap(struct mcu_conf_leg *leg)
{
    struct mcu_asource *s = leg->asource;
    if (!s || (s->tap && !mcu_tap_reader_gone(s->tap)))
        return NULL;
    struct mcu_tap *tap = mcu_tap_new();
    if (tap) {
        mcu_tap_unref(&s->tap);
        s->tap = mcu_tap_ref(tap);
    }
    return tap;
}

/* ---- what others may see ---- */

static void fill_leg_info(const struct mcu_conf_leg *leg, struct mcu_conf_leg_info *o)
{
    *o = (struct mcu_conf_leg_info){ .leg = leg->join.leg, .participant = leg->join.participant,
                                     .hidden = leg->join.hidden, .hand = leg->join.hand,
                                     .level_dbov = -127,
                                     .speaker = leg == leg->conf->speaker,
                                     .audio_out = leg->join.audio.codec };
    memcpy(o->name, leg->join.name, sizeof(o->name));
    if (leg->asource) {
        o->heard = leg->asource->heard;
        o->level_dbov = leg->asource->level_dbov;
        o->playout_ms = leg->asource->playout_ms;
        o->audio_in = leg->asource->codec;
        o->underruns = leg->asource->underruns;
        o->decode_errors = leg->asource->decode_errors;
    }
    if (leg->asub)
        o->own_mix = leg->asub->own_mix;
    if (leg->vsource)
        mcu_vsource_get_info(leg->vsource, o);
    mcu_vsub_get_info(leg, o);
}

int mcu_conf_get_info(struct mcu_conf *conf, struct mcu_conf_info *out)
{
    memset(out, 0, sizeof(*out));
    out->legs = calloc((size_t)conf->leg_count + 1, sizeof(*out->legs));
    if (!out->legs)
        return -ENOMEM;
    memcpy(out->room, conf->room, sizeof(out->room));
    out->started_ns = conf->started_ns;
    out->media_loop = conf->media->index;
    out->recording = conf->recorder && mcu_recorder_runs(conf->recorder);
    out->leg_count = conf->leg_count;
    for (int i = 0; i < conf->leg_count; i++)
        fill_leg_info(conf->legs[i], &out->legs[i]);
    out->audio_ticks = conf->audio.ticks;
    out->audio_late = conf->audio.late;
    out->audio_skipped = conf->audio.skipped;
    out->audio_cpu_ns = conf->audio.cpu_ns;
    out->audio_encoders_shared = conf->audio.shared_encodes;
    out->audio_encoders_own = conf->audio.own_encodes;
    mcu_stages_get_info(conf, out);
    return 0;
}
