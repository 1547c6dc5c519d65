/* mixer/dsp/paint_lanes.h - the kernels of paint.h over lanes.h, for the file of each level to
 * include. What is left of a row after whole vectors goes to the C version, which gives the same
 * bits. Threads: any. */
#ifndef MCU_MIXER_DSP_PAINT_LANES_H
#define MCU_MIXER_DSP_PAINT_LANES_H

#include "mixer/dsp/lanes.h"
#include "mixer/dsp/paint.h"

#ifdef LANES

#define STEP (8 * LANES)

/* STEP 16-bit values, clipped, as bytes. */
static inline void store_bytes(uint8_t *p, lanes v)
{
    store_low_halves(p, pack16(v, v));
}

/* n / 255 to the nearest; n below 65408. */
static inline lanes div255(lanes n)
{
    n = add16(n, set16(128));
    return shr16(add16(n, shr16(n, 8)), 8);
}

static void mask(uint8_t *dst, const uint8_t *alpha, uint8_t value, int w)
{
    const lanes full = set16(255), colour = set16(value);
    int i = 0;
    for (; i + STEP <= w; i += STEP) {
        lanes a = load_wide(alpha + i);
        lanes kept = mul16(load_wide(dst + i), sub16(full, a));
        store_bytes(dst + i, div255(add16(kept, mul16(colour, a))));
    }
    mcu_paint_c.mask(dst + i, alpha + i, value, w - i);
}

static void over(uint8_t *dst, const uint8_t *colour, const uint8_t *alpha, int w)
{
    const lanes full = set16(255);
    int i = 0;
    for (; i + STEP <= w; i += STEP) {
        lanes rest = sub16(full, load_wide(alpha + i));
        lanes kept = div255(mul16(load_wide(dst + i), rest));
        store_bytes(dst + i, add16(load_wide(colour + i), kept));
    }
    mcu_paint_c.over(dst + i, colour + i, alpha + i, w - i);
}

static void level(uint8_t *dst, int mul, int add, int w)
{
    const lanes m = set16(mul), a = set16(add);
    int i = 0;
    for (; i + STEP <= w; i += STEP)
        store_bytes(dst + i, shr16(add16(mul16(load_wide(dst + i), m), a), 8));
    mcu_paint_c.level(dst + i, mul, add, w - i);
}

/* Two 16-bit weights, for pairs {a, b}. */
static inline lanes weights(int a, int b)
{
    return set32((int)((uint32_t)(uint16_t)a | (uint32_t)(uint16_t)b << 16));
}

/* (sum of pairs * weights + add) >> 13 of the low and high pairs, as STEP 16-bit values. */
static inline lanes map_pairs(lanes a, lanes b, lanes weight_ab, lanes c, lanes weight_c, lanes add)
{
    const lanes zero = set8(0);
    lanes lo = pairs16(zip_lo16(a, b), weight_ab), hi = pairs16(zip_hi16(a, b), weight_ab);
    lo = add32(lo, pairs16(zip_lo16(c, zero), weight_c));
    hi = add32(hi, pairs16(zip_hi16(c, zero), weight_c));
    return pack32(sra32(add32(lo, add), 13), sra32(add32(hi, add), 13));
}

static void map_luma(uint8_t *y, const uint8_t *u, const uint8_t *v,
                     const struct mcu_colour_map *map, int w)
{
    const lanes yu = weights(map->y[0], map->y[1]), only_v = weights(map->y[2], 0);
    const lanes add = set32(map->y_add);
    int i = 0;
    for (; i + STEP <= w; i += STEP) {
        lanes cu = load_twice(u + i / 2), cv = load_twice(v + i / 2);
        store_bytes(y + i, map_pairs(load_wide(y + i), cu, yu, cv, only_v, add));
    }
    mcu_paint_c.map_luma(y + i, u + i / 2, v + i / 2, map, w - i);
}

static void map_chroma(uint8_t *u, uint8_t *v, const struct mcu_colour_map *map, int w)
{
    const lanes to_u = weights(map->u[0], map->u[1]), to_v = weights(map->v[0], map->v[1]);
    const lanes add_u = set32(map->u_add), add_v = set32(map->v_add), zero = set8(0);
    int i = 0;
    for (; i + STEP <= w; i += STEP) {
        lanes cu = load_wide(u + i), cv = load_wide(v + i);
        store_bytes(u + i, map_pairs(cu, cv, to_u, zero, zero, add_u));
        store_bytes(v + i, map_pairs(cu, cv, to_v, zero, zero, add_v));
    }
    mcu_paint_c.map_chroma(u + i, v + i, map, w - i);
}

#endif
#endif
