/* mixer/dsp/taps_lanes.h - rows weighed across in Q7 (resize.h: prepare, across8, cubic_across) over
 * lanes.h, for the file of each level to include. Threads: any.
 *
 * A lane of 16 bytes is read from where its outputs' taps begin and sorted by one shuffle, so that
 * `chunk` taps of each of 16 / chunk outputs stand side by side; what their products give is added up
 * until one word is left of each output. Of 2:1 and less chunk is 2, and nothing is left to add. The
 * places of bytes and the weights come from a table, in the order in which they are used:
 *
 *   block (16 outputs in each lane) > vector (`chunk` of them) > part (`parts`, of `chunk` taps) */
#ifndef MCU_MIXER_DSP_TAPS_LANES_H
#define MCU_MIXER_DSP_TAPS_LANES_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "mixer/dsp/shrink_lanes.h"

#ifdef LANES

#define VECTOR (16 * LANES) /* bytes; also the outputs of a block */

struct taps_table {
    int chunk, parts;
    const int32_t *base;        /* [block][vector][lane], where to read */
    _Alignas(64) uint8_t data[]; /* [block][vector][part][places, weights][VECTOR] */
};

/* One tap that weighs something. */
struct tap {
    int at, weight;
};

/* Those of output i; returns how many. A weight of 128 or more is no signed byte: two halves are. At
 * most MCU_RESIZE_FEW of them, and at least two. */
static int taps_of(const struct mcu_resize_taps *t, int i, struct tap *tap)
{
    int n = 0, split = -1;
    for (int k = 0; k < t->taps; k++) {
        int weight = t->weights[(ptrdiff_t)i * t->taps + k];
        if (!weight)
            continue;
        split = weight > 127 ? n : split;
        tap[n++] = (struct tap){ t->start[i] + k, weight };
    }
    if (split >= 0) {
        tap[n] = tap[split];
        tap[n].weight /= 2;
        tap[split].weight -= tap[n++].weight;
    }
    return n;
}

/* The heaviest beside the lightest: four taps with negative ones then fit 16 bits in pairs. */
static void pair_off(struct tap tap[4])
{
    for (int i = 1; i < 4; i++)
        for (int k = i; k > 0 && tap[k].weight > tap[k - 1].weight; k--) {
            struct tap swap = tap[k];
            tap[k] = tap[k - 1];
            tap[k - 1] = swap;
        }
    struct tap last = tap[3];
    tap[3] = tap[2];
    tap[2] = tap[1];
    tap[1] = last;
}

/* Where a lane reads to find all taps of outputs i to end - 1 in its 16 bytes; -1: nowhere. *most
 * becomes the most taps of one. */
static int base_of(const struct mcu_resize_taps *t, int i, int end, int *most)
{
    int first = INT32_MAX, last = 0, base;
    for (; i < end; i++) {
        struct tap tap[MCU_RESIZE_FEW + 1];
        int n = taps_of(t, i, tap);
        *most = n > *most ? n : *most;
        for (int k = 0; k < n; k++) {
            first = tap[k].at < first ? tap[k].at : first;
            last = tap[k].at > last ? tap[k].at : last;
        }
    }
    base = first < t->src - 16 ? first : t->src - 16;
    base = base < 0 ? 0 : base;
    return last - base < 16 ? base : -1;
}

static bool chunk_fits(const struct mcu_resize_taps *t, int chunk, int *most)
{
    *most = 0;
    for (int i = 0, each = 16 / chunk; i < t->w; i += each)
        if (base_of(t, i, i + each < t->w ? i + each : t->w, most) < 0)
            return false;
    return true;
}

/* One lane: outputs from i on. Behind the last all is 0. */
static void fill_lane(uint8_t *data, int32_t *base, const struct taps_table *own,
                      const struct mcu_resize_taps *t, int i)
{
    int most = 0, each = 16 / own->chunk, end = i + each < t->w ? i + each : t->w;
    *base = i < end ? base_of(t, i, end, &most) : 0;
    for (int o = 0; i + o < end; o++) {
        struct tap tap[MCU_RESIZE_FEW + 4] = { { *base, 0 }, { *base, 0 }, { *base, 0 }, { *base, 0 } };
        int n = taps_of(t, i + o, tap);
        for (int k = n; k < 4; k++)
            tap[k] = (struct tap){ *base, 0 };
        if (n <= 4 && own->chunk * own->parts >= 4)
            pair_off(tap);
        for (int k = 0; k < (n < 4 ? 4 : n) && k < own->chunk * own->parts; k++) {
            uint8_t *part = data + 2 * VECTOR * (k / own->chunk);
            int at = o * own->chunk + k % own->chunk;
            part[at] = (uint8_t)(tap[k].at - *base);
            part[VECTOR + at] = (uint8_t)tap[k].weight;
        }
    }
}

static struct taps_table *new_table(int chunk, int parts, int blocks)
{
    size_t vectors = (size_t)blocks * (size_t)chunk;
    size_t data = vectors * (size_t)parts * 2 * VECTOR, base = vectors * LANES * sizeof(int32_t);
    size_t size = (sizeof(struct taps_table) + data + base + 63) & ~(size_t)63;
    struct taps_table *own = aligned_alloc(64, size);
    if (!own)
        return NULL;
    memset(own, 0, size);
    own->chunk = chunk;
    own->parts = parts;
    own->base = (const int32_t *)(const void *)(own->data + data);
    return own;
}

static int prepare(struct mcu_resize_taps *t)
{
    int chunk = 2, most, blocks = (t->w + VECTOR - 1) / VECTOR;
    while (!chunk_fits(t, chunk, &most))
        chunk *= 2; /* 16 taps always do */
    struct taps_table *own = new_table(chunk, (most + chunk - 1) / chunk, blocks);
    if (!own)
        return -ENOMEM;
    int32_t *base = (int32_t *)(uintptr_t)own->base;
    for (int v = 0; v < blocks * chunk; v++)
        for (int lane = 0; lane < LANES; lane++)
            fill_lane(own->data + 2 * VECTOR * (ptrdiff_t)own->parts * v + 16 * lane,
                      base + v * LANES + lane, own, t,
                      v / chunk * VECTOR + 16 * lane + v % chunk * (16 / chunk));
    t->own = own;
    return 0;
}

/* The block being made; `chunk` and `parts` are known to the compiler, where they are few. */
struct taps_block {
    const uint8_t *row, *data;
    const int32_t *base;
};

static inline lanes load_lanes(const uint8_t *row, const int32_t *base)
{
#if LANES == 2
    return load_two(row + base[0], row + base[1]);
#else
    return load(row + base[0]);
#endif
}

/* Sums of pairs of vector v. */
static inline lanes sums2(const struct taps_block *b, int v, int parts)
{
    lanes in = load_lanes(b->row, b->base + v * LANES);
    const uint8_t *data = b->data + 2 * VECTOR * v * parts;
    lanes sum = pairs8_signed(shuffle8(in, load(data)), load(data + VECTOR));
    for (int k = 1; k < parts; k++) {
        data += 2 * VECTOR;
        sum = add16(sum, pairs8_signed(shuffle8(in, load(data)), load(data + VECTOR)));
    }
    return sum;
}

static inline lanes sums4(const struct taps_block *b, int v, int parts)
{
    lanes lo = sums2(b, v, parts);
    return hadd16(lo, sums2(b, v + 1, parts));
}

static inline lanes sums8(const struct taps_block *b, int v, int parts)
{
    lanes lo = sums4(b, v, parts);
    return hadd16(lo, sums4(b, v + 2, parts));
}

/* One half of the block's outputs: 8 in each lane. */
static inline lanes half_block(const struct taps_block *b, int half, int chunk, int parts)
{
    switch (chunk) {
    case 2:
        return sums2(b, half, parts);
    case 4:
        return sums4(b, 2 * half, parts);
    case 8:
        return sums8(b, 4 * half, parts);
    default: {
        lanes lo = sums8(b, 8 * half, parts);
        return hadd16(lo, sums8(b, 8 * half + 4, parts));
    }
    }
}

static inline lanes rounded_half(const struct taps_block *b, int half, int chunk, int parts)
{
    lanes sum = half_block(b, half, chunk, parts);
    return mul_round16(sub16(sum, set16(1)), set16(1 << 8)); /* (sum + 63) >> 7 */
}

static inline void across_row(uint8_t *dst, const uint8_t *row, const struct mcu_resize_taps *t,
                              int chunk, int parts, struct mcu_resize_ahead ahead)
{
    const struct taps_table *own = t->own;
    struct taps_block b = { row, own->data, own->base };
    int w = t->w, share = share_of(ahead, (w + VECTOR - 1) / VECTOR);
    for (int i = 0; i < w; i += VECTOR) {
        fetch_share(&ahead, share);
        lanes lo = rounded_half(&b, 0, chunk, parts), hi = rounded_half(&b, 1, chunk, parts);
        store_part(dst + i, pack16(lo, hi), w - i);
        b.data += 2 * VECTOR * chunk * parts;
        b.base += LANES * chunk;
    }
}

/* A row of less than 16 samples, with room to read them. */
#define ROOMY(row, t)                                                                              \
    uint8_t room[16] = { 0 };                                                                      \
    if ((t)->src < 16)                                                                             \
        row = memcpy(room, row, (size_t)(t)->src)

static void across8(uint8_t *dst, const uint8_t *row, const struct mcu_resize_taps *t,
                    struct mcu_resize_ahead ahead)
{
    const struct taps_table *own = t->own;
    ROOMY(row, t);
    if (own->chunk == 2 && own->parts == 1)
        across_row(dst, row, t, 2, 1, ahead);
    else if (own->chunk == 2)
        across_row(dst, row, t, 2, own->parts, ahead);
    else if (own->chunk == 4 && own->parts == 1)
        across_row(dst, row, t, 4, 1, ahead);
    else if (own->chunk == 4)
        across_row(dst, row, t, 4, own->parts, ahead);
    else if (own->chunk == 8)
        across_row(dst, row, t, 8, own->parts, ahead);
    else
        across_row(dst, row, t, 16, own->parts, ahead);
}

static inline void cubic_row(int16_t *row, const uint8_t *src, const struct mcu_resize_taps *t,
                             int parts)
{
    const struct taps_table *own = t->own;
    const lanes middle = set16(128 * MCU_RESIZE_BYTE);
    struct taps_block b = { src, own->data, own->base };
    for (int i = 0, w = t->w; i < w; i += VECTOR) {
        store(row + i, sub16(sums2(&b, 0, parts), middle));
        store(row + i + VECTOR / 2, sub16(sums2(&b, 1, parts), middle));
        b.data += 4 * VECTOR * parts;
        b.base += 2 * LANES;
    }
}

/* Word k of lane n of the second of a block's two vectors stands for output 16 * n + 8 + k: so
 * packing brings them in order. */
static inline void cubic_across(int16_t *row, const uint8_t *src, const struct mcu_resize_taps *t)
{
    const struct taps_table *own = t->own;
    ROOMY(src, t);
    if (own->parts == 1)
        cubic_row(row, src, t, 1);
    else
        cubic_row(row, src, t, 2);
}

/* Four rows at one place. */
static inline lanes weigh_rows(const int16_t *a, const int16_t *b, const int16_t *c,
                               const int16_t *d, const lanes weight[4])
{
    lanes outer = add16(mul_round16(load(a), weight[0]), mul_round16(load(d), weight[3]));
    lanes inner = add16(mul_round16(load(b), weight[1]), mul_round16(load(c), weight[2]));
    return mul_round16(add16(outer, inner), set16(1 << 9)); /* >> 6, rounded */
}

static inline void cubic_down(uint8_t *dst, const int16_t *const rows[4], const int16_t *weights, int w)
{
    const lanes weight[4] = { set16(weights[0]), set16(weights[1]), set16(weights[2]),
                              set16(weights[3]) };
    const int16_t *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3];
    for (int i = 0; i < w; i += VECTOR) {
        int k = i + VECTOR / 2;
        lanes lo = weigh_rows(a + i, b + i, c + i, d + i, weight);
        lanes hi = weigh_rows(a + k, b + k, c + k, d + k, weight);
        store_part(dst + i, flip(pack16_signed(lo, hi), set8(0x80)), w - i);
    }
}

#endif
#endif
