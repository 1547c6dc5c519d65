/* tests/bench/view.c - composes canvases of made-up callers: `bench_view` prints the processor
 * time of a tick, `bench_view N grid|speaker FILE [LOGO.png]` writes one canvas of N tiles as raw I420, 1280x720
 * (ffmpeg -f rawvideo -pix_fmt yuv420p -s 1280x720 -i FILE picture.png); `bench_view split` how soon a canvas
 * is there when its tiles are one job on the server's workers, and when they are two. */
#include <math.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mixer/base/clock.h"
#include "mixer/base/util.h"
#include "mixer/dsp/cpu.h"
#include "mixer/view.h"
#include "net/workers.h"

#define WIDTH  1280
#define HEIGHT 720

static const char *const names[] = {
    "Élodie Dupont", "Benoît Lefèvre", "+33 1 23 45 67 89", "Chloé Martin", "François Nguyen",
    "Zoë Müller-Schöneberg", "Salle du Conseil", "Inès Garçon", "Łukasz Żółć", "Anaïs Beauséjour",
    "Maximilien-François de la Rochefoucauld-Montmorency", "Дмитрий Иванов", "Hélène",
};

/* A room with somebody in it, more or less: soft gradients, a figure, and some fine detail. */
static void paint_caller(struct mcu_pic *p, int seed)
{
    float hue = (float)seed * 0.7f;
    for (int y = 0; y < p->height; y++) {
        for (int x = 0; x < p->width; x++) {
            float u = (float)x / (float)p->width, v = (float)y / (float)p->height;
            float base = 90 + 70 * u + 40 * v + 6 * sinf((float)x * 0.9f) * sinf((float)y * 0.6f);
            float head = hypotf((u - 0.5f) * 1.78f, v - 0.42f);
            float body = hypotf((u - 0.5f) * 1.2f, (v - 1.05f));
            if (body < 0.38f)
                base = 60 + 40 * u;
            if (head < 0.19f)
                base = 175 - 120 * head;
            p->plane[0][y * p->stride[0] + x] = (uint8_t)mcu_clamp((int)base, 16, 235);
            if (!(x & 1) && !(y & 1)) {
                float cu = head < 0.19f ? -14 : 26 * cosf(hue) - 12 * v;
                float cv = head < 0.19f ? 18 : 26 * sinf(hue) + 10 * u;
                p->plane[1][y / 2 * p->stride[1] + x / 2] = (uint8_t)(128 + cu);
                p->plane[2][y / 2 * p->stride[2] + x / 2] = (uint8_t)(128 + cv);
            }
        }
    }
}

static struct mcu_pic *caller(int i)
{
    static const int sizes[][2] = { { 1280, 720 }, { 640, 480 }, { 1280, 720 }, { 640, 360 },
                                    { 352, 288 }, { 720, 1280 } };
    const int *size = sizes[i % (int)MCU_ARRAY_LEN(sizes)];
    struct mcu_pic *p = NULL;
    if (mcu_pic_new(&p, size[0], size[1]) < 0)
        exit(1);
    paint_caller(p, i);
    return p;
}

static void write_canvas(const struct mcu_pic *p, const char *path)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        exit(1);
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < mcu_pic_plane_h(p, i); y++)
            fwrite(p->plane[i] + (ptrdiff_t)y * p->stride[i], 1, (size_t)mcu_pic_plane_w(p, i), f);
    fclose(f);
}

static struct mcu_view *new_view_of(int width, int height, bool crop)
{
    struct mcu_view_config config = {
        .width = width, .height = height, .crop = crop, .border = 2, .names = true
    };
    struct mcu_view *view = NULL;
    if (mcu_view_new(&view, &config) < 0)
        exit(1);
    return view;
}

static struct mcu_view *new_view(bool crop)
{
    return new_view_of(WIDTH, HEIGHT, crop);
}

static void show(int n, enum mcu_layout_kind kind, const char *path, const char *logo)
{
    struct mcu_rect rects[MCU_LAYOUT_MAX_TILES];
    struct mcu_tile tiles[MCU_LAYOUT_MAX_TILES];
    struct mcu_view *view = new_view(true);
    n = mcu_layout_place(kind, n, WIDTH, HEIGHT, rects);
    for (int i = 0; i < n; i++) {
        bool with_picture = i % 4 != 2 && i % 7 != 3;
        tiles[i] = (struct mcu_tile){ .rect = rects[i], .pic = with_picture ? caller(i) : NULL,
                                      .pic_id = (uint64_t)i + 1, .grey = i % 9 == 5,
                                      .speaking = i == (kind == MCU_LAYOUT_SPEAKER ? 0 : 1),
                                      .muted = i % 5 == 2, .hand = i % 6 == 3,
                                      .name = names[i % (int)MCU_ARRAY_LEN(names)] };
    }
    struct mcu_image *image = NULL;
    if (logo && (mcu_image_load(&image, logo) < 0 ||
                 mcu_view_set_logo(view, image, MCU_TOP_RIGHT, 10) < 0))
        exit(1);
    mcu_image_unref(&image);
    struct mcu_pic *canvas = NULL;
    if (mcu_view_compose(view, tiles, n, "En attente des participants…", 0, &canvas) < 0)
        exit(1);
    write_canvas(canvas, path);
    mcu_pic_unref(&canvas);
    for (int i = 0; i < n; i++) {
        struct mcu_pic *p = (struct mcu_pic *)(uintptr_t)tiles[i].pic;
        mcu_pic_unref(&p);
    }
    mcu_view_free(&view);
}

/* Processor time of this thread: what a tick costs, however busy the machine is. */
static int64_t cpu_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int compare_ns(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Every tile new in every tick, all sources of one size. Prints the middle tick. */
static void measure(const char *label, int n, int src_w, int src_h, bool crop)
{
    enum { TICKS = 60 };
    struct mcu_rect rects[MCU_LAYOUT_MAX_TILES];
    struct mcu_pic *src[MCU_LAYOUT_MAX_TILES];
    struct mcu_view *view = new_view(crop);
    n = mcu_layout_place(MCU_LAYOUT_GRID, n, WIDTH, HEIGHT, rects);
    for (int i = 0; i < n; i++) {
        if (mcu_pic_new(&src[i], src_w, src_h) < 0)
            exit(1);
        paint_caller(src[i], i);
    }
    int64_t took[TICKS];
    for (int tick = 0; tick < TICKS; tick++) {
        struct mcu_tile tiles[MCU_LAYOUT_MAX_TILES];
        int64_t start = cpu_ns();
        for (int i = 0; i < n; i++)
            tiles[i] = (struct mcu_tile){ .rect = rects[i], .pic = src[i],
                                          .pic_id = ((uint64_t)tick + 1) * 100 + (uint64_t)i,
                                          .speaking = i == 0, .name = names[i % 13] };
        struct mcu_pic *canvas = NULL;
        if (mcu_view_compose(view, tiles, n, NULL, tick, &canvas) == 0)
            mcu_pic_unref(&canvas);
        took[tick] = cpu_ns() - start;
    }
    qsort(took, TICKS, sizeof(took[0]), compare_ns);
    printf("%-34s %7.3f ms\n", label, (double)took[TICKS / 2] / 1e6);
    for (int i = 0; i < n; i++)
        mcu_pic_unref(&src[i]);
    mcu_view_free(&view);
}

static void measure_all(void)
{
    measure("1 tile, 1280x720", 1, 1280, 720, false);
    measure("2x2 of 1280x720 (2:1)", 4, 1280, 720, false);
    measure("3x3 of 1280x720 (3:1)", 9, 1280, 720, false);
    measure("3x3 of 640x360", 9, 640, 360, false);
    measure("3x3 of 640x480, letterboxed", 9, 640, 480, false);
    measure("3x3 of 352x288, cropped", 9, 352, 288, true);
    measure("5x5 of 1280x720", 25, 1280, 720, false);
}

/* ---- one job or two ---- */

enum { SPLIT_TICKS = 200, PARTS_MAX = 2 };

struct part {
    struct mcu_job job;
    struct mcu_strand strand;
    struct split *split;
    struct mcu_view *view;
    struct mcu_tile *tiles;
    int n;
};

/* A canvas whose tiles are shared out among `parts` views, each a job of its own. */
struct split {
    struct part part[PARTS_MAX];
    int parts, left;
    int64_t start_ns, took_ns;
    sem_t there;
};

static void run_part(struct mcu_job *job)
{
    struct part *p = mcu_container_of(job, struct part, job);
    struct mcu_pic *canvas = NULL;
    if (mcu_view_compose(p->view, p->tiles, p->n, NULL, 0, &canvas) == 0)
        mcu_pic_unref(&canvas);
}

static void part_done(struct mcu_job *job)
{
    struct split *s = mcu_container_of(job, struct part, job)->split;
    if (--s->left > 0)
        return;
    s->took_ns = mcu_clock_now_ns() - s->start_ns;
    sem_post(&s->there);
}

static void begin_tick(void *arg)
{
    struct split *s = arg;
    s->start_ns = mcu_clock_now_ns();
    s->left = s->parts;
    for (int i = 0; i < s->parts; i++)
        mcu_strand_push(&s->part[i].strand, &s->part[i].job);
}

static int64_t middle_latency(struct split *s, struct mcu_loop *loop, struct mcu_tile *tiles, int n)
{
    static int64_t took[SPLIT_TICKS];
    for (int tick = 0; tick < SPLIT_TICKS; tick++) {
        for (int i = 0; i < n; i++)
            tiles[i].pic_id += 1000;
        mcu_loop_call(loop, begin_tick, s);
        sem_wait(&s->there);
        took[tick] = s->took_ns;
    }
    qsort(took, SPLIT_TICKS, sizeof(took[0]), compare_ns);
    return took[SPLIT_TICKS / 2];
}

static double measure_split(struct mcu_workers *workers, struct mcu_loop *loop, int parts, int width,
                            int height, struct mcu_tile *tiles, int n)
{
    struct split s = { .parts = parts };
    sem_init(&s.there, 0, 0);
    for (int i = 0; i < parts; i++) {
        struct part *p = &s.part[i];
        int first = n * i / parts;
        *p = (struct part){ .job = { .home = loop, .run = run_part, .done = part_done }, .split = &s,
                            .view = new_view_of(width, height, false), .tiles = tiles + first,
                            .n = n * (i + 1) / parts - first };
        mcu_strand_init(&p->strand, workers, MCU_JOB_VIDEO);
    }
    double ms = (double)middle_latency(&s, loop, tiles, n) / 1e6;
    for (int i = 0; i < parts; i++)
        mcu_view_free(&s.part[i].view);
    sem_destroy(&s.there);
    return ms;
}

static void compare_split(struct mcu_workers *workers, struct mcu_loop *loop, int width, int height)
{
    struct mcu_pic *src[MCU_LAYOUT_MAX_TILES];
    struct mcu_rect rects[MCU_LAYOUT_MAX_TILES];
    struct mcu_tile tiles[MCU_LAYOUT_MAX_TILES];
    for (int i = 0; i < MCU_LAYOUT_MAX_TILES; i++) {
        if (mcu_pic_new(&src[i], 1280, 720) < 0)
            exit(1);
        paint_caller(src[i], i);
    }
    for (int side = 3; side <= 5; side++) {
        int n = mcu_layout_place(MCU_LAYOUT_GRID, side * side, width, height, rects);
        for (int i = 0; i < n; i++)
            tiles[i] = (struct mcu_tile){ .rect = rects[i], .pic = src[i], .pic_id = (uint64_t)i + 1,
                                          .name = names[i % 13] };
        double one = measure_split(workers, loop, 1, width, height, tiles, n);
        double two = measure_split(workers, loop, 2, width, height, tiles, n);
        printf("%4dx%-4d %2d of 1280x720: one job %6.3f ms, two %6.3f ms\n", width, height, n, one, two);
    }
    for (int i = 0; i < MCU_LAYOUT_MAX_TILES; i++)
        mcu_pic_unref(&src[i]);
}

static void measure_splits(void)
{
    struct mcu_workers *workers = NULL;
    struct mcu_loop *loop = NULL;
    if (mcu_workers_new(&workers, 2, false) < 0 || mcu_loop_new(&loop, "bench", false) < 0 ||
        mcu_loop_start(loop) < 0)
        exit(1);
    compare_split(workers, loop, WIDTH, HEIGHT);
    compare_split(workers, loop, 1920, 1080);
    mcu_loop_stop(loop);
    mcu_workers_free(&workers);
    mcu_loop_free(&loop);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "split") == 0) {
        measure_splits();
        return 0;
    }
    if (argc == 4 || argc == 5) {
        show(atoi(argv[1]), strcmp(argv[2], "grid") ? MCU_LAYOUT_SPEAKER : MCU_LAYOUT_GRID, argv[3],
             argv[4]);
        return 0;
    }
    for (int pass = 0; pass < 2; pass++) {
        mcu_cpu_mask(pass ? ~0u : 0);
        printf("cpu flags 0x%x\n", mcu_cpu_flags());
        measure_all();
    }
    return 0;
}
