#include "mixer/dsp/resize.h"

static void shrink2(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w)
{
    const uint8_t *below = src + stride;
    for (int i = 0; i < w; i++)
        dst[i] = (uint8_t)((src[2 * i] + src[2 * i + 1] + below[2 * i] + below[2 * i + 1] + 2) >> 2);
}

static void shrink3(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w)
{
    for (int i = 0; i < w; i++) {
        int sum = 0;
        for (int row = 0; row < 3; row++) {
            const uint8_t *s = src + row * stride + 3 * (ptrdiff_t)i;
            sum += s[0] + s[1] + s[2];
        }
        /* 3641 / 2^15 is 1/9 closely enough that every sum up to 9 * 255 is rounded exactly. */
        dst[i] = (uint8_t)((sum * 3641 + (1 << 14)) >> 15);
    }
}

static void vertical(int16_t *mid, const uint8_t *src, ptrdiff_t stride, const int16_t *weights,
                     int rows, int w)
{
    for (int i = 0; i < w; i++) {
        int sum = 1 << (MCU_RESIZE_SHIFT - 1);
        for (int k = 0; k < rows; k++)
            sum += weights[k] * src[k * stride + i];
        mid[i] = (int16_t)(sum >> MCU_RESIZE_SHIFT);
    }
}

static void horizontal(uint8_t *dst, const int16_t *mid, const int32_t *start,
                       const int16_t *weights, int taps, int w)
{
    for (int i = 0; i < w; i++) {
        const int16_t *m = mid + start[i];
        const int16_t *k = weights + (ptrdiff_t)i * taps;
        int sum = 1 << 20; /* Q14 * Q7, rounded */
        for (int t = 0; t < taps; t++)
            sum += k[t] * m[t];
        dst[i] = (uint8_t)(sum >> 21);
    }
}

const struct mcu_resize_dsp mcu_resize_c = { shrink2, shrink3, vertical, horizontal };
