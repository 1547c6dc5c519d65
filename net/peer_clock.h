/* net/peer_clock.h - places a peer's media on the conference clock. All streams of one peer share
 * one clock, so that its sound and picture keep their distance.
 * Threads: the leg's loop. Plain values.
 *
 * Until a stream's first sender report its media is placed by arrival: the least delayed packet of
 * the last seconds sets the offset. From then on RTP time maps to the peer's NTP time (RFC 3550
 * 6.4.1), and one offset NTP-to-conference, again from the least delayed packets, serves all
 * streams. Offsets rise by slewing (at most 1 ms per 100 ms) unless they are off by over 500 ms; a
 * packet less delayed than all before lowers them at once, as nothing is sent after it arrived. A
 * stream whose NTP time is over 2 s away from that of the others goes on by arrival. */
#ifndef MCU_NET_PEER_CLOCK_H
#define MCU_NET_PEER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* The least value of the last 4 to 8 seconds. */
struct mcu_min_filter {
    int64_t current, previous, window_start_ns;
    bool valid;
};

/* After 8 seconds without a value the filter begins anew. */
void mcu_min_filter_add(struct mcu_min_filter *filter, int64_t value, int64_t now_ns);
int64_t mcu_min_filter_value(const struct mcu_min_filter *filter); /* when valid */

struct mcu_peer_clock {
    struct mcu_min_filter offset;  /* arrival - peer's NTP time, ns */
    int64_t slewed_ns, slewed_at_ns;
    bool slewed_valid;
};

struct mcu_stream_clock {
    int rate_hz;
    bool has_base, has_sr;
    uint32_t base_rtp_ts;          /* unwrapping */
    int64_t base_ticks;
    int64_t sr_ticks, sr_ntp_ns;   /* the last report that was believed */
    bool has_seen;
    int64_t seen_ticks, seen_ntp_ns; /* the last report that came */
    struct mcu_min_filter offset;  /* arrival - RTP time, ns: before the first SR */
    int64_t slewed_ns, slewed_at_ns;
    bool slewed_valid;
};

void mcu_peer_clock_init(struct mcu_peer_clock *peer);
void mcu_stream_clock_init(struct mcu_stream_clock *stream, int rate_hz);

/* A sender report of the stream. Reports whose NTP time is 0 or does not advance with the RTP time
 * (within 5 %) are ignored: some devices send nonsense. */
void mcu_stream_clock_sr(struct mcu_stream_clock *stream, struct mcu_peer_clock *peer, uint64_t ntp,
                         uint32_t rtp_ts, int64_t arrival_ns);

/* The sender's time, on the conference clock, of what carries rtp_ts and arrived at arrival_ns;
 * never later than arrival_ns. Timestamp jumps of more than 10 s start the stream's mapping anew. */
int64_t mcu_stream_clock_map(struct mcu_stream_clock *stream, struct mcu_peer_clock *peer,
                             uint32_t rtp_ts, int64_t arrival_ns);

#endif
