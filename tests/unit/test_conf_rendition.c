/* The renditions of a conference: coded once for all who want the same, and each leg in its own. */
#include "tests/unit/video_rig.h"

/* ---- renditions ---- */

static void one_encode_serves_all_who_want_the_same(void **state)
{
    static struct rig r;
    struct rig_leg *v[6];
    rig_new(&r);
    for (int i = 0; i < 6; i++) {
        v[i] = viewer(&r, i < 4 ? MCU_CODEC_H264 : MCU_CODEC_VP8);
        rig_join(v[i]);
    }
    rig_run(&r, 1000);
    struct mcu_conf_info info = rig_info(&r);
    assert_int_equal(info.rendition_count, 2);
    for (int i = 0; i < 2; i++) {
        bool h264 = info.renditions[i].codec == MCU_CODEC_H264;
        assert_int_equal(info.renditions[i].subscribers, h264 ? 4 : 2);
        assert_int_equal(info.renditions[i].frames, 10);
        assert_int_equal(info.renditions[i].keyframes, 1);
        assert_string_equal(info.renditions[i].encoder, h264 ? "openh264" : "vpx");
    }
    assert_int_equal(video_jobs(&r), 30); /* one compose and two encodes a frame */
    for (int i = 0; i < 6; i++) {
        assert_int_equal(v[i]->video_count, 10);
        check_stream(v[i]);
    }
    rig_close(&r);
}

static void the_best_rung_within_the_limits_is_taken(void **state)
{
    static const struct {
        struct mcu_video_want want;
        int height;
    } cases[] = {
        { { .max_bps = 0 }, 72 },     { { .max_bps = 250000 }, 72 }, { { .max_bps = 199999 }, 36 },
        { { .max_fs = 40 }, 72 },     { { .max_fs = 39 }, 36 },      { { .max_mbps = 400 }, 72 },
        { { .max_mbps = 399 }, 36 },  { { .max_fps = 9 }, 36 },      { { .max_bps = 1000 }, 36 },
        { { .max_fs = 1 }, 36 },
    };
    static struct rig r;
    struct rig_leg *v[10];
    rig_new(&r);
    for (int i = 0; i < 10; i++) {
        v[i] = viewer(&r, MCU_CODEC_H264);
        v[i]->join.video = cases[i].want;
        v[i]->join.video.codec = MCU_CODEC_H264;
        rig_join(v[i]);
    }
    rig_run(&r, 2000);
    assert_int_equal(rig_info(&r).rendition_count, 2);
    for (int i = 0; i < 10; i++) {
        bool large = cases[i].height == 72;
        assert_int_equal(rig_leg_info(v[i]).video_out_h, cases[i].height);
        assert_int_equal(v[i]->seen->height, cases[i].height);
        assert_int_equal(v[i]->video_count, large ? 20 : 10);
        for (int k = 1; k < v[i]->video_count; k++)
            assert_int_equal(v[i]->video[k].time_ns - v[i]->video[k - 1].time_ns,
                             large ? FRAME_NS : 2 * FRAME_NS);
    }
    rig_close(&r);
}

static void a_newcomer_gets_the_history_or_one_merged_keyframe(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *first = viewer(&r, MCU_CODEC_H264);
    rig_join(first);
    rig_run(&r, 500);
    struct rig_leg *second = viewer(&r, MCU_CODEC_H264);
    rig_join(second);
    assert_int_equal(second->video_count, first->video_count);
    assert_non_null(second->seen);
    rig_run(&r, 200);
    assert_int_equal(keyframes(first, 0), 1);

    rig_run(&r, 3000);
    struct rig_leg *third = viewer(&r, MCU_CODEC_H264);
    struct rig_leg *fourth = viewer(&r, MCU_CODEC_H264);
    rig_join(third);
    rig_join(fourth);
    assert_int_equal(third->video_count, 0);
    rig_run(&r, 1000);
    assert_int_equal(third->video_count, 10);
    assert_true(third->video[0].keyframe);
    assert_int_equal(fourth->video_count, 10);
    assert_int_equal(keyframes(first, 0), 2);
    check_stream(first);
    check_stream(second);
    check_stream(third);
    check_stream(fourth);
    rig_close(&r);
}

static void a_newcomer_from_elsewhere_gets_nothing_older_than_he_had(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *first = viewer(&r, MCU_CODEC_H264);
    rig_join(first);
    rig_run(&r, 1000);
    struct rig_leg *moved = viewer(&r, MCU_CODEC_H264);
    moved->join.video_after_ns = r.now_ns - 10 * MCU_NS_PER_MS;
    rig_join(moved);
    assert_int_equal(moved->video_count, first->video_count);
    for (int i = 0; i < moved->video_count; i++)
        assert_true(moved->video[i].time_ns > moved->join.video_after_ns);
    rig_run(&r, 1000);
    check_stream(moved);
    assert_int_equal(moved->video[moved->video_count - 1].time_ns,
                     first->video[first->video_count - 1].time_ns);
    rig_close(&r);
}

static void keyframes_come_once_a_second_at_most(void **state)
{
    static struct rig r;
    struct rig_leg *v[8];
    rig_new(&r);
    for (int i = 0; i < 8; i++) {
        v[i] = viewer(&r, MCU_CODEC_VP8);
        rig_join(v[i]);
    }
    rig_run(&r, 1000);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 8; i++) {
            mcu_conf_keyframe(rig_conf_leg(v[i]), MCU_ROLE_VIDEO);
            rig_run(&r, 100);
        }
    int64_t last = 0;
    int n = 0;
    for (int i = 0; i < v[0]->video_count; i++) {
        if (!v[0]->video[i].keyframe)
            continue;
        if (n++)
            assert_true(v[0]->video[i].at_ns - last >= MCU_NS_PER_S);
        last = v[0]->video[i].at_ns;
    }
    assert_in_range(n, 3, 4);
    assert_int_equal(rig_info(&r).rendition_count, 1);
    rig_close(&r);
}

static const struct mcu_rendition_info *find_repair(const struct mcu_conf_info *info)
{
    for (int i = 0; i < info->rendition_count; i++)
        if (info->renditions[i].repair)
            return &info->renditions[i];
    return NULL;
}

static void ask_for(struct rig *r, struct rig_leg *l, int ms, int every_ms)
{
    for (int t = 0; t < ms; t += every_ms) {
        mcu_conf_keyframe(rig_conf_leg(l), MCU_ROLE_VIDEO);
        rig_run(r, every_ms);
    }
}

static void a_leg_that_keeps_asking_is_repaired_apart(void **state)
{
    static const int paces[] = { 1000, 200, 50 };
    for (int i = 0; i < 3; i++) {
        static struct rig r;
        rig_new(&r);
        struct rig_leg *good = viewer(&r, MCU_CODEC_H264);
        struct rig_leg *bad = viewer(&r, MCU_CODEC_H264);
        struct rig_leg *worse = viewer(&r, MCU_CODEC_H264);
        rig_join(good);
        rig_join(bad);
        rig_join(worse);
        rig_run(&r, 1000);
        ask_for(&r, bad, 6000, paces[i]);
        struct mcu_conf_info info = rig_info(&r);
        assert_non_null(find_repair(&info));
        assert_int_equal(find_repair(&info)->subscribers, 1);
        int seen = good->video_count;
        ask_for(&r, bad, 3000, paces[i]);
        assert_int_equal(keyframes(good, seen), 0);

        /* Another such leg shares it. */
        ask_for(&r, worse, 6000, paces[i]);
        info = rig_info(&r);
        assert_int_equal(find_repair(&info)->subscribers, 2);
        assert_int_equal(info.rendition_count, 2);

        /* Both heal, each at the price of one keyframe, and nothing of the repair is left. */
        seen = good->video_count;
        rig_run(&r, 15000);
        assert_in_range(keyframes(good, seen), 1, 2);
        info = rig_info(&r);
        assert_int_equal(info.rendition_count, 1);
        assert_int_equal(info.renditions[0].subscribers, 3);
        check_stream(good);
        check_stream(bad);
        check_stream(worse);
        assert_int_equal(bad->video[bad->video_count - 1].time_ns,
                         good->video[good->video_count - 1].time_ns);
        rig_close(&r);
    }
}

static void repeats_within_a_round_trip_are_one_request(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *v = viewer(&r, MCU_CODEC_H264);
    rig_join(v);
    rig_run(&r, 3000);
    for (int i = 0; i < 3; i++) {
        ask_for(&r, v, 200, 20);
        rig_run(&r, 2500);
    }
    struct mcu_conf_info info = rig_info(&r);
    assert_null(find_repair(&info));
    rig_close(&r);
}

static void changes_of_limits_keep_the_stream_in_order(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *large = viewer(&r, MCU_CODEC_H264);
    struct rig_leg *small = viewer(&r, MCU_CODEC_H264);
    struct rig_leg *vp8 = viewer(&r, MCU_CODEC_VP8);
    struct rig_leg *v = viewer(&r, MCU_CODEC_H264);
    small->join.video.max_fs = 12;
    rig_join(large);
    rig_join(small);
    rig_join(vp8);
    rig_join(v);
    rig_run(&r, 300);
    for (int i = 0; i < 24; i++) {
        v->join.video.codec = i % 7 == 3 ? MCU_CODEC_VP8 : MCU_CODEC_H264;
        v->join.video.max_fs = i % 2 ? 0 : 12;
        rig_update(v);
        rig_run(&r, 20 + i % 5 * 170);
    }
    rig_run(&r, 2000);
    assert_int_equal(rig_leg_info(v).video_out_h, 72);
    assert_int_equal(v->seen->height, 72);
    check_stream(large);
    check_stream(small);
    check_stream(vp8);
    check_stream(v);
    rig_close(&r);
}

static void going_back_before_the_switch_changes_nothing(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *v = viewer(&r, MCU_CODEC_H264);
    rig_join(v);
    rig_run(&r, 500);
    v->join.video.max_fs = 12;
    rig_update(v);
    v->join.video.max_fs = 0;
    rig_update(v);
    rig_run(&r, 1500);
    assert_int_equal(v->video_count, 20);
    assert_int_equal(keyframes(v, 0), 1);
    struct mcu_conf_info info = rig_info(&r);
    assert_int_equal(info.rendition_count, 1);
    assert_int_equal(info.renditions[0].subscribers, 1);
    check_stream(v);
    rig_close(&r);
}

/* A re-INVITE each 1.2 s, which says now that he takes less, now that he takes all, or is on hold: each
 * return wants a keyframe, and is counted like a request for one. */
static void who_is_described_anew_all_the_time_is_served_apart(void **state)
{
    enum { LIMITS, CODECS, HOLDS, WAYS };
    for (int way = 0; way < WAYS; way++) {
        static struct rig r;
        rig_new(&r);
        struct rig_leg *good = viewer(&r, MCU_CODEC_H264), *small = viewer(&r, MCU_CODEC_H264);
        struct rig_leg *vp8 = viewer(&r, MCU_CODEC_VP8), *v = viewer(&r, MCU_CODEC_H264);
        small->join.video.max_fs = 12;
        rig_join(good);
        rig_join(small);
        rig_join(vp8);
        rig_join(v);
        rig_run(&r, 3000);
        int before = good->video_count;
        for (int i = 0; i < 40; i++) {
            v->join.video.max_fs = way == LIMITS && i % 2 ? 12 : 0;
            v->join.video.codec = way == LIMITS || i % 2 ? MCU_CODEC_H264
                                : way == CODECS ? MCU_CODEC_VP8 : MCU_CODEC_NONE;
            rig_update(v);
            rig_run(&r, 1200);
        }
        assert_in_range(keyframes(good, before), 0, 4); /* of 48 s */
        v->join.video = (struct mcu_video_want){ .codec = MCU_CODEC_H264 };
        rig_update(v);
        rig_run(&r, 25000); /* he is among the others again */
        struct mcu_conf_info info = rig_info(&r);
        assert_null(find_repair(&info));
        assert_int_equal(info.rendition_count, 3);
        assert_int_equal(v->video[v->video_count - 1].time_ns, good->video[good->video_count - 1].time_ns);
        check_stream(v);
        check_stream(good);
        rig_close(&r);
    }
}

static int leave_after;

static void leave_on_unit(const struct mcu_sink *sink, int role, struct mcu_unit *u)
{
    struct rig_leg *l = sink->arg;
    l->video_count++;
    if (--leave_after == 0)
        rig_leave(l);
}

static void a_leg_may_leave_while_it_is_given_a_picture(void **state)
{
    static struct rig r;
    struct rig_leg *l[4];
    rig_new(&r);
    for (int i = 0; i < 4; i++) {
        l[i] = viewer(&r, MCU_CODEC_H264);
        l[i]->join.sink.unit = leave_on_unit;
    }
    leave_after = 1000;
    for (int i = 0; i < 4; i++)
        rig_join(l[i]);
    rig_run(&r, 200);
    /* He who leaves costs the others nothing. */
    leave_after = 1;
    int before = l[1]->video_count;
    rig_run(&r, 100);
    assert_int_equal(l[0]->handle, 0);
    for (int i = 1; i < 4; i++)
        assert_int_equal(l[i]->video_count - before, 1);
    for (leave_after = 4; rig_info(&r).leg_count > 0;) {
        rig_run(&r, 20);
        if (leave_after <= 0)
            leave_after = 2;
    }
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_encode_serves_all_who_want_the_same),
        cmocka_unit_test(the_best_rung_within_the_limits_is_taken),
        cmocka_unit_test(a_newcomer_gets_the_history_or_one_merged_keyframe),
        cmocka_unit_test(a_newcomer_from_elsewhere_gets_nothing_older_than_he_had),
        cmocka_unit_test(keyframes_come_once_a_second_at_most),
        cmocka_unit_test(a_leg_that_keeps_asking_is_repaired_apart),
        cmocka_unit_test(repeats_within_a_round_trip_are_one_request),
        cmocka_unit_test(changes_of_limits_keep_the_stream_in_order),
        cmocka_unit_test(who_is_described_anew_all_the_time_is_served_apart),
        cmocka_unit_test(going_back_before_the_switch_changes_nothing),
        cmocka_unit_test(a_leg_may_leave_while_it_is_given_a_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
