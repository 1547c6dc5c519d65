/* The picture of a conference: composed when somebody looks, coded once a rendition, and never
 * held up by a source or a receiver. */
#include "tests/unit/conf_rig.h"

#include <semaphore.h>

#define FRAME_NS (100 * MCU_NS_PER_MS)

/* A leg that wants the picture and decodes it. */
static struct rig_leg *viewer(struct rig *r, enum mcu_codec codec)
{
    struct rig_leg *l = rig_leg(r, MCU_CODEC_NONE);
    l->join.sends_audio = false;
    l->join.hidden = true;
    l->join.video.codec = codec;
    l->watches = true;
    return l;
}

/* A leg with a camera. */
static struct rig_leg *sender(struct rig *r, enum mcu_codec codec, uint8_t y, uint8_t u, uint8_t v)
{
    struct rig_leg *l = rig_leg(r, MCU_CODEC_NONE);
    l->join.sends_audio = false;
    l->join.sends_video = true;
    rig_camera(l, 64, 36, y, u, v);
    l->shows = codec;
    return l;
}

static int sample(const struct mcu_pic *p, int plane, int x, int y)
{
    return plane ? p->plane[plane][y / 2 * p->stride[plane] + x / 2]
                 : p->plane[0][y * p->stride[0] + x];
}

/* The middle of what the viewer sees: with one sender his tile. */
static bool middle_is(const struct rig_leg *viewer_, int y, int u, int v)
{
    const struct mcu_pic *p = viewer_->seen;
    int x = p->width / 2, row = p->height / 2;
    return abs(sample(p, 0, x, row) - y) < 14 && abs(sample(p, 1, x, row) - u) < 14 &&
           abs(sample(p, 2, x, row) - v) < 14;
}

static int keyframes(const struct rig_leg *l, int from)
{
    int n = 0;
    for (int i = from; i < l->video_count; i++)
        n += l->video[i].keyframe;
    return n;
}

static uint64_t video_jobs(struct rig *r)
{
    struct mcu_workers_stats stats;
    mcu_workers_get_stats(r->workers, &stats);
    return stats.jobs[MCU_JOB_VIDEO];
}

/* What holds for every stream that a leg gets, whatever happens to it. */
static void check_stream(const struct rig_leg *l)
{
    assert_int_equal(l->undecodable, 0);
    for (int i = 1; i < l->video_count; i++) {
        if (l->video[i].time_ns <= l->video[i - 1].time_ns)
            fail_msg("unit %d of leg %u goes back by %.0f ms", i, l->join.leg,
                     (double)(l->video[i - 1].time_ns - l->video[i].time_ns) / 1e6);
    }
}

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

/* ---- sources ---- */

static void a_stalled_picture_greys_then_becomes_an_avatar(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *s = sender(&r, MCU_CODEC_H264, 150, 60, 190);
    struct rig_leg *v = viewer(&r, MCU_CODEC_H264);
    rig_join(s);
    rig_join(v);
    rig_run(&r, 1000);
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
    rig_new(&r);
    struct rig_leg *s = sender(&r, MCU_CODEC_H264, 150, 60, 190);
    struct rig_leg *v = viewer(&r, MCU_CODEC_H264);
    rig_join(s);
    rig_join(v);
    rig_run(&r, 1000);
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
    rig_new(&r);
    struct rig_leg *s = sender(&r, MCU_CODEC_H264, 150, 60, 190);
    struct rig_leg *v = viewer(&r, MCU_CODEC_VP8);
    rig_join(s);
    rig_join(v);
    rig_run(&r, 1000);
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
    rig_new(&r);
    struct rig_leg *s = sender(&r, MCU_CODEC_H264, 150, 60, 190);
    struct rig_leg *v = viewer(&r, MCU_CODEC_H264);
    rig_join(s);
    rig_join(v);
    rig_run(&r, 500);
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

/* ---- late ---- */

struct blocker {
    struct mcu_job job;
    struct mcu_strand strand;
    sem_t go;
    bool done;
};

static void block(struct mcu_job *job)
{
    sem_wait(&mcu_container_of(job, struct blocker, job)->go);
}

static void unblocked(struct mcu_job *job)
{
    mcu_container_of(job, struct blocker, job)->done = true;
}

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

static void late_decoders_cost_pictures_and_not_the_canvas(void **state)
{
    static struct rig r;
    static struct blocker b[2];
    rig_open(&r, false);
    rig_start(&r);
    struct rig_leg *s = sender(&r, MCU_CODEC_H264, 150, 60, 190);
    struct rig_leg *v = viewer(&r, MCU_CODEC_H264);
    s->picture_period_ns = 50 * MCU_NS_PER_MS;
    rig_join(s);
    rig_join(v);
    for (int i = 0; i < 10 || (i < 100 && !rig_leg_info(s).has_picture); i++)
        run_tick(&r, v);
    assert_true(rig_leg_info(s).has_picture);
    for (int i = 0; i < 2; i++) {
        sem_init(&b[i].go, 0, 0);
        b[i].done = false;
        b[i].job = (struct mcu_job){ .home = r.loop, .run = block, .done = unblocked };
        mcu_strand_init(&b[i].strand, r.workers, MCU_JOB_VIDEO);
        mcu_strand_push(&b[i].strand, &b[i].job);
    }
    int asked = s->asked;
    uint64_t skipped = rig_info(&r).video_skipped;
    rig_run(&r, 1000); /* twenty pictures; those of 300 ms may wait */
    assert_true(s->asked > asked);
    assert_true(rig_info(&r).video_skipped - skipped >= 8);
    int seen = v->video_count;
    for (int i = 0; i < 2; i++)
        sem_post(&b[i].go);
    for (int i = 0; i < 15; i++)
        run_tick(&r, v);
    assert_true(b[0].done && b[1].done);
    assert_true(v->video_count - seen >= 14);
    rig_camera(s, 64, 36, 60, 100, 110);
    for (int i = 0; i < 100 && !middle_is(v, 60, 100, 110); i++)
        run_tick(&r, v);
    assert_true(middle_is(v, 60, 100, 110));
    check_stream(v);
    for (int i = 0; i < 2; i++)
        sem_destroy(&b[i].go);
    rig_close(&r);
}

/* Behind a packet that has to be sent again the pictures of 300 ms wait, and then come together. */
static void pictures_that_come_at_once_are_decoded_all(void **state)
{
    static struct rig r;
    static struct blocker b[2];
    rig_open(&r, false);
    rig_start(&r);
    struct rig_leg *s = sender(&r, MCU_CODEC_H264, 150, 60, 190);
    struct rig_leg *v = viewer(&r, MCU_CODEC_H264);
    rig_join(s);
    rig_join(v);
    for (int i = 0; i < 10 || (i < 100 && !rig_leg_info(s).has_picture); i++)
        run_tick(&r, v);
    for (int i = 0; i < 2; i++) {
        sem_init(&b[i].go, 0, 0);
        b[i].done = false;
        b[i].job = (struct mcu_job){ .home = r.loop, .run = block, .done = unblocked };
        mcu_strand_init(&b[i].strand, r.workers, MCU_JOB_VIDEO);
        mcu_strand_push(&b[i].strand, &b[i].job);
    }
    int asked = s->asked;
    uint64_t before = rig_leg_info(s).pictures_in;
    for (int i = 0; i < 18; i++) {
        s->next_picture_ns = r.now_ns - (18 - i) * 16 * MCU_NS_PER_MS;
        rig_show(s);
    }
    for (int i = 0; i < 2; i++)
        sem_post(&b[i].go);
    for (int i = 0; i < 10; i++)
        run_tick(&r, v);
    assert_int_equal(s->asked, asked);
    assert_true(rig_leg_info(s).pictures_in - before >= 18);
    for (int i = 0; i < 2; i++)
        sem_destroy(&b[i].go);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_canvas_goes_out_at_its_rate),
        cmocka_unit_test(nothing_is_composed_while_nobody_watches),
        cmocka_unit_test(a_source_that_nobody_sees_is_not_decoded),
        cmocka_unit_test(who_is_watched_again_is_not_reported_frozen),
        cmocka_unit_test(one_encode_serves_all_who_want_the_same),
        cmocka_unit_test(the_best_rung_within_the_limits_is_taken),
        cmocka_unit_test(a_newcomer_gets_the_history_or_one_merged_keyframe),
        cmocka_unit_test(a_newcomer_from_elsewhere_gets_nothing_older_than_he_had),
        cmocka_unit_test(keyframes_come_once_a_second_at_most),
        cmocka_unit_test(a_leg_that_keeps_asking_is_repaired_apart),
        cmocka_unit_test(repeats_within_a_round_trip_are_one_request),
        cmocka_unit_test(changes_of_limits_keep_the_stream_in_order),
        cmocka_unit_test(going_back_before_the_switch_changes_nothing),
        cmocka_unit_test(a_leg_may_leave_while_it_is_given_a_picture),
        cmocka_unit_test(a_stalled_picture_greys_then_becomes_an_avatar),
        cmocka_unit_test(what_cannot_be_decoded_asks_for_a_keyframe),
        cmocka_unit_test(a_size_that_is_refused_is_not_asked_for_again),
        cmocka_unit_test(another_codec_of_a_source_starts_at_its_keyframe),
        cmocka_unit_test(a_source_in_an_update_comes_and_goes),
        cmocka_unit_test(sound_waits_for_a_late_picture_and_no_longer_than_it_is_there),
        cmocka_unit_test(late_decoders_cost_pictures_and_not_the_canvas),
        cmocka_unit_test(pictures_that_come_at_once_are_decoded_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
