/* tests/unit/sound.h - sounds to test with and measures to judge by. Include in one .c only. */
#ifndef MCU_TESTS_UNIT_SOUND_H
#define MCU_TESTS_UNIT_SOUND_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline uint32_t sound_rnd(void)
{
    static uint32_t state = 12345;
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

/* A prompt of Debian's asterisk-core-sounds-en-wav (8 kHz, 16 bit), brought to 48 kHz by a
 * windowed sinc. Returns frames, 0 when the package is absent. */
static inline int sound_prompt(const char *name, int16_t *out, int max)
{
    char path[256];
    static int16_t in[60 * 8000];
    snprintf(path, sizeof(path), "/usr/share/asterisk/sounds/en_US_f_Allison/%s.wav", name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    fseek(f, 44, SEEK_SET);
    int n = (int)fread(in, 2, sizeof(in) / 2, f);
    fclose(f);
    float kernel[6][16];
    for (int p = 0; p < 6; p++)
        for (int k = 0; k < 16; k++) {
            double x = k - 7 - p / 6.0, w = 0.5 + 0.5 * cos(M_PI * x / 8.5);
            kernel[p][k] = (float)((fabs(x) < 1e-9 ? 1 : sin(M_PI * x) / (M_PI * x)) * w);
        }
    int frames = n * 6 < max ? n * 6 : max;
    for (int i = 0; i < frames; i++) {
        float v = 0;
        for (int k = 0; k < 16; k++) {
            int at = i / 6 + k - 7;
            v += at >= 0 && at < n ? (float)in[at] * kernel[i % 6][k] : 0;
        }
        out[i] = (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : lrintf(v));
    }
    return frames;
}

/* Something like speech when there is none: a gliding voice with three formant-like partials,
 * syllables, pauses and hissing between. */
static inline int sound_babble(int16_t *out, int max)
{
    double phase = 0;
    for (int i = 0; i < max; i++) {
        double t = i / 48000.0, f0 = 130 + 40 * sin(2 * M_PI * 0.7 * t), v = 0;
        phase += 2 * M_PI * f0 / 48000;
        double syllable = sin(2 * M_PI * 4.1 * t) * (sin(2 * M_PI * 0.31 * t) > -0.4);
        for (int k = 1; k < 20; k++)
            v += sin(k * phase) / (1 + 0.02 * (k - 5) * (k - 5));
        v *= syllable > 0 ? syllable * 1500 : 0;
        if (syllable < -0.7)
            v += ((int)(sound_rnd() % 2001) - 1000) * 0.7;
        out[i] = (int16_t)lrint(v);
    }
    return max;
}

static inline int sound_speech(int16_t *out, int max)
{
    int n = sound_prompt("demo-instruct", out, max);
    return n > 48000 ? n : sound_babble(out, max);
}

static inline double sound_rms(const int16_t *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum / (n > 0 ? n : 1));
}

/* Amplitude of one frequency in x[n], Hann window. */
static inline double sound_tone(const int16_t *x, int n, double hz)
{
    double re = 0, im = 0, sum = 0;
    for (int i = 0; i < n; i++) {
        double w = 0.5 - 0.5 * cos(2 * M_PI * i / n), a = 2 * M_PI * hz * i / 48000;
        re += w * x[i] * cos(a);
        im += w * x[i] * sin(a);
        sum += w;
    }
    return 2 * sqrt(re * re + im * im) / sum;
}

#endif
