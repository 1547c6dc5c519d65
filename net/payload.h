/* net/payload.h - video payload formats: RFC 6184 (H.264), RFC 7741 (VP8) and RFC 9628 (VP9) both
 * ways, AV1 (AOM's RTP Payload Format For AV1, version 1.0) received only.
 * Threads: the leg's loop. Pure state machines; input is hostile. */
#ifndef MCU_NET_PAYLOAD_H
#define MCU_NET_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mixer/base/unit.h"

/* ---- Depacketising: packets of one stream in order > units ---- */

struct mcu_depay; /* one stream */

/* codec: any of video. sprop: H.264 parameter sets from the SDP, Annex B, or NULL; copied.
 * max_unit_bytes bounds a unit (0: 1 MiB). Returns 0, -EINVAL or -ENOMEM. */
int mcu_depay_new(struct mcu_depay **out, enum mcu_codec codec, const uint8_t *sprop,
                  size_t sprop_bytes, size_t max_unit_bytes);
void mcu_depay_free(struct mcu_depay **depay);

/* One packet's payload, in sequence order; lost: packets are missing right before it.
 * On 1, *out is a finished unit (the callee's to unref; keyframe, gap_before, rtp_ts and seq of
 * its first packet set; times are the caller's to set); 0: nothing finished yet; -EBADMSG: payload
 * malformed or its unit was too large: the unit in hand is dropped and the next one has gap_before.
 * A unit ends with the marker bit, or when the timestamp changes (marker lost or never sent): the
 * latter may finish a unit while a new one begins; call mcu_depay_pull for a second one, also after
 * an error. An empty payload (padding alone) is ignored, but for its lost. -ENOMEM is as -EBADMSG.
 * Incomplete units (a packet of theirs lost) are dropped, not given out.
 * H.264: single NAL, STAP-A, STAP-B, FU-A (FU-B, MTAP: -EBADMSG); Annex B with 4-byte start codes;
 * keyframe = contains an IDR slice, or an I-slice recovery point SEI; parameter sets known from
 * SDP or earlier units are put before a keyframe that lacks them (the newest 8 SPS and 16 PPS of
 * at most 512 bytes are known). A unit of parameter sets without a picture is not given out: they
 * go before the next one that is.
 * VP8: the payload descriptor with all its optional fields; keyframe by the P bit of the frame
 * header in partition 0.
 * VP9: flexible and non-flexible mode, any layers: the spatial layers of a picture make one unit,
 * with a superframe index behind them (VP9 Annex B) where there are several.
 * AV1: a temporal unit with its delimiter, every OBU with its size; keyframe = a sequence header and
 * a shown keyframe. Tile lists and padding are dropped. */
int mcu_depay_push(struct mcu_depay *depay, const uint8_t *payload, size_t size, uint32_t rtp_ts,
                   bool marker, bool lost, int64_t seq, struct mcu_unit **out);
int mcu_depay_pull(struct mcu_depay *depay, struct mcu_unit **out);
/* Another stream begins, in the middle or not: the unit in hand is dropped and nothing is missing.
 * Parameter sets stay known. */
void mcu_depay_reset(struct mcu_depay *depay);

/* ---- Packetising: one unit > payloads, one at a time ---- */

struct mcu_pay {
    enum mcu_codec codec;
    bool h264_mode1;
    int max_bytes;
    uint16_t vp8_picture_id; /* 15 bits, raised with each unit */
    uint16_t vp9_picture_id; /* the same */
    /* the unit in hand */
    const struct mcu_unit *unit;
    size_t at, nal_end, nal_start;
};

/* codec: H264, VP8 or VP9. */
void mcu_pay_init(struct mcu_pay *pay, enum mcu_codec codec, bool h264_mode1, int max_bytes);

/* Begins a unit, which must stay until its last payload is taken. 0, or -EINVAL: empty, not of
 * this codec. */
int mcu_pay_begin(struct mcu_pay *pay, const struct mcu_unit *unit);

/* The next payload into buf (room for max_bytes): its size, with *last (the RTP marker bit); 0
 * when the unit is done. H.264 mode 1 gathers SPS, PPS and SEI into a STAP-A and splits what is
 * too large into FU-A; mode 0 sends every NAL unit alone (one that is larger than max_bytes is sent
 * all the same up to buf_bytes: IP fragments it), else -EMSGSIZE and it is skipped. */
int mcu_pay_next(struct mcu_pay *pay, uint8_t *buf, size_t buf_bytes, bool *last);

#endif
