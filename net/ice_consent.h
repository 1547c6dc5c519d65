/* net/ice_consent.h - whether the peer still wants what we send (RFC 7675), as a state machine without sockets.
 *
 *   a pair is chosen > granted > a check each 4 to 6 s > its authentic answer > granted anew
 *                             > 30 s without one > lost
 *
 * libnice has consent checks of its own; 0.1.21 gives a pair up 10 s after the last answer and sends none
 * again, so that two lost ones end a good connection (at 5 % of loss each way every ten minutes), it follows a
 * null pointer at an answer of 403, and has none with TCP. So that half of it is off.
 * Threads: the agent's loop. Time is an argument; nothing allocates. */
#ifndef MCU_NET_ICE_CONSENT_H
#define MCU_NET_ICE_CONSENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/stun.h"

#define MCU_ICE_CONSENT_NS INT64_C(30000000000) /* 5.1 */
#define MCU_ICE_CONSENT_OUT 8 /* checks that may be answered: those of 30 s */

struct mcu_ice_consent {
    bool granted;
    int64_t answered_ns, check_ns; /* the last answer; when the next check is due */
    uint8_t id[MCU_ICE_CONSENT_OUT][MCU_STUN_ID_BYTES];
    unsigned checks;
    uint64_t tie_breaker; /* 0: none drawn yet */
};

/* Whom checks are sent to. */
struct mcu_ice_peer {
    const char *ufrag, *own_ufrag, *password; /* password: his */
    bool controlling;                         /* we */
};

/* A check of the pair was answered, so it was chosen: consent begins, or goes on with another pair. */
void mcu_ice_consent_grant(struct mcu_ice_consent *c, int64_t now_ns);

/* The check that is due, into out: its bytes; 0: none is. */
size_t mcu_ice_consent_check(struct mcu_ice_consent *c, const struct mcu_ice_peer *peer, uint8_t *out,
                             size_t room, int64_t now_ns);

/* STUN from the peer, hostile. True: it answers a check of ours, authentic, and consent is granted anew. */
bool mcu_ice_consent_answer(struct mcu_ice_consent *c, const char *password, const uint8_t *data,
                            size_t size, int64_t now_ns);

/* True once, when it is over. */
bool mcu_ice_consent_lost(struct mcu_ice_consent *c, int64_t now_ns);

/* When _check or _lost have something to say; INT64_MAX: never. */
int64_t mcu_ice_consent_due(const struct mcu_ice_consent *c);

#endif
