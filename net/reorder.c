#include "net/reorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_BITS 2048 /* at least twice the ring: the rest tells late ones from duplicates */

struct mcu_reorder {
    int size;
    int64_t next, highest;           /* highest: seen, next - 1 when empty */
    uint64_t seen[SEEN_BITS / 64];   /* of highest - SEEN_BITS + 1 to highest */
    struct mcu_reorder_slot slot[];
};

static bool get_seen(const struct mcu_reorder *r, int64_t seq)
{
    unsigned i = (unsigned)(seq & (SEEN_BITS - 1));
    return r->seen[i / 64] >> (i % 64) & 1;
}

static void set_seen(struct mcu_reorder *r, int64_t seq, bool on)
{
    unsigned i = (unsigned)(seq & (SEEN_BITS - 1));
    if (on)
        r->seen[i / 64] |= UINT64_C(1) << (i % 64);
    else
        r->seen[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

static struct mcu_reorder_slot *slot_of(struct mcu_reorder *r, int64_t seq)
{
    return &r->slot[seq & (r->size - 1)];
}

int mcu_reorder_new(struct mcu_reorder **out, int size)
{
    if (size < 1 || size > SEEN_BITS / 2 || (size & (size - 1)))
        return -EINVAL;
    struct mcu_reorder *r = calloc(1, sizeof(*r) + (size_t)size * sizeof(r->slot[0]));
    if (!r)
        return -ENOMEM;
    r->size = size;
    r->highest = -1;
    *out = r;
    return 0;
}

void mcu_reorder_free(struct mcu_reorder **ring)
{
    if (*ring)
        mcu_reorder_reset(*ring, 0);
    free(*ring);
    *ring = NULL;
}

void mcu_reorder_reset(struct mcu_reorder *r, int64_t seq)
{
    for (int i = 0; i < r->size; i++)
        mcu_unit_unref(&r->slot[i].unit);
    memset(r->seen, 0, sizeof(r->seen));
    r->next = seq;
    r->highest = seq - 1;
}

enum mcu_reorder_place mcu_reorder_place(const struct mcu_reorder *r, int64_t seq)
{
    if (seq >= r->next + r->size)
        return MCU_REORDER_FAR;
    if (seq > r->highest)
        return MCU_REORDER_NEW;
    if (seq <= r->highest - SEEN_BITS)
        return MCU_REORDER_LATE;
    if (get_seen(r, seq))
        return MCU_REORDER_DUPLICATE;
    return seq < r->next ? MCU_REORDER_LATE : MCU_REORDER_NEW;
}

void mcu_reorder_saw_late(struct mcu_reorder *r, int64_t seq)
{
    if (seq > r->highest - SEEN_BITS && seq < r->next)
        set_seen(r, seq, true);
}

void mcu_reorder_put(struct mcu_reorder *r, int64_t seq, const struct mcu_reorder_slot *slot)
{
    while (r->highest < seq)
        set_seen(r, ++r->highest, false);
    set_seen(r, seq, true);
    *slot_of(r, seq) = *slot;
}

bool mcu_reorder_take(struct mcu_reorder *r, struct mcu_reorder_slot *out, int64_t *seq)
{
    if (r->next > r->highest || !get_seen(r, r->next))
        return false;
    *seq = r->next++;
    *out = *slot_of(r, *seq);
    slot_of(r, *seq)->unit = NULL;
    return true;
}

const struct mcu_reorder_slot *mcu_reorder_behind_gap(const struct mcu_reorder *r)
{
    if (r->next > r->highest)
        return NULL;
    int64_t seq = r->next;
    while (seq < r->highest && !get_seen(r, seq))
        seq++;
    return &r->slot[seq & (r->size - 1)];
}

int64_t mcu_reorder_next(const struct mcu_reorder *r)
{
    return r->next;
}

void mcu_reorder_skip(struct mcu_reorder *r)
{
    while (r->next <= r->highest && !get_seen(r, r->next))
        r->next++;
}
