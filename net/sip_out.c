/* Calls of ours: the INVITE, and once more with a digest where our own realm asks for it. */
#include "net/sip_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include <sofia-sip/nua_tag.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/url.h>

#include "mixer/base/log.h"
#include "net/sip_text.h"

#define MAX_URI 512

struct sip_out {
    char uri[MAX_URI];
    char from[SIP_MAX_ROOM * 3 + 320];
    char replaces[MCU_SIP_REPLACES_BYTES]; /* "": none */
    char realm[MCU_DIGEST_TEXT], user[MCU_DIGEST_TEXT], password[MCU_DIGEST_TEXT]; /* "": none */
    int answers; /* to challenges, so far */
    char sdp[];
};

void mcu_sip_out_free(struct sip_out **pp)
{
    struct sip_out *out = *pp;
    *pp = NULL;
    if (out)
        mcu_digest_wipe(out->password, sizeof(out->password));
    free(out);
}

/* ---- the target ---- */

/* The uri goes into headers, and nua would make headers of what follows a '?'. */
static bool is_plain(const char *uri)
{
    size_t n = 0;
    for (; uri[n]; n++)
        if (uri[n] <= ' ' || uri[n] >= 0x7f || strchr("<>\"?,", uri[n]))
            return false;
    return n < MAX_URI;
}

/* text: where the parts of url lie. */
static int parse_target(url_t *url, char text[MAX_URI], const char *uri)
{
    if (!is_plain(uri))
        return -EINVAL;
    strcpy(text, uri);
    if (url_d(url, text) < 0 || (url->url_type != url_sip && url->url_type != url_sips) ||
        !url->url_host || !url->url_host[0])
        return -EINVAL;
    return 0;
}

int mcu_sip_uri_check(const char *uri)
{
    char text[MAX_URI];
    url_t url[1];
    return parse_target(url, text, uri);
}

static enum sip_transport transport_to(const url_t *url)
{
    char parameter[8];
    if (url_param(url->url_params, "transport", parameter, sizeof(parameter)) == 0)
        return url->url_type == url_sips ? SIP_TLS : SIP_UDP;
    return strcasecmp(parameter, "tcp") == 0   ? SIP_TCP
           : strcasecmp(parameter, "tls") == 0 ? SIP_TLS
                                               : SIP_UDP;
}

enum sip_transport mcu_sip_transport_to(const char *uri)
{
    char text[MAX_URI];
    url_t url[1];
    return parse_target(url, text, uri) == 0 ? transport_to(url) : SIP_UDP;
}

/* A name is not looked up for this: the way to anywhere will do. */
static void address_of(su_sockaddr_t *a, const url_t *url)
{
    char host[INET6_ADDRSTRLEN + 2];
    memset(a, 0, sizeof(*a));
    snprintf(host, sizeof(host), "%s", url->url_host + (url->url_host[0] == '['));
    host[strcspn(host, "]")] = '\0';
    if (inet_pton(AF_INET6, host, &a->su_sin6.sin6_addr) == 1) {
        a->su_family = AF_INET6;
    } else {
        a->su_family = AF_INET;
        if (inet_pton(AF_INET, host, &a->su_sin.sin_addr) != 1)
            a->su_sin.sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1, RFC 5737 */
    }
    a->su_port = htons(5060);
}

void mcu_sip_local_address(const struct mcu_sip *sip, const char *uri, char out[64])
{
    char text[MAX_URI], local[INET6_ADDRSTRLEN] = "127.0.0.1";
    su_sockaddr_t peer;
    url_t url[1];
    if (!sip->contact_host[0] && parse_target(url, text, uri) == 0) {
        address_of(&peer, url);
        mcu_sip_find_local(local, &peer);
    }
    snprintf(out, 64, "%.63s", sip->contact_host[0] ? sip->contact_address : local);
}

/* ---- the call ---- */

static int make_from(char *out, size_t size, const struct mcu_sip *sip, const char *user,
                     const char *host)
{
    char escaped[SIP_MAX_ROOM * 3];
    int rc = mcu_sip_user_encode(escaped, sizeof(escaped), user);
    if (rc < 0)
        return rc;
    int n = snprintf(out, size, "<sip:%s%s%s:%d>", escaped, *escaped ? "@" : "", host, sip->port);
    return n < (int)size ? 0 : -ENAMETOOLONG;
}

static bool copy_login(struct sip_out *out, const struct mcu_digest_login *login)
{
    return !login || (snprintf(out->realm, MCU_DIGEST_TEXT, "%s", login->realm) < MCU_DIGEST_TEXT &&
                      snprintf(out->user, MCU_DIGEST_TEXT, "%s", login->user) < MCU_DIGEST_TEXT &&
                      snprintf(out->password, MCU_DIGEST_TEXT, "%s", login->password) <
                          MCU_DIGEST_TEXT);
}

static nua_handle_t *new_handle(const struct mcu_sip *sip, const struct sip_out *out)
{
    char to[MAX_URI + 2];
    snprintf(to, sizeof(to), "<%s>", out->uri);
    return nua_handle(sip->nua, NULL, NUTAG_URL(out->uri), SIPTAG_TO_STR(to),
                      SIPTAG_FROM_STR(out->from), TAG_END());
}

/* No 100rel here: what comes before the answer is passed over, and need not be confirmed. */
static void send_invite(const struct mcu_sip_call *call, const char *www, const char *proxy)
{
    const char *replaces = call->out->replaces[0] ? call->out->replaces : NULL;
    nua_invite(call->nh, SIPTAG_CONTACT_STR(call->contact), SIPTAG_SUPPORTED_STR(SIP_SUPPORTED),
               TAG_IF(replaces, SIPTAG_REPLACES_STR(replaces)),
               TAG_IF(replaces, SIPTAG_REQUIRE_STR("replaces")), /* or there would be a second call */
               TAG_IF(www, SIPTAG_AUTHORIZATION_STR(www)),
               TAG_IF(proxy, SIPTAG_PROXY_AUTHORIZATION_STR(proxy)),
               TAG_IF(call->id[0], SIPTAG_CALL_ID_STR(call->id)),
               SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(call->out->sdp),
               TAG_END());
}

static int new_out(struct sip_out **pp, const struct mcu_sip *sip, const char *uri,
                   const char *replaces, const char *from_user, const char *host, const char *sdp,
                   const struct mcu_digest_login *login)
{
    struct sip_out *out = calloc(1, sizeof(*out) + strlen(sdp) + 1);
    if (!out)
        return -ENOMEM;
    strcpy(out->uri, uri);
    bool fits = snprintf(out->replaces, sizeof(out->replaces), "%s", replaces ? replaces : "") <
                (int)sizeof(out->replaces);
    strcpy(out->sdp, sdp);
    int rc = make_from(out->from, sizeof(out->from), sip, from_user, host);
    if (rc == 0 && (!fits || !copy_login(out, login)))
        rc = -EINVAL;
    if (rc < 0)
        mcu_sip_out_free(&out);
    else
        *pp = out;
    return rc;
}

int mcu_sip_call_out(struct mcu_sip_call **pp, struct mcu_sip *sip, const char *uri,
                     const char *replaces, const char *from_user, const char *sdp,
                     const struct mcu_digest_login *login, void *call_arg)
{
    char text[MAX_URI], local[64], host[66];
    struct sip_out *out = NULL;
    url_t url[1];
    if (sip->shutting_down || sip->call_count >= sip->max_calls)
        return -EBUSY;
    int rc = parse_target(url, text, uri);
    if (rc < 0)
        return rc;
    mcu_sip_local_address(sip, uri, local);
    snprintf(host, sizeof(host), strchr(local, ':') ? "[%s]" : "%s", local);
    rc = new_out(&out, sip, uri, replaces, from_user, host, sdp, login);
    if (rc < 0)
        return rc;
    nua_handle_t *nh = new_handle(sip, out);
    struct mcu_sip_call *call =
        nh ? mcu_sip_call_new(sip, nh, from_user, transport_to(url), host) : NULL;
    if (!call) {
        if (nh)
            nua_handle_destroy(nh);
        mcu_sip_out_free(&out);
        return -ENOMEM;
    }
    call->out = out;
    call->outgoing = call->peer_info = true;
    call->arg = call_arg;
    send_invite(call, NULL, NULL);
    *pp = call;
    return 0;
}

/* ---- challenges ---- */

/* The first challenge that we can answer, in the order in which they were offered (RFC 8760 2.4). */
bool mcu_sip_answer_challenge(char *header, size_t size, const struct mcu_digest_login *login,
                              const msg_auth_t *offered, const char *method, const char *uri,
                              bool first)
{
    char text[2048], cnonce[33];
    uint64_t random[2];
    struct mcu_digest_params p;
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return false;
    snprintf(cnonce, sizeof(cnonce), "%016llx%016llx", (unsigned long long)random[0],
             (unsigned long long)random[1]);
    for (const msg_auth_t *h = offered; h; h = h->au_next)
        if (mcu_sip_auth_text(text, sizeof(text), h) && mcu_digest_parse(&p, text) == 0 &&
            (first || p.stale) &&
            mcu_digest_answer(header, size, &p, login, method, uri, cnonce) == 0)
            return true;
    return false;
}

/* nua's own client knows MD5 alone, and answers any realm that its string names; so the call goes on
 * with a handle and an INVITE of its own. */
bool mcu_sip_out_retry(struct mcu_sip_call *call, const struct sip_event *e)
{
    char header[1600];
    struct sip_out *out = call->out;
    bool proxy = e->status == 407;
    if (!out || !out->user[0] || out->answers >= 2 || !e->msg)
        return false;
    const struct mcu_digest_login login = { out->realm, out->user, out->password };
    if (!mcu_sip_answer_challenge(header, sizeof(header), &login,
                                  proxy ? e->msg->sip_proxy_authenticate
                                        : e->msg->sip_www_authenticate,
                                  "INVITE", out->uri, out->answers == 0))
        return false;
    nua_handle_t *nh = new_handle(call->sip, out);
    if (!nh)
        return false;
    out->answers++;
    nua_handle_bind(call->nh, NULL);
    nua_handle_destroy(call->nh);
    call->nh = nh;
    nua_handle_bind(nh, call);
    send_invite(call, proxy ? NULL : header, proxy ? header : NULL);
    return true;
}
