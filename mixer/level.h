/* mixer/level.h - how loud a block is, and whether somebody speaks in it.
 * Threads: a state belongs to one audio job at a time. */
#ifndef MCU_MIXER_LEVEL_H
#define MCU_MIXER_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

/* RMS of samples[n] in dBov as RFC 6464 and 6465 define it: 0 for a full-scale square wave,
 * -127 for digital silence. */
int mcu_level_dbov(const int16_t *samples, int n);

/* A speech detector for one source: adapts to its noise floor and looks at modulation and
 * spectrum, so that a fan, hum or music-on-hold tone does not take the floor; it only chooses the
 * active speaker, never who is heard. Plain value; zero is a fresh one. */
struct mcu_speech {
    float noise_db, envelope_db, previous_db;
    float modulation;
    float lp[4];
    uint32_t ticks;
    float probability; /* of speech in the last block, 0 to 1 */
};

/* pcm: [960][channels]. Returns the probability of speech now. */
float mcu_speech_push(struct mcu_speech *s, const int16_t *pcm, int channels);

#endif
