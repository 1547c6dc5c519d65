/* net/ice_filter.h - a socket filter that keeps one STUN answer away from libnice. Threads: any.
 *
 * libnice 0.1.21 with consent freshness follows a null pointer when an authentic error response 403
 * (RFC 7675 5.2, RFC 8656 18.8) comes before a pair is chosen: any participant could end the process.
 * The kernel drops such packets before libnice reads them (SO_ATTACH_FILTER, classic BPF):
 *
 *   Binding error responses, all of them. 403 is then told by the time-out of consent; 487, the
 *     role conflict, settles without it, because each side also sees the other's requests
 *   the same within ChannelData and Data indications of a TURN server (relays)
 *   error responses 403 of the TURN server itself (relays)
 *
 * What is inside of a stream cannot be filtered so: with any kind of TCP libnice's consent freshness
 * is off, and the keepalive checks' time-out of 50 s stands in its place. */
#ifndef MCU_NET_ICE_FILTER_H
#define MCU_NET_ICE_FILTER_H

#include <stdbool.h>

/* fd: a UDP socket. 0 or a negative errno. */
int mcu_ice_filter_attach(int fd, bool relays);

#endif
