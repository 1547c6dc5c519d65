/* Registrations of ours with providers (RFC 3261 10.2): REGISTER, with a digest for our own realm,
 * again before it expires; where an address does not answer, the next one. Calls that come in over
 * one are known by a secret in the Contact that only the registrar was told: they need no password.
 *
 * nua's own registration would answer any realm, with MD5 alone, and refreshes at times of its own.
 * So each REGISTER is a request and a handle by itself; they share Call-ID and count CSeq up. */
#include "net/sip_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include <sofia-sip/nua_tag.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/url.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/log.h"
#include "net/sip_text.h"

#define ANSWER_NS     (4 * MCU_NS_PER_S) /* 4 repetitions on UDP; then the next address */
#define LAST_WORD_NS  (1 * MCU_NS_PER_S) /* at the end nobody is waited for longer */
#define SHORT_WAIT_S  5   /* after a round in which nobody answered, doubled each time */
#define LONG_WAIT_S   120 /* at most, and after a refusal */
#define SECRET_SIZE   33
#define MAX_ANSWERS   3 /* to challenges, for one REGISTER */
#define SECRET_PARAM  "tessera"

struct sip_provider {
    struct mcu_sip *sip;
    struct mcu_sip_provider config;
    enum mcu_sip_provider_state state;
    nua_handle_t *nh; /* of the REGISTER on its way; NULL: none */
    struct mcu_timer timer;
    char call_id[SECRET_SIZE], tag[17], secret[SECRET_SIZE];
    unsigned cseq;
    int at;       /* the address in use, of config.via */
    int tried;    /* in this round */
    int answers;  /* of this REGISTER to challenges */
    int expires_s; /* asked for */
    int status;   /* the last final one; 0: no answer */
    int wait_s;
    int64_t until_ns; /* registered */
    bool removing;
};

static void send_register(struct sip_provider *p, const char *www, const char *proxy);

static const char *target(const struct sip_provider *p)
{
    return p->config.via_count ? p->config.via[p->at] : p->config.domain;
}

static int64_t now_ns(const struct sip_provider *p)
{
    return mcu_loop_now(p->sip->loop);
}

static void drop_request(struct sip_provider *p)
{
    if (p->nh) {
        nua_handle_bind(p->nh, NULL);
        nua_handle_destroy(p->nh);
    }
    p->nh = NULL;
}

static void set_state(struct sip_provider *p, enum mcu_sip_provider_state state)
{
    char address[2 * MCU_SIP_PROVIDER_URI];
    static const char *const names[] = { "trying", "registered", "failed", "removed" };
    if (p->state == state)
        return;
    p->state = state;
    mcu_log(state == MCU_SIP_PROVIDER_FAILED ? MCU_LOG_WARN : MCU_LOG_INFO, "sip-provider",
            "address=%s state=%s status=%d via=%s",
            mcu_log_quote(address, sizeof(address), p->config.address), names[state], p->status,
            target(p));
}

/* ---- sending ---- */

static void make_contact(const struct sip_provider *p, char *out, size_t size)
{
    char local[64], own[SIP_CONTACT_SIZE];
    char user[MCU_SIP_PROVIDER_URI], host[66];
    mcu_sip_local_address(p->sip, target(p), local);
    snprintf(host, sizeof(host), strchr(local, ':') ? "[%s]" : "%s", local);
    snprintf(user, sizeof(user), "%.*s", (int)(strrchr(p->config.address, '@') - p->config.address - 4),
             p->config.address + 4);
    mcu_sip_make_contact(own, sizeof(own), p->sip, NULL, mcu_sip_transport_to(target(p)), host);
    /* "<sip:conference@HOST...>;isfocus" is every call's: here the user part is the provider's. */
    const char *at = strchr(own, '@'), *end = strchr(own, '>');
    snprintf(out, size, "<sip:%s%.*s;" SECRET_PARAM "=%s>", user, (int)(end - at), at, p->secret);
}

static void start_round(struct sip_provider *p)
{
    p->tried = 0;
    p->answers = 0;
    send_register(p, NULL, NULL);
}

static void send_register(struct sip_provider *p, const char *www, const char *proxy)
{
    char contact[SIP_CONTACT_SIZE + MCU_SIP_PROVIDER_URI], from[2 * MCU_SIP_PROVIDER_URI];
    char to[MCU_SIP_PROVIDER_URI + 2], expires[16], cseq[32];
    drop_request(p);
    make_contact(p, contact, sizeof(contact));
    snprintf(to, sizeof(to), "<%s>", p->config.address);
    snprintf(from, sizeof(from), "<%s>;tag=%s", p->config.address, p->tag);
    snprintf(expires, sizeof(expires), "%d", p->removing ? 0 : p->expires_s);
    snprintf(cseq, sizeof(cseq), "%u REGISTER", ++p->cseq);
    p->nh = nua_handle(p->sip->nua, NULL, NUTAG_URL(p->config.domain), SIPTAG_TO_STR(to),
                       SIPTAG_FROM_STR(from), TAG_END());
    if (p->nh)
        nua_method(p->nh, NUTAG_METHOD("REGISTER"), SIPTAG_CALL_ID_STR(p->call_id),
                   SIPTAG_CSEQ_STR(cseq), SIPTAG_CONTACT_STR(contact), SIPTAG_EXPIRES_STR(expires),
                   NTATAG_DEFAULT_PROXY(target(p)), TAG_IF(www, SIPTAG_AUTHORIZATION_STR(www)),
                   TAG_IF(proxy, SIPTAG_PROXY_AUTHORIZATION_STR(proxy)), TAG_END());
    mcu_timer_start(&p->timer, now_ns(p) + (p->removing ? LAST_WORD_NS : ANSWER_NS));
}

/* ---- what comes back ---- */

static void is_over(struct sip_provider *p)
{
    drop_request(p);
    mcu_timer_stop(&p->timer);
    set_state(p, MCU_SIP_PROVIDER_REMOVED);
    mcu_sip_shutdown_step(p->sip);
}

static void wait_for(struct sip_provider *p, int seconds)
{
    drop_request(p);
    mcu_timer_start(&p->timer, now_ns(p) + seconds * MCU_NS_PER_S);
}

/* The address in use did not answer, or cannot serve us now: the next one, or a pause. */
static void next_address(struct sip_provider *p)
{
    int count = p->config.via_count ? p->config.via_count : 1;
    if (p->removing) {
        is_over(p);
        return;
    }
    mcu_count(MCU_CNT_SIP_PROVIDER_FAILOVERS);
    p->at = (p->at + 1) % count;
    p->answers = 0;
    if (++p->tried < count) {
        send_register(p, NULL, NULL);
        return;
    }
    set_state(p, MCU_SIP_PROVIDER_FAILED);
    p->wait_s = p->wait_s ? mcu_min(2 * p->wait_s, LONG_WAIT_S) : SHORT_WAIT_S;
    wait_for(p, p->wait_s);
}

/* What we were granted: the expires of our own Contact, else the header's, else as asked. */
static int granted_s(const struct sip_provider *p, const sip_t *msg)
{
    for (const sip_contact_t *c = msg->sip_contact; c; c = c->m_next)
        if (c->m_url->url_params && strstr(c->m_url->url_params, p->secret) && c->m_expires)
            return mcu_clamp(atoi(c->m_expires), 1, 86400);
    return msg->sip_expires ? (int)mcu_min(msg->sip_expires->ex_delta, (sip_time_t)86400)
                            : p->expires_s;
}

static void on_registered(struct sip_provider *p, const sip_t *msg)
{
    if (p->removing) {
        is_over(p);
        return;
    }
    int seconds = granted_s(p, msg);
    drop_request(p);
    p->wait_s = 0;
    p->until_ns = now_ns(p) + seconds * MCU_NS_PER_S;
    set_state(p, MCU_SIP_PROVIDER_REGISTERED);
    /* Half-way: there is time to find another address before the provider forgets us. */
    mcu_timer_start(&p->timer, now_ns(p) + seconds * MCU_NS_PER_S / 2);
}

static bool answer_challenge(struct sip_provider *p, const struct sip_event *e)
{
    const struct mcu_digest_login login = { p->config.realm, p->config.user, p->config.password };
    bool proxy = e->status == 407;
    const msg_auth_t *offered = proxy ? e->msg->sip_proxy_authenticate
                                      : e->msg->sip_www_authenticate;
    char header[1600];
    if (!p->config.password[0] || p->answers >= MAX_ANSWERS ||
        !mcu_sip_answer_challenge(header, sizeof(header), &login, offered, "REGISTER",
                                  p->config.domain, p->answers == 0))
        return false;
    p->answers++;
    send_register(p, proxy ? NULL : header, proxy ? header : NULL);
    return true;
}

static void on_final(struct sip_provider *p, const struct sip_event *e)
{
    const sip_min_expires_t *min = e->msg->sip_min_expires;
    p->status = e->status;
    if (e->status < 300) {
        on_registered(p, e->msg);
    } else if (mcu_sip_is_challenge(e) && answer_challenge(p, e)) {
        return;
    } else if (e->status == 423 && min && (int)min->me_delta > p->expires_s &&
               min->me_delta <= 86400) {
        p->expires_s = (int)min->me_delta;
        send_register(p, NULL, NULL);
    } else if (e->status == 408 || (e->status >= 500 && e->status < 600)) {
        next_address(p);
    } else if (p->removing) {
        is_over(p);
    } else { /* he does not want us: asking often does not help */
        set_state(p, MCU_SIP_PROVIDER_FAILED);
        p->tried = 0;
        wait_for(p, LONG_WAIT_S);
    }
}

void mcu_sip_on_method_response(const struct sip_event *e)
{
    for (int i = 0; i < e->sip->provider_count; i++) {
        struct sip_provider *p = e->sip->providers[i];
        if (!p->nh || p->nh != e->nh || e->status < 200)
            continue;
        if (e->msg) {
            on_final(p, e);
        } else { /* the stack's own: no way there */
            p->status = 0;
            next_address(p);
        }
        return;
    }
}

static void on_timer(struct mcu_timer *timer)
{
    struct sip_provider *p = mcu_container_of(timer, struct sip_provider, timer);
    if (p->nh) {
        p->status = 0;
        next_address(p);
        return;
    }
    if (p->state != MCU_SIP_PROVIDER_REGISTERED)
        set_state(p, MCU_SIP_PROVIDER_TRYING);
    start_round(p);
}

/* ---- calls ---- */

const char *mcu_sip_provider_room(const struct mcu_sip *sip, const url_t *url)
{
    char secret[SECRET_SIZE];
    if (!url->url_params ||
        url_param(url->url_params, SECRET_PARAM, secret, sizeof(secret)) != SECRET_SIZE)
        return NULL;
    for (int i = 0; i < sip->provider_count; i++)
        if (mcu_digest_equal(sip->providers[i]->secret, secret, SECRET_SIZE))
            return sip->providers[i]->config.room;
    return NULL;
}

/* ---- life ---- */

static int random_hex(char *out, size_t size)
{
    uint8_t bytes[16];
    size_t n = (size - 1) / 2;
    if (getrandom(bytes, n, 0) != (ssize_t)n)
        return -EIO;
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

static int new_provider(struct sip_provider **out, struct mcu_sip *sip,
                        const struct mcu_sip_provider *config)
{
    struct sip_provider *p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    p->sip = sip;
    p->config = *config;
    p->expires_s = config->expires_s;
    p->state = MCU_SIP_PROVIDER_TRYING;
    mcu_timer_init(&p->timer, sip->loop, on_timer);
    *out = p;
    int rc = random_hex(p->call_id, sizeof(p->call_id));
    if (rc == 0)
        rc = random_hex(p->tag, sizeof(p->tag));
    return rc == 0 ? random_hex(p->secret, sizeof(p->secret)) : rc;
}

int mcu_sip_providers_open(struct mcu_sip *sip, const struct mcu_sip_config *c)
{
    for (int i = 0; i < c->provider_count; i++) {
        struct sip_provider *p = NULL;
        int rc = new_provider(&p, sip, &c->providers[i]);
        if (p)
            sip->providers[sip->provider_count++] = p;
        if (rc < 0)
            return rc;
        mcu_timer_start(&p->timer, now_ns(p));
    }
    return 0;
}

void mcu_sip_providers_stop(struct mcu_sip *sip)
{
    for (int i = 0; i < sip->provider_count; i++) {
        struct sip_provider *p = sip->providers[i];
        bool known = p->state == MCU_SIP_PROVIDER_REGISTERED;
        p->removing = true;
        p->answers = 0;
        if (known)
            send_register(p, NULL, NULL);
        else
            is_over(p);
    }
}

bool mcu_sip_providers_busy(const struct mcu_sip *sip)
{
    for (int i = 0; i < sip->provider_count; i++)
        if (sip->providers[i]->nh)
            return true;
    return false;
}

void mcu_sip_providers_close(struct mcu_sip *sip)
{
    for (int i = 0; i < sip->provider_count; i++) {
        struct sip_provider *p = sip->providers[i];
        mcu_timer_stop(&p->timer);
        drop_request(p);
        mcu_digest_wipe(p, sizeof(*p));
        free(p);
    }
    sip->provider_count = 0;
}

int mcu_sip_provider_list(const struct mcu_sip *sip,
                          struct mcu_sip_provider_status out[MCU_SIP_MAX_PROVIDERS])
{
    for (int i = 0; i < sip->provider_count; i++) {
        const struct sip_provider *p = sip->providers[i];
        bool up = p->state == MCU_SIP_PROVIDER_REGISTERED;
        struct mcu_sip_provider_status *s = &out[i];
        *s = (struct mcu_sip_provider_status){
            .state = p->state,
            .status = p->status,
            .expires_in_s = up ? (int)((p->until_ns - now_ns(p)) / MCU_NS_PER_S) : 0,
        };
        snprintf(s->address, sizeof(s->address), "%s", p->config.address);
        snprintf(s->via, sizeof(s->via), "%s", target(p));
        snprintf(s->room, sizeof(s->room), "%s", p->config.room);
    }
    return sip->provider_count;
}
