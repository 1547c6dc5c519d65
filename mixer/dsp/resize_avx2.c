#include "mixer/dsp/resize_avx2.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* What is left of a row after whole vectors goes to the C version, which gives the same bits. */

static __m256i load16_wide(const uint8_t *p)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)p));
}

static void vertical(int16_t *mid, const uint8_t *src, ptrdiff_t stride, const int16_t *weights,
                     int rows, int w)
{
    int i = 0;
    for (; i + 16 <= w; i += 16) {
        __m256i lo = _mm256_set1_epi32(1 << (MCU_RESIZE_SHIFT - 1)), hi = lo;
        const uint8_t *s = src + i;
        for (int k = 0; k < rows; k += 2, s += 2 * stride) {
            int second = k + 1 < rows;
            __m256i a = load16_wide(s);
            __m256i b = second ? load16_wide(s + stride) : _mm256_setzero_si256();
            uint32_t pair = (uint16_t)weights[k];
            if (second)
                pair |= (uint32_t)(uint16_t)weights[k + 1] << 16;
            __m256i weight = _mm256_set1_epi32((int)pair);
            lo = _mm256_add_epi32(lo, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), weight));
            hi = _mm256_add_epi32(hi, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), weight));
        }
        lo = _mm256_srai_epi32(lo, MCU_RESIZE_SHIFT);
        hi = _mm256_srai_epi32(hi, MCU_RESIZE_SHIFT);
        _mm256_storeu_si256((__m256i *)(mid + i), _mm256_packs_epi32(lo, hi));
    }
    mcu_resize_c.vertical(mid + i, src + i, stride, weights, rows, w - i);
}

static __m128i load8(const int16_t *p)
{
    return _mm_loadl_epi64((const __m128i *)p);
}

static __m128i load16(const int16_t *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

static __m256i join(__m128i low, __m128i high)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

/* Two output samples of four taps each. */
static __m128i two_of_4(const int16_t *mid, const int32_t *start)
{
    return _mm_unpacklo_epi64(load8(mid + start[0]), load8(mid + start[1]));
}

/* Eight 32-bit sums to eight bytes. Sums are in order. */
static void store_rounded(uint8_t *dst, __m256i sums)
{
    sums = _mm256_srai_epi32(_mm256_add_epi32(sums, _mm256_set1_epi32(1 << 20)), 21);
    __m128i v = _mm_packs_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    _mm_storel_epi64((__m128i *)dst, _mm_packus_epi16(v, v));
}

static int horizontal4(uint8_t *dst, const int16_t *mid, const int32_t *start,
                       const int16_t *weights, int w)
{
    int i = 0;
    for (; i + 8 <= w; i += 8) {
        const int32_t *at = start + i;
        const int16_t *k = weights + 4 * (ptrdiff_t)i;
        /* Lanes so ordered that hadd leaves samples 0 to 3 in the low half, 4 to 7 in the high. */
        __m256i a = join(two_of_4(mid, at), two_of_4(mid, at + 4));
        __m256i b = join(two_of_4(mid, at + 2), two_of_4(mid, at + 6));
        a = _mm256_madd_epi16(a, join(load16(k), load16(k + 16)));
        b = _mm256_madd_epi16(b, join(load16(k + 8), load16(k + 24)));
        store_rounded(dst + i, _mm256_hadd_epi32(a, b));
    }
    return i;
}

/* Samples i and i + 4 of many taps, four partial sums each. */
static __m256i pair_sums(const int16_t *mid, const int32_t *start, const int16_t *weights, int taps)
{
    const int16_t *m0 = mid + start[0], *m4 = mid + start[4];
    const int16_t *k0 = weights, *k4 = weights + 4 * (ptrdiff_t)taps;
    __m256i sum = _mm256_setzero_si256();
    for (int t = 0; t < taps; t += 8) {
        __m256i m = join(load16(m0 + t), load16(m4 + t));
        __m256i k = join(load16(k0 + t), load16(k4 + t));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(m, k));
    }
    return sum;
}

static int horizontal8(uint8_t *dst, const int16_t *mid, const int32_t *start,
                       const int16_t *weights, int taps, int w)
{
    int i = 0;
    for (; i + 8 <= w; i += 8) {
        __m256i s[4];
        for (int j = 0; j < 4; j++)
            s[j] = pair_sums(mid, start + i + j, weights + (ptrdiff_t)(i + j) * taps, taps);
        store_rounded(dst + i, _mm256_hadd_epi32(_mm256_hadd_epi32(s[0], s[1]),
                                                 _mm256_hadd_epi32(s[2], s[3])));
    }
    return i;
}

static void horizontal(uint8_t *dst, const int16_t *mid, const int32_t *start,
                       const int16_t *weights, int taps, int w)
{
    int i = taps == 4 ? horizontal4(dst, mid, start, weights, w)
                      : horizontal8(dst, mid, start, weights, taps, w);
    mcu_resize_c.horizontal(dst + i, mid, start + i, weights + (ptrdiff_t)i * taps, taps, w - i);
}

const struct mcu_resize_dsp mcu_resize_avx2 = {
    mcu_shrink2_avx2, mcu_shrink3_avx2, mcu_shrink4_avx2, mcu_shrink5_avx2, vertical, horizontal
};

#else
typedef int mcu_resize_avx2_is_empty; /* ISO C wants something in a file */
#endif
