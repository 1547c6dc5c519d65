#include "net/rtp_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "net/key_peek.h"
#include "net/opus_toc.h"
#include "net/rtp_in_priv.h"

#define MAX_DROPOUT   3000 /* RFC 3550 A.1 */
#define MAX_MISORDER  100
#define REPEAT_AHEAD  16
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

static struct mcu_rtp_in_rx row_of(const struct mcu_line_rx *c)
{
    return (struct mcu_rtp_in_rx){ .codec = c->codec, .pt = c->pt,
                                   .sprop_hash = hash_bytes(c->sprop, c->sprop ? c->sprop_bytes : 0) };
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
        rx[i] = row_of(c);
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
    in->nack_on = config->fb_nack;
    if (!in->nack_on)
        mcu_nack_clear(&in->nack);
    in->ext = config->ext;
    in->twcc = config->twcc;
    in->ext_on = in->ext.audio_level || in->ext.abs_send_time || in->ext.transport_cc ||
                 in->ext.rid || in->ext.repaired_rid || in->ext.colour;
    in->rtx_on = false;
    for (int i = 0; i < in->rx_count; i++) {
        in->rx[i].rtx_pt = config->rx[i].rtx_pt;
        in->rtx_on = in->rtx_on || in->rx[i].rtx_pt != 0;
    }
    mcu_rtp_in_configure_layers(in, config);
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
    in->last_rx = in->current = in->target = in->rows = -1;
    in->key_seq = -1;
    mcu_nack_init(&in->nack);
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
        struct mcu_rtp_in_rx row = row_of(c);
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
        mcu_nack_clear(&in->nack);
        in->key_seq = -1;
        adopt_rx(in, rx, config->rx_count);
    }
    configure(in, config);
    return 0;
}

/* ---- Packets of the source ---- */

int mcu_rtp_in_find_rx(const struct mcu_rtp_in *in, uint8_t pt)
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
    else if (codec != MCU_CODEC_CN) /* PCMU, PCMA and G.722: 64 kbit/s all three */
        us = (int)(rtp->payload_bytes * 125);
    return us > 0 && us <= 200000 ? us : 20000;
}

void mcu_rtp_in_use_clock(struct mcu_rtp_in *in, struct mcu_rtp_in_source *s,
                          const struct mcu_rtp_in_sr *sr, int hz)
{
    if (s->clock_hz == hz)
        return;
    s->clock_hz = hz;
    mcu_stream_clock_init(&s->time, hz);
    mcu_jitter_init(&s->jitter, hz);
    s->stats.has_transit = false;
    if (!sr->valid || sr->ssrc != s->ssrc)
        return;
    mcu_stream_clock_sr(&s->time, in->clock, sr->sender.ntp, sr->sender.rtp_ts, sr->arrival_ns);
    in->totals.sr_seen = true;
}

/* Statistics of arrival, for every media packet that is not a duplicate. */
static void measure(struct mcu_rtp_in *in, const struct mcu_rtp *rtp, int64_t now_ns,
                    struct mcu_reorder_slot *slot)
{
    enum mcu_codec codec = in->rx[slot->rx].codec;
    mcu_rtp_in_use_clock(in, &in->source, &in->sr, mcu_codec_info(codec)->rtp_clock_hz);
    mcu_rtp_stats_arrival(&in->source.stats, rtp->ts,
                          (uint32_t)mcu_clock_to_ticks(now_ns, in->source.clock_hz));
    if (in->kind != MCU_AUDIO)
        return;
    slot->rel_ms = mcu_jitter_packet(&in->source.jitter, rtp->ts, now_ns);
}

static struct mcu_unit *packet_unit(struct mcu_rtp_in *in, const struct mcu_rtp *rtp,
                                    const struct mcu_rtp_in_info *info, int64_t seq, int rx,
                                    int64_t now_ns)
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
    u->level_dbov = info->level_dbov;
    u->colour = info->colour;
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
                      bool repeat, int64_t now_ns)
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
        if (rx >= 0 && rtp->payload_bytes > 0 && !repeat)
            measure(in, rtp, now_ns, &unused);
        else if (rtp->pt == in->dtmf_pt)
            take_event(in, rtp, now_ns);
        return true;
    case MCU_REORDER_FAR: /* a long outage: everything that waits goes first */
        while (mcu_reorder_behind_gap(in->ring))
            mcu_rtp_in_skip_gap(in);
        mcu_reorder_reset(in->ring, seq);
        mcu_nack_clear(&in->nack);
        in->lost = true;
        mcu_rtp_in_need_key(in);
        return false;
    case MCU_REORDER_NEW:
        break;
    }
    return false;
}

/* Notes what is missing before a new packet. True: the packet itself had been asked for. */
static bool note_gap(struct mcu_rtp_in *in, int64_t seq, enum mcu_nack_as as, int64_t now_ns)
{
    if (seq > in->source.seq + 1 && in->nack_on)
        mcu_nack_missing(&in->nack, in->source.seq + 1, seq - 1, now_ns);
    if (seq > in->source.seq || mcu_nack_came(&in->nack, seq, as, in->rtt_ms, now_ns) <= 0)
        return false;
    in->totals.recovered++;
    return true;
}

/* While pictures cannot be decoded, what is missing before a keyframe is not worth waiting for. */
static void note_key(struct mcu_rtp_in *in, const struct mcu_rtp *rtp, int64_t seq, int rx)
{
    int rows;
    if (in->nack_on && in->need_key && seq > in->key_seq &&
        mcu_key_peek(in->rx[rx].codec, rtp->payload, rtp->payload_bytes, &rows))
        in->key_seq = seq;
}

static void put_packet(struct mcu_rtp_in *in, const struct mcu_rtp *rtp,
                       const struct mcu_rtp_in_info *info, int64_t seq, int rx, int64_t now_ns)
{
    struct mcu_reorder_slot slot = { .arrival_ns = now_ns, .rx = rx };
    if (rx >= 0 && rtp->payload_bytes > 0) {
        if (!info->repeat)
            measure(in, rtp, now_ns, &slot);
        slot.unit = packet_unit(in, rtp, info, seq, rx, now_ns);
        note_key(in, rtp, seq, rx);
    } else if (rtp->pt == in->dtmf_pt && in->dtmf_pt >= 0) {
        take_event(in, rtp, now_ns);
    } else if (rx < 0) {
        mcu_count(MCU_CNT_RTP_UNKNOWN_PT);
    }
    mcu_reorder_put(in->ring, seq, &slot);
    mcu_rtp_in_drain(in);
    mcu_rtp_in_poll(in, now_ns);
}

static int64_t extended(const struct mcu_rtp_in *in, uint16_t seq)
{
    return in->source.seq + (int16_t)(seq - (uint16_t)in->source.seq);
}

static void accept_packet(struct mcu_rtp_in *in, const struct mcu_rtp *rtp,
                          struct mcu_rtp_in_info info, int64_t now_ns)
{
    int64_t seq = extended(in, rtp->seq);
    int rx = mcu_rtp_in_find_rx(in, rtp->pt);
    info.repeat = note_gap(in, seq, in->rtx_on ? MCU_NACK_ORIGINAL : MCU_NACK_EITHER, now_ns);
    if (seq > in->source.seq)
        in->source.seq = seq;
    in->source.last_ns = now_ns;
    mcu_rtp_stats_packet(&in->source.stats, seq);
    if (!misplaced(in, rtp, seq, rx, info.repeat, now_ns))
        put_packet(in, rtp, &info, seq, rx, now_ns);
}

/* A repeat under a number of its own repairs nothing in the source's report (RFC 4588 section 4). One
 * may overtake its original a little. */
void mcu_rtp_in_repeat(struct mcu_rtp_in *in, const struct mcu_rtp *rtp,
                       const struct mcu_rtp_in_info *info, int64_t now_ns)
{
    int64_t seq = extended(in, rtp->seq);
    int rx = mcu_rtp_in_find_rx(in, rtp->pt);
    bool near = seq <= in->source.seq + REPEAT_AHEAD;
    if (!in->source.locked || rtp->ssrc != in->source.ssrc || !near ||
        mcu_reorder_place(in->ring, seq) != MCU_REORDER_NEW) {
        mcu_count(MCU_CNT_RTX_UNNEEDED);
        return;
    }
    note_gap(in, seq, MCU_NACK_REPEAT, now_ns);
    in->source.seq = seq > in->source.seq ? seq : in->source.seq;
    put_packet(in, rtp, info, seq, rx, now_ns);
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
    mcu_nack_clear(&in->nack);
    in->key_seq = -1;
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

static void keep_candidate(struct mcu_rtp_in_candidate *c, const struct mcu_rtp *rtp,
                           const struct mcu_rtp_in_info *info, int64_t now_ns)
{
    c->valid = rtp->payload_bytes <= sizeof(c->bytes);
    if (!c->valid)
        return;
    c->rtp = *rtp;
    c->info = (struct mcu_rtp_in_info){ .level_dbov = info->level_dbov, .colour = info->colour };
    c->arrival_ns = now_ns;
    if (rtp->payload_bytes > 0)
        memcpy(c->bytes, rtp->payload, rtp->payload_bytes);
    c->rtp.payload = c->bytes;
    c->rtp.ext = NULL;
    c->rtp.ext_bytes = 0;
}

/* A packet that does not belong to the source (RFC 3550 A.1: MIN_SEQUENTIAL is 2). */
static void audition(struct mcu_rtp_in *in, const struct mcu_rtp *rtp,
                     const struct mcu_rtp_in_info *info, int64_t now_ns)
{
    struct mcu_rtp_in_candidate *c = &in->candidate;
    if (c->valid && c->rtp.ssrc == rtp->ssrc && rtp->seq == (uint16_t)(c->rtp.seq + 1) &&
        may_switch(in, now_ns)) {
        c->valid = false;
        take_source(in, &c->rtp, now_ns);
        accept_packet(in, &c->rtp, c->info, c->arrival_ns);
        accept_packet(in, rtp, *info, now_ns);
    } else {
        keep_candidate(c, rtp, info, now_ns);
    }
}

bool mcu_rtp_in_sequence(const struct mcu_rtp_in_source *s, uint16_t seq)
{
    int d = (int16_t)(seq - (uint16_t)s->seq);
    return d < MAX_DROPOUT && d > -MAX_MISORDER;
}

/* A packet of media: the source's, or of one that may become it. */
static void take_media(struct mcu_rtp_in *in, const struct mcu_rtp *rtp,
                       const struct mcu_rtp_in_info *info, size_t bytes, int64_t now_ns)
{
    if (in->rid_count > 0) {
        if (mcu_rtp_in_take_layer(in, rtp, info, bytes, now_ns))
            return;
    } else {
        mcu_rtp_in_meter(&in->meter[0], bytes, now_ns);
    }
    if (!in->source.locked || rtp->ssrc != in->source.ssrc ||
        !mcu_rtp_in_sequence(&in->source, rtp->seq)) {
        audition(in, rtp, info, now_ns);
        return;
    }
    in->candidate.valid = in->candidate.valid && in->candidate.rtp.ssrc != rtp->ssrc;
    accept_packet(in, rtp, *info, now_ns);
}

void mcu_rtp_in_packet(struct mcu_rtp_in *in, const uint8_t *data, size_t size, int64_t now_ns)
{
    struct mcu_rtp rtp;
    struct mcu_rtp_in_info info = { .level_dbov = 1 };
    if (mcu_rtp_parse(&rtp, data, size) < 0) {
        in->totals.malformed++;
        mcu_count(MCU_CNT_RTP_BAD);
        return;
    }
    if (rtp.ssrc == in->own_ssrc) { /* our own packets, come back (RFC 3550 section 8.2) */
        mcu_count(MCU_CNT_RTP_FOREIGN);
        in->events.own(in->arg);
        return;
    }
    mcu_count(MCU_CNT_RTP_IN);
    in->totals.packets++;
    in->totals.bytes += size;
    in->totals.last_ns = now_ns;
    in->now_ns = now_ns;
    if (in->ext_on && rtp.has_ext)
        mcu_rtp_in_read_ext(in, &rtp, &info, now_ns);
    if (!in->rtx_on || !mcu_rtp_in_take_rtx(in, &rtp, &info, now_ns))
        take_media(in, &rtp, &info, size, now_ns);
}
