/* net/udp_out.h - sending from a UDP socket, whoever has opened it: packets of a picture leave together.
 * Threads: all packets of a socket on one thread; nothing allocates. */
#ifndef MCU_NET_UDP_OUT_H
#define MCU_NET_UDP_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"

#define MCU_UDP_MAX_BYTES 2048 /* longer datagrams are dropped: no legal media packet is */

struct mcu_udp_out {
    int fd;          /* non-blocking */
    bool one_by_one; /* the kernel or the interface does not cut packets for us */
};

/* Sends at once. 0, -EAGAIN (the kernel's buffer is full: the packet is lost, as on a network) or
 * another negative errno; errors of earlier packets (ICMP) are not errors of this one. */
int mcu_udp_out_send(struct mcu_udp_out *out, const struct mcu_addr *to, const uint8_t *data,
                     size_t size);

/* Puts a packet aside, to leave with its neighbours in one system call: those of one socket to one
 * address, as long as none is larger than the first and only the last one smaller. What is aside
 * leaves with _flush or _send of that socket, or when the next packet does not fit to it. The caller
 * flushes before it returns to the loop, and before out or its socket ends. Both return how many
 * packets the kernel refused. */
int mcu_udp_out_queue(struct mcu_udp_out *out, const struct mcu_addr *to, const uint8_t *data,
                      size_t size);
int mcu_udp_out_flush(struct mcu_udp_out *out); /* NULL: nothing */

#endif
