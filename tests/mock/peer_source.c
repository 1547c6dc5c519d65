#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/aenc.h"
#include "codec/resample.h"
#include "codec/venc.h"
#include "mixer/base/pcm.h"
#include "mixer/base/util.h"
#include "tests/mock/peer.h"
#include "tests/mock/peer_picture.h"

#define BEEP_AMPLITUDE 0.3
#define BYTES_PER_MS   8 /* of G.711 and of G.722 */
#define MAX_PAYLOAD    1200

struct peer_source {
    const struct peer_options *o;
    int64_t t0_ns, late_max_ns;
    bool begun;
    /* sound */
    struct mcu_aenc *aenc;
    int64_t tick;              /* the next one */
    int ptime_ms;
    int16_t *wav;              /* 48 kHz */
    int64_t wav_frames;
    uint8_t gather[4 * MCU_AENC_MAX_BYTES];
    size_t gathered;
    int64_t gather_ns;
    /* pictures */
    struct mcu_venc *venc;
    struct mcu_pic *pic;
    struct mcu_pay pay;
    int64_t frame;
    bool keyframe, mode1;
    int max_fs, bps;           /* limits of the server's description, 0: none; bits asked for last */
};

/* ---- a WAV file: 16 bit mono, 8, 16 or 48 kHz ---- */

static uint32_t le32(const uint8_t *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static int take_wav(struct peer_source *s, const uint8_t *file, size_t size)
{
    size_t at = 12, n = 0;
    int rate = 0;
    while (at + 8 <= size && memcmp(file + at, "data", 4)) {
        if (!memcmp(file + at, "fmt ", 4) && at + 16 <= size)
            rate = (int)le32(file + at + 12);
        at += 8 + le32(file + at + 4);
    }
    if (at + 8 > size || (rate != 8000 && rate != 16000 && rate != 48000))
        return -EINVAL;
    n = (size - at - 8) / 2;
    int ratio = 48000 / rate;
    struct mcu_upsampler up;
    s->wav = calloc(n * (size_t)ratio + 1, sizeof(int16_t));
    int16_t *in = calloc(n + 1, sizeof(int16_t));
    if (s->wav && in) {
        memcpy(in, file + at + 8, n * 2);
        if (ratio == 1)
            memcpy(s->wav, in, n * 2);
        else
            mcu_upsampler_init(&up, ratio);
        for (size_t i = 0; ratio > 1 && i < n; i += MCU_RESAMPLE_CHUNK)
            mcu_upsample(&up, in + i, mcu_min((int)(n - i), MCU_RESAMPLE_CHUNK),
                         s->wav + i * (size_t)ratio);
        s->wav_frames = (int64_t)n * ratio;
    }
    free(in);
    return s->wav_frames ? 0 : -ENOMEM;
}

static int load_wav(struct peer_source *s, const char *path)
{
    enum { MOST = 64 << 20 };
    FILE *f = fopen(path, "rb");
    uint8_t *file = f ? malloc(MOST) : NULL;
    int rc = file ? take_wav(s, file, fread(file, 1, MOST, f)) : f ? -ENOMEM : -errno;
    free(file);
    if (f)
        fclose(f);
    return rc;
}

/* ---- sound ---- */

static double beep(const struct peer_options *o, int64_t frame)
{
    int64_t in_second = frame % 48000, edge = 48; /* ramps of 1 ms */
    int64_t length = 48 * PEER_BEEP_MS;
    if (!o->flash || in_second >= length)
        return 0;
    double gain = in_second < edge ? (double)in_second / (double)edge
                  : in_second > length - edge ? (double)(length - in_second) / (double)edge
                                              : 1;
    return gain * BEEP_AMPLITUDE * sin(2 * M_PI * PEER_BEEP_HZ * (double)in_second / 48000);
}

static void make_sound(const struct peer_source *s, int16_t pcm[MCU_PCM_TICK_FRAMES])
{
    const struct peer_options *o = s->o;
    double amplitude = pow(10, o->tone_dbfs / 20);
    for (int i = 0; i < MCU_PCM_TICK_FRAMES; i++) {
        int64_t frame = s->tick * MCU_PCM_TICK_FRAMES + i;
        double x = beep(o, frame);
        if (o->sound == PEER_TONE)
            x += amplitude * sin(2 * M_PI * fmod(o->tone_hz * (double)frame / 48000, 1));
        else if (o->sound == PEER_WAV)
            x += s->wav[frame % s->wav_frames] / 32768.0;
        pcm[i] = (int16_t)mcu_clamp((int)lrint(x * 32767), -32768, 32767);
    }
}

static void give(struct peer_source *s, int kind, const uint8_t *data, size_t size, int64_t media_ns,
                 bool marker, peer_payload_cb cb, void *arg)
{
    struct peer_payload p = { kind, data, size, s->t0_ns + media_ns, marker };
    cb(&p, arg);
}

/* G.711 and G.722 can be cut anywhere. */
static void give_cut(struct peer_source *s, peer_payload_cb cb, void *arg)
{
    size_t want = (size_t)(s->ptime_ms * BYTES_PER_MS), at = 0;
    for (; s->gathered - at >= want; at += want) {
        give(s, PEER_AUDIO, s->gather + at, want, s->gather_ns, false, cb, arg);
        s->gather_ns += s->ptime_ms * MCU_NS_PER_MS;
    }
    memmove(s->gather, s->gather + at, s->gathered - at);
    s->gathered -= at;
}

static void sound_tick(struct peer_source *s, peer_payload_cb cb, void *arg)
{
    int16_t pcm[MCU_PCM_TICK_FRAMES];
    uint8_t data[MCU_AENC_MAX_BYTES];
    int64_t tick_ns = s->tick * MCU_PCM_TICK_NS;
    make_sound(s, pcm);
    s->tick++;
    int n = mcu_aenc_encode(s->aenc, pcm, 1, false, data);
    if (n <= 0)
        return;
    if (s->o->codec[PEER_AUDIO] == MCU_CODEC_OPUS) {
        int64_t first = tick_ns - (s->ptime_ms / 20 - 1) * MCU_PCM_TICK_NS;
        give(s, PEER_AUDIO, data, (size_t)n, first, false, cb, arg);
        return;
    }
    if (!s->gathered)
        s->gather_ns = tick_ns;
    memcpy(s->gather + s->gathered, data, (size_t)n);
    s->gathered += (size_t)n;
    give_cut(s, cb, arg);
}

/* ---- pictures ---- */

static void picture_tick(struct peer_source *s, peer_payload_cb cb, void *arg)
{
    const struct peer_options *o = s->o;
    int64_t media_ns = s->frame * MCU_NS_PER_S / o->fps;
    bool white = o->flash && s->frame % o->fps < PEER_FLASH_FRAMES, last = false;
    struct mcu_unit *unit;
    uint8_t buf[4096];
    peer_picture_draw(s->pic, o->rgb, o->number, s->frame, white);
    for (int y = s->pic->height * 85 / 100; o->busy && y < s->pic->height * 98 / 100; y++)
        for (int x = 0; x < s->pic->width; x++)
            s->pic->plane[0][y * s->pic->stride[0] + x] = (uint8_t)(100 + rand() % 32);
    if (mcu_venc_encode(s->venc, s->pic, s->keyframe, &unit) == 0) {
        s->keyframe = false;
        mcu_pay_begin(&s->pay, unit);
        for (int n; (n = mcu_pay_next(&s->pay, buf, sizeof(buf), &last)) != 0;)
            if (n > 0)
                give(s, PEER_VIDEO, buf, (size_t)n, media_ns, last, cb, arg);
        mcu_unit_unref(&unit);
    }
    s->frame++;
}

void peer_source_keyframe(struct peer_source *src)
{
    src->keyframe = true;
}

void peer_source_limit(struct peer_source *src, int bps)
{
    src->bps = bps;
    if (src->venc)
        mcu_venc_set_bitrate(src->venc, mcu_min(bps, src->o->video_bps));
}

/* ---- life ---- */

int peer_source_new(struct peer_source **out, const struct peer_options *o, int64_t t0_ns)
{
    struct peer_source *s = calloc(1, sizeof(*s));
    int rc = s ? 0 : -ENOMEM;
    if (s) {
        s->o = o;
        s->t0_ns = t0_ns;
        if (o->sound == PEER_WAV)
            rc = load_wav(s, o->wav);
    }
    if (rc < 0)
        peer_source_free(&s);
    else
        *out = s;
    return rc;
}

void peer_source_free(struct peer_source **src)
{
    struct peer_source *s = *src;
    *src = NULL;
    if (!s)
        return;
    mcu_aenc_free(&s->aenc);
    mcu_venc_free(&s->venc);
    mcu_pic_unref(&s->pic);
    free(s->wav);
    free(s);
}

static int begin_sound(struct peer_source *s, int ptime_ms)
{
    bool opus = s->o->codec[PEER_AUDIO] == MCU_CODEC_OPUS;
    struct mcu_aenc_config config = { .codec = s->o->codec[PEER_AUDIO], .channels = 1, .frame_ms = 20,
                                      .complexity = -1 };
    s->ptime_ms = ptime_ms > 0 ? ptime_ms : 20;
    if (opus)
        s->ptime_ms = config.frame_ms = s->ptime_ms >= 60 ? 60 : s->ptime_ms >= 40 ? 40 : 20;
    return config.codec ? mcu_aenc_new(&s->aenc, &config) : 0;
}

static int macroblocks(int width, int height)
{
    return ((width + 15) / 16) * ((height + 15) / 16);
}

static int begin_pictures(struct peer_source *s, bool mode1, int max_bps)
{
    const struct peer_options *o = s->o;
    struct mcu_venc_config config = { .codec = o->codec[PEER_VIDEO], .width = o->width,
                                      .height = o->height, .fps = o->fps, .bitrate_bps = o->video_bps };
    while (s->max_fs && macroblocks(config.width, config.height) > s->max_fs && config.width > 64) {
        config.width = config.width / 4 * 2;
        config.height = config.height / 4 * 2;
    }
    s->mode1 = mode1;
    if (!config.codec || o->recvonly[PEER_VIDEO])
        return 0;
    if (max_bps > 0)
        config.bitrate_bps = mcu_min(config.bitrate_bps, max_bps);
    if (o->garbage_s[PEER_VIDEO] == 0)
        return 0;
    mcu_pay_init(&s->pay, config.codec, mode1, MAX_PAYLOAD);
    s->keyframe = true;
    int rc = mcu_pic_new(&s->pic, config.width, config.height);
    return rc < 0 ? rc : mcu_venc_new(&s->venc, &config);
}

void peer_source_shrink(struct peer_source *s, int max_fs)
{
    bool other = max_fs != s->max_fs;
    s->max_fs = max_fs;
    if (!other || !s->venc)
        return;
    mcu_venc_free(&s->venc);
    mcu_pic_unref(&s->pic);
    if (begin_pictures(s, s->mode1, s->bps) < 0)
        fprintf(stderr, "peer: no encoder of another size\n");
}

int peer_source_begin(struct peer_source *s, int ptime_ms, bool h264_mode1, int max_bps)
{
    if (s->begun)
        return 0;
    int64_t media = peer_media_ns(s->o, s->t0_ns, mcu_clock_now_ns()) - s->t0_ns;
    s->begun = true;
    s->tick = media / MCU_PCM_TICK_NS;
    s->frame = media * s->o->fps / MCU_NS_PER_S + 1;
    int rc = begin_sound(s, ptime_ms);
    return rc < 0 ? rc : begin_pictures(s, h264_mode1, max_bps);
}

int64_t peer_media_ns(const struct peer_options *o, int64_t t0_ns, int64_t now_ns)
{
    return now_ns + (int64_t)((double)(now_ns - t0_ns) * o->drift_ppm * 1e-6);
}

int64_t peer_source_late_max_ns(const struct peer_source *src)
{
    return src->late_max_ns;
}

/* Real time of a media time: the inverse of peer_media_ns. */
static int64_t real_ns(const struct peer_source *s, int64_t media_ns)
{
    return s->t0_ns + (int64_t)((double)media_ns / (1 + s->o->drift_ppm * 1e-6));
}

static int64_t sound_due(const struct peer_source *s)
{
    return s->aenc ? real_ns(s, (s->tick + 1) * MCU_PCM_TICK_NS) : INT64_MAX;
}

static int64_t picture_due(const struct peer_source *s)
{
    if (!s->venc)
        return INT64_MAX;
    return real_ns(s, s->frame * MCU_NS_PER_S / s->o->fps) + s->o->video_late_ms * MCU_NS_PER_MS;
}

int64_t peer_source_run(struct peer_source *s, int64_t now_ns, peer_payload_cb cb, void *arg)
{
    while (sound_due(s) <= now_ns) {
        int64_t late = mcu_clock_now_ns() - sound_due(s);
        s->late_max_ns = late > s->late_max_ns ? late : s->late_max_ns;
        sound_tick(s, cb, arg);
    }
    while (picture_due(s) <= now_ns)
        picture_tick(s, cb, arg);
    return sound_due(s) < picture_due(s) ? sound_due(s) : picture_due(s);
}
