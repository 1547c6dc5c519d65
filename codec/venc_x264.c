/* codec/venc_x264.c - constrained baseline H.264 by x264, through libavcodec. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>

#include "codec/ff.h"
#include "codec/venc_priv.h"
#include "codec/vhead.h"

struct impl {
    AVCodecContext *ctx;
    AVFrame *frame;
    AVPacket *packet;
    int64_t frames;
};

static void set_rate(AVCodecContext *c, int bitrate_bps)
{
    c->bit_rate = bitrate_bps;
    c->rc_max_rate = bitrate_bps;
    c->rc_buffer_size = bitrate_bps / 3; /* s: a keyframe fits, a second holds */
}

static void fill_context(AVCodecContext *c, const struct mcu_venc_config *config)
{
    c->width = config->width;
    c->height = config->height;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->time_base = (AVRational){ 1, config->fps };
    c->framerate = (AVRational){ config->fps, 1 };
    c->gop_size = INT32_MAX;
    c->max_b_frames = 0;
    c->refs = 1;
    c->thread_count = 1;
    c->color_range = AVCOL_RANGE_MPEG;
    c->color_primaries = AVCOL_PRI_SMPTE170M;
    c->color_trc = AVCOL_TRC_SMPTE170M;
    c->colorspace = AVCOL_SPC_SMPTE170M;
    if (config->level_idc)
        c->level = config->level_idc;
    set_rate(c, config->bitrate_bps);
}

static int open_codec(struct impl *m, const struct mcu_venc_config *config)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    char params[96];
    AVDictionary *o = NULL;
    if (!codec)
        return -ENOSYS;
    mcu_ff_quiet();
    m->ctx = avcodec_alloc_context3(codec);
    m->frame = av_frame_alloc();
    m->packet = av_packet_alloc();
    if (!m->ctx || !m->frame || !m->packet)
        return -ENOMEM;
    fill_context(m->ctx, config);
    /* slice-max-size counts the NAL unit and its start code. */
    snprintf(params, sizeof(params), "slice-max-size=%d:scenecut=0:keyint=infinite:sync-lookahead=0",
             config->max_nal_bytes);
    av_dict_set(&o, "preset", "superfast", 0);
    av_dict_set(&o, "tune", "zerolatency", 0);
    av_dict_set(&o, "profile", "baseline", 0);
    av_dict_set(&o, "forced-idr", "1", 0);
    av_dict_set(&o, "x264-params", params, 0);
    int rc = avcodec_open2(m->ctx, codec, &o);
    av_dict_free(&o);
    return rc == AVERROR(ENOMEM) ? -ENOMEM : rc < 0 ? -EINVAL : 0;
}

static void close_impl(void *arg)
{
    struct impl *m = arg;
    avcodec_free_context(&m->ctx);
    av_frame_free(&m->frame);
    av_packet_free(&m->packet);
    free(m);
}

static int open_impl(void **out, const struct mcu_venc_config *config)
{
    struct impl *m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;
    int rc = open_codec(m, config);
    if (rc < 0)
        close_impl(m);
    else
        *out = m;
    return rc;
}

/* Copies slices and parameter sets with 4-byte start codes; x264's SEI with its version and
 * options, which no receiver needs, is left out. */
static int take_packet(const AVPacket *p, struct mcu_unit **out)
{
    static const uint8_t start_code[4] = { 0, 0, 0, 1 };
    struct mcu_nal nal;
    size_t pos = 0, n = 0;
    /* A 3-byte start code becomes one of 4 bytes: a NAL unit has at least 1 byte. */
    struct mcu_unit *u = mcu_unit_new((size_t)p->size + (size_t)p->size / 4 + 4);
    if (!u)
        return -ENOMEM;
    while (mcu_annexb_next(p->data, (size_t)p->size, &pos, &nal)) {
        if (nal.type == MCU_NAL_SEI || nal.type == MCU_NAL_AUD)
            continue;
        memcpy(u->data + n, start_code, 4);
        memcpy(u->data + n + 4, nal.data, nal.size);
        n += 4 + nal.size;
    }
    u->size = n;
    u->keyframe = p->flags & AV_PKT_FLAG_KEY;
    *out = u;
    return 0;
}

/* x264 copies the picture before avcodec_send_frame returns; a frame without a buffer of its own
 * would be copied once more by libavcodec, so it gets one that frees nothing. */
static void keep(void *opaque, uint8_t *data)
{
}

static int encode(void *arg, const struct mcu_pic *pic, bool keyframe, struct mcu_unit **out)
{
    struct impl *m = arg;
    AVFrame *f = m->frame;
    f->format = AV_PIX_FMT_YUV420P;
    f->width = pic->width;
    f->height = pic->height;
    f->pts = m->frames++;
    f->pict_type = keyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    for (int i = 0; i < 3; i++) {
        f->data[i] = pic->plane[i];
        f->linesize[i] = pic->stride[i];
    }
    f->buf[0] = av_buffer_create(pic->plane[0], 1, keep, NULL, AV_BUFFER_FLAG_READONLY);
    if (!f->buf[0])
        return -ENOMEM;
    int rc = avcodec_send_frame(m->ctx, f);
    av_frame_unref(f);
    if (rc >= 0)
        rc = avcodec_receive_packet(m->ctx, m->packet);
    if (rc < 0)
        return rc == AVERROR(ENOMEM) ? -ENOMEM : -EIO;
    rc = take_packet(m->packet, out);
    av_packet_unref(m->packet);
    return rc;
}

/* libavcodec's wrapper compares these with what x264 has before each picture. */
static void set_bitrate(void *arg, int bitrate_bps)
{
    struct impl *m = arg;
    set_rate(m->ctx, bitrate_bps);
}

const struct mcu_venc_ops mcu_venc_x264 = {
    .name = "x264",
    .backend = MCU_VENC_X264,
    .codec = MCU_CODEC_H264,
    .open = open_impl,
    .close = close_impl,
    .encode = encode,
    .set_bitrate = set_bitrate,
};
