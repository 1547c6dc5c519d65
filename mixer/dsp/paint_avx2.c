#include "mixer/dsp/paint.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <stddef.h>

/* What is left of a row after whole vectors goes to the C version, which gives the same bits. */

static __m256i load_wide(const uint8_t *p)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)p));
}

/* Sixteen 16-bit values, clipped, as bytes. */
static void store_bytes(uint8_t *p, __m256i v)
{
    __m256i bytes = _mm256_permute4x64_epi64(_mm256_packus_epi16(v, v), 0xd8);
    _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(bytes));
}

/* n / 255 to the nearest; n below 65408. */
static __m256i div255(__m256i n)
{
    n = _mm256_add_epi16(n, _mm256_set1_epi16(128));
    return _mm256_srli_epi16(_mm256_add_epi16(n, _mm256_srli_epi16(n, 8)), 8);
}

static void mask(uint8_t *dst, const uint8_t *alpha, uint8_t value, int w)
{
    const __m256i full = _mm256_set1_epi16(255), colour = _mm256_set1_epi16(value);
    int i = 0;
    for (; i + 16 <= w; i += 16) {
        __m256i a = load_wide(alpha + i);
        __m256i kept = _mm256_mullo_epi16(load_wide(dst + i), _mm256_sub_epi16(full, a));
        store_bytes(dst + i, div255(_mm256_add_epi16(kept, _mm256_mullo_epi16(colour, a))));
    }
    mcu_paint_c.mask(dst + i, alpha + i, value, w - i);
}

static void over(uint8_t *dst, const uint8_t *colour, const uint8_t *alpha, int w)
{
    const __m256i full = _mm256_set1_epi16(255);
    int i = 0;
    for (; i + 16 <= w; i += 16) {
        __m256i rest = _mm256_sub_epi16(full, load_wide(alpha + i));
        __m256i kept = div255(_mm256_mullo_epi16(load_wide(dst + i), rest));
        store_bytes(dst + i, _mm256_add_epi16(load_wide(colour + i), kept));
    }
    mcu_paint_c.over(dst + i, colour + i, alpha + i, w - i);
}

static void level(uint8_t *dst, int mul, int add, int w)
{
    const __m256i m = _mm256_set1_epi16((short)mul), a = _mm256_set1_epi16((short)add);
    int i = 0;
    for (; i + 16 <= w; i += 16) {
        __m256i v = _mm256_add_epi16(_mm256_mullo_epi16(load_wide(dst + i), m), a);
        store_bytes(dst + i, _mm256_srli_epi16(v, 8));
    }
    mcu_paint_c.level(dst + i, mul, add, w - i);
}

/* Two 16-bit weights, for pairs {a, b}. */
static __m256i weights(int a, int b)
{
    return _mm256_set1_epi32((int)((uint32_t)(uint16_t)a | (uint32_t)(uint16_t)b << 16));
}

/* (sum of pairs * weights + add) >> 13 of the low and high pairs, as sixteen 16-bit values. */
static __m256i map_pairs(__m256i a, __m256i b, __m256i weight_ab, __m256i c, __m256i weight_c,
                         __m256i add)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i lo = _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), weight_ab);
    __m256i hi = _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), weight_ab);
    lo = _mm256_add_epi32(lo, _mm256_madd_epi16(_mm256_unpacklo_epi16(c, zero), weight_c));
    hi = _mm256_add_epi32(hi, _mm256_madd_epi16(_mm256_unpackhi_epi16(c, zero), weight_c));
    lo = _mm256_srai_epi32(_mm256_add_epi32(lo, add), 13);
    hi = _mm256_srai_epi32(_mm256_add_epi32(hi, add), 13);
    return _mm256_packs_epi32(lo, hi);
}

/* Eight chroma samples, each twice. */
static __m256i load_twice(const uint8_t *p)
{
    __m128i v = _mm_loadl_epi64((const __m128i *)p);
    return _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(v, v));
}

static void map_luma(uint8_t *y, const uint8_t *u, const uint8_t *v,
                     const struct mcu_colour_map *map, int w)
{
    const __m256i yu = weights(map->y[0], map->y[1]), only_v = weights(map->y[2], 0);
    const __m256i add = _mm256_set1_epi32(map->y_add);
    int i = 0;
    for (; i + 16 <= w; i += 16) {
        __m256i cu = load_twice(u + i / 2), cv = load_twice(v + i / 2);
        store_bytes(y + i, map_pairs(load_wide(y + i), cu, yu, cv, only_v, add));
    }
    mcu_paint_c.map_luma(y + i, u + i / 2, v + i / 2, map, w - i);
}

static void map_chroma(uint8_t *u, uint8_t *v, const struct mcu_colour_map *map, int w)
{
    const __m256i to_u = weights(map->u[0], map->u[1]), to_v = weights(map->v[0], map->v[1]);
    const __m256i add_u = _mm256_set1_epi32(map->u_add), add_v = _mm256_set1_epi32(map->v_add);
    const __m256i zero = _mm256_setzero_si256();
    int i = 0;
    for (; i + 16 <= w; i += 16) {
        __m256i cu = load_wide(u + i), cv = load_wide(v + i);
        store_bytes(u + i, map_pairs(cu, cv, to_u, zero, zero, add_u));
        store_bytes(v + i, map_pairs(cu, cv, to_v, zero, zero, add_v));
    }
    mcu_paint_c.map_chroma(u + i, v + i, map, w - i);
}

const struct mcu_paint_dsp mcu_paint_avx2 = { mask, over, level, map_luma, map_chroma };

#else
typedef int mcu_paint_avx2_is_empty; /* ISO C wants something in a file */
#endif
