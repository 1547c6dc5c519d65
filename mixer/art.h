/* mixer/art.h - small drawings with smooth edges (plates, discs, frames, icons), made once and
 * drawn over pictures often.
 * Threads: an art or sprite belongs to one job at a time. */
#ifndef MCU_MIXER_ART_H
#define MCU_MIXER_ART_H

#include <stdint.h>

#include "mixer/base/picture.h"
#include "mixer/dsp/paint.h"
#include "mixer/layout.h"
#include "mixer/text.h"

struct mcu_rgb {
    float r, g, b; /* 0 to 1, as displayed (gamma applied) */
};

/* "0xrrggbb" as a colour, and a mix of two (0: all a, 1: all b). */
struct mcu_rgb mcu_rgb_hex(uint32_t rrggbb);
struct mcu_rgb mcu_rgb_mix(struct mcu_rgb a, struct mcu_rgb b, float part);

/* The colour as samples Y, U, V of limited range. */
void mcu_rgb_to_yuv(struct mcu_rgb c, enum mcu_matrix matrix, uint8_t yuv[3]);

/* A finished drawing: I420 with alpha, colour premultiplied; strides are w and w / 2. */
struct mcu_sprite {
    int w, h; /* even */
    uint8_t *colour[3];
    uint8_t *alpha[2]; /* for luma, for chroma */
};

/* A drawing being made; starts empty and clear. w, h: rounded up to even, at most 4096.
 * Returns 0, -EINVAL or -ENOMEM. */
struct mcu_art;
int mcu_art_new(struct mcu_art **out, int w, int h);
void mcu_art_free(struct mcu_art **art);

/* A box with rounded corners, in samples of the art; it may lie partly outside. */
struct mcu_box {
    float x, y, w, h, radius;
};

void mcu_art_fill(struct mcu_art *art, struct mcu_box box, struct mcu_rgb c, float opacity);
/* All that lies outside of the box. */
void mcu_art_surround(struct mcu_art *art, struct mcu_box box, struct mcu_rgb c, float opacity);
/* A line of this thickness just inside the box's edge. */
void mcu_art_outline(struct mcu_art *art, struct mcu_box box, float thickness, struct mcu_rgb c,
                     float opacity);
/* A straight line with round ends. */
void mcu_art_line(struct mcu_art *art, float x0, float y0, float x1, float y1, float thickness,
                  struct mcu_rgb c, float opacity);
/* A mask with its top left corner at x, y. */
void mcu_art_mask(struct mcu_art *art, const struct mcu_mask *mask, int x, int y, struct mcu_rgb c,
                  float opacity);

/* All of the art becomes these samples, 0xaarrggbb premultiplied, as many as it has. */
void mcu_art_argb(struct mcu_art *art, const uint32_t *argb);

/* Makes the sprite for pictures of limited range. Returns 0 or -ENOMEM. */
int mcu_art_finish(const struct mcu_art *art, enum mcu_matrix matrix, struct mcu_sprite *out);
void mcu_sprite_free(struct mcu_sprite *sprite);

/* Draws the part of a sprite over pic at x, y (all even); clipped to the picture. */
void mcu_sprite_draw(const struct mcu_sprite *sprite, struct mcu_rect part,
                     const struct mcu_paint_dsp *dsp, struct mcu_pic *pic, int x, int y);

#endif
