/* mixer/base/util.h - the few macros that every folder uses. */
#ifndef MCU_MIXER_BASE_UTIL_H
#define MCU_MIXER_BASE_UTIL_H

#include <stddef.h>
#include <stdint.h>

#define MCU_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define mcu_container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

/* Format checking for printf-like functions; arguments are counted from 1. */
#define MCU_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

static inline int mcu_min(int a, int b)
{
    return a < b ? a : b;
}

static inline int mcu_max(int a, int b)
{
    return a > b ? a : b;
}

static inline int mcu_clamp(int v, int lo, int hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

#endif
