#include "net/rtp_stats.h"

#include <string.h>

void mcu_rtp_stats_init(struct mcu_rtp_stats *stats, int64_t first_seq)
{
    memset(stats, 0, sizeof(*stats));
    stats->base_seq = first_seq;
    stats->max_seq = first_seq - 1;
}

void mcu_rtp_stats_packet(struct mcu_rtp_stats *stats, int64_t seq)
{
    stats->received++;
    if (seq > stats->max_seq)
        stats->max_seq = seq;
}

void mcu_rtp_stats_shift(struct mcu_rtp_stats *stats, int64_t by)
{
    stats->base_seq += by;
    stats->max_seq += by;
}

void mcu_rtp_stats_arrival(struct mcu_rtp_stats *stats, uint32_t rtp_ts, uint32_t arrival_ticks)
{
    uint32_t transit = arrival_ticks - rtp_ts;
    int32_t d = (int32_t)(transit - stats->transit);
    uint32_t size = d < 0 ? 0u - (uint32_t)d : (uint32_t)d;
    /* A timestamp jump is not jitter: beyond 2^24 ticks (3 minutes of video) start anew. */
    if (stats->has_transit && size < 1u << 24)
        stats->jitter_q4 += size - ((stats->jitter_q4 + 8) >> 4);
    stats->transit = transit;
    stats->has_transit = true;
}

static uint32_t expected(const struct mcu_rtp_stats *stats)
{
    return (uint32_t)(stats->max_seq - stats->base_seq + 1);
}

int64_t mcu_rtp_stats_lost(const struct mcu_rtp_stats *stats)
{
    return (int32_t)(expected(stats) - stats->received);
}

void mcu_rtp_stats_report(struct mcu_rtp_stats *stats, struct mcu_rtcp_block *block)
{
    uint32_t exp = expected(stats) - stats->expected_prior;
    int32_t lost = (int32_t)(exp - (stats->received - stats->received_prior));
    stats->expected_prior = expected(stats);
    stats->received_prior = stats->received;
    block->fraction_lost = exp == 0 || lost <= 0 ? 0 : (uint8_t)(((uint64_t)lost << 8) / exp > 255
                                                        ? 255 : ((uint64_t)lost << 8) / exp);
    int64_t total = mcu_rtp_stats_lost(stats);
    block->lost = (int32_t)(total > 0x7fffff ? 0x7fffff : total < -0x800000 ? -0x800000 : total);
    /* The first cycle of this source counts as 0. */
    block->highest_seq = (uint32_t)(stats->max_seq - (stats->base_seq & ~INT64_C(0xffff)));
    block->jitter = stats->jitter_q4 >> 4;
}
