#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mixer/base/util.h"
#include "mixer/dsp/cpu.h"
#include "mixer/scale.h"

static struct mcu_pic *new_pic(int w, int h)
{
    struct mcu_pic *p = NULL;
    assert_int_equal(mcu_pic_new(&p, w, h), 0);
    mcu_pic_fill(p, 77, 99, 111);
    return p;
}

static uint32_t rnd_state = 99;

static uint32_t rnd(void)
{
    rnd_state = rnd_state * 1664525 + 1013904223;
    return rnd_state >> 8;
}

/* Waves of several sizes and noise: something at every frequency. */
static void paint(struct mcu_pic *p)
{
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < mcu_pic_plane_h(p, i); y++)
            for (int x = 0; x < mcu_pic_plane_w(p, i); x++) {
                double v = 128 + 50 * sin(x * 0.05 + i) + 30 * sin(y * 0.21) + 20 * sin(x * y * 0.001);
                p->plane[i][y * p->stride[i] + x] =
                    (uint8_t)mcu_clamp((int)v + (int)(rnd() % 41) - 20, 0, 255);
            }
}

/* The cubic of Catmull and Rom at distance d. */
static double cubic(double d)
{
    d = fabs(d);
    if (d >= 2)
        return 0;
    return d < 1 ? 1.5 * d * d * d - 2.5 * d * d + 1 : -0.5 * d * d * d + 2.5 * d * d - 4 * d + 2;
}

/* Weight of input k, which may lie beyond an end, in output i: area when shrinking, else cubic. */
static double weight(int src, int dst, int i, int k)
{
    double ratio = (double)src / dst;
    if (src >= dst) {
        double lo = fmax(i * ratio, k), hi = fmin((i + 1) * ratio, k + 1);
        return hi > lo ? (hi - lo) / ratio : 0;
    }
    return cubic((i + 0.5) * ratio - 0.5 - k);
}

static void window(int src, int dst, int i, int *first, int *last)
{
    double ratio = (double)src / dst;
    *first = (int)floor(i * ratio) - 3;
    *last = (int)ceil((i + 1) * ratio) + 3;
}

static double reference(const uint8_t *src, int stride, int src_w, int src_h, int dst_w, int dst_h,
                        int x, int y)
{
    int x0, x1, y0, y1;
    double sum = 0;
    window(src_w, dst_w, x, &x0, &x1);
    window(src_h, dst_h, y, &y0, &y1);
    for (int r = y0; r <= y1; r++) {
        double row = 0;
        for (int c = x0; c <= x1; c++)
            row += weight(src_w, dst_w, x, c) *
                   src[mcu_clamp(r, 0, src_h - 1) * stride + mcu_clamp(c, 0, src_w - 1)];
        sum += weight(src_h, dst_h, y, r) * row;
    }
    return fmin(fmax(sum, 0), 255);
}

/* PSNR in dB of a plane of dst against the reference in floating point. */
static double psnr(const struct mcu_pic *src, struct mcu_rect from, const struct mcu_pic *dst,
                   struct mcu_rect to, int i)
{
    int half = i ? 1 : 0;
    int sw = i ? (from.w + 1) / 2 : from.w, sh = i ? (from.h + 1) / 2 : from.h;
    const uint8_t *s = src->plane[i] + (from.y >> half) * src->stride[i] + (from.x >> half);
    const uint8_t *d = dst->plane[i] + (to.y >> half) * dst->stride[i] + (to.x >> half);
    double error = 0;
    for (int y = 0; y < to.h >> half; y++)
        for (int x = 0; x < to.w >> half; x++) {
            double want = reference(s, src->stride[i], sw, sh, to.w >> half, to.h >> half, x, y);
            error += pow(d[y * dst->stride[i] + x] - want, 2);
        }
    error /= (double)(to.w >> half) * (to.h >> half);
    return 10 * log10(255 * 255 / fmax(error, 1e-9));
}

static void check_size(int src_w, int src_h, int dst_w, int dst_h)
{
    struct mcu_scaler *s = NULL;
    struct mcu_pic *src = new_pic(src_w, src_h), *dst = new_pic(dst_w, dst_h);
    struct mcu_rect from = { 0, 0, src_w, src_h }, to = { 0, 0, dst_w, dst_h };
    assert_int_equal(mcu_scaler_new(&s), 0);
    paint(src);
    assert_int_equal(mcu_scaler_run(s, src, from, dst, to), 0);
    for (int i = 0; i < 3; i++)
        if (psnr(src, from, dst, to, i) < 50)
            fail_msg("%dx%d to %dx%d, plane %d: %.1f dB", src_w, src_h, dst_w, dst_h, i,
                     psnr(src, from, dst, to, i));
    mcu_scaler_free(&s);
    mcu_pic_unref(&src);
    mcu_pic_unref(&dst);
}

static void scale_agrees_with_floating_point(void **state)
{
    static const int sizes[][4] = {
        { 320, 180, 320, 180 }, { 640, 360, 320, 180 }, { 1278, 720, 426, 240 },
        { 1280, 720, 426, 240 }, { 640, 480, 426, 240 }, { 352, 288, 426, 240 },
        { 641, 361, 256, 144 }, { 176, 144, 640, 360 }, { 1920, 1080, 182, 102 },
        { 2, 2, 64, 36 }, { 3, 5, 20, 2 }, { 333, 7, 2, 50 }, { 2000, 9, 4, 4 },
        { 320, 180, 160, 360 }, { 320, 180, 640, 60 }, { 480, 270, 320, 180 },
        { 720, 480, 480, 320 }, { 1280, 720, 512, 288 }, { 1280, 720, 256, 144 },
        { 320, 180, 638, 358 }, { 640, 360, 1280, 720 }, { 1000, 40, 300, 40 }, { 90, 96, 60, 64 },
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(sizes); i++)
        check_size(sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3]);
}

/* Every ratio from 1:4 to 12:1 in small steps, in both directions at once and one at a time. */
static void scale_agrees_with_floating_point_at_any_ratio(void **state)
{
    for (int w = 40; w < 1800; w = w * 9 / 8 + 3)
        check_size(w, 1800 * 30 / w, 160, 90);
}

static void scale_whole(struct mcu_pic *src, struct mcu_pic *dst)
{
    struct mcu_scaler *s = NULL;
    struct mcu_rect from = { 0, 0, src->width, src->height }, to = { 0, 0, dst->width, dst->height };
    assert_int_equal(mcu_scaler_new(&s), 0);
    assert_int_equal(mcu_scaler_run(s, src, from, dst, to), 0);
    mcu_scaler_free(&s);
}

static void assert_same(const struct mcu_pic *a, const struct mcu_pic *b)
{
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < mcu_pic_plane_h(a, i); y++)
            assert_memory_equal(a->plane[i] + y * a->stride[i], b->plane[i] + y * b->stride[i],
                                (size_t)mcu_pic_plane_w(a, i));
}

static void scale_gives_the_same_bits_on_every_cpu(void **state)
{
    for (int n = 0; n < 60; n++) {
        const struct mcu_cpu_level *level;
        struct mcu_pic *src = new_pic(2 + (int)(rnd() % 300), 2 + (int)(rnd() % 200)), *first = NULL;
        int w = 2 + (int)(rnd() % 200) * 2, h = 2 + (int)(rnd() % 100) * 2;
        paint(src);
        src->full_range = n & 1;
        src->matrix = n & 2 ? MCU_MATRIX_BT709 : MCU_MATRIX_BT601;
        for (size_t k = 0; (level = mcu_cpu_level(k)) != NULL; k++) {
            struct mcu_pic *dst = new_pic(w, h);
            mcu_cpu_mask(level->flags);
            scale_whole(src, dst);
            if (!first)
                first = mcu_pic_ref(dst);
            assert_same(first, dst);
            mcu_pic_unref(&dst);
        }
        mcu_cpu_mask(~0u);
        mcu_pic_unref(&src);
        mcu_pic_unref(&first);
    }
}

static void scale_writes_its_rectangle_only(void **state)
{
    struct mcu_scaler *s = NULL;
    struct mcu_pic *src = new_pic(200, 100), *dst = new_pic(100, 80);
    struct mcu_rect from = { 20, 10, 120, 61 }, to = { 30, 20, 42, 24 };
    assert_int_equal(mcu_scaler_new(&s), 0);
    mcu_pic_fill(src, 200, 50, 60);
    assert_int_equal(mcu_scaler_run(s, src, from, dst, to), 0);
    for (int i = 0; i < 3; i++) {
        int half = i ? 1 : 0;
        static const uint8_t in[] = { 200, 50, 60 }, out[] = { 77, 99, 111 };
        for (int y = 0; y < 80 >> half; y++)
            for (int x = 0; x < 100 >> half; x++) {
                bool inside = x >= 30 >> half && x < 72 >> half && y >= 20 >> half && y < 44 >> half;
                assert_int_equal(dst->plane[i][y * dst->stride[i] + x], inside ? in[i] : out[i]);
            }
    }
    mcu_scaler_free(&s);
    mcu_pic_unref(&src);
    mcu_pic_unref(&dst);
}

static void scale_keeps_flat_colours_exactly(void **state)
{
    for (int value = 0; value < 256; value += 5) {
        struct mcu_scaler *s = NULL;
        struct mcu_pic *src = new_pic(123, 77), *dst = new_pic(64, 90);
        struct mcu_rect from = { 0, 0, 123, 77 }, to = { 0, 0, 64, 90 };
        assert_int_equal(mcu_scaler_new(&s), 0);
        mcu_pic_fill(src, (uint8_t)value, (uint8_t)(255 - value), (uint8_t)value);
        assert_int_equal(mcu_scaler_run(s, src, from, dst, to), 0);
        for (int x = 0; x < 64; x++)
            assert_int_equal(dst->plane[0][45 * dst->stride[0] + x], value);
        assert_int_equal(dst->plane[1][10], 255 - value);
        mcu_scaler_free(&s);
        mcu_pic_unref(&src);
        mcu_pic_unref(&dst);
    }
}

struct coding {
    enum mcu_matrix matrix;
    bool full;
};

/* R'G'B' (0 to 1) in a coding, by the definitions of BT.601 and BT.709. */
static void encode_rgb(const double rgb[3], struct coding c, double yuv[3])
{
    double kr = c.matrix == MCU_MATRIX_BT709 ? 0.2126 : 0.299;
    double kb = c.matrix == MCU_MATRIX_BT709 ? 0.0722 : 0.114;
    double y = kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2];
    yuv[0] = c.full ? 255 * y : 16 + 219 * y;
    yuv[1] = 128 + (c.full ? 255 : 224) * (rgb[2] - y) / 2 / (1 - kb);
    yuv[2] = 128 + (c.full ? 255 : 224) * (rgb[0] - y) / 2 / (1 - kr);
}

static void scale_brings_colours_to_the_canvas_coding(void **state)
{
    static const double colours[][3] = { { 0, 0, 0 }, { 1, 1, 1 }, { .9, .1, .1 }, { .1, .8, .2 },
                                         { .2, .2, .9 }, { .5, .5, .5 }, { .8, .7, .2 } };
    for (unsigned n = 0; n < 16 * MCU_ARRAY_LEN(colours); n++) {
        const double *rgb = colours[n / 16];
        struct coding a = { n & 1, n >> 1 & 1 }, b = { n >> 2 & 1, n >> 3 & 1 };
        double in[3], want[3];
        encode_rgb(rgb, a, in);
        encode_rgb(rgb, b, want);
        struct mcu_scaler *s = NULL;
        struct mcu_pic *src = new_pic(60, 40), *dst = new_pic(50, 30);
        struct mcu_rect from = { 0, 0, 60, 40 }, to = { 4, 2, 38, 20 };
        assert_int_equal(mcu_scaler_new(&s), 0);
        src->matrix = a.matrix;
        src->full_range = a.full;
        dst->matrix = b.matrix;
        dst->full_range = b.full;
        mcu_pic_fill(src, (uint8_t)lrint(in[0]), (uint8_t)lrint(fmin(in[1], 255)),
                     (uint8_t)lrint(fmin(in[2], 255)));
        assert_int_equal(mcu_scaler_run(s, src, from, dst, to), 0);
        for (int i = 0; i < 3; i++) {
            double got = dst->plane[i][10 * dst->stride[i] + 10];
            assert_true(fabs(got - want[i]) <= 2.0);
        }
        mcu_scaler_free(&s);
        mcu_pic_unref(&src);
        mcu_pic_unref(&dst);
    }
}

static void scale_refuses_rectangles_outside(void **state)
{
    static const struct mcu_rect bad[] = { { -2, 0, 10, 10 }, { 0, 0, 102, 10 }, { 92, 0, 10, 10 },
                                           { 1, 0, 10, 10 }, { 0, 0, 0, 10 }, { 0, 42, 10, 10 },
                                           { 0x7ffffffe, 0, 0x7ffffffe, 2 } };
    struct mcu_scaler *s = NULL;
    struct mcu_pic *src = new_pic(100, 50), *dst = new_pic(100, 50);
    struct mcu_rect good = { 0, 0, 10, 10 }, odd = { 0, 0, 11, 10 };
    assert_int_equal(mcu_scaler_new(&s), 0);
    for (size_t i = 0; i < MCU_ARRAY_LEN(bad); i++) {
        assert_int_equal(mcu_scaler_run(s, src, bad[i], dst, good), -EINVAL);
        assert_int_equal(mcu_scaler_run(s, src, good, dst, bad[i]), -EINVAL);
    }
    assert_int_equal(mcu_scaler_run(s, src, good, dst, odd), -EINVAL);
    assert_int_equal(mcu_scaler_run(s, src, odd, dst, good), 0);
    mcu_scaler_free(&s);
    mcu_pic_unref(&src);
    mcu_pic_unref(&dst);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scale_agrees_with_floating_point),
        cmocka_unit_test(scale_agrees_with_floating_point_at_any_ratio),
        cmocka_unit_test(scale_gives_the_same_bits_on_every_cpu),
        cmocka_unit_test(scale_writes_its_rectangle_only),
        cmocka_unit_test(scale_keeps_flat_colours_exactly),
        cmocka_unit_test(scale_brings_colours_to_the_canvas_coding),
        cmocka_unit_test(scale_refuses_rectangles_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
