#include "net/dtls.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "net/cert.h"

#define MTU_BYTES       1200              /* of UDP payload, as of our RTP */
#define FIRST_US        250000u           /* RFC 6347 4.2.4.1 says 1 s, and less for real time */
#define LONGEST_US      4000000u
#define RETRY_NS        MCU_NS_PER_S
#define VALID_DAYS      3650
#define PROFILE_NAMES   4

/* In our order; those that libsrtp2 has are offered. */
static const struct {
    const char *name;
    unsigned long id;
    enum mcu_srtp_suite suite;
} profiles[PROFILE_NAMES] = {
    { "SRTP_AEAD_AES_128_GCM", SRTP_AEAD_AES_128_GCM, MCU_SRTP_AES128_GCM },
    { "SRTP_AEAD_AES_256_GCM", SRTP_AEAD_AES_256_GCM, MCU_SRTP_AES256_GCM },
    { "SRTP_AES128_CM_SHA1_80", SRTP_AES128_CM_SHA1_80, MCU_SRTP_AES128_SHA1_80 },
    { "SRTP_AES128_CM_SHA1_32", SRTP_AES128_CM_SHA1_32, MCU_SRTP_AES128_SHA1_32 },
};

/* ---- the process's: certificate, context, BIO ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static SSL_CTX *context; /* NULL: could not be made */
static BIO_METHOD *bio_method;
static struct mcu_fingerprint own_fingerprint;

enum state { IDLE, SHAKING, DONE, FAILED };

struct mcu_dtls {
    const struct mcu_dtls_events *events;
    void *arg;
    bool active;
    struct mcu_fingerprint peer;
    SSL *ssl;
    enum state state;
    const uint8_t *in; /* the datagram in hand */
    size_t in_size;
    int64_t retry_ns;  /* FAILED */
};

static enum mcu_hash hash_and_md(enum mcu_hash hash, const EVP_MD **md)
{
    *md = hash == MCU_HASH_SHA1     ? EVP_sha1()
          : hash == MCU_HASH_SHA256 ? EVP_sha256()
          : hash == MCU_HASH_SHA384 ? EVP_sha384()
          : hash == MCU_HASH_SHA512 ? EVP_sha512()
                                    : NULL;
    return *md ? hash : MCU_HASH_NONE;
}

static bool fingerprint_of(struct mcu_fingerprint *out, X509 *cert, enum mcu_hash hash)
{
    const EVP_MD *md;
    unsigned int n = 0;
    uint8_t digest[EVP_MAX_MD_SIZE];
    memset(out, 0, sizeof(*out));
    if (hash_and_md(hash, &md) == MCU_HASH_NONE || !X509_digest(cert, md, digest, &n) ||
        n != mcu_hash_bytes(hash))
        return false;
    out->hash = hash;
    memcpy(out->bytes, digest, n);
    return true;
}

/* Stands in place of a chain of trust: the certificate must be the one that signalling named
 * (RFC 5763 5). */
static int check_certificate(X509_STORE_CTX *store, void *unused)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct mcu_dtls *d = ssl ? SSL_get_app_data(ssl) : NULL;
    X509 *cert = X509_STORE_CTX_get0_cert(store);
    struct mcu_fingerprint f;
    bool good = d && cert && fingerprint_of(&f, cert, d->peer.hash) &&
                mcu_fingerprint_equal(&f, &d->peer);
    if (!good)
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return good;
}

static int bio_write(BIO *bio, const char *data, int size)
{
    struct mcu_dtls *d = BIO_get_data(bio);
    if (size > 0)
        d->events->send((const uint8_t *)data, (size_t)size, d->arg);
    return size;
}

/* One datagram a read, as from a socket; then "try again". */
static int bio_read(BIO *bio, char *out, int size)
{
    struct mcu_dtls *d = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!d->in) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t n = d->in_size < (size_t)size ? d->in_size : (size_t)size;
    memcpy(out, d->in, n);
    d->in = NULL;
    return (int)n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    switch (command) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DUP:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return MTU_BYTES;
    default:
        return 0;
    }
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *make_bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "mcu datagram");
    if (m && BIO_meth_set_write(m, bio_write) && BIO_meth_set_read(m, bio_read) &&
        BIO_meth_set_ctrl(m, bio_ctrl) && BIO_meth_set_create(m, bio_create))
        return m;
    BIO_meth_free(m);
    return NULL;
}

static bool set_profiles(SSL_CTX *ctx)
{
    char names[128] = "";
    for (int i = 0; i < PROFILE_NAMES; i++) {
        if (!mcu_srtp_supported(profiles[i].suite))
            continue;
        if (names[0])
            strcat(names, ":");
        strcat(names, profiles[i].name);
    }
    return SSL_CTX_set_tlsext_use_srtp(ctx, names) == 0; /* 0 is success, for once */
}

static bool configure(SSL_CTX *ctx, EVP_PKEY *key, X509 *cert)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU |
                                 SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, check_certificate, NULL);
    SSL_CTX_set_read_ahead(ctx, 1); /* whole datagrams */
    return SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) &&
           SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES") &&
           SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") &&
           SSL_CTX_use_certificate(ctx, cert) && SSL_CTX_use_PrivateKey(ctx, key) &&
           set_profiles(ctx);
}

static void make_context(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key ? mcu_cert_make(key, VALID_DAYS, NULL) : NULL;
    SSL_CTX *ctx = cert ? SSL_CTX_new(DTLS_method()) : NULL;
    bio_method = ctx ? make_bio_method() : NULL;
    if (bio_method && configure(ctx, key, cert) &&
        fingerprint_of(&own_fingerprint, cert, MCU_HASH_SHA256)) {
        context = ctx;
        ctx = NULL;
    }
    SSL_CTX_free(ctx);
    X509_free(cert);
    EVP_PKEY_free(key);
    ERR_clear_error();
}

int mcu_dtls_start(void)
{
    pthread_once(&once, make_context);
    return context ? 0 : -EIO;
}

const struct mcu_fingerprint *mcu_dtls_fingerprint(void)
{
    pthread_once(&once, make_context);
    return &own_fingerprint;
}

/* ---- an association ---- */

static unsigned int timer_us(SSL *ssl, unsigned int last_us)
{
    unsigned int next_us = last_us ? last_us * 2 : FIRST_US;
    return next_us < LONGEST_US ? next_us : LONGEST_US;
}

static int open_ssl(struct mcu_dtls *d)
{
    SSL *ssl = SSL_new(context);
    BIO *bio = ssl ? BIO_new(bio_method) : NULL;
    if (!bio) {
        SSL_free(ssl);
        ERR_clear_error();
        return -ENOMEM;
    }
    BIO_set_data(bio, d);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, d);
    DTLS_set_link_mtu(ssl, MTU_BYTES);
    DTLS_set_timer_cb(ssl, timer_us);
    if (d->active)
        SSL_set_connect_state(ssl);
    else
        SSL_set_accept_state(ssl);
    SSL_free(d->ssl);
    d->ssl = ssl;
    d->state = IDLE;
    return 0;
}

int mcu_dtls_new(struct mcu_dtls **out, bool active, const struct mcu_fingerprint *peer,
                 const struct mcu_dtls_events *events, void *arg)
{
    if (peer->hash == MCU_HASH_NONE)
        return -EINVAL;
    if (mcu_dtls_start() < 0)
        return -EIO;
    struct mcu_dtls *d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->events = events;
    d->arg = arg;
    d->active = active;
    d->peer = *peer;
    int rc = open_ssl(d);
    if (rc < 0)
        free(d);
    else
        *out = d;
    return rc;
}

void mcu_dtls_free(struct mcu_dtls **dp)
{
    struct mcu_dtls *d = *dp;
    *dp = NULL;
    if (!d)
        return;
    SSL_free(d->ssl);
    free(d);
}

static enum mcu_srtp_suite negotiated_suite(SSL *ssl)
{
    const SRTP_PROTECTION_PROFILE *p = SSL_get_selected_srtp_profile(ssl);
    for (int i = 0; p && i < PROFILE_NAMES; i++)
        if (profiles[i].id == p->id)
            return profiles[i].suite;
    return MCU_SRTP_NONE;
}

static void take(struct mcu_srtp_key *out, enum mcu_srtp_suite suite, const uint8_t *key,
                 const uint8_t *salt)
{
    size_t n = mcu_srtp_key_bytes(suite);
    out->suite = suite;
    memcpy(out->bytes, key, n);
    memcpy(out->bytes + n, salt, mcu_srtp_salt_bytes(suite));
}

/* RFC 5764 4.2: client key, server key, client salt, server salt. */
static bool hand_out_keys(struct mcu_dtls *d)
{
    static const char label[] = "EXTRACTOR-dtls_srtp";
    uint8_t material[2 * MCU_SRTP_KEY_BYTES_MAX];
    struct mcu_srtp_key client = { 0 }, server = { 0 };
    enum mcu_srtp_suite suite = negotiated_suite(d->ssl);
    size_t key = mcu_srtp_key_bytes(suite), salt = mcu_srtp_salt_bytes(suite);
    if (suite == MCU_SRTP_NONE ||
        SSL_export_keying_material(d->ssl, material, 2 * (key + salt), label, sizeof(label) - 1,
                                   NULL, 0, 0) != 1)
        return false;
    take(&client, suite, material, material + 2 * key);
    take(&server, suite, material + key, material + 2 * key + salt);
    if (d->active)
        d->events->keys(&client, &server, d->arg);
    else
        d->events->keys(&server, &client, d->arg);
    mcu_srtp_wipe(material, sizeof(material));
    mcu_srtp_wipe(&client, sizeof(client));
    mcu_srtp_wipe(&server, sizeof(server));
    return true;
}

static void fail(struct mcu_dtls *d, int64_t now_ns)
{
    mcu_count(MCU_CNT_DTLS_FAILED);
    d->state = FAILED;
    d->retry_ns = now_ns + RETRY_NS;
}

static bool wants_more(SSL *ssl, int rc)
{
    int error = SSL_get_error(ssl, rc);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static void shake(struct mcu_dtls *d, int64_t now_ns)
{
    d->state = SHAKING;
    ERR_clear_error();
    int rc = SSL_do_handshake(d->ssl);
    if (rc == 1) {
        d->state = DONE;
        mcu_count(MCU_CNT_DTLS_DONE);
        if (!hand_out_keys(d))
            fail(d, now_ns);
    } else if (!wants_more(d->ssl, rc)) {
        fail(d, now_ns);
    }
    ERR_clear_error();
}

/* After the handshake: the peer's last flight again, when ours was lost, is answered inside. What is
 * said else, data and farewells, is not for us: signalling ends calls. */
static void read_on(struct mcu_dtls *d)
{
    uint8_t unused[512];
    for (int i = 0; i < 4 && SSL_read(d->ssl, unused, sizeof(unused)) > 0; i++)
        ;
    ERR_clear_error();
}

void mcu_dtls_in(struct mcu_dtls *d, const uint8_t *data, size_t size, int64_t now_ns)
{
    if (!size || d->state == FAILED)
        return;
    d->in = data;
    d->in_size = size;
    if (d->state == DONE)
        read_on(d);
    else
        shake(d, now_ns);
    d->in = NULL;
}

int64_t mcu_dtls_poll(struct mcu_dtls *d, int64_t now_ns)
{
    struct timeval left;
    if (d->state == FAILED && now_ns >= d->retry_ns && open_ssl(d) < 0)
        d->retry_ns = now_ns + RETRY_NS;
    if (d->state == FAILED)
        return d->retry_ns;
    if (d->state == IDLE && d->active)
        shake(d, now_ns);
    if (d->state == SHAKING && DTLSv1_handle_timeout(d->ssl) < 0)
        fail(d, now_ns); /* given up after its dozen tries; we begin again */
    ERR_clear_error();
    if (d->state == FAILED)
        return d->retry_ns;
    if (d->state != SHAKING || !DTLSv1_get_timeout(d->ssl, &left))
        return INT64_MAX;
    /* At least a millisecond on, so that rounding never makes a busy loop. */
    int64_t left_ns = left.tv_sec * MCU_NS_PER_S + left.tv_usec * INT64_C(1000);
    return now_ns + (left_ns > MCU_NS_PER_MS ? left_ns : MCU_NS_PER_MS);
}

bool mcu_dtls_is_done(const struct mcu_dtls *d)
{
    return d->state == DONE;
}
