/* Unit tests of codec/adec.h and plc.h: packets of every length, hostile ones, and lost ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <opus/opus.h>
#include <stdlib.h>
#include <string.h>

#include "codec/adec.h"
#include "codec/aenc.h"
#include "mixer/base/util.h"
#include "mixer/base/pcm.h"

#define TICK 960

static const enum mcu_codec codecs[] = { MCU_CODEC_OPUS, MCU_CODEC_G722, MCU_CODEC_PCMU,
                                         MCU_CODEC_PCMA };
static int16_t pcm[MCU_ADEC_MAX_FRAMES * 2 + 16];

static struct mcu_adec *new_dec(enum mcu_codec codec, int channels)
{
    struct mcu_adec *dec = NULL;
    assert_int_equal(mcu_adec_new(&dec, codec, channels), 0);
    return dec;
}

static struct mcu_aenc *new_enc(enum mcu_codec codec)
{
    struct mcu_aenc_config config = { .codec = codec, .channels = 1, .frame_ms = 20,
                                      .complexity = -1 };
    struct mcu_aenc *enc = NULL;
    assert_int_equal(mcu_aenc_new(&enc, &config), 0);
    return enc;
}

/* A vowel: ten harmonics of 140 Hz, strong ones around 700 Hz; peak about 8000. */
static void vowel(int16_t *to, int at, int n)
{
    for (int i = 0; i < n; i++) {
        double v = 0;
        for (int k = 1; k <= 10; k++)
            v += sin(2 * M_PI * 140 * k * (at + i) / 48000 + k * k) / (1 + abs(k - 5));
        to[i] = (int16_t)lrint(3500 * v);
    }
}

static int max_step(const int16_t *x, int n)
{
    int step = 0;
    for (int i = 1; i < n; i++)
        step = mcu_max(step, abs(x[i] - x[i - 1]));
    return step;
}

static double rms(const int16_t *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum / n);
}

/* ---- packets ---- */

static void g711_and_g722_packets_last_125_us_a_byte(void **state)
{
    /* 10, 20, 30, 40, 60, 120 ms, one byte, and a length that is no whole millisecond. */
    static const int bytes[] = { 80, 160, 240, 320, 480, 960, 1, 163 };
    static uint8_t data[961];
    for (size_t c = 1; c < MCU_ARRAY_LEN(codecs); c++)
        for (int channels = 1; channels <= 2; channels++) {
            struct mcu_adec *dec = new_dec(codecs[c], channels);
            for (size_t i = 0; i < MCU_ARRAY_LEN(bytes); i++) {
                size_t n = (size_t)bytes[i];
                assert_int_equal(mcu_adec_packet_frames(dec, data, n), 6 * bytes[i]);
                assert_int_equal(mcu_adec_decode(dec, data, n, pcm), 6 * bytes[i]);
            }
            assert_int_equal(mcu_adec_decode(dec, data, 961, pcm), -EBADMSG);
            mcu_adec_free(&dec);
        }
}

/* RFC 6716 3.1 and 3.2: durations by configuration, and all four frame count codes. */
static void opus_packets_of_every_length_are_measured_and_decoded(void **state)
{
    static const struct {
        uint8_t data[4];
        int size, frames;
    } row[] = {
        { { 0x00 }, 1, 480 },         { { 0x08 }, 1, 960 },          { { 0x10 }, 1, 1920 },
        { { 0x18 }, 1, 2880 },        { { 0xe0 }, 1, 120 },          { { 0xf0 }, 1, 480 },
        { { 0xf8 }, 1, 960 },         { { 0xf9 }, 1, 1920 },         { { 0x19 }, 1, 5760 },
        { { 0xfb, 6 }, 2, 5760 },     { { 0xfb, 7 }, 2, -EBADMSG },  { { 0xfb, 0 }, 2, -EBADMSG },
        { { 0xfb }, 1, -EBADMSG },    { { 0xf9, 1 }, 2, -EBADMSG },  { { 0xfa }, 1, -EBADMSG },
        { { 0x1b, 3 }, 2, -EBADMSG }, { { 0xfa, 252 }, 2, -EBADMSG }, { { 0 }, 0, -EBADMSG },
    };
    for (int channels = 1; channels <= 2; channels++) {
        struct mcu_adec *dec = new_dec(MCU_CODEC_OPUS, channels);
        for (size_t i = 0; i < MCU_ARRAY_LEN(row); i++) {
            size_t n = (size_t)row[i].size;
            assert_int_equal(mcu_adec_packet_frames(dec, row[i].data, n), row[i].frames);
            assert_int_equal(mcu_adec_decode(dec, row[i].data, n, pcm), row[i].frames);
        }
        mcu_adec_free(&dec);
    }
}

static void refused_packets_write_nothing(void **state)
{
    static uint8_t data[2000];
    for (size_t c = 0; c < MCU_ARRAY_LEN(codecs); c++) {
        struct mcu_adec *dec = new_dec(codecs[c], 2);
        static int16_t before[MCU_ARRAY_LEN(pcm)];
        memset(pcm, 0x5a, sizeof(pcm));
        memcpy(before, pcm, sizeof(pcm));
        data[0] = 0xfb;
        assert_int_equal(mcu_adec_decode(dec, data, 0, pcm), -EBADMSG);
        assert_int_equal(mcu_adec_decode(dec, NULL, 0, pcm), -EBADMSG);
        assert_int_equal(mcu_adec_decode(dec, data, 2000, pcm), -EBADMSG);
        assert_memory_equal(pcm, before, sizeof(pcm));
        mcu_adec_free(&dec);
    }
}

static void random_bytes_never_write_past_their_frames(void **state)
{
    uint32_t seed = 3;
    for (int round = 0; round < 3000; round++) {
        static struct mcu_adec *dec[4];
        uint8_t data[300];
        int c = round & 3;
        if (!dec[c])
            dec[c] = new_dec(codecs[c], 2);
        size_t size = (size_t)(round * 7 % 300);
        for (size_t i = 0; i < size; i++)
            data[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
        int frames = mcu_adec_packet_frames(dec[c], data, size);
        int end = mcu_max(frames, 0) * 2;
        pcm[end] = 0x1234;
        assert_int_equal(mcu_adec_decode(dec[c], data, size, pcm), frames);
        assert_int_equal(pcm[end], 0x1234);
        if (round >= 2996)
            mcu_adec_free(&dec[c]);
    }
}

static void what_is_unknown_is_refused(void **state)
{
    struct mcu_adec *dec = NULL;
    assert_int_equal(mcu_adec_new(&dec, MCU_CODEC_H264, 1), -EINVAL);
    assert_int_equal(mcu_adec_new(&dec, MCU_CODEC_NONE, 1), -EINVAL);
    assert_int_equal(mcu_adec_new(&dec, MCU_CODEC_OPUS, 0), -EINVAL);
    assert_int_equal(mcu_adec_new(&dec, MCU_CODEC_PCMU, 3), -EINVAL);
    assert_null(dec);
    mcu_adec_free(&dec);
}

static void reset_forgets_all_history(void **state)
{
    for (size_t c = 0; c < MCU_ARRAY_LEN(codecs); c++) {
        struct mcu_aenc *enc = new_enc(codecs[c]);
        struct mcu_adec *used = new_dec(codecs[c], 1), *fresh = new_dec(codecs[c], 1);
        static int16_t other[MCU_ADEC_MAX_FRAMES];
        uint8_t data[MCU_AENC_MAX_BYTES];
        int size = 0;
        for (int t = 0; t < 8; t++) {
            int16_t block[TICK];
            vowel(block, t * TICK, TICK);
            size = mcu_aenc_encode(enc, block, 1, false, data);
            mcu_adec_decode(used, data, (size_t)size, pcm);
        }
        mcu_adec_conceal(used, TICK, NULL, 0, pcm);
        mcu_adec_reset(used);
        mcu_adec_decode(used, data, (size_t)size, pcm);
        mcu_adec_decode(fresh, data, (size_t)size, other);
        assert_memory_equal(pcm, other, TICK * sizeof(*pcm));
        mcu_aenc_free(&enc);
        mcu_adec_free(&used);
        mcu_adec_free(&fresh);
    }
}

/* ---- concealment ---- */

/* 300 ms of vowel of which `lost` ticks from tick 6 on are concealed; [15][960] come out. */
static void with_loss(enum mcu_codec codec, int lost, int16_t *out)
{
    struct mcu_aenc *enc = new_enc(codec);
    struct mcu_adec *dec = new_dec(codec, 1);
    for (int t = 0; t < 15; t++) {
        int16_t block[TICK];
        uint8_t data[MCU_AENC_MAX_BYTES];
        vowel(block, t * TICK, TICK);
        int size = mcu_aenc_encode(enc, block, 1, false, data);
        if (t >= 6 && t < 6 + lost)
            assert_int_equal(mcu_adec_conceal(dec, TICK, NULL, 0, pcm), TICK);
        else
            assert_int_equal(mcu_adec_decode(dec, data, (size_t)size, pcm), TICK);
        memcpy(out + t * TICK, pcm, TICK * sizeof(*pcm));
    }
    mcu_aenc_free(&enc);
    mcu_adec_free(&dec);
}

static void concealment_makes_no_click(void **state)
{
    static int16_t whole[15 * TICK], holed[15 * TICK];
    for (size_t c = 0; c < MCU_ARRAY_LEN(codecs); c++) {
        with_loss(codecs[c], 0, whole);
        int usual = max_step(whole + 3 * TICK, 12 * TICK);
        for (int lost = 1; lost <= 6; lost++) {
            with_loss(codecs[c], lost, holed);
            int step = max_step(holed + 3 * TICK, 12 * TICK);
            assert_in_range(step, usual / 2, usual * 3 / 2);
        }
    }
}

static void concealment_repeats_the_voice_then_fades_to_silence(void **state)
{
    static int16_t out[15 * TICK];
    for (size_t c = 0; c < MCU_ARRAY_LEN(codecs); c++) {
        with_loss(codecs[c], 6, out);
        double before = rms(out + 4 * TICK, 2 * TICK);
        assert_true(rms(out + 6 * TICK, TICK / 2) > before * 0.8);
        for (int t = 7; t < 11; t++)
            assert_true(rms(out + t * TICK, TICK) <= rms(out + (t - 1) * TICK, TICK) * 1.02);
        if (codecs[c] != MCU_CODEC_OPUS) /* 60 ms, and the resampler's tail of 4 ms */
            assert_true(rms(out + 9 * TICK + 192, 3 * TICK - 192) == 0);
        assert_true(rms(out + 13 * TICK, 2 * TICK) > before * 0.9);
    }
}

static void concealed_vowel_stays_close_to_the_true_one(void **state)
{
    static int16_t whole[15 * TICK], holed[15 * TICK];
    for (size_t c = 1; c < MCU_ARRAY_LEN(codecs); c++) {
        double noise = 0, signal = 0;
        with_loss(codecs[c], 0, whole);
        with_loss(codecs[c], 1, holed);
        for (int i = 6 * TICK; i < 6 * TICK + TICK / 2; i++) {
            noise += pow(whole[i] - holed[i], 2);
            signal += pow(whole[i], 2);
        }
        assert_true(10 * log10(signal / noise) > 10);
    }
}

/* A steady tone, of which the ticks with an 'x' are lost: the level of the quietest tick against the
 * others. */
static double quietest(enum mcu_codec codec, const char *ticks, double hz)
{
    struct mcu_aenc *enc = new_enc(codec);
    struct mcu_adec *dec = new_dec(codec, 1);
    double usual = 0, least = 1e9;
    for (int t = 0; ticks[t]; t++) {
        int16_t block[TICK];
        uint8_t data[MCU_AENC_MAX_BYTES];
        for (int i = 0; i < TICK; i++)
            block[i] = (int16_t)lrint(4000 * sin(2 * M_PI * hz * (t * TICK + i) / 48000));
        int size = mcu_aenc_encode(enc, block, 1, false, data);
        if (ticks[t] == 'x')
            mcu_adec_conceal(dec, TICK, NULL, 0, pcm);
        else
            mcu_adec_decode(dec, data, (size_t)size, pcm);
        double level = rms(pcm, TICK);
        if (t == 10)
            usual = level;
        if (t > 10)
            least = level < least ? level : least;
    }
    mcu_aenc_free(&enc);
    mcu_adec_free(&dec);
    return least / usual;
}

static void losses_close_to_each_other_leave_no_hole(void **state)
{
    static const char *const patterns[] = { "............x......", "............x.x....", "............xx......",
                                            "............x.x.x.x.x....", "............xx.xx......" };
    static const double tones[] = { 440, 613, 1130 };
    for (size_t c = 0; c < MCU_ARRAY_LEN(codecs); c++)
        for (size_t i = 0; i < MCU_ARRAY_LEN(patterns); i++)
            for (size_t k = 0; k < MCU_ARRAY_LEN(tones); k++) {
                double least = quietest(codecs[c], patterns[i], tones[k]);
                if (least < 0.5)
                    fail_msg("%s %s %.0f Hz: %.2f", mcu_codec_info(codecs[c])->name, patterns[i],
                             tones[k], least);
            }
}

static void concealment_writes_what_was_asked_whatever_it_is(void **state)
{
    static const int frames[] = { 1, 5, 119, 120, 121, 479, 480, 960, 961, 2880, 5759, 5760 };
    for (size_t c = 0; c < MCU_ARRAY_LEN(codecs); c++)
        for (int channels = 1; channels <= 2; channels++) {
            struct mcu_adec *dec = new_dec(codecs[c], channels);
            static const uint8_t next[] = { 0x08, 1, 2, 3 };
            for (size_t i = 0; i < 2 * MCU_ARRAY_LEN(frames); i++) {
                int n = frames[i / 2];
                memset(pcm, 0x5a, sizeof(pcm));
                assert_int_equal(mcu_adec_conceal(dec, n, i & 1 ? next : NULL, i & 1 ? 4 : 0, pcm),
                                 n);
                assert_int_equal(pcm[n * channels], 0x5a5a);
                assert_int_not_equal(pcm[n * channels - 1], 0x5a5a);
            }
            assert_int_equal(mcu_adec_conceal(dec, 0, NULL, 0, pcm), 0);
            mcu_adec_free(&dec);
        }
}

static void concealment_before_the_first_packet_is_silence(void **state)
{
    for (size_t c = 0; c < MCU_ARRAY_LEN(codecs); c++) {
        struct mcu_adec *dec = new_dec(codecs[c], 1);
        mcu_adec_conceal(dec, TICK, NULL, 0, pcm);
        assert_true(rms(pcm, TICK) == 0);
        mcu_adec_free(&dec);
    }
}

/* Mono is decoded as such and spread; what a stereo packet brings is then heard on both sides apart. */
static void opus_mono_fills_both_channels_and_stereo_is_kept_apart(void **state)
{
    struct mcu_aenc_config config = { .codec = MCU_CODEC_OPUS, .channels = 2, .frame_ms = 20,
                                      .bitrate_bps = 96000, .complexity = -1 };
    struct mcu_aenc *mono = new_enc(MCU_CODEC_OPUS), *stereo;
    struct mcu_adec *dec = new_dec(MCU_CODEC_OPUS, 2), *one = new_dec(MCU_CODEC_OPUS, 1);
    int16_t in[2 * MCU_PCM_TICK_FRAMES], alone[MCU_ADEC_MAX_FRAMES];
    uint8_t data[MCU_AENC_MAX_BYTES];
    assert_int_equal(mcu_aenc_new(&stereo, &config), 0);
    for (int t = 0; t < 50; t++) {
        vowel(in, t * MCU_PCM_TICK_FRAMES, MCU_PCM_TICK_FRAMES);
        int n = mcu_aenc_encode(mono, in, 1, false, data);
        assert_int_equal(mcu_adec_decode(dec, data, (size_t)n, pcm), MCU_PCM_TICK_FRAMES);
        assert_int_equal(mcu_adec_decode(one, data, (size_t)n, alone), MCU_PCM_TICK_FRAMES);
        for (int i = 0; i < MCU_PCM_TICK_FRAMES; i++) {
            assert_int_equal(pcm[2 * i], alone[i]);
            assert_int_equal(pcm[2 * i + 1], alone[i]);
        }
    }
    double left = 0, right = 0;
    for (int t = 0; t < 50; t++) {
        vowel(alone, t * MCU_PCM_TICK_FRAMES, MCU_PCM_TICK_FRAMES);
        for (int i = 0; i < MCU_PCM_TICK_FRAMES; i++) {
            in[2 * i] = alone[i];
            in[2 * i + 1] = 0;
        }
        int n = mcu_aenc_encode(stereo, in, 2, false, data);
        assert_int_equal(mcu_adec_decode(dec, data, (size_t)n, pcm), MCU_PCM_TICK_FRAMES);
        for (int i = 0; i < MCU_PCM_TICK_FRAMES && t > 10; i++) {
            left += (double)pcm[2 * i] * pcm[2 * i];
            right += (double)pcm[2 * i + 1] * pcm[2 * i + 1];
        }
    }
    assert_true(left > 100 * right);
    mcu_aenc_free(&mono);
    mcu_aenc_free(&stereo);
    mcu_adec_free(&dec);
    mcu_adec_free(&one);
}

/* ---- one channel while one is enough ---- */

struct twins {
    struct mcu_adec *wide, *narrow;
    int16_t a[MCU_ADEC_MAX_FRAMES * 2], b[MCU_ADEC_MAX_FRAMES * 2];
};

static void check_twins(struct twins *t, int frames, int channels)
{
    assert_int_equal(mcu_adec_channels(t->wide), 2);
    assert_int_equal(mcu_adec_channels(t->narrow), channels);
    if (channels == 1)
        mcu_pcm_widen(t->b, frames);
    assert_memory_equal(t->a, t->b, sizeof(t->a[0]) * 2 * (size_t)frames);
}

static void decode_twins(struct twins *t, const uint8_t *data, int size, int channels)
{
    int n = mcu_adec_decode(t->wide, data, (size_t)size, t->a);
    assert_true(n > 0);
    assert_int_equal(mcu_adec_decode(t->narrow, data, (size_t)size, t->b), n);
    check_twins(t, n, channels);
}

static void lose_twins(struct twins *t, int channels)
{
    mcu_adec_conceal(t->wide, TICK, NULL, 0, t->a);
    mcu_adec_conceal(t->narrow, TICK, NULL, 0, t->b);
    check_twins(t, TICK, channels);
    bool noise = mcu_adec_noise(t->wide, t->a);
    assert_int_equal(mcu_adec_noise(t->narrow, t->b), noise);
    if (noise)
        check_twins(t, TICK, channels);
}

static void a_narrow_decoder_gives_the_same_in_one_channel_until_two_come(void **state)
{
    static const uint8_t comfort[] = { 40, 130, 120 }, pause = 0xf8;
    static struct twins t;
    for (int c = 0; c < 4; c++) {
        bool opus = codecs[c] == MCU_CODEC_OPUS;
        struct mcu_aenc_config config = { .codec = codecs[c], .channels = 1, .frame_ms = 20,
                                          .complexity = -1 };
        struct mcu_aenc *enc;
        int16_t in[2 * TICK];
        uint8_t data[MCU_AENC_MAX_BYTES];
        t.wide = new_dec(codecs[c], 2);
        t.narrow = new_dec(codecs[c], 2);
        mcu_adec_set_narrow(t.narrow);
        for (int channels = 1; channels <= (opus ? 2 : 1); channels++) {
            config.channels = channels;
            assert_int_equal(mcu_aenc_new(&enc, &config), 0);
            for (int k = 0; k < 20; k++) {
                vowel(in, k * 2 * TICK, 2 * TICK);
                int n = mcu_aenc_encode(enc, in, channels, false, data);
                decode_twins(&t, data, n, channels);
                if (k % 6 == 5)
                    lose_twins(&t, channels);
            }
            if (opus)
                decode_twins(&t, &pause, 1, channels);
            for (int i = 0; i < 2 && !opus; i++)
                mcu_adec_noise_set(i ? t.wide : t.narrow, comfort, sizeof(comfort));
            lose_twins(&t, channels);
            mcu_aenc_free(&enc);
        }
        mcu_adec_free(&t.wide);
        mcu_adec_free(&t.narrow);
    }
}

/* Bursts up to three times full scale that end anywhere in a packet: what is beyond is clipped softly, and
 * libopus remembers how. */
static void opus_gives_the_bits_of_libopus_however_loud(void **state)
{
    for (int channels = 1; channels <= 2; channels++) {
        struct mcu_adec *dec = new_dec(MCU_CODEC_OPUS, channels);
        OpusEncoder *enc = opus_encoder_create(48000, channels, OPUS_APPLICATION_AUDIO, NULL);
        OpusDecoder *plain = opus_decoder_create(48000, channels, NULL);
        opus_encoder_ctl(enc, OPUS_SET_BITRATE(96000));
        opus_encoder_ctl(enc, OPUS_SET_FORCE_CHANNELS(channels));
        int at_top = 0;
        for (int t = 0; t < 100; t++) {
            static float x[TICK * 2];
            static int16_t want[TICK * 2];
            uint8_t data[1000];
            for (int i = 0; i < TICK * channels; i++) {
                int at = t * TICK + i / channels;
                double level = at / 610 % 3 == 0 ? 3.0 * t / 100 : 0.01;
                x[i] = (float)(level * sin(at * 0.02 * (1 + i % channels)));
            }
            int n = opus_encode_float(enc, x, TICK, data, sizeof(data));
            assert_int_equal(opus_decode(plain, data, n, want, TICK, 0), TICK);
            assert_int_equal(mcu_adec_decode(dec, data, (size_t)n, pcm), TICK);
            assert_memory_equal(pcm, want, (size_t)(TICK * channels) * sizeof(*pcm));
            for (int i = 0; i < TICK * channels; i++)
                at_top += want[i] == 32767;
        }
        assert_true(at_top > 100); /* some of it was clipped */
        opus_encoder_destroy(enc);
        opus_decoder_destroy(plain);
        mcu_adec_free(&dec);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(g711_and_g722_packets_last_125_us_a_byte),
        cmocka_unit_test(opus_packets_of_every_length_are_measured_and_decoded),
        cmocka_unit_test(refused_packets_write_nothing),
        cmocka_unit_test(opus_mono_fills_both_channels_and_stereo_is_kept_apart),
        cmocka_unit_test(opus_gives_the_bits_of_libopus_however_loud),
        cmocka_unit_test(a_narrow_decoder_gives_the_same_in_one_channel_until_two_come),
        cmocka_unit_test(random_bytes_never_write_past_their_frames),
        cmocka_unit_test(what_is_unknown_is_refused),
        cmocka_unit_test(reset_forgets_all_history),
        cmocka_unit_test(concealment_makes_no_click),
        cmocka_unit_test(concealment_repeats_the_voice_then_fades_to_silence),
        cmocka_unit_test(concealed_vowel_stays_close_to_the_true_one),
        cmocka_unit_test(losses_close_to_each_other_leave_no_hole),
        cmocka_unit_test(concealment_writes_what_was_asked_whatever_it_is),
        cmocka_unit_test(concealment_before_the_first_packet_is_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
