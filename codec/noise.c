#include "codec/noise.h"

#include <errno.h>
#include <math.h>

#include "mixer/base/util.h"

int mcu_noise_set(struct mcu_noise *noise, const uint8_t *payload, size_t size)
{
    if (size == 0)
        return -EBADMSG;
    /* Level: -dBov; 0 dBov is a square wave at the limit (RFC 3389 3.1). The filter makes the noise
     * louder by 1 / prod(1 - k^2). */
    float power = powf(10.0f, (float)-(payload[0] & 0x7f) / 10) * 32768.0f * 32768.0f;
    noise->order = mcu_min((int)(size < 64 ? size : 64) - 1, MCU_NOISE_ORDER);
    for (int i = 0; i < noise->order; i++) {
        int n = mcu_clamp(payload[i + 1], 1, 253);
        noise->k[i] = 258.0f * (float)(n - 127) / 32768.0f; /* 3.2 */
        power *= 1 - noise->k[i] * noise->k[i];
    }
    for (int i = noise->order; i < MCU_NOISE_ORDER; i++)
        noise->k[i] = noise->mem[i] = 0;
    noise->gain = (payload[0] & 0x7f) == 127 ? 0 : sqrtf(power);
    return 0;
}

/* Even from -sqrt(3) to sqrt(3): power 1. */
static float white(struct mcu_noise *noise)
{
    noise->seed = noise->seed * 1664525u + 1013904223u;
    return ((float)(noise->seed >> 8) / 8388608.0f - 1) * 1.7320508f;
}

/* All-pole lattice. mem[i] is the backward error of order i one sample ago; |k| < 1 keeps it stable
 * whatever the payloads are. */
static float filter(struct mcu_noise *noise, float f)
{
    for (int i = noise->order - 1; i >= 0; i--) {
        f -= noise->k[i] * noise->mem[i];
        if (i + 1 < noise->order)
            noise->mem[i + 1] = noise->mem[i] + noise->k[i] * f;
    }
    if (noise->order)
        noise->mem[0] = f;
    return f;
}

void mcu_noise_fill(struct mcu_noise *noise, int16_t *pcm, int n)
{
    for (int i = 0; i < n; i++) {
        float v = filter(noise, noise->gain * white(noise));
        pcm[i] = (int16_t)lrintf(fminf(fmaxf(v, -32768), 32767));
    }
}
