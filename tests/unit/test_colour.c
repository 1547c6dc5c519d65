/* What samples mean: a plain patch keeps its colour through every pair of codecs, whatever the sender
 * makes of it, as long as he says so in the stream or beside it. */
#include "line_harness.h"

#include <math.h>
#include <stdio.h>

#include "codec/vdec.h"
#include "codec/venc.h"
#include "mixer/base/util.h"
#include "mixer/scale.h"
#include "net/rtp_ext.h"

#define W        64
#define H        64
#define OFF_MOST 3 /* of 255, in each of red, green and blue */

struct rgb {
    int r, g, b;
};

static const struct rgb patches[] = { { 200, 30, 30 }, { 30, 160, 40 },   { 40, 60, 220 },
                                      { 210, 190, 30 }, { 110, 110, 110 }, { 230, 120, 30 } };
static const enum mcu_codec codecs[] = { MCU_CODEC_VP8, MCU_CODEC_VP9, MCU_CODEC_H264 };
static const struct mcu_colour meanings[] = {
    { .known = false, .matrix = MCU_MATRIX_BT601 }, /* as all assume of what says nothing */
    { .known = true, .matrix = MCU_MATRIX_BT601, .full_range = true },
    { .known = true, .matrix = MCU_MATRIX_BT709 },
    { .known = true, .matrix = MCU_MATRIX_BT709, .full_range = true }, /* a browser's canvas */
};

/* ITU-R BT.601-7 2.5 and BT.709-6 3, by floating point and apart from the scaler's own tables. */
static void weights(enum mcu_matrix m, double *kr, double *kb)
{
    *kr = m == MCU_MATRIX_BT709 ? 0.2126 : 0.299;
    *kb = m == MCU_MATRIX_BT709 ? 0.0722 : 0.114;
}

static void fill(struct mcu_pic *p, struct rgb c, struct mcu_colour as)
{
    double kr, kb, r = c.r / 255.0, g = c.g / 255.0, b = c.b / 255.0;
    weights(as.matrix, &kr, &kb);
    double y = kr * r + (1 - kr - kb) * g + kb * b;
    double black = as.full_range ? 0 : 16, ys = as.full_range ? 255 : 219;
    double cs = as.full_range ? 255 : 224;
    mcu_pic_fill(p, (uint8_t)lrint(black + ys * y),
                 (uint8_t)mcu_clamp((int)lrint(128 + cs * (b - y) / (2 * (1 - kb))), 0, 255),
                 (uint8_t)mcu_clamp((int)lrint(128 + cs * (r - y) / (2 * (1 - kr))), 0, 255));
}

/* How far the middle of a picture of BT.601, limited range, is from a colour. */
static int distance(const struct mcu_pic *p, struct rgb c)
{
    double kr, kb;
    weights(MCU_MATRIX_BT601, &kr, &kb);
    double y = (p->plane[0][H / 2 * p->stride[0] + W / 2] - 16) / 219.0;
    double u = (p->plane[1][H / 4 * p->stride[1] + W / 4] - 128) / 224.0;
    double v = (p->plane[2][H / 4 * p->stride[2] + W / 4] - 128) / 224.0;
    double r = y + 2 * (1 - kr) * v, b = y + 2 * (1 - kb) * u;
    double g = (y - kr * r - kb * b) / (1 - kr - kb);
    double off = fmax(fabs(r * 255 - c.r), fmax(fabs(g * 255 - c.g), fabs(b * 255 - c.b)));
    return (int)lrint(off);
}

/* Through a codec and back; the unit says `said`. The picture is consumed. */
static struct mcu_pic *through(struct mcu_pic *p, enum mcu_codec codec, struct mcu_colour said)
{
    struct mcu_venc_config config = { .codec = codec, .width = W, .height = H, .fps = 30,
                                      .bitrate_bps = 2000000 };
    struct mcu_venc *enc = NULL;
    struct mcu_vdec *dec = NULL;
    struct mcu_unit *u = NULL;
    struct mcu_pic *out = NULL;
    assert_int_equal(mcu_venc_new(&enc, &config), 0);
    assert_int_equal(mcu_vdec_new(&dec, codec, W, H), 0);
    assert_int_equal(mcu_venc_encode(enc, p, true, &u), 0);
    u->colour = said;
    assert_int_equal(mcu_vdec_decode(dec, u, &out), 0);
    assert_non_null(out);
    mcu_unit_unref(&u);
    mcu_pic_unref(&p);
    mcu_venc_free(&enc);
    mcu_vdec_free(&dec);
    return out;
}

static struct mcu_pic *onto_canvas(struct mcu_pic *p)
{
    struct mcu_scaler *scaler = NULL;
    struct mcu_pic *canvas = NULL;
    struct mcu_rect all = { 0, 0, W, H };
    assert_int_equal(mcu_scaler_new(&scaler), 0);
    assert_int_equal(mcu_pic_new(&canvas, W, H), 0);
    assert_int_equal(mcu_scaler_run(scaler, p, all, canvas, all), 0);
    mcu_scaler_free(&scaler);
    mcu_pic_unref(&p);
    return canvas;
}

static void check_pair(struct rgb c, struct mcu_colour as, enum mcu_codec in, enum mcu_codec out)
{
    struct mcu_pic *p = NULL;
    assert_int_equal(mcu_pic_new(&p, W, H), 0);
    fill(p, c, as);
    p = onto_canvas(through(p, in, as));
    p = through(p, out, (struct mcu_colour){ 0 });
    assert_true(p->matrix == MCU_MATRIX_BT601 && !p->full_range);
    if (distance(p, c) > OFF_MOST)
        fail_msg("%d %d %d from %s to %s is %d off", c.r, c.g, c.b, mcu_codec_info(in)->name,
                 mcu_codec_info(out)->name, distance(p, c));
    mcu_pic_unref(&p);
}

static void a_patch_keeps_its_colour_through_every_pair_of_codecs(void **state)
{
    for (size_t i = 0; i < MCU_ARRAY_LEN(patches); i++)
        for (size_t m = 0; m < MCU_ARRAY_LEN(meanings); m++)
            for (size_t in = 0; in < MCU_ARRAY_LEN(codecs); in++)
                for (size_t out = 0; out < MCU_ARRAY_LEN(codecs); out++)
                    check_pair(patches[i], meanings[m], codecs[in], codecs[out]);
}

/* ---- what a browser says beside the stream ---- */

#define COLOUR_ID 8

static struct mcu_colour got;
static int got_count;

static void note_colour(struct mcu_unit *u, void *arg)
{
    got = u->colour;
    got_count++;
    mcu_unit_unref(&u);
}

static const struct mcu_line_events colour_events = { .send = note_send, .unit = note_colour,
                                                      .keyframe_wanted = note_keyframe };

struct sender {
    struct harness h;
    uint16_t seq;
    uint32_t ts;
};

static void open_sender(struct sender *s)
{
    struct mcu_line_config c = harness_config(MCU_CODEC_VP8);
    struct mcu_line *line = NULL;
    c.ext.colour = COLOUR_ID;
    memset(s, 0, sizeof(*s));
    harness_open(&s->h, &c);
    assert_int_equal(mcu_line_new(&line, &c, &s->h.clock, &colour_events, &s->h), 0);
    mcu_line_free(&s->h.line);
    s->h.line = line;
    got_count = 0;
}

/* One packet of VP8 (RFC 7741 4.2, 4.3), with the element where data is given. */
static void packet(struct sender *s, bool start, bool key, bool last, const uint8_t *data, size_t bytes)
{
    /* frame header: P bit, then its size and, in a keyframe, start code and 64x36 */
    const uint8_t payload[12] = { start ? 0x10 : 0, key ? 0x10 : 0x11, 2, 0, 0x9d, 0x01, 0x2a,
                                  64, 0, 36, 0 };
    struct mcu_rtp r = { .marker = last, .pt = 96, .seq = s->seq++, .ts = s->ts, .ssrc = PEER_SSRC };
    uint8_t buf[200];
    int n = mcu_rtp_write(&r, buf, sizeof(buf));
    if (data) {
        struct mcu_rtp_ext_writer x = mcu_rtp_ext_writer(buf, (size_t)n, sizeof(buf), false);
        memcpy(mcu_rtp_ext_put(&x, COLOUR_ID, bytes), data, bytes);
        n = mcu_rtp_ext_end(&x);
    }
    memcpy(buf + n, payload, sizeof(payload));
    mcu_line_rtp(s->h.line, buf, (size_t)n + sizeof(payload), s->h.now_ns);
}

/* A picture of two packets; the second one carries the element. */
static struct mcu_colour picture(struct sender *s, bool key, const uint8_t *data, size_t bytes)
{
    int before = got_count;
    s->h.now_ns += 33 * MS;
    s->ts += 3000;
    packet(s, true, key, false, NULL, 0);
    packet(s, false, key, true, data, bytes);
    assert_int_equal(got_count, before + 1);
    return got;
}

static void what_is_said_holds_until_the_next_keyframe(void **state)
{
    static const uint8_t canvas[] = { 1, 13, 1, 0x20 }, camera[] = { 6, 6, 6, 0x10 };
    struct sender s;
    open_sender(&s);
    struct mcu_colour c = picture(&s, true, canvas, 4);
    assert_true(c.known && c.matrix == MCU_MATRIX_BT709 && c.full_range);
    c = picture(&s, false, NULL, 0);
    assert_true(c.known && c.matrix == MCU_MATRIX_BT709 && c.full_range);
    c = picture(&s, false, camera, 4); /* it may change in between */
    assert_true(c.known && c.matrix == MCU_MATRIX_BT601 && !c.full_range);
    c = picture(&s, false, NULL, 0);
    assert_true(c.known && !c.full_range);
    c = picture(&s, true, NULL, 0);
    assert_false(c.known);
    c = picture(&s, false, NULL, 0);
    assert_false(c.known);
    harness_close(&s.h);
}

static void what_says_nothing_we_know_is_no_word(void **state)
{
    static const struct {
        uint8_t data[4];
        size_t size;
    } words[] = { { { 1, 1, 1 }, 3 }, { { 1, 1, 1 }, 1 }, { { 9, 16, 9, 0x10 }, 4 },
                  { { 2, 2, 2, 0 }, 4 }, { { 1, 13, 0, 0x20 }, 4 }, { { 255, 255, 255, 255 }, 4 } };
    for (size_t i = 0; i < MCU_ARRAY_LEN(words); i++) {
        struct sender s;
        open_sender(&s);
        assert_false(picture(&s, true, words[i].data, words[i].size).known);
        harness_close(&s.h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_patch_keeps_its_colour_through_every_pair_of_codecs),
        cmocka_unit_test(what_is_said_holds_until_the_next_keyframe),
        cmocka_unit_test(what_says_nothing_we_know_is_no_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
