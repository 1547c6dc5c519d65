#include "codec/vdec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>

#include "codec/ff.h"
#include "codec/vhead.h"
#include "mixer/base/pool.h"
#include "mixer/base/util.h"

#define ALIGN_UP(n, a) (((n) + (a)-1) / (a) * (a))
#define PLANE_ALIGN    64
#define PLANE_SLACK    64 /* kernels, ours and the decoder's, may read this far past a plane */

/* What goes out: the picture and the one buffer that its planes lie in. */
struct shown {
    struct mcu_pic pic;
    AVBufferRef *buf;
    struct mcu_pool *home;
};

struct mcu_vdec {
    AVCodecContext *ctx;
    AVFrame *frame, *next;
    AVPacket *packet;
    AVBufferRef *input;        /* the unit's bytes with the padding that libavcodec wants */
    AVBufferPool *memory;      /* one block is one whole picture */
    size_t block_bytes;        /* of that pool */
    size_t peak_bytes;         /* the largest block wanted since the last keyframe */
    struct mcu_pool *wrappers; /* struct shown */
    struct SwsContext *sws;
    enum mcu_codec codec;
    int max_width, max_height;
    struct mcu_colour colour;  /* of the unit in hand, as its sender says */
    bool need_start;           /* nothing is decoded until a unit to start from comes */
    bool bidirectional;        /* B pictures came: the sender really reorders, and we must */
    bool refused;              /* get_buffer refused a size during this unit */
};

/* Either orientation. Decoders round sizes up to whole macroblocks, for interlaced pictures to
 * pairs of them; a picture that is allowed must not fail for that. */
static bool size_allowed(const struct mcu_vdec *d, int width, int height)
{
    int w = ALIGN_UP(d->max_width, 32), h = ALIGN_UP(d->max_height, 32);
    return (width <= w && height <= h) || (width <= h && height <= w);
}

static void free_block(void *opaque, uint8_t *data)
{
    free(data);
}

/* Zeroed once: what a broken stream leaves unwritten must not be another leg's picture. */
static AVBufferRef *new_block(size_t size)
{
    uint8_t *data = aligned_alloc(PLANE_ALIGN, ALIGN_UP(size, PLANE_ALIGN));
    if (!data)
        return NULL;
    memset(data, 0, size);
    AVBufferRef *ref = av_buffer_create(data, size, free_block, NULL, 0);
    if (!ref)
        free(data);
    return ref;
}

/* A block of `size` bytes or more: the spatial layers of a picture share a pool. It is replaced when
 * the stream grows, and blocks of the old one go as their pictures go. */
static AVBufferRef *get_block(struct mcu_vdec *d, size_t size)
{
    if (d->memory && d->block_bytes < size)
        av_buffer_pool_uninit(&d->memory);
    if (!d->memory) {
        d->memory = av_buffer_pool_init(size, new_block);
        d->block_bytes = size;
    }
    d->peak_bytes = d->peak_bytes > size ? d->peak_bytes : size;
    return d->memory ? av_buffer_pool_get(d->memory) : NULL;
}

/* At a keyframe: a stream that has shrunk gets smaller blocks. */
static void fit_blocks(struct mcu_vdec *d)
{
    if (d->memory && d->peak_bytes < d->block_bytes)
        av_buffer_pool_uninit(&d->memory);
    d->peak_bytes = 0;
}

/* Lays out planes of any planar or packed format in one block. Returns 0, or an AVERROR. */
static int lay_out(struct mcu_vdec *d, AVFrame *f, int width, int height)
{
    ptrdiff_t strides[4];
    size_t bytes[4], total = 0;
    int rc = av_image_fill_linesizes(f->linesize, f->format, width);
    if (rc < 0)
        return rc;
    for (int i = 0; i < 4; i++)
        strides[i] = f->linesize[i] = ALIGN_UP(f->linesize[i], PLANE_ALIGN);
    rc = av_image_fill_plane_sizes(bytes, f->format, height, strides);
    if (rc < 0)
        return rc;
    for (int i = 0; i < 4; i++)
        total += bytes[i] ? ALIGN_UP(bytes[i] + PLANE_SLACK, PLANE_ALIGN) : 0;
    f->buf[0] = get_block(d, total);
    if (!f->buf[0])
        return AVERROR(ENOMEM);
    uint8_t *p = f->buf[0]->data;
    for (int i = 0; i < 4; i++) {
        f->data[i] = bytes[i] ? p : NULL;
        p += bytes[i] ? ALIGN_UP(bytes[i] + PLANE_SLACK, PLANE_ALIGN) : 0;
    }
    f->extended_data = f->data;
    return 0;
}

/* libavcodec's get_buffer2: the last place where a size can be refused before its memory is taken. */
static int get_buffer(AVCodecContext *ctx, AVFrame *f, int flags)
{
    struct mcu_vdec *d = ctx->opaque;
    int w = f->width, h = f->height, align[AV_NUM_DATA_POINTERS];
    if (!size_allowed(d, w, h)) {
        d->refused = true;
        return AVERROR(EINVAL);
    }
    avcodec_align_dimensions2(ctx, &w, &h, align);
    return lay_out(d, f, w, h);
}

/* By name: of AV1 FFmpeg has a decoder of its own that needs hardware. */
static const char *const decoder_names[MCU_CODEC_COUNT] = {
    [MCU_CODEC_H264] = "h264",
    [MCU_CODEC_VP8] = "vp8",
    [MCU_CODEC_VP9] = "vp9",
    [MCU_CODEC_AV1] = "libdav1d",
};

static bool is_known(enum mcu_codec codec)
{
    return codec > MCU_CODEC_NONE && codec < MCU_CODEC_COUNT && decoder_names[codec];
}

static int open_decoder(struct mcu_vdec *d)
{
    const AVCodec *codec = avcodec_find_decoder_by_name(decoder_names[d->codec]);
    if (!codec)
        return -EINVAL;
    mcu_ff_quiet();
    AVCodecContext *c = d->ctx = avcodec_alloc_context3(codec);
    if (!c)
        return -ENOMEM;
    c->opaque = d;
    c->get_buffer2 = get_buffer;
    c->thread_count = 1;
    c->thread_type = FF_THREAD_SLICE; /* frame threads would be a delay */
    c->flags = AV_CODEC_FLAG_LOW_DELAY
             | AV_CODEC_FLAG_UNALIGNED; /* else cropping at the left is rounded to SIMD widths */
    /* libavcodec rounds widths up to 64 before it compares */
    c->max_pixels = (int64_t)ALIGN_UP(d->max_width, 64) * ALIGN_UP(d->max_height, 64);
    /* Concealment is kept on only because it is the decoder's way of telling that macroblocks are
     * missing (decode_error_flags); such pictures are not shown, so the cheapest kind does. */
    c->error_concealment = FF_EC_FAVOR_INTER;
    int rc = avcodec_open2(c, codec, NULL);
    return rc == AVERROR(ENOMEM) ? -ENOMEM : rc < 0 ? -EINVAL : 0;
}

int mcu_vdec_new(struct mcu_vdec **out, enum mcu_codec codec, int max_width, int max_height)
{
    if (!is_known(codec) || max_width < 2 || max_height < 2 || max_width > MCU_PIC_MAX_SIDE ||
        max_height > MCU_PIC_MAX_SIDE)
        return -EINVAL;
    struct mcu_vdec *d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->codec = codec;
    d->max_width = max_width;
    d->max_height = max_height;
    d->need_start = true;
    d->frame = av_frame_alloc();
    d->next = av_frame_alloc();
    d->packet = av_packet_alloc();
    int rc = d->frame && d->next && d->packet ? open_decoder(d) : -ENOMEM;
    if (rc == 0)
        rc = mcu_pool_new(&d->wrappers, sizeof(struct shown), 0, 0);
    if (rc < 0)
        mcu_vdec_free(&d);
    else
        *out = d;
    return rc;
}

void mcu_vdec_free(struct mcu_vdec **dec)
{
    struct mcu_vdec *d = *dec;
    *dec = NULL;
    if (!d)
        return;
    avcodec_free_context(&d->ctx);
    av_frame_free(&d->frame);
    av_frame_free(&d->next);
    av_packet_free(&d->packet);
    av_buffer_unref(&d->input);
    av_buffer_pool_uninit(&d->memory);
    mcu_pool_free(&d->wrappers);
    sws_freeContext(d->sws);
    free(d);
}

static void release_shown(struct mcu_pic *pic)
{
    struct shown *s = mcu_container_of(pic, struct shown, pic);
    av_buffer_unref(&s->buf);
    mcu_pool_put(s->home, s);
}

/* 8-bit 4:2:0 of either range: shown where it was decoded. */
static bool is_i420(int format)
{
    return format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_YUVJ420P;
}

/* Converts d->frame in place to 8-bit 4:2:0, range kept. Returns 0, -ENOMEM or -EBADMSG. */
static int convert(struct mcu_vdec *d)
{
    AVFrame *src = d->frame, *dst = av_frame_alloc();
    if (!dst)
        return -ENOMEM;
    bool full = src->color_range == AVCOL_RANGE_JPEG;
    dst->format = full ? AV_PIX_FMT_YUVJ420P : AV_PIX_FMT_YUV420P;
    av_frame_copy_props(dst, src);
    dst->width = src->width;
    dst->height = src->height;
    int rc = lay_out(d, dst, ALIGN_UP(src->width, 16), ALIGN_UP(src->height, 16)) < 0 ? -ENOMEM : 0;
    if (rc == 0) {
        d->sws = sws_getCachedContext(d->sws, src->width, src->height, src->format, dst->width,
                                      dst->height, dst->format, SWS_BILINEAR, NULL, NULL, NULL);
        if (!d->sws || sws_scale(d->sws, (const uint8_t *const *)src->data, src->linesize, 0,
                                 src->height, dst->data, dst->linesize) != src->height)
            rc = -EBADMSG;
    }
    if (rc == 0) {
        av_frame_unref(src);
        av_frame_move_ref(src, dst);
    }
    av_frame_free(&dst);
    return rc;
}

/* VP8 cannot say what it is: BT.601 limited (RFC 6386 9.2), unless the sender says otherwise beside
 * the stream, as Chromium does of pictures that were RGB. Others without a word are taken as BT.601
 * too: so do the phones and browsers that leave it out. */
static void set_colour(struct mcu_pic *p, const AVFrame *f, struct mcu_colour said)
{
    if (said.known) {
        p->matrix = said.matrix;
        p->full_range = said.full_range;
        return;
    }
    p->matrix = f->colorspace == AVCOL_SPC_BT709 ? MCU_MATRIX_BT709 : MCU_MATRIX_BT601;
    p->full_range = f->color_range == AVCOL_RANGE_JPEG || f->format == AV_PIX_FMT_YUVJ420P;
}

/* Turns d->frame into a picture that owns the frame's one buffer. */
static int show(struct mcu_vdec *d, struct mcu_pic **out)
{
    AVFrame *f = d->frame;
    if (f->width > d->max_width || f->height > d->max_height) {
        if (f->width > d->max_height || f->height > d->max_width)
            return -EFBIG;
    }
    if (f->width < 2 || f->height < 2)
        return -EBADMSG;
    int rc = is_i420(f->format) ? 0 : convert(d);
    if (rc < 0)
        return rc;
    struct shown *s = mcu_pool_get(d->wrappers);
    if (!s)
        return -ENOMEM;
    memset(s, 0, sizeof(*s));
    atomic_init(&s->pic.refs, 1);
    s->pic.release = release_shown;
    s->pic.width = f->width;
    s->pic.height = f->height;
    for (int i = 0; i < 3; i++) {
        s->pic.plane[i] = f->data[i];
        s->pic.stride[i] = f->linesize[i];
    }
    set_colour(&s->pic, f, d->colour);
    s->pic.time_ns = f->pts;
    s->pic.sent_ns = f->reordered_opaque;
    s->home = d->wrappers;
    s->buf = f->buf[0];
    f->buf[0] = NULL; /* moved */
    *out = &s->pic;
    return 0;
}

/* Some senders announce reordering that they never do; libavcodec would hold pictures back for it.
 * It finds out by itself when pictures really come out of order. */
static void drop_restrictions(uint8_t *data, size_t size)
{
    struct mcu_nal nal;
    struct mcu_sps sps;
    size_t pos = 0;
    while (mcu_annexb_next(data, size, &pos, &nal))
        if (nal.type == MCU_NAL_SPS && mcu_sps_parse(&sps, nal.data, nal.size) == 0)
            mcu_sps_drop_restriction(&sps, data + (nal.data - data), nal.size);
}

/* Copies the unit to a buffer of ours with zeroed padding; its size doubles as needed. */
static int fill_packet(struct mcu_vdec *d, const struct mcu_unit *unit,
                       const struct mcu_vhead *head)
{
    size_t need = unit->size + AV_INPUT_BUFFER_PADDING_SIZE;
    if (!d->input || d->input->size < need || !av_buffer_is_writable(d->input)) {
        size_t size = 16384;
        while (size < need)
            size *= 2;
        av_buffer_unref(&d->input);
        d->input = av_buffer_alloc(size);
        if (!d->input)
            return -ENOMEM;
    }
    memcpy(d->input->data, unit->data, unit->size);
    memset(d->input->data + unit->size, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    d->packet->buf = av_buffer_ref(d->input);
    if (!d->packet->buf)
        return -ENOMEM;
    d->packet->data = d->input->data;
    d->packet->size = (int)unit->size;
    /* With B pictures what comes out may be of an earlier unit: its times travel along. */
    d->packet->pts = unit->time_ns;
    d->ctx->reordered_opaque = unit->sent_ns;
    if (head->reorders)
        drop_restrictions(d->input->data, unit->size);
    return 0;
}

/* Nothing before the first start, or between an error and the next one, is given to the decoder:
 * it could only show garbage. Returns 0 when the unit may be decoded. */
static int pass_gate(struct mcu_vdec *d, const struct mcu_unit *unit, const struct mcu_vhead *head)
{
    if (head->start == MCU_VSTART_KEY)
        fit_blocks(d);
    if (unit->gap_before && head->start == MCU_VSTART_NONE && head->slices)
        d->need_start = true;
    if (!head->slices || !d->need_start)
        return 0;
    if (head->start == MCU_VSTART_NONE)
        return -EBADMSG;
    /* From an IDR or a recovery point libavcodec itself withholds what is not right yet; from a
     * plain I picture it would withhold everything until an IDR, which some senders never send. */
    if (head->start == MCU_VSTART_INTRA) {
        d->ctx->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
    } else {
        d->ctx->flags &= ~AV_CODEC_FLAG_OUTPUT_CORRUPT;
        avcodec_flush_buffers(d->ctx);
    }
    d->need_start = false;
    return 0;
}

static int from_averror(const struct mcu_vdec *d, int rc)
{
    return d->refused ? -EFBIG : rc == AVERROR(ENOMEM) ? -ENOMEM : -EBADMSG;
}

/* One packet in, the newest picture out. Returns 1 with d->frame filled, 0, or a negative errno. */
static int run_decoder(struct mcu_vdec *d, const struct mcu_vhead *head)
{
    int got = 0;
    bool damaged = false;
    d->bidirectional |= head->bidirectional;
    if (!d->bidirectional)
        d->ctx->has_b_frames = 0; /* no delay, whatever the decoder believes to have seen */
    int rc = avcodec_send_packet(d->ctx, d->packet);
    av_packet_unref(d->packet);
    if (rc < 0) /* a unit of parameter sets alone is "no frame" to libavcodec, but they are taken */
        return head->slices || rc == AVERROR(ENOMEM) ? from_averror(d, rc) : 0;
    while ((rc = avcodec_receive_frame(d->ctx, d->next)) >= 0) {
        av_frame_unref(d->frame);
        av_frame_move_ref(d->frame, d->next);
        damaged |= d->frame->decode_error_flags != 0;
        got = 1;
    }
    if (rc != AVERROR(EAGAIN) || damaged)
        return from_averror(d, rc);
    return got;
}

int mcu_vdec_decode(struct mcu_vdec *dec, const struct mcu_unit *unit, struct mcu_pic **out)
{
    struct mcu_vhead head;
    struct mcu_pic *pic = NULL;
    if (unit->size == 0 || unit->size > MCU_UNIT_MAX_BYTES)
        return -EBADMSG;
    int rc = mcu_vhead_parse(&head, dec->codec, unit->data, unit->size);
    if (rc == 0 && !size_allowed(dec, head.coded_width, head.coded_height))
        rc = -EFBIG;
    if (rc == 0)
        rc = pass_gate(dec, unit, &head);
    if (rc == 0)
        rc = fill_packet(dec, unit, &head);
    dec->refused = false;
    dec->colour = unit->colour;
    if (rc == 0)
        rc = run_decoder(dec, &head);
    if (rc > 0)
        rc = show(dec, &pic);
    av_frame_unref(dec->frame);
    if (rc < 0) {
        dec->need_start = true;
        return rc;
    }
    *out = pic;
    return 0;
}
