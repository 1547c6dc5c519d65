#include "net/fingerprint.h"

#include <errno.h>
#include <stdio.h>

#include "mixer/base/util.h"
#include "net/sdp_text.h"

static const struct {
    const char *name;
    size_t bytes;
} hashes[] = {
    [MCU_HASH_NONE] = { "", 0 },          [MCU_HASH_SHA1] = { "sha-1", 20 },
    [MCU_HASH_SHA256] = { "sha-256", 32 }, [MCU_HASH_SHA384] = { "sha-384", 48 },
    [MCU_HASH_SHA512] = { "sha-512", 64 },
};

size_t mcu_hash_bytes(enum mcu_hash hash)
{
    return hashes[hash].bytes;
}

static int nibble(uint8_t c)
{
    c = mcu_text_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int mcu_fingerprint_parse(struct mcu_fingerprint *out, struct mcu_cursor value)
{
    struct mcu_cursor name = mcu_text_word(&value), text = mcu_text_trim(value);
    struct mcu_fingerprint f = { .hash = MCU_HASH_NONE };
    for (size_t i = 1; i < MCU_ARRAY_LEN(hashes); i++)
        if (mcu_text_is(name, hashes[i].name))
            f.hash = (enum mcu_hash)i;
    if (!mcu_cursor_left(&name))
        return -EBADMSG;
    if (f.hash == MCU_HASH_NONE)
        return -ENOTSUP;
    size_t n = hashes[f.hash].bytes;
    if (mcu_cursor_left(&text) != n * 3 - 1)
        return -EBADMSG;
    for (size_t i = 0; i < n; i++) {
        int high = nibble(mcu_cursor_u8(&text)), low = nibble(mcu_cursor_u8(&text));
        if (high < 0 || low < 0 || (i + 1 < n && mcu_cursor_u8(&text) != ':'))
            return -EBADMSG;
        f.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out = f;
    return 0;
}

const char *mcu_fingerprint_text(char buf[MCU_FINGERPRINT_TEXT], const struct mcu_fingerprint *f)
{
    int used = snprintf(buf, MCU_FINGERPRINT_TEXT, "%s ", hashes[f->hash].name);
    for (size_t i = 0; i < hashes[f->hash].bytes; i++)
        used += snprintf(buf + used, MCU_FINGERPRINT_TEXT - (size_t)used, "%s%02X", i ? ":" : "",
                         f->bytes[i]);
    return buf;
}

bool mcu_fingerprint_equal(const struct mcu_fingerprint *a, const struct mcu_fingerprint *b)
{
    return a->hash == b->hash && memcmp(a->bytes, b->bytes, hashes[a->hash].bytes) == 0;
}
