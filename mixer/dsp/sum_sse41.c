#include "mixer/dsp/cpu.h"

#if defined(MCU_DSP_X86)
#include "mixer/dsp/sum_lanes.h"

const struct mcu_sum_dsp mcu_sum_sse41 = { add, sub, peak, clip, limit, energy, whole };
#else
typedef int mcu_sum_sse41_is_empty; /* ISO C wants something in a file */
#endif
