#include "mixer/dsp/cpu.h"

#if defined(MCU_DSP_X86)
#include "mixer/dsp/resize_lanes.h"

const struct mcu_resize_dsp mcu_resize_sse41 = {
    shrink2, shrink3, shrink4, shrink5, shrink3to2, rows8, prepare, prepare, across8,
    cubic_across, cubic_down, rows16, across16
};
#else
typedef int mcu_resize_sse41_is_empty; /* ISO C wants something in a file */
#endif
