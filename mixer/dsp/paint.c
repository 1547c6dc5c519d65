#include "mixer/dsp/paint.h"

#include "mixer/dsp/cpu.h"

const struct mcu_paint_dsp *mcu_paint_choose(unsigned cpu_flags)
{
#if defined(__x86_64__)
    if (cpu_flags & MCU_CPU_AVX2)
        return &mcu_paint_avx2;
#endif
    return &mcu_paint_c;
}
