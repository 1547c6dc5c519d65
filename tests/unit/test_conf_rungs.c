/* Viewers whose receivers lose packets or take less than the others': each comes to a smaller size, that
 * such viewers share, and back to the common one when it is over. Judged by what they are sent and
 * decode, by the RTP packets made of it, and by the work that is done. */
#include "mixer/base/counter.h"
#include "mixer/base/hash.h"
#include "net/rtp.h"
#include "net/rtp_out.h"
#include "tests/unit/video_rig.h"

#define MOST 5
#define LARGE 72
#define SMALL 36
#define SSRC  0x5eed0000u
/* Jobs a second: canvas and encoder of the large size, ten pictures; scaler and encoder of the other,
 * five. */
#define JOBS_LARGE 20
#define JOBS_BOTH  30
#define JOBS_SMALL 20

/* Who decodes all, and notes when his picture changes its size. */
struct eye {
    struct rig_leg *leg;
    int height, switches;
    uint64_t sum[RIG_MAX_UNITS]; /* of each unit's bytes */
    struct mcu_rtp_out out;
    struct mcu_rtp first, last;
    int packets;
};

static struct eye eyes[MOST];
static int eye_count;

/* One SSRC, one sequence, and a time that goes on, whichever encoder it comes from. */
static void on_packet(const uint8_t *data, size_t size, void *arg)
{
    struct eye *e = arg;
    struct mcu_rtp p;
    assert_int_equal(mcu_rtp_parse(&p, data, size), 0);
    if (e->packets++ == 0)
        e->first = e->last = p;
    else
        assert_int_equal(p.seq, (uint16_t)(e->last.seq + 1));
    assert_int_equal(p.ssrc, e->first.ssrc);
    if (e->packets > 1 && e->last.marker)
        assert_true((int32_t)(p.ts - e->last.ts) > 0);
    if (e->packets > 1 && !e->last.marker)
        assert_int_equal(p.ts, e->last.ts);
    e->last = p;
}

static void on_unit(const struct mcu_sink *sink, int role, struct mcu_unit *u)
{
    struct rig_leg *l = sink->arg;
    struct eye *e = NULL;
    for (int i = 0; i < eye_count; i++)
        e = eyes[i].leg == l ? &eyes[i] : e;
    e->sum[l->video_count] = mcu_fnv1a(MCU_FNV1A_START, u->data, u->size);
    rig_on_unit(sink, role, u);
    mcu_rtp_out_unit(&e->out, u, l->rig->now_ns);
    mcu_rtp_out_poll(&e->out, l->rig->now_ns);
    assert_non_null(l->seen);
    if (l->seen->height == e->height)
        return;
    assert_true(u->keyframe);
    e->switches += e->height != 0;
    e->height = l->seen->height;
}

static void on_dropped(void *arg)
{
    fail_msg("the pacer dropped a picture");
}

/* max_fs: what he can take by his description; 0: all. */
static struct eye *join(struct rig *r, int max_fs)
{
    static const struct mcu_rtp_out_events events = { on_packet, on_dropped };
    struct eye *e = &eyes[eye_count++];
    struct mcu_line_config c = { .kind = MCU_VIDEO, .ssrc = SSRC + (uint32_t)eye_count, .dtmf_pt = -1,
                                 .tx_codec = MCU_CODEC_H264, .tx_pt = 97, .tx_h264_mode1 = true,
                                 .send = true };
    *e = (struct eye){ .leg = viewer(r, MCU_CODEC_H264) };
    mcu_rtp_out_init(&e->out, &c, 65500, 0, 0xfffffff0u, &events, e);
    e->leg->join.video.max_fs = max_fs;
    e->leg->join.sink.unit = on_unit;
    rig_join(e->leg);
    return e;
}

static void open_room(struct rig *r)
{
    eye_count = 0;
    rig_new(r);
}

/* What held for all of them. */
static void close_room(struct rig *r)
{
    for (int i = 0; i < eye_count; i++) {
        struct eye *e = &eyes[i];
        const struct rig_unit *v = e->leg->video;
        int n = e->leg->video_count;
        check_stream(e->leg);
        for (int k = 1; k < n; k++) /* nobody ever waited for a picture */
            assert_in_range(v[k].time_ns - v[k - 1].time_ns, 1, 2 * FRAME_NS + 5 * MCU_NS_PER_MS);
        int64_t passed_ns = v[n - 1].time_ns - v[0].time_ns;
        assert_in_range(e->last.ts - e->first.ts, passed_ns * 9 / 100000 - 1, passed_ns * 9 / 100000 + 1);
        mcu_rtp_out_free(&e->out);
    }
    rig_close(r);
}

/* He never had another picture than the common one, at its pace. */
static void check_undisturbed(const struct eye *e)
{
    assert_int_equal(e->switches, 0);
    for (int k = 1; k < e->leg->video_count; k++)
        assert_int_equal(e->leg->video[k].time_ns - e->leg->video[k - 1].time_ns, FRAME_NS);
}

static bool had(const struct eye *e, const struct rig_unit *u, uint64_t sum)
{
    for (int k = 0; k < e->leg->video_count; k++)
        if (e->sum[k] == sum && llabs(e->leg->video[k].time_ns - u->time_ns) < FRAME_NS)
            return true;
    return false;
}

/* Each time that he comes from his own encoder to that of another viewer, or back, he begins with a keyframe.
 * A decoder need not tell: still pictures of one encoder fit onto another's. Returns how often. */
static int check_changes(const struct eye *e, const struct eye *other)
{
    int changes = 0;
    bool before = true;
    for (int k = 0; k < e->leg->video_count; k++) {
        const struct rig_unit *u = &e->leg->video[k];
        bool common = had(other, u, e->sum[k]);
        if (common != before)
            assert_true(u->keyframe);
        changes += common != before;
        before = common;
    }
    return changes;
}

static int jobs_a_second(struct rig *r)
{
    uint64_t before = video_jobs(r);
    rig_run(r, 1000);
    return (int)(video_jobs(r) - before);
}

/* Subscribers of a size, of all its renditions, of which there is one at most. */
static int sharing(struct rig *r, int height)
{
    struct mcu_conf_info info = rig_info(r);
    int n = 0, found = 0;
    for (int i = 0; i < info.rendition_count; i++) {
        n += info.renditions[i].height == height ? info.renditions[i].subscribers : 0;
        found += info.renditions[i].height == height;
    }
    assert_in_range(found, 0, 1);
    return n;
}

static void loses(const struct eye *e, int percent)
{
    mcu_conf_loss(rig_conf_leg(e->leg), MCU_ROLE_VIDEO, percent);
}

static void takes(const struct eye *e, int64_t bps)
{
    mcu_conf_limit(rig_conf_leg(e->leg), bps);
}

static void who_loses_much_has_a_size_of_his_own_until_it_is_over(void **state)
{
    static struct rig r;
    open_room(&r);
    struct eye *good = join(&r, 0), *bad = join(&r, 0), *other = join(&r, 0);
    rig_run(&r, 3000);
    assert_int_equal(sharing(&r, LARGE), 3);
    assert_int_equal(jobs_a_second(&r), JOBS_LARGE);
    uint64_t moves = mcu_counter_get(MCU_CNT_RUNGS_CHANGED);
    int before = good->leg->video_count;

    loses(bad, 20);
    rig_run(&r, 1500);
    assert_int_equal(bad->height, SMALL);
    assert_int_equal(keyframes(good->leg, before), 0); /* nobody else is disturbed */
    assert_int_equal(sharing(&r, LARGE), 2);
    assert_int_equal(sharing(&r, SMALL), 1);
    assert_int_equal(jobs_a_second(&r), JOBS_BOTH);
    rig_run(&r, 15000);
    assert_int_equal(bad->switches, 1);

    loses(bad, 0);
    rig_run(&r, 5000);
    assert_int_equal(bad->height, SMALL); /* not at the first good report */
    rig_run(&r, 3500);
    assert_int_equal(bad->height, LARGE);
    assert_int_equal(bad->switches, 2);
    assert_int_equal(keyframes(good->leg, before), 1); /* the price of his return */
    assert_int_equal(sharing(&r, LARGE), 3);
    assert_int_equal(sharing(&r, SMALL), 0);
    assert_int_equal(jobs_a_second(&r), JOBS_LARGE);
    assert_int_equal(mcu_counter_get(MCU_CNT_RUNGS_CHANGED) - moves, 2);
    assert_int_equal(rig_events(&r, MCU_EVENT_RENDITION_STARTED, 0), 2);
    assert_int_equal(rig_events(&r, MCU_EVENT_RENDITION_ENDED, 0), 1);

    assert_int_equal(check_changes(bad, good), 2);
    assert_int_equal(check_changes(other, good), 0);
    check_undisturbed(good);
    check_undisturbed(other);
    close_room(&r);
}

/* Others have just had a keyframe when he is to come back: the next is due a second later. */
static void he_keeps_his_picture_until_the_other_has_a_keyframe(void **state)
{
    static struct rig r;
    open_room(&r);
    struct eye *good = join(&r, 0), *bad = join(&r, 0), *other = join(&r, 0);
    rig_run(&r, 3000);
    loses(bad, 20);
    rig_run(&r, 3000);
    assert_int_equal(bad->height, SMALL);
    loses(bad, 0);
    rig_run(&r, 5000);
    int before = bad->leg->video_count, asks = 0;
    uint64_t moves = mcu_counter_get(MCU_CNT_RUNGS_CHANGED);
    rig_run(&r, 800); /* from here on each second, just before it is seen who has healed */
    for (; mcu_counter_get(MCU_CNT_RUNGS_CHANGED) == moves && asks < 4; asks++) {
        rig_run(&r, asks ? 700 : 0);
        mcu_conf_keyframe(rig_conf_leg(asks % 2 ? good->leg : other->leg), MCU_ROLE_VIDEO);
        rig_run(&r, 300);
    }
    assert_in_range(asks, 1, 3);
    assert_int_equal(bad->height, SMALL);
    rig_run(&r, 500);
    assert_int_equal(bad->height, SMALL);
    rig_run(&r, 700);
    assert_int_equal(bad->height, LARGE);
    assert_int_equal(keyframes(bad->leg, before), 1);
    assert_int_equal(bad->switches, 2);
    assert_int_equal(check_changes(bad, good), 2);
    assert_int_equal(sharing(&r, LARGE), 3);
    check_undisturbed(good);
    check_undisturbed(other);
    close_room(&r);
}

static void all_who_lose_share_the_smaller_size(void **state)
{
    static struct rig r;
    open_room(&r);
    struct eye *good = join(&r, 0), *a = join(&r, 0), *b = join(&r, 0), *small = join(&r, 12);
    rig_run(&r, 3000);
    assert_int_equal(sharing(&r, SMALL), 1);
    int of_small = small->leg->video_count, of_good = good->leg->video_count;
    loses(a, 12);
    loses(b, 40);
    rig_run(&r, 2500);
    assert_int_equal(sharing(&r, LARGE), 1);
    assert_int_equal(sharing(&r, SMALL), 3);
    assert_int_equal(jobs_a_second(&r), JOBS_BOTH);
    assert_int_equal(keyframes(small->leg, of_small), 1); /* one for both who came */
    loses(a, 0);
    rig_run(&r, 8500);
    assert_true(a->height == LARGE && b->height == SMALL);
    loses(b, 0);
    rig_run(&r, 8500);
    assert_true(a->height == LARGE && b->height == LARGE);
    assert_int_equal(sharing(&r, LARGE), 3);
    assert_int_equal(sharing(&r, SMALL), 1);
    assert_int_equal(jobs_a_second(&r), JOBS_BOTH);
    assert_int_equal(keyframes(small->leg, of_small), 1);
    assert_int_equal(keyframes(good->leg, of_good), 2); /* one for each who came back */
    assert_true(a->switches == 2 && b->switches == 2);
    assert_int_equal(check_changes(a, good), 2);
    assert_int_equal(check_changes(b, good), 2);
    check_undisturbed(good);
    close_room(&r);
}

static void who_takes_less_has_what_fits_until_he_takes_more(void **state)
{
    static struct rig r;
    open_room(&r);
    struct eye *good = join(&r, 0), *slow = join(&r, 0);
    rig_run(&r, 3000);
    takes(slow, 199999);
    rig_run(&r, 1500);
    assert_int_equal(slow->height, LARGE); /* it has to last */
    rig_run(&r, 2500);
    assert_int_equal(slow->height, SMALL);
    assert_int_equal(jobs_a_second(&r), JOBS_BOTH);
    takes(slow, 1000); /* nothing fits: the smallest, and no to and fro */
    rig_run(&r, 10000);
    takes(slow, 210000); /* no room to spare */
    rig_run(&r, 10000);
    assert_true(slow->height == SMALL && slow->switches == 1);
    takes(slow, 0);
    rig_run(&r, 8500);
    assert_true(slow->height == LARGE && slow->switches == 2);
    assert_int_equal(jobs_a_second(&r), JOBS_LARGE);
    assert_int_equal(sharing(&r, LARGE), 2);
    assert_int_equal(check_changes(slow, good), 2);
    check_undisturbed(good);
    close_room(&r);
}

static void what_only_he_saw_is_coded_no_more(void **state)
{
    static struct rig r;
    open_room(&r);
    struct eye *e = join(&r, 0);
    rig_run(&r, 3000);
    loses(e, 20);
    rig_run(&r, 1500);
    assert_int_equal(e->height, SMALL);
    assert_int_equal(sharing(&r, LARGE), 0);
    assert_int_equal(jobs_a_second(&r), JOBS_SMALL);
    loses(e, 1);
    rig_run(&r, 8500);
    assert_int_equal(e->height, LARGE);
    assert_int_equal(sharing(&r, SMALL), 0);
    assert_int_equal(jobs_a_second(&r), JOBS_LARGE);
    close_room(&r);
}

/* Keyframe requests sent him apart before he lost enough for a smaller size. */
static void who_was_repaired_apart_comes_back_to_all_too(void **state)
{
    static struct rig r;
    open_room(&r);
    struct eye *good = join(&r, 0), *bad = join(&r, 0);
    rig_run(&r, 2000);
    for (int i = 0; i < 6; i++) {
        mcu_conf_keyframe(rig_conf_leg(bad->leg), MCU_ROLE_VIDEO);
        rig_run(&r, 1000);
    }
    assert_int_equal(rig_info(&r).rendition_count, 2); /* both large */
    loses(bad, 20);
    rig_run(&r, 2500);
    assert_int_equal(bad->height, SMALL);
    assert_int_equal(sharing(&r, LARGE), 1);
    assert_int_equal(sharing(&r, SMALL), 1);
    loses(bad, 0);
    rig_run(&r, 8500);
    assert_int_equal(bad->height, LARGE);
    assert_int_equal(sharing(&r, LARGE), 2);
    assert_int_equal(rig_info(&r).rendition_count, 1);
    assert_int_equal(check_changes(bad, good), 2); /* to the repair, and back from the smaller size */
    check_undisturbed(good);
    close_room(&r);
}

/* Each size has its keyframe in the making when he thinks better of it, or goes. */
static void changes_of_mind_leave_nothing_behind(void **state)
{
    static struct rig r;
    open_room(&r);
    struct eye *good = join(&r, 0), *bad = join(&r, 0);
    rig_run(&r, 3000);
    for (int i = 0; i < 12; i++) {
        loses(bad, i % 2 ? 0 : 30);
        bad->leg->join.video.max_fs = i % 3 == 2 ? 12 : 0;
        rig_update(bad->leg);
        rig_run(&r, 900 + 170 * (i % 5));
    }
    loses(bad, 30);
    rig_run(&r, 4000);
    assert_int_equal(bad->height, SMALL);
    rig_leave(bad->leg);
    rig_run(&r, 500);
    assert_int_equal(sharing(&r, LARGE), 1);
    assert_int_equal(rig_info(&r).rendition_count, 1);
    assert_int_equal(jobs_a_second(&r), JOBS_LARGE);
    check_changes(bad, good);
    check_undisturbed(good);
    close_room(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_loses_much_has_a_size_of_his_own_until_it_is_over),
        cmocka_unit_test(he_keeps_his_picture_until_the_other_has_a_keyframe),
        cmocka_unit_test(all_who_lose_share_the_smaller_size),
        cmocka_unit_test(who_takes_less_has_what_fits_until_he_takes_more),
        cmocka_unit_test(what_only_he_saw_is_coded_no_more),
        cmocka_unit_test(who_was_repaired_apart_comes_back_to_all_too),
        cmocka_unit_test(changes_of_mind_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
