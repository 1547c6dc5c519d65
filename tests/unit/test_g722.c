/* Unit tests of codec/g722.h, g711.h and resample.h: each against an independent reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <libavcodec/avcodec.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/g711.h"
#include "codec/g722.h"
#include "codec/resample.h"

#define N 32000 /* 2 s at 16 kHz */

/* Loud and quiet, tones and noise, and full-scale squares that saturate every limiter. */
static void fill(int16_t *pcm, int n)
{
    uint32_t seed = 1;
    for (int i = 0; i < n; i++) {
        seed = seed * 1664525 + 1013904223;
        double noise = (int32_t)seed / 2147483648.0;
        double gain = pow(10, -3.0 * ((i / 1600) % 5) / 4);
        double tone = sin(2 * M_PI * 440 * i / 16000) + sin(2 * M_PI * 5100 * i / 16000);
        double v = i < N / 2 ? 12000 * gain * tone : 32000 * gain * noise;
        if (i > N - 3200)
            v = (i / 23) & 1 ? 32767 : -32768;
        pcm[i] = (int16_t)lrint(v);
    }
}

static AVCodecContext *lav_open(const AVCodec *codec)
{
    AVCodecContext *ctx = avcodec_alloc_context3(codec);
    ctx->sample_rate = 16000;
    ctx->sample_fmt = AV_SAMPLE_FMT_S16;
    ctx->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_MONO;
    assert_int_equal(avcodec_open2(ctx, codec, NULL), 0);
    return ctx;
}

static void lav_encode(const int16_t *pcm, uint8_t *data)
{
    AVCodecContext *ctx = lav_open(avcodec_find_encoder(AV_CODEC_ID_ADPCM_G722));
    AVFrame *frame = av_frame_alloc();
    AVPacket *pkt = av_packet_alloc();
    for (int at = 0; at < N; at += 320) {
        frame->nb_samples = 320;
        frame->format = AV_SAMPLE_FMT_S16;
        frame->sample_rate = 16000;
        frame->ch_layout = ctx->ch_layout;
        assert_int_equal(av_frame_get_buffer(frame, 0), 0);
        memcpy(frame->data[0], pcm + at, 640);
        assert_int_equal(avcodec_send_frame(ctx, frame), 0);
        assert_int_equal(avcodec_receive_packet(ctx, pkt), 0);
        assert_int_equal(pkt->size, 160);
        memcpy(data + at / 2, pkt->data, 160);
        av_packet_unref(pkt);
        av_frame_unref(frame);
    }
    av_packet_free(&pkt);
    av_frame_free(&frame);
    avcodec_free_context(&ctx);
}

static void lav_decode(const uint8_t *data, int16_t *pcm)
{
    AVCodecContext *ctx = lav_open(avcodec_find_decoder(AV_CODEC_ID_ADPCM_G722));
    AVFrame *frame = av_frame_alloc();
    AVPacket *pkt = av_packet_alloc();
    for (int at = 0; at < N; at += 320) {
        assert_int_equal(av_new_packet(pkt, 160), 0);
        memcpy(pkt->data, data + at / 2, 160);
        assert_int_equal(avcodec_send_packet(ctx, pkt), 0);
        assert_int_equal(avcodec_receive_frame(ctx, frame), 0);
        assert_int_equal(frame->nb_samples, 320);
        memcpy(pcm + at, frame->data[0], 640);
        av_packet_unref(pkt);
    }
    av_packet_free(&pkt);
    av_frame_free(&frame);
    avcodec_free_context(&ctx);
}

static void g722_encoder_matches_libavcodec_bit_for_bit(void **state)
{
    static int16_t pcm[N];
    static uint8_t ours[N / 2], theirs[N / 2];
    struct mcu_g722 g;
    fill(pcm, N);
    mcu_g722_init(&g);
    mcu_g722_encode(&g, pcm, N / 2, ours);
    lav_encode(pcm, theirs);
    assert_memory_equal(ours, theirs, N / 2);
}

static void g722_decoder_matches_libavcodec_bit_for_bit(void **state)
{
    static int16_t pcm[N], ours[N], theirs[N];
    static uint8_t data[N / 2];
    struct mcu_g722 g;
    fill(pcm, N);
    mcu_g722_init(&g);
    mcu_g722_encode(&g, pcm, N / 2, data);
    for (int i = N / 4; i < N / 2; i += 3) /* and bytes that no encoder would send */
        data[i] = (uint8_t)((uint32_t)i * 2654435761u >> 13);
    mcu_g722_init(&g);
    mcu_g722_decode(&g, data, N / 2, ours);
    lav_decode(data, theirs);
    assert_memory_equal(ours, theirs, sizeof(ours));
}

/* Every value comes back as itself, larger samples never as smaller values, and the error is at
 * most half a step: 1/32 of the magnitude (u-law: of that plus 132), 8 in the first segment. */
static void g711_encodes_every_sample_within_half_a_step(void **state)
{
    for (int law = MCU_G711_ULAW; law <= MCU_G711_ALAW; law++) {
        int16_t value, again;
        for (int b = 0; b < 256; b++) {
            uint8_t byte = (uint8_t)b;
            mcu_g711_decode(law, &byte, 1, &value);
            mcu_g711_encode(law, &value, 1, &byte);
            mcu_g711_decode(law, &byte, 1, &again);
            assert_int_equal(value, again);
        }
        again = INT16_MIN;
        for (int v = -32768; v <= 32767; v++) {
            int16_t in = (int16_t)v;
            uint8_t byte;
            mcu_g711_encode(law, &in, 1, &byte);
            mcu_g711_decode(law, &byte, 1, &value);
            assert_true(value >= again);
            int bound = law == MCU_G711_ULAW ? (abs(v) + 132) / 32 + 1 : abs(v) / 32 + 9;
            if (abs(v) < 32200) /* above it all is clipped */
                assert_in_range(abs(value - v), 0, bound);
            again = value;
        }
    }
}

/* ITU-T G.711 tables 1 and 2: the ends, and silence. */
static void g711_has_the_values_of_the_standard(void **state)
{
    static const struct {
        enum mcu_g711_law law;
        uint8_t byte;
        int16_t value;
    } row[] = {
        { MCU_G711_ULAW, 0xff, 0 },      { MCU_G711_ULAW, 0x80, 32124 },
        { MCU_G711_ULAW, 0x00, -32124 }, { MCU_G711_ULAW, 0xfe, 8 },
        { MCU_G711_ALAW, 0xd5, 8 },      { MCU_G711_ALAW, 0x55, -8 },
        { MCU_G711_ALAW, 0xaa, 32256 },  { MCU_G711_ALAW, 0x2a, -32256 },
    };
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        int16_t v;
        mcu_g711_decode(row[i].law, &row[i].byte, 1, &v);
        assert_int_equal(v, row[i].value);
    }
}

static double power_at(const int16_t *pcm, int n, double hz, double rate)
{
    double re = 0, im = 0;
    for (int i = 0; i < n; i++) {
        double w = 1 - cos(2 * M_PI * i / n);
        re += w * pcm[i] * cos(2 * M_PI * hz * i / rate);
        im += w * pcm[i] * sin(2 * M_PI * hz * i / rate);
    }
    return 20 * log10(hypot(re, im) * 2 / n + 1e-9);
}

static void resampler_up_is_flat_and_removes_images(void **state)
{
    static int16_t low[1600], high[9600];
    for (int ratio = 3; ratio <= 6; ratio += 3) {
        double rate = 48000.0 / ratio;
        for (double hz = 100; hz < rate * 0.41; hz += rate / 40) {
            struct mcu_upsampler up;
            for (int i = 0; i < 1600; i++)
                low[i] = (int16_t)lrint(10000 * sin(2 * M_PI * hz * i / rate));
            mcu_upsampler_init(&up, ratio);
            mcu_upsample(&up, low, 1600, high);
            int n = 1600 * ratio - 960;
            assert_true(fabs(power_at(high + 960, n, hz, 48000) - 80) < 0.15);
            assert_true(power_at(high + 960, n, rate - hz, 48000) < 80 - 55);
        }
    }
}

static void resampler_down_is_flat_and_removes_aliases(void **state)
{
    static int16_t high[9600], low[3200];
    for (int ratio = 3; ratio <= 6; ratio += 3) {
        double rate = 48000.0 / ratio;
        for (double hz = 100; hz < 20000; hz += 373) {
            struct mcu_downsampler down;
            for (int i = 0; i < 9600; i++)
                high[i] = (int16_t)lrint(10000 * sin(2 * M_PI * hz * i / 48000));
            mcu_downsampler_init(&down, ratio);
            mcu_downsample(&down, high, 9600 / ratio, low);
            double alias = fabs(hz - rate * round(hz / rate));
            double got = power_at(low + 160, 9600 / ratio - 160, alias, rate);
            if (hz < rate * 0.41)
                assert_true(fabs(got - 80) < 0.15);
            if (hz > rate * 0.59)
                assert_true(got < 80 - 55);
        }
    }
}

/* From the phases of two tones close by: how much later a group of waves comes out, ms. */
static double group_delay_ms(const int16_t *in, const int16_t *out, int n, double hz, double step_hz,
                             double in_rate, double out_rate)
{
    double phase[2];
    for (int k = 0; k < 2; k++) {
        double re[2] = { 0 }, im[2] = { 0 }, f = hz + k * step_hz;
        for (int side = 0; side < 2; side++) {
            double rate = side ? out_rate : in_rate;
            int frames = (int)(n * rate / in_rate);
            for (int i = 0; i < frames; i++) {
                double w = 1 - cos(2 * M_PI * i / frames), a = 2 * M_PI * f * i / rate;
                re[side] += w * (side ? out : in)[i] * cos(a);
                im[side] -= w * (side ? out : in)[i] * sin(a);
            }
        }
        phase[k] = atan2(im[1], re[1]) - atan2(im[0], re[0]);
    }
    return -remainder(phase[1] - phase[0], 2 * M_PI) / (2 * M_PI * step_hz) * 1000;
}

/* Of the way through the server for a phone's voice, both ways of the resampler are 0.5 ms. */
static void resampler_delays_speech_by_next_to_nothing(void **state)
{
    static int16_t low[8000], high[48000], back[8000];
    for (double hz = 300; hz <= 3000; hz += 100) {
        struct mcu_upsampler up;
        struct mcu_downsampler down;
        mcu_upsampler_init(&up, 6);
        mcu_downsampler_init(&down, 6);
        for (int i = 0; i < 8000; i++)
            low[i] = (int16_t)lrint(5000 * (sin(2 * M_PI * hz * i / 8000) + sin(2 * M_PI * (hz + 20) * i / 8000)));
        mcu_upsample(&up, low, 8000, high);
        mcu_downsample(&down, high, 8000, back);
        double most = hz <= 1000 ? 0.3 : 0.6;
        assert_in_range(1000 * group_delay_ms(low, high, 8000, hz, 20, 8000, 48000), 0, 1000 * most);
        assert_in_range(1000 * group_delay_ms(high, back, 48000, hz, 20, 48000, 8000), 0, 1000 * most);
    }
}

static void resampler_computes_the_same_in_any_pieces(void **state)
{
    static int16_t in[4800], a[4800 * 6], b[4800 * 6];
    struct mcu_upsampler ua, ub;
    struct mcu_downsampler da, db;
    fill(in, 4800);
    mcu_upsampler_init(&ua, 6);
    mcu_upsampler_init(&ub, 6);
    mcu_upsample(&ua, in, 4800, a);
    for (int at = 0, n = 1; at < 4800; at += n, n = n % 331 + 7) {
        n = n < 4800 - at ? n : 4800 - at;
        mcu_upsample(&ub, in + at, n, b + at * 6);
    }
    assert_memory_equal(a, b, sizeof(a));
    mcu_downsampler_init(&da, 3);
    mcu_downsampler_init(&db, 3);
    mcu_downsample(&da, in, 1600, a);
    for (int at = 0, n = 1; at < 1600; at += n, n = n % 331 + 7) {
        n = n < 1600 - at ? n : 1600 - at;
        mcu_downsample(&db, in + at * 3, n, b + at);
    }
    assert_memory_equal(a, b, 1600 * sizeof(*a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(g722_encoder_matches_libavcodec_bit_for_bit),
        cmocka_unit_test(g722_decoder_matches_libavcodec_bit_for_bit),
        cmocka_unit_test(g711_encodes_every_sample_within_half_a_step),
        cmocka_unit_test(g711_has_the_values_of_the_standard),
        cmocka_unit_test(resampler_up_is_flat_and_removes_images),
        cmocka_unit_test(resampler_down_is_flat_and_removes_aliases),
        cmocka_unit_test(resampler_delays_speech_by_next_to_nothing),
        cmocka_unit_test(resampler_computes_the_same_in_any_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
