/* server/leg.h - one connection of a participant, on its media loop: sockets, media lines, and the
 * way to its conference. A SIP call is one kind of leg; what is here knows nothing of SIP.
 * Threads: the control loop makes, changes and ends a leg (each call is a message to the leg's
 * loop); events come back on the control loop. */
#ifndef MCU_SERVER_LEG_H
#define MCU_SERVER_LEG_H

#include "net/addr.h"
#include "net/ice.h"
#include "net/line.h"
#include "net/seal.h"
#include "server/conf.h"

struct mcu_leg;

struct mcu_leg_line {
    bool used;
    int fd[2];               /* RTP and RTCP sockets at the first mention; the leg's from then on;
                                -1 in an update: as before */
    struct mcu_addr remote[2];
    bool remote_known;       /* false: nothing is sent or taken (delayed offer, hold by 0.0.0.0) */
    bool rtcp_mux;
    struct mcu_line_config config;
    struct mcu_seal_config seal; /* rtcp_mux and moved are the leg's own business */
    /* What config.rx[].sprop points into: the params travel by value, so the bytes come along. */
    uint8_t sprop[1024];
    const uint8_t *sprop_origin; /* where sprop was copied from; NULL: none */
};

#define MCU_LEG_CANDIDATES      32
#define MCU_LEG_CANDIDATE_BYTES 256
#define MCU_LEG_NAMED_SSRCS     32

/* The one transport of a leg whose lines are bundled (WebRTC). */
struct mcu_leg_ice {
    struct mcu_ice_config config;
    char ufrag[MCU_ICE_UFRAG_BYTES], pwd[MCU_ICE_PWD_BYTES]; /* the peer's */
    char candidate[MCU_LEG_CANDIDATES][MCU_LEG_CANDIDATE_BYTES];
    int candidate_count;
    bool end_of_candidates;
    struct mcu_fingerprint peer; /* what his certificate must be */
    bool dtls_active;            /* we begin */
    bool transport_cc;           /* some line has transport-wide numbers */
    struct {
        uint32_t ssrc;
        int role;
    } named[MCU_LEG_NAMED_SSRCS]; /* SSRCs of his description */
    int named_count;
};

struct mcu_leg_params {
    struct mcu_leg_line line[MCU_ROLES];
    struct mcu_join join;    /* sink is the leg's own business */
    int timeout_s;           /* 0: never */
    bool latch;              /* media.nat: latch (net/latch.h) ... */
    struct mcu_addr signalling; /* ... to where the peer's signalling comes from; all zero: not known */
    struct mcu_leg_ice *ice; /* at the first mention; malloc'd, and the leg's if it could be made.
                                NULL: lines with sockets of their own. Lines of a bundle have neither
                                sockets nor addresses nor seals */
};

/* Our side of an ICE transport. */
struct mcu_leg_description {
    char ufrag[MCU_ICE_UFRAG_BYTES], pwd[MCU_ICE_PWD_BYTES];
    char candidate[MCU_LEG_CANDIDATES][MCU_LEG_CANDIDATE_BYTES];
    int candidate_count;
};

struct mcu_leg_events {
    /* Nothing came for timeout_s, or the conference could not take it: the owner ends the leg. */
    void (*failed)(const char *reason, void *arg);
    /* A keyframe is wanted of the peer, who understands neither PLI nor FIR. */
    void (*ask_keyframe)(void *arg);
    /* ICE: our side, once all local candidates are known or 2 s are over; again after each restart.
     * NULL for legs without. */
    void (*described)(const struct mcu_leg_description *description, void *arg);
    /* How the peer's picture is shown has changed; may be NULL. */
    void (*shown)(const struct mcu_shown *shown, void *arg);
    /* The peer is there: it joins its conference now; may be NULL. */
    void (*there)(void *arg);
    /* The leg is gone and its sockets are closed. The last call. */
    void (*ended)(void *arg);
};

/* Starts on media; joins the conference once the peer is known to be there. params are copied; on failure its descriptors are still the caller's.
 * events and arg are borrowed until `ended`. Returns 0 or -ENOMEM. */
int mcu_leg_new(struct mcu_leg **out, struct mcu_media *media, struct mcu_loop *control,
                const struct mcu_leg_params *params, struct mcu_ref conference,
                const struct mcu_leg_events *events, void *arg);
/* The peer has confirmed the call (ACK). The leg joins its conference and sends from now on, or from
 * the first packet that comes from the peer's address. */
void mcu_leg_confirm(struct mcu_leg *leg);
/* A re-INVITE. */
void mcu_leg_update(struct mcu_leg *leg, const struct mcu_leg_params *params);
/* To another conference, on whatever loop; codecs and SSRCs stay. */
void mcu_leg_move(struct mcu_leg *leg, struct mcu_ref conference);
/* INFO picture_fast_update of the peer (RFC 5168), and keys by INFO. */
void mcu_leg_keyframe_wanted(struct mcu_leg *leg);
void mcu_leg_key(struct mcu_leg *leg, char key);
/* What its participant shows of himself (mcu_conf_signs); kept when it moves. */
void mcu_leg_signs(struct mcu_leg *leg, bool hand, bool muted);
/* The layout that it shall see; kept when it moves. */
void mcu_leg_wish(struct mcu_leg *leg, enum mcu_layout_wish wish);
/* Trickle (RFC 8840): one more candidate of the peer's, hostile; NULL: that was the last. */
void mcu_leg_candidate(struct mcu_leg *leg, const char *text);
/* The peer restarts ICE (RFC 8445 9) with these; `described` follows. */
void mcu_leg_restart_ice(struct mcu_leg *leg, const char *ufrag, const char *pwd);
/* Leaves, says BYE by RTCP, closes; `ended` follows. Clears the pointer. */
void mcu_leg_end(struct mcu_leg **leg);

struct mcu_leg_info {
    uint32_t leg;
    int media_loop;
    bool line_used[MCU_ROLES];
    struct mcu_line_stats line[MCU_ROLES];
};

/* The leg's loop: all legs of it, into out[max]; how many there are. */
int mcu_leg_list(struct mcu_media *media, struct mcu_leg_info *out, int max);

#endif
