#include "mixer/dsp/sum.h"

#include "mixer/dsp/cpu.h"

const struct mcu_sum_dsp *mcu_sum_get(void)
{
#if defined(__x86_64__)
    if (mcu_cpu_flags() & MCU_CPU_AVX2)
        return &mcu_sum_avx2;
#endif
    return &mcu_sum_c;
}
