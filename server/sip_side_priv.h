/* server/sip_side_priv.h - what sip_side.c (calls, offers and answers) and sip_control.c (what is asked for
 * through the API) share.
 * Threads: the control loop. */
#ifndef MCU_SERVER_SIP_SIDE_PRIV_H
#define MCU_SERVER_SIP_SIDE_PRIV_H

#include "net/negotiate.h"
#include "net/room_name.h"
#include "server/leg_params.h"
#include "server/server.h"

#define SDP_BYTES 16384

/* A call of ours, until it is dialled. */
struct target {
    char uri[512], room[MCU_ROOM_NAME_BYTES];
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
    struct mcu_room *room;
    struct mcu_ref conference;
    struct mcu_media *media;
    struct mcu_leg_identity identity;
    char local_address[64];
    char *offer;               /* the INVITE's body while the room is being found */
    size_t offer_bytes;
    struct target *target;     /* NULL: they called us */
    bool joined;               /* a leg has been made: its end is the conference's event */
    bool offered;              /* our offer is out; the ACK (or answer) brings theirs */
    struct mcu_sdp *peer;      /* the peer's latest description and what came of it; NULL: none */
    struct mcu_nego *nego;
    uint64_t session_id, session_version;
    int port[MCU_ROLES];       /* RTP port, 0: none taken */
    /* SDES: ours, and the peer's that it was made for. */
    struct mcu_srtp_key tx_key[MCU_ROLES], rx_key[MCU_ROLES];
    int fd[MCU_ROLES][2];      /* -1 once the leg has them */
    struct mcu_leg_params params;
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

/* NULL: no memory. */
struct call *mcu_call_new(struct mcu_sip_side *side);
/* Frees the call if neither dialog, leg nor directory has it any more. */
void mcu_call_release_if_over(struct call *c);
void mcu_call_hang_up(struct call *c, const char *reason);
/* The directory's word on the call's room. */
void mcu_call_found(int error, struct mcu_room *room, struct mcu_ref conference, void *arg);
/* A first offer, of SDP_BYTES at most; takes its ports. Bytes written or negative errno. */
int mcu_call_offer(struct call *c, char *sdp);

/* ---- sip_control.c ---- */

/* Calls the target, once its room has been found. 0 or negative errno. */
int mcu_call_dial(struct call *c);
/* Emits the event of a call of ours that became no leg. */
void mcu_call_failed(struct call *c, int status, const char *reason);
void mcu_call_free_target(struct call *c);

#endif
