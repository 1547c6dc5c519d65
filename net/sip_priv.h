/* net/sip_priv.h - what the files sip*.c share: sip.c (the stack's life and its events), sip_call.c
 * (a call's life), sip_out.c (calls of ours), sip_offer.c (later offers of ours, session timers),
 * sip_refer.c, sip_replaces.c, sip_request.c (requests from peers), sip_guard.c (whether these are
 * let in), sip_register.c, sip_stream.c (connections),
 * sip_provide.c (registrations of ours).
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
#include <netinet/in.h>
#include <sofia-sip/nua.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>

#include "net/loop.h"
#include "net/sip.h"
#include "net/sip_conns.h"
#include "net/sip_registrar.h"
#include "net/sip_source.h"
#include "net/sip_tls.h"

#define SIP_MAX_BODY_BYTES (64 * 1024)
#define SIP_MAX_ROOM       256 /* bytes; the server's own limit is smaller */
#define SIP_CONTACT_SIZE   (SIP_MAX_ROOM * 3 + 320)
#define SIP_ACCEPT         "application/sdp"
#define SIP_SUPPORTED      "timer, replaces, norefersub"
#define SIP_ACCEPT_INFO                                                                            \
    "application/media_control+xml, application/dtmf-relay, application/dtmf"

enum sip_transport { SIP_UDP, SIP_TCP, SIP_TLS };

/* The request that waits for mcu_sip_accept or mcu_sip_refuse. */
enum sip_pending {
    SIP_PENDING_NONE,
    SIP_PENDING_INVITE,
    SIP_PENDING_UPDATE,
    SIP_PENDING_ACK, /* a session refresh of the stack's was answered with an offer: the answer goes
                        in the ACK */
};

/* A later offer of ours. */
struct sip_offer {
    bool wanted;            /* `offer_due` is to be called as soon as may be */
    bool sent;              /* and its re-INVITE has no final answer yet */
    int tries;              /* that met a 491 */
    struct mcu_timer timer; /* until the next one */
};

/* RFC 4028, as both sides know it after the last INVITE or UPDATE. */
struct sip_session {
    unsigned interval_s; /* 0: none */
    bool refresh;        /* we do */
    bool peer_timer;     /* he knows of it */
    struct mcu_timer timer;
};

/* A REFER of the peer's: whom to tell what came of it. */
struct sip_referral {
    bool open;
    bool notify;    /* false: he wants no NOTIFY (RFC 4488) */
    char event[32]; /* of its NOTIFYs */
};

struct sip_provider; /* a registration of ours: sip_provide.c */
struct sip_out; /* what an outgoing call is made of again when it is challenged: sip_out.c */

struct mcu_sip_call {
    struct mcu_sip *sip;
    nua_handle_t *nh;
    struct mcu_sip_call *prev, *next;
    void *arg;
    char id[128];
    char contact[SIP_CONTACT_SIZE];
    enum sip_pending pending;
    msg_t *update;       /* the pending UPDATE's, a reference */
    struct sip_out *out; /* until it is answered */
    uint8_t source[MCU_SIP_SOURCE_KEY];
    struct sockaddr_storage peer; /* where its last request came from */
    bool offer_received; /* in the pending or last INVITE */
    bool outgoing;
    bool answered;     /* final response to the first INVITE sent or received */
    bool awaiting_ack; /* of a 200 of ours */
    bool confirmed;    /* that of the first one came, or ours went */
    bool hanging;      /* we are ending it */
    bool peer_updates, peer_info; /* the peer's Allow, as far as known */
    bool peer_refuses_refer;
    bool info_pending;
    int refused_with; /* the true status of the last refusal: the stack saw another; 0: none */
    bool refer_sent;  /* ours, and its last word has not come */
    struct sip_offer offer;
    struct sip_session session;
    struct sip_referral referral;
    char user[MCU_SIP_USER_SIZE];       /* the account behind it; "": unknown */
    char local_tag[64], remote_tag[64]; /* of a call of ours that rings */
    int end_status; /* why it ends, as soon as that is known */
    char end_reason[128];
};

struct mcu_sip {
    struct mcu_loop *loop;
    struct mcu_sip_events events;
    void *arg;
    int max_calls_per_s, max_calls, max_calls_per_source;
    enum mcu_sip_auth_mode auth_mode;
    struct mcu_sip_auth *auth;           /* NULL: nobody is asked */
    struct mcu_sip_registrar *registrar; /* NULL: there is none */
    struct mcu_sip_sources *sources;     /* NULL: no limit */
    struct mcu_sip_conns *conns;
    struct mcu_timer conns_timer;
    struct sip_provider *providers[MCU_SIP_MAX_PROVIDERS];
    int provider_count;
    uint64_t nonces;                     /* made so far */
    enum mcu_digest digests[MCU_DIGESTS]; /* offered, in order */
    int digest_count;
    char listen_host[64];  /* numeric, in brackets if IPv6 */
    char contact_host[256]; /* the same for Contact; "": the address that was reached */
    char contact_address[256]; /* without brackets */
    int port, tls_port;
    unsigned session_expires_s, min_se_s;
    bool refer;
    struct mcu_sip_tls tls;
    char *cert_file, *key_file; /* NULL: no TLS */

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

/* Where a request came from and which of our addresses it reached. */
struct sip_route {
    enum sip_transport transport;
    char source[INET6_ADDRSTRLEN], local[INET6_ADDRSTRLEN];
    char contact_host[INET6_ADDRSTRLEN + 2]; /* local, in brackets if IPv6 */
    int source_port;
};

/* Stands for a call that has ended for its owner while the stack still sends its BYE. */
extern struct mcu_sip_call mcu_sip_call_gone;

/* ---- sip.c ---- */

/* Takes one call from the rate limit. */
bool mcu_sip_admit(struct mcu_sip *sip);
/* A call has ended: goes on with a shutdown that waits for it. */
void mcu_sip_shutdown_step(struct mcu_sip *sip);

/* ---- sip_stream.c ---- */

int mcu_sip_stream_open(struct mcu_sip *sip, const struct mcu_sip_config *c);
void mcu_sip_stream_close(struct mcu_sip *sip);
/* A request has come in. */
void mcu_sip_stream_note(const struct sip_event *e);
/* And was that of somebody who has shown his password. */
void mcu_sip_stream_keep(const struct sip_event *e);

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
/* To a challenge within a call nua waits for a password, and holds the BYE back meanwhile. An
 * authentication without one makes it give up. */
bool mcu_sip_is_challenge(const struct sip_event *e);
/* What the peer says it understands. */
void mcu_sip_call_note_allow(struct mcu_sip_call *call, const sip_t *msg);
void mcu_sip_call_on_state(const struct sip_event *e);
void mcu_sip_call_on_ack(const struct sip_event *e);
void mcu_sip_call_on_invite_response(const struct sip_event *e);
void mcu_sip_call_on_info_response(const struct sip_event *e);
void mcu_sip_call_on_bye(const struct sip_event *e);
void mcu_sip_call_on_cancel(const struct sip_event *e);
void mcu_sip_call_on_bye_response(const struct sip_event *e);

/* ---- sip_offer.c ---- */

void mcu_sip_offer_init(struct mcu_sip_call *call);
void mcu_sip_offer_stop(struct mcu_sip_call *call);
/* Something that stood in the way of an offer of ours is over, perhaps. */
void mcu_sip_offer_next(struct mcu_sip_call *call);
/* A response to it. */
void mcu_sip_offer_on_response(struct mcu_sip_call *call, const struct sip_event *e);
/* What msg, a request (uas) or a 2xx, says of the session's timer; it starts with
 * mcu_sip_session_start, when the 2xx has been sent or received. */
void mcu_sip_session_note(struct mcu_sip_call *call, const sip_t *msg, bool uas);
void mcu_sip_session_start(struct mcu_sip_call *call);
/* The status of a final response to a later INVITE or UPDATE of ours, as the peer sent it. */
int mcu_sip_true_status(struct mcu_sip_call *call, const struct sip_event *e);
/* For mcu_sip_strict_on_refusal; arg: the struct mcu_sip. */
int mcu_sip_soften(const char *call_id, int status, void *arg);
void mcu_sip_on_update_response(const struct sip_event *e);

/* ---- sip_refer.c ---- */

void mcu_sip_on_refer(const struct sip_event *e);
void mcu_sip_on_refer_response(const struct sip_event *e);
void mcu_sip_on_notify(const struct sip_event *e);
void mcu_sip_on_notify_response(const struct sip_event *e);

/* ---- sip_replaces.c ---- */

/* The call that an INVITE (of this account, "" unknown) is to take the place of; NULL: none is
 * named. Returns 0, or the status to refuse with. */
int mcu_sip_find_replaced(struct mcu_sip_call **out, const struct sip_event *e, const char *user);
/* Keeps the tags of a call of ours that rings: it is no dialog for the stack yet. */
void mcu_sip_note_tags(struct mcu_sip_call *call, const sip_t *response);

/* ---- sip_out.c ---- */

/* Answers the challenge in a 401 or 407 with a new request; false: it cannot be. */
bool mcu_sip_out_retry(struct mcu_sip_call *call, const struct sip_event *e);
void mcu_sip_out_free(struct sip_out **out);
/* The header's value in answer to the first challenge offered that we can answer. first: of this
 * request; later ones are answered only if they say that the nonce was too old. */
bool mcu_sip_answer_challenge(char *header, size_t size, const struct mcu_digest_login *login,
                              const msg_auth_t *offered, const char *method, const char *uri,
                              bool first);
/* What the uri's parameters say. */
enum sip_transport mcu_sip_transport_to(const char *uri);

/* ---- sip_provide.c ---- */

int mcu_sip_providers_open(struct mcu_sip *sip, const struct mcu_sip_config *c);
/* Tells the providers that we are gone; mcu_sip_shutdown_step goes on once they have answered. */
void mcu_sip_providers_stop(struct mcu_sip *sip);
bool mcu_sip_providers_busy(const struct mcu_sip *sip);
void mcu_sip_providers_close(struct mcu_sip *sip);
void mcu_sip_on_method_response(const struct sip_event *e);
/* The room ("": the request's own) of a call that came over a registration; NULL: it did not. */
const char *mcu_sip_provider_room(const struct mcu_sip *sip, const url_t *url);

/* ---- sip_guard.c ---- */

/* "Digest a=b,..." as it stood in the header. False: too long. */
bool mcu_sip_auth_text(char *out, size_t size, const msg_auth_t *header);
/* Whether the source may bring one more request now. */
bool mcu_sip_source_may(struct mcu_sip *sip, const char *source);
/* The same for one more call; key: what the call is then counted under. */
bool mcu_sip_source_may_call(struct mcu_sip *sip, const char *source,
                             uint8_t key[MCU_SIP_SOURCE_KEY]);
/* Checks who sends a request; asks him with 401 if that is not clear. user: the account; or NULL. */
bool mcu_sip_authorize(const struct sip_event *e, const char *source,
                       char user[MCU_SIP_USER_SIZE]);
/* The same where every request needs a password. */
bool mcu_sip_authorize_all(const struct sip_event *e);

/* ---- sip_register.c ---- */

void mcu_sip_on_register(const struct sip_event *e);

/* ---- sip_request.c ---- */

void mcu_sip_on_invite(const struct sip_event *e);
void mcu_sip_on_update(const struct sip_event *e);
void mcu_sip_on_info(const struct sip_event *e);
void mcu_sip_on_options(const struct sip_event *e);
/* Methods that Allow does not list and that came through all the same. */
void mcu_sip_on_other_request(const struct sip_event *e);
void mcu_sip_find_route(struct sip_route *route, const struct sip_event *e);
/* Its source alone, which asks nothing of the kernel. */
void mcu_sip_find_source(struct sip_route *route, const struct sip_event *e);
/* On a wildcard: which of our addresses that peer sees. */
void mcu_sip_find_local(char out[INET6_ADDRSTRLEN], const su_sockaddr_t *peer);
/* The end of a request outside a call, whose handle nua made for it alone. */
void mcu_sip_drop_handle(const struct sip_event *e);
/* The SDP of a message. Returns 0 (no body: NULL), or the status to refuse it with. */
int mcu_sip_body(const sip_t *msg, const char **sdp, size_t *sdp_bytes);

#endif
