/* codec/aenc.h - audio encoders: 20 ms of 48 kHz PCM in, RTP payloads out.
 * Threads: new and free anywhere; all other calls from one job at a time. No call allocates
 * after _new(). */
#ifndef MCU_CODEC_AENC_H
#define MCU_CODEC_AENC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mixer/base/codec_id.h"

#define MCU_AENC_MAX_BYTES 1500

struct mcu_aenc_config {
    enum mcu_codec codec;
    int bitrate_bps;          /* Opus only; 0: 32000 mono, 64000 stereo */
    int channels;             /* Opus only: 1 or 2 coded channels */
    int frame_ms;             /* 20, 40 or 60: every call takes 20, a packet comes out when full */
    int max_playback_rate_hz; /* Opus only (RFC 7587 6.1): 8000 to 48000; 0: 48000 */
    bool fec;                 /* Opus only: in-band FEC (RFC 7587 6.1) */
    bool dtx;                 /* Opus only: a return of 0 then means "nothing to send" */
    int complexity;           /* Opus only: 0 to 10; -1: the default chosen by measurement */
};

struct mcu_aenc;

/* Returns 0, -EINVAL or -ENOMEM. */
int mcu_aenc_new(struct mcu_aenc **out, const struct mcu_aenc_config *config);
void mcu_aenc_free(struct mcu_aenc **enc);

/* Encodes 20 ms. pcm: [960][channels] at 48 kHz, channels 1 or 2 (mixed down or doubled as the
 * codec needs). independent: this packet must not lean on earlier ones (Opus: prediction switched
 * off for it, OPUS_SET_PREDICTION_DISABLED), because some receivers join the stream here; without
 * meaning for G.711 and G.722. data: room for MCU_AENC_MAX_BYTES.
 * Returns bytes; 0: the packet is not full yet (frame_ms > 20) or DTX sends nothing; -EIO. */
int mcu_aenc_encode(struct mcu_aenc *enc, const int16_t *pcm, int channels, bool independent,
                    uint8_t *data);

/* Makes a fresh encoder's state follow `frames20` blocks of 20 ms already heard by its receivers,
 * newest last: encodes and throws away. At least 3 before a switch (README, "Sound encoded once"). */
void mcu_aenc_prime(struct mcu_aenc *enc, const int16_t *const *pcm, int channels, int frames20);

/* Opus only; ignored by others. */
void mcu_aenc_set_bitrate(struct mcu_aenc *enc, int bitrate_bps);
void mcu_aenc_set_loss(struct mcu_aenc *enc, int percent);
void mcu_aenc_reset(struct mcu_aenc *enc);

#endif
