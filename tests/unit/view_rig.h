/* tests/unit/view_rig.h - a view with one source, and what its canvases show. Include in one .c only. */
#ifndef MCU_TESTS_UNIT_VIEW_RIG_H
#define MCU_TESTS_UNIT_VIEW_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mixer/view.h"

#define WIDTH  640
#define HEIGHT 360

struct world {
    struct mcu_view *view;
    struct mcu_pic *source;
    struct mcu_tile tiles[MCU_LAYOUT_MAX_TILES];
    int n;
    int64_t time_ns; /* of the next canvas */
};

static inline void open_view_as(struct world *w, const struct mcu_view_config *config)
{
    memset(w, 0, sizeof(*w));
    w->time_ns = 42;
    assert_int_equal(mcu_view_new(&w->view, config), 0);
    assert_int_equal(mcu_pic_new(&w->source, 320, 180), 0);
    mcu_pic_fill(w->source, 180, 90, 170);
}

static inline void open_view(struct world *w, bool crop, int border, bool names)
{
    struct mcu_view_config config = {
        .width = WIDTH, .height = HEIGHT, .crop = crop, .border = border, .names = names
    };
    open_view_as(w, &config);
}

static inline void close_view(struct world *w)
{
    mcu_view_free(&w->view);
    mcu_pic_unref(&w->source);
}

/* A grid of n tiles that all show the source, with distinct ids and names. */
static inline void place(struct world *w, int n)
{
    static const char *const names[] = { "Ann", "Bob", "Cléo", "Dan" };
    struct mcu_rect rects[MCU_LAYOUT_MAX_TILES];
    w->n = mcu_layout_place(MCU_LAYOUT_GRID, n, WIDTH, HEIGHT, rects);
    for (int i = 0; i < w->n; i++)
        w->tiles[i] = (struct mcu_tile){ .rect = rects[i], .pic = w->source,
                                         .pic_id = (uint64_t)i + 1, .name = names[i % 4] };
}

static inline struct mcu_pic *compose(struct world *w)
{
    struct mcu_pic *canvas = NULL;
    assert_int_equal(mcu_view_compose(w->view, w->tiles, w->n, "Waiting", w->time_ns, &canvas), 0);
    return canvas;
}

static inline void compose_and_drop(struct world *w)
{
    struct mcu_pic *canvas = compose(w);
    mcu_pic_unref(&canvas);
}

/* Tiles drawn since the last call. */
static inline int drawn(struct world *w)
{
    static uint64_t before;
    struct mcu_view_stats s;
    mcu_view_get_stats(w->view, &s);
    int n = (int)(s.tiles_drawn - before);
    before = s.tiles_drawn;
    return n;
}

static inline int copied(struct world *w)
{
    static uint64_t before;
    struct mcu_view_stats s;
    mcu_view_get_stats(w->view, &s);
    int n = (int)(s.tiles_copied - before);
    before = s.tiles_copied;
    return n;
}

static inline int luma(const struct mcu_pic *p, int x, int y)
{
    return p->plane[0][y * p->stride[0] + x];
}

static inline int chroma(const struct mcu_pic *p, int plane, int x, int y)
{
    return p->plane[plane][y / 2 * p->stride[plane] + x / 2];
}

static inline uint32_t hash_rect(const struct mcu_pic *p, struct mcu_rect r)
{
    uint32_t h = 1;
    for (int y = r.y; y < r.y + r.h; y++)
        for (int x = r.x; x < r.x + r.w; x++)
            h = h * 31 + (uint32_t)(luma(p, x, y) * 65536 + chroma(p, 1, x, y) * 256 + chroma(p, 2, x, y));
    return h;
}

#endif
