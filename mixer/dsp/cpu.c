#include "mixer/dsp/cpu.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "mixer/base/util.h"

static atomic_uint allowed = ~0u;

static unsigned detect(void)
{
    unsigned flags = 0;
#if defined(MCU_DSP_X86)
    /* The builtin also asks the operating system whether it saves the wide registers. */
    if (__builtin_cpu_supports("sse4.1"))
        flags |= MCU_CPU_SSE41;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        flags |= MCU_CPU_AVX2; /* the files for it are built with both */
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni"))
        flags |= MCU_CPU_AVX512;
#elif defined(MCU_DSP_NEON)
    flags |= MCU_CPU_NEON; /* a part of the base architecture */
#endif
    return flags;
}

const struct mcu_cpu_level *mcu_cpu_level(size_t at)
{
    static const struct mcu_cpu_level levels[] = {
        { "c", 0 },
        { "sse41", MCU_CPU_SSE41 },
        { "avx2", MCU_CPU_SSE41 | MCU_CPU_AVX2 },
        { "avx512", MCU_CPU_SSE41 | MCU_CPU_AVX2 | MCU_CPU_AVX512 },
        { "neon", MCU_CPU_NEON },
    };
    unsigned have = detect();
    for (size_t i = 0; i < MCU_ARRAY_LEN(levels); i++)
        if ((levels[i].flags & have) == levels[i].flags && at-- == 0)
            return &levels[i];
    return NULL;
}

unsigned mcu_cpu_flags(void)
{
    return detect() & atomic_load_explicit(&allowed, memory_order_relaxed);
}

void mcu_cpu_mask(unsigned flags)
{
    atomic_store_explicit(&allowed, flags, memory_order_relaxed);
}

int mcu_cpu_mask_level(const char *name)
{
    const struct mcu_cpu_level *level;
    for (size_t i = 0; (level = mcu_cpu_level(i)) != NULL; i++)
        if (!strcmp(level->name, name)) {
            mcu_cpu_mask(level->flags);
            return 0;
        }
    return -EINVAL;
}
