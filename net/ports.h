/* net/ports.h - the RTP port range: pairs of an even port (RTP) and the odd one above it (RTCP).
 * Threads: the control loop. A port given back rests in quarantine, so that late packets of the
 * old call are not taken for the new one's. */
#ifndef MCU_NET_PORTS_H
#define MCU_NET_PORTS_H

#include <stdint.h>

#include "net/addr.h"

#define MCU_PORTS_QUARANTINE_NS INT64_C(10000000000)

struct mcu_ports;

/* first and last: inclusive, 1024 to 65535, at least one pair. Returns 0, -EINVAL or -ENOMEM. */
int mcu_ports_new(struct mcu_ports **out, int first, int last);
void mcu_ports_free(struct mcu_ports **ports);

/* Opens a pair on the address: the even port in *port, sockets in fd[0] (RTP) and fd[1] (RTCP), the
 * caller's to close. -EADDRINUSE: every pair is taken or resting; fd[] is then as it was, or -1. */
int mcu_ports_take(struct mcu_ports *ports, const struct mcu_addr *local, int64_t now_ns, int *port,
                   int fd[2]);
/* The sockets are closed already. */
void mcu_ports_give(struct mcu_ports *ports, int port, int64_t now_ns);

int mcu_ports_used(const struct mcu_ports *ports);

#endif
