#include "codec/aenc.h"

#include <errno.h>
#include <opus.h>
#include <stdlib.h>
#include <string.h>

#include "codec/g711.h"
#include "codec/g722.h"
#include "codec/resample.h"
#include "mixer/base/pcm.h"
#include "mixer/base/util.h"

#define TICK              MCU_PCM_TICK_FRAMES
#define MAX_TICKS         3 /* 60 ms */
#define BITRATE_MIN       6000   /* RFC 6716 2.1.1 */
#define BITRATE_MAX       160000 /* 60 ms of it fit MCU_AENC_MAX_BYTES */
#define DEFAULT_COMPLEXITY   5
#define FEC_LOSS_PERCENT  10
#define LOW_TICK_MAX      320 /* samples of G.722 in 20 ms */

struct mcu_aenc {
    struct mcu_aenc_config config;
    int channels;    /* of what is coded */
    int ticks;       /* gathered in pcm */
    bool independent; /* asked for in one of them */
    OpusEncoder *opus; /* NULL: g722 or G.711 */
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

/* RFC 7587 6.1: the receiver plays no more than this, so no more is coded. */
static int opus_bandwidth(int rate_hz)
{
    if (rate_hz <= 0 || rate_hz > 24000)
        return OPUS_BANDWIDTH_FULLBAND;
    if (rate_hz > 16000)
        return OPUS_BANDWIDTH_SUPERWIDEBAND;
    if (rate_hz > 12000)
        return OPUS_BANDWIDTH_WIDEBAND;
    return rate_hz > 8000 ? OPUS_BANDWIDTH_MEDIUMBAND : OPUS_BANDWIDTH_NARROWBAND;
}

static int default_bitrate(int channels)
{
    return channels == 2 ? 64000 : 32000;
}

static int open_opus(struct mcu_aenc *enc)
{
    const struct mcu_aenc_config *c = &enc->config;
    int error;
    int application = c->fec || c->dtx ? OPUS_APPLICATION_VOIP
                                       : OPUS_APPLICATION_RESTRICTED_LOWDELAY;
    enc->opus = opus_encoder_create(MCU_PCM_RATE_HZ, c->channels, application, &error);
    if (!enc->opus)
        return error == OPUS_ALLOC_FAIL ? -ENOMEM : -EINVAL;

    OpusEncoder *o = enc->opus;
    int bandwidth = opus_bandwidth(c->max_playback_rate_hz);
    opus_encoder_ctl(o, OPUS_SET_MAX_BANDWIDTH(bandwidth));
    opus_encoder_ctl(o, OPUS_SET_FORCE_CHANNELS(c->channels));
    opus_encoder_ctl(o, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
    opus_encoder_ctl(o, OPUS_SET_COMPLEXITY(c->complexity < 0 ? DEFAULT_COMPLEXITY : c->complexity));
    opus_encoder_ctl(o, OPUS_SET_INBAND_FEC(c->fec ? 1 : 0));
    opus_encoder_ctl(o, OPUS_SET_PACKET_LOSS_PERC(c->fec ? FEC_LOSS_PERCENT : 0));
    opus_encoder_ctl(o, OPUS_SET_DTX(c->dtx ? 1 : 0));
    mcu_aenc_set_bitrate(enc, c->bitrate_bps ? c->bitrate_bps : default_bitrate(c->channels));
    return 0;
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
    if ((*enc)->opus)
        opus_encoder_destroy((*enc)->opus);
    free(*enc);
    *enc = NULL;
}

void mcu_aenc_reset(struct mcu_aenc *enc)
{
    enc->ticks = 0;
    enc->independent = false;
    if (enc->opus) {
        opus_encoder_ctl(enc->opus, OPUS_RESET_STATE);
        return;
    }
    mcu_g722_init(&enc->g722);
    mcu_downsampler_init(&enc->down, MCU_PCM_RATE_HZ / low_rate_hz(enc));
}

void mcu_aenc_set_bitrate(struct mcu_aenc *enc, int bitrate_bps)
{
    int bps = mcu_clamp(bitrate_bps, BITRATE_MIN, BITRATE_MAX);
    if (enc->opus)
        opus_encoder_ctl(enc->opus, OPUS_SET_BITRATE(bps));
}

void mcu_aenc_set_loss(struct mcu_aenc *enc, int percent)
{
    if (enc->opus && enc->config.fec)
        opus_encoder_ctl(enc->opus, OPUS_SET_PACKET_LOSS_PERC(mcu_clamp(percent, 1, 100)));
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

/* DTX is told by packets of at most two bytes, which need not be sent (opus.h, opus_encode). */
static int encode_opus(struct mcu_aenc *enc, int ticks, bool independent, uint8_t *data)
{
    opus_encoder_ctl(enc->opus, OPUS_SET_PREDICTION_DISABLED(independent ? 1 : 0));
    int rc = opus_encode(enc->opus, enc->pcm, ticks * TICK, data, MCU_AENC_MAX_BYTES);
    if (rc < 0)
        return -EIO;
    return enc->config.dtx && rc <= 2 ? 0 : rc;
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
