/* tests/unit/ice_check.h - connectivity checks (RFC 8445 7.1) that do not come from an agent. */
#ifndef MCU_TESTS_UNIT_ICE_CHECK_H
#define MCU_TESTS_UNIT_ICE_CHECK_H

#include "ice_rig.h"

#include <stun/usages/ice.h>

/* A check that is authentic, as whoever knows the description can make it. */
static inline size_t write_check(struct fixture *f, uint8_t *out, size_t room)
{
    static const uint16_t known[] = { 0 };
    const char *ufrag, *pwd, *from, *unused;
    char name[64];
    StunAgent agent;
    StunMessage message;
    mcu_ice_local(f->b.ice, &ufrag, &pwd);
    mcu_ice_local(f->a.ice, &from, &unused);
    snprintf(name, sizeof(name), "%s:%s", ufrag, from);
    stun_agent_init(&agent, known, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
    return stun_usage_ice_conncheck_create(&agent, &message, out, room, (uint8_t *)name,
                                           strlen(name), (uint8_t *)pwd, strlen(pwd), false, true,
                                           1845501695, 1, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
}

#endif
