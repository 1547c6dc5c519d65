/* net/rtp_out.h - the sending half of a media line: from coded frames to packets.
 * Threads: the leg's loop. Time is an argument. Nothing allocates.
 *
 *   unit > G.711, G.722: cut or gather to ptime ──────────────> packet
 *        > Opus: as it comes ─────────────────────────────────> packet
 *        > video: wait in the pacer > packetise (net/payload.h) > packet
 *
 * One SSRC and one sequence for the life of the line; timestamps are a random offset plus conference
 * time on the codec's clock, so the sender report's line never bends. */
#ifndef MCU_NET_RTP_OUT_H
#define MCU_NET_RTP_OUT_H

#include "net/line.h"
#include "net/pacer.h"
#include "net/payload.h"
#include "net/rtcp.h"

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
    bool h264_mode1, send;

    bool spoke;                 /* audio was sent before, until: */
    int64_t until_ns, unit_end_ns;           /* conference time of the end of what was sent */
    uint8_t gather[MCU_RTP_OUT_GATHER];
    size_t gathered;
    int64_t gather_ns;          /* conference time of its first byte */
    uint8_t csrc_count;
    uint32_t csrc[MCU_UNIT_CSRC_MAX];

    struct mcu_pacer pacer;
    struct mcu_pay pay;
    bool pay_begun;             /* with the pacer's first unit */
    bool skip_to_key;

    uint64_t packets, bytes;
    uint32_t report_packets, report_octets; /* of payload: RFC 3550 6.4.1 */
};

/* seq and ts_offset: random (RFC 3550 section 5.1). */
void mcu_rtp_out_init(struct mcu_rtp_out *out, const struct mcu_line_config *config, uint16_t seq,
                      uint32_t ts_offset, const struct mcu_rtp_out_events *events, void *arg);
/* Drops what waits. */
void mcu_rtp_out_clear(struct mcu_rtp_out *out);
/* Codec, payload type, direction, pace: what waits of another codec is dropped. */
void mcu_rtp_out_configure(struct mcu_rtp_out *out, const struct mcu_line_config *config);

/* mcu_line_send. */
void mcu_rtp_out_unit(struct mcu_rtp_out *out, struct mcu_unit *unit, int64_t now_ns);
/* Lets out what may go. Returns the time of the next call wanted, or INT64_MAX. */
int64_t mcu_rtp_out_poll(struct mcu_rtp_out *out, int64_t now_ns);

/* The sender info of a report at now_ns. False: nothing was sent yet. */
bool mcu_rtp_out_report(const struct mcu_rtp_out *out, struct mcu_rtcp_sender *sender,
                        int64_t now_ns);

#endif
