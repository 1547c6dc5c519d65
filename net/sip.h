/* net/sip.h - SIP calls, on sofia-sip behind this interface (its SDP parser is never used).
 * Threads: the control loop makes every call and receives every callback.
 *
 * One struct mcu_sip a process, for its whole life. Bodies are passed through as text. */
#ifndef MCU_NET_SIP_H
#define MCU_NET_SIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/sip_auth.h"
#include "net/sip_provider.h"

struct mcu_loop;
struct mcu_sip;
struct mcu_sip_call; /* one dialog; lives until its `ended` callback returns */

enum mcu_sip_auth_mode {
    MCU_SIP_AUTH_OFF,
    MCU_SIP_AUTH_INVITE, /* who calls shows a password */
    MCU_SIP_AUTH_ALL,    /* and who asks (OPTIONS) or changes a call (re-INVITE, UPDATE, INFO) */
};

struct mcu_sip_config {
    const char *address;      /* to listen on: "127.0.0.1", "::1", "0.0.0.0", ... */
    const char *public_address; /* for Contact; NULL: address, or the Via's own when wildcard */
    int port;                 /* UDP and TCP; 0: none is opened (error) */
    int tls_port;             /* 0: no TLS */
    const char *cert_file, *key_file; /* PEM, for TLS */
    const char *user_agent;
    int max_calls_per_s;      /* INVITEs above it get 503 with Retry-After before work is done */
    int max_calls;            /* both: at least 1 */
    /* The same for one source address (an IPv6 /64), REGISTER counted too; 0: no such limit. */
    int max_calls_per_source_s, max_calls_per_source;
    /* TCP and TLS connections of one source; how long one may wait with its first request, and one
     * without a call be silent. 0: no limit */
    int max_connections_per_source, silent_connection_s, idle_connection_s;
    const char *realm;        /* of digests asked for (RFC 7616); NULL: "tessera" */
    enum mcu_sip_auth_mode auth;
    const char (*accounts)[MCU_SIP_ACCOUNT_SIZE]; /* as mcu_sip_account_check takes them */
    int account_count;
    /* Offered in this order, others not taken; 0: SHA-256, then MD5. */
    enum mcu_digest digests[MCU_DIGESTS];
    int digest_count;
    const struct mcu_sip_provider *providers; /* to register with */
    int provider_count;       /* MCU_SIP_MAX_PROVIDERS at most */
    bool registrar;           /* take REGISTER from these accounts; else it gets 405 */
    bool refer;               /* `refer` is asked; else REFER gets 405 */
    int session_expires_s;    /* of RFC 4028; 0: 1800 */
    int min_se_s; /* shorter ones of theirs get 422; 0: 90, its least. Tests take less */
    int t1_ms;                /* T1 of RFC 3261 17.1.1.1; 0: 500. Tests shorten it, and with it the
                               * 64 T1 that an unanswered request or a missing ACK may take */
};

struct mcu_sip_invite {
    const char *room;         /* user part of the request URI, percent-decoded; "" none; of a call
                               * that came over a registration the room set for it */
    const char *from_uri, *from_name; /* name "" when not given; UTF-8, quotes removed */
    const char *transport;    /* "udp", "tcp", "tls" */
    const char *source_address; int source_port; /* where the signalling came from */
    const char *local_address;  /* ours that was reached: for c= when listening on a wildcard */
    const char *user_agent;
    const char *sdp; size_t sdp_bytes; /* NULL: delayed offer */
    const char *user; /* the account that showed its password; "" none was asked for */
    /* The call of ours whose place it is to take (RFC 3891): to be hung up once this one is
     * accepted. The same account's, where passwords are asked for. NULL: none. */
    struct mcu_sip_call *replaces;
};

struct mcu_sip_events {
    /* A new call: answer later with mcu_sip_accept or mcu_sip_refuse. Strings are good during the
     * callback only. call_arg is set with mcu_sip_call_set_arg. */
    void (*invite)(struct mcu_sip_call *call, const struct mcu_sip_invite *invite, void *arg);
    /* re-INVITE with (sdp) or without body (sdp NULL: make an offer), or UPDATE with an offer (one
     * without is a session refresh and answered here): answer with mcu_sip_accept or
     * mcu_sip_refuse (which leaves the call as it was). */
    void (*reinvite)(struct mcu_sip_call *call, const char *sdp, size_t sdp_bytes, void *arg);
    /* The ACK of our 200: with the answer in it when the 200 held our offer. Once a transaction. */
    void (*ack)(struct mcu_sip_call *call, const char *sdp, size_t sdp_bytes, void *arg);
    /* Outgoing call: 200 with the peer's answer (sdp NULL: there was none to be read). */
    void (*answered)(struct mcu_sip_call *call, const char *sdp, size_t sdp_bytes, void *arg);
    /* Time for the offer that was asked for with mcu_sip_reoffer, or for the refresh of a session
     * whose peer takes no UPDATE: call mcu_sip_offer from within. Once more after a 491. */
    void (*offer_due)(struct mcu_sip_call *call, void *arg);
    /* What came of it: 2xx with the answer (sdp NULL: there was none to be read), or a refusal,
     * after which all is as it was before the offer. */
    void (*offer_done)(struct mcu_sip_call *call, int status, const char *sdp, size_t sdp_bytes,
                       void *arg);
    /* REFER within a call: the peer asks us to call uri, in the place of another call of the one there
     * where replaces is not NULL (both good for mcu_sip_call_out). Returns 202,
     * and tells him with mcu_sip_refer_progress what comes of it, or the status to refuse with. One
     * at a time: the next one is refused until the last word on this one. */
    int (*refer)(struct mcu_sip_call *call, const char *uri, const char *replaces, void *arg);
    /* What the peer says of our mcu_sip_refer: a provisional status of the call that he makes, and,
     * as the last word, a final one (his refusal of the REFER; 202: he will tell no more; 0: not
     * known). */
    void (*referred)(struct mcu_sip_call *call, int status, bool last, void *arg);
    /* INFO picture_fast_update (RFC 5168). */
    void (*keyframe_wanted)(struct mcu_sip_call *call, void *arg);
    /* INFO with a key (application/dtmf-relay or application/dtmf). */
    void (*dtmf)(struct mcu_sip_call *call, char key, void *arg);
    /* BYE, CANCEL, time-out, transport failure, refusal: the last word of a call; it is freed after
     * the callback. status: SIP status or 0; reason: short English text for the log. */
    void (*ended)(struct mcu_sip_call *call, int status, const char *reason, void *arg);
};

/* Opens the sockets. Returns 0, -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EINVAL (certificate: the log
 * says why; or an account) or -ENOMEM. */
int mcu_sip_new(struct mcu_sip **out, struct mcu_loop *loop, const struct mcu_sip_config *config,
                const struct mcu_sip_events *events, void *arg);

/* Reads certificate and key of the TLS listener again: new connections use them, those that stand go
 * on. Returns 0 (also without TLS), or an error (net/tls_keys.h): the log says why, and the
 * certificate in use stays. */
int mcu_sip_reload_tls(struct mcu_sip *sip);

enum mcu_sip_provider_state {
    MCU_SIP_PROVIDER_TRYING,
    MCU_SIP_PROVIDER_REGISTERED,
    MCU_SIP_PROVIDER_FAILED, /* refused, or nobody answers: tried again later */
    MCU_SIP_PROVIDER_REMOVED,
};

struct mcu_sip_provider_status {
    char address[MCU_SIP_PROVIDER_URI], via[MCU_SIP_PROVIDER_URI]; /* via: in use now */
    char room[MCU_SIP_PROVIDER_ROOM];
    enum mcu_sip_provider_state state;
    int status;       /* of the last answer; 0: none came */
    int expires_in_s; /* while registered */
};

/* The registrations in the order of the configuration; how many. */
int mcu_sip_provider_list(const struct mcu_sip *sip,
                          struct mcu_sip_provider_status out[MCU_SIP_MAX_PROVIDERS]);

/* Sends BYE (or CANCEL, or 503) to every call and the last word to the providers, then calls done once all have ended or at most
 * timeout_ms later. New calls get 503 meanwhile. */
void mcu_sip_shutdown(struct mcu_sip *sip, int timeout_ms, void (*done)(void *arg), void *arg);
/* After the shutdown's done. */
void mcu_sip_free(struct mcu_sip **sip);

void mcu_sip_call_set_arg(struct mcu_sip_call *call, void *call_arg);
void *mcu_sip_call_arg(const struct mcu_sip_call *call);
const char *mcu_sip_call_id(const struct mcu_sip_call *call);

void mcu_sip_ring(struct mcu_sip_call *call); /* 180 */
/* 200 with sdp (answer, or our offer when none came). */
void mcu_sip_accept(struct mcu_sip_call *call, const char *sdp);
/* Final refusal of the INVITE or re-INVITE at hand. warning: text for Warning 399, may be NULL.
 * retry_after_s: 0 none. */
void mcu_sip_refuse(struct mcu_sip_call *call, int status, const char *warning, int retry_after_s);
/* Ends a call in any state: BYE with Reason (RFC 3326) text, CANCEL or 480. `ended` follows. */
void mcu_sip_hangup(struct mcu_sip_call *call, const char *reason);
/* Asks for `offer_due`: at once, or as soon as no other offer is open. Again before it has come:
 * once. Of a re-INVITE that meets one of theirs (491) it comes again after the time of RFC
 * 3261 14.1. */
void mcu_sip_reoffer(struct mcu_sip_call *call);
/* From within `offer_due`: re-INVITE with sdp; `offer_done` follows. NULL: there is nothing to
 * offer. */
void mcu_sip_offer(struct mcu_sip_call *call, const char *sdp);
/* Asks the peer to call uri himself (blind transfer, RFC 3515); `referred` follows. 0, -EINVAL
 * (uri), -EBUSY (the last one is still open), -ENOTCONN (no call yet, or no more) or -ENOTSUP (his
 * Allow). */
int mcu_sip_refer(struct mcu_sip_call *call, const char *uri);
/* NOTIFY to who asked by REFER: status of the call made for him; 200 and above is the last word. */
void mcu_sip_refer_progress(struct mcu_sip_call *call, int status, const char *phrase);
/* INFO picture_fast_update to the peer (RFC 5168). */
void mcu_sip_ask_keyframe(struct mcu_sip_call *call);
/* Outgoing call with our offer: `answered` or `ended` follows; early media is passed over. uri:
 * "sip:user@host:port[;transport=tcp]". replaces: the value of a Replaces header (RFC 3891), which the
 * callee then must understand; NULL: none. login: for a challenge of its realm and no other, copied;
 * NULL: none. 0, -EINVAL (the uri), -EBUSY (shutting down, or too many calls) or -ENOMEM. */
int mcu_sip_call_out(struct mcu_sip_call **out, struct mcu_sip *sip, const char *uri,
                     const char *replaces, const char *from_user, const char *sdp,
                     const struct mcu_digest_login *login, void *call_arg);
/* Whether mcu_sip_call_out would take it: 0 or -EINVAL. */
int mcu_sip_uri_check(const char *uri);
/* The address of ours that the uri's host would see, for an offer: the public one, or by route. */
void mcu_sip_local_address(const struct mcu_sip *sip, const char *uri, char out[64]);

#endif
