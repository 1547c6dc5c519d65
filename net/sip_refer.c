/* REFER within a call (RFC 3515), both ways, and the NOTIFYs that tell what came of it. */
#include "net/sip_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/nua_tag.h>
#include <sofia-sip/sip_extra.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/url.h>

#include "mixer/base/counter.h"
#include "mixer/base/log.h"
#include "net/sip_text.h"

#define MAX_REFER_TO 500

static bool is_live(const struct mcu_sip_call *call)
{
    return call && call != &mcu_sip_call_gone;
}

/* ---- theirs ---- */

static void respond(const struct sip_event *e, int status, const char *phrase)
{
    struct mcu_sip_call *call = is_live(e->call) ? e->call : NULL;
    bool quiet = call && status == 202 && !call->referral.notify;
    nua_respond(e->nh, status, phrase, NUTAG_WITH(e->request),
                TAG_IF(call && status < 300, SIPTAG_CONTACT_STR(call ? call->contact : "")),
                TAG_IF(quiet, SIPTAG_HEADER_STR("Refer-Sub: false")),
                TAG_IF(status == 503, SIPTAG_RETRY_AFTER_STR("5")), TAG_END());
}

/* The target's method must be what we do: call. What follows '?' would be headers of that INVITE: of
 * these the one of an attended transfer is taken (RFC 5589 7), and no other.
 * Never 404, 416 and their like: having sent one, the stack drops the whole dialog, and says nothing. */
static int check_target(char uri[MAX_REFER_TO], char replaces[MCU_SIP_REPLACES_BYTES], const sip_t *msg,
                        const char **why)
{
    char method[16];
    const sip_refer_to_t *to = msg->sip_refer_to;
    *why = "Bad Refer-To";
    if (!to)
        return 400;
    const url_t *url = to->r_url;
    if (url->url_type != url_sip && url->url_type != url_sips) {
        *why = "Refer-To Is No SIP Address";
        return 400;
    }
    url_t bare = *url;
    bare.url_headers = NULL;
    isize_t size = url_e(uri, MAX_REFER_TO, &bare);
    if (size <= 0 || size >= MAX_REFER_TO || mcu_sip_uri_check(uri) < 0)
        return 400;
    replaces[0] = '\0';
    if (url->url_headers &&
        mcu_sip_replaces_take(replaces, MCU_SIP_REPLACES_BYTES, url->url_headers) < 0)
        return 400;
    if (url_param(url->url_params, "method", method, sizeof(method)) &&
        strcasecmp(method, "INVITE") != 0)
        return 400;
    return 0;
}

/* Its NOTIFYs name the REFER by its number, but for the first one, as the stack has it. */
static void open_referral(struct mcu_sip_call *call, const struct sip_event *e)
{
    struct sip_referral *r = &call->referral;
    sip_event_t const *event = NULL;
    tl_gets(e->tags, NUTAG_REFER_EVENT_REF(event), TAG_END());
    const sip_refer_sub_t *sub = sip_refer_sub(e->msg);
    r->notify = !(sub && sub->rs_value && strcasecmp(sub->rs_value, "false") == 0);
    snprintf(r->event, sizeof(r->event), event && event->o_id ? "refer;id=%.20s" : "refer",
             event && event->o_id ? event->o_id : "");
}

static int take_refer(const struct sip_event *e, const char **why)
{
    char uri[MAX_REFER_TO], replaces[MCU_SIP_REPLACES_BYTES];
    struct mcu_sip_call *call = e->call;
    int status = check_target(uri, replaces, e->msg, why);
    if (status)
        return status;
    *why = NULL;
    if (!call->confirmed || call->hanging || call->referral.open)
        return 491; /* one after the other: each makes a call */
    if (!mcu_sip_admit(e->sip))
        return 503;
    open_referral(call, e);
    return e->sip->events.refer(call, uri, replaces[0] ? replaces : NULL, e->sip->arg);
}

void mcu_sip_on_refer(const struct sip_event *e)
{
    static struct mcu_log_limit limit;
    const char *why = NULL;
    if (e->status >= 200) {
        mcu_sip_drop_handle(e);
        return;
    }
    if (!is_live(e->call)) {
        /* We call on behalf of those alone who are in a call with us. */
        respond(e, e->call ? 481 : 403,
                e->call ? "Call Does Not Exist" : "REFER Within a Call Only");
        mcu_sip_drop_handle(e);
        return;
    }
    if (!mcu_sip_authorize_all(e))
        return;
    int status = take_refer(e, &why);
    if (status != 202)
        mcu_log_limited(&limit, MCU_LOG_INFO, "sip-refer-refused", "call=%s status=%d", e->call->id,
                        status);
    const char *phrase = why ? why : sip_status_phrase(status);
    respond(e, status, phrase ? phrase : "Refused");
    e->call->referral.open |= status == 202;
    if (status == 202)
        mcu_sip_refer_progress(e->call, 100, "Trying"); /* RFC 3515 2.4.4: at once */
}

void mcu_sip_refer_progress(struct mcu_sip_call *call, int status, const char *phrase)
{
    char text[96], body[128];
    struct sip_referral *r = &call->referral;
    bool last = status >= 200;
    if (!r->open || call->hanging)
        return;
    r->open = !last;
    if (!r->notify)
        return;
    mcu_sip_text_clean(text, sizeof(text), phrase);
    snprintf(body, sizeof(body), "SIP/2.0 %d %s\r\n", status, text);
    nua_notify(call->nh, SIPTAG_EVENT_STR(r->event),
               NUTAG_SUBSTATE(last ? nua_substate_terminated : nua_substate_active),
               TAG_IF(last, SIPTAG_SUBSCRIPTION_STATE_STR("terminated;reason=noresource")),
               SIPTAG_CONTACT_STR(call->contact),
               SIPTAG_CONTENT_TYPE_STR("message/sipfrag;version=2.0"), SIPTAG_PAYLOAD_STR(body),
               TAG_END());
}

void mcu_sip_on_notify_response(const struct sip_event *e)
{
    if (is_live(e->call) && mcu_sip_is_challenge(e))
        nua_authenticate(e->nh, TAG_END());
}

/* ---- ours ---- */

int mcu_sip_refer(struct mcu_sip_call *call, const char *uri)
{
    char to[MAX_REFER_TO + 16];
    if (mcu_sip_uri_check(uri) < 0 || strlen(uri) >= MAX_REFER_TO)
        return -EINVAL;
    if (!call->confirmed || call->hanging)
        return -ENOTCONN;
    if (call->peer_refuses_refer)
        return -ENOTSUP;
    if (call->refer_sent)
        return -EBUSY;
    call->refer_sent = true;
    snprintf(to, sizeof(to), "<%s>", uri);
    nua_refer(call->nh, SIPTAG_CONTACT_STR(call->contact), SIPTAG_REFER_TO_STR(to), TAG_END());
    return 0;
}

static void tell(struct mcu_sip_call *call, int status, bool last)
{
    call->refer_sent = !last;
    call->sip->events.referred(call, status, last, call->sip->arg);
}

void mcu_sip_on_refer_response(const struct sip_event *e)
{
    if (!is_live(e->call) || e->status < 200 || !e->call->refer_sent)
        return;
    if (mcu_sip_is_challenge(e)) {
        nua_authenticate(e->nh, TAG_END()); /* comes back as 904 */
        return;
    }
    const sip_refer_sub_t *sub = e->status < 300 && e->msg ? sip_refer_sub(e->msg) : NULL;
    if (e->status >= 300)
        tell(e->call, e->status == 904 ? 401 : e->status, true);
    else if (sub && sub->rs_value && strcasecmp(sub->rs_value, "false") == 0)
        tell(e->call, 202, true);
}

/* The status line of a message/sipfrag (RFC 3420); 0: there is none. */
static int frag_status(const sip_t *msg)
{
    static const char version[] = "SIP/2.0 ";
    const sip_payload_t *body = msg->sip_payload;
    size_t at = sizeof(version) - 1;
    int status = 0;
    if (!body || body->pl_len < at + 3 || memcmp(body->pl_data, version, at) != 0)
        return 0;
    for (size_t i = at; i < at + 3; i++) {
        if (body->pl_data[i] < '0' || body->pl_data[i] > '9')
            return 0;
        status = status * 10 + (body->pl_data[i] - '0');
    }
    return status >= 100 && status <= 699 ? status : 0;
}

/* The stack has answered it: 200 where it belongs to a REFER of ours, else 481. */
void mcu_sip_on_notify(const struct sip_event *e)
{
    if (!is_live(e->call)) {
        mcu_sip_drop_handle(e);
        return;
    }
    if (!e->call->refer_sent || !e->msg || e->status >= 300)
        return;
    const sip_subscription_state_t *state = e->msg->sip_subscription_state;
    bool over = state && state->ss_substate && strcasecmp(state->ss_substate, "terminated") == 0;
    int status = frag_status(e->msg);
    tell(e->call, status, over || status >= 200);
}
