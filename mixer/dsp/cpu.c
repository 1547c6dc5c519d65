#include "mixer/dsp/cpu.h"

#include <stdatomic.h>

static atomic_uint allowed = ~0u;

static unsigned detect(void)
{
    unsigned flags = 0;
#if defined(__x86_64__)
    /* The builtin also asks the operating system whether it saves the wide registers. */
    if (__builtin_cpu_supports("sse4.1"))
        flags |= MCU_CPU_SSE41;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        flags |= MCU_CPU_AVX2; /* the files for it are built with both */
#elif defined(__aarch64__)
    flags |= MCU_CPU_NEON; /* a part of the base architecture */
#endif
    return flags;
}

unsigned mcu_cpu_flags(void)
{
    return detect() & atomic_load_explicit(&allowed, memory_order_relaxed);
}

void mcu_cpu_mask(unsigned flags)
{
    atomic_store_explicit(&allowed, flags, memory_order_relaxed);
}
