/* What senders are told of their tiles: its size by layout, more at once, less when it has lasted. */
#include "tests/unit/conf_rig.h"
#include "tests/unit/sound.h"

#define MAX_TOLD 64

struct told {
    const struct rig *rig;
    struct mcu_shown list[MAX_TOLD];
    int64_t at_ns[MAX_TOLD];
    int count;
};

static struct told told[RIG_MAX_LEGS];

static void on_shown(const struct mcu_sink *sink, int role, const struct mcu_shown *shown)
{
    const struct rig_leg *l = sink->arg;
    struct told *t = &told[l->join.leg - 1];
    assert_int_equal(role, MCU_ROLE_VIDEO);
    assert_true(t->count < MAX_TOLD);
    t->at_ns[t->count] = l->rig->now_ns;
    t->list[t->count++] = *shown;
}

static struct told *told_to(const struct rig_leg *l)
{
    return &told[l->join.leg - 1];
}

static struct mcu_shown last(const struct rig_leg *l)
{
    struct told *t = told_to(l);
    assert_true(t->count > 0);
    return t->list[t->count - 1];
}

static void check_size(const struct rig_leg *l, int width, int height)
{
    struct mcu_shown s = last(l);
    if (s.width != width || s.height != height)
        fail_msg("leg %u is told %dx%d, its tile needs %dx%d", l->join.leg, s.width, s.height, width,
                 height);
}

/* A camera of a person, w x h, that joins now. */
static struct rig_leg *camera(struct rig *r, int w, int h)
{
    struct rig_leg *l = rig_leg(r, MCU_CODEC_NONE);
    l->join.sends_audio = false;
    l->join.sends_video = true;
    l->join.sink.shown = on_shown;
    rig_camera(l, w, h, 120, 90, 160);
    l->shows = MCU_CODEC_H264;
    rig_join(l);
    return l;
}

/* Who looks; without him nothing is composed. */
static struct rig_leg *viewer(struct rig *r)
{
    struct rig_leg *l = rig_leg(r, MCU_CODEC_NONE);
    l->join.sends_audio = false;
    l->join.hidden = true;
    l->join.video.codec = MCU_CODEC_H264;
    rig_join(l);
    return l;
}

static void start(struct rig *r)
{
    memset(told, 0, sizeof(told));
    rig_new(r);
}

/* ---- sizes ---- */

static void each_is_told_the_size_of_its_tile_in_the_grid(void **state)
{
    static const struct { int people, w, h; } sizes[] = {
        { 1, 128, 72 }, { 2, 64, 36 }, { 4, 64, 36 }, { 5, 42, 24 }, { 9, 42, 24 }, { 10, 32, 18 },
    };
    static struct rig r;
    start(&r);
    viewer(&r);
    struct rig_leg *l[10];
    int n = 0;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        while (n < sizes[i].people)
            l[n++] = camera(&r, 64, 36);
        rig_run(&r, 2500);
        for (int k = 0; k < n; k++) {
            check_size(l[k], sizes[i].w, sizes[i].h);
            assert_int_equal(last(l[k]).fps, 10);
        }
    }
    assert_int_equal(told_to(l[0])->count, 4); /* one for each size, and not at each tick */
    rig_close(&r);
}

static void bits_go_with_the_pixel_rate_and_never_above_the_configured(void **state)
{
    static struct rig r;
    memset(told, 0, sizeof(told));
    rig_open(&r, true);
    r.config.width = 1280, r.config.height = 720, r.config.fps = 30;
    r.config.video_in_bps = 1500000;
    rig_start(&r);
    viewer(&r);
    struct rig_leg *l[16];
    l[0] = camera(&r, 64, 36);
    rig_run(&r, 100);
    check_size(l[0], 1280, 720);
    assert_int_equal(last(l[0]).bps, 1500000);
    for (int i = 1; i < RIG_MAX_LEGS - 1; i++)
        l[i] = camera(&r, 64, 36);
    rig_run(&r, 2500);
    check_size(l[0], 320, 180); /* a sixteenth of the pixels is worth an eighth of the bits */
    assert_in_range(last(l[0]).bps, 187000, 188000);
    rig_close(&r);
}

static void a_picture_of_another_shape_is_told_what_is_seen_of_it(void **state)
{
    static struct rig r;
    start(&r);
    viewer(&r);
    struct rig_leg *upright = camera(&r, 72, 128);
    struct rig_leg *wide = camera(&r, 128, 32);
    rig_run(&r, 3000);
    check_size(upright, 20, 36); /* of 64x36: letterboxed */
    check_size(wide, 64, 16);
    rig_close(&r);
}

static void where_tiles_are_filled_the_shorter_side_counts(void **state)
{
    static struct rig r;
    memset(told, 0, sizeof(told));
    rig_open(&r, true);
    r.config.crop = true;
    rig_start(&r);
    viewer(&r);
    struct rig_leg *upright = camera(&r, 72, 128);
    struct rig_leg *same = camera(&r, 64, 36);
    rig_run(&r, 3000);
    check_size(upright, 64, 114); /* 64 of 72 columns: all of the tile's width */
    check_size(same, 64, 36);
    rig_close(&r);
}

static void a_sender_that_obeys_to_a_few_pixels_is_not_told_again(void **state)
{
    static struct rig r;
    start(&r);
    viewer(&r);
    struct rig_leg *l = camera(&r, 64, 36);
    rig_run(&r, 1000);
    int before = told_to(l)->count;
    rig_camera(l, 66, 38, 120, 90, 160); /* 1.74 for 1.78 */
    rig_run(&r, 5000);
    assert_int_equal(told_to(l)->count, before);
    rig_close(&r);
}

/* ---- when ---- */

static void a_larger_tile_is_told_at_once(void **state)
{
    static struct rig r;
    start(&r);
    viewer(&r);
    struct rig_leg *a = camera(&r, 64, 36), *b = camera(&r, 64, 36);
    rig_run(&r, 1000);
    check_size(a, 64, 36);
    rig_leave(b);
    int64_t now = r.now_ns;
    rig_run(&r, 300);
    check_size(a, 128, 72);
    assert_in_range(told_to(a)->at_ns[told_to(a)->count - 1] - now, 0, 110 * MCU_NS_PER_MS);
    rig_close(&r);
}

static void a_smaller_tile_is_told_when_it_has_lasted_two_seconds(void **state)
{
    static struct rig r;
    start(&r);
    viewer(&r);
    struct rig_leg *a = camera(&r, 64, 36);
    rig_run(&r, 1000);
    int64_t now = r.now_ns;
    camera(&r, 64, 36);
    rig_run(&r, 1900);
    check_size(a, 128, 72);
    rig_run(&r, 400);
    check_size(a, 64, 36);
    assert_in_range(told_to(a)->at_ns[told_to(a)->count - 1] - now, 2000 * MCU_NS_PER_MS,
                    2210 * MCU_NS_PER_MS);
    rig_close(&r);
}

static void one_who_comes_and_goes_costs_the_other_nothing(void **state)
{
    static struct rig r;
    start(&r);
    viewer(&r);
    struct rig_leg *a = camera(&r, 64, 36), *b = camera(&r, 64, 36);
    rig_leave(b);
    rig_run(&r, 1000);
    int before = told_to(a)->count;
    for (int i = 0; i < 5; i++) {
        rig_join(b);
        rig_run(&r, 1500);
        rig_leave(b);
        rig_run(&r, 300);
    }
    assert_int_equal(told_to(a)->count, before);
    check_size(a, 128, 72);
    rig_close(&r);
}

/* One of three speaks, the others are silent. */
static void speaks_alone(struct rig_leg *const l[3], int who)
{
    static int16_t speech[60 * MCU_PCM_RATE_HZ], silence[60 * MCU_PCM_RATE_HZ];
    if (!speech[5000]) {
        int n = sound_speech(speech, 10 * MCU_PCM_RATE_HZ);
        for (int i = n; i < 60 * MCU_PCM_RATE_HZ; i++)
            speech[i] = speech[i - n];
    }
    for (int i = 0; i < 3; i++)
        l[i]->speech = i == who ? speech : silence;
}

static void the_large_tile_goes_to_the_speaker_and_back_without_a_flood(void **state)
{
    static struct rig r;
    memset(told, 0, sizeof(told));
    rig_open(&r, true);
    r.config.layout = MCU_LAYOUT_SPEAKER;
    rig_start(&r);
    viewer(&r);
    struct rig_leg *l[3];
    for (int i = 0; i < 3; i++) {
        l[i] = camera(&r, 64, 36);
        l[i]->join.sends_audio = true;
        l[i]->speaks = MCU_CODEC_PCMU;
        rig_update(l[i]);
    }
    for (int turn = 1; turn < 6; turn++) {
        speaks_alone(l, turn % 3);
        rig_run(&r, 4000);
        check_size(l[turn % 3], 96, 54);
    }
    check_size(l[0], 32, 18);
    check_size(l[1], 32, 18);
    for (int i = 0; i < 3; i++)
        assert_true(told_to(l[i])->count <= 5);
    /* It goes to and fro between two faster than that: they are hardly ever told of it (a pause in
     * the speech may let it rest for once). */
    int before = told_to(l[1])->count + told_to(l[2])->count;
    for (int turn = 0; turn < 20; turn++) {
        speaks_alone(l, 1 + turn % 2);
        rig_run(&r, 1500);
    }
    assert_in_range(told_to(l[1])->count + told_to(l[2])->count, before, before + 5);
    rig_close(&r);
}

/* ---- unseen ---- */

static void while_nobody_watches_they_are_told_so(void **state)
{
    static struct rig r;
    start(&r);
    struct rig_leg *a = camera(&r, 64, 36);
    rig_run(&r, 500);
    check_size(a, 0, 0);
    assert_int_equal(told_to(a)->count, 1);
    assert_true(last(a).fps > 0);

    struct rig_leg *v = viewer(&r);
    rig_run(&r, 200);
    check_size(a, 128, 72);
    rig_leave(v);
    rig_run(&r, 1800);
    check_size(a, 128, 72);
    rig_run(&r, 500);
    check_size(a, 0, 0);
    rig_close(&r);
}

static void a_hidden_camera_and_one_without_a_place_are_not_seen(void **state)
{
    static struct rig r;
    start(&r);
    viewer(&r);
    struct rig_leg *a = camera(&r, 64, 36);
    struct rig_leg *h = rig_leg(&r, MCU_CODEC_NONE);
    h->join.sends_video = true;
    h->join.hidden = true;
    h->join.sink.shown = on_shown;
    rig_join(h);
    rig_run(&r, 300);
    check_size(a, 128, 72);
    check_size(h, 0, 0);
    rig_close(&r);
}

static void who_sends_no_picture_is_told_nothing(void **state)
{
    static struct rig r;
    start(&r);
    viewer(&r);
    struct rig_leg *l = rig_leg(&r, MCU_CODEC_PCMU);
    l->join.sink.shown = on_shown;
    rig_join(l);
    rig_run(&r, 500);
    assert_int_equal(told_to(l)->count, 0);
    /* A re-INVITE adds his camera, and takes it away again. */
    l->join.sends_video = true;
    rig_update(l);
    rig_run(&r, 200);
    check_size(l, 128, 72);
    int before = told_to(l)->count;
    l->join.sends_video = false;
    rig_update(l);
    rig_run(&r, 3000);
    assert_int_equal(told_to(l)->count, before);
    l->join.sends_video = true; /* what the new line needs to know was not told to it */
    rig_update(l);
    rig_run(&r, 300);
    assert_int_equal(told_to(l)->count, before + 1);
    check_size(l, 128, 72);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_told_the_size_of_its_tile_in_the_grid),
        cmocka_unit_test(bits_go_with_the_pixel_rate_and_never_above_the_configured),
        cmocka_unit_test(a_picture_of_another_shape_is_told_what_is_seen_of_it),
        cmocka_unit_test(where_tiles_are_filled_the_shorter_side_counts),
        cmocka_unit_test(a_sender_that_obeys_to_a_few_pixels_is_not_told_again),
        cmocka_unit_test(a_larger_tile_is_told_at_once),
        cmocka_unit_test(a_smaller_tile_is_told_when_it_has_lasted_two_seconds),
        cmocka_unit_test(one_who_comes_and_goes_costs_the_other_nothing),
        cmocka_unit_test(the_large_tile_goes_to_the_speaker_and_back_without_a_flood),
        cmocka_unit_test(while_nobody_watches_they_are_told_so),
        cmocka_unit_test(a_hidden_camera_and_one_without_a_place_are_not_seen),
        cmocka_unit_test(who_sends_no_picture_is_told_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
