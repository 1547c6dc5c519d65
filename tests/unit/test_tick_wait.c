/* tests/unit/test_tick_wait.c - a stream stays with the tick that plays it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mixer/base/clock.h"
#include "mixer/base/pcm.h"
#include "server/tick_wait.h"

#define US (MCU_NS_PER_MS / 1000)

static struct mcu_tick_wait w;
static int64_t tick;

static int begin(void **state)
{
    w = (struct mcu_tick_wait){ 0 };
    tick = 7 * MCU_NS_PER_S;
    return 0;
}

/* A stream's packets come `before_us` before a tick without jitter, and play from delay_ms later on. Returns
 * how long after their coming the last one plays, in us. */
static int packets(int n, int before_us, int delay_ms, int spare_ms)
{
    int64_t wait = 0;
    for (int i = 0; i < n; i++) {
        tick += MCU_PCM_TICK_NS;
        struct mcu_unit unit = { .delay_ms = delay_ms, .spare_ms = spare_ms,
                                 .play_ns = tick - before_us * US + delay_ms * MCU_NS_PER_MS };
        wait = mcu_tick_wait_ns(&w, &unit, tick);
    }
    return (int)(wait / US) + delay_ms * 1000;
}

static void the_next_tick_plays_a_packet(void **state)
{
    assert_int_equal(packets(3, 3500, 3, 2), 3500);
    begin(state);
    assert_int_equal(packets(3, 2900, 3, 2), 22900);
    begin(state);
    assert_int_equal(packets(3, 22999, 3, 2), 22999);
}

static void packets_of_another_length_wait_for_the_longest(void **state)
{
    for (int i = 0; i < 20; i++)
        assert_int_equal(packets(1, 4000 + i % 2 * 10000, 3, 2), i == 0 ? 4000 : 14000);
}

/* The delay rises and falls by the margin: what is played stays. */
static void a_margin_does_not_cost_a_tick(void **state)
{
    assert_int_equal(packets(300, 3500, 3, 2), 3500);
    assert_in_range(packets(1, 3500, 4, 2), 3500, 4600);
    assert_in_range(packets(300, 3500, 5, 2), 3000, 4600);
    assert_int_equal(packets(300, 3500, 3, 2), 3500);
    for (int i = 0; i < 500; i++) /* time of arrival to and fro by half a ms */
        assert_in_range(packets(1, 3000 + 500 * (i % 3 - 1), 3, 2), 2500, 4500);
}

/* What lies beyond the margin costs one, at once; and is given back after 6 s at most. */
static void what_was_late_is_waited_for(void **state)
{
    packets(300, 3500, 3, 2);
    assert_int_equal(packets(1, 3500, 6, 2), 23500);
    assert_int_equal(packets(300, 3500, 6, 2), 23500);
    packets(310, 3500, 3, 2);
    assert_int_equal(packets(1, 3500, 3, 2), 3500);
}

/* A sender's clock that drifts: one step of a tick each time it has gone round, never back. */
static void a_clock_that_drifts_steps_once_a_round(void **state)
{
    int steps = 0, last = packets(1, 15000, 3, 2);
    for (int us = 0; us < 60000; us += 10) {
        int before = 15000 - us, now = packets(1, (before + 80000) % 20000, 3, 2);
        steps += now > last + 10000;
        assert_in_range(now, 900, 23100);
        last = now;
    }
    assert_int_equal(steps, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_next_tick_plays_a_packet, begin),
        cmocka_unit_test_setup(packets_of_another_length_wait_for_the_longest, begin),
        cmocka_unit_test_setup(a_margin_does_not_cost_a_tick, begin),
        cmocka_unit_test_setup(what_was_late_is_waited_for, begin),
        cmocka_unit_test_setup(a_clock_that_drifts_steps_once_a_round, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
