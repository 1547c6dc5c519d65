/* Kernels of pictures: mixer/dsp/resize.h and mixer/dsp/paint.h. Every width from 1 to 70 and some
 * large ones, random and extreme samples, and GUARD bytes behind each output that must stay. */
#include "tests/checkasm/checkasm.h"

#include <string.h>

#include "mixer/base/util.h"
#include "mixer/dsp/cpu.h"
#include "mixer/dsp/paint.h"
#include "mixer/dsp/resize.h"

#define GUARD    64
#define MAX_W    1300
#define ROWS     12
#define MAX_TAPS 40

static const struct mcu_resize_dsp *resize;
static const struct mcu_paint_dsp *paint;

/* Exactly as large as the widest read, so that a sanitizer sees a kernel that reads on. */
static uint8_t source[ROWS * 3 * MAX_W];
static int16_t sums[MCU_SHRINK_SUMS(5, MAX_W)];
static uint8_t out_c[MAX_W + GUARD], out_simd[MAX_W + GUARD];
static int16_t mid_c[MAX_W + GUARD], mid_simd[MAX_W + GUARD];

static void choose(void)
{
    resize = mcu_resize_choose(mcu_cpu_flags());
    paint = mcu_paint_choose(mcu_cpu_flags());
}

/* All of 1 to 70, then some large; 0 ends. */
static int next_width(int w)
{
    static const int large[] = { 127, 128, 213, 256, 320, 426, 427, 640, 1279, 1280, 1300 };
    if (w < 70)
        return w + 1;
    for (size_t i = 0; i < MCU_ARRAY_LEN(large); i++)
        if (large[i] > w)
            return large[i];
    return 0;
}

#define FOR_WIDTHS(w) for (int w = 1; w; w = next_width(w))

static void fill_outputs(void)
{
    checkasm_fill(out_c, sizeof(out_c));
    memcpy(out_simd, out_c, sizeof(out_c));
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
        shrink_of(&mcu_resize_c, ratio)(&mean, in, ratio, 1, sums);
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
            ptrdiff_t stride = (ptrdiff_t)ratio * w;
            uint8_t *src = source + sizeof(source) - (size_t)(ratio * stride); /* at its very end */
            checkasm_fill(source, sizeof(source));
            checkasm_fill(sums, sizeof(sums));
            fill_outputs();
            shrink_of(&mcu_resize_c, ratio)(out_c, src, stride, w, sums);
            shrink_of(resize, ratio)(out_simd, src, stride, w, sums);
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

/* Weights that sum to one, with all in one place now and then. */
static void fill_weights(int16_t *weights, int n)
{
    int left = MCU_RESIZE_ONE, all = checkasm_rnd() % 4 == 0;
    for (int k = 0; k < n; k++) {
        int part = k == n - 1 || all ? left : (int)(checkasm_rnd() % (uint32_t)(left + 1));
        weights[k] = (int16_t)part;
        left -= part;
    }
}

static void check_vertical(void)
{
    choose();
    FOR_WIDTHS(w) {
        for (int rows = 1; rows <= ROWS; rows++) {
            int16_t weights[ROWS];
            uint8_t *src = source + sizeof(source) - (size_t)(rows * w);
            checkasm_fill(source, sizeof(source));
            fill_weights(weights, rows);
            checkasm_fill(mid_c, sizeof(mid_c));
            memcpy(mid_simd, mid_c, sizeof(mid_c));
            mcu_resize_c.vertical(mid_c, src, w, weights, rows, w);
            resize->vertical(mid_simd, src, w, weights, rows, w);
            checkasm_equal("output", mid_c, mid_simd, sizeof(mid_c));
        }
    }
}

static void fill_mid(int16_t *mid, int n)
{
    unsigned kind = checkasm_rnd() % 4;
    for (int i = 0; i < n; i++)
        mid[i] = kind == 0 ? 255 << 7 : kind == 1 ? 0 : (int16_t)(checkasm_rnd() % 32641);
}

static void check_horizontal(void)
{
    static const int taps[] = { 4, 8, 16, MAX_TAPS };
    static int16_t weights[MAX_W * MAX_TAPS];
    static int32_t start[MAX_W];
    choose();
    FOR_WIDTHS(w) {
        for (size_t t = 0; t < MCU_ARRAY_LEN(taps); t++) {
            int16_t *mid = mid_c; /* inputs here; no output goes there */
            fill_mid(mid, MAX_W);
            for (int i = 0; i < w; i++) {
                start[i] = (int32_t)(checkasm_rnd() % (MAX_W - MAX_TAPS));
                fill_weights(weights + i * taps[t], taps[t]);
            }
            fill_outputs();
            mcu_resize_c.horizontal(out_c, mid, start, weights, taps[t], w);
            resize->horizontal(out_simd, mid, start, weights, taps[t], w);
            checkasm_equal("output", out_c, out_simd, sizeof(out_c));
        }
    }
}

static uint8_t alpha[MAX_W], colour[MAX_W];

static void check_mask(void)
{
    choose();
    FOR_WIDTHS(w) {
        for (int again = 0; again < 6; again++) {
            uint8_t value = again < 3 ? (uint8_t)(again * 127 + again / 2) : (uint8_t)checkasm_rnd();
            checkasm_fill(alpha, sizeof(alpha));
            fill_outputs();
            mcu_paint_c.mask(out_c, alpha + MAX_W - w, value, w);
            paint->mask(out_simd, alpha + MAX_W - w, value, w);
            checkasm_equal("output", out_c, out_simd, sizeof(out_c));
        }
    }
}

static void check_over(void)
{
    choose();
    FOR_WIDTHS(w) {
        for (int again = 0; again < 6; again++) {
            checkasm_fill(alpha, sizeof(alpha));
            checkasm_fill(colour, sizeof(colour));
            fill_outputs();
            mcu_paint_c.over(out_c, colour + MAX_W - w, alpha + MAX_W - w, w);
            paint->over(out_simd, colour + MAX_W - w, alpha + MAX_W - w, w);
            checkasm_equal("output", out_c, out_simd, sizeof(out_c));
        }
    }
}

static void check_level(void)
{
    choose();
    FOR_WIDTHS(w) {
        for (int again = 0; again < 6; again++) {
            int mul = again == 0 ? 256 : (int)(checkasm_rnd() % 257);
            int add = (int)(checkasm_rnd() % (uint32_t)(65536 - 255 * mul));
            fill_outputs();
            mcu_paint_c.level(out_c, mul, add, w);
            paint->level(out_simd, mul, add, w);
            checkasm_equal("output", out_c, out_simd, sizeof(out_c));
        }
    }
}

static struct mcu_colour_map random_map(void)
{
    struct mcu_colour_map m;
    int16_t *weights[] = { &m.y[0], &m.y[1], &m.y[2], &m.u[0], &m.u[1], &m.v[0], &m.v[1] };
    for (size_t i = 0; i < MCU_ARRAY_LEN(weights); i++)
        *weights[i] = (int16_t)((int)(checkasm_rnd() % 20001) - 10000);
    m.y_add = (int32_t)(checkasm_rnd() % 4000000) - 2000000;
    m.u_add = (int32_t)(checkasm_rnd() % 4000000) - 2000000;
    m.v_add = (int32_t)(checkasm_rnd() % 4000000) - 2000000;
    return m;
}

static void check_map_luma(void)
{
    choose();
    FOR_WIDTHS(w) {
        for (int again = 0; again < 6; again++) {
            struct mcu_colour_map map = random_map();
            int half = (w + 1) / 2;
            checkasm_fill(alpha, sizeof(alpha));
            checkasm_fill(colour, sizeof(colour));
            fill_outputs();
            mcu_paint_c.map_luma(out_c, alpha + MAX_W - half, colour + MAX_W - half, &map, w);
            paint->map_luma(out_simd, alpha + MAX_W - half, colour + MAX_W - half, &map, w);
            checkasm_equal("output", out_c, out_simd, sizeof(out_c));
        }
    }
}

static void check_map_chroma(void)
{
    static uint8_t other_c[MAX_W + GUARD], other_simd[MAX_W + GUARD];
    choose();
    FOR_WIDTHS(w) {
        for (int again = 0; again < 6; again++) {
            struct mcu_colour_map map = random_map();
            checkasm_fill(other_c, sizeof(other_c));
            memcpy(other_simd, other_c, sizeof(other_c));
            fill_outputs();
            mcu_paint_c.map_chroma(out_c, other_c, &map, w);
            paint->map_chroma(out_simd, other_simd, &map, w);
            checkasm_equal("U", out_c, out_simd, sizeof(out_c));
            checkasm_equal("V", other_c, other_simd, sizeof(other_c));
        }
    }
}

static void bench_shrink2(void)
{
    CHECKASM_BENCH("2:1 to 640, C", mcu_resize_c.shrink2(out_c, source, 1280, 640, sums));
    CHECKASM_BENCH("2:1 to 640", resize->shrink2(out_c, source, 1280, 640, sums));
}

static void bench_shrink3(void)
{
    CHECKASM_BENCH("3:1 to 426, C", mcu_resize_c.shrink3(out_c, source, 1278, 426, sums));
    CHECKASM_BENCH("3:1 to 426", resize->shrink3(out_c, source, 1278, 426, sums));
}

static void bench_shrink4(void)
{
    CHECKASM_BENCH("4:1 to 320, C", mcu_resize_c.shrink4(out_c, source, 1280, 320, sums));
    CHECKASM_BENCH("4:1 to 320", resize->shrink4(out_c, source, 1280, 320, sums));
}

static void bench_shrink5(void)
{
    CHECKASM_BENCH("5:1 to 256, C", mcu_resize_c.shrink5(out_c, source, 1280, 256, sums));
    CHECKASM_BENCH("5:1 to 256", resize->shrink5(out_c, source, 1280, 256, sums));
}

static void bench_vertical(void)
{
    static const int16_t weights[4] = { 4096, 4096, 4096, 4096 };
    CHECKASM_BENCH("4 rows of 1280, C",
                   mcu_resize_c.vertical(mid_c, source, 1280, weights, 4, 1280));
    CHECKASM_BENCH("4 rows of 1280", resize->vertical(mid_c, source, 1280, weights, 4, 1280));
}

static void bench_horizontal(void)
{
    static int16_t weights[426 * 8];
    static int32_t start[426];
    for (int i = 0; i < 426; i++) {
        start[i] = 3 * i;
        fill_weights(weights + 8 * i, 8);
    }
    CHECKASM_BENCH("4 taps to 426, C",
                   mcu_resize_c.horizontal(out_c, mid_c, start, weights, 4, 426));
    CHECKASM_BENCH("4 taps to 426", resize->horizontal(out_c, mid_c, start, weights, 4, 426));
    CHECKASM_BENCH("8 taps to 426, C",
                   mcu_resize_c.horizontal(out_c, mid_c, start, weights, 8, 426));
    CHECKASM_BENCH("8 taps to 426", resize->horizontal(out_c, mid_c, start, weights, 8, 426));
}

static void bench_over(void)
{
    CHECKASM_BENCH("over 426, C", mcu_paint_c.over(out_c, colour, alpha, 426));
    CHECKASM_BENCH("over 426", paint->over(out_c, colour, alpha, 426));
}

static void bench_map(void)
{
    struct mcu_colour_map map = random_map();
    CHECKASM_BENCH("map luma 426, C", mcu_paint_c.map_luma(out_c, alpha, colour, &map, 426));
    CHECKASM_BENCH("map luma 426", paint->map_luma(out_c, alpha, colour, &map, 426));
}

const struct checkasm_test checkasm_picture[] = {
    { "resize.shrink2", check_shrink2, bench_shrink2 },
    { "resize.shrink3", check_shrink3, bench_shrink3 },
    { "resize.shrink4", check_shrink4, bench_shrink4 },
    { "resize.shrink5", check_shrink5, bench_shrink5 },
    { "resize.vertical", check_vertical, bench_vertical },
    { "resize.horizontal", check_horizontal, bench_horizontal },
    { "paint.mask", check_mask, NULL },
    { "paint.over", check_over, bench_over },
    { "paint.level", check_level, NULL },
    { "paint.map_luma", check_map_luma, bench_map },
    { "paint.map_chroma", check_map_chroma, NULL },
    { NULL, NULL, NULL },
};
