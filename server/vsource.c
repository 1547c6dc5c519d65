/* A decoded picture input: one strand of decode jobs, and the few newest pictures, shown when they
 * are due so that they move with the sound. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "server/hold.h"
#include "server/video_priv.h"

#define MAX_JOBS        24 /* coded units with the decoder: what waited for one packet comes at once */
#define BEHIND_NS       (300 * MCU_NS_PER_MS) /* a unit that waits so long: it cannot keep up */
#define MAX_PICTURES    12
#define HOLD_MAX_NS     (80 * MCU_NS_PER_MS)
#define SOUND_WAITS_MS  80  /* for the picture at most, */
#define SOUND_HELD_MS   170 /* and for one that is held: later, talking would suffer */
#define FROZEN_NS       (2 * MCU_NS_PER_S)
#define GONE_NS         (10 * MCU_NS_PER_S)
#define SYNC_SMOOTHING  16

struct decode_job {
    struct mcu_job job;
    struct mcu_vsource *source;
    struct mcu_unit *unit; /* NULL: free */
    int64_t since_ns;
    bool fresh;            /* units are missing before this one */
    struct mcu_pic *pic;
    int64_t done_ns;
    int result;
};

struct picture {
    struct mcu_pic *pic;
    uint64_t id;
};

struct mcu_vsource {
    struct mcu_conf *conf;
    struct mcu_conf_leg *leg; /* NULL once it has left */
    struct mcu_strand strand;
    struct decode_job jobs[MAX_JOBS];
    int in_flight;
    bool skipped;             /* units were left out: the decoder must start anew */
    bool waiting_start;       /* the decoder refuses until it can start: counted once */
    bool too_large;           /* asking for a keyframe would only bring the next one that is */
    bool was_frozen;
    bool visible;             /* somebody sees it: else it is not decoded */
    int64_t visible_since_ns;
    struct picture waiting[MAX_PICTURES]; /* by sent_ns */
    int waiting_count;
    struct picture shown;
    int64_t last_picture_ns;  /* when the newest one was decoded */
    int64_t delay_ns;         /* sender to decoded, smoothed towards the slow ones */
    int64_t shown_delay_ns;   /* sender to shown */
    struct mcu_hold hold;     /* for those that come late again and again */
    uint64_t pictures, decode_errors;
    enum mcu_codec codec;
    int width, height;

    struct mcu_vdec *decoder; /* jobs only */
    enum mcu_codec decoder_codec;
};

static void ask_keyframe(struct mcu_vsource *s)
{
    if (s->leg)
        s->leg->join.sink.ask_keyframe(&s->leg->join.sink, MCU_ROLE_VIDEO);
}

/* ---- decode, on a worker ---- */

static void run_decode(struct mcu_job *job)
{
    struct decode_job *d = mcu_container_of(job, struct decode_job, job);
    struct mcu_vsource *s = d->source;
    const struct mcu_config *c = &s->conf->config;
    d->pic = NULL;
    d->result = 0;
    if (!s->decoder || s->decoder_codec != d->unit->codec || d->fresh) {
        mcu_vdec_free(&s->decoder);
        d->result = mcu_vdec_new(&s->decoder, d->unit->codec, c->max_in_width, c->max_in_height);
        s->decoder_codec = d->unit->codec;
    }
    if (d->result == 0)
        d->result = mcu_vdec_decode(s->decoder, d->unit, &d->pic);
    d->done_ns = mcu_loop_now(job->home);
}

/* ---- pictures, on the loop ---- */

static void drop_picture(struct picture *p)
{
    mcu_pic_unref(&p->pic);
    p->id = 0;
}

static void free_source(struct mcu_vsource *s)
{
    struct mcu_conf *conf = s->conf;
    for (int i = 0; i < s->waiting_count; i++)
        drop_picture(&s->waiting[i]);
    drop_picture(&s->shown);
    mcu_vdec_free(&s->decoder);
    free(s);
    mcu_conf_node_gone(conf);
}

static void note_delay(struct mcu_vsource *s, int64_t delay_ns)
{
    /* Up at once for late pictures, down slowly: the hold must cover the usual jitter. */
    if (s->delay_ns == 0 || delay_ns > s->delay_ns)
        s->delay_ns += s->delay_ns ? (delay_ns - s->delay_ns) / 4 : delay_ns;
    else
        s->delay_ns += (delay_ns - s->delay_ns) / SYNC_SMOOTHING;
}

static void add_picture(struct mcu_vsource *s, struct mcu_pic *pic, int64_t now_ns)
{
    static _Atomic uint64_t next_id = 1;
    struct picture p = { pic, atomic_fetch_add(&next_id, 1) };
    note_delay(s, now_ns - pic->sent_ns);
    mcu_hold_picture(&s->hold, now_ns - pic->sent_ns, now_ns);
    s->last_picture_ns = now_ns;
    s->pictures++;
    mcu_count(MCU_CNT_VIDEO_DECODED);
    mcu_count_add(MCU_CNT_VIDEO_DECODED_PIXELS, (uint64_t)pic->width * (uint64_t)pic->height);
    s->width = pic->width;
    s->height = pic->height;
    /* The next one due must stay, or a fast sender's pictures would never be shown. */
    if (s->waiting_count == MAX_PICTURES)
        drop_picture(&s->waiting[--s->waiting_count]);
    s->waiting[s->waiting_count++] = p;
}

static void refuse(struct mcu_vsource *s, int error)
{
    static struct mcu_log_limit limit;
    bool news = !s->waiting_start || (error == -EFBIG && !s->too_large);
    s->too_large = error == -EFBIG || (s->too_large && error == -EBADMSG);
    if (news) {
        s->decode_errors++;
        mcu_count(error == -EFBIG ? MCU_CNT_VIDEO_SIZE_REFUSED : MCU_CNT_DECODE_ERRORS);
        mcu_log_limited(&limit, MCU_LOG_WARN,
                        error == -EFBIG ? "video-size-refused" : "decode-error",
                        "conference=\"%s\" leg=%u error=%d", s->conf->room, s->leg->join.leg,
                        error);
    }
    s->waiting_start = true;
    if (!s->too_large)
        ask_keyframe(s);
}

static void decoded(struct mcu_job *job)
{
    struct decode_job *d = mcu_container_of(job, struct decode_job, job);
    struct mcu_vsource *s = d->source;
    struct mcu_pic *pic = d->pic;
    mcu_unit_unref(&d->unit);
    d->pic = NULL;
    s->in_flight--;
    if (!s->leg) {
        mcu_pic_unref(&pic);
        if (s->in_flight == 0)
            free_source(s);
        return;
    }
    if (d->result < 0)
        refuse(s, d->result);
    else if (pic)
        add_picture(s, pic, d->done_ns);
    if (d->result == 0)
        s->waiting_start = s->too_large = false;
}

/* NULL: the decoder cannot keep up. */
static struct decode_job *free_job(struct mcu_vsource *s, int64_t now_ns)
{
    struct decode_job *d = NULL;
    for (int i = 0; i < MAX_JOBS; i++) {
        if (!s->jobs[i].unit)
            d = &s->jobs[i];
        else if (now_ns - s->jobs[i].since_ns > BEHIND_NS)
            return NULL;
    }
    return d;
}

/* Whether a unit can be decoded is the decoder's to say: it waits for a keyframe, or for a recovery
 * point of senders that never send one. */
void mcu_vsource_unit(struct mcu_vsource *s, struct mcu_unit *unit)
{
    int64_t now_ns = mcu_loop_now(s->conf->media->loop);
    struct decode_job *d = s->visible ? free_job(s, now_ns) : NULL;
    s->codec = unit->codec;
    if (!d) {
        if (s->visible && !s->skipped)
            ask_keyframe(s); /* the decoder cannot keep up */
        s->skipped = true;
        return;
    }
    d->unit = mcu_unit_ref(unit);
    d->since_ns = now_ns;
    d->fresh = s->skipped && !unit->keyframe;
    s->skipped = false;
    d->source = s;
    d->job.home = s->conf->media->loop;
    d->job.run = run_decode;
    d->job.done = decoded;
    d->job.late = true; /* no picture is looked at before the next tick */
    s->in_flight++;
    mcu_strand_push(&s->strand, &d->job);
}

/* Without pictures to wait for, the sound goes at its own pace. */
static void release_sound(struct mcu_vsource *s)
{
    if (s->leg && s->leg->asource)
        s->leg->asource->extra_delay_ms = 0;
}

void mcu_vsource_show_only(struct mcu_conf *conf, struct mcu_conf_leg *const *legs, int n)
{
    for (int i = 0; i < conf->leg_count; i++) {
        struct mcu_vsource *s = conf->legs[i]->vsource;
        bool visible = false;
        for (int k = 0; k < n && !visible; k++)
            visible = legs[k] == conf->legs[i];
        if (!s || s->visible == visible)
            continue;
        s->visible = visible;
        s->visible_since_ns = mcu_loop_now(conf->media->loop);
        if (visible)
            ask_keyframe(s);
        else
            release_sound(s);
    }
}

/* How long after it was sent a picture is to be shown, so that it moves with the sound: as late as
 * the sound is, at most 80 ms later than the picture could be, and no sooner than the hold says. What
 * the picture is late by more is given to the sound, up to a limit. */
static int64_t wanted_delay(struct mcu_vsource *s)
{
    struct mcu_asource *a = s->leg ? s->leg->asource : NULL;
    int64_t held = mcu_hold_delay_ns(&s->hold);
    if (!a || !a->alone_ns || !s->delay_ns)
        return held;
    int64_t could = s->delay_ns > held ? s->delay_ns : held;
    int64_t behind_ms = (could - a->alone_ns) / MCU_NS_PER_MS;
    int extra = mcu_clamp((int)behind_ms, 0, held ? SOUND_HELD_MS : SOUND_WAITS_MS);
    /* In steps of 10 ms with room to both sides, so that the sound is not stretched all the time. */
    if (abs(extra - a->extra_delay_ms) >= 10)
        a->extra_delay_ms = extra / 10 * 10;
    int64_t most = could + HOLD_MAX_NS;
    int64_t with_sound = a->delay_ns < most ? a->delay_ns : most;
    return with_sound > held ? with_sound : held;
}

static void report_freeze(struct mcu_vsource *s, bool frozen)
{
    if (frozen == s->was_frozen)
        return;
    s->was_frozen = frozen;
    mcu_conf_event(s->conf, s->leg, frozen ? MCU_EVENT_PICTURE_FROZEN : MCU_EVENT_PICTURE_BACK,
                   NULL);
}

enum mcu_vsource_state mcu_vsource_due(struct mcu_vsource *s, int64_t now_ns,
                                       const struct mcu_pic **pic, uint64_t *id)
{
    /* A picture is shown from this tick to the next: half a tick early is on time on average. */
    int64_t delay = wanted_delay(s) - MCU_NS_PER_S / s->conf->config.fps / 2;
    int due = 0;
    while (due < s->waiting_count && s->waiting[due].pic->sent_ns + delay <= now_ns)
        due++;
    for (int i = 0; i < due; i++) {
        drop_picture(&s->shown);
        s->shown = s->waiting[i];
    }
    if (due) {
        s->waiting_count -= due;
        memmove(&s->waiting[0], &s->waiting[due],
                sizeof(s->waiting[0]) * (size_t)s->waiting_count);
        int64_t shown_delay = now_ns - s->shown.pic->sent_ns;
        s->shown_delay_ns += s->shown_delay_ns ? (shown_delay - s->shown_delay_ns) / SYNC_SMOOTHING
                                               : shown_delay;
    }
    if (!s->shown.pic)
        return MCU_VSOURCE_NONE;
    int64_t age = now_ns - s->last_picture_ns;
    /* While nobody saw it, it was not decoded: that is no news. */
    report_freeze(s, age > FROZEN_NS && now_ns - s->visible_since_ns > FROZEN_NS);
    if (age > GONE_NS) {
        drop_picture(&s->shown);
        return MCU_VSOURCE_NONE;
    }
    *pic = s->shown.pic;
    *id = s->shown.id;
    return age > FROZEN_NS ? MCU_VSOURCE_FROZEN : MCU_VSOURCE_LIVE;
}

/* ---- life ---- */

int mcu_vsource_join(struct mcu_conf_leg *leg)
{
    if (!leg->join.sends_video)
        return 0;
    struct mcu_vsource *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->conf = leg->conf;
    s->leg = leg;
    mcu_strand_init(&s->strand, leg->conf->media->workers, MCU_JOB_VIDEO);
    leg->vsource = s;
    leg->shown = (struct mcu_shown){ 0 }; /* a new line knows of nothing yet */
    leg->conf->nodes++;
    return 0;
}

void mcu_vsource_leave(struct mcu_conf_leg *leg)
{
    struct mcu_vsource *s = leg->vsource;
    if (!s)
        return;
    release_sound(s);
    leg->vsource = NULL;
    s->leg = NULL;
    if (s->in_flight == 0)
        free_source(s);
}

void mcu_vsource_update(struct mcu_conf_leg *leg)
{
    if (!leg->join.sends_video)
        mcu_vsource_leave(leg);
    else if (!leg->vsource && mcu_vsource_join(leg) < 0)
        mcu_log(MCU_LOG_ERROR, "video-source-failed", "leg=%u", leg->join.leg);
}

bool mcu_vsource_size(const struct mcu_vsource *s, int *width, int *height)
{
    *width = s->width;
    *height = s->height;
    return s->width > 0 && s->height > 0;
}

void mcu_vsource_get_info(const struct mcu_vsource *s, struct mcu_conf_leg_info *info)
{
    info->video_in = s->codec;
    info->video_in_w = s->width;
    info->video_in_h = s->height;
    info->pictures_in = s->pictures;
    info->has_picture = s->shown.pic != NULL;
    info->frozen = s->was_frozen;
    info->decode_errors += s->decode_errors;
    if (s->leg && s->leg->asource && s->leg->asource->delay_ns && s->shown_delay_ns)
        info->av_delay_ns = s->shown_delay_ns - s->leg->asource->delay_ns;
}
