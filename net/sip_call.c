#include "net/sip_priv.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sofia-sip/msg.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/nua_tag.h>
#include <sofia-sip/sip_tag.h>

#include "mixer/base/counter.h"
#include "net/sip_text.h"

struct mcu_sip_call mcu_sip_call_gone;

static const struct {
    const char *parameter;
    bool tls;
} transports[] = {
    [SIP_UDP] = { "", false },
    [SIP_TCP] = { ";transport=tcp", false },
    [SIP_TLS] = { ";transport=tls", true },
};

/* ---- life ---- */

/* nua would offer the sips: address to everybody once TLS listens; so each dialog is told its own
 * Contact. The user part is the conference's name and isfocus says what it is (RFC 4579 3.1). */
void mcu_sip_make_contact(char *out, size_t size, const struct mcu_sip *sip, const char *user,
                          enum sip_transport transport, const char *host)
{
    char escaped[SIP_MAX_ROOM * 3];
    if (!user || !*user || mcu_sip_user_encode(escaped, sizeof(escaped), user) < 0)
        strcpy(escaped, "conference");
    snprintf(out, size, "<sip:%s@%s:%d%s>;isfocus", escaped, host ? host : sip->contact_host,
             transports[transport].tls ? sip->tls_port : sip->port,
             transports[transport].parameter);
}

struct mcu_sip_call *mcu_sip_call_new(struct mcu_sip *sip, nua_handle_t *nh, const char *user,
                                      enum sip_transport transport, const char *host)
{
    struct mcu_sip_call *call = calloc(1, sizeof(*call));
    if (!call)
        return NULL;
    call->sip = sip;
    call->nh = nh;
    mcu_sip_make_contact(call->contact, sizeof(call->contact), sip, user, transport, host);
    mcu_sip_offer_init(call);
    call->next = sip->calls;
    if (sip->calls)
        sip->calls->prev = call;
    sip->calls = call;
    sip->call_count++;
    nua_handle_bind(nh, call);
    return call;
}

void mcu_sip_call_set_id(struct mcu_sip_call *call, const sip_t *msg)
{
    if (!call->id[0] && msg && msg->sip_call_id)
        mcu_sip_text_clean(call->id, sizeof(call->id), msg->sip_call_id->i_id);
}

void mcu_sip_call_note_end(struct mcu_sip_call *call, int status, const char *reason)
{
    if (call->end_reason[0])
        return;
    call->end_status = status;
    mcu_sip_text_clean(call->end_reason, sizeof(call->end_reason), reason);
}

static void forget_update(struct mcu_sip_call *call)
{
    if (call->update)
        msg_destroy(call->update);
    call->update = NULL;
}

static void unlink_call(struct mcu_sip_call *call)
{
    struct mcu_sip *sip = call->sip;
    if (call->prev)
        call->prev->next = call->next;
    else
        sip->calls = call->next;
    if (call->next)
        call->next->prev = call->prev;
    sip->call_count--;
}

void mcu_sip_call_end(struct mcu_sip_call *call, bool linger)
{
    struct mcu_sip *sip = call->sip;
    nua_handle_bind(call->nh, linger ? &mcu_sip_call_gone : NULL);
    if (!linger)
        nua_handle_destroy(call->nh);
    unlink_call(call);
    forget_update(call);
    mcu_sip_offer_stop(call);
    mcu_sip_out_free(&call->out);
    call->pending = SIP_PENDING_NONE;
    call->hanging = true; /* whatever the owner still asks for within the callback is too late */
    call->nh = NULL;
    sip->events.ended(call, call->end_status, call->end_reason, sip->arg);
    free(call);
    mcu_sip_shutdown_step(sip);
}

void mcu_sip_call_note_allow(struct mcu_sip_call *call, const sip_t *msg)
{
    if (!msg || !msg->sip_allow)
        return;
    call->peer_updates = sip_is_allowed(msg->sip_allow, sip_method_update, "UPDATE");
    call->peer_info = sip_is_allowed(msg->sip_allow, sip_method_info, "INFO");
    call->peer_refuses_refer = !sip_is_allowed(msg->sip_allow, sip_method_refer, "REFER");
}

void mcu_sip_call_set_arg(struct mcu_sip_call *call, void *call_arg)
{
    call->arg = call_arg;
}

void *mcu_sip_call_arg(const struct mcu_sip_call *call)
{
    return call->arg;
}

const char *mcu_sip_call_id(const struct mcu_sip_call *call)
{
    return call->id;
}

/* ---- what the owner asks for ---- */

void mcu_sip_ring(struct mcu_sip_call *call)
{
    if (call->pending == SIP_PENDING_INVITE && !call->answered && !call->hanging)
        nua_respond(call->nh, SIP_180_RINGING, SIPTAG_CONTACT_STR(call->contact), TAG_END());
}

static void accept_invite(struct mcu_sip_call *call, const char *sdp)
{
    call->answered = true;
    call->awaiting_ack = true;
    mcu_sip_session_start(call);
    /* A refresh by UPDATE is refused by who does not know it, and by INVITE needs an answer of
     * ours in the ACK: the former where the peer says that it can. */
    nua_respond(call->nh, SIP_200_OK, SIPTAG_CONTACT_STR(call->contact),
                NUTAG_UPDATE_REFRESH(call->peer_updates),
                SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(sdp), TAG_END());
}

void mcu_sip_accept(struct mcu_sip_call *call, const char *sdp)
{
    enum sip_pending pending = call->pending;
    if (call->hanging)
        return;
    call->pending = SIP_PENDING_NONE;
    if (pending == SIP_PENDING_INVITE)
        accept_invite(call, sdp);
    else if (pending == SIP_PENDING_UPDATE)
        nua_respond(call->nh, SIP_200_OK, NUTAG_WITH(call->update),
                    SIPTAG_CONTACT_STR(call->contact), SIPTAG_CONTENT_TYPE_STR("application/sdp"),
                    SIPTAG_PAYLOAD_STR(sdp), TAG_END());
    else if (pending == SIP_PENDING_ACK)
        nua_ack(call->nh, SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(sdp),
                TAG_END());
    if (pending == SIP_PENDING_UPDATE)
        mcu_sip_session_start(call);
    forget_update(call);
    mcu_sip_offer_next(call);
}

static void respond_refusal(struct mcu_sip_call *call, int status, const char *warning,
                            int retry_after_s)
{
    char text[128], header[384], after[16];
    mcu_sip_quotable(text, sizeof(text), warning);
    /* The agent's name of RFC 3261 20.43: host and port would tell more than is needed. */
    snprintf(header, sizeof(header), "399 tessera \"%s\"", text);
    snprintf(after, sizeof(after), "%d", retry_after_s);
    const char *phrase = sip_status_phrase(status);
    nua_respond(call->nh, status, phrase ? phrase : "Refused",
                TAG_IF(call->update, NUTAG_WITH(call->update)),
                TAG_IF(warning, SIPTAG_WARNING_STR(header)),
                TAG_IF(retry_after_s > 0, SIPTAG_RETRY_AFTER_STR(after)), TAG_END());
}

void mcu_sip_refuse(struct mcu_sip_call *call, int status, const char *warning, int retry_after_s)
{
    assert(status >= 300 && status <= 699);
    enum sip_pending pending = call->pending;
    if (call->hanging || pending == SIP_PENDING_NONE)
        return;
    call->pending = SIP_PENDING_NONE;
    if (pending == SIP_PENDING_ACK) {
        /* Their offer is in a 2xx already: all that is left is to end the call (RFC 3261 14.1). */
        nua_ack(call->nh, TAG_END());
        mcu_sip_hangup(call, warning ? warning : "offer refused");
        return;
    }
    if (!call->answered) {
        mcu_count(MCU_CNT_SIP_REFUSED);
        call->answered = call->hanging = true;
        mcu_sip_call_note_end(call, status, warning ? warning : "refused");
    }
    respond_refusal(call, status, warning, retry_after_s);
    forget_update(call);
    mcu_sip_offer_next(call);
}

static void send_bye(struct mcu_sip_call *call)
{
    char text[128], reason[160];
    mcu_sip_quotable(text, sizeof(text), call->end_reason);
    snprintf(reason, sizeof(reason), "Q.850;cause=16;text=\"%s\"", text);
    nua_bye(call->nh, SIPTAG_REASON_STR(reason), TAG_END());
}

void mcu_sip_hangup(struct mcu_sip_call *call, const char *reason)
{
    if (call->hanging)
        return;
    call->hanging = true;
    mcu_sip_call_note_end(call, 0, reason && *reason ? reason : "hung up");
    if (call->outgoing && !call->answered)
        nua_cancel(call->nh, TAG_END());
    else if (!call->answered) {
        mcu_count(MCU_CNT_SIP_REFUSED);
        respond_refusal(call, call->sip->shutting_down ? 503 : 480, call->end_reason, 0);
    } else if (call->confirmed)
        send_bye(call);
    /* else: RFC 3261 15: no BYE before the ACK of our 200; on_ack or its time-out goes on */
}

void mcu_sip_ask_keyframe(struct mcu_sip_call *call)
{
    static const char body[] = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"
                               "<media_control><vc_primitive><to_encoder>"
                               "<picture_fast_update/>"
                               "</to_encoder></vc_primitive></media_control>\r\n";
    /* One at a time: the peer that is slow to answer has heard us. */
    if (call->hanging || !call->confirmed || !call->peer_info || call->info_pending)
        return;
    call->info_pending = true;
    nua_info(call->nh, SIPTAG_CONTENT_TYPE_STR("application/media_control+xml"),
             SIPTAG_PAYLOAD_STR(body), TAG_END());
}

/* ---- what the stack tells ---- */

static bool is_live(const struct mcu_sip_call *call)
{
    return call && call != &mcu_sip_call_gone;
}

void mcu_sip_call_on_state(const struct sip_event *e)
{
    int state = nua_callstate_init;
    tl_gets(e->tags, NUTAG_CALLSTATE_REF(state), TAG_END());
    struct mcu_sip_call *call = e->call;
    if (state == nua_callstate_terminated && !is_live(call)) {
        nua_handle_bind(e->nh, NULL);
        nua_handle_destroy(e->nh);
        return;
    }
    if (!is_live(call) || state < nua_callstate_terminating)
        return;
    /* Terminating by itself: no ACK came, or no session refresh (RFC 4028 10). The owner need not
     * wait the half minute that the BYE may take. */
    bool by_itself = state == nua_callstate_terminating && !call->hanging;
    if (state == nua_callstate_terminated || by_itself) {
        /* A BYE of the stack's own is answered, and nobody has said why: no refresh came. */
        if (strcmp(e->phrase, "to BYE") == 0)
            mcu_sip_call_note_end(call, 408, "session expired");
        mcu_sip_call_note_end(call, e->status ? e->status : 408, e->phrase);
        mcu_sip_call_end(call, state != nua_callstate_terminated);
    }
}

void mcu_sip_call_on_ack(const struct sip_event *e)
{
    struct mcu_sip_call *call = e->call;
    if (!is_live(call) || !call->awaiting_ack)
        return;
    call->awaiting_ack = false;
    bool first = !call->confirmed;
    call->confirmed = true;
    if (call->hanging) {
        if (first)
            send_bye(call);
        return;
    }
    const char *sdp = NULL;
    size_t sdp_bytes = 0;
    /* Only where the 200 held an offer can the ACK hold an answer; anything else is ignored. */
    if (call->offer_received || mcu_sip_body(e->msg, &sdp, &sdp_bytes) != 0)
        sdp = NULL, sdp_bytes = 0;
    call->sip->events.ack(call, sdp, sdp_bytes, call->sip->arg);
    mcu_sip_offer_next(call);
}

static void on_first_answer(struct mcu_sip_call *call, const struct sip_event *e)
{
    const char *sdp = NULL;
    size_t sdp_bytes = 0;
    call->answered = call->confirmed = true;
    mcu_sip_out_free(&call->out);
    mcu_sip_call_note_allow(call, e->msg);
    mcu_sip_session_note(call, e->msg, false);
    mcu_sip_session_start(call);
    nua_set_hparams(call->nh, NUTAG_UPDATE_REFRESH(call->peer_updates), TAG_END());
    nua_ack(call->nh, TAG_END());
    if (call->hanging) { /* the CANCEL came too late */
        send_bye(call);
        return;
    }
    if (mcu_sip_body(e->msg, &sdp, &sdp_bytes) != 0)
        sdp = NULL, sdp_bytes = 0;
    call->sip->events.answered(call, sdp, sdp_bytes, call->sip->arg);
    mcu_sip_offer_next(call);
}

/* A session refresh by the stack itself, as an INVITE: ours (sip_offer.c) comes before it, unless
 * it met with trouble. One without SDP comes back with the peer's offer. */
static void on_refresh_answer(struct mcu_sip_call *call, const struct sip_event *e)
{
    const char *sdp = NULL;
    size_t sdp_bytes = 0;
    if (call->outgoing || call->hanging || mcu_sip_body(e->msg, &sdp, &sdp_bytes) != 0 || !sdp) {
        nua_ack(call->nh, TAG_END());
        return;
    }
    call->pending = SIP_PENDING_ACK;
    call->sip->events.reinvite(call, sdp, sdp_bytes, call->sip->arg);
}

bool mcu_sip_is_challenge(const struct sip_event *e)
{
    return e->status == 401 || e->status == 407;
}

void mcu_sip_call_on_invite_response(const struct sip_event *e)
{
    struct mcu_sip_call *call = e->call;
    if (!is_live(call))
        return;
    mcu_sip_call_set_id(call, e->msg);
    if (call->offer.sent) {
        mcu_sip_offer_on_response(call, e);
        return;
    }
    if (e->status < 200 && !call->answered)
        mcu_sip_note_tags(call, e->msg);
    if (e->status >= 200 && e->status < 300) {
        if (call->answered)
            on_refresh_answer(call, e);
        else
            on_first_answer(call, e);
        return;
    }
    if (e->status >= 300)
        mcu_sip_true_status(call, e);
    if (e->status < 300 || call->answered)
        return;
    if (mcu_sip_is_challenge(e) && !call->hanging && mcu_sip_out_retry(call, e))
        return;
    mcu_sip_call_note_end(call, e->status, e->phrase);
    if (mcu_sip_is_challenge(e)) /* nua would wait for a password */
        mcu_sip_call_end(call, false);
}

void mcu_sip_call_on_info_response(const struct sip_event *e)
{
    struct mcu_sip_call *call = e->call;
    if (!is_live(call) || e->status < 200)
        return;
    call->info_pending = false;
    if (mcu_sip_is_challenge(e))
        nua_authenticate(e->nh, TAG_END());
    if (mcu_sip_is_challenge(e) || e->status == 405 || e->status == 415 || e->status == 469 ||
        e->status == 501)
        call->peer_info = false;
}

/* Whoever asks for a password before he lets go has been let go: nua would wait for one. */
void mcu_sip_call_on_bye_response(const struct sip_event *e)
{
    if (!mcu_sip_is_challenge(e))
        return;
    if (is_live(e->call)) {
        mcu_sip_call_end(e->call, false);
    } else if (e->call) {
        nua_handle_bind(e->nh, NULL);
        nua_handle_destroy(e->nh);
    }
}

void mcu_sip_call_on_bye(const struct sip_event *e)
{
    char text[96], reason[128];
    if (!is_live(e->call))
        return;
    const sip_reason_t *r = e->msg ? e->msg->sip_reason : NULL;
    mcu_sip_name_clean(text, sizeof(text), r ? r->re_text : NULL);
    snprintf(reason, sizeof(reason), "peer hung up%s%s", *text ? ": " : "", text);
    mcu_sip_call_note_end(e->call, 0, reason);
}

void mcu_sip_call_on_cancel(const struct sip_event *e)
{
    struct mcu_sip_call *call = e->call;
    if (!is_live(call))
        return;
    if (!call->answered)
        mcu_sip_call_note_end(call, 487, "cancelled");
    /* A cancelled re-INVITE leaves the call as it was; the stack has sent the 487. */
    if (call->pending == SIP_PENDING_INVITE)
        call->pending = SIP_PENDING_NONE;
    mcu_sip_offer_next(call);
}
