/* net/udp.h - one UDP socket of a leg.
 * Threads: mcu_udp_open any (ports are opened by the control loop before the leg's loop takes the
 * socket); all else the leg's loop. Receiving takes up to 32 datagrams a system call, where they come at such
 * a rate; nothing allocates after _new(). */
#ifndef MCU_NET_UDP_H
#define MCU_NET_UDP_H

#include <stdint.h>

#include "net/addr.h"
#include "net/loop.h"
#include "net/udp_out.h"

struct mcu_udp;

typedef void (*mcu_udp_cb)(const uint8_t *data, size_t size, const struct mcu_addr *from,
                           void *arg);

/* Binds a non-blocking socket with room for bursts: its descriptor, or a negative errno. */
int mcu_udp_open(const struct mcu_addr *local);

/* Takes fd (closed by free; on failure still the caller's). Returns 0 or negative errno. */
int mcu_udp_new(struct mcu_udp **out, struct mcu_loop *loop, int fd, mcu_udp_cb cb, void *arg);
void mcu_udp_free(struct mcu_udp **udp);

/* As in net/udp_out.h. _free and _send flush. */
int mcu_udp_send(struct mcu_udp *udp, const struct mcu_addr *to, const uint8_t *data, size_t size);
int mcu_udp_queue(struct mcu_udp *udp, const struct mcu_addr *to, const uint8_t *data, size_t size);
int mcu_udp_flush(struct mcu_udp *udp); /* NULL: nothing */

#endif
