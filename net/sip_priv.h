/* net/sip_priv.h - what the files sip*.c share: sip.c (the stack's life and its events), sip_call.c
 * (a call's life), sip_request.c (requests from peers).
 *
 * Every function of nua is a message to itself: none calls back before it returns, so a callback
 * of ours may call any function of this module. */
#ifndef MCU_NET_SIP_PRIV_H
#define MCU_NET_SIP_PRIV_H

/* How sofia-sip learns the types of its user pointers; it has to come before its headers. */
#define SU_ROOT_MAGIC_T struct mcu_sip
#define NUA_MAGIC_T     struct mcu_sip
#define NUA_HMAGIC_T    struct mcu_sip_call
struct mcu_sip;
struct mcu_sip_call;

#include <glib.h>
#include <sofia-sip/nua.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>

#include "net/loop.h"
#include "net/sip.h"

#define SIP_MAX_BODY_BYTES (64 * 1024)
#define SIP_MAX_ROOM       256 /* bytes; the server's own limit is smaller */
#define SIP_CONTACT_SIZE   (SIP_MAX_ROOM * 3 + 320)
#define SIP_ACCEPT         "application/sdp"
#define SIP_ACCEPT_INFO                                                                            \
    "application/media_control+xml, application/dtmf-relay, application/dtmf"

enum sip_transport { SIP_UDP, SIP_TCP, SIP_TLS };

/* The request that waits for mcu_sip_accept or mcu_sip_refuse. */
enum sip_pending {
    SIP_PENDING_NONE,
    SIP_PENDING_INVITE,
    SIP_PENDING_UPDATE,
    SIP_PENDING_ACK, /* our session refresh was answered with an offer: the answer goes in the ACK */
};

struct mcu_sip_call {
    struct mcu_sip *sip;
    nua_handle_t *nh;
    struct mcu_sip_call *prev, *next;
    void *arg;
    char id[128];
    char contact[SIP_CONTACT_SIZE];
    enum sip_pending pending;
    msg_t *update;       /* the pending UPDATE's, a reference */
    bool offer_received; /* in the pending or last INVITE */
    bool outgoing;
    bool answered;     /* final response to the first INVITE sent or received */
    bool awaiting_ack; /* of a 200 of ours */
    bool confirmed;    /* that of the first one came, or ours went */
    bool hanging;      /* we are ending it */
    bool peer_updates, peer_info; /* the peer's Allow, as far as known */
    bool info_pending;
    int end_status; /* why it ends, as soon as that is known */
    char end_reason[128];
};

struct mcu_sip {
    struct mcu_loop *loop;
    struct mcu_sip_events events;
    void *arg;
    int max_calls_per_s, max_calls;
    char listen_host[64];  /* numeric, in brackets if IPv6 */
    char contact_host[256]; /* the same for Contact; "": the address that was reached */
    char contact_address[256]; /* without brackets */
    int port, tls_port;

    GMainContext *context;
    struct mcu_glib_pump *pump;
    su_root_t *root;
    msg_mclass_t *message_class;
    nua_t *nua;

    struct mcu_sip_call *calls;
    int call_count;
    int64_t tokens_ns; /* rate limit: time saved up for new calls */
    int64_t tokens_at_ns;

    bool shutting_down, nua_stopping, nua_stopped;
    struct mcu_timer shutdown_timer;
    void (*shutdown_done)(void *arg);
    void *shutdown_arg;
};

/* One event of the stack. sip and what hangs on it are good during the event only. */
struct sip_event {
    struct mcu_sip *sip;
    struct mcu_sip_call *call; /* NULL: outside our calls */
    nua_handle_t *nh;
    int status;
    const char *phrase;
    const sip_t *msg; /* NULL: none */
    tagi_t *tags;
    msg_t *request; /* to answer with NUTAG_WITH */
};

/* Stands for a call that has ended for its owner while the stack still sends its BYE. */
extern struct mcu_sip_call mcu_sip_call_gone;

/* ---- sip.c ---- */

/* Takes one call from the rate limit. */
bool mcu_sip_admit(struct mcu_sip *sip);
/* A call has ended: goes on with a shutdown that waits for it. */
void mcu_sip_shutdown_step(struct mcu_sip *sip);

/* ---- sip_call.c ---- */

/* host: NULL is the configured one. */
void mcu_sip_make_contact(char *out, size_t size, const struct mcu_sip *sip, const char *user,
                          enum sip_transport transport, const char *host);
/* user, host: for Contact. Binds the call to nh. NULL: no memory. */
struct mcu_sip_call *mcu_sip_call_new(struct mcu_sip *sip, nua_handle_t *nh, const char *user,
                                      enum sip_transport transport, const char *host);
void mcu_sip_call_set_id(struct mcu_sip_call *call, const sip_t *msg);
/* Keeps the first cause of a call's end. */
void mcu_sip_call_note_end(struct mcu_sip_call *call, int status, const char *reason);
/* Tells the owner and frees the call. linger: the stack is still sending its BYE. */
void mcu_sip_call_end(struct mcu_sip_call *call, bool linger);
/* What the peer says it understands. */
void mcu_sip_call_note_allow(struct mcu_sip_call *call, const sip_t *msg);
void mcu_sip_call_on_state(const struct sip_event *e);
void mcu_sip_call_on_ack(const struct sip_event *e);
void mcu_sip_call_on_invite_response(const struct sip_event *e);
void mcu_sip_call_on_info_response(const struct sip_event *e);
void mcu_sip_call_on_bye(const struct sip_event *e);
void mcu_sip_call_on_cancel(const struct sip_event *e);

/* ---- sip_request.c ---- */

void mcu_sip_on_invite(const struct sip_event *e);
void mcu_sip_on_update(const struct sip_event *e);
void mcu_sip_on_info(const struct sip_event *e);
void mcu_sip_on_options(const struct sip_event *e);
/* Methods that Allow does not list and that came through all the same. */
void mcu_sip_on_other_request(const struct sip_event *e);
/* The SDP of a message. Returns 0 (no body: NULL), or the status to refuse it with. */
int mcu_sip_body(const sip_t *msg, const char **sdp, size_t *sdp_bytes);

#endif
