/* tests/unit/conf_rig.h - conferences on a clock that the test owns, and legs that are no more than
 * what the conference calls of them. Include in one .c only.
 *
 *   rig_leg: tone > aenc > unit > conference > unit > adec > heard[] / unit > vdec > picture
 *
 * With inline workers a run is the same every time. With threads the clock waits for nobody: that
 * is what those tests are for. */
#ifndef MCU_TESTS_UNIT_CONF_RIG_H
#define MCU_TESTS_UNIT_CONF_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>
#include <time.h>

#include "codec/adec.h"
#include "codec/aenc.h"
#include "codec/vdec.h"
#include "codec/venc.h"
#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/pcm.h"
#include "server/conf.h"

#define RIG_START_NS   (1000 * MCU_NS_PER_S)
#define RIG_STEP_NS    (5 * MCU_NS_PER_MS)
#define RIG_MAX_LEGS   16
#define RIG_MAX_EVENTS 512
#define RIG_HEARD_MAX  (20 * MCU_PCM_RATE_HZ) /* 20 s, mono */

struct rig_event {
    enum mcu_event_type type;
    uint32_t leg;
    int64_t time_ns;
    char detail[160];
};

struct rig {
    struct mcu_loop *loop;
    struct mcu_workers *workers;
    struct mcu_bus *bus;
    struct mcu_media media;
    struct mcu_config config;
    struct mcu_conf *conf;
    int64_t now_ns;
    long units_before, pcm_before;
    bool conf_gone;
    struct rig_event events[RIG_MAX_EVENTS];
    int event_count;
    struct rig_leg *legs[RIG_MAX_LEGS];
    int leg_count;
};

/* One note of a unit that came out. */
struct rig_unit {
    int64_t time_ns, duration_ns, at_ns;
    size_t size;
    bool keyframe;
    enum mcu_codec codec;
    uint8_t csrc_count;
    uint32_t csrc[MCU_UNIT_CSRC_MAX];
};

#define RIG_MAX_UNITS 2048

struct rig_leg {
    struct rig *rig;
    struct mcu_join join;
    mcu_handle handle;

    /* sound in */
    enum mcu_codec speaks;    /* NONE: says nothing now */
    struct mcu_aenc *enc;
    enum mcu_codec enc_codec;
    int packet_ms;            /* how often it sends: 20 unless said otherwise */
    double hz, amplitude;
    const int16_t *speech;    /* instead of the tone */
    int64_t spoken;           /* frames */
    int64_t next_ns, seq;
    uint32_t rtp_ts, ssrc;

    /* sound out */
    struct mcu_adec *dec;
    enum mcu_codec dec_codec;
    int16_t *heard;
    int heard_frames;
    int64_t heard_from_ns;    /* time of heard[0] */
    struct rig_unit audio[RIG_MAX_UNITS], video[RIG_MAX_UNITS];
    int audio_count, video_count;

    /* picture in */
    enum mcu_codec shows;
    struct mcu_venc *venc;
    enum mcu_codec venc_codec;
    struct mcu_pic *camera;
    int64_t next_picture_ns, picture_period_ns, vseq;
    uint32_t vrtp_ts;
    bool answers_keyframes, must_key, gap;
    int asked;                /* keyframes that the conference asked for */

    /* picture out */
    bool watches;             /* decode what comes */
    struct mcu_vdec *vdec;
    enum mcu_codec vdec_codec;
    struct mcu_pic *seen;
    int undecodable;
};

static inline void rig_on_event(const struct mcu_event *e, void *arg)
{
    struct rig *r = arg;
    if (r->event_count == RIG_MAX_EVENTS)
        return;
    struct rig_event *o = &r->events[r->event_count++];
    o->type = e->type;
    o->leg = e->leg;
    o->time_ns = e->time_ns;
    memcpy(o->detail, e->detail, sizeof(o->detail));
}

static inline int rig_events(const struct rig *r, enum mcu_event_type type, uint32_t leg)
{
    int n = 0;
    for (int i = 0; i < r->event_count; i++)
        n += r->events[i].type == type && (!leg || r->events[i].leg == leg);
    return n;
}

/* A small conference: 128x72 at 10 pictures a second with one smaller rung, mono sound. */
static inline void rig_config(struct mcu_config *c)
{
    char error[200] = "";
    mcu_config_defaults(c);
    c->width = 128;
    c->height = 72;
    c->fps = 10;
    c->audio_channels = 1;
    c->names = false;
    c->rungs[0] = (struct mcu_config_rung){ 128, 72, 10, 200000 };
    c->rungs[1] = (struct mcu_config_rung){ 64, 36, 5, 50000 };
    c->rung_count = 2;
    assert_int_equal(mcu_config_check(c, error, sizeof(error)), 0);
}

static inline void rig_open_cores(struct rig *r, int cores, bool inline_mode)
{
    memset(r, 0, sizeof(*r));
    mcu_log_set_level(MCU_LOG_ERROR);
    r->units_before = mcu_unit_alive();
    r->pcm_before = mcu_pcm_alive();
    assert_int_equal(mcu_loop_new(&r->loop, "rig", true), 0);
    assert_int_equal(mcu_workers_new(&r->workers, cores, inline_mode), 0);
    assert_int_equal(mcu_bus_new(&r->bus, r->loop), 0);
    assert_int_equal(mcu_bus_listen(r->bus, rig_on_event, r), 0);
    assert_int_equal(mcu_media_init(&r->media, r->loop, 0, r->workers, r->bus), 0);
    rig_config(&r->config);
    r->now_ns = RIG_START_NS;
    mcu_loop_step(r->loop, r->now_ns);
}

static inline void rig_open(struct rig *r, bool inline_mode)
{
    rig_open_cores(r, 2, inline_mode);
}

static inline void rig_start(struct rig *r)
{
    r->conf_gone = false;
    assert_int_equal(mcu_conf_new(&r->conf, &r->media, "room", &r->config), 0);
}

static inline void rig_new(struct rig *r)
{
    rig_open(r, true);
    rig_start(r);
}

static inline void rig_conf_ended(void *arg)
{
    *(bool *)arg = true;
}

static inline void rig_nap(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

static inline void rig_end_conf(struct rig *r)
{
    mcu_conf_end(r->conf, rig_conf_ended, &r->conf_gone);
    r->conf = NULL;
    for (int i = 0; i < 50000 && !r->conf_gone; i++) {
        mcu_loop_step(r->loop, r->now_ns);
        if (!r->conf_gone)
            rig_nap();
    }
    assert_true(r->conf_gone);
    mcu_loop_step(r->loop, r->now_ns); /* the events of the end */
}

static inline void rig_leg_free(struct rig_leg **lp)
{
    struct rig_leg *l = *lp;
    *lp = NULL;
    mcu_aenc_free(&l->enc);
    mcu_adec_free(&l->dec);
    mcu_venc_free(&l->venc);
    mcu_vdec_free(&l->vdec);
    mcu_pic_unref(&l->camera);
    mcu_pic_unref(&l->seen);
    free(l->heard);
    free(l);
}

/* Ends everything, and nothing may be left. */
static inline void rig_close(struct rig *r)
{
    if (r->conf)
        rig_end_conf(r);
    for (int i = 0; i < r->leg_count; i++)
        rig_leg_free(&r->legs[i]);
    mcu_workers_free(&r->workers);
    mcu_loop_step(r->loop, r->now_ns);
    mcu_media_deinit(&r->media);
    mcu_loop_free(&r->loop);
    mcu_bus_free(&r->bus);
    assert_int_equal(mcu_unit_alive(), r->units_before);
    assert_int_equal(mcu_pcm_alive(), r->pcm_before);
}

/* ---- what a leg gets ---- */

static inline void rig_note(struct rig_unit *list, int *count, const struct mcu_unit *u,
                            int64_t now_ns)
{
    if (*count == RIG_MAX_UNITS)
        return;
    struct rig_unit *n = &list[(*count)++];
    *n = (struct rig_unit){ .time_ns = u->time_ns, .duration_ns = u->duration_ns, .at_ns = now_ns,
                            .size = u->size, .keyframe = u->keyframe, .codec = u->codec,
                            .csrc_count = u->csrc_count };
    memcpy(n->csrc, u->csrc, sizeof(n->csrc));
}

static inline void rig_hear(struct rig_leg *l, const struct mcu_unit *u)
{
    int16_t pcm[MCU_ADEC_MAX_FRAMES];
    if (!l->dec || l->dec_codec != u->codec) {
        mcu_adec_free(&l->dec);
        assert_int_equal(mcu_adec_new(&l->dec, u->codec, 1), 0);
        l->dec_codec = u->codec;
    }
    int n = mcu_adec_decode(l->dec, u->data, u->size, pcm);
    assert_true(n > 0);
    if (!l->heard) {
        l->heard = calloc(RIG_HEARD_MAX, sizeof(*l->heard));
        assert_non_null(l->heard);
    }
    if (l->heard_frames == 0)
        l->heard_from_ns = u->time_ns;
    if (l->heard_frames + n <= RIG_HEARD_MAX) {
        memcpy(l->heard + l->heard_frames, pcm, sizeof(*pcm) * (size_t)n);
        l->heard_frames += n;
    }
}

static inline void rig_see(struct rig_leg *l, const struct mcu_unit *u)
{
    if (!l->vdec || l->vdec_codec != u->codec) {
        mcu_vdec_free(&l->vdec);
        assert_int_equal(mcu_vdec_new(&l->vdec, u->codec, 1920, 1088), 0);
        l->vdec_codec = u->codec;
    }
    struct mcu_pic *pic = NULL;
    if (mcu_vdec_decode(l->vdec, u, &pic) < 0) {
        l->undecodable++;
    } else if (pic) {
        mcu_pic_unref(&l->seen);
        l->seen = pic;
    }
}

static inline void rig_on_unit(const struct mcu_sink *sink, int role, struct mcu_unit *u)
{
    struct rig_leg *l = sink->arg;
    if (role == MCU_ROLE_AUDIO) {
        rig_note(l->audio, &l->audio_count, u, l->rig->now_ns);
        if (l->heard_frames >= 0)
            rig_hear(l, u);
    } else {
        rig_note(l->video, &l->video_count, u, l->rig->now_ns);
        if (l->watches)
            rig_see(l, u);
    }
}

static inline void rig_on_ask(const struct mcu_sink *sink, int role)
{
    struct rig_leg *l = sink->arg;
    l->asked++;
    if (l->answers_keyframes)
        l->must_key = true;
}

/* ---- legs ---- */

/* A leg with a voice of its own that wants sound in `codec` (NONE: none) and no picture. Not joined
 * yet, so that the test can change what it wants. */
static inline struct rig_leg *rig_leg(struct rig *r, enum mcu_codec codec)
{
    struct rig_leg *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    assert_true(r->leg_count < RIG_MAX_LEGS);
    r->legs[r->leg_count++] = l;
    l->rig = r;
    l->packet_ms = 20;
    l->hz = 300 + 170 * r->leg_count;
    l->amplitude = 4000;
    l->ssrc = 0x1000u + (uint32_t)r->leg_count;
    l->seq = 65000;
    l->picture_period_ns = 100 * MCU_NS_PER_MS;
    l->answers_keyframes = true;
    l->join = (struct mcu_join){
        .leg = (uint32_t)r->leg_count, .participant = 100u + (uint32_t)r->leg_count,
        .sends_audio = true,
        .audio = { .codec = codec, .channels = 1, .frame_ms = 20 },
        .sink = { .arg = l, .unit = rig_on_unit, .ask_keyframe = rig_on_ask },
    };
    snprintf(l->join.name, sizeof(l->join.name), "leg %d", r->leg_count);
    return l;
}

static inline void rig_join(struct rig_leg *l)
{
    l->handle = mcu_conf_join(l->rig->conf, &l->join);
    assert_int_not_equal(l->handle, 0);
    l->next_ns = l->next_picture_ns = l->rig->now_ns;
}

static inline struct mcu_conf_leg *rig_conf_leg(const struct rig_leg *l)
{
    return mcu_handle_get(&l->rig->media.conf_legs, l->handle);
}

static inline void rig_leave(struct rig_leg *l)
{
    mcu_conf_leave(rig_conf_leg(l));
    l->handle = 0;
}

static inline void rig_update(struct rig_leg *l)
{
    mcu_conf_update(rig_conf_leg(l), &l->join);
}

static inline void rig_tone(struct rig_leg *l, int16_t *pcm)
{
    for (int i = 0; i < MCU_PCM_TICK_FRAMES; i++, l->spoken++)
        pcm[i] = l->speech ? l->speech[l->spoken]
                           : (int16_t)lrint(l->amplitude * sin(2 * M_PI * l->hz *
                                                               (double)l->spoken / 48000));
}

static inline struct mcu_unit *rig_audio_unit(struct rig_leg *l, const uint8_t *data, size_t size)
{
    struct mcu_unit *u = mcu_unit_new(size + 1);
    assert_non_null(u);
    memcpy(u->data, data, size);
    u->size = size;
    u->codec = l->speaks;
    u->time_ns = l->rig->now_ns;
    u->sent_ns = l->next_ns;
    u->delay_ms = 20;
    u->seq = l->seq++;
    u->rtp_ts = l->rtp_ts;
    u->ssrc = l->ssrc;
    return u;
}

/* Sends the next packet: packet_ms of sound, coded a tick at a time and put together for G.711. */
static inline void rig_speak(struct rig_leg *l)
{
    uint8_t data[MCU_AENC_MAX_BYTES];
    int16_t pcm[MCU_PCM_TICK_FRAMES];
    size_t size = 0;
    if (!l->enc || l->enc_codec != l->speaks) {
        bool opus = l->speaks == MCU_CODEC_OPUS;
        struct mcu_aenc_config c = { .codec = l->speaks, .channels = 1, .complexity = -1,
                                     .frame_ms = opus ? l->packet_ms : 20 };
        mcu_aenc_free(&l->enc);
        assert_int_equal(mcu_aenc_new(&l->enc, &c), 0);
        l->enc_codec = l->speaks;
    }
    for (int ms = 0; ms < l->packet_ms; ms += 20) {
        rig_tone(l, pcm);
        int n = mcu_aenc_encode(l->enc, pcm, 1, false, data + size);
        assert_true(n >= 0);
        size += (size_t)n;
    }
    struct mcu_unit *u = rig_audio_unit(l, data, size);
    mcu_conf_unit(rig_conf_leg(l), MCU_ROLE_AUDIO, u);
    mcu_unit_unref(&u);
    l->rtp_ts += (uint32_t)(mcu_codec_info(l->speaks)->rtp_clock_hz / 1000 * l->packet_ms);
    l->next_ns += l->packet_ms * MCU_NS_PER_MS;
}

static inline void rig_camera(struct rig_leg *l, int w, int h, uint8_t y, uint8_t u, uint8_t v)
{
    mcu_pic_unref(&l->camera);
    mcu_venc_free(&l->venc);
    assert_int_equal(mcu_pic_new(&l->camera, w, h), 0);
    mcu_pic_fill(l->camera, y, u, v);
}

static inline struct mcu_unit *rig_picture(struct rig_leg *l)
{
    struct mcu_unit *u = NULL;
    if (!l->venc || l->venc_codec != l->shows) {
        struct mcu_venc_config c = { .codec = l->shows, .width = l->camera->width,
                                     .height = l->camera->height, .fps = 10,
                                     .bitrate_bps = 300000 };
        mcu_venc_free(&l->venc);
        assert_int_equal(mcu_venc_new(&l->venc, &c), 0);
        l->venc_codec = l->shows;
    }
    l->camera->sent_ns = l->next_picture_ns;
    assert_int_equal(mcu_venc_encode(l->venc, l->camera, l->must_key, &u), 0);
    u->codec = l->shows;
    u->time_ns = l->rig->now_ns;
    u->sent_ns = l->next_picture_ns;
    u->ssrc = l->ssrc + 0x1000;
    u->seq = l->vseq++;
    u->rtp_ts = l->vrtp_ts;
    u->gap_before = l->gap;
    l->must_key = l->gap = false;
    return u;
}

static inline void rig_show(struct rig_leg *l)
{
    struct mcu_unit *u = rig_picture(l);
    mcu_conf_unit(rig_conf_leg(l), MCU_ROLE_VIDEO, u);
    mcu_unit_unref(&u);
    l->vrtp_ts += (uint32_t)(l->picture_period_ns * 9 / 100000);
    l->next_picture_ns += l->picture_period_ns;
}

/* One step of 5 ms: what the legs send in it, then what is due. */
static inline void rig_step(struct rig *r)
{
    r->now_ns += RIG_STEP_NS;
    for (int i = 0; i < r->leg_count; i++) {
        struct rig_leg *l = r->legs[i];
        if (!l->handle)
            continue;
        if (!l->speaks && l->next_ns < r->now_ns) {
            int64_t ms = (r->now_ns - l->next_ns) / MCU_NS_PER_MS;
            l->next_ns = r->now_ns;
            l->rtp_ts += (uint32_t)(ms * 8);
        }
        while (l->speaks && l->next_ns <= r->now_ns)
            rig_speak(l);
        while (l->shows && l->next_picture_ns <= r->now_ns)
            rig_show(l);
        if (!l->shows)
            l->next_picture_ns = r->now_ns;
    }
    mcu_loop_step(r->loop, r->now_ns);
}

static inline void rig_run(struct rig *r, int ms)
{
    for (int64_t until = r->now_ns + ms * MCU_NS_PER_MS; r->now_ns < until;)
        rig_step(r);
}

static inline struct mcu_conf_leg_info rig_leg_info(struct rig_leg *l)
{
    struct mcu_conf_info info;
    struct mcu_conf_leg_info found = { 0 };
    assert_int_equal(mcu_conf_get_info(l->rig->conf, &info), 0);
    for (int i = 0; i < info.leg_count; i++)
        if (info.legs[i].leg == l->join.leg)
            found = info.legs[i];
    free(info.legs);
    return found;
}

static inline struct mcu_conf_info rig_info(struct rig *r)
{
    struct mcu_conf_info info;
    assert_int_equal(mcu_conf_get_info(r->conf, &info), 0);
    free(info.legs);
    info.legs = NULL;
    return info;
}

#endif
