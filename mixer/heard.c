#include "mixer/heard.h"

#include <stddef.h>

#include "mixer/base/pcm.h"
#include "mixer/base/util.h"

#define TICK_MS      MCU_PCM_TICK_MS
#define DISPLACE_DB  3.0f
#define LOUDER       0.25f  /* tau 70 ms: a voice is known as loud within its first syllable */
#define SOFTER       0.04f  /* tau 500 ms: pauses between words do not cost the place */
#define SCORE_UP     0.06f  /* tau 320 ms: 300 ms of clear speech reach FLOOR_SCORE */
#define SCORE_DOWN   0.025f /* tau 800 ms */
#define FLOOR_SCORE  0.6f
#define FLOOR_MARGIN 0.1f

/* Loudness counts from digital silence upwards, so that a zeroed source is a silent one. */
static void follow(const struct mcu_heard_config *config, struct mcu_heard *h)
{
    float db = (float)(h->muted ? 0 : h->level_dbov + 127);
    float speech = h->muted ? 0 : h->speech;
    h->loudness += (db - h->loudness) * (db > h->loudness ? LOUDER : SOFTER);
    h->floor_score += (speech - h->floor_score) * (speech > h->floor_score ? SCORE_UP : SCORE_DOWN);
    if (h->muted)
        h->hold_left_ms = 0;
    else if (h->level_dbov > config->threshold_dbov)
        h->hold_left_ms = config->hold_ms;
    else
        h->hold_left_ms = mcu_max(h->hold_left_ms - TICK_MS, 0);
}

static bool wants(const struct mcu_heard_config *config, const struct mcu_heard *h)
{
    return !h->muted && (h->hold_left_ms > 0 || h->level_dbov > config->threshold_dbov);
}

/* gain_to still tells who was in the set before: he counts 3 dB more. */
static float rank(const struct mcu_heard *h)
{
    return h->loudness + (h->gain_to > 0 ? DISPLACE_DB : 0);
}

static void choose_loudest(const struct mcu_heard_config *config, struct mcu_heard *const *in,
                           int n)
{
    for (int k = 0; k < config->max_heard; k++) {
        struct mcu_heard *best = NULL;
        for (int i = 0; i < n; i++)
            if (!in[i]->heard && wants(config, in[i]) && (!best || rank(in[i]) > rank(best)))
                best = in[i];
        if (!best)
            return;
        best->heard = true;
    }
}

void mcu_heard_update(const struct mcu_heard_config *config, struct mcu_heard *const *in, int n)
{
    int wanting = 0;
    for (int i = 0; i < n; i++) {
        follow(config, in[i]);
        in[i]->heard = false;
        wanting += wants(config, in[i]);
    }
    if (config->max_heard > 0 && wanting > config->max_heard)
        choose_loudest(config, in, n);
    else
        for (int i = 0; i < n; i++)
            in[i]->heard = wants(config, in[i]);
    for (int i = 0; i < n; i++) {
        in[i]->gain_from = in[i]->gain_to;
        in[i]->gain_to = in[i]->heard ? 1.0f : 0.0f;
    }
}

int mcu_heard_speaker(struct mcu_heard *const *in, int n, int current)
{
    int best = -1;
    if (current >= n)
        current = -1;
    for (int i = 0; i < n; i++)
        if (!in[i]->muted && (best < 0 || in[i]->floor_score > in[best]->floor_score))
            best = i;
    if (best < 0 || best == current || in[best]->floor_score < FLOOR_SCORE)
        return current;
    if (current >= 0 && in[best]->floor_score < in[current]->floor_score + FLOOR_MARGIN)
        return current;
    return best;
}
