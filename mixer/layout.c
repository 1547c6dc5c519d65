#include "mixer/layout.h"

#include <stdint.h>
#include <stdlib.h>

#include "mixer/base/util.h"

static int even_down(int n)
{
    return n & ~1;
}

/* A canvas cut into cells of its own aspect, and the block of them that is used, centred. */
struct cells {
    int w, h;   /* of one cell */
    int x0, y0; /* of the block */
};

static struct cells cut(int canvas_w, int canvas_h, int side, int cols, int rows)
{
    struct cells c = { .w = even_down(canvas_w / side), .h = even_down(canvas_h / side) };
    c.x0 = even_down((canvas_w - cols * c.w) / 2);
    c.y0 = even_down((canvas_h - rows * c.h) / 2);
    return c;
}

/* Rows of `cols` cells below y0; the last, shorter one is centred. Returns the number placed. */
static int place_rows(struct cells c, int cols, int n, struct mcu_rect *tiles)
{
    for (int i = 0; i < n; i++) {
        int row = i / cols;
        int in_row = mcu_min(cols, n - row * cols);
        int indent = even_down((cols - in_row) * c.w / 2);
        tiles[i] = (struct mcu_rect){ c.x0 + indent + (i % cols) * c.w, c.y0 + row * c.h, c.w, c.h };
    }
    return n;
}

static int place_grid(int n, int canvas_w, int canvas_h, struct mcu_rect *tiles)
{
    int cols = 1;
    while (cols * cols < n)
        cols++;
    int rows = (n + cols - 1) / cols;
    struct cells c = cut(canvas_w, canvas_h, cols, cols, rows);
    return c.w < 2 || c.h < 2 ? 0 : place_rows(c, cols, n, tiles);
}

/* How a canvas of side x side cells is shared: the big tile takes big x big of them. Rows are
 * tried in order; the first with room for all is taken. */
struct speaker_plan {
    int side, big;
    int max_tiles;
};

static const struct speaker_plan speaker_plans[] = {
    { 4, 3, 4 }, /* beside only: the block is as high as the big tile */
    { 3, 2, 6 }, { 4, 3, 8 }, { 5, 4, 10 }, { 5, 3, 17 }, { 6, 4, 21 }, { 7, 5, 25 },
};

static const struct speaker_plan *plan_for(int n)
{
    const struct speaker_plan *p = speaker_plans;
    while (n > p->max_tiles)
        p++;
    return p;
}

/* The small ones: first the columns right of the big tile, then whole rows below it. */
static int place_speaker(int n, int canvas_w, int canvas_h, struct mcu_rect *tiles)
{
    const struct speaker_plan *p = plan_for(n);
    int beside_cols = p->side - p->big;
    int others = n - 1;
    int beside = mcu_min(others, beside_cols * p->big);
    int below = others - beside;
    int rows = p->big + (below + p->side - 1) / p->side;
    struct cells c = cut(canvas_w, canvas_h, p->side, p->side, rows);
    if (c.w < 2 || c.h < 2)
        return 0;
    tiles[0] = (struct mcu_rect){ c.x0, c.y0, p->big * c.w, p->big * c.h };
    struct cells right = c;
    right.x0 += p->big * c.w;
    int beside_rows = (beside + beside_cols - 1) / beside_cols;
    right.y0 += even_down((p->big - beside_rows) * c.h / 2);
    place_rows(right, beside_cols, beside, tiles + 1);
    struct cells under = c;
    under.y0 += p->big * c.h;
    place_rows(under, p->side, below, tiles + 1 + beside);
    return n;
}

const char *mcu_layout_name(enum mcu_layout_kind kind)
{
    return kind == MCU_LAYOUT_SPEAKER ? "speaker" : "grid";
}

int mcu_layout_place(enum mcu_layout_kind kind, int wanted, int canvas_w, int canvas_h,
                     struct mcu_rect tiles[MCU_LAYOUT_MAX_TILES])
{
    int n = mcu_clamp(wanted, 0, MCU_LAYOUT_MAX_TILES);
    if (n == 0)
        return 0;
    if (kind == MCU_LAYOUT_SPEAKER && n > 1)
        return place_speaker(n, canvas_w, canvas_h, tiles);
    return place_grid(n, canvas_w, canvas_h, tiles);
}

/* a * b / c to the nearest even number, from 2 to max. */
static int even_part(int a, int b, int c, int max)
{
    int64_t twice = ((int64_t)a * b + c) / (2 * (int64_t)c);
    return (int)(twice * 2 > max ? even_down(max) : twice < 1 ? 2 : twice * 2);
}

struct mcu_rect mcu_layout_fit(struct mcu_rect tile, int src_w, int src_h)
{
    struct mcu_rect r = tile;
    if (src_w < 1 || src_h < 1)
        return r;
    if ((int64_t)src_w * tile.h > (int64_t)src_h * tile.w)
        r.h = even_part(tile.w, src_h, src_w, tile.h);
    else
        r.w = even_part(tile.h, src_w, src_h, tile.w);
    r.x += even_down((tile.w - r.w) / 2);
    r.y += even_down((tile.h - r.h) / 2);
    return r;
}

/* The sides that shrink to a tile's by a ratio that has a kernel of its own, where they differ from
 * the crop's by at most 1 % of the source: a sliver for several times the speed, and shape kept. */
static void snap(struct mcu_rect *r, int src_w, int src_h, int tile_w, int tile_h)
{
    static const int halves[] = { 2, 3, 4, 6, 8, 10 };
    for (size_t i = 0; i < MCU_ARRAY_LEN(halves); i++) {
        int64_t w = (int64_t)tile_w * halves[i] / 2, h = (int64_t)tile_h * halves[i] / 2;
        if (w > src_w || h > src_h || 100 * llabs(w - r->w) > src_w ||
            100 * llabs(h - r->h) > src_h)
            continue;
        r->w = (int)w;
        r->h = (int)h;
        return;
    }
}

struct mcu_rect mcu_layout_crop(int src_w, int src_h, int tile_w, int tile_h)
{
    struct mcu_rect r = { 0, 0, even_down(src_w), even_down(src_h) };
    if (tile_w < 1 || tile_h < 1)
        return r;
    if ((int64_t)src_w * tile_h > (int64_t)src_h * tile_w)
        r.w = even_part(src_h, tile_w, tile_h, src_w);
    else
        r.h = even_part(src_w, tile_h, tile_w, src_h);
    if (!((tile_w | tile_h) & 1))
        snap(&r, src_w, src_h, tile_w, tile_h);
    r.x = even_down((src_w - r.w) / 2);
    r.y = even_down((src_h - r.h) / 2);
    return r;
}
