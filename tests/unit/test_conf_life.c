/* Conferences and legs come, change, move and go while jobs are in flight, and in the end nothing
 * is left: no unit, no block, no memory. */
#include "tests/unit/conf_rig.h"
#include "tests/unit/held_runners.h"

#include <errno.h>

#include "server/directory.h"

#define PARTS     2
#define MAX_LEGS  10
#define MAX_STEPS 100000

/* ---- a world of two loops, a conference on each ---- */

struct life_leg {
    struct mcu_join join;
    int part;              /* where it is; -1: nowhere */
    mcu_handle handle;
    int64_t next_seq, audio_ns, video_ns;
    uint32_t rtp_ts;
    struct life *life;
    int ms_to_keyframe;
};

struct life {
    struct mcu_workers *workers;
    struct mcu_bus *bus;
    struct mcu_loop *loop[PARTS];
    struct mcu_media media[PARTS];
    struct mcu_config config;
    struct mcu_conf *conf[PARTS];
    int ending;            /* conferences that have not said that they are gone */
    int64_t now_ns;
    uint32_t random;
    struct life_leg legs[MAX_LEGS];
    struct mcu_unit *pictures[4]; /* key and inter of H.264, of VP8 */
    struct mcu_tap *taps[4];
    uint64_t units_out, ended;
};

static uint32_t rnd(struct life *w, uint32_t below)
{
    w->random = w->random * 1664525u + 1013904223u;
    return (w->random >> 8) % below;
}

static void on_unit(const struct mcu_sink *sink, int role, struct mcu_unit *u)
{
    struct life_leg *l = sink->arg;
    int64_t *last = role == MCU_ROLE_AUDIO ? &l->audio_ns : &l->video_ns;
    assert_true(u->size > 0);
    assert_true(u->time_ns > *last);
    *last = u->time_ns;
    l->life->units_out++;
}

static void on_ask(const struct mcu_sink *sink, int role)
{
    struct life_leg *l = sink->arg;
    l->ms_to_keyframe = 20;
}

static struct mcu_conf_leg *conf_leg(struct life *w, const struct life_leg *l)
{
    return l->part < 0 ? NULL : mcu_handle_get(&w->media[l->part].conf_legs, l->handle);
}

static void make_pictures(struct life *w)
{
    for (int i = 0; i < 4; i += 2) {
        struct mcu_venc_config c = { .codec = i ? MCU_CODEC_VP8 : MCU_CODEC_H264, .width = 32,
                                     .height = 32, .fps = 5, .bitrate_bps = 30000 };
        struct mcu_venc *enc = NULL;
        struct mcu_pic *pic = NULL;
        assert_int_equal(mcu_venc_new(&enc, &c), 0);
        assert_int_equal(mcu_pic_new(&pic, 32, 32), 0);
        mcu_pic_fill(pic, 90, 100, 150);
        assert_int_equal(mcu_venc_encode(enc, pic, true, &w->pictures[i]), 0);
        mcu_pic_fill(pic, 95, 100, 150);
        assert_int_equal(mcu_venc_encode(enc, pic, false, &w->pictures[i + 1]), 0);
        mcu_pic_unref(&pic);
        mcu_venc_free(&enc);
    }
}

static void life_open(struct life *w, bool inline_mode, uint32_t seed)
{
    char error[200];
    memset(w, 0, sizeof(*w));
    mcu_log_set_level(MCU_LOG_ERROR);
    w->random = seed;
    w->now_ns = RIG_START_NS;
    mcu_config_defaults(&w->config);
    w->config.width = 64;
    w->config.height = 36;
    w->config.fps = 5;
    w->config.audio_channels = 1;
    w->config.names = false;
    w->config.max_in_width = w->config.max_in_height = 64;
    w->config.rungs[0] = (struct mcu_config_rung){ 64, 36, 5, 60000 };
    w->config.rungs[1] = (struct mcu_config_rung){ 32, 18, 5, 30000 };
    w->config.rung_count = 2;
    assert_int_equal(mcu_config_check(&w->config, error, sizeof(error)), 0);
    assert_int_equal(mcu_workers_new(&w->workers, 2, inline_mode), 0);
    for (int i = 0; i < PARTS; i++)
        assert_int_equal(mcu_loop_new(&w->loop[i], "life", true), 0);
    assert_int_equal(mcu_bus_new(&w->bus, w->loop[0]), 0);
    for (int i = 0; i < PARTS; i++) {
        assert_int_equal(mcu_media_init(&w->media[i], w->loop[i], i, w->workers, w->bus), 0);
        mcu_loop_step(w->loop[i], w->now_ns);
    }
    for (int i = 0; i < MAX_LEGS; i++) {
        w->legs[i] = (struct life_leg){ .part = -1, .life = w };
        w->legs[i].join.leg = (uint32_t)i + 1;
        w->legs[i].join.sink =
            (struct mcu_sink){ .arg = &w->legs[i], .unit = on_unit, .ask_keyframe = on_ask };
    }
    make_pictures(w);
}

static void step_loops(struct life *w)
{
    for (int i = 0; i < PARTS; i++)
        mcu_loop_step(w->loop[i], w->now_ns);
}

static void conf_ended(void *arg)
{
    struct life *w = arg;
    w->ending--;
    w->ended++;
}

static void end_conf(struct life *w, int part)
{
    if (!w->conf[part])
        return;
    for (int i = 0; i < MAX_LEGS; i++)
        if (w->legs[i].part == part)
            w->legs[i].part = -1;
    w->ending++;
    mcu_conf_end(w->conf[part], conf_ended, w);
    w->conf[part] = NULL;
}

static void free_tap(struct life *w, int i)
{
    struct mcu_pcm *pcm;
    while (w->taps[i] && rnd(w, 3) && (pcm = mcu_tap_read(w->taps[i])))
        mcu_pcm_unref(&pcm);
    mcu_tap_free(&w->taps[i]);
}

static void life_close(struct life *w)
{
    for (int i = 0; i < PARTS; i++)
        end_conf(w, i);
    for (int i = 0; i < 50000 && w->ending; i++) {
        step_loops(w);
        if (w->ending)
            rig_nap();
    }
    assert_int_equal(w->ending, 0);
    for (int i = 0; i < 4; i++) {
        free_tap(w, i);
        mcu_unit_unref(&w->pictures[i]);
    }
    mcu_workers_free(&w->workers);
    step_loops(w);
    for (int i = 0; i < PARTS; i++) {
        assert_int_equal(mcu_loop_next_due(w->loop[i]), INT64_MAX); /* no timer is left */
        size_t pos = 0;
        assert_null(mcu_handle_next(&w->media[i].conf_legs, &pos));
        assert_null(mcu_handle_next(&w->media[i].conferences, &pos));
        mcu_media_deinit(&w->media[i]);
    }
    for (int i = 0; i < PARTS; i++)
        mcu_loop_free(&w->loop[i]);
    mcu_bus_free(&w->bus);
}

/* ---- what may happen ---- */

static void wish(struct life *w, struct life_leg *l)
{
    static const enum mcu_codec sound[] = { MCU_CODEC_PCMU, MCU_CODEC_PCMU, MCU_CODEC_PCMU,
                                            MCU_CODEC_PCMA, MCU_CODEC_PCMA, MCU_CODEC_G722,
                                            MCU_CODEC_NONE, MCU_CODEC_OPUS };
    static const enum mcu_codec picture[] = { MCU_CODEC_NONE, MCU_CODEC_NONE, MCU_CODEC_H264,
                                              MCU_CODEC_VP8 };
    static const int lengths[] = { 20, 20, 40, 60, 10, 0 };
    l->join.sends_audio = rnd(w, 4) != 0;
    l->join.sends_video = rnd(w, 3) == 0;
    l->join.hidden = rnd(w, 8) == 0;
    l->join.audio = (struct mcu_audio_want){ .codec = sound[rnd(w, 8)],
                                             .channels = (int)rnd(w, 3),
                                             .frame_ms = lengths[rnd(w, 6)],
                                             .fec = rnd(w, 2), .dtx = rnd(w, 2) };
    l->join.video = (struct mcu_video_want){ .codec = picture[rnd(w, 4)],
                                             .max_fs = rnd(w, 3) ? 0 : 8 };
}

static void join(struct life *w, struct life_leg *l, int part)
{
    if (!w->conf[part])
        return;
    l->join.video_after_ns = l->video_ns;
    l->handle = mcu_conf_join(w->conf[part], &l->join);
    assert_int_not_equal(l->handle, 0);
    l->part = part;
}

static void leave(struct life *w, struct life_leg *l)
{
    struct mcu_conf_leg *cl = conf_leg(w, l);
    assert_non_null(cl);
    mcu_conf_leave(cl);
    assert_null(conf_leg(w, l));
    l->part = -1;
}

/* The time of sound is counted per conference: one that is joined anew may be behind by the ticks
 * that it still makes good; net/rtp_out drops what was heard already. */
static void forget_audio_time(struct life_leg *l)
{
    l->audio_ns -= 6 * MCU_PCM_TICK_NS;
}

static void come_go_or_move(struct life *w, struct life_leg *l)
{
    if (l->part < 0) {
        wish(w, l);
        join(w, l, (int)rnd(w, PARTS));
    } else {
        int from = l->part;
        leave(w, l);
        if (rnd(w, 2))
            join(w, l, 1 - from);
    }
    forget_audio_time(l);
}

static void change(struct life *w, struct life_leg *l)
{
    bool hidden = l->join.hidden;
    wish(w, l);
    l->join.hidden = hidden; /* what an update does not change */
    mcu_conf_update(conf_leg(w, l), &l->join);
}

static void give_sound(struct life *w, struct life_leg *l)
{
    struct mcu_unit *u = mcu_unit_new(200);
    assert_non_null(u);
    bool garbage = rnd(w, 16) == 0;
    u->size = garbage ? rnd(w, 200) : 160;
    for (size_t i = 0; i < u->size; i++)
        u->data[i] = garbage ? (uint8_t)rnd(w, 256) : (uint8_t)(rnd(w, 2) ? 0x20 : 0xa0);
    u->codec = garbage ? (enum mcu_codec)(rnd(w, MCU_CODEC_COUNT)) : MCU_CODEC_PCMU;
    u->time_ns = w->now_ns;
    u->sent_ns = garbage ? (int64_t)rnd(w, 1u << 24) * 1000000 : w->now_ns - 20 * MCU_NS_PER_MS;
    u->delay_ms = garbage ? (int)rnd(w, 100000) - 50000 : 20;
    u->seq = l->next_seq += 1 + (rnd(w, 20) == 0);
    u->rtp_ts = l->rtp_ts += 160;
    u->ssrc = rnd(w, 50) ? l->join.leg : rnd(w, 1000);
    mcu_conf_unit(conf_leg(w, l), garbage ? (int)rnd(w, MCU_ROLES) : MCU_ROLE_AUDIO, u);
    mcu_unit_unref(&u);
}

static void give_picture(struct life *w, struct life_leg *l)
{
    int which = (int)(l->join.leg % 2) * 2 + (l->ms_to_keyframe <= 0 && rnd(w, 3) != 0);
    const struct mcu_unit *p = w->pictures[which];
    struct mcu_unit *u = mcu_unit_new(p->size + 16);
    assert_non_null(u);
    memcpy(u->data, p->data, p->size);
    u->size = p->size;
    u->codec = p->codec;
    u->keyframe = p->keyframe;
    u->time_ns = w->now_ns;
    u->sent_ns = w->now_ns - 30 * MCU_NS_PER_MS;
    u->gap_before = rnd(w, 10) == 0;
    if (rnd(w, 12) == 0)
        for (int i = 0; i < 8; i++)
            u->data[rnd(w, (uint32_t)u->size)] ^= (uint8_t)(1 + rnd(w, 255));
    if (rnd(w, 40) == 0)
        u->size = rnd(w, (uint32_t)u->size);
    l->ms_to_keyframe = 0;
    mcu_conf_unit(conf_leg(w, l), MCU_ROLE_VIDEO, u);
    mcu_unit_unref(&u);
}

static void look(struct life *w, int part)
{
    struct mcu_conf_info info;
    if (!w->conf[part])
        return;
    assert_int_equal(mcu_conf_get_info(w->conf[part], &info), 0);
    int subscribers = 0, here = 0;
    for (int i = 0; i < info.rendition_count; i++) {
        assert_true(info.renditions[i].subscribers > 0);
        subscribers += info.renditions[i].subscribers;
    }
    for (int i = 0; i < MAX_LEGS; i++)
        here += w->legs[i].part == part;
    assert_int_equal(info.leg_count, here);
    assert_true(subscribers <= 2 * here); /* one that it has, one that it waits for */
    free(info.legs);
}

static void happen(struct life *w)
{
    struct life_leg *l = &w->legs[rnd(w, MAX_LEGS)];
    int part = (int)rnd(w, PARTS), tap = (int)rnd(w, 4);
    uint32_t what = rnd(w, 400);
    if (what == 0) {
        end_conf(w, part);
    } else if (what < 20) {
        if (!w->conf[part])
            assert_int_equal(mcu_conf_new(&w->conf[part], &w->media[part], "life", &w->config), 0);
    } else if (what < 50) {
        come_go_or_move(w, l);
    } else if (what < 55) {
        look(w, part);
    } else if (what < 60) {
        struct mcu_config c = w->config;
        c.layout = rnd(w, 2) ? MCU_LAYOUT_SPEAKER : MCU_LAYOUT_GRID;
        c.max_heard = (int)rnd(w, 4);
        if (w->conf[part])
            mcu_conf_set_config(w->conf[part], &c);
    } else if (l->part < 0) {
        return;
    } else if (what < 75) {
        change(w, l);
    } else if (what < 90) {
        mcu_conf_keyframe(conf_leg(w, l), (int)rnd(w, MCU_ROLES));
    } else if (what < 95) {
        mcu_conf_loss(conf_leg(w, l), (int)rnd(w, MCU_ROLES), (int)rnd(w, 30));
    } else if (what < 97) {
        mcu_conf_key(conf_leg(w, l), (char)('0' + rnd(w, 10)));
    } else if (what < 105) {
        if (w->taps[tap])
            free_tap(w, tap);
        else
            w->taps[tap] = mcu_conf_tap(conf_leg(w, l));
    } else if (what < 130) {
        give_picture(w, l);
    } else {
        give_sound(w, l);
    }
}

static void live(bool inline_mode, int steps, uint32_t seed)
{
    static struct life w;
    long units = mcu_unit_alive(), pcm = mcu_pcm_alive();
    life_open(&w, inline_mode, seed);
    for (int i = 0; i < steps; i++) {
        happen(&w);
        if (rnd(&w, 3) == 0) {
            w.now_ns += (int64_t)rnd(&w, rnd(&w, 50) ? 8 : 120) * MCU_NS_PER_MS;
            step_loops(&w);
        }
        if (!inline_mode && rnd(&w, 16) == 0)
            rig_nap();
    }
    life_close(&w);
    if (steps >= 2000) { /* something did happen */
        assert_true(w.units_out > (inline_mode ? (uint64_t)steps / 20 : 0));
        assert_true(w.ended > 2);
    }
    assert_int_equal(mcu_unit_alive(), units);
    assert_int_equal(mcu_pcm_alive(), pcm);
}

static int scaled(int steps)
{
    const char *env = getenv("MCU_LIFE_STEPS");
    return env ? atoi(env) : steps;
}

static void anything_may_happen_in_any_order(void **state)
{
    live(true, scaled(MAX_STEPS), 1);
}

static void short_lives_end_cleanly(void **state)
{
    for (uint32_t seed = 2; seed < 40; seed++)
        live(true, 30 + (int)seed * 4, seed);
}

static void anything_may_happen_while_jobs_run(void **state)
{
    live(false, scaled(MAX_STEPS / 10), 100);
}

/* ---- ends, one by one ---- */

static void a_conference_ends_with_its_legs_and_jobs(void **state)
{
    for (int round = 0; round < 20; round++) {
        static struct rig r;
        rig_open(&r, round % 2);
        rig_start(&r);
        for (int i = 0; i < 4; i++) {
            struct rig_leg *l = rig_leg(&r, MCU_CODEC_PCMU);
            l->join.video.codec = i % 2 ? MCU_CODEC_VP8 : MCU_CODEC_H264;
            l->join.sends_video = true;
            l->speaks = MCU_CODEC_PCMU;
            l->shows = MCU_CODEC_H264;
            rig_camera(l, 32, 32, 100, 100, 100);
            rig_join(l);
        }
        rig_run(&r, round * 15);
        mcu_handle conf = mcu_conf_handle(r.conf);
        for (int i = 0; i < r.leg_count; i++)
            r.legs[i]->speaks = r.legs[i]->shows = MCU_CODEC_NONE;
        rig_end_conf(&r);
        assert_null(mcu_handle_get(&r.media.conferences, conf));
        for (int i = 0; i < r.leg_count; i++)
            assert_null(rig_conf_leg(r.legs[i]));
        assert_int_equal(rig_events(&r, MCU_EVENT_CONFERENCE_STARTED, 0), 1);
        assert_int_equal(rig_events(&r, MCU_EVENT_CONFERENCE_ENDED, 0), 1);
        assert_int_equal(rig_events(&r, MCU_EVENT_LEG_JOINED, 0), 4);
        assert_int_equal(rig_events(&r, MCU_EVENT_LEG_LEFT, 0), 4);
        assert_int_equal(rig_events(&r, MCU_EVENT_RENDITION_STARTED, 0),
                         rig_events(&r, MCU_EVENT_RENDITION_ENDED, 0));
        rig_close(&r);
    }
}

static void an_ending_conference_is_found_by_nobody(void **state)
{
    static struct rig r;
    static struct held_runners h;
    rig_open(&r, false);
    rig_start(&r);
    struct rig_leg *l = rig_leg(&r, MCU_CODEC_PCMU);
    l->join.video.codec = MCU_CODEC_H264;
    rig_join(l);
    hold_runners(&r, &h, 3, MCU_JOB_AUDIO);
    rig_run(&r, 200); /* its jobs wait behind those */
    mcu_handle handle = mcu_conf_handle(r.conf);
    bool gone = false;
    l->handle = 0;
    mcu_conf_end(r.conf, rig_conf_ended, &gone);
    r.conf = NULL;
    mcu_loop_step(r.loop, r.now_ns);
    assert_false(gone);
    assert_null(mcu_handle_get(&r.media.conferences, handle));
    let_go(&h);
    for (int i = 0; i < 50000 && !(gone && all_are_back(&h)); i++) {
        rig_nap();
        mcu_loop_step(r.loop, r.now_ns);
    }
    assert_true(gone);
    held_end(&h);
    rig_close(&r);
}

static void a_conference_that_cannot_be_made_leaves_nothing(void **state)
{
    static struct rig r;
    rig_open(&r, true);
    r.config.rungs[1] = (struct mcu_config_rung){ 1, 1, 5, 1000 };
    struct mcu_conf *conf = NULL;
    assert_true(mcu_conf_new(&conf, &r.media, "none", &r.config) < 0);
    assert_null(conf);
    mcu_loop_step(r.loop, r.now_ns);
    assert_int_equal(mcu_loop_next_due(r.loop), INT64_MAX);
    assert_int_equal(rig_events(&r, MCU_EVENT_CONFERENCE_STARTED, 0), 0);
    assert_int_equal(rig_events(&r, MCU_EVENT_CONFERENCE_ENDED, 0), 0);
    rig_close(&r);
}

/* ---- the directory ---- */

struct found {
    int calls, error;
    struct mcu_room *room;
    struct mcu_ref conference;
    struct mcu_directory *directory;
    struct found *again; /* asks for the same room from within the answer */
    int order;
};

static int found_order;

static void on_found(int error, struct mcu_room *room, struct mcu_ref conference, void *arg)
{
    struct found *f = arg;
    f->calls++;
    f->error = error;
    f->room = room;
    f->conference = conference;
    f->order = found_order++;
    if (f->again)
        mcu_directory_find(f->directory, "room", on_found, f->again);
}

struct dir_rig {
    struct rig r;
    struct mcu_loop *control, *loops[2];
    struct mcu_media media[2], *list[2];
    struct mcu_directory *directory;
};

static void dir_step(struct dir_rig *d)
{
    for (int ran = 1; ran;) {
        ran = mcu_loop_step(d->control, d->r.now_ns);
        for (int i = 0; i < 2; i++)
            ran += mcu_loop_step(d->loops[i], d->r.now_ns);
    }
}

static void dir_open(struct dir_rig *d)
{
    memset(d, 0, sizeof(*d));
    found_order = 0;
    rig_open(&d->r, true);
    d->control = d->r.loop;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mcu_loop_new(&d->loops[i], "media", true), 0);
        assert_int_equal(mcu_media_init(&d->media[i], d->loops[i], i, d->r.workers, d->r.bus), 0);
        mcu_loop_step(d->loops[i], d->r.now_ns);
        d->list[i] = &d->media[i];
    }
    d->r.config.max_conferences = 2;
    assert_int_equal(mcu_directory_new(&d->directory, d->control, d->list, 2, &d->r.config), 0);
}

static void dir_close(struct dir_rig *d)
{
    dir_step(d);
    assert_int_equal(mcu_directory_alive(d->directory), 0);
    mcu_directory_free(&d->directory);
    for (int i = 0; i < 2; i++) {
        mcu_media_deinit(&d->media[i]);
        mcu_loop_free(&d->loops[i]);
    }
    rig_close(&d->r);
}

static void all_who_ask_while_a_room_is_made_get_the_same_one(void **state)
{
    static struct dir_rig d;
    struct found f[3] = { 0 };
    dir_open(&d);
    for (int i = 0; i < 3; i++) {
        mcu_directory_find(d.directory, "room", on_found, &f[i]);
        assert_int_equal(f[i].calls, 0);
    }
    dir_step(&d);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(f[i].calls, 1);
        assert_int_equal(f[i].error, 0);
        assert_ptr_equal(f[i].room, f[0].room);
        assert_int_equal(f[i].conference.handle, f[0].conference.handle);
        assert_int_equal(f[i].order, i); /* who came first is answered first */
    }
    assert_int_equal(mcu_directory_alive(d.directory), 1);
    assert_non_null(mcu_handle_get(&f[0].conference.media->conferences, f[0].conference.handle));
    for (int i = 0; i < 2; i++) {
        mcu_directory_release(d.directory, &f[i].room);
        dir_step(&d);
        assert_int_equal(mcu_directory_alive(d.directory), 1);
    }
    mcu_directory_release(d.directory, &f[2].room);
    dir_step(&d);
    assert_null(mcu_handle_get(&f[0].conference.media->conferences, f[0].conference.handle));
    dir_close(&d);
}

static void a_room_asked_for_while_it_ends_is_a_new_one(void **state)
{
    static struct dir_rig d;
    struct found f[2] = { 0 }, late = { 0 }, full = { 0 };
    dir_open(&d);
    mcu_directory_find(d.directory, "room", on_found, &f[0]);
    dir_step(&d);
    mcu_directory_find(d.directory, "room", on_found, &late);
    mcu_directory_release(d.directory, &f[0].room); /* his answer is on its way: it stays */
    dir_step(&d);
    assert_int_equal(late.error, 0);
    assert_int_equal(late.conference.handle, f[0].conference.handle);
    mcu_directory_release(d.directory, &late.room);
    mcu_directory_find(d.directory, "room", on_found, &f[1]);
    dir_step(&d);
    assert_int_equal(f[1].error, 0);
    assert_false(f[1].conference.handle == f[0].conference.handle &&
                 f[1].conference.media == f[0].conference.media);
    struct found other = { 0 };
    mcu_directory_find(d.directory, "other", on_found, &other);
    mcu_directory_find(d.directory, "one too many", on_found, &full);
    dir_step(&d);
    assert_int_equal(other.error, 0);
    assert_ptr_not_equal(other.conference.media, f[1].conference.media); /* spread over loops */
    assert_int_equal(full.error, -EBUSY);
    assert_null(full.room);
    mcu_directory_release(d.directory, &f[1].room);
    mcu_directory_release(d.directory, &other.room);
    dir_close(&d);
}

static void a_room_that_cannot_be_made_is_an_error_for_all(void **state)
{
    static struct dir_rig d;
    struct found f[3] = { 0 };
    dir_open(&d);
    d.r.config.rungs[1] = (struct mcu_config_rung){ 1, 1, 5, 1000 };
    f[0].directory = d.directory;
    f[0].again = &f[2];
    mcu_directory_find(d.directory, "room", on_found, &f[0]);
    mcu_directory_find(d.directory, "room", on_found, &f[1]);
    dir_step(&d);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(f[i].calls, 1);
        assert_true(f[i].error < 0);
        assert_null(f[i].room);
    }
    assert_int_equal(atomic_load(&d.media[0].conf_load), 0);
    assert_int_equal(atomic_load(&d.media[1].conf_load), 0);
    dir_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conference_ends_with_its_legs_and_jobs),
        cmocka_unit_test(an_ending_conference_is_found_by_nobody),
        cmocka_unit_test(a_conference_that_cannot_be_made_leaves_nothing),
        cmocka_unit_test(all_who_ask_while_a_room_is_made_get_the_same_one),
        cmocka_unit_test(a_room_asked_for_while_it_ends_is_a_new_one),
        cmocka_unit_test(a_room_that_cannot_be_made_is_an_error_for_all),
        cmocka_unit_test(short_lives_end_cleanly),
        cmocka_unit_test(anything_may_happen_in_any_order),
        cmocka_unit_test(anything_may_happen_while_jobs_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
