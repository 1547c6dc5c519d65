/* mixer/dsp/resize.h - rows of samples made smaller or larger.
 * Threads: any; no state. All versions give the same bits. Outputs are written up to w and no
 * further; inputs are read only where the contract says. */
#ifndef MCU_MIXER_DSP_RESIZE_H
#define MCU_MIXER_DSP_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#define MCU_RESIZE_ONE   16384 /* weights are Q14: those of one output sample sum to this */
#define MCU_RESIZE_SHIFT 7     /* between the passes a sample is Q7, 0 to 32640 */

/* How many samples of `sums` a row of w output samples takes at a ratio. */
#define MCU_SHRINK_SUMS(ratio, w) ((ratio) * (w) + 96)

/* dst[w] = exactly rounded mean of ratio x ratio samples; reads ratio * w from each of ratio rows,
 * stride apart. sums: room for MCU_SHRINK_SUMS(ratio, w), initialised, left undefined. */
typedef void mcu_shrink_fn(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w, int16_t *sums);

struct mcu_resize_dsp {
    mcu_shrink_fn *shrink2, *shrink3, *shrink4, *shrink5;
    /* First pass: mid[w] = sum over rows of weights[k] * row k, to Q7. rows >= 1. */
    void (*vertical)(int16_t *mid, const uint8_t *src, ptrdiff_t stride, const int16_t *weights,
                     int rows, int w);
    /* Second pass: dst[i] = sum over taps of weights[i * taps + k] * mid[start[i] + k], from Q7 to
     * whole samples. taps: 4 or a multiple of 8; unused ones have weight 0 but mid is read. */
    void (*horizontal)(uint8_t *dst, const int16_t *mid, const int32_t *start,
                       const int16_t *weights, int taps, int w);
};

extern const struct mcu_resize_dsp mcu_resize_c;
extern const struct mcu_resize_dsp mcu_resize_avx2; /* on x86-64 only */

/* The best for these flags (enum mcu_cpu_flag). */
const struct mcu_resize_dsp *mcu_resize_choose(unsigned cpu_flags);

#endif
