#include "net/cert.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "mixer/base/util.h"
#include "net/srtp.h"

static bool add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool good = e && X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    return good;
}

/* What browsers want of a server's certificate (RFC 5280 section 4.2.1). */
static bool add_names(X509 *x, const char *names)
{
    return add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(x, NID_key_usage, "critical,digitalSignature") &&
           add_extension(x, NID_ext_key_usage, "serverAuth") &&
           add_extension(x, NID_subject_alt_name, names);
}

X509 *mcu_cert_make(EVP_PKEY *key, int valid_days, const char *names)
{
    X509 *x = X509_new();
    uint64_t serial = 0;
    mcu_srtp_random(&serial, sizeof(serial));
    if (!x)
        return NULL;
    X509_NAME *name = X509_get_subject_name(x);
    if (X509_set_version(x, X509_VERSION_3) &&
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1 | 1) &&
        X509_gmtime_adj(X509_getm_notBefore(x), -24 * 3600) &&
        X509_gmtime_adj(X509_getm_notAfter(x), valid_days * 24L * 3600) &&
        X509_set_pubkey(x, key) &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"tessera", -1, -1,
                                   0) &&
        X509_set_issuer_name(x, name) && (!names || add_names(x, names)) &&
        X509_sign(x, key, EVP_sha256()))
        return x;
    X509_free(x);
    ERR_clear_error();
    return NULL;
}
