/* codec/venc_priv.h - what a video encoder backend gives to venc.c.
 * Threads: as codec/venc.h. */
#ifndef MCU_CODEC_VENC_PRIV_H
#define MCU_CODEC_VENC_PRIV_H

#include "codec/venc.h"

struct mcu_venc_ops {
    const char *name;
    enum mcu_venc_backend backend;
    enum mcu_codec codec;
    /* config is checked and has no defaults left in it but level_idc. Returns 0, -EINVAL or
     * -ENOMEM; on failure nothing is left. */
    int (*open)(void **out, const struct mcu_venc_config *config);
    void (*close)(void *impl);
    /* Returns 0 with *out = one unit of codec, size and keyframe set (venc.c adds the times), -EIO
     * or -ENOMEM. */
    int (*encode)(void *impl, const struct mcu_pic *pic, bool keyframe, struct mcu_unit **out);
    void (*set_bitrate)(void *impl, int bitrate_bps);
    void (*brace)(void *impl); /* or NULL: see mcu_venc_brace */
};

extern const struct mcu_venc_ops mcu_venc_openh264, mcu_venc_x264, mcu_venc_vpx,
    mcu_venc_vpx_vp9;

#endif
