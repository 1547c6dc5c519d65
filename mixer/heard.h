/* mixer/heard.h - who is in the sound (the heard set), and who has the floor.
 * Threads: the conference's audio job. Plain values: the conference keeps them. */
#ifndef MCU_MIXER_HEARD_H
#define MCU_MIXER_HEARD_H

#include <stdbool.h>
#include <stdint.h>

struct mcu_heard_config {
    int threshold_dbov; /* louder than this counts as sound: default -60 */
    int max_heard;      /* K loudest; 0: all that make sound */
    int hold_ms;        /* stays this long after the last sound: default 500 */
};

/* One source, zeroed when it joins; muted and level are set by the caller before each update. */
struct mcu_heard {
    int level_dbov;    /* in: of this block; -127 when the source gave none */
    float speech;      /* in: 0 to 1 from mcu_speech_push */
    bool muted;        /* in: never heard */
    bool heard;        /* out: in the set at the end of this block */
    float gain_from, gain_to; /* out: gain at the block's start and end: 20 ms ramps */
    int hold_left_ms;
    float loudness;    /* smoothed, for the choice of the K loudest */
    float floor_score; /* smoothed speech, for the choice of the speaker */
};

/* Updates the set for one 20 ms block. in[n]: the conference's sources in any stable order.
 * Energy with hysteresis decides (attack at once, hold_ms hold); with more than max_heard making
 * sound the K loudest by smoothed level, a newcomer needs 3 dB more than the one he displaces.
 * A source whose gains are both 0 is not in the sound. */
void mcu_heard_update(const struct mcu_heard_config *config, struct mcu_heard *const *in, int n);

/* Active speaker with hysteresis: index into in[], or `current` while nobody has earned the floor
 * from him (-1: nobody yet). A challenger must speak clearly for 300 ms and louder in speech score
 * than the holder; a cough or a door does not take the floor. */
int mcu_heard_speaker(struct mcu_heard *const *in, int n, int current);

#endif
