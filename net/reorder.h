/* net/reorder.h - puts packets back in sequence: a ring by extended sequence number.
 * Threads: the leg's loop. Nothing allocates after _new(). */
#ifndef MCU_NET_REORDER_H
#define MCU_NET_REORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "mixer/base/unit.h"

enum mcu_reorder_place { MCU_REORDER_NEW, MCU_REORDER_DUPLICATE, MCU_REORDER_LATE, MCU_REORDER_FAR };

/* What waits at one place. unit may be NULL: the packet came, but carries nothing to hand on. */
struct mcu_reorder_slot {
    struct mcu_unit *unit;
    int64_t arrival_ns;
    int rel_ms; /* mcu_jitter_packet */
    int rx;                /* whose payload type it is */
};

struct mcu_reorder;

/* size: places, a power of two. Returns 0, -EINVAL or -ENOMEM. */
int mcu_reorder_new(struct mcu_reorder **out, int size);
void mcu_reorder_free(struct mcu_reorder **ring);
/* Drops what waits; seq is the next one. */
void mcu_reorder_reset(struct mcu_reorder *ring, int64_t seq);

/* FAR: `size` or more places ahead of the next: empty the ring first, then mcu_reorder_reset. */
enum mcu_reorder_place mcu_reorder_place(const struct mcu_reorder *ring, int64_t seq);
/* Notes that a late packet came, so that its second copy is a duplicate. */
void mcu_reorder_saw_late(struct mcu_reorder *ring, int64_t seq);
/* Only at a NEW place. Takes the unit over. */
void mcu_reorder_put(struct mcu_reorder *ring, int64_t seq, const struct mcu_reorder_slot *slot);

/* The next in order: true with *out and *seq (the unit is the caller's), false: gap or empty. */
bool mcu_reorder_take(struct mcu_reorder *ring, struct mcu_reorder_slot *out, int64_t *seq);
/* The first slot that waits behind a gap, or NULL: there is none. */
const struct mcu_reorder_slot *mcu_reorder_behind_gap(const struct mcu_reorder *ring);
/* The number that is handed on next. */
int64_t mcu_reorder_next(const struct mcu_reorder *ring);
/* Gives the gap up. */
void mcu_reorder_skip(struct mcu_reorder *ring);

#endif
