/* net/ice_candidate.h - the text of a candidate (RFC 8839 5.1, RFC 6544 4.5). Threads: any. */
#ifndef MCU_NET_ICE_CANDIDATE_H
#define MCU_NET_ICE_CANDIDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/ice.h"

enum mcu_ice_transport { MCU_ICE_UDP, MCU_ICE_TCP_ACTIVE, MCU_ICE_TCP_PASSIVE };

struct mcu_ice_candidate {
    char foundation[33];
    uint32_t priority;
    enum mcu_ice_transport transport;
    enum mcu_ice_type type;
    struct mcu_addr addr;
};

/* text: hostile, NUL-terminated, with or without "a=" and a line end. related addresses are not
 * kept: they tell nothing that checks need. Returns 0, -EINVAL (not a candidate), or -ENOTSUP (a
 * candidate, but a name, a transport or type not known here, or not of component 1). */
int mcu_ice_candidate_parse(struct mcu_ice_candidate *out, const char *text);

/* True for an address that checks may be sent to. local_loopback: we are on loopback ourselves;
 * else a peer has no business to make us knock at this machine's own services. */
bool mcu_ice_candidate_reachable(const struct mcu_ice_candidate *c, bool local_loopback);

/* RFC 8445 5.3: ice-char, within the lengths. */
bool mcu_ice_credentials_valid(const char *ufrag, const char *pwd);

#endif
