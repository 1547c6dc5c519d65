/* The sound side of a conference on its loop: sources, subscribers and renditions come and go
 * between two jobs; ticks start jobs; what a job made goes out to the legs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "server/conf_priv.h"

#define LATE_NS (5 * MCU_NS_PER_MS)
#define SENT_LATE_NS MCU_PCM_TICK_NS /* the next one is due already */
#define SPLIT_NS (2 * MCU_NS_PER_MS)
#define COST_TICKS 8 /* that a tick's cost is smoothed over */

/* Renditions are few and their keys coarse, so that legs share: 0 is "by the channels". */
static const int opus_rates_bps[] = { 96000, 64000, 48000, 32000, 24000, 16000, 12000 };

/* ---- births and deaths, while no job runs or on lists that wait for its end ---- */

static void free_source(struct mcu_asource *s)
{
    for (int i = 0; i < s->in_count; i++)
        mcu_unit_unref(&s->in[i]);
    for (int i = 0; i < s->job.queue_count; i++)
        mcu_unit_unref(&s->job.queue[i]);
    mcu_adec_free(&s->job.decoder);
    mcu_playout_free(&s->job.playout);
    mcu_tap_unref(&s->tap);
    mcu_tap_unref(&s->job.tap);
    free(s);
}

static void free_sub(struct mcu_asub *sub)
{
    for (int k = 0; k < MCU_AUDIO_MAX_TICKS; k++)
        mcu_unit_unref(&sub->job.out[k]);
    mcu_aenc_free(&sub->job.encoder);
    free(sub);
}

static void bury(struct mcu_audio_graph *g)
{
    while (g->dead_subs) {
        struct mcu_asub *sub = g->dead_subs;
        g->dead_subs = sub->next_dead;
        free_sub(sub);
    }
    while (g->dead_sources) {
        struct mcu_asource *s = g->dead_sources;
        g->dead_sources = s->next_dead;
        free_source(s);
    }
    while (g->dead_renditions) {
        struct mcu_arendition *r = g->dead_renditions;
        g->dead_renditions = r->next_dead;
        mcu_aenc_free(&r->job.encoder);
        free(r);
    }
}

static struct mcu_asource *new_source(struct mcu_conf_leg *leg)
{
    struct mcu_asource *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->job.channels = 1;
    if (mcu_playout_new(&s->job.playout, s->job.channels) < 0) {
        free(s);
        return NULL;
    }
    s->leg = leg;
    s->level_dbov = -127;
    s->job.mix_index = -1;
    return s;
}

/* ---- renditions ---- */

static struct mcu_audio_want normalised(const struct mcu_conf *conf,
                                        const struct mcu_audio_want *want)
{
    struct mcu_audio_want w = *want;
    if (w.codec != MCU_CODEC_OPUS)
        return (struct mcu_audio_want){ .codec = w.codec, .frame_ms = MCU_PCM_TICK_MS,
                                        .channels = 1 };
    w.frame_ms = w.frame_ms >= 60 ? 60 : w.frame_ms >= 40 ? 40 : 20;
    w.channels = mcu_clamp(w.channels, 1, conf->audio.channels);
    if (w.max_playback_rate_hz <= 0 || w.max_playback_rate_hz > MCU_PCM_RATE_HZ)
        w.max_playback_rate_hz = MCU_PCM_RATE_HZ;
    int wish = w.bitrate_bps ? w.bitrate_bps : MCU_PCM_RATE_HZ * 2;
    int usual = conf->config.opus_bps ? conf->config.opus_bps : 32000 * w.channels;
    wish = mcu_min(wish, usual);
    w.bitrate_bps = opus_rates_bps[MCU_ARRAY_LEN(opus_rates_bps) - 1];
    for (size_t i = MCU_ARRAY_LEN(opus_rates_bps); i-- > 0;)
        if (opus_rates_bps[i] <= wish)
            w.bitrate_bps = opus_rates_bps[i];
    return w;
}

static bool same_want(const struct mcu_audio_want *a, const struct mcu_audio_want *b)
{
    return a->codec == b->codec && a->bitrate_bps == b->bitrate_bps && a->channels == b->channels &&
           a->frame_ms == b->frame_ms && a->max_playback_rate_hz == b->max_playback_rate_hz &&
           a->fec == b->fec && a->dtx == b->dtx;
}

/* The rendition that other legs of the conference already have for this want, or a new one. */
static struct mcu_arendition *take_rendition(struct mcu_conf *conf,
                                             const struct mcu_audio_want *want)
{
    for (int i = 0; i < conf->leg_count; i++) {
        struct mcu_asub *other = conf->legs[i]->asub;
        if (other && same_want(&other->shared->want, want)) {
            other->shared->subscribers++;
            return other->shared;
        }
    }
    struct mcu_arendition *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->want = *want;
    r->subscribers = 1;
    return r;
}

static void drop_rendition(struct mcu_audio_graph *g, struct mcu_arendition *r)
{
    if (--r->subscribers > 0)
        return;
    r->next_dead = g->dead_renditions;
    g->dead_renditions = r;
}

static int new_sub(struct mcu_conf_leg *leg)
{
    struct mcu_asub *sub = calloc(1, sizeof(*sub));
    if (!sub)
        return -ENOMEM;
    sub->leg = leg;
    sub->want = normalised(leg->conf, &leg->join.audio);
    sub->shared = take_rendition(leg->conf, &sub->want);
    if (!sub->shared) {
        free(sub);
        return -ENOMEM;
    }
    leg->asub = sub;
    return 0;
}

static void drop_source(struct mcu_conf_leg *leg)
{
    struct mcu_audio_graph *g = &leg->conf->audio;
    struct mcu_asource *s = leg->asource;
    if (!s)
        return;
    s->leg = NULL;
    s->next_dead = g->dead_sources;
    g->dead_sources = s;
    leg->asource = NULL;
}

static void drop_sub(struct mcu_conf_leg *leg)
{
    struct mcu_audio_graph *g = &leg->conf->audio;
    struct mcu_asub *sub = leg->asub;
    if (!sub)
        return;
    drop_rendition(g, sub->shared);
    sub->leg = NULL;
    sub->next_dead = g->dead_subs;
    g->dead_subs = sub;
    leg->asub = NULL;
}

static void changed(struct mcu_audio_graph *g)
{
    g->plan_dirty = true;
    if (!g->job_running) {
        /* The plan still names them, but is made anew before the next job. */
        bury(g);
    }
}

int mcu_audio_join(struct mcu_conf_leg *leg)
{
    int rc = 0;
    if (leg->join.sends_audio && !(leg->asource = new_source(leg)))
        return -ENOMEM;
    if (leg->join.audio.codec != MCU_CODEC_NONE)
        rc = new_sub(leg);
    changed(&leg->conf->audio);
    return rc;
}

void mcu_audio_leave(struct mcu_conf_leg *leg)
{
    drop_source(leg);
    drop_sub(leg);
    changed(&leg->conf->audio);
}

void mcu_audio_update(struct mcu_conf_leg *leg)
{
    struct mcu_audio_want want = normalised(leg->conf, &leg->join.audio);
    if (!leg->join.sends_audio)
        drop_source(leg);
    else if (!leg->asource)
        leg->asource = new_source(leg);
    if (leg->asub && (want.codec == MCU_CODEC_NONE || !same_want(&leg->asub->want, &want)))
        drop_sub(leg);
    if (!leg->asub && want.codec != MCU_CODEC_NONE && new_sub(leg) < 0)
        mcu_log(MCU_LOG_ERROR, "audio-subscriber-failed", "leg=%u", leg->join.leg);
    changed(&leg->conf->audio);
}

void mcu_audio_unit(struct mcu_conf_leg *leg, struct mcu_unit *unit)
{
    struct mcu_asource *s = leg->asource;
    if (!s)
        return;
    if (s->in_count == MCU_ASOURCE_QUEUE) {
        /* Over a second waits: the oldest is worth least. */
        mcu_unit_unref(&s->in[0]);
        memmove(&s->in[0], &s->in[1], sizeof(s->in[0]) * (MCU_ASOURCE_QUEUE - 1));
        s->in_count--;
    }
    s->in[s->in_count++] = mcu_unit_ref(unit);
}

/* ---- ticks ---- */

static int grow(void *array, int *capacity, int wanted, size_t size)
{
    void **p = array;
    if (wanted <= *capacity)
        return 0;
    int n = mcu_max(wanted * 2, 16);
    void *grown = realloc(*p, (size_t)n * size);
    if (!grown)
        return -ENOMEM;
    *p = grown;
    *capacity = n;
    return 0;
}

static void plan_rendition(struct mcu_audio_graph *g, struct mcu_arendition *r)
{
    for (int i = 0; i < g->rendition_count; i++)
        if (g->renditions[i] == r)
            return;
    g->renditions[g->rendition_count++] = r;
}

static int make_plan(struct mcu_conf *conf)
{
    struct mcu_audio_graph *g = &conf->audio;
    struct mcu_asource *speaker =
        g->speaker >= 0 && conf->speaker ? conf->speaker->asource : NULL;
    if (grow(&g->sources, &g->source_capacity, conf->leg_count, sizeof(*g->sources)) < 0 ||
        grow(&g->heard, &g->heard_capacity, conf->leg_count, sizeof(*g->heard)) < 0 ||
        grow(&g->subs, &g->sub_capacity, conf->leg_count, sizeof(*g->subs)) < 0 ||
        grow(&g->own, &g->own_capacity, conf->leg_count, sizeof(*g->own)) < 0 ||
        grow(&g->renditions, &g->rendition_capacity, conf->leg_count, sizeof(*g->renditions)) < 0)
        return -ENOMEM;
    g->source_count = g->sub_count = g->rendition_count = 0;
    g->speaker = -1;
    for (int i = 0; i < conf->leg_count; i++) {
        struct mcu_conf_leg *leg = conf->legs[i];
        if (leg->asource) {
            if (leg->asource == speaker)
                g->speaker = g->source_count;
            g->heard[g->source_count] = &leg->asource->job.heard;
            g->sources[g->source_count++] = leg->asource;
        }
        if (leg->asub) {
            leg->asub->source = leg->asource;
            g->subs[g->sub_count++] = leg->asub;
            plan_rendition(g, leg->asub->shared);
        }
    }
    g->plan_dirty = false;
    return 0;
}

static void hand_over(struct mcu_audio_graph *g)
{
    for (int i = 0; i < g->source_count; i++) {
        struct mcu_asource *s = g->sources[i];
        memcpy(s->job.queue, s->in, sizeof(s->in[0]) * (size_t)s->in_count);
        s->job.queue_count = s->in_count;
        s->in_count = 0;
        s->job.extra_delay_ms = s->extra_delay_ms;
        if (s->tap && mcu_tap_reader_gone(s->tap))
            mcu_tap_unref(&s->tap);
        if (s->job.tap != s->tap) {
            mcu_tap_unref(&s->job.tap);
            s->job.tap = s->tap ? mcu_tap_ref(s->tap) : NULL;
        }
    }
    for (int i = 0; i < g->sub_count; i++)
        g->subs[i]->job.loss_percent = g->subs[i]->loss_percent;
}

/* By what the ticks before cost, whoever did them: so who is silent and says so counts for nothing,
 * and an Opus caller for more than one of G.711. */
static void plan_help(struct mcu_conf *conf)
{
    struct mcu_audio_graph *g = &conf->audio;
    int most = mcu_workers_cores(conf->media->workers) - 1;
    g->helpers = g->split_ns > 0 ? (int)(g->cost_ns / g->split_ns) : most;
    g->helpers = mcu_min(g->helpers, most);
}

static void note_cost(struct mcu_audio_graph *g, int64_t cpu_ns)
{
    g->cpu_ns += cpu_ns;
    g->cost_ns += ((cpu_ns + g->help_cpu_ns) / g->job_ticks - g->cost_ns) / COST_TICKS;
    g->help_cpu_ns = 0;
}

static void take_config(struct mcu_conf *conf)
{
    struct mcu_audio_graph *g = &conf->audio;
    g->heard_config = (struct mcu_heard_config){ .threshold_dbov = conf->config.heard_threshold_dbov,
                                                 .max_heard = conf->config.max_heard,
                                                 .hold_ms = 500 };
    g->opus_bps = conf->config.opus_bps;
}

static void launch(struct mcu_conf *conf, int64_t now_ns)
{
    struct mcu_audio_graph *g = &conf->audio;
    int64_t due = (now_ns - g->start_ns) / MCU_PCM_TICK_NS + 1 - g->next_tick;
    if (due <= 0 || g->job_running || g->ended)
        return;
    if (due > MCU_AUDIO_MAX_TICKS) {
        g->skipped += (uint64_t)(due - MCU_AUDIO_MAX_TICKS);
        mcu_count_add(MCU_CNT_AUDIO_SKIPPED_TICKS, (uint64_t)(due - MCU_AUDIO_MAX_TICKS));
        mcu_media_tick(&conf->media->ticks.sound_late, due - MCU_AUDIO_MAX_TICKS);
        g->next_tick += due - MCU_AUDIO_MAX_TICKS;
        due = MCU_AUDIO_MAX_TICKS;
    }
    if (due > 1) { /* the job before took longer than a tick */
        g->late += (uint64_t)(due - 1);
        mcu_count_add(MCU_CNT_AUDIO_LATE_TICKS, (uint64_t)(due - 1));
    }
    bury(g);
    take_config(conf);
    plan_help(conf);
    if (g->plan_dirty && make_plan(conf) < 0)
        return;
    g->job_first_tick = g->next_tick;
    g->job_ticks = (int)due;
    g->next_tick += due;
    g->ticks += (uint64_t)due;
    hand_over(g);
    g->job_running = true;
    mcu_strand_push(&g->strand, &g->job);
}

static void on_tick(struct mcu_timer *timer)
{
    struct mcu_conf *conf = mcu_container_of(timer, struct mcu_conf, audio.timer);
    struct mcu_audio_graph *g = &conf->audio;
    int64_t now_ns = mcu_loop_now(timer->loop);
    if (now_ns - timer->due_ns > LATE_NS) {
        g->late++;
        mcu_count(MCU_CNT_AUDIO_LATE_TICKS);
    }
    launch(conf, now_ns);
    int64_t next = (now_ns - g->start_ns) / MCU_PCM_TICK_NS + 1;
    mcu_timer_start(timer, g->start_ns + next * MCU_PCM_TICK_NS);
}

static void collect_source(struct mcu_asource *s)
{
    struct mcu_playout_stats stats;
    mcu_playout_get_stats(s->job.playout, &stats);
    s->delay_ns = s->job.delay_ns;
    s->alone_ns = s->job.alone_ns;
    s->level_dbov = s->job.heard.level_dbov;
    s->heard = s->job.heard.heard;
    s->codec = s->job.codec;
    s->playout_ms = stats.depth_ms;
    s->underruns = stats.underruns;
    s->decode_errors = s->job.decode_errors;
    if (s->leg && s->heard)
        s->leg->spoke_ns = mcu_loop_now(s->leg->conf->media->loop);
}

static void send_out(struct mcu_asub *sub, int ticks)
{
    sub->own_mix = sub->job.on_own;
    for (int k = 0; k < ticks; k++) {
        struct mcu_unit *u = sub->job.out[k];
        if (u && sub->leg)
            sub->leg->join.sink.unit(&sub->leg->join.sink, MCU_ROLE_AUDIO, u);
        mcu_unit_unref(&sub->job.out[k]);
    }
}

/* When nothing of it is with the workers any more. */
static void release(struct mcu_conf *conf)
{
    struct mcu_audio_graph *g = &conf->audio;
    if (g->job_running || mcu_help_is_out(&g->help))
        return;
    bury(g);
    mcu_share_deinit(&g->share);
    mcu_amix_free(&g->amix);
    free(g->own);
    free(g->sources);
    free(g->heard);
    free(g->subs);
    free(g->renditions);
    mcu_conf_node_gone(conf);
}

static void on_helped(void *arg, int64_t cpu_ns)
{
    struct mcu_conf *conf = mcu_container_of(arg, struct mcu_conf, audio);
    struct mcu_audio_graph *g = &conf->audio;
    g->cpu_ns += cpu_ns;
    g->help_cpu_ns += cpu_ns;
    if (g->ended)
        release(conf);
}

static void note_lateness(const struct mcu_conf *conf)
{
    const struct mcu_audio_graph *g = &conf->audio;
    int64_t behind_ns = mcu_loop_now(conf->media->loop) -
                        (g->start_ns + (g->job_first_tick + g->job_ticks - 1) * MCU_PCM_TICK_NS);
    mcu_media_tick(&conf->media->ticks.sound, g->job_ticks);
    /* All but the last of several were to leave a tick or more ago. */
    mcu_media_tick(&conf->media->ticks.sound_late,
                   behind_ns > SENT_LATE_NS ? g->job_ticks : g->job_ticks - 1);
}

static void on_done(struct mcu_job *job)
{
    struct mcu_conf *conf = mcu_container_of(job, struct mcu_conf, audio.job);
    struct mcu_audio_graph *g = &conf->audio;
    note_lateness(conf);
    note_cost(g, job->cpu_ns);
    g->shared_encodes = g->job_shared_encodes;
    g->own_encodes = g->job_own_encodes;
    for (int i = 0; i < g->source_count; i++)
        collect_source(g->sources[i]);
    struct mcu_asource *speaker = g->speaker >= 0 ? g->sources[g->speaker] : NULL;
    for (int i = 0; i < g->sub_count; i++)
        send_out(g->subs[i], g->job_ticks);
    g->job_running = false; /* only now: a leg may leave while its units go out */
    if (g->ended) {
        release(conf);
        return;
    }
    mcu_conf_set_speaker(conf, speaker ? speaker->leg : NULL);
    bury(g);
    launch(conf, mcu_loop_now(conf->media->loop));
}

int mcu_audio_start(struct mcu_conf *conf)
{
    struct mcu_audio_graph *g = &conf->audio;
    g->channels = mcu_clamp(conf->config.audio_channels, 1, MCU_PCM_CHANNELS_MAX);
    g->speaker = -1;
    g->plan_dirty = true;
    mcu_strand_init(&g->strand, conf->media->workers, MCU_JOB_AUDIO);
    g->job.home = conf->media->loop;
    g->job.run = mcu_audio_job_run;
    g->job.done = on_done;
    g->split_ns = SPLIT_NS;
    g->help = (struct mcu_help){ .run = mcu_audio_job_help, .done = on_helped, .arg = g };
    mcu_help_init(&g->help, conf->media->workers, MCU_JOB_AUDIO, conf->media->loop,
                  2 * (mcu_workers_cores(conf->media->workers) - 1));
    mcu_share_init(&g->share, mcu_audio_job_ask, g);
    /* Conferences of one loop start their ticks apart, so that their jobs do not queue up. */
    g->start_ns = mcu_loop_now(conf->media->loop) + MCU_NS_PER_MS;
    mcu_timer_init(&g->timer, conf->media->loop, on_tick);
    mcu_timer_start(&g->timer, g->start_ns);
    conf->nodes++;
    return 0;
}

void mcu_audio_end(struct mcu_conf *conf)
{
    struct mcu_audio_graph *g = &conf->audio;
    mcu_timer_stop(&g->timer);
    g->ended = true;
    release(conf);
}
