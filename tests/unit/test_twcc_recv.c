/* tests/unit/test_twcc_recv.c - the feedback about transport-wide numbers, read back by another
 * reading of draft-holmer-rmcat-transport-wide-cc-extensions-01. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "mixer/base/clock.h"
#include "net/rtcp.h"
#include "net/twcc.h"

#define MS      MCU_NS_PER_MS
#define TICK_NS 250000
#define NEVER   INT64_MIN

/* One message, read: arrival ticks by number from base on. */
struct feedback {
    uint16_t base;
    uint8_t number;
    int count;
    int64_t at[4096];
};

static void read_symbols(struct mcu_cursor *c, uint8_t *symbol, int count)
{
    for (int n = 0; n < count;) {
        unsigned chunk = mcu_cursor_u16(c);
        int bits = chunk & 0x4000 ? 2 : 1;
        for (int i = 0; !(chunk & 0x8000) && i < (int)(chunk & 0x1fff) && n < count; i++)
            symbol[n++] = chunk >> 13 & 3;
        for (int i = 0; chunk & 0x8000 && i < 14 / bits && n < count; i++)
            symbol[n++] = chunk >> (14 - bits * (i + 1)) & (bits == 2 ? 3 : 1);
    }
}

static void read_feedback(struct feedback *f, const uint8_t *data, int size)
{
    static uint8_t symbol[4096];
    struct mcu_cursor c = mcu_cursor(data, (size_t)size);
    assert_int_equal(mcu_rtcp_check(data, (size_t)size), 0);
    assert_int_equal(mcu_cursor_u16(&c), 0x8fcd);
    assert_int_equal(mcu_cursor_u16(&c) * 4 + 4, size);
    assert_int_equal(mcu_cursor_u32(&c), 0xaa);
    assert_int_equal(mcu_cursor_u32(&c), 0xbb);
    f->base = mcu_cursor_u16(&c);
    f->count = mcu_cursor_u16(&c);
    assert_in_range(f->count, 1, 4096);
    int64_t at = (int64_t)mcu_cursor_be(&c, 3) * 256;
    f->number = mcu_cursor_u8(&c);
    read_symbols(&c, symbol, f->count);
    for (int i = 0; i < f->count; i++) {
        assert_in_range(symbol[i], 0, 2);
        at += symbol[i] == 1 ? mcu_cursor_u8(&c) : symbol[i] == 2 ? (int16_t)mcu_cursor_u16(&c) : 0;
        f->at[i] = symbol[i] ? at : NEVER;
    }
    assert_false(c.bad);
    assert_in_range(mcu_cursor_left(&c), 0, 3);
}

static bool take(struct mcu_twcc *t, struct feedback *f, int64_t now)
{
    uint8_t buf[1200];
    int n = mcu_twcc_write(t, 0xaa, 0xbb, buf, sizeof(buf), now);
    assert_true(n >= 0);
    if (n > 0)
        read_feedback(f, buf, n);
    return n > 0;
}

static struct mcu_twcc *fresh(void)
{
    struct mcu_twcc *t = NULL;
    assert_int_equal(mcu_twcc_new(&t), 0);
    return t;
}

static void feedback_comes_each_100_ms_and_tells_each_arrival(void **state)
{
    static struct feedback f;
    struct mcu_twcc *t = fresh();
    assert_true(mcu_twcc_due(t) == INT64_MAX);
    assert_false(take(t, &f, 5000 * MS));
    for (int i = 0; i < 10; i++)
        mcu_twcc_came(t, (uint16_t)(65530 + i), 5000 * MS + i * 10 * MS);
    assert_true(mcu_twcc_due(t) == 5100 * MS);
    assert_false(take(t, &f, 5099 * MS));
    assert_true(take(t, &f, 5100 * MS));
    assert_int_equal(f.base, 65530);
    assert_int_equal(f.count, 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(f.at[i], (5000 + i * 10) * 4);
    assert_true(mcu_twcc_due(t) == INT64_MAX);
    assert_false(take(t, &f, 9000 * MS));
    mcu_twcc_came(t, 6, 9000 * MS); /* 4 and 5 are lost */
    assert_true(take(t, &f, 9100 * MS));
    assert_int_equal(f.base, 4);
    assert_int_equal(f.count, 3);
    assert_true(f.at[0] == NEVER && f.at[1] == NEVER && f.at[2] == 36000);
    assert_int_equal(f.number, 1);
    struct mcu_twcc_stats st;
    mcu_twcc_get_stats(t, &st);
    assert_int_equal(st.came, 11);
    assert_int_equal(st.feedback_out, 2);
    mcu_twcc_free(&t);
}

/* The loop reads late, and at once, what came apart. */
static void arrivals_are_the_datagrams(void **state)
{
    static struct feedback f;
    struct mcu_twcc *t = fresh();
    for (int i = 0; i < 10; i++) {
        mcu_twcc_datagram(t, 5000 * MS + i * 2 * MS);
        mcu_twcc_came(t, (uint16_t)i, 5030 * MS);
    }
    assert_true(mcu_twcc_due(t) == 5130 * MS);
    assert_true(take(t, &f, 5130 * MS));
    for (int i = 0; i < 10; i++)
        assert_int_equal(f.at[i], (5000 + i * 2) * 4);
    mcu_twcc_free(&t);
}

static void many_packets_do_not_wait(void **state)
{
    static struct feedback f;
    struct mcu_twcc *t = fresh();
    for (int i = 0; i < 100; i++)
        mcu_twcc_came(t, (uint16_t)i, 1000 * MS + i * MS / 10);
    assert_true(take(t, &f, 1010 * MS));
    assert_int_equal(f.count, 100);
    mcu_twcc_free(&t);
}

static void a_late_number_is_reported_once_more(void **state)
{
    static struct feedback f;
    struct mcu_twcc *t = fresh();
    for (int i = 0; i < 20; i++)
        if (i != 15)
            mcu_twcc_came(t, (uint16_t)i, (1000 + i) * MS);
    assert_true(take(t, &f, 1100 * MS));
    assert_true(f.count == 20 && f.at[15] == NEVER);
    mcu_twcc_came(t, 15, 1150 * MS);
    mcu_twcc_came(t, 15, 1160 * MS); /* again: the first one counts */
    mcu_twcc_came(t, 3, 1160 * MS);
    assert_true(take(t, &f, 1250 * MS));
    assert_int_equal(f.base, 15);
    assert_int_equal(f.count, 5);
    assert_int_equal(f.at[0], 4600);
    assert_int_equal(f.at[1], 4064); /* a negative delta */
    mcu_twcc_free(&t);
}

static void a_pause_too_long_for_a_delta_begins_a_message(void **state)
{
    static struct feedback f;
    struct mcu_twcc *t = fresh();
    mcu_twcc_came(t, 1, 1000 * MS);
    mcu_twcc_came(t, 3, 9000 * MS);
    mcu_twcc_came(t, 4, 18000 * MS);
    assert_true(take(t, &f, 18000 * MS));
    assert_int_equal(f.count, 3);
    assert_true(mcu_twcc_due(t) == 18000 * MS);
    assert_true(take(t, &f, 18000 * MS));
    assert_int_equal(f.base, 4);
    assert_int_equal(f.at[0], 72000);
    mcu_twcc_free(&t);
}

static void a_buffer_too_small_gets_a_part_or_nothing(void **state)
{
    struct mcu_twcc *t = fresh();
    static struct feedback f;
    uint8_t buf[64];
    for (int i = 0; i < 50; i++)
        mcu_twcc_came(t, (uint16_t)(i * 2), (1000 + i * 70) * MS);
    assert_int_equal(mcu_twcc_write(t, 0xaa, 0xbb, buf, 24, 9000 * MS), -ENOSPC);
    int from = 0;
    for (int n; (n = mcu_twcc_write(t, 0xaa, 0xbb, buf, sizeof(buf), 9000 * MS)) > 0; from += f.count) {
        read_feedback(&f, buf, n);
        assert_int_equal(f.base, from);
        for (int i = 0; i < f.count; i++)
            assert_true(f.at[i] == ((from + i) % 2 ? NEVER : (1000 + (from + i) / 2 * 70) * 4));
    }
    assert_int_equal(from, 99);
    mcu_twcc_free(&t);
}

static void a_far_jump_begins_anew(void **state)
{
    static struct feedback f;
    struct mcu_twcc *t = fresh();
    mcu_twcc_came(t, 1, 1000 * MS);
    mcu_twcc_came(t, 20000, 1001 * MS);
    mcu_twcc_came(t, 1, 1002 * MS); /* too old to say anything about */
    assert_true(take(t, &f, 1101 * MS));
    assert_int_equal(f.base, 20000);
    assert_int_equal(f.count, 1);
    mcu_twcc_free(&t);
}

static uint64_t rng;

static uint32_t rnd(uint32_t below)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 20) % below;
}

/* Loss, reordering, duplicates, bursts: what the messages say in the end is what came first. */
static void any_network_is_told_truly(void **state)
{
    enum { COUNT = 20000 };
    static int64_t real[COUNT], told[COUNT];
    static struct feedback f;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct mcu_twcc *t = fresh();
        int64_t now = 3000 * MS;
        int loss = (int)(seed * 7 % 60), heard = 0;
        rng = seed * 7919;
        for (int i = 0; i < COUNT; i++)
            real[i] = told[i] = NEVER;
        for (int i = 0; i < COUNT; i++) {
            now += rnd(20) == 0 ? rnd(400) * MS : rnd(3000000);
            int n = i - (int)rnd(4) * (int)rnd(10);
            if (n >= 0 && rnd(100) >= (uint32_t)loss) {
                mcu_twcc_came(t, (uint16_t)(n + 60000), now);
                real[n] = real[n] == NEVER ? now / TICK_NS : real[n];
            }
            while (take(t, &f, now)) {
                assert_int_equal(f.number, heard++ & 0xff);
                int from = (uint16_t)(f.base - 60000) | (i & ~0xffff);
                for (int k = 0; k < f.count && from + k < COUNT; k++)
                    if (f.at[k] != NEVER)
                        told[from + k] = f.at[k];
            }
        }
        take(t, &f, now + 1000 * MS);
        for (int i = 0; i < COUNT - 200; i++)
            assert_true(told[i] == real[i]);
        mcu_twcc_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feedback_comes_each_100_ms_and_tells_each_arrival),
        cmocka_unit_test(arrivals_are_the_datagrams),
        cmocka_unit_test(many_packets_do_not_wait),
        cmocka_unit_test(a_late_number_is_reported_once_more),
        cmocka_unit_test(a_pause_too_long_for_a_delta_begins_a_message),
        cmocka_unit_test(a_buffer_too_small_gets_a_part_or_nothing),
        cmocka_unit_test(a_far_jump_begins_anew),
        cmocka_unit_test(any_network_is_told_truly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
