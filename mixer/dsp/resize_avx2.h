/* mixer/dsp/resize_avx2.h - what the two AVX2 files of resize.h share: the shrink kernels, with its
 * contract. Threads: any. */
#ifndef MCU_MIXER_DSP_RESIZE_AVX2_H
#define MCU_MIXER_DSP_RESIZE_AVX2_H

#include "mixer/dsp/resize.h"

mcu_shrink_fn mcu_shrink2_avx2, mcu_shrink3_avx2, mcu_shrink4_avx2, mcu_shrink5_avx2;

#endif
