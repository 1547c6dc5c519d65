#include "net/sip_strict.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_mclass_hash.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/su.h>
#include <sofia-sip/su_string.h>
#include <sofia-sip/url.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"

#define SOURCES 4096

static bool is_target(const url_t *url)
{
    return (url->url_type == url_sip || url->url_type == url_sips) && url->url_host &&
           url->url_host[0];
}

/* For the items of a list the stock parsers call their class's own, that is these, again. */
static issize_t parse_contact(su_home_t *home, msg_header_t *h, char *s, isize_t size)
{
    issize_t rc = sip_contact_d(home, h, s, size);
    return rc >= 0 && is_target(((sip_contact_t *)h)->m_url) ? rc : -1;
}

static issize_t parse_contact_or_star(su_home_t *home, msg_header_t *h, char *s, isize_t size)
{
    static const char star[] = "sip:" MCU_SIP_STAR_HOST;
    issize_t rc = sip_contact_d(home, h, s, size);
    url_t *url = ((sip_contact_t *)h)->m_url;
    if (rc >= 0 && url->url_type == url_any) {
        const url_t *nowhere = url_make(home, star);
        if (!nowhere)
            return -1;
        *url = *nowhere;
    }
    return rc >= 0 && is_target(url) ? rc : -1;
}

static issize_t parse_record_route(su_home_t *home, msg_header_t *h, char *s, isize_t size)
{
    issize_t rc = sip_record_route_d(home, h, s, size);
    return rc >= 0 && is_target(((sip_record_route_t *)h)->r_url) ? rc : -1;
}

/* A request line whose target cannot be read is no reason for silence (RFC 4475 3.1.2, RFC 5118 4.2):
 * the method becomes one that is not that of CSeq, for which the stack answers 400. After a failed
 * parse `s` is the method alone. */
static issize_t parse_request(su_home_t *home, msg_header_t *h, char *s, isize_t size)
{
    sip_request_t *rq = (sip_request_t *)h;
    issize_t rc = sip_request_d(home, h, s, size);
    if (rc >= 0)
        return rc;
    rq->rq_method = sip_method_unknown;
    rq->rq_method_name = "unreadable";
    rq->rq_version = sip_version_2_0;
    url_init(rq->rq_url, url_sip);
    rq->rq_url->url_host = "invalid";
    return 0;
}

/* RFC 3261 8.1.1.5: less than 2^31. As with an unreadable request line, 400. */
static void see_number(sip_t *sip)
{
    sip_request_t *rq = sip->sip_request;
    if (rq && rq->rq_method != sip_method_ack && sip->sip_cseq &&
        sip->sip_cseq->cs_seq > INT32_MAX) {
        rq->rq_method = sip_method_unknown;
        rq->rq_method_name = "unreadable";
    }
}

/* ---- where answers go ---- */

static bool source_of(msg_t *msg, su_sockaddr_t *source)
{
    socklen_t size = sizeof(*source);
    return msg_get_address(msg, source, &size) == 0 &&
           (source->su_family == AF_INET || source->su_family == AF_INET6);
}

static struct {
    mcu_sip_strict_tls_cb fn;
    void *arg;
} stream;

void mcu_sip_strict_on_stream(mcu_sip_strict_tls_cb fn, void *arg)
{
    stream.fn = fn;
    stream.arg = arg;
}

/* What the request came over, as Via writes it. */
static const char *protocol_of(msg_t *msg, const su_sockaddr_t *source, const char *claimed)
{
    const su_addrinfo_t *ai = msg_addrinfo(msg);
    if (!ai || ai->ai_socktype == SOCK_DGRAM)
        return sip_transport_udp;
    int tls = stream.fn ? stream.fn(source, stream.arg) : -1;
    if (tls < 0)
        tls = strcasecmp(claimed, sip_transport_tls) == 0;
    return tls ? sip_transport_tls : sip_transport_tcp;
}

static void set_param(su_home_t *home, sip_via_t *via, const char *param)
{
    if (param)
        msg_header_replace_param(home, via->v_common, param);
}

/* The stack goes by Via: for another transport than the request's own it would connect or write to
 * whom Via names, and for names it would ask the DNS, which would hold up every call. An answer goes back to the address that
 * the request came from (RFC 3581), whatever Via says. */
static void keep_answers_home(msg_t *msg, sip_via_t *via)
{
    su_sockaddr_t source;
    char address[INET6_ADDRSTRLEN];
    su_home_t *home = msg_home(msg);
    via->v_maddr = NULL;
    if (!source_of(msg, &source))
        return;
    via->v_protocol = protocol_of(msg, &source, via->v_protocol);
    const void *bytes = source.su_family == AF_INET6 ? (const void *)&source.su_sin6.sin6_addr
                                                     : (const void *)&source.su_sin.sin_addr;
    if (!inet_ntop(source.su_family, bytes, address, sizeof(address)))
        return;
    if (strcasecmp(via->v_host, address) != 0)
        set_param(home, via, su_sprintf(home, "received=%s", address));
    if (via->v_rport)
        set_param(home, via, su_sprintf(home, "rport=%u", ntohs(source.su_port)));
}

/* As soon as it is read: a message that turns out to be broken further down gets its 400 without
 * another look at it. Only the first one tells where answers go; those after it, in the same line
 * too (parsed from within), belong to proxies. `home` is the message's. */
static issize_t parse_via(su_home_t *home, msg_header_t *h, char *s, isize_t size)
{
    static _Thread_local int depth;
    depth++;
    issize_t rc = sip_via_d(home, h, s, size);
    depth--;
    sip_via_t *via = (sip_via_t *)h;
    msg_t *msg = (msg_t *)home;
    const sip_t *sip = sip_object(msg);
    if (rc >= 0 && depth == 0 && sip && sip->sip_request && !sip->sip_via && via->v_protocol &&
        via->v_host)
        keep_answers_home(msg, via);
    return rc;
}

/* ---- floods ---- */

/* A bucket of one second for each address; those whose hashes are equal share one. */
static struct {
    int per_s;
    struct {
        int64_t at_ns, saved_ns;
    } bucket[SOURCES];
} limit;

void mcu_sip_strict_limit(int requests_per_s)
{
    memset(&limit, 0, sizeof(limit));
    limit.per_s = requests_per_s;
}

/* Of IPv6 the network's part, for a host has any number of addresses there. FNV-1a. */
static unsigned bucket_of(const su_sockaddr_t *source)
{
    bool v6 = source->su_family == AF_INET6;
    const uint8_t *bytes = v6 ? (const uint8_t *)&source->su_sin6.sin6_addr
                              : (const uint8_t *)&source->su_sin.sin_addr;
    uint32_t hash = 2166136261u;
    for (int i = 0; i < (v6 ? 8 : 4); i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return (hash ^ hash >> 16) % SOURCES;
}

static bool too_many(msg_t *msg)
{
    su_sockaddr_t source;
    if (!limit.per_s || !source_of(msg, &source))
        return false;
    unsigned i = bucket_of(&source);
    int64_t now = mcu_clock_now_ns(), cost = MCU_NS_PER_S / limit.per_s;
    int64_t saved = limit.bucket[i].saved_ns + (now - limit.bucket[i].at_ns);
    saved = saved < MCU_NS_PER_S ? saved : MCU_NS_PER_S;
    limit.bucket[i].at_ns = now;
    limit.bucket[i].saved_ns = saved < cost ? saved : saved - cost;
    return saved < cost;
}

/* ---- refusals of ours within a call ---- */

static struct {
    mcu_sip_strict_status_cb fn;
    void *arg;
} refusal;

void mcu_sip_strict_on_refusal(mcu_sip_strict_status_cb fn, void *arg)
{
    refusal.fn = fn;
    refusal.arg = arg;
}

static void see_refusal(sip_t *sip)
{
    sip_status_t *status = sip->sip_status;
    const sip_cseq_t *cseq = sip->sip_cseq;
    if (!refusal.fn || !status || status->st_status < 300 || !cseq || !sip->sip_call_id ||
        (cseq->cs_method != sip_method_invite && cseq->cs_method != sip_method_update))
        return;
    status->st_status = refusal.fn(sip->sip_call_id->i_id, status->st_status, refusal.arg);
}

static issize_t extract_body(msg_t *msg, msg_pub_t *pub, char b[], isize_t size, int eos)
{
    sip_t *sip = (sip_t *)pub;
    if (sip->sip_request && sip->sip_request->rq_method != sip_method_ack && too_many(msg)) {
        sip->sip_request = NULL; /* so that the stack sees nothing that it knows, and forgets it */
        mcu_count(MCU_CNT_SIP_FLOODED);
    }
    see_refusal(sip);
    see_number(sip);
    return sip_extract_body(msg, sip, b, size, eos);
}

/* The parser finds a class by name, everything else by its address. So the strict class takes the
 * place of the stock one, and that one goes to the end of its chain: what is read is checked, and
 * what we write (stock classes) is found. */
static int replace(msg_mclass_t *mc, msg_hclass_t *stock, msg_hclass_t *strict)
{
    int size = mc->mc_hash_size, at = msg_header_name_hash(stock->hc_name, NULL) % size, end;
    for (int i = 0; mc->mc_hash[at].hr_class != stock; i++, at = (at + 1) % size)
        if (!mc->mc_hash[at].hr_class || i == size)
            return -1;
    for (end = at; mc->mc_hash[end].hr_class; end = (end + 1) % size)
        ;
    mc->mc_hash[end] = mc->mc_hash[at];
    mc->mc_hash_used++;
    mc->mc_hash[at].hr_class = strict;
    if (mc->mc_short && stock->hc_short[0])
        ((msg_href_t *)mc->mc_short)[stock->hc_short[0] - 'a'].hr_class = strict;
    return 0;
}

msg_mclass_t *mcu_sip_strict_class_new(bool registrar)
{
    /* Copies, so that only the way they are read differs. Written the same by any thread. */
    static struct msg_hclass_s contacts[2], record_route[1], request[1], via[1];
    struct msg_hclass_s *contact = &contacts[registrar];
    contact[0] = sip_contact_class[0];
    contact[0].hc_parse = registrar ? parse_contact_or_star : parse_contact;
    record_route[0] = sip_record_route_class[0];
    record_route[0].hc_parse = parse_record_route;
    request[0] = sip_request_class[0];
    request[0].hc_parse = parse_request;
    via[0] = sip_via_class[0];
    via[0].hc_parse = parse_via;
    const msg_mclass_t *stock = sip_default_mclass();
    if (stock->mc_hash_used + 5 > stock->mc_hash_size)
        return NULL;
    msg_mclass_t *mc = msg_mclass_clone(stock, 0, 0);
    if (mc && (replace(mc, sip_contact_class, contact) < 0 ||
               replace(mc, sip_record_route_class, record_route) < 0 ||
               replace(mc, sip_via_class, via) < 0)) {
        free(mc);
        return NULL;
    }
    if (mc) {
        mc->mc_request[0].hr_class = request;
        mc->mc_extract_body = extract_body;
    }
    return mc;
}
