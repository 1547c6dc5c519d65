/* codec/venc_openh264.c - constrained baseline H.264 by Cisco's openh264. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <wels/codec_api.h>

#include "codec/venc_priv.h"

#define START_CODE_BYTES 4

struct impl {
    ISVCEncoder *enc;
    SFrameBSInfo info;
    int64_t frames;
    int fps;
};

static void fill_layer(SSpatialLayerConfig *l, const struct mcu_venc_config *c)
{
    l->iVideoWidth = c->width;
    l->iVideoHeight = c->height;
    l->fFrameRate = (float)c->fps;
    l->iSpatialBitrate = c->bitrate_bps;
    l->iMaxSpatialBitrate = UNSPECIFIED_BIT_RATE;
    l->uiProfileIdc = PRO_BASELINE;
    l->sSliceArgument.uiSliceMode = SM_SIZELIMITED_SLICE;
    l->sSliceArgument.uiSliceSizeConstraint = (unsigned)c->max_nal_bytes;
    /* Said in the VUI, because receivers guess BT.709 for large pictures that say nothing. */
    l->bVideoSignalTypePresent = true;
    l->uiVideoFormat = VF_UNDEF;
    l->bFullRange = false;
    l->bColorDescriptionPresent = true;
    l->uiColorPrimaries = CP_SMPTE170M;
    l->uiTransferCharacteristics = TRC_SMPTE170M;
    l->uiColorMatrix = CM_SMPTE170M;
}

static void fill_params(SEncParamExt *p, const struct mcu_venc_config *c)
{
    p->iUsageType = CAMERA_VIDEO_REAL_TIME;
    p->iPicWidth = c->width;
    p->iPicHeight = c->height;
    p->fMaxFrameRate = (float)c->fps;
    p->iTargetBitrate = c->bitrate_bps;
    p->iMaxBitrate = UNSPECIFIED_BIT_RATE;
    p->iRCMode = RC_BITRATE_MODE;
    p->bEnableFrameSkip = false;
    p->iComplexityMode = LOW_COMPLEXITY;
    p->uiIntraPeriod = 0;
    p->iNumRefFrame = 1;
    p->eSpsPpsIdStrategy = CONSTANT_ID;
    p->iEntropyCodingModeFlag = 0;
    p->iMultipleThreadIdc = 1;
    p->bEnableSceneChangeDetect = false; /* it makes IDR pictures of its own */
    p->bEnableLongTermReference = false;
    p->bEnableDenoise = false;
    p->bEnableBackgroundDetection = false;
    p->bEnableAdaptiveQuant = false;
    p->uiMaxNalSize = (unsigned)c->max_nal_bytes;
    p->iSpatialLayerNum = 1;
    p->iTemporalLayerNum = 1;
    fill_layer(&p->sSpatialLayers[0], c);
}

static void close_impl(void *arg)
{
    struct impl *m = arg;
    if (m->enc) {
        (*m->enc)->Uninitialize(m->enc);
        WelsDestroySVCEncoder(m->enc);
    }
    free(m);
}

static int open_impl(void **out, const struct mcu_venc_config *config)
{
    SEncParamExt p;
    int quiet = WELS_LOG_QUIET;
    struct impl *m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;
    m->fps = config->fps;
    int rc = WelsCreateSVCEncoder(&m->enc) ? -ENOMEM : 0;
    if (rc == 0) {
        (*m->enc)->SetOption(m->enc, ENCODER_OPTION_TRACE_LEVEL, &quiet);
        (*m->enc)->GetDefaultParams(m->enc, &p);
        fill_params(&p, config);
        rc = (*m->enc)->InitializeExt(m->enc, &p) ? -EINVAL : 0;
    }
    if (rc < 0)
        close_impl(m);
    else
        *out = m;
    return rc;
}

/* Joins the layers' NAL units; they already have start codes of 4 bytes. */
static int gather(const SFrameBSInfo *info, struct mcu_unit **out)
{
    size_t total = 0;
    for (int l = 0; l < info->iLayerNum; l++)
        for (int n = 0; n < info->sLayerInfo[l].iNalCount; n++)
            total += (size_t)info->sLayerInfo[l].pNalLengthInByte[n];
    struct mcu_unit *u = mcu_unit_new(total);
    if (!u)
        return total > MCU_UNIT_MAX_BYTES ? -EIO : -ENOMEM;
    for (int l = 0; l < info->iLayerNum; l++) {
        size_t bytes = 0;
        for (int n = 0; n < info->sLayerInfo[l].iNalCount; n++)
            bytes += (size_t)info->sLayerInfo[l].pNalLengthInByte[n];
        memcpy(u->data + u->size, info->sLayerInfo[l].pBsBuf, bytes);
        u->size += bytes;
    }
    u->keyframe = info->eFrameType == videoFrameTypeIDR;
    *out = u;
    return 0;
}

static int encode(void *arg, const struct mcu_pic *pic, bool keyframe, struct mcu_unit **out)
{
    struct impl *m = arg;
    SSourcePicture s = { .iColorFormat = videoFormatI420,
                         .iPicWidth = pic->width,
                         .iPicHeight = pic->height,
                         .uiTimeStamp = m->frames++ * 1000 / m->fps };
    for (int i = 0; i < 3; i++) {
        s.pData[i] = pic->plane[i];
        s.iStride[i] = pic->stride[i];
    }
    if (keyframe)
        (*m->enc)->ForceIntraFrame(m->enc, true);
    memset(&m->info, 0, sizeof(m->info));
    if ((*m->enc)->EncodeFrame(m->enc, &s, &m->info) != cmResultSuccess
        || m->info.eFrameType == videoFrameTypeInvalid
        || m->info.eFrameType == videoFrameTypeSkip)
        return -EIO;
    return gather(&m->info, out);
}

static void set_bitrate(void *arg, int bitrate_bps)
{
    struct impl *m = arg;
    SBitrateInfo info = { .iLayer = SPATIAL_LAYER_ALL, .iBitrate = bitrate_bps };
    (*m->enc)->SetOption(m->enc, ENCODER_OPTION_BITRATE, &info);
}

const struct mcu_venc_ops mcu_venc_openh264 = {
    .name = "openh264",
    .backend = MCU_VENC_OPENH264,
    .codec = MCU_CODEC_H264,
    .open = open_impl,
    .close = close_impl,
    .encode = encode,
    .set_bitrate = set_bitrate,
};
