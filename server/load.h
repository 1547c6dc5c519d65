/* server/load.h - measures four times a second how late sound and pictures are and what the process
 * costs, asks the policy (server/overload.h), and tells the media loops.
 *
 *   audio jobs, stages, workers, getrusage > sample > policy > level in each struct mcu_media, event
 *
 * Threads: the control loop. */
#ifndef MCU_SERVER_LOAD_H
#define MCU_SERVER_LOAD_H

#include <stdbool.h>

#include "server/overload.h"

struct mcu_server;
struct mcu_load;

/* Where limits.overload is off it changes nothing. 0 or -ENOMEM. */
int mcu_load_new(struct mcu_load **out, struct mcu_server *server);
void mcu_load_free(struct mcu_load **load);

/* Whether somebody new is let in where so many others are now; counts him where not. */
bool mcu_load_admits(const struct mcu_load *load, int others);
/* As of the newest sample; NULL is all zero. */
void mcu_load_get(const struct mcu_load *load, struct mcu_overload *out);

#endif
