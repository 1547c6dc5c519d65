/* tests/unit/test_rtp_history.c - what was sent and may be sent again: bounds of memory, age, rate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "mixer/base/clock.h"
#include "net/rtp_history.h"

#define MS    MCU_NS_PER_MS
#define APART (20 * MS)

static struct mcu_rtp_history *h;

static void sent(int seq, size_t size, int64_t now_ns)
{
    uint8_t packet[1500];
    memset(packet, seq, size);
    mcu_rtp_history_sent(h, (uint16_t)seq, packet, size, now_ns);
}

/* The first byte of the packet that goes out next, or -1. */
static int next(int64_t now_ns, size_t expected)
{
    size_t size = 0;
    const uint8_t *p = mcu_rtp_history_next(h, &size, now_ns);
    if (!p)
        return -1;
    assert_int_equal(size, expected);
    for (size_t i = 1; i < size; i++)
        assert_int_equal(p[i], p[0]);
    return p[0];
}

static void what_is_asked_for_comes_in_its_order(void **state)
{
    assert_int_equal(mcu_rtp_history_new(&h, 64, 10000, 1000000), 0);
    for (int i = 65530; i < 65530 + 20; i++)
        sent(i, 300, 5 * MS);
    assert_true(mcu_rtp_history_ask(h, 3, APART, 10 * MS));
    assert_true(mcu_rtp_history_ask(h, 65535, APART, 10 * MS));
    assert_false(mcu_rtp_history_ask(h, 3, APART, 10 * MS)); /* waits already */
    assert_false(mcu_rtp_history_ask(h, 300, APART, 10 * MS));
    assert_true(mcu_rtp_history_waiting(h));
    assert_int_equal(next(11 * MS, 300), 3);
    assert_int_equal(next(11 * MS, 300), 255);
    assert_int_equal(next(11 * MS, 300), -1);
    assert_false(mcu_rtp_history_ask(h, 3, APART, 30 * MS)); /* on its way */
    assert_true(mcu_rtp_history_ask(h, 3, APART, 31 * MS));
    mcu_rtp_history_clear(h);
    assert_int_equal(next(31 * MS, 300), -1);
    mcu_rtp_history_free(&h);
}

static void what_is_old_is_gone(void **state)
{
    assert_int_equal(mcu_rtp_history_new(&h, 16, 2000, 1000000), 0);
    for (int i = 0; i < 16; i++)
        sent(i, 150, MS); /* 13 lie in the ring */
    assert_false(mcu_rtp_history_ask(h, 2, APART, MS));
    for (int i = 3; i < 16; i++)
        assert_true(mcu_rtp_history_ask(h, (uint16_t)i, APART, MS));
    sent(16, 150, 2 * MS); /* takes the place of 3 */
    sent(21, 150, 2 * MS); /* and this the slot of 5, which waits */
    assert_int_equal(next(3 * MS, 150), 6);
    assert_int_equal(next(1002 * MS, 150), -1); /* a second old */
    assert_false(mcu_rtp_history_ask(h, 16, APART, 1003 * MS));
    mcu_rtp_history_free(&h);
}

static void any_sizes_come_out_whole(void **state)
{
    uint32_t rng = 7;
    assert_int_equal(mcu_rtp_history_new(&h, 128, 20011, 100000000), 0);
    size_t size[65536 / 8];
    int found = 0;
    for (int i = 0; i < 8192; i++) {
        rng = rng * 1664525 + 1013904223;
        size[i] = 1 + (rng >> 16) % 1400;
        sent(i, size[i], i * MS);
        int back = i - (int)(rng >> 8) % 40;
        if (back < 0 || !mcu_rtp_history_ask(h, (uint16_t)back, 0, i * MS))
            continue;
        found++;
        assert_int_equal(next(i * MS, size[back]), back & 255);
    }
    assert_in_range(found, 4000, 8000);
    sent(1, 1400, 0);
    mcu_rtp_history_free(&h);
    assert_int_equal(mcu_rtp_history_new(&h, 16, 100, 0), 0); /* one larger than the ring */
    sent(1, 101, MS);
    assert_false(mcu_rtp_history_ask(h, 1, APART, MS));
    mcu_rtp_history_free(&h);
}

static void repeats_keep_within_a_quarter_of_the_rate(void **state)
{
    int64_t now = MS, bytes = 0;
    assert_int_equal(mcu_rtp_history_new(&h, 1024, 1 << 20, 1000000), 0);
    for (int i = 0; i < 100; i++)
        sent(i, 1000, now);
    int burst = 0;
    for (int i = 0; i < 100; i++)
        burst += mcu_rtp_history_ask(h, (uint16_t)i, APART, now);
    assert_in_range(burst, 12, 17); /* 125 kbit */
    while (next(now, 1000) >= 0)
        ;
    for (int i = 100; i < 1100; i++, now += 8 * MS) { /* 1 Mbit/s, all of it asked for, for 8 s */
        sent(i, 1000, now);
        for (int k = i > 200 ? i - 100 : 100; k <= i; k++)
            mcu_rtp_history_ask(h, (uint16_t)k, APART, now);
        while (next(now, 1000) >= 0)
            bytes += 1000;
    }
    assert_in_range(bytes, 240000, 253000);
    mcu_rtp_history_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_for_comes_in_its_order),
        cmocka_unit_test(what_is_old_is_gone),
        cmocka_unit_test(any_sizes_come_out_whole),
        cmocka_unit_test(repeats_keep_within_a_quarter_of_the_rate),
    };
    return cmocka_run_group_tests_name("rtp_history", tests, NULL, NULL);
}
