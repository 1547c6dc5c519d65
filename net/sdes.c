#include "net/sdes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/sdp_text.h"

#define TAG_MAX 999999999 /* 1*9DIGIT (RFC 4568 9.1) */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of a base64 digit without a table look-up by a secret: nobody times the parsing of an
 * INVITE, but it costs nothing. -1: none. */
static int digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Exactly size bytes; "=" at the end may be missing, as some leave it out. */
static bool base64_decode(uint8_t *out, size_t size, struct mcu_cursor text)
{
    uint32_t bits = 0;
    int have = 0;
    size_t n = 0, pad = (3 - size % 3) % 3;
    while (pad-- && mcu_cursor_left(&text) && text.end[-1] == '=')
        text.end--;
    while (mcu_cursor_left(&text)) {
        int d = digit(mcu_cursor_u8(&text));
        if (d < 0)
            return false;
        bits = bits << 6 | (uint32_t)d;
        have += 6;
        if (have < 8)
            continue;
        if (n == size)
            return false;
        have -= 8;
        out[n++] = (uint8_t)(bits >> have);
    }
    return n == size && have < 6;
}

static void base64_encode(char *out, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i += 3) {
        size_t n = size - i < 3 ? size - i : 3;
        uint32_t v = (uint32_t)data[i] << 16 | (n > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                     (n > 2 ? data[i + 2] : 0);
        *out++ = digits[v >> 18];
        *out++ = digits[v >> 12 & 63];
        *out++ = n > 1 ? digits[v >> 6 & 63] : '=';
        *out++ = n > 2 ? digits[v & 63] : '=';
    }
    *out = '\0';
}

static enum mcu_srtp_suite suite_of(struct mcu_cursor word)
{
    for (int i = MCU_SRTP_NONE + 1; i < MCU_SRTP_SUITES; i++)
        if (mcu_text_is(word, mcu_srtp_suite_name((enum mcu_srtp_suite)i)))
            return (enum mcu_srtp_suite)i;
    return MCU_SRTP_NONE;
}

/* "2^20" or "1048576" (RFC 4568 6.1). We never come near the end of any lifetime worth its name: a
 * call of 2^20 packets lasts hours; it is read to be sure that it is one. */
static bool is_lifetime(struct mcu_cursor c)
{
    int n;
    if (!mcu_text_int(&c, &n) || n < 1)
        return false;
    if (!mcu_cursor_left(&c))
        return true;
    return n == 2 && mcu_cursor_u8(&c) == '^' && mcu_text_int(&c, &n) && !mcu_cursor_left(&c) &&
           n >= 1 && n <= 48;
}

/* inline:<key||salt>["|" lifetime]["|" MKI ":" length] */
static int parse_key(struct mcu_srtp_key *key, struct mcu_cursor word)
{
    size_t size = mcu_srtp_key_bytes(key->suite) + mcu_srtp_salt_bytes(key->suite);
    if (mcu_cursor_left(&word) && memchr(word.p, ';', mcu_cursor_left(&word)))
        return -ENOTSUP; /* several keys are told apart by an MKI */
    struct mcu_cursor method = mcu_text_until(&word, ':'), text = mcu_text_until(&word, '|');
    if (!mcu_text_is(method, "inline") || !base64_decode(key->bytes, size, text))
        return -EBADMSG;
    while (mcu_cursor_left(&word)) {
        struct mcu_cursor part = mcu_text_until(&word, '|');
        if (mcu_cursor_left(&part) && memchr(part.p, ':', mcu_cursor_left(&part)))
            return -ENOTSUP; /* an MKI stands in every packet then */
        if (!is_lifetime(part))
            return -EBADMSG;
    }
    return 0;
}

/* Those that change nothing for us: the size of the peer's replay window, and never deriving keys
 * anew, which is what is done anyway. Experimental ones ("-...") may be passed over (RFC 4568 6.3.8). */
static bool may_ignore(struct mcu_cursor param)
{
    return mcu_text_begins(&param, "WSH=") || mcu_text_is(param, "KDR=0") ||
           mcu_text_begins(&param, "-");
}

int mcu_sdes_parse(struct mcu_sdes *out, struct mcu_cursor value)
{
    struct mcu_sdes s = { 0 };
    struct mcu_cursor tag = mcu_text_word(&value);
    if (!mcu_text_int(&tag, &s.tag) || mcu_cursor_left(&tag) || s.tag < 1 || s.tag > TAG_MAX)
        return -EBADMSG;
    struct mcu_cursor suite = mcu_text_word(&value), key = mcu_text_word(&value);
    if (!mcu_cursor_left(&suite) || !mcu_cursor_left(&key))
        return -EBADMSG;
    s.key.suite = suite_of(suite);
    if (!mcu_srtp_supported(s.key.suite))
        return -ENOTSUP;
    int rc = parse_key(&s.key, key);
    for (struct mcu_cursor param = mcu_text_word(&value); rc == 0 && mcu_cursor_left(&param);
         param = mcu_text_word(&value))
        rc = may_ignore(param) ? 0 : -ENOTSUP;
    if (rc == 0)
        *out = s;
    mcu_srtp_wipe(&s, sizeof(s));
    return rc;
}

const struct mcu_sdes *mcu_sdes_choose(const struct mcu_sdes *list, int count)
{
    const struct mcu_sdes *best = NULL;
    for (int i = 0; i < count; i++) {
        bool weak = list[i].key.suite == MCU_SRTP_AES128_SHA1_32;
        if (!mcu_srtp_supported(list[i].key.suite))
            continue;
        if (!weak)
            return &list[i];
        if (!best)
            best = &list[i];
    }
    return best;
}

int mcu_sdes_write(char *buf, size_t size, int tag, const struct mcu_srtp_key *key)
{
    char text[(MCU_SRTP_KEY_BYTES_MAX + 2) / 3 * 4 + 1];
    base64_encode(text, key->bytes,
                  mcu_srtp_key_bytes(key->suite) + mcu_srtp_salt_bytes(key->suite));
    int n = snprintf(buf, size, "a=crypto:%d %s inline:%s\r\n", tag,
                     mcu_srtp_suite_name(key->suite), text);
    mcu_srtp_wipe(text, sizeof(text));
    return n < 0 || (size_t)n >= size ? -ENOSPC : n;
}
