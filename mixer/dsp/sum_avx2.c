/* Eight samples at a time; a tail shorter than eight goes through the reference, entered at its
 * frame of the ramp. Eight samples are whole frames for one and two channels alike. */
#include "mixer/dsp/sum.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* The gains of the eight samples from frame i on. */
static inline __m256i gains(struct mcu_sum_ramp ramp, int i, int channels)
{
    const __m256i frame = channels == 2 ? _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3)
                                        : _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i first = _mm256_set1_epi32(ramp.gain + i * ramp.step);
    return _mm256_add_epi32(first, _mm256_mullo_epi32(frame, _mm256_set1_epi32(ramp.step)));
}

/* Unsigned, because a ramp shorter than eight samples may be steeper than fits. */
static inline __m256i step_of_eight(struct mcu_sum_ramp ramp, int channels)
{
    return _mm256_set1_epi32((int32_t)((uint32_t)ramp.step * (8u / (unsigned)channels)));
}

static inline __m256i share8(const int16_t *x, __m256i gain)
{
    __m256i s = _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)x));
    __m256i p = _mm256_mullo_epi32(s, _mm256_srai_epi32(gain, 15));
    return _mm256_srai_epi32(_mm256_add_epi32(p, _mm256_set1_epi32(1 << 14)), 15);
}

static struct mcu_sum_ramp ramp_at(struct mcu_sum_ramp ramp, int frame)
{
    return (struct mcu_sum_ramp){ ramp.gain + frame * ramp.step, ramp.step };
}

static void add_avx2(int32_t *acc, const int16_t *x, int frames, int channels,
                     struct mcu_sum_ramp ramp)
{
    int n = frames * channels, k = 0;
    const __m256i step8 = step_of_eight(ramp, channels);
    __m256i gain = gains(ramp, 0, channels);
    for (; k + 8 <= n; k += 8, gain = _mm256_add_epi32(gain, step8)) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(acc + k));
        _mm256_storeu_si256((__m256i *)(acc + k), _mm256_add_epi32(a, share8(x + k, gain)));
    }
    mcu_sum_c.add(acc + k, x + k, (n - k) / channels, channels, ramp_at(ramp, k / channels));
}

static void sub_avx2(int32_t *dst, const int32_t *acc, const int16_t *x, int frames, int channels,
                     struct mcu_sum_ramp ramp)
{
    int n = frames * channels, k = 0;
    const __m256i step8 = step_of_eight(ramp, channels);
    __m256i gain = gains(ramp, 0, channels);
    for (; k + 8 <= n; k += 8, gain = _mm256_add_epi32(gain, step8)) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(acc + k));
        _mm256_storeu_si256((__m256i *)(dst + k), _mm256_sub_epi32(a, share8(x + k, gain)));
    }
    mcu_sum_c.sub(dst + k, acc + k, x + k, (n - k) / channels, channels,
                  ramp_at(ramp, k / channels));
}

static int32_t peak_avx2(const int32_t *acc, int n)
{
    __m256i m = _mm256_setzero_si256();
    int k = 0;
    for (; k + 8 <= n; k += 8)
        m = _mm256_max_epi32(m, _mm256_abs_epi32(_mm256_loadu_si256((const __m256i *)(acc + k))));
    __m128i h = _mm_max_epi32(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
    h = _mm_max_epi32(h, _mm_shuffle_epi32(h, 0x4e));
    h = _mm_max_epi32(h, _mm_shuffle_epi32(h, 0xb1));
    int32_t a = _mm_cvtsi128_si32(h), b = mcu_sum_c.peak(acc + k, n - k);
    return a > b ? a : b;
}

static inline void store8(int16_t *out, __m256i v)
{
    __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi32(v, v), 0x08);
    _mm_storeu_si128((__m128i *)out, _mm256_castsi256_si128(packed));
}

static void clip_avx2(int16_t *out, const int32_t *acc, int n)
{
    int k = 0;
    for (; k + 8 <= n; k += 8)
        store8(out + k, _mm256_loadu_si256((const __m256i *)(acc + k)));
    mcu_sum_c.clip(out + k, acc + k, n - k);
}

/* Steps of bend() in sum_c.c; max(e, 0) and min(a, knee) pick the same values as its branches. */
static inline __m256 bend8(__m256 y)
{
    const __m256 sign = _mm256_set1_ps(-0.0f), knee = _mm256_set1_ps(MCU_SUM_KNEE);
    const __m256 room = _mm256_set1_ps(32767.0f - MCU_SUM_KNEE), one = _mm256_set1_ps(1.0f);
    __m256 a = _mm256_andnot_ps(sign, y);
    __m256 e = _mm256_max_ps(_mm256_sub_ps(a, knee), _mm256_setzero_ps());
    __m256 over = _mm256_div_ps(e, _mm256_add_ps(one, _mm256_div_ps(e, room)));
    a = _mm256_add_ps(_mm256_min_ps(a, knee), over);
    return _mm256_or_ps(a, _mm256_and_ps(sign, y));
}

/* The reference computes gain + step * i from the frame's number in the call, so the tail must go
 * on with that number: it is done here on a padded copy instead of by the reference. */
static void limit_avx2(int16_t *out, const int32_t *acc, int frames, int channels, float gain,
                       float step)
{
    int n = frames * channels;
    const __m256i lane = channels == 2 ? _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3)
                                       : _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256 g0 = _mm256_set1_ps(gain), st = _mm256_set1_ps(step);
    for (int k = 0; k < n; k += 8) {
        int32_t in[8] = { 0 };
        int16_t tail[8];
        int m = n - k < 8 ? n - k : 8;
        for (int j = 0; m < 8 && j < m; j++)
            in[j] = acc[k + j];
        __m256i v = _mm256_loadu_si256((const __m256i *)(m < 8 ? in : acc + k));
        __m256i frame = _mm256_add_epi32(lane, _mm256_set1_epi32(k / channels));
        __m256 g = _mm256_add_ps(g0, _mm256_mul_ps(st, _mm256_cvtepi32_ps(frame)));
        __m256i y = _mm256_cvtps_epi32(bend8(_mm256_mul_ps(_mm256_cvtepi32_ps(v), g)));
        store8(m < 8 ? tail : out + k, y);
        for (int j = 0; m < 8 && j < m; j++)
            out[k + j] = tail[j];
    }
}

static uint64_t energy_avx2(const int16_t *x, int n)
{
    __m256i sum = _mm256_setzero_si256();
    int k = 0;
    for (; k + 16 <= n; k += 16) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(x + k));
        __m256i p = _mm256_madd_epi16(v, v); /* at most 2^31: right as unsigned */
        sum = _mm256_add_epi64(sum, _mm256_srli_epi64(p, 32));
        sum = _mm256_add_epi64(sum, _mm256_and_si256(p, _mm256_set1_epi64x(0xffffffff)));
    }
    uint64_t part[4];
    _mm256_storeu_si256((__m256i *)part, sum);
    return part[0] + part[1] + part[2] + part[3] + mcu_sum_c.energy(x + k, n - k);
}

const struct mcu_sum_dsp mcu_sum_avx2 = {
    .add = add_avx2,
    .sub = sub_avx2,
    .peak = peak_avx2,
    .clip = clip_avx2,
    .limit = limit_avx2,
    .energy = energy_avx2,
};

#endif
