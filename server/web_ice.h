/* server/web_ice.h - what every WebRTC leg's ICE agent is given: our addresses, and the STUN and TURN
 * servers with their names looked up beforehand (net/ice.h wants literal addresses).
 *
 *   start, reload, every 10 minutes, 30 s after a failure > net/resolve.h > the next leg's servers
 *
 *   start, every 30 s > net/ice_probe.h > whether it is there
 *
 * A server whose name is not known yet, or that did not answer last time, is left out; one whose name is not known any more keeps its
 * last address. Link fields name servers as the configuration does. Threads: the control loop. */
#ifndef MCU_SERVER_WEB_ICE_H
#define MCU_SERVER_WEB_ICE_H

#include "net/ice.h"
#include "server/config.h"

struct mcu_web_ice;

/* config: borrowed. Looks names up at once. Returns 0 or -ENOMEM. */
int mcu_web_ice_new(struct mcu_web_ice **out, struct mcu_loop *control,
                    const struct mcu_config *config);
void mcu_web_ice_free(struct mcu_web_ice **ice);

/* Looks names up again. */
void mcu_web_ice_reload(struct mcu_web_ice *ice);

/* Writes local, local_count, servers and server_count; local_count 0: we have no address. */
void mcu_web_ice_fill(const struct mcu_web_ice *ice, struct mcu_ice_config *out);

#endif
