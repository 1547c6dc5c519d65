#include "codec/venc_watch.h"

#include <stdlib.h>

#include "mixer/base/clock.h"
#include "mixer/base/util.h"

#define LIMIT_PERCENT 105
#define CHANGED_LUMA  10
#define CUT_PERCENT   45 /* of the cells */
#define CALM_PERCENT  25

void mcu_venc_watch_set(struct mcu_venc_watch *w, int bps, int fps)
{
    w->bps = bps;
    w->fps = mcu_max(fps, 1);
}

/* The mean of a cell, by 4 x 4 of its pixels: noise, and what only moves, hardly change it. */
static uint8_t cell(const struct mcu_pic *pic, int row, int column)
{
    int sum = 8;
    for (int i = 0; i < 4; i++) {
        int y = (4 * row + i) * pic->height / (4 * MCU_VENC_WATCH_ROWS);
        const uint8_t *line = pic->plane[0] + (ptrdiff_t)y * pic->stride[0];
        for (int k = 0; k < 4; k++)
            sum += line[(4 * column + k) * pic->width / (4 * MCU_VENC_WATCH_COLUMNS)];
    }
    return (uint8_t)(sum / 16);
}

/* Whether most of the picture is another than before, and was not already: of what changes all the time
 * every picture would be a keyframe. */
static bool look(struct mcu_venc_watch *w, const struct mcu_pic *pic)
{
    int changed = 0;
    for (int r = 0; r < MCU_VENC_WATCH_ROWS; r++)
        for (int c = 0; c < MCU_VENC_WATCH_COLUMNS; c++) {
            uint8_t now = cell(pic, r, c);
            changed += abs(now - w->look[r][c]) >= CHANGED_LUMA;
            w->look[r][c] = now;
        }
    int percent = changed * 100 / (MCU_VENC_WATCH_ROWS * MCU_VENC_WATCH_COLUMNS);
    bool cut = w->seen && percent > CUT_PERCENT && w->changed_percent < CALM_PERCENT;
    w->changed_percent = w->seen ? percent : 0;
    w->seen = true;
    return cut;
}

static void forget_first(struct mcu_venc_watch *w)
{
    w->bits -= w->unit[w->first].bits;
    w->first = (w->first + 1) % MCU_VENC_WATCH_UNITS;
    w->count--;
}

/* The time never goes back, whatever the pictures say. */
static void pass_time(struct mcu_venc_watch *w, int64_t time_ns)
{
    if (w->seen && time_ns <= w->time_ns)
        time_ns = w->time_ns + MCU_NS_PER_S / w->fps;
    w->time_ns = time_ns;
    while (w->count && time_ns - w->unit[w->first].time_ns > MCU_NS_PER_S - MCU_NS_PER_MS)
        forget_first(w);
}

enum mcu_venc_verdict mcu_venc_watch_picture(struct mcu_venc_watch *w, const struct mcu_pic *pic,
                                             bool keyframe)
{
    pass_time(w, pic->time_ns);
    bool room = w->bits + w->bps / w->fps <= (int64_t)w->bps * LIMIT_PERCENT / 100;
    if (keyframe) {
        look(w, pic);
        return MCU_VENC_CODE;
    }
    if (!room)
        return MCU_VENC_LEAVE; /* what is seen in it is compared with what was sent */
    return look(w, pic) ? MCU_VENC_CUT : MCU_VENC_CODE;
}

void mcu_venc_watch_coded(struct mcu_venc_watch *w, size_t bytes)
{
    if (w->count == MCU_VENC_WATCH_UNITS)
        forget_first(w);
    int last = (w->first + w->count++) % MCU_VENC_WATCH_UNITS;
    w->unit[last].time_ns = w->time_ns;
    w->unit[last].bits = (int64_t)bytes * 8;
    w->bits += (int64_t)bytes * 8;
}
