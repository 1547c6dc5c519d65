/* codec/vdec.h - video decoders: coded units in, I420 pictures out, without delay.
 * Threads: new and free anywhere; decode from one job at a time. Pictures may outlive the decoder
 * and be released on any thread. */
#ifndef MCU_CODEC_VDEC_H
#define MCU_CODEC_VDEC_H

#include "mixer/base/picture.h"
#include "mixer/base/unit.h"

struct mcu_vdec;

/* codec: any of video. Pictures wider or higher than the maximum (either orientation) are refused
 * before memory is taken for them: by the coded header where it can be read, by the decoder's
 * limit, and in its buffer callback. Returns 0, -EINVAL or -ENOMEM. */
int mcu_vdec_new(struct mcu_vdec **out, enum mcu_codec codec, int max_width, int max_height);
void mcu_vdec_free(struct mcu_vdec **dec);

/* Decodes one unit (a whole access unit or frame; H.264 in Annex B, parameter sets in or before
 * it). On 0, *out is a picture with the unit's times, or NULL when the unit showed none. Only a
 * sender that really uses B pictures gets a delay, of as many pictures as it reorders.
 * Nothing is shown before the first keyframe (IDR, recovery point, intra picture), nor after an
 * error or a unit with gap_before until the next one: those units are -EBADMSG without decoding.
 * Of several spatial layers (VP9, AV1) the largest is shown.
 * Matrix and range are what unit->colour says, else the stream's own word, else BT.601 limited.
 * Every I420-like depth-8 format becomes I420; 4:2:2, 4:4:4 and 10 bit are converted.
 * -EBADMSG: corrupt; the caller asks for a keyframe. -EFBIG: size refused. -ENOMEM. *out is then
 * untouched. After an error decoding may go on with the next keyframe. */
int mcu_vdec_decode(struct mcu_vdec *dec, const struct mcu_unit *unit, struct mcu_pic **out);

#endif
