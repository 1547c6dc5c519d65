/* AV1 sequence headers (AV1 5.5.1) with all that may stand before the picture's size: timing, buffer
 * models, several operating points. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/vhead.h"

static uint8_t unit[96];
static size_t bits;

static void put(uint64_t value, int count)
{
    while (count-- > 0) {
        unit[bits / 8] |= (uint8_t)((value >> count & 1) << (7 - bits % 8));
        bits++;
    }
}

struct sequence {
    bool still, timing, equal_interval, model, display_delay;
    int points, level;
};

static void put_timing(const struct sequence *s)
{
    put(1, 32), put(30, 32);
    put(s->equal_interval, 1);
    if (s->equal_interval)
        put(0, 2), put(1, 1), put(2, 2); /* uvlc of 5 */
    put(s->model, 1);
    if (s->model)
        put(9, 5), put(1, 32), put(9, 5), put(9, 5); /* delays of 10 bits */
}

/* One sequence header of 640x360, then a frame of one byte. Returns the unit's size. */
static size_t write_unit(const struct sequence *s, uint8_t frame)
{
    memset(unit, 0, sizeof(unit));
    unit[0] = 1 << 3 | 2; /* OBU_SEQUENCE_HEADER with a size */
    bits = 16;
    put(0, 3), put(s->still, 1), put(s->still, 1);
    if (s->still) {
        put(8, 5);
    } else {
        put(s->timing, 1);
        if (s->timing)
            put_timing(s);
        put(s->display_delay, 1), put((unsigned)s->points - 1, 5);
        for (int i = 0; i < s->points; i++) {
            put(0, 12), put((unsigned)s->level, 5);
            if (s->level > 7)
                put(1, 1);
            if (s->timing && s->model)
                put(1, 1), put(500, 10), put(500, 10), put(0, 1);
            if (s->display_delay)
                put(1, 1), put(9, 4);
        }
    }
    put(9, 4), put(8, 4), put(639, 10), put(359, 9);
    put(0, 12);
    size_t end = (bits + 7) / 8;
    unit[1] = (uint8_t)(end - 2);
    unit[end] = 6 << 3 | 2; /* OBU_FRAME */
    unit[end + 1] = 1;
    unit[end + 2] = frame;
    return end + 3;
}

static void size_is_found(const struct sequence *s)
{
    struct mcu_vhead head = { 0 };
    size_t size = write_unit(s, 0x10); /* a shown keyframe */
    assert_int_equal(mcu_vhead_parse(&head, MCU_CODEC_AV1, unit, size), 0);
    assert_int_equal(head.coded_width, 640);
    assert_int_equal(head.coded_height, 360);
    assert_int_equal(head.start, MCU_VSTART_KEY);
    assert_int_equal(head.slices, 1);
    for (size_t cut = 0; cut < size; cut++) { /* no cut is read beyond */
        struct mcu_vhead part = { 0 };
        int rc = mcu_vhead_parse(&part, MCU_CODEC_AV1, unit, cut);
        assert_true(rc == 0 || rc == -EBADMSG);
    }
}

static void size_stands_behind_timing_and_models(void **state)
{
    size_is_found(&(struct sequence){ .points = 1, .level = 5 });
    size_is_found(&(struct sequence){ .points = 3, .level = 9, .display_delay = true });
    size_is_found(&(struct sequence){ .points = 1, .level = 5, .timing = true });
    size_is_found(&(struct sequence){ .points = 2, .level = 8, .timing = true, .equal_interval = true,
                                      .model = true, .display_delay = true });
}

static void still_pictures_leave_all_that_out(void **state)
{
    size_is_found(&(struct sequence){ .still = true });
}

static void frames_without_a_sequence_begin_nothing(void **state)
{
    static const uint8_t alone[] = { 6 << 3 | 2, 1, 0x10 };
    struct mcu_vhead head = { 0 };
    assert_int_equal(mcu_vhead_parse(&head, MCU_CODEC_AV1, alone, sizeof(alone)), 0);
    assert_int_equal(head.start, MCU_VSTART_NONE);
    assert_int_equal(head.slices, 1);
}

static void a_sequence_without_end_is_refused(void **state)
{
    struct mcu_vhead head = { 0 };
    uint8_t zeros[20] = { 1 << 3 | 2, 18 };
    zeros[2] = 0x04; /* timing, whose uvlc never ends */
    zeros[11] = 0xff;
    assert_int_equal(mcu_vhead_parse(&head, MCU_CODEC_AV1, zeros, sizeof(zeros)), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(size_stands_behind_timing_and_models),
        cmocka_unit_test(still_pictures_leave_all_that_out),
        cmocka_unit_test(frames_without_a_sequence_begin_nothing),
        cmocka_unit_test(a_sequence_without_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
