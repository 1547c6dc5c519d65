/* tests/bench/codecs.c - what coding costs with the libraries that the server uses.
 *
 *   bench_codecs [--quick] FILE     FILE: raw I420 of 1280x720, many pictures
 *
 * Pictures: a 3x3 canvas of nine parts of the clip, each a few pictures apart, through every
 * encoder at one rate: ms a picture, kbit/s, and PSNR of what its decoder shows (mean and worst
 * picture). Sound: us a tick of 20 ms for decoding, encoding and mixing. One JSON object a line. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/adec.h"
#include "codec/aenc.h"
#include "codec/vdec.h"
#include "codec/venc.h"
#include "mixer/amix.h"
#include "mixer/base/pcm.h"
#include "mixer/base/util.h"
#include "mixer/view.h"

#define WIDTH    1280
#define HEIGHT   720
#define FPS      30
#define BPS      1500000
#define MOST     90
#define TILES    9
#define APART    7 /* pictures between what two tiles show */

static double cpu_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void *must(void *p)
{
    if (!p) {
        fprintf(stderr, "bench_codecs: out of memory\n");
        exit(1);
    }
    return p;
}

/* ---- the canvas ---- */

static int read_clip(const char *path, struct mcu_pic **pics, int most)
{
    FILE *f = fopen(path, "rb");
    int n = 0;
    for (bool whole = f != NULL; whole && n < most; n += whole) {
        if (mcu_pic_new(&pics[n], WIDTH, HEIGHT) < 0)
            exit(1);
        for (int k = 0; k < 3; k++)
            for (int y = 0; y < mcu_pic_plane_h(pics[n], k); y++) {
                size_t w = (size_t)mcu_pic_plane_w(pics[n], k);
                whole &= fread(pics[n]->plane[k] + (ptrdiff_t)y * pics[n]->stride[k], 1, w, f) == w;
            }
        if (!whole)
            mcu_pic_unref(&pics[n]);
    }
    if (f)
        fclose(f);
    return n;
}

static void compose(struct mcu_pic *const *clip, struct mcu_pic **canvas, int n)
{
    struct mcu_view_config config = {
        .width = WIDTH, .height = HEIGHT, .border = 2, .names = true
    };
    struct mcu_view *view = NULL;
    struct mcu_rect rects[MCU_LAYOUT_MAX_TILES];
    struct mcu_tile tiles[TILES];
    if (mcu_view_new(&view, &config) < 0)
        exit(1);
    mcu_layout_place(MCU_LAYOUT_GRID, TILES, WIDTH, HEIGHT, rects);
    for (int i = 0; i < n; i++) {
        struct mcu_pic *out = NULL;
        for (int t = 0; t < TILES; t++)
            tiles[t] = (struct mcu_tile){ .rect = rects[t], .pic = clip[(i + APART * t) % n],
                                          .pic_id = (uint64_t)(i * TILES + t + 1),
                                          .speaking = t == 0, .name = "Élodie Dupont" };
        if (mcu_view_compose(view, tiles, TILES, NULL, i, &out) < 0 ||
            mcu_pic_new(&canvas[i], WIDTH, HEIGHT) < 0)
            exit(1);
        mcu_pic_copy(canvas[i], out);
        mcu_pic_unref(&out);
    }
    mcu_view_free(&view);
}

/* ---- encoders ---- */

static double psnr(const struct mcu_pic *a, const struct mcu_pic *b)
{
    double error = 0;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int d = a->plane[0][y * a->stride[0] + x] - b->plane[0][y * b->stride[0] + x];
            error += d * d;
        }
    return 10 * log10(255.0 * 255 * WIDTH * HEIGHT / fmax(error, 1));
}

static void measure_encoder(struct mcu_pic *const *canvas, int n, enum mcu_codec codec,
                            enum mcu_venc_backend backend)
{
    struct mcu_venc_config config = { .codec = codec, .backend = backend, .width = WIDTH,
                                      .height = HEIGHT, .fps = FPS, .bitrate_bps = BPS };
    struct mcu_venc *enc = NULL;
    struct mcu_vdec *dec = NULL;
    if (mcu_venc_new(&enc, &config) < 0 || mcu_vdec_new(&dec, codec, WIDTH, HEIGHT) < 0)
        exit(1);
    double enc_ms = 0, dec_ms = 0, sum_db = 0, worst_db = 99, bytes = 0, key_bytes = 0;
    int shown = 0;
    for (int i = 0; i < n; i++) {
        struct mcu_unit *unit = NULL;
        struct mcu_pic *pic = NULL;
        double begin = cpu_ms();
        if (mcu_venc_encode(enc, canvas[i], i == 0, &unit) < 0)
            continue;
        enc_ms += cpu_ms() - begin;
        bytes += (double)unit->size;
        key_bytes = i == 0 ? (double)unit->size : key_bytes;
        begin = cpu_ms();
        if (mcu_vdec_decode(dec, unit, &pic) == 0 && pic) {
            dec_ms += cpu_ms() - begin;
            double db = psnr(canvas[i], pic);
            sum_db += db;
            worst_db = fmin(worst_db, db);
            shown++;
        }
        mcu_pic_unref(&pic);
        mcu_unit_unref(&unit);
    }
    printf("{\"bench\": \"encoders\", \"who\": \"%s\", \"codec\": \"%s\", \"ms\": %.3f, "
           "\"decode_ms\": %.3f, \"kbps\": %.0f, \"key_kbytes\": %.1f, \"psnr_db\": %.2f, "
           "\"worst_db\": %.2f, \"frames\": %d, \"of\": %d}\n", mcu_venc_backend_name(enc),
           mcu_codec_info(codec)->name, enc_ms / n, dec_ms / fmax(shown, 1),
           bytes * 8e-3 * FPS / n, key_bytes / 1000, sum_db / fmax(shown, 1), worst_db, shown, n);
    fflush(stdout);
    mcu_venc_free(&enc);
    mcu_vdec_free(&dec);
}

static void measure_encoders(const char *path, int most)
{
    static struct mcu_pic *clip[MOST], *canvas[MOST];
    int n = read_clip(path, clip, most);
    if (n == 0) {
        fprintf(stderr, "bench_codecs: %s holds no picture of %dx%d\n", path, WIDTH, HEIGHT);
        exit(1);
    }
    compose(clip, canvas, n);
    measure_encoder(canvas, n, MCU_CODEC_H264, MCU_VENC_OPENH264);
    measure_encoder(canvas, n, MCU_CODEC_H264, MCU_VENC_X264);
    measure_encoder(canvas, n, MCU_CODEC_VP8, MCU_VENC_VPX);
    measure_encoder(canvas, n, MCU_CODEC_VP9, MCU_VENC_VPX);
    for (int i = 0; i < n; i++) {
        mcu_pic_unref(&clip[i]);
        mcu_pic_unref(&canvas[i]);
    }
}

/* ---- sound ---- */

/* Something like a voice: harmonics of a gliding tone, in syllables. */
static void make_voice(int16_t *pcm, int tick, int seed)
{
    for (int i = 0; i < MCU_PCM_TICK_FRAMES; i++) {
        double t = (tick * MCU_PCM_TICK_FRAMES + i) / 48000.0 + seed, x = 0;
        double pitch = 120 + 7 * seed + 20 * sin(2 * t);
        for (int k = 1; k < 12; k++)
            x += sin(2 * M_PI * k * pitch * t) / k;
        double level = 1200 * fmax(0, sin(9 * t)) + 30;
        pcm[2 * i] = pcm[2 * i + 1] = (int16_t)(x * level + rand() % 40);
    }
}

static void sound_row(const char *what, double ms, int calls)
{
    printf("{\"bench\": \"sound\", \"what\": \"%s\", \"us\": %.2f}\n", what, ms * 1000 / calls);
}

static void measure_sound_codec(const char *name, enum mcu_codec codec, int channels, int ticks)
{
    struct mcu_aenc_config config = { .codec = codec, .channels = channels, .frame_ms = 20,
                                      .complexity = -1 };
    struct mcu_aenc *enc = NULL;
    struct mcu_adec *dec = NULL;
    int16_t pcm[2 * MCU_PCM_TICK_FRAMES], *out = must(calloc(2 * MCU_ADEC_MAX_FRAMES, 2));
    uint8_t data[MCU_AENC_MAX_BYTES];
    double enc_ms = 0, dec_ms = 0;
    char what[64];
    if (mcu_aenc_new(&enc, &config) < 0 || mcu_adec_new(&dec, codec, 2) < 0)
        exit(1);
    for (int tick = 0; tick < ticks; tick++) {
        make_voice(pcm, tick, 0);
        double begin = cpu_ms();
        int n = mcu_aenc_encode(enc, pcm, 2, false, data);
        double between = cpu_ms();
        if (n > 0)
            mcu_adec_decode(dec, data, (size_t)n, out);
        enc_ms += between - begin;
        dec_ms += cpu_ms() - between;
    }
    snprintf(what, sizeof(what), "encode %s", name);
    sound_row(what, enc_ms, ticks);
    snprintf(what, sizeof(what), "decode %s", name);
    sound_row(what, dec_ms, ticks);
    free(out);
    mcu_aenc_free(&enc);
    mcu_adec_free(&dec);
}

/* All heard, each with a mix-minus, and one mix for the others. */
static void measure_mix(int talkers, int ticks)
{
    int16_t (*pcm)[2 * MCU_PCM_TICK_FRAMES] = must(calloc((size_t)talkers, sizeof(*pcm)));
    struct mcu_limiter *limiter = must(calloc((size_t)talkers + 1, sizeof(*limiter)));
    int16_t out[2 * MCU_PCM_TICK_FRAMES];
    struct mcu_amix *mix = NULL;
    char what[64];
    if (mcu_amix_new(&mix, 2, talkers) < 0)
        exit(1);
    for (int i = 0; i < talkers; i++)
        make_voice(pcm[i], 1, i);
    double begin = cpu_ms();
    for (int tick = 0; tick < ticks; tick++) {
        mcu_amix_begin(mix);
        for (int i = 0; i < talkers; i++)
            mcu_amix_add(mix, pcm[i], 1, 1);
        for (int i = -1; i < talkers; i++)
            mcu_amix_output(mix, i, &limiter[i + 1], out);
    }
    snprintf(what, sizeof(what), "mix %d talkers, %d outputs", talkers, talkers + 1);
    sound_row(what, cpu_ms() - begin, ticks);
    mcu_amix_free(&mix);
    free(limiter);
    free(pcm);
}

static void measure_sound(int ticks)
{
    measure_sound_codec("Opus stereo 64k", MCU_CODEC_OPUS, 2, ticks);
    measure_sound_codec("Opus mono 32k", MCU_CODEC_OPUS, 1, ticks);
    measure_sound_codec("G.722", MCU_CODEC_G722, 1, ticks);
    measure_sound_codec("PCMU", MCU_CODEC_PCMU, 1, ticks);
    measure_mix(3, ticks);
    measure_mix(50, ticks);
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && !strcmp(argv[1], "--quick");
    const char *path = argc > 1 + quick ? argv[1 + quick] : NULL;
    if (path)
        measure_encoders(path, quick ? 6 : MOST);
    measure_sound(quick ? 20 : 1000);
    return 0;
}
