/* The media lines of a leg. A line of a SIP leg has sockets and a seal of its own; those of a WebRTC
 * leg share one transport (leg_bundle.c). */
#include <math.h>
#include <unistd.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "server/leg_notice.h"
#include "server/leg_priv.h"

#define INFO_APART_NS MCU_NS_PER_S
#define LAYER_NS      MCU_NS_PER_S /* for the keyframe of another layer */
#define FULL_ROWS     720 /* of a simulcast's largest layer: browsers halve twice */
#define UNSEEN_BPS    50000 /* of a picture that nobody sees: enough to come back from */

/* ---- the line's events ---- */

static bool may_send(const struct leg_line *l)
{
    return l->used && l->remote_known && l->leg->peer_there;
}

static void on_send(bool rtcp, const uint8_t *data, size_t size, void *arg)
{
    struct leg_line *l = arg;
    if (!may_send(l))
        return;
    l->leg->aside = l->role != MCU_ROLE_AUDIO && !rtcp;
    mcu_seal_out(l->seal ? l->seal : l->leg->bundle.seal, rtcp, data, size);
    l->leg->aside = false;
}

static void on_unit(struct mcu_unit *unit, void *arg)
{
    mcu_leg_to_conf_unit(arg, unit);
    mcu_unit_unref(&unit);
}

void mcu_leg_key_pressed(struct leg_line *l, char key)
{
    if (l->leg->keys_left-- <= 0) { /* no finger is so fast */
        l->leg->keys_left = 0;
        mcu_count(MCU_CNT_KEYS_DROPPED);
        return;
    }
    mcu_leg_to_conf_key(l->leg, key);
}

static void on_dtmf(char key, void *arg)
{
    mcu_leg_key_pressed(arg, key);
}

static void on_keyframe_wanted(void *arg)
{
    mcu_leg_to_conf_keyframe(arg);
}

static void on_keyframe_asked(void *arg)
{
    struct leg_line *l = arg;
    int64_t now = mcu_loop_now(l->leg->media->loop);
    if (!l->tell_by_info || now < l->may_tell_ns)
        return;
    l->may_tell_ns = now + INFO_APART_NS;
    mcu_leg_tell(l->leg->control, MCU_LEG_ASKS_KEYFRAME, NULL, l->leg->events, l->leg->arg);
}

static void on_bye(void *arg)
{
    /* The end of a source is no end of a call; signalling decides that. */
}

static void on_looped(void *arg)
{
    struct leg_line *l = arg;
    l->looped = true;
    mcu_leg_tell_loops(l->leg);
}

static const struct mcu_line_events line_events = {
    .send = on_send,
    .unit = on_unit,
    .dtmf = on_dtmf,
    .keyframe_wanted = on_keyframe_wanted,
    .keyframe_asked = on_keyframe_asked,
    .bye = on_bye,
    .looped = on_looped,
};

void mcu_leg_packet(struct leg_line *l, bool rtcp, const uint8_t *data, size_t size, int64_t now)
{
    if (rtcp)
        mcu_line_rtcp(l->line, data, size, now);
    else
        mcu_line_rtp(l->line, data, size, now);
}

/* ---- sockets and seals of its own ---- */

static void on_sealed(int component, const uint8_t *data, size_t size, void *arg)
{
    struct leg_line *l = arg;
    if (!may_send(l))
        return;
    int refused = l->leg->aside && component == 0
                      ? mcu_udp_queue(l->udp[0], &l->latch.remote[0], data, size)
                      : mcu_udp_send(l->udp[component], &l->latch.remote[component], data, size) < 0;
    mcu_count_add(MCU_CNT_RTP_SEND_FAILED, (uint64_t)refused);
}

static void on_opened(bool rtcp, const uint8_t *data, size_t size, int64_t now, void *arg)
{
    struct leg_line *l = arg;
    l->opened = true;
    mcu_leg_peer_is_there(l->leg);
    mcu_leg_packet(l, rtcp, data, size, now);
}

static const struct mcu_seal_events seal_events = {
    .datagram = on_sealed,
    .packet = on_opened,
    .ready = on_keyframe_wanted, /* the first one was lost for want of a key */
};

void mcu_leg_start_seals(struct mcu_leg *leg)
{
    for (int i = 0; i < MCU_ROLES; i++)
        if (leg->line[i].seal)
            mcu_seal_start(leg->line[i].seal, mcu_loop_now(leg->media->loop));
}

static void foreign_packet(const struct leg_line *l, const struct mcu_addr *from)
{
    static struct mcu_log_limit limit;
    char text[MCU_ADDR_TEXT];
    mcu_count(MCU_CNT_RTP_FOREIGN);
    mcu_log_limited(&limit, MCU_LOG_WARN, "foreign-packet", "leg=%u from=%s",
                    l->leg->params.join.leg, mcu_addr_text(from, text));
}

static void note_latched(const struct leg_line *l, int component)
{
    static struct mcu_log_limit limit;
    char text[MCU_ADDR_TEXT];
    mcu_count(MCU_CNT_RTP_LATCHED);
    mcu_log_limited(&limit, MCU_LOG_INFO, "media-latched", "leg=%u line=%d rtcp=%d to=%s",
                    l->leg->params.join.leg, l->role, component,
                    mcu_addr_text(&l->latch.remote[component], text));
}

static void on_datagram(struct leg_line *l, bool rtcp_socket, const uint8_t *data, size_t size,
                        const struct mcu_addr *from)
{
    int64_t now = mcu_loop_now(l->leg->media->loop);
    int i = rtcp_socket && !l->rtcp_mux ? 1 : 0;
    enum mcu_latch_verdict verdict = MCU_LATCH_FOREIGN;
    if (l->used && l->remote_known)
        verdict = mcu_latch_check(&l->latch, i, data, size, from, now);
    if (verdict == MCU_LATCH_FOREIGN) {
        foreign_packet(l, from);
        return;
    }
    if (verdict == MCU_LATCH_TAKE)
        note_latched(l, i);
    /* He begins a handshake: his address and ports are his own. */
    if (l->latch.config.sealing == MCU_DTLS && verdict != MCU_LATCH_IF_AUTHENTIC)
        mcu_leg_peer_is_there(l->leg);
    l->opened = false;
    mcu_seal_in(l->seal, rtcp_socket, data, size, now);
    if (l->opened && l->latch.config.sealing != MCU_PLAIN && mcu_latch_authentic(&l->latch, i, from))
        note_latched(l, i);
    mcu_leg_poll_line(l);
}

static void on_rtp_socket(const uint8_t *data, size_t size, const struct mcu_addr *from, void *arg)
{
    on_datagram(arg, false, data, size, from);
}

static void on_rtcp_socket(const uint8_t *data, size_t size, const struct mcu_addr *from, void *arg)
{
    on_datagram(arg, true, data, size, from);
}

static int open_sockets(struct leg_line *l, const struct mcu_leg_line *p)
{
    static const mcu_udp_cb on_socket[2] = { on_rtp_socket, on_rtcp_socket };
    for (int i = 0; i < 2; i++) {
        int rc = mcu_udp_new(&l->udp[i], l->leg->media->loop, p->fd[i], on_socket[i], l);
        if (rc < 0) {
            close(p->fd[i]);
            if (i == 0)
                close(p->fd[1]);
            else
                mcu_udp_free(&l->udp[0]);
            return rc;
        }
    }
    return mcu_seal_new(&l->seal, p->config.ssrc, &seal_events, l);
}

/* Sets where the line goes. *moved: a running line has another address now; a hold is none. */
static int set_sockets(struct leg_line *l, const struct mcu_leg_line *p, bool *moved)
{
    const struct mcu_leg *leg = l->leg;
    struct mcu_latch_config latch = {
        .on = leg->params.latch, .sealing = p->seal.sealing, .signalling = leg->params.signalling,
        .remote = { p->remote[0], p->remote[1] },
    };
    *moved = l->line && l->latch.described && p->remote_known &&
             !mcu_addr_equal(&l->latch.config.remote[0], &p->remote[0]);
    if (p->remote_known)
        mcu_latch_describe(&l->latch, &latch, mcu_loop_now(leg->media->loop));
    l->remote_known = p->remote_known;
    l->rtcp_mux = p->rtcp_mux;
    return l->line ? 0 : open_sockets(l, p);
}

static int set_seal(struct leg_line *l, const struct mcu_leg_line *p, bool moved)
{
    struct mcu_seal_config config = p->seal;
    config.rtcp_mux = p->rtcp_mux;
    config.moved = moved;
    int rc = mcu_seal_set(l->seal, &config);
    mcu_srtp_wipe(&config, sizeof(config));
    if (rc == 0 && l->leg->peer_there)
        mcu_seal_start(l->seal, mcu_loop_now(l->leg->media->loop));
    return rc;
}

/* ---- lines ---- */

/* Lets the parameter sets point into this copy of the params. */
static void rebase_sprop(struct mcu_leg_line *p)
{
    for (int i = 0; i < p->config.rx_count; i++) {
        struct mcu_line_rx *rx = &p->config.rx[i];
        if (rx->sprop && p->sprop_origin)
            rx->sprop = p->sprop + (rx->sprop - p->sprop_origin);
    }
    p->sprop_origin = p->sprop;
}

static int set_line(struct leg_line *l, struct mcu_leg_line *p)
{
    bool bundled = l->leg->bundle.ice != NULL, moved = false;
    rebase_sprop(p);
    if (!p->used) {
        l->used = false;
        return bundled ? mcu_leg_set_bundle_line(l) : 0;
    }
    l->tell_by_info = p->config.kind == MCU_VIDEO && !p->config.fb_pli && !p->config.fb_fir;
    p->config.twcc = l->leg->bundle.twcc;
    int rc = bundled ? mcu_leg_set_bundle_line(l) : set_sockets(l, p, &moved);
    if (rc == 0)
        rc = l->line ? mcu_line_reconfigure(l->line, &p->config)
                     : mcu_line_new(&l->line, &p->config, &l->leg->clock, &line_events, l);
    l->used = rc == 0;
    mcu_own_ssrc(&l->own[0], p->config.ssrc);
    mcu_own_ssrc(&l->own[1], p->config.rtx_ssrc);
    mcu_own_cname(&l->leg->cname, p->config.cname);
    return rc < 0 || bundled ? rc : set_seal(l, p, moved);
}

void mcu_leg_set_lines(struct mcu_leg *leg)
{
    for (int i = 0; i < MCU_ROLES; i++) {
        leg->line[i].leg = leg;
        leg->line[i].role = i;
        if (set_line(&leg->line[i], &leg->params.line[i]) < 0)
            mcu_leg_fail(leg, "a media line could not be opened");
    }
}

void mcu_leg_free_lines(struct mcu_leg *leg)
{
    int64_t now = mcu_loop_now(leg->media->loop);
    mcu_own_forget(&leg->cname);
    for (int i = 0; i < MCU_ROLES; i++) {
        struct leg_line *l = &leg->line[i];
        if (l->line)
            mcu_line_bye(l->line, now);
        mcu_line_free(&l->line);
        mcu_seal_free(&l->seal);
        l->used = false;
        mcu_own_forget(&l->own[0]);
        mcu_own_forget(&l->own[1]);
        mcu_udp_free(&l->udp[0]);
        mcu_udp_free(&l->udp[1]);
    }
}

/* Of a simulcast the layers below the wanted one come along, each of a quarter of the pixels: by the
 * rule that gave bps (pixel rate to the power 0.75) 35 % more for the first and 13 % for the second.
 * What a layer must have to be sent at all is the same in browsers at any rate of pictures. */
static int worth(const struct mcu_shown *shown, int layers)
{
    static const double with_lower[] = { 1, 1.35, 1.48 };
    int lower = shown->height <= FULL_ROWS / 4 ? 0 : shown->height <= FULL_ROWS / 2 ? 1 : 2;
    double bps = shown->bps * with_lower[mcu_clamp(lower, 0, mcu_clamp(layers - 1, 0, 2))];
    if (shown->width == 0)
        return UNSEEN_BPS;
    return (int)(layers > 1 && shown->fps < 30 ? bps * pow(30.0 / shown->fps, 0.75) : bps);
}

static void limit_now(struct leg_line *l, int64_t now)
{
    l->limit_late_ns = 0;
    mcu_line_limit(l->line, l->limit_bps, now);
}

/* A simulcast that may send less gives up its largest layer at once, with what of it still waits to
 * be sent before the keyframe of the layer that is to take its place: it is told after the change. */
static void limit(struct leg_line *l, int bps, int layers, int64_t now)
{
    bool less = l->limit_bps > bps;
    l->limit_bps = bps;
    if (layers < 2 || !less)
        limit_now(l, now);
    else if (!l->limit_late_ns)
        l->limit_late_ns = now + LAYER_NS;
}

/* A simulcast's layer, and REMB or TMMBR; the page is told by its WebSocket besides. */
void mcu_leg_is_shown(struct leg_line *l, const struct mcu_shown *shown)
{
    struct mcu_leg *leg = l->leg;
    int64_t now = mcu_loop_now(leg->media->loop);
    int layers = leg->params.line[l->role].config.rid_count;
    mcu_line_want_rows(l->line, shown->height, now);
    limit(l, worth(shown, layers), layers, now);
    mcu_leg_tell_shown(leg->control, shown, leg->events, leg->arg);
    mcu_leg_poll_line(l);
}

/* ---- time ---- */

static void flush(struct leg_line *l)
{
    if (l->udp[0])
        mcu_count_add(MCU_CNT_RTP_SEND_FAILED, (uint64_t)mcu_udp_flush(l->udp[0]));
    else if (l->leg->bundle.ice)
        mcu_ice_flush(l->leg->bundle.ice);
}

static void run_line(struct leg_line *l)
{
    int64_t now = mcu_loop_now(l->leg->media->loop);
    int64_t seal_due = l->seal ? mcu_seal_poll(l->seal, now) : INT64_MAX;
    if (l->limit_late_ns && l->limit_late_ns <= now)
        limit_now(l, now);
    l->due_ns = mcu_line_poll(l->line, now);
    if (l->limit_late_ns && l->limit_late_ns < l->due_ns)
        l->due_ns = l->limit_late_ns;
    if (seal_due < l->due_ns)
        l->due_ns = seal_due;
    flush(l);
}

void mcu_leg_poll_line(struct leg_line *l)
{
    run_line(l);
    mcu_leg_set_timer(l->leg);
}

/* Not a whole poll: that looks at all that a line has, and each unit goes to each viewer. */
void mcu_leg_sent(struct leg_line *l, int64_t due_ns)
{
    flush(l);
    if (due_ns >= l->due_ns)
        return;
    l->due_ns = due_ns;
    mcu_leg_set_timer(l->leg);
}

static void poll_lines(struct mcu_leg *leg, int64_t due_ns)
{
    for (int i = 0; i < MCU_ROLES; i++)
        if (leg->line[i].line && leg->line[i].due_ns <= due_ns)
            run_line(&leg->line[i]);
    if (leg->bundle.due_ns <= due_ns)
        leg->bundle.due_ns = leg->bundle.ice ? mcu_leg_run_bundle(leg) : INT64_MAX;
    mcu_leg_set_timer(leg);
}

void mcu_leg_poll_lines(struct mcu_leg *leg)
{
    poll_lines(leg, INT64_MAX);
}

void mcu_leg_poll_due_lines(struct mcu_leg *leg)
{
    poll_lines(leg, mcu_loop_now(leg->media->loop));
}
