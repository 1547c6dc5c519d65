#include "mixer/dsp/cpu.h"

#if defined(MCU_DSP_X86)
#include "mixer/dsp/sum_lanes.h"

const struct mcu_sum_dsp mcu_sum_avx2 = { add, sub, peak, clip, limit, energy, whole };
#else
typedef int mcu_sum_avx2_is_empty; /* ISO C wants something in a file */
#endif
