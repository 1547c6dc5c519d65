/* server/directory.h - which conference a room name means, and on which loop it lives. Finding is
 * asynchronous, as it will be when several nodes share the directory.
 * Threads: the control loop. */
#ifndef MCU_SERVER_DIRECTORY_H
#define MCU_SERVER_DIRECTORY_H

#include "server/config.h"
#include "server/media.h"

struct mcu_directory;
struct mcu_room; /* one use of a room; the conference lives as long as it is used */

/* error 0: room and conference are good until mcu_directory_release. -EBUSY: a limit of conferences, or
 * of legs in this one, is reached;
 * -ENOMEM. Never called from within mcu_directory_find. */
typedef void (*mcu_directory_cb)(int error, struct mcu_room *room, struct mcu_ref conference,
                                 void *arg);

/* config is borrowed and read at each creation. */
int mcu_directory_new(struct mcu_directory **out, struct mcu_loop *control,
                      struct mcu_media *const *media, int media_count,
                      const struct mcu_config *config);
/* Every use must have been released and ended. */
void mcu_directory_free(struct mcu_directory **directory);

/* Finds or creates the conference of a room name (already parsed). */
void mcu_directory_find(struct mcu_directory *directory, const char *name, mcu_directory_cb cb,
                        void *arg);
void mcu_directory_release(struct mcu_directory *directory, struct mcu_room **room);

/* How many use it: its legs, seen or not, and those on their way. */
int mcu_directory_users(const struct mcu_room *room);

/* Which layouts somebody sees in it now, as mcu_conf_tell_layouts says. */
unsigned mcu_directory_layouts(const struct mcu_room *room);

/* Sends the changed configuration to every conference. */
void mcu_directory_reload(struct mcu_directory *directory);

/* Conferences in use or still ending; when it is 0, the loops may stop. */
int mcu_directory_alive(const struct mcu_directory *directory);

/* The loop with the fewest legs: where a new leg is to live. */
struct mcu_media *mcu_directory_place_leg(struct mcu_directory *directory);

#endif
