/* mixer/dsp/sum.h - the kernels of the sound mix: add and take out with a gain ramp, peak, limited
 * output, energy, samples from floats. Every version gives the same bits as the C reference (those of
 * floats too: the same operations in the same order, none fused).
 * Threads: pure functions; mcu_sum_get may be called from any thread. */
#ifndef MCU_MIXER_DSP_SUM_H
#define MCU_MIXER_DSP_SUM_H

#include <stdbool.h>
#include <stdint.h>

/* Gains are Q30 (1 << 30 is 1.0). One frame's share is round(sample * (gain >> 15) / 32768): a
 * gain of exactly 1 adds the sample itself, and taking out what was added leaves nothing. */
#define MCU_SUM_GAIN_ONE (1 << 30)

/* The limited output bends above this level (-1 dB of full scale) and never passes 32767. */
#define MCU_SUM_KNEE 29204

struct mcu_sum_ramp {
    int32_t gain; /* Q30, of the first frame */
    int32_t step; /* Q30, added per frame; gain + frames * step stays within 0 to 1 << 30 */
};

struct mcu_sum_dsp {
    /* acc[frames * channels] += share of x, frame by frame. */
    void (*add)(int32_t *acc, const int16_t *x, int frames, int channels, struct mcu_sum_ramp ramp);
    /* dst = acc - share of x; dst may be acc. */
    void (*sub)(int32_t *dst, const int32_t *acc, const int16_t *x, int frames, int channels,
                struct mcu_sum_ramp ramp);
    /* Largest magnitude of acc[n], each within +-(2^31 - 1); 0 for n = 0. */
    int32_t (*peak)(const int32_t *acc, int n);
    /* out = acc, saturated to 16 bit. */
    void (*clip)(int16_t *out, const int32_t *acc, int n);
    /* out = bend(acc * (gain + step * frame)): straight up to MCU_SUM_KNEE, then smoothly towards
     * full scale: knee + e / (1 + e / (32767 - knee)). Rounded to nearest even. */
    void (*limit)(int16_t *out, const int32_t *acc, int frames, int channels, float gain,
                  float step);
    /* Sum of the squares of x[n]. */
    uint64_t (*energy)(const int16_t *x, int n);
    /* out = x * 32768, rounded to nearest even and saturated. Returns whether an x lies outside of -1
     * to 1. No x is NaN. */
    bool (*whole)(int16_t *out, const float *x, int n);
};

/* The best version for this machine within mcu_cpu_mask; never NULL. */
const struct mcu_sum_dsp *mcu_sum_get(void);

extern const struct mcu_sum_dsp mcu_sum_c;
extern const struct mcu_sum_dsp mcu_sum_sse41, mcu_sum_avx2; /* x86 */
extern const struct mcu_sum_dsp mcu_sum_neon;                /* arm64 */

#endif
