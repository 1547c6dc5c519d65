/* net/ice_probe.h - whether a STUN or TURN server is there. A dead one would cost each answer the longest wait
 * of gathering.
 *
 *   UDP: a request without credentials, which it answers, be it with 401; three times in 1.5 s
 *   TCP: whether it takes the connection
 *
 * Threads: the loop's makes all calls and is told. */
#ifndef MCU_NET_ICE_PROBE_H
#define MCU_NET_ICE_PROBE_H

#include "net/ice.h"

struct mcu_ice_probe;

/* The probe is over and freed after it. */
typedef void (*mcu_ice_probe_cb)(bool there, void *arg);

/* server: its host is a literal address. done comes later, never from within. 0 or a negative errno. */
int mcu_ice_probe_start(struct mcu_ice_probe **out, struct mcu_loop *loop,
                        const struct mcu_ice_server *server, mcu_ice_probe_cb done, void *arg);
/* done is not called any more. */
void mcu_ice_probe_cancel(struct mcu_ice_probe **probe);

#endif
