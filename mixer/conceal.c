#include "mixer/conceal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"

#define EDGE_FRAMES 48 /* 1 ms: step and bend at the seam are spread over this */

/* The period at which the end of the history repeats, or 0 where it is too short to tell. */
static int find_period(const int16_t *history, int frames, int channels)
{
    float mono[MCU_CONCEAL_HISTORY];
    int window = mcu_min(MCU_SPLICE_WINDOW, frames / 3);
    int longest = mcu_min(MCU_SPLICE_LAG_MAX, mcu_min(frames - window, frames * 4 / 5));
    int lag;
    if (window < MCU_SPLICE_LAG_MIN || longest < MCU_SPLICE_LAG_MIN)
        return 0;
    mcu_splice_mono(mono, history, frames, channels);
    const float *end = mono + frames - window;
    mcu_splice_find(end, end - longest, window, 0, longest - MCU_SPLICE_LAG_MIN, 0, &lag);
    return longest - lag;
}

/* Takes the last period; its last quarter goes over into what came before its first frame, so that
 * each repetition joins the next. */
static void take_period(struct mcu_conceal *c, const int16_t *end, int channels)
{
    int n = c->period, blend = n / 4;
    memcpy(c->wave, end - n * channels, (size_t)(n * channels) * sizeof(*end));
    mcu_splice_fade(c->wave + (n - blend) * channels, end - blend * channels,
                    end - (n + blend) * channels, blend, channels);
}

/* The steepest bend that the cubic below may be given: its swing, 4/27 of bend times frames, stays
 * within the sound of its last ms. In noise the slope at one frame says nothing, and the swing would
 * be a click of seven times its level. */
static float most_bend(const int16_t *end, int frames, int channels, int channel)
{
    int peak = 0;
    for (int i = 1; i <= mcu_min(frames, EDGE_FRAMES); i++)
        peak = mcu_max(peak, abs(end[-i * channels + channel]));
    return (float)peak * 27 / (4 * EDGE_FRAMES);
}

static void measure_edge(struct mcu_conceal *c, const int16_t *end, int frames, int channels)
{
    for (int k = 0; k < channels; k++) {
        float most = most_bend(end, frames, channels, k);
        const int16_t *was = end - channels + k, *is = was - c->period * channels;
        float last = c->period > 0 ? is[0] : 0, before = c->period > 0 ? is[-channels] : 0;
        c->step[k] = was[0] - last;
        c->bend[k] = (float)(was[0] - was[-channels]) - (last - before);
        c->bend[k] = fmaxf(-most, fminf(most, c->bend[k]));
    }
}

/* A cubic from the step and slope at the seam to nothing (Hermite's): neither jumps. */
static float edge(const struct mcu_conceal *c, int channel)
{
    float u = (float)(c->edge_at + 1) / EDGE_FRAMES, v = 1 - u;
    if (u >= 1)
        return 0;
    return c->step[channel] * (1 + 2 * u) * v * v + c->bend[channel] * EDGE_FRAMES * u * v * v;
}

void mcu_conceal_start(struct mcu_conceal *c, const int16_t *history, int frames, int channels)
{
    if (frames > MCU_CONCEAL_HISTORY) {
        history += (frames - MCU_CONCEAL_HISTORY) * channels;
        frames = MCU_CONCEAL_HISTORY;
    }
    memset(c, 0, sizeof(*c));
    if (frames <= 0)
        return;
    const int16_t *end = history + frames * channels;
    c->period = find_period(history, frames, channels);
    if (c->period > 0)
        take_period(c, end, channels);
    c->left = MCU_CONCEAL_FRAMES;
    if (frames >= 2)
        measure_edge(c, end, frames, channels);
}

void mcu_conceal_widen(struct mcu_conceal *c)
{
    c->step[1] = c->step[0];
    c->bend[1] = c->bend[0];
    mcu_pcm_widen(c->wave, MCU_SPLICE_LAG_MAX);
}

static void render_frame(struct mcu_conceal *c, int16_t *out, int channels)
{
    float gain = (float)c->left / MCU_CONCEAL_FRAMES;
    for (int k = 0; k < channels; k++) {
        float v = c->period > 0 ? (float)c->wave[c->at * channels + k] * gain : 0;
        v += edge(c, k);
        out[k] = (int16_t)lrintf(fmaxf(-32768.0f, fminf(32767.0f, v)));
    }
    c->left--;
    c->edge_at++;
    if (c->period > 0)
        c->at = (c->at + 1) % c->period;
}

void mcu_conceal_render(struct mcu_conceal *c, int16_t *out, int frames, int channels)
{
    int i = 0;
    for (; i < frames && c->left > 0; i++)
        render_frame(c, out + i * channels, channels);
    memset(out + i * channels, 0, (size_t)((frames - i) * channels) * sizeof(*out));
}
