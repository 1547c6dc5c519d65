/* codec/g722.h - G.722 at 64 kbit/s (ITU-T G.722, mode 1): 16 kHz sound, one byte two samples.
 * Own code and not libavcodec: libavcodec allocates for every packet and cannot be reset without
 * opening it again. A unit test holds both bit for bit against each other.
 * Threads: a state belongs to its caller. Nothing allocates. */
#ifndef MCU_CODEC_G722_H
#define MCU_CODEC_G722_H

#include <stddef.h>
#include <stdint.h>

/* One sub-band's adaptive predictor and quantiser scale. Index 0 is the newest sample. */
struct mcu_g722_band {
    int s, sz;           /* predicted signal, and its part from the zeros */
    int nb, det;         /* logarithmic and linear scale factor */
    int r[3], p[3], a[3]; /* reconstructed, partly reconstructed, pole coefficients 1 and 2 */
    int d[7], b[7];      /* quantised differences, zero coefficients 1 to 6 */
};

struct mcu_g722 {
    struct mcu_g722_band low, high;
    int qmf[24]; /* history of the quadrature mirror filter, oldest first */
};

/* Also resets. */
void mcu_g722_init(struct mcu_g722 *state);

/* Decodes n bytes into 2 n samples. Any byte is valid. */
void mcu_g722_decode(struct mcu_g722 *state, const uint8_t *data, size_t n, int16_t *pcm);

/* Encodes 2 n samples into n bytes. */
void mcu_g722_encode(struct mcu_g722 *state, const int16_t *pcm, size_t n, uint8_t *data);

#endif
