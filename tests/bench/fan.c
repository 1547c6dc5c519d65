/* tests/bench/fan.c - what the kernel alone asks for sending the same packets to many viewers: the
 * bound under `scripts/bench viewers`. One thread sends stored packets and does nothing else.
 *
 *   bench_fan [VIEWERS] [ROUNDS]      one JSON object a line
 *
 * What is sent at a time: a packet of sound; a picture's packets one by one; the same in one call
 * (UDP_SEGMENT). From: a socket for each viewer, as the server has them; the same, connected; one
 * socket for all, with one sendmmsg for many viewers. To:
 *   kept    one socket, emptied between rounds. Loopback walks the receiver's half of the stack, too,
 *           within the sender's call, and cuts the segments there
 *   gro     the same, where the receiver takes segments uncut (UDP_GRO)
 *   card    an interface that cuts segments and sums by itself and throws all away (a tun device in a
 *           network namespace of its own, for which this must be root): the sender's half alone
 *   simple  one that does neither
 * us are processor time of the thread, system and user. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST     1000
#define PACKETS  5
#define PICTURE  1200 /* bytes of a picture's packet */
#define SOUND    120
#define WARM     20
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

enum from { OWN, CONNECTED, SHARED, FROMS };
enum to { KEPT, GRO, CARD, SIMPLE, TOS };

static const char *const from_name[FROMS] = { "own", "connected", "shared" };
static const char *const to_name[TOS] = { "kept", "gro", "card", "simple" };

static int viewers = 200, rounds = 300;
static int sockets[MOST], sink = -1;
static struct sockaddr_in target;
static uint8_t packet[PACKETS * PICTURE];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int open_socket(uint32_t address)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(address) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), big = 64 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        die("socket");
    return fd;
}

/* ---- where it goes ---- */

static void open_local(bool gro)
{
    socklen_t size = sizeof(target);
    int on = 1;
    sink = open_socket(INADDR_LOOPBACK);
    if (gro && setsockopt(sink, SOL_UDP, UDP_GRO, &on, sizeof(on)) < 0)
        die("UDP_GRO");
    getsockname(sink, (struct sockaddr *)&target, &size);
}

static void set_up(int fd, struct ifreq *r, unsigned long what, uint32_t address)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(address) };
    memcpy(&r->ifr_addr, &a, sizeof(a));
    if (ioctl(fd, what, r) < 0)
        die("tun: address");
}

/* False: this may not be done here. */
static bool open_device(bool able)
{
    struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    sink = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    if (sink < 0 || ioctl(sink, TUNSETIFF, &r) < 0)
        return false;
    if (able && ioctl(sink, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_USO4 | TUN_F_USO6) < 0)
        return false; /* before Linux 6.2 */
    set_up(fd, &r, SIOCSIFADDR, 0x0a090001);
    set_up(fd, &r, SIOCSIFNETMASK, 0xffffff00);
    r.ifr_flags = IFF_UP | IFF_RUNNING;
    if (ioctl(fd, SIOCSIFFLAGS, &r) < 0)
        die("tun: up");
    close(fd);
    target = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(40000),
                                   .sin_addr.s_addr = htonl(0x0a090002) };
    return true;
}

static void empty_sink(void)
{
    static uint8_t buf[65536];
    while (read(sink, buf, sizeof(buf)) > 0)
        ;
}

/* ---- how it is sent ---- */

struct message {
    struct msghdr head;
    struct iovec iov;
    union {
        char room[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } control;
};

static void fill(struct message *m, bool connected, size_t bytes, uint16_t each)
{
    *m = (struct message){ .iov = { packet, bytes } };
    m->head = (struct msghdr){ .msg_iov = &m->iov, .msg_iovlen = 1 };
    if (!connected) {
        m->head.msg_name = &target;
        m->head.msg_namelen = sizeof(target);
    }
    if (!each)
        return;
    m->head.msg_control = m->control.room;
    m->head.msg_controllen = sizeof(m->control.room);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m->head);
    c->cmsg_level = SOL_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof(each));
    memcpy(CMSG_DATA(c), &each, sizeof(each));
}

static void send_each(enum from from, size_t bytes, uint16_t each, int calls)
{
    for (int i = 0; i < viewers; i++)
        for (int k = 0; k < calls; k++) {
            struct message m;
            fill(&m, from == CONNECTED, bytes, each);
            sendmsg(sockets[i], &m.head, MSG_DONTWAIT);
        }
}

static void send_shared(size_t bytes, uint16_t each, int calls)
{
    static struct message m[64];
    static struct mmsghdr many[64];
    int left = viewers * calls;
    while (left > 0) {
        int n = left < 64 ? left : 64;
        for (int i = 0; i < n; i++) {
            fill(&m[i], false, bytes, each);
            many[i].msg_hdr = m[i].head;
        }
        for (int done = 0, rc; done < n; done += rc > 0 ? rc : 1)
            rc = sendmmsg(sockets[0], many + done, (unsigned)(n - done), MSG_DONTWAIT);
        left -= n;
    }
}

static void measure(enum to to, enum from from, const char *what, size_t bytes, uint16_t each,
                    int calls, int packets)
{
    double spent = 0;
    for (int r = 0; r < WARM + rounds; r++) {
        double begin = cpu_us();
        if (from == SHARED)
            send_shared(bytes, each, calls);
        else
            send_each(from, bytes, each, calls);
        spent += r < WARM ? 0 : cpu_us() - begin;
        empty_sink();
    }
    double us = spent / rounds / viewers;
    printf("{\"to\": \"%s\", \"from\": \"%s\", \"what\": \"%s\", \"us_a_call\": %.2f, \"us_a_packet\": %.2f}\n",
           to_name[to], from_name[from], what, us / calls, us / packets);
    fflush(stdout);
}

static void measure_from(enum to to, enum from from)
{
    for (int i = 0; i < viewers; i++) {
        sockets[i] = open_socket(to < CARD ? INADDR_LOOPBACK : 0x0a090001);
        if (from == CONNECTED && connect(sockets[i], (struct sockaddr *)&target, sizeof(target)) < 0)
            die("connect");
    }
    measure(to, from, "sound", SOUND, 0, 1, 1);
    measure(to, from, "picture, a call a packet", PICTURE, 0, PACKETS, PACKETS);
    measure(to, from, "picture, 2 packets a call", 2 * PICTURE, PICTURE, 2, 4);
    measure(to, from, "picture, one call", PACKETS * PICTURE, PICTURE, 1, PACKETS);
    for (int i = 0; i < viewers; i++)
        close(sockets[i]);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        viewers = atoi(argv[1]);
    if (argc > 2)
        rounds = atoi(argv[2]);
    if (viewers < 1 || viewers > MOST || rounds < 1) {
        fprintf(stderr, "bench_fan [VIEWERS, at most %d] [ROUNDS]\n", MOST);
        return 2;
    }
    for (enum to to = KEPT; to < TOS; to++) {
        if (to < CARD)
            open_local(to == GRO);
        else if ((to == CARD && unshare(CLONE_NEWNET) < 0) || !open_device(to == CARD)) {
            printf("{\"to\": \"%s\", \"skipped\": true}\n", to_name[to]);
            continue;
        }
        for (enum from from = OWN; from < FROMS; from++)
            measure_from(to, from);
        close(sink);
    }
    return 0;
}
