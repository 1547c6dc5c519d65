/* Later offers of ours: when one may go, glare (RFC 3261 14.1), and the refresh of a session (RFC
 * 4028).
 *
 * The stack would refresh by itself, half-way: with the default Contact, and by INVITE with the
 * body of the last INVITE of ours, be it years old or refused. So ours go a little before.
 *
 * Debian's sofia-sip loses some 1.5 kB (a reference in nua_session_usage_remove) each time that a
 * peer hangs up while a re-INVITE of ours, or of its own, has no answer yet. */
#include "net/sip_priv.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include <sofia-sip/nua_tag.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/sip_util.h>

#include "mixer/base/clock.h"
#include "mixer/base/util.h"

#define HARMLESS      488 /* a status that the stack takes for a refusal and no more */
#define MAX_TRIES     10  /* of an offer that meets a 491 each time */
#define STACK_REFUSED 900 /* and above: nua could not send it now */
#define LONG_AFTER_S  10  /* RFC 3261 14.2: Retry-After of a 500 is at most that */

/* ---- when ---- */

static bool is_free(const struct mcu_sip_call *call)
{
    return call->confirmed && !call->awaiting_ack && call->pending == SIP_PENDING_NONE &&
           !call->hanging && !call->offer.sent && !mcu_timer_running(&call->offer.timer);
}

void mcu_sip_offer_next(struct mcu_sip_call *call)
{
    if (call->offer.wanted && is_free(call))
        call->sip->events.offer_due(call, call->sip->arg);
}

static void on_offer_timer(struct mcu_timer *timer)
{
    mcu_sip_offer_next(mcu_container_of(timer, struct mcu_sip_call, offer.timer));
}

void mcu_sip_reoffer(struct mcu_sip_call *call)
{
    call->offer.wanted = true;
    mcu_sip_offer_next(call);
}

void mcu_sip_offer(struct mcu_sip_call *call, const char *sdp)
{
    if (!is_free(call))
        return;
    call->offer.wanted = false;
    if (!sdp)
        return;
    call->offer.sent = true;
    nua_invite(call->nh, SIPTAG_CONTACT_STR(call->contact),
               SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(sdp), TAG_END());
}

/* ---- what comes of it ---- */

/* What truly ends a call (RFC 3261 14.1, RFC 5057 5.1: 481, 408, and those that say that the way to
 * the peer is lost). */
static bool ends_the_call(int status)
{
    return status == 404 || status == 408 || status == 410 || status == 481 || status == 482 ||
           status == 485 || status == 604;
}

int mcu_sip_soften(const char *call_id, int status, void *arg)
{
    const struct mcu_sip *sip = arg;
    if (ends_the_call(status) || status == 422 || status == 491)
        return status;
    for (struct mcu_sip_call *c = sip->calls; c; c = c->next)
        if (c->answered && strcmp(c->id, call_id) == 0) {
            c->refused_with = status;
            return HARMLESS;
        }
    return status;
}

int mcu_sip_true_status(struct mcu_sip_call *call, const struct sip_event *e)
{
    int status = e->status == HARMLESS && call->refused_with ? call->refused_with : e->status;
    call->refused_with = 0;
    return status;
}

/* 14.1: who made the Call-ID waits longer, so that one of the two is first. */
static int64_t glare_ns(const struct mcu_sip_call *call)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        random = 0;
    int ms = call->outgoing ? 2100 + (int)(random % 191) * 10 : (int)(random % 201) * 10;
    return ms * MCU_NS_PER_MS;
}

/* How long to wait before the same is tried again; -1: it is refused. */
static int64_t wait_ns(struct mcu_sip_call *call, const struct sip_event *e, int status)
{
    const sip_retry_after_t *after = e->msg ? e->msg->sip_retry_after : NULL;
    if (call->hanging || call->offer.tries++ >= MAX_TRIES)
        return -1;
    if (status == 491 || status >= STACK_REFUSED)
        return glare_ns(call);
    if (status == 500 && after && after->af_delta <= LONG_AFTER_S)
        return (int64_t)after->af_delta * MCU_NS_PER_S;
    return -1;
}

static void on_answer(struct mcu_sip_call *call, const struct sip_event *e)
{
    const char *sdp = NULL;
    size_t sdp_bytes = 0;
    call->offer.tries = 0;
    nua_ack(call->nh, TAG_END());
    mcu_sip_call_note_allow(call, e->msg);
    mcu_sip_session_note(call, e->msg, false);
    mcu_sip_session_start(call);
    if (call->hanging)
        return;
    if (mcu_sip_body(e->msg, &sdp, &sdp_bytes) != 0)
        sdp = NULL, sdp_bytes = 0;
    call->sip->events.offer_done(call, e->status, sdp, sdp_bytes, call->sip->arg);
}

void mcu_sip_offer_on_response(struct mcu_sip_call *call, const struct sip_event *e)
{
    if (e->status < 200)
        return;
    int status = mcu_sip_true_status(call, e);
    int64_t wait = status < 300 ? -1 : wait_ns(call, e, status);
    call->offer.sent = false;
    if (status < 300) {
        on_answer(call, e);
    } else if (wait >= 0) {
        call->offer.wanted = true;
        mcu_timer_start(&call->offer.timer, mcu_loop_now(call->sip->loop) + wait);
    } else {
        call->offer.tries = 0;
        if (!call->hanging)
            call->sip->events.offer_done(call, status, NULL, 0, call->sip->arg);
    }
    mcu_sip_offer_next(call);
}

/* ---- session timers ---- */

/* As the stack has it, which writes the headers, but does not tell. */
void mcu_sip_session_note(struct mcu_sip_call *call, const sip_t *msg, bool uas)
{
    struct sip_session *s = &call->session;
    if (!msg)
        return;
    const sip_session_expires_t *x = msg->sip_session_expires;
    const char *who = x && x->x_refresher ? x->x_refresher : "";
    bool required = sip_has_feature(msg->sip_require, "timer");
    s->peer_timer |= required || sip_has_feature(msg->sip_supported, "timer");
    unsigned long theirs = x && x->x_delta ? x->x_delta : call->sip->session_expires_s;
    unsigned long least = msg->sip_min_se ? msg->sip_min_se->min_delta : 0;
    unsigned long interval =
        theirs < call->sip->session_expires_s ? theirs : call->sip->session_expires_s;
    least = least > call->sip->min_se_s ? least : call->sip->min_se_s;
    interval = interval > least ? interval : least;
    s->interval_s = (unsigned)(interval < 7 * 86400 ? interval : 7 * 86400);
    if (!s->peer_timer)
        s->refresh = true;
    else if (strcasecmp(who, "uac") == 0)
        s->refresh = !uas;
    else if (strcasecmp(who, "uas") == 0)
        s->refresh = uas;
    else
        s->refresh = !uas || (x && required);
}

/* The stack's own refresh comes at the half, some seconds sooner or later. */
void mcu_sip_session_start(struct mcu_sip_call *call)
{
    struct sip_session *s = &call->session;
    if (s->interval_s && s->refresh && !call->hanging)
        mcu_timer_start(&s->timer, mcu_loop_now(call->sip->loop) +
                                       (int64_t)s->interval_s * MCU_NS_PER_S * 2 / 5);
    else
        mcu_timer_stop(&s->timer);
}

static void on_session_timer(struct mcu_timer *timer)
{
    struct mcu_sip_call *call = mcu_container_of(timer, struct mcu_sip_call, session.timer);
    if (call->hanging || !call->confirmed)
        return;
    if (call->peer_updates)
        nua_update(call->nh, SIPTAG_CONTACT_STR(call->contact), TAG_END());
    else
        mcu_sip_reoffer(call);
}

void mcu_sip_on_update_response(const struct sip_event *e)
{
    struct mcu_sip_call *call = e->call;
    if (!call || call == &mcu_sip_call_gone || e->status < 200)
        return;
    int status = mcu_sip_true_status(call, e);
    if (status < 300) {
        mcu_sip_session_note(call, e->msg, false);
        mcu_sip_session_start(call);
    } else if (status < STACK_REFUSED && status != 491 && !ends_the_call(status)) {
        /* He does not take them, whatever his Allow says. */
        call->peer_updates = false;
        nua_set_hparams(call->nh, NUTAG_UPDATE_REFRESH(0), TAG_END());
        mcu_sip_reoffer(call);
    }
}

/* ---- life ---- */

void mcu_sip_offer_init(struct mcu_sip_call *call)
{
    mcu_timer_init(&call->offer.timer, call->sip->loop, on_offer_timer);
    mcu_timer_init(&call->session.timer, call->sip->loop, on_session_timer);
}

void mcu_sip_offer_stop(struct mcu_sip_call *call)
{
    mcu_timer_stop(&call->offer.timer);
    mcu_timer_stop(&call->session.timer);
    call->offer.wanted = false;
}
