#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <cmocka.h>

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>

#include "codec/vdec.h"
#include "codec/venc.h"
#include "codec/vhead.h"
#include "mixer/base/util.h"
#include "tests/unit/scene.h"

enum { W = 160, H = 96, UNITS = 40 };

static const enum mcu_codec codecs[] = { MCU_CODEC_H264, MCU_CODEC_VP8, MCU_CODEC_VP9 };
static struct mcu_unit *stream[MCU_ARRAY_LEN(codecs)][UNITS]; /* keyframes at 0 and 20 */

static int encode_streams(void **state)
{
    struct mcu_pic *p;
    if (mcu_pic_new(&p, W, H) < 0)
        return -1;
    for (size_t c = 0; c < MCU_ARRAY_LEN(codecs); c++) {
        struct mcu_venc *e;
        struct mcu_venc_config config = { .codec = codecs[c], .width = W, .height = H, .fps = 30,
                                          .bitrate_bps = 400000 };
        if (mcu_venc_new(&e, &config) < 0)
            return -1;
        for (int n = 0; n < UNITS; n++) {
            scene_draw(p, n);
            p->time_ns = n;
            if (mcu_venc_encode(e, p, n == 20, &stream[c][n]) < 0)
                return -1;
        }
        mcu_venc_free(&e);
    }
    mcu_pic_unref(&p);
    return 0;
}

static int free_streams(void **state)
{
    for (size_t c = 0; c < MCU_ARRAY_LEN(codecs); c++)
        for (int n = 0; n < UNITS; n++)
            mcu_unit_unref(&stream[c][n]);
    return mcu_unit_alive() == 0 ? 0 : -1;
}

static struct mcu_vdec *open_dec(enum mcu_codec codec)
{
    struct mcu_vdec *d = NULL;
    assert_int_equal(mcu_vdec_new(&d, codec, 1920, 1080), 0);
    return d;
}

static struct mcu_unit *unit_of(enum mcu_codec codec, const uint8_t *data, size_t size)
{
    struct mcu_unit *u = mcu_unit_new(size);
    memcpy(u->data, data, size);
    u->size = size;
    u->codec = codec;
    return u;
}

/* Decodes and returns whether a picture came; rc must be as given. */
static bool shows(struct mcu_vdec *d, const struct mcu_unit *u, int rc)
{
    struct mcu_pic *p = NULL;
    assert_int_equal(mcu_vdec_decode(d, u, &p), rc);
    bool shown = p;
    mcu_pic_unref(&p);
    return shown;
}

static void vdec_shows_nothing_before_a_keyframe(void **state)
{
    for (size_t c = 0; c < MCU_ARRAY_LEN(codecs); c++) {
        struct mcu_vdec *d = open_dec(codecs[c]);
        for (int n = 5; n < 20; n++)
            assert_false(shows(d, stream[c][n], -EBADMSG));
        for (int n = 20; n < UNITS; n++)
            assert_true(shows(d, stream[c][n], 0));
        mcu_vdec_free(&d);
    }
}

static void vdec_after_a_gap_waits_for_a_keyframe(void **state)
{
    for (size_t c = 0; c < MCU_ARRAY_LEN(codecs); c++) {
        struct mcu_vdec *d = open_dec(codecs[c]);
        for (int n = 0; n < 10; n++)
            assert_true(shows(d, stream[c][n], 0));
        struct mcu_unit *u = unit_of(codecs[c], stream[c][11]->data, stream[c][11]->size);
        u->gap_before = true;
        assert_false(shows(d, u, -EBADMSG));
        for (int n = 12; n < 20; n++)
            assert_false(shows(d, stream[c][n], -EBADMSG));
        assert_true(shows(d, stream[c][20], 0));
        mcu_unit_unref(&u);
        mcu_vdec_free(&d);
    }
}

/* A slice in the middle of a picture is lost, and nobody says so. */
static void vdec_notices_a_missing_slice(void **state)
{
    struct mcu_vdec *d = open_dec(MCU_CODEC_H264);
    const struct mcu_unit *key = stream[0][0];
    struct mcu_nal nal;
    size_t pos = 0;
    int slices = 0;
    while (mcu_annexb_next(key->data, key->size, &pos, &nal))
        slices += nal.type == MCU_NAL_IDR;
    assert_true(slices >= 2);
    for (int lost = 0; lost < slices; lost++) {
        struct mcu_unit *u = mcu_unit_new(key->size);
        int n = 0;
        pos = 0;
        while (mcu_annexb_next(key->data, key->size, &pos, &nal)) {
            if (nal.type == MCU_NAL_IDR && n++ == lost)
                continue;
            memcpy(u->data + u->size, nal.data - 4, nal.size + 4);
            u->size += nal.size + 4;
        }
        assert_false(shows(d, u, -EBADMSG));
        mcu_unit_unref(&u);
        assert_true(shows(d, key, 0));
    }
    mcu_vdec_free(&d);
}

static void vdec_takes_parameter_sets_out_of_band(void **state)
{
    struct mcu_vdec *d = open_dec(MCU_CODEC_H264);
    const struct mcu_unit *key = stream[0][0];
    struct mcu_nal nal;
    size_t pos = 0, split = 0;
    while (!split && mcu_annexb_next(key->data, key->size, &pos, &nal))
        if (nal.type == MCU_NAL_IDR)
            split = (size_t)(nal.data - key->data) - 4;
    struct mcu_unit *sets = unit_of(MCU_CODEC_H264, key->data, split);
    struct mcu_unit *rest = unit_of(MCU_CODEC_H264, key->data + split, key->size - split);
    assert_false(shows(d, sets, 0));
    assert_true(shows(d, rest, 0));
    mcu_unit_unref(&sets);
    mcu_unit_unref(&rest);
    mcu_vdec_free(&d);
}

/* Any encoder of libavcodec, for what ours do not make. */
static AVCodecContext *open_foreign(int w, int h, enum AVPixelFormat format, const char *params)
{
    AVCodecContext *c = avcodec_alloc_context3(avcodec_find_encoder_by_name("libx264"));
    AVDictionary *o = NULL;
    c->width = w;
    c->height = h;
    c->pix_fmt = format;
    c->time_base = (AVRational){ 1, 30 };
    c->thread_count = 1;
    if (format == AV_PIX_FMT_YUVJ420P)
        c->colorspace = AVCOL_SPC_BT709;
    av_dict_set(&o, "preset", "ultrafast", 0);
    av_dict_set(&o, "tune", "zerolatency", 0);
    av_dict_set(&o, "x264-params", params, 0);
    assert_int_equal(avcodec_open2(c, NULL, &o), 0);
    av_dict_free(&o);
    return c;
}

/* A ramp in the luma: x + 2 * y. */
static struct mcu_unit *encode_typed(AVCodecContext *c, int n, enum AVPictureType type)
{
    AVFrame *f = av_frame_alloc();
    AVPacket *p = av_packet_alloc();
    int bytes = c->pix_fmt == AV_PIX_FMT_YUV420P10 ? 2 : 1;
    f->format = c->pix_fmt;
    f->width = c->width;
    f->height = c->height;
    f->pts = n;
    f->pict_type = type;
    av_frame_get_buffer(f, 0);
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < (i && c->pix_fmt != AV_PIX_FMT_YUV422P && c->pix_fmt != AV_PIX_FMT_YUV444P
                                 ? (c->height + 1) / 2 : c->height); y++)
            for (int x = 0; x < f->linesize[i] / bytes; x++) {
                int v = i ? 128 : 16 + (x + 2 * y) % 200;
                if (bytes == 2)
                    ((uint16_t *)(void *)(f->data[i] + y * f->linesize[i]))[x] = (uint16_t)(v * 4);
                else
                    f->data[i][y * f->linesize[i] + x] = (uint8_t)v;
            }
    struct mcu_unit *u = NULL;
    assert_true(avcodec_send_frame(c, f) >= 0);
    if (avcodec_receive_packet(c, p) >= 0)
        u = unit_of(MCU_CODEC_H264, p->data, (size_t)p->size);
    if (u)
        u->time_ns = u->sent_ns = p->pts;
    av_frame_free(&f);
    av_packet_free(&p);
    return u;
}

static struct mcu_unit *encode_foreign(AVCodecContext *c, int n)
{
    return encode_typed(c, n, AV_PICTURE_TYPE_NONE);
}

static void check_ramp(const struct mcu_pic *p)
{
    for (int y = 0; y < p->height; y += 5)
        for (int x = 0; x < p->width; x += 3)
            assert_true(abs(p->plane[0][y * p->stride[0] + x] - (16 + (x + 2 * y) % 200)) < 40);
}

static void vdec_crops_sizes_that_are_no_multiple_of_16(void **state)
{
    static const int sizes[][2] = { { 174, 98 }, { 426, 240 }, { 50, 34 }, { 642, 362 }, { 18, 1080 } };
    for (size_t i = 0; i < MCU_ARRAY_LEN(sizes); i++) {
        struct mcu_vdec *d = open_dec(MCU_CODEC_H264);
        struct mcu_pic *p = NULL;
        AVCodecContext *c = open_foreign(sizes[i][0], sizes[i][1], AV_PIX_FMT_YUV420P, "qp=10");
        struct mcu_unit *u = encode_foreign(c, 0);
        assert_int_equal(mcu_vdec_decode(d, u, &p), 0);
        assert_non_null(p);
        assert_int_equal(p->width, sizes[i][0]);
        assert_int_equal(p->height, sizes[i][1]);
        check_ramp(p);
        mcu_pic_unref(&p);
        mcu_unit_unref(&u);
        avcodec_free_context(&c);
        mcu_vdec_free(&d);
    }
}

/* Periodic intra refresh: no IDR after the first, recovery points instead. */
static void vdec_joins_at_a_recovery_point(void **state)
{
    struct mcu_vdec *d = open_dec(MCU_CODEC_H264);
    AVCodecContext *c = open_foreign(176, 98, AV_PIX_FMT_YUV420P, "intra-refresh=1:keyint=12:qp=20");
    int first = -1, again = -1;
    for (int n = 0; n < 90; n++) {
        struct mcu_unit *u = encode_foreign(c, n);
        struct mcu_pic *p = NULL;
        u->gap_before = n == 50;
        if (n >= 3)
            mcu_vdec_decode(d, u, &p);
        assert_true(!p || n < 50 || n > 52); /* nothing right away after the gap */
        if (p) {
            check_ramp(p);
            first = first < 0 ? n : first;
            again = n > 50 && again < 0 ? n : again;
        }
        mcu_pic_unref(&p);
        mcu_unit_unref(&u);
    }
    assert_in_range(first, 12, 40);
    assert_in_range(again, 53, 85);
    avcodec_free_context(&c);
    mcu_vdec_free(&d);
}

/* A crop at the left that is no multiple of a SIMD width must be exact. */
static void vdec_crops_all_four_sides(void **state)
{
    struct mcu_vdec *d = open_dec(MCU_CODEC_H264);
    struct mcu_pic *p = NULL;
    AVCodecContext *c = open_foreign(176, 96, AV_PIX_FMT_YUV420P, "qp=4:crop-rect=6,10,20,14");
    struct mcu_unit *u = encode_foreign(c, 0);
    assert_int_equal(mcu_vdec_decode(d, u, &p), 0);
    assert_non_null(p);
    assert_int_equal(p->width, 150);
    assert_int_equal(p->height, 72);
    assert_in_range(p->plane[0][0], 16 + 6 + 2 * 10 - 3, 16 + 6 + 2 * 10 + 3);
    mcu_pic_unref(&p);
    mcu_unit_unref(&u);
    avcodec_free_context(&c);
    mcu_vdec_free(&d);
}

static void vdec_converts_other_formats_and_keeps_colour_range(void **state)
{
    static const enum AVPixelFormat formats[] = { AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUV444P,
                                                  AV_PIX_FMT_YUV420P10, AV_PIX_FMT_YUVJ420P };
    for (size_t i = 0; i < MCU_ARRAY_LEN(formats); i++) {
        struct mcu_vdec *d = open_dec(MCU_CODEC_H264);
        struct mcu_pic *p = NULL;
        AVCodecContext *c = open_foreign(176, 98, formats[i], "qp=10");
        struct mcu_unit *u = encode_foreign(c, 0);
        assert_int_equal(mcu_vdec_decode(d, u, &p), 0);
        assert_non_null(p);
        assert_int_equal(p->full_range, formats[i] == AV_PIX_FMT_YUVJ420P);
        assert_int_equal(p->matrix, formats[i] == AV_PIX_FMT_YUVJ420P ? MCU_MATRIX_BT709
                                                                      : MCU_MATRIX_BT601);
        check_ramp(p);
        for (int y = 0; y < mcu_pic_plane_h(p, 1); y++)
            assert_in_range(p->plane[1][y * p->stride[1]], 126, 130);
        mcu_vdec_free(&d); /* the picture outlives it */
        check_ramp(p);
        mcu_pic_unref(&p);
        mcu_unit_unref(&u);
        avcodec_free_context(&c);
    }
}

/* Some senders' VUI announces reordering that they never do. */
static void vdec_does_not_wait_for_announced_reordering(void **state)
{
    struct mcu_vdec *d = open_dec(MCU_CODEC_H264);
    AVCodecContext *c = open_foreign(176, 98, AV_PIX_FMT_YUV420P,
                                     "bframes=3:b-adapt=0:rc-lookahead=0:ref=3");
    int units = 0;
    for (int n = 0; n < 40; n++) {
        struct mcu_unit *u = encode_typed(c, n, n ? AV_PICTURE_TYPE_P : AV_PICTURE_TYPE_I);
        if (!u)
            continue;
        struct mcu_nal nal;
        struct mcu_sps sps = { .reorder_frames = -1 };
        size_t pos = 0;
        while (mcu_annexb_next(u->data, u->size, &pos, &nal))
            if (nal.type == MCU_NAL_SPS)
                assert_int_equal(mcu_sps_parse(&sps, nal.data, nal.size), 0);
        if (units++ == 0)
            assert_true(sps.reorder_frames > 0);
        assert_true(shows(d, u, 0));
        mcu_unit_unref(&u);
    }
    assert_true(units > 20);
    avcodec_free_context(&c);
    mcu_vdec_free(&d);
}

static void vdec_orders_pictures_of_a_sender_with_b_pictures(void **state)
{
    struct mcu_vdec *d = open_dec(MCU_CODEC_H264);
    AVCodecContext *c = open_foreign(176, 98, AV_PIX_FMT_YUV420P,
                                     "bframes=2:b-adapt=0:rc-lookahead=0:ref=3:b-pyramid=none");
    int units = 0, shown = 0;
    int64_t last = -1;
    for (int n = 0; n < 60; n++) {
        struct mcu_pic *p = NULL;
        struct mcu_unit *u = encode_foreign(c, n);
        if (!u)
            continue;
        units++;
        assert_int_equal(mcu_vdec_decode(d, u, &p), 0);
        if (p) {
            shown++;
            assert_true(p->time_ns > last);
            assert_int_equal(p->sent_ns, p->time_ns);
            last = p->time_ns;
        }
        mcu_pic_unref(&p);
        mcu_unit_unref(&u);
    }
    assert_true(units > 30);
    assert_true(shown >= units - 4);
    avcodec_free_context(&c);
    mcu_vdec_free(&d);
}

/* A bit writer for parameter sets that no encoder would make. */
struct bitw {
    uint8_t buf[64];
    size_t bits;
};

static void put(struct bitw *b, unsigned v, int n)
{
    for (int i = n - 1; i >= 0; i--, b->bits++)
        b->buf[b->bits / 8] |= (uint8_t)((v >> i & 1) << (7 - b->bits % 8));
}

static void put_ue(struct bitw *b, unsigned v)
{
    int n = 0;
    while ((v + 1) >> (n + 1))
        n++;
    put(b, 0, n);
    put(b, v + 1, n + 1);
}

static void write_sps(struct bitw *b, unsigned mbs_w, unsigned mbs_h)
{
    *b = (struct bitw){ .bits = 0 };
    put(b, 1, 32);
    put(b, 0x67, 8);
    put(b, 66, 8);
    put(b, 0xc0, 8);
    put(b, 51, 8);
    put_ue(b, 0); /* id */
    put_ue(b, 0);
    put_ue(b, 2); /* no picture order count */
    put_ue(b, 1);
    put(b, 0, 1);
    put_ue(b, mbs_w - 1);
    put_ue(b, mbs_h - 1);
    put(b, 1, 1);
    put(b, 1, 1);
    put(b, 0, 1);
    put(b, 0, 1);
    put(b, 1, 1);
}

static size_t heap_in_use(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static void vdec_refuses_a_huge_h264_before_taking_memory(void **state)
{
    static const unsigned sizes[][2] = { { 512, 512 }, { 1000, 10 }, { 121, 68 }, { 10, 1000 } };
    struct mcu_vdec *d = open_dec(MCU_CODEC_H264);
    const struct mcu_unit *key = stream[0][0];
    struct mcu_nal nal;
    size_t pos = 0, split = 0;
    while (!split && mcu_annexb_next(key->data, key->size, &pos, &nal))
        if (nal.type == MCU_NAL_PPS)
            split = (size_t)(nal.data - key->data) - 4;
    for (size_t i = 0; i < MCU_ARRAY_LEN(sizes); i++) {
        struct bitw b;
        write_sps(&b, sizes[i][0], sizes[i][1]);
        size_t n = (b.bits + 7) / 8;
        struct mcu_unit *u = mcu_unit_new(n + key->size - split);
        memcpy(u->data, b.buf, n);
        memcpy(u->data + n, key->data + split, key->size - split);
        u->size = n + key->size - split;
        size_t before = heap_in_use();
        assert_false(shows(d, u, -EFBIG));
        assert_true(heap_in_use() - before < 100000);
        mcu_unit_unref(&u);
    }
    assert_true(shows(d, key, 0)); /* and goes on */
    mcu_vdec_free(&d);
}

static void vdec_refuses_a_huge_vp8_before_taking_memory(void **state)
{
    struct mcu_vdec *d = open_dec(MCU_CODEC_VP8);
    struct mcu_unit *u = unit_of(MCU_CODEC_VP8, stream[1][0]->data, stream[1][0]->size);
    size_t before = heap_in_use();
    for (int i = 6; i < 10; i++)
        u->data[i] = 0x3f;
    assert_false(shows(d, u, -EFBIG));
    assert_true(heap_in_use() - before < 100000);
    mcu_unit_unref(&u);
    assert_true(shows(d, stream[1][0], 0));
    mcu_vdec_free(&d);
}

static void vdec_allows_either_orientation(void **state)
{
    static const struct { int w, h, rc; } cases[] = {
        { 96, 160, 0 }, { 160, 96, 0 }, { 160, 160, -EFBIG }, { 192, 64, -EFBIG },
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++) {
        struct mcu_vdec *d = NULL;
        assert_int_equal(mcu_vdec_new(&d, MCU_CODEC_H264, 160, 96), 0);
        AVCodecContext *c = open_foreign(cases[i].w, cases[i].h, AV_PIX_FMT_YUV420P, "qp=30");
        struct mcu_unit *u = encode_foreign(c, 0);
        assert_int_equal(shows(d, u, cases[i].rc), cases[i].rc == 0);
        mcu_unit_unref(&u);
        avcodec_free_context(&c);
        mcu_vdec_free(&d);
    }
}

static uint32_t seed = 7;

static uint32_t rnd(void)
{
    return seed = scene_hash(seed + 0x9e3779b9U);
}

/* Cut, flipped and swapped: any error but no crash, and the next keyframe always shows. */
static void vdec_survives_damage_and_recovers(void **state)
{
    for (size_t c = 0; c < MCU_ARRAY_LEN(codecs); c++) {
        struct mcu_vdec *d = open_dec(codecs[c]);
        for (int round = 0; round < 150; round++) {
            for (int n = 0; n < 8; n++) {
                const struct mcu_unit *s = stream[c][n];
                struct mcu_unit *u = unit_of(codecs[c], s->data, s->size);
                struct mcu_pic *p = NULL;
                if (rnd() % 3 == 0)
                    u->size = rnd() % (s->size + 1);
                for (unsigned k = rnd() % 6; k > 0 && u->size; k--)
                    u->data[rnd() % u->size] ^= (uint8_t)(1u << rnd() % 8);
                int rc = mcu_vdec_decode(d, u, &p);
                assert_true(rc == 0 || (!p && (rc == -EBADMSG || rc == -EFBIG)));
                mcu_pic_unref(&p);
                mcu_unit_unref(&u);
            }
            assert_true(shows(d, stream[c][20], 0));
            assert_true(shows(d, stream[c][21], 0));
        }
        mcu_vdec_free(&d);
    }
}

/* Pictures take no new memory once warm: the blocks come round again. */
static void vdec_warm_takes_picture_memory_from_its_pool(void **state)
{
    for (size_t c = 0; c < MCU_ARRAY_LEN(codecs); c++) {
        struct mcu_vdec *d = open_dec(codecs[c]);
        const uint8_t *seen[8] = { NULL };
        size_t distinct = 0;
        for (int n = 0; n < UNITS; n++) {
            struct mcu_pic *p = NULL;
            size_t i = 0;
            assert_int_equal(mcu_vdec_decode(d, stream[c][n], &p), 0);
            while (i < distinct && seen[i] != p->plane[0])
                i++;
            assert_true(i < MCU_ARRAY_LEN(seen));
            if (i == distinct)
                seen[distinct++] = p->plane[0];
            mcu_pic_unref(&p);
        }
        assert_true(distinct <= 5);
        mcu_vdec_free(&d);
    }
}

static void vdec_empty_unit_is_refused(void **state)
{
    struct mcu_vdec *d = open_dec(MCU_CODEC_VP8);
    struct mcu_unit *u = mcu_unit_new(0);
    assert_true(shows(d, stream[1][0], 0));
    assert_false(shows(d, u, -EBADMSG)); /* to libavcodec it would be the end of the stream */
    assert_true(shows(d, stream[1][20], 0));
    mcu_unit_unref(&u);
    mcu_vdec_free(&d);
    assert_int_equal(mcu_vdec_new(&d, MCU_CODEC_OPUS, 640, 480), -EINVAL);
    assert_int_equal(mcu_vdec_new(&d, MCU_CODEC_H264, 0, 480), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vdec_shows_nothing_before_a_keyframe),
        cmocka_unit_test(vdec_after_a_gap_waits_for_a_keyframe),
        cmocka_unit_test(vdec_notices_a_missing_slice),
        cmocka_unit_test(vdec_takes_parameter_sets_out_of_band),
        cmocka_unit_test(vdec_crops_sizes_that_are_no_multiple_of_16),
        cmocka_unit_test(vdec_joins_at_a_recovery_point),
        cmocka_unit_test(vdec_crops_all_four_sides),
        cmocka_unit_test(vdec_converts_other_formats_and_keeps_colour_range),
        cmocka_unit_test(vdec_does_not_wait_for_announced_reordering),
        cmocka_unit_test(vdec_orders_pictures_of_a_sender_with_b_pictures),
        cmocka_unit_test(vdec_refuses_a_huge_h264_before_taking_memory),
        cmocka_unit_test(vdec_refuses_a_huge_vp8_before_taking_memory),
        cmocka_unit_test(vdec_allows_either_orientation),
        cmocka_unit_test(vdec_survives_damage_and_recovers),
        cmocka_unit_test(vdec_warm_takes_picture_memory_from_its_pool),
        cmocka_unit_test(vdec_empty_unit_is_refused),
    };
    return cmocka_run_group_tests(tests, encode_streams, free_streams);
}
