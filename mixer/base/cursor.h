/* mixer/base/cursor.h - bounded reading and writing of bytes; every parser goes through it.
 * Threads: a cursor belongs to its caller. A read past the end returns 0 and marks the cursor
 * bad; it stays bad, so a parser may read a whole header and ask once. */
#ifndef MCU_MIXER_BASE_CURSOR_H
#define MCU_MIXER_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct mcu_cursor {
    const uint8_t *p, *end;
    bool bad;
};

static inline struct mcu_cursor mcu_cursor(const void *data, size_t size)
{
    const uint8_t *p = data;
    return (struct mcu_cursor){ p, p ? p + size : p, false };
}

static inline size_t mcu_cursor_left(const struct mcu_cursor *c)
{
    return (size_t)(c->end - c->p);
}

/* The next n bytes, consumed; NULL and bad if there are fewer. */
static inline const uint8_t *mcu_cursor_take(struct mcu_cursor *c, size_t n)
{
    if (c->bad || n > mcu_cursor_left(c)) {
        c->bad = true;
        c->p = c->end;
        return NULL;
    }
    const uint8_t *p = c->p;
    c->p += n;
    return p;
}

/* A cursor over the next n bytes, consumed from c. */
static inline struct mcu_cursor mcu_cursor_sub(struct mcu_cursor *c, size_t n)
{
    const uint8_t *p = mcu_cursor_take(c, n);
    struct mcu_cursor s = mcu_cursor(p, p ? n : 0);
    s.bad = !p;
    return s;
}

/* Big endian, as on the wire. n is 1 to 8 bytes. */
static inline uint64_t mcu_cursor_be(struct mcu_cursor *c, int n)
{
    const uint8_t *p = mcu_cursor_take(c, (size_t)n);
    uint64_t v = 0;
    for (int i = 0; p && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static inline uint8_t mcu_cursor_u8(struct mcu_cursor *c)
{
    return (uint8_t)mcu_cursor_be(c, 1);
}

static inline uint16_t mcu_cursor_u16(struct mcu_cursor *c)
{
    return (uint16_t)mcu_cursor_be(c, 2);
}

static inline uint32_t mcu_cursor_u32(struct mcu_cursor *c)
{
    return (uint32_t)mcu_cursor_be(c, 4);
}

static inline uint64_t mcu_cursor_u64(struct mcu_cursor *c)
{
    return mcu_cursor_be(c, 8);
}

/* The same for writing: past the end nothing is written and the cursor goes bad. */
struct mcu_wcursor {
    uint8_t *start, *p, *end;
    bool bad;
};

static inline struct mcu_wcursor mcu_wcursor(void *data, size_t size)
{
    uint8_t *p = data;
    return (struct mcu_wcursor){ p, p, p + size, false };
}

static inline size_t mcu_wcursor_size(const struct mcu_wcursor *w)
{
    return (size_t)(w->p - w->start);
}

static inline uint8_t *mcu_wcursor_take(struct mcu_wcursor *w, size_t n)
{
    if (w->bad || n > (size_t)(w->end - w->p)) {
        w->bad = true;
        return NULL;
    }
    uint8_t *p = w->p;
    w->p += n;
    return p;
}

static inline void mcu_wcursor_be(struct mcu_wcursor *w, uint64_t v, int n)
{
    uint8_t *p = mcu_wcursor_take(w, (size_t)n);
    for (int i = n - 1; p && i >= 0; i--, v >>= 8)
        p[i] = (uint8_t)v;
}

static inline void mcu_wcursor_u8(struct mcu_wcursor *w, uint8_t v)
{
    mcu_wcursor_be(w, v, 1);
}

static inline void mcu_wcursor_u16(struct mcu_wcursor *w, uint16_t v)
{
    mcu_wcursor_be(w, v, 2);
}

static inline void mcu_wcursor_u32(struct mcu_wcursor *w, uint32_t v)
{
    mcu_wcursor_be(w, v, 4);
}

static inline void mcu_wcursor_bytes(struct mcu_wcursor *w, const void *data, size_t n)
{
    uint8_t *p = mcu_wcursor_take(w, n);
    if (p && n)
        memcpy(p, data, n);
}

#endif
