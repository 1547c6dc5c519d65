/* Unit tests of codec/plc.h: joins and seams of the made-up sound, at its own rate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "codec/plc.h"
#include "mixer/base/util.h"

/* 150 Hz that grows by a quarter each period: what is repeated never fits by itself. */
static int16_t growing(int i, int rate_hz)
{
    double t = (double)i / rate_hz;
    return (int16_t)lrint(8000 * exp(0.223 * 150 * (t - 0.1)) * sin(2 * M_PI * 150 * t));
}

static int max_step(const int16_t *x, int n)
{
    int step = 0;
    for (int i = 1; i < n; i++)
        step = mcu_max(step, abs(x[i] - x[i - 1]));
    return step;
}

static void joins_and_seams_step_no_more_than_the_voice(void **state)
{
    for (int rate_hz = 8000; rate_hz <= 16000; rate_hz *= 2)
        for (int shift = 0; shift < 8; shift++) { /* the loss at every phase of the pitch */
            static int16_t x[1600 + 160 * 8];
            struct mcu_plc plc;
            int good = rate_hz / 10 - 160 + shift * rate_hz / 150 / 8, lost = rate_hz / 20;
            mcu_plc_init(&plc, rate_hz);
            for (int i = 0; i < good; i++)
                x[i] = growing(i, rate_hz);
            mcu_plc_good(&plc, x, good);
            mcu_plc_lost(&plc, x + good, lost);
            int usual = max_step(x + good - rate_hz / 150, rate_hz / 150);
            int made_up = max_step(x + good - 1, lost + 1);
            assert_in_range(made_up, usual / 2, usual * 3 / 2);
        }
}

static void pieces_of_a_loss_sound_like_one_loss(void **state)
{
    static int16_t x[800], one[600], many[600];
    struct mcu_plc a, b;
    for (int i = 0; i < 800; i++)
        x[i] = growing(i, 8000);
    mcu_plc_init(&a, 8000);
    mcu_plc_good(&a, x, 800);
    b = a;
    mcu_plc_lost(&a, one, 600);
    for (int at = 0, n = 1; at < 600; at += n, n = mcu_min(n + 13, 600 - at))
        mcu_plc_lost(&b, many + at, n);
    assert_memory_equal(one, many, sizeof(one));
    for (int i = 480; i < 600; i++) /* from 60 ms on */
        assert_int_equal(one[i], 0);
}

/* The history is a ring: it begins anywhere in it, and packets are shorter or longer than all of it. */
static void packets_of_any_length_are_remembered_alike(void **state)
{
    static const int rates[] = { 8000, 16000, 48000 };
    enum { HEARD = 4800, MADE_UP = 48 * 60 };
    static int16_t x[HEARD], one[MADE_UP], many[MADE_UP];
    for (size_t r = 0; r < MCU_ARRAY_LEN(rates); r++)
        for (int piece = 1; piece < HEARD; piece += piece / 3 + 7) {
            struct mcu_plc a, b;
            int n = rates[r] / 1000 * 60;
            for (int i = 0; i < HEARD; i++)
                x[i] = (int16_t)(growing(i - HEARD + rates[r] / 10, rates[r]) + i % 97);
            mcu_plc_init(&a, rates[r]);
            mcu_plc_init(&b, rates[r]);
            mcu_plc_good(&a, x, HEARD);
            for (int at = 0; at < HEARD; at += piece)
                mcu_plc_good(&b, x + at, mcu_min(piece, HEARD - at));
            mcu_plc_lost(&a, one, n);
            mcu_plc_lost(&b, many, n);
            assert_memory_equal(one, many, (size_t)n * sizeof(*one));
        }
}

/* What is played after a loss is the true sound again, at the latest 10 ms later. */
static void recovery_ends_within_10_ms(void **state)
{
    static int16_t x[800], made_up[400], back[160];
    struct mcu_plc plc;
    for (int lost = 40; lost <= 400; lost += 40) {
        for (int i = 0; i < 800; i++)
            x[i] = growing(i, 8000);
        for (int i = 0; i < 160; i++)
            back[i] = 3000;
        mcu_plc_init(&plc, 8000);
        mcu_plc_good(&plc, x, 800);
        mcu_plc_lost(&plc, made_up, lost);
        mcu_plc_good(&plc, back, 160);
        assert_true(abs(back[0] - made_up[lost - 1]) < 2500); /* no jump to the new sound */
        for (int i = 80; i < 160; i++)
            assert_int_equal(back[i], 3000);
        mcu_plc_good(&plc, back + 80, 80);
        assert_int_equal(back[80], 3000); /* the next packet is left alone */
    }
}

static void a_loss_soon_after_a_loss_repeats_what_was_played(void **state)
{
    static int16_t x[800], gap[160], after[160];
    struct mcu_plc plc;
    for (int i = 0; i < 800; i++)
        x[i] = growing(i, 8000);
    mcu_plc_init(&plc, 8000);
    mcu_plc_good(&plc, x, 640);
    mcu_plc_lost(&plc, gap, 80);
    mcu_plc_good(&plc, x + 720, 80);
    mcu_plc_lost(&plc, after, 160);
    assert_true(abs(after[0] - x[799]) < 2500);
    assert_true(max_step(after, 160) < 2500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_and_seams_step_no_more_than_the_voice),
        cmocka_unit_test(pieces_of_a_loss_sound_like_one_loss),
        cmocka_unit_test(packets_of_any_length_are_remembered_alike),
        cmocka_unit_test(recovery_ends_within_10_ms),
        cmocka_unit_test(a_loss_soon_after_a_loss_repeats_what_was_played),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
