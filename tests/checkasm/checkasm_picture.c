/* Kernels of pictures that change size: mixer/dsp/resize.h. Every width from 1 to 70 and some large
 * ones, random and extreme samples, odd strides, and GUARD bytes before and behind each output that
 * must stay. */
#include "tests/checkasm/checkasm_widths.h"

#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"
#include "mixer/dsp/cpu.h"
#include "mixer/dsp/resize.h"

#define MAX_ROWS 19
#define MAX_TAPS 40
#define PAD      37 /* of a stride */

static const struct mcu_resize_dsp *resize;

/* Inputs stand at its very end, so that a sanitizer sees a kernel that reads on. */
static uint8_t source[MAX_ROWS * (2 * MAX_W + PAD)];
static uint8_t out_c[2 * (MAX_W + PAD) + 2 * GUARD], out_simd[2 * (MAX_W + PAD) + 2 * GUARD];
static int16_t mid_c[MAX_W + 2 * GUARD], mid_simd[MAX_W + 2 * GUARD];

static void choose(void)
{
    resize = mcu_resize_choose(mcu_cpu_flags());
}

static void fill_outputs(void)
{
    fill_both(out_c, out_simd, sizeof(out_c));
}

/* The last `bytes` of the source, filled anew. */
static const uint8_t *fill_source(ptrdiff_t bytes)
{
    uint8_t *p = source + sizeof(source) - (size_t)bytes;
    checkasm_fill(p, (size_t)bytes);
    return p;
}

static mcu_shrink_fn *shrink_of(const struct mcu_resize_dsp *r, int ratio)
{
    mcu_shrink_fn *const fn[] = { [2] = r->shrink2, [3] = r->shrink3, [4] = r->shrink4,
                                  [5] = r->shrink5 };
    return fn[ratio];
}

/* Rounded exactly, whatever the sum. */
static void check_means(int ratio)
{
    for (int sum = 0, n = ratio * ratio; sum <= n * 255; sum++) {
        uint8_t in[25], mean;
        for (int k = 0; k < n; k++)
            in[k] = (uint8_t)(sum / n + (k < sum % n));
        shrink_of(&mcu_resize_c, ratio)(&mean, in, ratio, 1);
        if (mean != (2 * sum + n) / (2 * n))
            checkasm_fail("mean of sum %d is %d", sum, mean);
    }
}

static void check_shrink(int ratio)
{
    choose();
    check_means(ratio);
    FOR_WIDTHS(w) {
        for (int again = 0; again < 6; again++) {
            ptrdiff_t width = (ptrdiff_t)ratio * w, stride = width + (again & 1 ? PAD : 0);
            const uint8_t *src = fill_source((ratio - 1) * stride + width);
            fill_outputs();
            shrink_of(&mcu_resize_c, ratio)(out_c + GUARD, src, stride, w);
            shrink_of(resize, ratio)(out_simd + GUARD, src, stride, w);
            checkasm_equal("output", out_c, out_simd, sizeof(out_c));
        }
    }
}

static void check_shrink2(void)
{
    check_shrink(2);
}

static void check_shrink3(void)
{
    check_shrink(3);
}

static void check_shrink4(void)
{
    check_shrink(4);
}

static void check_shrink5(void)
{
    check_shrink(5);
}

static void check_shrink3to2(void)
{
    choose();
    FOR_WIDTHS(w) {
        if (w & 1)
            continue;
        for (int again = 0; again < 6; again++) {
            ptrdiff_t width = w / 2 * 3, pad = again & 1 ? PAD : 0;
            const uint8_t *src = fill_source(3 * width + 2 * pad);
            fill_outputs();
            mcu_resize_c.shrink3to2(out_c + GUARD, w + pad, src, width + pad, w);
            resize->shrink3to2(out_simd + GUARD, w + pad, src, width + pad, w);
            checkasm_equal("output", out_c, out_simd, sizeof(out_c));
        }
    }
}

/* Weights that sum to `one`, with all in one place now and then. */
static void fill_weights(int16_t *weights, int n, int one)
{
    int left = one, all = checkasm_rnd() % 4 == 0;
    for (int k = 0; k < n; k++) {
        int part = k == n - 1 || all ? left : (int)(checkasm_rnd() % (uint32_t)(left + 1));
        weights[k] = (int16_t)part;
        left -= part;
    }
}

/* As a cubic has them: the outer ones negative. */
static void make_cubic(int16_t *weights, int n, int one)
{
    if (n != 4)
        return;
    fill_weights(weights, 2, one);
    weights[3] = (int16_t)-(int)(checkasm_rnd() % (uint32_t)(one / 14));
    weights[2] = (int16_t)(weights[1] - weights[3] / 2);
    weights[1] = (int16_t)(weights[0] - weights[3] + weights[3] / 2);
    weights[0] = 0;
}

static void fill_mids(void)
{
    fill_both(mid_c, mid_simd, sizeof(mid_c));
}

/* Of no consequence, whatever it is. */
static struct mcu_resize_ahead ahead(void)
{
    return (struct mcu_resize_ahead){ (uintptr_t)source, (int)(checkasm_rnd() % 30) };
}

static void check_rows8(void)
{
    choose();
    FOR_WIDTHS(w) {
        for (int rows = 1; rows <= MCU_RESIZE_FEW; rows++) {
            int16_t parts[MCU_RESIZE_FEW];
            uint8_t weights[MCU_RESIZE_FEW] = { 0 };
            ptrdiff_t stride = w + (w & 1 ? PAD : 0);
            const uint8_t *src = fill_source((rows - 1) * stride + w);
            do /* all in one row is of one row alone */
                fill_weights(parts, rows, MCU_RESIZE_BYTE);
            while (rows > 1 && (parts[0] == MCU_RESIZE_BYTE || parts[rows - 1] == MCU_RESIZE_BYTE));
            for (int k = 0; k < rows; k++)
                weights[k] = (uint8_t)parts[k];
            fill_outputs();
            mcu_resize_c.rows8(out_c + GUARD, src, stride, weights, rows, w, ahead());
            resize->rows8(out_simd + GUARD, src, stride, weights, rows, w, ahead());
            checkasm_equal("output", out_c, out_simd, sizeof(out_c));
        }
    }
}

static void check_rows16(void)
{
    choose();
    FOR_WIDTHS(w) {
        for (int rows = 1; rows <= MAX_ROWS; rows++) {
            int16_t weights[MAX_ROWS];
            ptrdiff_t stride = w + (w & 1 ? PAD : 0);
            const uint8_t *src = fill_source((rows - 1) * stride + w);
            fill_weights(weights, rows, MCU_RESIZE_ONE);
            make_cubic(weights, rows, MCU_RESIZE_ONE);
            fill_mids();
            mcu_resize_c.rows16(mid_c + GUARD, src, stride, weights, rows, w);
            resize->rows16(mid_simd + GUARD, src, stride, weights, rows, w);
            checkasm_equal("output", mid_c, mid_simd, sizeof(mid_c));
        }
    }
}

static int16_t weight_room[MAX_W * MAX_TAPS];
static int32_t start_room[MAX_W];
static int16_t mid_room[5 * MAX_W + MAX_TAPS + MCU_RESIZE_SPARE];

static void fill_mid(void)
{
    unsigned kind = checkasm_rnd() % 4;
    const int white = 255 << MCU_RESIZE_Q;
    for (size_t i = 0; i < MCU_ARRAY_LEN(mid_room); i++)
        mid_room[i] = (int16_t)(kind == 0 ? white : kind == 1 ? 0 : (int)(checkasm_rnd() % white));
}

/* Outputs that lie `tenths` of a sample apart, of `used` taps. */
static struct mcu_resize_taps make_taps(int w, int used, int tenths)
{
    struct mcu_resize_taps t = { .w = w, .taps = used <= 4 ? 4 : (used + 7) & ~7,
                                 .start = start_room, .weights = weight_room };
    memset(weight_room, 0, sizeof(weight_room));
    for (int i = 0; i < w; i++) {
        start_room[i] = i * tenths / 10;
        fill_weights(weight_room + i * t.taps, used, MCU_RESIZE_ONE);
        if (used == 4 && tenths < 10)
            make_cubic(weight_room + i * t.taps, 4, MCU_RESIZE_ONE);
    }
    return t;
}

static void one_across16(int w, int used, int tenths)
{
    struct mcu_resize_taps t = make_taps(w, used, tenths);
    fill_mid();
    fill_outputs();
    mcu_resize_c.across16(out_c + GUARD, mid_room, &t);
    resize->across16(out_simd + GUARD, mid_room, &t);
    checkasm_equal("output", out_c, out_simd, sizeof(out_c));
}

static void check_across16(void)
{
    static const int tenths[] = { 3, 5, 9, 11, 15, 20, 21, 25, 31, 35, 38, 42, 50 };
    choose();
    FOR_WIDTHS(w) {
        for (size_t k = 0; k < MCU_ARRAY_LEN(tenths); k++)
            one_across16(w, tenths[k] < 10 ? 4 : (tenths[k] + 9) / 10 + 1, tenths[k]);
        one_across16(w, 13, 50);
        one_across16(w, MAX_TAPS, 50);
    }
}

/* As make_taps, but in Q7, and none lies behind the last of the row. */
static struct mcu_resize_taps make_near(int w, int used, int tenths)
{
    struct mcu_resize_taps t = { .w = w, .taps = used, .start = start_room, .weights = weight_room };
    t.src = (w - 1) * tenths / 10 + used;
    for (int i = 0; i < w; i++) {
        int16_t *weights = weight_room + i * used;
        start_room[i] = i * tenths / 10;
        fill_weights(weights, used, MCU_RESIZE_BYTE);
        if (tenths <= 10)
            make_cubic(weights, used, MCU_RESIZE_BYTE);
    }
    return t;
}

static void one_across8(int w, int used, int tenths)
{
    struct mcu_resize_taps t = make_near(w, used, tenths);
    const uint8_t *row = fill_source(t.src);
    fill_outputs();
    mcu_resize_c.across8(out_c + GUARD, row, &t, ahead());
    if (resize->prepare(&t) < 0)
        checkasm_fail("no memory");
    resize->across8(out_simd + GUARD, row, &t, ahead());
    checkasm_equal("output", out_c, out_simd, sizeof(out_c));
    free(t.own);
}

static void check_across8(void)
{
    static const int tenths[] = { 11, 13, 15, 19, 20, 21, 25, 31, 35, 37, 42, 50, 60, 75, 83, 100, 141 };
    choose();
    FOR_WIDTHS(w) {
        for (size_t k = 0; k < MCU_ARRAY_LEN(tenths); k++) {
            one_across8(w, (tenths[k] + 9) / 10, tenths[k]);
            one_across8(w, (tenths[k] + 9) / 10 + 1, tenths[k]);
        }
        one_across8(w, MCU_RESIZE_FEW, 150);
    }
}

#define ROW_ROOM ((MAX_W + 63) / 64 * 64)
static int16_t rows_c[4][ROW_ROOM + GUARD], rows_simd[4][ROW_ROOM + GUARD];

static void four_rows(const struct mcu_resize_dsp *r, const struct mcu_resize_taps *t,
                      int16_t rows[4][ROW_ROOM + GUARD], const uint8_t *src, uint8_t *dst,
                      const int16_t *weights)
{
    const int16_t *at[4] = { rows[0], rows[1], rows[2], rows[3] };
    for (int k = 0; k < 4; k++)
        r->cubic_across(rows[k], src + k * t->src, t);
    r->cubic_down(dst, at, weights, t->w);
}

/* Both passes: what lies between is in each version's own order, but ends where it should. */
static void one_cubic(int w, int used, int tenths)
{
    struct mcu_resize_taps t = make_near(w, used, tenths);
    if (t.src > w && w > used) { /* enlarging: the last window stands at the end of the row */
        for (int i = w - used + 1; i < w; i++)
            t.start[i] = w - used;
        t.src = w;
    }
    const uint8_t *src = fill_source(4 * (ptrdiff_t)t.src);
    int16_t weights[4];
    fill_weights(weights, 4, MCU_RESIZE_ONE);
    make_cubic(weights, 4, MCU_RESIZE_ONE);
    fill_outputs();
    checkasm_fill(rows_c, sizeof(rows_c));
    memcpy(rows_simd, rows_c, sizeof(rows_c));
    four_rows(&mcu_resize_c, &t, rows_c, src, out_c + GUARD, weights);
    if (resize->prepare_cubic(&t) < 0)
        checkasm_fail("no memory");
    four_rows(resize, &t, rows_simd, src, out_simd + GUARD, weights);
    checkasm_equal("output", out_c, out_simd, sizeof(out_c));
    for (int k = 0; k < 4; k++) {
        int end = (w + 63) / 64 * 64;
        checkasm_equal("rows between", rows_c[k] + end, rows_simd[k] + end,
                       (size_t)(ROW_ROOM + GUARD - end) * sizeof(int16_t));
    }
    free(t.own);
}

static void check_cubic(void)
{
    static const int tenths[] = { 1, 3, 5, 7, 9, 10 };
    choose();
    FOR_WIDTHS(w) {
        for (size_t k = 0; k < MCU_ARRAY_LEN(tenths); k++)
            for (int again = 0; again < 4; again++)
                one_cubic(w, 4, tenths[k]);
        one_cubic(w, 1, 10);
        one_cubic(w, 2, 5);
        one_cubic(w, 3, 5);
    }
}

static void bench_shrink2(void)
{
    choose();
    CHECKASM_BENCH("2:1 to 640", resize->shrink2(out_c, source, 1280, 640));
}

static void bench_shrink3(void)
{
    choose();
    CHECKASM_BENCH("3:1 to 426", resize->shrink3(out_c, source, 1280, 426));
}

static void bench_shrink4(void)
{
    choose();
    CHECKASM_BENCH("4:1 to 320", resize->shrink4(out_c, source, 1280, 320));
}

static void bench_shrink5(void)
{
    choose();
    CHECKASM_BENCH("5:1 to 256", resize->shrink5(out_c, source, 1280, 256));
}

static void bench_shrink3to2(void)
{
    choose();
    CHECKASM_BENCH("3:2 to 2 x 852", resize->shrink3to2(out_c, 852, source, 1280, 852));
}

static void bench_rows8(void)
{
    static const uint8_t weights[6] = { 21, 21, 22, 21, 21, 22 };
    choose();
    CHECKASM_BENCH("2 rows of 1280", resize->rows8(out_c, source, 1280, weights, 2, 1280, ahead()));
    CHECKASM_BENCH("3 rows of 1280", resize->rows8(out_c, source, 1280, weights, 3, 1280, ahead()));
    CHECKASM_BENCH("6 rows of 1280", resize->rows8(out_c, source, 1280, weights, 6, 1280, ahead()));
}

static void bench_rows16(void)
{
    static const int16_t weights[4] = { 4096, 4096, 4096, 4096 };
    choose();
    CHECKASM_BENCH("4 rows of 320", resize->rows16(mid_c, source, 1280, weights, 4, 320));
}

static void bench_near(const char *label, int w, int used, int tenths)
{
    struct mcu_resize_taps t = make_near(w, used, tenths);
    if (resize->prepare(&t) < 0)
        return;
    CHECKASM_BENCH(label, resize->across8(out_c, source, &t, ahead()));
    free(t.own);
}

static void bench_across8(void)
{
    choose();
    bench_near("1.3:1 to 960", 960, 2, 13);
    bench_near("1.6:1 to 640", 640, 3, 16);
    bench_near("2.5:1 to 512", 512, 4, 25);
    bench_near("3.5:1 to 366", 366, 5, 35);
    bench_near("7:1 to 182", 182, 8, 70);
}

static void bench_across16(void)
{
    choose();
    struct mcu_resize_taps t = make_taps(640, 4, 16);
    CHECKASM_BENCH("1.6:1 to 640", resize->across16(out_c, mid_room, &t));
}

static void bench_cubic(void)
{
    static const int16_t weights[4] = { -1152, 14208, 3712, -384 };
    const int16_t *rows[4] = { rows_c[0], rows_c[1], rows_c[2], rows_c[3] };
    choose();
    struct mcu_resize_taps t = make_near(1280, 4, 5);
    if (resize->prepare_cubic(&t) < 0)
        return;
    CHECKASM_BENCH("across, 640 to 1280", resize->cubic_across(rows_c[0], source, &t));
    CHECKASM_BENCH("down, of 1280", resize->cubic_down(out_c, rows, weights, 1280));
    free(t.own);
}

const struct checkasm_test checkasm_picture[] = {
    { "resize.shrink2", check_shrink2, bench_shrink2 },
    { "resize.shrink3", check_shrink3, bench_shrink3 },
    { "resize.shrink4", check_shrink4, bench_shrink4 },
    { "resize.shrink5", check_shrink5, bench_shrink5 },
    { "resize.shrink3to2", check_shrink3to2, bench_shrink3to2 },
    { "resize.rows8", check_rows8, bench_rows8 },
    { "resize.across8", check_across8, bench_across8 },
    { "resize.cubic", check_cubic, bench_cubic },
    { "resize.rows16", check_rows16, bench_rows16 },
    { "resize.across16", check_across16, bench_across16 },
    { NULL, NULL, NULL },
};
