/* The ladder of one view: rungs (sizes), the renditions on them (one encoder each), and their
 * subscribers.
 *
 *   canvas > rung: scale, once a size > rendition: encode, once > unit > every subscriber
 *
 * One picture waits before a scaler or an encoder, and the newest wins. Keyframes are merged; a leg
 * that keeps asking is moved to a repair rendition that such legs share. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "server/video_priv.h"

#define HISTORY_UNITS       64
#define HISTORY_BYTES       (1u << 20)
#define HISTORY_NS          (2 * MCU_NS_PER_S)
#define KEYFRAME_APART_NS   MCU_NS_PER_S
#define REPAIR_ASKS         4 /* keyframe requests within the window that send a leg to repair */
#define REPAIR_WINDOW_NS    (10 * MCU_NS_PER_S)
#define REPAIR_MAX_NS       (160 * MCU_NS_PER_S)
#define RUNG_PICTURES       3
#define CATCH_UP_NS         MCU_NS_PER_MS

struct rung;

struct rendition {
    struct rendition *next;
    struct rung *rung;
    enum mcu_codec codec;
    bool repair;
    int subscribers;
    bool dead;

    struct mcu_strand strand;
    struct mcu_job job;
    bool running;
    struct mcu_pic *waiting;

    bool keyframe_wanted;
    int64_t last_keyframe_ns; /* 0: none yet */
    struct mcu_unit *history[HISTORY_UNITS]; /* since the last keyframe, while it is short enough */
    int history_count;
    size_t history_bytes;
    uint64_t frames, keyframes, bytes;
    char encoder_name[16];

    struct { /* the running job only */
        struct mcu_venc *encoder;
        struct mcu_pic *pic;
        bool keyframe;
        struct mcu_unit *unit;
        int result;
    } in;
};

struct rung {
    struct mcu_ladder *ladder;
    struct mcu_config_rung spec;
    bool scaled;             /* not the canvas's own size */
    int64_t next_due_ns;
    struct rendition *renditions;

    struct mcu_strand strand;
    struct mcu_job job;
    bool running;
    struct mcu_pic *waiting;
    struct mcu_scaler *scaler;
    struct mcu_pic_pool *pool;
    struct mcu_pic *in, *out; /* the running job only */
};

struct mcu_ladder {
    struct mcu_conf *conf;
    struct rung rungs[MCU_CONFIG_RUNGS];
    int rung_count;
    int in_flight; /* jobs of rungs and renditions */
    bool ended;
};

struct mcu_vsub {
    struct mcu_conf_leg *leg;
    struct rendition *now, *next; /* next: waits for a keyframe there; holds a subscription too */
    int asks;
    int64_t window_start_ns, last_ask_ns;
    int64_t repair_ns; /* how long he must be quiet to come back: doubled each time */
    int64_t counted_ask_ns;        /* the newest that was not a repeat */
};

static int64_t now_ns(const struct mcu_ladder *l)
{
    return mcu_loop_now(l->conf->media->loop);
}

/* ---- life of renditions ---- */

static void forget_history(struct rendition *r)
{
    for (int i = 0; i < r->history_count; i++)
        mcu_unit_unref(&r->history[i]);
    r->history_count = 0;
    r->history_bytes = 0;
}

static void free_rendition(struct rendition *r)
{
    struct rendition **p = &r->rung->renditions;
    while (*p != r)
        p = &(*p)->next;
    *p = r->next;
    forget_history(r);
    mcu_pic_unref(&r->waiting);
    mcu_venc_free(&r->in.encoder);
    free(r);
}

static void release_if_done(struct mcu_ladder *l)
{
    if (!l->ended || l->in_flight)
        return;
    struct mcu_conf *conf = l->conf;
    for (int i = 0; i < l->rung_count; i++) {
        struct rung *g = &l->rungs[i];
        while (g->renditions)
            free_rendition(g->renditions);
        mcu_pic_unref(&g->waiting);
        mcu_scaler_free(&g->scaler);
        mcu_pic_pool_free(&g->pool);
    }
    free(l);
    mcu_conf_node_gone(conf);
}

static void rendition_event(struct rendition *r, enum mcu_event_type type)
{
    const struct mcu_config_rung *s = &r->rung->spec;
    mcu_conf_event(r->rung->ladder->conf, NULL, type, "codec=%s size=%dx%d fps=%d bps=%d repair=%d",
                   mcu_codec_info(r->codec)->name, s->width, s->height, s->fps, s->bitrate_bps,
                   r->repair);
}

static struct rendition *take_rendition(struct rung *g, enum mcu_codec codec, bool repair)
{
    for (struct rendition *r = g->renditions; r; r = r->next) {
        if (r->codec == codec && r->repair == repair && !r->dead) {
            r->subscribers++;
            return r;
        }
    }
    struct rendition *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->rung = g;
    r->codec = codec;
    r->repair = repair;
    r->subscribers = 1;
    mcu_strand_init(&r->strand, g->ladder->conf->media->workers, MCU_JOB_VIDEO);
    r->next = g->renditions;
    g->renditions = r;
    rendition_event(r, MCU_EVENT_RENDITION_STARTED);
    return r;
}

static void drop_rendition(struct rendition *r)
{
    if (!r || --r->subscribers > 0)
        return;
    r->dead = true;
    rendition_event(r, MCU_EVENT_RENDITION_ENDED);
    if (!r->running)
        free_rendition(r);
}

/* ---- encode ---- */

static void run_encode(struct mcu_job *job)
{
    struct rendition *r = mcu_container_of(job, struct rendition, job);
    const struct mcu_config_rung *s = &r->rung->spec;
    const char *h264 = r->rung->ladder->conf->config.h264_encoder;
    r->in.unit = NULL;
    r->in.result = 0;
    if (!r->in.encoder) {
        struct mcu_venc_config c = {
            .codec = r->codec, .width = s->width, .height = s->height, .fps = s->fps,
            .bitrate_bps = s->bitrate_bps,
            .backend = r->codec == MCU_CODEC_H264 && strcmp(h264, "x264") == 0 ? MCU_VENC_X264
                                                                               : MCU_VENC_AUTO,
        };
        r->in.result = mcu_venc_new(&r->in.encoder, &c);
        r->in.keyframe = true;
    }
    if (r->in.result == 0)
        r->in.result = mcu_venc_encode(r->in.encoder, r->in.pic, r->in.keyframe, &r->in.unit);
}

/* What a newcomer's pacer takes at once: it refuses more than a second at 2.5 times the rate. */
static size_t history_limit(const struct rendition *r)
{
    size_t two_seconds = (size_t)r->rung->spec.bitrate_bps / 8 * 2;
    return two_seconds < HISTORY_BYTES ? two_seconds : HISTORY_BYTES;
}

static void remember(struct rendition *r, struct mcu_unit *u)
{
    if (u->keyframe)
        forget_history(r);
    else if (r->history_count == 0)
        return;
    int64_t since = u->time_ns - (r->history_count ? r->history[0]->time_ns : u->time_ns);
    if (r->history_count == HISTORY_UNITS || r->history_bytes + u->size > history_limit(r) ||
        since > HISTORY_NS) {
        forget_history(r);
        return;
    }
    r->history[r->history_count++] = mcu_unit_ref(u);
    r->history_bytes += u->size;
}

/* The unit with another time, or NULL. */
static struct mcu_unit *copy_at(const struct mcu_unit *u, int64_t time_ns)
{
    struct mcu_unit *c = mcu_unit_new(u->size);
    if (!c)
        return NULL;
    memcpy(c->data, u->data, u->size);
    c->size = u->size;
    c->codec = u->codec;
    c->time_ns = time_ns;
    c->sent_ns = u->sent_ns;
    c->duration_ns = u->duration_ns;
    c->keyframe = u->keyframe;
    return c;
}

/* Encoders are not equally quick: after a change the new one's units may be as old as what the leg
 * has had from the other. Receivers throw away what goes back in time, so these come a little after
 * one another instead, until the stream has caught up. */
static void send_unit(const struct mcu_vsub *sub, struct mcu_unit *u)
{
    struct mcu_conf_leg *leg = sub->leg;
    struct mcu_unit *later = NULL;
    if (u->time_ns <= leg->video_sent_ns)
        later = copy_at(u, leg->video_sent_ns + CATCH_UP_NS);
    u = later ? later : u;
    leg->video_sent_ns = u->time_ns;
    leg->join.sink.unit(&leg->join.sink, MCU_ROLE_VIDEO, u); /* it may leave here */
    mcu_unit_unref(&later);
}

static void arrive(struct mcu_vsub *sub)
{
    struct rendition *old = sub->now;
    sub->now = sub->next;
    sub->next = NULL;
    drop_rendition(old);
}

static void fan_out(struct rendition *r, struct mcu_unit *u)
{
    struct mcu_conf *conf = r->rung->ladder->conf;
    for (int i = 0; i < conf->leg_count; i++) {
        struct mcu_conf_leg *leg = conf->legs[i];
        struct mcu_vsub *sub = leg->vsub;
        if (sub && sub->next == r && u->keyframe)
            arrive(sub);
        if (sub && sub->now == r)
            send_unit(sub, u);
        if (i < conf->leg_count && conf->legs[i] != leg)
            i--; /* it has left meanwhile, and the next one stands in its place */
    }
}

static void start_encode(struct rendition *r);

static void encoded(struct mcu_job *job)
{
    struct rendition *r = mcu_container_of(job, struct rendition, job);
    struct mcu_ladder *l = r->rung->ladder;
    struct mcu_unit *u = r->in.unit;
    r->in.unit = NULL;
    mcu_pic_unref(&r->in.pic);
    if (r->in.keyframe && !(u && u->keyframe))
        r->keyframe_wanted = true; /* it failed: the wish stays */
    if (r->in.result < 0) {
        static struct mcu_log_limit limit;
        mcu_count(MCU_CNT_ENCODE_ERRORS);
        mcu_log_limited(&limit, MCU_LOG_ERROR, "encode-error", "conference=\"%s\" error=%d",
                        l->conf->room, r->in.result);
        r->keyframe_wanted |= r->in.keyframe; /* somebody still waits for it */
    } else if (u && !r->dead && !l->ended) {
        r->frames++;
        r->bytes += u->size;
        if (u->keyframe) {
            r->keyframe_wanted = false; /* whoever asked while it was encoded has it now */
            r->keyframes++;
            r->last_keyframe_ns = now_ns(l);
            mcu_count(MCU_CNT_KEYFRAMES_ENCODED);
        }
        snprintf(r->encoder_name, sizeof(r->encoder_name), "%s",
                 mcu_venc_backend_name(r->in.encoder));
        remember(r, u);
        fan_out(r, u);
    }
    mcu_unit_unref(&u);
    r->running = false; /* only now: a leg may leave while the unit goes out */
    l->in_flight--;
    if (l->ended)
        release_if_done(l);
    else if (r->dead)
        free_rendition(r);
    else if (r->waiting)
        start_encode(r);
}

static void start_encode(struct rendition *r)
{
    struct mcu_ladder *l = r->rung->ladder;
    r->in.pic = r->waiting;
    r->waiting = NULL;
    bool apart = !r->last_keyframe_ns || now_ns(l) - r->last_keyframe_ns >= KEYFRAME_APART_NS;
    r->in.keyframe = r->keyframe_wanted && apart;
    if (r->in.keyframe)
        r->keyframe_wanted = false;
    r->job.home = l->conf->media->loop;
    r->job.run = run_encode;
    r->job.done = encoded;
    r->running = true;
    l->in_flight++;
    mcu_strand_push(&r->strand, &r->job);
}

static void offer(struct rung *g, struct mcu_pic *pic)
{
    for (struct rendition *r = g->renditions; r; r = r->next) {
        if (r->dead)
            continue;
        if (r->waiting) {
            mcu_count(MCU_CNT_CANVAS_REPLACED);
            mcu_pic_unref(&r->waiting);
        }
        r->waiting = mcu_pic_ref(pic);
        if (!r->running)
            start_encode(r);
    }
}

/* ---- scale ---- */

static void run_scale(struct mcu_job *job)
{
    struct rung *g = mcu_container_of(job, struct rung, job);
    struct mcu_rect from = { 0, 0, g->in->width, g->in->height };
    struct mcu_rect to = { 0, 0, g->spec.width, g->spec.height };
    g->out = g->pool ? mcu_pic_pool_get(g->pool) : NULL;
    if (!g->out)
        return;
    if (mcu_scaler_run(g->scaler, g->in, from, g->out, to) < 0) {
        mcu_pic_unref(&g->out);
        return;
    }
    g->out->time_ns = g->in->time_ns;
    g->out->sent_ns = g->in->sent_ns;
}

static void start_scale(struct rung *g);

static void scaled(struct mcu_job *job)
{
    struct rung *g = mcu_container_of(job, struct rung, job);
    struct mcu_ladder *l = g->ladder;
    struct mcu_pic *out = g->out;
    g->out = NULL;
    g->running = false;
    l->in_flight--;
    mcu_pic_unref(&g->in);
    if (out && !l->ended)
        offer(g, out);
    mcu_pic_unref(&out);
    if (l->ended)
        release_if_done(l);
    else if (g->waiting)
        start_scale(g);
}

static void start_scale(struct rung *g)
{
    g->in = g->waiting;
    g->waiting = NULL;
    g->job.home = g->ladder->conf->media->loop;
    g->job.run = run_scale;
    g->job.done = scaled;
    g->running = true;
    g->ladder->in_flight++;
    mcu_strand_push(&g->strand, &g->job);
}

static bool rung_is_due(struct rung *g, int64_t time_ns)
{
    int64_t period = MCU_NS_PER_S / g->spec.fps;
    int64_t slack = MCU_NS_PER_S / g->ladder->conf->config.fps / 2;
    if (time_ns + slack < g->next_due_ns)
        return false;
    /* From the last due time, so that 15 of 30 stay 15; anew after a pause. */
    g->next_due_ns = time_ns - g->next_due_ns > period ? time_ns + period : g->next_due_ns + period;
    return true;
}

void mcu_ladder_canvas(struct mcu_ladder *l, struct mcu_pic *canvas)
{
    for (int i = 0; i < l->rung_count; i++) {
        struct rung *g = &l->rungs[i];
        if (!g->renditions || !rung_is_due(g, canvas->time_ns))
            continue;
        if (!g->scaled) {
            offer(g, canvas);
            continue;
        }
        if (g->waiting) {
            mcu_count(MCU_CNT_CANVAS_REPLACED);
            mcu_pic_unref(&g->waiting);
        }
        g->waiting = mcu_pic_ref(canvas);
        if (!g->running)
            start_scale(g);
    }
}

/* ---- the ladder ---- */

static int init_rung(struct mcu_ladder *l, struct rung *g, const struct mcu_config_rung *spec)
{
    g->ladder = l;
    g->spec = *spec;
    g->spec.fps = mcu_min(g->spec.fps, l->conf->config.fps);
    g->scaled = spec->width != l->conf->config.width || spec->height != l->conf->config.height;
    mcu_strand_init(&g->strand, l->conf->media->workers, MCU_JOB_VIDEO);
    if (!g->scaled)
        return 0;
    int rc = mcu_scaler_new(&g->scaler);
    return rc < 0 ? rc : mcu_pic_pool_new(&g->pool, spec->width, spec->height, RUNG_PICTURES);
}

int mcu_ladder_new(struct mcu_ladder **out, struct mcu_conf *conf)
{
    struct mcu_ladder *l = calloc(1, sizeof(*l));
    if (!l)
        return -ENOMEM;
    l->conf = conf;
    int rc = 0;
    for (int i = 0; i < conf->config.rung_count && rc == 0; i++)
        rc = init_rung(l, &l->rungs[l->rung_count++], &conf->config.rungs[i]);
    conf->nodes++;
    if (rc < 0)
        mcu_ladder_end(&l);
    else
        *out = l;
    return rc;
}

void mcu_ladder_end(struct mcu_ladder **lp)
{
    struct mcu_ladder *l = *lp;
    *lp = NULL;
    if (!l)
        return;
    l->ended = true;
    release_if_done(l);
}

void mcu_ladder_get_info(const struct mcu_ladder *l, struct mcu_conf_info *info)
{
    for (int i = 0; i < l->rung_count; i++) {
        for (const struct rendition *r = l->rungs[i].renditions; r; r = r->next) {
            if (r->dead || info->rendition_count == MCU_CONF_MAX_RENDITIONS)
                continue;
            struct mcu_rendition_info *o = &info->renditions[info->rendition_count++];
            *o = (struct mcu_rendition_info){
                .codec = r->codec, .width = r->rung->spec.width, .height = r->rung->spec.height,
                .fps = r->rung->spec.fps, .bitrate_bps = r->rung->spec.bitrate_bps,
                .subscribers = r->subscribers, .repair = r->repair, .frames = r->frames,
                .keyframes = r->keyframes, .bytes = r->bytes,
            };
            memcpy(o->encoder, r->encoder_name, sizeof(o->encoder));
        }
    }
}

/* ---- subscribers ---- */

static bool fits(const struct mcu_config_rung *s, const struct mcu_video_want *w)
{
    int fs = ((s->width + 15) / 16) * ((s->height + 15) / 16);
    return (!w->max_bps || s->bitrate_bps <= w->max_bps) && (!w->max_fs || fs <= w->max_fs) &&
           (!w->max_mbps || fs * s->fps <= w->max_mbps) && (!w->max_fps || s->fps <= w->max_fps);
}

/* The best rung within the leg's limits (the smallest when none is), or one below it when its receiver
 * loses too much or may take less. */
static struct rung *choose_rung(struct mcu_ladder *l, struct mcu_conf_leg *leg)
{
    int bps[MCU_CONFIG_RUNGS], best = 0;
    if (l->rung_count == 0)
        return NULL;
    for (int i = 0; i < l->rung_count; i++)
        bps[i] = l->rungs[i].spec.bitrate_bps;
    while (best < l->rung_count - 1 && !fits(&l->rungs[best].spec, &leg->join.video))
        best++;
    return &l->rungs[mcu_rung_policy_choose(&leg->rung, bps, l->rung_count, best, now_ns(l))];
}

/* Comes to a rendition: with the next keyframe; who has no picture yet gets the units since the last
 * one at once. Takes over the subscription. */
static void move_to(struct mcu_vsub *sub, struct rendition *r)
{
    struct mcu_conf_leg *leg = sub->leg;
    drop_rendition(sub->next);
    sub->next = NULL;
    if (r == sub->now) { /* thought better of it */
        drop_rendition(r);
        return;
    }
    sub->next = r;
    if (r->history_count && !sub->now) {
        r->subscribers++; /* stays while it sends, whatever the leg answers */
        arrive(sub);
        /* The leg may answer a unit by going elsewhere. */
        for (int i = 0; i < r->history_count && leg->vsub == sub && sub->now == r; i++)
            send_unit(sub, r->history[i]);
        mcu_count(MCU_CNT_KEYFRAMES_MERGED);
        drop_rendition(r);
    } else {
        r->keyframe_wanted = true;
    }
}

int mcu_vsub_join(struct mcu_ladder *l, struct mcu_conf_leg *leg)
{
    const struct mcu_video_want *want = &leg->join.video;
    struct rung *g = want->codec != MCU_CODEC_NONE ? choose_rung(l, leg) : NULL;
    if (!g)
        return 0;
    struct mcu_vsub *sub = calloc(1, sizeof(*sub));
    struct rendition *r = sub ? take_rendition(g, want->codec, false) : NULL;
    if (!r) {
        free(sub);
        return -ENOMEM;
    }
    sub->leg = leg;
    leg->vsub = sub;
    move_to(sub, r);
    return 0;
}

void mcu_vsub_leave(struct mcu_conf_leg *leg)
{
    struct mcu_vsub *sub = leg->vsub;
    if (!sub)
        return;
    leg->vsub = NULL;
    drop_rendition(sub->now);
    drop_rendition(sub->next);
    free(sub);
}

void mcu_vsub_update(struct mcu_ladder *l, struct mcu_conf_leg *leg)
{
    struct mcu_vsub *sub = leg->vsub;
    const struct mcu_video_want *want = &leg->join.video;
    struct rendition *to = sub ? sub->next ? sub->next : sub->now : NULL;
    if (to && want->codec == to->codec && choose_rung(l, leg) == to->rung)
        return;
    if (!sub || want->codec == MCU_CODEC_NONE || (to && to->codec != want->codec)) {
        mcu_vsub_leave(leg);
        if (mcu_vsub_join(l, leg) < 0)
            mcu_log(MCU_LOG_ERROR, "video-subscriber-failed", "leg=%u", leg->join.leg);
        return;
    }
    struct rendition *r = take_rendition(choose_rung(l, leg), want->codec, false);
    if (r)
        move_to(sub, r);
}

void mcu_vsub_refresh(struct mcu_conf_leg *leg)
{
    struct rendition *r = leg->vsub ? leg->vsub->next ? leg->vsub->next : leg->vsub->now : NULL;
    if (r)
        r->keyframe_wanted = true;
}

void mcu_vsub_keyframe(struct mcu_conf_leg *leg)
{
    struct mcu_vsub *sub = leg->vsub;
    struct rendition *r = sub ? sub->now ? sub->now : sub->next : NULL;
    if (!r)
        return;
    int64_t now = now_ns(r->rung->ladder);
    mcu_count(MCU_CNT_KEYFRAMES_REQUESTED);
    if (now - sub->window_start_ns > REPAIR_WINDOW_NS) {
        sub->window_start_ns = now;
        sub->asks = 0;
    }
    /* Repeats within a round trip or two are one request; who repeats all the time asks anew. */
    if (now - sub->counted_ask_ns > KEYFRAME_APART_NS / 2) {
        sub->asks++;
        sub->counted_ask_ns = now;
    }
    sub->last_ask_ns = now;
    if (!r->repair && r->subscribers > 1 && sub->asks >= REPAIR_ASKS && !sub->next) {
        struct rendition *repair = take_rendition(r->rung, r->codec, true);
        sub->repair_ns = sub->repair_ns ? 2 * sub->repair_ns : REPAIR_WINDOW_NS;
        if (sub->repair_ns > REPAIR_MAX_NS)
            sub->repair_ns = REPAIR_MAX_NS;
        if (repair)
            move_to(sub, repair);
        return;
    }
    if (r->keyframe_wanted)
        mcu_count(MCU_CNT_KEYFRAMES_MERGED);
    r->keyframe_wanted = true;
}

/* To the rung that its receiver's reports call for. */
static void fit_rung(struct mcu_vsub *sub)
{
    struct mcu_ladder *l = sub->now->rung->ladder;
    struct rung *g = choose_rung(l, sub->leg);
    struct rendition *r = g != sub->now->rung ? take_rendition(g, sub->now->codec, false) : NULL;
    if (!r)
        return;
    mcu_count(MCU_CNT_RUNGS_CHANGED);
    move_to(sub, r);
}

/* A leg goes to the rung that suits it; one that has not asked for a while goes back to where the others
 * are. */
void mcu_vsub_heal(struct mcu_conf_leg *leg)
{
    struct mcu_vsub *sub = leg->vsub;
    if (sub && sub->now && !sub->next)
        fit_rung(sub);
    if (!sub || !sub->now || !sub->now->repair || sub->next)
        return;
    struct rung *g = sub->now->rung;
    if (now_ns(g->ladder) - sub->last_ask_ns < sub->repair_ns)
        return;
    struct rendition *r = take_rendition(g, sub->now->codec, false);
    sub->asks = 0;
    if (r)
        move_to(sub, r);
}

void mcu_vsub_get_info(const struct mcu_conf_leg *leg, struct mcu_conf_leg_info *info)
{
    const struct rendition *r = leg->vsub ? leg->vsub->now : NULL;
    info->video_out = leg->join.video.codec;
    if (r) {
        info->video_out_w = r->rung->spec.width;
        info->video_out_h = r->rung->spec.height;
    }
}
