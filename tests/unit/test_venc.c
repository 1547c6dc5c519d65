#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/vdec.h"
#include "codec/venc.h"
#include "codec/vhead.h"
#include "mixer/base/util.h"
#include "tests/unit/scene.h"

enum { W = 320, H = 180, FPS = 30, SCENES = 60 };

static struct mcu_pic *scenes[SCENES];

static const struct mcu_venc_config configs[] = {
    { .codec = MCU_CODEC_H264, .backend = MCU_VENC_OPENH264 },
    { .codec = MCU_CODEC_H264, .backend = MCU_VENC_X264 },
    { .codec = MCU_CODEC_VP8, .backend = MCU_VENC_VPX },
    { .codec = MCU_CODEC_VP9, .backend = MCU_VENC_VPX },
};

static int draw_scenes(void **state)
{
    for (int i = 0; i < SCENES; i++) {
        if (mcu_pic_new(&scenes[i], W, H) < 0)
            return -1;
        scene_draw(scenes[i], i);
        scenes[i]->time_ns = 1000000000 + i * INT64_C(33333333);
    }
    return 0;
}

static int free_scenes(void **state)
{
    for (int i = 0; i < SCENES; i++)
        mcu_pic_unref(&scenes[i]);
    return mcu_unit_alive() == 0 ? 0 : -1;
}

/* Forth and back, so that motion never jumps. */
static struct mcu_pic *scene(int n)
{
    n %= 2 * SCENES - 2;
    return scenes[n < SCENES ? n : 2 * SCENES - 2 - n];
}

static struct mcu_venc *open_enc(size_t i, int bitrate)
{
    struct mcu_venc *e = NULL;
    struct mcu_venc_config c = configs[i];
    c.width = W;
    c.height = H;
    c.fps = FPS;
    c.bitrate_bps = bitrate;
    assert_int_equal(mcu_venc_new(&e, &c), 0);
    return e;
}

static struct mcu_unit *encode(struct mcu_venc *e, struct mcu_pic *p, bool key)
{
    struct mcu_unit *u = NULL;
    assert_int_equal(mcu_venc_encode(e, p, key, &u), 0);
    assert_non_null(u);
    return u;
}

static void venc_every_backend_round_trips_without_delay(void **state)
{
    for (size_t i = 0; i < MCU_ARRAY_LEN(configs); i++) {
        struct mcu_venc *e = open_enc(i, 400000);
        struct mcu_vdec *d = NULL;
        double least = 99;
        assert_int_equal(mcu_vdec_new(&d, configs[i].codec, 640, 360), 0);
        for (int n = 0; n < 60; n++) {
            struct mcu_unit *u = encode(e, scene(n), false);
            struct mcu_pic *out = NULL;
            assert_int_equal(u->codec, configs[i].codec);
            assert_int_equal(u->time_ns, scene(n)->time_ns);
            assert_int_equal(mcu_vdec_decode(d, u, &out), 0);
            assert_non_null(out); /* at once */
            assert_int_equal(out->width, W);
            assert_int_equal(out->height, H);
            assert_int_equal(out->time_ns, scene(n)->time_ns);
            assert_int_equal(out->matrix, MCU_MATRIX_BT601);
            assert_false(out->full_range);
            double psnr = scene_psnr(scene(n), out);
            least = n >= 10 && psnr < least ? psnr : least;
            mcu_pic_unref(&out);
            mcu_unit_unref(&u);
        }
        assert_true(least > 31);
        mcu_vdec_free(&d);
        mcu_venc_free(&e);
    }
}

/* The scene changes wholly now and then: no backend may answer with a keyframe of its own. */
static void venc_keyframes_come_when_asked_and_only_then(void **state)
{
    struct mcu_pic *black;
    assert_int_equal(mcu_pic_new(&black, W, H), 0);
    mcu_pic_fill(black, 16, 128, 128);
    for (size_t i = 0; i < MCU_ARRAY_LEN(configs); i++) {
        struct mcu_venc *e = open_enc(i, 400000);
        for (int n = 0; n < 400; n++) {
            bool ask = n == 77 || n == 78 || n == 300;
            struct mcu_unit *u = encode(e, n % 50 < 5 ? black : scene(n * 7), ask);
            assert_int_equal(u->keyframe, ask || n == 0);
            struct mcu_vhead head;
            assert_int_equal(mcu_vhead_parse(&head, u->codec, u->data, u->size), 0);
            assert_int_equal(head.start == MCU_VSTART_KEY, ask || n == 0);
            assert_int_equal(head.coded_width > 0, ask || n == 0); /* SPS in band */
            mcu_unit_unref(&u);
        }
        mcu_venc_free(&e);
    }
    mcu_pic_unref(&black);
}

static void check_nals(const struct mcu_unit *u, size_t limit)
{
    struct mcu_nal nal;
    size_t pos = 0, bytes = 0;
    bool sps = false, pps = false;
    while (mcu_annexb_next(u->data, u->size, &pos, &nal)) {
        assert_true(nal.size <= limit);
        sps |= nal.type == MCU_NAL_SPS;
        pps |= nal.type == MCU_NAL_PPS && sps;
        bytes += 4 + nal.size;
    }
    assert_int_equal(bytes, u->size); /* every start code has 4 bytes */
    assert_int_equal(sps && pps, u->keyframe);
}

/* Pure noise at a rate that lets macroblocks be large. */
static void venc_no_nal_is_larger_than_the_limit(void **state)
{
    static const int limits[] = { 500, 1180 };
    struct mcu_pic *noise;
    uint32_t seed = 1;
    assert_int_equal(mcu_pic_new(&noise, W, H), 0);
    for (size_t k = 0; k < 2 * MCU_ARRAY_LEN(limits); k++) {
        struct mcu_venc *e;
        struct mcu_venc_config c = configs[k % 2];
        c.width = W;
        c.height = H;
        c.fps = FPS;
        c.bitrate_bps = 20000000;
        c.max_nal_bytes = limits[k / 2];
        assert_int_equal(mcu_venc_new(&e, &c), 0);
        for (int n = 0; n < 20; n++) {
            for (int y = 0; y < H; y++)
                for (int x = 0; x < W; x++)
                    noise->plane[0][y * noise->stride[0] + x] = (uint8_t)scene_hash(seed++);
            struct mcu_unit *u = encode(e, n % 4 == 3 ? scene(n) : noise, n == 10);
            check_nals(u, (size_t)c.max_nal_bytes);
            mcu_unit_unref(&u);
        }
        mcu_venc_free(&e);
    }
    mcu_pic_unref(&noise);
}

static void venc_is_constrained_baseline_of_the_level_given(void **state)
{
    for (size_t i = 0; i < 2; i++) {
        struct mcu_venc *e;
        struct mcu_venc_config c = configs[i];
        struct mcu_nal nal;
        struct mcu_sps sps;
        size_t pos = 0;
        c.width = W;
        c.height = H;
        c.fps = FPS;
        c.bitrate_bps = 400000;
        c.level_idc = 32; /* no backend would choose it for this size */
        assert_int_equal(mcu_venc_new(&e, &c), 0);
        struct mcu_unit *u = encode(e, scene(0), true);
        assert_true(mcu_annexb_next(u->data, u->size, &pos, &nal));
        assert_int_equal(nal.type, MCU_NAL_SPS);
        assert_int_equal(mcu_sps_parse(&sps, nal.data, nal.size), 0);
        assert_int_equal(sps.profile_idc, 66);
        assert_int_equal(nal.data[2] & 0xc0, 0xc0); /* constraint sets 0 and 1 */
        assert_int_equal(sps.level_idc, 32);
        assert_int_equal(sps.width, W);
        assert_int_equal(sps.height, H);
        assert_int_equal(sps.reorder_frames, 0); /* said, so that receivers do not wait */
        mcu_unit_unref(&u);
        mcu_venc_free(&e);
    }
}

static long second(struct mcu_venc *e, int *n)
{
    long bits = 0;
    for (int i = 0; i < FPS; i++, (*n)++) {
        struct mcu_unit *u = encode(e, scene(*n), false);
        bits += (long)u->size * 8;
        mcu_unit_unref(&u);
    }
    return bits;
}

static void venc_holds_its_bitrate_and_follows_changes(void **state)
{
    static const int rates[] = { 400000, 150000, 600000 };
    for (size_t i = 0; i < MCU_ARRAY_LEN(configs); i++) {
        struct mcu_venc *e = open_enc(i, rates[0]);
        int n = 0;
        for (size_t r = 0; r < MCU_ARRAY_LEN(rates); r++) {
            mcu_venc_set_bitrate(e, rates[r]);
            second(e, &n);
            second(e, &n);
            long bits = second(e, &n);
            bits += second(e, &n);
            print_message("%s %d: %ld\n", mcu_venc_backend_name(e), rates[r], bits / 2);
            assert_in_range(bits / 2, rates[r] * 0.90, rates[r] * 1.05);
        }
        mcu_venc_free(&e);
    }
}

static void venc_refuses_what_it_cannot(void **state)
{
    struct mcu_venc *e = NULL;
    struct mcu_unit *u = NULL;
    struct mcu_venc_config c = { .codec = MCU_CODEC_H264, .width = W, .height = H, .fps = FPS,
                                 .bitrate_bps = 400000 };
    c.backend = MCU_VENC_VPX;
    assert_int_equal(mcu_venc_new(&e, &c), -ENOSYS);
    c.backend = MCU_VENC_AUTO;
    c.codec = MCU_CODEC_AV1;
    assert_int_equal(mcu_venc_new(&e, &c), -ENOSYS);
    c.codec = MCU_CODEC_OPUS;
    assert_int_equal(mcu_venc_new(&e, &c), -ENOSYS);
    c.codec = MCU_CODEC_H264;
    c.width = W + 1;
    assert_int_equal(mcu_venc_new(&e, &c), -EINVAL);
    c.width = W * 2;
    assert_int_equal(mcu_venc_new(&e, &c), 0);
    assert_string_equal(mcu_venc_backend_name(e), "openh264");
    assert_int_equal(mcu_venc_encode(e, scene(0), true, &u), -EINVAL);
    assert_null(u);
    mcu_venc_free(&e);
    mcu_venc_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(venc_every_backend_round_trips_without_delay),
        cmocka_unit_test(venc_keyframes_come_when_asked_and_only_then),
        cmocka_unit_test(venc_no_nal_is_larger_than_the_limit),
        cmocka_unit_test(venc_is_constrained_baseline_of_the_level_given),
        cmocka_unit_test(venc_holds_its_bitrate_and_follows_changes),
        cmocka_unit_test(venc_refuses_what_it_cannot),
    };
    return cmocka_run_group_tests(tests, draw_scenes, free_scenes);
}
