/* Means of 2x2 to 5x5 samples: the shrink kernels of resize.h. Rows are read one after another,
 * each from end to end, into sums that stay in the first cache: a processor fetches ahead along one
 * row, but hardly along three side by side (9 pictures of 720p: 0.4 ms against 1.3). */
#include "mixer/dsp/resize_avx2.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define BLOCK 32 /* bytes of input a step */

static __m256i load32(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

static void store32(void *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)p, v);
}

static __m256i wide16(const uint8_t *p)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)p));
}

/* The first n of 16 bytes. */
static void store_some(uint8_t *dst, __m128i v, int n)
{
    uint8_t all[16];
    if (n >= 16) {
        _mm_storeu_si128((__m128i *)dst, v);
        return;
    }
    _mm_storeu_si128((__m128i *)all, v);
    memcpy(dst, all, (size_t)n);
}

/* sums[n] = sum of the rows. n >= BLOCK; what is left of whole blocks is done by one that ends with
 * the row. */
static void sum_columns(int16_t *sums, const uint8_t *src, ptrdiff_t stride, int rows, int n)
{
    int whole = n & ~(BLOCK - 1), at = n - BLOCK;
    for (int i = 0; i < whole; i += BLOCK) {
        store32(sums + i, wide16(src + i));
        store32(sums + i + 16, wide16(src + i + 16));
    }
    for (int row = 1; row < rows; row++) {
        const uint8_t *s = src + row * stride;
        for (int i = 0; i < whole; i += BLOCK) {
            store32(sums + i, _mm256_add_epi16(load32(sums + i), wide16(s + i)));
            store32(sums + i + 16, _mm256_add_epi16(load32(sums + i + 16), wide16(s + i + 16)));
        }
    }
    if (whole == n)
        return;
    __m256i a = wide16(src + at), b = wide16(src + at + 16);
    for (int row = 1; row < rows; row++) {
        a = _mm256_add_epi16(a, wide16(src + row * stride + at));
        b = _mm256_add_epi16(b, wide16(src + row * stride + at + 16));
    }
    store32(sums + at, a);
    store32(sums + at + 16, b);
}

static __m256i pairs(const uint8_t *p)
{
    return _mm256_maddubs_epi16(load32(p), _mm256_set1_epi8(1));
}

/* sums[n / 2] = sums of pairs of columns over the rows. n >= BLOCK, even. */
static void sum_pairs(int16_t *sums, const uint8_t *src, ptrdiff_t stride, int rows, int n)
{
    int whole = n & ~(BLOCK - 1), at = n - BLOCK;
    for (int i = 0; i < whole; i += BLOCK)
        store32(sums + i / 2, pairs(src + i));
    for (int row = 1; row < rows; row++) {
        const uint8_t *s = src + row * stride;
        for (int i = 0; i < whole; i += BLOCK)
            store32(sums + i / 2, _mm256_add_epi16(load32(sums + i / 2), pairs(s + i)));
    }
    if (whole == n)
        return;
    __m256i a = pairs(src + at);
    for (int row = 1; row < rows; row++)
        a = _mm256_add_epi16(a, pairs(src + row * stride + at));
    store32(sums + at / 2, a);
}

/* 16 words to bytes, in order. */
static __m128i bytes_of(__m256i v)
{
    return _mm_packus_epi16(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

void mcu_shrink2_avx2(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w, int16_t *sums)
{
    if (2 * w < BLOCK) {
        mcu_resize_c.shrink2(dst, src, stride, w, sums);
        return;
    }
    sum_pairs(sums, src, stride, 2, 2 * w);
    for (int i = 0; i < w; i += 16) {
        __m256i v = _mm256_add_epi16(load32(sums + i), _mm256_set1_epi16(2));
        store_some(dst + i, bytes_of(_mm256_srli_epi16(v, 2)), w - i);
    }
}

void mcu_shrink4_avx2(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w, int16_t *sums)
{
    const __m256i ones = _mm256_set1_epi16(1);
    if (4 * w < BLOCK) {
        mcu_resize_c.shrink4(dst, src, stride, w, sums);
        return;
    }
    sum_pairs(sums, src, stride, 4, 4 * w);
    for (int i = 0; i < w; i += 16) {
        __m256i a = _mm256_madd_epi16(load32(sums + 2 * i), ones);
        __m256i b = _mm256_madd_epi16(load32(sums + 2 * i + 16), ones);
        __m256i v = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
        v = _mm256_srli_epi16(_mm256_add_epi16(v, _mm256_set1_epi16(8)), 4);
        store_some(dst + i, bytes_of(v), w - i);
    }
}

/* Sums of three, of five neighbours beginning at each of 16 places. */
static __m256i three(const int16_t *s)
{
    return _mm256_add_epi16(_mm256_add_epi16(load32(s), load32(s + 1)), load32(s + 2));
}

static __m256i five(const int16_t *s)
{
    return _mm256_add_epi16(three(s), _mm256_add_epi16(load32(s + 3), load32(s + 4)));
}

/* All bits set in the words whose place is `rest` modulo `ratio`. */
static __m256i every(int ratio, int rest)
{
    int16_t v[16];
    for (int i = 0; i < 16; i++)
        v[i] = i % ratio == rest ? -1 : 0;
    return load32(v);
}

/* Of ratio * 16 sums in a row every ratio-th counts. In vector j these are the places -16j modulo
 * ratio, each rest once: laid over each other they are one vector, and `order` sorts it. */
static __m128i order_of(int ratio)
{
    uint8_t order[16];
    for (int i = 0; i < 16; i++)
        order[i] = (uint8_t)(ratio * i % 16);
    return _mm_loadu_si128((const __m128i *)order);
}

void mcu_shrink3_avx2(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w, int16_t *sums)
{
    const __m256i ninth = _mm256_set1_epi16(3641), rest2 = every(3, 2), rest1 = every(3, 1);
    const __m128i order = order_of(3);
    if (3 * w < BLOCK) {
        mcu_resize_c.shrink3(dst, src, stride, w, sums);
        return;
    }
    sum_columns(sums, src, stride, 3, 3 * w);
    for (int i = 0; i < w; i += 16) {
        const int16_t *s = sums + 3 * (ptrdiff_t)i;
        __m256i v = _mm256_blendv_epi8(three(s), three(s + 16), rest2);
        v = _mm256_blendv_epi8(v, three(s + 32), rest1);
        v = _mm256_mulhrs_epi16(v, ninth);
        store_some(dst + i, _mm_shuffle_epi8(bytes_of(v), order), w - i);
    }
}

void mcu_shrink5_avx2(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, int w, int16_t *sums)
{
    const __m256i rest4 = every(5, 4), rest3 = every(5, 3);
    const __m256i rest2 = every(5, 2), rest1 = every(5, 1);
    const __m128i order = order_of(5);
    if (5 * w < BLOCK) {
        mcu_resize_c.shrink5(dst, src, stride, w, sums);
        return;
    }
    sum_columns(sums, src, stride, 5, 5 * w);
    for (int i = 0; i < w; i += 16) {
        const int16_t *s = sums + 5 * (ptrdiff_t)i;
        __m256i v = _mm256_blendv_epi8(five(s), five(s + 16), rest4);
        v = _mm256_blendv_epi8(v, five(s + 32), rest3);
        v = _mm256_blendv_epi8(v, five(s + 48), rest2);
        v = _mm256_blendv_epi8(v, five(s + 64), rest1);
        v = _mm256_add_epi16(v, _mm256_set1_epi16(12));
        v = _mm256_srli_epi16(_mm256_mulhi_epu16(v, _mm256_set1_epi16(20972)), 3);
        store_some(dst + i, _mm_shuffle_epi8(bytes_of(v), order), w - i);
    }
}

#else
typedef int mcu_shrink_avx2_is_empty; /* ISO C wants something in a file */
#endif
