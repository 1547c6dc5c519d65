/* net/seal.h - what stands between a media line and its sockets: nothing, SRTP with keys from the
 * session description, or SRTP with keys from a DTLS handshake. A state machine without sockets.
 *
 *   socket > by first byte (RFC 7983) > DTLS records > handshake > keys
 *                                     > SRTP, SRTCP  > open      > line
 *   line   > seal                                                > socket
 *
 * Threads: the leg's loop. Time is an argument. What is not authentic is counted and dropped, and
 * never ends a call; nothing of ours is allocated for a packet. */
#ifndef MCU_NET_SEAL_H
#define MCU_NET_SEAL_H

#include "net/fingerprint.h"
#include "net/srtp.h"

/* How a line travels. */
enum mcu_sealing { MCU_PLAIN, MCU_SDES, MCU_DTLS };

struct mcu_seal;

struct mcu_seal_config {
    enum mcu_sealing sealing;
    bool rtcp_mux;
    struct mcu_srtp_key tx, rx;  /* SDES */
    struct mcu_fingerprint peer; /* DTLS: what his certificate must be */
    bool active;                 /* DTLS: we begin */
    bool moved;                  /* DTLS: he has another address now, so a new association begins
                                    (RFC 5763 6.6) */
};

struct mcu_seal_events {
    /* One datagram to the peer; component 0: to his RTP address, 1: RTCP. Good during the call. */
    void (*datagram)(int component, const uint8_t *data, size_t size, void *arg);
    /* One packet in the clear for the line, authentic where the line is secured. */
    void (*packet)(bool rtcp, const uint8_t *data, size_t size, int64_t now_ns, void *arg);
    /* DTLS has given the keys for RTP: from now on packets pass; what was sent before is lost. */
    void (*ready)(void *arg);
};

/* ssrc: ours; 0: any, for lines that share a transport. events and arg are borrowed for life. Begins as PLAIN. 0 or -ENOMEM. */
int mcu_seal_new(struct mcu_seal **out, uint32_t ssrc, const struct mcu_seal_events *events,
                 void *arg);
void mcu_seal_free(struct mcu_seal **seal);

/* First description and re-INVITEs. Keys that stay the same go on with their counters; so does a
 * DTLS association whose peer, role and address stay. Returns 0, -ENOTSUP, -ENOMEM or -EINVAL (no
 * fingerprint): then nothing passes any more. */
int mcu_seal_set(struct mcu_seal *seal, const struct mcu_seal_config *config);

/* From now on datagrams may be sent: the peer has shown that he wants them. Idempotent. */
void mcu_seal_start(struct mcu_seal *seal, int64_t now_ns);

/* One datagram from a negotiated address; component: of the socket that it came to. */
void mcu_seal_in(struct mcu_seal *seal, int component, const uint8_t *data, size_t size,
                 int64_t now_ns);

/* One packet of the line. */
void mcu_seal_out(struct mcu_seal *seal, bool rtcp, const uint8_t *data, size_t size);

/* Handshakes' timers. Returns the time of the next call wanted, INT64_MAX: none. */
int64_t mcu_seal_poll(struct mcu_seal *seal, int64_t now_ns);

/* Whether media of the line pass now. */
bool mcu_seal_is_open(const struct mcu_seal *seal);

#endif
