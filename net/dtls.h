/* net/dtls.h - one DTLS association that gives SRTP its keys (RFC 5763, RFC 5764). OpenSSL stays
 * behind this file. DTLS 1.2, our ECDSA certificate, the peer's checked against the fingerprint of
 * the session description; no renegotiation, no tickets, no data.
 *
 *   datagram > OpenSSL > datagrams of at most 1200 bytes
 *                      > keys (RFC 5764 4.2)
 *
 * Threads: an association belongs to one thread at a time; the certificate and its context are the
 * process's, made once. Nothing blocks. Retransmission follows OpenSSL's timers, which read the wall
 * clock: 250 ms at first, doubled up to 4 s; _poll says when to come back. */
#ifndef MCU_NET_DTLS_H
#define MCU_NET_DTLS_H

#include "net/fingerprint.h"
#include "net/srtp.h"

struct mcu_dtls;

struct mcu_dtls_events {
    /* One datagram to the peer; good during the call. */
    void (*send)(const uint8_t *data, size_t size, void *arg);
    /* The handshake is over and the peer is who he claimed to be. Good during the call. */
    void (*keys)(const struct mcu_srtp_key *tx, const struct mcu_srtp_key *rx, void *arg);
};

/* Makes the certificate at the first call: call it once at start, as that takes a moment. Any
 * thread. 0 or -EIO. */
int mcu_dtls_start(void);

/* Ours, SHA-256; hash NONE when there is no certificate. Any thread. */
const struct mcu_fingerprint *mcu_dtls_fingerprint(void);

/* active: we send the ClientHello. events and arg are borrowed for life. 0, -EINVAL (no
 * fingerprint), -EIO (no certificate of ours) or -ENOMEM. */
int mcu_dtls_new(struct mcu_dtls **out, bool active, const struct mcu_fingerprint *peer,
                 const struct mcu_dtls_events *events, void *arg);
void mcu_dtls_free(struct mcu_dtls **dtls);

/* One datagram of DTLS records. What makes no sense is dropped; a handshake that fails is counted
 * and begins anew a second later: a forged alert must not cost the call. */
void mcu_dtls_in(struct mcu_dtls *dtls, const uint8_t *data, size_t size, int64_t now_ns);

/* Begins, retransmits, begins again, as is due. Returns the time of the next call wanted, INT64_MAX:
 * none. Call it at the start and after each _in. */
int64_t mcu_dtls_poll(struct mcu_dtls *dtls, int64_t now_ns);

bool mcu_dtls_is_done(const struct mcu_dtls *dtls);

#endif
