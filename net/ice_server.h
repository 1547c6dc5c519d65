/* net/ice_server.h - STUN and TURN servers as the configuration names them. Threads: any. */
#ifndef MCU_NET_ICE_SERVER_H
#define MCU_NET_ICE_SERVER_H

#include "net/ice.h"

/* "stun:HOST[:PORT]" (RFC 7064) or "turn:HOST[:PORT][?transport=udp|tcp] USER PASSWORD" (RFC 7065);
 * HOST: a name, an IPv4 address or an IPv6 address in brackets; PORT: 3478 where there is none. 0 or
 * -EINVAL. */
int mcu_ice_server_parse(struct mcu_ice_server *out, const char *text);

#endif
