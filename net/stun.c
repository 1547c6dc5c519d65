#include "net/stun.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "mixer/base/cursor.h"

#define COOKIE          0x2112a442u
#define MAC_BYTES       20
#define MESSAGE_MAX     2048
#define FINGERPRINT_XOR 0x5354554eu
#define OUR_PRIORITY    0x6e001effu /* of a peer-reflexive candidate (RFC 8445 5.1.2.1) */
#define UDP             17
#define COOKIES_SEEN    4 /* of a read; a stream may bring several messages */

enum {
    USERNAME = 0x0006,
    INTEGRITY = 0x0008,
    REQUESTED_TRANSPORT = 0x0019,
    PRIORITY = 0x0024,
    FINGERPRINT = 0x8028,
    CONTROLLED = 0x8029,
    CONTROLLING = 0x802a,
};

/* ---- writing ---- */

static void begin(struct mcu_wcursor *w, unsigned type, const uint8_t *id)
{
    mcu_wcursor_u16(w, (uint16_t)type);
    mcu_wcursor_u16(w, 0);
    mcu_wcursor_u32(w, COOKIE);
    mcu_wcursor_bytes(w, id, MCU_STUN_ID_BYTES);
}

/* The length as if what is there were followed by `more` bytes. */
static void set_length(struct mcu_wcursor *w, size_t more)
{
    struct mcu_wcursor length = mcu_wcursor(w->start + 2, 2);
    mcu_wcursor_u16(&length, (uint16_t)(mcu_wcursor_size(w) + more - MCU_STUN_HEADER_BYTES));
}

static void attribute(struct mcu_wcursor *w, unsigned type, size_t size)
{
    mcu_wcursor_u16(w, (uint16_t)type);
    mcu_wcursor_u16(w, (uint16_t)size);
}

static void put_user(struct mcu_wcursor *w, const char *user)
{
    size_t n = strlen(user);
    attribute(w, USERNAME, n);
    mcu_wcursor_bytes(w, user, n);
    mcu_wcursor_bytes(w, "\0\0\0", (4 - n % 4) % 4);
}

static bool hmac(uint8_t out[MAC_BYTES], const char *password, const uint8_t *data, size_t size)
{
    unsigned n = MAC_BYTES;
    return HMAC(EVP_sha1(), password, (int)strlen(password), data, size, out, &n) && n == MAC_BYTES;
}

/* RFC 8489 14.5: over all before it, under a length that ends with it. */
static bool put_integrity(struct mcu_wcursor *w, const char *password)
{
    uint8_t mac[MAC_BYTES];
    set_length(w, 4 + MAC_BYTES);
    if (w->bad || !hmac(mac, password, w->start, mcu_wcursor_size(w)))
        return false;
    attribute(w, INTEGRITY, MAC_BYTES);
    mcu_wcursor_bytes(w, mac, MAC_BYTES);
    return true;
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

/* RFC 8489 14.7. */
static void put_fingerprint(struct mcu_wcursor *w)
{
    set_length(w, 8);
    uint32_t crc = w->bad ? 0 : crc32_of(w->start, mcu_wcursor_size(w));
    attribute(w, FINGERPRINT, 4);
    mcu_wcursor_u32(w, crc ^ FINGERPRINT_XOR);
}

int mcu_stun_write(const struct mcu_stun_check *check, unsigned type, uint8_t *out, size_t room)
{
    struct mcu_wcursor w = mcu_wcursor(out, room);
    begin(&w, type, check->id);
    put_user(&w, check->user);
    attribute(&w, PRIORITY, 4);
    mcu_wcursor_u32(&w, OUR_PRIORITY);
    attribute(&w, check->controlling ? CONTROLLING : CONTROLLED, 8);
    mcu_wcursor_be(&w, check->tie_breaker, 8);
    if (w.bad || !put_integrity(&w, check->password))
        return -ENOSPC;
    put_fingerprint(&w);
    return w.bad ? -ENOSPC : (int)mcu_wcursor_size(&w);
}

int mcu_stun_write_question(bool turn, const uint8_t id[MCU_STUN_ID_BYTES], uint8_t *out, size_t room)
{
    struct mcu_wcursor w = mcu_wcursor(out, room);
    begin(&w, turn ? MCU_STUN_ALLOCATE : MCU_STUN_BINDING, id);
    if (turn) {
        attribute(&w, REQUESTED_TRANSPORT, 4);
        mcu_wcursor_u32(&w, (uint32_t)UDP << 24);
    }
    if (w.bad)
        return -ENOSPC;
    set_length(&w, 0);
    return (int)mcu_wcursor_size(&w);
}

/* ---- reading ---- */

int mcu_stun_parse(struct mcu_stun *out, const uint8_t *data, size_t size)
{
    struct mcu_cursor c = mcu_cursor(data, size);
    uint16_t type = mcu_cursor_u16(&c), length = mcu_cursor_u16(&c);
    uint32_t cookie = mcu_cursor_u32(&c);
    const uint8_t *id = mcu_cursor_take(&c, MCU_STUN_ID_BYTES);
    if (c.bad || type & 0xc000 || cookie != COOKIE || length % 4 || length != mcu_cursor_left(&c))
        return -EBADMSG;
    out->type = type;
    out->id = id;
    return 0;
}

static bool may_hold_stun(uint8_t first)
{
    return first < 20 || (first >= 64 && first < 128);
}

void mcu_stun_search(const uint8_t *data, size_t size,
                     void (*found)(const uint8_t *message, size_t size, void *arg), void *arg)
{
    static const uint8_t cookie[] = { COOKIE >> 24, COOKIE >> 16 & 0xff, COOKIE >> 8 & 0xff, COOKIE & 0xff };
    const uint8_t *end = data + size, *at = data;
    if (size < MCU_STUN_HEADER_BYTES || !may_hold_stun(data[0]))
        return;
    for (int i = 0; i < COOKIES_SEEN && (at = memmem(at, (size_t)(end - at), cookie, sizeof(cookie))); i++) {
        if (at - data >= 4) {
            const uint8_t *message = at - 4;
            size_t n = MCU_STUN_HEADER_BYTES + (size_t)(message[2] << 8 | message[3]);
            if (n <= (size_t)(end - message))
                found(message, n, arg);
        }
        at += sizeof(cookie);
    }
}

/* Where the attribute's value is, or NULL. */
static const uint8_t *find(const uint8_t *data, size_t size, unsigned type, size_t bytes)
{
    struct mcu_cursor c = mcu_cursor(data, size);
    mcu_cursor_take(&c, MCU_STUN_HEADER_BYTES);
    while (mcu_cursor_left(&c) >= 4) {
        unsigned found = mcu_cursor_u16(&c), length = mcu_cursor_u16(&c);
        const uint8_t *value = mcu_cursor_take(&c, (length + 3u) & ~3u);
        if (!value)
            return NULL;
        if (found == type)
            return length == bytes ? value : NULL;
    }
    return NULL;
}

bool mcu_stun_authentic(const uint8_t *data, size_t size, const char *password)
{
    uint8_t covered[MESSAGE_MAX], mac[MAC_BYTES];
    const uint8_t *theirs = find(data, size, INTEGRITY, MAC_BYTES);
    if (!theirs || size > sizeof(covered) || !password[0])
        return false;
    size_t n = (size_t)(theirs - data) - 4;
    memcpy(covered, data, n);
    covered[2] = (uint8_t)((n + 4 + MAC_BYTES - MCU_STUN_HEADER_BYTES) >> 8);
    covered[3] = (uint8_t)(n + 4 + MAC_BYTES - MCU_STUN_HEADER_BYTES);
    return hmac(mac, password, covered, n) && CRYPTO_memcmp(mac, theirs, MAC_BYTES) == 0;
}
