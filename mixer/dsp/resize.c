#include "mixer/dsp/resize.h"

#include "mixer/dsp/cpu.h"

const struct mcu_resize_dsp *mcu_resize_choose(unsigned cpu_flags)
{
#if defined(MCU_DSP_X86)
    if (cpu_flags & MCU_CPU_AVX512)
        return &mcu_resize_avx512;
    if (cpu_flags & MCU_CPU_AVX2)
        return &mcu_resize_avx2;
    if (cpu_flags & MCU_CPU_SSE41)
        return &mcu_resize_sse41;
#elif defined(MCU_DSP_NEON)
    if (cpu_flags & MCU_CPU_NEON)
        return &mcu_resize_neon;
#endif
    return &mcu_resize_c;
}
