#include "net/tls_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "mixer/base/log.h"

struct mcu_tls_keys {
    EVP_PKEY *key;
    X509 *cert;
    STACK_OF(X509) * chain; /* NULL: none */
};

void mcu_tls_keys_free(struct mcu_tls_keys **pp)
{
    struct mcu_tls_keys *k = *pp;
    *pp = NULL;
    if (!k)
        return;
    EVP_PKEY_free(k->key);
    X509_free(k->cert);
    sk_X509_pop_free(k->chain, X509_free);
    free(k);
}

static int refused(const char *event, const char *file, const char *why)
{
    char quoted[300], reason[160] = "";
    unsigned long code = ERR_peek_last_error();
    if (code)
        ERR_error_string_n(code, reason, sizeof(reason));
    mcu_log(MCU_LOG_ERROR, event, "file=%s why=\"%s\" error=\"%s\"",
            mcu_log_quote(quoted, sizeof(quoted), file), why, reason);
    ERR_clear_error();
    return -EINVAL;
}

static int no_password(char *buf, int size, int writing, void *arg)
{
    return -1; /* else OpenSSL would ask on the terminal */
}

/* The errno of a file that cannot be opened, which OpenSSL's own words hide. */
static int check_readable(const char *event, const char *file)
{
    FILE *f = fopen(file, "rb");
    int rc = f ? 0 : -errno;
    if (f)
        fclose(f);
    else
        refused(event, file, strerror(-rc));
    return rc;
}

/* OpenSSL reads and checks them in a context that nothing else uses. */
static int load(SSL_CTX *ctx, const char *event, const char *cert, const char *key)
{
    SSL_CTX_set_default_passwd_cb(ctx, no_password);
    int rc = check_readable(event, cert);
    if (rc == 0)
        rc = check_readable(event, key);
    if (rc < 0)
        return rc;
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        return refused(event, cert, "is no PEM certificate that can be used");
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return refused(event, key, "is no PEM key without password, or not the certificate's");
    if (SSL_CTX_check_private_key(ctx) != 1)
        return refused(event, key, "is not the certificate's");
    if (X509_cmp_current_time(X509_get0_notAfter(SSL_CTX_get0_certificate(ctx))) < 0)
        return refused(event, cert, "has expired");
    return 0;
}

static int take(struct mcu_tls_keys *k, SSL_CTX *ctx)
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

int mcu_tls_keys_read(struct mcu_tls_keys **out, const char *event, const char *cert_file,
                      const char *key_file)
{
    struct mcu_tls_keys *k = calloc(1, sizeof(*k));
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    int rc = k && ctx ? load(ctx, event, cert_file, key_file) : -ENOMEM;
    if (rc == 0)
        rc = take(k, ctx);
    SSL_CTX_free(ctx);
    ERR_clear_error();
    if (rc < 0)
        mcu_tls_keys_free(&k);
    else
        *out = k;
    return rc;
}

int mcu_tls_keys_wrap(struct mcu_tls_keys **out, EVP_PKEY *take_key, X509 *take_cert)
{
    struct mcu_tls_keys *k = calloc(1, sizeof(*k));
    if (!k) {
        EVP_PKEY_free(take_key);
        X509_free(take_cert);
        return -ENOMEM;
    }
    k->key = take_key;
    k->cert = take_cert;
    *out = k;
    return 0;
}

int mcu_tls_keys_give(const struct mcu_tls_keys *keys, SSL *ssl)
{
    SSL_certs_clear(ssl); /* another kind of key would be a second choice beside the old one */
    return SSL_use_cert_and_key(ssl, keys->cert, keys->key, keys->chain, 1);
}
