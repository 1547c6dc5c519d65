#include "mixer/dsp/paint.h"

#include "mixer/dsp/cpu.h"

const struct mcu_paint_dsp *mcu_paint_choose(unsigned cpu_flags)
{
#if defined(MCU_DSP_X86)
    if (cpu_flags & MCU_CPU_AVX2)
        return &mcu_paint_avx2;
    if (cpu_flags & MCU_CPU_SSE41)
        return &mcu_paint_sse41;
#elif defined(MCU_DSP_NEON)
    if (cpu_flags & MCU_CPU_NEON)
        return &mcu_paint_neon;
#endif
    return &mcu_paint_c;
}
