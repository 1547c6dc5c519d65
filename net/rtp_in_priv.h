/* net/rtp_in_priv.h - what the two files of rtp_in share: rtp_in.c takes packets up to the ring,
 * rtp_in_units.c makes units of what leaves it. */
#ifndef MCU_NET_RTP_IN_PRIV_H
#define MCU_NET_RTP_IN_PRIV_H

#include "net/dtmf.h"
#include "net/jitter.h"
#include "net/payload.h"
#include "net/peer_clock.h"
#include "net/reorder.h"
#include "net/rtp.h"
#include "net/rtp_in.h"
#include "net/rtp_stats.h"

/* How one payload type is received. */
struct mcu_rtp_in_rx {
    enum mcu_codec codec;
    uint8_t pt;
    uint32_t sprop_hash;
    struct mcu_depay *depay; /* video */
};

/* A packet that might be the first one of a new source. */
struct mcu_rtp_in_candidate {
    bool valid;
    struct mcu_rtp rtp;      /* payload points into bytes */
    int64_t arrival_ns;
    uint8_t bytes[2048];
};

/* When the packets of a timestamp were sent and came. */
struct mcu_rtp_in_picture {
    bool valid;
    uint32_t rtp_ts;
    int64_t sent_ns, arrival_ns;
};

struct mcu_rtp_in {
    struct mcu_peer_clock *clock;
    struct mcu_rtp_in_events events;
    void *arg;
    enum mcu_kind kind;
    bool receive;
    uint32_t own_ssrc;
    int dtmf_pt;
    struct mcu_rtp_in_rx rx[MCU_LINE_RX_MAX];
    int rx_count;

    struct mcu_rtp_in_candidate candidate;
    struct {
        bool locked;
        uint32_t ssrc;
        int64_t seq;            /* extended, of the newest packet */
        int64_t since_ns, last_ns;
        int clock_hz;
        struct mcu_rtp_stats stats;
        struct mcu_jitter jitter;
        struct mcu_stream_clock time;
        struct mcu_dtmf dtmf;
    } source;
    struct mcu_reorder *ring;
    bool lost;                  /* something is missing before what is delivered next */
    int last_rx;                /* whose packets were delivered last; -1: nobody's */
    bool need_key;
    struct mcu_rtp_in_picture pictures[2]; /* the newest two timestamps delivered */

    struct {
        bool valid;
        uint32_t ssrc;
        struct mcu_rtcp_sender sender;
        int64_t arrival_ns;
    } sr;                       /* the last one, of any source */
    struct {
        uint64_t packets, bytes, late, duplicate, malformed, lost_before;
        double fraction_lost;
        int64_t last_ns;
        bool sr_seen;
    } totals;
};

/* Says that video needs a keyframe; nothing for audio. */
void mcu_rtp_in_need_key(struct mcu_rtp_in *in);
/* Hands on what is in order. */
void mcu_rtp_in_drain(struct mcu_rtp_in *in);
/* Gives the gap at the front up, and hands on what is behind it. */
void mcu_rtp_in_skip_gap(struct mcu_rtp_in *in);

#endif
