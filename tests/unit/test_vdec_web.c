/* codec/vdec.h with what browsers send: AV1, VP9 with spatial layers, H.264 of every profile. The
 * streams are made by libaom, libvpx and x264, as browsers do. */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <libavcodec/avcodec.h>
#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

#include "codec/vdec.h"
#include "codec/vhead.h"
#include "mixer/base/obu.h"
#include "mixer/base/util.h"
#include "net/payload.h"
#include "tests/unit/scene.h"

enum { W = 160, H = 96, UNITS = 24, KEY2 = 12 };

static struct mcu_pic *scenes[UNITS];
static struct mcu_unit *av1[UNITS]; /* keyframes at 0 and KEY2 */

static struct mcu_unit *unit_of(enum mcu_codec codec, const uint8_t *data, size_t size)
{
    struct mcu_unit *u = mcu_unit_new(size);
    memcpy(u->data, data, size);
    u->size = size;
    u->codec = codec;
    return u;
}

static AVCodecContext *open_encoder(const char *name, int w, int h, const char *const options[])
{
    AVCodecContext *c = avcodec_alloc_context3(avcodec_find_encoder_by_name(name));
    AVDictionary *o = NULL;
    c->width = w;
    c->height = h;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->time_base = (AVRational){ 1, 30 };
    c->thread_count = 1;
    c->gop_size = 1000;
    c->bit_rate = 400000;
    for (int i = 0; options[i]; i += 2)
        av_dict_set(&o, options[i], options[i + 1], 0);
    assert_int_equal(avcodec_open2(c, NULL, &o), 0);
    av_dict_free(&o);
    return c;
}

static struct mcu_unit *encode(AVCodecContext *c, enum mcu_codec codec, const struct mcu_pic *pic,
                               int n, bool key)
{
    AVFrame *f = av_frame_alloc();
    AVPacket *p = av_packet_alloc();
    f->format = c->pix_fmt;
    f->width = pic->width;
    f->height = pic->height;
    f->pts = n;
    f->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    av_frame_get_buffer(f, 0);
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < mcu_pic_plane_h(pic, i); y++)
            memcpy(f->data[i] + y * f->linesize[i], pic->plane[i] + y * pic->stride[i],
                   (size_t)mcu_pic_plane_w(pic, i));
    assert_true(avcodec_send_frame(c, f) >= 0);
    assert_true(avcodec_receive_packet(c, p) >= 0);
    struct mcu_unit *u = unit_of(codec, p->data, (size_t)p->size);
    u->keyframe = p->flags & AV_PKT_FLAG_KEY;
    u->time_ns = 1000 + n;
    u->sent_ns = 2000 + n;
    av_frame_free(&f);
    av_packet_free(&p);
    return u;
}

static const char *const aom_options[] = { "usage", "realtime", "cpu-used", "8", "lag-in-frames",
                                           "0", NULL };

static int make_streams(void **state)
{
    AVCodecContext *c = open_encoder("libaom-av1", W, H, aom_options);
    for (int n = 0; n < UNITS; n++) {
        if (mcu_pic_new(&scenes[n], W, H) < 0)
            return -1;
        scene_draw(scenes[n], n);
        av1[n] = encode(c, MCU_CODEC_AV1, scenes[n], n, n == KEY2);
    }
    avcodec_free_context(&c);
    return 0;
}

static int free_streams(void **state)
{
    for (int n = 0; n < UNITS; n++) {
        mcu_pic_unref(&scenes[n]);
        mcu_unit_unref(&av1[n]);
    }
    return mcu_unit_alive() == 0 ? 0 : -1;
}

static struct mcu_vdec *open_dec(enum mcu_codec codec)
{
    struct mcu_vdec *d = NULL;
    assert_int_equal(mcu_vdec_new(&d, codec, 1280, 720), 0);
    return d;
}

static bool shows(struct mcu_vdec *d, const struct mcu_unit *u, int rc)
{
    struct mcu_pic *p = NULL;
    assert_int_equal(mcu_vdec_decode(d, u, &p), rc);
    bool shown = p;
    mcu_pic_unref(&p);
    return shown;
}

/* ---- AV1 ---- */

/* Every unit shows its picture at once, with its times. */
static void av1_decodes_without_delay(void **state)
{
    struct mcu_vdec *d = open_dec(MCU_CODEC_AV1);
    for (int n = 0; n < UNITS; n++) {
        struct mcu_pic *p = NULL;
        assert_int_equal(mcu_vdec_decode(d, av1[n], &p), 0);
        assert_non_null(p);
        assert_int_equal(p->width, W);
        assert_int_equal(p->height, H);
        assert_int_equal(p->time_ns, av1[n]->time_ns);
        assert_int_equal(p->sent_ns, av1[n]->sent_ns);
        assert_true(scene_psnr(scenes[n], p) > 30);
        mcu_pic_unref(&p);
    }
    mcu_vdec_free(&d);
}

static void av1_header_tells_size_and_keyframes(void **state)
{
    for (int n = 0; n < UNITS; n++) {
        struct mcu_vhead head;
        bool key = n == 0 || n == KEY2;
        assert_int_equal(mcu_vhead_parse(&head, MCU_CODEC_AV1, av1[n]->data, av1[n]->size), 0);
        assert_int_equal(head.start, key ? MCU_VSTART_KEY : MCU_VSTART_NONE);
        assert_int_equal(head.coded_width, key ? W : 0);
        assert_int_equal(head.coded_height, key ? H : 0);
        assert_int_equal(head.slices, 1);
    }
}

static void av1_waits_for_a_keyframe_at_first_and_after_a_gap(void **state)
{
    struct mcu_vdec *d = open_dec(MCU_CODEC_AV1);
    for (int n = 5; n < KEY2; n++)
        assert_false(shows(d, av1[n], -EBADMSG));
    assert_true(shows(d, av1[KEY2], 0));
    assert_true(shows(d, av1[KEY2 + 1], 0));
    struct mcu_unit *u = unit_of(MCU_CODEC_AV1, av1[KEY2 + 3]->data, av1[KEY2 + 3]->size);
    u->gap_before = true;
    assert_false(shows(d, u, -EBADMSG));
    assert_false(shows(d, av1[KEY2 + 4], -EBADMSG));
    assert_true(shows(d, av1[0], 0));
    assert_true(shows(d, av1[1], 0));
    mcu_unit_unref(&u);
    mcu_vdec_free(&d);
}

static size_t heap_in_use(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

/* The size in the sequence header is made as large as its bits allow. */
static void av1_too_large_is_refused_before_taking_memory(void **state)
{
    struct mcu_vdec *d = NULL;
    assert_int_equal(mcu_vdec_new(&d, MCU_CODEC_AV1, W, H), 0);
    assert_true(shows(d, av1[0], 0));
    AVCodecContext *c = open_encoder("libaom-av1", 2 * W, 2 * H, aom_options);
    struct mcu_pic *big;
    assert_int_equal(mcu_pic_new(&big, 2 * W, 2 * H), 0);
    scene_draw(big, 0);
    struct mcu_unit *u = encode(c, MCU_CODEC_AV1, big, 0, true);
    size_t before = heap_in_use();
    assert_false(shows(d, u, -EFBIG));
    assert_true(heap_in_use() - before < 100000);
    assert_true(shows(d, av1[KEY2], 0));
    mcu_unit_unref(&u);
    mcu_pic_unref(&big);
    avcodec_free_context(&c);
    mcu_vdec_free(&d);
}

static uint32_t seed = 7;

static uint32_t rnd(void)
{
    return seed = scene_hash(seed + 0x9e3779b9U);
}

static void av1_survives_damage_and_recovers(void **state)
{
    struct mcu_vdec *d = open_dec(MCU_CODEC_AV1);
    for (int round = 0; round < 100; round++) {
        for (int n = 0; n < 6; n++) {
            struct mcu_unit *u = unit_of(MCU_CODEC_AV1, av1[n]->data, av1[n]->size);
            struct mcu_pic *p = NULL;
            if (rnd() % 3 == 0)
                u->size = rnd() % (u->size + 1);
            for (unsigned k = rnd() % 6; k > 0 && u->size; k--)
                u->data[rnd() % u->size] ^= (uint8_t)(1u << rnd() % 8);
            int rc = mcu_vdec_decode(d, u, &p);
            assert_true(rc == 0 || (!p && (rc == -EBADMSG || rc == -EFBIG)));
            mcu_pic_unref(&p);
            mcu_unit_unref(&u);
        }
        assert_true(shows(d, av1[KEY2], 0));
        assert_true(shows(d, av1[KEY2 + 1], 0));
    }
    mcu_vdec_free(&d);
}

/* Pictures live on without their decoder: their memory is libdav1d's. */
static void av1_pictures_outlive_the_decoder(void **state)
{
    struct mcu_vdec *d = open_dec(MCU_CODEC_AV1);
    struct mcu_pic *p[4];
    for (int n = 0; n < 4; n++)
        assert_int_equal(mcu_vdec_decode(d, av1[n], &p[n]), 0);
    mcu_vdec_free(&d);
    for (int n = 0; n < 4; n++) {
        assert_true(scene_psnr(scenes[n], p[n]) > 30);
        mcu_pic_unref(&p[n]);
    }
}

/* As a browser's packets: OBUs without sizes, in packets of 200 bytes, no delimiter. */
static struct mcu_unit *through_rtp(struct mcu_depay *d, const struct mcu_unit *unit, uint32_t ts)
{
    struct mcu_cursor c = mcu_cursor(unit->data, unit->size);
    struct mcu_unit *out = NULL;
    struct mcu_obu obu;
    uint8_t p[256];
    static int64_t seq;
    while (mcu_obu_next(&c, &obu) > 0) {
        uint8_t bare[65536];
        size_t bytes = obu.size + 1;
        if (obu.type == MCU_OBU_DELIMITER)
            continue;
        bare[0] = (uint8_t)(obu.type << 3);
        memcpy(bare + 1, obu.data, obu.size);
        for (size_t at = 0, n; at < bytes; at += n) {
            n = mcu_min((int)(bytes - at), 199);
            bool more = at + n < bytes;
            p[0] = (uint8_t)(0x10 | (at ? 0x80 : 0) | (more ? 0x40 : 0));
            memcpy(p + 1, bare + at, n);
            mcu_depay_push(d, p, n + 1, ts, !more && mcu_cursor_left(&c) == 0, false, seq++, &out);
        }
    }
    return out;
}

static void av1_is_the_same_through_rtp(void **state)
{
    struct mcu_vdec *dec = open_dec(MCU_CODEC_AV1);
    struct mcu_depay *d = NULL;
    assert_int_equal(mcu_depay_new(&d, MCU_CODEC_AV1, NULL, 0, 0), 0);
    for (int n = 0; n < UNITS; n++) {
        struct mcu_unit *u = through_rtp(d, av1[n], (uint32_t)n * 3000);
        struct mcu_pic *p = NULL;
        assert_non_null(u);
        assert_int_equal(u->keyframe, n == 0 || n == KEY2);
        assert_int_equal(mcu_vdec_decode(dec, u, &p), 0);
        assert_true(scene_psnr(scenes[n], p) > 30);
        mcu_pic_unref(&p);
        mcu_unit_unref(&u);
    }
    mcu_depay_free(&d);
    mcu_vdec_free(&dec);
}

/* ---- VP9 ---- */

/* Three spatial layers, each twice the size of the one below, as browsers set them up. */
static void open_svc(vpx_codec_ctx_t *ctx)
{
    vpx_codec_enc_cfg_t g;
    vpx_svc_extra_cfg_t svc = { .temporal_layering_mode = 0 };
    assert_int_equal(vpx_codec_enc_config_default(vpx_codec_vp9_cx(), &g, 0), VPX_CODEC_OK);
    g.g_w = 2 * W;
    g.g_h = 2 * H;
    g.g_timebase = (vpx_rational_t){ 1, 30 };
    g.g_lag_in_frames = 0;
    g.g_error_resilient = 1;
    g.kf_mode = VPX_KF_DISABLED;
    g.rc_end_usage = VPX_CBR;
    g.rc_target_bitrate = 900;
    g.ss_number_layers = 3;
    g.ts_number_layers = 1;
    g.ts_rate_decimator[0] = 1;
    for (int i = 0; i < 3; i++) {
        g.ss_target_bitrate[i] = g.layer_target_bitrate[i] = 300u;
        svc.max_quantizers[i] = 50;
        svc.min_quantizers[i] = 2;
        svc.scaling_factor_num[i] = 1 << i;
        svc.scaling_factor_den[i] = 4;
        svc.speed_per_layer[i] = 8;
    }
    assert_int_equal(vpx_codec_enc_init(ctx, vpx_codec_vp9_cx(), &g, 0), VPX_CODEC_OK);
    assert_int_equal(vpx_codec_control(ctx, VP8E_SET_CPUUSED, 8), VPX_CODEC_OK);
    assert_int_equal(vpx_codec_control(ctx, VP9E_SET_SVC, 1), VPX_CODEC_OK);
    assert_int_equal(vpx_codec_control(ctx, VP9E_SET_SVC_PARAMETERS, &svc), VPX_CODEC_OK);
}

static struct mcu_unit *encode_svc(vpx_codec_ctx_t *ctx, const struct mcu_pic *pic, int n)
{
    vpx_image_t img;
    vpx_codec_iter_t it = NULL;
    const vpx_codec_cx_pkt_t *p;
    vpx_img_wrap(&img, VPX_IMG_FMT_I420, 2 * W, 2 * H, 1, pic->plane[0]);
    for (int i = 0; i < 3; i++) {
        img.planes[i] = pic->plane[i];
        img.stride[i] = pic->stride[i];
    }
    assert_int_equal(vpx_codec_encode(ctx, &img, n, 1, 0, VPX_DL_REALTIME), VPX_CODEC_OK);
    while ((p = vpx_codec_get_cx_data(ctx, &it)))
        if (p->kind == VPX_CODEC_CX_FRAME_PKT)
            return unit_of(MCU_CODEC_VP9, p->data.frame.buf, p->data.frame.sz);
    fail();
    return NULL;
}

/* The frames of a superframe, each in packets of its own (RFC 9628 4.2: B, E, SID), as a sender
 * does that has layers. Returns what comes out. */
static struct mcu_unit *layers_through_rtp(struct mcu_depay *d, const struct mcu_unit *u, int n)
{
    uint8_t marker = u->data[u->size - 1];
    int count = (marker & 7) + 1, bytes = (marker >> 3 & 3) + 1;
    const uint8_t *sizes = u->data + u->size - 1 - count * bytes, *at = u->data;
    struct mcu_unit *out = NULL;
    static int64_t seq;
    assert_int_equal(marker & 0xe0, 0xc0);
    assert_int_equal(count, 3);
    for (int layer = 0; layer < count; layer++) {
        size_t left = 0;
        for (int k = 0; k < bytes; k++)
            left |= (size_t)*sizes++ << 8 * k;
        for (bool first = true; left; first = false) {
            size_t take = (size_t)mcu_min((int)left, 500);
            bool end = take == left;
            uint8_t p[600] = { (uint8_t)(0xa0 | (n ? 0x40 : 0) | (first ? 8 : 0) | (end ? 4 : 0)),
                               (uint8_t)(0x80 | n >> 8), (uint8_t)n, (uint8_t)(layer << 1), 0 };
            memcpy(p + 5, at, take);
            at += take;
            left -= take;
            mcu_depay_push(d, p, take + 5, (uint32_t)n * 3000, end && layer == 2, false, seq++,
                           &out);
        }
    }
    return out;
}

static void vp9_spatial_layers_show_the_largest(void **state)
{
    vpx_codec_ctx_t ctx;
    struct mcu_depay *d = NULL;
    struct mcu_vdec *dec = open_dec(MCU_CODEC_VP9);
    struct mcu_pic *pic;
    open_svc(&ctx);
    assert_int_equal(mcu_pic_new(&pic, 2 * W, 2 * H), 0);
    assert_int_equal(mcu_depay_new(&d, MCU_CODEC_VP9, NULL, 0, 0), 0);
    for (int n = 0; n < 20; n++) {
        struct mcu_pic *out = NULL;
        struct mcu_vhead head;
        scene_draw(pic, n);
        struct mcu_unit *u = encode_svc(&ctx, pic, n), *r = layers_through_rtp(d, u, n);
        assert_non_null(r);
        assert_int_equal(r->size, u->size); /* the index is as libvpx made it */
        assert_memory_equal(r->data, u->data, u->size);
        assert_int_equal(r->keyframe, n == 0);
        assert_int_equal(mcu_vhead_parse(&head, MCU_CODEC_VP9, r->data, r->size), 0);
        assert_int_equal(head.slices, 3);
        assert_int_equal(head.start == MCU_VSTART_KEY, n == 0);
        assert_int_equal(mcu_vdec_decode(dec, r, &out), 0);
        assert_non_null(out);
        assert_int_equal(out->width, 2 * W);
        assert_true(scene_psnr(pic, out) > 28);
        mcu_pic_unref(&out);
        mcu_unit_unref(&u);
        mcu_unit_unref(&r);
    }
    mcu_pic_unref(&pic);
    mcu_depay_free(&d);
    mcu_vdec_free(&dec);
    vpx_codec_destroy(&ctx);
}

/* Headers by hand (VP9 6.2): sizes of 65536 in a keyframe, an intra-only frame and an inter frame. */
static void vp9_too_large_is_refused_before_taking_memory(void **state)
{
    static const struct {
        uint8_t data[16];
        size_t size;
    } cases[] = {
        { { 0x82, 0x49, 0x83, 0x42, 0x0f, 0xff, 0xff, 0xff, 0xf0 }, 9 },
        { { 0x84, 0x89, 0x30, 0x68, 0x40, 0x1f, 0xff, 0xff, 0xff, 0xe0 }, 10 },
        { { 0x86, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0x80 }, 9 },
    };
    struct mcu_vdec *d = open_dec(MCU_CODEC_VP9);
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++) {
        struct mcu_vhead head;
        assert_int_equal(mcu_vhead_parse(&head, MCU_CODEC_VP9, cases[i].data, cases[i].size), 0);
        assert_int_equal(head.coded_width, 65536);
        assert_int_equal(head.coded_height, 65536);
        struct mcu_unit *u = unit_of(MCU_CODEC_VP9, cases[i].data, cases[i].size);
        size_t before = heap_in_use();
        assert_false(shows(d, u, -EFBIG));
        assert_true(heap_in_use() - before < 100000);
        mcu_unit_unref(&u);
    }
    mcu_vdec_free(&d);
}

static void vp9_superframes_that_lie_are_refused(void **state)
{
    static const uint8_t cases[][8] = {
        { 0x86, 0, 0xc1, 2, 1, 0xc1 }, /* 3 bytes of frames, there are 2 */
        { 0x86, 0, 0xc1, 0, 0, 0xc1 }, /* nothing at all */
        { 0xc7, 0, 0, 0, 0, 0, 0, 0xc7 },
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++) {
        struct mcu_vhead head;
        size_t n = i == 2 ? 8 : 6;
        assert_int_equal(mcu_vhead_parse(&head, MCU_CODEC_VP9, cases[i], n), -EBADMSG);
    }
}

/* ---- H.264 ---- */

/* What browsers offer: constrained baseline, baseline, main, high; in both packetization modes. */
static void h264_of_every_profile_decodes_in_both_modes(void **state)
{
    static const struct {
        const char *params;
        int idc;
    } cases[] = {
        { "no-8x8dct=1:cabac=0:bframes=0:weightp=0", 66 },
        { "no-8x8dct=1:bframes=0", 77 },
        { "bframes=0", 100 },
        { "8x8dct=1:bframes=0:ref=4:weightp=2:cqm=jvt", 100 },
    };
    for (size_t i = 0; i < 2 * MCU_ARRAY_LEN(cases); i++) {
        static const char *const profiles[] = { "baseline", "main", "high", "high" };
        const char *options[] = { "preset", "veryfast", "tune", "zerolatency", "profile",
                                  profiles[i / 2], "x264-params", cases[i / 2].params, NULL };
        bool mode1 = i % 2;
        char params[128];
        snprintf(params, sizeof(params), "%s%s", cases[i / 2].params,
                 mode1 ? "" : ":slice-max-size=1150");
        options[7] = params;
        AVCodecContext *c = open_encoder("libx264", W, H, options);
        struct mcu_vdec *dec = open_dec(MCU_CODEC_H264);
        struct mcu_depay *d = NULL;
        struct mcu_pay pay;
        assert_int_equal(mcu_depay_new(&d, MCU_CODEC_H264, NULL, 0, 0), 0);
        mcu_pay_init(&pay, MCU_CODEC_H264, mode1, 1200);
        for (int n = 0; n < 12; n++) {
            struct mcu_unit *u = encode(c, MCU_CODEC_H264, scenes[n], n, false), *r = NULL;
            struct mcu_pic *p = NULL;
            uint8_t buf[1500];
            bool last;
            struct mcu_nal nal;
            size_t pos = 0;
            while (n == 0 && mcu_annexb_next(u->data, u->size, &pos, &nal))
                if (nal.type == MCU_NAL_SPS)
                    assert_int_equal(nal.data[1], cases[i / 2].idc);
            assert_int_equal(mcu_pay_begin(&pay, u), 0);
            for (int k; (k = mcu_pay_next(&pay, buf, sizeof(buf), &last)) > 0;)
                mcu_depay_push(d, buf, (size_t)k, (uint32_t)n * 3000, last, false, 0, &r);
            assert_non_null(r);
            assert_int_equal(mcu_vdec_decode(dec, r, &p), 0);
            assert_non_null(p); /* at once */
            assert_true(scene_psnr(scenes[n], p) > 30);
            mcu_pic_unref(&p);
            mcu_unit_unref(&r);
            mcu_unit_unref(&u);
        }
        mcu_depay_free(&d);
        mcu_vdec_free(&dec);
        avcodec_free_context(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(av1_decodes_without_delay),
        cmocka_unit_test(av1_header_tells_size_and_keyframes),
        cmocka_unit_test(av1_waits_for_a_keyframe_at_first_and_after_a_gap),
        cmocka_unit_test(av1_too_large_is_refused_before_taking_memory),
        cmocka_unit_test(av1_survives_damage_and_recovers),
        cmocka_unit_test(av1_pictures_outlive_the_decoder),
        cmocka_unit_test(av1_is_the_same_through_rtp),
        cmocka_unit_test(vp9_spatial_layers_show_the_largest),
        cmocka_unit_test(vp9_too_large_is_refused_before_taking_memory),
        cmocka_unit_test(vp9_superframes_that_lie_are_refused),
        cmocka_unit_test(h264_of_every_profile_decodes_in_both_modes),
    };
    return cmocka_run_group_tests(tests, make_streams, free_streams);
}
