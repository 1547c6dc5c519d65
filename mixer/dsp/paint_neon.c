#include "mixer/dsp/cpu.h"

#if defined(MCU_DSP_NEON)
#include "mixer/dsp/paint_lanes.h"

const struct mcu_paint_dsp mcu_paint_neon = { mask, over, level, map_luma, map_chroma };
#else
typedef int mcu_paint_neon_is_empty; /* ISO C wants something in a file */
#endif
