/* mixer/dsp/resize.h - rows of samples made smaller or larger.
 * Threads: any; no state. All versions give the same bits. Outputs are written up to w and no
 * further; inputs are read only where the contract says. The shrink kernels ask the processor to
 * fetch the rows that stand behind theirs: a caller goes through a picture from top to bottom. */
#ifndef MCU_MIXER_DSP_RESIZE_H
#define MCU_MIXER_DSP_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#define MCU_RESIZE_ONE   16384 /* weights are Q14: those of one output sample sum to this */
#define MCU_RESIZE_BYTE  128   /* or Q7, and sum to this */
#define MCU_RESIZE_FEW   16    /* as many rows or columns are weighed in Q7 */
#define MCU_RESIZE_Q     6     /* between the passes of any ratio a sample is Q6 */
#define MCU_RESIZE_SPARE 64    /* samples of room behind the last of a row between passes */

/* dst[w] = exactly rounded mean of ratio x ratio samples; reads ratio * w from each of ratio rows,
 * stride apart. */
typedef void mcu_shrink_fn(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w);

/* One direction across: output i is made of `taps` samples from start[i] on. */
struct mcu_resize_taps {
    int w, taps;
    int src;          /* samples of a row; in Q7 no tap lies behind them */
    int32_t *start;   /* [w], never falling */
    int16_t *weights; /* [w][taps] */
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
    /* Shrinking by less than MCU_RESIZE_FEW, first pass: row[w] = sum over rows of weights[k] *
     * row k, rounded. rows: 1 to MCU_RESIZE_FEW; Q7 weights, not negative. */
    void (*rows8)(uint8_t *row, const uint8_t *src, ptrdiff_t stride, const uint8_t *weights,
                  int rows, int w, struct mcu_resize_ahead ahead);
    /* Make t->own for across8 and for cubic_across: tables in the order in which this version reads
     * them. Q7 weights; of the cubic each from -16 to 144, and w is not below src. 0 or -ENOMEM. */
    int (*prepare)(struct mcu_resize_taps *t);
    int (*prepare_cubic)(struct mcu_resize_taps *t);
    /* Second pass: dst[i] = sum over taps of weights[i][k] * row[start[i] + k], rounded; a half
     * goes down, as in the first pass it goes up: of 4:3 a quarter of all are halves. */
    void (*across8)(uint8_t *dst, const uint8_t *row, const struct mcu_resize_taps *t,
                    struct mcu_resize_ahead ahead);
    /* Enlarging, first pass, once for each row of the source: what four taps in Q7 give, less
     * 128, unrounded; written in an order that this version's cubic_down knows, up to a multiple
     * of 64 samples. */
    void (*cubic_across)(int16_t *row, const uint8_t *src, const struct mcu_resize_taps *t);
    /* Second pass: four such rows, weighed in Q14, each product rounded to Q6, the sum clipped. */
    void (*cubic_down)(uint8_t *dst, const int16_t *const rows[4], const int16_t *weights, int w);
    /* Any ratio, first pass: Q14 weights, rounded to Q6. rows >= 1. */
    void (*rows16)(int16_t *mid, const uint8_t *src, ptrdiff_t stride, const int16_t *weights,
                   int rows, int w);
    /* Second pass: Q14 weights, those of an output negative to no more than -MCU_RESIZE_ONE / 4;
     * rounded and clipped. taps: 4, or a multiple of 8; unused ones have weight 0 but are read. */
    void (*across16)(uint8_t *dst, const int16_t *mid, const struct mcu_resize_taps *t);
};

extern const struct mcu_resize_dsp mcu_resize_c;
extern const struct mcu_resize_dsp mcu_resize_sse41, mcu_resize_avx2, mcu_resize_avx512; /* x86 */
extern const struct mcu_resize_dsp mcu_resize_neon;                                      /* arm64 */

/* The best for these flags (enum mcu_cpu_flag). */
const struct mcu_resize_dsp *mcu_resize_choose(unsigned cpu_flags);

#endif
