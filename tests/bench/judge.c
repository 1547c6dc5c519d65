/* tests/bench/judge.c - what a mixer delivered, after the event.
 *
 *   bench_judge rects N       where the N tiles' pictures stand on 1280x720, "x,y,w,h;..."
 *   bench_judge VIDEO CODEC N TAKEN_VIDEO TAKEN_AUDIO FROM_NS UNTIL_NS [PGM]
 *
 * VIDEO: the stream that every sender sent (bench_stream). TAKEN: packets with their arrivals
 * (bench_feed), counted from FROM to UNTIL, decoded from the start. Out comes a JSON line: pictures and
 * packets of sound a second, lost packets, kbit/s, the sound's level, and of two pictures in nine:
 *   psnr_db   luma against the ideal canvas, which shows what was sent, decoded and area-averaged. Which
 *             of the stream's pictures a tile shows is found by trying; its edges and the foot, where
 *             names and borders may be, are left out. Whether a picture is scaled whole or cut by a sliver
 *             so that its shape holds (mcu_layout_crop) is the mixer's to choose: both are tried, and
 *             the one that it is closer to counts
 *   fresh     of the stillest tile: the part of these pairs in which it showed two different pictures
 *             (those that hardly differ are taken for each other now and then)
 * PGM: one of these canvases is written there. */
#include "codec/adec.h"
#include "codec/vdec.h"
#include "mixer/base/util.h"
#include "mixer/scale.h"
#include "net/payload.h"
#include "net/rtp.h"
#include "tests/bench/clip.h"

#define MOST_PICTURES (4 * CLIP_MOST)
#define LOOK_EVERY    9

/* Against one way to bring a picture into a tile. */
struct against {
    struct mcu_pic *tile[MCU_LAYOUT_MAX_TILES][MOST_PICTURES]; /* as it should stand in the tile */
    int shown[MCU_LAYOUT_MAX_TILES];
    double error, samples;
    int changed[MCU_LAYOUT_MAX_TILES];
};

struct judge {
    int n, refs;
    struct mcu_rect rect[MCU_LAYOUT_MAX_TILES];
    struct mcu_pic *ref[MOST_PICTURES]; /* as sent */
    struct against whole, cut;
    int looked;                         /* canvases */
    const char *pgm;
};

static struct judge j;

static void place(int n)
{
    j.n = n;
    mcu_layout_place(MCU_LAYOUT_GRID, n, CLIP_WIDTH, CLIP_HEIGHT, j.rect);
    for (int i = 0; i < n; i++)
        j.rect[i] = mcu_layout_fit(j.rect[i], 16, 9);
}

static void decode_refs(const char *path)
{
    struct clip_stream s;
    struct mcu_depay *depay;
    struct mcu_vdec *dec;
    clip_open(&s, path);
    if (mcu_depay_new(&depay, MCU_CODEC_VP8, NULL, 0, 0) < 0 ||
        mcu_vdec_new(&dec, MCU_CODEC_VP8, CLIP_WIDTH, CLIP_HEIGHT) < 0)
        clip_die("out of memory", "");
    for (int i = 0; i < s.count && j.refs < MOST_PICTURES; i++) {
        struct mcu_unit *unit;
        if (mcu_depay_push(depay, s.packet[i].data, s.packet[i].size, s.packet[i].ts,
                           s.packet[i].marker, false, i, &unit) != 1)
            continue;
        j.refs += mcu_vdec_decode(dec, unit, &j.ref[j.refs]) == 0 && j.ref[j.refs];
        mcu_unit_unref(&unit);
    }
}

/* The ideal tile; tiles of one size share it. */
static struct mcu_pic *ideal(struct against *way, int tile, int picture)
{
    struct mcu_rect r = j.rect[tile], from = { 0, 0, j.ref[picture]->width, j.ref[picture]->height };
    struct mcu_pic **out = &way->tile[tile][picture];
    static struct mcu_scaler *scaler;
    if (way == &j.cut)
        from = mcu_layout_crop(from.w, from.h, r.w, r.h);
    for (int t = 0; t < tile && !*out; t++)
        if (j.rect[t].w == r.w && j.rect[t].h == r.h && way->tile[t][picture])
            *out = way->tile[t][picture];
    if (!*out && ((!scaler && mcu_scaler_new(&scaler) < 0) || mcu_pic_new(out, r.w, r.h) < 0 ||
                  mcu_scaler_run(scaler, j.ref[picture], from, *out,
                                 (struct mcu_rect){ 0, 0, r.w, r.h }) < 0))
        clip_die("cannot scale", "");
    return *out;
}

/* Squared error of a tile against an ideal one, by every step-th line; count: samples. */
static double error_of(const struct mcu_pic *canvas, struct mcu_rect r, const struct mcu_pic *want,
                       int step, double *count)
{
    double sum = 0;
    int left = r.w * 6 / 100, right = r.w - left, top = r.h * 6 / 100, foot = r.h * 78 / 100;
    for (int y = top; y < foot; y += step) {
        const uint8_t *a = canvas->plane[0] + (ptrdiff_t)(r.y + y) * canvas->stride[0] + r.x;
        const uint8_t *b = want->plane[0] + (ptrdiff_t)y * want->stride[0];
        int line = 0;
        for (int x = left; x < right; x++)
            line += (a[x] - b[x]) * (a[x] - b[x]);
        sum += line;
        *count += right - left;
    }
    return sum;
}

/* Which picture a tile shows: all are tried in the first of a pair, those near it in the second. */
static void look_at_tile(struct against *way, const struct mcu_pic *canvas, int tile, bool second)
{
    int first = second ? way->shown[tile] - 2 : 0, count = second ? 7 : j.refs, best = 0;
    double least = INFINITY, samples = 0;
    for (int i = 0; i < count; i++) {
        int picture = (first + i + j.refs) % j.refs;
        double error = error_of(canvas, j.rect[tile], ideal(way, tile, picture), 4, &samples);
        best = error < least ? picture : best;
        least = fmin(least, error);
    }
    way->error += error_of(canvas, j.rect[tile], ideal(way, tile, best), 1, &way->samples);
    way->changed[tile] += second && best != way->shown[tile];
    way->shown[tile] = best;
}

static void dump(const struct mcu_pic *canvas)
{
    FILE *f = fopen(j.pgm, "wb");
    if (!f)
        return;
    fprintf(f, "P5\n%d %d\n255\n", canvas->width, canvas->height);
    for (int y = 0; y < canvas->height; y++)
        fwrite(canvas->plane[0] + (ptrdiff_t)y * canvas->stride[0], 1, (size_t)canvas->width, f);
    fclose(f);
}

static void look(const struct mcu_pic *canvas, int number)
{
    int turn = number % LOOK_EVERY;
    if (canvas->width != CLIP_WIDTH || canvas->height != CLIP_HEIGHT || turn > 1)
        return;
    for (int i = 0; i < j.n; i++) {
        look_at_tile(&j.whole, canvas, i, turn == 1);
        look_at_tile(&j.cut, canvas, i, turn == 1);
    }
    j.looked++;
    if (number == LOOK_EVERY && j.pgm)
        dump(canvas);
}

/* ---- what came ---- */

struct taken {
    int64_t from_ns, until_ns;
    uint8_t *bytes;
    size_t size, at;
    struct mcu_rtp rtp;
    int64_t at_ns;
    uint16_t seq;
    bool begun, gap;
    int packets, lost;
    double octets;
};

/* The next packet; one that is missing before it is in gap. */
static bool next_packet(struct taken *t)
{
    while (t->at + 12 <= t->size) {
        uint32_t size;
        memcpy(&t->at_ns, t->bytes + t->at, 8);
        memcpy(&size, t->bytes + t->at + 8, 4);
        t->at += 12;
        if (t->at + size > t->size)
            return false;
        int rc = mcu_rtp_parse(&t->rtp, t->bytes + t->at, size);
        t->at += size;
        if (rc < 0 || t->rtp.pt < 96) /* RTCP on the same port, by FFmpeg */
            continue;
        int step = t->begun ? (uint16_t)(t->rtp.seq - t->seq) : 1;
        bool inside = t->at_ns >= t->from_ns && t->at_ns < t->until_ns;
        t->gap = step != 1;
        t->begun = true;
        t->seq = t->rtp.seq;
        t->packets += inside;
        t->lost += inside ? step - 1 : 0;
        t->octets += inside ? size : 0;
        return true;
    }
    return false;
}

static int judge_pictures(struct taken *t, enum mcu_codec codec)
{
    struct mcu_depay *depay;
    struct mcu_vdec *dec;
    int pictures = 0;
    if (mcu_depay_new(&depay, codec, NULL, 0, 0) < 0 ||
        mcu_vdec_new(&dec, codec, CLIP_WIDTH, CLIP_HEIGHT) < 0)
        clip_die("out of memory", "");
    for (int64_t seq = 0; next_packet(t); seq++) {
        struct mcu_unit *unit;
        struct mcu_pic *pic = NULL;
        if (mcu_depay_push(depay, t->rtp.payload, t->rtp.payload_bytes, t->rtp.ts, t->rtp.marker,
                           t->gap, seq, &unit) != 1)
            continue;
        bool shown = mcu_vdec_decode(dec, unit, &pic) == 0 && pic;
        bool inside = t->at_ns >= t->from_ns && t->at_ns < t->until_ns;
        if (shown && inside)
            look(pic, pictures++);
        mcu_pic_unref(&pic);
        mcu_unit_unref(&unit);
    }
    mcu_depay_free(&depay);
    mcu_vdec_free(&dec);
    return pictures;
}

/* dBFS of what was heard. */
static double judge_sound(struct taken *t)
{
    static int16_t pcm[MCU_ADEC_MAX_FRAMES];
    double sum = 0, count = 0;
    struct mcu_adec *dec;
    if (mcu_adec_new(&dec, MCU_CODEC_OPUS, 1) < 0)
        clip_die("out of memory", "");
    while (next_packet(t)) {
        int n = mcu_adec_decode(dec, t->rtp.payload, t->rtp.payload_bytes, pcm);
        for (int i = 0; i < n; i++)
            sum += (double)pcm[i] * pcm[i];
        count += mcu_max(n, 0);
    }
    mcu_adec_free(&dec);
    return 10 * log10(fmax(sum, 1) / fmax(count, 1) / 32768 / 32768);
}

static double fresh(const struct against *way)
{
    int least = j.looked;
    for (int i = 0; i < j.n; i++)
        least = mcu_min(least, way->changed[i]);
    return j.looked > 1 ? least / (double)(j.looked / 2) : 0;
}

static void print_rects(void)
{
    for (int i = 0; i < j.n; i++)
        printf("%s%d,%d,%d,%d", i ? ";" : "", j.rect[i].x, j.rect[i].y, j.rect[i].w, j.rect[i].h);
    printf("\n");
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "rects")) {
        place(mcu_clamp(atoi(argv[2]), 1, MCU_LAYOUT_MAX_TILES));
        print_rects();
        return 0;
    }
    if (argc < 8)
        clip_die("usage: bench_judge", "VIDEO CODEC N TAKEN_VIDEO TAKEN_AUDIO FROM UNTIL [PGM]");
    struct taken v = { .from_ns = atoll(argv[6]), .until_ns = atoll(argv[7]) }, a = v;
    double seconds = (double)(v.until_ns - v.from_ns) / 1e9;
    v.bytes = clip_load(argv[4], &v.size);
    a.bytes = clip_load(argv[5], &a.size);
    j.pgm = argv[8];
    place(mcu_clamp(atoi(argv[3]), 1, MCU_LAYOUT_MAX_TILES));
    decode_refs(argv[1]);
    int pictures = judge_pictures(&v, strcmp(argv[2], "h264") ? MCU_CODEC_VP8 : MCU_CODEC_H264);
    const struct against *way = j.cut.error < j.whole.error ? &j.cut : &j.whole;
    double dbfs = judge_sound(&a), mse = way->error / fmax(way->samples, 1);
    printf("{\"fps\": %.2f, \"kbps\": %.0f, \"lost\": %d, \"audio_packets\": %.2f, \"audio_lost\": %d, "
           "\"audio_dbfs\": %.1f, \"psnr_db\": %.2f, \"fresh\": %.3f}\n", pictures / seconds,
           v.octets * 8e-3 / seconds, v.lost, a.packets / seconds, a.lost, dbfs,
           j.looked ? 10 * log10(255.0 * 255 / fmax(mse, 1e-3)) : 0,
           fresh(way));
    return 0;
}
