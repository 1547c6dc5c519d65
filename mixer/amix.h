/* mixer/amix.h - sums the heard set once and takes each heard one out again for himself.
 * Threads: new and free on the conference's loop; the audio job makes all other calls. Nothing
 * allocates after _new() until more inputs than max_inputs are pushed, which are refused. */
#ifndef MCU_MIXER_AMIX_H
#define MCU_MIXER_AMIX_H

#include <stdint.h>

#include "mixer/base/pcm.h"

struct mcu_amix;

/* The state of one output's limiter: plain value owned by the mix (shared or mix-minus); zero is
 * a fresh one. A listener that moves between the shared mix and his own copies it along. */
struct mcu_limiter {
    float gain_reduction; /* 0: none; stored as 1 - gain so that zero is a fresh limiter */
};

/* channels: 1 or 2 of inputs and outputs. Returns 0, -EINVAL or -ENOMEM. */
int mcu_amix_new(struct mcu_amix **out, int channels, int max_inputs);
void mcu_amix_free(struct mcu_amix **mix);

/* Starts a tick: nothing in the sum. */
void mcu_amix_begin(struct mcu_amix *mix);

/* Adds pcm[960][channels] with a gain going linearly from gain_from to gain_to (0 to 1).
 * Returns the input's index in this tick (0, 1, ...) or -ENOSPC. The samples must stay until the
 * tick's outputs are taken. */
int mcu_amix_add(struct mcu_amix *mix, const int16_t *pcm, float gain_from, float gain_to);

/* Writes out[960][channels]: the sum of all inputs but `except` (-1: of all), through the limiter:
 * never wraps, no overshoot above full scale, attack without a click, release over about 100 ms;
 * bit-exact while the sum stays within -1 dB of full scale and the limiter is at rest.
 * Threads: several may take outputs of a tick at the same time. */
void mcu_amix_output(const struct mcu_amix *mix, int except, struct mcu_limiter *limiter, int16_t *out);

#endif
