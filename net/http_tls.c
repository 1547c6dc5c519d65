/* Certificate and key of the HTTP listener. They are not libwebsockets' but ours: each handshake
 * asks for those that are in use just then, so that a reload reaches new connections alone. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "mixer/base/log.h"
#include "net/addr.h"
#include "net/cert.h"
#include "net/http_priv.h"
#include "net/tls_keys.h"

#define SELF_SIGNED_DAYS 397 /* browsers refuse what is good for longer than 398 */

/* ---- made here ---- */

static void append(char *names, size_t size, const char *kind, const char *name)
{
    size_t n = strlen(names);
    snprintf(names + n, size - n, "%s%s:%s", n ? "," : "", kind, name);
}

static int make_keys(struct mcu_tls_keys **out, const struct mcu_http_config *config)
{
    char names[3072] = "DNS:localhost,IP:127.0.0.1,IP:::1";
    struct mcu_addr a;
    if (mcu_addr_parse(&a, config->address, 0) == 0 && !mcu_addr_is_any(&a) &&
        !mcu_addr_is_loopback(&a))
        append(names, sizeof(names), "IP", config->address);
    for (int i = 0; i < config->host_name_count; i++) {
        bool ip = mcu_addr_parse(&a, config->host_names[i], 0) == 0;
        append(names, sizeof(names), ip ? "IP" : "DNS", config->host_names[i]);
    }
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key ? mcu_cert_make(key, SELF_SIGNED_DAYS, names) : NULL;
    if (!cert) {
        EVP_PKEY_free(key);
        mcu_log(MCU_LOG_ERROR, "http-tls-refused", "names=\"%s\" why=\"no certificate could be made\"",
                names);
        ERR_clear_error();
        return -EINVAL;
    }
    return mcu_tls_keys_wrap(out, key, cert);
}

/* ---- in use ---- */

static int new_keys(struct mcu_tls_keys **out, const struct mcu_http *http,
                    const struct mcu_http_config *config)
{
    return http->cert_file
               ? mcu_tls_keys_read(out, "http-tls-refused", http->cert_file, http->key_file)
               : make_keys(out, config);
}

int mcu_http_tls_open(struct mcu_http *http, const struct mcu_http_config *config)
{
    if (config->tls == MCU_HTTP_PLAIN)
        return 0;
    if (config->tls == MCU_HTTP_TLS_FILES) {
        if (!config->tls_cert || !config->tls_key)
            return -EINVAL;
        http->cert_file = strdup(config->tls_cert);
        http->key_file = strdup(config->tls_key);
        if (!http->cert_file || !http->key_file)
            return -ENOMEM;
    }
    return new_keys(&http->keys, http, config);
}

static int give_keys(SSL *ssl, void *arg)
{
    const struct mcu_http *http = arg;
    return mcu_tls_keys_give(http->keys, ssl);
}

int mcu_http_tls_attach(struct mcu_http *http)
{
    SSL_CTX *ctx = http->ssl_context;
    if (!http->keys)
        return 0;
    if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
        !SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") ||
        !SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384"))
        return -EIO;
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_cert_cb(ctx, give_keys, http);
    return 0;
}

int mcu_http_reload_tls(struct mcu_http *http)
{
    struct mcu_tls_keys *fresh = NULL;
    if (!http->cert_file)
        return 0;
    int rc = new_keys(&fresh, http, NULL);
    if (rc < 0) {
        mcu_log(MCU_LOG_ERROR, "http-tls-kept", "hint=\"the certificate in use stays\"");
        return rc;
    }
    mcu_tls_keys_free(&http->keys);
    http->keys = fresh;
    mcu_log(MCU_LOG_INFO, "http-tls-reloaded", NULL);
    return 0;
}

void mcu_http_tls_close(struct mcu_http *http)
{
    mcu_tls_keys_free(&http->keys);
    free(http->cert_file);
    free(http->key_file);
}
