/* net/ice_priv.h - what the files of the ICE agent share. Threads: the media loop's. */
#ifndef MCU_NET_ICE_PRIV_H
#define MCU_NET_ICE_PRIV_H

#include <glib.h>
#include <nice/agent.h>

#include "net/glib_pump.h"
#include "net/ice.h"
#include "net/ice_candidate.h"
#include "net/ice_consent.h"
#include "net/udp_out.h"

/* A GLib context with its pump and its agents. An empty one ends in the loop's next round. */
struct mcu_ice_group {
    struct mcu_msg reap;
    struct mcu_ice_loop *owner; /* NULL: the owner has ended, reap frees the rest */
    struct mcu_ice_group *next;
    GMainContext *context;
    struct mcu_glib_pump *pump;
    int agents;
    struct mcu_ice *members; /* that are not freed */
    bool reaping;
};

/* The group for one more agent, counted in. files_change: the agent opens and closes sockets by
 * itself (TCP). NULL: no memory or no descriptors. */
struct mcu_ice_group *mcu_ice_group_join(struct mcu_ice_loop *owner, bool files_change);
void mcu_ice_group_leave(struct mcu_ice_group *group);
struct mcu_loop *mcu_ice_group_loop(const struct mcu_ice_group *group);

#define MCU_ICE_COMPONENT 1 /* the one of each stream */

struct mcu_ice {
    struct mcu_ice_group *group;
    struct mcu_ice *next; /* of the group's members */
    struct mcu_ice_events events;
    void *arg;
    NiceAgent *agent;
    guint stream;
    enum mcu_ice_state state;
    gchar *local_ufrag, *local_pwd;
    char remote_ufrag[MCU_ICE_UFRAG_BYTES], remote_pwd[MCU_ICE_PWD_BYTES];
    /* Without credentials libnice lets the pairs fail at once, so candidates wait here for them. */
    struct mcu_ice_candidate waiting[MCU_ICE_MAX_REMOTE];
    int waiting_count, remote_count;
    int source_count; /* addresses that authentic checks came from, unannounced */
    bool tcp, local_loopback, relays;
    struct mcu_udp_out out; /* the chosen pair's socket where packets need no relay; else fd is -1 */
    struct mcu_addr to;
    bool gathering, restarting; /* restarting: until a pair of the new generation is chosen */
    struct mcu_ice_consent consent;
    GSource *consent_timer;
    struct mcu_timer gather_timer;
    int depth;           /* events of ours on the stack: libnice's frames are below them */
    struct mcu_msg late; /* of a _free within an event */
    bool freed;
};

/* ---- net/ice_events.c: what libnice says, and consent ---- */

/* Connects libnice's signals and begins to receive; _deaf: nothing is told any more. */
void mcu_ice_listen(struct mcu_ice *ice);
void mcu_ice_deaf(struct mcu_ice *ice);
/* STUN that came to an agent of the group, arg: libnice takes it as well, but passes over answers to
 * checks that are not its own. */
void mcu_ice_see_stun(const uint8_t *data, size_t size, void *arg);
/* Gathering began, or is over. */
void mcu_ice_gather_timer(struct mcu_ice *ice);
void mcu_ice_tell_gathered(struct mcu_ice *ice);
void mcu_ice_tell_candidate(struct mcu_ice *ice, NiceCandidate *candidate,
                            void (*fn)(const char *text, void *arg), void *arg);
/* After every call into libnice from outside its own callbacks (net/glib_pump.h). */
void mcu_ice_kick(struct mcu_ice *ice);

#endif
