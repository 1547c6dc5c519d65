/* mixer/dsp/shrink_lanes.h - the shrink kernels of resize.h over lanes.h, for the file of each
 * level to include. All rows of an output are added in registers while those of the next one are
 * asked for (struct ahead). What is left of a row after whole blocks is done by one that ends
 * with the row. Threads: any. */
#ifndef MCU_MIXER_DSP_SHRINK_LANES_H
#define MCU_MIXER_DSP_SHRINK_LANES_H

#include "mixer/dsp/lanes.h"
#include "mixer/dsp/resize.h"

#ifdef LANES

#define BLOCK (16 * LANES) /* outputs a step */

/* Where the block behind the one at i begins. */
static inline int next_block(int i, int w)
{
    int next = i + BLOCK;
    return next < w && next > w - BLOCK ? w - BLOCK : next;
}

/* One block's share of n blocks' work; asks for no more than is left. */
static inline void fetch_share(struct mcu_resize_ahead *a, int share)
{
    for (int k = 0; k < share && a->lines > 0; k++, a->lines--, a->at += 64)
        __builtin_prefetch((const void *)a->at);
}

static inline int share_of(struct mcu_resize_ahead a, int blocks)
{
    return (a.lines + blocks - 1) / blocks;
}

/* The first n bytes, or all. */
static inline void store_part(uint8_t *p, lanes v, int n)
{
    uint8_t all[16 * LANES];
    if (n >= 16 * LANES) {
        store(p, v);
        return;
    }
    store(all, v);
    memcpy(p, all, (size_t)n);
}

/* Sums of pairs of columns over the rows. */
static inline lanes sum_pairs(const uint8_t *p, ptrdiff_t stride, int rows)
{
    const lanes ones = set8(1);
    lanes sum = pairs8(load(p), ones);
    for (int row = 1; row < rows; row++)
        sum = add16(sum, pairs8(load(p + row * stride), ones));
    return sum;
}

static void shrink2(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w)
{
    const lanes half = set16(2);
    if (w < BLOCK) {
        mcu_resize_c.shrink2(dst, src, stride, w);
        return;
    }
    struct ahead next = ahead_of(src, stride, 2, 2 * w);
    for (int i = 0; i < w; i = next_block(i, w)) {
        const uint8_t *p = src + 2 * (ptrdiff_t)i;
        fetch_lines(&next, BLOCK * 2 * 2 / 64, FETCH_FAR);
        lanes a = add16(sum_pairs(p, stride, 2), half);
        lanes b = add16(sum_pairs(p + BLOCK, stride, 2), half);
        store(dst + i, pack16_in_order(shr16(a, 2), shr16(b, 2)));
    }
}

/* Means, still 32 bit wide, of four columns each. */
static inline lanes sum_fours(const uint8_t *p, ptrdiff_t stride)
{
    lanes sum = pairs16(sum_pairs(p, stride, 4), set16(1));
    return sra32(add32(sum, set32(8)), 4);
}

static void shrink4(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w)
{
    if (w < BLOCK) {
        mcu_resize_c.shrink4(dst, src, stride, w);
        return;
    }
    struct ahead next = ahead_of(src, stride, 4, 4 * w);
    for (int i = 0; i < w; i = next_block(i, w)) {
        const uint8_t *p = src + 4 * (ptrdiff_t)i;
        fetch_lines(&next, BLOCK * 4 * 4 / 64, FETCH_FAR);
        lanes a = sum_fours(p, stride), b = sum_fours(p + BLOCK, stride);
        lanes c = sum_fours(p + 2 * BLOCK, stride), d = sum_fours(p + 3 * BLOCK, stride);
        store(dst + i, pack32_in_order(a, b, c, d));
    }
}

/* Sums over the rows of 16 columns in each lane, as two vectors of words. */
static inline void sum_columns(lanes out[2], const uint8_t *p, ptrdiff_t stride, int rows,
                               ptrdiff_t apart)
{
    const lanes ones = set8(1), zero = set8(0);
    lanes a = load_apart(p, apart), b = load_apart(p + stride, apart);
    lanes c = load_apart(p + 2 * stride, apart);
    lanes lo = pairs8(zip_lo8(a, b), ones), hi = pairs8(zip_hi8(a, b), ones);
    if (rows == 3) {
        out[0] = add16(lo, zip_lo8(c, zero));
        out[1] = add16(hi, zip_hi8(c, zero));
        return;
    }
    lanes d = load_apart(p + 3 * stride, apart), e = load_apart(p + 4 * stride, apart);
    lo = add16(lo, pairs8(zip_lo8(c, d), ones));
    hi = add16(hi, pairs8(zip_hi8(c, d), ones));
    out[0] = add16(lo, zip_lo8(e, zero));
    out[1] = add16(hi, zip_hi8(e, zero));
}

/* In `ratio` vectors of 8 sums stand those of 8 outputs, column ratio * i + k of output i in word
 * (ratio * i + k) % 8 of some vector, each word once for one k. Laid over each other they are one
 * vector, which turned by k words meets that of k = 0; `order_of` sorts what comes out. */
#define PLACE(ratio, j, k, l) (((8 * (j) + (l)) % (ratio) == (k)) << (l))
#define PLACES(ratio, j, k)                                                                        \
    (PLACE(ratio, j, k, 0) | PLACE(ratio, j, k, 1) | PLACE(ratio, j, k, 2) |                       \
     PLACE(ratio, j, k, 3) | PLACE(ratio, j, k, 4) | PLACE(ratio, j, k, 5) |                       \
     PLACE(ratio, j, k, 6) | PLACE(ratio, j, k, 7))
#define OVER3(c, k) BLEND16(BLEND16((c)[0], (c)[1], PLACES(3, 1, k)), (c)[2], PLACES(3, 2, k))
#define OVER5(c, k)                                                                                \
    BLEND16(BLEND16(BLEND16(BLEND16((c)[0], (c)[1], PLACES(5, 1, k)), (c)[2], PLACES(5, 2, k)),    \
                    (c)[3], PLACES(5, 3, k)), (c)[4], PLACES(5, 4, k))

static inline lanes order_of(int ratio)
{
    uint8_t order[16];
    for (int i = 0; i < 8; i++) {
        order[i] = (uint8_t)(ratio * i % 8);
        order[8 + i] = (uint8_t)(8 + order[i]);
    }
    return load_table(order);
}

static inline lanes ninth_of_3(const lanes *c)
{
    lanes v = add16(OVER3(c, 0), TURN16(OVER3(c, 1), 1));
    v = add16(v, TURN16(OVER3(c, 2), 2));
    return mul_round16(v, set16(3641));
}

static void shrink3(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w)
{
    const lanes order = order_of(3);
    if (w < BLOCK) {
        mcu_resize_c.shrink3(dst, src, stride, w);
        return;
    }
    struct ahead next = ahead_of(src, stride, 3, 3 * w);
    for (int i = 0; i < w; i = next_block(i, w)) {
        const uint8_t *p = src + 3 * (ptrdiff_t)i;
        lanes c[6];
        fetch_lines(&next, BLOCK * 3 * 3 / 64 + 1, FETCH_FAR);
        for (int k = 0; k < 3; k++)
            sum_columns(c + 2 * k, p + 16 * k, stride, 3, 48);
        store(dst + i, shuffle8(pack16(ninth_of_3(c), ninth_of_3(c + 3)), order));
    }
}

static inline lanes mean_of_5(const lanes *c)
{
    lanes v = add16(OVER5(c, 0), TURN16(OVER5(c, 1), 1));
    v = add16(v, TURN16(OVER5(c, 2), 2));
    lanes v2 = add16(TURN16(OVER5(c, 3), 3), TURN16(OVER5(c, 4), 4));
    v = add16(add16(v, v2), set16(12));
    return shr16(mul_high16(v, set16(20972)), 3);
}

static void shrink5(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w)
{
    const lanes order = order_of(5);
    if (w < BLOCK) {
        mcu_resize_c.shrink5(dst, src, stride, w);
        return;
    }
    struct ahead next = ahead_of(src, stride, 5, 5 * w);
    for (int i = 0; i < w; i = next_block(i, w)) {
        const uint8_t *p = src + 5 * (ptrdiff_t)i;
        lanes c[10];
        fetch_lines(&next, BLOCK * 5 * 5 / 64 + 1, FETCH_NEAR);
        for (int k = 0; k < 5; k++)
            sum_columns(c + 2 * k, p + 16 * k, stride, 5, 80);
        store(dst + i, shuffle8(pack16(mean_of_5(c), mean_of_5(c + 5)), order));
    }
}

/* Of one row: twice the outer sample and once the middle one, for 16 outputs in each lane. */
static inline void thirds(lanes out[2], const uint8_t *p)
{
    static const uint8_t low[16] = { 0, 1, 1, 2, 3, 4, 4, 5, 6, 7, 7, 8, 9, 10, 10, 11 };
    static const uint8_t high[16] = { 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11, 12, 13, 14, 14, 15 };
    static const uint8_t by[16] = { 2, 1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2 };
    const lanes weights = load_table(by);
    out[0] = pairs8(shuffle8(load_apart(p, 24), load_table(low)), weights);
    out[1] = pairs8(shuffle8(load_apart(p + 8, 24), load_table(high)), weights);
}

static inline lanes ninth(lanes outer, lanes middle)
{
    return mul_round16(add16(add16(outer, outer), middle), set16(3641));
}

static void shrink3to2(uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t stride,
                       int w)
{
    if (w < BLOCK) {
        mcu_resize_c.shrink3to2(dst, dst_stride, src, stride, w);
        return;
    }
    struct ahead next = ahead_of(src, stride, 3, 3 * w / 2);
    for (int i = 0; i < w; i = next_block(i, w)) {
        const uint8_t *p = src + 3 * (ptrdiff_t)(i / 2);
        lanes a[2], b[2], c[2];
        fetch_lines(&next, BLOCK * 3 * 3 / 2 / 64 + 1, FETCH_FAR);
        thirds(a, p);
        thirds(b, p + stride);
        thirds(c, p + 2 * stride);
        store(dst + i, pack16(ninth(a[0], b[0]), ninth(a[1], b[1])));
        store(dst + dst_stride + i, pack16(ninth(c[0], b[0]), ninth(c[1], b[1])));
    }
}

#endif
#endif
