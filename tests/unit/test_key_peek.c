/* Keyframes seen from outside: what begins one, how high it is, and what only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/key_peek.h"

static int rows;

static bool peek(enum mcu_codec codec, const void *data, size_t size)
{
    rows = -1;
    return mcu_key_peek(codec, data, size, &rows);
}

#define PEEK(codec, ...) \
    peek(MCU_CODEC_##codec, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* ---- writing parameter sets, MSB first ---- */

static uint8_t nal[64];
static size_t bits;

static void put(unsigned value, int count)
{
    while (count-- > 0) {
        nal[bits / 8] |= (uint8_t)((value >> count & 1) << (7 - bits % 8));
        bits++;
    }
}

static void put_ue(unsigned value)
{
    int length = 0;
    while ((value + 1) >> (length + 1))
        length++;
    put(0, length);
    put(value + 1, length + 1);
}

/* H.264 7.3.2.1.1 up to the cropping. order: pic_order_cnt_type; high: profile 100 with chroma. */
static size_t write_sps(bool high, unsigned chroma, unsigned order, bool frames, unsigned crop)
{
    memset(nal, 0, sizeof(nal));
    bits = 0;
    put(0x67, 8);
    put(high ? 100 : 66, 8);
    put(0xff, 8); /* constraints; any, but no emulation prevention */
    put(31, 8);
    put_ue(0);
    if (high) {
        put_ue(chroma);
        if (chroma == 3)
            put(0, 1);
        put_ue(0), put_ue(0), put(0, 1), put(0, 1);
    }
    put_ue(0), put_ue(order);
    if (order == 0)
        put_ue(2);
    put_ue(1), put(0, 1), put_ue(39);
    put_ue(frames ? 22 : 11), put(frames, 1); /* 23 or 12 * 2 macroblocks: 368 or 384 rows */
    if (!frames)
        put(0, 1);
    put(1, 1);
    put(crop > 0, 1);
    if (crop)
        put_ue(0), put_ue(0), put_ue(0), put_ue(crop);
    put(0, 1), put(1, 1);
    return (bits + 7) / 8;
}

static int sps_height(bool high, unsigned chroma, unsigned order, bool frames, unsigned crop)
{
    size_t size = write_sps(high, chroma, order, frames, crop);
    assert_true(peek(MCU_CODEC_H264, nal, size));
    return rows;
}

static void h264_height_is_that_of_the_parameter_set(void **state)
{
    assert_int_equal(sps_height(false, 1, 0, true, 4), 360);
    assert_int_equal(sps_height(true, 1, 2, true, 4), 360);
    assert_int_equal(sps_height(true, 3, 0, true, 8), 360); /* 4:4:4 is cropped by rows */
    assert_int_equal(sps_height(false, 1, 0, false, 6), 360); /* fields: four rows a step */
    assert_int_equal(sps_height(false, 1, 0, true, 0), 368);
    assert_int_equal(sps_height(false, 1, 1, true, 0), -1); /* not read, but a keyframe */
    assert_int_equal(sps_height(false, 1, 0, true, 400), -1); /* nothing would be left */
}

static void h264_parameter_sets_are_found_in_aggregates(void **state)
{
    uint8_t packet[80] = { 0x78, 0 };
    size_t size = write_sps(false, 1, 0, true, 4);
    packet[2] = (uint8_t)size;
    memcpy(packet + 3, nal, size);
    assert_true(peek(MCU_CODEC_H264, packet, size + 3));
    assert_int_equal(rows, 360);
    packet[2] = 79;
    assert_false(peek(MCU_CODEC_H264, packet, size + 3));
    assert_false(PEEK(H264, 0x65, 0x88, 0x80)); /* IDR without its sets */
    assert_false(PEEK(H264, 0x41, 0x9a));
    for (size_t cut = 1; cut < size; cut++) /* cut short: no height, or one that was there */
        peek(MCU_CODEC_H264, nal, cut);
    assert_true(PEEK(H264, 0x67, 66, 0, 0, 3, 31)); /* emulation prevention within */
    assert_int_equal(rows, -1);
}

static void vp8_keyframes_have_their_height(void **state)
{
    assert_true(PEEK(VP8, 0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 0x41));
    assert_int_equal(rows, 360);
    assert_true(PEEK(VP8, 0x90, 0xf0, 0x81, 0x02, 7, 0x20, 0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1));
    assert_int_equal(rows, 360);
    assert_false(PEEK(VP8, 0x10, 0x11, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1)); /* P frame */
    assert_false(PEEK(VP8, 0x00, 0x10, 0, 0)); /* not its start */
    assert_false(PEEK(VP8, 0x11, 0x10, 0, 0)); /* a later partition */
    assert_true(PEEK(VP8, 0x10, 0x10, 0, 0, 0x9d, 1));
    assert_int_equal(rows, -1);
    assert_false(PEEK(VP8, 0x90, 0xf0));
}

static void vp9_keyframes_have_the_height_of_their_largest_layer(void **state)
{
    assert_true(PEEK(VP9, 0x8a, 0x81, 1, 0x30, 1, 64, 0, 180, 2, 128, 1, 104));
    assert_int_equal(rows, 360);
    assert_true(PEEK(VP9, 0xaa, 1, 0x00, 9, 0x10, 2, 128, 1, 104));
    assert_int_equal(rows, 360);
    assert_true(PEEK(VP9, 0xaa, 1, 0x00, 9, 0x00)); /* a structure without sizes */
    assert_int_equal(rows, -1);
    assert_true(PEEK(VP9, 0x3a, 0x00, 0x10, 1, 64, 0, 180)); /* flexible: no TL0PICIDX */
    assert_int_equal(rows, 180);
    assert_false(PEEK(VP9, 0xca, 1, 0));       /* leans on others */
    assert_false(PEEK(VP9, 0x82, 1, 0));       /* not its start */
    assert_false(PEEK(VP9, 0xaa, 1, 0x02, 9)); /* an upper layer */
    assert_false(PEEK(VP9, 0xaa, 0x81));
}

static void av1_sequences_begin_with_n(void **state)
{
    assert_true(PEEK(AV1, 0x18));
    assert_false(PEEK(AV1, 0x98)); /* a fragment goes on */
    assert_false(PEEK(AV1, 0x10));
}

static void others_have_none(void **state)
{
    assert_false(PEEK(OPUS, 0x18));
    assert_false(peek(MCU_CODEC_VP8, NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h264_height_is_that_of_the_parameter_set),
        cmocka_unit_test(h264_parameter_sets_are_found_in_aggregates),
        cmocka_unit_test(vp8_keyframes_have_their_height),
        cmocka_unit_test(vp9_keyframes_have_the_height_of_their_largest_layer),
        cmocka_unit_test(av1_sequences_begin_with_n),
        cmocka_unit_test(others_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
