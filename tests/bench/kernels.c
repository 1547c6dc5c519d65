/* tests/bench/kernels.c - ms to compose one 1280x720 canvas of N pictures of 720p: this program's
 * scaler and whole view, libyuv's box filter and libswscale's area filter where they are installed,
 * and the floor: the same bytes read once and written once by the widest loads and stores.
 *
 *   bench_kernels [--quick] [--cpu LEVEL] [--n N] [--photo FILE]
 *
 * LEVEL: of mixer/dsp/cpu.h. N: 2, 4, 9, 16 or 25 pictures only; 1: only the rows "ratios", which
 * fill canvases of other sizes with 8 pictures of other sizes, one after another (enlarging, libyuv's
 * box and libswscale's area are lines between two samples, ours a cubic through four). FILE: raw I420 of 1280x720, many pictures.
 *
 * All take turns within one run, and each turn reads another set of pictures than the one before:
 * no one finds its input in a cache that another has warmed. One JSON object a line. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libswscale/swscale.h>
#ifdef HAVE_LIBYUV
#include <libyuv/scale.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "mixer/base/util.h"
#include "mixer/dsp/cpu.h"
#include "mixer/scale.h"
#include "mixer/view.h"

#define WIDTH  1280
#define HEIGHT 720
#define SETS   4
#define MAX_N  MCU_LAYOUT_MAX_TILES
#define BYTES  (WIDTH * HEIGHT * 3 / 2)

struct work {
    int n, set, src_w, src_h;
    struct mcu_pic *src[SETS][MAX_N];
    struct mcu_rect from, to[MAX_N];
    struct mcu_pic *canvas;
    struct mcu_scaler *scaler[MAX_N];
    struct mcu_view *view;
    struct SwsContext *sws;
    uint64_t tick;
};

static volatile uint64_t sink;

/* ---- the contestants ---- */

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void read_all(const uint8_t *p, size_t bytes)
{
    __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
    const __m256i *v = (const __m256i *)p;
    for (size_t i = 0; i + 4 <= bytes / 32; i += 4) {
        a = _mm256_or_si256(a, _mm256_loadu_si256(v + i));
        b = _mm256_or_si256(b, _mm256_loadu_si256(v + i + 1));
        c = _mm256_or_si256(c, _mm256_loadu_si256(v + i + 2));
        d = _mm256_or_si256(d, _mm256_loadu_si256(v + i + 3));
    }
    a = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));
    sink += (uint64_t)_mm256_extract_epi64(a, 0);
}
#else
static void read_all(const uint8_t *p, size_t bytes)
{
    uint64_t sum = 0, v;
    for (size_t i = 0; i + 8 <= bytes; i += 8) {
        memcpy(&v, p + i, 8);
        sum |= v;
    }
    sink += sum;
}
#endif

static void run_floor(struct work *w)
{
    for (int i = 0; i < w->n; i++)
        for (int k = 0; k < 3; k++) {
            const struct mcu_pic *s = w->src[w->set][i];
            read_all(s->plane[k], (size_t)s->stride[k] * (size_t)mcu_pic_plane_h(s, k));
        }
    for (int i = 0; i < w->n; i++)
        for (int k = 0; k < 3; k++) {
            struct mcu_rect r = w->to[i];
            int half = k ? 1 : 0;
            for (int y = r.y >> half; y < (r.y + r.h) >> half; y++)
                memset(w->canvas->plane[k] + (ptrdiff_t)y * w->canvas->stride[k] + (r.x >> half), y,
                       (size_t)r.w >> half);
        }
}

static void run_scaler(struct work *w)
{
    for (int i = 0; i < w->n; i++)
        mcu_scaler_run(w->scaler[i], w->src[w->set][i], w->from, w->canvas, w->to[i]);
}

static void run_view(struct work *w)
{
    static const char *const names[] = { "Élodie Dupont", "Benoît Lefèvre", "Chloé Martin" };
    struct mcu_tile tiles[MAX_N];
    struct mcu_pic *out = NULL;
    w->tick++;
    for (int i = 0; i < w->n; i++)
        tiles[i] = (struct mcu_tile){ .rect = w->to[i], .pic = w->src[w->set][i],
                                      .pic_id = w->tick * 100 + (uint64_t)i, .speaking = i == 0,
                                      .name = names[i % 3] };
    if (mcu_view_compose(w->view, tiles, w->n, NULL, (int64_t)w->tick, &out) == 0)
        mcu_pic_unref(&out);
}

static const uint8_t *at(const struct mcu_pic *p, int k, struct mcu_rect r)
{
    int half = k ? 1 : 0;
    return p->plane[k] + (ptrdiff_t)(r.y >> half) * p->stride[k] + (r.x >> half);
}

#ifdef HAVE_LIBYUV
static void run_libyuv(struct work *w)
{
    for (int i = 0; i < w->n; i++) {
        const struct mcu_pic *s = w->src[w->set][i], *d = w->canvas;
        struct mcu_rect f = w->from, t = w->to[i];
        I420Scale(at(s, 0, f), s->stride[0], at(s, 1, f), s->stride[1], at(s, 2, f), s->stride[2],
                  f.w, f.h, (uint8_t *)(uintptr_t)at(d, 0, t), d->stride[0],
                  (uint8_t *)(uintptr_t)at(d, 1, t), d->stride[1],
                  (uint8_t *)(uintptr_t)at(d, 2, t), d->stride[2], t.w, t.h, kFilterBox);
    }
}
#endif

static void run_swscale(struct work *w)
{
    for (int i = 0; i < w->n; i++) {
        const struct mcu_pic *s = w->src[w->set][i], *d = w->canvas;
        const uint8_t *in[4] = { at(s, 0, w->from), at(s, 1, w->from), at(s, 2, w->from) };
        uint8_t *out[4];
        int in_stride[4] = { s->stride[0], s->stride[1], s->stride[2] };
        int out_stride[4] = { d->stride[0], d->stride[1], d->stride[2] };
        for (int k = 0; k < 3; k++)
            out[k] = (uint8_t *)(uintptr_t)at(d, k, w->to[i]);
        sws_scale(w->sws, in, in_stride, 0, w->from.h, out, out_stride);
    }
}

static const struct contestant {
    const char *name;
    void (*run)(struct work *w);
    bool judged; /* leaves its tiles in w->canvas */
} contestants[] = {
    { "floor", run_floor, false },
    { "tessera scaler", run_scaler, true },
    { "tessera view", run_view, false },
#ifdef HAVE_LIBYUV
    { "libyuv box", run_libyuv, true },
#endif
    { "swscale area", run_swscale, true },
};

#define CONTESTANTS ((int)MCU_ARRAY_LEN(contestants))

/* ---- what comes out ---- */

static double area(const struct mcu_pic *s, struct mcu_rect from, struct mcu_rect to, int x, int y)
{
    double rx = (double)from.w / to.w, ry = (double)from.h / to.h, sum = 0;
    for (int r = (int)(y * ry); r < from.h && r < (y + 1) * ry; r++)
        for (int c = (int)(x * rx); c < from.w && c < (x + 1) * rx; c++) {
            double h = fmin(r + 1, (y + 1) * ry) - fmax(r, y * ry);
            double w = fmin(c + 1, (x + 1) * rx) - fmax(c, x * rx);
            sum += w * h * s->plane[0][(from.y + r) * s->stride[0] + from.x + c];
        }
    return sum / (rx * ry);
}

/* Of what is made smaller: dB of the last tile's luma against the mean of the area that each sample
 * covers. */
static double judge(const struct work *w)
{
    struct mcu_rect to = w->to[w->n - 1];
    const struct mcu_pic *s = w->src[w->set][w->n - 1];
    double error = 0;
    for (int y = 0; y < to.h; y++)
        for (int x = 0; x < to.w; x++) {
            int got = w->canvas->plane[0][(to.y + y) * w->canvas->stride[0] + to.x + x];
            error += pow(got - area(s, w->from, to, x, y), 2);
        }
    return 10 * log10(255 * 255 / fmax(error / to.w / to.h, 1e-6));
}

/* ---- input and measuring ---- */

static struct mcu_pic *picture(FILE *photo, int seed, int w, int h)
{
    struct mcu_pic *p = NULL;
    if (mcu_pic_new(&p, w, h) < 0)
        exit(1);
    for (int k = 0; k < 3; k++)
        for (int y = 0; y < mcu_pic_plane_h(p, k); y++) {
            uint8_t *row = p->plane[k] + (ptrdiff_t)y * p->stride[k];
            size_t width = (size_t)mcu_pic_plane_w(p, k);
            if (photo && fread(row, 1, width, photo) == width)
                continue;
            for (int x = 0; x < (int)width; x++)
                row[x] = (uint8_t)(64 + (x + y + seed * 9) % 100 + rand() % 9);
        }
    return p;
}

static FILE *rewound(FILE *photo)
{
    fseek(photo, 0, SEEK_END);
    bool enough = ftell(photo) >= BYTES;
    rewind(photo);
    return enough ? photo : NULL;
}

/* n pictures a set, of src_w x src_h, onto w->to of a canvas. */
static void open_work(struct work *w, int n, int src_w, int src_h, struct mcu_rect canvas,
                      const char *path)
{
    struct mcu_view_config config = {
        .width = canvas.w, .height = canvas.h, .border = 2, .names = true
    };
    FILE *file = path ? fopen(path, "rb") : NULL;
    w->n = n;
    w->src_w = src_w;
    w->src_h = src_h;
    w->from = mcu_layout_crop(src_w, src_h, w->to[0].w, w->to[0].h);
    for (int i = 0; i < SETS * n; i++) {
        FILE *photo = file;
        if (file && feof(file))
            photo = rewound(file);
        w->src[i / n][i % n] = picture(photo, i, src_w, src_h);
    }
    for (int i = 0; i < n; i++)
        if (mcu_scaler_new(&w->scaler[i]) < 0)
            exit(1);
    w->sws = sws_getContext(w->from.w, w->from.h, AV_PIX_FMT_YUV420P, w->to[0].w, w->to[0].h,
                            AV_PIX_FMT_YUV420P, SWS_AREA, NULL, NULL, NULL);
    if (!w->sws || mcu_view_new(&w->view, &config) < 0 ||
        mcu_pic_new(&w->canvas, canvas.w, canvas.h) < 0)
        exit(1);
    mcu_pic_fill(w->canvas, 0, 128, 128);
    if (file)
        fclose(file);
}

static void close_work(struct work *w)
{
    for (int i = 0; i < SETS * w->n; i++)
        mcu_pic_unref(&w->src[i / w->n][i % w->n]);
    for (int i = 0; i < w->n; i++)
        mcu_scaler_free(&w->scaler[i]);
    sws_freeContext(w->sws);
    mcu_view_free(&w->view);
    mcu_pic_unref(&w->canvas);
}

static double cpu_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The middle of all turns of each contestant. */
static void measure(struct work *work, const char *bench, int turns)
{
    static double took[MCU_ARRAY_LEN(contestants)][1000];
    double db[MCU_ARRAY_LEN(contestants)] = { 0 };
    struct work w = *work;
    for (int turn = -1; turn < turns; turn++) /* the first one warms up */
        for (int i = 0; i < CONTESTANTS; i++) {
            w.set = (w.set + 1) % SETS;
            double begin = cpu_ms();
            contestants[i].run(&w);
            if (turn >= 0)
                took[i][turn] = cpu_ms() - begin;
            else if (contestants[i].judged && w.from.w >= w.to[0].w)
                db[i] = judge(&w);
        }
    for (int i = 0; i < CONTESTANTS; i++) {
        qsort(took[i], (size_t)turns, sizeof(double), by_value);
        double ms = took[i][turns / 2], mb = (double)w.n * w.src_w * w.src_h * 1.5e-6;
        printf("{\"bench\": \"%s\", \"n\": %d, \"who\": \"%s\", \"ms\": %.4f, "
               "\"p10_ms\": %.4f, \"x_floor\": %.2f, \"gb_s\": %.1f, \"psnr_db\": %.1f, "
               "\"from\": \"%dx%d\", \"to\": \"%dx%d\"}\n", bench, w.n, contestants[i].name, ms, took[i][turns / 10],
               ms / took[0][turns / 2], mb / ms, db[i], w.from.w, w.from.h, w.to[0].w, w.to[0].h);
    }
    fflush(stdout);
}

static void measure_grid(int n, int turns, const char *photo)
{
    struct work w = { 0 };
    n = mcu_layout_place(MCU_LAYOUT_GRID, n, WIDTH, HEIGHT, w.to);
    open_work(&w, n, WIDTH, HEIGHT, (struct mcu_rect){ 0, 0, WIDTH, HEIGHT }, photo);
    measure(&w, "kernels", turns);
    close_work(&w);
}

/* Eight pictures of one size, each filling a canvas of another: what no kernel of its own fits. */
static void measure_ratio(int src_w, int src_h, int dst_w, int dst_h, int turns)
{
    struct work w = { 0 };
    for (int i = 0; i < 8; i++)
        w.to[i] = (struct mcu_rect){ 0, 0, dst_w, dst_h };
    open_work(&w, 8, src_w, src_h, w.to[0], NULL);
    measure(&w, "ratios", turns);
    close_work(&w);
}

static void measure_ratios(int turns)
{
    static const int sizes[][4] = {
        { 352, 288, 320, 180 }, /* 1.1:1 */
        { 1280, 720, 960, 540 }, /* 4:3 */
        { 1280, 720, 854, 480 }, /* not quite 3:2 */
        { 1280, 720, 512, 288 }, /* 5:2 */
        { 1792, 1008, 512, 288 }, /* 7:2 */
        { 1920, 1080, 320, 180 }, /* 6:1 */
        { 640, 360, 960, 540 }, /* 2:3 */
        { 640, 360, 1280, 720 }, /* 1:2 */
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(sizes); i++)
        measure_ratio(sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3], turns);
}

int main(int argc, char **argv)
{
    static const int counts[] = { 2, 4, 9, 16, 25 };
    const char *photo = NULL;
    int turns = 100, only = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--quick"))
            turns = 3;
        else if (!strcmp(argv[i], "--cpu") && i + 1 < argc && mcu_cpu_mask_level(argv[++i]) < 0)
            return 1;
        else if (!strcmp(argv[i], "--n") && i + 1 < argc)
            only = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--photo") && i + 1 < argc)
            photo = argv[++i];
    }
    for (size_t i = 0; i < MCU_ARRAY_LEN(counts); i++)
        if (!only || only == counts[i])
            measure_grid(counts[i], turns, photo);
    if (!only || only == 1)
        measure_ratios(turns);
    return 0;
}
