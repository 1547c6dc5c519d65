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

/* Weight of input k in output i of n: area when shrinking, bilinear when enlarging. */
static double weight(int src, int dst, int i, int k)
{
    double ratio = (double)src / dst;
    if (src > dst) {
        double lo = fmax(i * ratio, k), hi = fmin((i + 1) * ratio, k + 1);
        return hi > lo ? (hi - lo) / ratio : 0;
    }
    double at = fmin(fmax((i + 0.5) * ratio - 0.5, 0), src - 1);
    return fmax(0, 1 - fabs(at - k));
}

static void window(int src, int dst, int i, int *first, int *last)
{
    double ratio = (double)src / dst;
    *first = mcu_max(0, (int)floor(i * ratio) - 1);
    *last = mcu_min(src - 1, (int)ceil((i + 1) * ratio) + 1);
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
            row += weight(src_w, dst_w, x, c) * src[r * stride + c];
        sum += weight(src_h, dst_h, y, r) * row;
    }
    return sum;
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
        { 320, 180, 160, 360 }, { 320, 180, 640, 60 },
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(sizes); i++)
        check_size(sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3]);
}

static void scale_gives_the_same_bits_on_every_cpu(void **state)
{
    for (int n = 0; n < 60; n++) {
        struct mcu_pic *src = new_pic(2 + (int)(rnd() % 300), 2 + (int)(rnd() % 200)), *dst[2];
        int w = 2 + (int)(rnd() % 200) * 2, h = 2 + (int)(rnd() % 100) * 2;
        struct mcu_rect from = { 0, 0, src->width, src->height }, to = { 0, 0, w, h };
        paint(src);
        src->full_range = n & 1;
        src->matrix = n & 2 ? MCU_MATRIX_BT709 : MCU_MATRIX_BT601;
        for (int k = 0; k < 2; k++) {
            struct mcu_scaler *s = NULL;
            mcu_cpu_mask(k ? ~0u : 0);
            assert_int_equal(mcu_scaler_new(&s), 0);
            dst[k] = new_pic(w, h);
            assert_int_equal(mcu_scaler_run(s, src, from, dst[k], to), 0);
            mcu_scaler_free(&s);
        }
        for (int i = 0; i < 3; i++)
            for (int y = 0; y < mcu_pic_plane_h(dst[0], i); y++)
                assert_memory_equal(dst[0]->plane[i] + y * dst[0]->stride[i],
                                    dst[1]->plane[i] + y * dst[1]->stride[i],
                                    (size_t)mcu_pic_plane_w(dst[0], i));
        mcu_pic_unref(&src);
        mcu_pic_unref(&dst[0]);
        mcu_pic_unref(&dst[1]);
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
        cmocka_unit_test(scale_gives_the_same_bits_on_every_cpu),
        cmocka_unit_test(scale_writes_its_rectangle_only),
        cmocka_unit_test(scale_keeps_flat_colours_exactly),
        cmocka_unit_test(scale_brings_colours_to_the_canvas_coding),
        cmocka_unit_test(scale_refuses_rectangles_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
