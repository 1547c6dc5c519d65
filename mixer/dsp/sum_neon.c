#include "mixer/dsp/cpu.h"

#if defined(MCU_DSP_NEON)
#include "mixer/dsp/sum_lanes.h"

const struct mcu_sum_dsp mcu_sum_neon = { add, sub, peak, clip, limit, energy, whole };
#else
typedef int mcu_sum_neon_is_empty; /* ISO C wants something in a file */
#endif
