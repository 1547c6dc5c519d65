/* tests/mock/peer_measure.h - tones in a recording: levels, envelopes, holes, onsets.
 * Threads: any; pure functions. Levels in dBFS: a sine of full scale is 0. */
#ifndef MCU_TESTS_PEER_MEASURE_H
#define MCU_TESTS_PEER_MEASURE_H

#include <stdint.h>

#define PEER_SILENCE_DBFS (-150.0)

struct peer_level {
    double median_dbfs, min_dbfs, max_dbfs;
    int windows;
};

struct peer_holes {
    int count;          /* longer than 20 ms */
    double longest_ms, at_s;
};

/* The level of one tone in n samples at 48 kHz: windows of 200 ms (Blackman-Harris: what is 25 Hz
 * away is 90 dB down), one each 100 ms. windows is 0 when n is too short. */
struct peer_level peer_tone_level(const int16_t *pcm, int64_t n, double hz);

/* RMS of all samples, dBFS of a sine with that power. */
double peer_rms_dbfs(const int16_t *pcm, int64_t n);

/* Amplitude (0 to 1) of a tone in `wide` samples around each step: out[i] belongs to the sample
 * i * step; Hann, so that other tones must be 96000 / wide Hz away. out: room for n / step. */
void peer_envelope(const int16_t *pcm, int64_t n, double hz, int wide, int step, float *out);

/* Stretches in which a steady tone falls below half its median. Others must be 100 Hz away.
 * -1 in count: no such tone. */
struct peer_holes peer_tone_holes(const int16_t *pcm, int64_t n, double hz);

/* Where beeps of a tone begin: samples (half amplitude), at most `most`; returns how many. A beep is
 * above -40 dBFS, 8 dB louder than what else is heard there, and stands after 300 ms without. Tones
 * less than 200 Hz away add to that ground. */
int peer_onsets(const int16_t *pcm, int64_t n, double hz, int64_t *at, int most);

/* Sorts and gives the middle one; 0 for none. */
double peer_median(double *values, int n);

#endif
