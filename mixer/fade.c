#include "mixer/fade.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"

struct run {
    bool on;
    int64_t start_ns;
    int left;
};

struct mcu_fade {
    struct mcu_pic *before; /* copied when a run begins; runs of tiles have a part each */
    bool started;
    int64_t time_ns;        /* of the last tick */
    struct run canvas, tile[MCU_LAYOUT_MAX_TILES];
    struct mcu_fade_place was[MCU_LAYOUT_MAX_TILES];
    int n;
};

int mcu_fade_new(struct mcu_fade **out, int width, int height)
{
    struct mcu_fade *f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    int rc = mcu_pic_new(&f->before, width, height);
    if (rc < 0)
        mcu_fade_free(&f);
    else
        *out = f;
    return rc;
}

void mcu_fade_free(struct mcu_fade **fp)
{
    struct mcu_fade *f = *fp;
    *fp = NULL;
    if (!f)
        return;
    mcu_pic_unref(&f->before);
    free(f);
}

static bool same_rect(struct mcu_rect a, struct mcu_rect b)
{
    return a.x == b.x && a.y == b.y && a.w == b.w && a.h == b.h;
}

static bool places_changed(const struct mcu_fade *f, const struct mcu_fade_place *places, int n)
{
    bool changed = f->n != n;
    for (int i = 0; i < n && !changed; i++)
        changed = !same_rect(f->was[i].rect, places[i].rect);
    return changed;
}

static bool tile_changed(const struct mcu_fade_place *a, const struct mcu_fade_place *b)
{
    bool other = a->who != b->who && a->who && b->who;
    return other || a->has_pic != b->has_pic || a->grey != b->grey;
}

/* From the tick before on, so that the first picture of a run shows something of it already. */
static void begin(struct mcu_fade *f, struct run *run, const struct mcu_pic *last,
                  struct mcu_rect r)
{
    for (int i = 0; i < 3; i++) {
        int half = i ? 1 : 0;
        ptrdiff_t x = r.x >> half;
        for (int y = r.y >> half; y < (r.y + r.h) >> half; y++)
            memcpy(f->before->plane[i] + (ptrdiff_t)y * f->before->stride[i] + x,
                   last->plane[i] + (ptrdiff_t)y * last->stride[i] + x, (size_t)(r.w >> half));
    }
    *run = (struct run){ .on = true, .start_ns = f->time_ns };
}

static void go_on(struct run *run, int64_t time_ns)
{
    int64_t past = time_ns - run->start_ns;
    run->left = run->on && past >= 0 && past < MCU_FADE_NS
              ? 255 - (int)(past * 255 / MCU_FADE_NS) : 0;
    run->on = run->left > 0;
}

void mcu_fade_tick(struct mcu_fade *f, const struct mcu_pic *last,
                   const struct mcu_fade_place *places, int n, int64_t time_ns)
{
    /* After a pause nobody remembers what was there. */
    bool fresh = last && f->started && time_ns - f->time_ns < MCU_FADE_NS;
    if (places_changed(f, places, n)) {
        memset(f->tile, 0, sizeof(f->tile));
        if (fresh)
            begin(f, &f->canvas, last, (struct mcu_rect){ 0, 0, last->width, last->height });
    } else if (fresh && !f->canvas.on) {
        for (int i = 0; i < n; i++)
            if (tile_changed(&f->was[i], &places[i]))
                begin(f, &f->tile[i], last, places[i].rect);
    }
    memcpy(f->was, places, sizeof(*places) * (size_t)n);
    f->n = n;
    f->started = true;
    f->time_ns = time_ns;
    go_on(&f->canvas, time_ns);
    for (int i = 0; i < n; i++)
        go_on(&f->tile[i], time_ns);
}

int mcu_fade_of_canvas(const struct mcu_fade *f)
{
    return f->canvas.left;
}

int mcu_fade_of_tile(const struct mcu_fade *f, int i)
{
    return f->canvas.left ? 0 : f->tile[i].left;
}

/* A row, in pieces that fit the stack: several tiles may be mixed at a time. */
static void mix_row(const struct mcu_paint_dsp *dsp, uint8_t *dst, const uint8_t *before, int w,
                    int left)
{
    uint8_t row[512], alpha[512];
    memset(alpha, left, sizeof(alpha));
    for (int x = 0; x < w; x += (int)sizeof(row)) {
        int n = mcu_min(w - x, (int)sizeof(row));
        memcpy(row, before + x, (size_t)n);
        dsp->level(row, (left * 256 + 127) / 255, 128, n);
        dsp->over(dst + x, row, alpha, n);
    }
}

void mcu_fade_mix(const struct mcu_fade *f, const struct mcu_paint_dsp *dsp, struct mcu_pic *pic,
                  struct mcu_rect r, int left)
{
    for (int i = 0; i < 3; i++) {
        int half = i ? 1 : 0, x = r.x >> half;
        for (int y = r.y >> half; y < (r.y + r.h) >> half; y++)
            mix_row(dsp, pic->plane[i] + (ptrdiff_t)y * pic->stride[i] + x,
                    f->before->plane[i] + (ptrdiff_t)y * f->before->stride[i] + x, r.w >> half, left);
    }
}
