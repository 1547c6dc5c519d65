/* codec/resample.h - 8 or 16 kHz to 48 kHz and back, for G.711 and G.722.
 * Own filter and not libswresample: the ratio is a whole number (6 or 3), so n samples in are
 * always exactly n * ratio out (or n / ratio), nothing allocates, a reset is a memset, and every
 * machine computes the same bits. One prototype low pass of 32 taps per phase, 60 dB, flat within 0.15 dB
 * up to 0.41 of the low rate, in its minimum phase form: the same gain, and the least delay that goes with
 * it, 0.25 ms (8 kHz; at 1 kHz, 0.5 at 3 kHz) or 0.11 ms (16 kHz) instead of 2 and 1 ms.
 * Raising has kernels of plain C, SSE2 and AVX2, with the same bits; the best is chosen at start.
 * Threads: a state belongs to its caller. */
#ifndef MCU_CODEC_RESAMPLE_H
#define MCU_CODEC_RESAMPLE_H

#include <stdint.h>

#define MCU_RESAMPLE_TAPS      32   /* per phase */
#define MCU_RESAMPLE_RATIO_MAX 6
#define MCU_RESAMPLE_CHUNK     160  /* low-rate samples worked on at once */

struct mcu_upsampler {
    int ratio;
    int16_t x[MCU_RESAMPLE_TAPS - 1 + MCU_RESAMPLE_CHUNK]; /* history, then the chunk */
};

struct mcu_downsampler {
    int ratio;
    int16_t x[MCU_RESAMPLE_RATIO_MAX * (MCU_RESAMPLE_TAPS + MCU_RESAMPLE_CHUNK)];
};

/* ratio: 3 or 6. Also reset. */
void mcu_upsampler_init(struct mcu_upsampler *up, int ratio);
void mcu_downsampler_init(struct mcu_downsampler *down, int ratio);

/* n samples in, n * ratio out. */
void mcu_upsample(struct mcu_upsampler *up, const int16_t *in, int n, int16_t *out);

/* For tests: raises with the best kernel up to this one from now on: 0 C, 1 SSE2, 2 AVX2. Returns which
 * that is. */
int mcu_upsample_use(int kernel);

/* n * ratio samples in, n out. */
void mcu_downsample(struct mcu_downsampler *down, const int16_t *in, int n, int16_t *out);

#endif
