/* Kernels that draw: mixer/dsp/paint.h. Every width from 1 to 70 and some large ones, random and
 * extreme samples, and GUARD bytes before and behind each output that must stay. */
#include "tests/checkasm/checkasm_widths.h"

#include <string.h>

#include "mixer/base/util.h"
#include "mixer/dsp/cpu.h"
#include "mixer/dsp/paint.h"

static const struct mcu_paint_dsp *paint;

static uint8_t out_c[MAX_W + 2 * GUARD], out_simd[MAX_W + 2 * GUARD];

static void choose(void)
{
    paint = mcu_paint_choose(mcu_cpu_flags());
}

static void fill_outputs(void)
{
    fill_both(out_c, out_simd, sizeof(out_c));
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
            mcu_paint_c.mask(out_c + GUARD, alpha + MAX_W - w, value, w);
            paint->mask(out_simd + GUARD, alpha + MAX_W - w, value, w);
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
            mcu_paint_c.over(out_c + GUARD, colour + MAX_W - w, alpha + MAX_W - w, w);
            paint->over(out_simd + GUARD, colour + MAX_W - w, alpha + MAX_W - w, w);
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
            mcu_paint_c.level(out_c + GUARD, mul, add, w);
            paint->level(out_simd + GUARD, mul, add, w);
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
            mcu_paint_c.map_luma(out_c + GUARD, alpha + MAX_W - half, colour + MAX_W - half, &map, w);
            paint->map_luma(out_simd + GUARD, alpha + MAX_W - half, colour + MAX_W - half, &map, w);
            checkasm_equal("output", out_c, out_simd, sizeof(out_c));
        }
    }
}

static void check_map_chroma(void)
{
    static uint8_t other_c[MAX_W + 2 * GUARD],
        other_simd[MAX_W + 2 * GUARD];
    choose();
    FOR_WIDTHS(w) {
        for (int again = 0; again < 6; again++) {
            struct mcu_colour_map map = random_map();
            checkasm_fill(other_c, sizeof(other_c));
            memcpy(other_simd, other_c, sizeof(other_c));
            fill_outputs();
            mcu_paint_c.map_chroma(out_c + GUARD, other_c + GUARD, &map, w);
            paint->map_chroma(out_simd + GUARD, other_simd + GUARD, &map, w);
            checkasm_equal("U", out_c, out_simd, sizeof(out_c));
            checkasm_equal("V", other_c, other_simd, sizeof(other_c));
        }
    }
}

static void bench_over(void)
{
    choose();
    CHECKASM_BENCH("over 426", paint->over(out_c + GUARD, colour, alpha, 426));
}

static void bench_map(void)
{
    choose();
    struct mcu_colour_map map = random_map();
    CHECKASM_BENCH("map luma 426", paint->map_luma(out_c + GUARD, alpha, colour, &map, 426));
}

static void bench_mask(void)
{
    choose();
    CHECKASM_BENCH("mask 426", paint->mask(out_c, alpha, 77, 426));
}

static void bench_level(void)
{
    choose();
    CHECKASM_BENCH("level 426", paint->level(out_c, 141, 99, 426));
}

static void bench_map_chroma(void)
{
    choose();
    struct mcu_colour_map map = random_map();
    CHECKASM_BENCH("map chroma 213", paint->map_chroma(out_c, colour, &map, 213));
}

const struct checkasm_test checkasm_paint[] = {
    { "paint.mask", check_mask, bench_mask },
    { "paint.over", check_over, bench_over },
    { "paint.level", check_level, bench_level },
    { "paint.map_luma", check_map_luma, bench_map },
    { "paint.map_chroma", check_map_chroma, bench_map_chroma },
    { NULL, NULL, NULL },
};
