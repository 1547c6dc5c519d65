/* The sum, mix-minus and the limiter. */
#include "mixer/amix.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <cmocka.h>

#include "mixer/base/util.h"
#include "tests/unit/sound.h"

#define TICK       MCU_PCM_TICK_FRAMES
#define LONG_TICKS 100
#define LONG       (LONG_TICKS * TICK)

static void tone(int16_t *out, int frames, int64_t from, double hz, double amplitude)
{
    for (int i = 0; i < frames; i++)
        out[i] =
            (int16_t)lrint(amplitude * sin(2 * M_PI * fmod(hz * (double)(from + i) / 48000, 1)));
}

static struct mcu_amix *make(int channels, int max)
{
    struct mcu_amix *mix = NULL;
    assert_int_equal(mcu_amix_new(&mix, channels, max), 0);
    return mix;
}

static void quiet_sums_are_exact(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 2; channels++) {
        struct mcu_amix *mix = make(channels, 3);
        struct mcu_limiter limiter = { 0 };
        int16_t in[3][2 * TICK], out[2 * TICK];
        mcu_amix_begin(mix);
        for (int k = 0; k < 3; k++) {
            for (int i = 0; i < channels * TICK; i++)
                in[k][i] = (int16_t)((int)(sound_rnd() % 19001) - 9500);
            assert_int_equal(mcu_amix_add(mix, in[k], 1, 1), k);
        }
        assert_int_equal(mcu_amix_add(mix, in[0], 1, 1), -ENOSPC);
        mcu_amix_output(mix, -1, &limiter, out);
        for (int i = 0; i < channels * TICK; i++)
            assert_int_equal(out[i], in[0][i] + in[1][i] + in[2][i]);
        mcu_amix_output(mix, 1, &limiter, out);
        for (int i = 0; i < channels * TICK; i++)
            assert_int_equal(out[i], in[0][i] + in[2][i]);
        mcu_amix_free(&mix);
        assert_null(mix);
    }
}

static void gains_go_linearly(void **state)
{
    (void)state;
    struct mcu_amix *mix = make(2, 1);
    struct mcu_limiter limiter = { 0 };
    int16_t in[2 * TICK], out[2 * TICK];
    for (int i = 0; i < 2 * TICK; i++)
        in[i] = i % 2 ? -20000 : 20000;
    mcu_amix_begin(mix);
    mcu_amix_add(mix, in, 0, 1);
    mcu_amix_output(mix, -1, &limiter, out);
    for (int i = 0; i < 2 * TICK; i++)
        assert_in_range(out[i] - in[i] * (i / 2) / TICK + 2, 0, 4);
    mcu_amix_output(mix, 0, &limiter, out);
    for (int i = 0; i < 2 * TICK; i++)
        assert_int_equal(out[i], 0);
    mcu_amix_free(&mix);
}

/* Runs shouters (whole Hz each) for LONG frames; the output of all, or of all but one. */
static void shout(int n, const double *hz, double amplitude, int except, int16_t *out)
{
    static int16_t in[100][TICK];
    struct mcu_amix *mix = make(1, n);
    struct mcu_limiter limiter = { 0 };
    for (int t = 0; t < LONG_TICKS; t++) {
        mcu_amix_begin(mix);
        for (int k = 0; k < n; k++) {
            tone(in[k], TICK, t * TICK, hz[k], amplitude);
            mcu_amix_add(mix, in[k], 1, 1);
        }
        mcu_amix_output(mix, except, &limiter, out + t * TICK);
    }
    mcu_amix_free(&mix);
}

static int peak_of(const int16_t *x, int n)
{
    int peak = 0;
    for (int i = 0; i < n; i++)
        peak = mcu_max(peak, abs(x[i]));
    return peak;
}

static void ten_shouters_are_limited_and_stay_tones(void **state)
{
    (void)state;
    static int16_t out[LONG];
    double hz[10], power = 0;
    for (int k = 0; k < 10; k++)
        hz[k] = 310 + 190 * k;
    shout(10, hz, 32767, -1, out);
    /* The second half: a whole second, after the attack. */
    const int16_t *tail = out + LONG / 2;
    double all = sound_rms(tail, LONG / 2), least = 1e9;
    for (int k = 0; k < 10; k++) {
        double a = sound_tone(tail, LONG / 2, hz[k]);
        power += a * a / 2;
        least = fmin(least, a);
    }
    double rest = sqrt(fmax(all * all - power, 0));
    print_message("  ten shouters: tones %.0f rms, the rest %.1f dB below, peak %d\n", sqrt(power),
                  20 * log10(sqrt(power) / rest), peak_of(out, LONG));
    assert_true(peak_of(out, LONG) <= 32767);
    assert_true(sqrt(power) / rest > 30); /* 30 dB */
    assert_true(least > sqrt(power / 5) * 0.9);
}

static void one_loud_tone_is_not_distorted(void **state)
{
    (void)state;
    static int16_t out[LONG];
    const double hz[] = { 250, 250, 250 };
    shout(3, hz, 32767, -1, out);
    const int16_t *tail = out + LONG / 2;
    double a = sound_tone(tail, LONG / 2, 250), all = sound_rms(tail, LONG / 2);
    double rest = sqrt(fmax(all * all - a * a / 2, 0.05));
    print_message("  a tone 9.5 dB over: distortion %.1f dB, level %.0f\n",
                  20 * log10(rest / (a / sqrt(2))), a);
    assert_true(rest / (a / sqrt(2)) < 0.003);
    assert_in_range((int)a, 28000, 29300);
}

static void the_limiter_never_wraps_nor_clicks_at_the_attack(void **state)
{
    (void)state;
    struct mcu_amix *mix = make(1, 10);
    struct mcu_limiter limiter = { 0 };
    int16_t in[TICK], out[60 * TICK];
    for (int t = 0; t < 60; t++) {
        mcu_amix_begin(mix);
        tone(in, TICK, t * TICK, 300, 20000);
        for (int k = 0; k < (t >= 20 && t < 30 ? 10 : 1); k++)
            mcu_amix_add(mix, in, 1, 1);
        mcu_amix_output(mix, -1, &limiter, out + t * TICK);
    }
    int steepest = 0;
    for (int i = 1; i < 60 * TICK; i++)
        steepest = mcu_max(steepest, abs(out[i] - out[i - 1]));
    /* 200000 * 2 pi * 300 / 48000 = 7854 is the slope of the unlimited sum. */
    print_message("  attack: peak %d, steepest step %d\n", peak_of(out, 60 * TICK), steepest);
    assert_true(peak_of(out, 60 * TICK) <= 32767);
    assert_true(steepest < 8000);
    /* The ramp begins at the block's first part, which needs it: bent for a few ms only. */
    assert_true(peak_of(out + 20 * TICK + 240, 10 * TICK - 240) <= 29300);
    /* Released: 100 ms later nearly there, then exact. */
    assert_true(peak_of(out + 35 * TICK, TICK) > 16000);
    assert_int_equal(peak_of(out + 58 * TICK, TICK), 20000);
    assert_true(limiter.gain_reduction == 0);
    mcu_amix_free(&mix);
}

static void mix_minus_holds_nothing_of_its_own(void **state)
{
    (void)state;
    static int16_t out[LONG];
    const double hz[] = { 400, 700, 1100, 1700 };
    for (int k = 0; k < 4; k++) {
        shout(4, hz, 30000, k, out);
        double own = sound_tone(out + LONG / 2, LONG / 2, hz[k]);
        double other = sound_tone(out + LONG / 2, LONG / 2, hz[(k + 1) % 4]);
        print_message("  but %d: own tone %.1f dB under another\n", k,
                      20 * log10(other / (own + 1e-6)));
        assert_true(other / (own + 1e-6) > 1000);
    }
}

static void a_hundred_full_scale_squares_do_not_wrap(void **state)
{
    (void)state;
    struct mcu_amix *mix = make(2, 100);
    struct mcu_limiter limiter = { 0 };
    int16_t in[2 * TICK], out[2 * TICK];
    for (int i = 0; i < 2 * TICK; i++)
        in[i] = i / 480 % 2 ? 32767 : -32768;
    for (int t = 0; t < 5; t++) {
        mcu_amix_begin(mix);
        for (int k = 0; k < 100; k++)
            assert_int_equal(mcu_amix_add(mix, in, 1, 1), k);
        mcu_amix_output(mix, -1, &limiter, out);
        for (int i = 0; i < 2 * TICK; i++)
            assert_true(in[i] > 0 ? out[i] > 20000 : out[i] < -20000);
    }
    mcu_amix_free(&mix);
}

static double now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* Everybody in the heard set: one shared mix and as many mix-minuses. */
static void report_time(int n)
{
    static int16_t in[100][TICK];
    struct mcu_amix *mix = make(1, n);
    struct mcu_limiter limiters[101] = { { 0 } };
    int16_t out[TICK];
    for (int k = 0; k < n; k++)
        tone(in[k], TICK, 0, 200 + 37 * k, 6000);
    double start = now_us();
    for (int t = 0; t < 200; t++) {
        mcu_amix_begin(mix);
        for (int k = 0; k < n; k++)
            mcu_amix_add(mix, in[k], 1, 1);
        for (int k = -1; k < n; k++)
            mcu_amix_output(mix, k, &limiters[k + 1], out);
    }
    print_message("  %d inputs, %d outputs: %.1f us a tick\n", n, n + 1, (now_us() - start) / 200);
    mcu_amix_free(&mix);
}

static void a_tick_is_cheap(void **state)
{
    (void)state;
    report_time(10);
    report_time(100);
}

static void bad_sizes_are_refused(void **state)
{
    (void)state;
    struct mcu_amix *mix = NULL;
    assert_int_equal(mcu_amix_new(&mix, 0, 1), -EINVAL);
    assert_int_equal(mcu_amix_new(&mix, 3, 1), -EINVAL);
    assert_int_equal(mcu_amix_new(&mix, 1, 0), -EINVAL);
    mcu_amix_free(&mix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quiet_sums_are_exact),
        cmocka_unit_test(gains_go_linearly),
        cmocka_unit_test(ten_shouters_are_limited_and_stay_tones),
        cmocka_unit_test(one_loud_tone_is_not_distorted),
        cmocka_unit_test(the_limiter_never_wraps_nor_clicks_at_the_attack),
        cmocka_unit_test(mix_minus_holds_nothing_of_its_own),
        cmocka_unit_test(a_hundred_full_scale_squares_do_not_wrap),
        cmocka_unit_test(a_tick_is_cheap),
        cmocka_unit_test(bad_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
