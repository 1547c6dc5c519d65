/* net/twcc_priv.h - what the sending half (net/twcc.c) and the receiving half (net/twcc_recv.c) of
 * the transport-wide numbers share. */
#ifndef MCU_NET_TWCC_PRIV_H
#define MCU_NET_TWCC_PRIV_H

#include "net/twcc.h"

#define MCU_TWCC_SENT_MAX 4096 /* packets that are remembered: 4 s at 10 Mbit/s; a power of two */
#define MCU_TWCC_SLICES   16   /* of 100 ms; ten of them are the last second */
#define MCU_TWCC_BASES    10   /* seconds in which the quickest packet is looked for */

enum mcu_twcc_fate { MCU_TWCC_FORGOTTEN, MCU_TWCC_WAITS, MCU_TWCC_LOST, MCU_TWCC_ARRIVED };

struct mcu_twcc_sent {
    int64_t at_ns;
    uint32_t bytes;
    uint16_t seq;
    uint8_t fate; /* enum mcu_twcc_fate */
};

/* What 100 ms of the peer's clock brought him. */
struct mcu_twcc_slice {
    int64_t index; /* which 100 ms; the place may hold an older one */
    int64_t bytes;
    uint32_t came, lost;
};

#define MCU_TWCC_HEARD    64   /* newest messages that are known when they come again */
#define MCU_TWCC_TELLINGS 8    /* how often a packet may be spoken of, on average, ... */
#define MCU_TWCC_SAVED    (4 * MCU_TWCC_SENT_MAX) /* ... of which so much can be saved up */

struct mcu_twcc_send {
    uint16_t next;
    int budget; /* packets that feedback may still speak of */
    struct {
        uint16_t base_seq;
        uint8_t number;
    } heard[MCU_TWCC_HEARD]; /* at the count of the feedback % MCU_TWCC_HEARD */
    struct mcu_twcc_sent sent[MCU_TWCC_SENT_MAX]; /* at seq % MCU_TWCC_SENT_MAX */
    bool running;        /* feedback came, and his clock has not jumped since */
    int64_t reference;   /* of the newest feedback, unwrapped: 64 ms each */
    int64_t first_slice, newest_slice;
    struct mcu_twcc_slice slice[MCU_TWCC_SLICES];
    int64_t delay_ns;    /* smoothed: his arrival less our sending; the clocks' offset is in it */
    struct {
        int64_t second, least_ns;
    } base[MCU_TWCC_BASES];
};

#define MCU_TWCC_CAME_MAX 1024 /* newest numbers whose arrival is known; a power of two */

/* The receiving half's own. Numbers are extended; times are ticks of 250 us. */
struct mcu_twcc_recv {
    int64_t due_ns;
    int64_t datagram_ns; /* when the one at hand came; 0: not told */
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
