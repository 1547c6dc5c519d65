/* codec/venc_watch.h - what stands between pictures and an encoder so that its rate holds: leaves
 * pictures out once a second has had its bits, and makes a keyframe of one that has nothing in common
 * with the one before.
 * Threads: the job that encodes. A value; time is that of the pictures.
 *
 * Encoders hold their rate while pictures change as they did. After a still picture they answer a wholly
 * new one (another layout, the first caller) with up to 1.5 s worth of bits at once: their quantizer
 * was at its finest, and knows nothing of what comes. A keyframe of the same picture is sized anew,
 * 0.1 to 0.3 s (measured, all four encoders). */
#ifndef MCU_CODEC_VENC_WATCH_H
#define MCU_CODEC_VENC_WATCH_H

#include "mixer/base/picture.h"

#define MCU_VENC_WATCH_COLUMNS 32
#define MCU_VENC_WATCH_ROWS    18
#define MCU_VENC_WATCH_UNITS   128 /* 120 pictures a second, and some */

enum mcu_venc_verdict {
    MCU_VENC_CODE,  /* as it was wished */
    MCU_VENC_CUT,   /* as a keyframe */
    MCU_VENC_LEAVE, /* not at all */
};

/* All zero at first. */
struct mcu_venc_watch {
    int bps, fps;
    int64_t bits;      /* of the units of the last second */
    struct {
        int64_t time_ns, bits;
    } unit[MCU_VENC_WATCH_UNITS]; /* a ring */
    int first, count;
    int64_t time_ns;   /* of the newest picture */
    bool seen;         /* look is that of a picture */
    int changed_percent; /* of it, against the one before */
    uint8_t look[MCU_VENC_WATCH_ROWS][MCU_VENC_WATCH_COLUMNS];
};

/* The limit from now on. */
void mcu_venc_watch_set(struct mcu_venc_watch *watch, int bps, int fps);

/* Looks at the next picture. keyframe: it will be one; that is never left out, for somebody waits. */
enum mcu_venc_verdict mcu_venc_watch_picture(struct mcu_venc_watch *watch, const struct mcu_pic *pic,
                                             bool keyframe);
/* What the picture that was just looked at has become. */
void mcu_venc_watch_coded(struct mcu_venc_watch *watch, size_t bytes);

#endif
