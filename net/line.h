/* net/line.h - one media line of a leg, as a state machine without sockets: RTP and RTCP in and
 * out, order and jitter, payload formats, reports, keyframe requests, keys.
 *
 *   bytes > parse > source check > reorder > depacketise > units, keys        (net/rtp_in.h)
 *   units > packetise > pace > bytes                                         (net/rtp_out.h)
 *   SR, RR, SDES, BYE, PLI, FIR both ways                                    (net/rtcp.h)
 *
 * Threads: the leg's loop. Time is an argument: nothing here asks a clock. No call allocates after
 * _new(), but for units and packets out of pools. */
#ifndef MCU_NET_LINE_H
#define MCU_NET_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mixer/base/unit.h"

#define MCU_LINE_RX_MAX 16
#define MCU_LINE_RIDS   3  /* layers of a simulcast that are taken; further ones are passed over */
#define MCU_LINE_ID     32 /* bytes of a MID or RID, with its end */

struct mcu_line;
struct mcu_peer_clock; /* net/peer_clock.h: one a leg, shared by its lines for lip sync */

struct mcu_line_rx {
    enum mcu_codec codec;
    uint8_t pt;
    /* H.264: sprop-parameter-sets of the SDP as Annex B, put before the first keyframe that comes
     * without its own (RFC 6184 section 8.2.2). Copied. */
    const uint8_t *sprop;
    size_t sprop_bytes;
    uint8_t rtx_pt; /* RFC 4588: what repeats come under; 0: none */
};

/* RTP header extensions (RFC 8285) by their numbers, one or two-byte form; 0: not negotiated. */
struct mcu_line_ext {
    uint8_t audio_level;   /* RFC 6464: of his sound, and of ours */
    uint8_t mixer_levels;  /* RFC 6465: of each CSRC of ours */
    uint8_t abs_send_time; /* 24 bits of seconds, 6.18 fixed point (WebRTC) */
    uint8_t transport_cc;  /* draft-holmer-rmcat-transport-wide-cc-extensions-01 */
    uint8_t mid;           /* RFC 8843 15 */
    uint8_t rid, repaired_rid; /* RFC 8852 */
    uint8_t colour;        /* what the samples of his pictures mean, with keyframes (WebRTC) */
    uint8_t playout_delay; /* pictures: how long they are to be held back (net/playout_wish.h) */
};

struct mcu_line_config {
    enum mcu_kind kind;
    uint32_t ssrc;          /* ours, for the life of the leg */
    char cname[64];         /* ours, one for all lines of the leg */
    struct mcu_line_rx rx[MCU_LINE_RX_MAX]; /* payload types that are accepted */
    int rx_count;
    int dtmf_pt, dtmf_clock_hz; /* telephone-event (RFC 4733), or -1 */
    enum mcu_codec tx_codec;    /* what is sent; NONE: nothing */
    uint8_t tx_pt;
    int tx_ptime_ms;        /* G.711 and G.722: units of 20 ms are cut or gathered to it (10 to 60);
                               others go out as they come */
    bool tx_h264_mode1;     /* packetization-mode=1: STAP-A and FU-A allowed; else single NAL units */
    bool send, receive;     /* direction; RTCP goes on in both cases (RFC 3264 section 5.1) */
    bool fb_pli, fb_fir;    /* what the peer understands (RFC 4585, 5104); neither: both are tried,
                               as room systems obey them unannounced */
    int max_payload_bytes;  /* of RTP payload; 0: 1200 */
    int pace_bps;           /* video: packets leave at up to 2.5 times this; 0: at once */

    bool fb_nack;           /* generic NACK (RFC 4585 6.2.1) both ways */
    bool fb_remb, fb_tmmbr; /* how he is told what to send at most (draft-alvestrand-rmcat-remb-03,
                               RFC 5104 4.2.1); neither: he is not */
    uint8_t tx_rtx_pt;      /* our repeats (RFC 4588) go under this type and rtx_ssrc; 0: as they were */
    uint32_t rtx_ssrc;
    struct mcu_line_ext ext;
    char mid[MCU_LINE_ID];  /* written into the first packets while ext.mid */
    char rid[MCU_LINE_RIDS][MCU_LINE_ID]; /* the layers that he may send, his order; of one
                                             picture: one of them is received at a time */
    int rid_count;          /* 0: no simulcast */
    struct mcu_twcc *twcc;  /* of the transport (net/twcc.h), borrowed; NULL: no such numbers */
};

struct mcu_line_events {
    /* One packet to the peer; the bytes are only good during the call. */
    void (*send)(bool rtcp, const uint8_t *data, size_t size, void *arg);
    /* One coded frame, in order. The unit is the callee's: unref it. */
    void (*unit)(struct mcu_unit *unit, void *arg);
    /* A key: '0'-'9', '*', '#', 'A'-'D'; once per press, when it begins. */
    void (*dtmf)(char key, void *arg);
    /* The peer wants a keyframe from us (PLI or FIR, repeats of one FIR request removed). */
    void (*keyframe_wanted)(void *arg);
    /* A keyframe has just been asked of the peer by RTCP; may be NULL. For peers that announced
     * neither PLI nor FIR the owner asks by signalling too. */
    void (*keyframe_asked)(void *arg);
    /* RTCP BYE for the source. */
    void (*bye)(void *arg);
    /* He wants at most this from us, by REMB or TMMBR; may be NULL. */
    void (*limit)(int64_t bps, void *arg);
    /* His source is our own mixer's (net/own_ids.h), found by SSRC or CNAME: its units are held back
     * until another source comes. Once for a source; may be NULL. */
    void (*looped)(void *arg);
};

struct mcu_line_stats {
    uint64_t packets_in, bytes_in, packets_out, bytes_out;
    uint64_t lost, late, duplicate, malformed; /* lost: RFC 3550 A.3, may fall when late ones come */
    double fraction_lost_in;    /* of the last report interval, 0 to 1 */
    double jitter_ms;           /* RFC 3550 A.8 */
    double fraction_lost_out;   /* what the peer reported */
    double certain_loss_out;    /* of some seconds, less what chance may do (net/loss_window.h) */
    double rtt_ms;              /* RFC 3550 6.4.1; 0: not known */
    int delay_ms;               /* playout delay wanted (audio) */
    int64_t last_packet_ns;     /* RTP or RTCP; 0: none yet */
    uint32_t ssrc_in;           /* 0: none yet */
    bool looped;                /* that is our own, come back */
    bool sr_seen;
    uint64_t keyframes_asked;
    uint64_t nacks_out, nacks_in;     /* packets asked for; by us, by the peer */
    uint64_t repeated, recovered;     /* packets that we sent again; that came after we asked */
    int64_t limit_in_bps, limit_out_bps; /* newest REMB or TMMBR from him, from us; 0: none */
    int layer, layers;                /* simulcast: the one received (index of rid), those seen */
    int bps_in[MCU_LINE_RIDS];        /* of each layer over the last second; [0] without simulcast */
};

/* clock, events and arg are borrowed for the line's life. Returns 0, -EINVAL or -ENOMEM. */
int mcu_line_new(struct mcu_line **out, const struct mcu_line_config *config,
                 struct mcu_peer_clock *clock, const struct mcu_line_events *events, void *arg);
void mcu_line_free(struct mcu_line **line);

/* A re-INVITE: new payload types, codec, direction. SSRC, sequence numbers, timestamps and reports
 * go on. 0, -EINVAL (another kind or SSRC too) or -ENOMEM: then nothing changed. */
int mcu_line_reconfigure(struct mcu_line *line, const struct mcu_line_config *config);

/* One datagram, from the negotiated address already. RTCP under rtcp-mux is told apart by the
 * caller with mcu_rtp_is_rtcp (RFC 5761 section 4). Malformed ones are counted. */
void mcu_line_rtp(struct mcu_line *line, const uint8_t *data, size_t size, int64_t now_ns);
void mcu_line_rtcp(struct mcu_line *line, const uint8_t *data, size_t size, int64_t now_ns);

/* Does what is due: gives up gaps, paces packets, sends reports. Returns the time of the next call
 * wanted (always later than now_ns). Call it also right after _rtp and _rtcp: what they bring may be
 * due sooner than what was asked for before. */
int64_t mcu_line_poll(struct mcu_line *line, int64_t now_ns);

/* Sends a unit of tx_codec (others are dropped): borrowed, a reference is taken while it is paced.
 * RTP timestamps are random offset + conference time (unit->time_ns) on the codec's clock. Video
 * goes through the pacer; a pacer with more than 1 s waiting drops whole units, counts
 * PACER_DROPPED, and skips to the next keyframe (keyframe_wanted is then called). Audio units:
 * the marker bit at the first packet after 100 ms or more of silence (RFC 3551 4.1); CSRCs of the
 * unit go into the header. Returns when _poll is wanted for what it brought (later than now_ns);
 * what _poll asked for before holds besides. */
int64_t mcu_line_send(struct mcu_line *line, struct mcu_unit *unit, int64_t now_ns);

/* Asks the peer for a keyframe: PLI where it is understood, else FIR; at most one each 500 ms, a
 * wish that comes sooner is kept and sent then, unless a keyframe came. */
void mcu_line_ask_keyframe(struct mcu_line *line, int64_t now_ns);

/* Video: what the picture is shown at, in luma rows; 0: nobody sees it. With simulcast the smallest
 * layer that has them is received from its next keyframe on (which is asked for), the largest where
 * none has; until a layer's size is known its place in rid_count stands for it. */
void mcu_line_want_rows(struct mcu_line *line, int rows, int64_t now_ns);

/* He shall send at most bps (all layers of the line together) from now on: REMB or TMMBR, as the
 * configuration says; sent at once, and again while he needs to hear it. 0: as he likes. */
void mcu_line_limit(struct mcu_line *line, int64_t bps, int64_t now_ns);

/* Sends RTCP BYE (RFC 3550 6.6). */
void mcu_line_bye(struct mcu_line *line, int64_t now_ns);

void mcu_line_get_stats(const struct mcu_line *line, struct mcu_line_stats *out);

/* RFC 5761 section 4: true for RTCP (types 192 to 223 in the second byte). */
bool mcu_rtp_is_rtcp(const uint8_t *data, size_t size);

#endif
