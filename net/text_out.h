/* net/text_out.h - text written piece by piece into a buffer of fixed size.
 * Threads: one belongs to its caller. What does not fit marks it full, and it stays full, so a
 * writer may write a whole description and ask once. */
#ifndef MCU_NET_TEXT_OUT_H
#define MCU_NET_TEXT_OUT_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "mixer/base/util.h"

struct mcu_text_out {
    char *buf;
    size_t size, used;
    bool full;
};

static inline void mcu_put(struct mcu_text_out *t, const char *format, ...) MCU_PRINTF(2, 3);

static inline void mcu_put(struct mcu_text_out *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = t->size - t->used;
    int n = t->full ? -1 : vsnprintf(t->buf + t->used, room, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= room)
        t->full = true;
    else
        t->used += (size_t)n;
}

/* What a function of the form (buf, size) wrote behind it: its result, bytes or an error. */
static inline void mcu_put_part(struct mcu_text_out *t, int n)
{
    if (n < 0)
        t->full = true;
    else
        t->used += (size_t)n;
}

/* Bytes, or -ENOSPC. */
static inline int mcu_text_out_end(const struct mcu_text_out *t)
{
    return t->full ? -ENOSPC : (int)t->used;
}

#endif
