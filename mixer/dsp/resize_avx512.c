/* What 64-byte vectors, byte shuffles across all of them and dot products make faster than AVX2;
 * the other kernels are those of resize_lanes.h, built with 32 registers. */
#include "mixer/dsp/cpu.h"

#if defined(MCU_DSP_X86)

#include "mixer/dsp/resize_lanes.h"

#define WIDE 64

static inline __m512i load512(const void *p)
{
    return _mm512_loadu_si512(p);
}

/* Sums over three rows of 16 times three samples. */
static inline __m512i sums_of_3(const uint8_t *p, ptrdiff_t stride, __m512i threes)
{
    const __mmask64 all = (UINT64_C(1) << 48) - 1; /* the others read as 0 */
    const __m512i ones = _mm512_set1_epi8(1);
    __m512i sum = _mm512_setzero_si512();
    for (int row = 0; row < 3; row++) {
        __m512i v = _mm512_maskz_loadu_epi8(all, p + row * stride);
        sum = _mm512_dpbusd_epi32(sum, _mm512_permutexvar_epi8(threes, v), ones);
    }
    return sum;
}

static void shrink3_wide(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w)
{
    const __m512i ninth_of = _mm512_set1_epi16(3641);
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    uint8_t at[WIDE];
    if (w < WIDE) {
        shrink3(dst, src, stride, w);
        return;
    }
    for (int i = 0; i < WIDE; i++)
        at[i] = (uint8_t)(i % 4 < 3 ? i / 4 * 3 + i % 4 : 63);
    const __m512i threes = load512(at);
    struct ahead next = ahead_of(src, stride, 3, 3 * w);
    for (int i = 0; i < w; i = i + 2 * WIDE > w && i + WIDE < w ? w - WIDE : i + WIDE) {
        const uint8_t *p = src + 3 * (ptrdiff_t)i;
        fetch_lines(&next, 9, FETCH_FAR);
        __m512i a = sums_of_3(p, stride, threes), b = sums_of_3(p + 48, stride, threes);
        __m512i c = sums_of_3(p + 96, stride, threes), d = sums_of_3(p + 144, stride, threes);
        a = _mm512_mulhrs_epi16(_mm512_packs_epi32(a, b), ninth_of);
        c = _mm512_mulhrs_epi16(_mm512_packs_epi32(c, d), ninth_of);
        a = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(a, c));
        _mm512_storeu_si512(dst + i, a);
    }
}

static void rows8_wide(uint8_t *row, const uint8_t *src, ptrdiff_t stride, const uint8_t *weights,
                       int rows, int w, struct mcu_resize_ahead ahead)
{
    const __m512i scale = _mm512_set1_epi16(1 << 8);
    __m512i pair[MCU_RESIZE_FEW / 2];
    if (w < WIDE || rows == 1) {
        rows8(row, src, stride, weights, rows, w, ahead);
        return;
    }
    int share = share_of(ahead, (w + WIDE - 1) / WIDE);
    for (int k = 0; k < rows; k += 2)
        pair[k / 2] = _mm512_set1_epi16(
            (short)(weights[k] | (k + 1 < rows ? weights[k + 1] << 8 : 0)));
    for (int i = 0; i < w; i = i + 2 * WIDE > w && i + WIDE < w ? w - WIDE : i + WIDE) {
        __m512i lo = _mm512_setzero_si512(), hi = lo;
        fetch_share(&ahead, share);
        for (int k = 0; k < rows; k += 2) {
            __m512i a = load512(src + k * stride + i);
            __m512i b = load512(row_at(src, stride, k + 1, rows) + i);
            lo = _mm512_add_epi16(lo, _mm512_maddubs_epi16(_mm512_unpacklo_epi8(a, b), pair[k / 2]));
            hi = _mm512_add_epi16(hi, _mm512_maddubs_epi16(_mm512_unpackhi_epi8(a, b), pair[k / 2]));
        }
        lo = _mm512_mulhrs_epi16(lo, scale);
        _mm512_storeu_si512(row + i, _mm512_packus_epi16(lo, _mm512_mulhrs_epi16(hi, scale)));
    }
}

/* Tables of taps_lanes.h with a vector of 32 outputs whose taps all lie within 64 samples, so that
 * one shuffle finds them; `chunk` says that it is one of these. Across, they stand in order; where
 * enlarging, as four lanes that cubic_down_wide packs (outputs 16 * lane + 8 * (v & 1) on). */
static int output_of(bool in_order, int v, int k)
{
    return in_order ? 32 * v + k : v / 2 * WIDE + k / 8 * 16 + v % 2 * 8 + k % 8;
}

/* Where vector v reads, or -1; *most becomes the most taps of an output. */
static int wide_base(const struct mcu_resize_taps *t, bool in_order, int v, int *most)
{
    int first = INT32_MAX, last = 0;
    for (int k = 0; k < 32; k++) {
        struct tap tap[MCU_RESIZE_FEW + 1];
        int i = output_of(in_order, v, k), n = i < t->w ? taps_of(t, i, tap) : 0;
        *most = n > *most ? n : *most;
        for (int j = 0; j < n; j++) {
            first = tap[j].at < first ? tap[j].at : first;
            last = tap[j].at > last ? tap[j].at : last;
        }
    }
    first = first < t->src - WIDE ? first : t->src - WIDE;
    first = first < 0 ? 0 : first;
    return last - first < WIDE ? first : -1;
}

static void fill_wide(struct taps_table *own, const struct mcu_resize_taps *t, bool in_order, int v,
                      int base)
{
    uint8_t *data = own->data + 2 * WIDE * (ptrdiff_t)own->parts * v;
    for (int k = 0; k < 32; k++) {
        struct tap tap[MCU_RESIZE_FEW + 1];
        int i = output_of(in_order, v, k), n = i < t->w ? taps_of(t, i, tap) : 0;
        for (int j = n; j < 2 * own->parts; j++)
            tap[j] = (struct tap){ base, 0 };
        if (own->parts == 2)
            pair_off(tap);
        for (int j = 0; j < 2 * own->parts; j++) {
            data[2 * WIDE * (j / 2) + 2 * k + j % 2] = (uint8_t)(tap[j].at - base);
            data[2 * WIDE * (j / 2) + WIDE + 2 * k + j % 2] = (uint8_t)tap[j].weight;
        }
    }
}

/* The table, or NULL: no memory, or nothing for these taps. */
static struct taps_table *wide_table(const struct mcu_resize_taps *t, bool in_order)
{
    int most = 2, vectors = (t->w + WIDE - 1) / WIDE * 2;
    for (int v = 0; v < vectors; v++)
        if (wide_base(t, in_order, v, &most) < 0)
            return NULL;
    int parts = (most + 1) / 2;
    size_t data = (size_t)(vectors * parts) * 2 * WIDE;
    size_t size = sizeof(struct taps_table) + data + (size_t)vectors * sizeof(int32_t);
    struct taps_table *own = parts > 2 ? NULL : aligned_alloc(64, (size + 63) & ~(size_t)63);
    if (!own)
        return NULL;
    int32_t *base = (int32_t *)(void *)(own->data + data);
    own->chunk = WIDE;
    own->parts = parts;
    own->base = base;
    for (int v = 0; v < vectors; v++) {
        base[v] = wide_base(t, in_order, v, &most);
        fill_wide(own, t, in_order, v, base[v]);
    }
    return own;
}

static int prepare_wide(struct mcu_resize_taps *t)
{
    t->own = t->src < WIDE ? NULL : wide_table(t, true);
    return t->own ? 0 : prepare(t);
}

static int prepare_cubic_wide(struct mcu_resize_taps *t)
{
    t->own = wide_table(t, false); /* 64 outputs always fit */
    return t->own ? 0 : -ENOMEM;
}

static inline __m512i sums_wide(const uint8_t *at, const uint8_t *data, int parts)
{
    __m512i in = load512(at);
    __m512i sum = _mm512_maddubs_epi16(_mm512_permutexvar_epi8(load512(data), in),
                                       load512(data + WIDE));
    if (parts < 2)
        return sum;
    in = _mm512_permutexvar_epi8(load512(data + 2 * WIDE), in);
    return _mm512_add_epi16(sum, _mm512_maddubs_epi16(in, load512(data + 3 * WIDE)));
}

static inline void across_wide_row(uint8_t *dst, const uint8_t *row, const struct mcu_resize_taps *t,
                                   int parts, struct mcu_resize_ahead ahead)
{
    const struct taps_table *own = t->own;
    const __m512i one = _mm512_set1_epi16(1), scale = _mm512_set1_epi16(1 << 8);
    const uint8_t *data = own->data;
    const int32_t *base = own->base;
    int w = t->w, share = share_of(ahead, (w + 31) / 32);
    for (int i = 0; i < w; i += 32, data += 2 * WIDE * parts) {
        fetch_share(&ahead, share);
        __m512i sum = _mm512_sub_epi16(sums_wide(row + *base++, data, parts), one);
        __m256i v = _mm512_cvtepi16_epi8(_mm512_mulhrs_epi16(sum, scale));
        if (i + 32 <= w)
            _mm256_storeu_si256((__m256i *)(void *)(dst + i), v);
        else
            _mm256_mask_storeu_epi8(dst + i, (1u << (w - i)) - 1, v);
    }
}

static void across8_wide(uint8_t *dst, const uint8_t *row, const struct mcu_resize_taps *t,
                         struct mcu_resize_ahead ahead)
{
    const struct taps_table *own = t->own;
    if (own->chunk != WIDE)
        across8(dst, row, t, ahead);
    else if (own->parts == 1)
        across_wide_row(dst, row, t, 1, ahead);
    else
        across_wide_row(dst, row, t, 2, ahead);
}

static inline void cubic_wide_row(int16_t *row, const uint8_t *src, const struct mcu_resize_taps *t,
                                  int parts)
{
    const struct taps_table *own = t->own;
    const __m512i middle = _mm512_set1_epi16(128 * MCU_RESIZE_BYTE);
    const uint8_t *data = own->data;
    const int32_t *base = own->base;
    for (int i = 0, w = (t->w + WIDE - 1) & ~(WIDE - 1); i < w; i += 32, data += 2 * WIDE * parts)
        _mm512_storeu_si512(row + i, _mm512_sub_epi16(sums_wide(src + *base++, data, parts), middle));
}

static void cubic_across_wide(int16_t *row, const uint8_t *src, const struct mcu_resize_taps *t)
{
    const struct taps_table *own = t->own;
    uint8_t room[WIDE] = { 0 };
    if (t->src < WIDE)
        src = memcpy(room, src, (size_t)t->src);
    if (own->parts == 1)
        cubic_wide_row(row, src, t, 1);
    else
        cubic_wide_row(row, src, t, 2);
}

static inline __m512i weigh_rows_wide(const int16_t *a, const int16_t *b, const int16_t *c,
                                      const int16_t *d, const __m512i weight[4])
{
    __m512i outer = _mm512_add_epi16(_mm512_mulhrs_epi16(load512(a), weight[0]),
                                     _mm512_mulhrs_epi16(load512(d), weight[3]));
    __m512i inner = _mm512_add_epi16(_mm512_mulhrs_epi16(load512(b), weight[1]),
                                     _mm512_mulhrs_epi16(load512(c), weight[2]));
    return _mm512_mulhrs_epi16(_mm512_add_epi16(outer, inner), _mm512_set1_epi16(1 << 9));
}

static void cubic_down_wide(uint8_t *dst, const int16_t *const rows[4], const int16_t *weights, int w)
{
    const __m512i weight[4] = { _mm512_set1_epi16(weights[0]), _mm512_set1_epi16(weights[1]),
                                _mm512_set1_epi16(weights[2]), _mm512_set1_epi16(weights[3]) };
    const int16_t *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3];
    for (int i = 0; i < w; i += WIDE) {
        int k = i + WIDE / 2;
        __m512i lo = weigh_rows_wide(a + i, b + i, c + i, d + i, weight);
        __m512i hi = weigh_rows_wide(a + k, b + k, c + k, d + k, weight);
        __m512i v = _mm512_xor_si512(_mm512_packs_epi16(lo, hi), _mm512_set1_epi8(-128));
        if (i + WIDE <= w)
            _mm512_storeu_si512(dst + i, v);
        else
            _mm512_mask_storeu_epi8(dst + i, (UINT64_C(1) << (w - i)) - 1, v);
    }
}

const struct mcu_resize_dsp mcu_resize_avx512 = {
    shrink2, shrink3_wide, shrink4, shrink5, shrink3to2, rows8_wide, prepare_wide, prepare_cubic_wide,
    across8_wide, cubic_across_wide, cubic_down_wide, rows16, across16
};

#else
typedef int mcu_resize_avx512_is_empty; /* ISO C wants something in a file */
#endif
