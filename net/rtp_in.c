#include "net/rtp_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "net/opus_toc.h"
#include "net/rtp_in_priv.h"

#define MAX_DROPOUT   3000 /* RFC 3550 A.1 */
#define MAX_MISORDER  100
#define RING_AUDIO    128
#define RING_VIDEO    512
/* Two senders at once must not make the decoder change between them all the time: right after a
 * change, the next one is only taken when the source has gone silent. */
#define SWITCH_HOLD_NS  MCU_NS_PER_S
#define SWITCH_QUIET_NS (200 * MCU_NS_PER_MS)

/* ---- Configuration ---- */

static uint32_t hash_bytes(const uint8_t *p, size_t n)
{
    uint32_t h = 2166136261u; /* FNV-1a: only to see whether parameter sets changed */
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 16777619u;
    return h;
}

static void free_rx(struct mcu_rtp_in_rx *rx, int n)
{
    for (int i = 0; i < n; i++)
        mcu_depay_free(&rx[i].depay);
}

/* Builds the new table; depacketisers of rows that stay are moved over by adopt_rx. */
static int make_rx(struct mcu_rtp_in_rx *rx, const struct mcu_line_config *config)
{
    for (int i = 0; i < config->rx_count; i++) {
        const struct mcu_line_rx *c = &config->rx[i];
        rx[i] = (struct mcu_rtp_in_rx){ c->codec, c->pt, hash_bytes(c->sprop, c->sprop ? c->sprop_bytes : 0),
                             NULL };
        int rc = config->kind == MCU_VIDEO
                     ? mcu_depay_new(&rx[i].depay, c->codec, c->sprop, c->sprop_bytes, 0)
                     : 0;
        if (rc < 0) {
            free_rx(rx, i);
            return rc;
        }
    }
    return 0;
}

static bool same_rx(const struct mcu_rtp_in_rx *a, const struct mcu_rtp_in_rx *b)
{
    return a->codec == b->codec && a->pt == b->pt && a->sprop_hash == b->sprop_hash;
}

static void adopt_rx(struct mcu_rtp_in *in, struct mcu_rtp_in_rx *rx, int n)
{
    int last = -1;
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < in->rx_count; k++) {
            if (!same_rx(&rx[i], &in->rx[k]))
                continue;
            struct mcu_depay *old = in->rx[k].depay;
            in->rx[k].depay = rx[i].depay;
            rx[i].depay = old;
            if (k == in->last_rx)
                last = i;
        }
    }
    free_rx(in->rx, in->rx_count);
    memcpy(in->rx, rx, sizeof(in->rx));
    in->rx_count = n;
    in->last_rx = last;
}

static void configure(struct mcu_rtp_in *in, const struct mcu_line_config *config)
{
    if (config->receive && !in->receive && in->source.locked) {
        in->lost = true; /* what came on hold was not handed on */
        in->need_key = in->kind == MCU_VIDEO;
    }
    in->receive = config->receive;
    in->own_ssrc = config->ssrc;
    in->dtmf_pt = config->dtmf_pt;
}

int mcu_rtp_in_new(struct mcu_rtp_in **out, const struct mcu_line_config *config,
                   struct mcu_peer_clock *clock, const struct mcu_rtp_in_events *events, void *arg)
{
    struct mcu_rtp_in_rx rx[MCU_LINE_RX_MAX] = { 0 };
    struct mcu_rtp_in *in = calloc(1, sizeof(*in));
    if (!in)
        return -ENOMEM;
    in->clock = clock;
    in->events = *events;
    in->arg = arg;
    in->kind = config->kind;
    in->last_rx = -1;
    int rc = mcu_reorder_new(&in->ring, config->kind == MCU_VIDEO ? RING_VIDEO : RING_AUDIO);
    if (rc == 0)
        rc = make_rx(rx, config);
    if (rc < 0) {
        mcu_rtp_in_free(&in);
        return rc;
    }
    adopt_rx(in, rx, config->rx_count);
    configure(in, config);
    *out = in;
    return 0;
}

void mcu_rtp_in_free(struct mcu_rtp_in **pp)
{
    struct mcu_rtp_in *in = *pp;
    *pp = NULL;
    if (!in)
        return;
    mcu_reorder_free(&in->ring);
    free_rx(in->rx, in->rx_count);
    free(in);
}

/* Most re-INVITEs refresh a session or hold it: nothing may be lost by those. */
static bool same_table(const struct mcu_rtp_in *in, const struct mcu_line_config *config)
{
    bool same = in->rx_count == config->rx_count;
    for (int i = 0; same && i < in->rx_count; i++) {
        const struct mcu_line_rx *c = &config->rx[i];
        struct mcu_rtp_in_rx row = { c->codec, c->pt, hash_bytes(c->sprop, c->sprop ? c->sprop_bytes : 0),
                          NULL };
        same = same_rx(&row, &in->rx[i]);
    }
    return same;
}

int mcu_rtp_in_reconfigure(struct mcu_rtp_in *in, const struct mcu_line_config *config)
{
    struct mcu_rtp_in_rx rx[MCU_LINE_RX_MAX] = { 0 };
    if (config->kind != in->kind)
        return -EINVAL;
    if (!same_table(in, config)) {
        int rc = make_rx(rx, config);
        if (rc < 0)
            return rc;
        /* What waits in the ring refers to the old table. */
        mcu_reorder_reset(in->ring, in->source.locked ? in->source.seq + 1 : 0);
        in->lost = in->lost || in->source.locked;
        adopt_rx(in, rx, config->rx_count);
    }
    configure(in, config);
    return 0;
}

/* ---- Packets of the source ---- */

static int find_rx(const struct mcu_rtp_in *in, uint8_t pt)
{
    for (int i = 0; i < in->rx_count; i++)
        if (in->rx[i].pt == pt)
            return i;
    return -1;
}

/* The duration of an audio packet; 20 ms when it does not say. */
static int packet_us(enum mcu_codec codec, const struct mcu_rtp *rtp)
{
    int us = 0;
    if (codec == MCU_CODEC_OPUS)
        us = mcu_opus_packet_us(rtp->payload, rtp->payload_bytes);
    else /* PCMU, PCMA and G.722: 64 kbit/s all three */
        us = (int)(rtp->payload_bytes * 125);
    return us > 0 && us <= 200000 ? us : 20000;
}

/* The RTP clock of the source's codec; another clock starts time and jitter anew. */
static void use_clock(struct mcu_rtp_in *in, int hz)
{
    if (in->source.clock_hz == hz)
        return;
    in->source.clock_hz = hz;
    mcu_stream_clock_init(&in->source.time, hz);
    mcu_jitter_init(&in->source.jitter, hz);
    in->source.stats.has_transit = false;
    if (!in->sr.valid || in->sr.ssrc != in->source.ssrc)
        return;
    mcu_stream_clock_sr(&in->source.time, in->clock, in->sr.sender.ntp, in->sr.sender.rtp_ts,
                        in->sr.arrival_ns);
    in->totals.sr_seen = true;
}

/* Statistics of arrival, for every media packet that is not a duplicate. */
static void measure(struct mcu_rtp_in *in, const struct mcu_rtp *rtp, int64_t now_ns,
                    struct mcu_reorder_slot *slot)
{
    enum mcu_codec codec = in->rx[slot->rx].codec;
    use_clock(in, mcu_codec_info(codec)->rtp_clock_hz);
    mcu_rtp_stats_arrival(&in->source.stats, rtp->ts,
                          (uint32_t)mcu_clock_to_ticks(now_ns, in->source.clock_hz));
    if (in->kind != MCU_AUDIO)
        return;
    slot->packet_ms = packet_us(codec, rtp) / 1000;
    slot->rel_ms = mcu_jitter_packet(&in->source.jitter, rtp->ts, slot->packet_ms, now_ns);
}

static struct mcu_unit *packet_unit(struct mcu_rtp_in *in, const struct mcu_rtp *rtp, int64_t seq,
                                    int rx, int64_t now_ns)
{
    struct mcu_unit *u = mcu_unit_new(rtp->payload_bytes);
    if (!u)
        return NULL;
    memcpy(u->data, rtp->payload, rtp->payload_bytes);
    u->size = rtp->payload_bytes;
    u->codec = in->rx[rx].codec;
    u->seq = seq;
    u->rtp_ts = rtp->ts;
    u->ssrc = rtp->ssrc;
    u->marker = rtp->marker;
    u->time_ns = now_ns;
    u->sent_ns = mcu_stream_clock_map(&in->source.time, in->clock, rtp->ts, now_ns);
    if (in->kind == MCU_AUDIO)
        u->duration_ns = packet_us(u->codec, rtp) * INT64_C(1000);
    return u;
}

static void take_event(struct mcu_rtp_in *in, const struct mcu_rtp *rtp, int64_t now_ns)
{
    char key = mcu_dtmf_push(&in->source.dtmf, rtp->payload, rtp->payload_bytes, rtp->marker,
                             rtp->ts, now_ns);
    if (!key || !in->receive)
        return;
    mcu_count(MCU_CNT_DTMF_EVENTS);
    in->events.dtmf(key, in->arg);
}

/* A late or doubled packet: true when there is nothing more to do with it. */
static bool misplaced(struct mcu_rtp_in *in, const struct mcu_rtp *rtp, int64_t seq, int rx,
                      int64_t now_ns)
{
    struct mcu_reorder_slot unused = { .rx = rx };
    switch (mcu_reorder_place(in->ring, seq)) {
    case MCU_REORDER_DUPLICATE:
        in->totals.duplicate++;
        mcu_count(MCU_CNT_RTP_DUPLICATE);
        return true;
    case MCU_REORDER_LATE:
        in->totals.late++;
        mcu_count(MCU_CNT_RTP_LATE);
        mcu_reorder_saw_late(in->ring, seq);
        if (rx >= 0 && rtp->payload_bytes > 0)
            measure(in, rtp, now_ns, &unused);
        else if (rtp->pt == in->dtmf_pt)
            take_event(in, rtp, now_ns);
        return true;
    case MCU_REORDER_FAR: /* a long outage: everything that waits goes first */
        while (mcu_reorder_behind_gap(in->ring))
            mcu_rtp_in_skip_gap(in);
        mcu_reorder_reset(in->ring, seq);
        in->lost = true;
        mcu_rtp_in_need_key(in);
        return false;
    case MCU_REORDER_NEW:
        break;
    }
    return false;
}

static void accept_packet(struct mcu_rtp_in *in, const struct mcu_rtp *rtp, int64_t now_ns)
{
    int64_t seq = in->source.seq + (int16_t)(rtp->seq - (uint16_t)in->source.seq);
    int rx = find_rx(in, rtp->pt);
    if (seq > in->source.seq)
        in->source.seq = seq;
    in->source.last_ns = now_ns;
    mcu_rtp_stats_packet(&in->source.stats, seq);
    if (misplaced(in, rtp, seq, rx, now_ns))
        return;
    struct mcu_reorder_slot slot = { .arrival_ns = now_ns, .rx = rx };
    if (rx >= 0 && rtp->payload_bytes > 0) {
        measure(in, rtp, now_ns, &slot);
        slot.unit = packet_unit(in, rtp, seq, rx, now_ns);
    } else if (rtp->pt == in->dtmf_pt && in->dtmf_pt >= 0) {
        take_event(in, rtp, now_ns);
    } else if (rx < 0) {
        mcu_count(MCU_CNT_RTP_UNKNOWN_PT);
    }
    mcu_reorder_put(in->ring, seq, &slot);
    mcu_rtp_in_drain(in);
    mcu_rtp_in_poll(in, now_ns);
}

/* ---- Sources ---- */

static void take_source(struct mcu_rtp_in *in, const struct mcu_rtp *first, int64_t now_ns)
{
    if (in->source.locked)
        in->totals.lost_before += (uint64_t)(mcu_rtp_stats_lost(&in->source.stats) > 0
                                                 ? mcu_rtp_stats_lost(&in->source.stats) : 0);
    while (mcu_reorder_behind_gap(in->ring))
        mcu_rtp_in_skip_gap(in);
    /* Units of the new source continue the numbers of the old one, a cycle later, so that nobody
     * takes them for late. */
    int64_t seq = (((in->source.seq >> 16) + 2) << 16) | first->seq;
    bool again = in->source.locked;
    memset(&in->source, 0, sizeof(in->source));
    in->source.locked = true;
    in->source.ssrc = first->ssrc;
    in->source.seq = seq;
    in->source.since_ns = again ? now_ns : now_ns - SWITCH_HOLD_NS;
    mcu_rtp_stats_init(&in->source.stats, seq);
    mcu_reorder_reset(in->ring, seq);
    in->lost = again;
    in->pictures[0].valid = in->pictures[1].valid = false;
    if (in->kind == MCU_VIDEO)
        in->need_key = true;
    in->events.source(first->ssrc, in->arg);
}

static bool may_switch(const struct mcu_rtp_in *in, int64_t now_ns)
{
    return !in->source.locked || now_ns - in->source.since_ns >= SWITCH_HOLD_NS ||
           now_ns - in->source.last_ns >= SWITCH_QUIET_NS;
}

static void keep_candidate(struct mcu_rtp_in_candidate *c, const struct mcu_rtp *rtp, int64_t now_ns)
{
    c->valid = rtp->payload_bytes <= sizeof(c->bytes);
    if (!c->valid)
        return;
    c->rtp = *rtp;
    c->arrival_ns = now_ns;
    if (rtp->payload_bytes > 0)
        memcpy(c->bytes, rtp->payload, rtp->payload_bytes);
    c->rtp.payload = c->bytes;
    c->rtp.ext = NULL;
    c->rtp.ext_bytes = 0;
}

/* A packet that does not belong to the source (RFC 3550 A.1: MIN_SEQUENTIAL is 2). */
static void audition(struct mcu_rtp_in *in, const struct mcu_rtp *rtp, int64_t now_ns)
{
    struct mcu_rtp_in_candidate *c = &in->candidate;
    if (c->valid && c->rtp.ssrc == rtp->ssrc && rtp->seq == (uint16_t)(c->rtp.seq + 1) &&
        may_switch(in, now_ns)) {
        c->valid = false;
        take_source(in, &c->rtp, now_ns);
        accept_packet(in, &c->rtp, c->arrival_ns);
        accept_packet(in, rtp, now_ns);
    } else {
        keep_candidate(c, rtp, now_ns);
    }
}

static bool in_sequence(const struct mcu_rtp_in *in, uint16_t seq)
{
    int d = (int16_t)(seq - (uint16_t)in->source.seq);
    return d < MAX_DROPOUT && d > -MAX_MISORDER;
}

void mcu_rtp_in_packet(struct mcu_rtp_in *in, const uint8_t *data, size_t size, int64_t now_ns)
{
    struct mcu_rtp rtp;
    if (mcu_rtp_parse(&rtp, data, size) < 0) {
        in->totals.malformed++;
        mcu_count(MCU_CNT_RTP_BAD);
        return;
    }
    if (rtp.ssrc == in->own_ssrc) { /* our own packets, come back (RFC 3550 section 8.2) */
        mcu_count(MCU_CNT_RTP_FOREIGN);
        return;
    }
    mcu_count(MCU_CNT_RTP_IN);
    in->totals.packets++;
    in->totals.bytes += size;
    in->totals.last_ns = now_ns;
    if (!in->source.locked || rtp.ssrc != in->source.ssrc || !in_sequence(in, rtp.seq)) {
        audition(in, &rtp, now_ns);
        return;
    }
    in->candidate.valid = in->candidate.valid && in->candidate.rtp.ssrc != rtp.ssrc;
    accept_packet(in, &rtp, now_ns);
}

/* ---- Reports ---- */

void mcu_rtp_in_sr(struct mcu_rtp_in *in, uint32_t ssrc, const struct mcu_rtcp_sender *sender,
                   int64_t now_ns)
{
    in->totals.last_ns = now_ns;
    if (in->source.locked && ssrc != in->source.ssrc)
        return;
    in->sr.valid = true;
    in->sr.ssrc = ssrc;
    in->sr.sender = *sender;
    in->sr.arrival_ns = now_ns;
    if (!in->source.locked || in->source.clock_hz == 0)
        return;
    mcu_stream_clock_sr(&in->source.time, in->clock, sender->ntp, sender->rtp_ts, now_ns);
    in->totals.sr_seen = true;
}

uint32_t mcu_rtp_in_ssrc(const struct mcu_rtp_in *in)
{
    return in->source.locked ? in->source.ssrc : 0;
}

bool mcu_rtp_in_report(struct mcu_rtp_in *in, struct mcu_rtcp_block *block, int64_t now_ns)
{
    if (!in->source.locked)
        return false;
    memset(block, 0, sizeof(*block));
    block->ssrc = in->source.ssrc;
    mcu_rtp_stats_report(&in->source.stats, block);
    in->totals.fraction_lost = block->fraction_lost / 256.0;
    if (in->sr.valid && in->sr.ssrc == in->source.ssrc) {
        int64_t delay_ns = now_ns - in->sr.arrival_ns;
        block->lsr = (uint32_t)(in->sr.sender.ntp >> 16);
        block->dlsr = (uint32_t)mcu_clock_to_ticks(delay_ns > 0 ? delay_ns : 0, 65536);
    }
    return true;
}

void mcu_rtp_in_get_stats(const struct mcu_rtp_in *in, struct mcu_line_stats *stats)
{
    int64_t lost = in->source.locked ? mcu_rtp_stats_lost(&in->source.stats) : 0;
    stats->packets_in = in->totals.packets;
    stats->bytes_in = in->totals.bytes;
    stats->lost = in->totals.lost_before + (uint64_t)(lost > 0 ? lost : 0);
    stats->late = in->totals.late;
    stats->duplicate = in->totals.duplicate;
    stats->malformed = in->totals.malformed;
    stats->fraction_lost_in = in->totals.fraction_lost;
    if (in->source.clock_hz > 0)
        stats->jitter_ms = in->source.stats.jitter_q4 / 16.0 * 1000.0 / in->source.clock_hz;
    if (in->kind == MCU_AUDIO && in->source.locked)
        stats->delay_ms = mcu_jitter_delay_ms(&in->source.jitter);
    stats->last_packet_ns = in->totals.last_ns;
    stats->ssrc_in = mcu_rtp_in_ssrc(in);
    stats->sr_seen = in->totals.sr_seen;
}
