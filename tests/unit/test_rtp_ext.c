/* tests/unit/test_rtp_ext.c - RFC 8285 elements: both forms, hostile ones, and what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "net/rtp_ext.h"

static struct mcu_rtp with_ext(uint16_t profile, const void *ext, size_t size)
{
    return (struct mcu_rtp){ .has_ext = true, .ext_profile = profile, .ext = ext, .ext_bytes = size };
}

static void one_byte_elements_are_read_past_padding(void **state)
{
    static const uint8_t ext[] = { 0, 0, 0x10, 7, 0, 0x32, 1, 2, 3, 0, 0, 0 };
    struct mcu_rtp rtp = with_ext(0xbede, ext, sizeof(ext));
    struct mcu_rtp_ext_iter it = mcu_rtp_ext_iter(&rtp);
    struct mcu_rtp_ext_element e;
    assert_true(mcu_rtp_ext_next(&it, &e));
    assert_int_equal(e.id, 1);
    assert_int_equal(e.size, 1);
    assert_int_equal(e.data[0], 7);
    assert_true(mcu_rtp_ext_next(&it, &e));
    assert_int_equal(e.id, 3);
    assert_int_equal(e.size, 3);
    assert_false(mcu_rtp_ext_next(&it, &e));
    assert_true(mcu_rtp_ext_find(&rtp, 3, &e));
    assert_int_equal(e.data[2], 3);
    assert_false(mcu_rtp_ext_find(&rtp, 2, &e));
    assert_false(mcu_rtp_ext_find(&rtp, 0, &e));
}

static void two_byte_elements_may_be_empty_and_have_high_numbers(void **state)
{
    static const uint8_t ext[] = { 0, 200, 0, 0, 5, 2, 8, 9 };
    struct mcu_rtp rtp = with_ext(0x1007, ext, sizeof(ext));
    struct mcu_rtp_ext_element e;
    assert_true(mcu_rtp_ext_find(&rtp, 200, &e));
    assert_int_equal(e.size, 0);
    assert_true(mcu_rtp_ext_find(&rtp, 5, &e));
    assert_int_equal(e.data[1], 9);
}

static void elements_that_lie_end_the_walk(void **state)
{
    static const uint8_t fifteen[] = { 0xf0, 1, 0x10, 1 }, zero_long[] = { 0x01, 1, 0x10, 1 },
                         beyond[] = { 0x1f, 1, 2, 3 }, beyond_two[] = { 1, 3, 1, 2 },
                         no_length[] = { 0, 0, 0, 1 };
    struct mcu_rtp_ext_element e;
    struct mcu_rtp r[] = { with_ext(0xbede, fifteen, 4), with_ext(0xbede, zero_long, 4),
                           with_ext(0xbede, beyond, 4), with_ext(0x1000, beyond_two, 4),
                           with_ext(0x1000, no_length, 4), with_ext(0xabcd, beyond_two, 4),
                           with_ext(0xbede, NULL, 0), { 0 } };
    for (size_t i = 0; i < sizeof(r) / sizeof(r[0]); i++)
        assert_false(mcu_rtp_ext_find(&r[i], 1, &e));
}

static void what_is_written_is_read(void **state)
{
    for (int two_byte = 0; two_byte <= 1; two_byte++) {
        uint8_t buf[80] = { 0 };
        struct mcu_rtp rtp = { .pt = 96, .csrc_count = 2 };
        struct mcu_rtp_ext_element e;
        int head = mcu_rtp_write(&rtp, buf, sizeof(buf));
        struct mcu_rtp_ext_writer x = mcu_rtp_ext_writer(buf, (size_t)head, sizeof(buf), two_byte);
        memcpy(mcu_rtp_ext_put(&x, 4, 3), "abc", 3);
        memcpy(mcu_rtp_ext_put(&x, two_byte ? 30 : 14, 16), "0123456789abcdef", 16);
        int n = mcu_rtp_ext_end(&x);
        assert_int_equal(n, 20 + 4 + 24);
        assert_int_equal(mcu_rtp_parse(&rtp, buf, (size_t)n), 0);
        assert_int_equal(rtp.payload_bytes, 0);
        assert_true(mcu_rtp_ext_find(&rtp, 4, &e));
        assert_memory_equal(e.data, "abc", 3);
        assert_true(mcu_rtp_ext_find(&rtp, two_byte ? 30 : 14, &e));
        assert_memory_equal(e.data, "0123456789abcdef", 16);
    }
}

static void nothing_put_is_no_extension(void **state)
{
    uint8_t buf[12] = { 0 };
    struct mcu_rtp rtp = { .pt = 0 };
    mcu_rtp_write(&rtp, buf, sizeof(buf));
    struct mcu_rtp_ext_writer x = mcu_rtp_ext_writer(buf, 12, sizeof(buf), false);
    assert_int_equal(mcu_rtp_ext_end(&x), 12);
    assert_int_equal(buf[0], 0x80);
}

static void what_does_not_fit_is_refused(void **state)
{
    static const struct {
        uint8_t id;
        size_t size, room;
        bool two_byte;
    } cases[] = { { 15, 1, 64, false }, { 1, 17, 64, false }, { 1, 0, 64, false }, { 0, 1, 64, true },
                  { 1, 256, 512, true }, { 1, 3, 19, false }, { 1, 2, 19, false }, { 1, 1, 8, false } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t buf[512] = { 0x80 };
        struct mcu_rtp_ext_writer x = mcu_rtp_ext_writer(buf, 12, cases[i].room, cases[i].two_byte);
        mcu_rtp_ext_put(&x, cases[i].id, cases[i].size);
        assert_int_equal(mcu_rtp_ext_end(&x), -EMSGSIZE);
        assert_int_equal(buf[0], 0x80);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_byte_elements_are_read_past_padding),
        cmocka_unit_test(two_byte_elements_may_be_empty_and_have_high_numbers),
        cmocka_unit_test(elements_that_lie_end_the_walk),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(nothing_put_is_no_extension),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests_name("rtp_ext", tests, NULL, NULL);
}
