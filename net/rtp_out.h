/* net/rtp_out.h - the sending half of a media line: from coded frames to packets, and again to those
 * who missed some.
 * Threads: the leg's loop. Time is an argument. Nothing allocates but _prepare().
 *
 *   unit > G.711, G.722: cut or gather to ptime ──────────────> packet
 *        > Opus: as it comes ─────────────────────────────────> packet
 *        > video: wait in the pacer > packetise (net/payload.h) > packet > history
 *   NACK > history (net/rtp_history.h) > the pacer's turn ─────> packet, before new pictures
 *
 * One SSRC and one sequence for the life of the line; timestamps are a random offset plus conference
 * time on the codec's clock. What a decoder makes of sound begins a little before its timestamp (unit.h,
 * ahead_ns): the sender report's line says so, and moves by 4 ms where an encoder goes over to FEC;
 * timestamps that went back would make receivers drop a packet. */
#ifndef MCU_NET_RTP_OUT_H
#define MCU_NET_RTP_OUT_H

#include "net/line.h"
#include "net/pacer.h"
#include "net/payload.h"
#include "net/rtcp.h"
#include "net/rtp_history.h"
#include "net/rtp_out_ext.h"

#define MCU_RTP_OUT_GATHER 512        /* 60 ms of 64 kbit/s are 480 bytes */
#define MCU_RTP_OUT_PACKET_MAX 2048

struct mcu_rtp_out_events {
    void (*send)(const uint8_t *data, size_t size, void *arg);
    void (*keyframe_wanted)(void *arg); /* pictures were dropped */
};

struct mcu_rtp_out {
    struct mcu_rtp_out_events events;
    void *arg;
    uint32_t ssrc, ts_offset;
    uint16_t seq;
    enum mcu_codec codec;
    uint8_t pt;
    int ptime_ms, max_payload_bytes, pace_bps;
    int64_t limit_bps; /* he takes no more (REMB, TMMBR); 0: none */
    bool h264_mode1, send;

    bool spoke;                 /* audio was sent before, until: */
    int64_t until_ns, unit_end_ns;           /* conference time of the end of what was sent */
    int64_t ahead_ns;           /* of the newest unit of audio */
    uint8_t gather[MCU_RTP_OUT_GATHER];
    size_t gathered;
    int64_t gather_ns;          /* conference time of its first byte */
    uint32_t csrc[MCU_UNIT_CSRC_MAX];
    struct mcu_rtp_out_levels levels; /* of the newest unit; csrc_count counts csrc too */

    struct mcu_pacer pacer;
    struct mcu_pay pay;
    bool pay_begun;             /* with the pacer's first unit */
    bool skip_to_key;

    int64_t now_ns;             /* of the call that is being served */
    struct mcu_rtp_out_ext ext;
    struct {
        struct mcu_rtp_history *history; /* NULL: not negotiated */
        uint8_t rtx_pt;                  /* 0: repeats are what was sent */
        uint32_t rtx_ssrc;
        uint16_t rtx_seq;
        uint64_t asked, sent, rtx_sent;
        uint32_t rtx_octets; /* of payload */
        int64_t rtx_ns;      /* the newest left then */
    } repeat;

    uint64_t packets, bytes;
    uint32_t report_packets, report_octets; /* of payload: RFC 3550 6.4.1 */
};

/* *out is zero, or _prepare() came before. seq, rtx_seq and ts_offset: random (RFC 3550 5.1). */
void mcu_rtp_out_init(struct mcu_rtp_out *out, const struct mcu_line_config *config, uint16_t seq,
                      uint16_t rtx_seq, uint32_t ts_offset, const struct mcu_rtp_out_events *events,
                      void *arg);
/* Takes the memory that a configuration needs (the history of packets), before _configure. 0 or
 * -ENOMEM: then nothing changed. */
int mcu_rtp_out_prepare(struct mcu_rtp_out *out, const struct mcu_line_config *config);
/* Drops what waits. */
void mcu_rtp_out_clear(struct mcu_rtp_out *out);
void mcu_rtp_out_free(struct mcu_rtp_out *out);
/* Codec, payload type, direction, pace: what waits of another codec is dropped. */
void mcu_rtp_out_configure(struct mcu_rtp_out *out, const struct mcu_line_config *config);

/* mcu_line_send. Returns the time of the next _poll wanted for it, or INT64_MAX. */
int64_t mcu_rtp_out_unit(struct mcu_rtp_out *out, struct mcu_unit *unit, int64_t now_ns);
/* Packets leave at no more than what he takes (2.5 times, as ever); 0: no limit. */
void mcu_rtp_out_limit(struct mcu_rtp_out *out, int64_t bps);
/* Lets out what may go. Returns the time of the next call wanted, or INT64_MAX. */
int64_t mcu_rtp_out_poll(struct mcu_rtp_out *out, int64_t now_ns);

/* net/rtp_repeat.c: the FCI of a NACK, hostile: what is known of it is queued. A packet goes at most
 * once in half a round trip (rtt_ms; 0: not known), not within 20 ms, and after 100 ms again. */
void mcu_rtp_out_nack(struct mcu_rtp_out *out, const uint8_t *fci, size_t size, double rtt_ms,
                      int64_t now_ns);
/* Lets out repeats that may go. Returns the time of the next call wanted, or INT64_MAX. */
int64_t mcu_rtp_out_repeat(struct mcu_rtp_out *out);

/* The sender info of a report at now_ns. False: nothing was sent yet. */
bool mcu_rtp_out_report(const struct mcu_rtp_out *out, struct mcu_rtcp_sender *sender,
                        int64_t now_ns);
/* The same of the stream of repeats, a sender of its own in the same session (RFC 4588 6.1), on the same
 * clock. False: it has sent nothing for about two reports (RFC 3550 6.4). */
bool mcu_rtp_out_report_rtx(const struct mcu_rtp_out *out, struct mcu_rtcp_sender *sender,
                            int64_t now_ns);

#endif
