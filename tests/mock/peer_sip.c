/* A user agent client for one call over UDP (RFC 3261), with nothing in common with net/sip.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/mock/peer.h"

#define T1_MS 500

static void transmit(struct peer_call *c, const char *msg, size_t size)
{
    if (c->o->verbose)
        fprintf(stderr, "--- %s sends\n%.*s\n", c->name, (int)size, msg);
    if (send(c->fd[PEER_FD_SIP], msg, size, 0) < 0 && c->o->verbose)
        perror("send");
}

/* The value of a header, by name or compact form; false: not there. Only the first. */
static bool header(const char *msg, const char *name, char compact, char *buf, size_t size)
{
    size_t n = strlen(name);
    for (const char *p = strstr(msg, "\r\n"); p && strncmp(p, "\r\n\r\n", 4); p = strstr(p, "\r\n")) {
        p += 2;
        size_t skip = !strncasecmp(p, name, n) ? n : (*p | 32) == compact ? 1 : 0;
        const char *v = p + skip + strspn(p + skip, " \t");
        if (!skip || *v != ':')
            continue;
        v += 1 + strspn(v + 1, " \t");
        snprintf(buf, size, "%.*s", (int)strcspn(v, "\r\n"), v);
        return true;
    }
    if (size)
        buf[0] = 0;
    return false;
}

/* ---- requests ---- */

static size_t write_request(struct peer_call *c, char *buf, size_t size, const char *method,
                            uint32_t cseq, const char *body)
{
    struct peer_sip *s = &c->sip;
    char to[128] = "";
    if (s->to_tag[0])
        snprintf(to, sizeof(to), ";tag=%s", s->to_tag);
    int n = snprintf(
        buf, size,
        "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;branch=%s;rport\r\nMax-Forwards: 70\r\n"
        "From: \"%s\" <sip:%s@%s:%d>;tag=%s\r\nTo: <%s>%s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n"
        "Contact: <sip:%s@%s:%d>\r\nUser-Agent: mcu_peer\r\n"
        "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO\r\n%sContent-Length: %zu\r\n\r\n%s",
        method, s->target, c->local, c->sip_port, s->branch, c->name, c->user, c->local, c->sip_port,
        s->from_tag, s->uri, to, s->call_id, cseq, method, c->user, c->local, c->sip_port,
        body[0] ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

static void new_branch(struct peer_sip *s)
{
    snprintf(s->branch, sizeof(s->branch), "z9hG4bK%08x%08x", (unsigned)rand(), (unsigned)rand());
}

/* Sends a request and keeps it until it is answered. */
static void begin_request(struct peer_call *c, const char *method, const char *body, int64_t now_ns)
{
    struct peer_sip *s = &c->sip;
    new_branch(s);
    s->request_bytes = write_request(c, s->request, sizeof(s->request), method, ++s->cseq, body);
    s->waiting = true;
    s->provisional = false;
    s->retry_ms = T1_MS;
    s->retry_ns = now_ns + T1_MS * MCU_NS_PER_MS;
    s->give_up_ns = now_ns + 64 * T1_MS * MCU_NS_PER_MS;
    transmit(c, s->request, s->request_bytes);
}

static void begin_invite(struct peer_call *c, int64_t now_ns)
{
    char body[4096];
    c->sip.version++;
    peer_sdp_write(c, body, sizeof(body));
    begin_request(c, "INVITE", body, now_ns);
    c->sip.invite_cseq = c->sip.cseq;
}

void peer_sip_call(struct peer_call *c, int64_t now_ns)
{
    struct peer_sip *s = &c->sip;
    char server[MCU_ADDR_TEXT];
    mcu_addr_text(&c->o->server, server);
    snprintf(s->call_id, sizeof(s->call_id), "%08x%08x-%d@%.20s", (unsigned)rand(), (unsigned)rand(),
             c->index, c->local);
    snprintf(s->from_tag, sizeof(s->from_tag), "%08x", (unsigned)rand());
    snprintf(s->uri, sizeof(s->uri), "sip:%.100s@%s", c->o->room, server);
    snprintf(s->target, sizeof(s->target), "%s", s->uri);
    s->invite_ns = now_ns;
    c->state = PEER_CALLING;
    begin_invite(c, now_ns);
}

void peer_sip_reinvite(struct peer_call *c, enum mcu_sdp_direction direction, int64_t now_ns)
{
    c->sip.direction = direction;
    if (c->state == PEER_UP && !c->sip.waiting)
        begin_invite(c, now_ns);
}

static void end(struct peer_call *c, const char *reason, int64_t now_ns)
{
    c->state = PEER_ENDED;
    c->sip.waiting = false;
    c->sip.end_ns = now_ns;
    if (!c->sip.reason[0])
        snprintf(c->sip.reason, sizeof(c->sip.reason), "%s", reason);
}

/* A call that is not answered yet is let go with CANCEL's younger brother: it just ends (the
 * server's ACK wait and leg timeout are under test then). */
void peer_sip_bye(struct peer_call *c, int64_t now_ns)
{
    if (c->state != PEER_UP) {
        end(c, "not answered", now_ns);
        return;
    }
    c->state = PEER_LEAVING;
    begin_request(c, "BYE", "", now_ns);
    c->sip.give_up_ns = now_ns + 3 * MCU_NS_PER_S;
}

/* ---- answers to our requests ---- */

static void send_ack(struct peer_call *c, int status)
{
    struct peer_sip *s = &c->sip;
    if (status < 300)
        new_branch(s); /* RFC 3261 13.2.2.4: a transaction of its own; 17.1.1.3: else that of INVITE */
    size_t n = write_request(c, s->ack, sizeof(s->ack), "ACK", s->invite_cseq, "");
    transmit(c, s->ack, n);
}

static void take_dialog(struct peer_call *c, const char *msg)
{
    char to[512], contact[512];
    header(msg, "To", 't', to, sizeof(to));
    const char *tag = strstr(to, ";tag=");
    if (tag)
        snprintf(c->sip.to_tag, sizeof(c->sip.to_tag), "%.*s", (int)strcspn(tag + 5, ";> "), tag + 5);
    if (header(msg, "Contact", 'm', contact, sizeof(contact))) {
        const char *from = strchr(contact, '<');
        from = from ? from + 1 : contact;
        snprintf(c->sip.target, sizeof(c->sip.target), "%.*s", (int)strcspn(from, ">"), from);
    }
}

static void answered(struct peer_call *c, const char *msg, int64_t now_ns)
{
    const char *body = strstr(msg, "\r\n\r\n");
    bool first = c->state == PEER_CALLING;
    take_dialog(c, msg);
    send_ack(c, 200);
    if (!body || peer_sdp_take(c, body + 4, strlen(body + 4)) < 0)
        snprintf(c->sip.reason, sizeof(c->sip.reason), "no usable SDP in the answer");
    if (!first) {
        c->sip.reinvites_ok++;
        return;
    }
    c->sip.ok_ns = now_ns;
    c->state = PEER_UP;
    if (peer_rx_begin(c) < 0 ||
        peer_source_begin(c->source, c->ptime_ms, c->h264_mode1, c->max_bps) < 0)
        fprintf(stderr, "%s: codecs did not start\n", c->name);
}

static void invite_final(struct peer_call *c, int status, const char *msg, int64_t now_ns)
{
    bool first = c->state == PEER_CALLING;
    *(first ? &c->sip.status : &c->sip.last_reinvite_status) = status;
    if (status < 300) {
        answered(c, msg, now_ns);
        return;
    }
    if (!c->sip.to_tag[0])
        take_dialog(c, msg);
    send_ack(c, status);
    if (first)
        end(c, "refused", now_ns);
}

static void take_response(struct peer_call *c, const char *msg, int64_t now_ns)
{
    struct peer_sip *s = &c->sip;
    int status = atoi(msg + 8);
    char cseq[64];
    header(msg, "CSeq", 0, cseq, sizeof(cseq));
    bool invite = strstr(cseq, "INVITE") != NULL;
    if (status < 200) {
        s->provisional = true;
        return;
    }
    if (strtoul(cseq, NULL, 10) != s->cseq || !s->waiting) {
        if (invite && strtoul(cseq, NULL, 10) == s->invite_cseq && s->ack[0])
            transmit(c, s->ack, strlen(s->ack)); /* our ACK was lost */
        return;
    }
    s->waiting = false;
    if (invite)
        invite_final(c, status, msg, now_ns);
    else if (c->state == PEER_LEAVING)
        end(c, "we hung up", now_ns);
}

/* ---- requests of the server ---- */

static void reply(struct peer_call *c, const char *msg, const char *status, const char *body)
{
    char buf[8192], value[1024];
    size_t at = (size_t)snprintf(buf, sizeof(buf), "SIP/2.0 %s\r\n", status);
    for (const char *p = strstr(msg, "\r\n"); p && strncmp(p, "\r\n\r\n", 4);) {
        p += 2;
        if (!strncasecmp(p, "Via", 3) || !strncasecmp(p, "v:", 2))
            at += (size_t)snprintf(buf + at, sizeof(buf) - at, "%.*s\r\n", (int)strcspn(p, "\r\n"), p);
        p = strstr(p, "\r\n");
        if (at > 4000)
            return;
    }
    static const struct {
        const char *name;
        char compact;
    } copied[] = { { "From", 'f' }, { "To", 't' }, { "Call-ID", 'i' }, { "CSeq", 0 } };
    for (int i = 0; i < 4; i++)
        if (header(msg, copied[i].name, copied[i].compact, value, sizeof(value)))
            at += (size_t)snprintf(buf + at, sizeof(buf) - at, "%s: %s\r\n", copied[i].name, value);
    at += (size_t)snprintf(buf + at, sizeof(buf) - at,
                           "Contact: <sip:%s@%s:%d>\r\n%sContent-Length: %zu\r\n\r\n%s", c->user,
                           c->local, c->sip_port,
                           body[0] ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
    transmit(c, buf, at);
}

static void take_bye(struct peer_call *c, const char *msg, int64_t now_ns)
{
    char reason[128];
    reply(c, msg, "200 OK", "");
    header(msg, "Reason", 0, reason, sizeof(reason));
    c->sip.ended_by_server = true;
    end(c, reason[0] ? reason : "BYE", now_ns);
}

static void take_reinvite(struct peer_call *c, const char *msg)
{
    char body[4096];
    const char *sdp = strstr(msg, "\r\n\r\n");
    c->sip.reinvites_in++;
    if (sdp && sdp[4])
        peer_sdp_take(c, sdp + 4, strlen(sdp + 4));
    peer_sdp_write(c, body, sizeof(body));
    reply(c, msg, "200 OK", body);
}

static void take_request(struct peer_call *c, const char *msg, int64_t now_ns)
{
    if (!strncmp(msg, "BYE ", 4)) {
        take_bye(c, msg, now_ns);
    } else if (!strncmp(msg, "INVITE ", 7)) {
        take_reinvite(c, msg);
    } else if (!strncmp(msg, "INFO ", 5)) {
        c->sip.infos++;
        if (strstr(msg, "picture_fast_update")) /* RFC 5168 */
            peer_source_keyframe(c->source);
        reply(c, msg, "200 OK", "");
    } else if (strncmp(msg, "ACK ", 4)) {
        c->sip.options += !strncmp(msg, "OPTIONS ", 8);
        reply(c, msg, "200 OK", "");
    }
}

void peer_sip_receive(struct peer_call *c, const char *msg, size_t size, int64_t now_ns)
{
    if (c->o->verbose)
        fprintf(stderr, "--- %s receives\n%.*s\n", c->name, (int)size, msg);
    if (!strncmp(msg, "SIP/2.0 ", 8))
        take_response(c, msg, now_ns);
    else
        take_request(c, msg, now_ns);
}

/* Sends again what is not answered (RFC 3261 17.1.1.2, 17.1.2.2). */
int64_t peer_sip_poll(struct peer_call *c, int64_t now_ns)
{
    struct peer_sip *s = &c->sip;
    if (!s->waiting)
        return INT64_MAX;
    if (now_ns >= s->give_up_ns) {
        s->waiting = false;
        if (c->state == PEER_CALLING || c->state == PEER_LEAVING)
            end(c, "no answer", now_ns);
        return INT64_MAX;
    }
    bool invite = s->cseq == s->invite_cseq;
    if (now_ns >= s->retry_ns && !(invite && s->provisional)) {
        s->retransmits++;
        transmit(c, s->request, s->request_bytes);
        s->retry_ms = s->retry_ms < 4000 ? s->retry_ms * 2 : 4000;
        s->retry_ns = now_ns + s->retry_ms * MCU_NS_PER_MS;
    }
    return invite && s->provisional ? s->give_up_ns : s->retry_ns;
}
