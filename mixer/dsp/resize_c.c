#include "mixer/dsp/resize.h"

#include "mixer/base/util.h"

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

static void shrink2(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w)
{
    for (int i = 0; i < w; i++)
        dst[i] = (uint8_t)((block(src + 2 * (ptrdiff_t)i, stride, 2) + 2) >> 2);
}

/* 3641 / 2^15 is 1/9 closely enough for sums up to 9 * 255. */
static uint8_t ninth(int sum)
{
    return (uint8_t)((sum * 3641 + (1 << 14)) >> 15);
}

static void shrink3(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w)
{
    for (int i = 0; i < w; i++)
        dst[i] = ninth(block(src + 3 * (ptrdiff_t)i, stride, 3));
}

static void shrink4(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w)
{
    for (int i = 0; i < w; i++)
        dst[i] = (uint8_t)((block(src + 4 * (ptrdiff_t)i, stride, 4) + 8) >> 4);
}

static void shrink5(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w)
{
    for (int i = 0; i < w; i++) /* 20972 / 2^19 is 1/25 closely enough for sums up to 25 * 255 */
        dst[i] = (uint8_t)(((block(src + 5 * (ptrdiff_t)i, stride, 5) + 12) * 20972) >> 19);
}

/* Of three samples the outer one counts twice, the middle one once: (4, 2, 2, 1) / 9 of a square. */
static int corner(const uint8_t *s, ptrdiff_t right, ptrdiff_t down)
{
    return 4 * s[0] + 2 * s[right] + 2 * s[down] + s[right + down];
}

static void shrink3to2(uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t stride,
                       int w)
{
    for (int i = 0; i < w; i += 2, src += 3) {
        dst[i] = ninth(corner(src, 1, stride));
        dst[i + 1] = ninth(corner(src + 2, -1, stride));
        dst[dst_stride + i] = ninth(corner(src + 2 * stride, 1, -stride));
        dst[dst_stride + i + 1] = ninth(corner(src + 2 * stride + 2, -1, -stride));
    }
}

static void rows8(uint8_t *row, const uint8_t *src, ptrdiff_t stride, const uint8_t *weights,
                  int rows, int w, struct mcu_resize_ahead ahead)
{
    for (int i = 0; i < w; i++) {
        int sum = 0;
        for (int k = 0; k < rows; k++)
            sum += weights[k] * src[k * stride + i];
        row[i] = (uint8_t)((sum + 64) >> 7);
    }
}

static int prepare(struct mcu_resize_taps *t)
{
    return 0;
}

static int weighed(const uint8_t *row, const struct mcu_resize_taps *t, int i)
{
    const int16_t *k = t->weights + (ptrdiff_t)i * t->taps;
    int sum = 0;
    for (int n = 0; n < t->taps; n++)
        sum += k[n] * row[t->start[i] + n];
    return sum;
}

static void across8(uint8_t *dst, const uint8_t *row, const struct mcu_resize_taps *t,
                    struct mcu_resize_ahead ahead)
{
    for (int i = 0; i < t->w; i++)
        dst[i] = (uint8_t)((weighed(row, t, i) + 63) >> 7);
}

static void cubic_across(int16_t *row, const uint8_t *src, const struct mcu_resize_taps *t)
{
    for (int i = 0; i < t->w; i++)
        row[i] = (int16_t)(weighed(src, t, i) - 128 * MCU_RESIZE_BYTE);
}

static void cubic_down(uint8_t *dst, const int16_t *const rows[4], const int16_t *weights, int w)
{
    for (int i = 0; i < w; i++) {
        int sum = 32;
        for (int k = 0; k < 4; k++)
            sum += (rows[k][i] * weights[k] + (1 << 14)) >> 15;
        dst[i] = (uint8_t)(mcu_clamp(sum >> 6, -128, 127) + 128);
    }
}

static void rows16(int16_t *mid, const uint8_t *src, ptrdiff_t stride, const int16_t *weights,
                   int rows, int w)
{
    const int shift = 14 - MCU_RESIZE_Q;
    for (int i = 0; i < w; i++) {
        int sum = 1 << (shift - 1);
        for (int k = 0; k < rows; k++)
            sum += weights[k] * src[k * stride + i];
        mid[i] = (int16_t)(sum >> shift);
    }
}

static void across16(uint8_t *dst, const int16_t *mid, const struct mcu_resize_taps *t)
{
    const int shift = 14 + MCU_RESIZE_Q;
    for (int i = 0; i < t->w; i++) {
        const int16_t *m = mid + t->start[i];
        const int16_t *k = t->weights + (ptrdiff_t)i * t->taps;
        int sum = 1 << (shift - 1);
        for (int n = 0; n < t->taps; n++)
            sum += k[n] * m[n];
        dst[i] = (uint8_t)mcu_clamp(sum >> shift, 0, 255);
    }
}

const struct mcu_resize_dsp mcu_resize_c = {
    shrink2, shrink3, shrink4, shrink5, shrink3to2, rows8, prepare, prepare, across8,
    cubic_across, cubic_down, rows16, across16
};
