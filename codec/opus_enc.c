#include "codec/opus_enc.h"

#include <errno.h>
#include <opus.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/pcm.h"
#include "mixer/base/util.h"

#define TICK          MCU_PCM_TICK_FRAMES
#define PACKET_FRAMES (MCU_OPUS_ENC_TICKS * TICK)
#define SAMPLES       (PACKET_FRAMES * MCU_PCM_CHANNELS_MAX)
#define SHIFT         (MCU_OPUS_AHEAD_FULL - MCU_OPUS_AHEAD_LOW)
#define FADE          240 /* 5 ms */
#define STEP          48
#define ALONG_TO_FULL 10  /* ticks: FEC is wanted soon, and SILK begins without memory anyway */
#define ALONG_TO_LOW  50  /* CELT on both sides: until they are alike (codec/aenc.h) */
#define PATIENCE      25  /* ticks more, for a good place */
#define ALIKE         16  /* a good place: the two differ by so many times less than there is sound */
#define QUIET         1000 /* or by this mean square, -60 dBFS */

struct mcu_opus_enc {
    struct mcu_opus_enc_config config;
    int bitrate_bps, loss_percent;
    OpusEncoder *low, *full;  /* full: NULL without config.full */
    bool begun;               /* something was coded */
    bool on_full;             /* which one listeners hear */
    int along;                /* ticks that the other one has listened along; 0: it does not */
    int last_frames;
    int16_t last[SAMPLES];    /* the packet before, where there is a full one */
    int16_t shifted[SAMPLES];
    uint8_t discarded[1500];
};

/* RFC 7587 6.1: the receiver plays no more than this, so no more is coded. */
static int bandwidth(int rate_hz)
{
    if (rate_hz <= 0 || rate_hz > 24000)
        return OPUS_BANDWIDTH_FULLBAND;
    if (rate_hz > 16000)
        return OPUS_BANDWIDTH_SUPERWIDEBAND;
    if (rate_hz > 12000)
        return OPUS_BANDWIDTH_WIDEBAND;
    return rate_hz > 8000 ? OPUS_BANDWIDTH_MEDIUMBAND : OPUS_BANDWIDTH_NARROWBAND;
}

/* Without FEC: CELT (the music signal) at a constant rate. Two such encoders that are given the same
 * sound become equal within a second, whatever they coded before; SILK's noise shaping never forgets,
 * and VBR keeps them apart for longer. With FEC: SILK or hybrid, the only modes that have it (RFC 6716
 * 2.1.7). */
static void choose_mode(OpusEncoder *o, int loss_percent)
{
    bool fec = loss_percent > 0;
    opus_encoder_ctl(o, OPUS_SET_SIGNAL(fec ? OPUS_SIGNAL_VOICE : OPUS_SIGNAL_MUSIC));
    opus_encoder_ctl(o, OPUS_SET_VBR(fec ? 1 : 0));
    opus_encoder_ctl(o, OPUS_SET_INBAND_FEC(fec ? 1 : 0));
    opus_encoder_ctl(o, OPUS_SET_PACKET_LOSS_PERC(loss_percent));
}

static int open_one(OpusEncoder **out, int application, const struct mcu_opus_enc_config *c)
{
    int error;
    OpusEncoder *o = opus_encoder_create(MCU_PCM_RATE_HZ, c->channels, application, &error);
    if (!o)
        return error == OPUS_ALLOC_FAIL ? -ENOMEM : -EINVAL;
    opus_encoder_ctl(o, OPUS_SET_MAX_BANDWIDTH(bandwidth(c->max_playback_rate_hz)));
    opus_encoder_ctl(o, OPUS_SET_FORCE_CHANNELS(c->channels));
    opus_encoder_ctl(o, OPUS_SET_COMPLEXITY(c->complexity));
    choose_mode(o, 0);
    *out = o;
    return 0;
}

int mcu_opus_enc_new(struct mcu_opus_enc **out, const struct mcu_opus_enc_config *config)
{
    struct mcu_opus_enc *e = calloc(1, sizeof(*e));
    if (!e)
        return -ENOMEM;
    e->config = *config;
    int rc = open_one(&e->low, OPUS_APPLICATION_RESTRICTED_LOWDELAY, config);
    if (rc == 0 && config->full)
        rc = open_one(&e->full, OPUS_APPLICATION_AUDIO, config);
    if (rc < 0) {
        mcu_opus_enc_free(&e);
        return rc;
    }
    mcu_opus_enc_set_bitrate(e, config->bitrate_bps);
    *out = e;
    return 0;
}

void mcu_opus_enc_free(struct mcu_opus_enc **enc)
{
    struct mcu_opus_enc *e = *enc;
    *enc = NULL;
    if (!e)
        return;
    if (e->low)
        opus_encoder_destroy(e->low);
    if (e->full)
        opus_encoder_destroy(e->full);
    free(e);
}

void mcu_opus_enc_reset(struct mcu_opus_enc *e)
{
    opus_encoder_ctl(e->low, OPUS_RESET_STATE);
    if (e->full)
        opus_encoder_ctl(e->full, OPUS_RESET_STATE);
    e->begun = false;
    e->along = 0;
}

bool mcu_opus_enc_same_kind(const struct mcu_opus_enc *a, const struct mcu_opus_enc *b)
{
    return a->config.channels == b->config.channels && a->config.full == b->config.full;
}

void mcu_opus_enc_copy(struct mcu_opus_enc *to, const struct mcu_opus_enc *from)
{
    OpusEncoder *low = to->low, *full = to->full;
    size_t size = (size_t)opus_encoder_get_size(to->config.channels);
    *to = *from;
    to->low = low;
    to->full = full;
    /* "Contiguous in memory, and only a shallow copy is necessary to copy it" (opus.h). */
    memcpy(low, from->low, size);
    if (full)
        memcpy(full, from->full, size);
}

void mcu_opus_enc_set_bitrate(struct mcu_opus_enc *e, int bitrate_bps)
{
    e->bitrate_bps = bitrate_bps;
    opus_encoder_ctl(e->low, OPUS_SET_BITRATE(bitrate_bps));
    if (e->full)
        opus_encoder_ctl(e->full, OPUS_SET_BITRATE(bitrate_bps));
}

/* Full goes over to FEC with the change to it, so that until then it is CELT as low is. */
void mcu_opus_enc_set_fec(struct mcu_opus_enc *e, int loss_percent)
{
    if (!e->full || e->loss_percent == loss_percent)
        return;
    e->loss_percent = loss_percent;
    if (e->on_full)
        choose_mode(e->full, loss_percent);
}

int mcu_opus_enc_ahead(const struct mcu_opus_enc *e)
{
    return e->on_full ? MCU_OPUS_AHEAD_FULL : MCU_OPUS_AHEAD_LOW;
}

/* ---- changes ---- */

static bool wants_full(const struct mcu_opus_enc *e)
{
    return e->full && (e->loss_percent > 0 || e->bitrate_bps < MCU_OPUS_ENC_SILK_BPS);
}

static void copy_frames(const struct mcu_opus_enc *e, int16_t *to, int at, const int16_t *from,
                        int from_at, int frames)
{
    int n = e->config.channels;
    memcpy(to + at * n, from + from_at * n, (size_t)(frames * n) * sizeof(*to));
}

static void code_along(struct mcu_opus_enc *e, OpusEncoder *o, int frames)
{
    opus_encoder_ctl(o, OPUS_SET_PREDICTION_DISABLED(0));
    if (opus_encode(o, e->shifted, frames, e->discarded, (opus_int32)sizeof(e->discarded)) < 0)
        e->along = 0; /* it begins again */
}

/* Full needs sound that is SHIFT later to stand where low stands: it listens a packet behind. */
static void full_listens(struct mcu_opus_enc *e, const int16_t *pcm)
{
    copy_frames(e, e->shifted, 0, e->last, SHIFT, e->last_frames - SHIFT);
    copy_frames(e, e->shifted, e->last_frames - SHIFT, pcm, 0, SHIFT);
    code_along(e, e->full, e->last_frames);
}

/* Leaves in `shifted` what low would listen to in this packet: sound that is SHIFT older. */
static void shift_for_low(struct mcu_opus_enc *e, const int16_t *pcm, int frames)
{
    copy_frames(e, e->shifted, 0, e->last, e->last_frames - SHIFT, SHIFT);
    copy_frames(e, e->shifted, SHIFT, pcm, 0, frames - SHIFT);
}

/* And full: but for the last SHIFT frames, which are still to come. */
static void shift_for_full(struct mcu_opus_enc *e, const int16_t *pcm, int frames)
{
    copy_frames(e, e->shifted, 0, pcm, SHIFT, frames - SHIFT);
}

static float mean_square(const int16_t *a, const int16_t *b, int samples)
{
    float sum = 0;
    for (int i = 0; i < samples; i++) {
        float d = (float)a[i] - (b ? (float)b[i] : 0);
        sum += d * d;
    }
    return sum / (float)samples;
}

/* Where `shifted` and the sound itself are most alike for the length of a fade. False: nowhere are they
 * alike enough. */
static bool find_place(const struct mcu_opus_enc *e, const int16_t *pcm, int frames, int *place)
{
    int n = e->config.channels;
    float least = -1;
    for (int at = 0; at + FADE <= frames - SHIFT; at += STEP) {
        float off = mean_square(pcm + at * n, e->shifted + at * n, FADE * n);
        if (least < 0 || off < least) {
            least = off;
            *place = at;
        }
    }
    return least < QUIET || least * ALIKE < mean_square(pcm, NULL, frames * n);
}

/* In `shifted`, from the shifted sound to the sound itself. */
static void fade(struct mcu_opus_enc *e, const int16_t *pcm, int frames, int place)
{
    int n = e->config.channels;
    for (int i = 0; i < FADE; i++)
        for (int k = (place + i) * n; k < (place + i + 1) * n; k++)
            e->shifted[k] =
                (int16_t)(e->shifted[k] + (pcm[k] - e->shifted[k]) * (i + 1) / (FADE + 1));
    copy_frames(e, e->shifted, place + FADE, pcm, place + FADE, frames - place - FADE);
}

/* Lets the other one listen along and changes to it when it is time. True: it has; `shifted` is then
 * what it is to code. */
static bool change(struct mcu_opus_enc *e, const int16_t *pcm, int frames)
{
    bool to_full = !e->on_full;
    int least = to_full ? ALONG_TO_FULL : ALONG_TO_LOW, place = 0;
    if (e->along == 0)
        opus_encoder_ctl(to_full ? e->full : e->low, OPUS_RESET_STATE);
    if (to_full && e->along == 0)
        choose_mode(e->full, 0);
    e->along += frames / TICK;
    if (to_full) {
        full_listens(e, pcm);
        shift_for_full(e, pcm, frames);
    } else {
        shift_for_low(e, pcm, frames);
    }
    if (e->along > least &&
        (find_place(e, pcm, frames, &place) || e->along > least + PATIENCE)) {
        fade(e, pcm, frames, place);
        return true;
    }
    if (!to_full)
        code_along(e, e->low, frames);
    return false;
}

static void change_now(struct mcu_opus_enc *e)
{
    e->on_full = !e->on_full;
    e->along = 0;
    if (e->on_full)
        choose_mode(e->full, e->loss_percent);
}

static void keep(struct mcu_opus_enc *e, const int16_t *pcm, int frames)
{
    e->begun = true;
    if (!e->full)
        return;
    copy_frames(e, e->last, 0, pcm, 0, frames);
    e->last_frames = frames;
}

int mcu_opus_enc_encode(struct mcu_opus_enc *e, const int16_t *pcm, int ticks, bool alone,
                        uint8_t *data, int room)
{
    int frames = ticks * TICK;
    const int16_t *in = pcm;
    bool other = wants_full(e) != e->on_full;
    if (!other)
        e->along = 0;
    else if (!e->begun) /* nobody has heard anything */
        change_now(e);
    else if (change(e, pcm, frames)) {
        change_now(e);
        in = e->shifted;
        alone = true;
    }
    OpusEncoder *o = e->on_full ? e->full : e->low;
    opus_encoder_ctl(o, OPUS_SET_PREDICTION_DISABLED(alone ? 1 : 0));
    int rc = opus_encode(o, in, frames, data, room);
    keep(e, pcm, frames);
    return rc < 0 ? -EIO : rc;
}
