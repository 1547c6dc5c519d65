#include "codec/aenc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/g711.h"
#include "codec/g722.h"
#include "codec/opus_enc.h"
#include "codec/resample.h"
#include "mixer/base/pcm.h"
#include "mixer/base/util.h"

#define TICK               MCU_PCM_TICK_FRAMES
#define MAX_TICKS          MCU_OPUS_ENC_TICKS
#define BITRATE_MIN        6000   /* RFC 6716 2.1.1 */
#define BITRATE_MAX        160000 /* 60 ms of it fit MCU_AENC_MAX_BYTES */
#define DEFAULT_COMPLEXITY 5      /* the knee: 6 is the same, 4 loses 2 dB (header) */
#define COMPLEXITY_MAX     6 /* from 7 on a slow signal analysis keeps two encoders apart */
#define FEC_ON_PERCENT     2
#define LOW_TICK_MAX       320 /* samples of G.722 in 20 ms */
#define DTX_PEAK           32  /* -60 dBFS */
#define DTX_AFTER_TICKS    10  /* of quiet that are still sent: 200 ms */
#define DTX_REFRESH_TICKS  20  /* then one packet in 400 ms, as RFC 6716 2.1.9 */

struct mcu_aenc {
    struct mcu_aenc_config config;
    int channels;       /* of what is coded */
    int ticks;          /* gathered in pcm */
    bool independent;   /* asked for in one of them */
    bool fec_on;        /* for as long as packets are lost */
    bool was_silent;    /* the last packet was not sent (DTX) */
    int quiet_ticks;    /* in a row */
    struct mcu_opus_enc *opus; /* NULL: g722 or G.711 */
    struct mcu_g722 g722;
    struct mcu_downsampler down;
    int16_t pcm[MAX_TICKS * TICK * MCU_PCM_CHANNELS_MAX];
};

static int low_rate_hz(const struct mcu_aenc *enc)
{
    return mcu_codec_info(enc->config.codec)->sample_rate_hz;
}

static int check_config(const struct mcu_aenc_config *c)
{
    if (c->frame_ms != 20 && c->frame_ms != 40 && c->frame_ms != 60)
        return -EINVAL;
    if (c->codec == MCU_CODEC_G722 || c->codec == MCU_CODEC_PCMU || c->codec == MCU_CODEC_PCMA)
        return 0;
    if (c->codec != MCU_CODEC_OPUS || c->channels < 1 || c->channels > MCU_PCM_CHANNELS_MAX ||
        c->complexity < -1 || c->complexity > 10 || c->bitrate_bps < 0)
        return -EINVAL;
    return 0;
}

static int default_bitrate(int channels)
{
    return channels == 2 ? 64000 : 32000;
}

static int open_opus(struct mcu_aenc *enc)
{
    const struct mcu_aenc_config *c = &enc->config;
    int bps = mcu_clamp(c->bitrate_bps ? c->bitrate_bps : default_bitrate(c->channels), BITRATE_MIN,
                        BITRATE_MAX);
    struct mcu_opus_enc_config config = {
        .channels = c->channels,
        .complexity = c->complexity < 0 ? DEFAULT_COMPLEXITY : mcu_min(c->complexity, COMPLEXITY_MAX),
        .bitrate_bps = bps,
        .max_playback_rate_hz = c->max_playback_rate_hz,
        .full = c->fec || bps < MCU_OPUS_ENC_SILK_BPS,
    };
    return mcu_opus_enc_new(&enc->opus, &config);
}

int mcu_aenc_new(struct mcu_aenc **out, const struct mcu_aenc_config *config)
{
    int rc = check_config(config);
    if (rc < 0)
        return rc;
    struct mcu_aenc *enc = calloc(1, sizeof(*enc));
    if (!enc)
        return -ENOMEM;
    enc->config = *config;
    if (config->codec == MCU_CODEC_OPUS) {
        enc->channels = config->channels;
        rc = open_opus(enc);
    } else {
        enc->channels = 1;
    }
    if (rc < 0) {
        mcu_aenc_free(&enc);
        return rc;
    }
    mcu_aenc_reset(enc);
    *out = enc;
    return 0;
}

void mcu_aenc_free(struct mcu_aenc **enc)
{
    if (!*enc)
        return;
    mcu_opus_enc_free(&(*enc)->opus);
    free(*enc);
    *enc = NULL;
}

void mcu_aenc_reset(struct mcu_aenc *enc)
{
    enc->ticks = 0;
    enc->independent = false;
    enc->was_silent = false;
    enc->quiet_ticks = 0;
    if (enc->opus) {
        mcu_opus_enc_reset(enc->opus);
        return;
    }
    mcu_g722_init(&enc->g722);
    mcu_downsampler_init(&enc->down, MCU_PCM_RATE_HZ / low_rate_hz(enc));
}

int mcu_aenc_copy(struct mcu_aenc *to, const struct mcu_aenc *from)
{
    const struct mcu_aenc_config *a = &to->config, *b = &from->config;
    if (a->codec != b->codec || a->frame_ms != b->frame_ms || to->channels != from->channels)
        return -EINVAL;
    struct mcu_opus_enc *opus = to->opus;
    if (opus && !mcu_opus_enc_same_kind(opus, from->opus))
        return -EINVAL;
    *to = *from;
    to->opus = opus;
    if (opus)
        mcu_opus_enc_copy(opus, from->opus);
    return 0;
}

void mcu_aenc_set_bitrate(struct mcu_aenc *enc, int bitrate_bps)
{
    int bps = mcu_clamp(bitrate_bps, BITRATE_MIN, BITRATE_MAX);
    if (enc->opus)
        mcu_opus_enc_set_bitrate(enc->opus, bps);
}

void mcu_aenc_set_loss(struct mcu_aenc *enc, int percent)
{
    if (!enc->opus || !enc->config.fec)
        return;
    enc->fec_on = percent >= FEC_ON_PERCENT || (enc->fec_on && percent > 0);
    mcu_opus_enc_set_fec(enc->opus, enc->fec_on ? mcu_clamp(percent, 1, 100) : 0);
}

int64_t mcu_aenc_ahead_ns(const struct mcu_aenc *enc)
{
    return enc->opus ? INT64_C(1000000) * mcu_opus_enc_ahead(enc->opus) / 48 : 0;
}

/* Appends one tick with the channels that are coded. */
static void gather(struct mcu_aenc *enc, const int16_t *pcm, int channels)
{
    int16_t *to = enc->pcm + enc->ticks++ * TICK * enc->channels;

    if (channels == enc->channels) {
        memcpy(to, pcm, (size_t)(TICK * channels) * sizeof(*to));
        return;
    }
    for (int i = 0; i < TICK; i++) {
        if (channels == 2)
            to[i] = (int16_t)((pcm[2 * i] + pcm[2 * i + 1]) >> 1);
        else
            to[2 * i] = to[2 * i + 1] = pcm[i];
    }
}

static bool is_quiet(const int16_t *pcm, int samples)
{
    int peak = 0;
    for (int i = 0; i < samples; i++)
        peak = mcu_max(peak, pcm[i] < 0 ? -pcm[i] : pcm[i]);
    return peak < DTX_PEAK;
}

/* Our own DTX: libopus has it for SILK, and for CELT only with the analysis of complexity 7. The
 * encoder still runs, so that its state stays that of the shared sound. */
static bool dtx_silent(struct mcu_aenc *enc, int ticks)
{
    if (!enc->config.dtx)
        return false;
    if (!is_quiet(enc->pcm, ticks * TICK * enc->channels)) {
        enc->quiet_ticks = 0;
        return false;
    }
    int before = enc->quiet_ticks;
    enc->quiet_ticks += ticks;
    if (enc->quiet_ticks <= DTX_AFTER_TICKS)
        return false;
    if (before >= DTX_AFTER_TICKS + DTX_REFRESH_TICKS) {
        enc->quiet_ticks = DTX_AFTER_TICKS;
        return false;
    }
    return true;
}

static int encode_opus(struct mcu_aenc *enc, int ticks, bool independent, uint8_t *data)
{
    bool silent = dtx_silent(enc, ticks);
    bool alone = independent || enc->was_silent; /* what came before was not sent */
    enc->was_silent = silent;
    int rc = mcu_opus_enc_encode(enc->opus, enc->pcm, ticks, alone, data, MCU_AENC_MAX_BYTES);
    return silent && rc > 0 ? 0 : rc;
}

static int encode_low(struct mcu_aenc *enc, int ticks, uint8_t *data)
{
    int16_t low[MAX_TICKS * LOW_TICK_MAX];
    int samples = ticks * low_rate_hz(enc) / 50;

    mcu_downsample(&enc->down, enc->pcm, samples, low);
    if (enc->config.codec == MCU_CODEC_G722) {
        mcu_g722_encode(&enc->g722, low, (size_t)samples / 2, data);
        return samples / 2;
    }
    mcu_g711_encode(enc->config.codec == MCU_CODEC_PCMU ? MCU_G711_ULAW : MCU_G711_ALAW, low,
                    (size_t)samples, data);
    return samples;
}

static int encode_gathered(struct mcu_aenc *enc, bool independent, uint8_t *data)
{
    int ticks = enc->ticks;
    enc->ticks = 0;
    enc->independent = false;
    return enc->opus ? encode_opus(enc, ticks, independent, data) : encode_low(enc, ticks, data);
}

int mcu_aenc_encode(struct mcu_aenc *enc, const int16_t *pcm, int channels, bool independent,
                    uint8_t *data)
{
    gather(enc, pcm, channels);
    enc->independent |= independent;
    if (enc->ticks * MCU_PCM_TICK_MS < enc->config.frame_ms)
        return 0;
    return encode_gathered(enc, enc->independent, data);
}

void mcu_aenc_prime(struct mcu_aenc *enc, const int16_t *const *pcm, int channels, int frames20)
{
    uint8_t discarded[MCU_AENC_MAX_BYTES];

    /* One packet a block whatever frame_ms is, so that the next packet starts where it should. */
    enc->ticks = 0;
    for (int i = 0; i < frames20; i++) {
        gather(enc, pcm[i], channels);
        encode_gathered(enc, false, discarded);
    }
}
