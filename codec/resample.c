#include "codec/resample.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "mixer/base/util.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

#define TAPS   MCU_RESAMPLE_TAPS
#define CHUNK  MCU_RESAMPLE_CHUNK
#define LEN    (MCU_RESAMPLE_RATIO_MAX * TAPS)
#define Q      14   /* 14 bits and not 15: the sum of |taps| is below 3, so 32 bits hold any sum */
#define CUTOFF 0.94 /* of half the low rate: 3.76 kHz of 8 kHz sound */
#define BETA   5.65 /* Kaiser window, 60 dB */
#define POINTS 8192 /* of the spectrum; its logarithm varies fast where the stop band has its zeros */
#define FLOOR  1e-5 /* of the gain: these zeros have no logarithm */

struct filter {
    int16_t up[MCU_RESAMPLE_RATIO_MAX][TAPS];      /* [phase], newest sample last */
    int16_t down[LEN];                             /* oldest sample first */
    /* `up` once more, for eight phases at a time (those above the ratio are 0): taps by pairs, of each
     * pair first those of all phases. */
    _Alignas(32) int16_t pairs[TAPS / 2][8][2];
};

static struct filter filters[2]; /* ratios 3 and 6 */

typedef void upsample_fn(const struct filter *f, const int16_t *x, int n, int ratio, int16_t *out);
static upsample_fn *upsample_part;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static double bessel_i0(double x)
{
    double sum = 1, term = 1;
    for (int k = 1; k < 40; k++) {
        term *= x / (2 * k) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

/* Kaiser-windowed sinc at `ratio` times the low rate, its centre between the two middle taps. */
static double prototype(int i, int ratio)
{
    double t = i - (ratio * TAPS - 1) / 2.0;
    double edge = t / (ratio * TAPS / 2.0);
    double arg = M_PI * CUTOFF * t / ratio;
    double sinc = fabs(arg) < 1e-9 ? 1 : sin(arg) / arg;
    return sinc * bessel_i0(BETA * sqrt(1 - edge * edge)) / bessel_i0(BETA);
}

/* The logarithm of the prototype's gain at POINTS / 2 + 1 frequencies from 0 to the half rate. */
static void log_gain(const double *cosine, int ratio, double *out)
{
    double h[LEN], sum = 0;
    int n = ratio * TAPS;
    for (int i = 0; i < n; i++)
        sum += h[i] = prototype(i, ratio);
    for (int k = 0; k <= POINTS / 2; k++) {
        double re = 0, im = 0;
        for (int i = 0; i < n; i++) {
            re += h[i] * cosine[k * i % POINTS];
            im += h[i] * cosine[(k * i + POINTS / 4) % POINTS];
        }
        out[k] = log(fmax(hypot(re, im) / sum, FLOOR));
    }
}

/* The filter of the prototype's gain that has the least delay: its minimum phase form, by the cepstrum
 * (Oppenheim and Schafer, Discrete-Time Signal Processing, 13.7), which is the logarithm's cosine
 * transform; what follows time 0 doubled, and its exponential by the recursion for power series. */
static void min_phase(int ratio, double *h)
{
    static double cosine[POINTS], gain[POINTS / 2 + 1];
    double c[LEN] = { 0 }; /* a ratio is at least 1, which not every compiler sees */
    for (int i = 0; i < POINTS; i++)
        cosine[i] = cos(2 * M_PI * i / POINTS);
    log_gain(cosine, ratio, gain);
    for (int i = 0; i < ratio * TAPS; i++) {
        double sum = (gain[0] + gain[POINTS / 2] * cosine[POINTS / 2 * i % POINTS]) / 2;
        for (int k = 1; k < POINTS / 2; k++)
            sum += gain[k] * cosine[k * i % POINTS];
        c[i] = 2 * sum / POINTS * (i > 0 ? 2 : 1);
    }
    h[0] = exp(c[0]);
    for (int i = 1; i < ratio * TAPS; i++) {
        h[i] = 0;
        for (int k = 1; k <= i; k++)
            h[i] += c[k] * h[i - k] * k / i;
    }
}

static void fill_filter(struct filter *f, int ratio)
{
    double h[LEN], all = 0;
    int n = ratio * TAPS;
    min_phase(ratio, h);
    for (int i = 0; i < n; i++)
        all += h[i];
    for (int i = 0; i < n; i++)
        f->down[n - 1 - i] = (int16_t)lrint(h[i] / all * (1 << Q));
    for (int phase = 0; phase < ratio; phase++) {
        double sum = 0; /* each phase has gain 1 at 0 Hz, or a constant would come out rippled */
        for (int k = 0; k < TAPS; k++)
            sum += h[k * ratio + phase];
        for (int k = 0; k < TAPS; k++)
            f->up[phase][TAPS - 1 - k] = (int16_t)lrint(h[k * ratio + phase] / sum * (1 << Q));
        for (int k = 0; k < TAPS; k++)
            f->pairs[k / 2][phase][k % 2] = f->up[phase][k];
    }
}

static const struct filter *filter_of(int ratio)
{
    return &filters[ratio == 6];
}

/* The compiler makes packed multiply-adds of this; the trip count must be a constant. */
static int32_t dot(const int16_t *a, const int16_t *b)
{
    int32_t sum = 0;
    for (int i = 0; i < TAPS; i++)
        sum += (int32_t)a[i] * b[i];
    return sum;
}

static int16_t to_s16(int32_t sum)
{
    return (int16_t)mcu_clamp((sum + (1 << (Q - 1))) >> Q, INT16_MIN, INT16_MAX);
}

static void upsample_c(const struct filter *f, const int16_t *x, int n, int ratio, int16_t *out)
{
    for (int i = 0; i < n; i++)
        for (int phase = 0; phase < ratio; phase++)
            *out++ = to_s16(dot(f->up[phase], x + i));
}

#ifdef __SSE2__
/* All phases of one sample. Writes 8; those above the ratio are overwritten by the next sample. Exactly
 * what dot() and to_s16() give: the sums fit 32 bits in any order. */
static void all_phases(const struct filter *f, const int16_t *x, int16_t *out)
{
    __m128i a = _mm_set1_epi32(1 << (Q - 1)), b = a;
    for (int k = 0; k < TAPS / 2; k++) {
        int32_t two;
        memcpy(&two, x + 2 * k, sizeof(two));
        __m128i pair = _mm_set1_epi32(two);
        a = _mm_add_epi32(a, _mm_madd_epi16(pair, _mm_load_si128((const __m128i *)f->pairs[k][0])));
        b = _mm_add_epi32(b, _mm_madd_epi16(pair, _mm_load_si128((const __m128i *)f->pairs[k][4])));
    }
    _mm_storeu_si128((__m128i *)out, _mm_packs_epi32(_mm_srai_epi32(a, Q), _mm_srai_epi32(b, Q)));
}

static void upsample_sse2(const struct filter *f, const int16_t *x, int n, int ratio, int16_t *out)
{
    int16_t last[8];
    for (int i = 0; i < n; i++) {
        bool room = (n - i) * ratio >= 8;
        all_phases(f, x + i, room ? out + i * ratio : last);
        if (!room)
            memcpy(out + i * ratio, last, (size_t)ratio * sizeof(*out));
    }
}

static __m256i pair_at(const int16_t *x) __attribute__((target("avx2")));
static void two_samples(const struct filter *f, const int16_t *x, __m128i out[2])
    __attribute__((target("avx2")));

static __m256i pair_at(const int16_t *x)
{
    int32_t two;
    memcpy(&two, x, sizeof(two));
    return _mm256_set1_epi32(two);
}

/* The same, of this sample and the next one: each tap is read once. */
static void two_samples(const struct filter *f, const int16_t *x, __m128i out[2])
{
    __m256i a = _mm256_set1_epi32(1 << (Q - 1)), b = a;
    for (int k = 0; k < TAPS / 2; k++) {
        __m256i taps = _mm256_load_si256((const __m256i *)f->pairs[k]);
        a = _mm256_add_epi32(a, _mm256_madd_epi16(pair_at(x + 2 * k), taps));
        b = _mm256_add_epi32(b, _mm256_madd_epi16(pair_at(x + 2 * k + 1), taps));
    }
    __m256i both = _mm256_packs_epi32(_mm256_srai_epi32(a, Q), _mm256_srai_epi32(b, Q));
    both = _mm256_permute4x64_epi64(both, 0xd8);
    out[0] = _mm256_castsi256_si128(both);
    out[1] = _mm256_extracti128_si256(both, 1);
}

/* What is written beyond a sample's phases is overwritten by the next one; the last ones go by way of
 * SSE2, which knows where to stop. */
static void upsample_avx2(const struct filter *f, const int16_t *x, int n, int ratio, int16_t *out)
    __attribute__((target("avx2")));

static void upsample_avx2(const struct filter *f, const int16_t *x, int n, int ratio, int16_t *out)
{
    int i = 0;
    for (__m128i two[2]; (n - i - 1) * ratio >= 8; i += 2) {
        two_samples(f, x + i, two);
        _mm_storeu_si128((__m128i *)(out + i * ratio), two[0]);
        _mm_storeu_si128((__m128i *)(out + (i + 1) * ratio), two[1]);
    }
    upsample_sse2(f, x + i, n - i, ratio, out + i * ratio);
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}
#endif

/* ---- which of them ---- */

static const struct up_kernel {
    upsample_fn *fn;
    bool (*runs)(void); /* NULL: everywhere */
} up_kernels[] = {
    { upsample_c, NULL },
#ifdef __SSE2__
    { upsample_sse2, NULL },
    { upsample_avx2, has_avx2 },
#endif
};

#define UP_KERNELS ((int)MCU_ARRAY_LEN(up_kernels))

static int best_up_to(int kernel)
{
    kernel = mcu_clamp(kernel, 0, UP_KERNELS - 1);
    while (up_kernels[kernel].runs && !up_kernels[kernel].runs())
        kernel--;
    return kernel;
}

static void fill_filters(void)
{
    fill_filter(&filters[0], 3);
    fill_filter(&filters[1], 6);
    upsample_part = up_kernels[best_up_to(UP_KERNELS - 1)].fn;
}

int mcu_upsample_use(int kernel)
{
    pthread_once(&once, fill_filters);
    kernel = best_up_to(kernel);
    upsample_part = up_kernels[kernel].fn;
    return kernel;
}

/* ---- streams ---- */

void mcu_upsampler_init(struct mcu_upsampler *up, int ratio)
{
    assert(ratio == 3 || ratio == 6);
    pthread_once(&once, fill_filters);
    memset(up, 0, sizeof(*up));
    up->ratio = ratio;
}

void mcu_downsampler_init(struct mcu_downsampler *down, int ratio)
{
    assert(ratio == 3 || ratio == 6);
    pthread_once(&once, fill_filters);
    memset(down, 0, sizeof(*down));
    down->ratio = ratio;
}

void mcu_upsample(struct mcu_upsampler *up, const int16_t *in, int n, int16_t *out)
{
    const struct filter *f = filter_of(up->ratio);

    while (n > 0) {
        int part = mcu_min(n, CHUNK);
        memcpy(up->x + TAPS - 1, in, (size_t)part * sizeof(*in));
        upsample_part(f, up->x, part, up->ratio, out);
        out += part * up->ratio;
        memmove(up->x, up->x + part, (TAPS - 1) * sizeof(*up->x));
        in += part;
        n -= part;
    }
}

void mcu_downsample(struct mcu_downsampler *down, const int16_t *in, int n, int16_t *out)
{
    const struct filter *f = filter_of(down->ratio);
    const int ratio = down->ratio, history = (TAPS - 1) * ratio;

    while (n > 0) {
        int part = mcu_min(n, CHUNK);
        memcpy(down->x + history, in, (size_t)(part * ratio) * sizeof(*in));
        for (int i = 0; i < part; i++) {
            int32_t sum = 0;
            for (int k = 0; k < ratio; k++)
                sum += dot(f->down + k * TAPS, down->x + i * ratio + k * TAPS);
            *out++ = to_s16(sum);
        }
        memmove(down->x, down->x + part * ratio, (size_t)history * sizeof(*down->x));
        in += part * ratio;
        n -= part;
    }
}
