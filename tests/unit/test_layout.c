#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mixer/base/util.h"
#include "mixer/layout.h"

static bool overlap(struct mcu_rect a, struct mcu_rect b)
{
    return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

static void assert_sound(const struct mcu_rect *t, int n, int w, int h)
{
    for (int i = 0; i < n; i++) {
        assert_false((t[i].x | t[i].y | t[i].w | t[i].h) & 1);
        assert_true(t[i].x >= 0 && t[i].y >= 0 && t[i].w >= 2 && t[i].h >= 2);
        assert_true(t[i].x + t[i].w <= w && t[i].y + t[i].h <= h);
        for (int k = 0; k < i; k++)
            assert_false(overlap(t[i], t[k]));
    }
}

static void layout_tiles_are_even_inside_and_apart(void **state)
{
    static const int sizes[][2] = { { 1280, 720 }, { 640, 360 }, { 320, 180 }, { 352, 288 },
                                    { 1920, 1080 }, { 720, 1280 }, { 176, 144 }, { 1022, 574 } };
    for (size_t s = 0; s < MCU_ARRAY_LEN(sizes); s++) {
        for (int kind = MCU_LAYOUT_GRID; kind <= MCU_LAYOUT_SPEAKER; kind++) {
            for (int n = 1; n <= MCU_LAYOUT_MAX_TILES; n++) {
                struct mcu_rect t[MCU_LAYOUT_MAX_TILES];
                assert_int_equal(mcu_layout_place(kind, n, sizes[s][0], sizes[s][1], t), n);
                assert_sound(t, n, sizes[s][0], sizes[s][1]);
            }
        }
    }
}

static void layout_keeps_the_canvas_aspect(void **state)
{
    for (int kind = MCU_LAYOUT_GRID; kind <= MCU_LAYOUT_SPEAKER; kind++) {
        for (int n = 1; n <= MCU_LAYOUT_MAX_TILES; n++) {
            struct mcu_rect t[MCU_LAYOUT_MAX_TILES];
            mcu_layout_place(kind, n, 1280, 720, t);
            for (int i = 0; i < n; i++)
                assert_in_range(t[i].w * 900 / t[i].h, 1600 - 16, 1600 + 16); /* within 1% */
        }
    }
}

static void layout_grid_has_the_expected_sides(void **state)
{
    static const int cols[] = { 0, 1, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4,
                                5, 5, 5, 5, 5, 5, 5, 5, 5 };
    for (int n = 1; n <= MCU_LAYOUT_MAX_TILES; n++) {
        struct mcu_rect t[MCU_LAYOUT_MAX_TILES];
        mcu_layout_place(MCU_LAYOUT_GRID, n, 1280, 720, t);
        assert_in_range(t[0].w, 1280 / cols[n] - 2, 1280 / cols[n]);
        int in_first_row = 0;
        for (int i = 0; i < n; i++) {
            assert_int_equal(t[i].w, t[0].w);
            in_first_row += t[i].y == t[0].y;
        }
        assert_int_equal(in_first_row, mcu_min(n, cols[n]));
    }
}

static void layout_3x3_on_720_rows_is_426_by_240(void **state)
{
    struct mcu_rect t[MCU_LAYOUT_MAX_TILES];
    assert_int_equal(mcu_layout_place(MCU_LAYOUT_GRID, 9, 1280, 720, t), 9);
    for (int i = 0; i < 9; i++) {
        assert_in_range(t[i].w, 424, 428);
        assert_in_range(t[i].h, 238, 242);
        assert_in_range(t[i].x, (i % 3) * 426 - (i % 3 ? 2 : 0), (i % 3) * 426 + 4);
        assert_in_range(t[i].y, (i / 3) * 240, (i / 3) * 240 + 2);
    }
}

static void layout_centres_the_last_short_row(void **state)
{
    struct mcu_rect t[MCU_LAYOUT_MAX_TILES];
    mcu_layout_place(MCU_LAYOUT_GRID, 3, 1280, 720, t);
    assert_int_equal(t[2].x, 320);
    assert_int_equal(t[2].y, 360);
    mcu_layout_place(MCU_LAYOUT_GRID, 2, 1280, 720, t);
    assert_int_equal(t[0].y, 180); /* two side by side stand in the middle */
    assert_int_equal(t[1].x, 640);
}

static void layout_speaker_is_big_and_first(void **state)
{
    struct mcu_rect t[MCU_LAYOUT_MAX_TILES];
    mcu_layout_place(MCU_LAYOUT_SPEAKER, 1, 1280, 720, t);
    assert_int_equal(t[0].w, 1280);
    for (int n = 2; n <= MCU_LAYOUT_MAX_TILES; n++) {
        mcu_layout_place(MCU_LAYOUT_SPEAKER, n, 1280, 720, t);
        for (int i = 1; i < n; i++) {
            assert_true(t[0].w >= 2 * t[i].w - 2);
            bool right = t[i].x >= t[0].x + t[0].w, below = t[i].y >= t[0].y + t[0].h;
            assert_true(right || below);
        }
    }
    mcu_layout_place(MCU_LAYOUT_SPEAKER, 6, 1280, 720, t);
    assert_int_equal(t[0].w, 852);
    assert_int_equal(t[0].h, 480);
    assert_int_equal(t[1].x, t[0].x + 852);
    assert_int_equal(t[5].y, 480);
}

static void layout_clamps_what_is_asked(void **state)
{
    struct mcu_rect t[MCU_LAYOUT_MAX_TILES];
    assert_int_equal(mcu_layout_place(MCU_LAYOUT_GRID, 0, 1280, 720, t), 0);
    assert_int_equal(mcu_layout_place(MCU_LAYOUT_GRID, -5, 1280, 720, t), 0);
    assert_int_equal(mcu_layout_place(MCU_LAYOUT_GRID, 1000, 1280, 720, t), 25);
    assert_int_equal(mcu_layout_place(MCU_LAYOUT_SPEAKER, 26, 1280, 720, t), 25);
    assert_int_equal(mcu_layout_place(MCU_LAYOUT_GRID, 25, 8, 8, t), 0); /* no room for any */
}

static void assert_rect(struct mcu_rect r, int x, int y, int w, int h)
{
    assert_int_equal(r.x, x);
    assert_int_equal(r.y, y);
    assert_int_equal(r.w, w);
    assert_int_equal(r.h, h);
}

static void layout_fit_keeps_the_whole_source(void **state)
{
    struct mcu_rect tile = { 100, 50, 640, 360 };
    assert_rect(mcu_layout_fit(tile, 1920, 1080), 100, 50, 640, 360);
    assert_rect(mcu_layout_fit(tile, 640, 480), 180, 50, 480, 360);
    assert_rect(mcu_layout_fit(tile, 1000, 250), 100, 150, 640, 160);
    assert_rect(mcu_layout_fit(tile, 360, 640), 318, 50, 202, 360);
}

static void layout_crop_fills_the_tile(void **state)
{
    assert_rect(mcu_layout_crop(1920, 1080, 640, 360), 0, 0, 1920, 1080);
    assert_rect(mcu_layout_crop(640, 480, 640, 360), 0, 60, 640, 360);
    assert_rect(mcu_layout_crop(1280, 720, 426, 240), 0, 0, 1278, 720); /* exactly 3:1 */
    assert_rect(mcu_layout_crop(641, 361, 640, 360), 0, 0, 640, 360);
}

/* Sources that callers send, in the tiles of both layouts on 1280x720: whatever comes within 1 % of
 * a ratio with a kernel of its own has it exactly. */
static void layout_crop_snaps_to_the_fast_ratios(void **state)
{
    assert_rect(mcu_layout_crop(640, 360, 426, 240), 0, 0, 639, 360);   /* 3:2 */
    assert_rect(mcu_layout_crop(1280, 720, 852, 480), 0, 0, 1278, 720); /* 3:2, the big tile */
    assert_rect(mcu_layout_crop(1920, 1080, 640, 360), 0, 0, 1920, 1080);
    assert_rect(mcu_layout_crop(1920, 1088, 640, 360), 0, 4, 1920, 1080);
    assert_rect(mcu_layout_crop(1290, 726, 256, 144), 4, 2, 1280, 720); /* 5:1, 0.8 % cut */
    assert_rect(mcu_layout_crop(1300, 732, 256, 144), 0, 0, 1300, 732); /* 1.5 %: not worth it */
    assert_rect(mcu_layout_crop(428, 240, 426, 240), 0, 0, 426, 240);   /* as it is */
    static const int halves[] = { 3, 4, 6, 8, 10 };
    for (int n = 1; n <= MCU_LAYOUT_MAX_TILES; n++) {
        struct mcu_rect t[MCU_LAYOUT_MAX_TILES];
        mcu_layout_place(MCU_LAYOUT_GRID, n, 1280, 720, t);
        for (size_t i = 0; i < MCU_ARRAY_LEN(halves); i++) {
            int w = t[0].w * halves[i] / 2, h = t[0].h * halves[i] / 2;
            struct mcu_rect c = mcu_layout_crop(w + w / 101, h + h / 101, t[0].w, t[0].h);
            assert_int_equal(c.w, w);
            assert_int_equal(c.h, h);
        }
    }
}

static void layout_fit_and_crop_stay_inside_for_odd_shapes(void **state)
{
    struct mcu_rect tile = { 10, 20, 426, 240 };
    for (int w = 2; w < 9000; w = w * 3 / 2 + 1) {
        for (int h = 2; h < 9000; h = h * 3 / 2 + 1) {
            struct mcu_rect f = mcu_layout_fit(tile, w, h), c = mcu_layout_crop(w, h, 426, 240);
            assert_false((f.x | f.y | f.w | f.h | c.x | c.y) & 1);
            assert_true(f.x >= 10 && f.y >= 20 && f.x + f.w <= 436 && f.y + f.h <= 260);
            assert_true(f.w >= 2 && f.h >= 2 && c.w >= 2 && c.h >= 2);
            assert_true(c.x >= 0 && c.y >= 0 && c.x + c.w <= w && c.y + c.h <= h);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_tiles_are_even_inside_and_apart),
        cmocka_unit_test(layout_keeps_the_canvas_aspect),
        cmocka_unit_test(layout_grid_has_the_expected_sides),
        cmocka_unit_test(layout_3x3_on_720_rows_is_426_by_240),
        cmocka_unit_test(layout_centres_the_last_short_row),
        cmocka_unit_test(layout_speaker_is_big_and_first),
        cmocka_unit_test(layout_clamps_what_is_asked),
        cmocka_unit_test(layout_fit_keeps_the_whole_source),
        cmocka_unit_test(layout_crop_fills_the_tile),
        cmocka_unit_test(layout_crop_snaps_to_the_fast_ratios),
        cmocka_unit_test(layout_fit_and_crop_stay_inside_for_odd_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
