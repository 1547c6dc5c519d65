#include "mixer/dsp/resize.h"

#include "mixer/dsp/cpu.h"

const struct mcu_resize_dsp *mcu_resize_choose(unsigned cpu_flags)
{
#if defined(__x86_64__)
    if (cpu_flags & MCU_CPU_AVX2)
        return &mcu_resize_avx2;
#endif
    return &mcu_resize_c;
}
