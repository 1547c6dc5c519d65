/* tests/unit/test_twcc_send.c - what the peer's feedback says of what was sent. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "mixer/base/clock.h"
#include "mixer/base/cursor.h"
#include "net/twcc.h"

#define MS MCU_NS_PER_MS

static struct mcu_twcc *t;
static uint8_t buf[4000];
static uint8_t number;

static int begin(void **state)
{
    return mcu_twcc_new(&t);
}

static int end(void **state)
{
    mcu_twcc_free(&t);
    return 0;
}

static struct mcu_twcc_stats stats(void)
{
    struct mcu_twcc_stats s;
    mcu_twcc_get_stats(t, &s);
    return s;
}

static struct mcu_wcursor message(int base, int count, int reference)
{
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    mcu_wcursor_u16(&w, (uint16_t)base);
    mcu_wcursor_u16(&w, (uint16_t)count);
    mcu_wcursor_u32(&w, (uint32_t)reference << 8 | number++);
    return w;
}

static int feed(const struct mcu_wcursor *w, int64_t now_ns)
{
    return mcu_twcc_feedback(t, buf, mcu_wcursor_size(w), now_ns);
}

static void send(int n, int64_t now_ns)
{
    while (n-- > 0)
        mcu_twcc_sent(t, 1000, now_ns);
}

static void numbers_rise_by_one(void **state)
{
    for (int i = 0; i < 70000; i++)
        assert_int_equal(mcu_twcc_sent(t, 100, i), (uint16_t)i);
    assert_int_equal(stats().sent, 70000);
}

static void every_kind_of_chunk_is_read(void **state)
{
    send(40, MS);
    struct mcu_wcursor w = message(0, 36, 1000);
    mcu_wcursor_u16(&w, 0x2003); /* run of 3 small */
    mcu_wcursor_u16(&w, 0x0004); /* run of 4 lost */
    mcu_wcursor_u16(&w, 0x4002); /* run of 2 large */
    mcu_wcursor_u16(&w, 0xa000 | 0x1555); /* 14 of a bit */
    mcu_wcursor_u16(&w, 0xc000 | 0x1a40); /* 7 of two: 01 10 10 01 00 00 00 */
    mcu_wcursor_u16(&w, 0xbfff); /* 14 received, of which 6 count */
    uint16_t bits = 0xa000 | 0x1555;
    int small = 3, large = 2;
    for (int i = 0; i < 14; i++)
        small += bits >> i & 1;
    small += 2;
    large += 2;
    small += 6;
    /* deltas in the order of the packets: their sizes are what counts here */
    for (int i = 0; i < small + 2 * large; i++)
        mcu_wcursor_u8(&w, 0);
    assert_int_equal(feed(&w, 50 * MS), 0);
    struct mcu_twcc_stats s = stats();
    assert_int_equal(s.acknowledged, small + large);
    assert_int_equal(s.lost, 36 - small - large);
    assert_int_equal(s.feedback_in, 1);
    w.p--; /* a delta too few */
    buf[7] = number++;
    assert_int_equal(feed(&w, 50 * MS), -EBADMSG);
    assert_int_equal(stats().malformed, 1);
    assert_int_equal(stats().acknowledged, small + large);
}

static void a_lost_one_may_still_come(void **state)
{
    send(3, MS);
    struct mcu_wcursor w = message(0, 3, 5);
    mcu_wcursor_u16(&w, 0x8000 | 0x2800); /* 1 0 1 */
    mcu_wcursor_u16(&w, 0x0404);
    assert_int_equal(feed(&w, 50 * MS), 0);
    assert_int_equal(stats().lost, 1);
    assert_true(stats().loss_out > 0.33 && stats().loss_out < 0.34);
    w = message(1, 1, 6);
    mcu_wcursor_u16(&w, 0x2001);
    mcu_wcursor_u8(&w, 4);
    assert_int_equal(feed(&w, 90 * MS), 0);
    assert_int_equal(feed(&w, 90 * MS), 0); /* another line hears it too */
    assert_int_equal(stats().feedback_in, 2);
    assert_int_equal(stats().lost, 0);
    assert_int_equal(stats().acknowledged, 3);
}

static void liars_are_refused(void **state)
{
    static const struct {
        int count;
        uint16_t chunk;
    } cases[] = { { 0, 0x2001 }, { 4097, 0x1fff }, { 65535, 0x1fff }, { 2, 0x2001 }, { 1, 0x6001 },
                  { 1, 0xf000 }, { 1, 0x0000 } };
    send(3, MS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mcu_wcursor w = message(0, cases[i].count, 1);
        mcu_wcursor_u16(&w, cases[i].chunk);
        mcu_wcursor_u8(&w, 1);
        assert_int_equal(feed(&w, 50 * MS), -EBADMSG);
    }
    assert_int_equal(mcu_twcc_feedback(t, buf, 7, MS), -EBADMSG);
    assert_int_equal(mcu_twcc_feedback(t, NULL, 0, MS), -EBADMSG);
    assert_int_equal(stats().malformed, 9);
    assert_int_equal(stats().acknowledged + stats().lost + stats().feedback_in, 0);
}

static void numbers_never_sent_count_nothing(void **state)
{
    send(20, MS);
    struct mcu_wcursor w = message(100, 100, 1);
    mcu_wcursor_u16(&w, 0x0064);
    assert_int_equal(feed(&w, 50 * MS), 0);
    assert_int_equal(stats().lost, 0);
}

/* One compound goes to each line of the transport, one after the other. */
static void a_compound_that_two_lines_hear_counts_once(void **state)
{
    send(40, MS);
    for (int line = 0; line < 2; line++) {
        number = 7;
        for (int i = 0; i < 4; i++) {
            struct mcu_wcursor w = message(10 * i, 10, 5 + i);
            mcu_wcursor_u16(&w, 0x000a);
            assert_int_equal(feed(&w, 50 * MS), 0);
        }
    }
    assert_int_equal(stats().feedback_in, 4);
    assert_int_equal(stats().lost, 40);
}

static void who_says_more_than_there_was_to_say_is_not_heard(void **state)
{
    int heard = 0;
    send(100, MS);
    for (int i = 0; i < 200; i++) {
        struct mcu_wcursor w = message(0, 100, 5);
        mcu_wcursor_u16(&w, 0x0064);
        heard += feed(&w, 50 * MS) == 0;
    }
    assert_int_equal(heard, 8);
    assert_int_equal(stats().malformed, 192);
    send(100, MS);
    struct mcu_wcursor w = message(100, 100, 5);
    mcu_wcursor_u16(&w, 0x0064);
    assert_int_equal(feed(&w, 50 * MS), 0);
}

/* A packet each 10 ms, reported each 100 ms; one in `lossy` is lost, each arrives `delay` later. */
static int64_t run(int from, int packets, int lossy, int64_t delay_ns, int64_t peer_offset_ns,
                   int64_t now)
{
    int64_t at[10];
    for (int i = 0; i < packets; i += 10) {
        for (int k = 0; k < 10; k++, now += 10 * MS) {
            send(1, now);
            at[k] = now + delay_ns + peer_offset_ns;
        }
        int reference = (int)(at[0] / (64 * MS));
        struct mcu_wcursor w = message(from + i, 10, reference & 0xffffff);
        uint16_t vector = 0x8000;
        int64_t last = reference * 64 * MS;
        uint8_t delta[10];
        int n = 0;
        for (int k = 0; k < 10; k++) {
            if (lossy && (i + k) % lossy == 5)
                continue;
            vector |= (uint16_t)(1u << (13 - k));
            delta[n++] = (uint8_t)((at[k] - last) / 250000);
            last += delta[n - 1] * INT64_C(250000);
        }
        mcu_wcursor_u16(&w, vector);
        mcu_wcursor_bytes(&w, delta, (size_t)n);
        assert_int_equal(feed(&w, now), 0);
    }
    return now;
}

static void rate_loss_and_queue_are_measured(void **state)
{
    /* His clock wraps its 24 bits meanwhile. */
    int64_t offset = (INT64_C(1) << 23) * 64 * MS - 2000 * MS;
    int64_t now = run(0, 300, 0, 20 * MS, offset, 1000 * MS);
    struct mcu_twcc_stats s = stats();
    assert_in_range(s.delivered_bps, 790000, 810000);
    assert_true(s.loss_out == 0.0);
    assert_in_range(s.queue_delay_ns, 0, MS);
    assert_int_equal(s.acknowledged, 300);
    now = run(300, 200, 10, 70 * MS, offset, now);
    s = stats();
    assert_in_range(s.delivered_bps, 700000, 740000);
    assert_true(s.loss_out > 0.09 && s.loss_out < 0.11);
    assert_in_range(s.queue_delay_ns, 48 * MS, 51 * MS);
    run(500, 1200, 0, 70 * MS, offset, now); /* after ten seconds that is how the way is */
    s = stats();
    assert_in_range(s.queue_delay_ns, 0, 2 * MS);
    assert_int_equal(s.lost, 20);
}

static void another_clock_begins_anew(void **state)
{
    int64_t now = run(0, 200, 0, 20 * MS, 0, 1000 * MS);
    run(200, 200, 0, 20 * MS, INT64_C(3600000) * MS, now);
    struct mcu_twcc_stats s = stats();
    assert_in_range(s.delivered_bps, 790000, 810000);
    assert_in_range(s.queue_delay_ns, 0, MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_rise_by_one, begin, end),
        cmocka_unit_test_setup_teardown(every_kind_of_chunk_is_read, begin, end),
        cmocka_unit_test_setup_teardown(a_lost_one_may_still_come, begin, end),
        cmocka_unit_test_setup_teardown(liars_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(numbers_never_sent_count_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_compound_that_two_lines_hear_counts_once, begin, end),
        cmocka_unit_test_setup_teardown(who_says_more_than_there_was_to_say_is_not_heard, begin,
                                        end),
        cmocka_unit_test_setup_teardown(rate_loss_and_queue_are_measured, begin, end),
        cmocka_unit_test_setup_teardown(another_clock_begins_anew, begin, end),
    };
    return cmocka_run_group_tests_name("twcc_send", tests, NULL, NULL);
}
