/* codec/opus_enc.h - an Opus encoder that looks 2.5 ms ahead, and 6.5 ms only where it must.
 * Threads: new and free anywhere; all other calls from one job at a time. No call allocates after
 * _new().
 *
 * It is two of libopus's: `low` (the application of restricted low delay: CELT alone) and, where FEC or
 * a very low rate may be wanted, `full` (the application of audio: SILK and hybrid too, which need 4 ms
 * more), which runs for as long as it is needed. Low is no worse at what it can do: 19.4 dB of segment
 * SNR for 19.0, 48 us a tick for 49 (32 kbit/s mono, complexity 5); from 12 to 64 kbit/s 0.2 to 0.4 dB
 * above; at 10 kbit/s, where full takes SILK, 0.8 dB below.
 *
 * A change: the one to come listens along, to sound that is shifted by those 4 ms, so that it stands
 * where the listener's decoder stands and becomes like the one that sounds (codec/aenc.h); then, within
 * one packet, the shift is faded out where the sound is most like itself 4 ms off: on the way to full
 * 4 ms are said twice, on the way back left out. In time stamps nothing jumps.
 *
 *     x ──┬──────────────────────────> low ──┐
 *         └> shift, fade at the change > full ┴> packet */
#ifndef MCU_CODEC_OPUS_ENC_H
#define MCU_CODEC_OPUS_ENC_H

#include <stdbool.h>
#include <stdint.h>

#define MCU_OPUS_AHEAD_LOW  120 /* frames at 48 kHz (OPUS_GET_LOOKAHEAD) */
#define MCU_OPUS_AHEAD_FULL 312
#define MCU_OPUS_ENC_TICKS  3   /* the longest packet, 60 ms */

struct mcu_opus_enc_config {
    int channels;             /* 1 or 2 */
    int complexity;
    int bitrate_bps;
    int max_playback_rate_hz; /* RFC 7587 6.1; 0: 48000 */
    bool full;                /* FEC may be wanted, or a rate below MCU_OPUS_ENC_SILK_BPS */
};

/* Below it SILK speaks better than CELT. */
#define MCU_OPUS_ENC_SILK_BPS 11000

struct mcu_opus_enc;

/* Returns 0, -EINVAL or -ENOMEM. */
int mcu_opus_enc_new(struct mcu_opus_enc **out, const struct mcu_opus_enc_config *config);
void mcu_opus_enc_free(struct mcu_opus_enc **enc);

/* One packet of `ticks` times 20 ms, pcm: [960 * ticks][channels]. alone: it leans on none before.
 * Returns bytes (at most `room`) or -EIO. */
int mcu_opus_enc_encode(struct mcu_opus_enc *enc, const int16_t *pcm, int ticks, bool alone,
                        uint8_t *data, int room);

/* So many frames before its first sample the sound begins that a decoder makes of the last packet. */
int mcu_opus_enc_ahead(const struct mcu_opus_enc *enc);

void mcu_opus_enc_set_bitrate(struct mcu_opus_enc *enc, int bitrate_bps);

/* Sends FEC sized for so much loss, or none (0). Without config.full: ignored. */
void mcu_opus_enc_set_fec(struct mcu_opus_enc *enc, int loss_percent);

/* Goes on as `from` would, bit for bit; channels and config.full are those of `from`. */
void mcu_opus_enc_copy(struct mcu_opus_enc *to, const struct mcu_opus_enc *from);
bool mcu_opus_enc_same_kind(const struct mcu_opus_enc *a, const struct mcu_opus_enc *b);

/* Forgets all sound. */
void mcu_opus_enc_reset(struct mcu_opus_enc *enc);

#endif
