/* mixer/view.h - composes a layout on a canvas: three canvas buffers, each knowing what its tiles
 * show, so that a tick redraws stale tiles only.
 * Threads: new and free on the conference's loop; compose in one job at a time (the view's
 * strand). Canvases are released on any thread. */
#ifndef MCU_MIXER_VIEW_H
#define MCU_MIXER_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "mixer/base/picture.h"
#include "mixer/layout.h"
#include "mixer/png.h"

struct mcu_view;

struct mcu_view_config {
    int width, height;   /* even */
    bool crop;           /* fill the tiles; else letterbox */
    int border;          /* samples, drawn over the tile's edge; 0 to 8; even. Default 2 */
    bool plain;          /* square corners; else rounded, where there is a frame */
    bool names;          /* draw the names */
    bool fades;          /* changes dissolve (mixer/fade.h) by time_ns; else they are at once */
};

enum mcu_corner { MCU_TOP_LEFT, MCU_TOP_RIGHT, MCU_BOTTOM_LEFT, MCU_BOTTOM_RIGHT };

/* What one tile shows. Two ticks with equal contents cost nothing for this tile. */
struct mcu_tile {
    struct mcu_rect rect;
    const struct mcu_pic *pic; /* the newest picture, borrowed for the call; NULL: avatar */
    uint64_t pic_id;           /* changes with each new picture of any source; 0 with an avatar */
    bool grey;                 /* frozen source: last picture without colour, darkened */
    bool speaking;             /* active speaker: marked border */
    bool muted;                /* a muted microphone beside the name */
    bool hand;                 /* a raised hand in its upper corner */
    uint64_t who;              /* whose it is, for fades; 0: not known */
    const char *name;          /* UTF-8, borrowed for the call; may be empty */
};

struct mcu_view_stats {
    uint64_t composed, skipped; /* ticks */
    uint64_t tiles_drawn;       /* scaled or painted anew */
    uint64_t tiles_copied;      /* taken from the canvas composed before */
    uint64_t tiles_kept;        /* already on the canvas */
};

/* Returns 0, -EINVAL or -ENOMEM. */
int mcu_view_new(struct mcu_view **out, const struct mcu_view_config *config);
void mcu_view_free(struct mcu_view **view);

/* What lies in a corner of every canvas from now on, `percent` of it high (1 to 100) and at most half
 * as wide; NULL: nothing. Keeps a reference. The same again costs nothing; another one repaints each
 * canvas once. From the compose job, or before any. Returns 0, -EINVAL, or -ENOMEM: there is none then. */
int mcu_view_set_logo(struct mcu_view *view, struct mcu_image *image, enum mcu_corner corner,
                      int percent);

/* A large canvas may be drawn by two: where a tick has much to do, compose calls ask(arg), which may
 * have mcu_view_help called on any other thread, soon, late or never. Each then takes the next tile;
 * compose waits for no helper that has not begun. mcu_view_help may be called at any time until the view
 * is freed. The result is the same to the bit.
 * Two cores, otherwise idle, moving tiles of 1280x720, one and two jobs (bench_view split): on 720p
 * 9 tiles 0.86 and 0.57 ms, 16 1.54 and 0.74, 25 2.84 and 2.59; on 1080p 9 1.08 and 0.60, 16 8.65 and
 * 6.37, 25 14.6 and 11.6. */
void mcu_view_set_help(struct mcu_view *view, void (*ask)(void *arg), void *arg);
void mcu_view_help(struct mcu_view *view);

/* Composes tiles[n] (n up to 25; they do not overlap; what they leave free is background) into a
 * free canvas. With n = 0 the canvas shows `idle_text` (may be NULL) in its middle.
 * On 0, *out is a canvas with one reference and time_ns set; the buffer becomes free when it is
 * released. -EAGAIN: no free canvas, the tick is to be skipped. -EINVAL: too many
 * tiles, or one not even or not inside. -ENOMEM. */
int mcu_view_compose(struct mcu_view *view, const struct mcu_tile *tiles, int n,
                     const char *idle_text, int64_t time_ns, struct mcu_pic **out);

void mcu_view_get_stats(const struct mcu_view *view, struct mcu_view_stats *out);

#endif
