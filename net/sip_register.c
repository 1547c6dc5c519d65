/* REGISTER (RFC 3261 10.3), for accounts that have shown their password. */
#include "net/sip_priv.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/nua_tag.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/url.h>

#include "mixer/base/clock.h"
#include "mixer/base/log.h"
#include "net/sip_strict.h"
#include "net/sip_text.h"

static void respond(const struct sip_event *e, int status, const char *contacts)
{
    char min[16];
    const char *phrase = sip_status_phrase(status);
    snprintf(min, sizeof(min), "%d", MCU_REG_MIN_S);
    nua_respond(e->nh, status, phrase ? phrase : "Refused", NUTAG_WITH(e->request),
                TAG_IF(contacts && *contacts, SIPTAG_CONTACT_STR(contacts)),
                TAG_IF(status == 423, SIPTAG_MIN_EXPIRES_STR(min)),
                TAG_IF(status == 503, SIPTAG_RETRY_AFTER_STR("5")), TAG_END());
}

/* Nobody but oneself is registered: To must name the account. */
static bool is_own(const sip_t *msg, const char *account)
{
    char user[MCU_SIP_USER_SIZE];
    const url_t *to = msg->sip_to->a_url;
    return mcu_sip_user_decode(user, sizeof(user), to->url_user) == 0 && strcmp(user, account) == 0;
}

static int wanted_s(const sip_t *msg, const sip_contact_t *contact)
{
    if (contact && contact->m_expires) {
        const char *s = contact->m_expires;
        size_t n = strspn(s, "0123456789");
        /* RFC 3261 20.10: what is no number counts as an hour. */
        return n == 0 || s[n] ? MCU_REG_MAX_S : n > 8 ? MCU_REG_MAX_S : atoi(s);
    }
    if (!msg->sip_expires)
        return MCU_REG_MAX_S;
    return (int)mcu_min(msg->sip_expires->ex_delta, (sip_time_t)MCU_REG_MAX_S);
}

static bool is_star(const sip_contact_t *contact)
{
    return strcasecmp(contact->m_url->url_host, MCU_SIP_STAR_HOST) == 0;
}

/* Fills the request; 200, or the status to refuse it with. */
static int read_request(struct mcu_reg_request *q, const sip_t *msg)
{
    if (strlen(msg->sip_call_id->i_id) >= sizeof(q->call_id))
        return 400;
    strcpy(q->call_id, msg->sip_call_id->i_id);
    q->cseq = msg->sip_cseq->cs_seq;
    if (msg->sip_contact && is_star(msg->sip_contact)) {
        q->remove_all = 1;
        return msg->sip_contact->m_next || wanted_s(msg, NULL) != 0 ? 400 : 200;
    }
    for (const sip_contact_t *c = msg->sip_contact; c; c = c->m_next) {
        if (q->contact_count == MCU_REG_MAX_CONTACTS)
            return 403;
        struct mcu_reg_contact *to = &q->contact[q->contact_count++];
        isize_t n = url_e(to->uri, sizeof(to->uri), c->m_url);
        if (is_star(c) || n >= (isize_t)sizeof(to->uri))
            return 400;
        to->expires_s = wanted_s(msg, c);
    }
    return 200;
}

static int do_register(const struct sip_event *e, const char *user, char list[MCU_REG_LIST])
{
    struct mcu_reg_request q = { .user = user };
    int64_t now_ms = mcu_loop_now(e->sip->loop) / MCU_NS_PER_MS;
    int status = is_own(e->msg, user) ? read_request(&q, e->msg) : 403;
    if (status == 200)
        status = mcu_sip_registrar_update(e->sip->registrar, &q, now_ms);
    if (status == 200)
        mcu_sip_registrar_list(e->sip->registrar, user, now_ms, list);
    return status;
}

void mcu_sip_on_register(const struct sip_event *e)
{
    static struct mcu_log_limit limit;
    char user[MCU_SIP_USER_SIZE], quoted[2 * MCU_SIP_USER_SIZE], list[MCU_REG_LIST] = "";
    struct sip_route route;
    if (e->status >= 200) {
        mcu_sip_drop_handle(e);
        return;
    }
    mcu_sip_find_source(&route, e);
    if (!e->sip->registrar || e->call) {
        respond(e, 405, NULL);
    } else if (e->sip->shutting_down || !mcu_sip_source_may(e->sip, route.source)) {
        respond(e, 503, NULL);
    } else if (mcu_sip_authorize(e, route.source, user)) {
        int status = do_register(e, user, list);
        mcu_sip_stream_keep(e);
        respond(e, status, list);
        mcu_log_limited(&limit, MCU_LOG_INFO, "sip-register", "user=%s source=%s status=%d",
                        mcu_log_quote(quoted, sizeof(quoted), user), route.source, status);
    }
    mcu_sip_drop_handle(e);
}
