#include "tests/e2e/sip/sip_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mixer/base/clock.h"

const char sdp[] = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
                   "t=0 0\r\nm=audio 40000 RTP/AVP 0\r\n";

/* ---- the server, on a loop of its own ---- */

static void note(struct server *s, const char *fmt, ...) MCU_PRINTF(2, 3);
static void note(struct server *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    pthread_mutex_lock(&s->lock);
    vsnprintf(s->log[s->logged++ % 64], sizeof(s->log[0]), fmt, ap);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    va_end(ap);
}

static void on_invite(struct mcu_sip_call *call, const struct mcu_sip_invite *invite, void *arg)
{
    struct server *s = arg;
    s->last = call;
    pthread_mutex_lock(&s->lock);
    s->calls++;
    s->invites++;
    snprintf(s->room, sizeof(s->room), "%s", invite->room);
    pthread_mutex_unlock(&s->lock);
    mcu_sip_call_set_arg(call, s);
    assert_non_null(invite->from_uri);
    assert_non_null(invite->from_name);
    note(s, "invite room=%.40s from=%.40s name=%.20s", invite->room, invite->from_uri,
         invite->from_name);
    if (!s->silent)
        mcu_sip_accept(call, sdp);
}

static void on_reinvite(struct mcu_sip_call *call, const char *body, size_t body_bytes, void *arg)
{
    note(arg, "reinvite %zu", body_bytes);
    mcu_sip_accept(call, sdp);
}

static void on_ack(struct mcu_sip_call *call, const char *body, size_t body_bytes, void *arg)
{
    note(arg, "ack %zu", body_bytes);
}

static void on_answered(struct mcu_sip_call *call, const char *body, size_t body_bytes, void *arg)
{
    note(arg, "answered %zu", body_bytes);
}

static void on_keyframe(struct mcu_sip_call *call, void *arg)
{
    note(arg, "keyframe");
}

static void on_dtmf(struct mcu_sip_call *call, char key, void *arg)
{
    note(arg, "dtmf %c", key);
}

static void on_ended(struct mcu_sip_call *call, int status, const char *reason, void *arg)
{
    struct server *s = arg;
    assert_ptr_equal(mcu_sip_call_arg(call), s); /* once: the arg goes with it */
    mcu_sip_call_set_arg(call, NULL);
    if (s->last == call)
        s->last = NULL;
    pthread_mutex_lock(&s->lock);
    s->calls--;
    s->ended++;
    pthread_mutex_unlock(&s->lock);
    note(s, "ended %d %s", status, reason);
}

static const struct mcu_sip_events events = {
    .invite = on_invite,
    .reinvite = on_reinvite,
    .ack = on_ack,
    .answered = on_answered,
    .keyframe_wanted = on_keyframe,
    .dtmf = on_dtmf,
    .ended = on_ended,
};

static struct timespec deadline(int ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000L;
    if (t.tv_nsec >= 1000000000L)
        t.tv_sec++, t.tv_nsec -= 1000000000L;
    return t;
}

void expect_event(struct server *s, const char *prefix)
{
    struct timespec until = deadline(PATIENCE_MS);
    bool found = false;
    int rc = 0;
    pthread_mutex_lock(&s->lock);
    while (!found && rc == 0) {
        while (s->read < s->logged && !found)
            found = strncmp(s->log[s->read++ % 64], prefix, strlen(prefix)) == 0;
        if (!found)
            rc = pthread_cond_timedwait(&s->changed, &s->lock, &until);
    }
    pthread_mutex_unlock(&s->lock);
    if (!found)
        fail_msg("no event \"%s\"; the last was \"%s\"", prefix,
                 s->logged ? s->log[(s->logged - 1) % 64] : "");
}

void wait_calls(struct server *s, int calls, int ms)
{
    struct timespec until = deadline(ms);
    int rc = 0;
    pthread_mutex_lock(&s->lock);
    while (s->calls != calls && rc == 0)
        rc = pthread_cond_timedwait(&s->changed, &s->lock, &until);
    int left = s->calls;
    pthread_mutex_unlock(&s->lock);
    assert_int_equal(left, calls);
}

int free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static void start(void *arg)
{
    struct server *s = arg;
    s->rc = mcu_sip_new(&s->sip, s->loop, &s->config, &events, s);
}

struct server *server_new(int max_calls_per_s, int max_calls)
{
    struct server *s = calloc(1, sizeof(*s));
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    assert_int_equal(mcu_loop_new(&s->loop, "control", false), 0);
    assert_int_equal(mcu_loop_start(s->loop), 0);
    s->rc = -EADDRINUSE;
    for (int i = 0; i < 5 && s->rc == -EADDRINUSE; i++) {
        s->config = (struct mcu_sip_config){ .address = "127.0.0.1",
                                             .port = free_port(),
                                             .user_agent = "test",
                                             .max_calls_per_s = max_calls_per_s,
                                             .max_calls = max_calls,
                                             .t1_ms = T1_MS };
        mcu_loop_call(s->loop, start, s);
    }
    assert_int_equal(s->rc, 0);
    return s;
}

static void on_done(void *arg)
{
    struct server *s = arg;
    mcu_sip_free(&s->sip);
    s->done = true;
    note(s, "done");
}

void shut(void *arg)
{
    struct server *s = arg;
    mcu_sip_shutdown(s->sip, 300, on_done, s);
}

int64_t now_ms(void)
{
    return mcu_clock_now_ns() / MCU_NS_PER_MS;
}

void server_free(struct server *s)
{
    int64_t begun = now_ms();
    mcu_loop_call(s->loop, shut, s);
    expect_event(s, "done");
    assert_true(now_ms() - begun < 1500);
    assert_int_equal(s->calls, 0);
    mcu_loop_stop(s->loop);
    mcu_loop_free(&s->loop);
    free(s);
}

/* ---- the peer ---- */

struct peer *peer_new(struct server *s, int type)
{
    struct peer *p = calloc(1, sizeof(*p));
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(a);
    p->s = s;
    p->transport = type == SOCK_STREAM ? "TCP" : "UDP";
    p->fd = socket(AF_INET, type, 0);
    assert_int_equal(bind(p->fd, (struct sockaddr *)&a, size), 0);
    assert_int_equal(getsockname(p->fd, (struct sockaddr *)&a, &size), 0);
    p->port = ntohs(a.sin_port);
    a.sin_port = htons((uint16_t)s->config.port);
    assert_int_equal(connect(p->fd, (struct sockaddr *)&a, size), 0);
    return p;
}

void peer_free(struct peer *p)
{
    close(p->fd);
    free(p);
}

void new_dialog(struct peer *p)
{
    snprintf(p->call_id, sizeof(p->call_id), "c%d-%d", p->port, ++p->next_id);
    p->to_tag[0] = '\0';
    p->cseq = 0;
}

void send_request(struct peer *p, const char *method, const char *user, int via_port,
                  const char *headers, const char *body, size_t body_bytes)
{
    static char out[256 * 1024];
    char contact[128];
    snprintf(contact, sizeof(contact), "<sip:peer@127.0.0.1:%d>", p->port);
    bool ack = strcmp(method, "ACK") == 0;
    int n = snprintf(out, sizeof(out),
                     "%s sip:%s%s127.0.0.1:%d SIP/2.0\r\n"
                     "Via: SIP/2.0/%s 127.0.0.1:%d;branch=z9hG4bK%s-%d%s\r\n"
                     "From: <sip:peer@127.0.0.1:%d>;tag=t\r\nTo: <sip:x@127.0.0.1>%s%s\r\n"
                     "Call-ID: %s\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\n"
                     "Contact: %s\r\n%sContent-Length: %zu\r\n\r\n",
                     method, user, *user ? "@" : "", p->s->config.port, p->transport,
                     via_port ? via_port : p->port, p->call_id, ack ? p->cseq : p->cseq + 1, method,
                     p->port, *p->to_tag ? ";tag=" : "", p->to_tag, p->call_id,
                     ack ? p->cseq : p->cseq + 1, method,
                     p->contact ? p->contact : contact, headers, body_bytes);
    if (!ack)
        p->cseq++;
    memcpy(out + n, body ? body : "", body_bytes);
    assert_true(send(p->fd, out, (size_t)n + body_bytes, MSG_NOSIGNAL) > 0);
}

void send_invite(struct peer *p, const char *user)
{
    send_request(p, "INVITE", user, 0, "Content-Type: application/sdp\r\n", sdp, strlen(sdp));
}

const char *header(struct peer *p, const char *name)
{
    static char value[512];
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "\r\n%s: ", name);
    const char *at = strcasestr(p->in, wanted);
    const char *begin = at ? at + strlen(wanted) : "";
    snprintf(value, sizeof(value), "%.*s", (int)strcspn(begin, "\r\n"), begin);
    return value;
}

bool receive(struct peer *p, int ms)
{
    struct pollfd f = { .fd = p->fd, .events = POLLIN };
    if (poll(&f, 1, ms) <= 0)
        return false;
    ssize_t n = recv(p->fd, p->in, sizeof(p->in) - 1, 0);
    p->in[n > 0 ? n : 0] = '\0';
    return n > 0;
}

void expect(struct peer *p, const char *start_line)
{
    int64_t until = now_ms() + PATIENCE_MS;
    while (now_ms() < until && receive(p, PATIENCE_MS)) {
        /* A stream may bring two at once. */
        char *begin = strstr(p->in, start_line);
        if (!begin || (begin != p->in && begin[-1] != '\n'))
            continue;
        memmove(p->in, begin, strlen(begin) + 1);
        const char *tag = strstr(header(p, "To"), "tag=");
        if (tag && strncmp(p->in, "SIP", 3) == 0)
            snprintf(p->to_tag, sizeof(p->to_tag), "%s", tag + 4);
        return;
    }
    fail_msg("wanted %s, the last message was:\n%s", start_line, p->in);
}

void reply(struct peer *p, const char *status, const char *body)
{
    char out[4096], via[256], from[256], to[256], id[128], cseq[64];
    snprintf(via, sizeof(via), "%.255s", header(p, "Via"));
    snprintf(from, sizeof(from), "%.255s", header(p, "From"));
    snprintf(to, sizeof(to), "%.255s", header(p, "To"));
    snprintf(id, sizeof(id), "%.127s", header(p, "Call-ID"));
    snprintf(cseq, sizeof(cseq), "%.63s", header(p, "CSeq"));
    int n = snprintf(out, sizeof(out),
                     "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s\r\nCall-ID: %s\r\nCSeq: %s\r\n"
                     "Contact: <sip:peer@127.0.0.1:%d>\r\n%sContent-Length: %zu\r\n\r\n%s",
                     status, via, from, to, strstr(to, "tag=") ? "" : ";tag=mine", id, cseq,
                     p->port, body ? "Content-Type: application/sdp\r\n" : "",
                     body ? strlen(body) : 0, body ? body : "");
    assert_true(send(p->fd, out, (size_t)n, MSG_NOSIGNAL) > 0);
}

void call(struct peer *p, const char *user)
{
    new_dialog(p);
    send_invite(p, user);
    expect(p, "SIP/2.0 200");
    send_request(p, "ACK", user, 0, "", NULL, 0);
}

void hang_up(struct peer *p, const char *user)
{
    send_request(p, "BYE", user, 0, "", NULL, 0);
    expect(p, "SIP/2.0 200");
}

void is_alive(struct peer *p)
{
    new_dialog(p);
    send_request(p, "OPTIONS", "x", 0, "", NULL, 0);
    char wanted[128];
    snprintf(wanted, sizeof(wanted), "%s", p->call_id);
    do
        expect(p, "SIP/2.0 200");
    while (strcmp(header(p, "Call-ID"), wanted) != 0);
}

void hang(void *arg)
{
    struct server *s = arg;
    mcu_sip_hangup(s->last, "enough \"of\" this");
    mcu_sip_hangup(s->last, "twice");
}

int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->s = server_new(10000, 1000);
    f->p = peer_new(f->s, SOCK_DGRAM);
    *state = f;
    return 0;
}

int teardown(void **state)
{
    struct fixture *f = *state;
    server_free(f->s);
    peer_free(f->p);
    free(f);
    return 0;
}

void rig_begin(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    signal(SIGPIPE, SIG_IGN);
}
