/* net/rtp_in_priv.h - what the files of rtp_in share:
 *   rtp_in.c         configuration; packets of the source, up to the ring
 *   rtp_in_ext.c     header extensions; repeats (RTX)
 *   rtp_in_layers.c  simulcast: which layer is the source
 *   rtp_in_units.c   makes units of what leaves the ring
 *   rtp_in_report.c  what is told about all that */
#ifndef MCU_NET_RTP_IN_PRIV_H
#define MCU_NET_RTP_IN_PRIV_H

#include "net/dtmf.h"
#include "net/jitter.h"
#include "net/nack.h"
#include "net/payload.h"
#include "net/peer_clock.h"
#include "net/reorder.h"
#include "net/rtp.h"
#include "net/rtp_in.h"
#include "net/rtp_stats.h"

/* How one payload type is received. */
struct mcu_rtp_in_rx {
    enum mcu_codec codec;
    uint8_t pt, rtx_pt;
    uint32_t sprop_hash;
    struct mcu_depay *depay; /* video */
};

/* What is known of a packet beside its header and payload. */
struct mcu_rtp_in_info {
    int8_t level_dbov;       /* RFC 6464; 1: not said */
    struct mcu_colour colour;
    bool repeat;             /* sent a second time: says nothing about the network's delay */
    const uint8_t *rid, *repaired_rid; /* NULL: not said */
    size_t rid_bytes, repaired_rid_bytes;
};

/* A packet that might be the first one of a new source. */
struct mcu_rtp_in_candidate {
    bool valid;
    struct mcu_rtp rtp;      /* payload points into bytes */
    struct mcu_rtp_in_info info; /* without RIDs */
    int64_t arrival_ns;
    uint8_t bytes[2048];
};

/* When the packets of a timestamp were sent and came. */
struct mcu_rtp_in_picture {
    bool valid;
    uint32_t rtp_ts;
    int64_t sent_ns, arrival_ns;
    struct mcu_colour colour; /* as one of them said */
};

struct mcu_rtp_in_sr {
    bool valid;
    uint32_t ssrc;
    struct mcu_rtcp_sender sender;
    int64_t arrival_ns;
};

struct mcu_rtp_in_source {
    bool locked;
    uint32_t ssrc;
    int64_t seq;            /* extended, of the newest packet */
    int64_t since_ns, last_ns;
    int clock_hz;
    struct mcu_rtp_stats stats;
    struct mcu_jitter jitter;
    struct mcu_stream_clock time;
    struct mcu_dtmf dtmf;
};

/* Bytes of the last whole second. */
struct mcu_rtp_in_meter {
    int64_t since_ns;
    int bytes, bps;
};

/* A layer of a simulcast. The one received has its state in mcu_rtp_in.source, the others here. */
struct mcu_rtp_in_layer {
    bool seen;
    uint32_t ssrc;
    int rows;               /* of its last keyframe; 0: not known */
    int64_t last_ns;
    struct mcu_rtp_in_source parked;
    struct mcu_rtp_in_sr sr;
};

/* A stream of repeats, for its own report (RFC 4588 section 4). */
struct mcu_rtp_in_rtx {
    bool used;
    uint32_t ssrc;
    int64_t seq, last_ns;
    struct mcu_rtp_stats stats;
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
    struct mcu_rtp_in_source source;
    struct mcu_reorder *ring;
    bool lost;                  /* something is missing before what is delivered next */
    int last_rx;                /* whose packets were delivered last; -1: nobody's */
    bool need_key;
    struct mcu_rtp_in_picture pictures[2]; /* the newest two timestamps delivered */
    struct mcu_colour colour;   /* since the newest keyframe */

    struct mcu_rtp_in_sr sr;    /* the last one, of any source; simulcast: of the one received */
    int64_t now_ns;             /* of the last call */

    bool nack_on, rtx_on;
    struct mcu_nack nack;
    double rtt_ms;              /* by reports; 0: not known */
    int64_t key_seq;            /* where the newest keyframe begins; -1: nowhere */

    bool ext_on;
    struct mcu_line_ext ext;
    struct mcu_twcc *twcc;
    struct {
        uint32_t value;         /* 24 bits of seconds, 6.18 fixed point */
        int64_t arrival_ns;
    } abs_send;                 /* of the newest packet that said it */

    char rid[MCU_LINE_RIDS][MCU_LINE_ID];
    int rid_count;              /* 0: no simulcast, and what follows means nothing */
    struct mcu_rtp_in_layer layer[MCU_LINE_RIDS];
    int current, target;        /* the layer received, the one wanted; -1: none yet */
    int rows;                   /* wanted; -1: nobody said */
    bool switched;              /* no unit of the new layer has gone out yet */
    int64_t last_sent_ns;       /* of the last unit */

    struct mcu_rtp_in_rtx rtx[MCU_LINE_RIDS]; /* of each layer; [0] without simulcast */
    struct mcu_rtp_in_meter meter[MCU_LINE_RIDS];
    struct {
        uint64_t packets, bytes, late, duplicate, malformed, lost_before, nacks, recovered;
        double fraction_lost;
        int64_t last_ns;
        bool sr_seen;
    } totals;
};

/* ---- rtp_in.c ---- */
int mcu_rtp_in_find_rx(const struct mcu_rtp_in *in, uint8_t pt); /* -1: not negotiated */
/* The RTP clock of a source's codec; another clock starts time and jitter anew. */
void mcu_rtp_in_use_clock(struct mcu_rtp_in *in, struct mcu_rtp_in_source *s,
                          const struct mcu_rtp_in_sr *sr, int hz);
/* A repeat of the source's, its header made whole; one that is not missing counts for nothing. */
void mcu_rtp_in_repeat(struct mcu_rtp_in *in, const struct mcu_rtp *rtp,
                       const struct mcu_rtp_in_info *info, int64_t now_ns);
bool mcu_rtp_in_sequence(const struct mcu_rtp_in_source *s, uint16_t seq); /* RFC 3550 A.1 */

/* ---- rtp_in_ext.c ---- */
void mcu_rtp_in_read_ext(struct mcu_rtp_in *in, const struct mcu_rtp *rtp,
                         struct mcu_rtp_in_info *info, int64_t now_ns);
/* True: the packet was one of repeats, and is dealt with. */
bool mcu_rtp_in_take_rtx(struct mcu_rtp_in *in, const struct mcu_rtp *rtp,
                         const struct mcu_rtp_in_info *info, int64_t now_ns);
void mcu_rtp_in_meter(struct mcu_rtp_in_meter *m, size_t bytes, int64_t now_ns);

/* ---- rtp_in_layers.c ---- */
void mcu_rtp_in_configure_layers(struct mcu_rtp_in *in, const struct mcu_line_config *config);
/* True: the packet is of no layer, or one that is not received, and is dealt with. */
bool mcu_rtp_in_take_layer(struct mcu_rtp_in *in, const struct mcu_rtp *rtp,
                           const struct mcu_rtp_in_info *info, size_t bytes, int64_t now_ns);
int mcu_rtp_in_find_layer(const struct mcu_rtp_in *in, uint32_t ssrc); /* -1: none */
int mcu_rtp_in_named_layer(const struct mcu_rtp_in *in, const uint8_t *rid, size_t bytes);

/* ---- rtp_in_units.c ---- */
/* Says that video needs a keyframe; nothing for audio. */
void mcu_rtp_in_need_key(struct mcu_rtp_in *in);
/* Hands on what is in order. */
void mcu_rtp_in_drain(struct mcu_rtp_in *in);
/* Gives the gap at the front up, and hands on what is behind it. */
void mcu_rtp_in_skip_gap(struct mcu_rtp_in *in);

#endif
