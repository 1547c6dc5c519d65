/* net/resolve.h - from a server's name to its addresses, without holding up a loop.
 *
 *   start > thread of its own: getaddrinfo > the loop's inbox > done
 *
 * Not on libuv's pool: a name server that is dead holds its thread for up to half a minute, and the
 * end of the process would wait for the pool. Threads: the loop that the answer goes to. */
#ifndef MCU_NET_RESOLVE_H
#define MCU_NET_RESOLVE_H

#include "net/addr.h"
#include "net/loop.h"

#define MCU_RESOLVE_MAX 8

struct mcu_resolve;

/* error: 0, -ENOENT (there is no such name, or no address of it), -EAGAIN (no name server answers)
 * or -ENOMEM. addr[count]: in the system's order of preference (RFC 6724), no port, valid until the
 * return. The lookup is freed after it. */
typedef void (*mcu_resolve_cb)(int error, const struct mcu_addr *addr, int count, void *arg);

/* host: a name, or a literal address. done comes later, never from within. Returns 0, -ENOMEM or
 * -EAGAIN (no thread is to be had). */
int mcu_resolve_start(struct mcu_resolve **out, struct mcu_loop *loop, const char *host,
                      mcu_resolve_cb done, void *arg);
/* done is not called any more. Nobody waits for the thread. */
void mcu_resolve_cancel(struct mcu_resolve **resolve);

#endif
