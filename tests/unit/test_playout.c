/* The queue of one source: everything runs on a made-up clock, an hour in about a second. */
#include "mixer/playout.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "mixer/base/util.h"
#include "tests/unit/sound.h"

#define TICK       MCU_PCM_TICK_FRAMES
#define SPEECH_MAX (70 * 48000)

static int16_t speech[SPEECH_MAX];
static int speech_frames;

/* What is sent: a tone of whole hz where > 0, else the speech over and over. */
struct source {
    int hz;
};

static int16_t sample(const struct source *src, int64_t i)
{
    static int16_t tone[48000];
    static int tone_hz;
    if (src->hz > 0 && src->hz != tone_hz) {
        tone_hz = src->hz;
        for (int k = 0; k < 48000; k++)
            tone[k] = (int16_t)lrint(8000 * sin(2 * M_PI * (k * tone_hz % 48000) / 48000.0));
    }
    if (src->hz > 0)
        return tone[(i + 48000) % 48000];
    return i < 0 ? 0 : speech[i % speech_frames];
}

static int bend_at(const int16_t *x)
{
    return abs(x[0] - 2 * x[1] + x[2]);
}

/* The sharpest bend of the source within 30 ms of frames p .. p + TICK. */
static int source_bend(const struct source *src, int64_t p)
{
    int most = 0;
    int16_t x[3] = { sample(src, p - 1442), sample(src, p - 1441), 0 };
    for (int64_t i = p - 1440; i < p + TICK + 1440; i++) {
        x[2] = sample(src, i);
        most = mcu_max(most, bend_at(x));
        x[0] = x[1];
        x[1] = x[2];
    }
    return most;
}

struct line {
    struct source src;
    double ppm; /* the sender's clock is slower by this */
    int target_ms, push_frames;
    double jitter_ms;
    double stall_at, stall_ms; /* nothing arrives for so long, then all of it */
    double seconds;
    double phase_ms; /* of the pushes against the ticks */
};

struct verdict {
    struct mcu_playout_stats stats;
    double sharpest;    /* second difference against the source's sharpest nearby */
    double time_off_ms; /* the worst */
    double rms_low, rms_high;
    int64_t exact, inexact; /* ticks without splice: bit for bit the source, or not */
    int64_t absent;
    int worst_depth_late; /* 5 s after the stall and later */
};

static double arrival(const struct line *l, int64_t sent, double last)
{
    double at = (double)sent / 48000 * (1 + l->ppm * 1e-6);
    uint32_t h = (uint32_t)(sent / l->push_frames) * 2654435761u;
    at += ((h >> 12) % 1000) * 1e-6 * l->jitter_ms;
    if (l->stall_ms > 0 && at >= l->stall_at && at < l->stall_at + l->stall_ms / 1000)
        at = l->stall_at + l->stall_ms / 1000;
    return at > last ? at : last;
}

/* Whether out is the source from somewhere near p on; moves p there. */
static bool matches(const struct source *src, const int16_t *out, int64_t *p)
{
    for (int d = 0; d <= 96; d++) {
        int64_t at = *p + (d % 2 ? -(d + 1) / 2 : d / 2);
        int i = 0;
        while (i < TICK && out[i] == sample(src, at + i))
            i++;
        if (i == TICK) {
            *p = at;
            return true;
        }
    }
    return false;
}

static void judge(const struct line *l, struct verdict *v, const int16_t *out, int64_t sent_ns,
                  bool spliced)
{
    int64_t p = llround((double)sent_ns / 1e9 / (1 + l->ppm * 1e-6) * 48000), q = p;
    if (!spliced) {
        bool same = matches(&l->src, out + 2, &q);
        v->exact += same;
        v->inexact += !same;
        if (same)
            v->time_off_ms = fmax(v->time_off_ms, fabs((double)(p - q)) / 48);
    }
    double rms = sound_rms(out + 2, TICK);
    v->rms_low = fmin(v->rms_low, rms);
    v->rms_high = fmax(v->rms_high, rms);
    if (!spliced && v->inexact == 0)
        return;
    int most = 0;
    for (int i = 0; i < TICK; i++)
        most = mcu_max(most, bend_at(out + i));
    v->sharpest = fmax(v->sharpest, (double)most / (source_bend(&l->src, p) + 20));
}

static struct verdict simulate(const struct line *l)
{
    struct mcu_playout *po = NULL;
    struct mcu_playout_stats before, after = { 0 };
    struct verdict v = { .rms_low = 1e9 };
    int16_t in[5760], out[TICK + 2] = { 0 };
    int64_t sent = 0, sent_ns = 0;
    double last = 0;
    assert_int_equal(mcu_playout_new(&po, 1), 0);
    mcu_playout_set_target(po, l->target_ms);
    for (int64_t k = 0; k < (int64_t)(l->seconds * 50); k++) {
        double now = (double)k * 0.02 + l->phase_ms / 1000;
        while (arrival(l, sent, last) <= now) {
            last = arrival(l, sent, last);
            for (int i = 0; i < l->push_frames; i++)
                in[i] = sample(&l->src, sent + i);
            double ns = (double)sent / 48000 * (1 + l->ppm * 1e-6) * 1e9;
            mcu_playout_push(po, in, l->push_frames, llround(ns));
            sent += l->push_frames;
        }
        before = after;
        out[0] = out[TICK];
        out[1] = out[TICK + 1];
        int rc = mcu_playout_pull(po, out + 2, &sent_ns);
        mcu_playout_get_stats(po, &after);
        bool spliced = before.stretched_frames != after.stretched_frames ||
                       before.shortened_frames != after.shortened_frames;
        if (now > 0.7 && rc)
            judge(l, &v, out, sent_ns, spliced);
        v.absent += now > 0.7 && !rc;
        if (l->stall_ms > 0 && now > l->stall_at + l->stall_ms / 1000 + 5)
            v.worst_depth_late = mcu_max(v.worst_depth_late, after.depth_ms);
    }
    v.stats = after;
    mcu_playout_free(&po);
    return v;
}

static void drift_is_followed(int hz, double ppm, double seconds, int target_ms)
{
    struct line l = { .src = { hz },
                      .ppm = ppm,
                      .target_ms = target_ms,
                      .push_frames = 960,
                      .seconds = seconds,
                      .phase_ms = 7 };
    struct verdict v = simulate(&l);
    double moved = ppm * 1e-6 * seconds * 48000;
    double done = (double)v.stats.stretched_frames - (double)v.stats.shortened_frames;
    print_message("  %4d Hz %+4.0f ppm %5.0f s: moved %.0f of %.0f frames, bend x%.2f, "
                  "time off %.3f ms, %ld ticks exact, depth %d ms\n",
                  hz, ppm, seconds, done, moved, v.sharpest, v.time_off_ms, (long)v.exact,
                  v.stats.depth_ms);
    assert_int_equal(v.stats.underruns, 0);
    assert_int_equal(v.absent, 0);
    assert_int_equal(v.inexact, 0);
    assert_true(fabs(done - moved) < 1500);
    assert_true(v.sharpest < 1.1);
    assert_true(v.time_off_ms < 1);
    assert_true(v.stats.depth_ms >= target_ms - 15 && v.stats.depth_ms <= target_ms + 35);
    if (hz >= 400) {
        assert_true(20 * log10(v.rms_high / (8000 / sqrt(2))) < 0.1);
        assert_true(20 * log10(v.rms_low / (8000 / sqrt(2))) > -0.1);
    }
}

static void an_hour_of_speech_with_drift(void **state)
{
    (void)state;
    drift_is_followed(0, 200, 3600, 40);
    drift_is_followed(0, -200, 600, 20);
}

static void an_hour_of_tone_with_drift(void **state)
{
    (void)state;
    drift_is_followed(997, -200, 3600, 40);
    drift_is_followed(440, 200, 600, 20);
    drift_is_followed(100, 200, 300, 20);
    drift_is_followed(3001, 200, 300, 10);
}

static void steady_sound_passes_bit_for_bit_at_any_push_size(void **state)
{
    (void)state;
    const int sizes[] = { 120, 240, 480, 720, 960, 1440, 1920, 2400, 2880, 5760 };
    for (size_t i = 0; i < MCU_ARRAY_LEN(sizes); i++)
        for (int phase = 1; phase < 20; phase += 6) {
            struct line l = {
                .target_ms = 30, .push_frames = sizes[i], .seconds = 6, .phase_ms = phase
            };
            struct verdict v = simulate(&l);
            assert_int_equal(v.stats.underruns, 0);
            assert_int_equal(v.stats.stretched_frames, 0);
            assert_int_equal(v.stats.shortened_frames, 0);
            assert_int_equal(v.absent + v.inexact, 0);
            assert_true(v.time_off_ms < 0.1);
        }
}

static void jitter_below_the_target_is_not_heard(void **state)
{
    (void)state;
    const int sizes[] = { 120, 480, 960, 1440, 2880, 5760 };
    for (size_t i = 0; i < MCU_ARRAY_LEN(sizes); i++) {
        struct line l = { .target_ms = 60,
                          .push_frames = sizes[i],
                          .seconds = 60,
                          .jitter_ms = 40,
                          .ppm = -100,
                          .phase_ms = 3 };
        struct verdict v = simulate(&l);
        assert_int_equal(v.stats.underruns, 0);
        assert_int_equal(v.absent + v.inexact, 0);
        assert_true(v.sharpest < 1.1);
        assert_true(v.time_off_ms < 1);
    }
}

static void jitter_beyond_the_target_is_concealed_without_a_click(void **state)
{
    (void)state;
    const int sizes[] = { 480, 960, 2880 }, hz[] = { 0, 440, 997 };
    uint64_t underruns = 0;
    for (size_t i = 0; i < 9; i++) {
        struct line l = { .src = { hz[i / 3] },
                          .target_ms = 30,
                          .push_frames = sizes[i % 3],
                          .seconds = 20,
                          .jitter_ms = 200,
                          .phase_ms = 7 };
        struct verdict v = simulate(&l);
        assert_true(v.sharpest < 1.4);
        underruns += v.stats.underruns;
    }
    assert_true(underruns > 25);
}

static void a_burst_is_worked_off_within_5_s(int hz, double stall_ms)
{
    struct line l = { .src = { hz },
                      .target_ms = 40,
                      .push_frames = 960,
                      .seconds = 13,
                      .stall_at = 3,
                      .stall_ms = stall_ms,
                      .phase_ms = 7 };
    struct verdict v = simulate(&l);
    print_message("  %4d Hz, %.0f ms late: depth then %d ms, bend x%.2f, %ld frames cut out\n", hz,
                  stall_ms, v.worst_depth_late, v.sharpest, (long)v.stats.shortened_frames);
    assert_in_range(v.worst_depth_late, 20, 60);
    assert_true(v.sharpest < 1.3);
    assert_true(v.time_off_ms < 1);
}

static void bursts(void **state)
{
    (void)state;
    const int tones[] = { 0, 100, 137, 440, 997, 3001 };
    for (size_t i = 0; i < MCU_ARRAY_LEN(tones); i++) {
        a_burst_is_worked_off_within_5_s(tones[i], 300);
        a_burst_is_worked_off_within_5_s(tones[i], 600);
    }
}

/* The k-th tick's worth of a tone. */
static void push_tone(struct mcu_playout *po, int64_t k, int hz)
{
    struct source src = { hz };
    int16_t in[TICK];
    for (int i = 0; i < TICK; i++)
        in[i] = sample(&src, k * TICK + i);
    mcu_playout_push(po, in, TICK, k * MCU_PCM_TICK_NS);
}

static void push_both(struct mcu_playout *wide, struct mcu_playout *grows, bool is_wide, int64_t k)
{
    struct source src = { 440 };
    int16_t in[2 * TICK];
    for (int i = 0; i < TICK; i++)
        in[i] = sample(&src, k * TICK + i);
    if (!is_wide)
        mcu_playout_push(grows, in, TICK, k * MCU_PCM_TICK_NS);
    mcu_pcm_widen(in, TICK);
    mcu_playout_push(wide, in, TICK, k * MCU_PCM_TICK_NS);
    if (is_wide)
        mcu_playout_push(grows, in, TICK, k * MCU_PCM_TICK_NS);
}

/* At any moment: while it plays, conceals, goes on again, shortens. */
static void a_queue_that_is_widened_goes_on_as_if_it_had_been_wide(void **state)
{
    for (int at = 5; at < 60; at++) {
        struct mcu_playout *wide, *grows;
        int16_t a[2 * TICK], b[2 * TICK];
        int64_t sent_ns, k = 0;
        assert_int_equal(mcu_playout_new(&wide, 2), 0);
        assert_int_equal(mcu_playout_new(&grows, 1), 0);
        for (int tick = 0; tick < 80; tick++) {
            bool is_wide = tick > at;
            for (int n = tick == 30 ? 5 : tick % 25 == 20 ? 0 : 1; n > 0; n--)
                push_both(wide, grows, is_wide, k++);
            if (tick == at)
                mcu_playout_widen(grows);
            int rc = mcu_playout_pull(wide, a, &sent_ns);
            assert_int_equal(mcu_playout_pull(grows, b, &sent_ns), rc);
            if (tick < at)
                mcu_pcm_widen(b, TICK);
            assert_memory_equal(a, b, sizeof(a));
        }
        mcu_playout_free(&wide);
        mcu_playout_free(&grows);
    }
}

static void an_underrun_fades_to_silence_and_back_without_a_click(void **state)
{
    (void)state;
    struct mcu_playout *po = NULL;
    struct mcu_playout_stats stats;
    int16_t out[TICK * 100 + 2] = { 0 };
    int64_t ns;
    int rc[100], most = 0;
    assert_int_equal(mcu_playout_new(&po, 1), 0);
    mcu_playout_set_target(po, 20);
    for (int k = 0; k < 100; k++) {
        if (k < 30 || k >= 60)
            push_tone(po, k < 30 ? k : k - 30, 440);
        rc[k] = mcu_playout_pull(po, out + 2 + k * TICK, &ns);
    }
    mcu_playout_get_stats(po, &stats);
    for (int i = 0; i < 100 * TICK; i++)
        most = mcu_max(most, bend_at(out + i));
    print_message("  underrun: sharpest bend %d (the tone's own: 27), %ld ticks\n", most,
                  (long)stats.underruns);
    assert_true(most < 60);
    assert_int_equal(rc[30], 1); /* the reserve of 20 ms */
    assert_int_equal(rc[31], 0);
    assert_in_range(stats.underruns, 3, 4);
    assert_true(sound_rms(out + 2 + 31 * TICK, TICK) > 3000);
    assert_true(sound_rms(out + 2 + 33 * TICK, TICK) < 2500);
    for (int k = 35; k < 60; k++)
        assert_true(sound_rms(out + 2 + k * TICK, TICK) == 0);
    assert_int_equal(rc[60], 0); /* the target is waited for again */
    assert_int_equal(rc[61], 1);
    assert_true(sound_rms(out + 2 + 62 * TICK, TICK) > 5600);
    mcu_playout_free(&po);
}

static void a_late_packet_is_bridged_in_phase(void **state)
{
    (void)state;
    struct mcu_playout *po = NULL;
    int16_t out[TICK * 100 + 2] = { 0 };
    int64_t ns;
    int most = 0;
    assert_int_equal(mcu_playout_new(&po, 1), 0);
    mcu_playout_set_target(po, 10);
    for (int k = 0; k < 100; k++) {
        if (k == 41)
            push_tone(po, 40, 440);
        if (k != 40)
            push_tone(po, k, 440);
        (void)mcu_playout_pull(po, out + 2 + k * TICK, &ns);
    }
    for (int i = 0; i < 100 * TICK; i++)
        most = mcu_max(most, bend_at(out + i));
    double low = 1e9;
    for (int k = 5; k < 100; k++)
        low = fmin(low, sound_rms(out + 2 + k * TICK, TICK));
    print_message("  late packet: sharpest bend %d (the tone's own: 27), lowest level %.1f dB\n",
                  most, 20 * log10(low / (8000 / sqrt(2))));
    assert_true(most < 40);
    assert_true(low > 8000 / sqrt(2) * 0.6);
    mcu_playout_free(&po);
}

static void a_jump_of_the_senders_time_starts_a_new_run(void **state)
{
    (void)state;
    struct mcu_playout *po = NULL;
    int16_t out[TICK * 60 + 2] = { 0 };
    int64_t ns = 0;
    int most = 0, rc[60];
    int64_t at[60];
    assert_int_equal(mcu_playout_new(&po, 1), 0);
    mcu_playout_set_target(po, 40);
    for (int k = 0; k < 60; k++) {
        int16_t in[TICK];
        struct source src = { k < 20 ? 440 : 1000 };
        for (int i = 0; i < TICK; i++)
            in[i] = sample(&src, k * TICK + i + 7);
        mcu_playout_push(po, in, TICK, (k < 20 ? k : k + 5000) * MCU_PCM_TICK_NS);
        rc[k] = mcu_playout_pull(po, out + 2 + k * TICK, &ns);
        at[k] = ns;
    }
    for (int i = 0; i < 60 * TICK; i++)
        most = mcu_max(most, bend_at(out + i));
    assert_true(most < 170); /* 1 kHz: 137 */
    for (int k = 2; k < 60; k++) {
        assert_int_equal(rc[k], 1);
        int64_t was = k < 22 ? k - 2 : k - 2 + 5000;
        assert_in_range(llabs(at[k] - was * MCU_PCM_TICK_NS), 0, 1000000);
    }
    mcu_playout_free(&po);
}

static void silence_without_packets_waits_for_the_target_again(void **state)
{
    (void)state;
    struct mcu_playout *po = NULL;
    int64_t ns = 0;
    assert_int_equal(mcu_playout_new(&po, 2), 0);
    mcu_playout_set_target(po, 60);
    for (int k = 0; k < 100; k++) {
        int16_t in[2 * TICK], stereo[2 * TICK];
        for (int i = 0; i < 2 * TICK; i++)
            in[i] = (int16_t)(i % 2 ? -i : i);
        if (k < 10 || k >= 50)
            mcu_playout_push(po, in, TICK, k * MCU_PCM_TICK_NS);
        int rc = mcu_playout_pull(po, stereo, &ns);
        assert_int_equal(rc, (k >= 3 && k < 13) || k >= 53);
        if (rc)
            assert_in_range(llabs(ns - (k - 3) * MCU_PCM_TICK_NS), 0, 1000);
        if (k > 60)
            assert_memory_equal(stereo, in, sizeof(in));
    }
    mcu_playout_free(&po);
}

static void the_queue_is_bounded_and_drops_its_old_end(void **state)
{
    (void)state;
    struct mcu_playout *po = NULL;
    struct mcu_playout_stats stats;
    int16_t out[TICK];
    int64_t ns = 0;
    assert_int_equal(mcu_playout_new(&po, 1), 0);
    mcu_playout_set_target(po, 10);
    for (int k = 0; k < 200; k++)
        push_tone(po, k, 440);
    mcu_playout_get_stats(po, &stats);
    assert_int_equal(stats.depth_ms, MCU_PLAYOUT_MAX_MS);
    assert_int_equal(stats.dropped_frames, 150 * TICK);
    assert_int_equal(mcu_playout_pull(po, out, &ns), 1);
    assert_int_equal(ns, 150 * MCU_PCM_TICK_NS);
    mcu_playout_free(&po);
}

static void a_reset_forgets_what_was_queued(void **state)
{
    (void)state;
    struct mcu_playout *po = NULL;
    struct mcu_playout_stats stats;
    int16_t out[TICK];
    int64_t ns = 0;
    assert_int_equal(mcu_playout_new(&po, 1), 0);
    mcu_playout_set_target(po, 20);
    for (int k = 0; k < 10; k++)
        push_tone(po, k, 440);
    assert_int_equal(mcu_playout_pull(po, out, &ns), 1);
    mcu_playout_reset(po);
    mcu_playout_get_stats(po, &stats);
    assert_int_equal(stats.depth_ms, 0);
    assert_int_equal(mcu_playout_pull(po, out, &ns), 0);
    assert_true(sound_rms(out, TICK) == 0);
    push_tone(po, 500, 440);
    assert_int_equal(mcu_playout_pull(po, out, &ns), 0);
    push_tone(po, 501, 440);
    assert_int_equal(mcu_playout_pull(po, out, &ns), 1);
    assert_int_equal(ns, 500 * MCU_PCM_TICK_NS);
    mcu_playout_free(&po);
}

static void any_input_is_survived(void **state)
{
    (void)state;
    struct mcu_playout *po = NULL;
    static int16_t in[2 * 6000];
    int16_t out[2 * TICK];
    int64_t ns = 0, sent = 0;
    for (size_t i = 0; i < MCU_ARRAY_LEN(in); i++)
        in[i] = (int16_t)sound_rnd();
    for (int channels = 1; channels <= 2; channels++) {
        assert_int_equal(mcu_playout_new(&po, channels), 0);
        for (int k = 0; k < 30000; k++) {
            uint32_t r = sound_rnd();
            int frames = r % 7 == 0 ? (int)(sound_rnd() % 5761) : (int)(r % 1000) - 1;
            if (r % 37 == 0)
                sent = (int64_t)((uint64_t)sound_rnd() << 40 ^ (uint64_t)sound_rnd() << 20);
            if (r % 91 == 0)
                sent = r & 4096 ? INT64_MAX : INT64_MIN;
            if (r % 11 == 0)
                mcu_playout_set_target(po, (int)(sound_rnd() % 700) - 50);
            if (r % 3)
                mcu_playout_push(po, in, frames, sent);
            sent = (int64_t)((uint64_t)sent + (uint64_t)frames * 62500 / 3);
            if (r % 2)
                (void)mcu_playout_pull(po, out, &ns);
        }
        mcu_playout_free(&po);
        assert_null(po);
    }
    assert_int_equal(mcu_playout_new(&po, 3), -EINVAL);
}

static int load(void **state)
{
    (void)state;
    speech_frames = sound_speech(speech, SPEECH_MAX);
    return 0;
}

/* A packet of 20 ms comes before each tick and is aimed at it: nothing is kept in reserve. When it comes
 * to be aimed at the tick after, that much is put in, and taken out again, without a bend. */
static void aimed_sound_is_played_in_the_tick_that_it_came_for(void **state)
{
    struct source src = { .hz = 440 };
    struct mcu_playout *po;
    struct mcu_playout_stats stats;
    int16_t in[TICK], out[TICK], before[2] = { 0 };
    int64_t sent_ns = 0;
    assert_int_equal(mcu_playout_new(&po, 1), 0);
    for (int64_t t = 0; t < 500; t++) {
        for (int i = 0; i < TICK; i++)
            in[i] = sample(&src, t * TICK + i);
        mcu_playout_aim(po, t >= 100 && t < 300 ? TICK : 0);
        mcu_playout_push(po, in, TICK, t * MCU_PCM_TICK_NS);
        assert_int_equal(mcu_playout_pull(po, out, &sent_ns), 1);
        for (int i = 0; i < TICK && t > 0; i++) {
            int16_t x[3] = { before[0], before[1], out[i] };
            assert_in_range(bend_at(x), 0, 80);
            before[0] = before[1];
            before[1] = out[i];
        }
        if (t == 0)
            before[0] = out[TICK - 2], before[1] = out[TICK - 1];
        if (t > 0 && t < 100) {
            assert_memory_equal(in, out, sizeof(in));
            assert_int_equal(sent_ns, t * MCU_PCM_TICK_NS);
        }
        mcu_playout_get_stats(po, &stats);
        if (t > 200 && t < 300)
            assert_in_range(stats.depth_ms, 12, 26);
        if (t > 450)
            assert_in_range(stats.depth_ms, 0, 3);
    }
    assert_int_equal(stats.underruns, 0);
    mcu_playout_free(&po);
}

/* One packet comes a tick late, with the next one. It was bridged; what follows is in time at once. */
static void a_late_packet_does_not_keep_the_next_ones_late(void **state)
{
    struct mcu_playout *po;
    struct mcu_playout_stats stats;
    int16_t out[TICK * 100 + 2] = { 0 };
    int64_t ns = 0;
    int most = 0;
    assert_int_equal(mcu_playout_new(&po, 1), 0);
    for (int k = 0; k < 100; k++) {
        if (k == 41) {
            mcu_playout_aim(po, -TICK);
            push_tone(po, 40, 440);
        }
        mcu_playout_aim(po, 0);
        if (k != 40)
            push_tone(po, k, 440);
        (void)mcu_playout_pull(po, out + 2 + k * TICK, &ns);
        if (k > 41)
            assert_in_range(k * MCU_PCM_TICK_NS - ns, 0, 4000000);
    }
    for (int i = 0; i < 100 * TICK; i++)
        most = mcu_max(most, bend_at(out + i));
    assert_true(most < 40);
    mcu_playout_get_stats(po, &stats);
    assert_int_equal(stats.underruns, 1);
    assert_int_equal(stats.dropped_frames, TICK);
    mcu_playout_free(&po);
}

/* All of them come later from now on: nothing is left out, as nothing else is there. */
static void packets_that_stay_late_are_all_played(void **state)
{
    struct mcu_playout *po;
    struct mcu_playout_stats stats;
    int16_t out[TICK * 100 + 2] = { 0 };
    int64_t ns = 0;
    assert_int_equal(mcu_playout_new(&po, 1), 0);
    for (int k = 0; k < 100; k++) {
        mcu_playout_aim(po, k > 40 && k < 60 ? -TICK : 0); /* until the jitter is known */
        if (k != 40)
            push_tone(po, k > 40 ? k - 1 : k, 440);
        (void)mcu_playout_pull(po, out + 2 + k * TICK, &ns);
    }
    mcu_playout_get_stats(po, &stats);
    assert_int_equal(stats.dropped_frames, 0);
    mcu_playout_free(&po);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hour_of_speech_with_drift),
        cmocka_unit_test(an_hour_of_tone_with_drift),
        cmocka_unit_test(aimed_sound_is_played_in_the_tick_that_it_came_for),
        cmocka_unit_test(a_late_packet_does_not_keep_the_next_ones_late),
        cmocka_unit_test(packets_that_stay_late_are_all_played),
        cmocka_unit_test(steady_sound_passes_bit_for_bit_at_any_push_size),
        cmocka_unit_test(jitter_below_the_target_is_not_heard),
        cmocka_unit_test(jitter_beyond_the_target_is_concealed_without_a_click),
        cmocka_unit_test(bursts),
        cmocka_unit_test(a_queue_that_is_widened_goes_on_as_if_it_had_been_wide),
        cmocka_unit_test(an_underrun_fades_to_silence_and_back_without_a_click),
        cmocka_unit_test(a_late_packet_is_bridged_in_phase),
        cmocka_unit_test(a_jump_of_the_senders_time_starts_a_new_run),
        cmocka_unit_test(silence_without_packets_waits_for_the_target_again),
        cmocka_unit_test(the_queue_is_bounded_and_drops_its_old_end),
        cmocka_unit_test(a_reset_forgets_what_was_queued),
        cmocka_unit_test(any_input_is_survived),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
