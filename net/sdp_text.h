/* net/sdp_text.h - words, numbers and lines out of a bounded cursor over text.
 * Threads: any; values only. Private to the SDP parser and its parameters. Nothing here needs or
 * looks for a terminating zero. */
#ifndef MCU_NET_SDP_TEXT_H
#define MCU_NET_SDP_TEXT_H

#include <limits.h>
#include <string.h>

#include "mixer/base/cursor.h"

static inline bool mcu_text_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static inline uint8_t mcu_text_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Token characters of RFC 8866 section 9, plus "/", which proto contains. */
static inline bool mcu_text_token_char(uint8_t c)
{
    return c > ' ' && c < 0x7f && !memchr("\"(),:;<=>?@[\\]", c, 14);
}

static inline void mcu_text_skip_spaces(struct mcu_cursor *c)
{
    while (mcu_cursor_left(c) && mcu_text_space(c->p[0]))
        mcu_cursor_take(c, 1);
}

/* Spaces at both ends go. */
static inline struct mcu_cursor mcu_text_trim(struct mcu_cursor c)
{
    mcu_text_skip_spaces(&c);
    size_t n = mcu_cursor_left(&c);
    while (n && mcu_text_space(c.p[n - 1]))
        n--;
    return mcu_cursor_sub(&c, n);
}

/* The text before the first stop (or all of it); the stop itself is consumed too. */
static inline struct mcu_cursor mcu_text_until(struct mcu_cursor *c, char stop)
{
    size_t left = mcu_cursor_left(c);
    const uint8_t *at = left ? memchr(c->p, stop, left) : NULL;
    struct mcu_cursor part = mcu_cursor_sub(c, at ? (size_t)(at - c->p) : left);
    if (at)
        mcu_cursor_take(c, 1);
    return part;
}

/* The next word, spaces before it skipped; empty at the end. */
static inline struct mcu_cursor mcu_text_word(struct mcu_cursor *c)
{
    mcu_text_skip_spaces(c);
    size_t n = 0;
    while (n < mcu_cursor_left(c) && !mcu_text_space(c->p[n]))
        n++;
    return mcu_cursor_sub(c, n);
}

/* The next line without its end, which is CRLF, LF or CR. */
static inline struct mcu_cursor mcu_text_line(struct mcu_cursor *c)
{
    size_t n = 0;
    while (n < mcu_cursor_left(c) && c->p[n] != '\r' && c->p[n] != '\n')
        n++;
    struct mcu_cursor line = mcu_cursor_sub(c, n);
    bool cr = mcu_cursor_left(c) && c->p[0] == '\r';
    if (cr)
        mcu_cursor_take(c, 1);
    if (mcu_cursor_left(c) && c->p[0] == '\n')
        mcu_cursor_take(c, 1);
    return line;
}

/* Begins with the word, without case. */
static inline bool mcu_text_begins(const struct mcu_cursor *c, const char *word)
{
    size_t left = mcu_cursor_left(c), n = 0;
    while (n < left && word[n] && mcu_text_lower(c->p[n]) == mcu_text_lower((uint8_t)word[n]))
        n++;
    return !word[n];
}

/* Equal without case. */
static inline bool mcu_text_is(struct mcu_cursor c, const char *word)
{
    return mcu_text_begins(&c, word) && mcu_cursor_left(&c) == strlen(word);
}

/* Copied and terminated; false, and dst "", if it does not fit. */
static inline bool mcu_text_copy(char *dst, size_t size, struct mcu_cursor c)
{
    size_t n = mcu_cursor_left(&c);
    dst[0] = '\0';
    if (n >= size)
        return false;
    if (n)
        memcpy(dst, c.p, n);
    dst[n] = '\0';
    return true;
}

/* A token, and not empty. */
static inline bool mcu_text_is_token(struct mcu_cursor c)
{
    for (size_t i = 0; i < mcu_cursor_left(&c); i++)
        if (!mcu_text_token_char(c.p[i]))
            return false;
    return mcu_cursor_left(&c) > 0;
}

/* Copied if it is a token that fits. */
static inline bool mcu_text_copy_token(char *dst, size_t size, struct mcu_cursor c)
{
    dst[0] = '\0';
    return mcu_text_is_token(c) && mcu_text_copy(dst, size, c);
}

/* Decimal digits at the front, consumed; cut at max. False if there is none. */
static inline bool mcu_text_u64(struct mcu_cursor *c, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    size_t n = 0;
    for (; n < mcu_cursor_left(c) && c->p[n] >= '0' && c->p[n] <= '9'; n++) {
        uint64_t digit = (uint64_t)(c->p[n] - '0');
        v = v > (max - digit) / 10 ? max : v * 10 + digit;
    }
    mcu_cursor_take(c, n);
    if (n)
        *out = v;
    return n > 0;
}

static inline bool mcu_text_int(struct mcu_cursor *c, int *out)
{
    uint64_t v;
    if (!mcu_text_u64(c, INT_MAX, &v))
        return false;
    *out = (int)v;
    return true;
}

#endif
