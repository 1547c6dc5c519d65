/* net/payload.h, VP8: payload descriptors by hand from RFC 7741 section 4.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include <cmocka.h>

#include "mixer/base/util.h"
#include "net/payload.h"
#include "tests/unit/depay_rig.h"

static int push(struct mcu_depay *d, const void *p, size_t n, uint32_t rtp_ts, bool marker,
                struct mcu_unit **u)
{
    return push_packet(d, p, n, rtp_ts, marker, false, u);
}

/* Every combination of the optional fields; the frame is { 0x10 (keyframe), 0xaa }. */
static void every_optional_field_is_read(void **state)
{
    static const struct {
        uint8_t data[8];
        size_t size;
    } cases[] = {
        { { 0x10, 0x10, 0xaa }, 3 },                               /* S alone */
        { { 0x30, 0x10, 0xaa }, 3 },                               /* N: not a reference */
        { { 0x58, 0x10, 0xaa }, 3 },                               /* reserved bits are ignored */
        { { 0x90, 0x00, 0x10, 0xaa }, 4 },                         /* X with nothing */
        { { 0x90, 0x80, 0x12, 0x10, 0xaa }, 5 },                   /* I, 7 bits */
        { { 0x90, 0x80, 0x92, 0x34, 0x10, 0xaa }, 6 },             /* I, 15 bits */
        { { 0x90, 0x40, 0x55, 0x10, 0xaa }, 5 },                   /* L */
        { { 0x90, 0x20, 0x60, 0x10, 0xaa }, 5 },                   /* T */
        { { 0x90, 0x10, 0x1f, 0x10, 0xaa }, 5 },                   /* K */
        { { 0x90, 0x30, 0x7f, 0x10, 0xaa }, 5 },                   /* T and K share a byte */
        { { 0x90, 0xe0, 0x12, 0x55, 0x60, 0x10, 0xaa }, 7 },       /* I, L, T */
        { { 0x90, 0xff, 0x92, 0x34, 0x55, 0x7f, 0x10, 0xaa }, 8 }, /* all, and RSV */
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++)
        packet_is_keyframe(MCU_CODEC_VP8, cases[i].data, cases[i].size, "\x10\xaa");
}

static void descriptors_cut_short_are_refused(void **state)
{
    static const uint8_t full[] = { 0x90, 0xf0, 0x92, 0x34, 0x55, 0x7f, 0x10 };
    cut_short_is_refused(MCU_CODEC_VP8, full, sizeof(full));
}

/* RFC 7741 section 4.3: P is 0 for a keyframe, and stands in the first packet only. */
static void the_first_packet_tells_keyframes(void **state)
{
    static const uint8_t first[] = { 0x10, 0x51, 0xaa }, more[] = { 0x00, 0x00 };
    static const uint8_t part2[] = { 0x12, 0x02 };
    struct mcu_depay *d = new_depay(MCU_CODEC_VP8, 0);
    struct mcu_unit *u = NULL;
    assert_int_equal(push(d, first, 3, 0, false, &u), 0);
    assert_int_equal(push(d, more, 2, 0, false, &u), 0);
    assert_int_equal(push(d, part2, 2, 0, true, &u), 1);
    assert_false(u->keyframe);
    assert_int_equal(u->size, 4);
    assert_memory_equal(u->data, "\x51\xaa\x00\x02", 4);
    mcu_unit_unref(&u);
    mcu_depay_free(&d);
}

static void a_frame_without_its_first_packet_is_dropped(void **state)
{
    static const uint8_t first[] = { 0x10, 0x10 }, more[] = { 0x00, 0x01 };
    static const uint8_t part1[] = { 0x11, 0x02 };
    struct mcu_depay *d = new_depay(MCU_CODEC_VP8, 0);
    struct mcu_unit *u = NULL;
    assert_int_equal(push(d, more, 2, 0, false, &u), 0); /* joined in the middle */
    assert_int_equal(push(d, first, 2, 0, true, &u), 0); /* too late for it */
    assert_int_equal(push(d, part1, 2, 1, true, &u), 0); /* S, but of partition 1 */
    assert_int_equal(push(d, first, 2, 2, true, &u), 1);
    assert_true(u->gap_before);
    mcu_unit_unref(&u);
    mcu_depay_free(&d);
}

static void a_frame_that_begins_twice_is_dropped(void **state)
{
    static const uint8_t first[] = { 0x10, 0x10 };
    struct mcu_depay *d = new_depay(MCU_CODEC_VP8, 0);
    struct mcu_unit *u = NULL;
    assert_int_equal(push(d, first, 2, 0, false, &u), 0);
    assert_int_equal(push(d, first, 2, 0, false, &u), -EBADMSG);
    assert_int_equal(push(d, first, 2, 0, true, &u), 0);
    assert_int_equal(push(d, first, 2, 1, true, &u), 1);
    assert_true(u->gap_before);
    mcu_unit_unref(&u);
    mcu_depay_free(&d);
}

/* One frame with a picture id (-1: none); is it flagged? */
static bool flagged(struct mcu_depay *d, bool wide, int id)
{
    static uint32_t ts;
    uint8_t narrow_p[] = { 0x90, 0x80, (uint8_t)id, 0x10 };
    uint8_t wide_p[] = { 0x90, 0x80, (uint8_t)(0x80 | id >> 8), (uint8_t)id, 0x10 };
    uint8_t none_p[] = { 0x10, 0x10 };
    struct mcu_unit *u = NULL;
    int rc = id < 0 ? push(d, none_p, sizeof(none_p), ++ts, true, &u)
             : wide ? push(d, wide_p, sizeof(wide_p), ++ts, true, &u)
                    : push(d, narrow_p, sizeof(narrow_p), ++ts, true, &u);
    assert_int_equal(rc, 1);
    bool gap = u->gap_before;
    mcu_unit_unref(&u);
    return gap;
}

static void picture_id_gaps_are_flagged(void **state)
{
    struct mcu_depay *d = new_depay(MCU_CODEC_VP8, 0);
    assert_false(flagged(d, true, 32766));
    assert_false(flagged(d, true, 32767));
    assert_false(flagged(d, true, 0)); /* wraps */
    assert_true(flagged(d, true, 2));
    assert_false(flagged(d, true, 3));
    assert_true(flagged(d, true, 1)); /* back */
    assert_false(flagged(d, true, -1));
    assert_false(flagged(d, true, 77)); /* nothing to compare with */
    mcu_depay_free(&d);
    d = new_depay(MCU_CODEC_VP8, 0);
    assert_false(flagged(d, false, 126));
    assert_false(flagged(d, false, 127));
    assert_false(flagged(d, false, 0));
    assert_true(flagged(d, false, 2));
    mcu_depay_free(&d);
}

/* RFC 7741 section 4.2: 0x6E is followed by 0x006F, 0x1BEE by 0x6F. */
static void picture_ids_may_change_their_width(void **state)
{
    struct mcu_depay *d = new_depay(MCU_CODEC_VP8, 0);
    assert_false(flagged(d, false, 0x6e));
    assert_false(flagged(d, true, 0x6f));
    assert_true(flagged(d, true, 0x1bee));
    assert_false(flagged(d, false, 0x6f));
    assert_true(flagged(d, true, 0x72));
    mcu_depay_free(&d);
}

static void a_picture_id_that_never_moves_is_ignored(void **state)
{
    struct mcu_depay *d = new_depay(MCU_CODEC_VP8, 0);
    for (int i = 0; i < 5; i++)
        assert_false(flagged(d, true, 5));
    mcu_depay_free(&d);
}

static void payloads_carry_the_descriptor(void **state)
{
    struct mcu_unit *u = mcu_unit_new(40);
    struct mcu_pay pay;
    uint8_t buf[32];
    bool last;
    u->codec = MCU_CODEC_VP8;
    u->size = 40;
    memset(u->data, 7, 40);
    mcu_pay_init(&pay, MCU_CODEC_VP8, false, 32);
    pay.vp8_picture_id = 0x7ffe;
    assert_int_equal(mcu_pay_begin(&pay, u), 0);
    assert_int_equal(mcu_pay_next(&pay, buf, sizeof(buf), &last), 32);
    assert_memory_equal(buf, "\x90\x80\xff\xff\x07", 5);
    assert_false(last);
    assert_int_equal(mcu_pay_next(&pay, buf, sizeof(buf), &last), 16);
    assert_memory_equal(buf, "\x80\x80\xff\xff\x07", 5);
    assert_true(last);
    assert_int_equal(mcu_pay_next(&pay, buf, sizeof(buf), &last), 0);
    assert_int_equal(mcu_pay_begin(&pay, u), 0);
    assert_int_equal(mcu_pay_next(&pay, buf, sizeof(buf), &last), 32);
    assert_memory_equal(buf, "\x90\x80\x80\x00\x07", 5); /* the id wraps at 15 bits */
    assert_int_equal(mcu_pay_begin(&pay, u), 0);
    assert_int_equal(mcu_pay_next(&pay, buf, 4, &last), -EMSGSIZE); /* no room for a byte */
    assert_int_equal(mcu_pay_next(&pay, buf, 4, &last), 0);
    mcu_unit_unref(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_optional_field_is_read),
        cmocka_unit_test(descriptors_cut_short_are_refused),
        cmocka_unit_test(the_first_packet_tells_keyframes),
        cmocka_unit_test(a_frame_without_its_first_packet_is_dropped),
        cmocka_unit_test(a_frame_that_begins_twice_is_dropped),
        cmocka_unit_test(picture_id_gaps_are_flagged),
        cmocka_unit_test(picture_ids_may_change_their_width),
        cmocka_unit_test(a_picture_id_that_never_moves_is_ignored),
        cmocka_unit_test(payloads_carry_the_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
