/* mixer/dsp/lanes32.h - lanes.h for sound: 32-bit integers and floats. Whole frames of one and two
 * channels fill a vector alike. Empty where lanes.h is. Threads: any; no state. */
#ifndef MCU_MIXER_DSP_LANES32_H
#define MCU_MIXER_DSP_LANES32_H

#include "mixer/dsp/lanes.h"

#if defined(LANES) && LANES == 2

typedef __m256 floats;

/* As many 16-bit values as a vector has 32-bit ones. */
static inline lanes load_s16(const int16_t *p)
{
    return _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)p));
}
static inline void store_s16(int16_t *p, lanes v)
{
    v = _mm256_permute4x64_epi64(_mm256_packs_epi32(v, v), 0x08);
    _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(v));
}
static inline lanes mul32(lanes a, lanes b) { return _mm256_mullo_epi32(a, b); }
static inline lanes sub32(lanes a, lanes b) { return _mm256_sub_epi32(a, b); }
static inline lanes max32(lanes a, lanes b) { return _mm256_max_epi32(a, b); }
static inline lanes abs32(lanes v) { return _mm256_abs_epi32(v); }
static inline lanes add64(lanes a, lanes b) { return _mm256_add_epi64(a, b); }
static inline lanes high_half64(lanes v) { return _mm256_srli_epi64(v, 32); }
static inline lanes low_half64(lanes v) { return _mm256_and_si256(v, _mm256_set1_epi64x(0xffffffff)); }
static inline floats setf(float v) { return _mm256_set1_ps(v); }
static inline floats loadf(const float *p) { return _mm256_loadu_ps(p); }
static inline void storef(float *p, floats v) { _mm256_storeu_ps(p, v); }
static inline floats to_float(lanes v) { return _mm256_cvtepi32_ps(v); }
static inline lanes to_nearest(floats v) { return _mm256_cvtps_epi32(v); }
static inline floats addf(floats a, floats b) { return _mm256_add_ps(a, b); }
static inline floats subf(floats a, floats b) { return _mm256_sub_ps(a, b); }
static inline floats mulf(floats a, floats b) { return _mm256_mul_ps(a, b); }
static inline floats divf(floats a, floats b) { return _mm256_div_ps(a, b); }
static inline floats minf(floats a, floats b) { return _mm256_min_ps(a, b); }
static inline floats maxf(floats a, floats b) { return _mm256_max_ps(a, b); }
static inline floats absf(floats v) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v); }
static inline floats with_sign(floats v, floats sign)
{
    return _mm256_or_ps(v, _mm256_and_ps(_mm256_set1_ps(-0.0f), sign));
}

#elif defined(LANES) && defined(MCU_DSP_X86)

typedef __m128 floats;

static inline lanes load_s16(const int16_t *p)
{
    return _mm_cvtepi16_epi32(_mm_loadl_epi64((const __m128i *)p));
}
static inline void store_s16(int16_t *p, lanes v)
{
    _mm_storel_epi64((__m128i *)p, _mm_packs_epi32(v, v));
}
static inline lanes mul32(lanes a, lanes b) { return _mm_mullo_epi32(a, b); }
static inline lanes sub32(lanes a, lanes b) { return _mm_sub_epi32(a, b); }
static inline lanes max32(lanes a, lanes b) { return _mm_max_epi32(a, b); }
static inline lanes abs32(lanes v) { return _mm_abs_epi32(v); }
static inline lanes add64(lanes a, lanes b) { return _mm_add_epi64(a, b); }
static inline lanes high_half64(lanes v) { return _mm_srli_epi64(v, 32); }
static inline lanes low_half64(lanes v) { return _mm_and_si128(v, _mm_set1_epi64x(0xffffffff)); }
static inline floats setf(float v) { return _mm_set1_ps(v); }
static inline floats loadf(const float *p) { return _mm_loadu_ps(p); }
static inline void storef(float *p, floats v) { _mm_storeu_ps(p, v); }
static inline floats to_float(lanes v) { return _mm_cvtepi32_ps(v); }
static inline lanes to_nearest(floats v) { return _mm_cvtps_epi32(v); }
static inline floats addf(floats a, floats b) { return _mm_add_ps(a, b); }
static inline floats subf(floats a, floats b) { return _mm_sub_ps(a, b); }
static inline floats mulf(floats a, floats b) { return _mm_mul_ps(a, b); }
static inline floats divf(floats a, floats b) { return _mm_div_ps(a, b); }
static inline floats minf(floats a, floats b) { return _mm_min_ps(a, b); }
static inline floats maxf(floats a, floats b) { return _mm_max_ps(a, b); }
static inline floats absf(floats v) { return _mm_andnot_ps(_mm_set1_ps(-0.0f), v); }
static inline floats with_sign(floats v, floats sign)
{
    return _mm_or_ps(v, _mm_and_ps(_mm_set1_ps(-0.0f), sign));
}

#elif defined(LANES)

typedef float32x4_t floats;

static inline lanes load_s16(const int16_t *p) { return of_s32(vmovl_s16(vld1_s16(p))); }
static inline void store_s16(int16_t *p, lanes v) { vst1_s16(p, vqmovn_s32(as_s32(v))); }
static inline lanes mul32(lanes a, lanes b) { return of_s32(vmulq_s32(as_s32(a), as_s32(b))); }
static inline lanes sub32(lanes a, lanes b) { return of_s32(vsubq_s32(as_s32(a), as_s32(b))); }
static inline lanes max32(lanes a, lanes b) { return of_s32(vmaxq_s32(as_s32(a), as_s32(b))); }
static inline lanes abs32(lanes v) { return of_s32(vabsq_s32(as_s32(v))); }
static inline lanes add64(lanes a, lanes b)
{
    return vreinterpretq_u8_u64(vaddq_u64(vreinterpretq_u64_u8(a), vreinterpretq_u64_u8(b)));
}
static inline lanes high_half64(lanes v)
{
    return vreinterpretq_u8_u64(vshrq_n_u64(vreinterpretq_u64_u8(v), 32));
}
static inline lanes low_half64(lanes v)
{
    return vandq_u8(v, vreinterpretq_u8_u64(vdupq_n_u64(0xffffffff)));
}
static inline floats setf(float v) { return vdupq_n_f32(v); }
static inline floats loadf(const float *p) { return vld1q_f32(p); }
static inline void storef(float *p, floats v) { vst1q_f32(p, v); }
static inline floats to_float(lanes v) { return vcvtq_f32_s32(as_s32(v)); }
static inline lanes to_nearest(floats v) { return of_s32(vcvtnq_s32_f32(v)); }
static inline floats addf(floats a, floats b) { return vaddq_f32(a, b); }
static inline floats subf(floats a, floats b) { return vsubq_f32(a, b); }
static inline floats mulf(floats a, floats b) { return vmulq_f32(a, b); }
static inline floats divf(floats a, floats b) { return vdivq_f32(a, b); }
static inline floats minf(floats a, floats b) { return vminq_f32(a, b); }
static inline floats maxf(floats a, floats b) { return vmaxq_f32(a, b); }
static inline floats absf(floats v) { return vabsq_f32(v); }
static inline floats with_sign(floats v, floats sign)
{
    return vbslq_f32(vdupq_n_u32(0x80000000), sign, v);
}

#endif

#endif
