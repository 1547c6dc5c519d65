/* What a conference's stage tells its view: hands and muted microphones of its legs, the operator's logo,
 * whose tile is whose. */
#include "tests/unit/video_rig.h"

#include "mixer/png.h"

/* White, as wide as three times its height: 21 x 7 at the top right of 128 x 72. */
static struct mcu_image *white_logo(void)
{
    struct mcu_image *i = calloc(1, sizeof(*i));
    assert_non_null(i);
    i->argb = malloc(sizeof(*i->argb) * 12);
    assert_non_null(i->argb);
    atomic_init(&i->refs, 1);
    i->width = 6;
    i->height = 2;
    memset(i->argb, 0xff, sizeof(*i->argb) * 12);
    return i;
}

static void the_logo_of_the_media_loop_is_on_every_canvas_at_once(void **state)
{
    static struct rig r;
    rig_open(&r, true);
    r.config.logo_percent = 30;
    rig_start(&r);
    struct rig_leg *s = sender(&r, MCU_CODEC_H264, 60, 128, 128), *v = viewer(&r, MCU_CODEC_H264);
    rig_join(s);
    rig_join(v);
    rig_run(&r, 1000);
    assert_true(sample(v->seen, 0, 110, 10) < 80);
    r.media.logo = white_logo(); /* as a reload does it */
    rig_run(&r, 500);
    assert_true(sample(v->seen, 0, 110, 10) > 200);
    assert_true(middle_is(v, 60, 128, 128));
    struct mcu_config config = r.config;
    config.logo_corner = MCU_BOTTOM_LEFT;
    mcu_conf_set_config(r.conf, &config);
    rig_run(&r, 500);
    assert_true(sample(v->seen, 0, 110, 10) < 80);
    assert_true(sample(v->seen, 0, 15, 62) > 200);
    mcu_image_unref(&r.media.logo);
    rig_run(&r, 500);
    assert_true(sample(v->seen, 0, 15, 62) < 80);
    rig_close(&r);
}

/* What of the viewer's picture is amber. */
static int amber(const struct rig_leg *v)
{
    int n = 0;
    for (int y = 2; y < 34; y += 2)
        for (int x = 2; x < 34; x += 2)
            n += sample(v->seen, 1, x, y) < 100 && sample(v->seen, 0, x, y) > 110;
    return n;
}

static void a_hand_is_raised_and_lowered_on_the_tile(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *s = sender(&r, MCU_CODEC_H264, 60, 128, 128), *v = viewer(&r, MCU_CODEC_H264);
    rig_join(s);
    rig_join(v);
    rig_run(&r, 1000);
    assert_int_equal(amber(v), 0);
    assert_false(rig_leg_info(s).hand);
    mcu_conf_signs(rig_conf_leg(s), true, false);
    rig_run(&r, 500);
    assert_in_range(amber(v), 5, 100);
    assert_true(rig_leg_info(s).hand);
    rig_update(s); /* a re-INVITE says nothing of hands */
    rig_run(&r, 500);
    assert_true(rig_leg_info(s).hand && amber(v) >= 5);
    mcu_conf_signs(rig_conf_leg(s), false, false);
    rig_run(&r, 500);
    assert_int_equal(amber(v), 0);
    rig_close(&r);
}

/* With nothing new, a conference of a still picture draws no tile, whatever lies over it. */
static void a_still_canvas_with_logo_and_hand_draws_nothing(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *s = rig_leg(&r, MCU_CODEC_NONE), *v = viewer(&r, MCU_CODEC_H264);
    rig_join(s);
    rig_join(v);
    r.media.logo = white_logo();
    mcu_conf_signs(rig_conf_leg(s), true, true);
    rig_run(&r, 1500);
    uint64_t drawn = rig_info(&r).tiles_drawn, kept = rig_info(&r).tiles_kept;
    rig_run(&r, 1000);
    assert_int_equal(rig_info(&r).tiles_drawn, drawn);
    assert_int_equal(rig_info(&r).tiles_kept, kept + 10);
    rig_close(&r);
}

static int luma_at(struct rig *r, struct rig_leg *v)
{
    rig_run(r, 100);
    return sample(v->seen, 0, 64, 36);
}

/* At 10 pictures a second a fade of 300 ms is seen in two of them. */
static void a_picture_that_comes_dissolves_unless_told_not_to(void **state)
{
    for (int fades = 0; fades < 2; fades++) {
        static struct rig r;
        rig_open(&r, true);
        r.config.fades = fades;
        rig_start(&r);
        struct rig_leg *s = sender(&r, MCU_CODEC_H264, 220, 128, 128), *v = viewer(&r, MCU_CODEC_H264);
        s->shows = MCU_CODEC_NONE;
        rig_join(s);
        rig_join(v);
        rig_run(&r, 1000);
        int before = luma_at(&r, v), between = 0;
        s->shows = MCU_CODEC_H264;
        s->must_key = true;
        for (int i = 0; i < 8; i++) {
            int y = luma_at(&r, v);
            between += y > before + 12 && y < 208 && abs(y - before) > 12;
        }
        assert_true(abs(sample(v->seen, 0, 64, 36) - 220) < 10);
        assert_int_equal(between > 0, fades);
        rig_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_logo_of_the_media_loop_is_on_every_canvas_at_once),
        cmocka_unit_test(a_hand_is_raised_and_lowered_on_the_tile),
        cmocka_unit_test(a_still_canvas_with_logo_and_hand_draws_nothing),
        cmocka_unit_test(a_picture_that_comes_dissolves_unless_told_not_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
