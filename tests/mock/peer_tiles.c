#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"
#include "tests/mock/peer.h"
#include "tests/mock/peer_picture.h"

/* Where the callers' pictures stand: an even grid, or the server's own (fitted 16:9 pictures). */
static void place(struct peer_call *c)
{
    const struct peer_options *o = c->o;
    struct peer_eye *eye = &c->eye;
    struct mcu_rect rects[MCU_LAYOUT_MAX_TILES];
    int n = mcu_min(o->tiles_w * mcu_max(o->tiles_h, 1), PEER_MAX_TILES);
    if (!o->tiles_h)
        n = mcu_layout_place(MCU_LAYOUT_GRID, n, eye->width, eye->height, rects);
    for (int i = 0; i < n; i++) {
        struct mcu_rect r = { i % o->tiles_w * eye->width / o->tiles_w,
                              o->tiles_h ? i / o->tiles_w * eye->height / o->tiles_h : 0,
                              eye->width / o->tiles_w,
                              o->tiles_h ? eye->height / o->tiles_h : eye->height };
        struct peer_tile *t = &eye->tile[i];
        t->rect = mcu_layout_fit(o->tiles_h ? r : rects[i], o->width, o->height);
        t->bar_known = false;
    }
    eye->tiles = n;
}

static void look_for_movement(struct peer_eye *eye, struct peer_tile *t, const struct mcu_pic *pic,
                              int64_t now_ns)
{
    uint8_t row[64];
    int change = 0;
    peer_picture_bar(pic, t->rect, row);
    for (int i = 0; i < 64; i++)
        change += abs(row[i] - t->bar[i]) > 40;
    double still_ms = t->bar_known ? (double)(now_ns - t->moved_ns) / 1e6 : 0;
    if (still_ms > t->still_max_ms) {
        t->still_max_ms = still_ms;
        t->still_at_s = (double)(now_ns - eye->first_ns) / 1e9;
    }
    if (change < 2 && t->bar_known)
        return;
    t->still_count += still_ms > PEER_FREEZE_MS;
    t->still_sum_ms += still_ms > PEER_FREEZE_MS ? still_ms : 0;
    memcpy(t->bar, row, sizeof(row));
    t->bar_known = true;
    t->moved_ns = now_ns;
}

void peer_tiles_look(struct peer_call *c, const struct mcu_pic *pic, int64_t now_ns)
{
    struct peer_eye *eye = &c->eye;
    if (!c->o->tiles_w ||
        (c->o->until_s > 0 && now_ns - eye->first_ns > (int64_t)(c->o->until_s * 1e9)))
        return;
    if (!eye->tiles)
        place(c);
    bool steady = now_ns - eye->first_ns > (int64_t)(c->o->steady_s * 1e9);
    for (int i = 0; i < eye->tiles; i++) {
        struct peer_tile *t = &eye->tile[i];
        if (!steady) { /* callers still come, tiles still move */
            t->number = -1;
            continue;
        }
        look_for_movement(eye, t, pic, now_ns);
        if (eye->frames % 7) /* prime to the rates: not always in a flash */
            continue;
        peer_picture_colour(pic, t->rect, t->rgb[t->samples++ % PEER_MAX_LOOKS]);
        int number = peer_picture_read(pic, t->rect);
        if (number < 0)
            continue;
        t->readable++;
        t->number_changes += t->number >= 0 && number != t->number;
        t->number = number;
    }
}
