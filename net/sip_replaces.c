/* An INVITE that is to take the place of another call (Replaces, RFC 3891). */
#include "net/sip_priv.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Of a call of ours that rings the stack knows no dialog yet. RFC 3891 3: to-tag is ours. */
static struct mcu_sip_call *find_ringing(const struct mcu_sip *sip, const sip_replaces_t *r)
{
    for (struct mcu_sip_call *c = sip->calls; c; c = c->next)
        if (c->outgoing && !c->answered && c->remote_tag[0] && strcmp(c->id, r->rp_call_id) == 0 &&
            strcasecmp(c->local_tag, r->rp_to_tag) == 0 &&
            strcasecmp(c->remote_tag, r->rp_from_tag) == 0)
            return c;
    return NULL;
}

static struct mcu_sip_call *find(const struct mcu_sip *sip, const sip_replaces_t *r)
{
    nua_handle_t *nh = nua_handle_by_replaces(sip->nua, r);
    struct mcu_sip_call *call = NULL;
    for (struct mcu_sip_call *c = sip->calls; nh && c && !call; c = c->next)
        if (c->nh == nh)
            call = c;
    if (nh)
        nua_handle_unref(nh);
    return call ? call : find_ringing(sip, r);
}

/* What it cannot read the parser puts aside as an error with a name. The second of a header that may
 * stand once it links there too, as what it is: only the errors have a name. */
static bool is_malformed(const sip_t *msg)
{
    int count = 0;
    for (const msg_error_t *error = msg->sip_error; error; error = error->er_next)
        if (error->er_common->h_class == sip_error_class && error->er_name &&
            strcasecmp(error->er_name, "Replaces") == 0)
            return true;
    for (const msg_header_t *h = (const msg_header_t *)msg->sip_request; h; h = h->sh_succ)
        count += h->sh_class && h->sh_class->hc_name &&
                 strcasecmp(h->sh_class->hc_name, "Replaces") == 0;
    return count > 1;
}

int mcu_sip_find_replaced(struct mcu_sip_call **out, const struct sip_event *e, const char *user)
{
    const sip_replaces_t *r = e->msg->sip_replaces;
    *out = NULL;
    if (is_malformed(e->msg))
        return 400;
    if (!r)
        return 0;
    if (!r->rp_call_id || !r->rp_to_tag || !r->rp_from_tag)
        return 400;
    struct mcu_sip_call *call = find(e->sip, r);
    /* A call that they have begun and we have not answered is not theirs to take (RFC 3891 3). */
    if (!call || (!call->outgoing && !call->answered))
        return 481;
    if (call->hanging)
        return 603;
    if (call->answered && r->rp_early_only)
        return 486;
    if (e->sip->auth_mode != MCU_SIP_AUTH_OFF && (!user[0] || strcmp(user, call->user) != 0))
        return 403;
    *out = call;
    return 0;
}

void mcu_sip_note_tags(struct mcu_sip_call *call, const sip_t *response)
{
    if (!response || !response->sip_to || !response->sip_to->a_tag || !response->sip_from ||
        !response->sip_from->a_tag)
        return;
    snprintf(call->local_tag, sizeof(call->local_tag), "%s", response->sip_from->a_tag);
    snprintf(call->remote_tag, sizeof(call->remote_tag), "%s", response->sip_to->a_tag);
}
