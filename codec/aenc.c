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

#define TICK               MCU_PCM_TICK_FRAMES
#define MAX_TICKS          3      /* 60 ms */
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
    bool fec_on;        /* SILK with LBRR, for as long as packets are lost */
    bool was_silent;    /* the last packet was not sent (DTX) */
    int quiet_ticks;    /* in a row */
    OpusEncoder *opus;  /* NULL: g722 or G.711 */
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

/* Without loss: CELT alone (the music signal of the AUDIO application) at a constant rate. Two such
 * encoders that are given the same sound become equal bit for bit within a second, whatever they
 * coded before; SILK's noise shaping never forgets, and VBR keeps them apart for longer (numbers
 * in the header). With loss: SILK or hybrid, the only modes with in-band FEC (RFC 6716 2.1.7). */
static void choose_mode(struct mcu_aenc *enc, int loss_percent)
{
    OpusEncoder *o = enc->opus;
    bool fec = enc->fec_on;
    opus_encoder_ctl(o, OPUS_SET_SIGNAL(fec ? OPUS_SIGNAL_VOICE : OPUS_SIGNAL_MUSIC));
    opus_encoder_ctl(o, OPUS_SET_VBR(fec ? 1 : 0));
    opus_encoder_ctl(o, OPUS_SET_INBAND_FEC(fec ? 1 : 0));
    opus_encoder_ctl(o, OPUS_SET_PACKET_LOSS_PERC(fec ? loss_percent : 0));
}

static int open_opus(struct mcu_aenc *enc)
{
    const struct mcu_aenc_config *c = &enc->config;
    int complexity = c->complexity < 0 ? DEFAULT_COMPLEXITY : mcu_min(c->complexity, COMPLEXITY_MAX);
    int error;

    enc->opus = opus_encoder_create(MCU_PCM_RATE_HZ, c->channels, OPUS_APPLICATION_AUDIO, &error);
    if (!enc->opus)
        return error == OPUS_ALLOC_FAIL ? -ENOMEM : -EINVAL;
    OpusEncoder *o = enc->opus;
    opus_encoder_ctl(o, OPUS_SET_MAX_BANDWIDTH(opus_bandwidth(c->max_playback_rate_hz)));
    opus_encoder_ctl(o, OPUS_SET_FORCE_CHANNELS(c->channels));
    opus_encoder_ctl(o, OPUS_SET_COMPLEXITY(complexity));
    choose_mode(enc, 0);
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
    enc->was_silent = false;
    enc->quiet_ticks = 0;
    if (enc->opus) {
        opus_encoder_ctl(enc->opus, OPUS_RESET_STATE);
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
    OpusEncoder *opus = to->opus;
    *to = *from;
    to->opus = opus;
    /* "Contiguous in memory, and only a shallow copy is necessary to copy it" (opus.h). */
    if (opus)
        memcpy(opus, from->opus, (size_t)opus_encoder_get_size(to->channels));
    return 0;
}

void mcu_aenc_set_bitrate(struct mcu_aenc *enc, int bitrate_bps)
{
    int bps = mcu_clamp(bitrate_bps, BITRATE_MIN, BITRATE_MAX);
    if (enc->opus)
        opus_encoder_ctl(enc->opus, OPUS_SET_BITRATE(bps));
}

void mcu_aenc_set_loss(struct mcu_aenc *enc, int percent)
{
    if (!enc->opus || !enc->config.fec)
        return;
    enc->fec_on = percent >= FEC_ON_PERCENT || (enc->fec_on && percent > 0);
    choose_mode(enc, mcu_clamp(percent, 0, 100));
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
    opus_encoder_ctl(enc->opus, OPUS_SET_PREDICTION_DISABLED(alone ? 1 : 0));
    int rc = opus_encode(enc->opus, enc->pcm, ticks * TICK, data, MCU_AENC_MAX_BYTES);
    if (rc < 0)
        return -EIO;
    return silent ? 0 : rc;
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
