/* The reference: plain, and what every other version must match bit for bit. */
#include "mixer/dsp/sum.h"

#include <math.h>

static inline int32_t share(int16_t x, int32_t gain)
{
    return (x * (gain >> 15) + (1 << 14)) >> 15;
}

static void add_c(int32_t *acc, const int16_t *x, int frames, int channels,
                  struct mcu_sum_ramp ramp)
{
    for (int i = 0; i < frames; i++)
        for (int c = 0; c < channels; c++)
            acc[i * channels + c] += share(x[i * channels + c], ramp.gain + i * ramp.step);
}

static void sub_c(int32_t *dst, const int32_t *acc, const int16_t *x, int frames, int channels,
                  struct mcu_sum_ramp ramp)
{
    for (int i = 0; i < frames; i++)
        for (int c = 0; c < channels; c++) {
            int k = i * channels + c;
            dst[k] = acc[k] - share(x[k], ramp.gain + i * ramp.step);
        }
}

static int32_t peak_c(const int32_t *acc, int n)
{
    int32_t peak = 0;
    for (int i = 0; i < n; i++) {
        int32_t a = acc[i] < 0 ? -acc[i] : acc[i];
        peak = a > peak ? a : peak;
    }
    return peak;
}

static void clip_c(int16_t *out, const int32_t *acc, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (int16_t)(acc[i] > 32767 ? 32767 : acc[i] < -32768 ? -32768 : acc[i]);
}

static inline int16_t bend(float y)
{
    const float room = 32767.0f - MCU_SUM_KNEE;
    float a = fabsf(y);
    float e = a - MCU_SUM_KNEE;
    if (e < 0)
        e = 0;
    float low = a < MCU_SUM_KNEE ? a : MCU_SUM_KNEE;
    a = low + e / (1.0f + e / room);
    return (int16_t)lrintf(copysignf(a, y));
}

static void limit_c(int16_t *out, const int32_t *acc, int frames, int channels, float gain,
                    float step)
{
    for (int i = 0; i < frames; i++) {
        float g = gain + step * (float)i;
        for (int c = 0; c < channels; c++)
            out[i * channels + c] = bend((float)acc[i * channels + c] * g);
    }
}

static uint64_t energy_c(const int16_t *x, int n)
{
    uint64_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += (uint64_t)((int64_t)x[i] * x[i]);
    return sum;
}

static bool whole_c(int16_t *out, const float *x, int n)
{
    bool outside = false;
    for (int i = 0; i < n; i++) {
        float v = x[i] * 32768.0f;
        outside |= fabsf(x[i]) > 1;
        out[i] = (int16_t)lrintf(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
    }
    return outside;
}

const struct mcu_sum_dsp mcu_sum_c = {
    .add = add_c,
    .sub = sub_c,
    .peak = peak_c,
    .clip = clip_c,
    .limit = limit_c,
    .energy = energy_c,
    .whole = whole_c,
};
