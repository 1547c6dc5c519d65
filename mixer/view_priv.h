/* mixer/view_priv.h - what the files of a view share:
 *   view.c       canvases, what each of them shows, what a tick must do
 *   view_draw.c  draws one tile; the logo */
#ifndef MCU_MIXER_VIEW_PRIV_H
#define MCU_MIXER_VIEW_PRIV_H

#include <stdatomic.h>

#include "mixer/art.h"
#include "mixer/base/share.h"
#include "mixer/decor.h"
#include "mixer/fade.h"
#include "mixer/scale.h"
#include "mixer/view.h"

/* The operator's logo as it lies on the canvas. serial: another with each change; 0: none. */
struct mcu_view_logo {
    struct mcu_image *image;
    enum mcu_corner corner;
    int percent;
    uint64_t serial;
    int x, y;
    struct mcu_sprite sprite;
};

/* The cached plates of a tile, looked up before anything is drawn; NULL: none. */
struct mcu_view_plates {
    const struct mcu_decor_item *label, *avatar, *hand, *frame;
};

/* What is left to be done of a tick, one tile after the other, by whoever comes: the compose job and,
 * where it asked, a helper. */
struct mcu_view_todo {
    int tile;
    const struct mcu_tile *what;
    const struct mcu_pic *copy; /* the canvas that it is taken from; NULL: it is drawn */
    struct mcu_view_plates plates;
    int fading;
};

struct mcu_view_work {
    struct mcu_view_todo todo[MCU_LAYOUT_MAX_TILES];
    int count;
    struct mcu_pic *pic;
    atomic_int error;
    struct mcu_share share;
};

struct mcu_view {
    struct mcu_view_config config;
    const struct mcu_paint_dsp *paint;
    struct mcu_decor *decor;
    enum mcu_matrix matrix;          /* of its canvases */
    struct mcu_view_logo logo;
    struct mcu_view_work work;
    struct mcu_fade *fade;           /* NULL: changes are at once */
    struct canvas_set *set;          /* view.c's */
    struct mcu_scaler *scaler[MCU_LAYOUT_MAX_TILES]; /* by tile, so that tables last */
    uint64_t turn;
    struct mcu_view_stats stats;
};

struct mcu_view_plates mcu_view_find_plates(struct mcu_view *v, const struct mcu_tile *tile);

/* Tile i with all that stands on it, its part of the logo included. Different tiles may be drawn on
 * several threads at a time. 0, -EINVAL or -ENOMEM. */
int mcu_view_draw_tile(const struct mcu_view *v, int i, const struct mcu_tile *tile,
                       struct mcu_view_plates plates, struct mcu_pic *pic);
/* The canvas with no tile on it. item: a message in its middle, or NULL. */
void mcu_view_draw_background(struct mcu_view *v, const struct mcu_decor_item *item,
                              struct mcu_pic *pic);
void mcu_view_free_logo(struct mcu_view *v);

static inline bool mcu_view_same_rect(struct mcu_rect a, struct mcu_rect b)
{
    return a.x == b.x && a.y == b.y && a.w == b.w && a.h == b.h;
}

#endif
