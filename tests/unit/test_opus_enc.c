/* Unit tests of codec/opus_enc.h: how far it looks ahead, and what is heard of a change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <opus/opus.h>
#include <stdlib.h>
#include <string.h>

#include "codec/opus_enc.h"
#include "sound.h"

#define TICK   960
#define TICKS  1000
#define LOSS   10
#define BYTES  1500
#define BLOCK  240 /* 5 ms, what is judged at once */
#define BAD_DB 3
#define BEFORE 60  /* ticks before loss is reported, or not any more */
#define AFTER  90

static int16_t talk[TICKS * TICK];

static struct mcu_opus_enc *new_enc(int channels, int bitrate_bps, bool full)
{
    struct mcu_opus_enc_config c = { .channels = channels, .complexity = 5,
                                     .bitrate_bps = bitrate_bps, .full = full };
    struct mcu_opus_enc *enc = NULL;
    assert_int_equal(mcu_opus_enc_new(&enc, &c), 0);
    return enc;
}

static OpusDecoder *new_dec(int channels)
{
    int error;
    OpusDecoder *dec = opus_decoder_create(48000, channels, &error);
    assert_non_null(dec);
    return dec;
}

/* The sound of `ticks` from tick t on; in stereo off centre. */
static const int16_t *sound(int t, int ticks, int channels)
{
    static int16_t pcm[MCU_OPUS_ENC_TICKS * TICK * 2];
    for (int i = 0; i < ticks * TICK; i++)
        for (int c = 0; c < channels; c++)
            pcm[i * channels + c] = (int16_t)(talk[t * TICK + i] * (c ? 0.5 : 0.9));
    return pcm;
}

/* ---- how far it looks ahead ---- */

/* Frames by which the decoded sound lags behind talk from frame `at` on. */
static int lag_of(const int16_t *pcm, int at, int frames)
{
    double best = -1;
    int lag = -1;
    for (int l = 0; l <= 480; l++) {
        double sum = 0;
        for (int i = 480; i < frames; i++)
            sum += (double)pcm[i] * talk[at + i - l];
        if (sum > best) {
            best = sum;
            lag = l;
        }
    }
    return lag;
}

static void check_lag(struct mcu_opus_enc *enc, OpusDecoder *dec, int from, int want)
{
    static int16_t pcm[30 * TICK];
    uint8_t data[BYTES];
    for (int t = 0; t < 30; t++) {
        int n = mcu_opus_enc_encode(enc, sound(from + t, 1, 1), 1, false, data, BYTES);
        assert_int_equal(mcu_opus_enc_ahead(enc), want);
        assert_int_equal(opus_decode(dec, data, n, pcm + t * TICK, TICK, 0), TICK);
    }
    assert_in_range(lag_of(pcm, from * TICK, 30 * TICK), want - 6, want + 6);
}

static int pass(struct mcu_opus_enc *enc, OpusDecoder *dec, int from, int ticks)
{
    int16_t pcm[TICK];
    uint8_t data[BYTES];
    for (int t = from; t < from + ticks; t++)
        assert_int_equal(opus_decode(dec, data,
                                     mcu_opus_enc_encode(enc, sound(t, 1, 1), 1, false, data, BYTES),
                                     pcm, TICK, 0), TICK);
    return from + ticks;
}

static void looks_as_far_ahead_as_it_says(void **state)
{
    struct mcu_opus_enc *enc = new_enc(1, 32000, true), *plain = new_enc(1, 32000, false);
    OpusDecoder *dec = new_dec(1), *other = new_dec(1);
    int t = 100;
    check_lag(enc, dec, t, MCU_OPUS_AHEAD_LOW);
    mcu_opus_enc_set_fec(enc, LOSS);
    t = pass(enc, dec, t + 30, 40);
    check_lag(enc, dec, t, MCU_OPUS_AHEAD_FULL);
    mcu_opus_enc_set_fec(enc, 0);
    t = pass(enc, dec, t + 30, 80);
    check_lag(enc, dec, t, MCU_OPUS_AHEAD_LOW);
    mcu_opus_enc_set_fec(plain, LOSS); /* it was made without */
    check_lag(plain, other, pass(plain, other, 100, 50), MCU_OPUS_AHEAD_LOW);
    mcu_opus_enc_free(&enc);
    mcu_opus_enc_free(&plain);
    opus_decoder_destroy(dec);
    opus_decoder_destroy(other);
}

static void rates_below_celts_take_silk_from_the_first_packet(void **state)
{
    static const struct { int bps; bool silk; } row[] = { { 8000, true }, { 10000, true }, { 12000, false } };
    uint8_t data[BYTES];
    for (int i = 0; i < 3; i++) {
        struct mcu_opus_enc *enc = new_enc(1, row[i].bps, true);
        assert_true(mcu_opus_enc_encode(enc, sound(100, 1, 1), 1, false, data, BYTES) > 0);
        assert_int_equal(data[0] >> 3 < 16, row[i].silk); /* RFC 6716 3.1 */
        assert_int_equal(mcu_opus_enc_ahead(enc), row[i].silk ? MCU_OPUS_AHEAD_FULL : MCU_OPUS_AHEAD_LOW);
        mcu_opus_enc_free(&enc);
    }
}

/* ---- a change ---- */

struct heard {
    int16_t pcm[(BEFORE + AFTER) * TICK * 2];
    int changed; /* the first tick of the other look-ahead, 0: none */
};

static int loss_at(int t, bool to_full)
{
    return (t >= BEFORE) == to_full ? LOSS : 0;
}

static void hear(struct heard *h, int at, int channels, bool to_full)
{
    struct mcu_opus_enc *enc = new_enc(channels, 32000 * channels, true);
    OpusDecoder *dec = new_dec(channels);
    uint8_t data[BYTES];
    h->changed = 0;
    for (int t = 0; t < BEFORE + AFTER; t++) {
        int before = mcu_opus_enc_ahead(enc);
        mcu_opus_enc_set_fec(enc, loss_at(t, to_full));
        int n = mcu_opus_enc_encode(enc, sound(at + t, 1, channels), 1, false, data, BYTES);
        assert_int_equal(opus_decode(dec, data, n, h->pcm + t * TICK * channels, TICK, 0), TICK);
        if (t >= BEFORE && mcu_opus_enc_ahead(enc) != before) {
            assert_int_equal(h->changed, 0); /* only once */
            h->changed = t;
        }
    }
    mcu_opus_enc_free(&enc);
    opus_decoder_destroy(dec);
}

/* What libopus's own change in its application of audio sounds like, in the same tick. */
static void hear_libopus(struct heard *h, int at, int channels, bool to_full, int changed)
{
    int error;
    OpusEncoder *o = opus_encoder_create(48000, channels, OPUS_APPLICATION_AUDIO, &error);
    OpusDecoder *dec = new_dec(channels);
    uint8_t data[BYTES];
    opus_encoder_ctl(o, OPUS_SET_COMPLEXITY(5));
    opus_encoder_ctl(o, OPUS_SET_BITRATE(32000 * channels));
    opus_encoder_ctl(o, OPUS_SET_FORCE_CHANNELS(channels));
    for (int t = 0; t < BEFORE + AFTER; t++) {
        bool fec = to_full ? t >= changed : t < BEFORE;
        opus_encoder_ctl(o, OPUS_SET_SIGNAL(fec ? OPUS_SIGNAL_VOICE : OPUS_SIGNAL_MUSIC));
        opus_encoder_ctl(o, OPUS_SET_VBR(fec));
        opus_encoder_ctl(o, OPUS_SET_INBAND_FEC(fec));
        opus_encoder_ctl(o, OPUS_SET_PACKET_LOSS_PERC(fec ? LOSS : 0));
        int n = opus_encode(o, sound(at + t, 1, channels), TICK, data, BYTES);
        assert_int_equal(opus_decode(dec, data, n, h->pcm + t * TICK * channels, TICK, 0), TICK);
    }
    opus_encoder_destroy(o);
    opus_decoder_destroy(dec);
}

/* Signal to difference of a block, dB, within -10 and 35; NAN where there is next to no sound. */
static double block_snr(const struct heard *h, int at, int block, int channels, int lag)
{
    double signal = 0, noise = 1;
    for (int i = block * BLOCK; i < (block + 1) * BLOCK; i++)
        for (int c = 0; c < channels; c++) {
            double want = (int16_t)(talk[at * TICK + i - lag] * (c ? 0.5 : 0.9));
            signal += want * want;
            noise += pow(want - h->pcm[i * channels + c], 2);
        }
    if (signal / (BLOCK * channels) < 10000)
        return NAN;
    return fmax(-10, fmin(35, 10 * log10(signal / noise)));
}

/* The blocks around changes all over the sound, ours and libopus's own: on average, and how many are bad. */
static void compare(int channels, bool to_full, double *sum, int *bad, int *blocks)
{
    static struct heard ours, own;
    for (int at = 10; at + BEFORE + AFTER < TICKS; at += 60) {
        hear(&ours, at, channels, to_full);
        assert_in_range(ours.changed, BEFORE + 5, BEFORE + AFTER - 5);
        hear_libopus(&own, at, channels, to_full, ours.changed);
        for (int b = ours.changed * 4 - 1; b < ours.changed * 4 + 12; b++) {
            double theirs = block_snr(&own, at, b, channels, MCU_OPUS_AHEAD_FULL);
            double mine = fmax(block_snr(&ours, at, b, channels, MCU_OPUS_AHEAD_FULL),
                               block_snr(&ours, at, b, channels, MCU_OPUS_AHEAD_LOW));
            if (isnan(theirs) || isnan(mine))
                continue;
            (*blocks)++;
            sum[0] += mine;
            sum[1] += theirs;
            bad[0] += mine < BAD_DB;
            bad[1] += theirs < BAD_DB;
        }
    }
}

static void a_change_is_heard_no_more_than_one_of_libopus(void **state)
{
    for (int channels = 1; channels <= 2; channels++)
        for (int to_full = 0; to_full <= 1; to_full++) {
            double sum[2] = { 0 };
            int blocks = 0, bad[2] = { 0 };
            compare(channels, to_full, sum, bad, &blocks);
            print_message("%d channels, to %s: mean %.1f dB (libopus %.1f), %d bad (%d) of %d blocks\n",
                          channels, to_full ? "full" : "low", sum[0] / blocks, sum[1] / blocks, bad[0],
                          bad[1], blocks);
            assert_true(blocks > 50);
            assert_true(sum[0] / blocks > sum[1] / blocks - 2.5); /* the fade itself is like neither */
            assert_true(bad[0] <= bad[1] + blocks / (to_full ? 20 : 40));
        }
}

static void a_change_that_is_not_wanted_any_more_does_not_come(void **state)
{
    struct mcu_opus_enc *enc = new_enc(1, 32000, true);
    uint8_t data[BYTES];
    for (int t = 0; t < 300; t++) { /* loss comes and goes every 8 ticks, which is too short for either */
        mcu_opus_enc_set_fec(enc, t / 8 % 2 ? LOSS : 0);
        assert_true(mcu_opus_enc_encode(enc, sound(100 + t, 1, 1), 1, false, data, BYTES) > 0);
        assert_int_equal(mcu_opus_enc_ahead(enc), MCU_OPUS_AHEAD_LOW);
    }
    mcu_opus_enc_free(&enc);
}

/* Packets of every length go through changes, and of each comes as much sound as ever. */
static void every_packet_length_goes_through_changes(void **state)
{
    static int16_t pcm[MCU_OPUS_ENC_TICKS * TICK * 2];
    uint8_t data[BYTES];
    for (int ticks = 1; ticks <= MCU_OPUS_ENC_TICKS; ticks++) {
        struct mcu_opus_enc *enc = new_enc(2, 48000, true);
        OpusDecoder *dec = new_dec(2);
        int changes = 0;
        for (int t = 0; t + ticks < 600; t += ticks) {
            int before = mcu_opus_enc_ahead(enc);
            mcu_opus_enc_set_fec(enc, t / 150 % 2 ? LOSS : 0);
            int n = mcu_opus_enc_encode(enc, sound(t, ticks, 2), ticks, t % 9 == 0, data, BYTES);
            assert_in_range(n, 1, BYTES);
            assert_int_equal(opus_decode(dec, data, n, pcm, MCU_OPUS_ENC_TICKS * TICK, 0), ticks * TICK);
            changes += mcu_opus_enc_ahead(enc) != before;
        }
        assert_int_equal(changes, 3);
        mcu_opus_enc_free(&enc);
        opus_decoder_destroy(dec);
    }
}

static void a_copy_goes_on_in_any_stage_of_a_change(void **state)
{
    uint8_t a[BYTES], b[BYTES];
    for (int when = 0; when < 160; when += 9) {
        struct mcu_opus_enc *from = new_enc(1, 32000, true), *to = new_enc(1, 32000, true);
        for (int t = 0; t < 160; t++) {
            if (t == when)
                mcu_opus_enc_copy(to, from);
            mcu_opus_enc_set_fec(from, t / 60 % 2 ? LOSS : 0);
            mcu_opus_enc_set_fec(to, t >= when && t / 60 % 2 ? LOSS : 0);
            int n = mcu_opus_enc_encode(from, sound(100 + t, 1, 1), 1, false, a, BYTES);
            int same = mcu_opus_enc_encode(to, sound(100 + t, 1, 1), 1, false, b, BYTES);
            if (t < when)
                continue;
            assert_int_equal(n, same);
            assert_memory_equal(a, b, (size_t)n);
        }
        mcu_opus_enc_free(&from);
        mcu_opus_enc_free(&to);
    }
}

static void a_reset_leaves_nothing_of_a_change(void **state)
{
    uint8_t a[BYTES], b[BYTES];
    for (int loss = 0; loss <= LOSS; loss += LOSS) {
        struct mcu_opus_enc *used = new_enc(1, 32000, true), *fresh = new_enc(1, 32000, true);
        for (int t = 0; t < 80; t++) {
            mcu_opus_enc_set_fec(used, t < 40 ? LOSS : 0);
            mcu_opus_enc_encode(used, sound(100 + t, 1, 1), 1, false, a, BYTES);
        }
        mcu_opus_enc_reset(used);
        mcu_opus_enc_set_fec(used, loss);
        mcu_opus_enc_set_fec(fresh, loss);
        for (int t = 0; t < 20; t++) {
            int n = mcu_opus_enc_encode(used, sound(300 + t, 1, 1), 1, false, a, BYTES);
            assert_int_equal(mcu_opus_enc_encode(fresh, sound(300 + t, 1, 1), 1, false, b, BYTES), n);
            assert_memory_equal(a, b, (size_t)n);
        }
        mcu_opus_enc_free(&used);
        mcu_opus_enc_free(&fresh);
    }
}

static int load_sounds(void **state)
{
    int n = sound_speech(talk, TICKS * TICK);
    for (int i = n; i < TICKS * TICK; i++)
        talk[i] = talk[i - n];
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks_as_far_ahead_as_it_says),
        cmocka_unit_test(rates_below_celts_take_silk_from_the_first_packet),
        cmocka_unit_test(a_change_is_heard_no_more_than_one_of_libopus),
        cmocka_unit_test(a_change_that_is_not_wanted_any_more_does_not_come),
        cmocka_unit_test(every_packet_length_goes_through_changes),
        cmocka_unit_test(a_copy_goes_on_in_any_stage_of_a_change),
        cmocka_unit_test(a_reset_leaves_nothing_of_a_change),
    };
    return cmocka_run_group_tests(tests, load_sounds, NULL);
}
