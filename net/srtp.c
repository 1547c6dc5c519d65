#include "net/srtp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <srtp2/srtp.h>

#include "mixer/base/cursor.h"
#include "mixer/base/log.h"
#include "mixer/base/util.h"
#include "net/srtp_evp.h"

/* In packets. More than any reorder buffer holds, so that a late packet is not taken for a replay. */
#define WINDOW_PACKETS 1024

static const struct {
    const char *name;
    size_t key, salt;
    void (*rtp)(srtp_crypto_policy_t *p), (*rtcp)(srtp_crypto_policy_t *p);
} suites[MCU_SRTP_SUITES] = {
    [MCU_SRTP_NONE] = { "", 0, 0, NULL, NULL },
    [MCU_SRTP_AES128_SHA1_80] = { "AES_CM_128_HMAC_SHA1_80", 16, 14,
                                  srtp_crypto_policy_set_rtp_default,
                                  srtp_crypto_policy_set_rtcp_default },
    [MCU_SRTP_AES128_SHA1_32] = { "AES_CM_128_HMAC_SHA1_32", 16, 14,
                                  srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
                                  srtp_crypto_policy_set_rtcp_default },
    [MCU_SRTP_AES128_GCM] = { "AEAD_AES_128_GCM", 16, 12,
                              srtp_crypto_policy_set_aes_gcm_128_16_auth,
                              srtp_crypto_policy_set_aes_gcm_128_16_auth },
    [MCU_SRTP_AES256_GCM] = { "AEAD_AES_256_GCM", 32, 12,
                              srtp_crypto_policy_set_aes_gcm_256_16_auth,
                              srtp_crypto_policy_set_aes_gcm_256_16_auth },
};

struct direction {
    srtp_t session; /* NULL: no key yet */
    struct mcu_srtp_key key;
};

struct mcu_srtp {
    uint32_t tx_ssrc;
    struct direction tx, rx;
    uint32_t source[MCU_SRTP_SOURCES]; /* of the rx session, newest last */
    int source_count;
    struct mcu_srtp_stats stats;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool supported[MCU_SRTP_SUITES];

static int translate(srtp_err_status_t status)
{
    switch (status) {
    case srtp_err_status_ok:
        return 0;
    case srtp_err_status_alloc_fail:
        return -ENOMEM;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old:
    case srtp_err_status_pkt_idx_old:
        return -EALREADY;
    case srtp_err_status_key_expired:
        return -EKEYEXPIRED;
    case srtp_err_status_auth_fail:
    case srtp_err_status_parse_err:
        return -EBADMSG;
    default:
        return -EINVAL;
    }
}

static int open_session(srtp_t *out, const struct mcu_srtp_key *key, srtp_ssrc_t ssrc)
{
    srtp_policy_t policy;
    struct mcu_srtp_key copy = *key; /* libsrtp2 wants it writable */
    memset(&policy, 0, sizeof(policy));
    suites[key->suite].rtp(&policy.rtp);
    suites[key->suite].rtcp(&policy.rtcp);
    policy.ssrc = ssrc;
    policy.key = copy.bytes;
    policy.window_size = WINDOW_PACKETS;
    policy.allow_repeat_tx = 1; /* what a NACK brings back: bit for bit the same packet */
    srtp_err_status_t status = srtp_create(out, &policy);
    mcu_srtp_wipe(&copy, sizeof(copy));
    return status == srtp_err_status_ok           ? 0
           : status == srtp_err_status_alloc_fail ? -ENOMEM
                                                  : -ENOTSUP;
}

static void start_library(void)
{
    srtp_t session;
    if (srtp_init() != srtp_err_status_ok)
        return;
    if (mcu_srtp_evp_install() < 0)
        mcu_log(MCU_LOG_WARN, "srtp-slow", "reason=\"libsrtp2 does not take OpenSSL's ciphers\"");
    for (int i = MCU_SRTP_NONE + 1; i < MCU_SRTP_SUITES; i++) {
        struct mcu_srtp_key key = { .suite = (enum mcu_srtp_suite)i };
        if (open_session(&session, &key, (srtp_ssrc_t){ .type = ssrc_any_inbound }) < 0)
            continue;
        supported[i] = true;
        srtp_dealloc(session);
    }
}

static bool known(enum mcu_srtp_suite suite)
{
    return suite > MCU_SRTP_NONE && suite < MCU_SRTP_SUITES;
}

size_t mcu_srtp_key_bytes(enum mcu_srtp_suite suite)
{
    return known(suite) ? suites[suite].key : 0;
}

size_t mcu_srtp_salt_bytes(enum mcu_srtp_suite suite)
{
    return known(suite) ? suites[suite].salt : 0;
}

const char *mcu_srtp_suite_name(enum mcu_srtp_suite suite)
{
    return known(suite) ? suites[suite].name : "";
}

bool mcu_srtp_supported(enum mcu_srtp_suite suite)
{
    pthread_once(&once, start_library);
    return known(suite) && supported[suite];
}

bool mcu_srtp_key_equal(const struct mcu_srtp_key *a, const struct mcu_srtp_key *b)
{
    uint8_t differ = a->suite != b->suite;
    size_t n = mcu_srtp_key_bytes(a->suite) + mcu_srtp_salt_bytes(a->suite);
    for (size_t i = 0; i < n; i++)
        differ |= a->bytes[i] ^ b->bytes[i];
    return !differ;
}

void mcu_srtp_random(void *out, size_t size)
{
    if (getrandom(out, size, 0) != (ssize_t)size)
        abort(); /* a key that can be guessed is worse than no call */
}

void mcu_srtp_key_random(struct mcu_srtp_key *out, enum mcu_srtp_suite suite)
{
    memset(out, 0, sizeof(*out));
    out->suite = suite;
    mcu_srtp_random(out->bytes, mcu_srtp_key_bytes(suite) + mcu_srtp_salt_bytes(suite));
}

void mcu_srtp_wipe(void *data, size_t size)
{
    explicit_bzero(data, size);
}

int mcu_srtp_new(struct mcu_srtp **out, uint32_t tx_ssrc)
{
    struct mcu_srtp *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    pthread_once(&once, start_library);
    s->tx_ssrc = tx_ssrc;
    *out = s;
    return 0;
}

static void close_direction(struct direction *d)
{
    if (d->session)
        srtp_dealloc(d->session);
    d->session = NULL;
    mcu_srtp_wipe(&d->key, sizeof(d->key));
}

void mcu_srtp_free(struct mcu_srtp **sp)
{
    struct mcu_srtp *s = *sp;
    *sp = NULL;
    if (!s)
        return;
    close_direction(&s->tx);
    close_direction(&s->rx);
    free(s);
}

static int set_key(struct direction *d, const struct mcu_srtp_key *key, srtp_ssrc_t ssrc)
{
    srtp_t fresh;
    if (!mcu_srtp_supported(key->suite))
        return -ENOTSUP;
    int rc = open_session(&fresh, key, ssrc);
    if (rc < 0)
        return rc;
    close_direction(d);
    d->session = fresh;
    d->key = *key;
    return 0;
}

static bool has_key(const struct direction *d, const struct mcu_srtp_key *key)
{
    return d->session && mcu_srtp_key_equal(&d->key, key);
}

int mcu_srtp_set_tx(struct mcu_srtp *s, const struct mcu_srtp_key *key)
{
    if (has_key(&s->tx, key))
        return 0;
    return set_key(&s->tx, key,
                   (srtp_ssrc_t){ .type = s->tx_ssrc ? ssrc_specific : ssrc_any_outbound,
                                  .value = s->tx_ssrc });
}

int mcu_srtp_set_rx(struct mcu_srtp *s, const struct mcu_srtp_key *key)
{
    if (has_key(&s->rx, key))
        return 0;
    int rc = set_key(&s->rx, key, (srtp_ssrc_t){ .type = ssrc_any_inbound });
    if (rc == 0)
        s->source_count = 0;
    return rc;
}

bool mcu_srtp_ready(const struct mcu_srtp *s)
{
    return s->tx.session && s->rx.session;
}

int mcu_srtp_protect(struct mcu_srtp *s, bool rtcp, uint8_t *buf, size_t size, size_t room)
{
    int n = (int)size;
    if (!s->tx.session)
        return -ENOKEY;
    if (size < (rtcp ? 8u : 12u) || size > INT16_MAX || room < size + MCU_SRTP_TRAILER_MAX)
        return -EINVAL;
    srtp_err_status_t status = rtcp ? srtp_protect_rtcp(s->tx.session, buf, &n)
                                    : srtp_protect(s->tx.session, buf, &n);
    if (status != srtp_err_status_ok)
        return translate(status);
    s->stats.sealed++;
    return n;
}

/* libsrtp2 2.5.0 looks for the number as it stands in the packet, others convert it themselves: the one that
 * finds nothing does nothing. */
static void forget_source(struct mcu_srtp *s, uint32_t ssrc)
{
    if (srtp_remove_stream(s->rx.session, ssrc) != srtp_err_status_ok)
        srtp_remove_stream(s->rx.session, htonl(ssrc));
}

/* libsrtp2 keeps a stream for every SSRC that ever held the key: a peer who invents new ones would
 * fill memory, so the one heard of first makes room. */
static void remember_source(struct mcu_srtp *s, uint32_t ssrc)
{
    for (int i = 0; i < s->source_count; i++)
        if (s->source[i] == ssrc)
            return;
    if (s->source_count == MCU_SRTP_SOURCES) {
        forget_source(s, s->source[0]);
        memmove(s->source, s->source + 1, sizeof(s->source) - sizeof(s->source[0]));
        s->source_count--;
    }
    s->source[s->source_count++] = ssrc;
}

int mcu_srtp_unprotect(struct mcu_srtp *s, bool rtcp, uint8_t *buf, size_t size)
{
    int n = (int)size;
    if (!s->rx.session)
        return -ENOKEY;
    if (size < (rtcp ? 8u : 12u) || size > INT16_MAX) {
        s->stats.unauthentic++;
        return -EBADMSG;
    }
    struct mcu_cursor c = mcu_cursor(buf, size);
    mcu_cursor_take(&c, rtcp ? 4 : 8);
    uint32_t ssrc = mcu_cursor_u32(&c);
    srtp_err_status_t status = rtcp ? srtp_unprotect_rtcp(s->rx.session, buf, &n)
                                    : srtp_unprotect(s->rx.session, buf, &n);
    int rc = translate(status);
    if (rc == 0) {
        s->stats.opened++;
        remember_source(s, ssrc);
        return n;
    }
    if (rc == -EALREADY) {
        s->stats.replayed++;
        return rc;
    }
    s->stats.unauthentic++;
    return rc == -ENOMEM ? rc : -EBADMSG;
}

void mcu_srtp_get_stats(const struct mcu_srtp *s, struct mcu_srtp_stats *out)
{
    *out = s->stats;
}
