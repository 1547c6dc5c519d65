/* net/srtp.h - SRTP and SRTCP (RFC 3711, RFC 7714) of one flow: seals what goes out, opens what comes
 * in, keeps the rollover counters and replay windows. libsrtp2 stays behind this file.
 * Threads: one session belongs to one thread at a time. _protect allocates nothing of ours;
 * _unprotect only when a new source has proved that it holds the key. The ciphers are OpenSSL's
 * (net/srtp_evp.h): 0.6 us for 1200 bytes with AES-GCM, 1.2 us with AES-CM. */
#ifndef MCU_NET_SRTP_H
#define MCU_NET_SRTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MCU_SRTP_KEY_BYTES_MAX 44  /* AES-256 and the salt of GCM */
#define MCU_SRTP_TRAILER_MAX   144 /* room that _protect needs behind a packet (libsrtp2) */
#define MCU_SRTP_SOURCES       8   /* SSRCs of a peer whose counters are kept; the oldest goes */

enum mcu_srtp_suite {
    MCU_SRTP_NONE,
    MCU_SRTP_AES128_SHA1_80, /* RFC 4568 6.2.1 */
    MCU_SRTP_AES128_SHA1_32, /* RFC 4568 6.2.2: RTCP has the long tag all the same */
    MCU_SRTP_AES128_GCM,     /* RFC 7714 */
    MCU_SRTP_AES256_GCM,
    MCU_SRTP_SUITES
};

/* A master key and, right behind it, its salt. Never to be logged. */
struct mcu_srtp_key {
    enum mcu_srtp_suite suite;
    uint8_t bytes[MCU_SRTP_KEY_BYTES_MAX];
};

/* Bytes of key, of salt, and the name in SDP ("AES_CM_128_HMAC_SHA1_80"); 0, 0, "" for NONE. */
size_t mcu_srtp_key_bytes(enum mcu_srtp_suite suite);
size_t mcu_srtp_salt_bytes(enum mcu_srtp_suite suite);
const char *mcu_srtp_suite_name(enum mcu_srtp_suite suite);

/* Whether this machine's libsrtp2 has it (asked once). Any thread. */
bool mcu_srtp_supported(enum mcu_srtp_suite suite);

/* Compares without saying by its time where they differ. */
bool mcu_srtp_key_equal(const struct mcu_srtp_key *a, const struct mcu_srtp_key *b);

/* A fresh random key for a suite. */
void mcu_srtp_key_random(struct mcu_srtp_key *out, enum mcu_srtp_suite suite);

/* Random bytes from the kernel; ends the process if there are none. */
void mcu_srtp_random(void *out, size_t size);

/* Overwrites memory that held keys; the compiler may not leave it out. */
void mcu_srtp_wipe(void *data, size_t size);

struct mcu_srtp;

struct mcu_srtp_stats {
    uint64_t sealed, opened;
    uint64_t unauthentic, replayed; /* of what came in */
};

/* tx_ssrc: ours, the only one that _protect takes; 0: any, for lines that share a transport. Without
 * keys yet. 0 or -ENOMEM. */
int mcu_srtp_new(struct mcu_srtp **out, uint32_t tx_ssrc);
void mcu_srtp_free(struct mcu_srtp **srtp);

/* Sets the key of a direction. The key that it has already: nothing happens, counters and windows go
 * on (a re-INVITE that changes nothing). Another: they begin anew (RFC 4568 6.4). 0, -ENOTSUP (a
 * suite that libsrtp2 has not), -ENOMEM: then the old one still holds. */
int mcu_srtp_set_tx(struct mcu_srtp *srtp, const struct mcu_srtp_key *key);
int mcu_srtp_set_rx(struct mcu_srtp *srtp, const struct mcu_srtp_key *key);
bool mcu_srtp_ready(const struct mcu_srtp *srtp); /* both directions have a key */

/* Seals buf[size] in place; room: bytes of buf, at least size + MCU_SRTP_TRAILER_MAX. buf is aligned
 * to 4. Returns the new size, -ENOKEY, -EINVAL (no packet, no room, another SSRC) or -EKEYEXPIRED. */
int mcu_srtp_protect(struct mcu_srtp *srtp, bool rtcp, uint8_t *buf, size_t size, size_t room);

/* Opens buf[size] in place (aligned to 4). Returns the new size, -ENOKEY, -EBADMSG (malformed or not
 * authentic) or -EALREADY (came before, or too old to know). */
int mcu_srtp_unprotect(struct mcu_srtp *srtp, bool rtcp, uint8_t *buf, size_t size);

void mcu_srtp_get_stats(const struct mcu_srtp *srtp, struct mcu_srtp_stats *out);

#endif
