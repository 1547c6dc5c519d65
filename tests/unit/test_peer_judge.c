/* The judge of the end-to-end tests is judged itself: tests/mock/peer_measure.h, peer_picture.h. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mixer/base/util.h"
#include "tests/mock/peer_measure.h"
#include "tests/mock/peer_picture.h"

#define SECONDS 2
#define FRAMES  (SECONDS * 48000)

static int16_t pcm[FRAMES];

static void add_tone(double hz, double dbfs, int from, int to)
{
    double amplitude = 32767 * pow(10, dbfs / 20);
    for (int i = from; i < to; i++)
        pcm[i] = (int16_t)(pcm[i] + lrint(amplitude * sin(2 * M_PI * hz * i / 48000)));
}

static int clear(void **state)
{
    memset(pcm, 0, sizeof(pcm));
    return 0;
}

static void a_tone_has_its_level_beside_others(void **state)
{
    add_tone(440, -20, 0, FRAMES);
    add_tone(500, -6, 0, FRAMES);
    struct peer_level l = peer_tone_level(pcm, FRAMES, 440);
    assert_true(fabs(l.median_dbfs + 20) < 0.05 && fabs(l.min_dbfs + 20) < 0.05);
    assert_int_equal(l.windows, 19);
    assert_true(peer_tone_level(pcm, FRAMES, 560).median_dbfs < -85);
    assert_true(fabs(peer_rms_dbfs(pcm, FRAMES) + 5.83) < 0.05);
}

static void silence_and_too_little_have_no_level(void **state)
{
    assert_true(peer_tone_level(pcm, FRAMES, 440).median_dbfs <= PEER_SILENCE_DBFS);
    assert_int_equal(peer_tone_level(pcm, 9000, 440).windows, 0);
    assert_int_equal(peer_tone_holes(pcm, FRAMES, 440).count, -1);
}

static void a_hole_is_found_with_its_length(void **state)
{
    add_tone(440, -20, 0, 48000);
    add_tone(440, -20, 48000 + 1920, FRAMES); /* 40 ms */
    add_tone(900, -20, 0, FRAMES);
    struct peer_holes h = peer_tone_holes(pcm, FRAMES, 440);
    assert_int_equal(h.count, 1);
    assert_true(fabs(h.longest_ms - 40) <= 4);
    assert_true(fabs(h.at_s - 1.02) < 0.05);
    assert_int_equal(peer_tone_holes(pcm, FRAMES, 900).count, 0);
}

static void beeps_are_found_beside_a_near_tone(void **state)
{
    int64_t at[8];
    add_tone(900, -20, 0, FRAMES);
    add_tone(1200, -20, 0, FRAMES);
    add_tone(1000, -10, 24000, 28800);
    assert_int_equal(peer_onsets(pcm, FRAMES, 1000, at, 8), 1);
    assert_true(llabs(at[0] - 24000) <= 192); /* 4 ms */
}

static void beeps_begin_where_they_begin(void **state)
{
    int64_t at[8];
    add_tone(440, -20, 0, FRAMES);
    add_tone(1000, -10, 24000, 28800);
    add_tone(1000, -10, 72000, 76800);
    assert_int_equal(peer_onsets(pcm, FRAMES, 1000, at, 8), 2);
    assert_true(llabs(at[0] - 24000) <= 96 && llabs(at[1] - 72000) <= 96); /* 2 ms */
}

/* Drawn into a quarter of a larger picture, as a mixer would. */
static struct mcu_pic *tile_of(const uint8_t rgb[3], int number, struct mcu_rect at)
{
    struct mcu_pic *small, *canvas;
    assert_int_equal(mcu_pic_new(&small, at.w, at.h), 0);
    assert_int_equal(mcu_pic_new(&canvas, 1280, 720), 0);
    mcu_pic_fill(canvas, 40, 128, 128);
    peer_picture_draw(small, rgb, number, 7, false);
    for (int p = 0; p < 3; p++)
        for (int y = 0; y < mcu_pic_plane_h(small, p); y++)
            memcpy(canvas->plane[p] + ((p ? at.y / 2 : at.y) + y) * canvas->stride[p] +
                       (p ? at.x / 2 : at.x),
                   small->plane[p] + y * small->stride[p], (size_t)mcu_pic_plane_w(small, p));
    mcu_pic_unref(&small);
    return canvas;
}

static void every_number_and_colour_is_read_back(void **state)
{
    static const struct mcu_rect at = { 426, 240, 426, 240 };
    for (int n = 0; n < 100; n++) {
        uint8_t want[3] = { (uint8_t)(n * 2), (uint8_t)(200 - n), (uint8_t)(n * 37 % 180) }, rgb[3];
        struct mcu_pic *pic = tile_of(want, n, at);
        assert_int_equal(peer_picture_read(pic, at), n);
        peer_picture_colour(pic, at, rgb);
        for (int k = 0; k < 3; k++)
            assert_true(abs(rgb[k] - want[k]) <= 3);
        mcu_pic_unref(&pic);
    }
}

static void an_empty_or_white_tile_has_no_number(void **state)
{
    struct mcu_rect all = { 0, 0, 320, 180 };
    struct mcu_pic *pic;
    assert_int_equal(mcu_pic_new(&pic, 320, 180), 0);
    mcu_pic_fill(pic, 60, 128, 128);
    assert_int_equal(peer_picture_read(pic, all), -1);
    assert_true(peer_picture_white(pic) < 0.001);
    peer_picture_draw(pic, (uint8_t[3]){ 0 }, 5, 0, true);
    assert_int_equal(peer_picture_read(pic, all), -1);
    assert_true(peer_picture_white(pic) > 0.999);
    mcu_pic_fill(pic, 240, 128, 128); /* as a codec may leave it */
    assert_int_equal(peer_picture_read(pic, all), -1);
    mcu_pic_unref(&pic);
}

static void the_bar_moves_with_every_frame(void **state)
{
    struct mcu_rect all = { 0, 0, 640, 360 };
    uint8_t before[64], now[64];
    struct mcu_pic *pic;
    assert_int_equal(mcu_pic_new(&pic, 640, 360), 0);
    for (int frame = 0; frame < 60; frame++) {
        int change = 0;
        peer_picture_draw(pic, (uint8_t[3]){ 40, 90, 160 }, 5, frame, false);
        peer_picture_bar(pic, all, now);
        for (int i = 0; i < 64 && frame; i++)
            change += abs(now[i] - before[i]) > 40;
        assert_true(frame == 0 || change >= 2);
        memcpy(before, now, sizeof(now));
    }
    mcu_pic_unref(&pic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_tone_has_its_level_beside_others, clear),
        cmocka_unit_test_setup(silence_and_too_little_have_no_level, clear),
        cmocka_unit_test_setup(a_hole_is_found_with_its_length, clear),
        cmocka_unit_test_setup(beeps_begin_where_they_begin, clear),
        cmocka_unit_test_setup(beeps_are_found_beside_a_near_tone, clear),
        cmocka_unit_test(every_number_and_colour_is_read_back),
        cmocka_unit_test(an_empty_or_white_tile_has_no_number),
        cmocka_unit_test(the_bar_moves_with_every_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
