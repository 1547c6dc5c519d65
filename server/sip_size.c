/* Ask for no more than is shown, of callers without TMMBR: their SDP says what their tile needs. The answer
 * to each offer of theirs does; a new offer of ours only with video.reinvite_for_size, for many
 * phones take those badly (they blink, ring or refuse). Without it nobody can be told to send more when
 * his tile grows, and so no answer asks for less than 640x360. */
#include "mixer/base/clock.h"
#include "mixer/base/util.h"
#include "server/sip_side_priv.h"

#define LEAST_W   640 /* without offers of ours */
#define LEAST_H   360
#define SMALL_W   320 /* with them: no device has trouble with less */
#define SMALL_H   180
#define STEADY_NS (5 * MCU_NS_PER_S)  /* people come and go in bunches */
#define APART_NS  (30 * MCU_NS_PER_S) /* of two offers to one leg */

static const struct mcu_config *config_of(const struct call *c)
{
    return &c->side->server->config;
}

static const struct mcu_nego_line *video_of(const struct mcu_nego *nego)
{
    for (int i = 0; nego && i < nego->line_count; i++)
        if (nego->line[i].accepted && nego->line[i].kind == MCU_VIDEO && !nego->line[i].content)
            return &nego->line[i];
    return NULL;
}

static bool may_offer(const struct call *c)
{
    return config_of(c)->reinvite_for_size && !c->size.refused;
}

/* Somebody sees a layout whose large tile follows who speaks, faster than any offer could. Who cannot be
 * told later is to have enough for the room's own too: who comes next will see that. */
static bool may_be_large(const struct call *c)
{
    bool own = config_of(c)->layout != MCU_LAYOUT_GRID;
    unsigned seen = c->room ? mcu_directory_layouts(c->room) : 0;
    if (own && !may_offer(c))
        return true;
    if (c->size.shown.bps)
        return c->size.shown.follows_floor;
    return seen ? seen & ~(1u << MCU_LAYOUT_GRID) : own;
}

/* As the conference says; of one that is about to join, as he would stand in a grid. */
static struct mcu_rect tile_of(const struct call *c)
{
    const struct mcu_config *k = config_of(c);
    struct mcu_rect tiles[MCU_LAYOUT_MAX_TILES], whole = { 0, 0, k->width, k->height };
    int users = c->room ? mcu_directory_users(c->room) : 1;
    if (may_be_large(c))
        return whole;
    if (c->size.shown.bps)
        return (struct mcu_rect){ 0, 0, c->size.shown.width, c->size.shown.height };
    return mcu_layout_place(MCU_LAYOUT_GRID, users, k->width, k->height, tiles) > 0 ? tiles[0] : whole;
}

static void fill(const struct call *c, struct mcu_nego_caps *caps)
{
    const struct mcu_config *k = config_of(c);
    struct mcu_rect r = tile_of(c);
    bool small = may_offer(c);
    caps->ask.width = mcu_min(mcu_max(r.w, small ? SMALL_W : LEAST_W), caps->max_width);
    caps->ask.height = mcu_min(mcu_max(r.h, small ? SMALL_H : LEAST_H), caps->max_height);
    caps->ask.bps = mcu_shown_bps(k, caps->ask.width, caps->ask.height, k->fps);
}

void mcu_call_ask(struct call *c, const struct mcu_nego *nego, struct mcu_nego_caps *caps)
{
    const struct mcu_nego_line *video = video_of(nego);
    c->size.offered_bps = 0;
    if (!video || video->fb_tmmbr)
        return;
    fill(c, caps);
    c->size.offered_bps = caps->ask.bps;
}

void mcu_call_size_settled(struct call *c)
{
    c->size.told_bps = c->size.offered_bps;
    c->size.may_ns = mcu_loop_now(c->side->server->control) + APART_NS;
}

/* All stays as it was told before; this phone takes no such offers. */
void mcu_call_size_refused(struct call *c)
{
    c->size.refused = true;
}

/* Another class: what it is worth differs by half, either way. */
static bool differs(const struct call *c)
{
    struct mcu_nego_caps caps = { .max_width = config_of(c)->width, .max_height = config_of(c)->height };
    fill(c, &caps);
    return 2 * caps.ask.bps >= 3 * c->size.told_bps || 3 * caps.ask.bps <= 2 * c->size.told_bps;
}

/* told_bps 0: he has TMMBR, no picture, or no description yet. */
static bool wanted(const struct call *c)
{
    return may_offer(c) && c->size.told_bps && c->size.shown.width && !c->held && !c->over && c->sip &&
           c->leg && differs(c);
}

void mcu_call_shown(struct call *c, const struct mcu_shown *shown)
{
    int64_t now = mcu_loop_now(c->side->server->control);
    if (shown->width == 0 && c->size.shown.bps) /* nobody looks: that may pass */
        return;
    c->size.shown = *shown;
    if (!wanted(c))
        mcu_timer_stop(&c->size.timer);
    else if (!mcu_timer_running(&c->size.timer))
        mcu_timer_start(&c->size.timer, c->size.may_ns > now + STEADY_NS ? c->size.may_ns : now + STEADY_NS);
}

static void on_time(struct mcu_timer *timer)
{
    struct call *c = mcu_container_of(timer, struct call, size.timer);
    if (!wanted(c))
        return;
    struct mcu_rect r = tile_of(c);
    mcu_log(MCU_LOG_INFO, "asks-size", "leg=%u width=%d height=%d told_bps=%d", c->identity.leg, r.w, r.h,
            c->size.told_bps);
    mcu_sip_reoffer(c->sip);
}

void mcu_call_size_init(struct call *c)
{
    mcu_timer_init(&c->size.timer, c->side->server->control, on_time);
}

void mcu_call_size_free(struct call *c)
{
    mcu_timer_stop(&c->size.timer);
}
