/* mixer/dsp/resize_lanes.h - both passes of any ratio of resize.h over lanes.h, for the file of each
 * level to include. Threads: any. */
#ifndef MCU_MIXER_DSP_RESIZE_LANES_H
#define MCU_MIXER_DSP_RESIZE_LANES_H

#include "mixer/dsp/taps_lanes.h"

#ifdef LANES

/* Row k of n, the last one again behind it: pairs are whole, and the weight there is 0. */
static inline const uint8_t *row_at(const uint8_t *p, ptrdiff_t stride, int k, int n)
{
    return p + (k < n ? k : n - 1) * stride;
}

/* `pairs` of rows, known to the compiler where they are few. */
static inline void add_rows8(uint8_t *row, const uint8_t *src, ptrdiff_t stride,
                             const lanes *weights, int rows, int pairs, int w,
                             struct mcu_resize_ahead ahead)
{
    const lanes scale = set16(1 << 8); /* >> 7, rounded */
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
        store(row + i, pack16(mul_round16(lo, scale), mul_round16(hi, scale)));
    }
}

static void rows8(uint8_t *row, const uint8_t *src, ptrdiff_t stride, const uint8_t *weights,
                  int rows, int w, struct mcu_resize_ahead ahead)
{
    lanes pair[MCU_RESIZE_FEW / 2];
    if (rows == 1) {
        memcpy(row, src, (size_t)w);
        return;
    }
    if (w < BLOCK) {
        mcu_resize_c.rows8(row, src, stride, weights, rows, w, ahead);
        return;
    }
    for (int k = 0; k < rows; k += 2)
        pair[k / 2] = set16(weights[k] | (k + 1 < rows ? weights[k + 1] << 8 : 0));
    if (rows == 2)
        add_rows8(row, src, stride, pair, 2, 1, w, ahead);
    else if (rows <= 4)
        add_rows8(row, src, stride, pair, rows, 2, w, ahead);
    else if (rows <= 6)
        add_rows8(row, src, stride, pair, rows, 3, w, ahead);
    else if (rows <= 8)
        add_rows8(row, src, stride, pair, rows, 4, w, ahead);
    else
        add_rows8(row, src, stride, pair, rows, (rows + 1) / 2, w, ahead);
}

#define WORDS (8 * LANES)

static void rows16(int16_t *mid, const uint8_t *src, ptrdiff_t stride, const int16_t *weights,
                   int rows, int w)
{
    const int shift = 14 - MCU_RESIZE_Q;
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
    mcu_resize_c.rows16(mid + i, src + i, stride, weights, rows, w - i);
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

static void across16(uint8_t *dst, const int16_t *mid, const struct mcu_resize_taps *t)
{
    const int shift = 14 + MCU_RESIZE_Q;
    const lanes half = set32(1 << (shift - 1));
    int i = 0;
    for (; i + QUADS <= t->w; i += QUADS) {
        lanes a, b;
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
    mcu_resize_c.across16(dst + i, mid, &rest);
}

#endif
#endif
