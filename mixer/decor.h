/* mixer/decor.h - what a view draws besides pictures: name plates, avatars, frames, a message;
 * and a cache of them, so that they are rendered again only when a name or a size changes.
 * Threads: a cache belongs to one job at a time. */
#ifndef MCU_MIXER_DECOR_H
#define MCU_MIXER_DECOR_H

#include <stdbool.h>
#include <stdint.h>

#include "mixer/art.h"

#define MCU_NAME_MAX 128 /* bytes of a name that are looked at */

struct mcu_decor;

/* One rendered thing. serial: never 0, of no other item; equal serials look the same. An empty
 * sprite (w = 0) means that there is nothing to draw. Valid until 90 other items were asked for. */
struct mcu_decor_item {
    uint64_t serial;
    struct mcu_sprite sprite;
};

/* Sprites are for pictures of this matrix, limited range. Returns 0 or -ENOMEM. */
int mcu_decor_new(struct mcu_decor **out, enum mcu_matrix matrix);
void mcu_decor_free(struct mcu_decor **decor);

/* The plate with a name and, when muted, a struck-out microphone, for a tile of this size; NULL:
 * memory is short (as with the others below). */
const struct mcu_decor_item *mcu_decor_label(struct mcu_decor *decor, const char *name, bool muted,
                                             int tile_w, int tile_h);

/* The disc with the initials, or with a figure where a name has none. Square. */
const struct mcu_decor_item *mcu_decor_avatar(struct mcu_decor *decor, const char *name,
                                              int diameter);

/* The four corners of a frame as one small frame of 2c x 2c, c = sprite.w / 2: background outside,
 * clear inside, and when `speaking` a bright ring. thickness: even. */
const struct mcu_decor_item *mcu_decor_frame(struct mcu_decor *decor, bool speaking, int thickness,
                                             int radius);

/* A raised hand on a dark disc. Square. */
const struct mcu_decor_item *mcu_decor_hand(struct mcu_decor *decor, int size);

/* One line of text for an empty canvas. */
const struct mcu_decor_item *mcu_decor_message(struct mcu_decor *decor, const char *text,
                                               int canvas_w, int canvas_h);

/* Colours that the view fills with. */
struct mcu_rgb mcu_decor_background(void);
struct mcu_rgb mcu_decor_bars(void);     /* beside a letterboxed picture */
struct mcu_rgb mcu_decor_speaking(void); /* the active speaker's frame */
struct mcu_rgb mcu_decor_backdrop(const char *name); /* behind an avatar */

#endif
