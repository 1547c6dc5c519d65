/* net/sip_auth.h - who a caller is: accounts, nonces and the check of a digest (RFC 7616, RFC 8760).
 * Threads: one at a time, whoever owns the object (the control loop).
 *
 * A nonce is its time of issue, a random part, and a MAC of both: nothing is kept for those who only
 * ask. What is kept is how often a nonce has been used by who knew a password, in a table of fixed
 * size: what falls out of it makes all nonces of its age and older stale.
 *
 * A known and an unknown user are told the same, in the same time: every account is compared, and
 * the digest of a random secret stands in for that of nobody. */
#ifndef MCU_NET_SIP_AUTH_H
#define MCU_NET_SIP_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/sip_digest.h"

#define MCU_SIP_MAX_ACCOUNTS 64
#define MCU_SIP_ACCOUNT_SIZE 200 /* of an account's text, with its end */
#define MCU_SIP_USER_SIZE    64
#define MCU_SIP_CHALLENGE_SIZE 384

struct mcu_sip_auth;

enum mcu_auth_result {
    MCU_AUTH_OK,
    MCU_AUTH_NONE,  /* no credentials for our realm */
    MCU_AUTH_STALE, /* right, but the nonce is too old or was used before: ask again with stale */
    MCU_AUTH_WRONG,
};

/* A set of algorithms: 1 << MCU_DIGEST_MD5 and so on. */
#define MCU_AUTH_ANY_DIGEST ((1u << MCU_DIGESTS) - 1)

/* text: "user:password", "user:{SHA-256}64 hex digits" or "user:{MD5}32 hex digits" (the hash of
 * user:realm:password). 0 or -EINVAL. */
int mcu_sip_account_check(const char *text);

/* secret: of the nonces, random, 32 bytes. Returns 0, -EINVAL (an account or the realm) or -ENOMEM.
 * A user may stand in two accounts, one for each hash. */
int mcu_sip_auth_new(struct mcu_sip_auth **out, const char *realm,
                     const char (*accounts)[MCU_SIP_ACCOUNT_SIZE], int count,
                     const uint8_t secret[32]);
void mcu_sip_auth_free(struct mcu_sip_auth **auth);

/* The value of a WWW-Authenticate header. salt: random. 0 or -EIO. */
int mcu_sip_auth_challenge(char out[MCU_SIP_CHALLENGE_SIZE], const struct mcu_sip_auth *auth,
                           enum mcu_digest algorithm, bool stale, int64_t now_ms, uint64_t salt);

/* Checks an Authorization header's value for a request of this method. user: who it is, written
 * when the result is MCU_AUTH_OK. allowed: a set of algorithms; others are wrong. now_ms: of a clock that never goes back, the same for challenge
 * and check.
 *
 * The digest's uri is not compared with the request's: proxies rewrite the latter (RFC 3261 22.4
 * point 4 leaves it open), and a digest is good for one request anyway. */
enum mcu_auth_result mcu_sip_auth_check(struct mcu_sip_auth *auth, const char *authorization,
                                        const char *method, unsigned allowed, int64_t now_ms,
                                        char user[MCU_SIP_USER_SIZE]);

#endif
