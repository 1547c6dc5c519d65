#include "codec/venc.h"

#include <errno.h>
#include <stdlib.h>

#include "codec/venc_priv.h"
#include "codec/vhead.h"
#include "mixer/base/util.h"

#define DEFAULT_NAL_BYTES 1180 /* 1200 with an RTP header and a little room for extensions */
#define MIN_NAL_BYTES     500 /* openh264 needs room for one macroblock of any kind */
#define MIN_BPS           10000
#define MAX_BPS           100000000

struct mcu_venc {
    const struct mcu_venc_ops *ops;
    void *impl;
    struct mcu_venc_config config;
    bool started;
};

static const struct mcu_venc_ops *const backends[] = {
    &mcu_venc_openh264, /* the first of a codec is its AUTO */
    &mcu_venc_x264,
    &mcu_venc_vpx,
    &mcu_venc_vpx_vp9,
};

static const struct mcu_venc_ops *choose(const struct mcu_venc_config *c)
{
    for (size_t i = 0; i < MCU_ARRAY_LEN(backends); i++)
        if (backends[i]->codec == c->codec
            && (c->backend == MCU_VENC_AUTO || c->backend == backends[i]->backend))
            return backends[i];
    return NULL;
}

static bool config_is_sane(const struct mcu_venc_config *c)
{
    return c->codec > MCU_CODEC_NONE && c->codec < MCU_CODEC_COUNT && c->width >= 16
        && c->height >= 16 && c->width <= MCU_PIC_MAX_SIDE && c->height <= MCU_PIC_MAX_SIDE
        && c->width % 2 == 0 && c->height % 2 == 0 && c->fps >= 1 && c->fps <= 120
        && c->bitrate_bps >= MIN_BPS && c->bitrate_bps <= MAX_BPS
        && (c->max_nal_bytes == 0 || c->max_nal_bytes >= MIN_NAL_BYTES)
        && (c->level_idc == 0 || (c->level_idc >= 10 && c->level_idc <= 52));
}

int mcu_venc_new(struct mcu_venc **out, const struct mcu_venc_config *config)
{
    if (!config_is_sane(config))
        return -EINVAL;
    const struct mcu_venc_ops *ops = choose(config);
    if (!ops)
        return -ENOSYS;
    struct mcu_venc *e = calloc(1, sizeof(*e));
    if (!e)
        return -ENOMEM;
    e->ops = ops;
    e->config = *config;
    if (!e->config.max_nal_bytes)
        e->config.max_nal_bytes = DEFAULT_NAL_BYTES;
    int rc = ops->open(&e->impl, &e->config);
    if (rc < 0)
        free(e);
    else
        *out = e;
    return rc;
}

void mcu_venc_free(struct mcu_venc **enc)
{
    struct mcu_venc *e = *enc;
    *enc = NULL;
    if (!e)
        return;
    e->ops->close(e->impl);
    free(e);
}

/* The level is one byte of the SPS (H.264 7.3.2.1.1): what was negotiated stands there, whatever
 * the backend thinks that it needs. */
static void set_level(struct mcu_unit *unit, int level_idc)
{
    struct mcu_nal nal;
    size_t pos = 0;
    while (mcu_annexb_next(unit->data, unit->size, &pos, &nal))
        if (nal.type == MCU_NAL_SPS && nal.size > 4)
            unit->data[nal.data + 3 - unit->data] = (uint8_t)level_idc;
}

int mcu_venc_encode(struct mcu_venc *enc, const struct mcu_pic *pic, bool keyframe,
                    struct mcu_unit **out)
{
    struct mcu_unit *unit;
    if (pic->width != enc->config.width || pic->height != enc->config.height)
        return -EINVAL;
    int rc = enc->ops->encode(enc->impl, pic, keyframe || !enc->started, &unit);
    if (rc < 0)
        return rc;
    enc->started = true;
    unit->codec = enc->config.codec;
    unit->time_ns = pic->time_ns;
    unit->sent_ns = pic->time_ns; /* an output: see struct mcu_unit */
    unit->duration_ns = 1000000000 / enc->config.fps;
    if (unit->keyframe && unit->codec == MCU_CODEC_H264 && enc->config.level_idc)
        set_level(unit, enc->config.level_idc);
    *out = unit;
    return 0;
}

void mcu_venc_brace(struct mcu_venc *enc)
{
    if (enc->ops->brace)
        enc->ops->brace(enc->impl);
}

void mcu_venc_set_bitrate(struct mcu_venc *enc, int bitrate_bps)
{
    bitrate_bps = mcu_clamp(bitrate_bps, MIN_BPS, MAX_BPS);
    if (bitrate_bps == enc->config.bitrate_bps)
        return;
    enc->config.bitrate_bps = bitrate_bps;
    enc->ops->set_bitrate(enc->impl, bitrate_bps);
}

const char *mcu_venc_backend_name(const struct mcu_venc *enc)
{
    return enc->ops->name;
}
