#include "server/leg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "net/peer_clock.h"
#include "net/udp.h"
#include "server/leg_notice.h"

#define TIMEOUT_CHECK_NS MCU_NS_PER_S
#define KEYS_PER_S       20
#define INFO_APART_NS    MCU_NS_PER_S

struct leg_line {
    struct mcu_leg *leg;
    int role;
    bool used, remote_known, had_remote, rtcp_mux;
    enum mcu_sealing sealing;
    struct mcu_udp *udp[2];
    struct mcu_addr remote[2];
    struct mcu_seal *seal;
    struct mcu_line *line;
    int loss_percent;  /* as told to the conference */
    int64_t sent_ns;   /* time of the newest unit that went out */
    int64_t may_tell_ns;
    int64_t due_ns;    /* when the line wants its next poll */
    bool tell_by_info; /* the peer announced neither PLI nor FIR: ask by signalling too */
};

enum attachment { DETACHED, JOINING, ATTACHED };

struct mcu_leg {
    struct mcu_media *media;
    struct mcu_loop *control;
    const struct mcu_leg_events *events;
    void *arg;
    mcu_handle handle;
    struct mcu_leg_params params;
    struct leg_line line[MCU_ROLES];
    struct mcu_peer_clock clock;
    struct mcu_timer timer;
    int64_t started_ns, next_check_ns;
    bool failed, ending;

    enum attachment attachment;
    struct mcu_ref conference;  /* where it is or is going */
    struct mcu_ref conf_leg;    /* when ATTACHED */
    bool move_again;            /* conference changed while JOINING */
    int generation;             /* of the joining that counts */

    bool peer_there;            /* somebody answers at the address that the media go to */
    int keys_left;              /* until the next second */
};

/* ---- words to the control loop ---- */

static void fail(struct mcu_leg *leg, const char *reason)
{
    if (leg->failed || leg->ending)
        return;
    leg->failed = true;
    mcu_leg_tell(leg->control, MCU_LEG_FAILED, reason, leg->events, leg->arg);
}

/* ---- the way to the conference and back ---- */

static void conf_takes_unit(void *obj, int role, struct mcu_unit *unit)
{
    mcu_conf_unit(obj, role, unit);
}

static void conf_takes_keyframe(void *obj, int role, struct mcu_unit *unit)
{
    mcu_conf_keyframe(obj, role);
}

static void conf_takes_key(void *obj, int key, struct mcu_unit *unit)
{
    mcu_conf_key(obj, (char)key);
}

static void conf_takes_loss(void *obj, int percent, struct mcu_unit *unit)
{
    mcu_conf_loss(obj, MCU_ROLE_AUDIO, percent);
}

static void poll_line(struct leg_line *l);

/* Role and generation travel in the one number that a message has room for. */
static int line_word(int role, int generation)
{
    return generation << 8 | role;
}

static struct leg_line *line_of(struct mcu_leg *leg, int word)
{
    struct leg_line *l = &leg->line[word & 0xff];
    return l->used && word >> 8 == leg->generation ? l : NULL;
}

static void leg_sends(void *obj, int word, struct mcu_unit *unit)
{
    struct mcu_leg *leg = obj;
    struct leg_line *l = line_of(leg, word);
    if (!l || !l->remote_known)
        return;
    l->sent_ns = unit->time_ns;
    mcu_line_send(l->line, unit, mcu_loop_now(leg->media->loop));
    poll_line(l);
}

static void leg_asks_keyframe(void *obj, int word, struct mcu_unit *unit)
{
    struct mcu_leg *leg = obj;
    struct leg_line *l = line_of(leg, word);
    if (!l)
        return;
    mcu_line_ask_keyframe(l->line, mcu_loop_now(leg->media->loop));
    poll_line(l);
}

static void sink_unit(const struct mcu_sink *sink, int role, struct mcu_unit *unit)
{
    mcu_media_post(sink->ref, MCU_LEGS, leg_sends, line_word(role, sink->generation), unit);
}

static void sink_ask_keyframe(const struct mcu_sink *sink, int role)
{
    mcu_media_post(sink->ref, MCU_LEGS, leg_asks_keyframe, line_word(role, sink->generation),
                   NULL);
}

/* ---- joining: leg's loop > conference's loop > leg's loop ---- */

struct joining {
    struct mcu_leg *leg;     /* stays until the answer is back */
    struct mcu_ref conference;
    struct mcu_join join;
    mcu_handle result;
};

static void joined(void *arg);

static void join_there(void *arg)
{
    struct joining *j = arg;
    struct mcu_conf *conf =
        mcu_handle_get(&j->conference.media->conferences, j->conference.handle);
    j->result = conf ? mcu_conf_join(conf, &j->join) : 0;
    mcu_post_call(j->join.sink.ref.media->loop, joined, j);
}

static void start_joining(struct mcu_leg *leg)
{
    struct joining *j = calloc(1, sizeof(*j));
    if (!j)
        abort();
    j->leg = leg;
    j->conference = leg->conference;
    j->join = leg->params.join;
    j->join.video_after_ns = leg->line[MCU_ROLE_VIDEO].sent_ns;
    leg->generation = (leg->generation + 1) & 0xffff;
    j->join.sink = (struct mcu_sink){ .ref = { leg->media, leg->handle },
                                      .generation = leg->generation, .unit = sink_unit,
                                      .ask_keyframe = sink_ask_keyframe };
    leg->attachment = JOINING;
    leg->move_again = false;
    mcu_post_call(j->conference.media->loop, join_there, j);
}

static void finish_end(struct mcu_leg *leg);

static void leave_there(void *arg)
{
    struct mcu_ref *ref = arg;
    struct mcu_conf_leg *cl = mcu_handle_get(&ref->media->conf_legs, ref->handle);
    if (cl)
        mcu_conf_leave(cl);
    free(ref);
}

static void leave(struct mcu_leg *leg)
{
    if (leg->attachment != ATTACHED)
        return;
    /* A message of its own: this one must not be dropped. */
    struct mcu_ref *ref = malloc(sizeof(*ref));
    if (!ref)
        abort();
    *ref = leg->conf_leg;
    mcu_post_call(ref->media->loop, leave_there, ref);
    leg->attachment = DETACHED;
}

static void joined(void *arg)
{
    struct joining *j = arg;
    struct mcu_leg *leg = j->leg;
    leg->attachment = j->result ? ATTACHED : DETACHED;
    leg->conf_leg = (struct mcu_ref){ j->conference.media, j->result };
    leg->line[MCU_ROLE_AUDIO].loss_percent = 0; /* the conference knows nothing yet */
    if (!j->result && !leg->move_again)
        fail(leg, "the conference could not take the leg");
    free(j);
    if (leg->ending) {
        leave(leg);
        finish_end(leg);
    } else if (leg->move_again) {
        leave(leg);
        start_joining(leg);
    }
}

/* ---- lines ---- */

static bool may_send(const struct leg_line *l)
{
    return l->used && l->remote_known && l->leg->peer_there;
}

static void on_send(bool rtcp, const uint8_t *data, size_t size, void *arg)
{
    struct leg_line *l = arg;
    if (may_send(l))
        mcu_seal_out(l->seal, rtcp, data, size);
}

static void on_sealed(int component, const uint8_t *data, size_t size, void *arg)
{
    struct leg_line *l = arg;
    if (!may_send(l))
        return;
    bool aside = l->role != MCU_ROLE_AUDIO && component == 0; /* a picture's packets leave together */
    int refused = aside ? mcu_udp_queue(l->udp[0], &l->remote[0], data, size)
                        : mcu_udp_send(l->udp[component], &l->remote[component], data, size) < 0;
    mcu_count_add(MCU_CNT_RTP_SEND_FAILED, (uint64_t)refused);
}

static void on_unit(struct mcu_unit *unit, void *arg)
{
    struct leg_line *l = arg;
    if (l->leg->attachment == ATTACHED)
        mcu_media_post(l->leg->conf_leg, MCU_CONF_LEGS, conf_takes_unit, l->role, unit);
    mcu_unit_unref(&unit);
}

static void on_dtmf(char key, void *arg)
{
    struct leg_line *l = arg;
    if (l->leg->keys_left-- <= 0) { /* no finger is so fast */
        l->leg->keys_left = 0;
        mcu_count(MCU_CNT_KEYS_DROPPED);
        return;
    }
    if (l->leg->attachment == ATTACHED)
        mcu_media_post(l->leg->conf_leg, MCU_CONF_LEGS, conf_takes_key, key, NULL);
}

static void on_keyframe_wanted(void *arg)
{
    struct leg_line *l = arg;
    if (l->leg->attachment == ATTACHED)
        mcu_media_post(l->leg->conf_leg, MCU_CONF_LEGS, conf_takes_keyframe, l->role, NULL);
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

static const struct mcu_line_events line_events = {
    .send = on_send,
    .unit = on_unit,
    .dtmf = on_dtmf,
    .keyframe_wanted = on_keyframe_wanted,
    .keyframe_asked = on_keyframe_asked,
    .bye = on_bye,
};

static void start_seals(struct mcu_leg *leg)
{
    for (int i = 0; i < MCU_ROLES; i++)
        if (leg->line[i].seal)
            mcu_seal_start(leg->line[i].seal, mcu_loop_now(leg->media->loop));
}

/* The peer has shown that he wants this: his ACK came, or media from where ours is to go. Until
 * then nothing is sent, so that a forged INVITE cannot point our picture at a third party. */
static void peer_is_there(struct mcu_leg *leg)
{
    if (leg->peer_there)
        return;
    leg->peer_there = true;
    start_seals(leg);
    start_joining(leg);
}

static void on_opened(bool rtcp, const uint8_t *data, size_t size, int64_t now, void *arg)
{
    struct leg_line *l = arg;
    peer_is_there(l->leg);
    if (rtcp)
        mcu_line_rtcp(l->line, data, size, now);
    else
        mcu_line_rtp(l->line, data, size, now);
}

static const struct mcu_seal_events seal_events = {
    .datagram = on_sealed,
    .packet = on_opened,
    .ready = on_keyframe_wanted, /* the first one was lost for want of a key */
};

static void on_datagram(struct leg_line *l, bool rtcp_socket, const uint8_t *data, size_t size,
                        const struct mcu_addr *from)
{
    int64_t now = mcu_loop_now(l->leg->media->loop);
    int i = rtcp_socket && !l->rtcp_mux ? 1 : 0;
    if (!l->used || !l->remote_known || !mcu_addr_equal(from, &l->remote[i])) {
        static struct mcu_log_limit limit;
        char text[MCU_ADDR_TEXT];
        mcu_count(MCU_CNT_RTP_FOREIGN);
        mcu_log_limited(&limit, MCU_LOG_WARN, "foreign-packet", "leg=%u from=%s",
                        l->leg->params.join.leg, mcu_addr_text(from, text));
        return;
    }
    if (l->sealing == MCU_DTLS) /* he begins a handshake: his address and ports are his own */
        peer_is_there(l->leg);
    mcu_seal_in(l->seal, rtcp_socket, data, size, now);
    poll_line(l);
}

static void on_rtp_socket(const uint8_t *data, size_t size, const struct mcu_addr *from, void *arg)
{
    on_datagram(arg, false, data, size, from);
}

static void on_rtcp_socket(const uint8_t *data, size_t size, const struct mcu_addr *from, void *arg)
{
    on_datagram(arg, true, data, size, from);
}

static int open_line(struct leg_line *l, const struct mcu_leg_line *p)
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
    int rc = mcu_seal_new(&l->seal, p->config.ssrc, &seal_events, l);
    return rc < 0 ? rc : mcu_line_new(&l->line, &p->config, &l->leg->clock, &line_events, l);
}

/* Another address in a running call moves a DTLS association; a hold does not. */
static int set_seal(struct leg_line *l, const struct mcu_leg_line *p, const struct mcu_addr *before)
{
    struct mcu_seal_config config = p->seal;
    config.rtcp_mux = p->rtcp_mux;
    config.moved = before && p->remote_known && !mcu_addr_equal(before, &p->remote[0]);
    l->sealing = config.sealing;
    int rc = mcu_seal_set(l->seal, &config);
    mcu_srtp_wipe(&config, sizeof(config));
    if (rc == 0 && l->leg->peer_there)
        mcu_seal_start(l->seal, mcu_loop_now(l->leg->media->loop));
    return rc;
}

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
    rebase_sprop(p);
    if (!p->used) {
        l->used = false;
        return 0;
    }
    struct mcu_addr before = l->remote[0];
    bool known_before = l->line && l->had_remote;
    if (p->remote_known) {
        l->remote[0] = p->remote[0];
        l->remote[1] = p->remote[1];
        l->had_remote = true;
    }
    l->remote_known = p->remote_known;
    l->rtcp_mux = p->rtcp_mux;
    l->tell_by_info = p->config.kind == MCU_VIDEO && !p->config.fb_pli && !p->config.fb_fir;
    int rc = l->line ? mcu_line_reconfigure(l->line, &p->config) : open_line(l, p);
    l->used = rc == 0;
    return rc < 0 ? rc : set_seal(l, p, known_before ? &before : NULL);
}

static void set_lines(struct mcu_leg *leg)
{
    for (int i = 0; i < MCU_ROLES; i++) {
        leg->line[i].leg = leg;
        leg->line[i].role = i;
        if (set_line(&leg->line[i], &leg->params.line[i]) < 0)
            fail(leg, "a media line could not be opened");
    }
}

/* ---- time ---- */

static void report_loss(struct mcu_leg *leg)
{
    struct leg_line *l = &leg->line[MCU_ROLE_AUDIO];
    struct mcu_line_stats stats;
    if (!l->used || leg->attachment != ATTACHED)
        return;
    mcu_line_get_stats(l->line, &stats);
    int percent = (int)(stats.fraction_lost_out * 100 + 0.5);
    if (percent == l->loss_percent)
        return;
    l->loss_percent = percent;
    mcu_media_post(leg->conf_leg, MCU_CONF_LEGS, conf_takes_loss, percent, NULL);
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
        fail(leg, "no RTP or RTCP for too long");
    }
}

static void set_timer(struct mcu_leg *leg)
{
    int64_t next = leg->next_check_ns;
    for (int i = 0; i < MCU_ROLES; i++)
        if (leg->line[i].line && leg->line[i].due_ns < next)
            next = leg->line[i].due_ns;
    if (!mcu_timer_running(&leg->timer) || leg->timer.due_ns != next)
        mcu_timer_start(&leg->timer, next);
}

static void run_line(struct leg_line *l)
{
    int64_t now = mcu_loop_now(l->leg->media->loop);
    int64_t seal_due = mcu_seal_poll(l->seal, now);
    l->due_ns = mcu_line_poll(l->line, now);
    if (seal_due < l->due_ns)
        l->due_ns = seal_due;
    mcu_count_add(MCU_CNT_RTP_SEND_FAILED, (uint64_t)mcu_udp_flush(l->udp[0]));
}

/* After a packet or a unit of one line: nothing has changed for the others. */
static void poll_line(struct leg_line *l)
{
    run_line(l);
    set_timer(l->leg);
}

static void poll_lines(struct mcu_leg *leg)
{
    for (int i = 0; i < MCU_ROLES; i++)
        if (leg->line[i].line)
            run_line(&leg->line[i]);
    set_timer(leg);
}

static void on_timer(struct mcu_timer *timer)
{
    struct mcu_leg *leg = mcu_container_of(timer, struct mcu_leg, timer);
    if (mcu_loop_now(timer->loop) >= leg->next_check_ns) {
        check_timeout(leg, mcu_loop_now(timer->loop));
        report_loss(leg);
        leg->keys_left = KEYS_PER_S;
    }
    poll_lines(leg);
}

/* ---- life, on the leg's loop ---- */

static void start(void *arg)
{
    struct mcu_leg *leg = arg;
    leg->handle = mcu_handle_add(&leg->media->legs, leg);
    leg->started_ns = mcu_loop_now(leg->media->loop);
    leg->next_check_ns = leg->started_ns + TIMEOUT_CHECK_NS;
    mcu_peer_clock_init(&leg->clock);
    mcu_timer_init(&leg->timer, leg->media->loop, on_timer);
    if (!leg->handle)
        abort();
    leg->keys_left = KEYS_PER_S;
    set_lines(leg);
    poll_lines(leg);
}

static void finish_end(struct mcu_leg *leg)
{
    mcu_leg_tell(leg->control, MCU_LEG_ENDED, NULL, leg->events, leg->arg);
    mcu_srtp_wipe(&leg->params, sizeof(leg->params));
    free(leg);
}

static void end(void *arg)
{
    struct mcu_leg *leg = arg;
    int64_t now = mcu_loop_now(leg->media->loop);
    leg->ending = true;
    mcu_timer_stop(&leg->timer);
    for (int i = 0; i < MCU_ROLES; i++) {
        struct leg_line *l = &leg->line[i];
        if (l->line)
            mcu_line_bye(l->line, now);
        mcu_line_free(&l->line);
        mcu_seal_free(&l->seal);
        l->used = false;
        mcu_udp_free(&l->udp[0]);
        mcu_udp_free(&l->udp[1]);
    }
    mcu_handle_remove(&leg->media->legs, leg->handle);
    if (leg->attachment == JOINING)
        return; /* joined() finishes */
    leave(leg);
    finish_end(leg);
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
};

static struct change *new_change(struct mcu_leg *leg)
{
    struct change *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->leg = leg;
    return c;
}

struct conf_update {
    struct mcu_ref conf_leg;
    struct mcu_join join;
};

static void update_there(void *arg)
{
    struct conf_update *u = arg;
    struct mcu_conf_leg *cl = mcu_handle_get(&u->conf_leg.media->conf_legs, u->conf_leg.handle);
    if (cl)
        mcu_conf_update(cl, &u->join);
    free(u);
}

static void update(void *arg)
{
    struct change *c = arg;
    struct mcu_leg *leg = c->leg;
    leg->params = c->params;
    mcu_srtp_wipe(&c->params, sizeof(c->params));
    free(c);
    set_lines(leg);
    poll_lines(leg);
    if (leg->attachment == JOINING) {
        leg->move_again = true; /* joins anew with what it is now */
        return;
    }
    if (leg->attachment != ATTACHED)
        return;
    struct conf_update *u = calloc(1, sizeof(*u));
    if (!u)
        abort();
    u->conf_leg = leg->conf_leg;
    u->join = leg->params.join;
    mcu_post_call(u->conf_leg.media->loop, update_there, u);
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
    if (leg->attachment == JOINING) {
        leg->move_again = true;
        return;
    }
    leave(leg);
    if (leg->peer_there)
        start_joining(leg);
}

void mcu_leg_move(struct mcu_leg *leg, struct mcu_ref conference)
{
    struct change *c = new_change(leg);
    c->ref = conference;
    mcu_post_call(leg->media->loop, move, c);
}

static void confirm(void *arg)
{
    peer_is_there(arg);
}

void mcu_leg_confirm(struct mcu_leg *leg)
{
    mcu_post_call(leg->media->loop, confirm, leg);
}

static void keyframe_by_signalling(void *arg)
{
    struct mcu_leg *leg = arg;
    on_keyframe_wanted(&leg->line[MCU_ROLE_VIDEO]);
}

void mcu_leg_keyframe_wanted(struct mcu_leg *leg)
{
    mcu_post_call(leg->media->loop, keyframe_by_signalling, leg);
}

static void key_by_signalling(void *arg)
{
    struct change *c = arg;
    mcu_count(MCU_CNT_DTMF_EVENTS);
    on_dtmf((char)c->key, &c->leg->line[MCU_ROLE_AUDIO]);
    free(c);
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
