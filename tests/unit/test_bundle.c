/* tests/unit/test_bundle.c - which line a packet of a shared transport belongs to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "net/bundle.h"
#include "net/rtp.h"
#include "net/rtp_ext.h"

#define MID_ID 4

/* Audio (Opus 111, G.711 0, keys 110) is line 0, video (VP8 96 with repeats under 97) is line 1. */
static struct mcu_bundle *two_lines(void)
{
    struct mcu_bundle *b = NULL;
    struct mcu_line_config audio = { .kind = MCU_AUDIO, .rx_count = 2, .dtmf_pt = 110,
                                     .ext.mid = MID_ID, .mid = "a0" };
    struct mcu_line_config video = { .kind = MCU_VIDEO, .rx_count = 1, .dtmf_pt = -1,
                                     .ext.mid = MID_ID, .mid = "v" };
    audio.rx[0] = (struct mcu_line_rx){ .codec = MCU_CODEC_OPUS, .pt = 111 };
    audio.rx[1] = (struct mcu_line_rx){ .codec = MCU_CODEC_PCMU, .pt = 0 };
    video.rx[0] = (struct mcu_line_rx){ .codec = MCU_CODEC_VP8, .pt = 96, .rtx_pt = 97 };
    assert_int_equal(mcu_bundle_new(&b), 0);
    assert_int_equal(mcu_bundle_set(b, 0, &audio), 0);
    assert_int_equal(mcu_bundle_set(b, 1, &video), 0);
    return b;
}

/* The line of a packet, whose MID may be NULL. */
static int line_of(struct mcu_bundle *b, uint32_t ssrc, uint8_t pt, const char *mid)
{
    uint8_t buf[128];
    struct mcu_rtp r = { .pt = pt, .seq = 1, .ssrc = ssrc };
    int n = mcu_rtp_write(&r, buf, sizeof(buf));
    if (mid) {
        struct mcu_rtp_ext_writer x = mcu_rtp_ext_writer(buf, (size_t)n, sizeof(buf), false);
        memcpy(mcu_rtp_ext_put(&x, MID_ID, strlen(mid)), mid, strlen(mid));
        n = mcu_rtp_ext_end(&x);
    }
    memcpy(buf + n, "data", 4);
    return mcu_bundle_line(b, buf, (size_t)n + 4);
}

static void a_mid_decides_and_its_ssrc_is_remembered(void **state)
{
    struct mcu_bundle *b = two_lines();
    assert_int_equal(line_of(b, 7, 96, "v"), 1);
    assert_int_equal(line_of(b, 8, 111, "a0"), 0);
    assert_int_equal(line_of(b, 7, 96, NULL), 1);
    assert_int_equal(line_of(b, 8, 13, NULL), 0); /* a type of nobody: the line passes it over */
    assert_int_equal(line_of(b, 9, 111, "a"), -ENOENT); /* no such line, whatever its type says */
    assert_int_equal(line_of(b, 9, 111, "a01"), -ENOENT);
    mcu_bundle_free(&b);
    assert_null(b);
}

static void an_ssrc_that_changes_its_line_by_mid_is_followed(void **state)
{
    struct mcu_bundle *b = two_lines();
    mcu_bundle_learn(b, 7, 0);
    assert_int_equal(line_of(b, 7, 13, NULL), 0);
    assert_int_equal(line_of(b, 7, 96, "v"), 1);
    assert_int_equal(line_of(b, 7, 13, NULL), 1);
    mcu_bundle_free(&b);
}

static void a_type_of_one_line_alone_decides(void **state)
{
    struct mcu_bundle *b = two_lines();
    assert_int_equal(line_of(b, 1, 0, NULL), 0);
    assert_int_equal(line_of(b, 2, 110, NULL), 0);
    assert_int_equal(line_of(b, 3, 96, NULL), 1);
    assert_int_equal(line_of(b, 4, 97, NULL), 1);
    assert_int_equal(line_of(b, 5, 99, NULL), -ENOENT);
    mcu_bundle_free(&b);
}

static void a_type_of_two_lines_needs_mid_or_ssrc(void **state)
{
    struct mcu_bundle *b = two_lines();
    struct mcu_line_config slides = { .kind = MCU_VIDEO, .rx_count = 1, .dtmf_pt = -1,
                                      .ext.mid = MID_ID, .mid = "s" };
    slides.rx[0] = (struct mcu_line_rx){ .codec = MCU_CODEC_VP8, .pt = 96, .rtx_pt = 97 };
    assert_int_equal(mcu_bundle_set(b, 2, &slides), 0);
    assert_int_equal(line_of(b, 3, 96, NULL), -ENOENT);
    mcu_bundle_learn(b, 3, 2);
    assert_int_equal(line_of(b, 3, 96, NULL), 2);
    assert_int_equal(line_of(b, 4, 97, "v"), 1);
    assert_int_equal(line_of(b, 4, 97, NULL), 1);
    mcu_bundle_free(&b);
}

static void a_type_of_another_line_is_not_believed(void **state)
{
    struct mcu_bundle *b = two_lines();
    mcu_bundle_learn(b, 3, 0);
    assert_int_equal(line_of(b, 3, 96, NULL), -ENOENT);
    assert_int_equal(line_of(b, 3, 96, "a0"), -ENOENT);
    assert_int_equal(line_of(b, 3, 111, NULL), 0);
    mcu_bundle_free(&b);
}

static void a_line_that_ends_takes_its_own_ssrcs_along(void **state)
{
    struct mcu_bundle *b = two_lines();
    assert_int_equal(line_of(b, 7, 96, "v"), 1);
    assert_int_equal(line_of(b, 8, 111, "a0"), 0);
    assert_int_equal(mcu_bundle_set(b, 1, NULL), 0);
    assert_int_equal(line_of(b, 7, 96, NULL), -ENOENT);
    assert_int_equal(line_of(b, 7, 96, "v"), -ENOENT);
    assert_int_equal(line_of(b, 8, 13, NULL), 0);
    mcu_bundle_learn(b, 7, 1);
    mcu_bundle_learn(b, 7, MCU_BUNDLE_LINES);
    mcu_bundle_learn(b, 7, -1);
    assert_int_equal(line_of(b, 7, 13, NULL), -ENOENT);
    assert_int_equal(mcu_bundle_set(b, -1, NULL), -EINVAL);
    assert_int_equal(mcu_bundle_set(b, MCU_BUNDLE_LINES, NULL), -EINVAL);
    mcu_bundle_free(&b);
}

static void a_flood_of_ssrcs_pushes_out_only_silent_ones(void **state)
{
    struct mcu_bundle *b = two_lines();
    assert_int_equal(line_of(b, 7, 96, "v"), 1);
    assert_int_equal(line_of(b, 8, 96, "v"), 1);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(line_of(b, 1000 + i, 111, NULL), 0);
        assert_int_equal(line_of(b, 7, 13, NULL), 1); /* talks on, and stays */
    }
    assert_int_equal(line_of(b, 8, 13, NULL), -ENOENT);
    mcu_bundle_free(&b);
}

static void broken_packets_are_refused(void **state)
{
    struct mcu_bundle *b = two_lines();
    assert_int_equal(mcu_bundle_line(b, (const uint8_t *)"\x80\x60\x00", 3), -EBADMSG);
    assert_int_equal(mcu_bundle_line(b, (const uint8_t *)"", 0), -EBADMSG);
    /* an extension that is longer than its packet */
    assert_int_equal(mcu_bundle_line(b, (const uint8_t *)"\x90\x60\0\1\0\0\0\0\0\0\0\7\xbe\xde\0\x9",
                                     16), -EBADMSG);
    mcu_bundle_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mid_decides_and_its_ssrc_is_remembered),
        cmocka_unit_test(an_ssrc_that_changes_its_line_by_mid_is_followed),
        cmocka_unit_test(a_type_of_one_line_alone_decides),
        cmocka_unit_test(a_type_of_two_lines_needs_mid_or_ssrc),
        cmocka_unit_test(a_type_of_another_line_is_not_believed),
        cmocka_unit_test(a_line_that_ends_takes_its_own_ssrcs_along),
        cmocka_unit_test(a_flood_of_ssrcs_pushes_out_only_silent_ones),
        cmocka_unit_test(broken_packets_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
