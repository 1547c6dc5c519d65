/* tests/bench/encoders.c - every video encoder of codec/venc.h on one canvas at one rate.
 *
 *   bench_encoders [--quick] CLIP      CLIP: raw I420 of 1280x720 (tests/bench/clip.h)
 *
 * The canvas is 3x3 with names: eight tiles of the clip, a few pictures apart, and in the middle a page of
 * text that is turned every second. Encoders miss the rate that is asked of them each in its own way, so it
 * is asked again in proportion until they make the same: quality is compared at equal bits. A keyframe is
 * forced in the middle. One JSON object a line:
 *   ms, decode_ms     processor time a picture, keyframes left out
 *   key_ms, key_kbytes   of the forced keyframe
 *   kbps, second_kbps    over all; the fullest second (the first, with its keyframe, left out)
 *   psnr_db, worst_db    luma, of the mean error; of the worst picture
 *   ssim, text_ssim      luma, windows of 8x8; of the page alone */
#include "codec/vdec.h"
#include "codec/venc.h"
#include "mixer/base/util.h"
#include "mixer/text.h"
#include "mixer/view.h"
#include "tests/bench/clip.h"

#define BPS   1500000
#define TILES 9
#define PAGE  4 /* its tile */
#define PAGES 8
#define MOST  (2 * CLIP_MOST - 2)
#define APART 7

struct scene {
    struct mcu_pic *canvas[MOST];
    struct mcu_rect page;
    int n;
};

struct result {
    double ms, decode_ms, key_ms, key_bytes, bytes, second_bytes, error, worst, ssim, text_ssim;
    int shown;
};

/* ---- the canvas ---- */

static void write_line(struct mcu_text *text, struct mcu_pic *pic, const char *words, int y)
{
    struct mcu_mask mask;
    if (mcu_text_render(text, words, 46, false, pic->width - 120, &mask) < 0)
        clip_die("out of memory", "");
    for (int v = 0; v < mask.height && y + v < pic->height; v++)
        for (int u = 0; u < mask.width; u++)
            pic->plane[0][(ptrdiff_t)(y + v) * pic->stride[0] + 60 + u] -=
                (uint8_t)(mask.alpha[v * mask.stride + u] * 190 / 255);
    mcu_mask_free(&mask);
}

/* Black on white; letters as large as the names' once it is in its tile. */
static struct mcu_pic *make_page(struct mcu_text *text, int number)
{
    static const char *const words[] = {
        "Encode each distinct picture once", "4.1 Results of the second quarter",
        "Où sont les clés ? Dans le tiroir", "Σ (xᵢ − x̄)² / (n − 1) = 0.618", "if (rc < 0) return rc; /* why */",
        "iIl1| O0 8B S5 rn m cl d", "Donaudampfschifffahrtsgesellschaft",
    };
    struct mcu_pic *pic;
    if (mcu_pic_new(&pic, CLIP_WIDTH, CLIP_HEIGHT) < 0)
        clip_die("out of memory", "");
    mcu_pic_fill(pic, 235, 128, 128);
    for (int i = 0; i < 8; i++)
        write_line(text, pic, words[(i * 3 + number) % (int)MCU_ARRAY_LEN(words)], 50 + i * 80);
    return pic;
}

static void compose(struct scene *s, struct mcu_pic *const *clip, int clips, int n)
{
    struct mcu_view_config look = { .width = CLIP_WIDTH, .height = CLIP_HEIGHT, .border = 2, .names = true };
    struct mcu_rect rects[MCU_LAYOUT_MAX_TILES];
    struct mcu_tile tiles[TILES];
    struct mcu_pic *page[PAGES];
    struct mcu_text *text;
    struct mcu_view *view;
    if (mcu_view_new(&view, &look) < 0 || mcu_text_new(&text) < 0)
        clip_die("out of memory", "");
    for (int i = 0; i < PAGES; i++)
        page[i] = make_page(text, i);
    mcu_layout_place(MCU_LAYOUT_GRID, TILES, CLIP_WIDTH, CLIP_HEIGHT, rects);
    s->page = rects[PAGE];
    for (s->n = 0; s->n < n; s->n++) {
        struct mcu_pic *out, **canvas = &s->canvas[s->n];
        for (int t = 0; t < TILES; t++)
            tiles[t] = (struct mcu_tile){ .rect = rects[t], .pic = clip[clip_at(s->n + APART * t, clips)],
                                          .pic_id = (uint64_t)(s->n * TILES + t + 1),
                                          .speaking = t == 0, .name = "Élodie Dupont" };
        tiles[PAGE].pic = page[s->n / CLIP_FPS % PAGES];
        tiles[PAGE].pic_id = (uint64_t)1 << 40 | (uint64_t)(s->n / CLIP_FPS);
        if (mcu_view_compose(view, tiles, TILES, NULL, s->n, &out) < 0 ||
            mcu_pic_new(canvas, CLIP_WIDTH, CLIP_HEIGHT) < 0)
            clip_die("cannot compose", "");
        mcu_pic_copy(*canvas, out);
        mcu_pic_unref(&out);
    }
    for (int i = 0; i < PAGES; i++)
        mcu_pic_unref(&page[i]);
    mcu_text_free(&text);
    mcu_view_free(&view);
}

/* ---- quality ---- */

static double squared_error(const struct mcu_pic *a, const struct mcu_pic *b)
{
    double error = 0;
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++) {
            int d = a->plane[0][y * a->stride[0] + x] - b->plane[0][y * b->stride[0] + x];
            error += d * d;
        }
    return error;
}

static double db(double error, double pictures)
{
    return 10 * log10(255.0 * 255 * CLIP_WIDTH * CLIP_HEIGHT * pictures / fmax(error, 1));
}

/* Of one window, as Wang et al. 2004 with equal weights. */
static double window_ssim(const uint8_t *a, int a_stride, const uint8_t *b, int b_stride)
{
    int sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
    for (int y = 0; y < 8; y++, a += a_stride, b += b_stride)
        for (int x = 0; x < 8; x++) {
            sa += a[x], sb += b[x];
            saa += a[x] * a[x], sbb += b[x] * b[x], sab += a[x] * b[x];
        }
    double ma = sa / 64.0, mb = sb / 64.0, va = saa / 64.0 - ma * ma, vb = sbb / 64.0 - mb * mb;
    double cov = sab / 64.0 - ma * mb, c1 = 6.5025, c2 = 58.5225; /* (0.01 * 255)^2, (0.03 * 255)^2 */
    return (2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
}

static double ssim(const struct mcu_pic *a, const struct mcu_pic *b, struct mcu_rect r)
{
    double sum = 0;
    int n = 0;
    for (int y = r.y; y + 8 <= r.y + r.h; y += 4)
        for (int x = r.x; x + 8 <= r.x + r.w; x += 4, n++)
            sum += window_ssim(a->plane[0] + (ptrdiff_t)y * a->stride[0] + x, a->stride[0],
                               b->plane[0] + (ptrdiff_t)y * b->stride[0] + x, b->stride[0]);
    return sum / fmax(n, 1);
}

static void judge(struct result *r, const struct scene *s, const struct mcu_pic *want,
                  const struct mcu_pic *got)
{
    double error = squared_error(want, got);
    r->error += error;
    r->worst = fmax(r->worst, error);
    r->ssim += ssim(want, got, (struct mcu_rect){ 0, 0, CLIP_WIDTH, CLIP_HEIGHT });
    r->text_ssim += ssim(want, got, s->page);
    r->shown++;
}

/* ---- one encoder ---- */

static void note_bytes(struct result *r, double *size, int i)
{
    double second = 0;
    r->bytes += size[i];
    for (int k = i; i >= 2 * CLIP_FPS - 1 && k > i - CLIP_FPS; k--)
        second += size[k];
    r->second_bytes = fmax(r->second_bytes, second);
}

static void encode_one(struct result *r, struct mcu_venc *enc, const struct mcu_pic *pic, bool key,
                       struct mcu_unit **unit)
{
    double begin = clip_cpu_ms();
    if (mcu_venc_encode(enc, pic, key, unit) < 0)
        clip_die("cannot encode with", mcu_venc_backend_name(enc));
    *(key ? &r->key_ms : &r->ms) += clip_cpu_ms() - begin;
    if (key)
        r->key_bytes = (double)(*unit)->size;
}

static struct result pass(const struct scene *s, struct mcu_venc_config config, bool quality)
{
    struct result r = { 0 };
    struct mcu_venc *enc;
    struct mcu_vdec *dec;
    double size[MOST];
    if (mcu_venc_new(&enc, &config) < 0 || mcu_vdec_new(&dec, config.codec, CLIP_WIDTH, CLIP_HEIGHT) < 0)
        clip_die("cannot make an encoder", "");
    for (int i = 0; i < s->n; i++) {
        struct mcu_unit *unit;
        struct mcu_pic *pic = NULL;
        if (i == s->n / 2)
            r.key_ms = 0;
        encode_one(&r, enc, s->canvas[i], i == 0 || i == s->n / 2, &unit);
        size[i] = (double)unit->size;
        note_bytes(&r, size, i);
        double begin = clip_cpu_ms();
        if (quality && mcu_vdec_decode(dec, unit, &pic) == 0 && pic) {
            r.decode_ms += clip_cpu_ms() - begin;
            judge(&r, s, s->canvas[i], pic);
        }
        mcu_pic_unref(&pic);
        mcu_unit_unref(&unit);
    }
    mcu_venc_free(&enc);
    mcu_vdec_free(&dec);
    return r;
}

static double kbps(const struct result *r, int n)
{
    return r->bytes * 8e-3 * CLIP_FPS / n;
}

static void measure(const struct scene *s, enum mcu_codec codec, enum mcu_venc_backend backend,
                    const char *name)
{
    struct mcu_venc_config config = { .codec = codec, .backend = backend, .width = CLIP_WIDTH,
                                      .height = CLIP_HEIGHT, .fps = CLIP_FPS, .bitrate_bps = BPS };
    struct result r = pass(s, config, false);
    double unasked = kbps(&r, s->n);
    for (int i = 0; i < 2 && s->n == MOST; i++) {
        config.bitrate_bps = (int)(config.bitrate_bps * (BPS / 1e3) / kbps(&r, s->n));
        r = pass(s, config, i == 1);
    }
    if (s->n < MOST)
        r = pass(s, config, true);
    double shown = fmax(r.shown, 1);
    printf("{\"bench\": \"encoders\", \"who\": \"%s\", \"codec\": \"%s\", \"ms\": %.3f, "
           "\"decode_ms\": %.3f, \"key_ms\": %.2f, \"key_kbytes\": %.1f, \"kbps\": %.0f, "
           "\"kbps_when_1500_asked\": %.0f, \"second_kbps\": %.0f, \"psnr_db\": %.2f, \"worst_db\": %.2f, "
           "\"ssim\": %.4f, \"text_ssim\": %.4f, \"pictures\": %d, \"ok\": %s}\n",
           name, mcu_codec_info(codec)->name, r.ms / (s->n - 2), r.decode_ms / shown, r.key_ms,
           r.key_bytes / 1000, kbps(&r, s->n), unasked, r.second_bytes * 8e-3, db(r.error, shown),
           db(r.worst, 1), r.ssim / shown, r.text_ssim / shown, r.shown,
           r.shown == s->n ? "true" : "false");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct mcu_pic *clip[CLIP_MOST];
    static struct scene scene;
    bool quick = argc == 3 && !strcmp(argv[1], "--quick");
    if (argc != 2 + quick)
        clip_die("usage: bench_encoders", "[--quick] CLIP");
    int n = clip_read(argv[1 + quick], clip, CLIP_MOST);
    compose(&scene, clip, n, quick ? 8 : MOST);
    measure(&scene, MCU_CODEC_H264, MCU_VENC_OPENH264, "openh264");
    measure(&scene, MCU_CODEC_H264, MCU_VENC_X264, "x264");
    measure(&scene, MCU_CODEC_VP8, MCU_VENC_VPX, "libvpx");
    measure(&scene, MCU_CODEC_VP9, MCU_VENC_VPX, "libvpx");
    return 0;
}
