#include "mixer/scale.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"
#include "mixer/dsp/cpu.h"
#include "mixer/dsp/paint.h"
#include "mixer/dsp/resize.h"

/* One direction of one plane: output sample i is the weighted sum of count[i] input samples from
 * start[i] on. Shrinking: the area that the output sample covers; enlarging: its two neighbours. */
struct axis {
    int src, dst;
    int taps; /* room per output sample: 4, or a multiple of 8 */
    int32_t *start;
    int32_t *count;
    int16_t *weights; /* [dst][taps], 0 after count */
};

struct plane_scale {
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
    int16_t *mid; /* one row between the passes; zero behind the samples */
    int mid_len;
    struct colours colours; /* of map */
    struct mcu_colour_map map;
    bool map_ready;
};

static void axis_clear(struct axis *a)
{
    free(a->start);
    free(a->count);
    free(a->weights);
    *a = (struct axis){ 0 };
}

/* Area averaging, counted in units of 1/dst of an input sample: input k covers [k * dst,
 * (k + 1) * dst), output i covers [i * src, (i + 1) * src). Weights are differences of a rounded
 * running sum, so that they add up to exactly one. */
static void fill_area(struct axis *a, int i)
{
    int64_t from = (int64_t)i * a->src, to = from + a->src;
    int first = (int)(from / a->dst);
    int last = (int)((to - 1) / a->dst);
    int64_t done = 0;
    int before = 0;
    for (int k = first; k <= last; k++) {
        int64_t lo = (int64_t)k * a->dst, hi = lo + a->dst;
        done += (hi < to ? hi : to) - (lo > from ? lo : from);
        int now = (int)((done * MCU_RESIZE_ONE + a->src / 2) / a->src);
        a->weights[(size_t)i * (size_t)a->taps + (size_t)(k - first)] = (int16_t)(now - before);
        before = now;
    }
    a->start[i] = first;
    a->count[i] = last - first + 1;
}

/* The centre of output i lies at ((2i + 1) * src - dst) / (2 * dst) of the input's centres. */
static void fill_bilinear(struct axis *a, int i)
{
    int64_t at = (2 * (int64_t)i + 1) * a->src - a->dst, unit = 2 * (int64_t)a->dst;
    int64_t limit = ((int64_t)a->src - 1) * unit;
    at = at < 0 ? 0 : at > limit ? limit : at;
    int first = (int)(at / unit);
    int second = (int)(((at % unit) * MCU_RESIZE_ONE + unit / 2) / unit);
    int16_t *w = a->weights + (size_t)i * (size_t)a->taps;
    w[0] = (int16_t)(MCU_RESIZE_ONE - second);
    w[1] = (int16_t)second;
    a->start[i] = first;
    a->count[i] = second ? 2 : 1;
}

static int axis_set(struct axis *a, int src, int dst)
{
    if (a->src == src && a->dst == dst)
        return 0;
    axis_clear(a);
    int most = src > dst ? (src + dst - 1) / dst + 1 : 2;
    a->taps = most <= 4 ? 4 : (most + 7) & ~7;
    a->start = calloc((size_t)dst, sizeof(*a->start));
    a->count = calloc((size_t)dst, sizeof(*a->count));
    a->weights = calloc((size_t)dst * (size_t)a->taps, sizeof(*a->weights));
    if (!a->start || !a->count || !a->weights) {
        axis_clear(a);
        return -ENOMEM;
    }
    a->src = src;
    a->dst = dst;
    for (int i = 0; i < dst; i++) {
        if (src > dst)
            fill_area(a, i);
        else
            fill_bilinear(a, i);
    }
    return 0;
}

/* The row between the passes: the second pass reads `taps` samples from each start, and the sums of
 * whole ratios stand there too. */
static int reserve_mid(struct mcu_scaler *s, const struct axis *x)
{
    int need = mcu_max(x->src + x->taps, MCU_SHRINK_SUMS(1, x->src));
    if (need <= s->mid_len)
        return 0;
    int16_t *mid = calloc((size_t)need, sizeof(*mid));
    if (!mid)
        return -ENOMEM;
    free(s->mid);
    s->mid = mid;
    s->mid_len = need;
    return 0;
}

static int plane_set(struct mcu_scaler *s, struct plane_scale *p, int src_w, int src_h, int dst_w,
                     int dst_h)
{
    int rc = axis_set(&p->x, src_w, dst_w);
    if (rc == 0)
        rc = axis_set(&p->y, src_h, dst_h);
    return rc == 0 ? reserve_mid(s, &p->x) : rc;
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

static void shrink(const struct mcu_scaler *s, mcu_shrink_fn *row, int ratio, struct plane src,
                   struct plane dst, int w, int h)
{
    for (int y = 0; y < h; y++)
        row(dst.at + y * dst.stride, src.at + (ptrdiff_t)y * ratio * src.stride, src.stride, w,
            s->mid);
}

static void scale_general(const struct mcu_scaler *s, const struct plane_scale *p, struct plane src,
                          struct plane dst)
{
    for (int i = 0; i < p->y.dst; i++) {
        s->resize->vertical(s->mid, src.at + p->y.start[i] * src.stride, src.stride,
                            p->y.weights + (size_t)i * (size_t)p->y.taps, p->y.count[i], p->x.src);
        s->resize->horizontal(dst.at + i * dst.stride, s->mid, p->x.start, p->x.weights, p->x.taps,
                              p->x.dst);
    }
}

/* The whole number by which both directions shrink, or 0. */
static int ratio_of(const struct plane_scale *p)
{
    int ratio = p->x.src / p->x.dst;
    return p->x.src == ratio * p->x.dst && p->y.src == ratio * p->y.dst ? ratio : 0;
}

static void scale_plane(const struct mcu_scaler *s, const struct plane_scale *p, struct plane src,
                        struct plane dst)
{
    mcu_shrink_fn *const whole[] = { [2] = s->resize->shrink2, [3] = s->resize->shrink3,
                                     [4] = s->resize->shrink4, [5] = s->resize->shrink5 };
    int w = p->x.dst, h = p->y.dst, ratio = ratio_of(p);
    if (ratio == 1) {
        for (int y = 0; y < h; y++)
            memcpy(dst.at + y * dst.stride, src.at + y * src.stride, (size_t)w);
    } else if (ratio >= 2 && ratio <= 5) {
        shrink(s, whole[ratio], ratio, src, dst, w, h);
    } else {
        scale_general(s, p, src, dst);
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
