/* codec/adec.h - audio decoders: one packet in, 48 kHz PCM out, whatever the codec's own rate.
 * Threads: new and free anywhere; all other calls from one job at a time. No call allocates
 * after _new(). Everything that arrives is hostile: any bytes, any length. */
#ifndef MCU_CODEC_ADEC_H
#define MCU_CODEC_ADEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mixer/base/codec_id.h"

#define MCU_ADEC_MAX_FRAMES 5760 /* 120 ms at 48 kHz, the longest Opus packet (RFC 6716 3.2.5) */

struct mcu_adec;

/* codec: OPUS, G722, PCMU or PCMA. channels: 1 or 2 of the PCM that comes out (Opus decodes to it,
 * the others are copied to both). Returns 0, -EINVAL or -ENOMEM. */
int mcu_adec_new(struct mcu_adec **out, enum mcu_codec codec, int channels);
void mcu_adec_free(struct mcu_adec **dec);

/* From now on what is coded in one channel comes out in one, where two were asked for: whoever keeps
 * many streams copies half as much. mcu_adec_channels says what the last call wrote; a stream of Opus
 * goes from one to two once, with its first stereo packet. */
void mcu_adec_set_narrow(struct mcu_adec *dec);
int mcu_adec_channels(const struct mcu_adec *dec);

/* Decodes one RTP payload. pcm: room for MCU_ADEC_MAX_FRAMES * channels samples.
 * Returns frames (samples per channel) written, always whole: the resampler's start-up delay is
 * constant and the sum of all returns follows the RTP clock exactly. -EBADMSG: refused, nothing
 * written; the caller conceals. */
int mcu_adec_decode(struct mcu_adec *dec, const uint8_t *data, size_t size, int16_t *pcm);

/* Fills `frames` frames (48 kHz, at most MCU_ADEC_MAX_FRAMES) for what is lost. next: the packet
 * after the loss if it is already there, else NULL: Opus takes its in-band FEC for the last 20 ms
 * of the gap (RFC 6716 section 2.1.7), else its PLC; G.711 and G.722 repeat the last pitch periods
 * and fade to silence within 60 ms (as G.711 Appendix I). Always writes `frames`; returns frames. */
int mcu_adec_conceal(struct mcu_adec *dec, int frames, const uint8_t *next, size_t next_size,
                     int16_t *pcm);

/* Comfort noise, for the time in which a sender who is silent sends nothing. mcu_adec_noise_set takes
 * an RFC 3389 payload for G.711 and G.722; Opus needs none: a packet of one or two bytes says that
 * the sender pauses (RFC 7587 3.1.3). 0 or -EBADMSG (Opus too). */
int mcu_adec_noise_set(struct mcu_adec *dec, const uint8_t *payload, size_t size);

/* True when the last packet of Opus began a pause. */
bool mcu_adec_pauses(const struct mcu_adec *dec);

/* Writes a tick (960 frames) of the noise that goes on in a pause: of the last payload set, or what
 * Opus makes of its own; between a pause of Opus and what is decoded for after it the last of it
 * again. False: there is none, nothing written. */
bool mcu_adec_noise(struct mcu_adec *dec, int16_t *pcm);

/* Duration of a payload in frames at 48 kHz, without decoding; -EBADMSG if it is none. */
int mcu_adec_packet_frames(const struct mcu_adec *dec, const uint8_t *data, size_t size);

/* Forgets all history (a new SSRC). */
void mcu_adec_reset(struct mcu_adec *dec);

#endif
