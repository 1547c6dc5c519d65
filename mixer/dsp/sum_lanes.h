/* mixer/dsp/sum_lanes.h - the kernels of sum.h over lanes32.h, for the file of each level to include.
 * A tail shorter than a vector goes through the reference, entered at its frame of the ramp.
 * Threads: any. */
#ifndef MCU_MIXER_DSP_SUM_LANES_H
#define MCU_MIXER_DSP_SUM_LANES_H

#include "mixer/dsp/lanes32.h"
#include "mixer/dsp/sum.h"

#ifdef LANES

#define STEP (4 * LANES) /* samples: whole frames */

/* The number of each sample's frame. */
static inline lanes frame_numbers(int channels)
{
    int32_t n[STEP];
    for (int i = 0; i < STEP; i++)
        n[i] = i / channels;
    return load(n);
}

/* The gains of the first samples. Unsigned, because a ramp shorter than a vector may be steeper than
 * fits. */
static inline lanes first_gains(struct mcu_sum_ramp ramp, int channels)
{
    return add32(set32(ramp.gain), mul32(frame_numbers(channels), set32(ramp.step)));
}

static inline lanes gain_step(struct mcu_sum_ramp ramp, int channels)
{
    return set32((int32_t)((uint32_t)ramp.step * (uint32_t)(STEP / channels)));
}

static inline lanes shares(const int16_t *x, lanes gain)
{
    return sra32(add32(mul32(load_s16(x), sra32(gain, 15)), set32(1 << 14)), 15);
}

static struct mcu_sum_ramp ramp_at(struct mcu_sum_ramp ramp, int frame)
{
    return (struct mcu_sum_ramp){ ramp.gain + frame * ramp.step, ramp.step };
}

static void add(int32_t *acc, const int16_t *x, int frames, int channels, struct mcu_sum_ramp ramp)
{
    const lanes step = gain_step(ramp, channels);
    lanes gain = first_gains(ramp, channels);
    int n = frames * channels, k = 0;
    for (; k + STEP <= n; k += STEP, gain = add32(gain, step))
        store(acc + k, add32(load(acc + k), shares(x + k, gain)));
    mcu_sum_c.add(acc + k, x + k, (n - k) / channels, channels, ramp_at(ramp, k / channels));
}

static void sub(int32_t *dst, const int32_t *acc, const int16_t *x, int frames, int channels,
                struct mcu_sum_ramp ramp)
{
    const lanes step = gain_step(ramp, channels);
    lanes gain = first_gains(ramp, channels);
    int n = frames * channels, k = 0;
    for (; k + STEP <= n; k += STEP, gain = add32(gain, step))
        store(dst + k, sub32(load(acc + k), shares(x + k, gain)));
    mcu_sum_c.sub(dst + k, acc + k, x + k, (n - k) / channels, channels,
                  ramp_at(ramp, k / channels));
}

static int32_t peak(const int32_t *acc, int n)
{
    lanes most = set32(0);
    int32_t part[STEP];
    int k = 0;
    for (; k + STEP <= n; k += STEP)
        most = max32(most, abs32(load(acc + k)));
    store(part, most);
    int32_t best = mcu_sum_c.peak(acc + k, n - k), of_parts = mcu_sum_c.peak(part, STEP);
    return of_parts > best ? of_parts : best;
}

static void clip(int16_t *out, const int32_t *acc, int n)
{
    int k = 0;
    for (; k + STEP <= n; k += STEP)
        store_s16(out + k, load(acc + k));
    mcu_sum_c.clip(out + k, acc + k, n - k);
}

/* Steps of bend() in sum_c.c; max(e, 0) and min(a, knee) pick the same values as its branches. */
static inline floats bend(floats y)
{
    const floats knee = setf(MCU_SUM_KNEE), room = setf(32767.0f - MCU_SUM_KNEE), one = setf(1.0f);
    floats a = absf(y);
    floats e = maxf(subf(a, knee), setf(0));
    floats over = divf(e, addf(one, divf(e, room)));
    return with_sign(addf(minf(a, knee), over), y);
}

/* The reference computes gain + step * i from the frame's number in the call, so the tail must go
 * on with that number: it is done here on a padded copy instead of by the reference. */
static void limit(int16_t *out, const int32_t *acc, int frames, int channels, float gain, float step)
{
    const lanes first = frame_numbers(channels);
    int n = frames * channels;
    for (int k = 0; k < n; k += STEP) {
        int32_t in[STEP] = { 0 };
        int16_t tail[STEP];
        int rest = n - k < STEP ? n - k : 0;
        for (int j = 0; j < rest; j++)
            in[j] = acc[k + j];
        floats frame = to_float(add32(first, set32(k / channels)));
        floats g = addf(setf(gain), mulf(setf(step), frame));
        floats y = bend(mulf(to_float(load(rest ? in : acc + k)), g));
        store_s16(rest ? tail : out + k, to_nearest(y));
        for (int j = 0; j < rest; j++)
            out[k + j] = tail[j];
    }
}

static uint64_t energy(const int16_t *x, int n)
{
    lanes sum = set32(0);
    uint64_t part[2 * LANES], all = 0;
    int k = 0;
    for (; k + 2 * STEP <= n; k += 2 * STEP) {
        lanes v = load(x + k);
        lanes p = pairs16(v, v); /* at most 2^31: right as unsigned */
        sum = add64(sum, add64(high_half64(p), low_half64(p)));
    }
    store(part, sum);
    for (int i = 0; i < 2 * LANES; i++)
        all += part[i];
    return all + mcu_sum_c.energy(x + k, n - k);
}

static bool whole(int16_t *out, const float *x, int n)
{
    const floats scale = setf(32768), top = setf(32767), bottom = setf(-32768);
    floats most = setf(0);
    float part[STEP];
    bool outside = false;
    int k = 0;
    for (; k + STEP <= n; k += STEP) {
        floats v = loadf(x + k);
        most = maxf(most, absf(v));
        store_s16(out + k, to_nearest(maxf(minf(mulf(v, scale), top), bottom)));
    }
    storef(part, most);
    for (int i = 0; i < STEP; i++)
        outside |= part[i] > 1;
    return mcu_sum_c.whole(out + k, x + k, n - k) || outside;
}

#endif
#endif
