/* mixer/dsp/lanes.h - one vocabulary over SSE4.1, AVX2 and NEON, so that a kernel is written once
 * (*_lanes.h) and built for each. A vector is LANES lanes of 16 bytes; what the names call in order
 * is in order within each lane, as on x86. Empty where the flags of a file allow none of them.
 * Threads: any; no state. */
#ifndef MCU_MIXER_DSP_LANES_H
#define MCU_MIXER_DSP_LANES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mixer/dsp/cpu.h"

/* 16 bytes of a table, for each lane. */
#define LANE_BYTES 16

#if defined(MCU_DSP_X86) && defined(__AVX2__)
#define LANES 2
#elif defined(MCU_DSP_X86) && defined(__SSE4_1__)
#define LANES 1
#elif defined(MCU_DSP_NEON)
#define LANES 1
#endif

/* Rows to ask for ahead of their use, line by line in the order in which they stand in memory: the
 * processor sees one stream, which it goes on with by itself, where it would see none in three or
 * five rows side by side (9 pictures of 720p: 0.8 ms against 1.6). Lines behind the end of what is
 * allocated may be asked for. */
struct ahead {
    uintptr_t at;
    ptrdiff_t skip; /* from the end of a row to the next one */
    int width, left;
};

/* The rows from number `row` on below p. */
static inline struct ahead ahead_of(const uint8_t *p, ptrdiff_t stride, int row, int width)
{
    return (struct ahead){ (uintptr_t)p + (uintptr_t)(row * stride), stride - width, width, width };
}

/* How far ahead, and into which cache: found by trying. Five rows do best in the first one; of fewer,
 * more is in flight when they wait in the second. */
enum fetch { FETCH_NEAR, FETCH_FAR };

static inline void fetch_lines(struct ahead *a, int lines, enum fetch how)
{
    for (; lines > 0; lines--) {
        if (how == FETCH_NEAR)
            __builtin_prefetch((const void *)(a->at + 4096));
        else
            __builtin_prefetch((const void *)(a->at + 6144), 0, 1);
        a->at += 64;
        a->left -= 64;
        if (a->left > 0)
            continue;
        a->at += (uintptr_t)(a->skip + a->left);
        a->left = a->width;
    }
}

#if defined(MCU_DSP_X86) && defined(__AVX2__)
#include <immintrin.h>

typedef __m256i lanes;

static inline lanes load(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
static inline void store(void *p, lanes v) { _mm256_storeu_si256((__m256i *)p, v); }

/* Lane 1 from b. */
static inline lanes load_two(const void *a, const void *b)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)a)),
                                   _mm_loadu_si128((const __m128i *)b), 1);
}
static inline lanes load_apart(const uint8_t *p, ptrdiff_t apart) { return load_two(p, p + apart); }
static inline lanes load_table(const void *p) { return load_two(p, p); }

/* 16 bytes to words, in order. */
static inline lanes load_wide(const uint8_t *p)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)p));
}
static inline lanes set8(int v) { return _mm256_set1_epi8((char)v); }
static inline lanes set16(int v) { return _mm256_set1_epi16((short)v); }
static inline lanes set32(int v) { return _mm256_set1_epi32(v); }
static inline lanes zip_lo8(lanes a, lanes b) { return _mm256_unpacklo_epi8(a, b); }
static inline lanes zip_hi8(lanes a, lanes b) { return _mm256_unpackhi_epi8(a, b); }
static inline lanes zip_lo16(lanes a, lanes b) { return _mm256_unpacklo_epi16(a, b); }
static inline lanes zip_hi16(lanes a, lanes b) { return _mm256_unpackhi_epi16(a, b); }
static inline lanes add16(lanes a, lanes b) { return _mm256_add_epi16(a, b); }
static inline lanes sub16(lanes a, lanes b) { return _mm256_sub_epi16(a, b); }
static inline lanes add32(lanes a, lanes b) { return _mm256_add_epi32(a, b); }
static inline lanes mul16(lanes a, lanes b) { return _mm256_mullo_epi16(a, b); }
static inline lanes shr16(lanes v, int n) { return _mm256_srli_epi16(v, n); }
static inline lanes shl16(lanes v, int n) { return _mm256_slli_epi16(v, n); }
static inline lanes sra32(lanes v, int n) { return _mm256_srai_epi32(v, n); }
static inline lanes pairs8(lanes v, lanes weights) { return _mm256_maddubs_epi16(v, weights); }
static inline lanes pairs16(lanes v, lanes weights) { return _mm256_madd_epi16(v, weights); }
static inline lanes mul_round16(lanes a, lanes b) { return _mm256_mulhrs_epi16(a, b); }
static inline lanes mul_high16(lanes a, lanes b) { return _mm256_mulhi_epu16(a, b); }
static inline lanes pack16(lanes a, lanes b) { return _mm256_packus_epi16(a, b); }
static inline lanes pack32(lanes a, lanes b) { return _mm256_packs_epi32(a, b); }
static inline lanes pack16_signed(lanes a, lanes b) { return _mm256_packs_epi16(a, b); }
static inline lanes pairs8_signed(lanes v, lanes weights) { return pairs8(v, weights); }
static inline lanes flip(lanes v, lanes bits) { return _mm256_xor_si256(v, bits); }
static inline lanes hadd16(lanes a, lanes b) { return _mm256_hadd_epi16(a, b); }
static inline lanes hadd32(lanes a, lanes b) { return _mm256_hadd_epi32(a, b); }
static inline lanes shuffle8(lanes v, lanes at) { return _mm256_shuffle_epi8(v, at); }
#define BLEND16(a, b, mask) _mm256_blend_epi16(a, b, mask)
#define TURN16(v, n)        _mm256_alignr_epi8(v, v, 2 * (n))

/* What these give is in order over all lanes when their arguments are so. */
static inline lanes pack16_in_order(lanes a, lanes b)
{
    return _mm256_permute4x64_epi64(pack16(a, b), 0xd8);
}
static inline lanes pack32_in_order(lanes a, lanes b, lanes c, lanes d)
{
    lanes v = pack16(pack32(a, b), pack32(c, d));
    return _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
/* The words of zip_lo8 and zip_hi8, in the order of the bytes that they were made of. */
static inline void store_words(int16_t *p, lanes lo, lanes hi)
{
    store(p, _mm256_permute2x128_si256(lo, hi, 0x20));
    store(p + 16, _mm256_permute2x128_si256(lo, hi, 0x31));
}
/* The low half of each lane, one behind the other. */
static inline void store_low_halves(uint8_t *p, lanes v)
{
    v = _mm256_permute4x64_epi64(v, 0x08);
    _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(v));
}
/* Bytes to words in order, each twice. */
static inline lanes load_twice(const uint8_t *p)
{
    __m128i v = _mm_loadl_epi64((const __m128i *)p);
    return _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(v, v));
}
/* Eight bytes from each. */
static inline lanes load_halves(const void *a, const void *b, const void *c, const void *d)
{
    __m128i lo = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)a),
                                    _mm_loadl_epi64((const __m128i *)b));
    __m128i hi = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)c),
                                    _mm_loadl_epi64((const __m128i *)d));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(lo), hi, 1);
}
/* 32-bit values, clipped, as bytes. */
static inline void store_quads(uint8_t *p, lanes v)
{
    __m128i w = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    _mm_storel_epi64((__m128i *)p, _mm_packus_epi16(w, w));
}

#elif defined(MCU_DSP_X86) && defined(__SSE4_1__)
#include <immintrin.h>

typedef __m128i lanes;

static inline lanes load(const void *p) { return _mm_loadu_si128((const __m128i *)p); }
static inline void store(void *p, lanes v) { _mm_storeu_si128((__m128i *)p, v); }
static inline lanes load_apart(const uint8_t *p, ptrdiff_t apart) { return load(p); }
static inline lanes load_table(const void *p) { return load(p); }
static inline lanes load_wide(const uint8_t *p)
{
    return _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)p));
}
static inline lanes set8(int v) { return _mm_set1_epi8((char)v); }
static inline lanes set16(int v) { return _mm_set1_epi16((short)v); }
static inline lanes set32(int v) { return _mm_set1_epi32(v); }
static inline lanes zip_lo8(lanes a, lanes b) { return _mm_unpacklo_epi8(a, b); }
static inline lanes zip_hi8(lanes a, lanes b) { return _mm_unpackhi_epi8(a, b); }
static inline lanes zip_lo16(lanes a, lanes b) { return _mm_unpacklo_epi16(a, b); }
static inline lanes zip_hi16(lanes a, lanes b) { return _mm_unpackhi_epi16(a, b); }
static inline lanes add16(lanes a, lanes b) { return _mm_add_epi16(a, b); }
static inline lanes sub16(lanes a, lanes b) { return _mm_sub_epi16(a, b); }
static inline lanes add32(lanes a, lanes b) { return _mm_add_epi32(a, b); }
static inline lanes mul16(lanes a, lanes b) { return _mm_mullo_epi16(a, b); }
static inline lanes shr16(lanes v, int n) { return _mm_srli_epi16(v, n); }
static inline lanes shl16(lanes v, int n) { return _mm_slli_epi16(v, n); }
static inline lanes sra32(lanes v, int n) { return _mm_srai_epi32(v, n); }
static inline lanes pairs8(lanes v, lanes weights) { return _mm_maddubs_epi16(v, weights); }
static inline lanes pairs16(lanes v, lanes weights) { return _mm_madd_epi16(v, weights); }
static inline lanes mul_round16(lanes a, lanes b) { return _mm_mulhrs_epi16(a, b); }
static inline lanes mul_high16(lanes a, lanes b) { return _mm_mulhi_epu16(a, b); }
static inline lanes pack16(lanes a, lanes b) { return _mm_packus_epi16(a, b); }
static inline lanes pack32(lanes a, lanes b) { return _mm_packs_epi32(a, b); }
static inline lanes pack16_signed(lanes a, lanes b) { return _mm_packs_epi16(a, b); }
static inline lanes pairs8_signed(lanes v, lanes weights) { return pairs8(v, weights); }
static inline lanes flip(lanes v, lanes bits) { return _mm_xor_si128(v, bits); }
static inline lanes hadd16(lanes a, lanes b) { return _mm_hadd_epi16(a, b); }
static inline lanes hadd32(lanes a, lanes b) { return _mm_hadd_epi32(a, b); }
static inline lanes shuffle8(lanes v, lanes at) { return _mm_shuffle_epi8(v, at); }
#define BLEND16(a, b, mask) _mm_blend_epi16(a, b, mask)
#define TURN16(v, n)        _mm_alignr_epi8(v, v, 2 * (n))
static inline lanes pack16_in_order(lanes a, lanes b) { return pack16(a, b); }
static inline lanes pack32_in_order(lanes a, lanes b, lanes c, lanes d)
{
    return pack16(pack32(a, b), pack32(c, d));
}
static inline void store_words(int16_t *p, lanes lo, lanes hi)
{
    store(p, lo);
    store(p + 8, hi);
}
static inline void store_low_halves(uint8_t *p, lanes v) { _mm_storel_epi64((__m128i *)p, v); }
static inline lanes load_twice(const uint8_t *p)
{
    int four;
    memcpy(&four, p, 4);
    __m128i v = _mm_cvtsi32_si128(four);
    return _mm_cvtepu8_epi16(_mm_unpacklo_epi8(v, v));
}
static inline lanes load_halves(const void *a, const void *b, const void *c, const void *d)
{
    return _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)a),
                              _mm_loadl_epi64((const __m128i *)b));
}
static inline void store_quads(uint8_t *p, lanes v)
{
    v = _mm_packs_epi32(v, v);
    int four = _mm_cvtsi128_si32(_mm_packus_epi16(v, v));
    memcpy(p, &four, 4);
}

#elif defined(MCU_DSP_NEON)
#include <arm_neon.h>

typedef uint8x16_t lanes;

static inline uint16x8_t as_u16(lanes v) { return vreinterpretq_u16_u8(v); }
static inline int16x8_t as_s16(lanes v) { return vreinterpretq_s16_u8(v); }
static inline int32x4_t as_s32(lanes v) { return vreinterpretq_s32_u8(v); }
static inline lanes of_u16(uint16x8_t v) { return vreinterpretq_u8_u16(v); }
static inline lanes of_s16(int16x8_t v) { return vreinterpretq_u8_s16(v); }
static inline lanes of_s32(int32x4_t v) { return vreinterpretq_u8_s32(v); }

static inline lanes load(const void *p) { return vld1q_u8(p); }
static inline void store(void *p, lanes v) { vst1q_u8(p, v); }
static inline lanes load_apart(const uint8_t *p, ptrdiff_t apart) { return load(p); }
static inline lanes load_table(const void *p) { return load(p); }
static inline lanes load_wide(const uint8_t *p) { return of_u16(vmovl_u8(vld1_u8(p))); }
static inline lanes set8(int v) { return vdupq_n_u8((uint8_t)v); }
static inline lanes set16(int v) { return of_s16(vdupq_n_s16((int16_t)v)); }
static inline lanes set32(int v) { return of_s32(vdupq_n_s32(v)); }
static inline lanes zip_lo8(lanes a, lanes b) { return vzip1q_u8(a, b); }
static inline lanes zip_hi8(lanes a, lanes b) { return vzip2q_u8(a, b); }
static inline lanes zip_lo16(lanes a, lanes b) { return of_u16(vzip1q_u16(as_u16(a), as_u16(b))); }
static inline lanes zip_hi16(lanes a, lanes b) { return of_u16(vzip2q_u16(as_u16(a), as_u16(b))); }
static inline lanes add16(lanes a, lanes b) { return of_s16(vaddq_s16(as_s16(a), as_s16(b))); }
static inline lanes sub16(lanes a, lanes b) { return of_s16(vsubq_s16(as_s16(a), as_s16(b))); }
static inline lanes add32(lanes a, lanes b) { return of_s32(vaddq_s32(as_s32(a), as_s32(b))); }
static inline lanes mul16(lanes a, lanes b) { return of_s16(vmulq_s16(as_s16(a), as_s16(b))); }
static inline lanes shr16(lanes v, int n)
{
    return of_u16(vshlq_u16(as_u16(v), vdupq_n_s16((int16_t)-n)));
}
static inline lanes shl16(lanes v, int n)
{
    return of_u16(vshlq_u16(as_u16(v), vdupq_n_s16((int16_t)n)));
}
static inline lanes sra32(lanes v, int n)
{
    return of_s32(vshlq_s32(as_s32(v), vdupq_n_s32(-n)));
}
/* Of weights from 0 to 127: then unsigned is as good. */
static inline lanes pairs8(lanes v, lanes weights)
{
    uint16x8_t lo = vmull_u8(vget_low_u8(v), vget_low_u8(weights));
    return of_u16(vpaddq_u16(lo, vmull_high_u8(v, weights)));
}
static inline lanes pairs8_signed(lanes v, lanes weights)
{
    int8x16_t w = vreinterpretq_s8_u8(weights);
    int16x8_t lo = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(v)));
    int16x8_t hi = vreinterpretq_s16_u16(vmovl_high_u8(v));
    lo = vmulq_s16(lo, vmovl_s8(vget_low_s8(w)));
    return of_s16(vpaddq_s16(lo, vmulq_s16(hi, vmovl_high_s8(w))));
}
static inline lanes pairs16(lanes v, lanes weights)
{
    int32x4_t lo = vmull_s16(vget_low_s16(as_s16(v)), vget_low_s16(as_s16(weights)));
    return of_s32(vpaddq_s32(lo, vmull_high_s16(as_s16(v), as_s16(weights))));
}
static inline lanes mul_round16(lanes a, lanes b)
{
    return of_s16(vqrdmulhq_s16(as_s16(a), as_s16(b)));
}
static inline lanes mul_high16(lanes a, lanes b)
{
    uint32x4_t lo = vmull_u16(vget_low_u16(as_u16(a)), vget_low_u16(as_u16(b)));
    return of_u16(vshrn_high_n_u32(vshrn_n_u32(lo, 16), vmull_high_u16(as_u16(a), as_u16(b)), 16));
}
static inline lanes pack16(lanes a, lanes b)
{
    return vqmovun_high_s16(vqmovun_s16(as_s16(a)), as_s16(b));
}
static inline lanes pack32(lanes a, lanes b)
{
    return of_s16(vqmovn_high_s32(vqmovn_s32(as_s32(a)), as_s32(b)));
}
static inline lanes pack16_signed(lanes a, lanes b)
{
    return vreinterpretq_u8_s8(vqmovn_high_s16(vqmovn_s16(as_s16(a)), as_s16(b)));
}
static inline lanes flip(lanes v, lanes bits) { return veorq_u8(v, bits); }
static inline lanes hadd16(lanes a, lanes b) { return of_s16(vpaddq_s16(as_s16(a), as_s16(b))); }
static inline lanes hadd32(lanes a, lanes b) { return of_s32(vpaddq_s32(as_s32(a), as_s32(b))); }
static inline lanes shuffle8(lanes v, lanes at) { return vqtbl1q_u8(v, at); }
static inline lanes blend_words(lanes a, lanes b, int mask)
{
    static const uint16_t bits[8] = { 1, 2, 4, 8, 16, 32, 64, 128 };
    uint16x8_t which = vtstq_u16(vdupq_n_u16((uint16_t)mask), vld1q_u16(bits));
    return vbslq_u8(of_u16(which), b, a);
}
#define BLEND16(a, b, mask) blend_words(a, b, mask)
#define TURN16(v, n)        vextq_u8(v, v, 2 * (n))
static inline lanes pack16_in_order(lanes a, lanes b) { return pack16(a, b); }
static inline lanes pack32_in_order(lanes a, lanes b, lanes c, lanes d)
{
    return pack16(pack32(a, b), pack32(c, d));
}
static inline void store_words(int16_t *p, lanes lo, lanes hi)
{
    store(p, lo);
    store(p + 8, hi);
}
static inline void store_low_halves(uint8_t *p, lanes v) { vst1_u8(p, vget_low_u8(v)); }
static inline lanes load_twice(const uint8_t *p)
{
    uint32_t four;
    memcpy(&four, p, 4);
    uint8x8_t v = vreinterpret_u8_u32(vdup_n_u32(four));
    return of_u16(vmovl_u8(vzip1_u8(v, v)));
}
static inline lanes load_halves(const void *a, const void *b, const void *c, const void *d)
{
    return vcombine_u8(vld1_u8(a), vld1_u8(b));
}
static inline void store_quads(uint8_t *p, lanes v)
{
    v = pack32(v, v);
    uint32_t four = vgetq_lane_u32(vreinterpretq_u32_u8(pack16(v, v)), 0);
    memcpy(p, &four, 4);
}
#endif

#endif
