/* net/sip_digest.h - digest authentication as text: parameters, hashes, a client's answer (RFC 7616, and
 * RFC 8760 for SIP). qop=auth only: without it there is no nonce count, and what was heard once
 * could be said again.
 * Threads: any; nothing is kept. Input is the network's, output is bounded. */
#ifndef MCU_NET_SIP_DIGEST_H
#define MCU_NET_SIP_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MCU_DIGEST_HEX  65  /* the longest hash in hexadecimal, with its end */
#define MCU_DIGEST_TEXT 128 /* user names, realms, passwords, with their end */

/* The stronger one is offered first (RFC 8760 2.4). */
enum mcu_digest { MCU_DIGEST_SHA256, MCU_DIGEST_MD5, MCU_DIGESTS, MCU_DIGEST_OTHER = MCU_DIGESTS };

/* The parameters of one Authorization or WWW-Authenticate header. What was not there is "". */
struct mcu_digest_params {
    char username[MCU_DIGEST_TEXT], realm[MCU_DIGEST_TEXT], nonce[MCU_DIGEST_TEXT];
    char cnonce[MCU_DIGEST_TEXT], opaque[MCU_DIGEST_TEXT];
    char uri[512];
    char response[MCU_DIGEST_HEX];
    char nc[9];
    enum mcu_digest algorithm; /* MD5 when not given */
    bool qop_auth;             /* chosen (a credential), or among those offered (a challenge) */
    bool stale;
};

/* "SHA-256" or "MD5". */
const char *mcu_digest_name(enum mcu_digest algorithm);

/* Reads the header's value. Unknown parameters are skipped. Returns 0, or -EINVAL: another scheme,
 * bad syntax, a parameter given twice or longer than its place. */
int mcu_digest_parse(struct mcu_digest_params *out, const char *text);

/* HA1 of RFC 7616 3.4.2: H(user:realm:password) in lower-case hexadecimal. 0 or -EIO (no such hash
 * in this build of OpenSSL). */
int mcu_digest_ha1(char out[MCU_DIGEST_HEX], enum mcu_digest algorithm, const char *user,
                   const char *realm, const char *password);

/* The response of 3.4.1 to p's nonce, nc, cnonce and uri, with qop=auth. 0 or -EIO. */
int mcu_digest_response(char out[MCU_DIGEST_HEX], const struct mcu_digest_params *p,
                        const char *ha1, const char *method);

struct mcu_digest_login {
    const char *realm; /* the only one that gets an answer */
    const char *user, *password;
};

/* A client's header value in answer to a challenge. cnonce: random text of the caller's. Returns 0,
 * -EACCES (another realm: it gets no digest), -EINVAL (no qop=auth, unknown algorithm, text that
 * cannot be quoted), -ENOSPC or -EIO. */
int mcu_digest_answer(char *out, size_t size, const struct mcu_digest_params *challenge,
                      const struct mcu_digest_login *login, const char *method, const char *uri,
                      const char *cnonce);

/* SHA-256 keyed (HMAC) and not: 32 bytes out. 0 or -EIO. */
int mcu_digest_hmac(uint8_t out[32], const void *key, size_t key_size, const void *data,
                    size_t size);
int mcu_digest_sha256(uint8_t out[32], const void *data, size_t size);
/* As memcmp() == 0, in a time that depends on size alone. */
bool mcu_digest_equal(const void *a, const void *b, size_t size);
void mcu_digest_wipe(void *data, size_t size);

#endif
