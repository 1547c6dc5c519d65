/* net/line_priv.h - what the two files of a media line share: net/line.c (life, time, what goes out) and
 * net/line_feedback.c (what the peer's RTCP says). Threads: the leg's loop. */
#ifndef MCU_NET_LINE_PRIV_H
#define MCU_NET_LINE_PRIV_H

#include "net/line.h"
#include "net/line_limit.h"
#include "net/loss_window.h"
#include "net/rtp_in.h"
#include "net/rtp_out.h"

struct mcu_line {
    struct mcu_line_config config;
    const struct mcu_line_events *events;
    void *arg;
    struct mcu_rtp_in *in;
    struct mcu_rtp_out out;
    uint64_t rng;
    int64_t now_ns;             /* of the call that is being served */

    int64_t report_due_ns;      /* INT64_MAX: nothing to report on yet */
    bool sent_any, received_any;
    bool looped;                /* the source is our own; and that its packets were sent back to us */
    bool own_came;
    int64_t last_rtcp_ns;
    uint64_t rtcp_malformed;
    double fraction_lost_out, rtt_ms;
    struct mcu_loss_window lost_out;
    struct mcu_line_limit limit;

    bool wish;                  /* a keyframe is to be asked for */
    int64_t may_ask_ns;
    uint64_t asked;
    uint8_t fir_seq;            /* of our last FIR */
    struct {
        bool valid;
        uint32_t ssrc;
        uint8_t seq;
        int64_t at_ns;
    } fir_in;                   /* the peer's last FIR */
};

/* The source is our own mixer's: counted and told once. once: a flag of the line's. */
void mcu_line_loop_found(struct mcu_line *line, bool *once);

#endif
