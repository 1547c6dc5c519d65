/* net/rtp_history.h - the packets that were sent last, for repeats that a peer asks for
 * (RFC 4585 6.2.1), and who may be repeated when.
 *
 *   sent > ring of bytes + a slot for each sequence number
 *   NACK > known? young? not just repeated? within the budget? > queue > (pacer) > packet
 *
 * Threads: the leg's loop. Time is an argument. Memory is taken once, by _new(): a packet is kept
 * until the ring or the slots come round, or it is a second old. */
#ifndef MCU_NET_RTP_HISTORY_H
#define MCU_NET_RTP_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mcu_rtp_history;

/* packets: a power of two, up to 1024. rate_bps: what the stream is sent at; repeats get a quarter of
 * it. 0 or -ENOMEM. */
int mcu_rtp_history_new(struct mcu_rtp_history **out, int packets, size_t bytes, int rate_bps);
void mcu_rtp_history_free(struct mcu_rtp_history **history);
size_t mcu_rtp_history_bytes(const struct mcu_rtp_history *history); /* as given to _new() */
void mcu_rtp_history_set_rate(struct mcu_rtp_history *history, int rate_bps);
/* Nothing is known any more: what was sent was of another payload type. */
void mcu_rtp_history_clear(struct mcu_rtp_history *history);

/* A packet has left; copied. */
void mcu_rtp_history_sent(struct mcu_rtp_history *history, uint16_t seq, const uint8_t *packet,
                          size_t size, int64_t now_ns);

/* The peer misses a packet. True: it is queued now. False: it is not known, too old, waits already, was
 * repeated less than apart_ns ago, or the budget is spent. */
bool mcu_rtp_history_ask(struct mcu_rtp_history *history, uint16_t seq, int64_t apart_ns,
                         int64_t now_ns);

bool mcu_rtp_history_waiting(const struct mcu_rtp_history *history);
/* The next packet to be repeated; its bytes are good until the next _sent. NULL: none waits. */
const uint8_t *mcu_rtp_history_next(struct mcu_rtp_history *history, size_t *size, int64_t now_ns);

#endif
