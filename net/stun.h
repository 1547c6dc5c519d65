/* net/stun.h - the little of STUN (RFC 8489) that is ours and not libnice's: checks of consent (RFC 7675) and
 * questions to a server whether it is there. Threads: any; no state. */
#ifndef MCU_NET_STUN_H
#define MCU_NET_STUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MCU_STUN_HEADER_BYTES 20
#define MCU_STUN_ID_BYTES     12
#define MCU_STUN_CHECK_MAX    640 /* bytes of a check, with the longest names */

/* Message types (RFC 8489 5, RFC 8656 17). */
#define MCU_STUN_BINDING        0x0001
#define MCU_STUN_BINDING_ANSWER 0x0101
#define MCU_STUN_ALLOCATE       0x0003
#define MCU_STUN_CLASS          0x0110 /* of an answer: 0x0100 good, 0x0110 an error */

struct mcu_stun_check {
    const char *user, *password; /* short-term credentials (RFC 8489 9.1), both his */
    bool controlling;
    uint64_t tie_breaker;        /* RFC 8445 7.1.3 */
    uint8_t id[MCU_STUN_ID_BYTES];
};

/* A message of the type with USERNAME, PRIORITY, the role, MESSAGE-INTEGRITY and FINGERPRINT, as RFC 8445 7.1
 * wants it of a Binding request. Its bytes, or -ENOSPC. */
int mcu_stun_write(const struct mcu_stun_check *check, unsigned type, uint8_t *out, size_t room);

/* A request without credentials, which every server answers, be it with 401: Binding, or Allocate for UDP
 * (RFC 8656 7.1) of a TURN server. Bytes, or -ENOSPC. */
int mcu_stun_write_question(bool turn, const uint8_t id[MCU_STUN_ID_BYTES], uint8_t *out, size_t room);

struct mcu_stun {
    uint16_t type;
    const uint8_t *id; /* in the message */
};

/* A whole message, hostile. 0, or -EBADMSG (no STUN, or of another length than it says). */
int mcu_stun_parse(struct mcu_stun *out, const uint8_t *data, size_t size);

/* Whether its MESSAGE-INTEGRITY (SHA-1) is the password's (none: it is not). What follows that attribute is
 * not covered. */
bool mcu_stun_authentic(const uint8_t *data, size_t size, const char *password);

/* What was read of a socket, hostile: found is called with each message of the length that it says, in order; of
 * a stream there may be several, of which the first four cookies are looked at. Not where the first byte is one of
 * DTLS or RTP (RFC 7983 7). */
void mcu_stun_search(const uint8_t *data, size_t size,
                     void (*found)(const uint8_t *message, size_t size, void *arg), void *arg);

#endif
