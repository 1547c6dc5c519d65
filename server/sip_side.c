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
#include "server/load.h"
#include "server/sip_side_priv.h"

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
    for (int i = 0; i < MCU_ROLES; i++)
        c->fd[i][0] = c->fd[i][1] = -1;
    mcu_call_size_init(c);
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

void mcu_call_release_if_over(struct call *c)
{
    struct mcu_sip_side *side = c->side;
    struct mcu_server *s = side->server;
    if (c->sip || c->leg_alive || c->finding)
        return;
    mcu_call_size_free(c);
    mcu_call_close_sockets(c);
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
    mcu_call_free_media(c);
    mcu_srtp_wipe(c, sizeof(*c));
    free(c);
    check_shutdown(side);
}

struct call *mcu_call_find(const struct mcu_sip_side *side, uint32_t leg)
{
    for (struct call *c = side->calls; c; c = c->next)
        if (c->identity.leg == leg && c->leg)
            return c;
    return NULL;
}

void mcu_call_emit(const struct call *c, enum mcu_event_type type, const char *detail)
{
    const struct mcu_server *s = c->side->server;
    mcu_bus_emit(s->bus, mcu_loop_now(s->control), type, c->room_name, c->identity.participant,
                 c->identity.leg, "%s", detail);
}

void mcu_call_refuse(struct call *c, int status, const char *why, int retry_after_s)
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

static void leg_shown(const struct mcu_shown *shown, void *arg)
{
    mcu_call_shown(arg, shown);
}

static void leg_ended(void *arg)
{
    struct call *c = arg;
    c->leg_alive = false;
    mcu_call_release_if_over(c);
}

const struct mcu_leg_events mcu_call_leg_events = {
    .failed = leg_failed,
    .ask_keyframe = leg_asks_keyframe,
    .shown = leg_shown,
    .ended = leg_ended,
};

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
        mcu_call_refuse(c, 503, "the conference or the server is full", CALL_RETRY_AFTER_S);
    } else if (c->offer) {
        mcu_call_answer(c, c->offer, c->offer_bytes);
    } else {
        mcu_call_make_offer(c);
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
    char name[2 * MCU_NAME_MAX], quoted[2 * MCU_ROOM_MAX];
    struct call *c = mcu_call_new(side);
    if (!c) {
        mcu_sip_refuse(sip, 500, "out of memory", 0);
        return;
    }
    c->sip = sip;
    mcu_sip_call_set_arg(sip, c);
    set_name(c, in);
    snprintf(c->local_address, sizeof(c->local_address), "%s", in->local_address);
    if (mcu_addr_parse(&c->signalling, in->source_address, 0) < 0)
        memset(&c->signalling, 0, sizeof(c->signalling));
    c->authenticated = in->user[0] != '\0';
    mcu_call_note_replaces(c, in->replaces);
    if (!c->replaces && mcu_room_name_parse(c->room_name, in->room, strlen(in->room)) < 0) {
        mcu_call_refuse(c, 404, "the address has no legal room name before the @", 0);
        return;
    }
    if (mcu_server_legs(s) > s->config.max_legs) {
        mcu_count(MCU_CNT_ADMISSION_REFUSED);
        mcu_call_refuse(c, 503, "no more callers are possible now", CALL_RETRY_AFTER_S);
        return;
    }
    if (!c->replaces && !mcu_load_admits(s->load, mcu_server_legs(s) - 1)) {
        mcu_count(MCU_CNT_ADMISSION_REFUSED);
        mcu_call_refuse(c, 503, "the server has no time for another caller now", CALL_RETRY_AFTER_S);
        return;
    }
    if (in->sdp) {
        c->offer = malloc(in->sdp_bytes + 1);
        if (!c->offer) {
            mcu_call_refuse(c, 500, "out of memory", 0);
            return;
        }
        memcpy(c->offer, in->sdp, in->sdp_bytes);
        c->offer_bytes = in->sdp_bytes;
    }
    mcu_log(MCU_LOG_INFO, "call", "leg=%u conference=%s name=%s transport=%s source=%s",
            c->identity.leg, mcu_log_quote(quoted, sizeof(quoted), c->room_name),
            mcu_log_quote(name, sizeof(name), c->identity.name), in->transport, in->source_address);
    mcu_sip_ring(sip);
    c->finding = true;
    mcu_directory_find(s->directory, c->room_name, mcu_call_found, c);
}

static void on_reinvite(struct mcu_sip_call *sip, const char *sdp, size_t size, void *arg)
{
    struct call *c = mcu_sip_call_arg(sip);
    if (!c || c->over)
        return;
    if (sdp)
        mcu_call_answer(c, sdp, size);
    else
        mcu_call_make_offer(c);
}

static void on_ack(struct mcu_sip_call *sip, const char *sdp, size_t size, void *arg)
{
    struct call *c = mcu_sip_call_arg(sip);
    if (!c || c->over)
        return;
    if (c->offered)
        mcu_call_take_answer(c, sdp, size);
    else if (c->leg)
        mcu_leg_confirm(c->leg);
}

static void on_answered(struct mcu_sip_call *sip, const char *sdp, size_t size, void *arg)
{
    struct call *c = mcu_sip_call_arg(sip);
    on_ack(sip, sdp, size, arg);
    if (c && !c->over)
        mcu_call_tell_referrer(c, 200, "OK");
}

static void on_offer_due(struct mcu_sip_call *sip, void *arg)
{
    struct call *c = mcu_sip_call_arg(sip);
    if (c && !c->over)
        mcu_call_offer_due(c);
}

static void on_offer_done(struct mcu_sip_call *sip, int status, const char *sdp, size_t size,
                          void *arg)
{
    struct call *c = mcu_sip_call_arg(sip);
    if (c && !c->over)
        mcu_call_offer_done(c, status, sdp, size);
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
    .answered = on_answered,
    .offer_due = on_offer_due,
    .offer_done = on_offer_done,
    .refer = mcu_call_on_refer,
    .referred = mcu_call_on_referred,
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
        .max_connections_per_source = k->max_connections_per_source,
        .silent_connection_s = k->silent_connection_s,
        .idle_connection_s = k->idle_connection_s,
        .realm = k->sip_realm,
        .auth = k->sip_auth,
        .accounts = k->sip_accounts,
        .account_count = k->sip_account_count,
        .digest_count = k->sip_digest_count,
        .providers = k->sip_providers,
        .provider_count = k->sip_provider_count,
        .registrar = k->sip_registrar,
        .refer = k->sip_refer != MCU_REFER_OFF,
        .session_expires_s = k->sip_session_expires_s,
        .min_se_s = k->sip_min_se_s,
        .t1_ms = k->sip_t1_ms,
    };
    memcpy(config.digests, k->sip_digests, sizeof(config.digests));
    int rc = mcu_sip_new(&side->sip, server->control, &config, &sip_events, side);
    if (rc < 0)
        free(side);
    else
        *out = side;
    return rc;
}

int mcu_sip_side_providers(const struct mcu_sip_side *side,
                           struct mcu_sip_provider_status out[MCU_SIP_MAX_PROVIDERS])
{
    return mcu_sip_provider_list(side->sip, out);
}

void mcu_sip_side_reload(struct mcu_sip_side *side)
{
    mcu_sip_reload_tls(side->sip); /* the log says what it thinks of the files */
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
