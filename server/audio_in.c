/* The sources of an audio tick: what has come is decoded into the playout queue, and a tick of sound
 * taken out of it. Pauses are filled with the sender's comfort noise; who says with each packet that
 * he is silent (RFC 6464) is not decoded. */
#include <math.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "server/conf_priv.h"

#define MAX_CONCEAL_FRAMES 5760 /* 120 ms a tick; a longer gap is silence */
#define MAX_DECODE_NS      INT64_C(400000000)
#define MAX_DECODE_UNITS   32
#define SLEEP_NS           INT64_C(1000000000) /* of packets that say silence, until they are not decoded */

/* ---- channels ---- */

/* Most senders are mono, and kept so in a room of two channels until they are summed. The first sound
 * in two makes a source wide for good. What the decoder has just written then has its width. */
static void fit(struct mcu_asource *s, int16_t *pcm, int frames)
{
    int n = mcu_adec_channels(s->job.decoder);
    if (n < s->job.channels)
        mcu_pcm_widen(pcm, frames);
    if (n <= s->job.channels)
        return;
    mcu_playout_widen(s->job.playout);
    mcu_pcm_widen(s->job.end, s->job.end_frames);
    s->job.channels = n;
}

/* ---- another decoder ---- */

/* Another decoder begins in the middle of a sound: what the old one would have gone on with is kept, to
 * go over from it. */
static void keep_end(struct mcu_asource *s)
{
    s->job.end_frames = 0;
    if (!s->job.decoder || !s->job.running || s->job.noise)
        return;
    int n = mcu_adec_conceal(s->job.decoder, MCU_AUDIO_END_FRAMES, NULL, 0, s->job.end);
    fit(s, s->job.end, n);
    s->job.end_frames = n;
}

static void go_over(struct mcu_asource *s, int16_t *pcm, int frames, int channels)
{
    int n = mcu_min(frames, s->job.end_frames);
    for (int i = 0; i < n; i++)
        for (int k = i * channels; k < (i + 1) * channels; k++)
            pcm[k] = (int16_t)(s->job.end[k] + (pcm[k] - s->job.end[k]) * (i + 1) / (n + 1));
    s->job.end_frames = 0;
}

static int use_codec(struct mcu_asource *s, const struct mcu_unit *unit, int channels)
{
    if (s->job.decoder && s->job.codec == unit->codec && s->job.ssrc == unit->ssrc)
        return 0;
    keep_end(s);
    if (s->job.codec != unit->codec || !s->job.decoder) {
        mcu_adec_free(&s->job.decoder);
        int rc = mcu_adec_new(&s->job.decoder, unit->codec, channels);
        if (rc < 0)
            return rc;
        mcu_adec_set_narrow(s->job.decoder);
        s->job.codec = unit->codec;
    } else {
        mcu_adec_reset(s->job.decoder);
    }
    s->job.ssrc = unit->ssrc;
    s->job.running = false;
    return 0;
}

/* ---- silence that is announced ---- */

/* Whether the unit need not be decoded: for a while its sender has said that nobody would hear it. A
 * reader of the source hears all. */
static bool is_asleep(struct mcu_asource *s, const struct mcu_unit *unit, int threshold_dbov)
{
    bool known = unit->level_dbov <= 0;
    bool quiet = known && (unit->level_dbov == -127 || unit->level_dbov < threshold_dbov);
    if (!quiet || s->job.tap) {
        s->job.quiet_ns = 0;
        return false;
    }
    s->job.quiet_ns += s->job.quiet_ns < SLEEP_NS ? unit->duration_ns : 0;
    return s->job.quiet_ns >= SLEEP_NS;
}

static void sleep_on(struct mcu_asource *s)
{
    s->job.asleep = true;
    s->job.running = false; /* what comes next follows on nothing */
    s->job.noise = false;
    mcu_playout_pause(s->job.playout);
}

/* The decoder has missed so much that what it remembers would be heard as a click. */
static void wake(struct mcu_asource *s)
{
    if (s->job.decoder)
        mcu_adec_reset(s->job.decoder);
    s->job.asleep = false;
    s->job.fade_in = true;
}

static void fade_in(int16_t *pcm, int frames, int channels)
{
    int n = mcu_min(frames, MCU_PCM_TICK_FRAMES);
    for (int i = 0; i < n; i++)
        for (int c = 0; c < channels; c++)
            pcm[i * channels + c] = (int16_t)(pcm[i * channels + c] * i / MCU_PCM_TICK_FRAMES);
}

/* ---- decode ---- */

/* RFC 3389: noise from here on, until sound comes again. One for a codec that has its own noise, or
 * for none yet, says nothing. */
static void take_noise(struct mcu_asource *s, const struct mcu_unit *unit)
{
    if (!s->job.decoder || unit->ssrc != s->job.ssrc ||
        mcu_adec_noise_set(s->job.decoder, unit->data, unit->size) < 0)
        return;
    s->job.noise = true;
    s->job.noise_ends = false;
    s->job.expected_seq = unit->seq + 1;
    mcu_playout_pause(s->job.playout);
}

static void note_pause(struct mcu_asource *s)
{
    if (mcu_adec_pauses(s->job.decoder)) {
        s->job.noise = true;
        s->job.noise_ends = false;
        mcu_playout_pause(s->job.playout);
    } else {
        s->job.noise_ends = true;
    }
}

/* Frames at 48 kHz that are missing before the unit; 0 where nothing is lost (a gap in time alone
 * is silence that was not sent). */
static int lost_frames(const struct mcu_asource *s, const struct mcu_unit *unit)
{
    if (!s->job.running || unit->seq <= s->job.expected_seq)
        return 0;
    int32_t ticks = (int32_t)(unit->rtp_ts - s->job.expected_rtp_ts);
    int64_t frames = (int64_t)ticks * MCU_PCM_RATE_HZ / mcu_codec_info(unit->codec)->rtp_clock_hz;
    return frames > 0 && frames <= s->job.conceal_left ? (int)frames : 0;
}

/* Nothing is lost before the unit, but time has gone by: its sender does not send silence. */
static bool follows_pause(const struct mcu_asource *s, const struct mcu_unit *unit)
{
    return s->job.running && unit->seq == s->job.expected_seq &&
           (int32_t)(unit->rtp_ts - s->job.expected_rtp_ts) > 0;
}

static int64_t frames_ns(int frames)
{
    return (int64_t)frames * 1000000 / 48;
}

/* Smoothed over some fifty values: lip sync must not chase the jitter. */
static void smooth(int64_t *mean_ns, int64_t value_ns)
{
    *mean_ns = *mean_ns ? *mean_ns + (value_ns - *mean_ns) / 50 : value_ns;
}

/* A decoder gives the sound of so much before the packet's time: senders do not count their Opus
 * encoder's look-ahead (6.5 ms in libopus's usual modes). */
static int64_t coding_delay_ns(enum mcu_codec codec)
{
    return codec == MCU_CODEC_OPUS ? INT64_C(6500000) : 0;
}

/* Tells the queue when the unit, or what is `before` frames before it, is to be played; what lip sync
 * adds needs no tick of its own. */
static void aim(struct mcu_asource *s, const struct mcu_unit *unit, const struct mcu_audio_graph *g,
                int before)
{
    int64_t tick_ns = g->start_ns + g->job_first_tick * MCU_PCM_TICK_NS;
    int64_t extra_ns = s->job.extra_delay_ms * INT64_C(1000000);
    mcu_playout_set_target(s->job.playout, unit->delay_ms + s->job.extra_delay_ms);
    if (unit->play_ns == 0)
        return;
    int64_t wait_ns = mcu_tick_wait_ns(&s->job.tick_wait, unit, tick_ns);
    int64_t ahead_ns = unit->play_ns - tick_ns + (extra_ns > 0 && extra_ns > wait_ns ? extra_ns : wait_ns);
    if (ahead_ns > MCU_NS_PER_S || ahead_ns < -MCU_NS_PER_S)
        ahead_ns = 0; /* it has come through a stall */
    mcu_playout_aim(s->job.playout, (int)(ahead_ns * 48 / 1000000) - before);
}

static void decode_unit(struct mcu_asource *s, const struct mcu_unit *unit,
                        const struct mcu_audio_graph *g)
{
    int16_t pcm[MCU_ADEC_MAX_FRAMES * MCU_PCM_CHANNELS_MAX];
    if (unit->codec == MCU_CODEC_CN) {
        take_noise(s, unit);
        return;
    }
    int64_t sent_ns = unit->sent_ns - coding_delay_ns(unit->codec);
    smooth(&s->job.alone_ns, unit->time_ns - sent_ns + unit->delay_ms * INT64_C(1000000));
    if (is_asleep(s, unit, g->heard_config.threshold_dbov)) {
        sleep_on(s);
        return;
    }
    if (s->job.asleep)
        wake(s);
    if (use_codec(s, unit, g->channels) < 0)
        return;
    int lost = lost_frames(s, unit);
    if (follows_pause(s, unit))
        mcu_playout_was_pause(s->job.playout);
    if (lost) {
        s->job.conceal_left -= lost;
        aim(s, unit, g, lost);
        mcu_adec_conceal(s->job.decoder, lost, unit->data, unit->size, pcm);
        fit(s, pcm, lost);
        mcu_playout_push(s->job.playout, pcm, lost, sent_ns - frames_ns(lost));
    }
    int n = mcu_adec_decode(s->job.decoder, unit->data, unit->size, pcm);
    if (n < 0) {
        mcu_count(MCU_CNT_DECODE_ERRORS);
        s->job.decode_errors++;
        n = mcu_adec_conceal(s->job.decoder, MCU_PCM_TICK_FRAMES, NULL, 0, pcm);
    }
    fit(s, pcm, n);
    if (s->job.end_frames > 0)
        go_over(s, pcm, n, s->job.channels);
    if (s->job.fade_in)
        fade_in(pcm, n, s->job.channels);
    s->job.fade_in = false;
    aim(s, unit, g, 0);
    mcu_playout_push(s->job.playout, pcm, n, sent_ns);
    note_pause(s);
    int clock_hz = mcu_codec_info(unit->codec)->rtp_clock_hz;
    s->job.expected_rtp_ts = unit->rtp_ts + (uint32_t)((int64_t)n * clock_hz / MCU_PCM_RATE_HZ);
    s->job.expected_seq = unit->seq + 1;
    s->job.running = true;
}

/* The first unit that is still decoded: the newest MAX_DECODE_NS of what has come. More than that in
 * one tick is a burst that the queue could not hold, or a sender who wants to cost the whole room
 * its time. */
static int first_decoded(const struct mcu_asource *s)
{
    int64_t total_ns = 0;
    int i = s->job.queue_count;
    while (i > 0) {
        total_ns += s->job.queue[i - 1]->duration_ns;
        if (s->job.queue_count - i >= MAX_DECODE_UNITS || total_ns > MAX_DECODE_NS)
            break;
        i--;
    }
    return i;
}

void mcu_audio_in_decode(struct mcu_asource *s, const struct mcu_audio_graph *g)
{
    int first = first_decoded(s);
    mcu_count_add(MCU_CNT_AUDIO_DROPPED, (uint64_t)first);
    s->job.conceal_left = MAX_CONCEAL_FRAMES;
    for (int i = 0; i < s->job.queue_count; i++) {
        if (i >= first)
            decode_unit(s, s->job.queue[i], g);
        mcu_unit_unref(&s->job.queue[i]);
    }
    s->job.queue_count = 0;
}

/* ---- the tick ---- */

/* Adds the noise of a pause to what the queue gives, faded in and out over a tick. True: it sounds. */
static bool add_noise(struct mcu_asource *s, bool sound)
{
    int16_t noise[MCU_PCM_TICK_FRAMES * MCU_PCM_CHANNELS_MAX];
    int channels = s->job.channels;
    bool from = s->job.noise_sounds, to = s->job.noise && !sound;
    if (sound && s->job.noise_ends)
        s->job.noise = false;
    s->job.noise_sounds = to;
    if ((!from && !to) || !s->job.decoder || !mcu_adec_noise(s->job.decoder, noise))
        return false;
    fit(s, noise, MCU_PCM_TICK_FRAMES);
    for (int i = 0; i < MCU_PCM_TICK_FRAMES; i++) {
        int gain = from && to ? MCU_PCM_TICK_FRAMES : to ? i : MCU_PCM_TICK_FRAMES - i;
        for (int k = i * channels; k < (i + 1) * channels; k++)
            s->job.pcm[k] = (int16_t)mcu_clamp(
                s->job.pcm[k] + noise[k] * gain / MCU_PCM_TICK_FRAMES, INT16_MIN, INT16_MAX);
    }
    return true;
}

void mcu_audio_in_widen(struct mcu_asource *s, const struct mcu_audio_graph *g)
{
    if (s->job.pcm_channels < g->channels)
        mcu_pcm_widen(s->job.pcm, MCU_PCM_TICK_FRAMES);
    s->job.pcm_channels = g->channels;
}

void mcu_audio_in_pull(struct mcu_asource *s, const struct mcu_audio_graph *g, int64_t time_ns)
{
    int64_t sent_ns = 0;
    bool played = mcu_playout_pull(s->job.playout, s->job.pcm, &sent_ns) > 0;
    bool sound = add_noise(s, played) || played;
    struct mcu_heard *h = &s->job.heard;
    h->level_dbov = sound ? mcu_level_dbov(s->job.pcm, MCU_PCM_TICK_FRAMES * s->job.channels) : -127;
    h->speech = played ? mcu_speech_push(&s->job.speech, s->job.pcm, s->job.channels) : 0;
    if (played)
        smooth(&s->job.delay_ns, time_ns - sent_ns);
    s->job.pcm_channels = s->job.channels;
    if (!s->job.tap || !sound)
        return;
    mcu_audio_in_widen(s, g);
    mcu_tap_write(s->job.tap, s->job.pcm, g->channels, h->level_dbov, time_ns);
}
