/* The work of an audio tick: sources (audio_in.c), heard set, one sum, a mix-minus for each who is
 * heard, encode. One job a conference and tick, on a worker.
 *
 *   sources in pieces -> heard set, sum, who hears what -> mixes and encoders in pieces -> hand out
 *
 * In a large room other runners help with the pieces (server/help.h). No piece touches what another one
 * does, so the result is the same to the bit, whoever did which. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "server/conf_priv.h"

#define LOSSY_PERCENT    2  /* from here on a leg that takes FEC gets it (codec/aenc.h) */
#define SOURCES_A_PIECE  8  /* of Opus 0.3 ms, of G.711 0.06 */
#define MIXES_A_PIECE    2
#define MIXES_FOR_HELP   16 /* fewer encoders are done before a helper has come */

/* What the pieces of a tick have in common. */
struct tick {
    struct mcu_audio_graph *g;
    int k;                     /* which of the job's */
    int64_t time_ns;
    int16_t shared_mix[MCU_PCM_TICK_FRAMES * MCU_PCM_CHANNELS_MAX];
};

/* ---- sources ---- */

static void do_sources(void *arg, int piece)
{
    const struct tick *t = arg;
    struct mcu_audio_graph *g = t->g;
    int end = mcu_min((piece + 1) * SOURCES_A_PIECE, g->source_count);
    for (int i = piece * SOURCES_A_PIECE; i < end; i++) {
        if (t->k == 0)
            mcu_audio_in_decode(g->sources[i], g);
        mcu_audio_in_pull(g->sources[i], g, t->time_ns);
    }
}

/* ---- who is heard ---- */

static void sum(struct mcu_audio_graph *g)
{
    mcu_amix_begin(g->amix);
    for (int i = 0; i < g->source_count; i++) {
        struct mcu_asource *s = g->sources[i];
        const struct mcu_heard *h = &s->job.heard;
        s->job.mix_index = -1;
        if (h->gain_from <= 0 && h->gain_to <= 0)
            continue;
        mcu_audio_in_widen(s, g);
        s->job.mix_index = mcu_amix_add(g->amix, s->job.pcm, h->gain_from, h->gain_to);
    }
}

/* ---- encode ---- */

static int new_encoder(const struct mcu_audio_graph *g, const struct mcu_audio_want *want,
                       struct mcu_aenc **out)
{
    struct mcu_aenc_config c = {
        .codec = want->codec,
        .bitrate_bps = want->bitrate_bps ? want->bitrate_bps : g->opus_bps,
        .channels = mcu_clamp(want->channels, 1, g->channels),
        .frame_ms = want->frame_ms,
        .max_playback_rate_hz = want->max_playback_rate_hz,
        .fec = want->fec,
        .dtx = want->dtx,
        .complexity = -1,
    };
    return mcu_aenc_new(out, &c);
}

/* A unit with the coded block, or NULL when nothing is to be sent. except: source that is not in
 * it, for the list of contributors (RFC 3550 section 7.3). */
static struct mcu_unit *encode(struct mcu_audio_graph *g, struct mcu_aenc *encoder,
                               const struct mcu_audio_want *want, const int16_t *pcm,
                               bool independent, const struct mcu_asource *except, int64_t time_ns)
{
    uint8_t data[MCU_AENC_MAX_BYTES];
    int n = mcu_aenc_encode(encoder, pcm, g->channels, independent, data);
    if (n < 0)
        mcu_count(MCU_CNT_ENCODE_ERRORS);
    struct mcu_unit *u = n > 0 ? mcu_unit_new((size_t)n) : NULL;
    if (!u)
        return NULL;
    memcpy(u->data, data, (size_t)n);
    u->size = (size_t)n;
    u->codec = want->codec;
    u->duration_ns = want->frame_ms * INT64_C(1000000);
    u->time_ns = time_ns - (want->frame_ms - MCU_PCM_TICK_MS) * INT64_C(1000000);
    u->sent_ns = u->time_ns;
    u->ahead_ns = mcu_aenc_ahead_ns(encoder);
    u->level_dbov = (int8_t)mcu_level_dbov(pcm, MCU_PCM_TICK_FRAMES * g->channels);
    for (int i = 0; i < g->source_count && u->csrc_count < MCU_UNIT_CSRC_MAX; i++) {
        const struct mcu_asource *s = g->sources[i];
        if (s == except || s->job.mix_index < 0)
            continue;
        u->csrc_level[u->csrc_count] = (int8_t)s->job.heard.level_dbov;
        u->csrc[u->csrc_count++] = s->job.ssrc;
    }
    return u;
}

/* G.722 is stateful and cheap, so it is never shared; packets longer than a tick would make a
 * switch wait for their end, so neither are they. */
static bool never_shared(const struct mcu_audio_want *want)
{
    return want->codec == MCU_CODEC_G722 || want->frame_ms > MCU_PCM_TICK_MS;
}

/* Goes over to an encoder of his own: a copy of the one that he has heard so far, so that the
 * decoder at the other end sees no seam. */
static int enter_own(struct mcu_audio_graph *g, struct mcu_asub *sub)
{
    const struct mcu_arendition *shared = sub->shared;
    if (!sub->job.encoder) {
        int rc = new_encoder(g, &sub->want, &sub->job.encoder);
        if (rc < 0)
            return rc;
    }
    if (!shared->job.running || mcu_aenc_copy(sub->job.encoder, shared->job.encoder) < 0)
        mcu_aenc_reset(sub->job.encoder);
    sub->job.limiter = g->shared_limiter;
    sub->job.on_own = true;
    return 0;
}

/* Whether an encoder of his own and the shared one have coded the same sound, looking equally far ahead,
 * for so long that they have become alike (codec/aenc.h has the measurement); G.711 has no memory. */
static bool become_alike(struct mcu_asub *sub)
{
    const struct mcu_aenc *own = sub->job.encoder, *shared = sub->shared->job.encoder;
    if (sub->want.codec != MCU_CODEC_OPUS)
        return true;
    if (shared && mcu_aenc_ahead_ns(own) == mcu_aenc_ahead_ns(shared))
        sub->job.alike_ticks++;
    else
        sub->job.alike_ticks = 0;
    return sub->job.alike_ticks > MCU_AENC_PRIME_TICKS;
}

/* Decides between the shared rendition and an encoder of his own for this tick. One who is heard
 * no more keeps his own until it and the shared one have become alike. */
static void choose_mix(struct mcu_audio_graph *g, struct mcu_asub *sub)
{
    bool heard = sub->source && sub->source->job.mix_index >= 0;
    bool lossy = sub->want.fec && sub->job.loss_percent >= LOSSY_PERCENT;
    bool own = heard || lossy || never_shared(&sub->want);
    if (own) {
        sub->job.alike_ticks = 0;
        if (!sub->job.on_own && enter_own(g, sub) < 0)
            own = false; /* he hears himself rather than nothing */
    } else if (sub->job.on_own) {
        own = !become_alike(sub);
        if (own)
            sub->shared->job.followers++;
        else
            sub->shared->job.independent = true;
    }
    sub->job.on_own = own;
    if (!own)
        sub->shared->job.listeners++;
    else
        mcu_aenc_set_loss(sub->job.encoder, lossy ? sub->job.loss_percent : 0);
}

static void encode_own(struct tick *t, struct mcu_asub *sub)
{
    struct mcu_audio_graph *g = t->g;
    int16_t minus[MCU_PCM_TICK_FRAMES * MCU_PCM_CHANNELS_MAX];
    const int16_t *pcm = t->shared_mix;
    if (sub->source && sub->source->job.mix_index >= 0) {
        mcu_amix_output(g->amix, sub->source->job.mix_index, &sub->job.limiter, minus);
        pcm = minus;
    }
    sub->job.out[t->k] = encode(g, sub->job.encoder, &sub->want, pcm, false, sub->source, t->time_ns);
}

static void encode_shared(struct tick *t, struct mcu_arendition *r)
{
    struct mcu_audio_graph *g = t->g;
    bool independent = r->job.independent, was_running = r->job.running;
    r->job.independent = r->job.running = false;
    if (!r->job.listeners && !r->job.followers)
        return;
    if (!r->job.encoder && new_encoder(g, &r->want, &r->job.encoder) < 0)
        return;
    if (!was_running)
        mcu_aenc_reset(r->job.encoder);
    r->job.running = true;
    r->job.out[t->k] =
        encode(g, r->job.encoder, &r->want, t->shared_mix, independent, NULL, t->time_ns);
}

/* The shared ones first, each a piece: they are what most wait for. */
static void do_mixes(void *arg, int piece)
{
    struct tick *t = arg;
    struct mcu_audio_graph *g = t->g;
    if (piece < g->rendition_count) {
        encode_shared(t, g->renditions[piece]);
        return;
    }
    int first = (piece - g->rendition_count) * MIXES_A_PIECE;
    for (int i = first; i < mcu_min(first + MIXES_A_PIECE, g->own_count); i++)
        encode_own(t, g->own[i]);
}

static void choose_mixes(struct mcu_audio_graph *g)
{
    for (int i = 0; i < g->rendition_count; i++)
        g->renditions[i]->job.listeners = g->renditions[i]->job.followers = 0;
    g->own_count = 0;
    for (int i = 0; i < g->sub_count; i++) {
        choose_mix(g, g->subs[i]);
        if (g->subs[i]->job.on_own)
            g->own[g->own_count++] = g->subs[i];
    }
}

/* Those who share get the same unit. */
static void hand_out(struct mcu_audio_graph *g, int k)
{
    g->job_own_encodes = g->own_count;
    g->job_shared_encodes = 0;
    for (int i = 0; i < g->rendition_count; i++)
        g->job_shared_encodes += g->renditions[i]->job.running;
    for (int i = 0; i < g->sub_count; i++) {
        struct mcu_asub *sub = g->subs[i];
        if (!sub->job.on_own && sub->shared->job.out[k])
            sub->job.out[k] = mcu_unit_ref(sub->shared->job.out[k]);
    }
}

static int pieces(int n, int each)
{
    return (n + each - 1) / each;
}

static void run_tick(struct mcu_audio_graph *g, int k)
{
    struct tick t = { .g = g, .k = k,
                      .time_ns = g->start_ns + (g->job_first_tick + k) * MCU_PCM_TICK_NS };
    mcu_share_run(&g->share, do_sources, &t, pieces(g->source_count, SOURCES_A_PIECE),
                  g->helpers > 0);
    mcu_heard_update(&g->heard_config, g->heard, g->source_count);
    g->speaker = mcu_heard_speaker(g->heard, g->source_count, g->speaker);
    sum(g);
    choose_mixes(g);
    mcu_amix_output(g->amix, -1, &g->shared_limiter, t.shared_mix);
    mcu_share_run(&g->share, do_mixes, &t, g->rendition_count + pieces(g->own_count, MIXES_A_PIECE),
                  g->helpers > 0 && g->own_count >= MIXES_FOR_HELP);
    hand_out(g, k);
}

void mcu_audio_job_ask(void *arg)
{
    struct mcu_audio_graph *g = arg;
    mcu_help_ask(&g->help, g->helpers);
}

void mcu_audio_job_help(void *arg)
{
    struct mcu_audio_graph *g = arg;
    mcu_share_help(&g->share);
}

/* The mixer's table grows with the roster, never in the steady state. */
static int fit_amix(struct mcu_audio_graph *g)
{
    if (g->amix && g->source_count <= g->amix_inputs)
        return 0;
    mcu_amix_free(&g->amix);
    int inputs = mcu_max(16, g->source_count * 2);
    int rc = mcu_amix_new(&g->amix, g->channels, inputs);
    g->amix_inputs = rc < 0 ? 0 : inputs;
    return rc;
}

void mcu_audio_job_run(struct mcu_job *job)
{
    struct mcu_audio_graph *g = mcu_container_of(job, struct mcu_audio_graph, job);
    if (fit_amix(g) < 0) {
        for (int i = 0; i < g->source_count; i++)
            mcu_audio_in_decode(g->sources[i], g);
        return;
    }
    for (int k = 0; k < g->job_ticks; k++)
        run_tick(g, k);
    for (int i = 0; i < g->rendition_count; i++)
        for (int k = 0; k < g->job_ticks; k++)
            mcu_unit_unref(&g->renditions[i]->job.out[k]);
}
