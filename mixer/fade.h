/* mixer/fade.h - what stood on a canvas dissolves into what stands there now: the whole canvas when the
 * tiles' places change, a tile when another participant, a picture, an avatar or grey takes its place.
 * Threads: belongs to one job at a time. Nothing allocates after _new(). */
#ifndef MCU_MIXER_FADE_H
#define MCU_MIXER_FADE_H

#include <stdbool.h>
#include <stdint.h>

#include "mixer/base/picture.h"
#include "mixer/dsp/paint.h"
#include "mixer/layout.h"

#define MCU_FADE_NS INT64_C(300000000)

struct mcu_fade;

/* What of a tile fades when it changes. */
struct mcu_fade_place {
    struct mcu_rect rect;
    uint64_t who;      /* 0: not known; then another one comes at once */
    bool has_pic, grey;
};

int mcu_fade_new(struct mcu_fade **out, int width, int height); /* 0, -EINVAL or -ENOMEM */
void mcu_fade_free(struct mcu_fade **fade);

/* Before a tick is drawn. last: the canvas before it, as it went out; what begins to fade is copied
 * out of it. NULL: there is none, and nothing begins. */
void mcu_fade_tick(struct mcu_fade *fade, const struct mcu_pic *last,
                   const struct mcu_fade_place *places, int n, int64_t time_ns);

/* How much of what was there is seen in this tick: 0 (nothing) to 255; of the canvas, and of a tile (0
 * while the canvas fades). */
int mcu_fade_of_canvas(const struct mcu_fade *fade);
int mcu_fade_of_tile(const struct mcu_fade *fade, int i);

/* Lays so much of what was there over a rectangle that is drawn as it is now. Different rectangles may
 * be mixed on several threads at a time. */
void mcu_fade_mix(const struct mcu_fade *fade, const struct mcu_paint_dsp *dsp, struct mcu_pic *pic,
                  struct mcu_rect rect, int left);

#endif
