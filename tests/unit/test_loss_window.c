/* tests/unit/test_loss_window.c - what reports of few packets say for certain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mixer/base/clock.h"
#include "net/loss_window.h"

static uint32_t lcg = 1;
static uint32_t seq;
static int64_t now;

static int random_loss(int packets, int percent)
{
    int lost = 0;
    for (int i = 0; i < packets; i++) {
        lcg = lcg * 1664525 + 1013904223;
        lost += (int)((lcg >> 8) % 100) < percent;
    }
    return lost;
}

/* A second with so many packets of which some are lost by chance. */
static void second(struct mcu_loss_window *w, int packets, int percent)
{
    int lost = random_loss(packets, percent);
    seq += (uint32_t)packets;
    mcu_loss_window_report(w, (uint8_t)(lost * 256 / packets), seq, now += MCU_NS_PER_S);
}

static void five_percent_of_few_packets_seldom_look_like_more(void **state)
{
    static const int rates[] = { 15, 30, 90 };
    for (int r = 0; r < 3; r++) {
        struct mcu_loss_window w = { 0 };
        int wrong = 0;
        for (int s = 0; s < 1000; s++) {
            second(&w, rates[r], 5);
            wrong += mcu_loss_window_certain(&w) > 0.05;
        }
        assert_true(wrong <= 5);
        assert_true(mcu_loss_window_lost(&w) < 0.15);
    }
}

/* Seconds until 15 % are found out, at the median of 101 times. */
static int found_after(int rate)
{
    int after[40] = { 0 }, sum = 0, s;
    for (int i = 0; i < 101; i++) {
        struct mcu_loss_window w = { 0 };
        for (s = 0; s < 10; s++)
            second(&w, rate, 0);
        for (s = 0; s < 39 && mcu_loss_window_certain(&w) <= 0.05; s++)
            second(&w, rate, 15);
        after[s]++;
    }
    for (s = 0; (sum += after[s]) < 51; s++)
        ;
    return s;
}

static void fifteen_percent_are_found_out_within_seconds(void **state)
{
    assert_in_range(found_after(90), 1, 3);
    assert_in_range(found_after(30), 2, 5);
    assert_in_range(found_after(15), 2, 8);
}

static void it_is_over_when_the_loss_is(void **state)
{
    struct mcu_loss_window w = { 0 };
    for (int s = 0; s < 30; s++)
        second(&w, 60, 20);
    assert_true(mcu_loss_window_certain(&w) > 0.10);
    for (int s = 0; s < 5; s++)
        second(&w, 60, 0);
    assert_true(mcu_loss_window_certain(&w) < 0.02);
}

static void strange_reports_do_no_harm(void **state)
{
    struct mcu_loss_window w = { 0 };
    assert_true(mcu_loss_window_certain(&w) == 0 && mcu_loss_window_lost(&w) == 0);
    mcu_loss_window_report(&w, 255, 5, 5);
    assert_true(mcu_loss_window_lost(&w) == 0); /* of how many packets nobody knows */
    mcu_loss_window_report(&w, 255, 0x7fffffff, 6);
    assert_true(w.packets <= 10000);
    mcu_loss_window_report(&w, 255, 3, 4); /* the clock too */
    mcu_loss_window_report(&w, 0, 3, INT64_MAX / 2);
    assert_true(mcu_loss_window_lost(&w) >= 0 && mcu_loss_window_lost(&w) <= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_percent_of_few_packets_seldom_look_like_more),
        cmocka_unit_test(fifteen_percent_are_found_out_within_seconds),
        cmocka_unit_test(it_is_over_when_the_loss_is),
        cmocka_unit_test(strange_reports_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
