#include "net/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loop_priv.h"

#define BATCH             32
#define MAX_BATCHES       4 /* then the other sockets have their turn */
#define BURST_MS          2 /* what follows so soon does not come alone */
#define SOCKET_BUFFER     (1 << 20)
#define MAX_ASIDE         16 /* packets that leave together; Linux takes 64 */

struct mcu_udp {
    uv_poll_t poll;
    int fd;
    mcu_udp_cb cb;
    void *arg;
    bool one_by_one; /* the kernel or the interface does not cut packets for us */
    uint64_t read_ms; /* when it had something last */
};

/* Packets of one socket that are to leave together, behind each other. */
struct aside {
    struct mcu_udp *udp; /* NULL: nothing is here */
    struct mcu_addr to;
    int count;
    size_t bytes, each;  /* each: of all but the last */
    uint8_t data[MAX_ASIDE * MCU_UDP_MAX_BYTES];
};

/* One set of receive buffers a thread: datagrams are handed on before the next call fills them. */
static _Thread_local uint8_t buffers[BATCH][MCU_UDP_MAX_BYTES];
static _Thread_local struct aside aside;

int mcu_udp_open(const struct mcu_addr *local)
{
    int fd = socket(local->u.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int on = 1, bytes = SOCKET_BUFFER;
    if (local->u.sa.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    if (bind(fd, &local->u.sa, mcu_addr_len(local)) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

/* The usual case of sound: one call that finds what is there, and no second look that finds nothing.
 * Where more waits the loop comes back, and then it is taken in batches. */
static void receive_one(struct mcu_udp *udp)
{
    struct mcu_addr from;
    socklen_t len = sizeof(from.u);
    ssize_t n = recvfrom(udp->fd, buffers[0], MCU_UDP_MAX_BYTES, MSG_DONTWAIT | MSG_TRUNC, &from.u.sa,
                         &len);
    if (n >= 0 && n <= MCU_UDP_MAX_BYTES)
        udp->cb(buffers[0], (size_t)n, &from, udp->arg);
}

/* Returns false when the socket is empty, or when a callback closed it. */
static bool receive_batch(struct mcu_udp *udp)
{
    struct mmsghdr msgs[BATCH];
    struct iovec iov[BATCH];
    struct mcu_addr from[BATCH];
    for (int i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){ buffers[i], MCU_UDP_MAX_BYTES };
        msgs[i].msg_hdr = (struct msghdr){ .msg_name = &from[i].u,
                                           .msg_namelen = sizeof(from[i].u),
                                           .msg_iov = &iov[i],
                                           .msg_iovlen = 1 };
    }
    int n = recvmmsg(udp->fd, msgs, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        if (msgs[i].msg_hdr.msg_flags & MSG_TRUNC)
            continue;
        udp->cb(buffers[i], msgs[i].msg_len, &from[i], udp->arg);
        if (udp->fd < 0)
            return false;
    }
    return n == BATCH;
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct mcu_udp *udp = poll->data;
    if (status < 0) {
        /* libuv has stopped the handle on POLLERR: fetch the error and go on, or this socket would
         * be deaf for ever. */
        int error;
        socklen_t len = sizeof(error);
        getsockopt(udp->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        uv_poll_start(poll, UV_READABLE, on_readable);
        return;
    }
    uint64_t now_ms = uv_now(poll->loop);
    bool burst = now_ms - udp->read_ms <= BURST_MS;
    udp->read_ms = now_ms;
    if (!burst)
        receive_one(udp);
    else
        for (int i = 0; i < MAX_BATCHES && receive_batch(udp); i++)
            ;
}

int mcu_udp_new(struct mcu_udp **out, struct mcu_loop *loop, int fd, mcu_udp_cb cb, void *arg)
{
    struct mcu_udp *udp = calloc(1, sizeof(*udp));
    if (!udp)
        return -ENOMEM;
    udp->cb = cb;
    udp->arg = arg;
    int rc = uv_poll_init(mcu_loop_uv(loop), &udp->poll, fd);
    if (rc < 0) {
        free(udp);
        return rc;
    }
    udp->poll.data = udp;
    udp->fd = fd;
    rc = uv_poll_start(&udp->poll, UV_READABLE, on_readable);
    if (rc < 0) {
        udp->fd = -1; /* still the caller's */
        uv_close((uv_handle_t *)&udp->poll, on_closed);
        return rc;
    }
    *out = udp;
    return 0;
}

void mcu_udp_free(struct mcu_udp **pp)
{
    struct mcu_udp *udp = *pp;
    *pp = NULL;
    if (!udp)
        return;
    mcu_udp_flush(udp);
    uv_poll_stop(&udp->poll);
    close(udp->fd);
    udp->fd = -1;
    uv_close((uv_handle_t *)&udp->poll, on_closed);
}

/* A pending ICMP error is reported once, on whatever comes next. */
static bool is_of_earlier_packet(int error)
{
    return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH;
}

static int send_one(const struct mcu_udp *udp, const struct mcu_addr *to, const uint8_t *data,
                    size_t size)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        if (sendto(udp->fd, data, size, MSG_DONTWAIT, &to->u.sa, mcu_addr_len(to)) >= 0)
            return 0;
        if (!is_of_earlier_packet(errno))
            break;
    }
    return -errno;
}

/* One call for all: the kernel walks its stack once and cuts at the end (UDP_SEGMENT, udp(7)). */
static int send_segments(const struct aside *a)
{
    union {
        char room[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } control = { 0 };
    struct iovec iov = { (void *)(uintptr_t)a->data, a->bytes };
    struct msghdr msg = { .msg_name = (void *)(uintptr_t)&a->to.u.sa,
                          .msg_namelen = mcu_addr_len(&a->to), .msg_iov = &iov, .msg_iovlen = 1,
                          .msg_control = control.room, .msg_controllen = sizeof(control.room) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    uint16_t each = (uint16_t)a->each;
    c->cmsg_level = SOL_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof(each));
    memcpy(CMSG_DATA(c), &each, sizeof(each));
    for (int attempt = 0; attempt < 2; attempt++) {
        if (sendmsg(a->udp->fd, &msg, MSG_DONTWAIT) >= 0)
            return 0;
        if (!is_of_earlier_packet(errno))
            break;
    }
    return -errno;
}

static int send_one_by_one(const struct aside *a)
{
    int refused = 0;
    for (size_t at = 0; at < a->bytes; at += a->each) {
        size_t size = a->bytes - at < a->each ? a->bytes - at : a->each;
        refused += send_one(a->udp, &a->to, a->data + at, size) < 0;
    }
    return refused;
}

static int send_aside(struct aside *a)
{
    int rc = a->udp->one_by_one || a->count == 1 ? -EOPNOTSUPP : send_segments(a);
    if (rc == 0)
        return 0;
    if (rc == -EAGAIN || rc == -ENOBUFS)
        return a->count;
    /* Not cut on this path: an older kernel, a smaller MTU, an interface without checksums. */
    a->udp->one_by_one |= a->count > 1;
    return send_one_by_one(a);
}

int mcu_udp_flush(struct mcu_udp *udp)
{
    if (!udp || aside.udp != udp)
        return 0;
    int refused = send_aside(&aside);
    aside.udp = NULL;
    return refused;
}

/* Whether a packet can stand behind those that are aside. */
static bool fits(const struct mcu_udp *udp, const struct mcu_addr *to, size_t size)
{
    bool last_was_short = aside.bytes < (size_t)aside.count * aside.each;
    return aside.udp == udp && !last_was_short && size <= aside.each && aside.count < MAX_ASIDE &&
           mcu_addr_equal(to, &aside.to);
}

int mcu_udp_queue(struct mcu_udp *udp, const struct mcu_addr *to, const uint8_t *data, size_t size)
{
    int refused = 0;
    if (size == 0 || size > MCU_UDP_MAX_BYTES)
        return 1;
    if (!fits(udp, to, size)) {
        refused = mcu_udp_flush(aside.udp);
        aside.udp = udp;
        aside.to = *to;
        aside.count = 0;
        aside.bytes = 0;
        aside.each = size;
    }
    memcpy(aside.data + aside.bytes, data, size);
    aside.bytes += size;
    aside.count++;
    return refused;
}

int mcu_udp_send(struct mcu_udp *udp, const struct mcu_addr *to, const uint8_t *data, size_t size)
{
    mcu_udp_flush(udp); /* they are older */
    return send_one(udp, to, data, size);
}
