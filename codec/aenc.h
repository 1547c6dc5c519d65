/* codec/aenc.h - audio encoders: 20 ms of 48 kHz PCM in, RTP payloads out.
 * Threads: new and free anywhere; all other calls from one job at a time. No call allocates
 * after _new().
 *
 * Switching a receiver between two Opus encoders of nearly the same sound. Measured: the worst
 * 20 ms frame after the switch against a decoder that never switched, real speech, 145 places,
 * 32 kbit/s mono / 64 kbit/s stereo, the first packet after the switch `independent`:
 *   to a copy of the encoder that he heard (mcu_aenc_copy)      no difference at all
 *   to a fresh one primed with 3 / 10 / 25 / 35 / 50 ticks      10 / 21 / 31 / 34 / 40 dB
 *   between two that had other sound before and then the same
 *   for 25 / 35 / 50 ticks                                      34 / 31 / 33 dB
 * So: a listener who enters the heard set gets a copy of the shared encoder; one who leaves it
 * changes when his own sound has been out of both mixes for MCU_AENC_PRIME_TICKS.
 * Without `independent` a difference of 45 dB stays for ten frames instead of two.
 *
 * This holds while no packets are lost: the encoder is then CELT alone, looking 2.5 ms ahead
 * (codec/opus_enc.h), at a constant rate and complexity at most 6, which makes two encoders converge.
 * With VBR 25 ticks give 10 to 17 dB; SILK (FEC) 4 to 13 dB however long one waits: every fifth switch
 * has one frame below 20 dB. Where that matters, set the loss of both to 0 until they look equally far
 * ahead (mcu_aenc_ahead_ns), and MCU_AENC_PRIME_TICKS more: then as above. The constant rate costs 0.1 dB
 * of segment SNR against VBR, and tells nobody what is said (RFC 6562). */
#ifndef MCU_CODEC_AENC_H
#define MCU_CODEC_AENC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mixer/base/codec_id.h"

#define MCU_AENC_MAX_BYTES   1500
#define MCU_AENC_PRIME_TICKS 50 /* 1 s; with 35 every frame was still above 20 dB */

struct mcu_aenc_config {
    enum mcu_codec codec;
    int bitrate_bps;          /* Opus only; 0: 32000 mono, 64000 stereo */
    int channels;             /* Opus only: 1 or 2 coded channels */
    int frame_ms;             /* 20, 40 or 60: every call takes 20, a packet comes out when full */
    int max_playback_rate_hz; /* Opus only (RFC 7587 6.1): 8000 to 48000; 0: 48000 */
    bool fec;                 /* Opus only: the receiver can use in-band FEC (RFC 7587 6.1). It is
                                 sent while mcu_aenc_set_loss says that packets are lost */
    bool dtx;                 /* Opus only: a return of 0 then means "nothing to send": below
                                 -60 dBFS for 200 ms; one packet in 400 ms still comes */
    int complexity;           /* Opus only: 0 to 10, held to 6; -1: the default, 5 (48 us
                                 a tick, 19.4 dB segment SNR; 4: 33 us, 17.2 dB) */
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
 * newest last: encodes and throws away. At least MCU_AENC_PRIME_TICKS before a switch. */
void mcu_aenc_prime(struct mcu_aenc *enc, const int16_t *const *pcm, int channels, int frames20);

/* Makes `to` continue where `from` is, bit for bit, rate and modes included: receivers of `from` can
 * be handed over to it at a packet's end without a trace. -EINVAL: codec, channels, frame_ms or fec
 * differ. No packet may be half full (frame_ms > 20), or both go on with the same half. */
int mcu_aenc_copy(struct mcu_aenc *to, const struct mcu_aenc *from);

/* So long before its first sample the sound begins that a decoder makes of the packet that came out
 * last: what the encoder looks ahead. Opus: 2.5 ms, 6.5 while it carries FEC or is below 11000 bit/s;
 * others: 0. */
int64_t mcu_aenc_ahead_ns(const struct mcu_aenc *enc);

/* Opus only; ignored by others. 6000 to 160000 bit/s; below 11000 it is SILK, if the encoder was made
 * with such a rate or with fec, else CELT, which is worse there. */
void mcu_aenc_set_bitrate(struct mcu_aenc *enc, int bitrate_bps);

/* What receivers report (RFC 3550 6.4.1), in percent. With config.fec, from 2 % on packets carry
 * in-band FEC sized for it and the mode is SILK or hybrid, until it is 0 again. Ignored without. Either
 * change takes place where the sound hides it (codec/opus_enc.h): 0.2 to 0.7 s after, and 1 to 1.5 s. */
void mcu_aenc_set_loss(struct mcu_aenc *enc, int percent);

/* Forgets all sound; rate and loss stay. */
void mcu_aenc_reset(struct mcu_aenc *enc);

#endif
