/* A stage: one view of a conference. Each video tick takes the newest due picture of every tile and
 * composes what changed; the canvas goes to the ladder. The canvas ticks whatever a source does, and
 * stands still only while nobody watches. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "server/help.h"
#include "server/overload.h"
#include "server/video_priv.h"

#define LATE_NS         (5 * MCU_NS_PER_MS)

struct shown_tile {
    struct mcu_pic *pic; /* reference for the job */
    char name[MCU_NAME_MAX];
};

struct mcu_stage {
    struct mcu_conf *conf;
    enum mcu_layout_kind layout;
    struct mcu_timer timer;
    int64_t start_ns, next_tick; /* tick n is due at start_ns + n / fps s */
    int64_t composed_tick;       /* the newest that was to have a canvas */
    struct mcu_strand strand;
    struct mcu_job job;
    bool running, ended;
    struct mcu_help help;    /* a second core for a tick with much to do */
    struct mcu_view *view;
    struct mcu_view_config view_config;
    struct mcu_ladder *ladder;
    uint64_t ticks, late, skipped;
    int64_t cpu_ns;
    struct mcu_view_stats view_stats; /* as of the last job */

    struct { /* written before the job starts, the job's until it is done */
        struct mcu_tile tiles[MCU_LAYOUT_MAX_TILES];
        struct shown_tile shown[MCU_LAYOUT_MAX_TILES];
        int tile_count;
        int64_t time_ns;
        struct mcu_image *logo; /* reference for the job */
        enum mcu_corner logo_corner;
        int logo_percent;
        char idle_text[MCU_ROOM_MAX + 32];
        struct mcu_pic *canvas;
        int result;
    } in;
};

/* ---- what is shown where ---- */

/* Who gets a tile: all in the order of joining; when there are more than fit, those who spoke last
 * take the places of those who did not. */
static int choose_legs(struct mcu_conf *conf, struct mcu_conf_leg **out)
{
    int n = 0;
    for (int i = 0; i < conf->leg_count; i++) {
        struct mcu_conf_leg *leg = conf->legs[i];
        if (leg->join.hidden)
            continue;
        if (n < MCU_LAYOUT_MAX_TILES) {
            out[n++] = leg;
            continue;
        }
        int quietest = 0;
        for (int k = 1; k < n; k++)
            if (out[k]->spoke_ns < out[quietest]->spoke_ns)
                quietest = k;
        if (leg->spoke_ns > out[quietest]->spoke_ns)
            out[quietest] = leg;
    }
    return n;
}

static void speaker_first(struct mcu_conf *conf, struct mcu_conf_leg **legs, int n)
{
    for (int i = 1; i < n; i++) {
        if (legs[i] != conf->speaker)
            continue;
        memmove(&legs[1], &legs[0], sizeof(*legs) * (size_t)i);
        legs[0] = conf->speaker;
    }
}

static void fill_tile(struct mcu_stage *st, int i, struct mcu_conf_leg *leg, struct mcu_rect rect)
{
    struct mcu_tile *t = &st->in.tiles[i];
    struct shown_tile *s = &st->in.shown[i];
    const struct mcu_pic *pic = NULL;
    uint64_t id = 0;
    enum mcu_vsource_state state = MCU_VSOURCE_NONE;
    if (leg->vsource)
        state = mcu_vsource_due(leg->vsource, st->in.time_ns, &pic, &id);
    s->pic = pic ? mcu_pic_ref((struct mcu_pic *)pic) : NULL;
    snprintf(s->name, sizeof(s->name), "%s", leg->join.name);
    *t = (struct mcu_tile){
        .rect = rect,
        .pic = s->pic,
        .pic_id = id,
        .grey = state == MCU_VSOURCE_FROZEN,
        .speaking = leg == st->conf->speaker,
        .muted = !leg->join.sends_audio || leg->join.muted,
        .hand = leg->join.hand,
        .who = leg->join.leg,
        .name = s->name,
    };
}

int mcu_stage_arrange(const struct mcu_stage *st, struct mcu_conf_leg *legs[MCU_LAYOUT_MAX_TILES],
                      struct mcu_rect rects[MCU_LAYOUT_MAX_TILES])
{
    struct mcu_conf *conf = st->conf;
    int n = choose_legs(conf, legs);
    if (st->layout == MCU_LAYOUT_SPEAKER)
        speaker_first(conf, legs, n);
    return mcu_layout_place(st->layout, n, conf->config.width, conf->config.height, rects);
}

static void fill_tiles(struct mcu_stage *st)
{
    struct mcu_conf_leg *legs[MCU_LAYOUT_MAX_TILES];
    struct mcu_rect rects[MCU_LAYOUT_MAX_TILES];
    st->in.tile_count = mcu_stage_arrange(st, legs, rects);
    for (int i = 0; i < st->in.tile_count; i++)
        fill_tile(st, i, legs[i], rects[i]);
}

/* ---- compose ---- */

static void run_help(void *arg)
{
    struct mcu_stage *st = arg;
    mcu_view_help(st->view);
}

/* From the compose job. One that still waits from a tick before will do. */
static void ask_help(void *arg)
{
    struct mcu_stage *st = arg;
    mcu_help_ask(&st->help, 1);
}

static int make_view(struct mcu_stage *st)
{
    int rc = mcu_view_new(&st->view, &st->view_config);
    if (rc == 0 && mcu_workers_cores(st->conf->media->workers) > 1)
        mcu_view_set_help(st->view, ask_help, st);
    return rc;
}

static void run_compose(struct mcu_job *job)
{
    struct mcu_stage *st = mcu_container_of(job, struct mcu_stage, job);
    st->in.canvas = NULL;
    st->in.result = 0;
    if (!st->view)
        st->in.result = make_view(st);
    if (st->in.result == 0)
        mcu_view_set_logo(st->view, st->in.logo, st->in.logo_corner, st->in.logo_percent);
    if (st->in.result == 0)
        st->in.result = mcu_view_compose(st->view, st->in.tiles, st->in.tile_count,
                                         st->in.idle_text, st->in.time_ns, &st->in.canvas);
    if (st->view)
        mcu_view_get_stats(st->view, &st->view_stats);
}

/* When nothing of it is with the workers any more. */
static void release(struct mcu_stage *st)
{
    struct mcu_conf *conf = st->conf;
    if (st->running || mcu_help_is_out(&st->help))
        return;
    mcu_view_free(&st->view);
    free(st);
    mcu_conf_node_gone(conf);
}

static void helped(void *arg, int64_t cpu_ns)
{
    struct mcu_stage *st = arg;
    st->cpu_ns += cpu_ns;
    if (st->ended)
        release(st);
}

static void composed(struct mcu_job *job)
{
    struct mcu_stage *st = mcu_container_of(job, struct mcu_stage, job);
    st->running = false;
    st->cpu_ns += job->cpu_ns;
    for (int i = 0; i < st->in.tile_count; i++)
        mcu_pic_unref(&st->in.shown[i].pic);
    mcu_image_unref(&st->in.logo);
    if (st->in.result < 0) {
        st->skipped++;
        mcu_count(MCU_CNT_VIDEO_SKIPPED_TICKS);
    } else if (!st->ended) {
        mcu_ladder_canvas(st->ladder, st->in.canvas);
    }
    mcu_pic_unref(&st->in.canvas);
    if (st->ended)
        release(st);
}

bool mcu_stage_watched(const struct mcu_stage *st)
{
    return mcu_ladder_used(st->ladder);
}

static int64_t tick_time(const struct mcu_stage *st, int64_t tick)
{
    return st->start_ns + mcu_clock_from_ticks(tick, st->conf->config.fps);
}

static void compose(struct mcu_stage *st, int64_t time_ns)
{
    struct mcu_conf *conf = st->conf;
    if (st->running) {
        st->skipped++;
        mcu_count(MCU_CNT_VIDEO_SKIPPED_TICKS);
        mcu_media_tick(&conf->media->ticks.pictures, 1);
        mcu_media_tick(&conf->media->ticks.pictures_late, 1);
        return;
    }
    mcu_stages_tell_sources(conf);
    if (!mcu_stage_watched(st))
        return;
    mcu_media_tick(&conf->media->ticks.pictures, 1);
    st->in.time_ns = time_ns;
    snprintf(st->in.idle_text, sizeof(st->in.idle_text), "%s", conf->room);
    st->in.logo = conf->media->logo ? mcu_image_ref(conf->media->logo) : NULL;
    st->in.logo_corner = conf->config.logo_corner;
    st->in.logo_percent = conf->config.logo_percent;
    fill_tiles(st);
    st->job.home = conf->media->loop;
    st->job.run = run_compose;
    st->job.done = composed;
    st->running = true;
    mcu_strand_push(&st->strand, &st->job);
}

/* Under overload not every tick has a canvas. */
static bool has_canvas(struct mcu_stage *st)
{
    int level = atomic_load_explicit(&st->conf->media->overload_level, memory_order_relaxed);
    int fps = st->conf->config.fps, most = mcu_overload_fps(level, fps);
    if (st->composed_tick && st->next_tick - st->composed_tick < (fps + most - 1) / most)
        return false;
    st->composed_tick = st->next_tick;
    return true;
}

static void on_tick(struct mcu_timer *timer)
{
    struct mcu_stage *st = mcu_container_of(timer, struct mcu_stage, timer);
    struct mcu_conf *conf = st->conf;
    int64_t now = mcu_loop_now(timer->loop);
    if (now - timer->due_ns > LATE_NS) {
        st->late++;
        mcu_count(MCU_CNT_VIDEO_LATE_TICKS);
    }
    /* Pictures that nobody could see any more are not made good: the newest tick counts. */
    int64_t tick = mcu_clock_to_ticks(now - st->start_ns, conf->config.fps);
    if (tick > st->next_tick) {
        st->skipped += (uint64_t)(tick - st->next_tick);
        mcu_count_add(MCU_CNT_VIDEO_SKIPPED_TICKS, (uint64_t)(tick - st->next_tick));
        st->next_tick = tick;
    }
    if (has_canvas(st))
        compose(st, tick_time(st, st->next_tick));
    st->ticks++;
    st->next_tick++;
    mcu_timer_start(timer, tick_time(st, st->next_tick));
}

/* ---- life ---- */

/* What a view's look is made of is fixed when it is made; the layout is read each tick. */
static struct mcu_view_config view_config(const struct mcu_config *k)
{
    return (struct mcu_view_config){ .width = k->width, .height = k->height, .crop = k->crop,
                                     .border = k->border, .plain = k->plain_corners,
                                     .fades = k->fades, .names = k->names };
}

/* Stages of one conference tick at the same moments, so that one's pictures are due for the others. */
static void start_ticking(struct mcu_stage *st)
{
    struct mcu_conf *conf = st->conf;
    int64_t now = mcu_loop_now(conf->media->loop);
    st->start_ns = conf->stage ? conf->stage->start_ns : now + 3 * MCU_NS_PER_MS;
    if (now > st->start_ns)
        st->next_tick = mcu_clock_to_ticks(now - st->start_ns, conf->config.fps) + 1;
    mcu_timer_init(&st->timer, conf->media->loop, on_tick);
    mcu_timer_start(&st->timer, tick_time(st, st->next_tick));
}

int mcu_stage_new(struct mcu_stage **out, struct mcu_conf *conf, enum mcu_layout_kind layout)
{
    struct mcu_stage *st = calloc(1, sizeof(*st));
    if (!st)
        return -ENOMEM;
    st->conf = conf;
    st->layout = layout;
    int rc = mcu_ladder_new(&st->ladder, conf);
    if (rc < 0) {
        free(st);
        return rc;
    }
    mcu_strand_init(&st->strand, conf->media->workers, MCU_JOB_VIDEO);
    st->help = (struct mcu_help){ .run = run_help, .done = helped, .arg = st };
    mcu_help_init(&st->help, conf->media->workers, MCU_JOB_VIDEO, conf->media->loop, 1);
    st->view_config = view_config(&conf->config);
    start_ticking(st);
    conf->nodes++;
    *out = st;
    return 0;
}

void mcu_stage_end(struct mcu_stage **pp)
{
    struct mcu_stage *st = *pp;
    *pp = NULL;
    if (!st)
        return;
    mcu_timer_stop(&st->timer);
    st->ended = true;
    mcu_ladder_end(&st->ladder);
    release(st);
}

enum mcu_layout_kind mcu_stage_layout(const struct mcu_stage *st)
{
    return st->layout;
}

void mcu_stage_set_layout(struct mcu_stage *st, enum mcu_layout_kind layout)
{
    st->layout = layout;
}

struct mcu_ladder *mcu_stage_ladder(struct mcu_stage *st)
{
    return st->ladder;
}

void mcu_stage_get_info(const struct mcu_stage *st, struct mcu_conf_info *info)
{
    int first = info->rendition_count;
    info->video_ticks += st->ticks;
    info->video_late += st->late;
    info->video_skipped += st->skipped;
    info->video_cpu_ns += st->cpu_ns;
    if (!st->running) {
        info->tiles_drawn += st->view_stats.tiles_drawn;
        info->tiles_kept += st->view_stats.tiles_kept;
    }
    mcu_ladder_get_info(st->ladder, info);
    for (int i = first; i < info->rendition_count; i++)
        info->renditions[i].layout = st->layout;
}
