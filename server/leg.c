#include "server/leg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "server/leg_notice.h"
#include "server/leg_priv.h"

#define TIMEOUT_CHECK_NS MCU_NS_PER_S
#define KEYS_PER_S       20

void mcu_leg_fail(struct mcu_leg *leg, const char *reason)
{
    if (leg->failed || leg->ending)
        return;
    leg->failed = true;
    mcu_leg_tell(leg->control, MCU_LEG_FAILED, reason, leg->events, leg->arg);
}

void mcu_leg_peer_is_there(struct mcu_leg *leg)
{
    if (leg->peer_there)
        return;
    leg->peer_there = true;
    mcu_leg_tell_there(leg->control, leg->events, leg->arg);
    mcu_leg_start_seals(leg);
    mcu_leg_start_joining(leg);
}

/* ---- time ---- */

static void report_loss(struct mcu_leg *leg, int role)
{
    struct leg_line *l = &leg->line[role];
    struct mcu_line_stats stats;
    if (!l->used || leg->attachment != LEG_ATTACHED)
        return;
    mcu_line_get_stats(l->line, &stats);
    double lost = role == MCU_ROLE_VIDEO ? stats.certain_loss_out : stats.fraction_lost_out;
    int percent = (int)(lost * 100 + 0.5);
    int kbps = (int)((stats.limit_in_bps + 999) / 1000);
    if (percent != l->loss_percent)
        mcu_leg_to_conf_loss(leg, role, percent);
    if (kbps != l->limit_kbps && role == MCU_ROLE_VIDEO)
        mcu_leg_to_conf_limit(leg, kbps);
    l->loss_percent = percent;
    l->limit_kbps = kbps;
}

static void check_timeout(struct mcu_leg *leg, int64_t now)
{
    int64_t last = leg->started_ns;
    bool receives = false;
    leg->next_check_ns = now + TIMEOUT_CHECK_NS;
    for (int i = 0; i < MCU_ROLES; i++) {
        struct leg_line *l = &leg->line[i];
        if (!l->used)
            continue;
        struct mcu_line_stats stats;
        mcu_line_get_stats(l->line, &stats);
        if (stats.last_packet_ns > last)
            last = stats.last_packet_ns;
        receives |= leg->params.line[i].config.receive && l->remote_known;
    }
    if (!receives || !leg->params.timeout_s) {
        leg->started_ns = now; /* on hold: the time begins when it is resumed */
        return;
    }
    if (now - last > leg->params.timeout_s * MCU_NS_PER_S) {
        mcu_count(MCU_CNT_LEGS_TIMED_OUT);
        mcu_leg_fail(leg, "no RTP or RTCP for too long");
    }
}

void mcu_leg_set_timer(struct mcu_leg *leg)
{
    int64_t next = leg->next_check_ns;
    for (int i = 0; i < MCU_ROLES; i++)
        if (leg->line[i].line && leg->line[i].due_ns < next)
            next = leg->line[i].due_ns;
    if (leg->bundle.due_ns < next)
        next = leg->bundle.due_ns;
    if (!mcu_timer_running(&leg->timer) || leg->timer.due_ns != next)
        mcu_timer_start(&leg->timer, next);
}

static void on_timer(struct mcu_timer *timer)
{
    struct mcu_leg *leg = mcu_container_of(timer, struct mcu_leg, timer);
    if (mcu_loop_now(timer->loop) >= leg->next_check_ns) {
        check_timeout(leg, mcu_loop_now(timer->loop));
        mcu_leg_check_bundle(leg);
        report_loss(leg, MCU_ROLE_AUDIO);
        report_loss(leg, MCU_ROLE_VIDEO);
        leg->keys_left = KEYS_PER_S;
    }
    mcu_leg_poll_lines(leg);
}

/* ---- life, on the leg's loop ---- */

static void start(void *arg)
{
    struct mcu_leg *leg = arg;
    leg->handle = mcu_handle_add(&leg->media->legs, leg);
    leg->started_ns = mcu_loop_now(leg->media->loop);
    leg->next_check_ns = leg->started_ns + TIMEOUT_CHECK_NS;
    leg->bundle.due_ns = INT64_MAX;
    mcu_peer_clock_init(&leg->clock);
    mcu_timer_init(&leg->timer, leg->media->loop, on_timer);
    if (!leg->handle)
        abort();
    leg->keys_left = KEYS_PER_S;
    if (!leg->params.ice)
        mcu_leg_set_lines(leg);
    else if (mcu_leg_open_bundle(leg) < 0)
        mcu_leg_fail(leg, "its transport could not be opened");
    mcu_leg_poll_lines(leg);
}

void mcu_leg_finish_end(struct mcu_leg *leg)
{
    mcu_leg_tell(leg->control, MCU_LEG_ENDED, NULL, leg->events, leg->arg);
    mcu_srtp_wipe(&leg->params, sizeof(leg->params));
    free(leg);
}

static void end(void *arg)
{
    struct mcu_leg *leg = arg;
    leg->ending = true;
    mcu_timer_stop(&leg->timer);
    mcu_leg_free_lines(leg);
    mcu_leg_free_bundle(leg);
    mcu_handle_remove(&leg->media->legs, leg->handle);
    if (leg->attachment == LEG_JOINING)
        return; /* joined() finishes */
    mcu_leg_leave(leg);
    mcu_leg_finish_end(leg);
}

/* ---- calls of the control loop ---- */

int mcu_leg_new(struct mcu_leg **out, struct mcu_media *media, struct mcu_loop *control,
                const struct mcu_leg_params *params, struct mcu_ref conference,
                const struct mcu_leg_events *events, void *arg)
{
    struct mcu_leg *leg = calloc(1, sizeof(*leg));
    if (!leg)
        return -ENOMEM;
    leg->media = media;
    leg->control = control;
    leg->params = *params;
    leg->conference = conference;
    leg->events = events;
    leg->arg = arg;
    mcu_post_call(media->loop, start, leg);
    *out = leg;
    return 0;
}

struct change {
    struct mcu_leg *leg;
    struct mcu_leg_params params;
    struct mcu_ref ref;
    int key;
    bool hand, muted;
    enum mcu_layout_wish wish;
};

static struct change *new_change(struct mcu_leg *leg)
{
    struct change *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->leg = leg;
    return c;
}

static void update(void *arg)
{
    struct change *c = arg;
    struct mcu_leg *leg = c->leg;
    c->params.ice = leg->params.ice;
    c->params.join.hand = leg->params.join.hand;
    c->params.join.muted = leg->params.join.muted;
    c->params.join.layout = leg->params.join.layout;
    leg->params = c->params;
    mcu_srtp_wipe(&c->params, sizeof(c->params));
    free(c);
    mcu_leg_set_lines(leg);
    mcu_leg_poll_lines(leg);
    mcu_leg_rejoin(leg);
}

void mcu_leg_update(struct mcu_leg *leg, const struct mcu_leg_params *params)
{
    struct change *c = new_change(leg);
    c->params = *params;
    mcu_post_call(leg->media->loop, update, c);
}

static void move(void *arg)
{
    struct change *c = arg;
    struct mcu_leg *leg = c->leg;
    leg->conference = c->ref;
    free(c);
    if (leg->attachment == LEG_JOINING) {
        leg->move_again = true;
        return;
    }
    mcu_leg_leave(leg);
    if (leg->peer_there)
        mcu_leg_start_joining(leg);
}

void mcu_leg_move(struct mcu_leg *leg, struct mcu_ref conference)
{
    struct change *c = new_change(leg);
    c->ref = conference;
    mcu_post_call(leg->media->loop, move, c);
}

static void confirm(void *arg)
{
    mcu_leg_peer_is_there(arg);
}

void mcu_leg_confirm(struct mcu_leg *leg)
{
    mcu_post_call(leg->media->loop, confirm, leg);
}

static void keyframe_by_signalling(void *arg)
{
    struct mcu_leg *leg = arg;
    mcu_leg_to_conf_keyframe(&leg->line[MCU_ROLE_VIDEO]);
}

void mcu_leg_keyframe_wanted(struct mcu_leg *leg)
{
    mcu_post_call(leg->media->loop, keyframe_by_signalling, leg);
}

static void key_by_signalling(void *arg)
{
    struct change *c = arg;
    mcu_count(MCU_CNT_DTMF_EVENTS);
    mcu_leg_key_pressed(&c->leg->line[MCU_ROLE_AUDIO], (char)c->key);
    free(c);
}

static void take_signs(void *arg)
{
    struct change *c = arg;
    c->leg->params.join.hand = c->hand;
    c->leg->params.join.muted = c->muted;
    mcu_leg_to_conf_signs(c->leg);
    free(c);
}

void mcu_leg_signs(struct mcu_leg *leg, bool hand, bool muted)
{
    struct change *c = new_change(leg);
    c->hand = hand;
    c->muted = muted;
    mcu_post_call(leg->media->loop, take_signs, c);
}

static void take_wish(void *arg)
{
    struct change *c = arg;
    c->leg->params.join.layout = c->wish;
    mcu_leg_to_conf_wish(c->leg);
    free(c);
}

void mcu_leg_wish(struct mcu_leg *leg, enum mcu_layout_wish wish)
{
    struct change *c = new_change(leg);
    c->wish = wish;
    mcu_post_call(leg->media->loop, take_wish, c);
}

struct candidate {
    struct mcu_leg *leg;
    char text[]; /* "": the end of them */
};

static void add_candidate(void *arg)
{
    struct candidate *c = arg;
    mcu_leg_add_candidate(c->leg, c->text[0] ? c->text : NULL);
    free(c);
}

void mcu_leg_candidate(struct mcu_leg *leg, const char *text)
{
    size_t size = text ? strlen(text) + 1 : 1;
    struct candidate *c = calloc(1, sizeof(*c) + size);
    if (!c)
        abort();
    c->leg = leg;
    if (text)
        memcpy(c->text, text, size);
    mcu_post_call(leg->media->loop, add_candidate, c);
}

struct restart {
    struct mcu_leg *leg;
    char ufrag[MCU_ICE_UFRAG_BYTES], pwd[MCU_ICE_PWD_BYTES];
};

static void restart_ice(void *arg)
{
    struct restart *r = arg;
    mcu_leg_restart_bundle(r->leg, r->ufrag, r->pwd);
    mcu_srtp_wipe(r, sizeof(*r));
    free(r);
}

void mcu_leg_restart_ice(struct mcu_leg *leg, const char *ufrag, const char *pwd)
{
    struct restart *r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    r->leg = leg;
    snprintf(r->ufrag, sizeof(r->ufrag), "%s", ufrag);
    snprintf(r->pwd, sizeof(r->pwd), "%s", pwd);
    mcu_post_call(leg->media->loop, restart_ice, r);
}

void mcu_leg_key(struct mcu_leg *leg, char key)
{
    struct change *c = new_change(leg);
    c->key = key;
    mcu_post_call(leg->media->loop, key_by_signalling, c);
}

void mcu_leg_end(struct mcu_leg **lp)
{
    struct mcu_leg *leg = *lp;
    *lp = NULL;
    if (leg)
        mcu_post_call(leg->media->loop, end, leg);
}

int mcu_leg_list(struct mcu_media *media, struct mcu_leg_info *out, int max)
{
    size_t pos = 0;
    int n = 0;
    const struct mcu_leg *leg;
    while ((leg = mcu_handle_next(&media->legs, &pos))) {
        if (n < max) {
            out[n] = (struct mcu_leg_info){ .leg = leg->params.join.leg,
                                            .media_loop = media->index };
            for (int i = 0; i < MCU_ROLES; i++) {
                out[n].line_used[i] = leg->line[i].used;
                if (leg->line[i].line)
                    mcu_line_get_stats(leg->line[i].line, &out[n].line[i]);
            }
        }
        n++;
    }
    return n;
}
