/* tests/unit/test_hold.c - pictures that come late again and again are waited for, others are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mixer/base/clock.h"
#include "server/hold.h"

#define MS MCU_NS_PER_MS
#define USUAL_MS 70

static struct mcu_hold h;
static int64_t now;

static int begin(void **state)
{
    h = (struct mcu_hold){ 0 };
    now = 100 * MCU_NS_PER_S;
    return 0;
}

static int delay_ms(void)
{
    return (int)(mcu_hold_delay_ns(&h) / MS);
}

/* Pictures of 15 a second with some jitter; each `every`th comes late_ms later (0: none), and those
 * behind it with it. */
static void pictures(int seconds, int every, int late_ms)
{
    int left_ms = 0;
    for (int i = 1; i <= seconds * 15; i++) {
        now += 1000 * MS / 15;
        left_ms = left_ms > 67 ? left_ms - 67 : 0;
        if (every && i % every == 0)
            left_ms = late_ms;
        mcu_hold_picture(&h, (USUAL_MS + i * 7 % 15 + left_ms) * MS, now);
    }
}

static void a_good_link_is_not_held_back(void **state)
{
    pictures(60, 0, 0);
    assert_int_equal(delay_ms(), 0);
    pictures(60, 300, 400); /* every 20 s */
    assert_int_equal(delay_ms(), 0);
    pictures(5, 30, 2000); /* a stall or two */
    assert_int_equal(delay_ms(), 0);
}

static void repeats_each_second_are_waited_for(void **state)
{
    pictures(30, 15, 150);
    assert_in_range(delay_ms(), USUAL_MS + 110, USUAL_MS + 165);
    pictures(30, 15, 30); /* shorter than jitter may be */
    assert_int_equal(delay_ms(), 0);
}

static void it_has_a_limit_and_fades(void **state)
{
    pictures(60, 45, 900);
    assert_in_range(delay_ms(), USUAL_MS + 200, USUAL_MS + 40 + MCU_HOLD_MAX_MS);
    pictures(5, 0, 0);
    assert_true(delay_ms() > USUAL_MS + 150);
    pictures(25, 0, 0);
    assert_int_equal(delay_ms(), 0);
    pictures(30, 15, 150);
    now += 20 * MCU_NS_PER_S; /* his camera was off */
    pictures(1, 0, 0);
    assert_int_equal(delay_ms(), 0);
}

static void a_way_that_becomes_longer_is_no_hold(void **state)
{
    pictures(20, 0, 0);
    for (int i = 0; i < 600; i++)
        mcu_hold_picture(&h, 300 * MS, now += 67 * MS);
    assert_int_equal(delay_ms(), 0);
    pictures(2, 0, 0);
    assert_int_equal(delay_ms(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_good_link_is_not_held_back, begin),
        cmocka_unit_test_setup(repeats_each_second_are_waited_for, begin),
        cmocka_unit_test_setup(it_has_a_limit_and_fades, begin),
        cmocka_unit_test_setup(a_way_that_becomes_longer_is_no_hold, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
