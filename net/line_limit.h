/* net/line_limit.h - how much each side may send, said and heard by REMB
 * (draft-alvestrand-rmcat-remb-03) and TMMBR (RFC 5104 4.2): one line's state, without sockets.
 * Threads: the leg's loop. Time is an argument. Nothing allocates. */
#ifndef MCU_NET_LINE_LIMIT_H
#define MCU_NET_LINE_LIMIT_H

#include "net/line.h"
#include "net/rtcp_fb.h"

struct mcu_line_limit {
    int64_t in_bps;      /* his newest; 0: none */
    bool answer;         /* a TMMBN is owed to owner, ... */
    int64_t answer_ns;   /* ... from this time on: who repeats himself is not answered each time */
    uint32_t owner;
    int64_t owner_bps;   /* as he wrote it */
    int owner_overhead;

    int64_t out_bps;     /* what he shall keep to; 0: as he likes */
    bool wanted;         /* it is to be said */
    bool heard;          /* he has answered (TMMBN) */
    int tries;
    int64_t due_ns, since_ns;
    uint64_t bytes_since; /* that had come at since_ns */
};

/* Feedback from him. True: in_bps has another value now. */
bool mcu_line_limit_take(struct mcu_line_limit *limit, const struct mcu_line_config *config,
                         const struct mcu_rtcp *r);

/* mcu_line_limit. */
void mcu_line_limit_set(struct mcu_line_limit *limit, int64_t bps, int64_t now_ns);

/* When _write has something to say; INT64_MAX: never. */
int64_t mcu_line_limit_due(const struct mcu_line_limit *limit);

/* Writes the packets that are due, none when there is nothing to say; bytes_in: of the line until now;
 * source: his SSRC, 0 when none is known (then only what he asked is answered). */
void mcu_line_limit_write(struct mcu_line_limit *limit, const struct mcu_line_config *config,
                          struct mcu_wcursor *w, uint32_t source, uint64_t bytes_in, int64_t now_ns);

#endif
