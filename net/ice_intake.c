#include "net/ice_intake.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "net/stun.h"

#define TURN_NS  MCU_NS_PER_MS       /* of a socket */
#define ROUND_NS (5 * MCU_NS_PER_MS) /* of all the context's; then each has LEAST more */
#define LEAST    4

/* One socket after the other is read, so the state of the one at hand is enough. */
static _Thread_local struct {
    bool on;
    int fd;   /* being read; -1: none yet */
    int left; /* of its packets */
    int64_t turn_end_ns, round_end_ns;
    void (*stun)(const uint8_t *data, size_t size, void *arg);
    void *arg;
} intake;

void mcu_ice_intake_begin(void (*stun)(const uint8_t *data, size_t size, void *arg), void *arg)
{
    intake.stun = stun;
    intake.arg = arg;
    intake.on = true;
    intake.fd = -1;
    intake.round_end_ns = mcu_clock_now_ns() + ROUND_NS;
}

void mcu_ice_intake_end(void)
{
    intake.on = false;
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

/* In the dynamic symbol table, where GLib finds it before libc's. */
__attribute__((visibility("default"))) ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
    if (!intake.on)
        return syscall(SYS_recvmsg, fd, msg, flags);
    if (!may_read(fd)) {
        errno = EAGAIN;
        return -1;
    }
    ssize_t n = syscall(SYS_recvmsg, fd, msg, flags);
    if (n > 0 && msg->msg_iovlen > 0)
        mcu_stun_search(msg->msg_iov[0].iov_base, (size_t)n < msg->msg_iov[0].iov_len ? (size_t)n : msg->msg_iov[0].iov_len,
                        intake.stun, intake.arg);
    return n;
}
