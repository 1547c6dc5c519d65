/* Draws one tile of a view: picture or avatar, name, hand, frame; and the logo over it. */
#include "mixer/view_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"

/* A frame's sides are 1 to 4 samples wide: a call of memset for each line took longer than the rest of it. */
static void fill_line(uint8_t *p, uint8_t value, int n)
{
    switch (n) {
    case 4: memset(p, value, 4); break;
    case 2: memset(p, value, 2); break;
    case 1: *p = value; break;
    default: memset(p, value, (size_t)n);
    }
}

static void fill(struct mcu_pic *pic, struct mcu_rect r, struct mcu_rgb colour)
{
    uint8_t yuv[3];
    mcu_rgb_to_yuv(colour, pic->matrix, yuv);
    for (int i = 0; i < 3; i++) {
        int half = i ? 1 : 0;
        uint8_t *p = pic->plane[i] + (ptrdiff_t)(r.y >> half) * pic->stride[i] + (r.x >> half);
        for (int row = 0; row < r.h >> half; row++, p += pic->stride[i])
            fill_line(p, yuv[i], r.w >> half);
    }
}

/* What `in` leaves free of `out`, as up to four bars. */
static void fill_around(struct mcu_pic *pic, struct mcu_rect out, struct mcu_rect in,
                        struct mcu_rgb colour)
{
    int in_right = in.x + in.w, in_below = in.y + in.h;
    fill(pic, (struct mcu_rect){ out.x, out.y, out.w, in.y - out.y }, colour);
    fill(pic, (struct mcu_rect){ out.x, in_below, out.w, out.y + out.h - in_below }, colour);
    fill(pic, (struct mcu_rect){ out.x, in.y, in.x - out.x, in.h }, colour);
    fill(pic, (struct mcu_rect){ in_right, in.y, out.x + out.w - in_right, in.h }, colour);
}

/* Colour off, luma to 0.55 of its height above black. */
static void make_grey(const struct mcu_view *v, struct mcu_pic *pic, struct mcu_rect r)
{
    for (int row = r.y; row < r.y + r.h; row++)
        v->paint->level(pic->plane[0] + (ptrdiff_t)row * pic->stride[0] + r.x, 141,
                        16 * (256 - 141) + 128, r.w);
    for (int i = 1; i < 3; i++)
        for (int row = r.y / 2; row < (r.y + r.h) / 2; row++)
            memset(pic->plane[i] + (ptrdiff_t)row * pic->stride[i] + r.x / 2, 128,
                   (size_t)r.w / 2);
}

static int draw_picture(const struct mcu_view *v, int i, const struct mcu_tile *tile, struct mcu_pic *pic)
{
    const struct mcu_pic *src = tile->pic;
    struct mcu_rect to = tile->rect, from = { 0, 0, src->width, src->height };
    if (!v->config.crop)
        to = mcu_layout_fit(tile->rect, src->width, src->height);
    /* Where a fitted picture fills the tile, a sample or two is cut rather than the shape bent;
     * this also meets the exact ratios 2 and 3 that are fastest. */
    if (mcu_view_same_rect(to, tile->rect))
        from = mcu_layout_crop(src->width, src->height, to.w, to.h);
    fill_around(pic, tile->rect, to, mcu_decor_bars());
    int rc = mcu_scaler_run(v->scaler[i], src, from, pic, to);
    if (rc == 0 && tile->grey)
        make_grey(v, pic, to);
    return rc;
}

static void draw_whole(const struct mcu_view *v, const struct mcu_decor_item *item,
                       struct mcu_pic *pic, int x, int y)
{
    if (!item || !item->sprite.w)
        return;
    struct mcu_rect all = { 0, 0, item->sprite.w, item->sprite.h };
    mcu_sprite_draw(&item->sprite, all, v->paint, pic, x & ~1, y & ~1);
}

static void draw_centred(const struct mcu_view *v, const struct mcu_decor_item *item,
                         struct mcu_pic *pic, struct mcu_rect r)
{
    if (item)
        draw_whole(v, item, pic, r.x + (r.w - item->sprite.w) / 2, r.y + (r.h - item->sprite.h) / 2);
}

/* Thickness of a tile's frame: the active speaker's is thicker, and there even without borders. */
static int frame_thickness(const struct mcu_view *v, const struct mcu_tile *tile)
{
    if (!tile->speaking)
        return v->config.border;
    return mcu_max(mcu_max(4, 2 * v->config.border), tile->rect.h / 72 & ~1);
}

static void draw_corners(const struct mcu_view *v, const struct mcu_sprite *s, struct mcu_pic *pic,
                         struct mcu_rect r)
{
    int c = s->w / 2;
    for (int k = 0; k < 4; k++) {
        int right = k & 1, below = k >> 1;
        struct mcu_rect part = { right * c, below * c, c, c };
        mcu_sprite_draw(s, part, v->paint, pic, r.x + right * (r.w - c), r.y + below * (r.h - c));
    }
}

/* Of its corners; 0: plain ones. */
static int frame_radius(const struct mcu_view *v, const struct mcu_tile *tile)
{
    return v->config.plain ? 0 : mcu_clamp(tile->rect.h / 30, 2, 14);
}

static bool has_frame(const struct mcu_view *v, const struct mcu_tile *tile)
{
    int t = frame_thickness(v, tile), least = 4 * (t + frame_radius(v, tile) + 2);
    return t && tile->rect.w >= least && tile->rect.h >= least;
}

static void draw_frame(const struct mcu_view *v, const struct mcu_tile *tile,
                       const struct mcu_decor_item *frame, struct mcu_pic *pic)
{
    struct mcu_rect r = tile->rect;
    int t = frame_thickness(v, tile);
    if (!has_frame(v, tile))
        return;
    struct mcu_rgb colour = tile->speaking ? mcu_decor_speaking() : mcu_decor_background();
    int c = frame ? frame->sprite.w / 2 : 0;
    fill(pic, (struct mcu_rect){ r.x + c, r.y, r.w - 2 * c, t }, colour);
    fill(pic, (struct mcu_rect){ r.x + c, r.y + r.h - t, r.w - 2 * c, t }, colour);
    fill(pic, (struct mcu_rect){ r.x, r.y + c, t, r.h - 2 * c }, colour);
    fill(pic, (struct mcu_rect){ r.x + r.w - t, r.y + c, t, r.h - 2 * c }, colour);
    if (frame)
        draw_corners(v, &frame->sprite, pic, r);
}

/* Large enough to be seen, and never much of a small tile. */
static int hand_size(const struct mcu_tile *tile)
{
    int most = mcu_min(tile->rect.w, tile->rect.h) / 3;
    return mcu_max(2, mcu_min(most, mcu_clamp(tile->rect.h / 6, 22, 96)) & ~1);
}

struct mcu_view_plates mcu_view_find_plates(struct mcu_view *v, const struct mcu_tile *tile)
{
    struct mcu_view_plates p = { 0 };
    struct mcu_rect r = tile->rect;
    const char *name = v->config.names ? tile->name : NULL;
    if ((name && name[0]) || tile->muted)
        p.label = mcu_decor_label(v->decor, name, tile->muted, r.w, r.h);
    if (!tile->pic)
        p.avatar = mcu_decor_avatar(v->decor, tile->name, mcu_min(r.w, r.h) / 2 & ~1);
    if (has_frame(v, tile) && frame_radius(v, tile))
        p.frame = mcu_decor_frame(v->decor, tile->speaking, frame_thickness(v, tile),
                                  frame_radius(v, tile));
    if (tile->hand)
        p.hand = mcu_decor_hand(v->decor, hand_size(tile));
    return p;
}

/* ---- the logo ---- */

/* The part of the logo that lies within r. Tiles are drawn whole and do not overlap, so each draws its
 * own part of it, once. */
static void draw_logo(const struct mcu_view *v, struct mcu_pic *pic, struct mcu_rect r)
{
    const struct mcu_view_logo *l = &v->logo;
    int x0 = mcu_max(r.x, l->x), x1 = mcu_min(r.x + r.w, l->x + l->sprite.w);
    int y0 = mcu_max(r.y, l->y), y1 = mcu_min(r.y + r.h, l->y + l->sprite.h);
    struct mcu_rect part = { x0 - l->x, y0 - l->y, x1 - x0, y1 - y0 };
    if (l->sprite.w && part.w > 0 && part.h > 0)
        mcu_sprite_draw(&l->sprite, part, v->paint, pic, x0, y0);
}

void mcu_view_free_logo(struct mcu_view *v)
{
    mcu_sprite_free(&v->logo.sprite);
    mcu_image_unref(&v->logo.image);
}

/* As high as percent says, as wide as its shape wants, at most half the canvas; even. */
static void fit_logo(struct mcu_view *v, int *w, int *h)
{
    const struct mcu_image *i = v->logo.image;
    *h = mcu_max(2, v->config.height * v->logo.percent / 100);
    *w = (int)((int64_t)*h * i->width / i->height);
    if (*w > v->config.width / 2) {
        *w = v->config.width / 2;
        *h = (int)((int64_t)*w * i->height / i->width);
    }
    *w = mcu_max(2, *w & ~1);
    *h = mcu_max(2, *h & ~1);
}

static int paint_logo(struct mcu_view *v, int w, int h)
{
    struct mcu_art *art = NULL;
    uint32_t *argb = malloc(sizeof(*argb) * (size_t)w * (size_t)h);
    int rc = argb ? mcu_art_new(&art, w, h) : -ENOMEM;
    if (rc == 0)
        rc = mcu_image_scale(v->logo.image, w, h, argb);
    if (rc == 0) {
        mcu_art_argb(art, argb);
        rc = mcu_art_finish(art, v->matrix, &v->logo.sprite);
    }
    mcu_art_free(&art);
    free(argb);
    return rc;
}

static void place_logo(struct mcu_view *v)
{
    struct mcu_view_logo *l = &v->logo;
    int margin = mcu_max(2, v->config.height / 40 & ~1);
    bool right = l->corner == MCU_TOP_RIGHT || l->corner == MCU_BOTTOM_RIGHT;
    bool below = l->corner == MCU_BOTTOM_LEFT || l->corner == MCU_BOTTOM_RIGHT;
    l->x = right ? mcu_max(0, v->config.width - margin - l->sprite.w) : margin;
    l->y = below ? mcu_max(0, v->config.height - margin - l->sprite.h) : margin;
}

int mcu_view_set_logo(struct mcu_view *v, struct mcu_image *image, enum mcu_corner corner,
                      int percent)
{
    struct mcu_view_logo *l = &v->logo;
    int w, h;
    if (image == l->image && (!image || (corner == l->corner && percent == l->percent)))
        return 0;
    if (image && (percent < 1 || percent > 100))
        return -EINVAL;
    uint64_t serial = l->serial + 1;
    mcu_view_free_logo(v);
    *l = (struct mcu_view_logo){ .corner = corner, .percent = percent, .serial = serial };
    if (!image)
        return 0;
    l->image = mcu_image_ref(image);
    fit_logo(v, &w, &h);
    int rc = paint_logo(v, w, h);
    if (rc == 0)
        place_logo(v);
    else
        mcu_view_free_logo(v);
    return rc;
}

/* ---- a tile, and what is behind them ---- */

void mcu_view_draw_background(struct mcu_view *v, const struct mcu_decor_item *item,
                              struct mcu_pic *pic)
{
    struct mcu_rect all = { 0, 0, pic->width, pic->height };
    fill(pic, all, mcu_decor_background());
    draw_centred(v, item, pic, all);
    draw_logo(v, pic, all);
}

int mcu_view_draw_tile(const struct mcu_view *v, int i, const struct mcu_tile *tile,
                       struct mcu_view_plates p, struct mcu_pic *pic)
{
    int margin = v->config.border + mcu_max(4, tile->rect.h / 40), rc = 0;
    if (tile->pic) {
        rc = draw_picture(v, i, tile, pic);
    } else {
        fill(pic, tile->rect, mcu_decor_backdrop(tile->name ? tile->name : ""));
        draw_centred(v, p.avatar, pic, tile->rect);
    }
    if (p.label)
        draw_whole(v, p.label, pic, tile->rect.x + margin,
                   tile->rect.y + tile->rect.h - margin - p.label->sprite.h);
    draw_whole(v, p.hand, pic, tile->rect.x + margin, tile->rect.y + margin);
    draw_frame(v, tile, p.frame, pic);
    draw_logo(v, pic, tile->rect);
    return rc;
}
