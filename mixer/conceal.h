/* mixer/conceal.h - what is played where a source's sound has run out: its last period again and
 * again, fading to silence within 60 ms. Used by the playout queue.
 * Threads: a state belongs to one audio job at a time. */
#ifndef MCU_MIXER_CONCEAL_H
#define MCU_MIXER_CONCEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "mixer/base/pcm.h"
#include "mixer/splice.h"

#define MCU_CONCEAL_FRAMES  2880                                     /* until silence */
#define MCU_CONCEAL_HISTORY (MCU_SPLICE_WINDOW + MCU_SPLICE_LAG_MAX) /* frames that it looks at */

/* Plain value; zero is silence. */
struct mcu_conceal {
    int period, at; /* frames in a period, the next of them; period 0: nothing but the edge */
    int left;       /* frames until silence */
    int edge_at;    /* frames since the seam */
    float step[MCU_PCM_CHANNELS_MAX]; /* there: the last frame played less what stands in for it */
    float bend[MCU_PCM_CHANNELS_MAX]; /* and the same for the slope */
    int16_t wave[MCU_SPLICE_LAG_MAX * MCU_PCM_CHANNELS_MAX];
};

/* Prepares to go on after history[frames][channels], the sound played last (any length; at most
 * its last MCU_CONCEAL_HISTORY frames are used). */
void mcu_conceal_start(struct mcu_conceal *c, const int16_t *history, int frames, int channels);

/* From one channel to two. */
void mcu_conceal_widen(struct mcu_conceal *c);

/* Writes the next out[frames][channels]; silence once it has faded. */
void mcu_conceal_render(struct mcu_conceal *c, int16_t *out, int frames, int channels);

#endif
