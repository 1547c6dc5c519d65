/* net/payload.h, VP9: payload descriptors by hand from RFC 9628 section 4.2. */
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

/* Every combination of the optional fields; the frame is { 0x82 (keyframe), 0xaa }. */
static void every_optional_field_is_read(void **state)
{
    static const struct {
        uint8_t data[24];
        size_t size;
    } cases[] = {
        { { 0x0c, 0x82, 0xaa }, 3 },                      /* B, E alone */
        { { 0x0d, 0x82, 0xaa }, 3 },                      /* Z */
        { { 0x8c, 0x12, 0x82, 0xaa }, 4 },                /* I, 7 bits */
        { { 0x8c, 0x92, 0x34, 0x82, 0xaa }, 5 },          /* I, 15 bits */
        { { 0x2c, 0x20, 0x07, 0x82, 0xaa }, 5 },          /* L, not F: TL0PICIDX */
        { { 0x3c, 0x20, 0x82, 0xaa }, 4 },                /* L and F: none */
        { { 0x4c, 0x82, 0xaa }, 3 },                      /* P, not F: no differences */
        { { 0x5c, 0x02, 0x82, 0xaa }, 4 },                /* P and F: one */
        { { 0x5c, 0x03, 0x04, 0x82, 0xaa }, 5 },          /* two */
        { { 0x5c, 0x03, 0x05, 0x07, 0x82, 0xaa }, 6 },    /* three, the last with N */
        { { 0x0e, 0x00, 0x82, 0xaa }, 4 },                /* V: nothing in it */
        { { 0x0e, 0x10, 1, 64, 0, 240, 0x82, 0xaa }, 8 }, /* V, Y: one size */
        { { 0x0e, 0x30, 0, 160, 0, 90, 1, 64, 0, 180, 0x82, 0xaa }, 12 }, /* of two layers */
        { { 0x0e, 0x08, 0, 0x82, 0xaa }, 5 },                             /* V, G: no pictures */
        { { 0x0e, 0x08, 2, 0x04, 1, 0x28, 1, 2, 0x82, 0xaa }, 10 }, /* two: one, two references */
        { { 0xbe, 0x92, 0x34, 0x20, 0x18, 1, 64, 0, 240, 1, 0x0c, 1, 2, 3, 0x82, 0xaa }, 16 },
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++)
        packet_is_keyframe(MCU_CODEC_VP9, cases[i].data, cases[i].size, "\x82\xaa");
}

static void descriptors_cut_short_are_refused(void **state)
{
    static const uint8_t full[] = { 0xbe, 0x92, 0x34, 0x20, 0x18, 1, 64,  0,
                                    240,  1,    0x0c, 1,    2,    3, 0x82 };
    cut_short_is_refused(MCU_CODEC_VP9, full, sizeof(full));
}

/* VP9 6.2: marker, profile, show_existing_frame, frame_type. */
static void the_frame_header_tells_keyframes(void **state)
{
    static const struct {
        uint8_t first;
        bool key;
    } cases[] = { { 0x82, true }, { 0x86, false }, { 0x8a, false }, { 0xa2, true }, { 0x92, true },
                  { 0xb1, true }, { 0xb2, false }, { 0xb4, false }, { 0x42, false } };
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++) {
        struct mcu_depay *d = new_depay(MCU_CODEC_VP9, 0);
        struct mcu_unit *u = NULL;
        uint8_t p[] = { 0x0c, cases[i].first, 1 };
        assert_int_equal(push(d, p, sizeof(p), 0, true, &u), 1);
        assert_int_equal(u->keyframe, cases[i].key);
        mcu_unit_unref(&u);
        mcu_depay_free(&d);
    }
}

/* Layer frames of 3, 1 and 300 bytes: VP9 Annex B, sizes in two bytes, lowest first. */
static void spatial_layers_become_one_superframe(void **state)
{
    static uint8_t big[303] = { 0xa4, 0x05, 0x04 }; /* I, L, E; id 5, SID 2 */
    struct mcu_depay *d = new_depay(MCU_CODEC_VP9, 0);
    struct mcu_unit *u = NULL;
    big[2] = 0x04;
    uint8_t head[] = { 0xa8, 0x05, 0x04, 0x00, 0x86 };
    assert_int_equal(push(d, "\xac\x05\x00\x00\x82\x01\x02", 7, 0, false, &u), 0);
    assert_int_equal(push(d, "\xac\x05\x02\x00\x86", 5, 0, false, &u), 0);
    assert_int_equal(push(d, head, sizeof(head), 0, false, &u), 0);
    assert_int_equal(push(d, big, sizeof(big), 0, true, &u), 1);
    assert_int_equal(u->size, 3 + 1 + 300 + 8);
    assert_true(u->keyframe);
    assert_memory_equal(u->data, "\x82\x01\x02\x86\x86", 5);
    assert_memory_equal(u->data + 304, "\xca\x03\x00\x01\x00\x2c\x01\xca", 8);
    mcu_unit_unref(&u);
    mcu_depay_free(&d);
}

static void a_layer_frame_without_its_first_packet_is_dropped(void **state)
{
    struct mcu_depay *d = new_depay(MCU_CODEC_VP9, 0);
    struct mcu_unit *u = NULL;
    assert_int_equal(push(d, "\x04\x01", 2, 0, true, &u), 0); /* joined in the middle */
    assert_int_equal(push(d, "\x0c\x82", 2, 1, false, &u), 0);
    assert_int_equal(push(d, "\x04\x82", 2, 1, true, &u), -EBADMSG); /* after its end */
    assert_int_equal(push(d, "\x0c\x82", 2, 2, true, &u), 1);
    assert_true(u->gap_before);
    mcu_unit_unref(&u);
    mcu_depay_free(&d);
}

static void more_layers_than_a_superframe_has_are_refused(void **state)
{
    struct mcu_depay *d = new_depay(MCU_CODEC_VP9, 0);
    struct mcu_unit *u = NULL;
    for (int i = 0; i < 8; i++)
        assert_int_equal(push(d, "\x0c\x82", 2, 0, false, &u), 0);
    assert_int_equal(push(d, "\x0c\x82", 2, 0, true, &u), -EBADMSG);
    assert_int_equal(push(d, "\x0c\x82", 2, 1, true, &u), 1);
    mcu_unit_unref(&u);
    mcu_depay_free(&d);
}

static void two_pictures_under_one_timestamp_are_refused(void **state)
{
    struct mcu_depay *d = new_depay(MCU_CODEC_VP9, 0);
    struct mcu_unit *u = NULL;
    assert_int_equal(push(d, "\x8c\x05\x82", 3, 0, false, &u), 0);
    assert_int_equal(push(d, "\x8c\x06\x82", 3, 0, true, &u), -EBADMSG);
    mcu_depay_free(&d);
}

static bool flagged(struct mcu_depay *d, bool wide, unsigned id)
{
    uint8_t p[] = { 0x8c, (uint8_t)(wide ? 0x80 | id >> 8 : id), (uint8_t)id, 0x82, 1 };
    static uint32_t rtp_ts;
    struct mcu_unit *u = NULL;
    if (!wide)
        memmove(p + 2, p + 3, 2);
    assert_int_equal(push(d, p, wide ? 5 : 4, rtp_ts += 3000, true, &u), 1);
    bool gap = u->gap_before;
    mcu_unit_unref(&u);
    return gap;
}

static void picture_id_gaps_are_flagged(void **state)
{
    struct mcu_depay *d = new_depay(MCU_CODEC_VP9, 0);
    assert_false(flagged(d, true, 0x7ffe));
    assert_false(flagged(d, true, 0x7fff));
    assert_false(flagged(d, true, 0));
    assert_true(flagged(d, true, 2));
    assert_false(flagged(d, false, 3)); /* the width may change */
    assert_true(flagged(d, false, 5));
    mcu_depay_free(&d);
}

static void payloads_carry_the_descriptor(void **state)
{
    struct mcu_unit *u = mcu_unit_new(40);
    struct mcu_pay pay;
    uint8_t buf[32];
    bool last;
    u->codec = MCU_CODEC_VP9;
    u->size = 40;
    memset(u->data, 7, 40);
    u->keyframe = true;
    mcu_pay_init(&pay, MCU_CODEC_VP9, false, 32);
    pay.vp9_picture_id = 0x7ffe;
    assert_int_equal(mcu_pay_begin(&pay, u), 0);
    assert_int_equal(mcu_pay_next(&pay, buf, sizeof(buf), &last), 32);
    assert_memory_equal(buf, "\x88\xff\xff\x07", 4);
    assert_false(last);
    assert_int_equal(mcu_pay_next(&pay, buf, sizeof(buf), &last), 14);
    assert_memory_equal(buf, "\x84\xff\xff\x07", 4);
    assert_true(last);
    u->keyframe = false;
    u->size = 5;
    assert_int_equal(mcu_pay_begin(&pay, u), 0);
    assert_int_equal(mcu_pay_next(&pay, buf, sizeof(buf), &last), 8);
    assert_memory_equal(buf, "\xcc\x80\x00\x07", 4); /* the id wraps at 15 bits */
    assert_int_equal(mcu_pay_begin(&pay, u), 0);
    assert_int_equal(mcu_pay_next(&pay, buf, 3, &last), -EMSGSIZE); /* no room for a byte */
    assert_int_equal(mcu_pay_next(&pay, buf, 3, &last), 0);
    mcu_unit_unref(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_optional_field_is_read),
        cmocka_unit_test(descriptors_cut_short_are_refused),
        cmocka_unit_test(the_frame_header_tells_keyframes),
        cmocka_unit_test(spatial_layers_become_one_superframe),
        cmocka_unit_test(a_layer_frame_without_its_first_packet_is_dropped),
        cmocka_unit_test(more_layers_than_a_superframe_has_are_refused),
        cmocka_unit_test(two_pictures_under_one_timestamp_are_refused),
        cmocka_unit_test(picture_id_gaps_are_flagged),
        cmocka_unit_test(payloads_carry_the_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
