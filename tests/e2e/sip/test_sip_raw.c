/* net/sip.h against a peer that writes its own messages: time-outs, limits, odd and hostile input.
 * T1 is 10 ms here, so what takes 32 s in life (64 T1) takes 0.64 s. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "net/loop.h"
#include "net/sip.h"

#define T1_MS       10
#define TIMEOUT_MS  (64 * T1_MS)
#define PATIENCE_MS 3000

static const char sdp[] = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
                          "t=0 0\r\nm=audio 40000 RTP/AVP 0\r\n";

/* ---- the server, on a loop of its own ---- */

struct server {
    struct mcu_loop *loop;
    struct mcu_sip *sip;
    struct mcu_sip_config config;
    int rc;
    bool silent; /* invites wait for the test to answer them */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char log[64][128]; /* events, a ring */
    int logged, read;
    int calls, invites, ended; /* under the lock */
    bool done;
    struct mcu_sip_call *last; /* its thread only */
    char room[256];
};

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

/* Waits for the next event that begins so, passing over others. */
static void expect_event(struct server *s, const char *prefix)
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

static void wait_calls(struct server *s, int calls, int ms)
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

static int free_port(void)
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

static struct server *server_new(int max_calls_per_s, int max_calls)
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

static void shut(void *arg)
{
    struct server *s = arg;
    mcu_sip_shutdown(s->sip, 300, on_done, s);
}

static int64_t now_ms(void)
{
    return mcu_clock_now_ns() / MCU_NS_PER_MS;
}

static void server_free(struct server *s)
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

struct peer {
    int fd, port;
    const char *transport;
    struct server *s;
    char in[65536]; /* the last message received */
    int next_id;
    char call_id[64], to_tag[64];
    int cseq;
    const char *contact; /* NULL: a good one */
};

static struct peer *peer_new(struct server *s, int type)
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

static void peer_free(struct peer *p)
{
    close(p->fd);
    free(p);
}

static void new_dialog(struct peer *p)
{
    snprintf(p->call_id, sizeof(p->call_id), "c%d-%d", p->port, ++p->next_id);
    p->to_tag[0] = '\0';
    p->cseq = 0;
}

/* headers: complete lines; body may be NULL. The via port is the peer's unless given. */
static void send_request(struct peer *p, const char *method, const char *user, int via_port,
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

static void send_invite(struct peer *p, const char *user)
{
    send_request(p, "INVITE", user, 0, "Content-Type: application/sdp\r\n", sdp, strlen(sdp));
}

/* The value of a header of the last message, or "". */
static const char *header(struct peer *p, const char *name)
{
    static char value[512];
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "\r\n%s: ", name);
    const char *at = strcasestr(p->in, wanted);
    const char *begin = at ? at + strlen(wanted) : "";
    snprintf(value, sizeof(value), "%.*s", (int)strcspn(begin, "\r\n"), begin);
    return value;
}

/* The next message within ms: false if none. */
static bool receive(struct peer *p, int ms)
{
    struct pollfd f = { .fd = p->fd, .events = POLLIN };
    if (poll(&f, 1, ms) <= 0)
        return false;
    ssize_t n = recv(p->fd, p->in, sizeof(p->in) - 1, 0);
    p->in[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* Passes over what is not the wanted message: "SIP/2.0 200" or "BYE". */
static void expect(struct peer *p, const char *start_line)
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

/* Answers the request received last. */
static void reply(struct peer *p, const char *status, const char *body)
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

static void call(struct peer *p, const char *user)
{
    new_dialog(p);
    send_invite(p, user);
    expect(p, "SIP/2.0 200");
    send_request(p, "ACK", user, 0, "", NULL, 0);
}

static void hang_up(struct peer *p, const char *user)
{
    send_request(p, "BYE", user, 0, "", NULL, 0);
    expect(p, "SIP/2.0 200");
}

static void is_alive(struct peer *p)
{
    new_dialog(p);
    send_request(p, "OPTIONS", "x", 0, "", NULL, 0);
    char wanted[128];
    snprintf(wanted, sizeof(wanted), "%s", p->call_id);
    do
        expect(p, "SIP/2.0 200");
    while (strcmp(header(p, "Call-ID"), wanted) != 0);
}

struct fixture {
    struct server *s;
    struct peer *p;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->s = server_new(10000, 1000);
    f->p = peer_new(f->s, SOCK_DGRAM);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    server_free(f->s);
    peer_free(f->p);
    free(f);
    return 0;
}

/* ---- tests ---- */

static void r_socket_is_not_deaf_after_an_icmp_error(void **state)
{
    struct fixture *f = *state;
    uint64_t before = mcu_counter_get(MCU_CNT_SIP_SOCKET_REARMED);
    is_alive(f->p);
    for (int i = 0; i < 5; i++) {
        new_dialog(f->p);
        /* Its answer goes to a port where nobody listens. */
        send_request(f->p, "OPTIONS", "x", free_port(), "", NULL, 0);
        is_alive(f->p);
    }
    for (int i = 0; i < 100 && mcu_counter_get(MCU_CNT_SIP_SOCKET_REARMED) == before; i++)
        is_alive(f->p);
    assert_true(mcu_counter_get(MCU_CNT_SIP_SOCKET_REARMED) > before);
}

static void call_without_ack_ends_with_bye(void **state)
{
    struct fixture *f = *state;
    new_dialog(f->p);
    int64_t begun = now_ms();
    send_invite(f->p, "room");
    expect(f->p, "SIP/2.0 200");
    expect(f->p, "SIP/2.0 200"); /* again: nobody acknowledges it */
    expect(f->p, "BYE ");
    assert_in_range(now_ms() - begun, TIMEOUT_MS - 50, TIMEOUT_MS * 3);
    expect_event(f->s, "ended 408");
    reply(f->p, "200 OK", NULL);
    is_alive(f->p);
}

static void hang(void *arg)
{
    struct server *s = arg;
    mcu_sip_hangup(s->last, "enough \"of\" this");
    mcu_sip_hangup(s->last, "twice");
}

static void bye_waits_for_the_ack(void **state)
{
    struct fixture *f = *state;
    new_dialog(f->p);
    send_invite(f->p, "room");
    expect(f->p, "SIP/2.0 200");
    mcu_loop_call(f->s->loop, hang, f->s);
    while (receive(f->p, 30))
        assert_true(strncmp(f->p->in, "SIP/2.0 200", 11) == 0);
    send_request(f->p, "ACK", "room", 0, "", NULL, 0);
    expect(f->p, "BYE ");
    assert_string_equal(header(f->p, "Reason"), "Q.850;cause=16;text=\"enough  of  this\"");
    reply(f->p, "200 OK", NULL);
    expect_event(f->s, "ended 0 enough");
}

static void unanswered_bye_ends_the_call(void **state)
{
    struct fixture *f = *state;
    call(f->p, "room");
    expect_event(f->s, "ack");
    mcu_loop_call(f->s->loop, hang, f->s);
    expect(f->p, "BYE ");
    expect(f->p, "BYE ");
    expect_event(f->s, "ended 0 enough");
}

/* teardown shuts down with a call whose peer never answers: within 300 ms, and ended once. */
static void shutdown_does_not_wait_for_the_dead(void **state)
{
    struct fixture *f = *state;
    call(f->p, "room");
    new_dialog(f->p);
    f->s->silent = true;
    send_invite(f->p, "ringing");
    expect_event(f->s, "ack");
    expect_event(f->s, "invite");
    mcu_loop_call(f->s->loop, shut, f->s);
    expect(f->p, "SIP/2.0 503");
    send_invite(f->p, "late");
    expect_event(f->s, "done");
    assert_int_equal(f->s->ended, 2);
    mcu_loop_stop(f->s->loop);
    mcu_loop_free(&f->s->loop);
    free(f->s);
    f->s = server_new(10, 10);
}

static void calls_above_the_rate_get_503(void **state)
{
    struct server *s = server_new(5, 1000);
    struct peer *p = peer_new(s, SOCK_DGRAM);
    int accepted = 0, refused = 0;
    for (int i = 0; i < 20; i++) {
        new_dialog(p);
        send_invite(p, "room");
    }
    while (accepted + refused < 20 && receive(p, PATIENCE_MS)) {
        accepted += strncmp(p->in, "SIP/2.0 200", 11) == 0 && strstr(header(p, "CSeq"), "INVITE");
        if (strncmp(p->in, "SIP/2.0 503", 11) == 0) {
            assert_string_equal(header(p, "Retry-After"), "5");
            refused++;
        }
        if (refused >= 15 - 1)
            break;
    }
    assert_in_range(refused, 14, 15);
    assert_in_range(s->invites, 5, 6);
    wait_calls(s, 0, PATIENCE_MS); /* no ACK came */
    server_free(s);
    peer_free(p);
}

static void calls_above_the_limit_get_503(void **state)
{
    struct server *s = server_new(1000, 2);
    struct peer *p = peer_new(s, SOCK_DGRAM);
    call(p, "a");
    call(p, "b");
    struct peer b = *p;
    new_dialog(p);
    send_invite(p, "c");
    expect(p, "SIP/2.0 503");
    send_request(p, "ACK", "c", 0, "", NULL, 0);
    hang_up(&b, "b");
    wait_calls(s, 1, PATIENCE_MS);
    p->next_id = 10;
    call(p, "d");
    hang_up(p, "d");
    server_free(s);
    peer_free(p);
}

static void bodies_that_are_no_sdp_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const headers[] = {
        "Content-Type: image/gif\r\n",
        "Content-Type: multipart/mixed;boundary=x\r\n",
        "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n",
        "",
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(headers); i++) {
        new_dialog(f->p);
        send_request(f->p, "INVITE", "room", 0, headers[i], "GIF89a", 6);
        expect(f->p, "SIP/2.0 415");
        assert_non_null(strstr(header(f->p, "Accept"), "application/sdp"));
        send_request(f->p, "ACK", "room", 0, "", NULL, 0);
    }
    assert_int_equal(f->s->invites, 0);
}

static void large_bodies_are_refused(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = { 70 * 1024, 200 * 1024 };
    char *body = malloc(200 * 1024);
    memset(body, 'a', 200 * 1024);
    memcpy(body, "v=0", 3);
    for (size_t i = 0; i < MCU_ARRAY_LEN(sizes); i++) {
        struct peer *p = peer_new(f->s, SOCK_STREAM);
        new_dialog(p);
        send_request(p, "INVITE", "room", 0, "Content-Type: application/sdp\r\n", body, sizes[i]);
        expect(p, "SIP/2.0 413");
        peer_free(p);
    }
    free(body);
    assert_int_equal(f->s->invites, 0);
    is_alive(f->p);
}

static void rooms_come_decoded_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    char longest[400];
    call(f->p, "caf%C3%A9%20x");
    hang_up(f->p, "caf%C3%A9%20x");
    assert_string_equal(f->s->room, "caf\xc3\xa9 x");
    call(f->p, "");
    hang_up(f->p, "");
    assert_string_equal(f->s->room, "");
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    new_dialog(f->p);
    send_invite(f->p, longest);
    expect(f->p, "SIP/2.0 414");
}

static const char *const bad_contacts[] = { "<tel:+123>", "*", "<sip:>", "<http://x/>", "sip:",
                                            "<sip:peer@127.0.0.1>, <tel:+123>", "<urn:x:y>" };

/* A target that nothing can be sent to made the stack's own BYE recurse until the stack was full. */
static void r_call_with_a_contact_of_no_use_is_refused(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < MCU_ARRAY_LEN(bad_contacts); i++) {
        new_dialog(f->p);
        f->p->contact = bad_contacts[i];
        send_invite(f->p, "room");
        expect(f->p, "SIP/2.0 400");
        send_request(f->p, "ACK", "room", 0, "", NULL, 0);
    }
    f->p->contact = NULL;
    new_dialog(f->p);
    send_request(f->p, "INVITE", "room", 0, "Record-Route: <tel:+123>\r\n", NULL, 0);
    expect(f->p, "SIP/2.0 ");
    poll(NULL, 0, TIMEOUT_MS + 100);
    is_alive(f->p);
    wait_calls(f->s, 0, PATIENCE_MS);
}

static void r_update_cannot_take_the_target_away(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < MCU_ARRAY_LEN(bad_contacts); i++) {
        new_dialog(f->p);
        send_invite(f->p, "room");
        expect(f->p, "SIP/2.0 200");
        f->p->contact = bad_contacts[i];
        send_request(f->p, "UPDATE", "room", 0, "", NULL, 0);
        f->p->contact = NULL;
    }
    /* Nobody sent an ACK: all of them are told BYE, at the address of the INVITE. */
    for (size_t i = 0; i < MCU_ARRAY_LEN(bad_contacts); i++) {
        expect(f->p, "BYE ");
        reply(f->p, "200 OK", NULL);
    }
    is_alive(f->p);
}

static void update_during_our_offer_waits(void **state)
{
    struct fixture *f = *state;
    new_dialog(f->p);
    send_request(f->p, "INVITE", "room", 0, "", NULL, 0);
    expect(f->p, "SIP/2.0 200");
    send_request(f->p, "UPDATE", "room", 0, "Content-Type: application/sdp\r\n", sdp, strlen(sdp));
    expect(f->p, "SIP/2.0 491");
    f->p->cseq = 1;
    send_request(f->p, "ACK", "room", 0, "Content-Type: application/sdp\r\n", sdp, strlen(sdp));
    f->p->cseq = 2;
    char wanted[32];
    snprintf(wanted, sizeof(wanted), "ack %zu", strlen(sdp));
    expect_event(f->s, wanted);
    hang_up(f->p, "room");
    expect_event(f->s, "ended 0 peer");
}

/* ---- outgoing ---- */

static void dial(void *arg)
{
    struct peer *p = arg;
    char uri[64];
    struct mcu_sip_call *c = NULL;
    snprintf(uri, sizeof(uri), "sip:peer@127.0.0.1:%d", p->port);
    assert_int_equal(mcu_sip_call_out(&c, p->s->sip, uri, NULL, "room <1>", sdp, NULL, p->s), 0);
    p->s->last = c;
    p->s->calls++;
}

static void dial_badly(void *arg)
{
    struct peer *p = arg;
    static const char *const uris[] = { "", "x", "sip:", "http://127.0.0.1/", "tel:123", "sip:a@" };
    struct mcu_sip_call *c = NULL;
    for (size_t i = 0; i < MCU_ARRAY_LEN(uris); i++)
        assert_int_equal(mcu_sip_call_out(&c, p->s->sip, uris[i], NULL, "x", sdp, NULL, p->s), -EINVAL);
}

static void outgoing_call_is_answered_and_hung_up(void **state)
{
    struct fixture *f = *state;
    mcu_loop_call(f->s->loop, dial_badly, f->p);
    mcu_loop_call(f->s->loop, dial, f->p);
    expect(f->p, "INVITE ");
    assert_non_null(strstr(header(f->p, "From"), "sip:room%20%3C1%3E@127.0.0.1"));
    assert_non_null(strstr(header(f->p, "Contact"), ";isfocus"));
    assert_non_null(strstr(f->p->in, "m=audio"));
    reply(f->p, "180 Ringing", NULL);
    reply(f->p, "200 OK", sdp);
    expect(f->p, "ACK ");
    expect_event(f->s, "answered");
    mcu_loop_call(f->s->loop, hang, f->s);
    expect(f->p, "BYE ");
    reply(f->p, "200 OK", NULL);
    expect_event(f->s, "ended 0 enough");
}

static void outgoing_call_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const answers[] = { "486 Busy", "401 Unauthorized", "603 Decline",
                                           "407 Proxy\r\nProxy-Authenticate: Digest realm=x" };
    for (size_t i = 0; i < MCU_ARRAY_LEN(answers); i++) {
        char wanted[16];
        mcu_loop_call(f->s->loop, dial, f->p);
        expect(f->p, "INVITE ");
        reply(f->p, answers[i], NULL);
        expect(f->p, "ACK ");
        snprintf(wanted, sizeof(wanted), "ended %.3s", answers[i]);
        expect_event(f->s, wanted);
    }
}

static void ask_keyframe(void *arg)
{
    struct server *s = arg;
    mcu_sip_ask_keyframe(s->last);
}

/* nua waits for a password that never comes; neither the request nor the BYE behind it may. */
static void challenges_within_a_call_hold_nothing_up(void **state)
{
    static const char challenge[] = "401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"x\", "
                                    "nonce=\"n\", algorithm=MD5, qop=\"auth\"";
    struct fixture *f = *state;
    mcu_loop_call(f->s->loop, dial, f->p);
    expect(f->p, "INVITE ");
    reply(f->p, "200 OK", sdp);
    expect(f->p, "ACK ");
    expect_event(f->s, "answered");
    mcu_loop_call(f->s->loop, ask_keyframe, f->s);
    expect(f->p, "INFO ");
    reply(f->p, challenge, NULL);
    usleep(50 * 1000); /* the answer has to be there before the next request is made */
    mcu_loop_call(f->s->loop, hang, f->s);
    expect(f->p, "BYE ");
    reply(f->p, challenge, NULL);
    expect_event(f->s, "ended 0 enough");
}

static void outgoing_call_is_cancelled(void **state)
{
    struct fixture *f = *state;
    mcu_loop_call(f->s->loop, dial, f->p);
    expect(f->p, "INVITE ");
    char invite[4096];
    snprintf(invite, sizeof(invite), "%.4095s", f->p->in);
    reply(f->p, "180 Ringing", NULL);
    mcu_loop_call(f->s->loop, hang, f->s);
    expect(f->p, "CANCEL ");
    reply(f->p, "200 OK", NULL);
    strcpy(f->p->in, invite);
    reply(f->p, "487 Request Terminated", NULL);
    expect_event(f->s, "ended 0 enough");
    /* And one that nobody answers at all. */
    mcu_loop_call(f->s->loop, dial, f->p);
    expect_event(f->s, "ended 408");
}

/* ---- what should not be sent ---- */

#define HEAD(uri, from, to, contact)                                                               \
    "INVITE " uri " SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKodd%d\r\nFrom: " from   \
    "\r\nTo: " to "\r\nCall-ID: odd%d\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n" contact
#define PLAIN HEAD("sip:x@127.0.0.1", "<sip:a@b>;tag=1", "<sip:x@y>", "Contact: <sip:a@127.0.0.1>\r\n")
#define END   "Content-Length: 0\r\n\r\n"

/* Each is a format with the port once and a number of its own twice. */
static const char *const odd[] = {
    HEAD("sip:127.0.0.1", "<sip:b>;tag=1", "<sip:y>", "Contact: <sip:127.0.0.1>\r\n") END,
    HEAD("sip:127.0.0.1", "sip:b;tag=1", "sip:y", "") END,
    HEAD("sip:127.0.0.1", "tel:+1;tag=1", "sip:y", "") END,
    HEAD("sip:x@127.0.0.1", "\"\\\"\" <sip:b>;tag=1", "<sip:y>", "Contact: *\r\n") END,
    HEAD("sip:x@127.0.0.1", "\"unclosed <sip:b>;tag=1", "<sip:y>", "Contact: <sip:\r\n") END,
    HEAD("tel:+1234", "<tel:+5678>;tag=1", "<tel:+1234>", "Contact: <tel:+5678>\r\n") END,
    HEAD("sips:x@127.0.0.1", "<sips:b>;tag=1", "<sips:y>", "Contact: <sips:b@127.0.0.1>\r\n") END,
    HEAD("http://x/", "<http://b/>;tag=1", "<http://y/>", "Contact: <http://b/>\r\n") END,
    HEAD("urn:service:sos", "<sip:b>;tag=1", "<urn:service:sos>", "") END,
    HEAD("sip:%%00%%00@127.0.0.1", "<sip:%%00@b>;tag=1", "<sip:%%@y>", "") END,
    (HEAD("sip:x:password@127.0.0.1;transport=nonsense;maddr=1.2.3.4?a=b", "<sip:a@b>;tag=1",
          "<sip:x@y>", "Contact: <sip:a@127.0.0.1;lr;x=\"y\">;expires=-1\r\n") END),
    HEAD("sip:x@127.0.0.1", "<sip:a@b>", "<sip:x@y>;tag=made-up", "") END,
    PLAIN "Content-Length: -1\r\n\r\n",
    PLAIN "Content-Length: 99999999999999999999\r\n\r\n",
    PLAIN "Content-Length: 5000\r\n\r\nv=0\r\n",
    PLAIN "Content-Type:\r\nContent-Length: 3\r\n\r\nv=0",
    PLAIN "Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0",
    PLAIN "Content-Type: multipart/mixed\r\nContent-Length: 4\r\n\r\n----",
    PLAIN "Content-Encoding: ,\r\nContent-Length: 3\r\n\r\nv=0",
    PLAIN "Require: nothing-we-know\r\n" END,
    PLAIN "Proxy-Require: x\r\n" END,
    PLAIN "Require: 100rel\r\nSupported: 100rel\r\n" END,
    PLAIN "Session-Expires: 1\r\nSupported: timer\r\n" END,
    PLAIN "Session-Expires: 4294967295;refresher=uas\r\nMin-SE: 4294967295\r\nSupported: timer\r\n" END,
    PLAIN "Session-Expires: x\r\n" END,
    PLAIN "Replaces: odd1;from-tag=1;to-tag=2\r\n" END,
    PLAIN "Route: <sip:1.2.3.4;lr>, <sip:>, ,\r\nRecord-Route: <sip:1.2.3.4>\r\n" END,
    PLAIN "Subject:\r\n folded\r\n\tand folded\r\n" END,
    PLAIN "Max-Forwards: 0\r\n" END,
    PLAIN "CSeq: 2 BYE\r\n" END,
    PLAIN "Call-ID: another\r\n" END,
    PLAIN "Allow:\r\nAllow: ,,,\r\nUser-Agent: \xff\xfe\r\n" END,
    (PLAIN "Content-Type: application/sdp\r\nContent-Length: 59\r\n\r\n"
           "v=0\r\no=- 1 1 IN IP4 1.1.1.1\r\nm=application 5000 TCP/BFCP /1\r\n"),
    ("INVITE sip:x@127.0.0.1 SIP/7.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKodd%d\r\n"
    "Call-ID: odd%d\r\n\r\n"),
    "INVITE sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP :%d;branch=%d\r\nCall-ID: %d\r\n\r\n",
    ("INVITE  sip:x@127.0.0.1  SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d\r\n"
    "Call-ID: odd%d\r\n\r\n"),
    ("CANCEL sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d\r\nFrom: <sip:a>;tag=1"
    "\r\nTo: <sip:b>\r\nCall-ID: odd%d\r\nCSeq: 1 CANCEL\r\n" END),
    ("ACK sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d\r\nFrom: <sip:a>;tag=1\r\n"
    "To: <sip:b>;tag=9\r\nCall-ID: odd%d\r\nCSeq: 1 ACK\r\n" END),
    ("UNHEARD-OF sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d\r\nFrom: <sip:a>;"
    "tag=1\r\nTo: <sip:b>\r\nCall-ID: odd%d\r\nCSeq: 4294967296 UNHEARD-OF\r\n" END),
    ("PRACK sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d\r\nFrom: <sip:a>;tag=1"
    "\r\nTo: <sip:b>\r\nCall-ID: odd%d\r\nCSeq: 1 PRACK\r\nRAck: 1 1 INVITE\r\n" END),
    ("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d\r\nFrom: <sip:a>;tag=1\r\n"
    "To: <sip:b>;tag=2\r\nCall-ID: odd%d\r\nCSeq: 1 INVITE\r\nContact: <sip:c>\r\n" END),
    "SIP/2.0 9999999999 \r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d\r\nCall-ID: %d\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: %d.%d.%d\r\n\r\n",
    "\r\n\r\n",
    "%d%d%d",
    " ",
};

static void send_odd(struct peer *p, struct peer *stream)
{
    char out[4096];
    for (size_t i = 0; i < MCU_ARRAY_LEN(odd); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        int n = snprintf(out, sizeof(out), odd[i], p->port, (int)i + 1000 * (stream != NULL),
                         (int)i + 1000 * (stream != NULL));
#pragma GCC diagnostic pop
        if (!stream) {
            send(p->fd, out, (size_t)n, 0);
            is_alive(p);
            continue;
        }
        struct peer *s = peer_new(p->s, SOCK_STREAM);
        send(s->fd, out, (size_t)n, MSG_NOSIGNAL);
        receive(s, 5);
        peer_free(s);
        is_alive(p);
    }
}

static void odd_messages_do_no_harm(void **state)
{
    struct fixture *f = *state;
    send_odd(f->p, NULL);
    send_odd(f->p, f->p);
    wait_calls(f->s, 0, PATIENCE_MS); /* those that were good enough to be calls have ended */
    assert_int_equal(f->s->ended, f->s->invites);
    assert_true(f->s->invites > 10);
}

/* Every single byte of a good INVITE replaced, in turn, by a few bad ones. */
static void broken_bytes_do_no_harm(void **state)
{
    struct fixture *f = *state;
    static const char bad[] = { 0, '\n', '<', '"', ';', ' ', (char)0xff };
    char out[1024];
    int id = 5000;
    for (int at = 0, n = 1; at < n; at++)
        for (size_t b = 0; b < sizeof(bad); b++, id++) {
            n = snprintf(out, sizeof(out), PLAIN "Content-Type: application/sdp\r\n"
                         "Content-Length: 3\r\n\r\nv=0", f->p->port, id, id);
            out[at] = bad[b];
            send(f->p->fd, out, (size_t)n, 0);
            if (b == 0)
                is_alive(f->p);
        }
    is_alive(f->p);
    wait_calls(f->s, 0, 2 * PATIENCE_MS);
    assert_int_equal(f->s->ended, f->s->invites);
}

/* ---- memory ---- */

static void calls_in_a_row(struct peer *p, int n)
{
    for (int i = 0; i < n; i++) {
        call(p, "room");
        hang_up(p, "room");
    }
    wait_calls(p->s, 0, PATIENCE_MS);
    /* The stack remembers each transaction for 64 T1. */
    poll(NULL, 0, TIMEOUT_MS + 400);
    is_alive(p);
}

/* A leak shows in each round, a table that doubled only in one. */
static void calls_leave_no_memory_behind(void **state)
{
    struct fixture *f = *state;
    size_t before, after = 0;
    int rounds = 0;
    calls_in_a_row(f->p, 200);
    do {
        before = after ? after : mallinfo2().uordblks;
        calls_in_a_row(f->p, 200);
        after = mallinfo2().uordblks;
    } while (after > before + 200 * 50 && ++rounds < 4);
    assert_true(rounds < 4);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    signal(SIGPIPE, SIG_IGN);
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(r_socket_is_not_deaf_after_an_icmp_error),
        CASE(call_without_ack_ends_with_bye),
        CASE(bye_waits_for_the_ack),
        CASE(unanswered_bye_ends_the_call),
        CASE(shutdown_does_not_wait_for_the_dead),
        cmocka_unit_test(calls_above_the_rate_get_503),
        cmocka_unit_test(calls_above_the_limit_get_503),
        CASE(bodies_that_are_no_sdp_are_refused),
        CASE(large_bodies_are_refused),
        CASE(rooms_come_decoded_or_not_at_all),
        CASE(r_call_with_a_contact_of_no_use_is_refused),
        CASE(r_update_cannot_take_the_target_away),
        CASE(update_during_our_offer_waits),
        CASE(outgoing_call_is_answered_and_hung_up),
        CASE(outgoing_call_is_refused),
        CASE(challenges_within_a_call_hold_nothing_up),
        CASE(outgoing_call_is_cancelled),
        CASE(odd_messages_do_no_harm),
        CASE(broken_bytes_do_no_harm),
        CASE(calls_leave_no_memory_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
