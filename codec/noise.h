/* codec/noise.h - comfort noise as RFC 3389 describes it: a level, and the shape of its spectrum.
 * Threads: a state belongs to its caller. Nothing allocates. */
#ifndef MCU_CODEC_NOISE_H
#define MCU_CODEC_NOISE_H

#include <stddef.h>
#include <stdint.h>

#define MCU_NOISE_ORDER 12 /* coefficients that are used; G.711 Appendix II has 10 */

/* Plain value; zero is silence. */
struct mcu_noise {
    int order;
    float gain;                 /* of white noise of power 1 before the filter */
    float k[MCU_NOISE_ORDER];   /* reflection coefficients */
    float mem[MCU_NOISE_ORDER]; /* of the lattice */
    uint32_t seed;
};

/* Takes a payload: one byte of level, then reflection coefficients (RFC 3389 3.1, 3.2). Further ones
 * than MCU_NOISE_ORDER are taken as zero. Returns 0 or -EBADMSG (empty); the noise goes on without
 * a seam. */
int mcu_noise_set(struct mcu_noise *noise, const uint8_t *payload, size_t size);

/* Writes n samples, at the rate of the codec beside it. */
void mcu_noise_fill(struct mcu_noise *noise, int16_t *pcm, int n);

#endif
