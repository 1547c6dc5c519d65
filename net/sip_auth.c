#include "net/sip_auth.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/hex.h"

#define NONCE_LIFE_MS (60 * 1000) /* a phone answers a challenge at once */
#define NONCE_MAC     16          /* bytes of the MAC that stand in a nonce */
#define NONCE_HEAD    32          /* hex digits of time and salt before it */
#define NONCE_LEN     (NONCE_HEAD + 2 * NONCE_MAC)
#define USED_NONCES   1024

struct account {
    char user[MCU_SIP_USER_SIZE];
    uint8_t user_hash[32];
    char ha1[MCU_DIGESTS][MCU_DIGEST_HEX]; /* a random one where none is known */
};

struct used_nonce {
    uint64_t salt; /* with issued_ms: which nonce */
    int64_t issued_ms;
    uint32_t nc; /* the highest seen */
};

struct mcu_sip_auth {
    char realm[MCU_DIGEST_TEXT];
    uint8_t secret[32];
    struct account account[MCU_SIP_MAX_ACCOUNTS + 1]; /* the last one is nobody's */
    int count;
    struct used_nonce used[USED_NONCES];
    int used_count;
    int64_t floor_ms; /* nonces issued until then have been forgotten: stale */
};

/* ---- accounts ---- */

/* Splits "user:rest". */
static const char *split(const char *text, char user[MCU_SIP_USER_SIZE])
{
    const char *colon = strchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    if (n == 0 || n >= MCU_SIP_USER_SIZE || !colon[1] || strlen(text) >= MCU_SIP_ACCOUNT_SIZE)
        return NULL;
    for (const char *s = text; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return NULL;
    memcpy(user, text, n);
    user[n] = '\0';
    return strpbrk(user, "\"\\ ") ? NULL : colon + 1;
}

/* "{MD5}0123..." to its algorithm and hash; a password gives MCU_DIGEST_OTHER. -EINVAL: a hash that
 * is none. */
static int read_hash(const char *rest, enum mcu_digest *algorithm, const char **hex)
{
    *algorithm = MCU_DIGEST_OTHER;
    for (int i = 0; i < MCU_DIGESTS; i++) {
        char prefix[16];
        int n = snprintf(prefix, sizeof(prefix), "{%s}", mcu_digest_name((enum mcu_digest)i));
        if (strncmp(rest, prefix, (size_t)n) != 0)
            continue;
        size_t want = i == MCU_DIGEST_SHA256 ? 64 : 32;
        *algorithm = (enum mcu_digest)i;
        *hex = rest + n;
        return strlen(*hex) == want && strspn(*hex, "0123456789abcdef") == want ? 0 : -EINVAL;
    }
    return 0;
}

int mcu_sip_account_check(const char *text)
{
    char user[MCU_SIP_USER_SIZE];
    enum mcu_digest algorithm;
    const char *hex, *rest = split(text, user);
    return rest ? read_hash(rest, &algorithm, &hex) : -EINVAL;
}

/* What stands where no hash is known: nobody has a password for it. */
static int set_nobody(const struct mcu_sip_auth *auth, struct account *a)
{
    for (int i = 0; i < MCU_DIGESTS; i++) {
        uint8_t mac[32];
        char text[MCU_SIP_USER_SIZE + 16];
        int n = snprintf(text, sizeof(text), "nobody %d %s", i, a->user);
        if (mcu_digest_hmac(mac, auth->secret, sizeof(auth->secret), text, (size_t)n) < 0)
            return -EIO;
        mcu_hex(a->ha1[i], mac, i == MCU_DIGEST_SHA256 ? 32 : 16);
    }
    return mcu_digest_sha256(a->user_hash, a->user, strlen(a->user));
}

static struct account *account_of(struct mcu_sip_auth *auth, const char *user)
{
    for (int i = 0; i < auth->count; i++)
        if (strcmp(auth->account[i].user, user) == 0)
            return &auth->account[i];
    struct account *a = &auth->account[auth->count];
    strcpy(a->user, user);
    if (set_nobody(auth, a) < 0)
        return NULL;
    auth->count++;
    return a;
}

static int add(struct mcu_sip_auth *auth, const char *text)
{
    char user[MCU_SIP_USER_SIZE];
    enum mcu_digest algorithm;
    const char *hex = NULL, *rest = split(text, user);
    if (!rest || read_hash(rest, &algorithm, &hex) < 0)
        return -EINVAL;
    struct account *a = account_of(auth, user);
    if (!a)
        return -EINVAL;
    if (algorithm != MCU_DIGEST_OTHER) {
        snprintf(a->ha1[algorithm], sizeof(a->ha1[algorithm]), "%s", hex);
        return 0;
    }
    for (int i = 0; i < MCU_DIGESTS; i++)
        if (mcu_digest_ha1(a->ha1[i], (enum mcu_digest)i, user, auth->realm, rest) < 0)
            return -EINVAL;
    return 0;
}

int mcu_sip_auth_new(struct mcu_sip_auth **out, const char *realm,
                     const char (*accounts)[MCU_SIP_ACCOUNT_SIZE], int count,
                     const uint8_t secret[32])
{
    if (!*realm || strlen(realm) >= MCU_DIGEST_TEXT || strpbrk(realm, "\"\\") || count < 0 ||
        count > MCU_SIP_MAX_ACCOUNTS)
        return -EINVAL;
    struct mcu_sip_auth *auth = calloc(1, sizeof(*auth));
    if (!auth)
        return -ENOMEM;
    auth->floor_ms = INT64_MIN;
    strcpy(auth->realm, realm);
    memcpy(auth->secret, secret, sizeof(auth->secret));
    int rc = 0;
    for (int i = 0; i < count && rc == 0; i++)
        rc = add(auth, accounts[i]);
    auth->account[auth->count].user[0] = '\0';
    if (rc == 0)
        rc = set_nobody(auth, &auth->account[auth->count]);
    if (rc < 0)
        mcu_sip_auth_free(&auth);
    else
        *out = auth;
    return rc;
}

void mcu_sip_auth_free(struct mcu_sip_auth **pp)
{
    if (*pp)
        mcu_digest_wipe(*pp, sizeof(**pp));
    free(*pp);
    *pp = NULL;
}

/* ---- nonces: 16 digits of time, 16 of salt, 32 of MAC ---- */

static int make_nonce(char out[NONCE_LEN + 1], const struct mcu_sip_auth *auth, int64_t issued_ms,
                      uint64_t salt)
{
    uint8_t mac[32];
    snprintf(out, NONCE_HEAD + 1, "%016" PRIx64 "%016" PRIx64, (uint64_t)issued_ms, salt);
    if (mcu_digest_hmac(mac, auth->secret, sizeof(auth->secret), out, NONCE_HEAD) < 0)
        return -EIO;
    mcu_hex(out + NONCE_HEAD, mac, NONCE_MAC);
    return 0;
}

/* Whether we have issued it, and when. */
static bool read_nonce(const struct mcu_sip_auth *auth, const char *nonce, int64_t *issued_ms,
                       uint64_t *salt)
{
    char head[17], ours[NONCE_LEN + 1];
    if (strlen(nonce) != NONCE_LEN || strspn(nonce, "0123456789abcdef") != NONCE_LEN)
        return false;
    snprintf(head, sizeof(head), "%.16s", nonce);
    *issued_ms = (int64_t)strtoull(head, NULL, 16);
    snprintf(head, sizeof(head), "%.16s", nonce + 16);
    *salt = strtoull(head, NULL, 16);
    return make_nonce(ours, auth, *issued_ms, *salt) == 0 &&
           mcu_digest_equal(ours, nonce, NONCE_LEN);
}

/* Where a new nonce is counted: at the oldest's place when the table is full. */
static struct used_nonce *place_for(struct mcu_sip_auth *auth)
{
    if (auth->used_count < USED_NONCES)
        return &auth->used[auth->used_count++];
    struct used_nonce *oldest = auth->used;
    for (int i = 1; i < USED_NONCES; i++)
        if (auth->used[i].issued_ms < oldest->issued_ms)
            oldest = &auth->used[i];
    auth->floor_ms = oldest->issued_ms;
    return oldest;
}

/* Counts a use of a nonce of ours; false: it is too old, or this count was there before. */
static bool use_nonce(struct mcu_sip_auth *auth, int64_t issued_ms, uint64_t salt, uint32_t nc,
                      int64_t now_ms)
{
    if (issued_ms > now_ms || now_ms - issued_ms > NONCE_LIFE_MS)
        return false;
    for (int i = 0; i < auth->used_count; i++) {
        struct used_nonce *u = &auth->used[i];
        if (u->salt != salt || u->issued_ms != issued_ms)
            continue;
        if (nc <= u->nc)
            return false;
        u->nc = nc;
        return true;
    }
    if (issued_ms <= auth->floor_ms)
        return false;
    *place_for(auth) = (struct used_nonce){ salt, issued_ms, nc };
    return true;
}

int mcu_sip_auth_challenge(char out[MCU_SIP_CHALLENGE_SIZE], const struct mcu_sip_auth *auth,
                           enum mcu_digest algorithm, bool stale, int64_t now_ms, uint64_t salt)
{
    char nonce[NONCE_LEN + 1];
    int rc = make_nonce(nonce, auth, now_ms, salt);
    if (rc < 0)
        return rc;
    snprintf(out, MCU_SIP_CHALLENGE_SIZE,
             "Digest realm=\"%s\", nonce=\"%s\", algorithm=%s, qop=\"auth\"%s", auth->realm, nonce,
             mcu_digest_name(algorithm), stale ? ", stale=true" : "");
    return 0;
}

/* ---- the check ---- */

/* Looks at every account, whichever it is; nobody's where there is none. */
static const struct account *find(const struct mcu_sip_auth *auth, const char *user)
{
    uint8_t hash[32];
    int at = auth->count;
    if (mcu_digest_sha256(hash, user, strlen(user)) < 0)
        return &auth->account[auth->count];
    for (int i = 0; i < auth->count; i++) {
        int same = mcu_digest_equal(hash, auth->account[i].user_hash, sizeof(hash));
        at = (at & (same - 1)) | (i & -same);
    }
    return &auth->account[at];
}

static bool read_count(const char *text, uint32_t *nc)
{
    if (strlen(text) != 8 || strspn(text, "0123456789abcdefABCDEF") != 8)
        return false;
    *nc = (uint32_t)strtoul(text, NULL, 16);
    return *nc > 0;
}

enum mcu_auth_result mcu_sip_auth_check(struct mcu_sip_auth *auth, const char *authorization,
                                        const char *method, unsigned allowed, int64_t now_ms,
                                        char user[MCU_SIP_USER_SIZE])
{
    struct mcu_digest_params p;
    char expected[MCU_DIGEST_HEX];
    int64_t issued_ms = 0;
    uint64_t salt = 0;
    uint32_t nc = 0;
    if (mcu_digest_parse(&p, authorization) < 0 || strcmp(p.realm, auth->realm) != 0)
        return MCU_AUTH_NONE;
    if (p.algorithm >= MCU_DIGESTS || !(allowed & 1u << p.algorithm) || !p.qop_auth || !read_count(p.nc, &nc) || !p.cnonce[0])
        return MCU_AUTH_WRONG;
    const struct account *a = find(auth, p.username);
    if (mcu_digest_response(expected, &p, a->ha1[p.algorithm], method) < 0)
        return MCU_AUTH_WRONG;
    bool ours = read_nonce(auth, p.nonce, &issued_ms, &salt);
    bool right = strlen(p.response) == strlen(expected) &&
                 mcu_digest_equal(p.response, expected, strlen(expected));
    right &= a != &auth->account[auth->count]; /* nobody's password is nobody's */
    if (!right)
        return MCU_AUTH_WRONG;
    if (!ours || !use_nonce(auth, issued_ms, salt, nc, now_ms))
        return MCU_AUTH_STALE; /* after a restart all nonces are another's */
    strcpy(user, a->user);
    return MCU_AUTH_OK;
}
