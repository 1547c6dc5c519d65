/* mixer/dsp/resize_lanes.h - both passes of any ratio of resize.h over lanes.h, for the file of each
 * level to include. Threads: any. */
#ifndef MCU_MIXER_DSP_RESIZE_LANES_H
#define MCU_MIXER_DSP_RESIZE_LANES_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "mixer/dsp/shrink_lanes.h"

#ifdef LANES

/* Row k of n, the last one again behind it: pairs are whole, and the weight there is 0. */
static inline const uint8_t *row_at(const uint8_t *p, ptrdiff_t stride, int k, int n)
{
    return p + (k < n ? k : n - 1) * stride;
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

/* `pairs` of rows, known to the compiler where they are few. */
static inline void add_rows8(int16_t *mid, const uint8_t *src, ptrdiff_t stride,
                             const lanes *weights, int rows, int pairs, int w,
                             struct mcu_resize_ahead ahead)
{
    int share = share_of(ahead, (w + BLOCK - 1) / BLOCK);
    for (int i = 0; i < w; i = next_block(i, w)) {
        lanes lo = set8(0), hi = lo;
        fetch_share(&ahead, share);
        for (int k = 0; k < pairs; k++) {
            lanes a = load(row_at(src, stride, 2 * k, rows) + i);
            lanes b = load(row_at(src, stride, 2 * k + 1, rows) + i);
            lo = add16(lo, pairs8(zip_lo8(a, b), weights[k]));
            hi = add16(hi, pairs8(zip_hi8(a, b), weights[k]));
        }
        store_words(mid + i, lo, hi);
    }
}

/* One row alone weighs all. */
static void widen(int16_t *mid, const uint8_t *src, int w)
{
    const lanes zero = set8(0);
    for (int i = 0; i < w; i = next_block(i, w)) {
        lanes v = load(src + i);
        store_words(mid + i, shl16(zip_lo8(v, zero), MCU_RESIZE_SHIFT),
                    shl16(zip_hi8(v, zero), MCU_RESIZE_SHIFT));
    }
}

static void rows8(int16_t *mid, const uint8_t *src, ptrdiff_t stride, const uint8_t *weights,
                  int rows, int w, struct mcu_resize_ahead ahead)
{
    lanes pair[MCU_RESIZE_ROWS / 2];
    if (w < BLOCK) {
        mcu_resize_c.rows8(mid, src, stride, weights, rows, w, ahead);
        return;
    }
    if (rows == 1) {
        widen(mid, src, w);
        return;
    }
    for (int k = 0; k < rows; k += 2)
        pair[k / 2] = set16(weights[k] | (k + 1 < rows ? weights[k + 1] << 8 : 0));
    if (rows == 2)
        add_rows8(mid, src, stride, pair, 2, 1, w, ahead);
    else if (rows <= 4)
        add_rows8(mid, src, stride, pair, rows, 2, w, ahead);
    else
        add_rows8(mid, src, stride, pair, rows, (rows + 1) / 2, w, ahead);
}

#define WORDS (8 * LANES)

static void rows16(int16_t *mid, const uint8_t *src, ptrdiff_t stride, const int16_t *weights,
                   int rows, int w, int shift)
{
    const lanes half = set32(1 << (shift - 1));
    int i = 0;
    for (; i + WORDS <= w; i += WORDS) {
        lanes lo = half, hi = half;
        for (int k = 0; k < rows; k += 2) {
            lanes a = load_wide(src + k * stride + i);
            lanes b = load_wide(row_at(src, stride, k + 1, rows) + i);
            uint32_t next = k + 1 < rows ? (uint16_t)weights[k + 1] : 0;
            lanes weight = set32((int)((uint16_t)weights[k] | next << 16));
            lo = add32(lo, pairs16(zip_lo16(a, b), weight));
            hi = add32(hi, pairs16(zip_hi16(a, b), weight));
        }
        store(mid + i, pack32(sra32(lo, shift), sra32(hi, shift)));
    }
    mcu_resize_c.rows16(mid + i, src + i, stride, weights, rows, w - i, shift);
}

/* Where four outputs of four taps find theirs among eight samples, whatever their pair of taps, 16
 * outputs are one of these: a vector is read and sorted, not four halves fetched. Groups of four
 * stand in the order in which vectors hold them. */
struct block16 {
    int32_t base[4];          /* of a group, into mid */
    uint8_t at[4][16];        /* the pair of each output, as bytes behind base */
    int16_t weights[2][4][8]; /* of the first and second pair of taps */
};

#if LANES == 2
static const int group_order[4] = { 0, 2, 1, 3 }; /* so that packing two vectors puts them right */
#else
static const int group_order[4] = { 0, 1, 2, 3 };
#endif

static bool groups_fit(const struct mcu_resize_taps *t)
{
    for (int i = 0; i < t->w; i += 4) {
        int last = i + 3 < t->w ? i + 3 : t->w - 1;
        if (t->start[last] - t->start[i] > 6)
            return false;
    }
    return t->taps == 4;
}

static void fill_group(struct block16 *b, int place, const struct mcu_resize_taps *t, int first)
{
    int base = t->start[first < t->w ? first : t->w - 1];
    b->base[place] = base;
    for (int k = 0; k < 4; k++) {
        int i = first + k;
        if (i >= t->w)
            break; /* the others stay 0 */
        for (int n = 0; n < 4; n++) {
            b->at[place][4 * k + n] = (uint8_t)(2 * (t->start[i] - base) + n);
            b->weights[n / 2][place][2 * k + n % 2] = t->weights[4 * (ptrdiff_t)i + n];
        }
    }
}

static inline int prepare(struct mcu_resize_taps *t)
{
    if (!groups_fit(t))
        return 0;
    int blocks = (t->w + 15) / 16;
    struct block16 *own = calloc((size_t)blocks, sizeof(*own));
    if (!own)
        return -ENOMEM;
    for (int n = 0; n < blocks; n++)
        for (int place = 0; place < 4; place++)
            fill_group(own + n, place, t, 16 * n + 4 * group_order[place]);
    t->own = own;
    return 0;
}

static inline lanes load_groups(const int16_t *mid, const int32_t *base)
{
#if LANES == 2
    return load_two(mid + base[0], mid + base[1]);
#else
    return load(mid + base[0]);
#endif
}

static inline lanes groups(const int16_t *mid, const struct block16 *b, int g, lanes half, int shift)
{
    lanes at = load(b->at[g]);
    lanes v = pairs16(shuffle8(load_groups(mid, b->base + g), at), load(b->weights[0][g]));
    lanes w = pairs16(shuffle8(load_groups(mid + 2, b->base + g), at), load(b->weights[1][g]));
    return sra32(add32(add32(v, w), half), shift);
}

static inline void horizontal16(uint8_t *dst, const int16_t *mid, const struct block16 *b, int shift)
{
    const lanes half = set32(1 << (shift - 1));
    lanes v = pack32(groups(mid, b, 0, half, shift), groups(mid, b, LANES, half, shift));
#if LANES == 2
    store_low_halves(dst, pack16(v, v));
#else
    store(dst, pack16(v, pack32(groups(mid, b, 2, half, shift), groups(mid, b, 3, half, shift))));
#endif
}

static void horizontal_groups(uint8_t *dst, const int16_t *mid, const struct mcu_resize_taps *t,
                              int shift, struct mcu_resize_ahead ahead)
{
    int share = share_of(ahead, (t->w + 15) / 16);
    const struct block16 *b = t->own;
    uint8_t tail[16];
    int i = 0;
    for (; i + 16 <= t->w; i += 16) {
        fetch_share(&ahead, share);
        horizontal16(dst + i, mid, b++, shift);
    }
    if (i < t->w) {
        horizontal16(tail, mid, b, shift);
        memcpy(dst + i, tail, (size_t)(t->w - i));
    }
}

/* Output i, and in the second lane i + 4, of many taps: four partial sums each. */
static inline lanes partial_sums(const int16_t *mid, const struct mcu_resize_taps *t, int i)
{
    const int16_t *m = mid + t->start[i], *k = t->weights + (ptrdiff_t)i * t->taps;
    lanes sum = set8(0);
    for (int n = 0; n < t->taps; n += 8) {
#if LANES == 2
        const int16_t *m4 = mid + t->start[i + 4];
        sum = add32(sum, pairs16(load_two(m + n, m4 + n), load_two(k + n, k + 4 * t->taps + n)));
#else
        sum = add32(sum, pairs16(load(m + n), load(k + n)));
#endif
    }
    return sum;
}

/* Outputs i and i + 1, and in the second lane i + 4 and i + 5, of four taps: two partial sums. */
static inline lanes partial_sums4(const int16_t *mid, const struct mcu_resize_taps *t, int i)
{
    const int32_t *at = t->start + i;
    const int16_t *k = t->weights + 4 * (ptrdiff_t)i;
#if LANES == 2
    return pairs16(load_halves(mid + at[0], mid + at[1], mid + at[4], mid + at[5]),
                   load_two(k, k + 16));
#else
    return pairs16(load_halves(mid + at[0], mid + at[1], NULL, NULL), load(k));
#endif
}

#define QUADS (4 * LANES)

static void horizontal(uint8_t *dst, const int16_t *mid, const struct mcu_resize_taps *t, int shift,
                       struct mcu_resize_ahead ahead)
{
    const lanes half = set32(1 << (shift - 1));
    int i = 0, share = share_of(ahead, (t->w + QUADS - 1) / QUADS);
    if (t->own) {
        horizontal_groups(dst, mid, t, shift, ahead);
        return;
    }
    for (; i + QUADS <= t->w; i += QUADS) {
        lanes a, b;
        fetch_share(&ahead, share);
        if (t->taps == 4) {
            a = partial_sums4(mid, t, i);
            b = partial_sums4(mid, t, i + 2);
        } else {
            a = hadd32(partial_sums(mid, t, i), partial_sums(mid, t, i + 1));
            b = hadd32(partial_sums(mid, t, i + 2), partial_sums(mid, t, i + 3));
        }
        store_quads(dst + i, sra32(add32(hadd32(a, b), half), shift));
    }
    struct mcu_resize_taps rest = { .w = t->w - i, .taps = t->taps, .start = t->start + i,
                                    .weights = t->weights + (ptrdiff_t)i * t->taps };
    mcu_resize_c.horizontal(dst + i, mid, &rest, shift, ahead);
}

#endif
#endif
