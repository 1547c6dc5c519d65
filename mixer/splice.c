#include "mixer/splice.h"

#include <math.h>

#define COARSE     4 /* the first search looks at every fourth sample and lag */
#define QUARTERS   4
#define QUIET      30.0f  /* RMS (-61 dBov) below which likeness is of no matter */
#define PREFERENCE 0.005f /* likeness given up for a lag at the preferred end */

void mcu_splice_mono(float *out, const int16_t *in, int frames, int channels)
{
    for (int i = 0; i < frames; i++)
        out[i] = channels == 2 ? 0.5f * (float)(in[2 * i] + in[2 * i + 1]) : (float)in[i];
}

static float likeness(const float *a, const float *b, int n, int stride)
{
    float ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < n; i += stride) {
        ab += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    float floor_ = QUIET * QUIET * (float)(n / stride);
    if (aa < floor_ && bb < floor_)
        return 1.0f;
    return ab / sqrtf(fmaxf(aa, floor_) * fmaxf(bb, floor_));
}

struct search {
    const float *what, *where;
    int window, lag_min, lag_max, prefer_short;
    float best; /* with the preference */
    int lag;
};

static void look(struct search *s, int lag, int stride)
{
    if (lag < s->lag_min || lag > s->lag_max)
        return;
    int from_end = s->prefer_short ? lag - s->lag_min : s->lag_max - lag;
    float v = likeness(s->what, s->where + lag, s->window, stride) -
              PREFERENCE * (float)from_end / MCU_SPLICE_LAG_MAX;
    if (v > s->best) {
        s->best = v;
        s->lag = lag;
    }
}

/* Lags on the coarse grid miss a good one by up to half a step, which for a tone looks like a worse
 * one: so the best of each quarter of the range is refined before they are compared. */
float mcu_splice_find(const float *what, const float *where, int window, int lag_min, int lag_max,
                      int prefer_short, int *lag)
{
    struct search fine = { what, where, window, lag_min, lag_max, prefer_short, -2.0f, lag_min };
    int quarter = (lag_max - lag_min) / QUARTERS + 1;
    for (int from = lag_min; from <= lag_max; from += quarter) {
        struct search coarse = fine;
        coarse.best = -2.0f;
        for (int l = from; l < from + quarter; l += COARSE)
            look(&coarse, l, COARSE);
        for (int l = coarse.lag - COARSE + 1; l < coarse.lag + COARSE; l++)
            look(&fine, l, 1);
    }
    *lag = fine.lag;
    return likeness(what, where + fine.lag, window, 1);
}

void mcu_splice_fade(int16_t *out, const int16_t *a, const int16_t *b, int frames, int channels)
{
    for (int i = 0; i < frames; i++) {
        float t = ((float)i + 0.5f) / (float)frames;
        float w = t * t * (3.0f - 2.0f * t);
        for (int c = 0; c < channels; c++) {
            int k = i * channels + c;
            out[k] = (int16_t)lrintf((float)a[k] + (float)(b[k] - a[k]) * w);
        }
    }
}
