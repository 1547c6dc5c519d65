/* mixer/scale.h - scaling of I420: area averaging to shrink, a cubic (Catmull-Rom) to enlarge;
 * any ratio, odd sizes, any stride, one pass over the source. Built on mixer/dsp. Threads: a scaler belongs to one job at a time. */
#ifndef MCU_MIXER_SCALE_H
#define MCU_MIXER_SCALE_H

#include "mixer/base/picture.h"
#include "mixer/layout.h"

struct mcu_scaler; /* tables for one (source rect, target size) pair, rebuilt when they change */

int mcu_scaler_new(struct mcu_scaler **out);
void mcu_scaler_free(struct mcu_scaler **s);

/* Scales src's rectangle `from` (even x, y; within src) into dst's rectangle `to` (even; within
 * dst). Colour range and matrix are brought to dst's (BT.601/709, full/limited) when they differ.
 * Allocates only when the geometry changes. Returns 0, -EINVAL or -ENOMEM. */
int mcu_scaler_run(struct mcu_scaler *s, const struct mcu_pic *src, struct mcu_rect from,
                   struct mcu_pic *dst, struct mcu_rect to);

#endif
