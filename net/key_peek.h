/* net/key_peek.h - whether a keyframe begins in an RTP payload, without depacketising it: for streams
 * that are watched but not received.
 * Threads: any; values only. Payloads are hostile. */
#ifndef MCU_NET_KEY_PEEK_H
#define MCU_NET_KEY_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mixer/base/codec_id.h"

/* True for the first packet of a keyframe: VP8 (RFC 7741), VP9 (RFC 9628), AV1 (its RTP format's N
 * bit), H.264 (its sequence parameter set). Where the payload tells the picture's height, *rows is set
 * to it. */
bool mcu_key_peek(enum mcu_codec codec, const uint8_t *payload, size_t size, int *rows);

#endif
