/* server/sip_side_priv.h - what sip_side.c (calls and their words), sip_media.c (offers and
 * answers), sip_control.c (what is asked for through the API), sip_size.c (what its tile needs) and sip_transfer.c
 * (REFER, Replaces) share. Threads: the control loop. */
#ifndef MCU_SERVER_SIP_SIDE_PRIV_H
#define MCU_SERVER_SIP_SIDE_PRIV_H

#include "net/negotiate.h"
#include "net/room_name.h"
#include "net/sip_text.h"
#include "server/leg_params.h"
#include "server/server.h"

#define SDP_BYTES          16384
#define CALL_RETRY_AFTER_S 10

/* A call of ours, until it is dialled. */
struct target {
    char uri[512], replaces[MCU_SIP_REPLACES_BYTES];
    char realm[MCU_DIGEST_TEXT], user[MCU_DIGEST_TEXT], password[MCU_DIGEST_TEXT]; /* "": none */
};

struct call {
    struct call *next, **prev;
    struct mcu_sip_side *side;
    struct mcu_sip_call *sip;  /* NULL: the dialog has ended */
    struct mcu_leg *leg;       /* NULL: not yet, or ending */
    bool leg_alive;            /* until its `ended` */
    bool finding;              /* the directory has our callback */
    bool over;                 /* hung up by us: nothing new is started */
    char room_name[MCU_ROOM_NAME_BYTES]; /* where it is or is to go */
    struct mcu_room *room;
    struct mcu_ref conference;
    struct mcu_media *media;
    struct mcu_leg_identity identity;
    char local_address[64];
    struct mcu_addr signalling; /* where the INVITE came from; all zero: we called */
    char *offer;               /* the INVITE's body while the room is being found */
    size_t offer_bytes;
    struct target *target;     /* NULL: they called us */
    bool joined;               /* a leg has been made: its end is the conference's event */
    bool offered;              /* our offer is out; the ACK (or answer) brings theirs */
    struct mcu_sdp *peer;      /* the peer's latest description and what came of it; NULL: none */
    struct mcu_nego *nego;
    bool hold_wanted, hold_offered, held; /* by us: as asked for, in the open offer, as agreed */
    uint32_t replaces;                    /* the leg whose place it takes; 0: none */
    uint32_t referrer;                    /* the leg that asked for this call by REFER; 0: none */
    bool authenticated;                   /* the peer has shown a password */
    uint64_t session_id, session_version;
    uint64_t sent_hash;        /* of the last description of ours, without its o= */
    int port[MCU_ROLES];       /* RTP port, 0: none taken */
    /* SDES: ours, and the peer's that it was made for. */
    struct mcu_srtp_key tx_key[MCU_ROLES], rx_key[MCU_ROLES];
    int fd[MCU_ROLES][2];      /* -1 once the leg has them */
    struct mcu_leg_params params;
    struct {
        struct mcu_shown shown;         /* as the conference says; bps 0: nothing yet */
        int told_bps, offered_bps;      /* in the description that holds; in the open offer */
        bool refused;                   /* an offer of ours for this: no more of them */
        int64_t may_ns;                 /* not before */
        struct mcu_timer timer;
    } size;
};

struct mcu_sip_side {
    struct mcu_server *server;
    struct mcu_sip *sip;
    struct call *calls;
    int call_count;
    struct mcu_timer shutdown_timer;
    void (*shutdown_done)(void *arg);
    void *shutdown_arg;
    bool dialogs_ended;
};

/* ---- sip_side.c ---- */

extern const struct mcu_leg_events mcu_call_leg_events;
/* NULL: no memory. */
struct call *mcu_call_new(struct mcu_sip_side *side);
/* With a leg of its own; NULL: there is none, or not yet. */
struct call *mcu_call_find(const struct mcu_sip_side *side, uint32_t leg);
void mcu_call_refuse(struct call *c, int status, const char *why, int retry_after_s);
/* An event of this call. */
void mcu_call_emit(const struct call *c, enum mcu_event_type type, const char *detail);
/* Frees the call if neither dialog, leg nor directory has it any more. */
void mcu_call_release_if_over(struct call *c);
void mcu_call_hang_up(struct call *c, const char *reason);
/* The directory's word on the call's room. */
void mcu_call_found(int error, struct mcu_room *room, struct mcu_ref conference, void *arg);

/* ---- sip_media.c ---- */

/* A first offer, of SDP_BYTES at most; takes its ports. Bytes written or negative errno. */
int mcu_call_offer(struct call *c, char *sdp);
/* Answers an offer of the peer, first or later. Refuses by itself what it cannot take. */
void mcu_call_answer(struct call *c, const char *text, size_t len);
/* An offer of ours in the answer to an INVITE without one. */
void mcu_call_make_offer(struct call *c);
/* The answer to an offer of ours (text NULL: there was none): the call goes on with it, or ends. */
void mcu_call_take_answer(struct call *c, const char *text, size_t len);
/* A later offer of ours, and what came of it (net/sip.h). */
void mcu_call_offer_due(struct call *c);
void mcu_call_offer_done(struct call *c, int status, const char *sdp, size_t size);
void mcu_call_close_sockets(struct call *c);
void mcu_call_free_media(struct call *c);

/* ---- sip_size.c ---- */

void mcu_call_size_init(struct call *c);
void mcu_call_size_free(struct call *c);
/* Fills caps->ask: what a caller without TMMBR (by nego) is to send, in an answer or a later offer; then
 * that description holds, or, an offer, was refused. */
void mcu_call_ask(struct call *c, const struct mcu_nego *nego, struct mcu_nego_caps *caps);
void mcu_call_size_settled(struct call *c);
void mcu_call_size_refused(struct call *c);
/* How his picture is shown has changed. */
void mcu_call_shown(struct call *c, const struct mcu_shown *shown);

/* ---- sip_control.c ---- */

/* mcu_sip_side_call, in the place of another call of the callee's (RFC 3891; replaces NULL: none). */
int mcu_call_begin(struct mcu_sip_side *side, const char *room, const char *uri, const char *replaces,
                   const struct mcu_digest_login *login, uint32_t *leg);
/* Calls the target, once its room has been found. 0 or negative errno. */
int mcu_call_dial(struct call *c);
/* Emits the event of a call of ours that became no leg. */
void mcu_call_failed(struct call *c, int status, const char *reason);
void mcu_call_free_target(struct call *c);

/* ---- sip_transfer.c ---- */

/* The call takes the place of another, if it is to: that one is hung up. */
void mcu_call_replace(struct call *c);
/* Prepares that for a new call. */
void mcu_call_note_replaces(struct call *c, const struct mcu_sip_call *replaced);
/* Tells who asked for this call by REFER what came of it. */
void mcu_call_tell_referrer(struct call *c, int status, const char *reason);
/* Events of net/sip.h. */
int mcu_call_on_refer(struct mcu_sip_call *sip, const char *uri, const char *replaces, void *arg);
void mcu_call_on_referred(struct mcu_sip_call *sip, int status, bool last, void *arg);

#endif
