#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/aenc.h"
#include "codec/venc.h"
#include "mixer/base/clock.h"
#include "mixer/base/pcm.h"
#include "mixer/base/util.h"
#include "tests/bench/load/load.h"

#define BURST_EVERY  (MCU_PCM_RATE_HZ / 4)
#define BURST_FRAMES (MCU_PCM_RATE_HZ * 6 / 100)
#define BURST_HZ     1000
#define BURST        9830 /* 0.3 */
#define LOUD         3000
#define QUIET        1000
#define QUIET_FRAMES (MCU_PCM_RATE_HZ * 6 / 100)
#define NOISE        18   /* -65 dBFS: a quiet room, below what is heard */
#define MAX_PAYLOAD  1200
#define WHITE        220
#define BLACK        30

static struct load_packet *new_packet(struct load_clip *c, const uint8_t *data, size_t size)
{
    if (c->count == c->capacity) {
        int n = c->capacity ? c->capacity * 2 : 256;
        struct load_packet *p = realloc(c->packets, (size_t)n * sizeof(*p));
        if (!p)
            abort();
        c->packets = p;
        c->capacity = n;
    }
    uint8_t *copy = malloc(size);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    struct load_packet *p = &c->packets[c->count++];
    *p = (struct load_packet){ .data = copy, .size = (uint16_t)size, .frame = c->frames,
                               .onset_frames = -1 };
    return p;
}

/* ---- sound ---- */

int load_onset_find(struct load_onset *o, const int16_t *pcm, int frames)
{
    int found = -1;
    for (int i = 0; i < frames; i++) {
        int x = abs(pcm[i]);
        if (x >= LOUD && o->quiet >= QUIET_FRAMES && found < 0)
            found = i;
        if (x >= LOUD)
            o->quiet = 0;
        else if (x < QUIET)
            o->quiet++;
    }
    return found;
}

static void make_bursts(int16_t *pcm, int64_t first)
{
    for (int i = 0; i < MCU_PCM_TICK_FRAMES; i++) {
        int64_t at = (first + i) % BURST_EVERY;
        pcm[i] = at < BURST_FRAMES
                     ? (int16_t)lrint(BURST * sin(2 * M_PI * BURST_HZ * (double)at / MCU_PCM_RATE_HZ))
                     : 0;
    }
}

static void make_noise(int16_t *pcm)
{
    for (int i = 0; i < MCU_PCM_TICK_FRAMES; i++)
        pcm[i] = (int16_t)(rand() % (2 * NOISE * 2 + 1) - NOISE * 2);
}

/* A tick of the clip's sound; the file is gone round. */
static void make_tick(const char *what, FILE *f, int64_t first, int16_t *pcm)
{
    size_t got = 0;
    if (!strcmp(what, "bursts")) {
        make_bursts(pcm, first);
    } else if (!strcmp(what, "noise")) {
        make_noise(pcm);
    } else if ((got = fread(pcm, sizeof(*pcm), MCU_PCM_TICK_FRAMES, f)) < MCU_PCM_TICK_FRAMES) {
        rewind(f);
        memset(pcm + got, 0, (MCU_PCM_TICK_FRAMES - got) * sizeof(*pcm));
    }
}

/* Where its bursts begin in what a receiver would decode; the clip is heard twice, as it goes round. */
static int mark_onsets(struct load_clip *c)
{
    int16_t pcm[MCU_ADEC_MAX_FRAMES];
    struct load_onset onset = { 0 };
    struct mcu_adec *dec;
    int rc = mcu_adec_new(&dec, c->codec, 1);
    if (rc < 0)
        return rc;
    for (int i = 0; i < 2 * c->count; i++) {
        struct load_packet *p = &c->packets[i % c->count];
        int n = mcu_adec_decode(dec, p->data, p->size, pcm);
        p->onset_frames = n > 0 ? load_onset_find(&onset, pcm, n) : -1;
    }
    mcu_adec_free(&dec);
    return 0;
}

int load_clip_sound(struct load_clip *c, enum mcu_codec codec, const char *file, double from_s,
                    double seconds)
{
    struct mcu_aenc_config config = { .codec = codec, .channels = 1, .frame_ms = 20,
                                      .complexity = -1 };
    bool made = !strcmp(file, "bursts") || !strcmp(file, "noise");
    FILE *f = made ? NULL : fopen(file, "rb");
    struct mcu_aenc *enc = NULL;
    int rc = !made && !f ? -ENOENT : mcu_aenc_new(&enc, &config);
    if (f)
        fseek(f, (long)(from_s * MCU_PCM_RATE_HZ) * 2, SEEK_SET);
    c->codec = codec;
    c->step_ns = MCU_PCM_TICK_NS;
    c->ts_step = (uint32_t)mcu_codec_info(codec)->rtp_clock_hz / 50;
    for (int i = 0; rc >= 0 && i < (int)(seconds * 50); i++) {
        int16_t pcm[MCU_PCM_TICK_FRAMES];
        uint8_t data[MCU_AENC_MAX_BYTES];
        make_tick(file, f, (int64_t)i * MCU_PCM_TICK_FRAMES, pcm);
        rc = mcu_aenc_encode(enc, pcm, 1, false, data);
        if (rc > 0)
            new_packet(c, data, (size_t)rc);
        c->frames++;
    }
    mcu_aenc_free(&enc);
    if (f)
        fclose(f);
    return rc < 0 ? rc : mark_onsets(c);
}

/* ---- pictures ---- */

static struct mcu_rect block_of(struct mcu_rect r, int i)
{
    int w = r.w / LOAD_CODE_BLOCKS;
    return (struct mcu_rect){ r.x + i * w, r.y + r.h * 7 / 16, w, r.h / 8 };
}

static void draw_block(struct mcu_pic *pic, struct mcu_rect b, int luma)
{
    for (int y = b.y; y < b.y + b.h; y++)
        memset(pic->plane[0] + y * pic->stride[0] + b.x, luma, (size_t)b.w);
    for (int k = 1; k < 3; k++)
        for (int y = b.y / 2; y < (b.y + b.h) / 2; y++)
            memset(pic->plane[k] + y * pic->stride[k] + b.x / 2, 128, (size_t)b.w / 2);
}

static int code_bit(int number, int block)
{
    if (block < 2)
        return block == 0;
    return block < LOAD_CODE_BLOCKS - 1 ? number >> (block - 2) & 1 : __builtin_parity((unsigned)number);
}

int load_code_read(const struct mcu_pic *pic, struct mcu_rect tile)
{
    int number = 0, bit = 0;
    for (int i = 0; i < LOAD_CODE_BLOCKS; i++) {
        struct mcu_rect b = block_of(tile, i);
        int sum = 0, n = 0;
        for (int y = b.y + b.h / 4; y < b.y + b.h * 3 / 4; y++)
            for (int x = b.x + b.w / 4; x < b.x + b.w * 3 / 4; x++, n++)
                sum += pic->plane[0][y * pic->stride[0] + x];
        bit = n > 0 && sum / n > (WHITE + BLACK) / 2;
        if (i < 2 && bit != code_bit(0, i))
            return -1;
        if (i >= 2 && i < LOAD_CODE_BLOCKS - 1)
            number |= bit << (i - 2);
    }
    return bit == __builtin_parity((unsigned)number) ? number : -1;
}

static bool read_picture(FILE *f, struct mcu_pic *pic)
{
    for (int k = 0; k < 3; k++)
        for (int y = 0; y < mcu_pic_plane_h(pic, k); y++)
            if (fread(pic->plane[k] + y * pic->stride[k], (size_t)mcu_pic_plane_w(pic, k), 1, f) != 1)
                return false;
    return true;
}

static int code_picture(struct load_clip *c, struct mcu_venc *enc, struct mcu_pay *pay,
                        struct mcu_pic *pic)
{
    uint8_t buf[4096];
    struct mcu_unit *unit;
    struct load_packet *p = NULL;
    bool last;
    int rc = mcu_venc_encode(enc, pic, c->frames == 0, &unit);
    if (rc < 0)
        return rc;
    mcu_pay_begin(pay, unit);
    for (int n; (n = mcu_pay_next(pay, buf, sizeof(buf), &last)) != 0;)
        if (n > 0) {
            p = new_packet(c, buf, (size_t)n);
            p->marker = last;
        }
    mcu_unit_unref(&unit);
    c->frames++;
    return 0;
}

int load_clip_pictures(struct load_clip *c, enum mcu_codec codec, const char *file, int width,
                       int height, int fps, int bps, bool code)
{
    struct mcu_venc_config config = { .codec = codec, .width = width, .height = height, .fps = fps,
                                      .bitrate_bps = bps };
    struct mcu_venc *enc = NULL;
    struct mcu_pic *pic = NULL;
    struct mcu_pay pay;
    FILE *f = fopen(file, "rb");
    int rc = f ? mcu_venc_new(&enc, &config) : -errno;
    if (rc >= 0)
        rc = mcu_pic_new(&pic, width, height);
    mcu_pay_init(&pay, codec, true, MAX_PAYLOAD);
    c->codec = codec;
    c->step_ns = MCU_NS_PER_S / fps;
    c->ts_step = (uint32_t)(90000 / fps);
    while (rc >= 0 && c->frames < LOAD_CODE_FRAMES && read_picture(f, pic)) {
        struct mcu_rect whole = { 0, 0, width, height };
        for (int i = 0; code && i < LOAD_CODE_BLOCKS; i++)
            draw_block(pic, block_of(whole, i), code_bit(c->frames, i) ? WHITE : BLACK);
        rc = code_picture(c, enc, &pay, pic);
    }
    mcu_pic_unref(&pic);
    mcu_venc_free(&enc);
    if (f)
        fclose(f);
    return rc < 0 ? rc : c->count > 0 ? 0 : -ENODATA;
}
