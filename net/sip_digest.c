#include "net/sip_digest.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "mixer/base/hex.h"
#include "mixer/base/util.h"

static const char *const names[MCU_DIGESTS] = { [MCU_DIGEST_SHA256] = "SHA-256",
                                                [MCU_DIGEST_MD5] = "MD5" };

const char *mcu_digest_name(enum mcu_digest algorithm)
{
    return names[algorithm];
}

/* ---- reading ---- */

static const struct {
    const char *name;
    size_t offset, size;
} fields[] = {
#define FIELD(f) offsetof(struct mcu_digest_params, f), sizeof(((struct mcu_digest_params *)0)->f)
    { "username", FIELD(username) }, { "realm", FIELD(realm) },   { "nonce", FIELD(nonce) },
    { "cnonce", FIELD(cnonce) },     { "opaque", FIELD(opaque) }, { "uri", FIELD(uri) },
    { "response", FIELD(response) }, { "nc", FIELD(nc) },
#undef FIELD
};

static bool is_token(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("-.!%*_+`'~", c));
}

static const char *skip_blanks(const char *s)
{
    return s + strspn(s, " \t\r\n");
}

/* A token or a quoted string (RFC 3261 25.1), without its quotes and backslashes. NULL: neither, or
 * too long. */
static const char *read_value(const char *s, char *out, size_t size)
{
    size_t n = 0;
    bool quoted = *s == '"';
    s += quoted;
    while (*s && (quoted ? *s != '"' : *s != ',' && !strchr(" \t\r\n\"", *s))) {
        s += quoted && *s == '\\' && s[1];
        if (n + 1 >= size)
            return NULL;
        out[n++] = *s++;
    }
    out[n] = '\0';
    if (quoted)
        return *s == '"' ? s + 1 : NULL;
    return n ? s : NULL;
}

static const char *read_name(const char *s, char *out, size_t size)
{
    size_t n = 0;
    while (is_token(*s)) {
        if (n + 1 >= size)
            return NULL;
        out[n++] = *s++;
    }
    out[n] = '\0';
    s = skip_blanks(s);
    return n && *s == '=' ? skip_blanks(s + 1) : NULL;
}

/* "auth" as one of a list. */
static bool lists_auth(const char *list)
{
    for (const char *s = list; *s; s += strspn(s, ", \t")) {
        size_t n = strcspn(s, ", \t");
        if (n == 4 && strncasecmp(s, "auth", 4) == 0)
            return true;
        s += n;
    }
    return false;
}

static enum mcu_digest read_algorithm(const char *value)
{
    for (int i = 0; i < MCU_DIGESTS; i++)
        if (strcasecmp(value, names[i]) == 0)
            return (enum mcu_digest)i;
    return MCU_DIGEST_OTHER;
}

/* seen: which parameters came before. One given twice could be read differently by two readers. */
static int take(struct mcu_digest_params *p, const char *name, const char *value, unsigned *seen)
{
    for (size_t i = 0; i < MCU_ARRAY_LEN(fields); i++) {
        if (strcasecmp(name, fields[i].name) != 0)
            continue;
        if ((*seen & 1u << i) || strlen(value) >= fields[i].size)
            return -EINVAL;
        *seen |= 1u << i;
        memcpy((char *)p + fields[i].offset, value, strlen(value) + 1);
        return 0;
    }
    unsigned bit = strcasecmp(name, "algorithm") == 0 ? 1u << 16
                   : strcasecmp(name, "qop") == 0     ? 1u << 17
                   : strcasecmp(name, "stale") == 0   ? 1u << 18
                                                      : 0;
    if (*seen & bit)
        return -EINVAL;
    *seen |= bit;
    if (bit == 1u << 16)
        p->algorithm = read_algorithm(value);
    else if (bit == 1u << 17)
        p->qop_auth = lists_auth(value);
    else if (bit == 1u << 18)
        p->stale = strcasecmp(value, "true") == 0;
    return 0;
}

int mcu_digest_parse(struct mcu_digest_params *out, const char *text)
{
    char name[32], value[sizeof(out->uri)];
    struct mcu_digest_params p = { .algorithm = MCU_DIGEST_MD5 };
    unsigned seen = 0;
    const char *s = skip_blanks(text);
    if (strncasecmp(s, "Digest", 6) != 0 || !strchr(" \t\r\n", s[6]) || !s[6])
        return -EINVAL;
    s = skip_blanks(s + 6);
    for (;;) {
        s = read_name(s, name, sizeof(name));
        s = s ? read_value(s, value, sizeof(value)) : NULL;
        if (!s || take(&p, name, value, &seen) < 0)
            return -EINVAL;
        s = skip_blanks(s);
        if (!*s)
            break;
        if (*s != ',')
            return -EINVAL;
        s = skip_blanks(s + 1);
    }
    *out = p;
    return 0;
}

/* ---- hashes ---- */

/* H of the texts given, up to a NULL, without anything between them. */
static int hash_hex(char out[MCU_DIGEST_HEX], enum mcu_digest algorithm, ...)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    const EVP_MD *md = algorithm == MCU_DIGEST_SHA256 ? EVP_sha256() : EVP_md5();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex(ctx, md, NULL);
    va_list ap;
    va_start(ap, algorithm);
    for (const char *s; (s = va_arg(ap, const char *)) != NULL;)
        ok = ok && EVP_DigestUpdate(ctx, s, strlen(s));
    va_end(ap);
    ok = ok && EVP_DigestFinal_ex(ctx, hash, &size) && size * 2 < MCU_DIGEST_HEX;
    EVP_MD_CTX_free(ctx);
    out[0] = '\0';
    if (ok)
        mcu_hex(out, hash, size);
    return ok ? 0 : -EIO;
}

int mcu_digest_ha1(char out[MCU_DIGEST_HEX], enum mcu_digest algorithm, const char *user,
                   const char *realm, const char *password)
{
    return hash_hex(out, algorithm, user, ":", realm, ":", password, NULL);
}

int mcu_digest_response(char out[MCU_DIGEST_HEX], const struct mcu_digest_params *p,
                        const char *ha1, const char *method)
{
    char ha2[MCU_DIGEST_HEX];
    if (p->algorithm >= MCU_DIGESTS)
        return -EIO;
    int rc = hash_hex(ha2, p->algorithm, method, ":", p->uri, NULL);
    return rc < 0 ? rc
                  : hash_hex(out, p->algorithm, ha1, ":", p->nonce, ":", p->nc, ":", p->cnonce,
                             ":auth:", ha2, NULL);
}

int mcu_digest_hmac(uint8_t out[32], const void *key, size_t key_size, const void *data,
                    size_t size)
{
    unsigned n = 32;
    return HMAC(EVP_sha256(), key, (int)key_size, data, size, out, &n) && n == 32 ? 0 : -EIO;
}

int mcu_digest_sha256(uint8_t out[32], const void *data, size_t size)
{
    unsigned n = 32;
    return EVP_Digest(data, size, out, &n, EVP_sha256(), NULL) && n == 32 ? 0 : -EIO;
}

bool mcu_digest_equal(const void *a, const void *b, size_t size)
{
    return CRYPTO_memcmp(a, b, size) == 0;
}

void mcu_digest_wipe(void *data, size_t size)
{
    OPENSSL_cleanse(data, size);
}

/* ---- a client's answer ---- */

static bool quotable(const char *s)
{
    for (; *s; s++)
        if (*s == '"' || *s == '\\' || (unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

static int fill(struct mcu_digest_params *p, const struct mcu_digest_login *login, const char *uri,
                const char *cnonce)
{
    const struct {
        char *to;
        size_t size;
        const char *from;
    } texts[] = { { p->username, sizeof(p->username), login->user },
                  { p->uri, sizeof(p->uri), uri },
                  { p->cnonce, sizeof(p->cnonce), cnonce } };
    for (size_t i = 0; i < MCU_ARRAY_LEN(texts); i++)
        if (!quotable(texts[i].from) || snprintf(texts[i].to, texts[i].size, "%s", texts[i].from) >=
                                            (int)texts[i].size)
            return -EINVAL;
    return quotable(p->realm) && quotable(p->nonce) && quotable(p->opaque) ? 0 : -EINVAL;
}

int mcu_digest_answer(char *out, size_t size, const struct mcu_digest_params *challenge,
                      const struct mcu_digest_login *login, const char *method, const char *uri,
                      const char *cnonce)
{
    char ha1[MCU_DIGEST_HEX], response[MCU_DIGEST_HEX];
    struct mcu_digest_params p = *challenge;
    if (strcmp(p.realm, login->realm) != 0)
        return -EACCES;
    if (!p.qop_auth || p.algorithm >= MCU_DIGESTS || fill(&p, login, uri, cnonce) < 0)
        return -EINVAL;
    strcpy(p.nc, "00000001"); /* each challenge is answered once */
    int rc = mcu_digest_ha1(ha1, p.algorithm, login->user, p.realm, login->password);
    if (rc == 0)
        rc = mcu_digest_response(response, &p, ha1, method);
    mcu_digest_wipe(ha1, sizeof(ha1));
    if (rc < 0)
        return rc;
    int n = snprintf(out, size,
                     "Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", "
                     "response=\"%s\", algorithm=%s, cnonce=\"%s\", qop=auth, nc=%s%s%s%s",
                     p.username, p.realm, p.nonce, p.uri, response, names[p.algorithm], p.cnonce,
                     p.nc, p.opaque[0] ? ", opaque=\"" : "", p.opaque, p.opaque[0] ? "\"" : "");
    return n < (int)size ? 0 : -ENOSPC;
}
