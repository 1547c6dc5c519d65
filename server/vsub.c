/* The subscribers of a ladder: which rung suits each, how he comes to another one, and what his keyframe
 * requests lead to. Keyframes are merged; a leg that keeps asking, or comes back to a rendition again and
 * again, is moved to repair renditions that such legs share. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/counter.h"
#include "server/overload.h"
#include "server/rendition_priv.h"

#define REPAIR_ASKS      4 /* keyframe requests within the window that send a leg to repair */
#define REPAIR_WINDOW_NS (10 * MCU_NS_PER_S)
#define REPAIR_MAX_NS    (160 * MCU_NS_PER_S)
#define CATCH_UP_NS      MCU_NS_PER_MS

static int64_t now_ns(const struct mcu_ladder *l)
{
    return mcu_loop_now(l->conf->media->loop);
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
void mcu_vsub_send(const struct mcu_vsub *sub, struct mcu_unit *u)
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

void mcu_vsub_arrive(struct mcu_vsub *sub)
{
    struct mcu_rendition *old = sub->now;
    sub->now = sub->next;
    sub->next = NULL;
    mcu_rendition_drop(old);
}

static bool fits(const struct mcu_config_rung *s, const struct mcu_video_want *w)
{
    int fs = ((s->width + 15) / 16) * ((s->height + 15) / 16);
    return (!w->max_bps || s->bitrate_bps <= w->max_bps) && (!w->max_fs || fs <= w->max_fs) &&
           (!w->max_mbps || fs * s->fps <= w->max_mbps) && (!w->max_fps || s->fps <= w->max_fps);
}

/* The last measure against overload: nobody gets the largest size (server/overload.h). */
static int best_now(const struct mcu_ladder *l)
{
    int level = atomic_load_explicit(&l->conf->media->overload_level, memory_order_relaxed);
    return level == MCU_OVERLOAD_LEVELS - 1 && l->rung_count > 1 ? 1 : 0;
}

/* The best rung within the leg's limits (the smallest when none is), or one below it when its receiver
 * loses too much or may take less. */
static struct mcu_rung *choose_rung(struct mcu_ladder *l, struct mcu_conf_leg *leg)
{
    int bps[MCU_CONFIG_RUNGS], best = best_now(l);
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
static void move_to(struct mcu_vsub *sub, struct mcu_rendition *r)
{
    struct mcu_conf_leg *leg = sub->leg;
    mcu_rendition_drop(sub->next);
    sub->next = NULL;
    if (r == sub->now) { /* thought better of it */
        mcu_rendition_drop(r);
        return;
    }
    sub->next = r;
    if (r->history_count && !sub->now) {
        r->subscribers++; /* stays while it sends, whatever the leg answers */
        mcu_vsub_arrive(sub);
        /* The leg may answer a unit by going elsewhere. */
        for (int i = 0; i < r->history_count && leg->vsub == sub && sub->now == r; i++)
            mcu_vsub_send(sub, r->history[i]);
        mcu_count(MCU_CNT_KEYFRAMES_MERGED);
        mcu_rendition_drop(r);
    } else {
        r->keyframe_wanted = true;
    }
}

/* Others get one more keyframe for this leg. True: so many that it is to have its own. */
static bool count_ask(struct mcu_conf_leg *leg, int64_t now)
{
    if (now - leg->keyframes.window_start_ns > REPAIR_WINDOW_NS) {
        leg->keyframes.window_start_ns = now;
        leg->keyframes.asks = 0;
    }
    /* Repeats within a round trip or two are one request; who repeats all the time asks anew. */
    if (now - leg->keyframes.counted_ns > MCU_KEYFRAME_APART_NS / 2) {
        leg->keyframes.asks++;
        leg->keyframes.counted_ns = now;
    }
    leg->keyframes.last_ns = now;
    return leg->keyframes.asks >= REPAIR_ASKS;
}

static void set_apart(struct mcu_conf_leg *leg)
{
    int64_t quiet = leg->keyframes.quiet_ns ? 2 * leg->keyframes.quiet_ns : REPAIR_WINDOW_NS;
    leg->keyframes.quiet_ns = quiet < REPAIR_MAX_NS ? quiet : REPAIR_MAX_NS;
    leg->keyframes.apart = true;
}

/* The leg comes anew to a rendition for what it said, or what was said of it. */
static void count_change(struct mcu_ladder *l, struct mcu_conf_leg *leg)
{
    if (count_ask(leg, now_ns(l)) && !leg->keyframes.apart)
        set_apart(leg);
}

int mcu_vsub_join(struct mcu_ladder *l, struct mcu_conf_leg *leg)
{
    const struct mcu_video_want *want = &leg->join.video;
    struct mcu_rung *g = want->codec != MCU_CODEC_NONE ? choose_rung(l, leg) : NULL;
    if (!g)
        return 0;
    struct mcu_vsub *sub = calloc(1, sizeof(*sub));
    struct mcu_rendition *r = sub ? mcu_rendition_take(g, want->codec, leg->keyframes.apart) : NULL;
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
    mcu_rendition_drop(sub->now);
    mcu_rendition_drop(sub->next);
    free(sub);
}

void mcu_vsub_update(struct mcu_ladder *l, struct mcu_conf_leg *leg)
{
    struct mcu_vsub *sub = leg->vsub;
    const struct mcu_video_want *want = &leg->join.video;
    struct mcu_rendition *to = sub ? sub->next ? sub->next : sub->now : NULL;
    if (to && want->codec == to->codec && choose_rung(l, leg) == to->rung)
        return;
    if (!sub || want->codec == MCU_CODEC_NONE || (to && to->codec != want->codec)) {
        mcu_vsub_leave(leg);
        if (want->codec != MCU_CODEC_NONE)
            count_change(l, leg);
        if (mcu_vsub_join(l, leg) < 0)
            mcu_log(MCU_LOG_ERROR, "video-subscriber-failed", "leg=%u", leg->join.leg);
        return;
    }
    count_change(l, leg);
    struct mcu_rendition *r = mcu_rendition_take(choose_rung(l, leg), want->codec, leg->keyframes.apart);
    if (r)
        move_to(sub, r);
}

void mcu_vsub_refresh(struct mcu_conf_leg *leg)
{
    struct mcu_rendition *r = leg->vsub ? leg->vsub->next ? leg->vsub->next : leg->vsub->now : NULL;
    if (r)
        r->keyframe_wanted = true;
}

void mcu_vsub_keyframe(struct mcu_conf_leg *leg)
{
    struct mcu_vsub *sub = leg->vsub;
    struct mcu_rendition *r = sub ? sub->now ? sub->now : sub->next : NULL;
    if (!r)
        return;
    mcu_count(MCU_CNT_KEYFRAMES_REQUESTED);
    bool often = count_ask(leg, now_ns(r->rung->ladder));
    if (!r->repair && r->subscribers > 1 && often && !sub->next) {
        struct mcu_rendition *repair = mcu_rendition_take(r->rung, r->codec, true);
        set_apart(leg);
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
    struct mcu_rung *g = choose_rung(l, sub->leg);
    struct mcu_rendition *r = g != sub->now->rung ? mcu_rendition_take(g, sub->now->codec, false) : NULL;
    if (!r)
        return;
    mcu_count(MCU_CNT_RUNGS_CHANGED);
    sub->leg->keyframes.apart = false;
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
    struct mcu_rung *g = sub->now->rung;
    if (now_ns(g->ladder) - leg->keyframes.last_ns < leg->keyframes.quiet_ns)
        return;
    struct mcu_rendition *r = mcu_rendition_take(g, sub->now->codec, false);
    leg->keyframes.asks = 0;
    leg->keyframes.apart = false;
    if (r)
        move_to(sub, r);
}

void mcu_vsub_get_info(const struct mcu_conf_leg *leg, struct mcu_conf_leg_info *info)
{
    const struct mcu_rendition *r = leg->vsub ? leg->vsub->now : NULL;
    info->video_out = leg->join.video.codec;
    if (r) {
        info->video_out_w = r->rung->spec.width;
        info->video_out_h = r->rung->spec.height;
    }
}
