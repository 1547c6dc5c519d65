/* mixer/layout.h - where the tiles stand on a canvas. Pure geometry. Threads: any. */
#ifndef MCU_MIXER_LAYOUT_H
#define MCU_MIXER_LAYOUT_H

#define MCU_LAYOUT_MAX_TILES 25

enum mcu_layout_kind {
    MCU_LAYOUT_GRID,   /* equal tiles: 1, 2 side by side, 2x2, 3x2, 3x3, 4x3, 4x4, ... 5x5 */
    MCU_LAYOUT_SPEAKER, /* tile 0 big, the others small along its right side and below */
    MCU_LAYOUT_KINDS
};

struct mcu_rect {
    int x, y, w, h; /* luma samples; on a canvas all even, so that chroma lands on whole samples */
};

/* "grid", "speaker". */
const char *mcu_layout_name(enum mcu_layout_kind kind);

/* Places `wanted` tiles (0 to 25; more are cut) on a canvas of even width and height. Tiles do not
 * overlap, stay inside, keep about the canvas's aspect, and fill it as well as their number lets
 * them; the last, shorter row of a grid is centred. On 1280x720 a 3x3 grid has tiles within two
 * samples of 426x240. Returns the number placed. */
int mcu_layout_place(enum mcu_layout_kind kind, int wanted, int canvas_w, int canvas_h,
                     struct mcu_rect tiles[MCU_LAYOUT_MAX_TILES]);

/* The part of a tile that a source of the given size covers when fitted (letterboxed) inside it;
 * even. */
struct mcu_rect mcu_layout_fit(struct mcu_rect tile, int src_w, int src_h);

/* The part of a source that is shown when it fills (is cropped to) a tile. Up to 1 % more of the
 * source is cut where the rest then shrinks by exactly 1, 3:2, 2, 3, 4 or 5 in both directions. x and
 * y are even, width and height too but for 3:2 of a tile (639 samples become 426). */
struct mcu_rect mcu_layout_crop(int src_w, int src_h, int tile_w, int tile_h);

#endif
