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

static void rows8_wide(int16_t *mid, const uint8_t *src, ptrdiff_t stride, const uint8_t *weights,
                       int rows, int w, struct mcu_resize_ahead ahead)
{
    const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    __m512i pair[MCU_RESIZE_ROWS / 2];
    if (w < WIDE || rows == 1) {
        rows8(mid, src, stride, weights, rows, w, ahead);
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
        _mm512_storeu_si512(mid + i, _mm512_permutex2var_epi64(lo, low, hi));
        _mm512_storeu_si512(mid + i + 32, _mm512_permutex2var_epi64(lo, high, hi));
    }
}

/* 16 outputs whose taps all lie within 64 samples. */
struct wide_block {
    int32_t base;          /* into mid */
    uint16_t at[32];       /* of the first pair of taps of each output, behind base */
    int16_t weights[][32]; /* of each pair */
};

struct wide_table {
    int pairs;   /* of taps in use */
    size_t size; /* bytes of a block */
    uint8_t blocks[];
};

/* How many taps some output uses. */
static int taps_used(const struct mcu_resize_taps *t)
{
    for (int n = t->taps; n > 1; n--)
        for (int i = 0; i < t->w; i++)
            if (t->weights[(ptrdiff_t)i * t->taps + n - 1])
                return n;
    return 1;
}

static bool windows_fit(const struct mcu_resize_taps *t, int pairs)
{
    for (int i = 0; i < t->w; i += 16) {
        int last = i + 15 < t->w ? i + 15 : t->w - 1;
        if (t->start[last] - t->start[i] + 2 * pairs > 64)
            return false;
    }
    return true;
}

static void fill_block(struct wide_block *b, const struct mcu_resize_taps *t, int first, int pairs)
{
    b->base = t->start[first];
    for (int k = 0; k < 16 && first + k < t->w; k++) {
        int at = t->start[first + k] - b->base;
        b->at[2 * k] = (uint16_t)at;
        b->at[2 * k + 1] = (uint16_t)(at + 1);
        for (int n = 0; n < 2 * pairs; n++)
            b->weights[n / 2][2 * k + n % 2] = t->weights[(ptrdiff_t)(first + k) * t->taps + n];
    }
}

static int prepare_wide(struct mcu_resize_taps *t)
{
    int pairs = (taps_used(t) + 1) / 2, blocks = (t->w + 15) / 16;
    if (!windows_fit(t, pairs))
        return 0;
    size_t size = sizeof(struct wide_block) + (size_t)pairs * sizeof(int16_t[32]);
    struct wide_table *own = calloc(1, sizeof(*own) + size * (size_t)blocks);
    if (!own)
        return -ENOMEM;
    own->pairs = pairs;
    own->size = size;
    for (int n = 0; n < blocks; n++)
        fill_block((struct wide_block *)(void *)(own->blocks + size * (size_t)n), t, 16 * n, pairs);
    t->own = own;
    return 0;
}

static inline __m128i outputs16(const int16_t *mid, const struct wide_block *b, int pairs, int shift)
{
    const __m512i two = _mm512_set1_epi16(2);
    __m512i v = load512(mid + b->base), w = load512(mid + b->base + 32), at = load512(b->at);
    __m512i sum = _mm512_set1_epi32(1 << (shift - 1));
    for (int k = 0; k < pairs; k++) {
        __m512i taps = _mm512_permutex2var_epi16(v, at, w);
        sum = _mm512_dpwssd_epi32(sum, taps, load512(b->weights[k]));
        at = _mm512_add_epi16(at, two);
    }
    sum = _mm512_sra_epi32(sum, _mm_cvtsi32_si128(shift));
    return _mm512_cvtusepi32_epi8(_mm512_max_epi32(sum, _mm512_setzero_si512()));
}

static inline void wide_row(uint8_t *dst, const int16_t *mid, const struct wide_table *own,
                            int pairs, int w, int shift, struct mcu_resize_ahead ahead)
{
    const uint8_t *block = own->blocks;
    int share = share_of(ahead, (w + 15) / 16);
    for (int i = 0; i < w; i += 16, block += own->size) {
        fetch_share(&ahead, share);
        __m128i v = outputs16(mid, (const struct wide_block *)(const void *)block, pairs, shift);
        if (i + 16 <= w)
            _mm_storeu_si128((__m128i *)(dst + i), v);
        else
            _mm_mask_storeu_epi8(dst + i, (__mmask16)((1u << (w - i)) - 1), v);
    }
}

static void horizontal_wide(uint8_t *dst, const int16_t *mid, const struct mcu_resize_taps *t,
                            int shift, struct mcu_resize_ahead ahead)
{
    const struct wide_table *own = t->own;
    if (!own)
        horizontal(dst, mid, t, shift, ahead);
    else if (own->pairs == 2)
        wide_row(dst, mid, own, 2, t->w, shift, ahead);
    else
        wide_row(dst, mid, own, own->pairs, t->w, shift, ahead);
}

const struct mcu_resize_dsp mcu_resize_avx512 = {
    shrink2, shrink3_wide, shrink4, shrink5, shrink3to2, rows8_wide, rows16, prepare_wide,
    horizontal_wide
};

#else
typedef int mcu_resize_avx512_is_empty; /* ISO C wants something in a file */
#endif
