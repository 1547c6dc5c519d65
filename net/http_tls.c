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

#define SELF_SIGNED_DAYS 397 /* browsers refuse what is good for longer than 398 */

struct mcu_http_keys {
    EVP_PKEY *key;
    X509 *cert;
    STACK_OF(X509) * chain; /* NULL: none */
};

static void keys_free(struct mcu_http_keys *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->key);
    X509_free(k->cert);
    sk_X509_pop_free(k->chain, X509_free);
    free(k);
}

/* ---- from files ---- */

static int refused(const char *file, const char *why)
{
    char quoted[300], reason[160] = "";
    unsigned long code = ERR_peek_last_error();
    if (code)
        ERR_error_string_n(code, reason, sizeof(reason));
    mcu_log(MCU_LOG_ERROR, "http-tls-refused", "file=%s why=\"%s\" error=\"%s\"",
            mcu_log_quote(quoted, sizeof(quoted), file), why, reason);
    ERR_clear_error();
    return -EINVAL;
}

static int no_password(char *buf, int size, int writing, void *arg)
{
    return -1; /* else OpenSSL would ask on the terminal */
}

/* The errno of a file that cannot be opened, which OpenSSL's own words hide. */
static int check_readable(const char *file)
{
    FILE *f = fopen(file, "rb");
    int rc = f ? 0 : -errno;
    if (f)
        fclose(f);
    else
        refused(file, strerror(-rc));
    return rc;
}

/* OpenSSL reads and checks them in a context that nothing else uses. */
static int load(SSL_CTX *ctx, const char *cert, const char *key)
{
    SSL_CTX_set_default_passwd_cb(ctx, no_password);
    int rc = check_readable(cert);
    if (rc == 0)
        rc = check_readable(key);
    if (rc < 0)
        return rc;
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        return refused(cert, "is no PEM certificate that can be used");
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return refused(key, "is no PEM key without password, or not the certificate's");
    if (SSL_CTX_check_private_key(ctx) != 1)
        return refused(key, "is not the certificate's");
    if (X509_cmp_current_time(X509_get0_notAfter(SSL_CTX_get0_certificate(ctx))) < 0)
        return refused(cert, "has expired");
    return 0;
}

static int take(struct mcu_http_keys *k, SSL_CTX *ctx)
{
    STACK_OF(X509) *chain = NULL;
    SSL_CTX_get0_chain_certs(ctx, &chain);
    k->key = SSL_CTX_get0_privatekey(ctx);
    k->cert = SSL_CTX_get0_certificate(ctx);
    EVP_PKEY_up_ref(k->key);
    X509_up_ref(k->cert);
    k->chain = chain ? X509_chain_up_ref(chain) : NULL;
    return chain && !k->chain ? -ENOMEM : 0;
}

static int read_keys(struct mcu_http_keys *k, const char *cert, const char *key)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    int rc = ctx ? load(ctx, cert, key) : -ENOMEM;
    if (rc == 0)
        rc = take(k, ctx);
    SSL_CTX_free(ctx);
    ERR_clear_error();
    return rc;
}

/* ---- made here ---- */

static void append(char *names, size_t size, const char *kind, const char *name)
{
    size_t n = strlen(names);
    snprintf(names + n, size - n, "%s%s:%s", n ? "," : "", kind, name);
}

static int make_keys(struct mcu_http_keys *k, const struct mcu_http_config *config)
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
    k->key = EVP_EC_gen("P-256");
    k->cert = k->key ? mcu_cert_make(k->key, SELF_SIGNED_DAYS, names) : NULL;
    if (!k->cert)
        return refused(names, "no certificate could be made of these names");
    return 0;
}

/* ---- in use ---- */

static int new_keys(struct mcu_http_keys **out, const struct mcu_http *http,
                    const struct mcu_http_config *config)
{
    struct mcu_http_keys *k = calloc(1, sizeof(*k));
    int rc = !k                ? -ENOMEM
             : http->cert_file ? read_keys(k, http->cert_file, http->key_file)
                               : make_keys(k, config);
    if (rc < 0)
        keys_free(k);
    else
        *out = k;
    return rc;
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
    const struct mcu_http_keys *k = http->keys;
    return SSL_use_cert_and_key(ssl, k->cert, k->key, k->chain, 1);
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
    struct mcu_http_keys *fresh = NULL;
    if (!http->cert_file)
        return 0;
    int rc = new_keys(&fresh, http, NULL);
    if (rc < 0) {
        mcu_log(MCU_LOG_ERROR, "http-tls-kept", "hint=\"the certificate in use stays\"");
        return rc;
    }
    keys_free(http->keys);
    http->keys = fresh;
    mcu_log(MCU_LOG_INFO, "http-tls-reloaded", NULL);
    return 0;
}

void mcu_http_tls_close(struct mcu_http *http)
{
    keys_free(http->keys);
    free(http->cert_file);
    free(http->key_file);
}
