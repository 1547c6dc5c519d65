/* The stages of a conference: the one with its own layout, which is always there, and one for each
 * other layout that a leg asked for, from its first viewer to a second after its last. All who see one
 * layout share its canvas and its encoders. */
#include <string.h>

#include "mixer/base/clock.h"
#include "server/video_priv.h"

#define SWEEP_EVERY_NS MCU_NS_PER_S
#define WISHES_AT_ONCE 4                  /* of somebody who tries what there is */
#define WISH_EACH_NS   (5 * MCU_NS_PER_S)

bool mcu_layout_wish_parse(enum mcu_layout_wish *out, const char *text)
{
    static const char *const names[] = { [MCU_WISH_NONE] = "", [MCU_WISH_GRID] = "grid",
                                         [MCU_WISH_SPEAKER] = "speaker" };
    for (size_t i = 0; i < MCU_ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) != 0)
            continue;
        *out = (enum mcu_layout_wish)i;
        return true;
    }
    return false;
}

/* The layout that a leg sees. */
static enum mcu_layout_kind layout_of(const struct mcu_conf_leg *leg)
{
    switch (leg->join.layout) {
    case MCU_WISH_GRID:
        return MCU_LAYOUT_GRID;
    case MCU_WISH_SPEAKER:
        return MCU_LAYOUT_SPEAKER;
    case MCU_WISH_NONE:
        break;
    }
    return mcu_stage_layout(leg->conf->stage);
}

struct mcu_ladder *mcu_stages_ladder(const struct mcu_conf_leg *leg)
{
    struct mcu_conf *conf = leg->conf;
    enum mcu_layout_kind layout = layout_of(leg);
    struct mcu_stage **other = &conf->other_stages[layout];
    if (layout == mcu_stage_layout(conf->stage))
        return mcu_stage_ladder(conf->stage);
    /* A leg that wants no picture does not need one yet. */
    if (!*other && leg->join.video.codec != MCU_CODEC_NONE)
        mcu_stage_new(other, conf, layout);
    return mcu_stage_ladder(*other ? *other : conf->stage);
}

/* ---- what is seen of each source, on whichever stage it is largest ---- */

struct seen {
    struct mcu_conf_leg *legs[MCU_LAYOUT_MAX_TILES];
    struct mcu_rect rects[MCU_LAYOUT_MAX_TILES];
    int n;
    unsigned layouts; /* that somebody sees: 1 << kind */
};

static void add_seen(struct seen *all, struct mcu_conf_leg *leg, struct mcu_rect rect)
{
    int i = 0;
    while (i < all->n && all->legs[i] != leg)
        i++;
    if (i == MCU_LAYOUT_MAX_TILES)
        return;
    if (i < all->n && all->rects[i].w * all->rects[i].h >= rect.w * rect.h)
        return;
    all->legs[i] = leg;
    all->rects[i] = rect;
    all->n += i == all->n;
}

static void look_at(const struct mcu_stage *st, struct seen *all)
{
    struct seen here;
    if (!st || !mcu_stage_watched(st))
        return;
    all->layouts |= 1u << mcu_stage_layout(st);
    here.n = mcu_stage_arrange(st, here.legs, here.rects);
    for (int i = 0; i < here.n; i++)
        add_seen(all, here.legs[i], here.rects[i]);
}

void mcu_stages_tell_sources(struct mcu_conf *conf)
{
    struct seen all = { .n = 0, .layouts = 0 };
    look_at(conf->stage, &all);
    for (int i = 0; i < MCU_LAYOUT_KINDS; i++)
        look_at(conf->other_stages[i], &all);
    mcu_vsource_show_only(conf, all.legs, all.n);
    mcu_shown_tell(conf, all.legs, all.rects, all.n, all.layouts & 1u << MCU_LAYOUT_SPEAKER);
    if (conf->layouts_seen)
        atomic_store_explicit(conf->layouts_seen, all.layouts, memory_order_relaxed);
}

/* ---- life ---- */

/* Once a second: legs that have healed go back to where the others are, wishes that had to wait are
 * fulfilled, stages that nobody sees end. */
static void on_sweep(struct mcu_timer *timer)
{
    struct mcu_conf *conf = mcu_container_of(timer, struct mcu_conf, sweep);
    for (int i = 0; i < conf->leg_count; i++) {
        mcu_vsub_heal(conf->legs[i]);
        mcu_stages_wish(conf->legs[i]);
    }
    for (int i = 0; i < MCU_LAYOUT_KINDS; i++)
        if (conf->other_stages[i] && !mcu_stage_watched(conf->other_stages[i]))
            mcu_stage_end(&conf->other_stages[i]);
    mcu_timer_start(timer, mcu_loop_now(timer->loop) + SWEEP_EVERY_NS);
}

int mcu_stages_start(struct mcu_conf *conf)
{
    int rc = mcu_stage_new(&conf->stage, conf, conf->config.layout);
    if (rc < 0)
        return rc;
    mcu_timer_init(&conf->sweep, conf->media->loop, on_sweep);
    mcu_timer_start(&conf->sweep, mcu_loop_now(conf->media->loop) + SWEEP_EVERY_NS);
    return 0;
}

void mcu_stages_end(struct mcu_conf *conf)
{
    if (conf->sweep.loop)
        mcu_timer_stop(&conf->sweep);
    for (int i = 0; i < MCU_LAYOUT_KINDS; i++)
        mcu_stage_end(&conf->other_stages[i]);
    mcu_stage_end(&conf->stage);
}

void mcu_stages_set_config(struct mcu_conf *conf)
{
    if (mcu_stage_layout(conf->stage) == conf->config.layout)
        return;
    mcu_stage_set_layout(conf->stage, conf->config.layout);
    for (int i = 0; i < conf->leg_count; i++)
        mcu_stages_update(conf->legs[i]);
}

void mcu_stages_update(struct mcu_conf_leg *leg)
{
    mcu_vsub_update(mcu_stages_ladder(leg), leg);
}

/* Each change may cost all who see that layout a keyframe, and us an encoder. */
void mcu_stages_wish(struct mcu_conf_leg *leg)
{
    int64_t now = mcu_loop_now(leg->conf->media->loop);
    if (leg->wish == leg->join.layout || leg->wishes_until_ns - now > (WISHES_AT_ONCE - 1) * WISH_EACH_NS)
        return;
    leg->wishes_until_ns = (leg->wishes_until_ns > now ? leg->wishes_until_ns : now) + WISH_EACH_NS;
    leg->join.layout = leg->wish;
    mcu_stages_update(leg);
}

void mcu_stages_get_info(const struct mcu_conf *conf, struct mcu_conf_info *info)
{
    if (conf->stage)
        mcu_stage_get_info(conf->stage, info);
    for (int i = 0; i < MCU_LAYOUT_KINDS; i++)
        if (conf->other_stages[i])
            mcu_stage_get_info(conf->other_stages[i], info);
}
