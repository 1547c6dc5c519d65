/* codec/vhead_priv.h - the formats of codec/vhead.h, one file each. *out is zeroed before.
 * Threads: pure functions, any. */
#ifndef MCU_CODEC_VHEAD_PRIV_H
#define MCU_CODEC_VHEAD_PRIV_H

#include "codec/vhead.h"

int mcu_vhead_vp9(struct mcu_vhead *out, const uint8_t *data, size_t size);
int mcu_vhead_av1(struct mcu_vhead *out, const uint8_t *data, size_t size);

#endif
