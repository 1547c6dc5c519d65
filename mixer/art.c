#include "mixer/art.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"

#define MAX_SIDE 4096

struct pixel {
    float r, g, b, a; /* premultiplied */
};

struct mcu_art {
    int w, h;
    struct pixel *pixels;
};

struct mcu_rgb mcu_rgb_hex(uint32_t rrggbb)
{
    return (struct mcu_rgb){ (float)(rrggbb >> 16 & 255) / 255.0f, (float)(rrggbb >> 8 & 255) / 255.0f,
                             (float)(rrggbb & 255) / 255.0f };
}

struct mcu_rgb mcu_rgb_mix(struct mcu_rgb a, struct mcu_rgb b, float part)
{
    return (struct mcu_rgb){ a.r + (b.r - a.r) * part, a.g + (b.g - a.g) * part,
                             a.b + (b.b - a.b) * part };
}

/* Limited range samples of a premultiplied pixel, each offset weighted by alpha as well
 * (ITU-R BT.601-7 2.5, BT.709-6 3). */
static void to_samples(struct pixel p, enum mcu_matrix matrix, float out[3])
{
    bool hd = matrix == MCU_MATRIX_BT709;
    float kr = hd ? 0.2126f : 0.299f, kb = hd ? 0.0722f : 0.114f;
    float y = kr * p.r + (1 - kr - kb) * p.g + kb * p.b;
    out[0] = 16 * p.a + 219 * y;
    out[1] = 128 * p.a + 224 * (p.b - y) / (2 * (1 - kb));
    out[2] = 128 * p.a + 224 * (p.r - y) / (2 * (1 - kr));
}

static uint8_t to_byte(float v)
{
    return (uint8_t)mcu_clamp((int)lrintf(v), 0, 255);
}

void mcu_rgb_to_yuv(struct mcu_rgb c, enum mcu_matrix matrix, uint8_t yuv[3])
{
    float s[3];
    to_samples((struct pixel){ c.r, c.g, c.b, 1 }, matrix, s);
    for (int i = 0; i < 3; i++)
        yuv[i] = to_byte(s[i]);
}

int mcu_art_new(struct mcu_art **out, int w, int h)
{
    w = (w + 1) & ~1;
    h = (h + 1) & ~1;
    if (w < 2 || h < 2 || w > MAX_SIDE || h > MAX_SIDE)
        return -EINVAL;
    struct mcu_art *art = calloc(1, sizeof(*art));
    struct pixel *pixels = calloc((size_t)w * (size_t)h, sizeof(*pixels));
    if (!art || !pixels) {
        free(art);
        free(pixels);
        return -ENOMEM;
    }
    *art = (struct mcu_art){ w, h, pixels };
    *out = art;
    return 0;
}

void mcu_art_free(struct mcu_art **ap)
{
    struct mcu_art *art = *ap;
    *ap = NULL;
    if (art)
        free(art->pixels);
    free(art);
}

static void lay(struct mcu_art *art, int x, int y, struct mcu_rgb c, float a)
{
    struct pixel *p = &art->pixels[(size_t)y * (size_t)art->w + (size_t)x];
    p->r = c.r * a + p->r * (1 - a);
    p->g = c.g * a + p->g * (1 - a);
    p->b = c.b * a + p->b * (1 - a);
    p->a = a + p->a * (1 - a);
}

/* Signed distance of a point to the box's edge: negative inside. */
static float distance(struct mcu_box b, float x, float y)
{
    float dx = fabsf(x - b.x - b.w / 2) - (b.w / 2 - b.radius);
    float dy = fabsf(y - b.y - b.h / 2) - (b.h / 2 - b.radius);
    return hypotf(fmaxf(dx, 0), fmaxf(dy, 0)) + fminf(fmaxf(dx, dy), 0) - b.radius;
}

/* An edge is smoothed over the width of one sample. */
static float cover(float d)
{
    return fminf(fmaxf(0.5f - d, 0), 1);
}

enum box_part { INSIDE, OUTSIDE, EDGE };

static void paint_box(struct mcu_art *art, struct mcu_box box, enum box_part part, float thickness,
                      struct mcu_rgb c, float opacity)
{
    for (int y = 0; y < art->h; y++) {
        for (int x = 0; x < art->w; x++) {
            float d = distance(box, (float)x + 0.5f, (float)y + 0.5f);
            if (part == OUTSIDE)
                d = -d;
            else if (part == EDGE)
                d = fabsf(d + thickness / 2) - thickness / 2;
            float a = cover(d) * opacity;
            if (a > 0)
                lay(art, x, y, c, a);
        }
    }
}

void mcu_art_fill(struct mcu_art *art, struct mcu_box box, struct mcu_rgb c, float opacity)
{
    paint_box(art, box, INSIDE, 0, c, opacity);
}

void mcu_art_surround(struct mcu_art *art, struct mcu_box box, struct mcu_rgb c, float opacity)
{
    paint_box(art, box, OUTSIDE, 0, c, opacity);
}

void mcu_art_outline(struct mcu_art *art, struct mcu_box box, float thickness, struct mcu_rgb c,
                     float opacity)
{
    paint_box(art, box, EDGE, thickness, c, opacity);
}

void mcu_art_line(struct mcu_art *art, float x0, float y0, float x1, float y1, float thickness,
                  struct mcu_rgb c, float opacity)
{
    float dx = x1 - x0, dy = y1 - y0, len2 = dx * dx + dy * dy;
    for (int y = 0; y < art->h; y++) {
        for (int x = 0; x < art->w; x++) {
            float px = (float)x + 0.5f - x0, py = (float)y + 0.5f - y0;
            float t = len2 > 0 ? fminf(fmaxf((px * dx + py * dy) / len2, 0), 1) : 0;
            float a = cover(hypotf(px - t * dx, py - t * dy) - thickness / 2) * opacity;
            if (a > 0)
                lay(art, x, y, c, a);
        }
    }
}

void mcu_art_mask(struct mcu_art *art, const struct mcu_mask *mask, int x, int y, struct mcu_rgb c,
                  float opacity)
{
    for (int row = mcu_max(0, -y); row < mask->height && row + y < art->h; row++) {
        const uint8_t *alpha = mask->alpha + (ptrdiff_t)row * mask->stride;
        for (int col = mcu_max(0, -x); col < mask->width && col + x < art->w; col++)
            if (alpha[col])
                lay(art, col + x, row + y, c, (float)alpha[col] / 255.0f * opacity);
    }
}

void mcu_art_argb(struct mcu_art *art, const uint32_t *argb)
{
    size_t n = (size_t)art->w * (size_t)art->h;
    for (size_t i = 0; i < n; i++)
        art->pixels[i] = (struct pixel){ (float)(argb[i] >> 16 & 255) / 255.0f,
                                         (float)(argb[i] >> 8 & 255) / 255.0f,
                                         (float)(argb[i] & 255) / 255.0f,
                                         (float)(argb[i] >> 24) / 255.0f };
}

static const struct pixel *pixel_at(const struct mcu_art *art, int x, int y)
{
    return &art->pixels[(size_t)y * (size_t)art->w + (size_t)x];
}

static void finish_luma(const struct mcu_art *art, enum mcu_matrix matrix, struct mcu_sprite *s)
{
    size_t n = (size_t)art->w * (size_t)art->h;
    for (size_t i = 0; i < n; i++) {
        float yuv[3];
        to_samples(art->pixels[i], matrix, yuv);
        s->colour[0][i] = to_byte(yuv[0]);
        s->alpha[0][i] = to_byte(art->pixels[i].a * 255);
    }
}

static void finish_chroma(const struct mcu_art *art, enum mcu_matrix matrix, struct mcu_sprite *s)
{
    size_t i = 0;
    for (int y = 0; y < art->h; y += 2) {
        for (int x = 0; x < art->w; x += 2, i++) {
            struct pixel sum = { 0 };
            for (int k = 0; k < 4; k++) {
                const struct pixel *p = pixel_at(art, x + (k & 1), y + (k >> 1));
                sum.r += p->r / 4;
                sum.g += p->g / 4;
                sum.b += p->b / 4;
                sum.a += p->a / 4;
            }
            float yuv[3];
            to_samples(sum, matrix, yuv);
            s->colour[1][i] = to_byte(yuv[1]);
            s->colour[2][i] = to_byte(yuv[2]);
            s->alpha[1][i] = to_byte(sum.a * 255);
        }
    }
}

int mcu_art_finish(const struct mcu_art *art, enum mcu_matrix matrix, struct mcu_sprite *out)
{
    size_t luma = (size_t)art->w * (size_t)art->h, chroma = luma / 4;
    uint8_t *p = malloc(2 * luma + 3 * chroma);
    if (!p)
        return -ENOMEM;
    *out = (struct mcu_sprite){
        .w = art->w,
        .h = art->h,
        .colour = { p, p + 2 * luma, p + 2 * luma + chroma },
        .alpha = { p + luma, p + 2 * luma + 2 * chroma },
    };
    finish_luma(art, matrix, out);
    finish_chroma(art, matrix, out);
    return 0;
}

void mcu_sprite_free(struct mcu_sprite *sprite)
{
    free(sprite->colour[0]);
    *sprite = (struct mcu_sprite){ 0 };
}

static void draw_plane(const struct mcu_sprite *s, int i, struct mcu_rect part,
                       const struct mcu_paint_dsp *dsp, struct mcu_pic *pic, int x, int y)
{
    int half = i ? 1 : 0;
    ptrdiff_t sprite_stride = s->w >> half;
    for (int row = 0; row < part.h >> half; row++) {
        ptrdiff_t from = ((part.y >> half) + row) * sprite_stride + (part.x >> half);
        ptrdiff_t to = (ptrdiff_t)((y >> half) + row) * pic->stride[i] + (x >> half);
        dsp->over(pic->plane[i] + to, s->colour[i] + from, s->alpha[half] + from, part.w >> half);
    }
}

void mcu_sprite_draw(const struct mcu_sprite *sprite, struct mcu_rect part,
                     const struct mcu_paint_dsp *dsp, struct mcu_pic *pic, int x, int y)
{
    int left = mcu_max(0, -x), top = mcu_max(0, -y);
    part = (struct mcu_rect){ part.x + left, part.y + top, part.w - left, part.h - top };
    x += left;
    y += top;
    part.w = mcu_min(part.w, mcu_min(sprite->w - part.x, pic->width - x)) & ~1;
    part.h = mcu_min(part.h, mcu_min(sprite->h - part.y, pic->height - y)) & ~1;
    if (part.w <= 0 || part.h <= 0)
        return;
    for (int i = 0; i < 3; i++)
        draw_plane(sprite, i, part, dsp, pic, x, y);
}
