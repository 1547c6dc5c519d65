#include "tests/mock/peer_picture.h"

#include <string.h>

#include "mixer/base/util.h"

/* Segments a to g of the digits: top, upper right, lower right, bottom, lower left, upper left,
 * middle; bit 0 is a. */
static const uint8_t segments_of[10] = { 0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f };

/* A digit's box is 10 wide and 18 high in units; each segment is a rectangle in it. */
static const struct {
    int x0, y0, x1, y1;
} segment_box[7] = {
    { 2, 0, 8, 2 },   { 8, 1, 10, 9 }, { 8, 9, 10, 17 }, { 2, 16, 8, 18 },
    { 0, 9, 2, 17 },  { 0, 1, 2, 9 },  { 2, 8, 8, 10 },
};

#define DIGIT_TOP    28 /* percent of the height */
#define DIGIT_BOTTOM 80
static const int digit_left[2] = { 24, 54 }; /* percent of the width; each is 22 wide */
#define DIGIT_WIDE 22

static void paint(struct mcu_pic *pic, int plane, int x0, int y0, int x1, int y1, uint8_t value)
{
    if (plane) {
        x0 /= 2, y0 /= 2;
        x1 = (x1 + 1) / 2, y1 = (y1 + 1) / 2;
    }
    x1 = mcu_min(x1, mcu_pic_plane_w(pic, plane));
    y1 = mcu_min(y1, mcu_pic_plane_h(pic, plane));
    for (int y = y0; y < y1 && x0 < x1; y++)
        memset(pic->plane[plane] + y * pic->stride[plane] + x0, value, (size_t)(x1 - x0));
}

static void paint_white(struct mcu_pic *pic, int x0, int y0, int x1, int y1)
{
    static const uint8_t white[3] = { 235, 128, 128 };
    for (int p = 0; p < 3; p++)
        paint(pic, p, x0, y0, x1, y1, white[p]);
}

/* One segment of digit d (0 or 1) within a picture that covers `at`, in samples. */
static struct mcu_rect segment_rect(struct mcu_rect at, int d, int s)
{
    int x = at.x + at.w * digit_left[d] / 100, w = at.w * DIGIT_WIDE / 100;
    int y = at.y + at.h * DIGIT_TOP / 100, h = at.h * (DIGIT_BOTTOM - DIGIT_TOP) / 100;
    int x0 = x + w * segment_box[s].x0 / 10, x1 = x + w * segment_box[s].x1 / 10;
    int y0 = y + h * segment_box[s].y0 / 18, y1 = y + h * segment_box[s].y1 / 18;
    return (struct mcu_rect){ x0, y0, x1 - x0, y1 - y0 };
}

static void paint_digit(struct mcu_pic *pic, int d, int value)
{
    struct mcu_rect all = { 0, 0, pic->width, pic->height };
    for (int s = 0; s < 7; s++) {
        struct mcu_rect r = segment_rect(all, d, s);
        if (segments_of[value] >> s & 1)
            paint_white(pic, r.x, r.y, r.x + r.w, r.y + r.h);
    }
}

void peer_picture_draw(struct mcu_pic *pic, const uint8_t rgb[3], int number, int64_t frame,
                       bool white)
{
    double r = rgb[0], g = rgb[1], b = rgb[2];
    if (white) {
        mcu_pic_fill(pic, 235, 128, 128);
        return;
    }
    /* BT.601 limited (Rec. ITU-R BT.601-7, 2.5). */
    mcu_pic_fill(pic, (uint8_t)(16.5 + 0.2568 * r + 0.5041 * g + 0.0979 * b),
                 (uint8_t)(128.5 - 0.1482 * r - 0.2910 * g + 0.4392 * b),
                 (uint8_t)(128.5 + 0.4392 * r - 0.3678 * g - 0.0714 * b));
    paint_digit(pic, 0, number / 10 % 10);
    paint_digit(pic, 1, number % 10);
    int step = mcu_max(pic->width / 32 & ~1, 2), at = (int)(frame % 30) * step;
    paint_white(pic, at, pic->height * 4 / 100, at + 2 * step, pic->height * 10 / 100);
}

static int luma(const struct mcu_pic *pic, int x, int y)
{
    return pic->plane[0][mcu_clamp(y, 0, pic->height - 1) * pic->stride[0] +
                         mcu_clamp(x, 0, pic->width - 1)];
}

/* Mean luma of the middle half of a rectangle. */
static double mean_luma(const struct mcu_pic *pic, struct mcu_rect r)
{
    int sum = 0, n = 0;
    for (int y = r.y + r.h / 4; y <= r.y + r.h * 3 / 4; y++)
        for (int x = r.x + r.w / 4; x <= r.x + r.w * 3 / 4; x++, n++)
            sum += luma(pic, x, y);
    return n ? (double)sum / n : 0;
}

static int read_digit(const struct mcu_pic *pic, struct mcu_rect at, int d, double ground)
{
    double lit = ground + (235 - ground) / 2;
    unsigned seen = 0;
    for (int s = 0; s < 7; s++)
        if (mean_luma(pic, segment_rect(at, d, s)) > lit)
            seen |= 1u << s;
    for (int value = 0; value < 10; value++)
        if (segments_of[value] == seen)
            return value;
    return -1;
}

static struct mcu_rect strip(struct mcu_rect at)
{
    return (struct mcu_rect){ at.x + at.w / 4, at.y + at.h * 13 / 100, at.w / 2, at.h * 10 / 100 };
}

int peer_picture_read(const struct mcu_pic *pic, struct mcu_rect at)
{
    double ground = mean_luma(pic, strip(at));
    if (ground > 215)
        return -1;
    int tens = read_digit(pic, at, 0, ground), ones = read_digit(pic, at, 1, ground);
    return tens < 0 || ones < 0 ? -1 : tens * 10 + ones;
}

void peer_yuv_to_rgb(const struct mcu_pic *pic, double y, double u, double v, uint8_t rgb[3])
{
    bool hd = pic->matrix == MCU_MATRIX_BT709, full = pic->full_range;
    double kr = hd ? 0.2126 : 0.299, kb = hd ? 0.0722 : 0.114, kg = 1 - kr - kb;
    double l = full ? y : (y - 16) * 255 / 219, scale = full ? 1 : 255.0 / 224;
    double cb = (u - 128) * scale, cr = (v - 128) * scale;
    double out[3] = { l + 2 * (1 - kr) * cr,
                      l - 2 * kb * (1 - kb) / kg * cb - 2 * kr * (1 - kr) / kg * cr,
                      l + 2 * (1 - kb) * cb };
    for (int i = 0; i < 3; i++)
        rgb[i] = (uint8_t)mcu_clamp((int)(out[i] + 0.5), 0, 255);
}

void peer_picture_colour(const struct mcu_pic *pic, struct mcu_rect at, uint8_t rgb[3])
{
    struct mcu_rect r = strip(at);
    double sum[3] = { 0 };
    int n = 0;
    for (int y = r.y; y < r.y + r.h; y += 2)
        for (int x = r.x; x < r.x + r.w; x += 2, n++)
            for (int p = 0; p < 3; p++) {
                int cx = mcu_clamp(p ? x / 2 : x, 0, mcu_pic_plane_w(pic, p) - 1);
                int cy = mcu_clamp(p ? y / 2 : y, 0, mcu_pic_plane_h(pic, p) - 1);
                sum[p] += pic->plane[p][cy * pic->stride[p] + cx];
            }
    n = mcu_max(n, 1);
    peer_yuv_to_rgb(pic, sum[0] / n, sum[1] / n, sum[2] / n, rgb);
}

void peer_picture_bar(const struct mcu_pic *pic, struct mcu_rect at, uint8_t row[64])
{
    for (int i = 0; i < 64; i++)
        row[i] = (uint8_t)luma(pic, at.x + (2 * i + 1) * at.w / 128, at.y + at.h * 7 / 100);
}

double peer_picture_white(const struct mcu_pic *pic)
{
    int white = 0, n = 0;
    for (int y = 4; y < pic->height; y += 8)
        for (int x = 4; x < pic->width; x += 8, n++)
            white += luma(pic, x, y) > 215;
    return n ? (double)white / n : 0;
}
