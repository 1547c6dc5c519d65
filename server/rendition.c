/* The ladder of one view: rungs (sizes) and the renditions on them (one encoder each). Who subscribes to
 * which is in vsub.c.
 *
 *   canvas > rung: scale, once a size > rendition: encode, once > unit > every subscriber
 *
 * One picture waits before a scaler or an encoder, and the newest wins. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/counter.h"
#include "server/rendition_priv.h"

#define HISTORY_BYTES (1u << 20)
#define HISTORY_NS    (2 * MCU_NS_PER_S)
#define RUNG_PICTURES 3

static int64_t now_ns(const struct mcu_ladder *l)
{
    return mcu_loop_now(l->conf->media->loop);
}

/* ---- life of renditions ---- */

static void forget_history(struct mcu_rendition *r)
{
    for (int i = 0; i < r->history_count; i++)
        mcu_unit_unref(&r->history[i]);
    r->history_count = 0;
    r->history_bytes = 0;
}

static void free_rendition(struct mcu_rendition *r)
{
    struct mcu_rendition **p = &r->rung->renditions;
    while (*p != r)
        p = &(*p)->next;
    *p = r->next;
    forget_history(r);
    mcu_pic_unref(&r->waiting);
    mcu_venc_free(&r->in.encoder);
    free(r);
}

static void release_if_done(struct mcu_ladder *l)
{
    if (!l->ended || l->in_flight)
        return;
    struct mcu_conf *conf = l->conf;
    for (int i = 0; i < l->rung_count; i++) {
        struct mcu_rung *g = &l->rungs[i];
        while (g->renditions)
            free_rendition(g->renditions);
        mcu_pic_unref(&g->waiting);
        mcu_scaler_free(&g->scaler);
        mcu_pic_pool_free(&g->pool);
    }
    free(l);
    mcu_conf_node_gone(conf);
}

static void rendition_event(struct mcu_rendition *r, enum mcu_event_type type)
{
    const struct mcu_config_rung *s = &r->rung->spec;
    mcu_conf_event(r->rung->ladder->conf, NULL, type, "codec=%s size=%dx%d fps=%d bps=%d repair=%d",
                   mcu_codec_info(r->codec)->name, s->width, s->height, s->fps, s->bitrate_bps,
                   r->repair);
}

struct mcu_rendition *mcu_rendition_take(struct mcu_rung *g, enum mcu_codec codec, bool repair)
{
    for (struct mcu_rendition *r = g->renditions; r; r = r->next) {
        if (r->codec == codec && r->repair == repair && !r->dead) {
            r->subscribers++;
            return r;
        }
    }
    struct mcu_rendition *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->rung = g;
    r->codec = codec;
    r->repair = repair;
    r->subscribers = 1;
    mcu_strand_init(&r->strand, g->ladder->conf->media->workers, MCU_JOB_VIDEO);
    r->next = g->renditions;
    g->renditions = r;
    rendition_event(r, MCU_EVENT_RENDITION_STARTED);
    return r;
}

void mcu_rendition_drop(struct mcu_rendition *r)
{
    if (!r || --r->subscribers > 0)
        return;
    r->dead = true;
    rendition_event(r, MCU_EVENT_RENDITION_ENDED);
    if (!r->running)
        free_rendition(r);
}

/* ---- encode ---- */

static int open_encoder(struct mcu_rendition *r)
{
    const struct mcu_config_rung *s = &r->rung->spec;
    const char *h264 = r->rung->ladder->conf->config.h264_encoder;
    struct mcu_venc_config c = {
        .codec = r->codec, .width = s->width, .height = s->height, .fps = s->fps,
        .bitrate_bps = s->bitrate_bps,
        .backend = r->codec == MCU_CODEC_H264 && strcmp(h264, "x264") == 0 ? MCU_VENC_X264
                                                                           : MCU_VENC_AUTO,
    };
    mcu_venc_watch_set(&r->in.watch, s->bitrate_bps, s->fps);
    r->in.keyframe = true;
    return mcu_venc_new(&r->in.encoder, &c);
}

/* One unit, or none: the rung's bits of this second are spent. */
static void run_encode(struct mcu_job *job)
{
    struct mcu_rendition *r = mcu_container_of(job, struct mcu_rendition, job);
    r->in.unit = NULL;
    r->in.result = r->in.encoder ? 0 : open_encoder(r);
    if (r->in.result < 0)
        return;
    enum mcu_venc_verdict verdict =
        mcu_venc_watch_picture(&r->in.watch, r->in.pic, r->in.keyframe);
    if (verdict == MCU_VENC_LEAVE) {
        mcu_count(MCU_CNT_PICTURES_LEFT_OUT);
        return;
    }
    if (verdict == MCU_VENC_CUT) {
        mcu_count(MCU_CNT_KEYFRAMES_CUT);
        mcu_venc_brace(r->in.encoder);
    }
    r->in.result = mcu_venc_encode(r->in.encoder, r->in.pic,
                                   r->in.keyframe || verdict == MCU_VENC_CUT, &r->in.unit);
    if (r->in.result == 0)
        mcu_venc_watch_coded(&r->in.watch, r->in.unit->size);
}

/* What a newcomer's pacer takes at once: it refuses more than a second at 2.5 times the rate. */
static size_t history_limit(const struct mcu_rendition *r)
{
    size_t two_seconds = (size_t)r->rung->spec.bitrate_bps / 8 * 2;
    return two_seconds < HISTORY_BYTES ? two_seconds : HISTORY_BYTES;
}

static void remember(struct mcu_rendition *r, struct mcu_unit *u)
{
    if (u->keyframe)
        forget_history(r);
    else if (r->history_count == 0)
        return;
    int64_t since = u->time_ns - (r->history_count ? r->history[0]->time_ns : u->time_ns);
    if (r->history_count == MCU_RENDITION_HISTORY || r->history_bytes + u->size > history_limit(r) ||
        since > HISTORY_NS) {
        forget_history(r);
        return;
    }
    r->history[r->history_count++] = mcu_unit_ref(u);
    r->history_bytes += u->size;
}

/* Sound that has become ready meanwhile goes out before the next leg's picture. Returns where leg i
 * stands then: others may have left. */
static int serve_sound(struct mcu_conf *conf, int i)
{
    mcu_handle next = conf->legs[i]->handle;
    int count = conf->leg_count;
    mcu_loop_serve_first(conf->media->loop);
    for (int k = 0; k < conf->leg_count && conf->leg_count != count; k++)
        if (conf->legs[k]->handle == next)
            return k;
    return i;
}

static void fan_out(struct mcu_rendition *r, struct mcu_unit *u)
{
    struct mcu_conf *conf = r->rung->ladder->conf;
    for (int i = 0; i < conf->leg_count; i++) {
        i = serve_sound(conf, i);
        if (i >= conf->leg_count)
            return;
        struct mcu_conf_leg *leg = conf->legs[i];
        struct mcu_vsub *sub = leg->vsub;
        if (sub && sub->next == r && u->keyframe)
            mcu_vsub_arrive(sub);
        if (sub && sub->now == r)
            mcu_vsub_send(sub, u);
        if (i < conf->leg_count && conf->legs[i] != leg)
            i--; /* it has left meanwhile, and the next one stands in its place */
    }
}

static void start_encode(struct mcu_rendition *r);

static void encoded(struct mcu_job *job)
{
    struct mcu_rendition *r = mcu_container_of(job, struct mcu_rendition, job);
    struct mcu_ladder *l = r->rung->ladder;
    struct mcu_unit *u = r->in.unit;
    r->in.unit = NULL;
    mcu_pic_unref(&r->in.pic);
    if (r->in.keyframe && !(u && u->keyframe))
        r->keyframe_wanted = true; /* it failed: the wish stays */
    if (r->in.result < 0) {
        static struct mcu_log_limit limit;
        mcu_count(MCU_CNT_ENCODE_ERRORS);
        mcu_log_limited(&limit, MCU_LOG_ERROR, "encode-error", "conference=\"%s\" error=%d",
                        l->conf->room, r->in.result);
        r->keyframe_wanted |= r->in.keyframe; /* somebody still waits for it */
    } else if (u && !r->dead && !l->ended) {
        r->frames++;
        r->bytes += u->size;
        if (u->keyframe) {
            r->keyframe_wanted = false; /* whoever asked while it was encoded has it now */
            r->keyframes++;
            r->last_keyframe_ns = now_ns(l);
            mcu_count(MCU_CNT_KEYFRAMES_ENCODED);
        }
        snprintf(r->encoder_name, sizeof(r->encoder_name), "%s",
                 mcu_venc_backend_name(r->in.encoder));
        remember(r, u);
        fan_out(r, u);
    }
    mcu_unit_unref(&u);
    r->running = false; /* only now: a leg may leave while the unit goes out */
    l->in_flight--;
    if (l->ended)
        release_if_done(l);
    else if (r->dead)
        free_rendition(r);
    else if (r->waiting)
        start_encode(r);
}

static void start_encode(struct mcu_rendition *r)
{
    struct mcu_ladder *l = r->rung->ladder;
    r->in.pic = r->waiting;
    r->waiting = NULL;
    bool apart = !r->last_keyframe_ns || now_ns(l) - r->last_keyframe_ns >= MCU_KEYFRAME_APART_NS;
    r->in.keyframe = r->keyframe_wanted && apart;
    if (r->in.keyframe)
        r->keyframe_wanted = false;
    r->job.home = l->conf->media->loop;
    r->job.run = run_encode;
    r->job.done = encoded;
    r->running = true;
    l->in_flight++;
    mcu_strand_push(&r->strand, &r->job);
}

static void offer(struct mcu_rung *g, struct mcu_pic *pic)
{
    for (struct mcu_rendition *r = g->renditions; r; r = r->next) {
        if (r->dead)
            continue;
        if (r->waiting) {
            mcu_count(MCU_CNT_CANVAS_REPLACED);
            mcu_media_tick(&g->ladder->conf->media->ticks.pictures_late, 1);
            mcu_pic_unref(&r->waiting);
        }
        r->waiting = mcu_pic_ref(pic);
        if (!r->running)
            start_encode(r);
    }
}

/* ---- scale ---- */

static void run_scale(struct mcu_job *job)
{
    struct mcu_rung *g = mcu_container_of(job, struct mcu_rung, job);
    struct mcu_rect from = { 0, 0, g->in->width, g->in->height };
    struct mcu_rect to = { 0, 0, g->spec.width, g->spec.height };
    g->out = g->pool ? mcu_pic_pool_get(g->pool) : NULL;
    if (!g->out)
        return;
    if (mcu_scaler_run(g->scaler, g->in, from, g->out, to) < 0) {
        mcu_pic_unref(&g->out);
        return;
    }
    g->out->time_ns = g->in->time_ns;
    g->out->sent_ns = g->in->sent_ns;
}

static void start_scale(struct mcu_rung *g);

static void scaled(struct mcu_job *job)
{
    struct mcu_rung *g = mcu_container_of(job, struct mcu_rung, job);
    struct mcu_ladder *l = g->ladder;
    struct mcu_pic *out = g->out;
    g->out = NULL;
    g->running = false;
    l->in_flight--;
    mcu_pic_unref(&g->in);
    if (out && !l->ended)
        offer(g, out);
    mcu_pic_unref(&out);
    if (l->ended)
        release_if_done(l);
    else if (g->waiting)
        start_scale(g);
}

static void start_scale(struct mcu_rung *g)
{
    g->in = g->waiting;
    g->waiting = NULL;
    g->job.home = g->ladder->conf->media->loop;
    g->job.run = run_scale;
    g->job.done = scaled;
    g->running = true;
    g->ladder->in_flight++;
    mcu_strand_push(&g->strand, &g->job);
}

static bool rung_is_due(struct mcu_rung *g, int64_t time_ns)
{
    int64_t period = MCU_NS_PER_S / g->spec.fps;
    int64_t slack = MCU_NS_PER_S / g->ladder->conf->config.fps / 2;
    if (time_ns + slack < g->next_due_ns)
        return false;
    /* From the last due time, so that 15 of 30 stay 15; anew after a pause. */
    g->next_due_ns = time_ns - g->next_due_ns > period ? time_ns + period : g->next_due_ns + period;
    return true;
}

void mcu_ladder_canvas(struct mcu_ladder *l, struct mcu_pic *canvas)
{
    for (int i = 0; i < l->rung_count; i++) {
        struct mcu_rung *g = &l->rungs[i];
        if (!g->renditions || !rung_is_due(g, canvas->time_ns))
            continue;
        if (!g->scaled) {
            offer(g, canvas);
            continue;
        }
        if (g->waiting) {
            mcu_count(MCU_CNT_CANVAS_REPLACED);
            mcu_pic_unref(&g->waiting);
        }
        g->waiting = mcu_pic_ref(canvas);
        if (!g->running)
            start_scale(g);
    }
}

/* ---- the ladder ---- */

static int init_rung(struct mcu_ladder *l, struct mcu_rung *g, const struct mcu_config_rung *spec)
{
    g->ladder = l;
    g->spec = *spec;
    g->spec.fps = mcu_min(g->spec.fps, l->conf->config.fps);
    g->scaled = spec->width != l->conf->config.width || spec->height != l->conf->config.height;
    mcu_strand_init(&g->strand, l->conf->media->workers, MCU_JOB_VIDEO);
    if (!g->scaled)
        return 0;
    int rc = mcu_scaler_new(&g->scaler);
    return rc < 0 ? rc : mcu_pic_pool_new(&g->pool, spec->width, spec->height, RUNG_PICTURES);
}

int mcu_ladder_new(struct mcu_ladder **out, struct mcu_conf *conf)
{
    struct mcu_ladder *l = calloc(1, sizeof(*l));
    if (!l)
        return -ENOMEM;
    l->conf = conf;
    int rc = 0;
    for (int i = 0; i < conf->config.rung_count && rc == 0; i++)
        rc = init_rung(l, &l->rungs[l->rung_count++], &conf->config.rungs[i]);
    conf->nodes++;
    if (rc < 0)
        mcu_ladder_end(&l);
    else
        *out = l;
    return rc;
}

void mcu_ladder_end(struct mcu_ladder **lp)
{
    struct mcu_ladder *l = *lp;
    *lp = NULL;
    if (!l)
        return;
    l->ended = true;
    release_if_done(l);
}

bool mcu_ladder_used(const struct mcu_ladder *l)
{
    for (int i = 0; i < l->rung_count; i++)
        for (const struct mcu_rendition *r = l->rungs[i].renditions; r; r = r->next)
            if (!r->dead)
                return true;
    return false;
}

void mcu_ladder_get_info(const struct mcu_ladder *l, struct mcu_conf_info *info)
{
    for (int i = 0; i < l->rung_count; i++) {
        for (const struct mcu_rendition *r = l->rungs[i].renditions; r; r = r->next) {
            if (r->dead || info->rendition_count == MCU_CONF_MAX_RENDITIONS)
                continue;
            struct mcu_rendition_info *o = &info->renditions[info->rendition_count++];
            *o = (struct mcu_rendition_info){
                .codec = r->codec, .width = r->rung->spec.width, .height = r->rung->spec.height,
                .fps = r->rung->spec.fps, .bitrate_bps = r->rung->spec.bitrate_bps,
                .subscribers = r->subscribers, .repair = r->repair, .frames = r->frames,
                .keyframes = r->keyframes, .bytes = r->bytes,
            };
            memcpy(o->encoder, r->encoder_name, sizeof(o->encoder));
        }
    }
}
