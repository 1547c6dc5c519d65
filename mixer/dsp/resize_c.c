#include "mixer/dsp/resize.h"

/* `ratio` is known to the compiler, so that no loop and no branch is left of these. */
static inline int row_of(const uint8_t *s, int ratio)
{
    return s[0] + s[1] + (ratio > 2 ? s[2] : 0) + (ratio > 3 ? s[3] : 0) + (ratio > 4 ? s[4] : 0);
}

static inline int block(const uint8_t *s, ptrdiff_t stride, int ratio)
{
    int sum = row_of(s, ratio) + row_of(s + stride, ratio);
    if (ratio > 2)
        sum += row_of(s + 2 * stride, ratio);
    if (ratio > 3)
        sum += row_of(s + 3 * stride, ratio);
    return ratio > 4 ? sum + row_of(s + 4 * stride, ratio) : sum;
}

static void shrink2(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w, int16_t *sums)
{
    for (int i = 0; i < w; i++)
        dst[i] = (uint8_t)((block(src + 2 * (ptrdiff_t)i, stride, 2) + 2) >> 2);
}

static void shrink3(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w, int16_t *sums)
{
    for (int i = 0; i < w; i++) /* 3641 / 2^15 is 1/9 closely enough for sums up to 9 * 255 */
        dst[i] = (uint8_t)((block(src + 3 * (ptrdiff_t)i, stride, 3) * 3641 + (1 << 14)) >> 15);
}

static void shrink4(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w, int16_t *sums)
{
    for (int i = 0; i < w; i++)
        dst[i] = (uint8_t)((block(src + 4 * (ptrdiff_t)i, stride, 4) + 8) >> 4);
}

static void shrink5(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w, int16_t *sums)
{
    for (int i = 0; i < w; i++) /* 20972 / 2^19 is 1/25 closely enough for sums up to 25 * 255 */
        dst[i] = (uint8_t)(((block(src + 5 * (ptrdiff_t)i, stride, 5) + 12) * 20972) >> 19);
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

const struct mcu_resize_dsp mcu_resize_c = {
    shrink2, shrink3, shrink4, shrink5, vertical, horizontal
};
