#include "tests/mock/peer_measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"

#define RATE 48000
#define LEVEL_WINDOW (RATE / 5)

/* Amplitude of `hz` in n weighted samples: the Goertzel algorithm. Samples before 0 and after
 * `total` are silence. */
static double goertzel(const int16_t *pcm, int64_t from, int64_t total, const float *window, int n,
                       double hz)
{
    double c = 2 * cos(2 * M_PI * hz / RATE), s1 = 0, s2 = 0, weight = 0;
    for (int i = 0; i < n; i++) {
        int64_t at = from + i;
        double x = at >= 0 && at < total ? pcm[at] / 32768.0 : 0;
        double s = x * (double)window[i] + c * s1 - s2;
        s2 = s1;
        s1 = s;
        weight += (double)window[i];
    }
    double power = s1 * s1 + s2 * s2 - c * s1 * s2;
    return power > 0 ? 2 * sqrt(power) / weight : 0;
}

static double dbfs(double amplitude)
{
    return amplitude > 3.2e-8 ? 20 * log10(amplitude) : PEER_SILENCE_DBFS;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double peer_median(double *values, int n)
{
    if (n == 0)
        return 0;
    qsort(values, (size_t)n, sizeof(*values), compare);
    return values[n / 2];
}

struct peer_level peer_tone_level(const int16_t *pcm, int64_t n, double hz)
{
    struct peer_level out = { PEER_SILENCE_DBFS, PEER_SILENCE_DBFS, PEER_SILENCE_DBFS, 0 };
    int windows = n < LEVEL_WINDOW ? 0 : (int)((n - LEVEL_WINDOW) / (LEVEL_WINDOW / 2)) + 1;
    float *w = malloc(LEVEL_WINDOW * sizeof(*w));
    double *level = calloc((size_t)windows + 1, sizeof(*level));
    for (int i = 0; w && i < LEVEL_WINDOW; i++) {
        double p = 2 * M_PI * i / (LEVEL_WINDOW - 1);
        w[i] = (float)(0.35875 - 0.48829 * cos(p) + 0.14128 * cos(2 * p) - 0.01168 * cos(3 * p));
    }
    for (int i = 0; w && level && i < windows; i++)
        level[i] = dbfs(goertzel(pcm, (int64_t)i * LEVEL_WINDOW / 2, n, w, LEVEL_WINDOW, hz));
    if (w && level && windows) {
        out.median_dbfs = peer_median(level, windows);
        out.min_dbfs = level[0];
        out.max_dbfs = level[windows - 1];
        out.windows = windows;
    }
    free(level);
    free(w);
    return out;
}

double peer_rms_dbfs(const int16_t *pcm, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)pcm[i] * pcm[i];
    return n ? dbfs(sqrt(2 * sum / (double)n) / 32768) : PEER_SILENCE_DBFS;
}

void peer_envelope(const int16_t *pcm, int64_t n, double hz, int wide, int step, float *out)
{
    float *w = malloc((size_t)wide * sizeof(*w));
    for (int i = 0; w && i < wide; i++)
        w[i] = (float)(0.5 - 0.5 * cos(2 * M_PI * (i + 0.5) / wide));
    for (int64_t i = 0; i < n / step; i++)
        out[i] = w ? (float)goertzel(pcm, i * step - wide / 2, n, w, wide, hz) : 0;
    free(w);
}

static double middle_of(const float *values, int n)
{
    double *sorted = calloc((size_t)n + 1, sizeof(*sorted));
    for (int i = 0; sorted && i < n; i++)
        sorted[i] = (double)values[i];
    double median = sorted ? peer_median(sorted, n) : 0;
    free(sorted);
    return median;
}

struct peer_holes peer_tone_holes(const int16_t *pcm, int64_t n, double hz)
{
    enum { STEP = 96, WIDE = 960 }; /* 2 ms, 20 ms */
    struct peer_holes out = { -1, 0, 0 };
    int count = (int)(n / STEP), margin = WIDE / STEP, run = 0;
    float *env = calloc((size_t)count + 1, sizeof(*env));
    if (env && count > 4 * margin) {
        peer_envelope(pcm, n, hz, WIDE, STEP, env);
        double median = middle_of(env, count);
        if (median > 5e-3) /* -46 dBFS: below, what a coder leaves is no tone */
            out.count = 0;
        for (int i = margin; out.count >= 0 && i < count - margin; i++) {
            run = (double)env[i] < median / 2 ? run + 1 : 0;
            double ms = run * STEP * 1000.0 / RATE;
            if (ms > out.longest_ms) {
                out.longest_ms = ms;
                out.at_s = (double)i * STEP / RATE;
            }
            out.count += run == 20 * RATE / 1000 / STEP + 1;
        }
    }
    free(env);
    return out;
}

int peer_onsets(const int16_t *pcm, int64_t n, double hz, int64_t *at, int most)
{
    enum { STEP = 48, WIDE = 480, REST = 300, LOOK = 60 }; /* ms of REST and LOOK */
    int count = (int)(n / STEP), quiet = REST, found = 0;
    float *env = calloc((size_t)count + 1, sizeof(*env)), ground = 0, loud = 0.01f;
    if (env) {
        peer_envelope(pcm, n, hz, WIDE, STEP, env);
        ground = (float)middle_of(env, count);
        loud = 2.5f * ground > loud ? 2.5f * ground : loud;
    }
    for (int i = 0; env && i < count && found < most; i++) {
        if (env[i] < loud) {
            quiet++;
            continue;
        }
        if (quiet >= REST) {
            float peak = 0;
            int end = mcu_min(count, i + LOOK), half = i;
            for (int k = i; k < end; k++)
                peak = env[k] > peak ? env[k] : peak;
            while (half < end && env[half] < (peak + ground) / 2)
                half++;
            at[found++] = (int64_t)half * STEP;
        }
        quiet = 0;
    }
    free(env);
    return found;
}
