/* What the receiving half tells: reports, statistics; and what it hears of the sender's. */
#include "net/rtp_in.h"

#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "net/rtp_in_priv.h"

#define HEARD_NS (10 * MCU_NS_PER_S) /* of streams that were silent longer nothing is reported */

void mcu_rtp_in_rtt(struct mcu_rtp_in *in, double rtt_ms)
{
    in->rtt_ms = rtt_ms;
}

int mcu_rtp_in_nacks(struct mcu_rtp_in *in, uint16_t *seq, int64_t now_ns)
{
    mcu_rtp_in_poll(in, now_ns); /* what is given up now is not asked for */
    int n = in->receive && in->nack_on ? mcu_nack_take(&in->nack, seq, in->rtt_ms, now_ns) : 0;
    if (n > 0) {
        in->totals.nacks += (uint64_t)n;
        mcu_count_add(MCU_CNT_NACKS_SENT, (uint64_t)n);
    }
    return n;
}

/* ---- Sender reports ---- */

static void heard_sr(struct mcu_rtp_in *in, struct mcu_rtp_in_source *s)
{
    if (!s->locked || s->clock_hz == 0)
        return;
    mcu_stream_clock_sr(&s->time, in->clock, in->sr.sender.ntp, in->sr.sender.rtp_ts,
                        in->sr.arrival_ns);
    in->totals.sr_seen = true;
}

/* A layer that is not received keeps its own, for when it is. */
static void layer_sr(struct mcu_rtp_in *in, struct mcu_rtp_in_layer *l,
                     const struct mcu_rtp_in_sr *sr)
{
    l->sr = *sr;
    if (l->parked.locked && l->parked.clock_hz > 0)
        mcu_stream_clock_sr(&l->parked.time, in->clock, sr->sender.ntp, sr->sender.rtp_ts,
                            sr->arrival_ns);
}

void mcu_rtp_in_sr(struct mcu_rtp_in *in, uint32_t ssrc, const struct mcu_rtcp_sender *sender,
                   int64_t now_ns)
{
    struct mcu_rtp_in_sr sr = { true, ssrc, *sender, now_ns };
    int i = mcu_rtp_in_find_layer(in, ssrc);
    in->totals.last_ns = now_ns;
    if (i >= 0)
        layer_sr(in, &in->layer[i], &sr);
    if (in->source.locked && ssrc != in->source.ssrc)
        return;
    in->sr = sr;
    heard_sr(in, &in->source);
}

/* ---- Reports ---- */

uint32_t mcu_rtp_in_ssrc(const struct mcu_rtp_in *in)
{
    return in->source.locked ? in->source.ssrc : 0;
}

static void write_block(struct mcu_rtcp_block *block, uint32_t ssrc, struct mcu_rtp_stats *stats,
                        const struct mcu_rtp_in_sr *sr, int64_t now_ns)
{
    memset(block, 0, sizeof(*block));
    block->ssrc = ssrc;
    mcu_rtp_stats_report(stats, block);
    if (!sr || !sr->valid || sr->ssrc != ssrc)
        return;
    int64_t delay_ns = now_ns - sr->arrival_ns;
    block->lsr = (uint32_t)(sr->sender.ntp >> 16);
    block->dlsr = (uint32_t)mcu_clock_to_ticks(delay_ns > 0 ? delay_ns : 0, 65536);
}

int mcu_rtp_in_reports(struct mcu_rtp_in *in, struct mcu_rtcp_block *block, int most,
                       int64_t now_ns)
{
    int n = 0;
    if (in->source.locked && n < most) {
        write_block(&block[n], in->source.ssrc, &in->source.stats, &in->sr, now_ns);
        in->totals.fraction_lost = block[n++].fraction_lost / 256.0;
    }
    for (int i = 0; i < in->rid_count && n < most; i++) {
        struct mcu_rtp_in_layer *l = &in->layer[i];
        if (i != in->current && l->parked.locked && now_ns - l->last_ns < HEARD_NS)
            write_block(&block[n++], l->ssrc, &l->parked.stats, &l->sr, now_ns);
    }
    for (int i = 0; i < MCU_LINE_RIDS && n < most; i++) {
        struct mcu_rtp_in_rtx *r = &in->rtx[i];
        if (r->used && now_ns - r->last_ns < HEARD_NS)
            write_block(&block[n++], r->ssrc, &r->stats, NULL, now_ns);
    }
    return n;
}

/* ---- Statistics ---- */

static uint64_t lost_of(const struct mcu_rtp_in_source *s)
{
    int64_t lost = s->locked ? mcu_rtp_stats_lost(&s->stats) : 0;
    return lost > 0 ? (uint64_t)lost : 0;
}

static void layer_stats(const struct mcu_rtp_in *in, struct mcu_line_stats *stats)
{
    stats->layer = in->current > 0 ? in->current : 0;
    for (int i = 0; i < in->rid_count; i++) {
        stats->layers += in->layer[i].seen;
        stats->lost += i == in->current ? 0 : lost_of(&in->layer[i].parked);
    }
    for (int i = 0; i < MCU_LINE_RIDS; i++)
        stats->bps_in[i] = in->now_ns - in->meter[i].since_ns < 2 * MCU_NS_PER_S
                               ? in->meter[i].bps : 0;
}

void mcu_rtp_in_get_stats(const struct mcu_rtp_in *in, struct mcu_line_stats *stats)
{
    stats->packets_in = in->totals.packets;
    stats->bytes_in = in->totals.bytes;
    stats->lost = in->totals.lost_before + lost_of(&in->source);
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
    stats->nacks_out = in->totals.nacks;
    stats->recovered = in->totals.recovered;
    layer_stats(in, stats);
}
