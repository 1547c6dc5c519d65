#include "net/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loop_priv.h"

#define BATCH             32
#define MAX_BATCHES       4 /* then the other sockets have their turn */
#define BURST_MS          2 /* what follows so soon does not come alone */
#define SOCKET_BUFFER     (1 << 20)

struct mcu_udp {
    uv_poll_t poll;
    struct mcu_udp_out out; /* its fd is -1 once closed */
    mcu_udp_cb cb;
    void *arg;
    uint64_t read_ms; /* when it had something last */
};

/* One set of receive buffers a thread: datagrams are handed on before the next call fills them. */
static _Thread_local uint8_t buffers[BATCH][MCU_UDP_MAX_BYTES];

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
    ssize_t n = recvfrom(udp->out.fd, buffers[0], MCU_UDP_MAX_BYTES, MSG_DONTWAIT | MSG_TRUNC, &from.u.sa,
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
    int n = recvmmsg(udp->out.fd, msgs, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        if (msgs[i].msg_hdr.msg_flags & MSG_TRUNC)
            continue;
        udp->cb(buffers[i], msgs[i].msg_len, &from[i], udp->arg);
        if (udp->out.fd < 0)
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
        getsockopt(udp->out.fd, SOL_SOCKET, SO_ERROR, &error, &len);
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
    udp->out.fd = fd;
    rc = uv_poll_start(&udp->poll, UV_READABLE, on_readable);
    if (rc < 0) {
        udp->out.fd = -1; /* still the caller's */
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
    close(udp->out.fd);
    udp->out.fd = -1;
    uv_close((uv_handle_t *)&udp->poll, on_closed);
}

int mcu_udp_send(struct mcu_udp *udp, const struct mcu_addr *to, const uint8_t *data, size_t size)
{
    return mcu_udp_out_send(&udp->out, to, data, size);
}

int mcu_udp_queue(struct mcu_udp *udp, const struct mcu_addr *to, const uint8_t *data, size_t size)
{
    return mcu_udp_out_queue(&udp->out, to, data, size);
}

int mcu_udp_flush(struct mcu_udp *udp)
{
    return udp ? mcu_udp_out_flush(&udp->out) : 0;
}
