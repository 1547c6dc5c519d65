/* tests/bench/stream.c - makes the coded streams that scripts/bench sends, before anything is measured.
 *
 *   bench_stream video CLIP WxH BPS OUT   CLIP (raw I420, 1280x720), forth and back, as VP8; each round
 *                                         begins with a keyframe, and there is one in its middle
 *   bench_stream audio PCM OUT            16 bit mono of 48 kHz as Opus, 32 kbit/s */
#include "codec/aenc.h"
#include "codec/venc.h"
#include "mixer/base/pcm.h"
#include "mixer/scale.h"
#include "net/payload.h"
#include "tests/bench/clip.h"

#define MTU_PAYLOAD 1200

static struct mcu_pic *scaled(struct mcu_scaler *scaler, struct mcu_pic *pic, int width, int height)
{
    struct mcu_pic *out;
    struct mcu_rect from = { 0, 0, pic->width, pic->height }, to = { 0, 0, width, height };
    if (mcu_pic_new(&out, width, height) < 0 || mcu_scaler_run(scaler, pic, from, out, to) < 0)
        clip_die("cannot scale", "");
    return out;
}

static void write_unit(FILE *f, struct mcu_pay *pay, const struct mcu_unit *unit, uint32_t ts)
{
    uint8_t buf[MTU_PAYLOAD + 64];
    bool last = false;
    mcu_pay_begin(pay, unit);
    for (int n; (n = mcu_pay_next(pay, buf, sizeof(buf), &last)) != 0;)
        if (n > 0)
            clip_write(f, ts, last, buf, (size_t)n);
}

static void make_video(const char *clip, const char *size, int bps, FILE *f)
{
    static struct mcu_pic *pics[CLIP_MOST];
    struct mcu_venc_config config = { .codec = MCU_CODEC_VP8, .fps = CLIP_FPS, .bitrate_bps = bps };
    struct mcu_scaler *scaler;
    struct mcu_venc *enc;
    struct mcu_pay pay;
    int n = clip_read(clip, pics, CLIP_MOST);
    if (sscanf(size, "%dx%d", &config.width, &config.height) != 2 || mcu_scaler_new(&scaler) < 0 ||
        mcu_venc_new(&enc, &config) < 0)
        clip_die("cannot encode", size);
    mcu_pay_init(&pay, MCU_CODEC_VP8, false, MTU_PAYLOAD);
    for (int i = 0; i < 2 * n - 2; i++) {
        struct mcu_pic *pic = scaled(scaler, pics[clip_at(i, n)], config.width, config.height);
        struct mcu_unit *unit;
        if (mcu_venc_encode(enc, pic, i % (n - 1) == 0, &unit) < 0)
            clip_die("cannot encode", size);
        write_unit(f, &pay, unit, (uint32_t)(i * (90000 / CLIP_FPS)));
        mcu_unit_unref(&unit);
        mcu_pic_unref(&pic);
    }
    mcu_venc_free(&enc);
    mcu_scaler_free(&scaler);
    for (int i = 0; i < n; i++)
        mcu_pic_unref(&pics[i]);
}

static void make_audio(const char *path, FILE *f)
{
    struct mcu_aenc_config config = { .codec = MCU_CODEC_OPUS, .channels = 1, .frame_ms = 20,
                                      .complexity = -1 };
    struct mcu_aenc *enc;
    size_t size, block = MCU_PCM_TICK_FRAMES * sizeof(int16_t);
    uint8_t *pcm = clip_load(path, &size), data[MCU_AENC_MAX_BYTES];
    int16_t tick[MCU_PCM_TICK_FRAMES];
    if (mcu_aenc_new(&enc, &config) < 0)
        clip_die("cannot encode", path);
    for (size_t i = 0; (i + 1) * block <= size; i++) {
        memcpy(tick, pcm + i * block, block);
        int n = mcu_aenc_encode(enc, tick, 1, i == 0, data);
        if (n > 0)
            clip_write(f, (uint32_t)(i * MCU_PCM_TICK_FRAMES), false, data, (size_t)n);
    }
    free(pcm);
    mcu_aenc_free(&enc);
}

int main(int argc, char **argv)
{
    bool video = argc == 6 && !strcmp(argv[1], "video");
    if (!video && (argc != 4 || strcmp(argv[1], "audio")))
        clip_die("usage: bench_stream", "video CLIP WxH BPS OUT | audio PCM OUT");
    FILE *f = fopen(argv[argc - 1], "wb");
    if (!f)
        clip_die("cannot write", argv[argc - 1]);
    if (video)
        make_video(argv[2], argv[3], atoi(argv[4]), f);
    else
        make_audio(argv[2], f);
    return fclose(f) ? 1 : 0;
}
