/* server/leg_params.h - from the outcome of a negotiation to what a leg and its conference need.
 * Threads: any; values only. Every kind of leg that negotiates by SDP comes through here. */
#ifndef MCU_SERVER_LEG_PARAMS_H
#define MCU_SERVER_LEG_PARAMS_H

#include "net/negotiate_web.h"
#include "server/leg.h"

/* What stays the same for the life of a leg. */
struct mcu_leg_identity {
    uint32_t leg, participant;
    char name[MCU_NAME_MAX];
    uint32_t ssrc[MCU_ROLES], rtx_ssrc[MCU_ROLES];
    char cname[64];
};

/* A new one, without a name: ids that this process never gave before, the rest not to be guessed
 * (RFC 3550 section 8.1, RFC 7022). Ends the process when the kernel has no random bytes. */
void mcu_leg_identity_new(struct mcu_leg_identity *out);

/* What we can, for descriptions that name `address` as ours. */
void mcu_leg_caps(struct mcu_nego_caps *out, const struct mcu_config *config, const char *address);

/* Which of our lines an accepted line of the description is. */
int mcu_nego_role(const struct mcu_nego_line *line);

/* Fills everything but the sockets (left 0), our own keys (seal.tx) and the sink. */
void mcu_leg_params_fill(struct mcu_leg_params *out, const struct mcu_nego *nego,
                         const struct mcu_leg_identity *identity,
                         const struct mcu_config *config);

/* The same for a bundle (WebRTC): all but the transport (params.ice). hidden: a viewer, who is no
 * participant. */
void mcu_leg_params_fill_web(struct mcu_leg_params *out, const struct mcu_nego_web *nego,
                             const struct mcu_leg_identity *identity, bool hidden,
                             const struct mcu_config *config);

#endif
