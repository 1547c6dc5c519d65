/* The stack's TLS contexts and the certificate that their handshakes use. */
#include <errno.h>
#include <stddef.h>

#include <openssl/crypto.h>

#include "mixer/base/log.h"
#include "mixer/base/util.h"
#include "net/sip_tls.h"

static _Thread_local struct mcu_sip_tls *watching;

static void on_new_context(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
                           void *argp)
{
    struct mcu_sip_tls *tls = watching;
    if (tls && tls->count < MCU_SIP_TLS_CONTEXTS)
        tls->context[tls->count++] = parent;
}

void mcu_sip_tls_watch(struct mcu_sip_tls *tls)
{
    static int index = -1; /* one for the process's life: there is one stack at a time */
    if (index < 0)
        index = SSL_CTX_get_ex_new_index(0, NULL, on_new_context, NULL, NULL);
    tls->count = 0;
    watching = tls;
}

void mcu_sip_tls_unwatch(void)
{
    watching = NULL;
}

static int give_keys(SSL *ssl, void *arg)
{
    const struct mcu_sip_tls *tls = arg;
    return mcu_tls_keys_give(tls->keys, ssl);
}

int mcu_sip_tls_attach(struct mcu_sip_tls *tls, const char *cert_file, const char *key_file)
{
    tls->cert_file = cert_file;
    tls->key_file = key_file;
    int rc = mcu_tls_keys_read(&tls->keys, "sip-tls-refused", cert_file, key_file);
    if (rc == 0 && tls->count == 0)
        rc = -ENOENT;
    for (int i = 0; i < tls->count && rc == 0; i++) {
        SSL_CTX *ctx = tls->context[i];
        if (!SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION))
            rc = -EIO;
        SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
        SSL_CTX_set_cert_cb(ctx, give_keys, tls);
    }
    return rc;
}

int mcu_sip_tls_reload(struct mcu_sip_tls *tls)
{
    struct mcu_tls_keys *fresh = NULL;
    if (!tls->keys)
        return 0;
    int rc = mcu_tls_keys_read(&fresh, "sip-tls-refused", tls->cert_file, tls->key_file);
    if (rc < 0) {
        mcu_log(MCU_LOG_ERROR, "sip-tls-kept", "hint=\"the certificate in use stays\"");
        return rc;
    }
    mcu_tls_keys_free(&tls->keys);
    tls->keys = fresh;
    mcu_log(MCU_LOG_INFO, "sip-tls-reloaded", NULL);
    return 0;
}

void mcu_sip_tls_close(struct mcu_sip_tls *tls)
{
    mcu_tls_keys_free(&tls->keys);
}
