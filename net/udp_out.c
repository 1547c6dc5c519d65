#include "net/udp_out.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#define MAX_ASIDE 16 /* packets that leave together; Linux takes 64 */

/* Packets of one socket that are to leave together, behind each other. */
struct aside {
    struct mcu_udp_out *out; /* NULL: nothing is here */
    struct mcu_addr to;
    int count;
    size_t bytes, each;  /* each: of all but the last */
    uint8_t data[MAX_ASIDE * MCU_UDP_MAX_BYTES];
};

static _Thread_local struct aside aside;

/* A pending ICMP error is reported once, on whatever comes next. */
static bool is_of_earlier_packet(int error)
{
    return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH;
}

static int send_one(const struct mcu_udp_out *out, const struct mcu_addr *to, const uint8_t *data,
                    size_t size)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        if (sendto(out->fd, data, size, MSG_DONTWAIT, &to->u.sa, mcu_addr_len(to)) >= 0)
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
        if (sendmsg(a->out->fd, &msg, MSG_DONTWAIT) >= 0)
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
        refused += send_one(a->out, &a->to, a->data + at, size) < 0;
    }
    return refused;
}

static int send_aside(struct aside *a)
{
    int rc = a->out->one_by_one || a->count == 1 ? -EOPNOTSUPP : send_segments(a);
    if (rc == 0)
        return 0;
    if (rc == -EAGAIN || rc == -ENOBUFS)
        return a->count;
    /* Not cut on this path: an older kernel, a smaller MTU, an interface without checksums. */
    a->out->one_by_one |= a->count > 1;
    return send_one_by_one(a);
}

int mcu_udp_out_flush(struct mcu_udp_out *out)
{
    if (!out || aside.out != out)
        return 0;
    int refused = send_aside(&aside);
    aside.out = NULL;
    return refused;
}

/* Whether a packet can stand behind those that are aside. */
static bool fits(const struct mcu_udp_out *out, const struct mcu_addr *to, size_t size)
{
    bool last_was_short = aside.bytes < (size_t)aside.count * aside.each;
    return aside.out == out && !last_was_short && size <= aside.each && aside.count < MAX_ASIDE &&
           mcu_addr_equal(to, &aside.to);
}

int mcu_udp_out_queue(struct mcu_udp_out *out, const struct mcu_addr *to, const uint8_t *data,
                      size_t size)
{
    int refused = 0;
    if (size == 0 || size > MCU_UDP_MAX_BYTES)
        return 1;
    if (!fits(out, to, size)) {
        refused = mcu_udp_out_flush(aside.out);
        aside.out = out;
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

int mcu_udp_out_send(struct mcu_udp_out *out, const struct mcu_addr *to, const uint8_t *data,
                     size_t size)
{
    mcu_udp_out_flush(out); /* they are older */
    return send_one(out, to, data, size);
}
