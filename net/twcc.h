/* net/twcc.h - transport-wide sequence numbers and their feedback, for all lines of one transport
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01): what congestion control stands on.
 * Threads: the leg's loop. Time is an argument. Nothing allocates after _new(). */
#ifndef MCU_NET_TWCC_H
#define MCU_NET_TWCC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mcu_twcc;

int mcu_twcc_new(struct mcu_twcc **out);
void mcu_twcc_free(struct mcu_twcc **twcc);

/* ---- sending ---- */

/* The number for a packet of `bytes` that leaves now; what was sent is remembered for the feedback. */
uint16_t mcu_twcc_sent(struct mcu_twcc *twcc, size_t bytes, int64_t now_ns);

/* One feedback message: the FCI behind the common header of an RTPFB packet of format 15, hostile. The
 * same one again, by another line of the transport, counts once. 0, or -EBADMSG (then nothing of it
 * counts): malformed, or it says far more than there was to say, 8 times what was sent. */
int mcu_twcc_feedback(struct mcu_twcc *twcc, const uint8_t *fci, size_t size, int64_t now_ns);

/* ---- receiving ---- */

/* The transport's datagram at hand came at came_ns, by the kernel's word; the packets below are in it. */
void mcu_twcc_datagram(struct mcu_twcc *twcc, int64_t came_ns);

/* A packet with this number came: when its datagram did, or, where nobody told that, now. */
void mcu_twcc_came(struct mcu_twcc *twcc, uint16_t seq, int64_t now_ns);

/* Writes a whole RTPFB packet (sender: an SSRC of ours, media: one of his) about what came since the
 * last one, when it is due (each 100 ms while packets come, sooner when many). Bytes, 0: nothing is
 * due, or -ENOSPC. */
int mcu_twcc_write(struct mcu_twcc *twcc, uint32_t sender, uint32_t media, uint8_t *buf, size_t size,
                   int64_t now_ns);
int64_t mcu_twcc_due(const struct mcu_twcc *twcc); /* INT64_MAX: nothing came */

struct mcu_twcc_stats {
    uint64_t sent, acknowledged, lost; /* by the peer's feedback */
    uint64_t came, feedback_out, feedback_in, malformed;
    int64_t delivered_bps;   /* that the peer saw arrive over the last second; 0: not known */
    double loss_out;         /* of the last second's feedback, 0 to 1 */
    int64_t queue_delay_ns;  /* how much later than the quickest of the last 10 s they arrive now */
};

void mcu_twcc_get_stats(const struct mcu_twcc *twcc, struct mcu_twcc_stats *out);

#endif
