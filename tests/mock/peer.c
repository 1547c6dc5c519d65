/* mcu_peer: calls a room, sends known sound and pictures, judges what comes back. See peer.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mixer/base/util.h"
#include "tests/mock/peer.h"

struct peer {
    struct peer_options o;
    struct peer_source *source;
    struct peer_call *calls;
    int epoll, next_port;
    int64_t t0_ns, real_minus_mono_ns, now_ns;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

/* ---- sockets ---- */

static int bind_udp(const char *local, int port)
{
    struct mcu_addr a;
    int one = 1, big = 4 << 20;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || mcu_addr_parse(&a, local, port) < 0)
        return -1;
    /* The kernel's arrival times: ours would have the decoder's pauses in them. */
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof(big));
    if (bind(fd, &a.u.sa, mcu_addr_len(&a)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* An even port for RTP and the next for RTCP. */
static bool bind_pair(struct peer *p, struct peer_call *c, int kind)
{
    int *fd = &c->fd[kind ? PEER_FD_VRTP : PEER_FD_ARTP];
    int span = (p->o.rtp_last - p->o.rtp_first) / 2;
    for (int i = 0; i < span; i++) {
        int port = p->next_port;
        p->next_port = port + 3 > p->o.rtp_last ? p->o.rtp_first : port + 2;
        fd[0] = bind_udp(c->local, port);
        fd[1] = fd[0] < 0 ? -1 : bind_udp(c->local, port + 1);
        c->port[kind] = port;
        if (fd[1] >= 0)
            return true;
        if (fd[0] >= 0)
            close(fd[0]);
        fd[0] = -1;
    }
    fprintf(stderr, "mcu_peer: no free RTP ports\n");
    return false;
}

static bool open_sip(struct peer *p, struct peer_call *c)
{
    struct mcu_addr a;
    socklen_t size = sizeof(a);
    int *fd = &c->fd[PEER_FD_SIP];
    *fd = bind_udp(p->o.local ? p->o.local : "0.0.0.0", 0);
    if (*fd < 0 || connect(*fd, &p->o.server.u.sa, mcu_addr_len(&p->o.server)) < 0 ||
        getsockname(*fd, &a.u.sa, &size) < 0)
        return false;
    c->sip_port = mcu_addr_port(&a);
    inet_ntop(AF_INET, &a.u.in4.sin_addr, c->local, sizeof(c->local));
    return true;
}

static bool open_call(struct peer *p, int index)
{
    struct peer_call *c = &p->calls[index];
    *c = (struct peer_call){ .o = &p->o, .source = p->source, .t0_ns = p->t0_ns, .index = index,
                             .fd = { -1, -1, -1, -1, -1 } };
    snprintf(c->name, sizeof(c->name), p->o.count > 1 ? "%.50s %d" : "%.50s", p->o.name, index + 1);
    snprintf(c->user, sizeof(c->user), "peer%d", index + 1);
    c->start_ns = p->t0_ns + (int64_t)index * p->o.stagger_ms * MCU_NS_PER_MS;
    peer_tx_init(c);
    if (!open_sip(p, c) || !bind_pair(p, c, PEER_AUDIO) || !bind_pair(p, c, PEER_VIDEO))
        return false;
    for (int i = 0; i < PEER_FDS; i++) {
        struct epoll_event e = { .events = EPOLLIN, .data.u64 = (uint64_t)index << 3 | (unsigned)i };
        epoll_ctl(p->epoll, EPOLL_CTL_ADD, c->fd[i], &e);
    }
    return true;
}

/* Arrival of a datagram on the monotonic clock. */
static int64_t arrival_ns(const struct peer *p, struct msghdr *m)
{
    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h))
        if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(h), sizeof(t));
            return t.tv_sec * MCU_NS_PER_S + t.tv_nsec - p->real_minus_mono_ns;
        }
    return mcu_clock_now_ns();
}

static void deliver(struct peer_call *c, int which, char *data, size_t size, int64_t at_ns)
{
    if (which == PEER_FD_SIP) {
        data[size] = 0;
        if (c->state != PEER_ENDED || !strncmp(data, "BYE", 3))
            peer_sip_receive(c, data, size, at_ns);
    } else if ((which - 1) % 2) {
        peer_rx_rtcp(c, (which - 1) / 2, (uint8_t *)data, size, at_ns);
    } else {
        peer_rx_rtp(c, (which - 1) / 2, (uint8_t *)data, size, at_ns);
    }
}

static int64_t send_due(struct peer *p);

static void receive(struct peer *p, struct peer_call *c, int which)
{
    static char data[65536];
    char control[128];
    for (int i = 0; i < 64; i++) {
        struct iovec io = { data, sizeof(data) - 1 };
        struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control,
                            .msg_controllen = sizeof(control) };
        ssize_t n = recvmsg(c->fd[which], &m, 0);
        if (n < 0)
            return;
        deliver(c, which, data, (size_t)n, arrival_ns(p, &m));
        if (which == PEER_FD_VRTP)
            send_due(p); /* sound does not wait for decoders */
    }
}

/* ---- sending and the script ---- */

static void fan_out(const struct peer_payload *payload, void *arg)
{
    struct peer *p = arg;
    for (int i = 0; i < p->o.count; i++)
        peer_tx_payload(&p->calls[i], payload, p->now_ns);
}

static int64_t send_due(struct peer *p)
{
    p->now_ns = mcu_clock_now_ns();
    return peer_source_run(p->source, p->now_ns, fan_out, p);
}

/* What a caller does by itself; returns when it wants to be asked again. */
static int64_t run_script(struct peer_call *c, int64_t now_ns)
{
    const struct peer_options *o = c->o;
    int64_t up_ns = now_ns - c->sip.ok_ns;
    int done = c->sip.reinvites_done;
    if (c->state == PEER_IDLE && now_ns >= c->start_ns)
        peer_sip_call(c, now_ns);
    if (c->state != PEER_UP)
        return c->state == PEER_IDLE ? c->start_ns : now_ns + 50 * MCU_NS_PER_MS;
    if (done < o->reinvite_count && up_ns >= (int64_t)(o->reinvite[done].at_s * 1e9)) {
        c->sip.reinvites_done++;
        peer_sip_reinvite(c, o->reinvite[done].direction, now_ns);
    }
    if (o->pli_every_ms && c->accepted[PEER_VIDEO] && now_ns >= c->eye.next_pli_ns) {
        c->eye.next_pli_ns = now_ns + o->pli_every_ms * MCU_NS_PER_MS;
        peer_tx_pli(c);
    }
    return now_ns + (o->pli_every_ms ? 5 : 20) * MCU_NS_PER_MS;
}

static void leave(struct peer_call *c, int64_t now_ns)
{
    if (c->state == PEER_UP)
        peer_tx_bye(c, now_ns);
    if (c->state != PEER_ENDED && c->state != PEER_LEAVING)
        peer_sip_bye(c, now_ns);
}

/* All calls: returns the time of the next turn, or 0 when everything is over. */
static int64_t turn(struct peer *p)
{
    int64_t next = send_due(p), now = p->now_ns;
    bool over = true, time_up = stop || now - p->t0_ns >= (int64_t)(p->o.seconds * 1e9);
    for (int i = 0; i < p->o.count; i++) {
        struct peer_call *c = &p->calls[i];
        if (time_up)
            leave(c, now);
        int64_t script = run_script(c, now), sip = peer_sip_poll(c, now), tx = peer_tx_poll(c, now);
        next = script < next ? script : next;
        next = sip < next ? sip : next;
        next = tx < next ? tx : next;
        over &= c->state == PEER_ENDED;
    }
    return over ? 0 : next;
}

static void loop(struct peer *p)
{
    struct epoll_event events[64];
    for (int64_t next; (next = turn(p)) != 0;) {
        int64_t wait_ns = next - mcu_clock_now_ns();
        int ms = wait_ns <= 0 ? 0 : (int)((wait_ns + MCU_NS_PER_MS - 1) / MCU_NS_PER_MS);
        int n = epoll_wait(p->epoll, events, (int)MCU_ARRAY_LEN(events), mcu_min(ms, 100));
        for (int i = 0; i < n; i++)
            receive(p, &p->calls[events[i].data.u64 >> 3], (int)(events[i].data.u64 & 7));
    }
}

/* ---- result ---- */

static int write_result(struct peer *p)
{
    json_t *callers = json_array();
    int answered = 0;
    for (int i = 0; i < p->o.count; i++) {
        json_array_append_new(callers, peer_report(&p->calls[i]));
        answered += p->calls[i].sip.status == 200;
    }
    if (p->o.dump_wav && p->calls[0].ear.pcm)
        peer_write_wav(p->o.dump_wav, p->calls[0].ear.pcm, p->calls[0].ear.frames);
    json_t *out = json_pack("{s:i, s:i, s:f, s:o}", "count", p->o.count, "answered", answered,
                            "own_late_max_ms", (double)(peer_source_late_max_ns(p->source) / 1000) / 1000,
                            "callers", callers);
    size_t flags = JSON_INDENT(1) | JSON_REAL_PRECISION(10);
    int rc = p->o.json ? json_dump_file(out, p->o.json, flags) : json_dumpf(out, stdout, flags);
    if (!p->o.json)
        putchar('\n');
    json_decref(out);
    return rc == 0 && answered == p->o.count ? 0 : 1;
}

static int64_t real_minus_mono(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * MCU_NS_PER_S + t.tv_nsec - mcu_clock_now_ns();
}

int main(int argc, char **argv)
{
    struct peer p = { 0 };
    if (!peer_options_parse(&p.o, argc, argv))
        return 2;
    srand((unsigned)(mcu_clock_now_ns() ^ getpid()));
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    p.t0_ns = mcu_clock_now_ns();
    p.real_minus_mono_ns = real_minus_mono();
    p.epoll = epoll_create1(EPOLL_CLOEXEC);
    p.next_port = p.o.rtp_first + rand() % mcu_max(p.o.rtp_last - p.o.rtp_first - 1, 1);
    p.next_port += p.next_port & 1;
    p.calls = calloc((size_t)p.o.count, sizeof(*p.calls));
    int rc = peer_source_new(&p.source, &p.o, p.t0_ns);
    if (rc < 0 || !p.calls) {
        fprintf(stderr, "mcu_peer: %s\n", strerror(rc < 0 ? -rc : ENOMEM));
        return 2;
    }
    for (int i = 0; i < p.o.count; i++)
        if (!open_call(&p, i))
            return 2;
    loop(&p);
    rc = write_result(&p);
    for (int i = 0; i < p.o.count; i++)
        peer_rx_free(&p.calls[i]);
    free(p.calls);
    peer_source_free(&p.source);
    return rc;
}
