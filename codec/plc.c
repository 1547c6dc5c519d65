#include "codec/plc.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "mixer/base/util.h"

static int ms(const struct mcu_plc *plc, int n)
{
    return plc->rate_hz / 1000 * n;
}

void mcu_plc_init(struct mcu_plc *plc, int rate_hz)
{
    assert(rate_hz == 8000 || rate_hz == 16000 || rate_hz == 48000);
    memset(plc, 0, sizeof(*plc));
    plc->rate_hz = rate_hz;
    plc->history = MCU_PLC_HISTORY_MAX * (rate_hz / 1000) / 48;
}

static void remember(struct mcu_plc *plc, const int16_t *pcm, int n)
{
    int over = mcu_max(n - plc->history, 0);
    for (pcm += over, n -= over; n > 0;) {
        int part = mcu_min(n, plc->history - plc->oldest);
        memcpy(plc->recent + plc->oldest, pcm, (size_t)part * sizeof(*pcm));
        plc->oldest = (plc->oldest + part) % plc->history;
        pcm += part;
        n -= part;
    }
}

static void freeze(struct mcu_plc *plc)
{
    int behind = plc->history - plc->oldest;
    memcpy(plc->frozen, plc->recent + plc->oldest, (size_t)behind * sizeof(*plc->frozen));
    memcpy(plc->frozen + behind, plc->recent, (size_t)plc->oldest * sizeof(*plc->frozen));
}

/* The best lag of [first, last], each `stride`th, by every `skip`th sample of the last 20 ms. */
static int best_lag(const struct mcu_plc *plc, int first, int last, int stride, int skip)
{
    const int window = ms(plc, 20);
    const int16_t *x = plc->frozen + plc->history - window;
    int best = last;
    double best_score = 0;

    for (int lag = first; lag <= last; lag += stride) {
        int64_t cross = 0, energy = 1;
        for (int i = 0; i < window; i += skip) {
            cross += x[i] * x[i - lag];
            energy += x[i - lag] * x[i - lag];
        }
        double score = (double)cross / sqrt((double)energy);
        if (score > best_score) {
            best_score = score;
            best = lag;
        }
    }
    return best;
}

/* The lag of 5 to 15 ms at which the last 20 ms resemble what was before them most (Appendix I,
 * I.2.1): normalised cross-correlation; at 16 and 48 kHz in the steps of 8 kHz, and then the lags
 * between them. */
static int find_period(const struct mcu_plc *plc)
{
    const int stride = plc->rate_hz / 8000, first = ms(plc, 5), last = ms(plc, 15);
    int lag = best_lag(plc, first, last, stride, stride);
    if (stride == 1)
        return lag;
    return best_lag(plc, mcu_max(first, lag - stride + 1), mcu_min(last, lag + stride - 1), 1,
                    mcu_max(stride / 2, 1));
}

/* The last `periods` pitch periods repeated, at time t since the loss began. The last quarter
 * period fades into what stood before the first one, so that the loop has no seam. All loops are
 * in phase, whatever their length. */
static float loop(const struct mcu_plc *plc, int periods, int t)
{
    const int length = periods * plc->period, quarter = plc->period / 4;
    const int i = t % length, seam = i - (length - quarter);
    const int16_t *x = plc->frozen + plc->history - length;

    if (seam < 0)
        return x[i];
    float w = (float)(seam + 1) / (float)(quarter + 1);
    return x[i] * (1 - w) + x[i - length] * w;
}

/* One period for 10 ms, two for 10 ms, then three: a single one repeated for long sounds like a
 * machine (Appendix I, I.2.4). */
static float synthesise(const struct mcu_plc *plc, int t)
{
    const int ten = ms(plc, 10), quarter = plc->period / 4;
    const int periods = mcu_min(1 + t / ten, 3), since = t % ten;

    if (t >= ms(plc, 60))
        return 0;
    float v = loop(plc, periods, t);
    if (periods > 1 && t < 3 * ten && since < quarter) {
        float w = (float)(since + 1) / (float)(quarter + 1);
        v = loop(plc, periods - 1, t) * (1 - w) + v * w;
    }
    if (t < quarter) /* without look-ahead the join itself must be bent together */
        v += (float)plc->step * (1 - (float)t / (float)quarter);
    /* Two packets of 20 ms in a row leave no hole: half the level is reached at 40 ms. */
    float gain = t < 2 * ten ? 1 : 1 - (float)(t - 2 * ten) / (float)ms(plc, 40);
    return v * gain;
}

static int16_t to_s16(float v)
{
    return (int16_t)mcu_clamp((int)lrintf(v), INT16_MIN, INT16_MAX);
}

void mcu_plc_good(struct mcu_plc *plc, int16_t *pcm, int n)
{
    if (plc->lost > 0) { /* a longer fade after a longer loss: 4 to 10 ms (Appendix I, I.2.7) */
        int fade = mcu_min(ms(plc, 10), ms(plc, 4) + plc->lost * 2 / 5);
        for (int i = 0; i < mcu_min(n, fade); i++) {
            float w = (float)(i + 1) / (float)(fade + 1);
            pcm[i] = to_s16(synthesise(plc, plc->lost + i) * (1 - w) + pcm[i] * w);
        }
        plc->lost = 0;
    }
    remember(plc, pcm, n);
}

void mcu_plc_lost(struct mcu_plc *plc, int16_t *pcm, int n)
{
    if (plc->lost == 0) {
        freeze(plc);
        plc->period = find_period(plc);
        const int16_t *end = plc->frozen + plc->history;
        plc->step = end[-1] - end[-1 - plc->period];
    }
    for (int i = 0; i < n; i++)
        pcm[i] = to_s16(synthesise(plc, plc->lost + i));
    plc->lost = mcu_min(plc->lost + n, ms(plc, 1000)); /* long silent by then, and no overflow */
    remember(plc, pcm, n);
}
