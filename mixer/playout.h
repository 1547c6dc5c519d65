/* mixer/playout.h - the PCM queue of one audio source: decoded sound goes in as it comes, 20 ms
 * come out each tick; speech is stretched or shortened inaudibly towards the target delay, and the
 * sender's clock is followed.
 * Threads: new and free on the conference's loop; the conference's audio job makes all other
 * calls. Nothing allocates after _new(). */
#ifndef MCU_MIXER_PLAYOUT_H
#define MCU_MIXER_PLAYOUT_H

#include <stdint.h>

#include "mixer/base/pcm.h"

#define MCU_PLAYOUT_MAX_MS 1000 /* the queue's length; more is dropped from its old end */

struct mcu_playout;

struct mcu_playout_stats {
    int depth_ms;          /* queued now */
    uint64_t underruns;    /* ticks that had to be concealed because nothing was there */
    uint64_t stretched_frames, shortened_frames; /* by splices */
    uint64_t dropped_frames; /* of a queue too long, or late and bridged already */
};

/* channels: 1 or 2. Returns 0, -EINVAL or -ENOMEM. */
int mcu_playout_new(struct mcu_playout **out, int channels);
void mcu_playout_free(struct mcu_playout **po);

/* From one channel to two, for good: what is queued and remembered is in both. */
void mcu_playout_widen(struct mcu_playout *po);

/* Appends decoded sound. pcm: [frames][channels] at 48 kHz, frames up to 5760.
 * sent_ns: the sender's time of its first sample on the conference clock; queue and output carry
 * it along, interpolated. A jump of sent_ns by more than 100 ms against what is queued (silence
 * without packets, DTX, a timestamp jump) starts a new run: it is faded in after what is left and
 * the target depth is waited for again. */
void mcu_playout_push(struct mcu_playout *po, const int16_t *pcm, int frames, int64_t sent_ns);

/* The delay wanted between a packet's arrival and its playing, from the measured jitter plus what
 * lip sync adds: 10 to MCU_PLAYOUT_MAX_MS / 2. */
void mcu_playout_set_target(struct mcu_playout *po, int target_ms);

/* Of what is pushed next: it is to be played `frames` after the start of the coming tick (negative: it
 * should have been played before). Sound that comes in packets of a tick, each some time before one, is
 * then played in that tick and not 10 ms after it, as no more than its arrival bounds it. From the
 * first call on this is what the reserve is held at, and the target has no meaning. */
void mcu_playout_aim(struct mcu_playout *po, int frames);

/* The sender pauses after what is queued: running out is no underrun, until the next push. */
void mcu_playout_pause(struct mcu_playout *po);

/* What is pushed next follows on a pause that the sender did not announce: that the queue ran empty
 * meanwhile was no underrun. */
void mcu_playout_was_pause(struct mcu_playout *po);

/* Takes one tick: writes pcm[960][channels] always. Returns 1: sound; 0: silence or concealed
 * underrun fading to silence. *sent_ns (when 1): the sender's time of the first sample.
 * Depth far above the target comes down within 5 s after a burst without a click; a clock that is
 * 200 ppm off is followed for hours; a steady stream at the target is passed bit for bit. */
int mcu_playout_pull(struct mcu_playout *po, int16_t *pcm, int64_t *sent_ns);

void mcu_playout_get_stats(const struct mcu_playout *po, struct mcu_playout_stats *out);
void mcu_playout_reset(struct mcu_playout *po);

#endif
