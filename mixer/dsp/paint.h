/* mixer/dsp/paint.h - rows of samples drawn over, darkened, and brought to other colour codings.
 * Threads: any; no state. All versions give the same bits and write w samples and no more.
 * Filling with one value is memset's work. */
#ifndef MCU_MIXER_DSP_PAINT_H
#define MCU_MIXER_DSP_PAINT_H

#include <stdint.h>

/* Y' = (y[0] Y + y[1] U + y[2] V + y_add) >> 13, and so on, clipped to 0 to 255. Weights are Q13
 * and fit 16 bits; the adds hold the offsets of both codings and half a unit. */
struct mcu_colour_map {
    int16_t y[3], u[2], v[2]; /* u and v: weights of U and V */
    int32_t y_add, u_add, v_add;
};

struct mcu_paint_dsp {
    /* dst = (dst * (255 - alpha) + value * alpha) / 255, rounded. */
    void (*mask)(uint8_t *dst, const uint8_t *alpha, uint8_t value, int w);
    /* dst = colour + dst * (255 - alpha) / 255, rounded and clipped: colour is premultiplied. */
    void (*over)(uint8_t *dst, const uint8_t *colour, const uint8_t *alpha, int w);
    /* dst = (dst * mul + add) >> 8. mul: 0 to 256; dst * mul + add stays below 65536. */
    void (*level)(uint8_t *dst, int mul, int add, int w);
    /* Maps a row of luma in place; u and v are the unmapped chroma, (w + 1) / 2 samples. */
    void (*map_luma)(uint8_t *y, const uint8_t *u, const uint8_t *v,
                     const struct mcu_colour_map *map, int w);
    /* Maps a row of both chroma planes in place. */
    void (*map_chroma)(uint8_t *u, uint8_t *v, const struct mcu_colour_map *map, int w);
};

extern const struct mcu_paint_dsp mcu_paint_c;
extern const struct mcu_paint_dsp mcu_paint_sse41, mcu_paint_avx2; /* x86 */
extern const struct mcu_paint_dsp mcu_paint_neon;                  /* arm64 */

/* The best for these flags (enum mcu_cpu_flag). */
const struct mcu_paint_dsp *mcu_paint_choose(unsigned cpu_flags);

#endif
