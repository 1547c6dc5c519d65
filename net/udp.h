/* net/udp.h - one UDP socket of a leg.
 * Threads: mcu_udp_open any (ports are opened by the control loop before the leg's loop takes the
 * socket); all else the leg's loop. Receiving takes up to 32 datagrams a system call, where they come at such
 * a rate; nothing allocates after _new(). */
#ifndef MCU_NET_UDP_H
#define MCU_NET_UDP_H

#include <stdint.h>

#include "net/addr.h"
#include "net/loop.h"

#define MCU_UDP_MAX_BYTES 2048 /* longer datagrams are dropped: no legal media packet is */

struct mcu_udp;

typedef void (*mcu_udp_cb)(const uint8_t *data, size_t size, const struct mcu_addr *from,
                           void *arg);

/* Binds a non-blocking socket with room for bursts: its descriptor, or a negative errno. */
int mcu_udp_open(const struct mcu_addr *local);

/* Takes fd (closed by free; on failure still the caller's). Returns 0 or negative errno. */
int mcu_udp_new(struct mcu_udp **out, struct mcu_loop *loop, int fd, mcu_udp_cb cb, void *arg);
void mcu_udp_free(struct mcu_udp **udp);

/* Sends at once. 0, -EAGAIN (the kernel's buffer is full: the packet is lost, as on a network) or
 * another negative errno; errors of earlier packets (ICMP) are not errors of this one. */
int mcu_udp_send(struct mcu_udp *udp, const struct mcu_addr *to, const uint8_t *data, size_t size);

/* Puts a packet aside, to leave with its neighbours in one system call: those of one socket to one
 * address, as long as none is larger than the first and only the last one smaller. What is aside
 * leaves with mcu_udp_flush, mcu_udp_send or _free of that socket, or when the next packet does
 * not fit to it. The caller flushes before it returns to the loop. Both return how many packets
 * the kernel refused. */
int mcu_udp_queue(struct mcu_udp *udp, const struct mcu_addr *to, const uint8_t *data, size_t size);
int mcu_udp_flush(struct mcu_udp *udp);

#endif
