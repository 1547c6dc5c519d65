/* mixer/splice.h - where sound can be cut and joined without being heard: the lag at which a
 * signal is most like itself, and the crossfade there. Used by the playout queue.
 * Threads: pure functions on the caller's buffers. */
#ifndef MCU_MIXER_SPLICE_H
#define MCU_MIXER_SPLICE_H

#include <stdint.h>

#define MCU_SPLICE_WINDOW   480 /* frames compared and crossfaded at most: 10 ms */
#define MCU_SPLICE_LAG_MIN  120 /* 2.5 ms: a period at 400 Hz */
#define MCU_SPLICE_LAG_MAX  960 /* 20 ms: a period at 50 Hz, so that hum has one too */
#define MCU_SPLICE_SPAN_MAX (MCU_SPLICE_WINDOW + 2 * MCU_SPLICE_LAG_MAX)

/* Averages the channels of in[frames][channels] into out. */
void mcu_splice_mono(float *out, const int16_t *in, int frames, int channels);

/* The lag in [lag_min, lag_max] at which where[lag .. lag + window) is most like
 * what[0 .. window); of nearly equal ones the one nearer to lag_max or, with prefer_short,
 * to lag_min. Returns the likeness, -1 to 1 (normalised correlation); two stretches of near
 * silence are alike. where has lag_max + window samples. */
float mcu_splice_find(const float *what, const float *where, int window, int lag_min, int lag_max,
                      int prefer_short, int *lag);

/* out[i] goes from a[i] to b[i] over frames, smoothly at both ends. out may be a or b. */
void mcu_splice_fade(int16_t *out, const int16_t *a, const int16_t *b, int frames, int channels);

#endif
