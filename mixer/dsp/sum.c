#include "mixer/dsp/sum.h"

#include "mixer/dsp/cpu.h"

const struct mcu_sum_dsp *mcu_sum_get(void)
{
    unsigned flags = mcu_cpu_flags();
#if defined(MCU_DSP_X86)
    if (flags & MCU_CPU_AVX2)
        return &mcu_sum_avx2;
    if (flags & MCU_CPU_SSE41)
        return &mcu_sum_sse41;
#elif defined(MCU_DSP_NEON)
    if (flags & MCU_CPU_NEON)
        return &mcu_sum_neon;
#endif
    (void)flags;
    return &mcu_sum_c;
}
