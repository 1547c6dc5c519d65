/*
 *      push                                                    pull
 *  ------------> | run n: waits for its target | ... | run 0 ] ----> splice ----> 960 frames
 *                 wr                             rd ^    |             | nothing left
 *                                      history stays ----+             v
 *                                                                  conceal, then join
 * Positions count frames since the start and never wrap; the ring keeps the history behind rd that
 * splices and concealment look back into. The reserve is what is queued right after a tick: a push
 * finds it there, so it is (but for the way to the next tick) the delay of what is pushed. Its mean
 * is held at the target by cutting out or repeating whole periods, joined where the sound is most
 * like itself.
 */
#include "mixer/playout.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"
#include "mixer/conceal.h"
#include "mixer/splice.h"

#define TICK          MCU_PCM_TICK_FRAMES
#define FRAMES_MS     (MCU_PCM_RATE_HZ / 1000)
#define RING          65536 /* frames: the longest queue and the history */
#define PUSH_MAX      5760
#define MAX_FRAMES    (MCU_PLAYOUT_MAX_MS * FRAMES_MS)
#define RUNS          8
#define ANCHORS       512 /* one per push down to 2.5 ms, over the whole queue */
#define ANCHOR_FRAMES 96  /* smaller pushes share one */
#define JUMP_NS       INT64_C(100000000)
#define FADE_IN       240 /* 5 ms */
#define DRY_MAX       (60 * FRAMES_MS)
#define LEAVE_OUT     (5 * FRAMES_MS) /* less is not worth it */

/* Control, in frames. Below the target the next late packet is heard: act sooner. */
#define MEAN_FRAMES   (400 * FRAMES_MS)
#define SETTLE_FRAMES (100 * FRAMES_MS)
#define TOO_MUCH      (12 * FRAMES_MS)
#define TOO_LITTLE    (8 * FRAMES_MS)
#define ENOUGH        (2 * FRAMES_MS)

struct anchor {
    int64_t pos, sent_ns;
};

struct run {
    int64_t start;
    int wait;       /* frames until it may be played */
    int first_push; /* frames; 0 once the first tick has passed */
};

struct mcu_playout {
    int channels, target; /* frames */
    bool aimed;           /* `aim` holds, and not the target */
    int aim;              /* frames from the coming tick on to what is pushed next */
    int late;             /* by so much what was pushed last comes after its aim */
    struct mcu_playout_stats stats;
    int64_t rd, wr;
    struct run runs[RUNS]; /* runs[0] is played; each ends where the next begins */
    int run_count;
    struct anchor anchors[ANCHORS];
    int anchor_first, anchor_count;
    bool playing; /* false: `conceal` sounds, or silence */
    bool paused;  /* by the sender's will */
    int dry;      /* frames of stretching for want of packets, since the last one */
    int absent;   /* underruns since the queue ran empty last */
    struct mcu_conceal conceal;
    struct {
        float mean, weight; /* of the reserve; frames that went into it */
        int64_t after_pull; /* queued after the last tick */
        int64_t since_pull; /* pushed since then */
        int direction;      /* 1: shortening, -1: stretching, 0: content */
        int rest, waited;   /* ticks: until the next splice, without a good place */
    } control;
    int16_t old[MCU_SPLICE_SPAN_MAX * MCU_PCM_CHANNELS_MAX];
    int16_t line[MCU_SPLICE_SPAN_MAX * MCU_PCM_CHANNELS_MAX];
    float mono_a[MCU_SPLICE_SPAN_MAX], mono_b[MCU_SPLICE_SPAN_MAX];
    int16_t ring[]; /* [RING][channels]; with room for two, which nobody touches until it is wide */
};

int mcu_playout_new(struct mcu_playout **out, int channels)
{
    if (channels < 1 || channels > MCU_PCM_CHANNELS_MAX)
        return -EINVAL;
    struct mcu_playout *po = calloc(1, sizeof(*po) + sizeof(int16_t) * RING * MCU_PCM_CHANNELS_MAX);
    if (!po)
        return -ENOMEM;
    po->channels = channels;
    po->target = 40 * FRAMES_MS;
    *out = po;
    return 0;
}

void mcu_playout_free(struct mcu_playout **po)
{
    free(*po);
    *po = NULL;
}

void mcu_playout_widen(struct mcu_playout *po)
{
    if (po->channels > 1)
        return;
    mcu_pcm_widen(po->ring, RING);
    mcu_conceal_widen(&po->conceal);
    po->channels = 2;
}

void mcu_playout_set_target(struct mcu_playout *po, int target_ms)
{
    po->target = mcu_clamp(target_ms, 10, MCU_PLAYOUT_MAX_MS / 2) * FRAMES_MS;
}

void mcu_playout_aim(struct mcu_playout *po, int frames)
{
    po->aimed = true;
    po->aim = mcu_clamp(frames, -MAX_FRAMES, MAX_FRAMES / 2);
}

/* What a first push waits for. */
static int first_wait(const struct mcu_playout *po)
{
    return po->aimed ? mcu_max(po->aim, 0) : po->target;
}

void mcu_playout_pause(struct mcu_playout *po)
{
    po->paused = true;
}

void mcu_playout_was_pause(struct mcu_playout *po)
{
    po->stats.underruns -= (uint64_t)po->absent;
    po->absent = 0;
}

void mcu_playout_get_stats(const struct mcu_playout *po, struct mcu_playout_stats *out)
{
    *out = po->stats;
    out->depth_ms = (int)((po->wr - po->rd) / FRAMES_MS);
}

void mcu_playout_reset(struct mcu_playout *po)
{
    po->rd = po->wr;
    po->run_count = po->anchor_count = 0;
    po->playing = po->paused = false;
    po->absent = po->dry = 0;
    memset(&po->conceal, 0, sizeof(po->conceal));
    memset(&po->control, 0, sizeof(po->control));
}

/* ---- the ring ---- */

static void ring_copy(const struct mcu_playout *po, int64_t pos, int16_t *out, int frames)
{
    int n = po->channels, at = (int)(pos & (RING - 1));
    int first = mcu_min(frames, RING - at);
    memcpy(out, po->ring + at * n, (size_t)(first * n) * sizeof(*out));
    memcpy(out + first * n, po->ring, (size_t)((frames - first) * n) * sizeof(*out));
}

static void ring_append(struct mcu_playout *po, const int16_t *pcm, int frames)
{
    int n = po->channels, at = (int)(po->wr & (RING - 1));
    int first = mcu_min(frames, RING - at);
    memcpy(po->ring + at * n, pcm, (size_t)(first * n) * sizeof(*pcm));
    memcpy(po->ring, pcm + first * n, (size_t)((frames - first) * n) * sizeof(*pcm));
    po->wr += frames;
}

static int available(const struct mcu_playout *po)
{
    int64_t end = po->run_count > 1 ? po->runs[1].start : po->wr;
    return po->run_count > 0 ? (int)(end - po->rd) : 0;
}

static int history(const struct mcu_playout *po, int most)
{
    int64_t behind = po->run_count > 0 ? po->rd - po->runs[0].start : 0;
    return behind < most ? (int)behind : most;
}

/* ---- the sender's time ---- */

/* The time `frames` later; a sender may claim any time, so it may not overflow. */
static int64_t later(int64_t ns, int64_t frames)
{
    int64_t sum;
    return __builtin_add_overflow(ns, frames * 62500 / 3, &sum) ? ns : sum;
}

static int64_t time_after(const struct anchor *a, int64_t pos)
{
    return later(a->sent_ns, pos - a->pos);
}

static struct anchor *anchor_at(struct mcu_playout *po, int i)
{
    return &po->anchors[(po->anchor_first + i) % ANCHORS];
}

static void forget_anchors(struct mcu_playout *po)
{
    while (po->anchor_count > 1 && anchor_at(po, 1)->pos + MCU_CONCEAL_HISTORY <= po->rd) {
        po->anchor_first = (po->anchor_first + 1) % ANCHORS;
        po->anchor_count--;
    }
}

static int64_t time_at(struct mcu_playout *po, int64_t pos)
{
    int i = 0;
    while (i + 1 < po->anchor_count && anchor_at(po, i + 1)->pos <= pos)
        i++;
    return po->anchor_count > 0 ? time_after(anchor_at(po, i), pos) : 0;
}

/* Notes that the next frame pushed was sent at sent_ns. Returns whether that is a jump. */
static bool add_anchor(struct mcu_playout *po, int64_t sent_ns)
{
    bool jump = true;
    forget_anchors(po);
    if (po->anchor_count > 0) {
        const struct anchor *last = anchor_at(po, po->anchor_count - 1);
        int64_t off;
        jump = __builtin_sub_overflow(sent_ns, time_after(last, po->wr), &off) || off > JUMP_NS ||
               off < -JUMP_NS;
        if (!jump && (po->wr - last->pos < ANCHOR_FRAMES || po->anchor_count == ANCHORS))
            return false;
    }
    if (po->anchor_count == ANCHORS)
        po->anchor_count--; /* only a hostile sender jumps this often */
    *anchor_at(po, po->anchor_count++) = (struct anchor){ po->wr, sent_ns };
    return jump;
}

/* ---- concealment and runs ---- */

static void start_conceal(struct mcu_playout *po)
{
    int n = history(po, MCU_CONCEAL_HISTORY);
    ring_copy(po, po->rd - n, po->line, n);
    mcu_conceal_start(&po->conceal, po->line, n, po->channels);
    po->playing = false;
}

/* Moves the reading place to `pos`, past the end of run 0 perhaps. */
static void skip_to(struct mcu_playout *po, int64_t pos)
{
    if (po->playing)
        start_conceal(po);
    po->stats.dropped_frames += (uint64_t)(pos - po->rd);
    po->rd = pos;
    while (po->run_count > 1 && po->runs[1].start <= pos)
        memmove(po->runs, po->runs + 1, sizeof(*po->runs) * (size_t)--po->run_count);
}

static void next_run(struct mcu_playout *po)
{
    po->rd = po->runs[1].start;
    memmove(po->runs, po->runs + 1, sizeof(*po->runs) * (size_t)--po->run_count);
    memset(&po->control, 0, sizeof(po->control));
}

static void new_run(struct mcu_playout *po, int frames)
{
    if (po->run_count == RUNS)
        skip_to(po, po->runs[1].start);
    po->runs[po->run_count++] = (struct run){ po->wr, first_wait(po), po->aimed ? 0 : frames };
    if (po->run_count == 1) {
        po->rd = po->wr;
        memset(&po->control, 0, sizeof(po->control));
    }
}

/* A run that waits: after silence the target is waited for, but a burst brings it along. */
static void renew_wait(struct mcu_playout *po, int frames, bool empty)
{
    struct run *run = &po->runs[po->run_count - 1];
    bool silent = !po->playing && po->conceal.left == 0;
    if (po->run_count == 1 && empty && silent && run->wait == 0) {
        run->wait = first_wait(po);
        run->first_push = po->aimed ? 0 : frames;
    } else if (po->wr - (po->run_count == 1 ? po->rd : run->start) >= po->target + TICK)
        run->wait = 0;
}

/* ---- control ---- */

/* What a tick's pushes bring beyond one tick's worth waits longer. Pushes shorter than a tick come
 * spread over it, the mean one in its middle: that makes them comparable with long ones. */
static void measure(struct mcu_playout *po, int frames)
{
    int64_t extra = po->control.since_pull - TICK;
    float reserve = (float)(po->control.after_pull + (extra > 0 ? extra : 0));
    reserve += 0.5f * (float)mcu_max(0, TICK - frames);
    if (po->aimed)
        reserve = (float)(po->late = (int)(po->wr - po->rd) - po->aim);
    po->control.since_pull += frames;
    if (!po->playing || po->run_count != 1)
        return;
    float weight = po->control.weight + (float)frames;
    po->control.weight = weight < MEAN_FRAMES ? weight : MEAN_FRAMES;
    po->control.mean += (reserve - po->control.mean) * (float)frames / po->control.weight;
}

void mcu_playout_push(struct mcu_playout *po, const int16_t *pcm, int frames, int64_t sent_ns)
{
    frames = mcu_min(frames, PUSH_MAX);
    if (frames <= 0)
        return;
    bool empty = po->wr == po->rd;
    po->paused = false;
    po->dry = 0;
    if (add_anchor(po, sent_ns) || po->run_count == 0)
        new_run(po, frames);
    else
        renew_wait(po, frames, empty);
    measure(po, frames);
    ring_append(po, pcm, frames);
    if (po->wr - po->rd > MAX_FRAMES)
        skip_to(po, po->wr - MAX_FRAMES);
}

static int choose_direction(struct mcu_playout *po, float error)
{
    int d = po->control.direction;
    if (po->control.weight < SETTLE_FRAMES || po->run_count != 1)
        return 0;
    if (error > TOO_MUCH || (d > 0 && error > ENOUGH))
        return 1;
    if (error < -TOO_LITTLE || (d < 0 && error < 0))
        return -1;
    return 0;
}

/* The likeness that a splice needs now: patience ends with the error and with time. */
static float needed_likeness(const struct mcu_playout *po, float error)
{
    float off_ms = (error < 0 ? -error : error) / FRAMES_MS;
    float need = 0.95f - 0.002f * (float)po->control.waited;
    if (off_ms > 20)
        need -= 0.0015f * (off_ms - 20);
    float least = error > 0 && off_ms < 25 ? 0.6f : 0.2f;
    return need > least ? need : least;
}

/* How long the sound goes on untouched after a splice of `lag`: 20 % faster or slower while very
 * far off the target, 12 % while far, 3 % near it. */
static int rest_ticks(float error, int lag)
{
    float off_ms = (error < 0 ? -error : error) / FRAMES_MS;
    int factor = off_ms > 200 ? 5 : off_ms > 30 ? 8 : 30;
    return mcu_max(1, (lag * factor + TICK / 2) / TICK - 1);
}

/* Writes the splice from rd to rd + jump over the window and moves on. */
static int do_splice(struct mcu_playout *po, int16_t *out, int window, int jump)
{
    ring_copy(po, po->rd, po->old, window);
    ring_copy(po, po->rd + jump, po->line, window);
    mcu_splice_fade(out, po->old, po->line, window, po->channels);
    po->rd += jump + window;
    po->control.mean -= (float)jump;
    if (jump > 0)
        po->stats.shortened_frames += (uint64_t)jump;
    else
        po->stats.stretched_frames += (uint64_t)-jump;
    return window;
}

/* Cuts out the period of up to `longest` frames that is missed least. Returns frames written. */
static int shorten(struct mcu_playout *po, int16_t *out, int longest, float need)
{
    int lag, window = MCU_SPLICE_WINDOW;
    longest = mcu_min(mcu_min(longest, MCU_SPLICE_LAG_MAX), available(po) - TICK);
    if (longest < MCU_SPLICE_LAG_MIN)
        return 0;
    ring_copy(po, po->rd, po->line, longest + window);
    mcu_splice_mono(po->mono_a, po->line, longest + window, po->channels);
    float like =
        mcu_splice_find(po->mono_a, po->mono_a, window, MCU_SPLICE_LAG_MIN, longest, 0, &lag);
    return like < need ? 0 : do_splice(po, out, window, lag);
}

/* Plays a period of `shortest` to `longest` frames a second time. Returns frames written. */
static int stretch(struct mcu_playout *po, int16_t *out, int shortest, int longest, float need)
{
    int lag, window = mcu_min(MCU_SPLICE_WINDOW, available(po));
    shortest = mcu_max(shortest, MCU_SPLICE_LAG_MIN);
    longest = history(po, mcu_min(longest, MCU_SPLICE_LAG_MAX));
    if (longest < shortest || window < MCU_SPLICE_LAG_MIN)
        return 0;
    ring_copy(po, po->rd - longest, po->line, longest + window);
    mcu_splice_mono(po->mono_a, po->line, longest + window, po->channels);
    float like =
        mcu_splice_find(po->mono_a + longest, po->mono_a, window, 0, longest - shortest, 1, &lag);
    return like < need ? 0 : do_splice(po, out, window, lag - longest);
}

/* The queue would not last for this tick. A tone or a vowel could be stretched for ever: where nothing
 * comes any more, the sound is to end. */
static int stretch_dry(struct mcu_playout *po, int16_t *out, int shortest)
{
    int64_t before = po->rd;
    int written = po->dry < DRY_MAX ? stretch(po, out, shortest, MCU_SPLICE_LAG_MAX, 0.4f) : 0;
    po->dry += written - (int)(po->rd - before);
    return written;
}

/* At the start of a tick: splices when the reserve is off the target, or when the queue would not
 * last for this tick. Returns frames written. */
static int correct(struct mcu_playout *po, int16_t *out)
{
    float error = po->control.mean - (po->aimed ? 0 : (float)po->target);
    int written = 0, have = available(po);
    if (have < TICK && po->run_count == 1)
        return stretch_dry(po, out, TICK - have);
    po->control.direction = choose_direction(po, error);
    if (po->control.direction == 0)
        po->control.waited = 0;
    if (po->control.direction == 0 || po->control.rest-- > 0)
        return 0;
    po->control.rest = 0;
    float need = needed_likeness(po, error);
    int64_t before = po->rd;
    if (po->control.direction > 0)
        written = shorten(po, out, (int)error + 200, need);
    else
        written = stretch(po, out, 0, (int)-error + 480, need);
    po->control.waited = written ? 0 : po->control.waited + 1;
    if (written)
        po->control.rest = rest_ticks(error, abs((int)(po->rd - before) - written));
    return written;
}

/* ---- the tick ---- */

/* Writes frame `at` of the tick and on, from out. Returns frames written. */
static int play(struct mcu_playout *po, int16_t *out, int at)
{
    int n = at == 0 ? correct(po, out) : 0;
    int more = mcu_min(available(po), TICK - at - n);
    ring_copy(po, po->rd, out + n * po->channels, more);
    po->rd += more;
    return n + more;
}

/* Joins the sound that is there again to its concealment: after silence it is faded in; else the
 * concealment goes on until both are in step. Returns frames written, most at `room`. */
static int join(struct mcu_playout *po, int16_t *out, int room)
{
    bool silent = po->conceal.left == 0;
    int lag = 0,
        window = mcu_min(silent ? FADE_IN : MCU_SPLICE_WINDOW, mcu_min(room, available(po)));
    int longest = mcu_min(room - window, po->conceal.period);
    mcu_conceal_render(&po->conceal, po->old, longest + window, po->channels);
    ring_copy(po, po->rd, po->line, window);
    if (!silent && longest > 0) {
        mcu_splice_mono(po->mono_a, po->line, window, po->channels);
        mcu_splice_mono(po->mono_b, po->old, longest + window, po->channels);
        mcu_splice_find(po->mono_a, po->mono_b, window, 0, longest, 1, &lag);
    }
    memcpy(out, po->old, sizeof(*out) * (size_t)(lag * po->channels));
    mcu_splice_fade(out + lag * po->channels, po->old + lag * po->channels, po->line, window,
                    po->channels);
    po->rd += window;
    po->playing = true;
    memset(&po->conceal, 0, sizeof(po->conceal));
    po->control.weight = 0;
    return lag + window;
}

/* After each tick. How much had come before the first one tells how long before it the first push
 * came, when pushes are short; the wait is put right by that. */
static void count_waits(struct mcu_playout *po)
{
    for (int i = 0; i < po->run_count; i++) {
        struct run *run = &po->runs[i];
        int64_t end = i + 1 < po->run_count ? po->runs[i + 1].start : po->wr;
        int64_t early = end - (i == 0 ? po->rd : run->start) - run->first_push / 2;
        if (run->first_push > 0 && run->first_push < TICK && run->wait > 0)
            run->wait += TICK / 2 - (int)(early < TICK ? early : TICK);
        run->first_push = 0;
        run->wait = mcu_max(0, run->wait - TICK);
    }
}

/* Frames from here until sound may start: more than `room` when not in this tick. */
static int until_sound(struct mcu_playout *po, int at, int room)
{
    if (available(po) == 0 && po->run_count > 1)
        next_run(po);
    if (available(po) == 0)
        return room + 1;
    return mcu_max(0, po->runs[0].wait - at);
}

/* What came late has been bridged already. Where more has come behind it than is wanted, it is left out:
 * played after its stand-in, it would keep all that follows late until it is shortened away. */
static void leave_out_the_bridged(struct mcu_playout *po)
{
    bool sounds = po->conceal.left > 0;
    int bridged = MCU_CONCEAL_FRAMES - po->conceal.left;
    int most = mcu_min(mcu_min(po->late, bridged), available(po) - TICK);
    if (po->aimed && sounds && po->run_count == 1 && most >= LEAVE_OUT)
        skip_to(po, po->rd + most);
}

static int be_absent(struct mcu_playout *po, int16_t *out, int at, int64_t *first_ns, bool *sound)
{
    int room = TICK - at, until = until_sound(po, at, room);
    if (until >= room) {
        mcu_conceal_render(&po->conceal, out + at * po->channels, room, po->channels);
        return room;
    }
    mcu_conceal_render(&po->conceal, out + at * po->channels, until, po->channels);
    leave_out_the_bridged(po);
    int64_t pos = po->rd;
    int n = join(po, out + (at + until) * po->channels, room - until);
    if (!*sound) {
        int before = at + until + n - (int)(po->rd - pos);
        *first_ns = later(time_at(po, pos), -before);
    }
    *sound = true;
    return until + n;
}

int mcu_playout_pull(struct mcu_playout *po, int16_t *pcm, int64_t *sent_ns)
{
    bool sound = false, concealed = false;
    int64_t first_ns = 0;
    for (int at = 0; at < TICK;) {
        if (po->playing && available(po) > 0) {
            if (!sound)
                first_ns = time_at(po, po->rd);
            sound = true;
            at += play(po, pcm + at * po->channels, at);
        } else {
            if (po->playing) {
                start_conceal(po);
                po->absent = 0;
            }
            concealed |= po->conceal.left > 0 && available(po) == 0 && po->run_count < 2;
            at += be_absent(po, pcm, at, &first_ns, &sound);
        }
    }
    count_waits(po);
    if (concealed && !po->paused) {
        po->stats.underruns++;
        po->absent++;
    }
    po->control.after_pull = po->wr - po->rd;
    po->control.since_pull = 0;
    if (sound)
        *sent_ns = first_ns;
    return sound;
}
