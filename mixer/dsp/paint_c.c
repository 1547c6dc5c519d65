#include "mixer/dsp/paint.h"

#include "mixer/base/util.h"

/* n / 255 to the nearest, exact for n up to 65535 - 128. */
static int div255(int n)
{
    n += 128;
    return (n + (n >> 8)) >> 8;
}

static void mask(uint8_t *dst, const uint8_t *alpha, uint8_t value, int w)
{
    for (int i = 0; i < w; i++)
        dst[i] = (uint8_t)div255(dst[i] * (255 - alpha[i]) + value * alpha[i]);
}

static void over(uint8_t *dst, const uint8_t *colour, const uint8_t *alpha, int w)
{
    for (int i = 0; i < w; i++)
        dst[i] = (uint8_t)mcu_min(colour[i] + div255(dst[i] * (255 - alpha[i])), 255);
}

static void level(uint8_t *dst, int mul, int add, int w)
{
    for (int i = 0; i < w; i++)
        dst[i] = (uint8_t)((dst[i] * mul + add) >> 8);
}

static void map_luma(uint8_t *y, const uint8_t *u, const uint8_t *v,
                     const struct mcu_colour_map *map, int w)
{
    for (int i = 0; i < w; i++) {
        int sum = map->y[0] * y[i] + map->y[1] * u[i / 2] + map->y[2] * v[i / 2] + map->y_add;
        y[i] = (uint8_t)mcu_clamp(sum >> 13, 0, 255);
    }
}

static void map_chroma(uint8_t *u, uint8_t *v, const struct mcu_colour_map *map, int w)
{
    for (int i = 0; i < w; i++) {
        int new_u = (map->u[0] * u[i] + map->u[1] * v[i] + map->u_add) >> 13;
        int new_v = (map->v[0] * u[i] + map->v[1] * v[i] + map->v_add) >> 13;
        u[i] = (uint8_t)mcu_clamp(new_u, 0, 255);
        v[i] = (uint8_t)mcu_clamp(new_v, 0, 255);
    }
}

const struct mcu_paint_dsp mcu_paint_c = { mask, over, level, map_luma, map_chroma };
