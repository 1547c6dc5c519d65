#include "net/sip_priv.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/nua_tag.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/su.h>
#include <sofia-sip/url.h>

#include "mixer/base/counter.h"
#include "mixer/base/log.h"
#include "net/sip_strict.h"
#include "net/sip_text.h"

/* ---- parts of a message ---- */

static bool is_sdp(const sip_t *msg)
{
    const sip_content_type_t *type = msg->sip_content_type;
    if (type && type->c_type)
        return strcasecmp(type->c_type, "application/sdp") == 0;
    /* Old gateways leave the type out. */
    return msg->sip_payload->pl_len >= 3 && memcmp(msg->sip_payload->pl_data, "v=0", 3) == 0;
}

static bool is_encoded(const sip_t *msg)
{
    const sip_content_encoding_t *c = msg->sip_content_encoding;
    return c && c->k_items && c->k_items[0] && strcasecmp(c->k_items[0], "identity") != 0;
}

/* RFC 3261 20.1: without an Accept, SDP is fine. */
static bool accepts_sdp(const sip_t *msg)
{
    static const char *const good[] = { "application/sdp", "application/*", "*/*" };
    for (const sip_accept_t *a = msg->sip_accept; a; a = a->ac_next)
        for (size_t i = 0; i < MCU_ARRAY_LEN(good); i++)
            if (a->ac_type && strcasecmp(a->ac_type, good[i]) == 0 &&
                (!a->ac_q || strtod(a->ac_q, NULL) > 0))
                return true;
    return !msg->sip_accept;
}

int mcu_sip_body(const sip_t *msg, const char **sdp, size_t *sdp_bytes)
{
    *sdp = NULL;
    *sdp_bytes = 0;
    if (!msg || !msg->sip_payload || !msg->sip_payload->pl_data || !msg->sip_payload->pl_len)
        return 0;
    if (msg->sip_payload->pl_len > SIP_MAX_BODY_BYTES)
        return 413;
    if (!is_sdp(msg) || is_encoded(msg))
        return 415;
    *sdp = msg->sip_payload->pl_data;
    *sdp_bytes = msg->sip_payload->pl_len;
    return 0;
}

static enum sip_transport transport_of(const sip_t *msg)
{
    const char *protocol = msg->sip_via && msg->sip_via->v_protocol ? msg->sip_via->v_protocol : "";
    return strcasestr(protocol, "TLS")   ? SIP_TLS
           : strcasestr(protocol, "TCP") ? SIP_TCP
                                         : SIP_UDP;
}

static void print_address(char out[INET6_ADDRSTRLEN], const su_sockaddr_t *a)
{
    const void *bytes = a->su_family == AF_INET6 ? (const void *)&a->su_sin6.sin6_addr
                                                 : (const void *)&a->su_sin.sin_addr;
    if (!inet_ntop(a->su_family, bytes, out, INET6_ADDRSTRLEN))
        strcpy(out, "0.0.0.0");
    /* A socket of both families shows IPv4 peers so. */
    if (strncasecmp(out, "::ffff:", 7) == 0 && strchr(out, '.'))
        memmove(out, out + 7, strlen(out + 7) + 1);
}

/* On a wildcard socket the kernel's route back to the peer tells which address is ours to him.
 * Connecting a datagram socket sends nothing. */
void mcu_sip_find_local(char out[INET6_ADDRSTRLEN], const su_sockaddr_t *peer)
{
    su_sockaddr_t local = { 0 };
    socklen_t size = sizeof(local);
    int fd = socket(peer->su_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, &peer->su_sa, SU_SOCKADDR_SIZE(peer)) == 0 &&
        getsockname(fd, &local.su_sa, &size) == 0)
        print_address(out, &local);
    else
        strcpy(out, "127.0.0.1");
    if (fd >= 0)
        close(fd);
}

static void peer_of(su_sockaddr_t *peer, const struct sip_event *e)
{
    socklen_t size = sizeof(*peer);
    memset(peer, 0, sizeof(*peer));
    if (!e->request || msg_get_address(e->request, peer, &size) < 0 ||
        (peer->su_family != AF_INET && peer->su_family != AF_INET6))
        peer->su_family = AF_INET;
}

void mcu_sip_find_source(struct sip_route *route, const struct sip_event *e)
{
    su_sockaddr_t peer;
    peer_of(&peer, e);
    *route = (struct sip_route){ .transport = transport_of(e->msg) };
    print_address(route->source, &peer);
    route->source_port = ntohs(peer.su_port);
}

void mcu_sip_find_route(struct sip_route *route, const struct sip_event *e)
{
    su_sockaddr_t peer;
    peer_of(&peer, e);
    mcu_sip_find_source(route, e);
    if (e->sip->contact_host[0])
        snprintf(route->local, sizeof(route->local), "%.*s", INET6_ADDRSTRLEN - 1,
                 e->sip->contact_address);
    else
        mcu_sip_find_local(route->local, &peer);
    bool v6 = strchr(route->local, ':');
    snprintf(route->contact_host, sizeof(route->contact_host), v6 ? "[%s]" : "%s", route->local);
}

/* ---- answers ---- */

static void respond(const struct sip_event *e, int status, const char *phrase, int retry_after_s)
{
    char after[16];
    snprintf(after, sizeof(after), "%d", retry_after_s);
    nua_respond(e->nh, status, phrase, NUTAG_WITH(e->request),
                TAG_IF(retry_after_s, SIPTAG_RETRY_AFTER_STR(after)),
                TAG_IF(status == 415, SIPTAG_ACCEPT_STR(SIP_ACCEPT)), TAG_END());
}

/* For requests outside a dialog of ours, which nua gives a handle of their own. */
void mcu_sip_drop_handle(const struct sip_event *e)
{
    if (!e->call)
        nua_handle_destroy(e->nh);
}

/* An INVITE that becomes no call. Its handle goes when nua says that it has terminated. */
static void refuse_invite(const struct sip_event *e, int status, int retry_after_s)
{
    static struct mcu_log_limit limit;
    mcu_count(MCU_CNT_SIP_REFUSED);
    mcu_log_limited(&limit, MCU_LOG_INFO, "sip-invite-refused", "status=%d", status);
    const char *phrase = sip_status_phrase(status);
    respond(e, status, phrase ? phrase : "Refused", retry_after_s);
}

/* ---- INVITE ---- */

static void fill_from(const sip_t *msg, char *uri, size_t uri_size, char *name, size_t name_size)
{
    const sip_from_t *from = msg->sip_from;
    const url_t *url = from ? from->a_url : NULL;
    char text[512] = "";
    if (url)
        snprintf(text, sizeof(text), "%.8s:%.200s%s%.200s%s%.6s",
                 url->url_scheme ? url->url_scheme : "sip", url->url_user ? url->url_user : "",
                 url->url_user ? "@" : "", url->url_host ? url->url_host : "",
                 url->url_port ? ":" : "", url->url_port ? url->url_port : "");
    mcu_sip_text_clean(uri, uri_size, text);
    mcu_sip_name_clean(name, name_size, from ? from->a_display : NULL);
}

static void announce(struct mcu_sip_call *call, const struct sip_event *e, const char *room,
                     const struct sip_route *route, const char *sdp, size_t sdp_bytes,
                     struct mcu_sip_call *replaces)
{
    static const char *const names[] = {
        [SIP_UDP] = "udp", [SIP_TCP] = "tcp", [SIP_TLS] = "tls"
    };
    char uri[512], name[256], agent[128];
    fill_from(e->msg, uri, sizeof(uri), name, sizeof(name));
    const sip_user_agent_t *ua = e->msg->sip_user_agent;
    mcu_sip_text_clean(agent, sizeof(agent), ua ? ua->g_string : NULL);
    struct mcu_sip_invite invite = {
        .room = room,
        .from_uri = uri,
        .from_name = name,
        .transport = names[route->transport],
        .source_address = route->source,
        .source_port = route->source_port,
        .local_address = route->local,
        .user_agent = agent,
        .sdp = sdp,
        .sdp_bytes = sdp_bytes,
        .user = call->user,
        .replaces = replaces,
    };
    e->sip->events.invite(call, &invite, e->sip->arg);
}

/* A Contact has passed the parser's check. Where there is none (RFC 2543), From is the target. */
static bool has_target(const sip_t *msg)
{
    const url_t *from = msg->sip_from->a_url;
    const sip_contact_t *contact = msg->sip_contact;
    if (contact && strcasecmp(contact->m_url->url_host, MCU_SIP_STAR_HOST) == 0)
        return false;
    return contact ||
           ((from->url_type == url_sip || from->url_type == url_sips) && from->url_host &&
            from->url_host[0]);
}

static void on_new_invite(const struct sip_event *e)
{
    char room[SIP_MAX_ROOM], user[MCU_SIP_USER_SIZE] = "";
    const char *sdp;
    size_t sdp_bytes;
    struct sip_route route;
    struct mcu_sip_call *replaced = NULL;
    uint8_t source[MCU_SIP_SOURCE_KEY];
    mcu_count(MCU_CNT_SIP_CALLS);
    mcu_sip_find_source(&route, e);
    if (e->sip->shutting_down || !mcu_sip_source_may_call(e->sip, route.source, source)) {
        refuse_invite(e, 503, 5);
        return;
    }
    const char *own_room = mcu_sip_provider_room(e->sip, e->msg->sip_request->rq_url);
    if (!own_room && e->sip->auth_mode != MCU_SIP_AUTH_OFF && !mcu_sip_authorize(e, route.source, user))
        return;
    if (!mcu_sip_admit(e->sip)) {
        refuse_invite(e, 503, 5);
        return;
    }
    const url_t *url = e->msg->sip_request->rq_url;
    bool has_user = url->url_type == url_sip || url->url_type == url_sips;
    int status = mcu_sip_body(e->msg, &sdp, &sdp_bytes);
    if (!status && !accepts_sdp(e->msg))
        status = 406;
    if (!status && mcu_sip_user_decode(room, sizeof(room), has_user ? url->url_user : NULL) < 0)
        status = 414;
    if (!status && own_room && *own_room)
        snprintf(room, sizeof(room), "%s", own_room);
    if (!status && !has_target(e->msg))
        status = 400;
    if (!status)
        status = mcu_sip_find_replaced(&replaced, e, user);
    if (status) {
        refuse_invite(e, status, 0);
        return;
    }
    mcu_sip_find_route(&route, e);
    struct mcu_sip_call *call =
        mcu_sip_call_new(e->sip, e->nh, room, route.transport, route.contact_host);
    if (!call) {
        refuse_invite(e, 503, 5);
        return;
    }
    mcu_sip_call_set_id(call, e->msg);
    mcu_sip_stream_note(&(struct sip_event){ .sip = e->sip, .call = call, .request = e->request });
    memcpy(call->source, source, sizeof(source));
    call->pending = SIP_PENDING_INVITE;
    call->offer_received = sdp;
    call->peer_info = true; /* many that take INFO do not say so, but none that lists its methods */
    mcu_sip_call_note_allow(call, e->msg);
    mcu_sip_session_note(call, e->msg, true);
    strcpy(call->user, user);
    announce(call, e, room, &route, sdp, sdp_bytes, replaced);
}

static void on_reinvite(const struct sip_event *e)
{
    struct mcu_sip_call *call = e->call;
    const char *sdp;
    size_t sdp_bytes;
    if (!mcu_sip_authorize_all(e))
        return;
    int status = mcu_sip_body(e->msg, &sdp, &sdp_bytes);
    if (!status && !accepts_sdp(e->msg))
        status = 406;
    /* RFC 3261 14.2, RFC 3311 5.2: with our offer unanswered 491, with theirs unanswered 500. */
    if (!status && call->offer.sent)
        status = 491;
    if (!status && (call->pending != SIP_PENDING_NONE || call->hanging))
        status = 500;
    if (status) {
        respond(e, status, sip_status_phrase(status), status == 500 ? 1 : 0);
        return;
    }
    call->pending = SIP_PENDING_INVITE;
    call->offer_received = sdp;
    mcu_sip_call_note_allow(call, e->msg);
    mcu_sip_session_note(call, e->msg, true);
    e->sip->events.reinvite(call, sdp, sdp_bytes, e->sip->arg);
}

void mcu_sip_on_invite(const struct sip_event *e)
{
    if (e->status >= 200 || !e->msg)
        return; /* the stack has answered it */
    if (e->call == &mcu_sip_call_gone)
        respond(e, SIP_481_NO_CALL, 0);
    else if (e->call)
        on_reinvite(e);
    else
        on_new_invite(e);
}

/* ---- UPDATE (RFC 3311) ---- */

void mcu_sip_on_update(const struct sip_event *e)
{
    struct mcu_sip_call *call = e->call;
    const char *sdp;
    size_t sdp_bytes;
    if (e->status >= 200)
        return;
    if (!call || call == &mcu_sip_call_gone) {
        respond(e, SIP_481_NO_CALL, 0);
        mcu_sip_drop_handle(e);
        return;
    }
    if (!mcu_sip_authorize_all(e))
        return;
    int status = mcu_sip_body(e->msg, &sdp, &sdp_bytes);
    if (!status && sdp && !accepts_sdp(e->msg))
        status = 406;
    if (status || !sdp) {
        /* Without an offer it only refreshes the session. */
        if (!status) {
            mcu_sip_session_note(call, e->msg, true);
            mcu_sip_session_start(call);
        }
        nua_respond(e->nh, status ? status : 200, status ? sip_status_phrase(status) : "OK",
                    NUTAG_WITH(e->request), TAG_IF(!status, SIPTAG_CONTACT_STR(call->contact)),
                    TAG_IF(status == 415, SIPTAG_ACCEPT_STR(SIP_ACCEPT)), TAG_END());
        return;
    }
    /* 5.2: with our offer unanswered 491, with theirs unanswered 500. */
    if ((call->awaiting_ack && !call->offer_received) || call->offer.sent ||
        (call->outgoing && !call->answered))
        respond(e, SIP_491_REQUEST_PENDING, 0);
    else if (call->pending != SIP_PENDING_NONE || !call->answered || call->hanging)
        respond(e, 500, "Overlapping Offer", 2);
    else {
        mcu_sip_session_note(call, e->msg, true);
        call->pending = SIP_PENDING_UPDATE;
        call->update = msg_ref_create(e->request);
        e->sip->events.reinvite(call, sdp, sdp_bytes, e->sip->arg);
    }
}

/* ---- INFO (RFC 5168, RFC 6086) ---- */

static int info_keyframe(struct mcu_sip_call *call, const char *body, size_t body_bytes)
{
    if (mcu_sip_is_fast_update(body, body_bytes))
        call->sip->events.keyframe_wanted(call, call->sip->arg);
    return 200;
}

static int info_dtmf(struct mcu_sip_call *call, const char *body, size_t body_bytes)
{
    char key;
    if (mcu_sip_dtmf_parse(&key, body, body_bytes) < 0)
        return 400;
    call->sip->events.dtmf(call, key, call->sip->arg);
    return 200;
}

static const struct {
    const char *type;
    int (*fn)(struct mcu_sip_call *call, const char *body, size_t body_bytes);
} info_types[] = {
    { "application/media_control+xml", info_keyframe },
    { "application/dtmf-relay", info_dtmf },
    { "application/dtmf", info_dtmf },
};

static int on_call_info(struct mcu_sip_call *call, const sip_t *msg)
{
    const sip_payload_t *body = msg->sip_payload;
    if (!body || !body->pl_len)
        return 200; /* RFC 2976: it asks whether we are there */
    if (body->pl_len > SIP_MAX_BODY_BYTES)
        return 413;
    const char *type = msg->sip_content_type ? msg->sip_content_type->c_type : NULL;
    for (size_t i = 0; type && !is_encoded(msg) && i < MCU_ARRAY_LEN(info_types); i++)
        if (strcasecmp(type, info_types[i].type) == 0)
            return info_types[i].fn(call, body->pl_data, body->pl_len);
    return 415;
}

void mcu_sip_on_info(const struct sip_event *e)
{
    if (e->status >= 200)
        return;
    if (!e->call || e->call == &mcu_sip_call_gone) {
        respond(e, SIP_481_NO_CALL, 0);
        mcu_sip_drop_handle(e);
        return;
    }
    if (!mcu_sip_authorize_all(e))
        return;
    int status = on_call_info(e->call, e->msg);
    nua_respond(e->nh, status, sip_status_phrase(status), NUTAG_WITH(e->request),
                TAG_IF(status == 415, SIPTAG_ACCEPT_STR(SIP_ACCEPT_INFO)), TAG_END());
}

/* ---- the rest ---- */

void mcu_sip_on_options(const struct sip_event *e)
{
    char contact[SIP_CONTACT_SIZE];
    struct sip_route route;
    if (e->status >= 200)
        return;
    if (!mcu_sip_authorize_all(e)) {
        mcu_sip_drop_handle(e);
        return;
    }
    mcu_sip_find_route(&route, e);
    mcu_sip_make_contact(contact, sizeof(contact), e->sip, NULL, route.transport,
                         route.contact_host);
    bool inside = e->call && e->call != &mcu_sip_call_gone;
    bool busy = e->sip->shutting_down;
    /* The stack adds Accept and Allow by itself. */
    nua_respond(e->nh, busy ? 503 : 200, busy ? "Shutting Down" : "OK", NUTAG_WITH(e->request),
                SIPTAG_CONTACT_STR(inside ? e->call->contact : contact), TAG_END());
    mcu_sip_drop_handle(e);
}

void mcu_sip_on_other_request(const struct sip_event *e)
{
    if (e->status < 200)
        respond(e, SIP_501_NOT_IMPLEMENTED, 0);
    mcu_sip_drop_handle(e);
}
