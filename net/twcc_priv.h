/* net/twcc_priv.h - what the sending half (net/twcc.c) and the receiving half (net/twcc_recv.c) of
 * the transport-wide numbers share. */
#ifndef MCU_NET_TWCC_PRIV_H
#define MCU_NET_TWCC_PRIV_H

#include "net/twcc.h"

#define MCU_TWCC_SENT_MAX 4096 /* packets that are remembered: 4 s at 10 Mbit/s; a power of two */
#define MCU_TWCC_SLICES   10   /* of the last second */

struct mcu_twcc_sent {
    int64_t at_ns;
    uint32_t bytes;
    uint16_t seq;
    bool waiting; /* for its feedback */
};

/* What one slice of 100 ms brought. */
struct mcu_twcc_slice {
    int64_t index; /* time / 100 ms; a slice of an older round is empty */
    int64_t bytes;
    uint32_t came, lost;
};

struct mcu_twcc_send {
    uint16_t next;
    struct mcu_twcc_sent sent[MCU_TWCC_SENT_MAX]; /* at seq % MCU_TWCC_SENT_MAX */
    struct mcu_twcc_slice slice[MCU_TWCC_SLICES];
    struct {
        int64_t index, least_ns; /* second; least one-way time in it */
    } base[10];
    int64_t delay_ns; /* smoothed, on the peer's clock */
    bool delay_known;
    bool any_reference;
    int64_t reference; /* unwrapped, 64 ms each */
};

#define MCU_TWCC_CAME_MAX 1024 /* newest numbers whose arrival is known; a power of two */

/* The receiving half's own. Numbers are extended; times are ticks of 250 us. */
struct mcu_twcc_recv {
    int64_t due_ns;
    bool any;
    int64_t base, highest; /* first one to report, newest that came */
    int waiting;           /* that came since the last feedback */
    uint8_t feedbacks;
    int64_t came[MCU_TWCC_CAME_MAX]; /* at number % MCU_TWCC_CAME_MAX; INT64_MIN: not */
};

struct mcu_twcc {
    struct mcu_twcc_stats stats; /* each half counts its own members */
    struct mcu_twcc_send send;
    struct mcu_twcc_recv recv;
};

/* Of net/twcc_recv.c, called by mcu_twcc_new on zeroed memory. */
void mcu_twcc_recv_init(struct mcu_twcc_recv *recv);

#endif
