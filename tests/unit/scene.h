/* tests/unit/scene.h - a synthetic picture like a conference canvas: 3x3 tiles, each a still,
 * textured background with a moving head, a blinking detail, a name bar and camera noise.
 * Deterministic: the same n gives the same picture. */
#ifndef MCU_TESTS_UNIT_SCENE_H
#define MCU_TESTS_UNIT_SCENE_H

#include <math.h>
#include <stdint.h>

#include "mixer/base/picture.h"

static inline uint32_t scene_hash(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7feb352dU;
    x ^= x >> 15;
    x *= 0x846ca68bU;
    return x ^ x >> 16;
}

/* Luma of one pixel of a tile, coordinates 0..1023 inside it. */
static inline int scene_luma(int u, int v, int tile, int n)
{
    int phase = (n * 5 + tile * 97) % 400;
    int cx = 512 + (phase < 200 ? phase - 100 : 300 - phase), cy = 480 + ((n + tile * 31) % 60);
    int dx = u - cx, dy = (v - cy) * 3 / 4;
    if (v > 920)
        return u / 24 % 3 ? 40 : 225; /* name bar */
    if (dx * dx + dy * dy < 250 * 250) {
        int mouth = dx * dx / 16 + (dy - 110) * (dy - 110) < 200 + (n * 7 + tile * 13) % 40 * 20;
        return mouth ? 60 : 150 + (dx + dy) / 12 + (int)(scene_hash((uint32_t)((dx >> 5) * 977 + (dy >> 5))) & 7);
    }
    return 70 + u / 16 + tile * 6 + (int)(scene_hash((uint32_t)((u >> 4) * 4099 + (v >> 4))) & 15);
}

static inline void scene_draw(struct mcu_pic *p, int n)
{
    int tw = (p->width + 2) / 3, th = (p->height + 2) / 3;
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            int tile = y / th * 3 + x / tw;
            int v = scene_luma(x % tw * 1024 / tw, y % th * 1024 / th, tile, n);
            int noise = (int)(scene_hash((uint32_t)(y * 8192 + x) ^ (uint32_t)n * 2654435761U) % 5) - 2;
            p->plane[0][y * p->stride[0] + x] = (uint8_t)(v + noise);
        }
    for (int i = 1; i < 3; i++)
        for (int y = 0; y < mcu_pic_plane_h(p, i); y++)
            for (int x = 0; x < mcu_pic_plane_w(p, i); x++)
                p->plane[i][y * p->stride[i] + x] =
                    (uint8_t)(128 + (i == 1 ? 1 : -1) * (((y * 6 / p->height) * 3 + x * 6 / p->width) * 4 - 16));
}

/* Luma PSNR in dB. */
static inline double scene_psnr(const struct mcu_pic *a, const struct mcu_pic *b)
{
    double sum = 0;
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++) {
            double d = a->plane[0][y * a->stride[0] + x] - b->plane[0][y * b->stride[0] + x];
            sum += d * d;
        }
    return sum == 0 ? 99 : 10 * log10(255.0 * 255 * a->width * a->height / sum);
}

#endif
