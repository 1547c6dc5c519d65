/* The pictures that come into a conference: stalled, broken, changed, late, and in time with their sound. */
#include "tests/unit/video_rig.h"

/* ---- sources ---- */

static void a_stalled_picture_greys_then_becomes_an_avatar(void **state)
{
    static struct rig r;
    struct rig_leg *s, *v;
    open_pair(&r, &s, MCU_CODEC_H264, &v, MCU_CODEC_H264, 1000);
    assert_true(middle_is(v, 150, 60, 190));
    s->shows = MCU_CODEC_NONE;
    rig_run(&r, 1700);
    assert_int_equal(rig_events(&r, MCU_EVENT_PICTURE_FROZEN, s->join.leg), 0);
    assert_true(middle_is(v, 150, 60, 190));
    rig_run(&r, 600);
    assert_int_equal(rig_events(&r, MCU_EVENT_PICTURE_FROZEN, s->join.leg), 1);
    assert_true(rig_leg_info(s).frozen);
    assert_true(abs(sample(v->seen, 1, 64, 36) - 128) < 12);
    assert_true(abs(sample(v->seen, 2, 64, 36) - 128) < 12);
    assert_true(rig_leg_info(s).has_picture);
    rig_run(&r, 8000);
    assert_false(rig_leg_info(s).has_picture);
    int count = v->video_count;
    assert_int_equal(count, 113); /* the canvas has gone on all the time */

    s->shows = MCU_CODEC_H264;
    s->must_key = true;
    rig_run(&r, 500);
    assert_int_equal(rig_events(&r, MCU_EVENT_PICTURE_FROZEN, 0), 1);
    assert_int_equal(rig_events(&r, MCU_EVENT_PICTURE_BACK, s->join.leg), 1);
    assert_true(middle_is(v, 150, 60, 190));
    rig_close(&r);
}

static void give(struct rig_leg *l, struct mcu_unit *u)
{
    mcu_conf_unit(rig_conf_leg(l), MCU_ROLE_VIDEO, u);
    mcu_unit_unref(&u);
}

static void what_cannot_be_decoded_asks_for_a_keyframe(void **state)
{
    static struct rig r;
    struct rig_leg *s, *v;
    open_pair(&r, &s, MCU_CODEC_H264, &v, MCU_CODEC_H264, 1000);
    int asked = s->asked;
    s->answers_keyframes = false;

    /* Garbage that claims to be a picture. */
    struct mcu_unit *u = mcu_unit_new(64);
    memcpy(u->data, "\0\0\0\1\x67\x42\xff\xff\xff\xff\xff\xff\0\0\0\1\x65\x11\x22\x33", 20);
    u->size = 20;
    u->codec = MCU_CODEC_H264;
    u->keyframe = true;
    u->sent_ns = r.now_ns;
    give(s, u);
    rig_run(&r, 300);
    assert_true(s->asked > asked);
    assert_true(rig_leg_info(s).decode_errors >= 1);
    s->answers_keyframes = true;
    rig_run(&r, 500);
    asked = s->asked;
    rig_camera(s, 64, 36, 60, 100, 110);
    rig_run(&r, 300);
    assert_true(middle_is(v, 60, 100, 110));
    assert_int_equal(s->asked, asked);

    /* Something was lost: nothing smeared is shown until a keyframe has come. */
    uint64_t errors = rig_leg_info(s).decode_errors;
    s->gap = true;
    rig_run(&r, 100);
    assert_int_equal(rig_leg_info(s).decode_errors, errors + 1);
    assert_int_equal(s->asked, asked + 1);
    rig_run(&r, 500);
    assert_int_equal(s->asked, asked + 1);
    check_stream(v);
    rig_close(&r);
}

static void a_size_that_is_refused_is_not_asked_for_again(void **state)
{
    static struct rig r;
    rig_open(&r, true);
    r.config.max_in_width = 64;
    r.config.max_in_height = 64;
    rig_start(&r);
    struct rig_leg *s = sender(&r, MCU_CODEC_H264, 150, 60, 190);
    struct rig_leg *v = viewer(&r, MCU_CODEC_H264);
    rig_camera(s, 96, 96, 150, 60, 190);
    s->answers_keyframes = false;
    s->must_key = true;
    rig_join(v);
    rig_run(&r, 100);
    uint64_t refused = mcu_counter_get(MCU_CNT_VIDEO_SIZE_REFUSED);
    rig_join(s);
    rig_run(&r, 200);
    s->must_key = true;
    rig_run(&r, 200);
    assert_true(mcu_counter_get(MCU_CNT_VIDEO_SIZE_REFUSED) > refused);
    int asked = s->asked;
    rig_run(&r, 3000);
    assert_int_equal(s->asked, asked);
    assert_false(rig_leg_info(s).has_picture);

    /* One that fits is welcome, and comes with a keyframe of itself. */
    rig_camera(s, 64, 36, 150, 60, 190);
    rig_run(&r, 500);
    assert_true(rig_leg_info(s).has_picture);
    rig_close(&r);
}

static void another_codec_of_a_source_starts_at_its_keyframe(void **state)
{
    static struct rig r;
    struct rig_leg *s, *v;
    open_pair(&r, &s, MCU_CODEC_H264, &v, MCU_CODEC_VP8, 1000);
    s->shows = MCU_CODEC_VP8;
    rig_camera(s, 48, 64, 70, 160, 90);
    rig_run(&r, 500);
    assert_true(middle_is(v, 70, 160, 90));
    assert_int_equal(rig_leg_info(s).video_in, MCU_CODEC_VP8);
    assert_int_equal(rig_leg_info(s).decode_errors, 0);
    rig_close(&r);
}

static void a_source_in_an_update_comes_and_goes(void **state)
{
    static struct rig r;
    struct rig_leg *s, *v;
    open_pair(&r, &s, MCU_CODEC_H264, &v, MCU_CODEC_H264, 500);
    for (int i = 0; i < 4; i++) {
        s->join.sends_video = i % 2;
        rig_update(s);
        rig_run(&r, 1500);
        assert_int_equal(rig_leg_info(s).has_picture, i % 2);
        assert_int_equal(middle_is(v, 150, 60, 190), i % 2);
    }
    rig_close(&r);
}

static void sound_waits_for_a_late_picture_and_no_longer_than_it_is_there(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *s = sender(&r, MCU_CODEC_H264, 150, 60, 190);
    struct rig_leg *v = viewer(&r, MCU_CODEC_H264);
    s->join.sends_audio = true;
    s->speaks = MCU_CODEC_PCMU;
    rig_join(s);
    rig_join(v);
    rig_run(&r, 3000);
    int before = rig_leg_info(s).playout_ms;
    /* His pictures now come 120 ms after they were taken. */
    for (int i = 0; i < 80; i++) {
        s->next_picture_ns = INT64_MAX / 2;
        rig_run(&r, 60);
        s->next_picture_ns = r.now_ns - 120 * MCU_NS_PER_MS;
        rig_show(s);
        s->next_picture_ns = INT64_MAX / 2;
        rig_run(&r, 40);
    }
    int with = rig_leg_info(s).playout_ms;
    assert_true(with >= before + 20);
    s->shows = MCU_CODEC_NONE;
    s->join.sends_video = false;
    rig_update(s);
    rig_run(&r, 8000);
    assert_true(rig_leg_info(s).playout_ms <= before + 15);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stalled_picture_greys_then_becomes_an_avatar),
        cmocka_unit_test(what_cannot_be_decoded_asks_for_a_keyframe),
        cmocka_unit_test(a_size_that_is_refused_is_not_asked_for_again),
        cmocka_unit_test(another_codec_of_a_source_starts_at_its_keyframe),
        cmocka_unit_test(a_source_in_an_update_comes_and_goes),
        cmocka_unit_test(sound_waits_for_a_late_picture_and_no_longer_than_it_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
