/* mixer/dsp/cpu.h - what this processor can do, and a mask over it.
 * Threads: any. Detection and mask are apart, so that every level is tested on one machine. */
#ifndef MCU_MIXER_DSP_CPU_H
#define MCU_MIXER_DSP_CPU_H

#include <stddef.h>

/* Which kernels besides the C reference are built (-DMCU_NO_SIMD: none). */
#if defined(__x86_64__) && !defined(MCU_NO_SIMD)
#define MCU_DSP_X86
#elif defined(__aarch64__) && !defined(MCU_NO_SIMD)
#define MCU_DSP_NEON
#endif

enum mcu_cpu_flag {
    MCU_CPU_SSE41 = 1 << 0,
    MCU_CPU_AVX2 = 1 << 1,
    MCU_CPU_NEON = 1 << 2,
    MCU_CPU_AVX512 = 1 << 3 /* F, BW, VL, VBMI and VNNI: Ice Lake, Zen 4 and later */
};

/* A level is a set of flags with a name: "c", "sse41", "avx2", "avx512" or "neon", each with what
 * lies below it. */
struct mcu_cpu_level {
    const char *name;
    unsigned flags;
};

/* Level `at`, from the lowest on, of those that this machine has (whatever the mask); NULL behind
 * the last. */
const struct mcu_cpu_level *mcu_cpu_level(size_t at);

/* The flags that the machine has and the mask lets through. Kernels are chosen by them when a
 * scaler, view or mix is made; what is made already keeps its choice. */
unsigned mcu_cpu_flags(void);

/* From now on only these flags are seen; ~0u shows all again. For tests and benches. */
void mcu_cpu_mask(unsigned flags);

/* Masks all but the level of this name. 0, or -EINVAL when this machine has none such. */
int mcu_cpu_mask_level(const char *name);

#endif
