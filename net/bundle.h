/* net/bundle.h - which media line an RTP packet of a shared transport belongs to (RFC 8843 9.2): by
 * its MID, else by an SSRC known already, else by its payload type where that is unique.
 * Threads: the leg's loop. Nothing allocates after _new(); SSRCs learned are bounded. */
#ifndef MCU_NET_BUNDLE_H
#define MCU_NET_BUNDLE_H

#include <stdint.h>

#include "net/line.h"

#define MCU_BUNDLE_LINES 4
#define MCU_BUNDLE_SSRCS 32 /* remembered; the longest unheard goes */

struct mcu_bundle;

int mcu_bundle_new(struct mcu_bundle **out);
void mcu_bundle_free(struct mcu_bundle **bundle);

/* Line `index` is described by config (payload types with their RTX, ext.mid, mid); NULL: no such line
 * any more. What was learned of other lines stays. 0 or -EINVAL. */
int mcu_bundle_set(struct mcu_bundle *bundle, int index, const struct mcu_line_config *config);

/* An SSRC that signalling named (a=ssrc, RFC 5576). */
void mcu_bundle_learn(struct mcu_bundle *bundle, uint32_t ssrc, int index);

/* The index of the line for a packet in the clear, or -ENOENT (count and drop) or -EBADMSG. */
int mcu_bundle_line(struct mcu_bundle *bundle, const uint8_t *rtp, size_t size);

#endif
