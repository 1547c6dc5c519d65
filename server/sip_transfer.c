/* Calls that others have asked for: by REFER (RFC 3515), or in the place of another call (RFC
 * 3891). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mixer/base/counter.h"
#include "mixer/base/log.h"
#include "server/sip_side_priv.h"

/* ---- a call in the place of another ---- */

static struct call *find_any(const struct mcu_sip_side *side, uint32_t leg)
{
    struct call *c = side->calls;
    while (c && c->identity.leg != leg)
        c = c->next;
    return c;
}

/* The new leg is the same participant, in the same room, whatever its INVITE is addressed to. */
void mcu_call_note_replaces(struct call *c, const struct mcu_sip_call *replaced)
{
    const struct call *old = replaced ? mcu_sip_call_arg(replaced) : NULL;
    if (!old || old->over || !old->room_name[0])
        return;
    c->replaces = old->identity.leg;
    c->identity.participant = old->identity.participant;
    strcpy(c->room_name, old->room_name);
}

void mcu_call_replace(struct call *c)
{
    struct call *old = c->replaces ? find_any(c->side, c->replaces) : NULL;
    char detail[40];
    c->replaces = 0;
    if (!old || old->over)
        return;
    snprintf(detail, sizeof(detail), "by=%u", c->identity.leg);
    mcu_call_emit(old, MCU_EVENT_LEG_REPLACED, detail);
    mcu_call_hang_up(old, "replaced by another call");
}

/* ---- calls that a peer asks for ---- */

static bool may_refer(const struct call *c)
{
    enum mcu_refer allowed = c->side->server->config.sip_refer;
    return allowed == MCU_REFER_ALL || (allowed == MCU_REFER_ACCOUNTS && c->authenticated);
}

int mcu_call_on_refer(struct mcu_sip_call *sip, const char *uri, const char *replaces, void *arg)
{
    struct call *c = mcu_sip_call_arg(sip);
    char quoted[1100];
    uint32_t leg = 0;
    if (!c || c->over || !c->leg)
        return 481;
    if (!may_refer(c))
        return 403;
    int rc = mcu_call_begin(c->side, c->room_name, uri, replaces, NULL, &leg);
    mcu_log(MCU_LOG_INFO, "refer", "leg=%u target=%s replaces=%d for=%u result=%d", c->identity.leg,
            mcu_log_quote(quoted, sizeof(quoted), uri), replaces != NULL, leg, rc);
    if (rc < 0)
        return rc == -EINVAL ? 400 : 503;
    struct call *called = find_any(c->side, leg);
    if (called)
        called->referrer = c->identity.leg;
    snprintf(quoted, sizeof(quoted), "calls=%u", leg);
    mcu_call_emit(c, MCU_EVENT_REFER_RECEIVED, quoted);
    return 202;
}

void mcu_call_tell_referrer(struct call *c, int status, const char *reason)
{
    struct call *asked = c->referrer ? find_any(c->side, c->referrer) : NULL;
    c->referrer = 0;
    if (asked && asked->sip)
        mcu_sip_refer_progress(asked->sip, status, reason);
}

/* ---- calls that we ask a peer for ---- */

void mcu_call_on_referred(struct mcu_sip_call *sip, int status, bool last, void *arg)
{
    struct call *c = mcu_sip_call_arg(sip);
    char detail[40];
    if (!c || c->over)
        return;
    bool done = last && status >= 200 && status < 300;
    snprintf(detail, sizeof(detail), "status=%d", status);
    mcu_call_emit(c,
                  !last  ? MCU_EVENT_TRANSFER_PROGRESS
                  : done ? MCU_EVENT_TRANSFER_DONE
                         : MCU_EVENT_TRANSFER_FAILED,
                  detail);
    if (done)
        mcu_call_hang_up(c, "transferred");
}
