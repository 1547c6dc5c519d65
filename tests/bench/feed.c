/* tests/bench/feed.c - sends stored RTP streams in real time and keeps what comes, with its arrival;
 * neither codes anything, so that clients cost next to nothing.
 *
 *   bench_feed PLAN     a line each:
 *     send FILE CLOCK_HZ FRAME_TICKS LOCAL_PORT TO_PORT PAYLOAD_TYPE DELAY_MS
 *                  a stream file (tests/bench/clip.h) again and again, from 127.0.0.1:LOCAL_PORT; the
 *                  last of its times is followed by FRAME_TICKS
 *     take LOCAL_PORT FILE      what comes there: arrival in ns (CLOCK_MONOTONIC, 64 bits), size (32),
 *                               bytes
 * Until SIGTERM; sends begin DELAY_MS after the start. Says "ready" once all ports are its own, and "late
 * MS" at its end: how far behind its plan the latest packet was. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "mixer/base/clock.h"
#include "mixer/base/util.h"
#include "net/addr.h"
#include "net/rtp.h"
#include "tests/bench/clip.h"

#define MOST_STREAMS 128
#define MOST_TAKES   8

struct sending {
    struct clip_stream stream;
    struct mcu_addr to;
    int fd, clock_hz, at;
    uint32_t round_ticks;  /* of the whole file */
    int64_t begin_ns, round;
    struct mcu_rtp rtp;
};

struct taking {
    int fd;
    FILE *file;
};

static struct sending sends[MOST_STREAMS];
static struct taking takes[MOST_TAKES];
static int send_count, take_count;
static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

/* The socket of a port; who sends from where he takes has one for both. */
static int bound(int port)
{
    static int fds[65536];
    if (fds[port & 0xffff])
        return fds[port & 0xffff];
    struct mcu_addr a;
    int big = 4 << 20, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || mcu_addr_parse(&a, "127.0.0.1", port) < 0)
        clip_die("no socket", "");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof(big));
    if (bind(fd, &a.u.sa, mcu_addr_len(&a)) < 0)
        clip_die("cannot bind:", strerror(errno));
    return fds[port & 0xffff] = fd;
}

static void plan_send(const char *line, int64_t now_ns)
{
    struct sending *s = &sends[send_count];
    char path[256];
    int frame_ticks, local, to, pt, delay_ms;
    if (send_count == MOST_STREAMS || sscanf(line, "send %255s %d %d %d %d %d %d", path, &s->clock_hz,
                                             &frame_ticks, &local, &to, &pt, &delay_ms) != 7)
        clip_die("not understood:", line);
    clip_open(&s->stream, path);
    s->fd = bound(local);
    mcu_addr_parse(&s->to, "127.0.0.1", to);
    s->round_ticks = s->stream.packet[s->stream.count - 1].ts + (uint32_t)frame_ticks;
    s->begin_ns = now_ns + delay_ms * MCU_NS_PER_MS;
    s->rtp = (struct mcu_rtp){ .pt = (uint8_t)pt, .ssrc = 0x1000u + (uint32_t)local };
    send_count++;
}

static void plan_take(const char *line)
{
    char path[256];
    int port;
    if (take_count == MOST_TAKES || sscanf(line, "take %d %255s", &port, path) != 2)
        clip_die("not understood:", line);
    takes[take_count].fd = bound(port);
    takes[take_count].file = fopen(path, "wb");
    if (!takes[take_count++].file)
        clip_die("cannot write", path);
}

static void read_plan(const char *path)
{
    char line[512];
    FILE *f = fopen(path, "r");
    int64_t now_ns = mcu_clock_now_ns();
    if (!f)
        clip_die("cannot read", path);
    while (fgets(line, sizeof(line), f)) {
        if (!strncmp(line, "take", 4))
            plan_take(line);
        else
            plan_send(line, now_ns);
    }
    fclose(f);
}

static int64_t ticks(const struct sending *s)
{
    return s->round * s->round_ticks + s->stream.packet[s->at].ts;
}

static int64_t due_ns(const struct sending *s)
{
    return s->begin_ns + mcu_clock_from_ticks(ticks(s), s->clock_hz);
}

static void send_one(struct sending *s)
{
    const struct clip_packet *p = &s->stream.packet[s->at];
    uint8_t packet[2048];
    s->rtp.ts = (uint32_t)ticks(s);
    s->rtp.marker = p->marker;
    int header = mcu_rtp_write(&s->rtp, packet, sizeof(packet));
    if (header > 0 && (size_t)header + p->size <= sizeof(packet)) {
        memcpy(packet + header, p->data, p->size);
        sendto(s->fd, packet, (size_t)header + p->size, MSG_DONTWAIT, &s->to.u.sa,
               mcu_addr_len(&s->to));
    }
    s->rtp.seq++;
    if (++s->at == s->stream.count) {
        s->at = 0;
        s->round++;
    }
}

/* Sends what is due; returns the next time, and how late the latest was. */
static int64_t send_due(int64_t *late_ns)
{
    int64_t next = INT64_MAX;
    for (int i = 0; i < send_count; i++) {
        struct sending *s = &sends[i];
        int64_t now_ns = mcu_clock_now_ns();
        for (; due_ns(s) <= now_ns; send_one(s))
            *late_ns = now_ns - due_ns(s) > *late_ns ? now_ns - due_ns(s) : *late_ns;
        next = due_ns(s) < next ? due_ns(s) : next;
    }
    return next;
}

static void take_all(struct taking *t)
{
    uint8_t packet[4096];
    for (ssize_t n; (n = recv(t->fd, packet, sizeof(packet), MSG_DONTWAIT)) >= 0;) {
        int64_t now_ns = mcu_clock_now_ns();
        uint32_t size = (uint32_t)n;
        fwrite(&now_ns, 8, 1, t->file);
        fwrite(&size, 4, 1, t->file);
        fwrite(packet, 1, size, t->file);
    }
}

int main(int argc, char **argv)
{
    struct pollfd fds[MOST_TAKES];
    int64_t late_ns = 0;
    if (argc != 2)
        clip_die("usage: bench_feed", "PLAN");
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    read_plan(argv[1]);
    printf("ready\n"); /* all ports are its own */
    fflush(stdout);
    for (int i = 0; i < take_count; i++)
        fds[i] = (struct pollfd){ takes[i].fd, POLLIN, 0 };
    while (!stop) {
        int64_t wait_ns = send_due(&late_ns) - mcu_clock_now_ns();
        wait_ns = wait_ns < 0 ? 0 : wait_ns > 100 * MCU_NS_PER_MS ? 100 * MCU_NS_PER_MS : wait_ns;
        struct timespec wait = { 0, (long)wait_ns };
        if (ppoll(fds, (nfds_t)take_count, &wait, NULL) > 0)
            for (int i = 0; i < take_count; i++)
                take_all(&takes[i]);
    }
    for (int i = 0; i < take_count; i++)
        fclose(takes[i].file);
    printf("late %.1f\n", (double)late_ns / 1e6);
    return 0;
}
