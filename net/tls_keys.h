/* net/tls_keys.h - a certificate and its key, read from files and checked, for listeners that take
 * new ones while they run.
 * Threads: any; an object is read-only once made. */
#ifndef MCU_NET_TLS_KEYS_H
#define MCU_NET_TLS_KEYS_H

#include <openssl/ssl.h>

struct mcu_tls_keys;

/* Reads a PEM certificate, with what follows it as its chain, and its PEM key. event: of the log
 * line that says why not. Returns 0, -EINVAL (no PEM of its kind, not a pair, out of date), -ENOMEM
 * or the errno of a file. */
int mcu_tls_keys_read(struct mcu_tls_keys **out, const char *event, const char *cert_file,
                      const char *key_file);
/* Takes over both (also where it fails: -ENOMEM). */
int mcu_tls_keys_wrap(struct mcu_tls_keys **out, EVP_PKEY *take_key, X509 *take_cert);
void mcu_tls_keys_free(struct mcu_tls_keys **keys);

/* For the callback of SSL_CTX_set_cert_cb: a connection's handshake goes on with these. 1 or 0, as
 * OpenSSL wants it. */
int mcu_tls_keys_give(const struct mcu_tls_keys *keys, SSL *ssl);

#endif
