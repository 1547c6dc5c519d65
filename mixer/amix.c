#include "mixer/amix.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"
#include "mixer/dsp/sum.h"

#define FRAMES           MCU_PCM_TICK_FRAMES
#define PART             48 /* the limiter looks at peaks of 1 ms */
#define PARTS            (FRAMES / PART)
#define RELEASE_PER_TICK 0.33f  /* 1 - exp(-20 ms / 50 ms): back to 86 % after 100 ms */
#define REST             0.001f /* less reduction than this (0.01 dB) is none */

struct input {
    const int16_t *pcm;
    struct mcu_sum_ramp ramp;
};

struct mcu_amix {
    const struct mcu_sum_dsp *dsp;
    int channels, max_inputs, count;
    struct input *inputs;
    int32_t sum[FRAMES * MCU_PCM_CHANNELS_MAX];
};

int mcu_amix_new(struct mcu_amix **out, int channels, int max_inputs)
{
    /* 32768 inputs at full scale still fit the 32 bit sum. */
    if (channels < 1 || channels > MCU_PCM_CHANNELS_MAX || max_inputs < 1 || max_inputs > 32768)
        return -EINVAL;
    struct mcu_amix *mix = calloc(1, sizeof(*mix));
    if (!mix)
        return -ENOMEM;
    mix->inputs = calloc((size_t)max_inputs, sizeof(*mix->inputs));
    if (!mix->inputs) {
        free(mix);
        return -ENOMEM;
    }
    mix->dsp = mcu_sum_get();
    mix->channels = channels;
    mix->max_inputs = max_inputs;
    *out = mix;
    return 0;
}

void mcu_amix_free(struct mcu_amix **mix)
{
    if (*mix)
        free((*mix)->inputs);
    free(*mix);
    *mix = NULL;
}

void mcu_amix_begin(struct mcu_amix *mix)
{
    memset(mix->sum, 0, sizeof(mix->sum));
    mix->count = 0;
}

static int32_t to_q30(float gain)
{
    return gain >= 1.0f ? MCU_SUM_GAIN_ONE : gain > 0 ? (int32_t)(gain * MCU_SUM_GAIN_ONE) : 0;
}

int mcu_amix_add(struct mcu_amix *mix, const int16_t *pcm, float gain_from, float gain_to)
{
    if (mix->count == mix->max_inputs)
        return -ENOSPC;
    struct input *in = &mix->inputs[mix->count];
    in->pcm = pcm;
    in->ramp.gain = to_q30(gain_from);
    in->ramp.step = (to_q30(gain_to) - in->ramp.gain) / FRAMES;
    mix->dsp->add(mix->sum, pcm, FRAMES, mix->channels, in->ramp);
    return mix->count++;
}

/* How many frames the gain may take from `from` down to `to` so that it lies below what each part
 * needs when that part begins. A part that needs less gain at once gives 1 ms: what sticks out
 * until then is bent smoothly by the kernel, which is heard less than a step of the gain. */
static int attack_frames(const int32_t *peaks, float from, float to)
{
    float frames = FRAMES;
    for (int k = 0; k < PARTS; k++) {
        float need = (float)MCU_SUM_KNEE / (float)mcu_max(peaks[k], MCU_SUM_KNEE);
        if (need < from)
            frames = fminf(frames, (from - to) / (from - need) * (float)(k * PART));
    }
    return mcu_clamp((int)frames, PART, FRAMES);
}

/* One gain for the whole block once it is reached, the one that its highest peak needs: no gain
 * moves within a period of any tone above 50 Hz, so tones stay tones. Release goes part of the way
 * to that gain each block. */
static void limit(const struct mcu_amix *mix, const int32_t *sum, struct mcu_limiter *limiter,
                  int16_t *out)
{
    int32_t peaks[PARTS], peak = 0;
    int n = mix->channels;
    for (int k = 0; k < PARTS; k++) {
        peaks[k] = mix->dsp->peak(sum + k * PART * n, PART * n);
        peak = mcu_max(peak, peaks[k]);
    }
    float from = 1.0f - limiter->gain_reduction;
    float need = (float)MCU_SUM_KNEE / (float)mcu_max(peak, MCU_SUM_KNEE);
    float to = need < from ? need : from + (need - from) * RELEASE_PER_TICK;
    int ramp = need < from ? attack_frames(peaks, from, to) : FRAMES;
    if (1.0f - to < REST)
        to = 1.0f;
    mix->dsp->limit(out, sum, ramp, n, from, (to - from) / (float)ramp);
    mix->dsp->limit(out + ramp * n, sum + ramp * n, FRAMES - ramp, n, to, 0);
    limiter->gain_reduction = 1.0f - to;
}

void mcu_amix_output(const struct mcu_amix *mix, int except, struct mcu_limiter *limiter, int16_t *out)
{
    int32_t minus[FRAMES * MCU_PCM_CHANNELS_MAX];
    const int32_t *sum = mix->sum;
    int n = FRAMES * mix->channels;
    assert(except < mix->count);
    if (except >= 0) {
        const struct input *in = &mix->inputs[except];
        mix->dsp->sub(minus, sum, in->pcm, FRAMES, mix->channels, in->ramp);
        sum = minus;
    }
    if (limiter->gain_reduction == 0 && mix->dsp->peak(sum, n) <= MCU_SUM_KNEE)
        mix->dsp->clip(out, sum, n);
    else
        limit(mix, sum, limiter, out);
}
