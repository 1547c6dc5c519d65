/* server/leg_priv.h - what the files of a leg share.
 *
 *   leg.c         its life, its time, what the control loop asks of it
 *   leg_join.c    the way to its conference and back
 *   leg_line.c    its media lines; sockets and seals of lines that have their own
 *   leg_bundle.c  the one transport that a WebRTC leg's lines share
 *
 * Threads: the leg's loop, but for what leg.h says. */
#ifndef MCU_SERVER_LEG_PRIV_H
#define MCU_SERVER_LEG_PRIV_H

#include "net/bundle.h"
#include "net/ice.h"
#include "net/latch.h"
#include "net/own_ids.h"
#include "net/peer_clock.h"
#include "net/twcc.h"
#include "net/udp.h"
#include "server/leg.h"

struct leg_line {
    struct mcu_leg *leg;
    int role;
    bool used, remote_known, rtcp_mux;
    struct mcu_udp *udp[2];    /* NULL in a bundle */
    struct mcu_latch latch;    /* where it goes to */
    struct mcu_own_id own[2];  /* our SSRCs: of media, of repeats */
    bool looped;               /* a loop has been found that the conference was not told of */
    bool opened;               /* the datagram that is looked at was good */
    struct mcu_seal *seal;     /* its own; NULL in a bundle */
    struct mcu_line *line;
    int loss_percent, limit_kbps; /* as told to the conference */
    int64_t sent_ns;   /* time of the newest unit that went out */
    int64_t may_tell_ns;
    int limit_bps;         /* what the peer may send */
    int64_t limit_late_ns; /* when he is told that; 0: he is */
    int64_t due_ns;    /* when the line wants its next poll */
    bool tell_by_info; /* the peer announced neither PLI nor FIR: ask by signalling too */
};

/* ICE > DTLS, SRTP > lines, and back. */
struct leg_bundle {
    struct mcu_ice *ice;       /* NULL: the leg's lines have sockets of their own */
    struct mcu_seal *seal;
    struct mcu_bundle *lines;
    struct mcu_twcc *twcc;
    bool connected;            /* a pair of addresses has been checked */
    int64_t opened_ns;
    int64_t away_ns;           /* since when it is not connected */
    int64_t due_ns;
};

enum leg_attachment { LEG_DETACHED, LEG_JOINING, LEG_ATTACHED };

struct mcu_leg {
    struct mcu_media *media;
    struct mcu_loop *control;
    const struct mcu_leg_events *events;
    void *arg;
    mcu_handle handle;
    struct mcu_leg_params params;
    struct leg_line line[MCU_ROLES];
    struct leg_bundle bundle;
    struct mcu_peer_clock clock;
    struct mcu_own_id cname;
    struct mcu_timer timer;
    int64_t started_ns, next_check_ns;
    bool failed, ending;

    enum leg_attachment attachment;
    struct mcu_ref conference;  /* where it is or is going */
    struct mcu_ref conf_leg;    /* when ATTACHED */
    bool move_again;            /* conference changed while JOINING */
    int generation;             /* of the joining that counts */

    bool peer_there;            /* somebody answers at the address that the media go to */
    int keys_left;              /* until the next second */
};

/* ---- leg.c ---- */

/* Tells the owner, once, that the leg is of no use any more. reason: a literal. */
void mcu_leg_fail(struct mcu_leg *leg, const char *reason);
/* The peer has shown that he wants this: his ACK came, media from where ours is to go, or DTLS is
 * done. Until then nothing is sent, so that a forged INVITE cannot point our picture at a third
 * party. */
void mcu_leg_peer_is_there(struct mcu_leg *leg);
void mcu_leg_set_timer(struct mcu_leg *leg);
/* An ending leg's last step, when its conference holds nothing of it. */
void mcu_leg_finish_end(struct mcu_leg *leg);

/* ---- leg_join.c ---- */

void mcu_leg_start_joining(struct mcu_leg *leg);
void mcu_leg_leave(struct mcu_leg *leg);
/* The conference shall know the leg as params.join says now. */
void mcu_leg_rejoin(struct mcu_leg *leg);
/* Feedback on its way up; nothing when it is in no conference. */
void mcu_leg_to_conf_unit(struct leg_line *l, struct mcu_unit *unit);
void mcu_leg_to_conf_keyframe(struct leg_line *l);
void mcu_leg_to_conf_key(struct mcu_leg *leg, char key);
void mcu_leg_to_conf_signs(struct mcu_leg *leg);
void mcu_leg_to_conf_wish(struct mcu_leg *leg);
void mcu_leg_to_conf_loss(struct mcu_leg *leg, int role, int percent);
void mcu_leg_to_conf_limit(struct mcu_leg *leg, int kbps); /* of the picture; 0: none */

/* What comes on a line is our own; kept until there is a conference to tell. */
void mcu_leg_tell_loops(struct mcu_leg *leg);

/* ---- leg_line.c ---- */

/* Makes the lines what the params say. */
void mcu_leg_set_lines(struct mcu_leg *leg);
void mcu_leg_start_seals(struct mcu_leg *leg);
/* BYE by RTCP, and closes. */
void mcu_leg_free_lines(struct mcu_leg *leg);
void mcu_leg_key_pressed(struct leg_line *l, char key);
/* One packet of a line in the clear. */
void mcu_leg_packet(struct leg_line *l, bool rtcp, const uint8_t *data, size_t size, int64_t now);
/* Its picture is shown so: by what he obeys, he is told to send no more. */
void mcu_leg_is_shown(struct leg_line *l, const struct mcu_shown *shown);
/* After a packet or a unit of one line: nothing has changed for the others. */
void mcu_leg_poll_line(struct leg_line *l);
void mcu_leg_poll_lines(struct mcu_leg *leg);

/* ---- leg_bundle.c ---- */

/* The params have an ICE part: makes the transport; the owner's `described` follows. 0 or negative
 * errno. */
int mcu_leg_open_bundle(struct mcu_leg *leg);
void mcu_leg_free_bundle(struct mcu_leg *leg);
/* A line's part of the transport, as the params say. */
int mcu_leg_set_bundle_line(struct leg_line *l);
int64_t mcu_leg_run_bundle(struct mcu_leg *leg); /* when it wants to be run again */
/* Each second: a transport that does not come, or has gone, ends the leg. */
void mcu_leg_check_bundle(struct mcu_leg *leg);
void mcu_leg_add_candidate(struct mcu_leg *leg, const char *text); /* NULL: the last has come */
void mcu_leg_restart_bundle(struct mcu_leg *leg, const char *ufrag, const char *pwd);

#endif
