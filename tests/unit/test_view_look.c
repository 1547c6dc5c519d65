/* What lies over the pictures, and how it comes and goes: the operator's logo, raised hands, corners,
 * fades; and that none of it costs anything while nothing changes. */
#include "tests/unit/view_rig.h"

#include <errno.h>
#include <stdlib.h>

#define TICK_NS INT64_C(33333333)
#define TICKS_OF_FADE 9

/* A logo of one colour: white where opaque. */
static struct mcu_image *logo_of(int w, int h, uint32_t argb)
{
    struct mcu_image *i = calloc(1, sizeof(*i));
    assert_non_null(i);
    i->argb = calloc((size_t)(w * h), sizeof(*i->argb));
    assert_non_null(i->argb);
    atomic_init(&i->refs, 1);
    i->width = w;
    i->height = h;
    for (int k = 0; k < w * h; k++)
        i->argb[k] = argb;
    return i;
}

static void set_logo(struct world *w, uint32_t argb, enum mcu_corner corner)
{
    struct mcu_image *i = logo_of(80, 20, argb);
    assert_int_equal(mcu_view_set_logo(w->view, i, corner, 10), 0); /* 144 x 36 */
    mcu_image_unref(&i);
}

/* ---- logo ---- */

static void logo_lies_in_its_corner(void **state)
{
    static const int at[][2] = { { 20, 20 }, { 600, 20 }, { 20, 330 }, { 600, 330 } };
    for (int corner = 0; corner < 4; corner++) {
        struct world w;
        open_view(&w, false, 2, false);
        place(&w, 4);
        set_logo(&w, 0xffffffff, (enum mcu_corner)corner);
        struct mcu_pic *c = compose(&w);
        for (int k = 0; k < 4; k++)
            assert_int_equal(luma(c, at[k][0], at[k][1]), k == corner ? 235 : 180);
        mcu_pic_unref(&c);
        close_view(&w);
    }
}

static void logo_is_as_clear_as_its_alpha(void **state)
{
    struct world w;
    open_view(&w, false, 2, false);
    place(&w, 1);
    set_logo(&w, 0x80000000, MCU_TOP_LEFT); /* half black */
    struct mcu_pic *c = compose(&w);
    assert_in_range(luma(c, 40, 30), 96, 99); /* between 16 and 180 */
    assert_in_range(chroma(c, 1, 40, 30), 108, 110);
    mcu_pic_unref(&c);
    set_logo(&w, 0, MCU_TOP_LEFT);
    c = compose(&w);
    assert_int_equal(luma(c, 40, 30), 180);
    mcu_pic_unref(&c);
    close_view(&w);
}

/* Over the seam of two tiles, one of which moves: it must not be laid twice over the other. */
static void logo_over_a_tile_at_rest_costs_nothing_and_stays_as_it_is(void **state)
{
    struct world w, fresh;
    struct mcu_rect all = { 0, 0, WIDTH, HEIGHT };
    open_view(&w, false, 2, true);
    place(&w, 25);
    set_logo(&w, 0x80808080, MCU_TOP_RIGHT);
    drawn(&w);
    compose_and_drop(&w);
    assert_int_equal(drawn(&w), 25);
    for (int tick = 1; tick <= 6; tick++) {
        if (tick % 2)
            w.tiles[4].pic_id = 1000 + (uint64_t)tick;
        compose_and_drop(&w);
        assert_int_equal(drawn(&w), tick % 2);
    }
    struct mcu_pic *c = compose(&w);
    open_view(&fresh, false, 2, true);
    place(&fresh, 25);
    set_logo(&fresh, 0x80808080, MCU_TOP_RIGHT);
    struct mcu_pic *d = compose(&fresh);
    assert_int_equal(hash_rect(c, all), hash_rect(d, all));
    mcu_pic_unref(&c);
    mcu_pic_unref(&d);
    close_view(&fresh);
    close_view(&w);
}

static void another_logo_repaints_each_canvas_once(void **state)
{
    struct world w;
    open_view(&w, false, 2, true);
    place(&w, 4);
    compose_and_drop(&w);
    drawn(&w);
    copied(&w);
    set_logo(&w, 0xffffffff, MCU_TOP_RIGHT);
    struct mcu_pic *a = compose(&w);
    assert_int_equal(drawn(&w), 4);
    assert_int_equal(luma(a, 600, 20), 235);
    struct mcu_pic *b = compose(&w); /* another canvas: the tiles of the first serve it */
    assert_int_equal(drawn(&w), 0);
    assert_int_equal(copied(&w), 4);
    assert_int_equal(luma(b, 600, 20), 235);
    mcu_pic_unref(&a);
    mcu_pic_unref(&b);
    assert_int_equal(mcu_view_set_logo(w.view, NULL, MCU_TOP_RIGHT, 10), 0);
    a = compose(&w);
    assert_int_equal(luma(a, 600, 20), 180);
    mcu_pic_unref(&a);
    drawn(&w);
    assert_int_equal(mcu_view_set_logo(w.view, NULL, MCU_TOP_LEFT, 20), 0); /* none is none */
    compose_and_drop(&w);
    assert_int_equal(drawn(&w), 0);
    close_view(&w);
}

static void logo_stands_on_an_empty_canvas_too(void **state)
{
    struct world w;
    struct mcu_pic *c;
    open_view(&w, false, 2, true);
    set_logo(&w, 0xffffffff, MCU_BOTTOM_LEFT);
    c = compose(&w);
    assert_int_equal(luma(c, 20, 330), 235);
    assert_true(luma(c, 600, 20) < 40);
    mcu_pic_unref(&c);
    close_view(&w);
}

static void logo_of_any_shape_fits(void **state)
{
    static const int sizes[][2] = { { 1, 1 }, { 2048, 1 }, { 1, 2048 }, { 2048, 2 }, { 301, 33 } };
    struct world w;
    open_view(&w, false, 2, true);
    place(&w, 4);
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        for (int percent = 1; percent <= 100; percent += 33) {
            struct mcu_image *i = logo_of(sizes[k][0], sizes[k][1], 0xff204060);
            assert_int_equal(mcu_view_set_logo(w.view, i, (enum mcu_corner)(k % 4), percent), 0);
            compose_and_drop(&w);
            mcu_image_unref(&i);
        }
    }
    struct mcu_image *i = logo_of(2, 2, 0);
    assert_int_equal(mcu_view_set_logo(w.view, i, MCU_TOP_LEFT, 0), -EINVAL);
    assert_int_equal(mcu_view_set_logo(w.view, i, MCU_TOP_LEFT, 101), -EINVAL);
    mcu_image_unref(&i);
    close_view(&w);
}

/* ---- hands, names, corners ---- */

static void a_raised_hand_stands_in_its_tile_alone(void **state)
{
    struct world w;
    open_view(&w, false, 2, true);
    place(&w, 4);
    compose_and_drop(&w);
    drawn(&w);
    w.tiles[1].hand = true;
    struct mcu_pic *c = compose(&w);
    assert_int_equal(drawn(&w), 1);
    int amber = 0;
    for (int y = 4; y < 50; y++)
        for (int x = 324; x < 370; x++)
            amber += chroma(c, 1, x, y) < 75 && luma(c, x, y) > 150;
    assert_in_range(amber, 100, 700);
    for (int y = 4; y < 50; y++)
        for (int x = 4; x < 50; x++)
            assert_int_equal(luma(c, x, y), 180);
    mcu_pic_unref(&c);
    compose_and_drop(&w);
    assert_int_equal(drawn(&w), 0); /* at rest it costs nothing */
    w.tiles[1].hand = false;
    c = compose(&w);
    assert_int_equal(drawn(&w), 1);
    assert_int_equal(luma(c, 340, 20), 180);
    mcu_pic_unref(&c);
    close_view(&w);
}

static void a_new_name_redraws_its_tile_alone(void **state)
{
    struct world w;
    open_view(&w, false, 2, true);
    place(&w, 9);
    set_logo(&w, 0x80808080, MCU_TOP_RIGHT);
    w.tiles[3].hand = true;
    compose_and_drop(&w);
    drawn(&w);
    w.tiles[3].name = "Zoé";
    compose_and_drop(&w);
    assert_int_equal(drawn(&w), 1);
    compose_and_drop(&w);
    assert_int_equal(drawn(&w), 0);
    close_view(&w);
}

static void corners_are_rounded_or_plain(void **state)
{
    for (int plain = 0; plain < 2; plain++) {
        struct mcu_view_config config = { .width = WIDTH, .height = HEIGHT, .border = 2,
                                          .plain = plain };
        struct world w;
        open_view_as(&w, &config);
        place(&w, 4);
        struct mcu_pic *c = compose(&w);
        assert_true(luma(c, 160, 1) < 40 && luma(c, 1, 90) < 40 && luma(c, 0, 0) < 40);
        assert_int_equal(luma(c, 2, 2) == 180, plain); /* just inside the border */
        assert_int_equal(luma(c, 160, 2), 180);
        mcu_pic_unref(&c);
        close_view(&w);
    }
}

/* ---- fades ---- */

static void open_fading(struct world *w, int tiles)
{
    struct mcu_view_config config = { .width = WIDTH, .height = HEIGHT, .fades = true };
    open_view_as(w, &config);
    w->time_ns = INT64_C(5000000000);
    place(w, tiles);
    for (int i = 0; i < w->n; i++)
        w->tiles[i].who = 10 + (uint64_t)i;
}

static int tick_luma(struct world *w, int x, int y)
{
    w->time_ns += TICK_NS;
    struct mcu_pic *c = compose(w);
    int v = luma(c, x, y);
    mcu_pic_unref(&c);
    return v;
}

static void settle(struct world *w)
{
    for (int i = 0; i < TICKS_OF_FADE + 6; i++)
        tick_luma(w, 0, 0);
    drawn(w);
    copied(w);
}

/* From one value to another over a fade, each step in the same direction, no step large. */
static void check_ramp(struct world *w, int x, int y, int from, int to)
{
    int last = from, sign = to > from ? 1 : -1, most = abs(to - from) / 5;
    for (int i = 0; i < TICKS_OF_FADE; i++) {
        int v = tick_luma(w, x, y);
        if ((v - last) * sign < -1 || abs(v - last) > most)
            fail_msg("step %d from %d to %d on the way from %d to %d", i, last, v, from, to);
        if (i < TICKS_OF_FADE - 1)
            assert_true(abs(v - to) > 4);
        last = v;
    }
    assert_int_equal(tick_luma(w, x, y), to);
}

static void who_joins_comes_with_the_new_layout_and_not_at_once(void **state)
{
    struct world w;
    open_fading(&w, 1);
    settle(&w);
    mcu_pic_fill(w.source, 60, 90, 170);
    place(&w, 2); /* side by side: bars are where the one tile was */
    for (int i = 0; i < 2; i++)
        w.tiles[i].pic_id = 100 + (uint64_t)i;
    check_ramp(&w, 160, 180, 180, 60);
    settle(&w);
    compose_and_drop(&w);
    assert_int_equal(drawn(&w), 0);
    close_view(&w);
}

static void a_picture_that_comes_back_and_grey_dissolve_in_their_tile(void **state)
{
    struct world w;
    open_fading(&w, 4);
    settle(&w);
    w.tiles[1].grey = true;
    check_ramp(&w, 480, 90, 180, 106);
    settle(&w);
    w.tiles[1].grey = false;
    w.tiles[1].pic_id = 77;
    check_ramp(&w, 480, 90, 106, 180);
    settle(&w);
    w.tiles[2].pic = NULL; /* the avatar's ground */
    struct mcu_pic *c = compose(&w);
    assert_true(luma(c, 20, 200) > 100);
    mcu_pic_unref(&c);
    settle(&w);
    w.tiles[2].pic = w.source;
    int ground = tick_luma(&w, 20, 200);
    assert_true(ground < 90);
    settle(&w);
    assert_int_equal(tick_luma(&w, 20, 200), 180);
    close_view(&w);
}

static void another_participant_in_a_place_dissolves_and_a_new_picture_does_not(void **state)
{
    struct world w;
    open_fading(&w, 4);
    settle(&w);
    mcu_pic_fill(w.source, 40, 128, 128);
    w.tiles[0].pic_id = 500;
    assert_int_equal(tick_luma(&w, 100, 90), 40); /* the same one has moved */
    w.tiles[3].pic_id = 501;
    w.tiles[3].who = 99;
    check_ramp(&w, 480, 270, 180, 40);
    close_view(&w);
}

/* One tile fades among 25 at rest, with a logo and a hand: the others cost nothing, and nothing does
 * after it. */
static void a_fade_costs_only_its_tile_and_only_while_it_runs(void **state)
{
    struct world w;
    open_fading(&w, 25);
    set_logo(&w, 0x80808080, MCU_TOP_RIGHT);
    w.tiles[7].hand = true;
    settle(&w);
    w.tiles[7].grey = true;
    for (int i = 0; i < TICKS_OF_FADE; i++) {
        tick_luma(&w, 0, 0);
        assert_int_equal(drawn(&w), 1);
    }
    tick_luma(&w, 0, 0); /* as it stays */
    assert_int_equal(drawn(&w), 1);
    for (int i = 0; i < 5; i++)
        tick_luma(&w, 0, 0);
    assert_int_equal(drawn(&w) + copied(&w), 0);
    close_view(&w);
}

static void a_change_within_a_fade_goes_on_from_what_is_seen(void **state)
{
    struct world w;
    open_fading(&w, 4);
    settle(&w);
    w.tiles[0].grey = true;
    int v = 180;
    for (int i = 0; i < 4; i++)
        v = tick_luma(&w, 100, 90);
    assert_in_range(v, 130, 160);
    w.tiles[0].grey = false;
    int next = tick_luma(&w, 100, 90);
    assert_in_range(next, v - 1, v + 12);
    place(&w, 9); /* and the layout meanwhile */
    assert_in_range(tick_luma(&w, 100, 90), next - 8, next + 14);
    settle(&w);
    assert_int_equal(tick_luma(&w, 100, 50), 180);
    close_view(&w);
}

static void after_a_pause_and_without_fades_changes_are_at_once(void **state)
{
    struct world w;
    open_fading(&w, 4);
    settle(&w);
    w.time_ns += INT64_C(2000000000); /* nobody watched */
    w.tiles[0].grey = true;
    assert_int_equal(tick_luma(&w, 100, 90), 106);
    place(&w, 9);
    w.time_ns -= INT64_C(1000000000); /* a clock that goes back is no reason to hang */
    for (int i = 0; i < TICKS_OF_FADE + 2; i++)
        tick_luma(&w, 0, 0);
    assert_int_equal(tick_luma(&w, 100, 50), 180);
    close_view(&w);
    open_view(&w, false, 0, false);
    place(&w, 4);
    compose_and_drop(&w);
    w.tiles[0].grey = true;
    assert_int_equal(tick_luma(&w, 100, 90), 106);
    close_view(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logo_lies_in_its_corner),
        cmocka_unit_test(logo_is_as_clear_as_its_alpha),
        cmocka_unit_test(logo_over_a_tile_at_rest_costs_nothing_and_stays_as_it_is),
        cmocka_unit_test(another_logo_repaints_each_canvas_once),
        cmocka_unit_test(logo_stands_on_an_empty_canvas_too),
        cmocka_unit_test(logo_of_any_shape_fits),
        cmocka_unit_test(a_raised_hand_stands_in_its_tile_alone),
        cmocka_unit_test(a_new_name_redraws_its_tile_alone),
        cmocka_unit_test(corners_are_rounded_or_plain),
        cmocka_unit_test(who_joins_comes_with_the_new_layout_and_not_at_once),
        cmocka_unit_test(a_picture_that_comes_back_and_grey_dissolve_in_their_tile),
        cmocka_unit_test(another_participant_in_a_place_dissolves_and_a_new_picture_does_not),
        cmocka_unit_test(a_fade_costs_only_its_tile_and_only_while_it_runs),
        cmocka_unit_test(a_change_within_a_fade_goes_on_from_what_is_seen),
        cmocka_unit_test(after_a_pause_and_without_fades_changes_are_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
