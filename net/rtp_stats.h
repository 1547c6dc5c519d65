/* net/rtp_stats.h - what a receiver reports about a source (RFC 3550 A.1, A.3, A.8).
 * Threads: the leg's loop. Plain values. */
#ifndef MCU_NET_RTP_STATS_H
#define MCU_NET_RTP_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "net/rtcp.h"

struct mcu_rtp_stats {
    int64_t base_seq, max_seq; /* extended */
    uint32_t received;         /* duplicates and late ones too, as RFC 3550 6.4.1 says */
    uint32_t expected_prior, received_prior;
    uint32_t transit;
    bool has_transit;
    uint32_t jitter_q4;        /* ticks, 4 bits after the point */
};

void mcu_rtp_stats_init(struct mcu_rtp_stats *stats, int64_t first_seq);

/* One packet of the source. */
void mcu_rtp_stats_packet(struct mcu_rtp_stats *stats, int64_t seq);

/* Numbers are extended anew: all are `by` higher from now on. */
void mcu_rtp_stats_shift(struct mcu_rtp_stats *stats, int64_t by);

/* Interarrival jitter (A.8): packets of media only, not of events. arrival_ticks: arrival on the
 * clock of rtp_ts. */
void mcu_rtp_stats_arrival(struct mcu_rtp_stats *stats, uint32_t rtp_ts, uint32_t arrival_ticks);

/* Cumulative loss (A.3); negative when duplicates came. */
int64_t mcu_rtp_stats_lost(const struct mcu_rtp_stats *stats);

/* Ends a report interval: writes fraction, loss, highest sequence number and jitter of a block. */
void mcu_rtp_stats_report(struct mcu_rtp_stats *stats, struct mcu_rtcp_block *block);

#endif
