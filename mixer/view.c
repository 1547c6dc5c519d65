#include "mixer/view.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"
#include "mixer/decor.h"
#include "mixer/dsp/cpu.h"
#include "mixer/scale.h"

#define CANVASES 3

/* All that decides how a tile looks. Kept by value: no picture outlives the call. */
struct shown {
    struct mcu_rect rect;
    uint64_t pic_id;
    uint64_t label, avatar; /* serials of struct mcu_decor_item; 0: none */
    bool has_pic, grey, speaking;
};

/* One buffer. `busy` is set by the compose job and cleared by whoever drops the last reference;
 * while it is set nobody writes here. */
struct canvas {
    struct mcu_pic pic;     /* what goes out; its planes are those of memory */
    struct mcu_pic *memory;
    struct canvas_set *set;
    atomic_bool busy;
    int n;                  /* tiles shown; -1: nothing known, all must be painted */
    uint64_t message;       /* serial of the idle text; 0: none */
    uint64_t turn;          /* when it was last composed */
    struct shown shown[MCU_LAYOUT_MAX_TILES];
};

/* Lives until the view and all canvases that are out are released. */
struct canvas_set {
    atomic_int refs;
    struct canvas canvas[CANVASES];
};

struct mcu_view {
    struct mcu_view_config config;
    const struct mcu_paint_dsp *paint;
    struct mcu_decor *decor;
    struct canvas_set *set;
    struct mcu_scaler *scaler[MCU_LAYOUT_MAX_TILES]; /* by tile, so that tables last */
    uint64_t turn;
    struct mcu_view_stats stats;
};

static void set_unref(struct canvas_set *set)
{
    if (atomic_fetch_sub(&set->refs, 1) != 1)
        return;
    for (int i = 0; i < CANVASES; i++)
        mcu_pic_unref(&set->canvas[i].memory);
    free(set);
}

static void canvas_release(struct mcu_pic *pic)
{
    struct canvas *c = pic->owner;
    struct canvas_set *set = c->set;
    atomic_store(&c->busy, false);
    set_unref(set);
}

static int canvas_init(struct canvas *c, struct canvas_set *set, int width, int height)
{
    int rc = mcu_pic_new(&c->memory, width, height);
    if (rc < 0)
        return rc;
    c->set = set;
    c->n = -1;
    c->pic.release = canvas_release;
    c->pic.owner = c;
    c->pic.width = width;
    c->pic.height = height;
    for (int i = 0; i < 3; i++) {
        c->pic.plane[i] = c->memory->plane[i];
        c->pic.stride[i] = c->memory->stride[i];
    }
    c->pic.matrix = c->memory->matrix;
    c->pic.full_range = c->memory->full_range;
    return 0;
}

static int set_new(struct canvas_set **out, int width, int height)
{
    struct canvas_set *set = calloc(1, sizeof(*set));
    if (!set)
        return -ENOMEM;
    atomic_init(&set->refs, 1);
    int rc = 0;
    for (int i = 0; rc == 0 && i < CANVASES; i++)
        rc = canvas_init(&set->canvas[i], set, width, height);
    if (rc < 0)
        set_unref(set);
    else
        *out = set;
    return rc;
}

static bool legal(const struct mcu_view_config *c)
{
    return c->width >= 16 && c->height >= 16 && c->width <= MCU_PIC_MAX_SIDE &&
           c->height <= MCU_PIC_MAX_SIDE && !(c->width & 1) && !(c->height & 1) && c->border >= 0 &&
           c->border <= 8 && !(c->border & 1);
}

int mcu_view_new(struct mcu_view **out, const struct mcu_view_config *config)
{
    if (!legal(config))
        return -EINVAL;
    struct mcu_view *v = calloc(1, sizeof(*v));
    if (!v)
        return -ENOMEM;
    v->config = *config;
    v->paint = mcu_paint_choose(mcu_cpu_flags());
    int rc = set_new(&v->set, config->width, config->height);
    if (rc == 0)
        rc = mcu_decor_new(&v->decor, v->set->canvas[0].pic.matrix);
    for (int i = 0; rc == 0 && i < MCU_LAYOUT_MAX_TILES; i++)
        rc = mcu_scaler_new(&v->scaler[i]);
    if (rc < 0)
        mcu_view_free(&v);
    else
        *out = v;
    return rc;
}

void mcu_view_free(struct mcu_view **vp)
{
    struct mcu_view *v = *vp;
    *vp = NULL;
    if (!v)
        return;
    for (int i = 0; i < MCU_LAYOUT_MAX_TILES; i++)
        mcu_scaler_free(&v->scaler[i]);
    mcu_decor_free(&v->decor);
    if (v->set)
        set_unref(v->set);
    free(v);
}

void mcu_view_get_stats(const struct mcu_view *view, struct mcu_view_stats *out)
{
    *out = view->stats;
}

/* The free canvas composed last: most of its tiles still show what they should. */
static struct canvas *pick(struct mcu_view *v)
{
    struct canvas *best = NULL;
    for (int i = 0; i < CANVASES; i++) {
        struct canvas *c = &v->set->canvas[i];
        if (!atomic_load(&c->busy) && (!best || c->turn > best->turn))
            best = c;
    }
    return best;
}

static void fill(struct mcu_pic *pic, struct mcu_rect r, struct mcu_rgb colour)
{
    uint8_t yuv[3];
    mcu_rgb_to_yuv(colour, pic->matrix, yuv);
    for (int i = 0; i < 3; i++) {
        int half = i ? 1 : 0;
        uint8_t *p = pic->plane[i] + (ptrdiff_t)(r.y >> half) * pic->stride[i] + (r.x >> half);
        for (int row = 0; row < r.h >> half; row++, p += pic->stride[i])
            memset(p, yuv[i], (size_t)(r.w >> half));
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

static bool same_rect(struct mcu_rect a, struct mcu_rect b)
{
    return a.x == b.x && a.y == b.y && a.w == b.w && a.h == b.h;
}

static int draw_picture(struct mcu_view *v, int i, const struct mcu_tile *tile, struct mcu_pic *pic)
{
    const struct mcu_pic *src = tile->pic;
    struct mcu_rect to = tile->rect, from = { 0, 0, src->width, src->height };
    if (!v->config.crop)
        to = mcu_layout_fit(tile->rect, src->width, src->height);
    /* Where a fitted picture fills the tile, a sample or two is cut rather than the shape bent;
     * this also meets the exact ratios 2 and 3 that are fastest. */
    if (same_rect(to, tile->rect))
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

static void draw_frame(struct mcu_view *v, const struct mcu_tile *tile, struct mcu_pic *pic)
{
    struct mcu_rect r = tile->rect;
    int t = frame_thickness(v, tile);
    int radius = mcu_clamp(r.h / 30, 2, 14);
    if (!t || r.w < 4 * (t + radius + 2) || r.h < 4 * (t + radius + 2))
        return;
    const struct mcu_decor_item *frame = mcu_decor_frame(v->decor, tile->speaking, t, radius);
    struct mcu_rgb colour = tile->speaking ? mcu_decor_speaking() : mcu_decor_background();
    int c = frame ? frame->sprite.w / 2 : 0;
    fill(pic, (struct mcu_rect){ r.x + c, r.y, r.w - 2 * c, t }, colour);
    fill(pic, (struct mcu_rect){ r.x + c, r.y + r.h - t, r.w - 2 * c, t }, colour);
    fill(pic, (struct mcu_rect){ r.x, r.y + c, t, r.h - 2 * c }, colour);
    fill(pic, (struct mcu_rect){ r.x + r.w - t, r.y + c, t, r.h - 2 * c }, colour);
    if (frame)
        draw_corners(v, &frame->sprite, pic, r);
}

/* The cached plates of a tile, looked up before anything is drawn. */
struct plates {
    const struct mcu_decor_item *label, *avatar;
};

static struct plates find_plates(struct mcu_view *v, const struct mcu_tile *tile)
{
    struct plates p = { 0 };
    struct mcu_rect r = tile->rect;
    const char *name = v->config.names ? tile->name : NULL;
    if ((name && name[0]) || tile->muted)
        p.label = mcu_decor_label(v->decor, name, tile->muted, r.w, r.h);
    if (!tile->pic)
        p.avatar = mcu_decor_avatar(v->decor, tile->name, mcu_min(r.w, r.h) / 2 & ~1);
    return p;
}

static struct shown describe(const struct mcu_tile *tile, struct plates p)
{
    return (struct shown){
        .rect = tile->rect,
        .pic_id = tile->pic ? tile->pic_id : 0,
        .label = p.label ? p.label->serial : 0,
        .avatar = p.avatar ? p.avatar->serial : 0,
        .has_pic = tile->pic != NULL,
        .grey = tile->pic && tile->grey,
        .speaking = tile->speaking,
    };
}

static bool same_look(const struct shown *a, const struct shown *b)
{
    return same_rect(a->rect, b->rect) && a->pic_id == b->pic_id && a->label == b->label &&
           a->avatar == b->avatar && a->has_pic == b->has_pic && a->grey == b->grey &&
           a->speaking == b->speaking;
}

static int draw_tile(struct mcu_view *v, int i, const struct mcu_tile *tile, struct plates p,
                     struct mcu_pic *pic)
{
    int rc = 0;
    if (tile->pic) {
        rc = draw_picture(v, i, tile, pic);
    } else {
        fill(pic, tile->rect, mcu_decor_backdrop(tile->name ? tile->name : ""));
        draw_centred(v, p.avatar, pic, tile->rect);
    }
    if (p.label) {
        int margin = v->config.border + mcu_max(4, tile->rect.h / 40);
        draw_whole(v, p.label, pic, tile->rect.x + margin,
                   tile->rect.y + tile->rect.h - margin - p.label->sprite.h);
    }
    draw_frame(v, tile, pic);
    return rc;
}

static bool same_places(const struct canvas *c, const struct mcu_tile *tiles, int n)
{
    bool same = c->n == n;
    for (int i = 0; same && i < n; i++)
        same = same_rect(c->shown[i].rect, tiles[i].rect);
    return same;
}

static struct mcu_rect whole(const struct mcu_pic *pic)
{
    return (struct mcu_rect){ 0, 0, pic->width, pic->height };
}

static void compose_idle(struct mcu_view *v, struct canvas *c, const char *text)
{
    const struct mcu_decor_item *item =
        text && *text ? mcu_decor_message(v->decor, text, v->config.width, v->config.height) : NULL;
    uint64_t serial = item ? item->serial : 0;
    if (c->n == 0 && c->message == serial)
        return;
    fill(&c->pic, whole(&c->pic), mcu_decor_background());
    draw_centred(v, item, &c->pic, whole(&c->pic));
    c->n = 0;
    c->message = serial;
}

/* The canvas composed last: encoders may be reading it, nobody writes it. NULL: none, or c. */
static const struct canvas *find_last(const struct mcu_view *v, const struct canvas *c)
{
    for (int i = 0; i < CANVASES; i++) {
        const struct canvas *last = &v->set->canvas[i];
        if (last != c && last->n > 0 && last->turn == v->turn)
            return last;
    }
    return NULL;
}

static void copy_rect(struct mcu_pic *dst, const struct mcu_pic *src, struct mcu_rect r)
{
    for (int i = 0; i < 3; i++) {
        int half = i ? 1 : 0;
        ptrdiff_t at = (ptrdiff_t)(r.y >> half) * dst->stride[i] + (r.x >> half);
        for (int row = 0; row < r.h >> half; row++, at += dst->stride[i])
            memcpy(dst->plane[i] + at, src->plane[i] + at, (size_t)(r.w >> half));
    }
}

/* Brings tile i of c up to date by the cheapest means. A source slower than the canvas is scaled
 * once and then copied: the canvases take turns, so each would scale it again. */
static int compose_tile(struct mcu_view *v, struct canvas *c, const struct canvas *last, bool keep,
                        int i, const struct mcu_tile *tile)
{
    struct plates p = find_plates(v, tile);
    struct shown want = describe(tile, p);
    int rc = 0;
    if (keep && same_look(&c->shown[i], &want)) {
        v->stats.tiles_kept++;
        return 0;
    }
    if (last && i < last->n && same_look(&last->shown[i], &want)) {
        copy_rect(&c->pic, &last->pic, want.rect);
        v->stats.tiles_copied++;
    } else {
        rc = draw_tile(v, i, tile, p, &c->pic);
        v->stats.tiles_drawn++;
    }
    c->shown[i] = want;
    return rc;
}

static int compose_tiles(struct mcu_view *v, struct canvas *c, const struct mcu_tile *tiles, int n)
{
    const struct canvas *last = find_last(v, c);
    bool keep = same_places(c, tiles, n);
    int rc = 0;
    if (!keep)
        fill(&c->pic, whole(&c->pic), mcu_decor_background());
    c->n = -1; /* until all has gone well */
    for (int i = 0; rc == 0 && i < n; i++)
        rc = compose_tile(v, c, last, keep, i, &tiles[i]);
    if (rc == 0)
        c->n = n;
    return rc;
}

static bool tiles_legal(const struct mcu_view *v, const struct mcu_tile *tiles, int n)
{
    for (int i = 0; i < n; i++) {
        struct mcu_rect r = tiles[i].rect;
        if (((r.x | r.y | r.w | r.h) & 1) || r.x < 0 || r.y < 0 || r.w < 2 || r.h < 2 ||
            r.x > v->config.width - r.w || r.y > v->config.height - r.h)
            return false;
    }
    return n >= 0 && n <= MCU_LAYOUT_MAX_TILES;
}

int mcu_view_compose(struct mcu_view *v, const struct mcu_tile *tiles, int n, const char *idle_text,
                     int64_t time_ns, struct mcu_pic **out)
{
    if (!tiles_legal(v, tiles, n))
        return -EINVAL;
    struct canvas *c = pick(v);
    if (!c) {
        v->stats.skipped++;
        return -EAGAIN;
    }
    int rc = 0;
    if (n == 0)
        compose_idle(v, c, idle_text);
    else
        rc = compose_tiles(v, c, tiles, n);
    if (rc < 0)
        return rc;
    c->turn = ++v->turn;
    c->pic.time_ns = time_ns;
    atomic_store(&c->pic.refs, 1);
    atomic_store(&c->busy, true);
    atomic_fetch_add(&v->set->refs, 1);
    v->stats.composed++;
    *out = &c->pic;
    return 0;
}
