/* net/ice.h - one ICE agent of one component for a WebRTC leg (RFC 8445, full agent), by libnice.
 * Threads: the media loop's own makes every call and gets every event.
 *
 *   mcu_ice_loop: one per media loop. GLib contexts that its libuv loop pumps (net/glib_pump.h),
 *                 each for a few agents
 *   mcu_ice:      new > gather > candidates out, candidates in > CONNECTED > datagrams
 *
 * UDP host candidates on the addresses given, STUN and TURN where configured, trickle (RFC 8838),
 * restart, keepalives and consent freshness (RFC 7675). Names in remote candidates are never looked
 * up. What comes from an address that no authenticated check came from does not reach `datagram`. */
#ifndef MCU_NET_ICE_H
#define MCU_NET_ICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/loop.h"

#define MCU_ICE_MAX_BYTES     2048 /* larger datagrams are dropped both ways */
#define MCU_ICE_MAX_REMOTE    25   /* remote candidates of one generation */
#define MCU_ICE_MAX_SOURCES   40   /* addresses besides these that checks came from */
#define MCU_ICE_UFRAG_BYTES   257  /* RFC 8445 5.3: 4 to 256 characters, and a NUL */
#define MCU_ICE_PWD_BYTES     257  /* 22 to 256 */
#define MCU_ICE_CANDIDATE_MAX 512  /* bytes of a remote candidate's text */

struct mcu_ice_loop;
struct mcu_ice;

enum mcu_ice_state {
    MCU_ICE_NEW,          /* no remote side yet */
    MCU_ICE_CONNECTING,   /* checks run */
    MCU_ICE_CONNECTED,    /* a checked pair is chosen; it stays so during a restart */
    MCU_ICE_DISCONNECTED, /* was CONNECTED, no check of consent was answered for 30 s (RFC 7675): nothing
                             is sent any more, and only a restart brings it back */
    MCU_ICE_FAILED,       /* for good: never was CONNECTED and cannot be, as every pair failed and none
                             will come; or checks came from more than MCU_ICE_MAX_SOURCES addresses */
};

enum mcu_ice_type { MCU_ICE_HOST, MCU_ICE_SRFLX, MCU_ICE_PRFLX, MCU_ICE_RELAY };

/* A STUN or TURN server. host: a literal address. (A name is looked up on a thread of GLib's, but
 * libnice 0.1.21 forgets a TURN server's port for all but the first address of a name: look names
 * up beforehand.) The first server that is not TURN is the STUN server; every TURN server is used. */
struct mcu_ice_server {
    char host[256];
    int port; /* 1 to 65535 */
    bool turn, tcp; /* tcp: TURN over TCP */
    char user[128], password[128];
};

struct mcu_ice_config {
    struct mcu_addr local[4]; /* host candidates: exactly these addresses (ports are not read) */
    int local_count;
    int port; /* of the host candidates; 0: any */
    /* Offers and takes ICE-TCP candidates as well (RFC 6544, active and passive). Bytes that the
     * kernel does not take are dropped by the packet, so nothing queues up. libnice keeps one frame
     * buffer for all TCP connections of an agent: a stranger who connects can spoil its framing. */
    bool tcp;
    bool relay_only; /* host and server-reflexive candidates are neither offered nor used */
    bool controlling;
    struct mcu_ice_server servers[4];
    int server_count;
};

/* Any may be NULL. Each may call any function here, mcu_ice_free of its own agent too. */
struct mcu_ice_events {
    /* Once a gathering: all local candidates are known, or 0.5 s are over (more may still come). */
    void (*gathered)(void *arg);
    /* Each local one as it comes: "candidate:..." (RFC 8839 5.1), without "a=". */
    void (*candidate)(const char *text, void *arg);
    void (*state)(enum mcu_ice_state state, void *arg);
    /* From a checked address, 2 to MCU_ICE_MAX_BYTES bytes, never STUN; data is valid until the
     * return. came_ns: when it reached the machine, on the monotonic clock; it is read some time later. */
    void (*datagram)(const uint8_t *data, size_t size, int64_t came_ns, void *arg);
};

struct mcu_ice_selected {
    enum mcu_ice_type local_type, remote_type;
    struct mcu_addr local, remote; /* local: the relay's address where local_type is MCU_ICE_RELAY */
    bool tcp;
};

/* agents_per_context: 0 for 16, what measured best (tests/bench/ice.c, 1200-byte packets, loopback, a
 * busy machine of 2 cores, the median of 4 runs; us of the loop's thread per packet received). GLib
 * walks all sources of a context at each wake-up, so one context for all grows with the agents, and
 * one for each wakes too often:
 *
 *   agents, packets/s   all, each round   all, when due   16, when due   1, when due
 *     1,  5000                9.0              7.9             8.3            7.6
 *    50,  5000               20.3             16.2            15.5           17.8
 *   200,  5000               38.0             29.3            19.7           32.2
 *    50, 20000                6.4              5.8             6.1            8.2
 *   200, 20000                8.9             10.0             8.9           11.6
 *
 * Returns 0 or a negative errno. */
int mcu_ice_loop_new(struct mcu_ice_loop **out, struct mcu_loop *loop, int agents_per_context);
/* All agents are freed; relays that still wait for their server's answer get 0.3 s at most. libuv
 * handles close in the loop's next rounds. Not from within an event. */
void mcu_ice_loop_free(struct mcu_ice_loop **loop);

/* Returns 0, -EINVAL (no local address, one that is unspecified, a server without host or port) or
 * -ENOMEM. Calls no event. */
int mcu_ice_new(struct mcu_ice **out, struct mcu_ice_loop *loop, const struct mcu_ice_config *config,
                const struct mcu_ice_events *events, void *arg);
/* The last event has been called. The port is free again at the return; if called within an event
 * of this agent, in the loop's next round; with a relay, when its server has answered. */
void mcu_ice_free(struct mcu_ice **ice);

/* Opens the sockets and calls candidate for each host candidate before it returns; without servers
 * gathered too. Returns 0, -EADDRINUSE (the port is taken, or an address is not this machine's). */
int mcu_ice_gather(struct mcu_ice *ice);

/* Our credentials of this generation, for the description. */
void mcu_ice_local(const struct mcu_ice *ice, const char **ufrag, const char **pwd);

/* The peer's credentials, hostile text. Checks begin when candidates are there as well. Returns 0
 * (again with the same: nothing happens), -EINVAL (not RFC 8445 5.3's), -EALREADY (others than
 * before, without mcu_ice_restart between). */
int mcu_ice_set_remote(struct mcu_ice *ice, const char *ufrag, const char *pwd);

/* One candidate of the peer, hostile text, with or without "a=". May come before or after
 * mcu_ice_set_remote. Returns 0, -EINVAL (cannot be parsed), -ENOTSUP (passed over: a name, an
 * unknown transport, another component, an address that no peer has), -ENOSPC (there are
 * MCU_ICE_MAX_REMOTE). All but 0 are counted and do no harm. */
int mcu_ice_add_candidate(struct mcu_ice *ice, const char *text);

/* The peer has no more: from now on FAILED can be told. */
void mcu_ice_end_of_candidates(struct mcu_ice *ice);

/* RFC 8445 9: new local credentials, the peer's are forgotten; the sockets and local candidates
 * stay (mcu_ice_each_candidate tells them again) and the old pair carries data until a new one is
 * chosen. */
void mcu_ice_restart(struct mcu_ice *ice);

/* Every local candidate known now, in candidate's form. */
void mcu_ice_each_candidate(struct mcu_ice *ice, void (*fn)(const char *text, void *arg), void *arg);

/* Sends at once, on the chosen pair. Returns 0, -ENOTCONN (no pair, or no consent), -EMSGSIZE, or
 * -EAGAIN (the kernel did not take it). All but 0 are dropped and counted. */
int mcu_ice_send(struct mcu_ice *ice, const uint8_t *data, size_t size);

/* The same for a picture's packets, which leave together where the pair needs neither relay nor TCP
 * (net/udp_out.h): with mcu_ice_flush, which the caller calls before he returns to the loop. What is
 * dropped is counted. */
void mcu_ice_queue(struct mcu_ice *ice, const uint8_t *data, size_t size);
void mcu_ice_flush(struct mcu_ice *ice);

enum mcu_ice_state mcu_ice_state(const struct mcu_ice *ice);
/* The chosen pair; false: there is none. (libnice does not tell round-trip times: take RTCP's.) */
bool mcu_ice_selected(const struct mcu_ice *ice, struct mcu_ice_selected *out);

#endif
