/* Ask for no more than is shown: each leg is told what its tile needs, so that it may send just that. */
#include <math.h>
#include <stdlib.h>

#include "mixer/base/clock.h"
#include "mixer/base/util.h"
#include "server/overload.h"
#include "server/video_priv.h"

#define LESS_NS   (2 * MCU_NS_PER_S) /* before a smaller tile is told: the floor may come right back */
#define LEAST_BPS 60000
#define ALIKE     32 /* sizes that differ by less than this part are one: encoders round */

/* All of the tile that is covered when it is filled; the source's shape, both sides even. */
static struct mcu_rect cover(struct mcu_rect r, int w, int h)
{
    if ((int64_t)w * r.h > (int64_t)h * r.w)
        r.w = (int)(((int64_t)r.h * w / h + 1) & ~1);
    else
        r.h = (int)(((int64_t)r.w * h / w + 1) & ~1);
    return r;
}

/* What the rungs are made by too. */
int mcu_shown_bps(const struct mcu_config *k, int width, int height, int fps)
{
    double rate = (double)width * height * fps / (1280.0 * 720 * 30);
    return mcu_clamp((int)(k->video_in_bps * pow(rate, 0.75)), LEAST_BPS, k->video_in_bps);
}

static struct mcu_shown shown_as(const struct mcu_conf *conf, const struct mcu_vsource *source,
                                 struct mcu_rect rect)
{
    const struct mcu_config *k = &conf->config;
    int level = atomic_load_explicit(&conf->media->overload_level, memory_order_relaxed);
    int w, h, fps = mcu_overload_fps(level, k->fps);
    if (mcu_vsource_size(source, &w, &h))
        rect = k->crop ? cover(rect, w, h) : mcu_layout_fit(rect, w, h);
    return (struct mcu_shown){
        .width = rect.w, .height = rect.h, .fps = fps,
        .bps = mcu_shown_bps(k, rect.w, rect.h, fps),
    };
}

static bool alike(int a, int b)
{
    return abs(a - b) <= mcu_max(a, b) / ALIKE;
}

static bool same(const struct mcu_shown *a, const struct mcu_shown *b)
{
    return alike(a->width, b->width) && alike(a->height, b->height) && a->fps == b->fps &&
           alike(a->bps, b->bps) && a->follows_floor == b->follows_floor;
}

static void tell(struct mcu_conf_leg *leg, const struct mcu_shown *now)
{
    leg->shown = *now;
    leg->shown_less_ns = 0;
    leg->join.sink.shown(&leg->join.sink, MCU_ROLE_VIDEO, now);
}

static bool is_less(const struct mcu_shown *now, const struct mcu_shown *before)
{
    int size = now->width * now->height, size_before = before->width * before->height;
    return size < size_before || (size == size_before && before->follows_floor && !now->follows_floor);
}

static void update(struct mcu_conf_leg *leg, const struct mcu_shown *now, int64_t now_ns)
{
    bool first = leg->shown.bps == 0 && leg->shown.fps == 0;
    bool less = is_less(now, &leg->shown);
    if (same(now, &leg->shown)) {
        leg->shown_less_ns = 0;
    } else if (first || !less) {
        tell(leg, now);
    } else if (!leg->shown_less_ns) {
        leg->shown_less_ns = now_ns;
    } else if (now_ns - leg->shown_less_ns >= LESS_NS) {
        tell(leg, now);
    }
}

void mcu_shown_tell(struct mcu_conf *conf, struct mcu_conf_leg *const *legs,
                    const struct mcu_rect *rects, int n, bool follows_floor)
{
    int64_t now_ns = mcu_loop_now(conf->media->loop);
    for (int i = 0; i < conf->leg_count; i++) {
        struct mcu_conf_leg *leg = conf->legs[i];
        struct mcu_shown now = { .fps = conf->config.fps };
        if (!leg->vsource || !leg->join.sink.shown)
            continue;
        for (int k = 0; k < n; k++)
            if (legs[k] == leg)
                now = shown_as(conf, leg->vsource, rects[k]);
        now.follows_floor = follows_floor;
        update(leg, &now, now_ns);
    }
}
