/* net/ice_priv.h - what the files of the ICE agent share. Threads: the media loop's. */
#ifndef MCU_NET_ICE_PRIV_H
#define MCU_NET_ICE_PRIV_H

#include <glib.h>

#include "net/glib_pump.h"
#include "net/ice.h"

/* A GLib context with its pump and its agents. An empty one ends in the loop's next round. */
struct mcu_ice_group {
    struct mcu_msg reap;
    struct mcu_ice_loop *owner; /* NULL: the owner has ended, reap frees the rest */
    struct mcu_ice_group *next;
    GMainContext *context;
    struct mcu_glib_pump *pump;
    int agents;
    bool reaping;
};

/* The group for one more agent, counted in. files_change: the agent opens and closes sockets by
 * itself (TCP). NULL: no memory or no descriptors. */
struct mcu_ice_group *mcu_ice_group_join(struct mcu_ice_loop *owner, bool files_change);
void mcu_ice_group_leave(struct mcu_ice_group *group);
struct mcu_loop *mcu_ice_group_loop(const struct mcu_ice_group *group);

#endif
