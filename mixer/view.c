#include "mixer/view_priv.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"
#include "mixer/dsp/cpu.h"

#define CANVASES 3
#define HELP_SAMPLES (4 << 20) /* of sources: about half a millisecond's work */

/* All that decides how a tile looks. Kept by value: no picture outlives the call. */
struct shown {
    struct mcu_rect rect;
    uint64_t pic_id;
    uint64_t label, avatar, hand; /* serials of struct mcu_decor_item; 0: none */
    bool has_pic, grey, speaking;
    int fading;                   /* how much of what was there before is seen; 0: nothing */
    uint64_t turn;                /* of the canvas, while it fades: no other tick looks like it */
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
    uint64_t logo;          /* serial */
    uint64_t turn;          /* when it was last composed */
    struct shown shown[MCU_LAYOUT_MAX_TILES];
};

/* Lives until the view and all canvases that are out are released. */
struct canvas_set {
    atomic_int refs;
    struct canvas canvas[CANVASES];
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
    mcu_share_init(&v->work.share, NULL, NULL);
    int rc = set_new(&v->set, config->width, config->height);
    if (rc == 0) {
        v->matrix = v->set->canvas[0].pic.matrix;
        rc = mcu_decor_new(&v->decor, v->matrix);
    }
    if (rc == 0 && config->fades)
        rc = mcu_fade_new(&v->fade, config->width, config->height);
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
    mcu_fade_free(&v->fade);
    mcu_view_free_logo(v);
    mcu_share_deinit(&v->work.share);
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

static struct shown describe(const struct mcu_view *v, int i, const struct mcu_tile *tile,
                             struct mcu_view_plates p)
{
    int fading = v->fade ? mcu_fade_of_tile(v->fade, i) : 0;
    return (struct shown){
        .rect = tile->rect,
        .pic_id = tile->pic ? tile->pic_id : 0,
        .label = p.label ? p.label->serial : 0,
        .avatar = p.avatar ? p.avatar->serial : 0,
        .hand = p.hand ? p.hand->serial : 0,
        .has_pic = tile->pic != NULL,
        .grey = tile->pic && tile->grey,
        .speaking = tile->speaking,
        .fading = fading,
        .turn = fading ? v->turn : 0,
    };
}

static bool same_look(const struct shown *a, const struct shown *b)
{
    return mcu_view_same_rect(a->rect, b->rect) && a->pic_id == b->pic_id && a->label == b->label &&
           a->avatar == b->avatar && a->hand == b->hand && a->has_pic == b->has_pic &&
           a->grey == b->grey && a->speaking == b->speaking && a->fading == b->fading &&
           a->turn == b->turn;
}

static bool same_places(const struct canvas *c, const struct mcu_tile *tiles, int n)
{
    bool same = c->n == n;
    for (int i = 0; same && i < n; i++)
        same = mcu_view_same_rect(c->shown[i].rect, tiles[i].rect);
    return same;
}

static void compose_idle(struct mcu_view *v, struct canvas *c, const char *text)
{
    const struct mcu_decor_item *item =
        text && *text ? mcu_decor_message(v->decor, text, v->config.width, v->config.height) : NULL;
    uint64_t serial = item ? item->serial : 0;
    if (c->n == 0 && c->message == serial && c->logo == v->logo.serial)
        return;
    mcu_view_draw_background(v, item, &c->pic);
    c->n = 0;
    c->message = serial;
}

/* The canvas composed last: encoders may be reading it, nobody writes it. NULL: none, or c. */
static const struct canvas *find_last(const struct mcu_view *v, const struct canvas *c)
{
    for (int i = 0; i < CANVASES; i++) {
        const struct canvas *last = &v->set->canvas[i];
        if (last != c && last->n > 0 && last->turn == v->turn && last->logo == v->logo.serial)
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

/* How tile i of c is brought up to date by the cheapest means. A source slower than the canvas is scaled
 * once and then copied: the canvases take turns, so each would scale it again. */
static void plan_tile(struct mcu_view *v, struct canvas *c, const struct canvas *last, bool keep, int i,
                      const struct mcu_tile *tile)
{
    struct mcu_view_plates p = mcu_view_find_plates(v, tile);
    struct shown want = describe(v, i, tile, p);
    if (keep && same_look(&c->shown[i], &want)) {
        v->stats.tiles_kept++;
        return;
    }
    bool copy = last && i < last->n && same_look(&last->shown[i], &want);
    if (copy)
        v->stats.tiles_copied++;
    else
        v->stats.tiles_drawn++;
    v->work.todo[v->work.count++] = (struct mcu_view_todo){
        .tile = i, .what = tile, .copy = copy ? &last->pic : NULL, .plates = p,
        .fading = want.fading };
    c->shown[i] = want;
}

/* ---- the work of a tick, shared ---- */

static void do_tile(void *arg, int i)
{
    struct mcu_view *v = arg;
    const struct mcu_view_todo *t = &v->work.todo[i];
    struct mcu_pic *pic = v->work.pic;
    if (t->copy) {
        copy_rect(pic, t->copy, t->what->rect);
        return;
    }
    int rc = mcu_view_draw_tile(v, t->tile, t->what, t->plates, pic);
    if (rc < 0)
        atomic_store(&v->work.error, rc);
    else if (t->fading)
        mcu_fade_mix(v->fade, v->paint, pic, t->what->rect, t->fading);
}

void mcu_view_help(struct mcu_view *v)
{
    mcu_share_help(&v->work.share);
}

void mcu_view_set_help(struct mcu_view *v, void (*ask)(void *arg), void *arg)
{
    mcu_share_deinit(&v->work.share);
    mcu_share_init(&v->work.share, ask, arg);
}

/* Whether the pictures to be read are so many that a second core is worth waking. */
static bool is_much(const struct mcu_view_work *w)
{
    int64_t samples = 0;
    for (int i = 0; i < w->count; i++)
        if (!w->todo[i].copy && w->todo[i].what->pic)
            samples += (int64_t)w->todo[i].what->pic->width * w->todo[i].what->pic->height;
    return samples >= HELP_SAMPLES;
}

static int do_work(struct mcu_view *v)
{
    atomic_store(&v->work.error, 0);
    mcu_share_run(&v->work.share, do_tile, v, v->work.count, is_much(&v->work));
    return atomic_load(&v->work.error);
}

static int compose_tiles(struct mcu_view *v, struct canvas *c, const struct mcu_tile *tiles, int n)
{
    const struct canvas *last = find_last(v, c);
    bool keep = same_places(c, tiles, n) && c->logo == v->logo.serial;
    if (!keep)
        mcu_view_draw_background(v, NULL, &c->pic);
    c->n = -1; /* until all has gone well */
    v->work.count = 0;
    v->work.pic = &c->pic;
    for (int i = 0; i < n; i++)
        plan_tile(v, c, last, keep, i, &tiles[i]);
    int rc = do_work(v);
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

/* ---- fades ---- */

static void tick_fades(struct mcu_view *v, const struct mcu_tile *tiles, int n, int64_t time_ns)
{
    struct mcu_fade_place places[MCU_LAYOUT_MAX_TILES];
    const struct mcu_pic *last = NULL;
    for (int i = 0; i < CANVASES; i++)
        if (v->turn && v->set->canvas[i].turn == v->turn)
            last = &v->set->canvas[i].pic;
    for (int i = 0; i < n; i++)
        places[i] = (struct mcu_fade_place){ .rect = tiles[i].rect, .who = tiles[i].who,
                                             .has_pic = tiles[i].pic != NULL,
                                             .grey = tiles[i].pic && tiles[i].grey };
    mcu_fade_tick(v->fade, last, places, n, time_ns);
}

/* The whole canvas dissolves: what is on it then is of no use to any other tick. */
static void fade_canvas(struct mcu_view *v, struct canvas *c, int left)
{
    struct mcu_rect all = { 0, 0, c->pic.width, c->pic.height };
    mcu_fade_mix(v->fade, v->paint, &c->pic, all, left);
    c->n = -1;
}

static int draw_canvas(struct mcu_view *v, struct canvas *c, const struct mcu_tile *tiles, int n,
                       const char *idle_text)
{
    int left = v->fade ? mcu_fade_of_canvas(v->fade) : 0, rc = 0;
    if (n == 0)
        compose_idle(v, c, idle_text);
    else
        rc = compose_tiles(v, c, tiles, n);
    c->logo = v->logo.serial;
    if (rc == 0 && left)
        fade_canvas(v, c, left);
    return rc;
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
    if (v->fade)
        tick_fades(v, tiles, n, time_ns);
    int rc = draw_canvas(v, c, tiles, n, idle_text);
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
