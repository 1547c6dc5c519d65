#include "mixer/level.h"

#include <math.h>

#include "mixer/base/pcm.h"
#include "mixer/base/util.h"
#include "mixer/dsp/sum.h"

#define DOWN       4       /* 48 to 12 kHz: voices are below 4 */
#define LOW_COEF   0.0707f /* one pole at 140 Hz, 12 kHz */
#define HIGH_COEF  0.848f  /* one pole at 3.6 kHz */
#define SILENT_DB  -100.0f
#define NOISE_RISE 0.08f /* dB per tick: 4 dB/s */
#define NOISE_FALL 0.3f
#define DECAY      0.12f /* envelope, tau 160 ms: bridges the gaps between syllables */
#define MOD_COEF   0.06f /* tau 320 ms */
#define RISE_MAX   6.0f  /* dB: one onset, however hard, is not modulation */

static float to_db(double mean_square)
{
    return mean_square > 1e-10 ? 10.0f * log10f((float)mean_square) : SILENT_DB;
}

int mcu_level_dbov(const int16_t *samples, int n)
{
    uint64_t energy = n > 0 ? mcu_sum_get()->energy(samples, n) : 0;
    if (energy == 0)
        return -127;
    double db = 10.0 * log10((double)energy / n / (32768.0 * 32768.0));
    return mcu_clamp((int)lrint(db), -127, 0);
}

static int four(const int16_t *x)
{
    return x[0] + x[1] + x[2] + x[3];
}

/* The filters below go sample by sample, each waiting for the one before: four times fewer of them. */
static void lower(const int16_t *pcm, int channels, float low[MCU_PCM_TICK_FRAMES / DOWN])
{
    const float scale = 1.0f / (32768.0f * (float)(DOWN * channels));
    for (int i = 0; i < MCU_PCM_TICK_FRAMES / DOWN; i++, pcm += DOWN * channels) {
        int sum = four(pcm);
        if (channels == 2)
            sum += four(pcm + DOWN);
        low[i] = (float)sum * scale;
    }
}

/* Power of the band where voices are: two poles at each end take hum and hiss out. */
static float band_db(struct mcu_speech *s, const int16_t *pcm, int channels)
{
    float low[MCU_PCM_TICK_FRAMES / DOWN];
    float l0 = s->lp[0], l1 = s->lp[1], h0 = s->lp[2], h1 = s->lp[3];
    float sum = 0;
    lower(pcm, channels, low);
    for (int i = 0; i < MCU_PCM_TICK_FRAMES / DOWN; i++) {
        float x = low[i];
        l0 += (x - l0) * LOW_COEF;
        float y = x - l0;
        l1 += (y - l1) * LOW_COEF;
        h0 += (y - l1 - h0) * HIGH_COEF;
        h1 += (h0 - h1) * HIGH_COEF;
        sum += h1 * h1;
    }
    /* Below -200 dB a float would go denormal, and each further step would be slow. */
    s->lp[0] = l0 + 1e-10f;
    s->lp[1] = l1 + 1e-10f;
    s->lp[2] = h0 + 1e-10f;
    s->lp[3] = h1 + 1e-10f;
    return to_db((double)sum / (MCU_PCM_TICK_FRAMES / DOWN));
}

static float grade(float x, float none, float full)
{
    float y = (x - none) / (full - none);
    return y < 0 ? 0 : y > 1 ? 1 : y;
}

float mcu_speech_push(struct mcu_speech *s, const int16_t *pcm, int channels)
{
    float db = fmaxf(band_db(s, pcm, channels), SILENT_DB);
    if (s->ticks++ == 0) {
        s->noise_db = fminf(db, -50.0f);
        s->envelope_db = s->previous_db = db;
    }
    /* The floor is where the level comes down to again and again: speech does, a fan does not. */
    s->noise_db +=
        db < s->noise_db ? (db - s->noise_db) * NOISE_FALL : fminf(NOISE_RISE, db - s->noise_db);
    s->noise_db = fmaxf(s->noise_db, -80.0f);
    s->envelope_db = db > s->envelope_db ? db : s->envelope_db + (db - s->envelope_db) * DECAY;
    /* Voices rise again and again, several dB within a block, syllable by syllable; tones, hum and
     * fans do not, and a bang rises once. What goes on below the floor is not counted. */
    float rise = fmaxf(db, s->noise_db) - fmaxf(s->previous_db, s->noise_db);
    s->modulation += (fminf(fmaxf(rise, 0), RISE_MAX) - s->modulation) * MOD_COEF;
    s->previous_db = db;
    s->probability = grade(s->envelope_db - s->noise_db, 5, 14) *
                     grade(s->modulation, 0.35f, 0.7f) * grade(s->envelope_db, -62, -50);
    return s->probability;
}
