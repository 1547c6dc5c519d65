/* The mix that a caller should hear, sent through his own codec: what is compared with is not a sum of
 * tones, but that sum as the codec leaves it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/aenc.h"
#include "mixer/base/pcm.h"
#include "mixer/base/util.h"
#include "tests/mock/peer.h"

#define IDEAL_TICKS 250

static void sum_tones(const struct peer_options *o, int tick, int16_t pcm[MCU_PCM_TICK_FRAMES])
{
    double amplitude = pow(10, o->tone_dbfs / 20);
    for (int i = 0; i < MCU_PCM_TICK_FRAMES; i++) {
        double x = 0, t = (tick * MCU_PCM_TICK_FRAMES + i) / 48000.0;
        for (int k = 0; k < o->probe_count; k++)
            if (o->sound != PEER_TONE || fabs(o->probe_hz[k] - o->tone_hz) > 0.5)
                x += amplitude * sin(2 * M_PI * fmod(o->probe_hz[k] * t, 1));
        pcm[i] = (int16_t)mcu_clamp((int)lrint(x * 32767), -32768, 32767);
    }
}

/* A packet each tick through coder and decoder; returns the frames written, or a negative errno. */
static int64_t through_codec(const struct peer_options *o, struct mcu_aenc *enc, struct mcu_adec *dec,
                             int16_t *out)
{
    int64_t at = 0;
    for (int tick = 0; tick < IDEAL_TICKS; tick++) {
        int16_t pcm[MCU_PCM_TICK_FRAMES];
        uint8_t data[MCU_AENC_MAX_BYTES];
        sum_tones(o, tick, pcm);
        int n = mcu_aenc_encode(enc, pcm, 1, false, data);
        n = n > 0 ? mcu_adec_decode(dec, data, (size_t)n, out + at) : n;
        if (n < 0)
            return n;
        at += n;
    }
    return at;
}

int64_t peer_ideal(const struct peer_options *o, int16_t **pcm)
{
    struct mcu_aenc_config config = { .codec = o->codec[PEER_AUDIO], .channels = 1, .frame_ms = 20,
                                      .complexity = -1 };
    struct mcu_aenc *enc = NULL;
    struct mcu_adec *dec = NULL;
    int64_t frames = -1;
    int16_t *out = calloc(IDEAL_TICKS * MCU_PCM_TICK_FRAMES + MCU_ADEC_MAX_FRAMES, sizeof(*out));
    if (out && mcu_aenc_new(&enc, &config) == 0 && mcu_adec_new(&dec, config.codec, 1) == 0)
        frames = through_codec(o, enc, dec, out);
    mcu_aenc_free(&enc);
    mcu_adec_free(&dec);
    if (frames > 0)
        *pcm = out;
    else
        free(out);
    return frames;
}
