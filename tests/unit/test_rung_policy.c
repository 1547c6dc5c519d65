/* tests/unit/test_rung_policy.c - when a receiver gets a smaller picture, and when a larger one again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mixer/base/clock.h"
#include "server/rung_policy.h"

#define S MCU_NS_PER_S

static const int bps[] = { 1500000, 500000, 150000 };
static struct mcu_rung_policy p;
static int64_t now;

static int begin(void **state)
{
    p = (struct mcu_rung_policy){ 0 };
    now = 100 * S;
    return 0;
}

static int run(double seconds, int loss, int64_t limit)
{
    int index = -1;
    p.loss_percent = loss;
    p.limit_bps = limit;
    for (int64_t end = now + (int64_t)(seconds * 1e9); now < end; now += S / 5)
        index = mcu_rung_policy_choose(&p, bps, 3, 0, now);
    return index;
}

static void little_loss_changes_nothing(void **state)
{
    assert_int_equal(run(60, 0, 0), 0);
    assert_int_equal(run(60, 5, 0), 0);
    assert_int_equal(run(60, 1, 0), 0);
}

static void certain_loss_goes_down_one_by_one(void **state)
{
    run(10, 0, 0);
    assert_int_equal(run(0.2, 6, 0), 1); /* it is the loss of some seconds already */
    assert_int_equal(run(2.8, 20, 0), 1); /* the reports speak of the other one yet */
    assert_int_equal(run(0.4, 20, 0), 2);
    assert_int_equal(run(60, 100, 0), 2); /* there is nothing below */
}

static void it_comes_back_after_ten_good_seconds(void **state)
{
    run(2, 20, 0);
    assert_int_equal(p.index, 1);
    assert_int_equal(run(60, 5, 0), 1); /* neither bad nor good */
    assert_int_equal(run(9, 1, 0), 1);
    assert_int_equal(run(3, 1, 0), 0);
}

static void a_step_up_that_fails_waits_longer_each_time(void **state)
{
    run(2, 20, 0);
    for (int64_t wait = 10; wait <= 80; wait *= 2) {
        run(3, 0, 0);
        assert_int_equal(p.index, 1);
        assert_int_equal(run((double)wait - 4, 0, 0), 1);
        assert_int_equal(run(4, 0, 0), 0);
        assert_int_equal(run(2, 20, 0), 1);
    }
    run(170, 0, 0);
    assert_int_equal(run(60, 0, 0), 0); /* this one lasted */
    run(2, 20, 0);
    assert_int_equal(run(13, 0, 0), 0);
}

static void a_limit_is_kept_to_and_left_with_room(void **state)
{
    assert_int_equal(run(1, 0, 200000), 0);
    assert_int_equal(run(2, 0, 200000), 2); /* at once to the one that fits */
    assert_int_equal(run(60, 0, 520000), 2); /* no room to spare */
    assert_int_equal(run(12, 0, 560000), 1);
    assert_int_equal(run(60, 0, 560000), 1);
    assert_int_equal(run(3, 0, 1000), 2); /* the smallest, though it is too much */
    assert_int_equal(run(12, 0, 0), 1);
    assert_int_equal(run(12, 0, 0), 0);
}

static void what_was_negotiated_bounds_it(void **state)
{
    assert_int_equal(mcu_rung_policy_choose(&p, bps, 3, 1, now), 1);
    run(30, 0, 0);
    assert_int_equal(mcu_rung_policy_choose(&p, bps, 3, 2, now), 2);
    assert_int_equal(mcu_rung_policy_choose(&p, bps, 3, 0, now), 0); /* a re-INVITE holds at once */
    assert_int_equal(mcu_rung_policy_choose(&p, bps, 1, 0, now), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(little_loss_changes_nothing, begin),
        cmocka_unit_test_setup(certain_loss_goes_down_one_by_one, begin),
        cmocka_unit_test_setup(it_comes_back_after_ten_good_seconds, begin),
        cmocka_unit_test_setup(a_step_up_that_fails_waits_longer_each_time, begin),
        cmocka_unit_test_setup(a_limit_is_kept_to_and_left_with_room, begin),
        cmocka_unit_test_setup(what_was_negotiated_bounds_it, begin),
    };
    return cmocka_run_group_tests_name("rung_policy", tests, NULL, NULL);
}
