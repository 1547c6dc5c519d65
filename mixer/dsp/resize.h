/* mixer/dsp/resize.h - rows of samples made smaller or larger.
 * Threads: any; no state. All versions give the same bits. Outputs are written up to w and no
 * further; inputs are read only where the contract says. The shrink kernels ask the processor to
 * fetch the rows that stand behind theirs: a caller goes through a picture from top to bottom. */
#ifndef MCU_MIXER_DSP_RESIZE_H
#define MCU_MIXER_DSP_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#define MCU_RESIZE_ONE   16384 /* weights are Q14: those of one output sample sum to this */
#define MCU_RESIZE_BYTE  128   /* weights of few rows are Q7 and sum to this */
#define MCU_RESIZE_ROWS  8     /* few */
#define MCU_RESIZE_SHIFT 7     /* between the passes a sample is Q7, 0 to 32640, */
#define MCU_RESIZE_SIGNED 6    /* or Q6, where some weights are negative */
#define MCU_RESIZE_SPARE 64    /* samples readable behind the last of mid */

/* dst[w] = exactly rounded mean of ratio x ratio samples; reads ratio * w from each of ratio rows,
 * stride apart. */
typedef void mcu_shrink_fn(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w);

/* One row's second pass: output i is made of `taps` samples from start[i] on. */
struct mcu_resize_taps {
    int w, taps; /* taps: 4, or a multiple of 8; unused ones have weight 0 but are read */
    int32_t *start;   /* [w], never falling */
    int16_t *weights; /* [w][taps], Q14; negative ones sum to more than -MCU_RESIZE_ONE / 4 */
    void *own;        /* of prepare; malloc'ed, freed by whoever holds this; NULL: none */
};

/* What to fetch meanwhile, spread over the work: lines of 64 bytes from `at` on, which may lie behind
 * all that is allocated. */
struct mcu_resize_ahead {
    uintptr_t at;
    int lines;
};

struct mcu_resize_dsp {
    mcu_shrink_fn *shrink2, *shrink3, *shrink4, *shrink5;
    /* 3 rows of 3 * w / 2 samples to 2 rows of w, w even: each output is the exactly rounded mean
     * of the one and a half by one and a half samples that it covers. */
    void (*shrink3to2)(uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t stride,
                       int w);
    /* First pass of few rows: mid[w] = sum over rows of weights[k] * row k, in Q7. rows: 1 to
     * MCU_RESIZE_ROWS; weights below MCU_RESIZE_BYTE, except of one row alone. */
    void (*rows8)(int16_t *mid, const uint8_t *src, ptrdiff_t stride, const uint8_t *weights,
                  int rows, int w, struct mcu_resize_ahead ahead);
    /* First pass of any rows: Q14 weights, rounded to Q(14 - shift). rows >= 1. */
    void (*rows16)(int16_t *mid, const uint8_t *src, ptrdiff_t stride, const int16_t *weights,
                   int rows, int w, int shift);
    /* Makes t->own, tables in the order in which this version's `horizontal` reads them. 0 or
     * -ENOMEM. */
    int (*prepare)(struct mcu_resize_taps *t);
    /* Second pass: dst[i] = sum over taps of weights[i][k] * mid[start[i] + k], shifted down by
     * 14 + the fraction bits of mid, rounded and clipped. */
    void (*horizontal)(uint8_t *dst, const int16_t *mid, const struct mcu_resize_taps *t, int shift,
                       struct mcu_resize_ahead ahead);
};

extern const struct mcu_resize_dsp mcu_resize_c;
extern const struct mcu_resize_dsp mcu_resize_sse41, mcu_resize_avx2, mcu_resize_avx512; /* x86 */
extern const struct mcu_resize_dsp mcu_resize_neon;                                      /* arm64 */

/* The best for these flags (enum mcu_cpu_flag). */
const struct mcu_resize_dsp *mcu_resize_choose(unsigned cpu_flags);

#endif
