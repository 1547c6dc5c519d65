/* Who is let in: allowances of sources, digests of accounts. All of it before a request makes anything
 * but the handle that nua has made for it. */
#include "net/sip_priv.h"

#include <stdio.h>
#include <string.h>

#include <sofia-sip/nua_tag.h>
#include <sofia-sip/sip_tag.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/log.h"

#define AUTH_TEXT 2048

/* ---- sources ---- */

static bool count_refused(const char *source, const char *limit)
{
    static struct mcu_log_limit limited;
    mcu_count(MCU_CNT_SIP_SOURCE_REFUSED);
    mcu_log_limited(&limited, MCU_LOG_WARN, "sip-source-limited", "source=%s limit=%s", source, limit);
    return false;
}

bool mcu_sip_source_may(struct mcu_sip *sip, const char *source)
{
    uint8_t key[MCU_SIP_SOURCE_KEY];
    mcu_sip_source_key(key, source);
    return !sip->sources || mcu_sip_sources_take(sip->sources, key, mcu_loop_now(sip->loop)) ||
           count_refused(source, "calls_per_source_s");
}

bool mcu_sip_source_may_call(struct mcu_sip *sip, const char *source,
                             uint8_t key[MCU_SIP_SOURCE_KEY])
{
    int calls = 0;
    mcu_sip_source_key(key, source);
    if (!mcu_sip_source_may(sip, source))
        return false;
    if (!sip->max_calls_per_source)
        return true;
    for (const struct mcu_sip_call *c = sip->calls; c; c = c->next)
        calls += !c->outgoing && memcmp(c->source, key, MCU_SIP_SOURCE_KEY) == 0;
    return calls < sip->max_calls_per_source || count_refused(source, "legs_per_source");
}

/* ---- digests ---- */

bool mcu_sip_auth_text(char *out, size_t size, const msg_auth_t *header)
{
    size_t n = (size_t)snprintf(out, size, "%s ", header->au_scheme ? header->au_scheme : "");
    for (const msg_param_t *p = header->au_params; p && *p && n < size; p++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", p == header->au_params ? "" : ",", *p);
    return n < size;
}

static int64_t now_ms(const struct mcu_sip *sip)
{
    return mcu_loop_now(sip->loop) / MCU_NS_PER_MS;
}

/* The best that any of the request's credentials is worth. */
static enum mcu_auth_result check(const struct sip_event *e, char user[MCU_SIP_USER_SIZE])
{
    static const int worth[] = {
        [MCU_AUTH_NONE] = 0, [MCU_AUTH_WRONG] = 1, [MCU_AUTH_STALE] = 2, [MCU_AUTH_OK] = 3
    };
    const char *method = e->msg->sip_request->rq_method_name;
    enum mcu_auth_result best = MCU_AUTH_NONE;
    char text[AUTH_TEXT];
    unsigned allowed = 0;
    int tries = 0;
    for (int i = 0; i < e->sip->digest_count; i++)
        allowed |= 1u << e->sip->digests[i];
    /* A client answers one challenge, perhaps both; whoever sends more is guessing. */
    for (const msg_auth_t *h = e->msg->sip_authorization; h && tries < 4; h = h->au_next, tries++) {
        enum mcu_auth_result one =
            mcu_sip_auth_text(text, sizeof(text), h)
                ? mcu_sip_auth_check(e->sip->auth, text, method, allowed, now_ms(e->sip), user)
                : MCU_AUTH_WRONG;
        if (worth[one] > worth[best])
            best = one;
        if (best == MCU_AUTH_OK)
            break;
    }
    return best;
}

/* One header for each algorithm, in order of preference (RFC 8760 2.4). */
static void challenge(const struct sip_event *e, bool stale)
{
    char header[MCU_DIGESTS][MCU_SIP_CHALLENGE_SIZE];
    struct mcu_sip *sip = e->sip;
    for (int i = 0; i < sip->digest_count; i++)
        if (mcu_sip_auth_challenge(header[i], sip->auth, sip->digests[i], stale, now_ms(sip),
                                   sip->nonces++) < 0) {
            nua_respond(e->nh, SIP_500_INTERNAL_SERVER_ERROR, NUTAG_WITH(e->request), TAG_END());
            return;
        }
    nua_respond(e->nh, SIP_401_UNAUTHORIZED, NUTAG_WITH(e->request),
                SIPTAG_WWW_AUTHENTICATE_STR(header[0]),
                TAG_IF(sip->digest_count > 1, SIPTAG_WWW_AUTHENTICATE_STR(header[1])), TAG_END());
}

bool mcu_sip_authorize(const struct sip_event *e, const char *source,
                       char user[MCU_SIP_USER_SIZE])
{
    static struct mcu_log_limit limit;
    char who[MCU_SIP_USER_SIZE];
    enum mcu_auth_result result = check(e, user ? user : who);
    if (result == MCU_AUTH_OK)
        return true;
    if (result == MCU_AUTH_WRONG) {
        mcu_count(MCU_CNT_SIP_AUTH_REFUSED);
        mcu_log_limited(&limit, MCU_LOG_WARN, "sip-auth-refused", "source=%s", source);
    }
    challenge(e, result == MCU_AUTH_STALE);
    return false;
}

bool mcu_sip_authorize_all(const struct sip_event *e)
{
    struct sip_route route;
    if (e->sip->auth_mode != MCU_SIP_AUTH_ALL || (e->call && e->call->outgoing))
        return true; /* whom we called has no account of ours */
    mcu_sip_find_source(&route, e);
    return mcu_sip_authorize(e, route.source, NULL);
}
