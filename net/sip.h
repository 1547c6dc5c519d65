/* net/sip.h - SIP calls, on sofia-sip behind this interface (its SDP parser is never used).
 * Threads: the control loop makes every call and receives every callback.
 *
 * One struct mcu_sip a process, for its whole life. Bodies are passed through as text. */
#ifndef MCU_NET_SIP_H
#define MCU_NET_SIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mcu_loop;
struct mcu_sip;
struct mcu_sip_call; /* one dialog; lives until its `ended` callback returns */

struct mcu_sip_config {
    const char *address;      /* to listen on: "127.0.0.1", "::1", "0.0.0.0", ... */
    const char *public_address; /* for Contact; NULL: address, or the Via's own when wildcard */
    int port;                 /* UDP and TCP; 0: none is opened (error) */
    int tls_port;             /* 0: no TLS */
    const char *cert_file, *key_file; /* PEM, for TLS */
    const char *user_agent;
    int max_calls_per_s;      /* INVITEs above it get 503 with Retry-After before work is done */
    int max_calls;            /* both: at least 1 */
    int t1_ms;                /* T1 of RFC 3261 17.1.1.1; 0: 500. Tests shorten it, and with it the
                               * 64 T1 that an unanswered request or a missing ACK may take */
};

struct mcu_sip_invite {
    const char *room;         /* user part of the request URI, percent-decoded; "" none */
    const char *from_uri, *from_name; /* name "" when not given; UTF-8, quotes removed */
    const char *transport;    /* "udp", "tcp", "tls" */
    const char *source_address; int source_port; /* where the signalling came from */
    const char *local_address;  /* ours that was reached: for c= when listening on a wildcard */
    const char *user_agent;
    const char *sdp; size_t sdp_bytes; /* NULL: delayed offer */
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
    /* INFO picture_fast_update (RFC 5168). */
    void (*keyframe_wanted)(struct mcu_sip_call *call, void *arg);
    /* INFO with a key (application/dtmf-relay or application/dtmf). */
    void (*dtmf)(struct mcu_sip_call *call, char key, void *arg);
    /* BYE, CANCEL, time-out, transport failure, refusal: the last word of a call; it is freed after
     * the callback. status: SIP status or 0; reason: short English text for the log. */
    void (*ended)(struct mcu_sip_call *call, int status, const char *reason, void *arg);
};

/* Opens the sockets. Returns 0, -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EINVAL (certificate: the log
 * says why) or -ENOMEM. */
int mcu_sip_new(struct mcu_sip **out, struct mcu_loop *loop, const struct mcu_sip_config *config,
                const struct mcu_sip_events *events, void *arg);

/* Sends BYE (or CANCEL, or 503) to every call, then calls done once all have ended or at most
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
/* INFO picture_fast_update to the peer (RFC 5168). */
void mcu_sip_ask_keyframe(struct mcu_sip_call *call);
/* Outgoing call with our offer. uri: "sip:user@host:port[;transport=tcp]". 0 or negative errno. */
int mcu_sip_call_out(struct mcu_sip_call **out, struct mcu_sip *sip, const char *uri,
                     const char *from_user, const char *sdp, void *call_arg);

#endif
