#include "mixer/dsp/cpu.h"

#if defined(MCU_DSP_X86)
#include "mixer/dsp/paint_lanes.h"

const struct mcu_paint_dsp mcu_paint_sse41 = { mask, over, level, map_luma, map_chroma };
#else
typedef int mcu_paint_sse41_is_empty; /* ISO C wants something in a file */
#endif
