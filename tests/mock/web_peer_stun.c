#include "web_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

/* Message types, attributes (RFC 8489 18, RFC 8445 20.1). */
#define REQUEST         0x0001
#define RESPONSE        0x0101
#define COOKIE          0x2112a442u
#define USERNAME        0x0006
#define INTEGRITY       0x0008
#define MAPPED          0x0020
#define PRIORITY        0x0024
#define USE_CANDIDATE   0x0025
#define FINGERPRINT     0x8028
#define CONTROLLED      0x8029
#define CONTROLLING     0x802a
#define UNKNOWN         0x8055
#define FINGERPRINT_XOR 0x5354554eu

static void put16(uint8_t *at, unsigned v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
    put16(at, v >> 16);
    put16(at + 2, v & 0xffff);
}

/* An attribute, padded; data NULL: zeros. */
static size_t attribute(uint8_t *at, unsigned type, const void *data, size_t size)
{
    put16(at, type);
    put16(at + 2, (unsigned)size);
    memset(at + 4, 0, (size + 3) & ~(size_t)3);
    if (data)
        memcpy(at + 4, data, size);
    return 4 + ((size + 3) & ~(size_t)3);
}

static uint32_t crc32_of(const uint8_t *data, size_t size)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* MESSAGE-INTEGRITY and FINGERPRINT (RFC 8489 14.5, 14.7). */
static size_t finish(uint8_t *out, size_t n, const char *key)
{
    uint8_t mac[EVP_MAX_MD_SIZE], crc[4];
    unsigned size = 0;
    put16(out + 2, (unsigned)(n + 24 - 20));
    HMAC(EVP_sha1(), key, (int)strlen(key), out, n, mac, &size);
    n += attribute(out + n, INTEGRITY, mac, 20);
    put16(out + 2, (unsigned)(n + 8 - 20));
    put32(crc, crc32_of(out, n) ^ FINGERPRINT_XOR);
    return n + attribute(out + n, FINGERPRINT, crc, 4);
}

size_t wp_stun_write(struct wp_call *c, enum wp_stun kind, uint8_t *out, size_t room)
{
    const char *ufrag, *pwd;
    char name[520];
    uint8_t number[8];
    size_t n = 20;
    mcu_ice_local(c->ice, &ufrag, &pwd);
    put16(out, kind == WP_STUN_RESPONSE ? RESPONSE : REQUEST);
    put32(out + 4, COOKIE);
    for (int i = 8; i < 20; i++)
        out[i] = (uint8_t)wp_random(c->p);
    snprintf(name, sizeof(name), "%s:%s", c->ufrag, ufrag);
    n += attribute(out + n, USERNAME, name, strlen(name));
    put32(number, 1845501695u);
    n += attribute(out + n, PRIORITY, number, 4);
    for (int i = 0; i < 8; i++)
        number[i] = (uint8_t)wp_random(c->p);
    n += attribute(out + n, kind == WP_STUN_ROLE_CONFLICT ? CONTROLLED : CONTROLLING, number, 8);
    if (kind != WP_STUN_ROLE_CONFLICT && wp_random(c->p) % 2)
        n += attribute(out + n, USE_CANDIDATE, NULL, 0);
    while (kind == WP_STUN_HUGE && n + 260 + 40 < room)
        n += attribute(out + n, UNKNOWN, NULL, 256);
    n = finish(out, n, kind == WP_STUN_WRONG_KEY ? "not the password at all" : c->pwd);
    return kind == WP_STUN_SPOILT ? wp_spoil(c->p, out, n, room) : n;
}
