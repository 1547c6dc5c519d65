/* tests/bench/codecs.c - what coding and mixing of sound cost with the libraries that the server uses.
 *
 *   bench_codecs [--quick]
 *
 * us a tick of 20 ms for decoding, encoding and mixing. One JSON object a line. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/adec.h"
#include "codec/aenc.h"
#include "mixer/amix.h"
#include "mixer/base/pcm.h"

static double cpu_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void *must(void *p)
{
    if (!p) {
        fprintf(stderr, "bench_codecs: out of memory\n");
        exit(1);
    }
    return p;
}

/* ---- sound ---- */

/* Something like a voice: harmonics of a gliding tone, in syllables. */
static void make_voice(int16_t *pcm, int tick, int seed)
{
    for (int i = 0; i < MCU_PCM_TICK_FRAMES; i++) {
        double t = (tick * MCU_PCM_TICK_FRAMES + i) / 48000.0 + seed, x = 0;
        double pitch = 120 + 7 * seed + 20 * sin(2 * t);
        for (int k = 1; k < 12; k++)
            x += sin(2 * M_PI * k * pitch * t) / k;
        double level = 1200 * fmax(0, sin(9 * t)) + 30;
        pcm[2 * i] = pcm[2 * i + 1] = (int16_t)(x * level + rand() % 40);
    }
}

static void sound_row(const char *what, double ms, int calls)
{
    printf("{\"bench\": \"sound\", \"what\": \"%s\", \"us\": %.2f}\n", what, ms * 1000 / calls);
}

static void measure_sound_codec(const char *name, enum mcu_codec codec, int channels, int ticks)
{
    struct mcu_aenc_config config = { .codec = codec, .channels = channels, .frame_ms = 20,
                                      .complexity = -1 };
    struct mcu_aenc *enc = NULL;
    struct mcu_adec *dec = NULL;
    int16_t pcm[2 * MCU_PCM_TICK_FRAMES], *out = must(calloc(2 * MCU_ADEC_MAX_FRAMES, 2));
    uint8_t data[MCU_AENC_MAX_BYTES];
    double enc_ms = 0, dec_ms = 0;
    char what[64];
    if (mcu_aenc_new(&enc, &config) < 0 || mcu_adec_new(&dec, codec, 2) < 0)
        exit(1);
    for (int tick = 0; tick < ticks; tick++) {
        make_voice(pcm, tick, 0);
        double begin = cpu_ms();
        int n = mcu_aenc_encode(enc, pcm, 2, false, data);
        double between = cpu_ms();
        if (n > 0)
            mcu_adec_decode(dec, data, (size_t)n, out);
        enc_ms += between - begin;
        dec_ms += cpu_ms() - between;
    }
    snprintf(what, sizeof(what), "encode %s", name);
    sound_row(what, enc_ms, ticks);
    snprintf(what, sizeof(what), "decode %s", name);
    sound_row(what, dec_ms, ticks);
    free(out);
    mcu_aenc_free(&enc);
    mcu_adec_free(&dec);
}

/* All heard, each with a mix-minus, and one mix for the others. */
static void measure_mix(int talkers, int ticks)
{
    int16_t (*pcm)[2 * MCU_PCM_TICK_FRAMES] = must(calloc((size_t)talkers, sizeof(*pcm)));
    struct mcu_limiter *limiter = must(calloc((size_t)talkers + 1, sizeof(*limiter)));
    int16_t out[2 * MCU_PCM_TICK_FRAMES];
    struct mcu_amix *mix = NULL;
    char what[64];
    if (mcu_amix_new(&mix, 2, talkers) < 0)
        exit(1);
    for (int i = 0; i < talkers; i++)
        make_voice(pcm[i], 1, i);
    double begin = cpu_ms();
    for (int tick = 0; tick < ticks; tick++) {
        mcu_amix_begin(mix);
        for (int i = 0; i < talkers; i++)
            mcu_amix_add(mix, pcm[i], 1, 1);
        for (int i = -1; i < talkers; i++)
            mcu_amix_output(mix, i, &limiter[i + 1], out);
    }
    snprintf(what, sizeof(what), "mix %d talkers, %d outputs", talkers, talkers + 1);
    sound_row(what, cpu_ms() - begin, ticks);
    mcu_amix_free(&mix);
    free(limiter);
    free(pcm);
}

static void measure_sound(int ticks)
{
    measure_sound_codec("Opus stereo 64k", MCU_CODEC_OPUS, 2, ticks);
    measure_sound_codec("Opus mono 32k", MCU_CODEC_OPUS, 1, ticks);
    measure_sound_codec("G.722", MCU_CODEC_G722, 1, ticks);
    measure_sound_codec("PCMU", MCU_CODEC_PCMU, 1, ticks);
    measure_mix(3, ticks);
    measure_mix(50, ticks);
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && !strcmp(argv[1], "--quick");
    measure_sound(quick ? 20 : 1000);
    return 0;
}
