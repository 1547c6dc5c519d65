#include "mixer/scale.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"
#include "mixer/dsp/cpu.h"
#include "mixer/dsp/paint.h"
#include "mixer/dsp/resize.h"

/* How a plane is made of another: shrunk, enlarged, or each direction as it may be. */
enum way { WAY_SHRINK, WAY_ENLARGE, WAY_ANY };

/* One direction of one plane. Shrinking: the area that an output sample covers; enlarging: the four
 * samples around it. Across, `taps` is what that pass reads; down, an output row is made of
 * count[i] rows from start[i] on. */
struct axis {
    int src, dst;
    enum way way;
    struct mcu_resize_taps taps;
    int32_t *count;  /* down only, as the rest */
    uint8_t *bytes;  /* [dst][taps] in Q7 instead of weights, where shrinking */
};

struct plane_scale {
    enum way way;
    struct axis x, y;
};

struct colours {
    enum mcu_matrix from, to;
    bool from_full, to_full;
};

struct mcu_scaler {
    const struct mcu_resize_dsp *resize;
    const struct mcu_paint_dsp *paint;
    struct plane_scale luma, chroma;
    void *mid; /* rows between the passes: one, or the four newest */
    size_t mid_bytes;
    struct colours colours; /* of map */
    struct mcu_colour_map map;
    bool map_ready;
};

static void axis_clear(struct axis *a)
{
    free(a->taps.start);
    free(a->taps.weights);
    free(a->taps.own);
    free(a->count);
    free(a->bytes);
    *a = (struct axis){ 0 };
}

/* The weights of output i, with `one` as their sum, and in *first the place of the first. Returns
 * how many. */
typedef int weigh_fn(const struct axis *a, int i, int one, int *first, int16_t *weights);

/* Area averaging, counted in units of 1/dst of an input sample: input k covers [k * dst,
 * (k + 1) * dst), output i covers [i * src, (i + 1) * src). Weights are differences of a rounded
 * running sum, so that they add up to exactly one. */
static int weigh_area(const struct axis *a, int i, int one, int *first, int16_t *weights)
{
    int64_t from = (int64_t)i * a->src, to = from + a->src;
    int last = (int)((to - 1) / a->dst);
    int64_t done = 0;
    int before = 0;
    *first = (int)(from / a->dst);
    for (int k = *first; k <= last; k++) {
        int64_t lo = (int64_t)k * a->dst, hi = lo + a->dst;
        done += (hi < to ? hi : to) - (lo > from ? lo : from);
        int now = (int)((done * one + a->src / 2) / a->src);
        weights[k - *first] = (int16_t)(now - before);
        before = now;
    }
    return last - *first + 1;
}

/* Catmull-Rom's cubic through the four samples around the place: sharper than a line between two,
 * for the same four taps. The centre of output i lies at ((2i + 1) * src - dst) / (2 * dst) of the
 * input's centres; beyond an end stands its last sample again. */
static int weigh_cubic(const struct axis *a, int i, int one, int *first, int16_t *weights)
{
    int64_t at = (2 * (int64_t)i + 1) * a->src - a->dst, unit = 2 * (int64_t)a->dst;
    int whole = at < 0 ? -1 : (int)(at / unit), n = mcu_min(4, a->src);
    double t = (double)(at - whole * unit) / (double)unit, t2 = t * t, t3 = t2 * t;
    int w[4] = { (int)lrint((-t + 2 * t2 - t3) / 2 * one), 0,
                 (int)lrint((t + 4 * t2 - 3 * t3) / 2 * one), (int)lrint((t3 - t2) / 2 * one) };
    w[1] = one - w[0] - w[2] - w[3];
    *first = mcu_clamp(whole - 1, 0, a->src - n);
    memset(weights, 0, 4 * sizeof(*weights));
    for (int k = 0; k < 4; k++) {
        int place = mcu_clamp(whole - 1 + k, 0, a->src - 1);
        weights[place - *first] = (int16_t)(weights[place - *first] + w[k]);
    }
    return n;
}

/* The most samples that an output of shrinking covers. */
static int most_taps(int src, int dst)
{
    return (src + dst - 1) / dst + 1;
}

/* Samples of a row between the passes of enlarging. */
static size_t row_room(const struct plane_scale *p)
{
    return ((size_t)p->x.dst + 63) & ~(size_t)63;
}

static int axis_alloc(struct axis *a, bool down)
{
    bool bytes = down && a->way == WAY_SHRINK;
    size_t dst = (size_t)a->dst, all = dst * (size_t)a->taps.taps;
    a->taps.w = a->dst;
    a->taps.src = a->src;
    a->taps.start = calloc(dst, sizeof(*a->taps.start));
    a->taps.weights = bytes ? NULL : calloc(all, sizeof(*a->taps.weights));
    a->bytes = bytes ? calloc(all, 1) : NULL;
    a->count = down ? calloc(dst, sizeof(*a->count)) : NULL;
    bool short_of = !a->taps.start || (!a->taps.weights && !a->bytes) || (down && !a->count);
    return short_of ? -ENOMEM : 0;
}

/* One row of a direction down, without those that weigh nothing at its ends. */
static void fill_down(struct axis *a, int i, const int16_t *w, int first, int n)
{
    size_t at = (size_t)i * (size_t)a->taps.taps;
    for (; n > 1 && !w[0]; n--, w++)
        first++;
    while (n > 1 && !w[n - 1])
        n--;
    a->taps.start[i] = first;
    a->count[i] = n;
    for (int k = 0; k < n; k++) {
        if (a->bytes)
            a->bytes[at + (size_t)k] = (uint8_t)w[k];
        else
            a->taps.weights[at + (size_t)k] = w[k];
    }
}

/* One output of a direction across; where all taps have to lie in the row, the window is moved. */
static void fill_across(struct axis *a, int i, const int16_t *w, int first, int n)
{
    int at = a->way == WAY_ANY ? first : mcu_min(first, a->src - a->taps.taps);
    int16_t *weights = a->taps.weights + (ptrdiff_t)i * a->taps.taps;
    a->taps.start[i] = at;
    memcpy(weights + first - at, w, (size_t)n * sizeof(*w));
}

static int axis_fill(struct axis *a, bool down, int most)
{
    bool cubic = a->way == WAY_ENLARGE || (a->way == WAY_ANY && a->src < a->dst);
    bool q7 = a->way == WAY_SHRINK || (a->way == WAY_ENLARGE && !down);
    int16_t *row = calloc((size_t)mcu_max(most, 4), sizeof(*row));
    if (!row)
        return -ENOMEM;
    for (int i = 0; i < a->dst; i++) {
        int first, one = q7 ? MCU_RESIZE_BYTE : MCU_RESIZE_ONE;
        int n = (cubic ? weigh_cubic : weigh_area)(a, i, one, &first, row);
        (down ? fill_down : fill_across)(a, i, row, first, n);
    }
    free(row);
    return 0;
}

/* Where shrinking takes few samples these are weighed in Q7: each weight is off by 1/256 at most,
 * which costs less than rounding the output does, and twice the samples fit a vector. So are four
 * across that enlarge. */
static int axis_set(const struct mcu_resize_dsp *dsp, struct axis *a, int src, int dst,
                    enum way way, bool down)
{
    if (a->src == src && a->dst == dst && a->way == way)
        return 0;
    axis_clear(a);
    int most = mcu_max(most_taps(src, dst), 4);
    a->src = src;
    a->dst = dst;
    a->way = way;
    a->taps.taps = most <= 4 ? 4 : (most + 7) & ~7;
    if (way != WAY_ANY)
        a->taps.taps = mcu_min(way == WAY_ENLARGE ? 4 : most, src);
    int rc = axis_alloc(a, down);
    if (rc == 0)
        rc = axis_fill(a, down, most);
    if (rc == 0 && !down && way != WAY_ANY)
        rc = (way == WAY_SHRINK ? dsp->prepare : dsp->prepare_cubic)(&a->taps);
    if (rc < 0)
        axis_clear(a);
    return rc;
}

/* Rows between the passes; a row of `enlarge` ends with a whole vector of any version. */
static int reserve_mid(struct mcu_scaler *s, const struct plane_scale *p)
{
    size_t samples = (size_t)p->x.src + MCU_RESIZE_SPARE + (size_t)p->x.taps.taps;
    size_t need = p->way == WAY_ENLARGE ? 4 * 2 * row_room(p) : 2 * samples;
    need = (need + 63) & ~(size_t)63;
    if (need <= s->mid_bytes)
        return 0;
    void *mid = aligned_alloc(64, need);
    if (!mid)
        return -ENOMEM;
    memset(mid, 0, need);
    free(s->mid);
    s->mid = mid;
    s->mid_bytes = need;
    return 0;
}

static int plane_set(struct mcu_scaler *s, struct plane_scale *p, int src_w, int src_h, int dst_w,
                     int dst_h)
{
    p->way = WAY_ANY;
    if (src_w <= dst_w && src_h <= dst_h)
        p->way = WAY_ENLARGE;
    else if (src_w >= dst_w && src_h >= dst_h &&
             mcu_max(most_taps(src_w, dst_w), most_taps(src_h, dst_h)) <= MCU_RESIZE_FEW)
        p->way = WAY_SHRINK;
    int rc = axis_set(s->resize, &p->x, src_w, dst_w, p->way, false);
    if (rc == 0)
        rc = axis_set(s->resize, &p->y, src_h, dst_h, p->way, true);
    return rc == 0 ? reserve_mid(s, p) : rc;
}

int mcu_scaler_new(struct mcu_scaler **out)
{
    struct mcu_scaler *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->resize = mcu_resize_choose(mcu_cpu_flags());
    s->paint = mcu_paint_choose(mcu_cpu_flags());
    *out = s;
    return 0;
}

void mcu_scaler_free(struct mcu_scaler **sp)
{
    struct mcu_scaler *s = *sp;
    *sp = NULL;
    if (!s)
        return;
    axis_clear(&s->luma.x);
    axis_clear(&s->luma.y);
    axis_clear(&s->chroma.x);
    axis_clear(&s->chroma.y);
    free(s->mid);
    free(s);
}

struct plane {
    uint8_t *at;
    ptrdiff_t stride;
};

static struct plane plane_at(const struct mcu_pic *pic, int i, struct mcu_rect r)
{
    int half = i ? 1 : 0;
    struct plane p = { .stride = pic->stride[i] };
    p.at = pic->plane[i] + (r.y >> half) * p.stride + (r.x >> half);
    return p;
}

static void shrink(mcu_shrink_fn *row, int ratio, struct plane src, struct plane dst, int w, int h)
{
    for (int y = 0; y < h; y++)
        row(dst.at + y * dst.stride, src.at + (ptrdiff_t)y * ratio * src.stride, src.stride, w);
}

static void shrink3to2(const struct mcu_scaler *s, struct plane src, struct plane dst, int w, int h)
{
    for (int y = 0; y < h; y += 2)
        s->resize->shrink3to2(dst.at + y * dst.stride, dst.stride,
                              src.at + (ptrdiff_t)(y / 2) * 3 * src.stride, src.stride, w);
}

/* How far ahead of their use rows are asked for; found by trying. */
#define AHEAD_BYTES 2048

/* What the next output row brings anew, as far ahead; half of it while rows are weighed, half while
 * the second pass looks at none: memory is kept busy by both. */
static void plan_ahead(const struct axis *y, int i, struct plane src, struct mcu_resize_ahead half[2])
{
    int below = y->taps.start[i] + y->count[i];
    int more = i + 1 < y->dst ? y->taps.start[i + 1] + y->count[i + 1] - below : 0;
    int lines = (int)((more * src.stride + 63) / 64);
    half[0].at = (uintptr_t)src.at + (uintptr_t)(below * src.stride) + AHEAD_BYTES;
    half[0].lines = lines / 2;
    half[1].at = half[0].at + 64 * (uintptr_t)half[0].lines;
    half[1].lines = lines - half[0].lines;
}

static void scale_any(const struct mcu_scaler *s, const struct plane_scale *p, struct plane src,
                      struct plane dst)
{
    const struct axis *y = &p->y;
    for (int i = 0; i < y->dst; i++) {
        const int16_t *weights = y->taps.weights + (ptrdiff_t)i * y->taps.taps;
        s->resize->rows16(s->mid, src.at + y->taps.start[i] * src.stride, src.stride, weights,
                          y->count[i], p->x.src);
        s->resize->across16(dst.at + i * dst.stride, s->mid, &p->x.taps);
    }
}

static void shrink_any(const struct mcu_scaler *s, const struct plane_scale *p, struct plane src,
                       struct plane dst)
{
    const struct axis *y = &p->y;
    for (int i = 0; i < y->dst; i++) {
        struct mcu_resize_ahead ahead[2];
        plan_ahead(y, i, src, ahead);
        s->resize->rows8(s->mid, src.at + y->taps.start[i] * src.stride, src.stride,
                         y->bytes + (ptrdiff_t)i * y->taps.taps, y->count[i], p->x.src, ahead[0]);
        s->resize->across8(dst.at + i * dst.stride, s->mid, &p->x.taps, ahead[1]);
    }
}

/* Each row of the source is enlarged across once, and waits until four rows down have used it. */
static void enlarge(const struct mcu_scaler *s, const struct plane_scale *p, struct plane src,
                    struct plane dst)
{
    const struct axis *y = &p->y;
    size_t room = row_room(p);
    int16_t *mid = s->mid;
    for (int i = 0, next = 0; i < y->dst; i++) {
        const int16_t *rows[4];
        int16_t weights[4] = { 0 };
        int first = y->taps.start[i], n = y->count[i];
        for (; next < first + n; next++)
            s->resize->cubic_across(mid + (size_t)(next & 3) * room, src.at + next * src.stride,
                                    &p->x.taps);
        for (int k = 0; k < 4; k++)
            rows[k] = mid + (size_t)((first + mcu_min(k, n - 1)) & 3) * room;
        memcpy(weights, y->taps.weights + (ptrdiff_t)i * y->taps.taps, (size_t)n * sizeof(*weights));
        s->resize->cubic_down(dst.at + i * dst.stride, rows, weights, p->x.dst);
    }
}

typedef void scale_fn(const struct mcu_scaler *s, const struct plane_scale *p, struct plane src,
                      struct plane dst);
static scale_fn *const scale_ways[] = {
    [WAY_SHRINK] = shrink_any, [WAY_ENLARGE] = enlarge, [WAY_ANY] = scale_any
};

/* By how many halves of a sample both directions shrink, or 0. */
static int halves_of(const struct plane_scale *p)
{
    int halves = 2 * p->x.src / p->x.dst;
    return 2 * p->x.src == halves * p->x.dst && 2 * p->y.src == halves * p->y.dst ? halves : 0;
}

static void scale_plane(const struct mcu_scaler *s, const struct plane_scale *p, struct plane src,
                        struct plane dst)
{
    int w = p->x.dst, h = p->y.dst;
    switch (halves_of(p)) {
    case 2:
        for (int y = 0; y < h; y++)
            memcpy(dst.at + y * dst.stride, src.at + y * src.stride, (size_t)w);
        break;
    case 3:
        shrink3to2(s, src, dst, w, h);
        break;
    case 4:
        shrink(s->resize->shrink2, 2, src, dst, w, h);
        break;
    case 6:
        shrink(s->resize->shrink3, 3, src, dst, w, h);
        break;
    case 8:
        shrink(s->resize->shrink4, 4, src, dst, w, h);
        break;
    case 10:
        shrink(s->resize->shrink5, 5, src, dst, w, h);
        break;
    default:
        scale_ways[p->way](s, p, src, dst);
        break;
    }
}

/* ITU-R BT.601-7 2.5.1 and BT.709-6 3.2: weights of red and blue in luma. */
static const double red_weight[] = { 0.299, 0.2126 }, blue_weight[] = { 0.114, 0.0722 };

static int q13(double v)
{
    return (int)lrint(v * 8192);
}

/* Y'CbCr to R'G'B' of one matrix and to Y'CbCr of the other, as one step. Grey stays grey, so
 * chroma depends on chroma alone. */
static void make_map(struct mcu_colour_map *m, struct colours c)
{
    double kr = red_weight[c.from], kb = blue_weight[c.from];
    double kr2 = red_weight[c.to], kb2 = blue_weight[c.to];
    double y_scale = (c.to_full ? 255.0 : 219.0) / (c.from_full ? 255.0 : 219.0);
    double c_scale = (c.to_full ? 255.0 : 224.0) / (c.from_full ? 255.0 : 224.0);
    double c_to_y = (c.to_full ? 255.0 : 219.0) / (c.from_full ? 255.0 : 224.0);
    /* R'G'B' minus luma, for U = 1 and for V = 1 (each from -0.5 to 0.5). */
    double ur = 0, ub = 2 * (1 - kb), ug = -kb * ub / (1 - kr - kb);
    double vr = 2 * (1 - kr), vb = 0, vg = -kr * vr / (1 - kr - kb);
    double kg2 = 1 - kr2 - kb2;
    double uy = kr2 * ur + kg2 * ug + kb2 * ub, vy = kr2 * vr + kg2 * vg + kb2 * vb;
    m->y[0] = (int16_t)q13(y_scale);
    m->y[1] = (int16_t)q13(uy * c_to_y);
    m->y[2] = (int16_t)q13(vy * c_to_y);
    m->u[0] = (int16_t)q13((ub - uy) / (2 * (1 - kb2)) * c_scale);
    m->u[1] = (int16_t)q13((vb - vy) / (2 * (1 - kb2)) * c_scale);
    m->v[0] = (int16_t)q13((ur - uy) / (2 * (1 - kr2)) * c_scale);
    m->v[1] = (int16_t)q13((vr - vy) / (2 * (1 - kr2)) * c_scale);
    int black = c.from_full ? 0 : 16, black2 = c.to_full ? 0 : 16;
    m->y_add = (black2 << 13) - m->y[0] * black - 128 * (m->y[1] + m->y[2]) + 4096;
    m->u_add = (128 << 13) - 128 * (m->u[0] + m->u[1]) + 4096;
    m->v_add = (128 << 13) - 128 * (m->v[0] + m->v[1]) + 4096;
}

static bool same_colours(struct colours a, struct colours b)
{
    return a.from == b.from && a.to == b.to && a.from_full == b.from_full && a.to_full == b.to_full;
}

/* In place, after scaling: the smaller of the two pictures in the usual case. */
static void map_colours(struct mcu_scaler *s, const struct mcu_pic *src, struct mcu_pic *dst,
                        struct mcu_rect to)
{
    struct colours c = { src->matrix == MCU_MATRIX_BT709, dst->matrix == MCU_MATRIX_BT709,
                         src->full_range, dst->full_range };
    if (c.from == c.to && c.from_full == c.to_full)
        return;
    if (!s->map_ready || !same_colours(c, s->colours)) {
        make_map(&s->map, c);
        s->colours = c;
        s->map_ready = true;
    }
    struct plane y = plane_at(dst, 0, to), u = plane_at(dst, 1, to), v = plane_at(dst, 2, to);
    for (int row = 0; row < to.h; row++) { /* luma first: it needs the chroma as it came */
        ptrdiff_t half = row / 2;
        s->paint->map_luma(y.at + row * y.stride, u.at + half * u.stride, v.at + half * v.stride,
                           &s->map, to.w);
    }
    for (int row = 0; row < to.h / 2; row++)
        s->paint->map_chroma(u.at + row * u.stride, v.at + row * v.stride, &s->map, to.w / 2);
}

static bool inside(struct mcu_rect r, const struct mcu_pic *pic)
{
    return r.x >= 0 && r.y >= 0 && r.w >= 1 && r.h >= 1 && !(r.x & 1) && !(r.y & 1) &&
           r.x <= pic->width - r.w && r.y <= pic->height - r.h;
}

int mcu_scaler_run(struct mcu_scaler *s, const struct mcu_pic *src, struct mcu_rect from,
                   struct mcu_pic *dst, struct mcu_rect to)
{
    if (!inside(from, src) || !inside(to, dst) || (to.w & 1) || (to.h & 1))
        return -EINVAL;
    int rc = plane_set(s, &s->luma, from.w, from.h, to.w, to.h);
    if (rc == 0)
        rc = plane_set(s, &s->chroma, (from.w + 1) / 2, (from.h + 1) / 2, to.w / 2, to.h / 2);
    if (rc < 0)
        return rc;
    for (int i = 0; i < 3; i++)
        scale_plane(s, i ? &s->chroma : &s->luma, plane_at(src, i, from), plane_at(dst, i, to));
    map_colours(s, src, dst, to);
    return 0;
}
