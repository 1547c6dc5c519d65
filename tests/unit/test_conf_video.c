/* The canvas of a conference: composed when somebody looks, at its rate, and never held up by a late
 * worker. */
#include "tests/unit/video_rig.h"
#include "tests/unit/held_runners.h"

/* ---- the canvas ---- */

static void check_rate(enum mcu_codec codec)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *s = sender(&r, codec, 180, 90, 160);
    struct rig_leg *v = viewer(&r, codec);
    rig_join(s);
    rig_join(v);
    rig_run(&r, 3000);
    assert_int_equal(v->video_count, 30);
    assert_true(v->video[0].keyframe);
    for (int i = 0; i < v->video_count; i++) {
        assert_int_equal(v->video[i].time_ns, v->video[0].time_ns + i * FRAME_NS);
        assert_in_range(v->video[i].at_ns - v->video[i].time_ns, 0, RIG_STEP_NS);
        assert_int_equal(v->video[i].codec, codec);
    }
    check_stream(v);
    assert_int_equal(v->seen->width, 128);
    assert_true(middle_is(v, 180, 90, 160));
    struct mcu_conf_leg_info info = rig_leg_info(s);
    assert_true(info.has_picture && !info.frozen);
    assert_int_equal(info.video_in, codec);
    assert_int_equal(info.video_in_w, 64);
    info = rig_leg_info(v);
    assert_int_equal(info.video_out, codec);
    assert_int_equal(info.video_out_h, 72);
    rig_close(&r);
}

static void the_canvas_goes_out_at_its_rate(void **state)
{
    check_rate(MCU_CODEC_H264);
    check_rate(MCU_CODEC_VP8);
}

static void nothing_is_composed_while_nobody_watches(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *s = sender(&r, MCU_CODEC_H264, 180, 90, 160);
    rig_join(s);
    rig_run(&r, 1000);
    assert_int_equal(video_jobs(&r), 0);
    assert_int_equal(rig_info(&r).rendition_count, 0);

    struct rig_leg *v = viewer(&r, MCU_CODEC_H264);
    rig_join(v);
    rig_run(&r, 1000);
    assert_true(s->asked >= 1);
    assert_true(middle_is(v, 180, 90, 160));

    rig_leave(v);
    rig_run(&r, 200);
    uint64_t before = video_jobs(&r);
    rig_run(&r, 1000);
    assert_int_equal(video_jobs(&r), before);
    assert_int_equal(rig_events(&r, MCU_EVENT_RENDITION_STARTED, 0), 1);
    assert_int_equal(rig_events(&r, MCU_EVENT_RENDITION_ENDED, 0), 1);
    rig_close(&r);
}

static void a_source_that_nobody_sees_is_not_decoded(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *s = sender(&r, MCU_CODEC_H264, 180, 90, 160);
    s->join.hidden = true;
    struct rig_leg *v = viewer(&r, MCU_CODEC_H264);
    rig_join(s);
    rig_join(v);
    rig_run(&r, 1000);
    assert_int_equal(s->asked, 0);
    assert_false(rig_leg_info(s).has_picture);
    /* Compose and encode, ten times each, and no decode. */
    assert_int_equal(video_jobs(&r), 20);
    rig_close(&r);
}

static void who_is_watched_again_is_not_reported_frozen(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *s = sender(&r, MCU_CODEC_H264, 180, 90, 160);
    struct rig_leg *v = viewer(&r, MCU_CODEC_H264);
    rig_join(s);
    rig_join(v);
    rig_run(&r, 1000);
    rig_leave(v);
    rig_run(&r, 5000);
    rig_join(v);
    rig_run(&r, 1000);
    assert_int_equal(rig_events(&r, MCU_EVENT_PICTURE_FROZEN, 0), 0);
    assert_true(middle_is(v, 180, 90, 160));
    rig_close(&r);
}

/* ---- late ---- */

/* A tenth of a second, and until its picture has come. */
static void run_tick(struct rig *r, struct rig_leg *l)
{
    int before = l->video_count;
    rig_run(r, 100);
    for (int i = 0; i < 25000 && l->video_count == before; i++) {
        rig_nap();
        mcu_loop_step(r->loop, r->now_ns);
    }
}

/* On threads: a sender of a picture each period, and a viewer who sees him. */
static void open_late_pair(struct rig *r, struct rig_leg **s, struct rig_leg **v, int64_t period_ns)
{
    rig_open(r, false);
    rig_start(r);
    *s = sender(r, MCU_CODEC_H264, 150, 60, 190);
    *v = viewer(r, MCU_CODEC_H264);
    (*s)->picture_period_ns = period_ns;
    rig_join(*s);
    rig_join(*v);
    for (int i = 0; i < 10 || (i < 100 && !rig_leg_info(*s).has_picture); i++)
        run_tick(r, *v);
    assert_true(rig_leg_info(*s).has_picture);
}

static void late_decoders_cost_pictures_and_not_the_canvas(void **state)
{
    static struct rig r;
    static struct held_runners h;
    struct rig_leg *s, *v;
    open_late_pair(&r, &s, &v, 50 * MCU_NS_PER_MS);
    hold_runners(&r, &h, 2, MCU_JOB_VIDEO);
    int asked = s->asked;
    uint64_t skipped = rig_info(&r).video_skipped;
    rig_run(&r, 1000); /* twenty pictures; those of 300 ms may wait */
    assert_true(s->asked > asked);
    assert_true(rig_info(&r).video_skipped - skipped >= 8);
    int seen = v->video_count;
    let_go(&h);
    for (int i = 0; i < 15; i++)
        run_tick(&r, v);
    assert_true(v->video_count - seen >= 14);
    rig_camera(s, 64, 36, 60, 100, 110);
    for (int i = 0; i < 100 && !middle_is(v, 60, 100, 110); i++)
        run_tick(&r, v);
    assert_true(middle_is(v, 60, 100, 110));
    check_stream(v);
    held_end(&h);
    rig_close(&r);
}

/* Behind a packet that has to be sent again the pictures of 300 ms wait, and then come together. */
static void pictures_that_come_at_once_are_decoded_all(void **state)
{
    static struct rig r;
    static struct held_runners h;
    struct rig_leg *s, *v;
    open_late_pair(&r, &s, &v, FRAME_NS);
    hold_runners(&r, &h, 2, MCU_JOB_VIDEO);
    int asked = s->asked;
    uint64_t before = rig_leg_info(s).pictures_in;
    for (int i = 0; i < 18; i++) {
        s->next_picture_ns = r.now_ns - (18 - i) * 16 * MCU_NS_PER_MS;
        rig_show(s);
    }
    let_go(&h);
    for (int i = 0; i < 10; i++)
        run_tick(&r, v);
    assert_int_equal(s->asked, asked);
    assert_true(rig_leg_info(s).pictures_in - before >= 18);
    held_end(&h);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_canvas_goes_out_at_its_rate),
        cmocka_unit_test(nothing_is_composed_while_nobody_watches),
        cmocka_unit_test(a_source_that_nobody_sees_is_not_decoded),
        cmocka_unit_test(who_is_watched_again_is_not_reported_frozen),
        cmocka_unit_test(late_decoders_cost_pictures_and_not_the_canvas),
        cmocka_unit_test(pictures_that_come_at_once_are_decoded_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
