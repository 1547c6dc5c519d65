/* The overload policy on a clock of its own: samples four times a second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mixer/base/clock.h"
#include "server/overload.h"

struct machine {
    struct mcu_overload o;
    int64_t now_ns;
    int changes;
    double cores_used;
    int legs;
};

static const struct mcu_overload_sample well = { .sound_ticks = 25, .pictures = 15, .cores = 2 };

static struct machine new_machine(void)
{
    return (struct machine){ .now_ns = MCU_NS_PER_S, .cores_used = 0.5, .legs = 5 };
}

/* So many quarters of a second of this. */
static void go(struct machine *m, struct mcu_overload_sample s, int quarters)
{
    s.legs = m->legs;
    s.cores_used = m->cores_used;
    for (int i = 0; i < quarters; i++) {
        m->now_ns += MCU_NS_PER_S / 4;
        s.now_ns = m->now_ns;
        m->changes += mcu_overload_update(&m->o, &s);
    }
}

static struct mcu_overload_sample sound_late(void)
{
    struct mcu_overload_sample s = well;
    s.sound_late = 12;
    return s;
}

static struct mcu_overload_sample pictures_late(void)
{
    struct mcu_overload_sample s = well;
    s.pictures_late = 8;
    return s;
}

static struct mcu_overload_sample waiting(void)
{
    struct mcu_overload_sample s = well;
    s.picture_wait_ms = 100;
    return s;
}

static void overload_is_not_a_stall_or_a_busy_moment(void **state)
{
    struct machine m = new_machine();
    struct mcu_overload_sample stall = { .sound_ticks = 25, .sound_late = 10, .pictures = 15,
                                         .pictures_late = 6, .picture_wait_ms = 150, .cores = 2 };
    go(&m, well, 8);
    for (int i = 0; i < 40; i++) { /* 500 ms of every 1.25 s */
        go(&m, stall, 2);
        go(&m, well, 3);
    }
    assert_int_equal(m.changes, 0);
    assert_int_equal(m.o.level, 0);
    go(&m, stall, 6); /* and one of 1.5 s */
    assert_int_equal(m.changes, 0);
}

static void overload_of_each_kind_is_known_after_two_seconds(void **state)
{
    struct mcu_overload_sample kinds[] = { sound_late(), pictures_late(), waiting() };
    for (int i = 0; i < 3; i++) {
        struct machine m = new_machine();
        go(&m, well, 4);
        go(&m, kinds[i], 7);
        assert_int_equal(m.o.level, 0);
        go(&m, kinds[i], 2);
        assert_int_equal(m.o.level, 1);
        assert_true(m.o.refuses);
    }
}

static void overload_takes_one_step_a_second_and_then_no_more(void **state)
{
    struct machine m = new_machine();
    go(&m, pictures_late(), 9);
    assert_int_equal(m.o.level, 1);
    for (int level = 2; level < MCU_OVERLOAD_LEVELS; level++) {
        go(&m, pictures_late(), 4);
        assert_int_equal(m.o.level, level);
    }
    go(&m, pictures_late(), 400);
    assert_int_equal(m.o.level, MCU_OVERLOAD_LEVELS - 1);
    assert_int_equal(m.changes, MCU_OVERLOAD_LEVELS - 1);
}

static void overload_that_has_passed_gives_all_back_level_by_level(void **state)
{
    struct machine m = new_machine();
    go(&m, sound_late(), 13);
    assert_int_equal(m.o.level, 2);
    go(&m, well, 18);
    assert_int_equal(m.o.level, 2);
    assert_true(m.o.refuses);
    go(&m, well, 3);
    assert_int_equal(m.o.level, 1);
    assert_true(m.o.refuses);
    go(&m, well, 21);
    assert_int_equal(m.o.level, 0);
    assert_false(m.o.refuses);
}

/* Neither late nor calm: it stays as it is. */
static void overload_between_late_and_calm_changes_nothing(void **state)
{
    struct machine m = new_machine();
    struct mcu_overload_sample between = well;
    between.picture_wait_ms = 40;
    go(&m, between, 400);
    assert_int_equal(m.changes, 0);
    go(&m, waiting(), 9);
    assert_int_equal(m.o.level, 1);
    go(&m, between, 400);
    assert_int_equal(m.o.level, 1);
}

/* A load that only fits at level 1: each try to give it back comes later. */
static void overload_that_comes_back_is_tried_less_often(void **state)
{
    struct machine m = new_machine();
    int64_t last_ns = 0, gap_ns[8] = { 0 };
    int tries = 0, before = 0;
    for (int i = 0; i < 4 * 300 && tries < 8; i++) {
        go(&m, m.o.level == 0 ? waiting() : well, 1);
        if (m.o.level == 0 && before == 1) {
            gap_ns[tries++] = m.now_ns - last_ns;
            last_ns = m.now_ns;
        }
        before = m.o.level;
    }
    assert_in_range(tries, 5, 7); /* in 5 minutes */
    assert_true(gap_ns[3] > 2 * gap_ns[1]);
    assert_true(gap_ns[tries - 1] <= 90 * MCU_NS_PER_S);
}

static void overload_refuses_who_would_not_fit(void **state)
{
    struct machine m = new_machine();
    m.cores_used = 1.5; /* of 2, by 5 legs: a sixth would make it 1.8 */
    go(&m, well, 40);
    assert_false(m.o.refuses);
    m.cores_used = 1.7; /* 2.04 */
    go(&m, well, 3);
    assert_false(m.o.refuses); /* not yet: it may be a moment's work */
    go(&m, well, 40);
    assert_true(m.o.refuses);
    assert_int_equal(m.o.level, 0); /* those in lose nothing */
    m.cores_used = 1.52; /* 1.824: hysteresis */
    go(&m, well, 40);
    assert_true(m.o.refuses);
    m.cores_used = 1.2;
    go(&m, well, 40);
    assert_false(m.o.refuses);
    assert_int_equal(m.changes, 2);
}

/* Legs of 0.125 cores each: the next fits, and one more at once does not. */
static void overload_counts_those_who_just_came(void **state)
{
    struct machine m = new_machine();
    m.legs = 14;
    m.cores_used = 1.75;
    go(&m, well, 120);
    assert_true(mcu_overload_admits(&m.o, 14));
    assert_false(mcu_overload_admits(&m.o, 15)); /* 2 cores with the sixteenth */
    m.legs = 15;
    go(&m, well, 4);
    assert_false(mcu_overload_admits(&m.o, 15)); /* the fifteenth has cost nothing yet */
    assert_false(m.o.refuses);
    go(&m, well, 4); /* and never does: a phone */
    assert_true(mcu_overload_admits(&m.o, 15));
}

/* A meeting begins: what four cost, mostly the canvas, is no measure of two hundred. */
static void overload_lets_a_crowd_in_where_there_is_room(void **state)
{
    struct machine m = new_machine();
    m.legs = 4;
    m.cores_used = 0.5;
    go(&m, well, 40);
    for (int i = 0; i < 196; i++) {
        assert_true(mcu_overload_admits(&m.o, m.legs));
        m.legs++;
        m.cores_used += 0.002;
        if (i % 20 == 0)
            go(&m, well, 1);
    }
    go(&m, well, 120);
    assert_int_equal(m.changes, 0);
}

static void overload_lets_the_first_one_in(void **state)
{
    struct machine m = new_machine();
    m.legs = 0;
    m.cores_used = 2;
    go(&m, well, 40);
    assert_false(m.o.refuses);
    m = new_machine();
    m.legs = 1; /* and the second: most of what one costs is the canvas */
    m.cores_used = 1.5;
    go(&m, well, 40);
    assert_false(m.o.refuses);
}

static void overload_lives_with_silence_and_odd_times(void **state)
{
    struct machine m = new_machine();
    struct mcu_overload_sample none = { .cores = 2 };
    go(&m, none, 400);
    m.now_ns -= 100 * MCU_NS_PER_S;
    go(&m, none, 4);
    m.now_ns += 1000 * MCU_NS_PER_S; /* suspended: one late sample is one second at most */
    go(&m, sound_late(), 1);
    assert_int_equal(m.changes, 0);
}

static void overload_levels_mean_fewer_pictures(void **state)
{
    static const int of_30[MCU_OVERLOAD_LEVELS] = { 30, 15, 10, 5, 5 };
    for (int level = 0; level < MCU_OVERLOAD_LEVELS; level++) {
        assert_int_equal(mcu_overload_fps(level, 30), of_30[level]);
        assert_int_equal(mcu_overload_fps(level, 1), 1);
    }
    assert_int_equal(mcu_overload_fps(1, 12), 12);
    assert_int_equal(mcu_overload_fps(99, 30), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overload_is_not_a_stall_or_a_busy_moment),
        cmocka_unit_test(overload_of_each_kind_is_known_after_two_seconds),
        cmocka_unit_test(overload_takes_one_step_a_second_and_then_no_more),
        cmocka_unit_test(overload_that_has_passed_gives_all_back_level_by_level),
        cmocka_unit_test(overload_between_late_and_calm_changes_nothing),
        cmocka_unit_test(overload_that_comes_back_is_tried_less_often),
        cmocka_unit_test(overload_refuses_who_would_not_fit),
        cmocka_unit_test(overload_counts_those_who_just_came),
        cmocka_unit_test(overload_lets_a_crowd_in_where_there_is_room),
        cmocka_unit_test(overload_lets_the_first_one_in),
        cmocka_unit_test(overload_lives_with_silence_and_odd_times),
        cmocka_unit_test(overload_levels_mean_fewer_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
