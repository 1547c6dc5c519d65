/* mixer/base/hash.h - FNV-1a in 64 bits: for tables and comparisons in which nobody gains from a
 * collision.
 * Threads: any; values only. */
#ifndef MCU_MIXER_BASE_HASH_H
#define MCU_MIXER_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define MCU_FNV1A_START UINT64_C(14695981039346656037)

/* hash with size bytes more; begin with MCU_FNV1A_START. */
static inline uint64_t mcu_fnv1a(uint64_t hash, const void *data, size_t size)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * UINT64_C(1099511628211);
    return hash;
}

#endif
