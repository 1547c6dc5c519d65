/* Names of blocks (RECONS, UPPOL2, ...) and tables are those of ITU-T G.722 section 6.2. */
#include "codec/g722.h"

#include <stdbool.h>
#include <string.h>

#include "mixer/base/util.h"

static const int qmf_coef[12] = { 3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11 };
/* Decision levels of the 60-level quantiser of the low band, and its codes by sign. */
static const int q6[30] = { 0,   35,  72,  110, 150, 190,  233,  276,  323,  370,
                            422, 473, 530, 587, 650, 714,  786,  858,  940,  1023,
                            1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919 };
static const uint8_t iln[31] = { 0,  63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19,
                                 18, 17, 16, 15, 14, 13, 12, 11, 10, 9,  8,  7,  6,  5,  4 };
static const uint8_t ilp[31] = { 0,  61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47,
                                 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32 };
/* Inverse quantisers: 6 and 4 bits of the low band, 2 bits of the high one. */
static const int qm6[64] = {
    -136,   -136,   -136,   -136,   -24808, -21904, -19008, -16704, -14984, -13512, -12280,
    -11192, -10232, -9360,  -8576,  -7856,  -7192,  -6576,  -6000,  -5456,  -4944,  -4464,
    -4008,  -3576,  -3168,  -2776,  -2400,  -2032,  -1688,  -1360,  -1040,  -728,   24808,
    21904,  19008,  16704,  14984,  13512,  12280,  11192,  10232,  9360,   8576,   7856,
    7192,   6576,   6000,   5456,   4944,   4464,   4008,   3576,   3168,   2776,   2400,
    2032,   1688,   1360,   1040,   728,    432,    136,    -432,   -136,
};
static const int qm4[16] = { 0,     -20456, -12896, -8968, -6288, -4240, -2584, -1200,
                             20456, 12896,  8968,   6288,  4240,  2584,  1200,  0 };
static const int qm2[4] = { -7408, -1616, 7408, 1616 };
/* Steps of the logarithmic scale factor by code, and its linear value. */
static const int wl[16] = { -60, 3042, 1198, 538, 334, 172, 58, -30,
                            3042, 1198, 538, 334, 172, 58, -30, -60 };
static const int wh[4] = { 798, -214, 798, -214 };
static const int ilb[32] = { 2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543,
                             2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025, 3091, 3158, 3228,
                             3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008 };

static int sat16(int v)
{
    return mcu_clamp(v, INT16_MIN, INT16_MAX);
}

void mcu_g722_init(struct mcu_g722 *state)
{
    memset(state, 0, sizeof(*state));
    state->low.det = 32;
    state->high.det = 8;
}

/* UPPOL2 and UPPOL1: new pole coefficients from the signs of the last three p. */
static void adapt_poles(struct mcu_g722_band *g)
{
    int sign0 = g->p[0] >> 15, sign1 = g->p[1] >> 15, sign2 = g->p[2] >> 15;

    int wd = sat16(g->a[1] * 4);
    wd = sat16(sign0 == sign1 ? -wd : wd);
    int a2 = (sign0 == sign2 ? 128 : -128) + (wd >> 7) + ((g->a[2] * 32512) >> 15);
    a2 = mcu_clamp(a2, -12288, 12288);

    int a1 = sat16((sign0 == sign1 ? 192 : -192) + ((g->a[1] * 32640) >> 15));
    int limit = sat16(15360 - a2);
    g->a[1] = mcu_clamp(a1, -limit, limit);
    g->a[2] = a2;
}

/* UPZERO and FILTEZ: new zero coefficients, the history moved on, and the zeros' prediction. */
static int adapt_zeros(struct mcu_g722_band *g)
{
    int step = g->d[0] == 0 ? 0 : 128;
    int sign0 = g->d[0] >> 15;
    int sz = 0;

    for (int i = 6; i >= 1; i--) {
        int wd = (g->d[i] >> 15) == sign0 ? step : -step;
        g->b[i] = sat16(wd + ((g->b[i] * 32640) >> 15));
        g->d[i] = g->d[i - 1];
        sz += (g->b[i] * sat16(2 * g->d[i])) >> 15;
    }
    return sat16(sz);
}

/* Block 4: takes the quantised difference and predicts the next sample. */
static void predict(struct mcu_g722_band *g, int d)
{
    g->d[0] = d;
    g->r[0] = sat16(g->s + d);  /* RECONS */
    g->p[0] = sat16(g->sz + d); /* PARREC */
    adapt_poles(g);
    g->sz = adapt_zeros(g);
    g->r[2] = g->r[1];
    g->r[1] = g->r[0];
    g->p[2] = g->p[1];
    g->p[1] = g->p[0];
    int sp = ((g->a[1] * sat16(2 * g->r[1])) >> 15) + ((g->a[2] * sat16(2 * g->r[2])) >> 15);
    g->s = sat16(sat16(sp) + g->sz); /* FILTEP, PREDIC */
}

/* LOGSCL/LOGSCH and SCALEL/SCALEH. */
static void scale(struct mcu_g722_band *g, int step, int max, int shift)
{
    g->nb = mcu_clamp(((g->nb * 127) >> 7) + step, 0, max);
    int exponent = shift - (g->nb >> 11);
    int mantissa = ilb[g->nb >> 6 & 31];
    g->det = (exponent < 0 ? mantissa << -exponent : mantissa >> exponent) * 4;
}

static void adapt_low(struct mcu_g722_band *g, int code)
{
    int d = (g->det * qm4[code >> 2]) >> 15; /* INVQAL: the two least bits do not steer */
    scale(g, wl[code >> 2], 18432, 8);
    predict(g, d);
}

static void adapt_high(struct mcu_g722_band *g, int code)
{
    int d = (g->det * qm2[code]) >> 15;
    scale(g, wh[code], 22528, 10);
    predict(g, d);
}

/* QUANTL. */
static int quantise_low(const struct mcu_g722_band *g, int e)
{
    int magnitude = e >= 0 ? e : -(e + 1);
    int i = 1;
    while (i < 30 && magnitude >= (q6[i] * g->det) >> 12)
        i++;
    return e < 0 ? iln[i] : ilp[i];
}

/* QUANTH. */
static int quantise_high(const struct mcu_g722_band *g, int e)
{
    int magnitude = e >= 0 ? e : -(e + 1);
    bool outer = magnitude >= (564 * g->det) >> 12;
    return e < 0 ? (outer ? 0 : 1) : (outer ? 2 : 3);
}

/* Moves two values into the filter's history and returns both polyphase sums. */
static void qmf(int *x, int first, int second, int *even, int *odd)
{
    memmove(x, x + 2, 22 * sizeof(*x));
    x[22] = first;
    x[23] = second;
    *even = *odd = 0;
    for (int i = 0; i < 12; i++) {
        *even += x[2 * i] * qmf_coef[i];
        *odd += x[2 * i + 1] * qmf_coef[11 - i];
    }
}

void mcu_g722_decode(struct mcu_g722 *state, const uint8_t *data, size_t n, int16_t *pcm)
{
    struct mcu_g722_band *low = &state->low, *high = &state->high;

    for (size_t i = 0; i < n; i++) {
        int code_low = data[i] & 63, code_high = data[i] >> 6;
        int rl = mcu_clamp(low->s + ((low->det * qm6[code_low]) >> 15), -16384, 16383);
        int rh = mcu_clamp(high->s + ((high->det * qm2[code_high]) >> 15), -16384, 16383);
        adapt_low(low, code_low);
        adapt_high(high, code_high);

        int even, odd;
        qmf(state->qmf, rl + rh, rl - rh, &even, &odd);
        pcm[2 * i] = (int16_t)sat16(odd >> 11);
        pcm[2 * i + 1] = (int16_t)sat16(even >> 11);
    }
}

void mcu_g722_encode(struct mcu_g722 *state, const int16_t *pcm, size_t n, uint8_t *data)
{
    struct mcu_g722_band *low = &state->low, *high = &state->high;

    for (size_t i = 0; i < n; i++) {
        int even, odd;
        qmf(state->qmf, pcm[2 * i], pcm[2 * i + 1], &even, &odd);
        int code_low = quantise_low(low, sat16(((even + odd) >> 14) - low->s));
        int code_high = quantise_high(high, sat16(((odd - even) >> 14) - high->s));
        adapt_low(low, code_low);
        adapt_high(high, code_high);
        data[i] = (uint8_t)(code_high << 6 | code_low);
    }
}
