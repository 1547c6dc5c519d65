/* What a conference gives up under overload (server/overload.h), on the rig's clock. */
#include "tests/unit/conf_rig.h"

static struct rig_leg *viewer(struct rig *r, enum mcu_codec codec)
{
    struct rig_leg *l = rig_leg(r, MCU_CODEC_NONE);
    l->join.sends_audio = false;
    l->join.hidden = true;
    l->join.video.codec = codec;
    l->watches = true;
    return l;
}

static struct rig_leg *sender(struct rig *r, enum mcu_codec codec, uint8_t y, uint8_t u, uint8_t v)
{
    struct rig_leg *l = rig_leg(r, MCU_CODEC_NONE);
    l->join.sends_audio = false;
    l->join.sends_video = true;
    rig_camera(l, 64, 36, y, u, v);
    l->shows = codec;
    return l;
}

static int pictures_in(struct rig *r, struct rig_leg *l, int seconds)
{
    int before = l->video_count;
    rig_run(r, seconds * 1000);
    return l->video_count - before;
}

/* 10 pictures a second by the configuration: every second one, then nobody gets the largest size. */
static void overload_takes_pictures_and_the_largest_size(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *s = sender(&r, MCU_CODEC_VP8, 180, 90, 160);
    struct rig_leg *l = viewer(&r, MCU_CODEC_VP8);
    rig_join(s);
    rig_join(l);
    rig_run(&r, 3000);
    assert_int_equal(pictures_in(&r, l, 4), 40);
    assert_int_equal(rig_leg_info(s).video_out_w, 0);
    atomic_store(&r.media.overload_level, 3);
    assert_in_range(pictures_in(&r, l, 4), 19, 21);
    assert_int_equal(rig_leg_info(l).video_out_w, 128);
    atomic_store(&r.media.overload_level, 4);
    rig_run(&r, 20000);
    assert_int_equal(rig_leg_info(l).video_out_w, 64);
    atomic_store(&r.media.overload_level, 0);
    rig_run(&r, 20000);
    assert_int_equal(rig_leg_info(l).video_out_w, 128);
    assert_int_equal(pictures_in(&r, l, 4), 40);
    assert_int_equal(l->undecodable, 0);
    rig_close(&r);
}

/* What the policy is fed with: every tick is counted, and on a clock without delay none is late. */
static void ticks_are_counted_for_the_policy(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *s = sender(&r, MCU_CODEC_VP8, 180, 90, 160);
    struct rig_leg *l = viewer(&r, MCU_CODEC_VP8);
    rig_join(s);
    rig_join(l);
    rig_run(&r, 10000);
    assert_in_range(atomic_load(&r.media.ticks.sound), 495, 501);
    assert_in_range(atomic_load(&r.media.ticks.pictures), 97, 101);
    assert_int_equal(atomic_load(&r.media.ticks.sound_late), 0);
    assert_int_equal(atomic_load(&r.media.ticks.pictures_late), 0);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overload_takes_pictures_and_the_largest_size),
        cmocka_unit_test(ticks_are_counted_for_the_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
