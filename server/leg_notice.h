/* server/leg_notice.h - the words of a leg to its owner, carried to the control loop.
 * Threads: mcu_leg_tell on the leg's loop; the events run on the control loop. */
#ifndef MCU_SERVER_LEG_NOTICE_H
#define MCU_SERVER_LEG_NOTICE_H

#include "net/loop.h"
#include "server/leg.h"

enum mcu_leg_notice { MCU_LEG_FAILED, MCU_LEG_ASKS_KEYFRAME, MCU_LEG_DESCRIBED,
                      MCU_LEG_SHOWN, MCU_LEG_THERE, MCU_LEG_ENDED };

/* reason: of FAILED, a literal. Never lost: the process ends when there is no memory for it. */
void mcu_leg_tell(struct mcu_loop *control, enum mcu_leg_notice what, const char *reason,
                  const struct mcu_leg_events *events, void *arg);
/* DESCRIBED, with a copy of what our side is. */
void mcu_leg_tell_description(struct mcu_loop *control,
                              const struct mcu_leg_description *description,
                              const struct mcu_leg_events *events, void *arg);

/* THERE; nothing for an owner who does not ask. */
void mcu_leg_tell_there(struct mcu_loop *control, const struct mcu_leg_events *events, void *arg);

/* SHOWN; nothing for an owner who does not ask. */
void mcu_leg_tell_shown(struct mcu_loop *control, const struct mcu_shown *shown,
                        const struct mcu_leg_events *events, void *arg);

#endif
