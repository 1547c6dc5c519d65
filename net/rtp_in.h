/* net/rtp_in.h - the receiving half of a media line: from packets to coded frames in order.
 * Threads: the leg's loop. Time is an argument.
 *
 *   packet > source check > statistics > reorder ring > depacketise > unit
 *                              (net/rtp_stats.h, net/jitter.h, net/reorder.h, net/payload.h)
 *
 * Source: one SSRC at a time. Another one, or sequence numbers that begin anew, is taken after two
 * packets in order (RFC 3550 A.1); both are used. Unit sequence numbers go on rising across it.
 * Gaps: audio waits until what is behind the gap has to be played, by the delay that the jitter
 * asks for; video waits 80 ms, then a keyframe is needed. With NACK (net/nack.h) what is missing is
 * asked for, and video waits for four round trips and 40 ms, at most 300 ms in all.
 * Simulcast: the source is the layer that is wanted; another one becomes it where its keyframe
 * begins. Of the others only statistics are kept. */
#ifndef MCU_NET_RTP_IN_H
#define MCU_NET_RTP_IN_H

#include "net/line.h"
#include "net/rtcp.h"

struct mcu_rtp_in;

struct mcu_rtp_in_events {
    void (*unit)(struct mcu_unit *unit, void *arg); /* the callee's */
    void (*dtmf)(char key, void *arg);
    /* Video cannot be decoded any more until a keyframe comes. */
    void (*keyframe_needed)(void *arg);
    void (*keyframe_came)(void *arg);
    void (*source)(uint32_t ssrc, void *arg); /* a new one was taken */
    void (*own)(void *arg); /* a packet of the line's own SSRC came back: it was dropped */
};

/* clock, events and arg are borrowed. Returns 0, -EINVAL or -ENOMEM. */
int mcu_rtp_in_new(struct mcu_rtp_in **out, const struct mcu_line_config *config,
                   struct mcu_peer_clock *clock, const struct mcu_rtp_in_events *events, void *arg);
void mcu_rtp_in_free(struct mcu_rtp_in **in);

/* New payload types and direction; source, statistics and unfinished pictures of codecs that stay
 * go on. 0, -EINVAL or -ENOMEM: nothing changed. */
int mcu_rtp_in_reconfigure(struct mcu_rtp_in *in, const struct mcu_line_config *config);

void mcu_rtp_in_packet(struct mcu_rtp_in *in, const uint8_t *data, size_t size, int64_t now_ns);

/* A sender report: maps the source's time; one that comes before its source is kept for it. */
void mcu_rtp_in_sr(struct mcu_rtp_in *in, uint32_t ssrc, const struct mcu_rtcp_sender *sender,
                   int64_t now_ns);

/* Gives up gaps that are due. Returns the time of the next call wanted, or INT64_MAX. */
int64_t mcu_rtp_in_poll(struct mcu_rtp_in *in, int64_t now_ns);

/* The round trip by reports, which tells how soon a repeat can be there. */
void mcu_rtp_in_rtt(struct mcu_rtp_in *in, double rtt_ms);

/* The numbers to ask for now, rising; room for MCU_NACK_MAX. They are taken for asked. */
int mcu_rtp_in_nacks(struct mcu_rtp_in *in, uint16_t *seq, int64_t now_ns);

/* mcu_line_want_rows. */
void mcu_rtp_in_want_rows(struct mcu_rtp_in *in, int rows, int64_t now_ns);

/* BYE for a stream: true when nothing is left to be received. */
bool mcu_rtp_in_bye(struct mcu_rtp_in *in, uint32_t ssrc, int64_t now_ns);

uint32_t mcu_rtp_in_ssrc(const struct mcu_rtp_in *in); /* 0: none yet */
/* Whom to ask for a keyframe: at most two streams. */
int mcu_rtp_in_key_ssrcs(const struct mcu_rtp_in *in, uint32_t ssrc[2]);
/* Ends a report interval: a block for each stream heard, that of the source first; at most `most`.
 * LSR and DLSR are filled in (RFC 3550 6.4.1). */
int mcu_rtp_in_reports(struct mcu_rtp_in *in, struct mcu_rtcp_block *block, int most,
                       int64_t now_ns);
/* Writes the members that receiving knows of. */
void mcu_rtp_in_get_stats(const struct mcu_rtp_in *in, struct mcu_line_stats *stats);

#endif
