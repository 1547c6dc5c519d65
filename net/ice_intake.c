#include "net/ice_intake.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "net/stun.h"

#define TURN_NS   MCU_NS_PER_MS       /* of a socket */
#define ROUND_NS  (5 * MCU_NS_PER_MS) /* of all the context's; then each has LEAST more */
#define LEAST     4
#define OLDEST_NS MCU_NS_PER_S /* a stamp before that: the time of day was set */

/* One socket after the other is read, so the state of the one at hand is enough. */
static _Thread_local struct {
    bool on;
    int fd;   /* being read; -1: none yet */
    int left; /* of its packets */
    int64_t turn_end_ns, round_end_ns;
    int64_t day_ns;  /* the monotonic clock's 0 by the time of day */
    int64_t came_ns; /* what was read last; 0: the kernel did not say */
    void (*stun)(const uint8_t *data, size_t size, void *arg);
    void *arg;
} intake;

static int64_t ns_of(const struct timespec *t)
{
    return t->tv_sec * MCU_NS_PER_S + t->tv_nsec;
}

void mcu_ice_intake_begin(void (*stun)(const uint8_t *data, size_t size, void *arg), void *arg)
{
    intake.stun = stun;
    intake.arg = arg;
    intake.on = true;
    intake.fd = -1;
    int64_t now = mcu_clock_now_ns();
    struct timespec day;
    clock_gettime(CLOCK_REALTIME, &day);
    intake.day_ns = ns_of(&day) - now;
    intake.round_end_ns = now + ROUND_NS;
}

void mcu_ice_intake_end(void)
{
    intake.on = false;
}

int64_t mcu_ice_intake_came_ns(void)
{
    int64_t now = mcu_clock_now_ns();
    return intake.came_ns > now - OLDEST_NS && intake.came_ns < now ? intake.came_ns : now;
}

static bool may_read(int fd)
{
    int64_t now = mcu_clock_now_ns();
    if (fd != intake.fd) {
        intake.fd = fd;
        intake.left = now < intake.round_end_ns ? MCU_ICE_INTAKE_PACKETS : LEAST;
        intake.turn_end_ns = now + TURN_NS;
    } else if (now >= intake.turn_end_ns) {
        intake.left = 0;
    }
    if (intake.left-- > 0)
        return true;
    mcu_count(MCU_CNT_ICE_INTAKE_CUT);
    return false;
}

static void note_time(struct msghdr *msg)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        struct timespec day;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS ||
            c->cmsg_len < CMSG_LEN(sizeof(day)))
            continue;
        memcpy(&day, CMSG_DATA(c), sizeof(day));
        intake.came_ns = ns_of(&day) - intake.day_ns;
    }
}

/* As the caller wants it, who has no room for the kernel's stamp. */
static ssize_t receive(int fd, struct msghdr *msg, int flags)
{
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct msghdr own = *msg;
    own.msg_control = control.buf;
    own.msg_controllen = sizeof(control.buf);
    ssize_t n = syscall(SYS_recvmsg, fd, &own, flags);
    if (n < 0)
        return n;
    note_time(&own);
    msg->msg_namelen = own.msg_namelen;
    msg->msg_flags = own.msg_flags & ~MSG_CTRUNC;
    return n;
}

/* In the dynamic symbol table, where GLib finds it before libc's. */
__attribute__((visibility("default"))) ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
    if (!intake.on)
        return syscall(SYS_recvmsg, fd, msg, flags);
    if (!may_read(fd)) {
        errno = EAGAIN;
        return -1;
    }
    intake.came_ns = 0;
    ssize_t n = msg->msg_control ? syscall(SYS_recvmsg, fd, msg, flags) : receive(fd, msg, flags);
    if (n > 0 && msg->msg_iovlen > 0)
        mcu_stun_search(msg->msg_iov[0].iov_base, (size_t)n < msg->msg_iov[0].iov_len ? (size_t)n : msg->msg_iov[0].iov_len,
                        intake.stun, intake.arg);
    return n;
}
