#include "codec/adec.h"

#include <errno.h>
#include <opus.h>
#include <stdlib.h>
#include <string.h>

#include "codec/g711.h"
#include "codec/g722.h"
#include "codec/noise.h"
#include "codec/plc.h"
#include "codec/resample.h"
#include "mixer/base/pcm.h"
#include "mixer/base/util.h"
#include "mixer/dsp/sum.h"

/* G.711 and G.722 alike: a byte lasts 125 us, six frames of 48 kHz (RFC 3551 4.5.2, 4.5.14). */
#define FRAMES_PER_BYTE 6
#define MAX_BYTES       (MCU_ADEC_MAX_FRAMES / FRAMES_PER_BYTE)
#define LOW_MAX         (2 * MAX_BYTES) /* samples of G.722 in the longest packet */
#define NOISE_RATIO     6               /* noise is at the 8000 Hz of its RTP clock */
#define OPUS_CELT       16              /* the first configuration of CELT alone (RFC 6716 3.1) */
#define OPUS_STEREO     4               /* the bit of a stereo packet (RFC 6716 3.1) */
#define OPUS_STEP       120             /* PLC and FEC work in multiples of 2.5 ms */

/* G.711 and G.722:  payload > low-rate samples > concealment > 48 kHz > both channels */
struct low_rate {
    struct mcu_g722 g722;
    struct mcu_plc plc;
    struct mcu_upsampler up, noise_up;
    struct mcu_noise noise;
    int16_t pcm[LOW_MAX];
};

struct mcu_adec {
    enum mcu_codec codec;
    int channels;
    OpusDecoder *opus; /* NULL: low is used */
    /* Most voices are coded mono: half the work, spread at the end. From the first stereo packet on the
     * stream is taken as stereo, for good: a decoder of the other kind would begin without memory. */
    OpusDecoder *mono; /* NULL: one channel is wanted anyway */
    bool stereo;
    bool narrow; /* mono comes out as mono */
    /* Right after a loss, until a second packet has come, libopus fills another one with noise (its
     * CELT part; measured: a tone has a hole of a packet). Our own concealment stands in there. */
    struct {
        struct mcu_plc plc[MCU_PCM_CHANNELS_MAX];
        bool celt;      /* the last packet was one of CELT alone */
        int since_loss; /* packets that came since the last loss, up to 2 */
    } gap;
    float declip[MCU_PCM_CHANNELS_MAX]; /* opus_pcm_soft_clip's memory */
    struct low_rate low;
    bool pauses, has_noise;
    bool backwards;    /* the last noise of Opus is to be played so, for it to have no seam */
    int16_t last_noise[MCU_PCM_TICK_FRAMES * MCU_PCM_CHANNELS_MAX];
    int16_t scratch[MCU_ADEC_MAX_FRAMES * MCU_PCM_CHANNELS_MAX];
    int16_t channel[MCU_ADEC_MAX_FRAMES];
};

static int low_rate_hz(const struct mcu_adec *dec)
{
    return mcu_codec_info(dec->codec)->sample_rate_hz;
}

static int ratio(const struct mcu_adec *dec)
{
    return MCU_PCM_RATE_HZ / low_rate_hz(dec);
}

void mcu_adec_reset(struct mcu_adec *dec)
{
    dec->pauses = dec->has_noise = false;
    if (dec->opus) {
        opus_decoder_ctl(dec->opus, OPUS_RESET_STATE);
        if (dec->mono)
            opus_decoder_ctl(dec->mono, OPUS_RESET_STATE);
        dec->stereo = false;
        dec->gap.since_loss = 2;
        memset(dec->declip, 0, sizeof(dec->declip));
        for (int c = 0; c < dec->channels; c++)
            mcu_plc_init(&dec->gap.plc[c], MCU_PCM_RATE_HZ);
        return;
    }
    mcu_g722_init(&dec->low.g722);
    mcu_plc_init(&dec->low.plc, low_rate_hz(dec));
    mcu_upsampler_init(&dec->low.up, ratio(dec));
    mcu_upsampler_init(&dec->low.noise_up, NOISE_RATIO);
    dec->low.noise = (struct mcu_noise){ 0 };
}

int mcu_adec_new(struct mcu_adec **out, enum mcu_codec codec, int channels)
{
    bool known = codec == MCU_CODEC_OPUS || codec == MCU_CODEC_G722 || codec == MCU_CODEC_PCMU ||
                 codec == MCU_CODEC_PCMA;
    if (!known || channels < 1 || channels > MCU_PCM_CHANNELS_MAX)
        return -EINVAL;
    struct mcu_adec *dec = calloc(1, sizeof(*dec));
    if (!dec)
        return -ENOMEM;
    dec->codec = codec;
    dec->channels = channels;
    if (codec == MCU_CODEC_OPUS) {
        int error;
        dec->opus = opus_decoder_create(MCU_PCM_RATE_HZ, channels, &error);
        if (dec->opus && channels > 1)
            dec->mono = opus_decoder_create(MCU_PCM_RATE_HZ, 1, &error);
        if (!dec->opus || (channels > 1 && !dec->mono)) {
            mcu_adec_free(&dec);
            return error == OPUS_ALLOC_FAIL ? -ENOMEM : -EINVAL;
        }
    }
    mcu_adec_reset(dec);
    *out = dec;
    return 0;
}

void mcu_adec_free(struct mcu_adec **dec)
{
    if (!*dec)
        return;
    if ((*dec)->opus)
        opus_decoder_destroy((*dec)->opus);
    if ((*dec)->mono)
        opus_decoder_destroy((*dec)->mono);
    free(*dec);
    *dec = NULL;
}

int mcu_adec_packet_frames(const struct mcu_adec *dec, const uint8_t *data, size_t size)
{
    if (!data || size == 0)
        return -EBADMSG;
    if (!dec->opus)
        return size <= MAX_BYTES ? (int)size * FRAMES_PER_BYTE : -EBADMSG;
    /* The whole framing is checked here (RFC 6716 3.4), so that decoding cannot refuse half way. */
    opus_int16 sizes[48];
    if (size > INT32_MAX ||
        opus_packet_parse(data, (opus_int32)size, NULL, NULL, sizes, NULL) < 0)
        return -EBADMSG;
    int frames = opus_packet_get_nb_samples(data, (opus_int32)size, MCU_PCM_RATE_HZ);
    return frames > 0 && frames <= MCU_ADEC_MAX_FRAMES ? frames : -EBADMSG;
}

static bool is_mono(const struct mcu_adec *dec)
{
    return !dec->opus || (dec->mono && !dec->stereo);
}

/* Channels that are decoded. */
static int coded_channels(const struct mcu_adec *dec)
{
    return is_mono(dec) ? 1 : dec->channels;
}

void mcu_adec_set_narrow(struct mcu_adec *dec)
{
    dec->narrow = true;
}

int mcu_adec_channels(const struct mcu_adec *dec)
{
    return dec->narrow ? coded_channels(dec) : dec->channels;
}

/* Mono into every channel that is wanted. */
static void spread(const struct mcu_adec *dec, int frames, int16_t *pcm)
{
    if (mcu_adec_channels(dec) == 2 && is_mono(dec))
        mcu_pcm_widen(pcm, frames);
}

static void emit_low(struct mcu_adec *dec, int samples, int16_t *pcm)
{
    mcu_upsample(&dec->low.up, dec->low.pcm, samples, pcm);
    spread(dec, samples * ratio(dec), pcm);
}

static void decode_low(struct mcu_adec *dec, const uint8_t *data, size_t size)
{
    if (dec->codec == MCU_CODEC_G722)
        mcu_g722_decode(&dec->low.g722, data, size, dec->low.pcm);
    else
        mcu_g711_decode(dec->codec == MCU_CODEC_PCMU ? MCU_G711_ULAW : MCU_G711_ALAW, data, size,
                        dec->low.pcm);
}

/* Takes each channel through its concealment: sound that is played, or (lost) is to be made up. */
static void through_gap(struct mcu_adec *dec, bool lost, int frames, int16_t *pcm)
{
    int n = coded_channels(dec);
    for (int c = 0; c < n; c++) {
        int16_t *x = n == 1 ? pcm : dec->channel;
        for (int i = 0; i < frames && n > 1; i++)
            x[i] = pcm[i * n + c];
        if (lost)
            mcu_plc_lost(&dec->gap.plc[c], x, frames);
        else
            mcu_plc_good(&dec->gap.plc[c], x, frames);
        for (int i = 0; i < frames && n > 1; i++)
            pcm[i * n + c] = x[i];
    }
}

/* What opus_decode gives, bit for bit: its two passes over the samples, soft clipping and rounding, took a
 * sixteenth of the time that decoding takes. `most` frames at most; frames, or an error of libopus. */
static int opus_samples(struct mcu_adec *dec, const uint8_t *data, size_t size, int16_t *pcm, int most,
                        bool fec)
{
    static _Thread_local float decoded[MCU_ADEC_MAX_FRAMES * MCU_PCM_CHANNELS_MAX];
    const struct mcu_sum_dsp *dsp = mcu_sum_get();
    int n = coded_channels(dec);
    int frames = opus_decode_float(is_mono(dec) ? dec->mono : dec->opus, data, (opus_int32)size,
                                   decoded, most, fec);
    if (frames <= 0)
        return frames;
    bool loud = dsp->whole(pcm, decoded, frames * n);
    if (loud || dec->declip[0] != 0 || dec->declip[1] != 0) {
        opus_pcm_soft_clip(decoded, frames, n, dec->declip);
        dsp->whole(pcm, decoded, frames * n);
    }
    return frames;
}

static int decode_opus(struct mcu_adec *dec, const uint8_t *data, size_t size, int frames, int16_t *pcm)
{
    dec->pauses = size <= 2;
    if (dec->mono && !dec->stereo && (data[0] & OPUS_STEREO)) {
        if (dec->narrow)
            mcu_pcm_widen(dec->last_noise, MCU_PCM_TICK_FRAMES);
        dec->stereo = true;
        dec->gap.plc[1] = dec->gap.plc[0];
    }
    int rc = opus_samples(dec, data, size, pcm, MCU_ADEC_MAX_FRAMES, false);
    if (rc != frames)
        return -EBADMSG;
    dec->gap.celt = data[0] >> 3 >= OPUS_CELT;
    dec->gap.since_loss = mcu_min(dec->gap.since_loss + 1, 2);
    through_gap(dec, false, frames, pcm);
    spread(dec, frames, pcm);
    return frames;
}

int mcu_adec_decode(struct mcu_adec *dec, const uint8_t *data, size_t size, int16_t *pcm)
{
    int frames = mcu_adec_packet_frames(dec, data, size);
    if (frames < 0)
        return frames;
    if (dec->opus)
        return decode_opus(dec, data, size, frames, pcm);
    int samples = frames / ratio(dec);
    decode_low(dec, data, size);
    mcu_plc_good(&dec->low.plc, dec->low.pcm, samples);
    emit_low(dec, samples, pcm);
    return frames;
}

/* Channels as decoded, not spread. libopus makes multiples of 2.5 ms only; what is over the asked
 * length is thrown away. */
static int conceal_opus(struct mcu_adec *dec, int frames, const uint8_t *next, size_t next_size,
                        int16_t *pcm)
{
    int whole = mcu_min((frames + OPUS_STEP - 1) / OPUS_STEP * OPUS_STEP, MCU_ADEC_MAX_FRAMES);
    int rc = -1;

    /* With FEC libopus conceals all but the last packet's length of the gap, and decodes that from
     * the copy in `next`; where there is none it conceals all of it. */
    if (mcu_adec_packet_frames(dec, next, next_size) > 0)
        rc = opus_samples(dec, next, next_size, dec->scratch, whole, true);
    if (rc != whole)
        rc = opus_samples(dec, NULL, 0, dec->scratch, whole, false);
    size_t bytes = (size_t)(frames * coded_channels(dec)) * sizeof(*pcm);
    if (rc == whole)
        memcpy(pcm, dec->scratch, bytes);
    else
        memset(pcm, 0, bytes);
    return frames;
}

int mcu_adec_conceal(struct mcu_adec *dec, int frames, const uint8_t *next, size_t next_size,
                     int16_t *pcm)
{
    frames = mcu_clamp(frames, 0, MCU_ADEC_MAX_FRAMES);
    if (frames == 0)
        return 0;
    if (dec->opus) {
        bool own = (dec->gap.celt && dec->gap.since_loss == 1) || dec->gap.plc[0].lost > 0;
        conceal_opus(dec, frames, next, next_size, pcm); /* the decoder has to know of it all the same */
        through_gap(dec, own, frames, pcm);
        spread(dec, frames, pcm);
        dec->gap.since_loss = 0;
        return frames;
    }
    int samples = (frames + ratio(dec) - 1) / ratio(dec);
    mcu_plc_lost(&dec->low.plc, dec->low.pcm, samples);
    emit_low(dec, samples, dec->scratch);
    memcpy(pcm, dec->scratch, (size_t)(frames * mcu_adec_channels(dec)) * sizeof(*pcm));
    return frames;
}

/* ---- pauses ---- */

int mcu_adec_noise_set(struct mcu_adec *dec, const uint8_t *payload, size_t size)
{
    if (dec->opus || mcu_noise_set(&dec->low.noise, payload, size) < 0)
        return -EBADMSG;
    dec->has_noise = true;
    return 0;
}

bool mcu_adec_pauses(const struct mcu_adec *dec)
{
    return dec->pauses;
}

static void low_noise(struct mcu_adec *dec, int16_t *pcm)
{
    int16_t low[MCU_PCM_TICK_FRAMES / NOISE_RATIO];
    mcu_noise_fill(&dec->low.noise, low, MCU_ARRAY_LEN(low));
    mcu_upsample(&dec->low.noise_up, low, MCU_ARRAY_LEN(low), pcm);
    spread(dec, MCU_PCM_TICK_FRAMES, pcm);
}

/* The last noise forth and back: noise has no direction, and its ends meet. */
static void repeat_noise(struct mcu_adec *dec, int16_t *pcm)
{
    int n = mcu_adec_channels(dec), last = MCU_PCM_TICK_FRAMES - 1;
    dec->backwards = !dec->backwards;
    for (int i = 0; i <= last; i++)
        for (int c = 0; c < n; c++)
            pcm[i * n + c] = dec->last_noise[(dec->backwards ? last - i : i) * n + c];
}

/* What libopus conceals after such a packet is the background noise that it has learned. */
static void opus_noise(struct mcu_adec *dec, int16_t *pcm)
{
    size_t bytes = (size_t)(MCU_PCM_TICK_FRAMES * mcu_adec_channels(dec)) * sizeof(*pcm);
    conceal_opus(dec, MCU_PCM_TICK_FRAMES, NULL, 0, dec->last_noise);
    spread(dec, MCU_PCM_TICK_FRAMES, dec->last_noise);
    memcpy(pcm, dec->last_noise, bytes);
    dec->has_noise = true;
    dec->backwards = false;
}

bool mcu_adec_noise(struct mcu_adec *dec, int16_t *pcm)
{
    if (dec->pauses)
        opus_noise(dec, pcm);
    else if (!dec->has_noise)
        return false;
    else if (dec->opus)
        repeat_noise(dec, pcm);
    else
        low_noise(dec, pcm);
    return true;
}
