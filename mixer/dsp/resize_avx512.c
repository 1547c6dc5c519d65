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

const struct mcu_resize_dsp mcu_resize_avx512 = {
    shrink2, shrink3_wide, shrink4, shrink5, shrink3to2, rows8_wide, prepare, across8, cubic_across,
    cubic_down, rows16, across16
};

#else
typedef int mcu_resize_avx512_is_empty; /* ISO C wants something in a file */
#endif
