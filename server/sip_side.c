/* The SIP side: calls on the control loop, each with its leg on a media loop.
 *
 *   invite > room name > directory > ports, answer > leg > 200
 *
 * A call ends when both its dialog and its leg have ended; either may be first. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mixer/base/counter.h"
#include "net/room_name.h"
#include "server/sip_side_priv.h"

#define RETRY_AFTER_S  10

/* ---- life of a call ---- */

struct call *mcu_call_new(struct mcu_sip_side *side)
{
    struct call *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->side = side;
    mcu_leg_identity_new(&c->identity);
    mcu_srtp_random(&c->session_id, sizeof(c->session_id));
    c->session_id >>= 2; /* o= wants a number that others can hold in 63 bits */
    c->session_version = 1;
    for (int i = 0; i < MCU_ROLES; i++)
        c->fd[i][0] = c->fd[i][1] = -1;
    c->prev = &side->calls;
    c->next = side->calls;
    if (c->next)
        c->next->prev = &c->next;
    side->calls = c;
    side->call_count++;
    return c;
}

static void check_shutdown(struct mcu_sip_side *side)
{
    if (!side->shutdown_done || !side->dialogs_ended || side->call_count)
        return;
    void (*done)(void *) = side->shutdown_done;
    side->shutdown_done = NULL;
    mcu_timer_stop(&side->shutdown_timer);
    done(side->shutdown_arg);
}

static void close_unused_sockets(struct call *c)
{
    for (int i = 0; i < MCU_ROLES; i++)
        for (int k = 0; k < 2; k++) {
            if (c->fd[i][k] >= 0)
                close(c->fd[i][k]);
            c->fd[i][k] = -1;
        }
}

/* It holds keys. */
static void free_nego(struct mcu_nego **np)
{
    if (*np)
        mcu_srtp_wipe(*np, sizeof(**np));
    free(*np);
    *np = NULL;
}

void mcu_call_release_if_over(struct call *c)
{
    struct mcu_sip_side *side = c->side;
    struct mcu_server *s = side->server;
    if (c->sip || c->leg_alive || c->finding)
        return;
    close_unused_sockets(c);
    for (int i = 0; i < MCU_ROLES; i++)
        if (c->port[i])
            mcu_ports_give(s->ports, c->port[i], mcu_loop_now(s->control));
    mcu_directory_release(s->directory, &c->room);
    if (c->media)
        atomic_fetch_sub(&c->media->leg_load, 1);
    *c->prev = c->next;
    if (c->next)
        c->next->prev = c->prev;
    side->call_count--;
    mcu_call_free_target(c);
    free(c->offer);
    mcu_sdp_free(&c->peer);
    free_nego(&c->nego);
    mcu_srtp_wipe(c, sizeof(*c));
    free(c);
    check_shutdown(side);
}

static void refuse(struct call *c, int status, const char *why, int retry_after_s)
{
    mcu_log(MCU_LOG_INFO, "call-refused", "leg=%u status=%d reason=\"%s\"", c->identity.leg, status, why);
    mcu_sip_refuse(c->sip, status, why, retry_after_s);
}

/* ---- the leg's words ---- */

/* The leg goes at once: a peer who ignores BYE, or died, is neither heard nor sent to meanwhile. */
void mcu_call_hang_up(struct call *c, const char *reason)
{
    c->over = true;
    mcu_leg_end(&c->leg);
    if (c->sip)
        mcu_sip_hangup(c->sip, reason); /* the call may be gone after this */
}

static void leg_failed(const char *reason, void *arg)
{
    mcu_call_hang_up(arg, reason);
}

static void leg_asks_keyframe(void *arg)
{
    struct call *c = arg;
    if (c->sip)
        mcu_sip_ask_keyframe(c->sip);
}

static void leg_ended(void *arg)
{
    struct call *c = arg;
    c->leg_alive = false;
    mcu_call_release_if_over(c);
}

static const struct mcu_leg_events leg_events = {
    .failed = leg_failed,
    .ask_keyframe = leg_asks_keyframe,
    .ended = leg_ended,
};

/* ---- what we can ---- */

static void fill_caps(const struct call *c, struct mcu_nego_caps *caps)
{
    const struct mcu_config *k = &c->side->server->config;
    mcu_leg_caps(caps, k, k->public_address[0] ? k->public_address : c->local_address);
}

static int take_port(struct call *c, int role)
{
    struct mcu_server *s = c->side->server;
    struct mcu_addr local;
    if (c->port[role])
        return 0;
    int rc = mcu_addr_parse(&local, s->config.address, 0);
    return rc < 0 ? rc
                  : mcu_ports_take(s->ports, &local, mcu_loop_now(s->control), &c->port[role],
                                   c->fd[role]);
}

/* Our key of a line lives as long as the peer's: one that he changes begins a new context on both
 * sides, whatever his idea of a rollover counter is then. */
static const struct mcu_srtp_key *take_key(struct call *c, const struct mcu_nego_line *line)
{
    int role = mcu_nego_role(line);
    const struct mcu_srtp_key *peer = &line->sdes.key;
    if (c->tx_key[role].suite != peer->suite || !mcu_srtp_key_equal(&c->rx_key[role], peer))
        mcu_srtp_key_random(&c->tx_key[role], peer->suite);
    c->rx_key[role] = *peer;
    return &c->tx_key[role];
}

static int take_ports(struct call *c, const struct mcu_nego *nego, struct mcu_nego_local *local)
{
    memset(local, 0, sizeof(*local));
    local->session_id = c->session_id;
    local->session_version = c->session_version++;
    for (int i = 0; i < nego->line_count; i++) {
        if (!nego->line[i].accepted)
            continue;
        int rc = take_port(c, mcu_nego_role(&nego->line[i]));
        if (rc < 0)
            return rc;
        local->port[i] = c->port[mcu_nego_role(&nego->line[i])];
        if (nego->line[i].sealing == MCU_SDES)
            local->key[i] = *take_key(c, &nego->line[i]);
    }
    return 0;
}

/* ---- from the outcome to the leg ---- */

static void fill_params(struct call *c, const struct mcu_nego *nego)
{
    struct mcu_leg_params *p = &c->params;
    mcu_leg_params_fill(p, nego, &c->identity, &c->side->server->config);
    for (int i = 0; i < MCU_ROLES; i++) {
        if (p->line[i].seal.sealing == MCU_SDES)
            p->line[i].seal.tx = c->tx_key[i];
        for (int k = 0; k < 2; k++) {
            p->line[i].fd[k] = p->line[i].used ? c->fd[i][k] : -1;
            if (p->line[i].used)
                c->fd[i][k] = -1; /* the leg's from now on */
        }
    }
}

/* Starts the leg, or changes it. */
static int apply(struct call *c, const struct mcu_nego *nego)
{
    struct mcu_server *s = c->side->server;
    fill_params(c, nego);
    if (c->leg) {
        mcu_leg_update(c->leg, &c->params);
        return 0;
    }
    if (!c->media) {
        c->media = mcu_directory_place_leg(s->directory);
        atomic_fetch_add(&c->media->leg_load, 1);
    }
    int rc = mcu_leg_new(&c->leg, c->media, s->control, &c->params, c->conference, &leg_events, c);
    if (rc == 0) {
        c->leg_alive = c->joined = true;
        return 0;
    }
    for (int i = 0; i < MCU_ROLES; i++)
        memcpy(c->fd[i], c->params.line[i].fd, sizeof(c->fd[i]));
    return rc;
}

/* ---- offers and answers ---- */

/* Keeps what is agreed now: the next offer of ours starts from it. Takes both. */
static void keep(struct call *c, struct mcu_sdp **peer, struct mcu_nego **nego)
{
    mcu_sdp_free(&c->peer);
    free_nego(&c->nego);
    c->peer = *peer;
    c->nego = *nego;
    *peer = NULL;
    *nego = NULL;
}

static int parse_sdp(struct call *c, const char *text, size_t len, struct mcu_sdp **out)
{
    static struct mcu_log_limit limit;
    struct mcu_sdp_error error = { 0 };
    int rc = mcu_sdp_parse(out, text, len, &error);
    if (rc == 0)
        return 0;
    char warning[160], quoted[200];
    snprintf(warning, sizeof(warning), "SDP line %d: %s", error.line, error.what);
    mcu_count(MCU_CNT_SDP_BAD);
    mcu_log_limited(&limit, MCU_LOG_WARN, "sdp-malformed", "leg=%u error=%s", c->identity.leg,
                    mcu_log_quote(quoted, sizeof(quoted), warning));
    refuse(c, rc == -ENOMEM ? 500 : 400, warning, 0);
    return rc;
}

/* What we wrote for the wire; it may hold our keys. */
static void free_sdp(char *sdp)
{
    if (sdp)
        mcu_srtp_wipe(sdp, SDP_BYTES);
    free(sdp);
}

/* Answers an offer of the peer, first or later. Refuses by itself what it cannot take. */
static void answer_offer(struct call *c, const char *text, size_t len)
{
    struct mcu_nego_caps caps;
    struct mcu_nego_local local;
    struct mcu_sdp *offer = NULL;
    char *sdp = malloc(SDP_BYTES);
    struct mcu_nego *nego = calloc(1, sizeof(*nego));
    if (!sdp || !nego) {
        refuse(c, 500, "out of memory", 0);
        goto out;
    }
    if (parse_sdp(c, text, len, &offer) < 0)
        goto out;
    fill_caps(c, &caps);
    if (mcu_nego_offer(nego, offer, &caps) < 0) {
        refuse(c, 488,
               !nego->security_missing                  ? "no common audio or video codec"
               : caps.security == MCU_SECURITY_REQUIRED ? "media must be secured, with a usable key"
                                                        : "secured media without a usable key",
               0);
        goto out;
    }
    if (c->nego)
        mcu_nego_keep_roles(nego, offer, c->nego);
    if (take_ports(c, nego, &local) < 0) {
        refuse(c, 503, "no RTP port is free", RETRY_AFTER_S);
        goto out;
    }
    int n = mcu_nego_write_answer(nego, offer, &caps, &local, sdp, SDP_BYTES);
    if (n < 0 || apply(c, nego) < 0) {
        refuse(c, 500, "the answer could not be made", 0);
        goto out;
    }
    keep(c, &offer, &nego);
    mcu_sip_accept(c->sip, sdp);
out:
    mcu_sdp_free(&offer);
    free_nego(&nego);
    free_sdp(sdp);
    mcu_srtp_wipe(&local, sizeof(local));
}

/* Ports for a first offer: one audio and one video line. */
static int first_offer(struct call *c, const struct mcu_nego_caps *caps, char *sdp)
{
    struct mcu_nego_local local = { .session_id = c->session_id,
                                    .session_version = c->session_version++ };
    int rc = take_port(c, MCU_ROLE_AUDIO);
    if (rc == 0 && caps->video_count)
        rc = take_port(c, MCU_ROLE_VIDEO);
    local.port[0] = c->port[MCU_ROLE_AUDIO];
    local.port[1] = c->port[MCU_ROLE_VIDEO];
    for (int i = 0; i < 2 && caps->security != MCU_SECURITY_OFF; i++) {
        int role = i ? MCU_ROLE_VIDEO : MCU_ROLE_AUDIO;
        mcu_srtp_key_random(&c->tx_key[role], MCU_NEGO_OFFER_SUITE);
        local.key[i] = c->tx_key[role];
    }
    return rc < 0 ? rc : mcu_nego_write_offer(caps, &local, sdp, SDP_BYTES);
}

int mcu_call_offer(struct call *c, char *sdp)
{
    struct mcu_nego_caps caps;
    fill_caps(c, &caps);
    return first_offer(c, &caps, sdp);
}

/* In a running session the lines stay what they are (RFC 3264 section 8). */
static int next_offer(struct call *c, const struct mcu_nego_caps *caps, char *sdp)
{
    struct mcu_nego_local local;
    int rc = take_ports(c, c->nego, &local);
    return rc < 0 ? rc : mcu_nego_write_reoffer(c->nego, c->peer, caps, &local, sdp, SDP_BYTES);
}

static void make_offer(struct call *c)
{
    struct mcu_nego_caps caps;
    char *sdp = malloc(SDP_BYTES);
    fill_caps(c, &caps);
    int rc = !sdp ? -ENOMEM : c->nego ? next_offer(c, &caps, sdp) : first_offer(c, &caps, sdp);
    if (rc == -EADDRINUSE) {
        refuse(c, 503, "no RTP port is free", RETRY_AFTER_S);
    } else if (rc < 0) {
        refuse(c, 500, "the offer could not be made", 0);
    } else {
        c->offered = true;
        mcu_sip_accept(c->sip, sdp);
    }
    free_sdp(sdp);
}

/* Our key stands: it was in the offer that is answered here. */
static void accept_keys(struct call *c, struct mcu_nego *nego, const struct mcu_sdp *answer,
                        bool first)
{
    for (int i = 0; i < nego->line_count; i++)
        if (nego->line[i].accepted && nego->line[i].sealing == MCU_SDES)
            c->rx_key[mcu_nego_role(&nego->line[i])] = nego->line[i].sdes.key;
    if (!first)
        mcu_nego_keep_roles(nego, answer, c->nego);
}

static void take_answer(struct call *c, const char *text, size_t len)
{
    struct mcu_nego_caps caps;
    struct mcu_sdp *answer = NULL;
    struct mcu_nego *nego = calloc(1, sizeof(*nego));
    bool first = !c->nego;
    c->offered = false;
    fill_caps(c, &caps);
    int rc = !nego ? -ENOMEM : !text ? -EBADMSG : mcu_sdp_parse(&answer, text, len, NULL);
    if (rc == 0)
        rc = first ? mcu_nego_answer(nego, answer, &caps) : mcu_nego_offer(nego, answer, &caps);
    if (rc == 0)
        accept_keys(c, nego, answer, first);
    if (rc == 0)
        rc = apply(c, nego);
    if (rc < 0) {
        mcu_count(MCU_CNT_SDP_BAD);
        mcu_call_hang_up(c, "the answer to our offer is of no use");
    } else {
        keep(c, &answer, &nego);
        mcu_leg_confirm(c->leg); /* it came in the ACK */
    }
    mcu_sdp_free(&answer);
    free_nego(&nego);
}

/* ---- the dialog's words ---- */

void mcu_call_found(int error, struct mcu_room *room, struct mcu_ref conference, void *arg)
{
    struct call *c = arg;
    c->finding = false;
    c->room = room;
    c->conference = conference;
    if (c->target && !c->over) {
        int rc = error ? error : mcu_call_dial(c);
        if (rc < 0)
            mcu_call_failed(c, 503, rc == -EINVAL ? "not a SIP address" : "a limit is reached");
        mcu_call_release_if_over(c);
    } else if (!c->sip || c->over) { /* cancelled meanwhile */
        mcu_call_release_if_over(c);
    } else if (error) {
        mcu_count(MCU_CNT_ADMISSION_REFUSED);
        refuse(c, 503, "the conference or the server is full", RETRY_AFTER_S);
    } else if (c->offer) {
        answer_offer(c, c->offer, c->offer_bytes);
    } else {
        make_offer(c);
    }
    /* c may be gone by now */
}

static void set_name(struct call *c, const struct mcu_sip_invite *in)
{
    const char *from = in->from_name;
    char user[MCU_NAME_MAX];
    if (!from[0]) {
        const char *colon = strchr(in->from_uri, ':');
        const char *start = colon ? colon + 1 : in->from_uri;
        snprintf(user, sizeof(user), "%.*s", (int)strcspn(start, "@;>"), start);
        from = user;
    }
    snprintf(c->identity.name, sizeof(c->identity.name), "%s", from);
}

static void on_invite(struct mcu_sip_call *sip, const struct mcu_sip_invite *in, void *arg)
{
    struct mcu_sip_side *side = arg;
    struct mcu_server *s = side->server;
    char room[MCU_ROOM_NAME_BYTES], name[2 * MCU_NAME_MAX], quoted[2 * MCU_ROOM_MAX];
    struct call *c = mcu_call_new(side);
    if (!c) {
        mcu_sip_refuse(sip, 500, "out of memory", 0);
        return;
    }
    c->sip = sip;
    mcu_sip_call_set_arg(sip, c);
    set_name(c, in);
    snprintf(c->local_address, sizeof(c->local_address), "%s", in->local_address);
    if (mcu_room_name_parse(room, in->room, strlen(in->room)) < 0) {
        refuse(c, 404, "the address has no legal room name before the @", 0);
        return;
    }
    if (side->call_count > s->config.max_legs) {
        mcu_count(MCU_CNT_ADMISSION_REFUSED);
        refuse(c, 503, "no more callers are possible now", RETRY_AFTER_S);
        return;
    }
    if (in->sdp) {
        c->offer = malloc(in->sdp_bytes + 1);
        if (!c->offer) {
            refuse(c, 500, "out of memory", 0);
            return;
        }
        memcpy(c->offer, in->sdp, in->sdp_bytes);
        c->offer_bytes = in->sdp_bytes;
    }
    mcu_log(MCU_LOG_INFO, "call", "leg=%u conference=%s name=%s transport=%s source=%s", c->identity.leg,
            mcu_log_quote(quoted, sizeof(quoted), room),
            mcu_log_quote(name, sizeof(name), c->identity.name), in->transport, in->source_address);
    mcu_sip_ring(sip);
    c->finding = true;
    mcu_directory_find(s->directory, room, mcu_call_found, c);
}

static void on_reinvite(struct mcu_sip_call *sip, const char *sdp, size_t size, void *arg)
{
    struct call *c = mcu_sip_call_arg(sip);
    if (!c || c->over)
        return;
    if (sdp)
        answer_offer(c, sdp, size);
    else
        make_offer(c);
}

static void on_ack(struct mcu_sip_call *sip, const char *sdp, size_t size, void *arg)
{
    struct call *c = mcu_sip_call_arg(sip);
    if (!c || c->over)
        return;
    if (c->offered)
        take_answer(c, sdp, size);
    else if (c->leg)
        mcu_leg_confirm(c->leg);
}

static void on_keyframe_wanted(struct mcu_sip_call *sip, void *arg)
{
    struct call *c = mcu_sip_call_arg(sip);
    if (c && c->leg)
        mcu_leg_keyframe_wanted(c->leg);
}

static void on_dtmf(struct mcu_sip_call *sip, char key, void *arg)
{
    struct call *c = mcu_sip_call_arg(sip);
    if (c && c->leg)
        mcu_leg_key(c->leg, key);
}

static void on_ended(struct mcu_sip_call *sip, int status, const char *reason, void *arg)
{
    struct call *c = mcu_sip_call_arg(sip);
    char quoted[160];
    if (!c)
        return;
    mcu_log(MCU_LOG_INFO, "call-ended", "leg=%u status=%d reason=%s", c->identity.leg, status,
            mcu_log_quote(quoted, sizeof(quoted), reason));
    c->sip = NULL;
    if (c->target && !c->joined)
        mcu_call_failed(c, status, reason);
    mcu_leg_end(&c->leg);
    mcu_call_release_if_over(c);
}

static const struct mcu_sip_events sip_events = {
    .invite = on_invite,
    .reinvite = on_reinvite,
    .ack = on_ack,
    .answered = on_ack,
    .keyframe_wanted = on_keyframe_wanted,
    .dtmf = on_dtmf,
    .ended = on_ended,
};

/* ---- life ---- */

int mcu_sip_side_calls(const struct mcu_sip_side *side)
{
    return side->call_count;
}

int mcu_sip_side_new(struct mcu_sip_side **out, struct mcu_server *server)
{
    const struct mcu_config *k = &server->config;
    struct mcu_sip_side *side = calloc(1, sizeof(*side));
    if (!side)
        return -ENOMEM;
    side->server = server;
    struct mcu_sip_config config = {
        .address = k->address,
        .public_address = k->public_address[0] ? k->public_address : NULL,
        .port = k->sip_port,
        .tls_port = k->tls_cert[0] ? k->sip_tls_port : 0,
        .cert_file = k->tls_cert,
        .key_file = k->tls_key,
        .user_agent = "tessera/" MCU_VERSION,
        .max_calls_per_s = k->max_calls_per_s,
        .max_calls = k->max_legs,
        .max_calls_per_source_s = k->max_calls_per_source_s,
        .max_calls_per_source = k->max_legs_per_source,
        .realm = k->sip_realm,
        .auth = k->sip_auth,
        .accounts = k->sip_accounts,
        .account_count = k->sip_account_count,
        .digest_count = k->sip_digest_count,
        .registrar = k->sip_registrar,
    };
    memcpy(config.digests, k->sip_digests, sizeof(config.digests));
    int rc = mcu_sip_new(&side->sip, server->control, &config, &sip_events, side);
    if (rc < 0)
        free(side);
    else
        *out = side;
    return rc;
}

static void dialogs_ended(void *arg)
{
    struct mcu_sip_side *side = arg;
    side->dialogs_ended = true;
    check_shutdown(side);
}

static void on_shutdown_time(struct mcu_timer *timer)
{
    struct mcu_sip_side *side = mcu_container_of(timer, struct mcu_sip_side, shutdown_timer);
    void (*done)(void *) = side->shutdown_done;
    side->shutdown_done = NULL;
    if (done)
        done(side->shutdown_arg);
}

void mcu_sip_side_shutdown(struct mcu_sip_side *side, int timeout_ms, void (*done)(void *arg),
                           void *arg)
{
    struct mcu_loop *control = side->server->control;
    side->shutdown_done = done;
    side->shutdown_arg = arg;
    mcu_timer_init(&side->shutdown_timer, control, on_shutdown_time);
    mcu_timer_start(&side->shutdown_timer, mcu_loop_now(control) + timeout_ms * INT64_C(1000000));
    mcu_sip_shutdown(side->sip, timeout_ms - 500, dialogs_ended, side);
}

void mcu_sip_side_free(struct mcu_sip_side **sp)
{
    struct mcu_sip_side *side = *sp;
    *sp = NULL;
    if (!side)
        return;
    mcu_sip_free(&side->sip);
    free(side);
}
