/* Unit tests of codec/aenc.h: what comes out of each encoder, and switching between two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/adec.h"
#include "codec/aenc.h"
#include "codec/resample.h"
#include "mixer/base/util.h"

#define TICK   960
#define TICKS  1400 /* 28 s of test sound */
#define SOUNDS "/usr/share/asterisk/sounds/en_US_f_Allison/"

static const enum mcu_codec codecs[] = { MCU_CODEC_OPUS, MCU_CODEC_G722, MCU_CODEC_PCMU,
                                         MCU_CODEC_PCMA };
static int16_t talk[TICKS * TICK];  /* what everybody hears */
static int16_t other[TICKS * TICK]; /* the voice of him who joins or leaves the heard set */

/* Counts allocations of the whole process, where no sanitizer has taken malloc already. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define COUNTS_MALLOC 1
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
static long allocations;
#define EXPORT __attribute__((visibility("default")))
EXPORT void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}
EXPORT void *calloc(size_t n, size_t size)
{
    allocations++;
    return __libc_calloc(n, size);
}
EXPORT void *realloc(void *p, size_t size)
{
    allocations++;
    return __libc_realloc(p, size);
}
#endif

/* 8 kHz wav to 48 kHz; false when it is not installed. */
static bool load_speech(const char *name, int16_t *to)
{
    static int16_t low[TICKS * 160];
    char path[256];
    struct mcu_upsampler up;
    snprintf(path, sizeof(path), SOUNDS "%s.wav", name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    size_t n = fseek(f, 44, SEEK_SET) == 0 ? fread(low, 2, TICKS * 160, f) : 0;
    fclose(f);
    mcu_upsampler_init(&up, 6);
    mcu_upsample(&up, low, TICKS * 160, to);
    return n == TICKS * 160;
}

/* A voice: harmonics of a gliding pitch, in syllables of changing loudness, with breath noise. */
static void make_speech(double pitch_hz, int16_t *to)
{
    uint32_t seed = 7;
    double phase = 0;
    for (int i = 0; i < TICKS * TICK; i++) {
        double t = i / 48000.0, v = 0;
        double syllable = pow(fabs(sin(2 * M_PI * 1.9 * t)), 3) * (0.6 + 0.4 * sin(t * 1.3));
        phase += 2 * M_PI * pitch_hz * (1 + 0.2 * sin(t * 5)) / 48000;
        for (int k = 1; k < 12; k++)
            v += sin(k * phase) / (1 + fabs(k - 4 - 3 * sin(t * 7)));
        seed = seed * 1664525 + 1013904223;
        v += (int32_t)seed / 2147483648.0 * 0.3 * fabs(sin(2 * M_PI * 0.8 * t));
        to[i] = (int16_t)lrint(4000 * syllable * v);
    }
}

static int load_sounds(void **state)
{
    if (!load_speech("demo-congrats", talk) || !load_speech("demo-instruct", other)) {
        print_message("asterisk-core-sounds-en-wav is not installed: made-up speech is used\n");
        make_speech(190, talk);
        make_speech(120, other);
    }
    return 0;
}

static struct mcu_aenc_config config_of(enum mcu_codec codec, int channels)
{
    return (struct mcu_aenc_config){ .codec = codec, .channels = channels, .frame_ms = 20,
                                     .complexity = -1 };
}

static struct mcu_aenc *new_enc(struct mcu_aenc_config config)
{
    struct mcu_aenc *enc = NULL;
    assert_int_equal(mcu_aenc_new(&enc, &config), 0);
    return enc;
}

static struct mcu_adec *new_dec(enum mcu_codec codec, int channels)
{
    struct mcu_adec *dec = NULL;
    assert_int_equal(mcu_adec_new(&dec, codec, channels), 0);
    return dec;
}

/* ---- round trips ---- */

static void tone(int16_t *pcm, int at, int channels, double hz)
{
    for (int i = 0; i < TICK; i++)
        for (int c = 0; c < channels; c++)
            pcm[i * channels + c] = (int16_t)lrint(8000 * sin(2 * M_PI * hz * (at + i) / 48000));
}

static double level_at(const int16_t *pcm, int n, int channels, double hz)
{
    double re = 0, im = 0;
    for (int i = 0; i < n; i++) {
        double w = 1 - cos(2 * M_PI * i / n);
        re += w * pcm[i * channels] * cos(2 * M_PI * hz * i / 48000);
        im += w * pcm[i * channels] * sin(2 * M_PI * hz * i / 48000);
    }
    return 20 * log10(hypot(re, im) * 2 / n / 8000 + 1e-9);
}

/* 1 s through encoder and decoder; returns frames that came out. */
static int round_trip(struct mcu_aenc_config config, int in, int out, double hz, int16_t *pcm)
{
    struct mcu_aenc *enc = new_enc(config);
    struct mcu_adec *dec = new_dec(config.codec, out);
    int frames = 0, rtp_frames = 0;
    for (int t = 0; t < 60; t++) {
        int16_t block[TICK * 2];
        uint8_t data[MCU_AENC_MAX_BYTES];
        tone(block, t * TICK, in, hz);
        int size = mcu_aenc_encode(enc, block, in, false, data);
        assert_in_range(size, 0, MCU_AENC_MAX_BYTES);
        assert_true((size > 0) == ((t + 1) * 20 % config.frame_ms == 0));
        if (size == 0)
            continue;
        assert_int_equal(mcu_adec_packet_frames(dec, data, (size_t)size), config.frame_ms * 48);
        rtp_frames += config.frame_ms * 48;
        frames += mcu_adec_decode(dec, data, (size_t)size, pcm + frames * out);
        assert_int_equal(frames, rtp_frames);
    }
    mcu_aenc_free(&enc);
    mcu_adec_free(&dec);
    return frames;
}

static void every_codec_keeps_a_tones_level_and_the_rtp_clock(void **state)
{
    static const double hz[] = { 300, 440, 1000, 1900, 3000 };
    static int16_t pcm[60 * TICK * 2];
    for (size_t c = 0; c < MCU_ARRAY_LEN(codecs); c++)
        for (int mode = 0; mode < 5 * 3; mode++) {
            int out = 1 + (mode & 1);
            struct mcu_aenc_config config = config_of(codecs[c], out);
            config.frame_ms = 20 * (1 + mode % 3);
            int frames = round_trip(config, out, out, hz[mode / 3], pcm);
            assert_int_equal(frames, 60 * TICK);
            double level = level_at(pcm + 9600 * out, frames - 9600, out, hz[mode / 3]);
            assert_true(fabs(level) < 1);
        }
}

static void every_codec_takes_mono_and_stereo_whatever_it_codes(void **state)
{
    static int16_t pcm[60 * TICK * 2];
    for (size_t c = 0; c < MCU_ARRAY_LEN(codecs); c++)
        for (int mode = 0; mode < 4; mode++) {
            round_trip(config_of(codecs[c], 1 + (mode & 1)), 1 + (mode >> 1), 2, 440, pcm);
            for (int side = 0; side < 2; side++)
                assert_true(fabs(level_at(pcm + 19200 + side, 40000, 2, 440)) < 1);
        }
}

static void stereo_opus_keeps_left_and_right_apart(void **state)
{
    static int16_t pcm[50 * TICK * 2];
    struct mcu_aenc *enc = new_enc(config_of(MCU_CODEC_OPUS, 2));
    struct mcu_adec *dec = new_dec(MCU_CODEC_OPUS, 2);
    for (int t = 0; t < 50; t++) {
        int16_t block[TICK * 2];
        uint8_t data[MCU_AENC_MAX_BYTES];
        tone(block, t * TICK, 2, 440);
        for (int i = 0; i < TICK; i++)
            block[2 * i + 1] = 0;
        int size = mcu_aenc_encode(enc, block, 2, false, data);
        assert_int_equal(mcu_adec_decode(dec, data, (size_t)size, pcm + t * TICK * 2), TICK);
    }
    assert_true(fabs(level_at(pcm + 9600, 40000, 2, 440)) < 1);
    assert_true(level_at(pcm + 9601, 40000, 2, 440) < -40);
    mcu_aenc_free(&enc);
    mcu_adec_free(&dec);
}

static void opus_codes_no_more_than_the_receiver_plays(void **state)
{
    /* RFC 6716 3.1: CELT configurations 16, 20, 24, 28 are NB, WB, SWB, FB; four sizes each. */
    static const int row[][2] = { { 8000, 4 }, { 16000, 5 }, { 24000, 6 }, { 48000, 7 }, { 0, 7 } };
    for (size_t i = 0; i < MCU_ARRAY_LEN(row); i++) {
        struct mcu_aenc_config config = config_of(MCU_CODEC_OPUS, 1);
        uint8_t data[MCU_AENC_MAX_BYTES];
        config.max_playback_rate_hz = row[i][0];
        struct mcu_aenc *enc = new_enc(config);
        for (int t = 0; t < 10; t++)
            mcu_aenc_encode(enc, talk + (100 + t) * TICK, 1, false, data);
        assert_int_equal(data[0] >> 5, row[i][1]);
        mcu_aenc_free(&enc);
    }
}

static void opus_follows_its_bitrate(void **state)
{
    struct mcu_aenc *enc = new_enc(config_of(MCU_CODEC_OPUS, 1));
    static const int rates[] = { 32000, 16000, 64000, 1, 1000000 };
    uint8_t data[MCU_AENC_MAX_BYTES];
    for (size_t r = 0; r < MCU_ARRAY_LEN(rates); r++) {
        int bytes = 0;
        if (r > 0) /* 32 kbit/s is the default */
            mcu_aenc_set_bitrate(enc, rates[r]);
        for (int t = 0; t < 50; t++)
            bytes += mcu_aenc_encode(enc, talk + (100 + t) * TICK, 1, false, data);
        int want = mcu_clamp(rates[r], 6000, 160000);
        assert_in_range(bytes * 8, want * 9 / 10, want * 11 / 10);
    }
    mcu_aenc_free(&enc);
}

static void dtx_sends_little_in_silence_and_speaks_up_at_once(void **state)
{
    for (int frame_ms = 20; frame_ms <= 60; frame_ms += 20) {
        struct mcu_aenc_config config = config_of(MCU_CODEC_OPUS, 1);
        static const int16_t silence[TICK];
        uint8_t data[MCU_AENC_MAX_BYTES];
        int packets = 0;
        config.dtx = true;
        config.frame_ms = frame_ms;
        struct mcu_aenc *enc = new_enc(config);
        for (int t = 0; t < 300; t++)
            packets += mcu_aenc_encode(enc, silence, 1, false, data) > 0;
        assert_in_range(packets, 300 / 31, 10 + 300 / 20);
        int16_t loud[TICK];
        for (int t = 0; t < frame_ms / 20; t++) {
            tone(loud, t * TICK, 1, 440);
            packets = mcu_aenc_encode(enc, loud, 1, false, data);
        }
        assert_true(packets > 0);
        mcu_aenc_free(&enc);
    }
}

static void the_first_packet_after_dtx_leans_on_nothing(void **state)
{
    struct mcu_aenc_config config = config_of(MCU_CODEC_OPUS, 1);
    config.dtx = true;
    struct mcu_aenc *a = new_enc(config), *b = new_enc(config), *c = NULL;
    static int16_t faint[TICK], loud[TICK];
    uint8_t da[MCU_AENC_MAX_BYTES], db[MCU_AENC_MAX_BYTES], dc[MCU_AENC_MAX_BYTES];
    config.dtx = false;
    c = new_enc(config);
    for (int t = 0; t < 25; t++) {
        for (int i = 0; i < TICK; i++)
            faint[i] = (int16_t)((t * 31 + i * 7) % 40 - 20);
        mcu_aenc_encode(a, faint, 1, false, da);
        mcu_aenc_encode(b, faint, 1, false, db);
        mcu_aenc_encode(c, faint, 1, false, dc);
    }
    tone(loud, 0, 1, 440);
    int size = mcu_aenc_encode(a, loud, 1, false, da);
    assert_int_equal(mcu_aenc_encode(b, loud, 1, true, db), size);
    assert_int_equal(mcu_aenc_encode(c, loud, 1, false, dc), size);
    assert_memory_equal(da, db, (size_t)size);
    assert_memory_not_equal(da, dc, (size_t)size);
    mcu_aenc_free(&a);
    mcu_aenc_free(&b);
    mcu_aenc_free(&c);
}

static void fec_comes_with_loss_and_repairs_it(void **state)
{
    struct mcu_aenc_config config = config_of(MCU_CODEC_OPUS, 1);
    static int16_t whole[MCU_ADEC_MAX_FRAMES], fixed[MCU_ADEC_MAX_FRAMES];
    static uint8_t data[202][MCU_AENC_MAX_BYTES];
    double signal = 1, with_fec = 1, without = 1;
    int size[202];
    config.fec = true;
    struct mcu_aenc *enc = new_enc(config);
    struct mcu_adec *all = new_dec(MCU_CODEC_OPUS, 1), *fec = new_dec(MCU_CODEC_OPUS, 1);
    struct mcu_adec *plc = new_dec(MCU_CODEC_OPUS, 1);
    size[0] = mcu_aenc_encode(enc, talk, 1, false, data[0]);
    assert_true(data[0][0] >> 3 >= 16); /* CELT as long as nothing is lost */
    mcu_aenc_set_loss(enc, 10);
    for (int t = 0; t < 202; t++)
        size[t] = mcu_aenc_encode(enc, talk + (t + 60) * TICK, 1, false, data[t]);
    assert_true(data[201][0] >> 3 < 16); /* SILK or hybrid */
    for (int t = 0; t < 200; t++) {
        bool lost = t % 10 == 9;
        mcu_adec_decode(all, data[t], (size_t)size[t], whole);
        for (int k = 0; k < 2; k++) {
            struct mcu_adec *dec = k ? plc : fec;
            if (!lost)
                mcu_adec_decode(dec, data[t], (size_t)size[t], fixed);
            else
                mcu_adec_conceal(dec, TICK, k ? NULL : data[t + 1],
                                 k ? 0 : (size_t)size[t + 1], fixed);
            for (int i = 0; lost && i < TICK; i++)
                *(k ? &without : &with_fec) += pow(fixed[i] - whole[i], 2);
        }
        for (int i = 0; lost && i < TICK; i++)
            signal += pow(whole[i], 2);
    }
    print_message("lost frames: %.1f dB with FEC, %.1f dB without\n",
                  10 * log10(signal / with_fec), 10 * log10(signal / without));
    assert_true(with_fec < without / 2);
    mcu_aenc_set_loss(enc, 1);
    mcu_aenc_encode(enc, talk, 1, false, data[0]);
    assert_true(data[0][0] >> 3 < 16); /* some loss still: no flapping */
    mcu_aenc_set_loss(enc, 0);
    for (int t = 0; t < 5; t++)
        mcu_aenc_encode(enc, talk + t * TICK, 1, false, data[0]);
    assert_true(data[0][0] >> 3 >= 16);
    mcu_aenc_free(&enc);
    mcu_adec_free(&all);
    mcu_adec_free(&fec);
    mcu_adec_free(&plc);
}

/* ---- switching ---- */

enum way { BY_PRIMING, BY_COPY, BY_CONVERGING };

struct scene {
    struct mcu_aenc_config config;
    enum way way;
    int ticks;      /* primed, or of equal sound before the switch */
    int loss;       /* percent */
    int calm;       /* ticks before the switch in which no loss is reported any more */
    double tone_hz; /* instead of speech */
};

/* The common sound at tick t with `gain` of the other voice; stereo off centre. */
static void mix(const struct scene *s, int t, double gain, int16_t *pcm)
{
    int channels = s->config.channels;
    for (int i = 0; i < TICK; i++) {
        int n = t * TICK + i;
        double v = s->tone_hz > 0 ? 6000 * sin(2 * M_PI * s->tone_hz * n / 48000) +
                                        2000 * sin(2 * M_PI * s->tone_hz * 1.37 * n / 48000)
                                  : talk[n];
        for (int c = 0; c < channels; c++) {
            double out = v * (c ? 0.5 : 0.9) + gain * other[n];
            pcm[i * channels + c] = (int16_t)fmax(INT16_MIN, fmin(INT16_MAX, out));
        }
    }
}

static void pass(const struct scene *s, struct mcu_aenc *enc, struct mcu_adec *dec, int t,
                 double gain)
{
    static int16_t pcm[TICK * 2], out[MCU_ADEC_MAX_FRAMES * 2];
    static uint8_t data[MCU_AENC_MAX_BYTES];
    mix(s, t, gain, pcm);
    int size = mcu_aenc_encode(enc, pcm, s->config.channels, false, data);
    if (size > 0 && dec)
        assert_true(mcu_adec_decode(dec, data, (size_t)size, out) > 0);
}

/* Signal to difference of one 20 ms frame. Below -70 dBFS only the difference itself is judged:
 * it must then be inaudible too. */
static double frame_snr(const int16_t *want, const int16_t *got, int samples)
{
    double signal = 0, noise = 1e-9;
    for (int i = 0; i < samples; i++) {
        signal += want[i] * want[i];
        noise += (want[i] - got[i]) * (want[i] - got[i]);
    }
    if (signal / samples < 100)
        return noise / samples < 100 ? 99 : 0;
    return fmin(10 * log10(signal / noise), 99);
}

/* One switch at tick `at` from encoder a, which the listener heard, to encoder b, whose own
 * listener never switches. Returns the worst frame of the next 400 ms. */
static double one_switch(const struct scene *s, int at)
{
    const int channels = s->config.channels;
    static int16_t pcm[TICK * 2], want[MCU_ADEC_MAX_FRAMES * 2], got[MCU_ADEC_MAX_FRAMES * 2];
    static uint8_t data[MCU_AENC_MAX_BYTES];
    struct mcu_aenc *a = new_enc(s->config), *b = new_enc(s->config);
    struct mcu_adec *listener = new_dec(MCU_CODEC_OPUS, channels);
    struct mcu_adec *reference = new_dec(MCU_CODEC_OPUS, channels);
    double worst = 99;

    mcu_aenc_set_loss(a, s->loss);
    mcu_aenc_set_loss(b, s->loss);
    for (int t = at - 72; t < at; t++) {
        if (t == at - s->calm) {
            mcu_aenc_set_loss(a, 0);
            mcu_aenc_set_loss(b, 0);
        }
        pass(s, a, listener, t, s->way == BY_CONVERGING && t < at - s->ticks ? 1 : 0);
        if (s->way == BY_CONVERGING || (s->way == BY_PRIMING && t >= at - s->ticks))
            pass(s, b, reference, t, 0);
        else if (s->way == BY_COPY)
            pass(s, b, NULL, t, 1); /* whatever it did before is gone */
    }
    if (s->way == BY_COPY) /* the reference is then he who stays with encoder a */
        assert_int_equal(mcu_aenc_copy(b, a), 0);
    for (int t = at, first = 1; t < at + 21; t++) {
        mix(s, t, s->way == BY_COPY ? 0 : 0.1, pcm);
        int size = mcu_aenc_encode(b, pcm, channels, first, data);
        assert_true(size >= 0);
        if (s->way == BY_COPY) { /* must be the very bytes that encoder a makes */
            uint8_t same[MCU_AENC_MAX_BYTES];
            assert_int_equal(mcu_aenc_encode(a, pcm, channels, first, same), size);
            assert_memory_equal(same, data, (size_t)size);
        }
        if (size == 0)
            continue;
        first = 0;
        int frames = mcu_adec_decode(listener, data, (size_t)size, got);
        if (s->way != BY_COPY)
            assert_int_equal(mcu_adec_decode(reference, data, (size_t)size, want), frames);
        for (int f = 0; s->way != BY_COPY && f < frames / TICK; f++) {
            double snr = frame_snr(want + f * TICK * channels, got + f * TICK * channels,
                                   TICK * channels);
            worst = fmin(worst, snr);
            if (t >= at + 4) /* this is what `independent` is for: 45 dB without */
                assert_true(snr >= 65);
        }
    }
    mcu_aenc_free(&a);
    mcu_aenc_free(&b);
    mcu_adec_free(&listener);
    mcu_adec_free(&reference);
    return worst;
}

/* Switches all over the test sound, at multiples of 60 ms so that every frame_ms fits. */
static double worst_switch(const struct scene *s, const char *what)
{
    double worst = 99;
    for (int at = 72; at + 21 < TICKS; at += s->tone_hz > 0 ? 600 : 120)
        worst = fmin(worst, one_switch(s, at));
    print_message("%s, %d channels, %d ms, fec %d, %d ticks: %.1f dB\n", what, s->config.channels,
                  s->config.frame_ms, s->config.fec, s->ticks, worst);
    return worst;
}

static struct scene scene_of(enum way way, int channels, bool fec, int ticks)
{
    struct scene s = { .config = config_of(MCU_CODEC_OPUS, channels), .way = way, .ticks = ticks };
    s.config.fec = fec;
    return s;
}

static void switch_to_a_primed_encoder_is_above_20_db(void **state)
{
    for (int channels = 1; channels <= 2; channels++)
        for (int fec = 0; fec <= 1; fec++) {
            struct scene s = scene_of(BY_PRIMING, channels, fec, MCU_AENC_PRIME_TICKS);
            assert_true(worst_switch(&s, "speech, primed") >= 20);
            s.tone_hz = fec ? 1000 : 440;
            assert_true(worst_switch(&s, "tone, primed") >= 20);
        }
}

static void switch_between_encoders_that_converged_is_above_20_db(void **state)
{
    for (int channels = 1; channels <= 2; channels++)
        for (int frame_ms = 20; frame_ms <= 60; frame_ms += 40) {
            struct scene s = scene_of(BY_CONVERGING, channels, false, MCU_AENC_PRIME_TICKS);
            s.config.frame_ms = frame_ms;
            assert_true(worst_switch(&s, "speech, converged") >= 20);
        }
}

/* one_switch() holds the frames from 80 ms on above 65 dB; without `independent` some are at 45. */
static void switch_settles_soon_as_the_first_packet_leans_on_nothing(void **state)
{
    struct scene s = scene_of(BY_PRIMING, 1, false, 10);
    worst_switch(&s, "speech, primed briefly");
}

static void switch_in_a_pause_of_fec_is_above_20_db(void **state)
{
    for (int channels = 1; channels <= 2; channels++) {
        struct scene s = scene_of(BY_CONVERGING, channels, true, MCU_AENC_PRIME_TICKS);
        s.loss = 10;
        s.calm = s.ticks;
        assert_true(worst_switch(&s, "speech, FEC paused") >= 20);
    }
}

static void switch_to_a_copied_encoder_cannot_be_told(void **state)
{
    for (int channels = 1; channels <= 2; channels++)
        for (int loss = 0; loss <= 10; loss += 10) {
            struct scene s = scene_of(BY_COPY, channels, loss > 0, 0);
            s.loss = loss;
            for (int at = 72; at < TICKS - 21; at += 300)
                one_switch(&s, at);
        }
}

static void prime_equals_encoding_the_same_ticks(void **state)
{
    struct mcu_aenc *a = new_enc(config_of(MCU_CODEC_OPUS, 1)), *b = NULL;
    struct mcu_aenc_config config = config_of(MCU_CODEC_OPUS, 1);
    uint8_t da[MCU_AENC_MAX_BYTES], db[MCU_AENC_MAX_BYTES];
    const int16_t *blocks[5];
    b = new_enc(config);
    for (int t = 0; t < 5; t++) {
        blocks[t] = talk + (100 + t) * TICK;
        mcu_aenc_encode(a, blocks[t], 1, false, da);
    }
    mcu_aenc_prime(b, blocks, 1, 5);
    int size = mcu_aenc_encode(a, talk + 105 * TICK, 1, true, da);
    assert_int_equal(mcu_aenc_encode(b, talk + 105 * TICK, 1, true, db), size);
    assert_memory_equal(da, db, (size_t)size);
    mcu_aenc_free(&a);
    mcu_aenc_free(&b);
}

/* ---- the contract ---- */

static void bad_configurations_are_refused(void **state)
{
    struct mcu_aenc *enc = NULL;
    struct mcu_aenc_config c;
#define REFUSED(change)                                                                            \
    c = config_of(MCU_CODEC_OPUS, 1);                                                              \
    change;                                                                                        \
    assert_int_equal(mcu_aenc_new(&enc, &c), -EINVAL)
    REFUSED(c.codec = MCU_CODEC_H264);
    REFUSED(c.codec = MCU_CODEC_NONE);
    REFUSED(c.channels = 3);
    REFUSED(c.channels = 0);
    REFUSED(c.frame_ms = 10);
    REFUSED(c.frame_ms = 50);
    REFUSED(c.complexity = 11);
    REFUSED(c.bitrate_bps = -1);
    assert_null(enc);
    mcu_aenc_free(&enc);
}

static void copy_needs_the_same_kind(void **state)
{
    struct mcu_aenc *mono = new_enc(config_of(MCU_CODEC_OPUS, 1));
    struct mcu_aenc *stereo = new_enc(config_of(MCU_CODEC_OPUS, 2));
    struct mcu_aenc *g722 = new_enc(config_of(MCU_CODEC_G722, 1));
    assert_int_equal(mcu_aenc_copy(mono, stereo), -EINVAL);
    assert_int_equal(mcu_aenc_copy(mono, g722), -EINVAL);
    mcu_aenc_free(&mono);
    mcu_aenc_free(&stereo);
    mcu_aenc_free(&g722);
}

static void reset_starts_from_the_beginning(void **state)
{
    for (size_t c = 0; c < MCU_ARRAY_LEN(codecs); c++) {
        struct mcu_aenc *enc = new_enc(config_of(codecs[c], 1));
        uint8_t first[MCU_AENC_MAX_BYTES], again[MCU_AENC_MAX_BYTES];
        int size = mcu_aenc_encode(enc, talk + 100 * TICK, 1, false, first);
        for (int t = 0; t < 10; t++)
            mcu_aenc_encode(enc, talk + (t + 101) * TICK, 1, false, again);
        mcu_aenc_reset(enc);
        assert_int_equal(mcu_aenc_encode(enc, talk + 100 * TICK, 1, false, again), size);
        assert_memory_equal(first, again, (size_t)size);
        mcu_aenc_free(&enc);
    }
}

static void nothing_allocates_after_new(void **state)
{
#ifdef COUNTS_MALLOC
    for (size_t c = 0; c < MCU_ARRAY_LEN(codecs) * 2; c++) {
        struct mcu_aenc_config config = config_of(codecs[c / 2], 2);
        config.fec = config.dtx = c & 1;
        struct mcu_aenc *enc = new_enc(config), *twin = new_enc(config);
        struct mcu_adec *dec = new_dec(config.codec, 2);
        static int16_t pcm[MCU_ADEC_MAX_FRAMES * 2];
        uint8_t data[MCU_AENC_MAX_BYTES];
        long before = allocations;
        free(malloc(1));
        assert_true(allocations > before); /* the counter works */
        before = allocations;
        for (int t = 0; t < 100; t++) {
            const int16_t *block = talk + (t + 50) * TICK;
            mcu_aenc_set_loss(enc, t / 30 % 2 * 10);
            mcu_aenc_prime(twin, &block, 1, 1);
            int size = mcu_aenc_encode(enc, block, 1, t % 9 == 0, data);
            if (t % 7)
                mcu_adec_decode(dec, data, (size_t)size, pcm);
            else
                mcu_adec_conceal(dec, TICK, t % 14 ? data : NULL, (size_t)size, pcm);
        }
        mcu_aenc_copy(twin, enc);
        mcu_aenc_reset(enc);
        mcu_adec_reset(dec);
        assert_int_equal(allocations, before);
        mcu_aenc_free(&enc);
        mcu_aenc_free(&twin);
        mcu_adec_free(&dec);
    }
#else
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_codec_keeps_a_tones_level_and_the_rtp_clock),
        cmocka_unit_test(every_codec_takes_mono_and_stereo_whatever_it_codes),
        cmocka_unit_test(stereo_opus_keeps_left_and_right_apart),
        cmocka_unit_test(opus_codes_no_more_than_the_receiver_plays),
        cmocka_unit_test(opus_follows_its_bitrate),
        cmocka_unit_test(dtx_sends_little_in_silence_and_speaks_up_at_once),
        cmocka_unit_test(the_first_packet_after_dtx_leans_on_nothing),
        cmocka_unit_test(fec_comes_with_loss_and_repairs_it),
        cmocka_unit_test(switch_to_a_primed_encoder_is_above_20_db),
        cmocka_unit_test(switch_between_encoders_that_converged_is_above_20_db),
        cmocka_unit_test(switch_settles_soon_as_the_first_packet_leans_on_nothing),
        cmocka_unit_test(switch_in_a_pause_of_fec_is_above_20_db),
        cmocka_unit_test(switch_to_a_copied_encoder_cannot_be_told),
        cmocka_unit_test(prime_equals_encoding_the_same_ticks),
        cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test(copy_needs_the_same_kind),
        cmocka_unit_test(reset_starts_from_the_beginning),
        cmocka_unit_test(nothing_allocates_after_new),
    };
    return cmocka_run_group_tests(tests, load_sounds, NULL);
}
