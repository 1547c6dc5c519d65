#include "net/rtp_history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"

#define KEPT_NS       MCU_NS_PER_S
#define BUDGET_PART   4                    /* repeats get one bit in four of the rate, ... */
#define BURST_NS      (500 * MCU_NS_PER_MS) /* ... what they do not use for so long is saved up, ... */
#define BURST_MIN     (12000 * 8)          /* ... and at least ten packets */

struct slot {
    uint64_t pos;   /* of its first byte, counted from the first byte ever */
    int64_t sent_ns, repeated_ns;
    uint16_t seq, size;
    bool used, queued;
};

struct mcu_rtp_history {
    uint64_t head;  /* where the next packet goes */
    size_t ring_bytes;
    uint16_t mask;  /* of slots */
    uint16_t first, waiting; /* of the queue, which holds each slot at most once */
    int64_t rate_bps, tokens_bits, filled_ns;
    uint8_t *ring;
    uint16_t *queue;
    struct slot slot[];
};

int mcu_rtp_history_new(struct mcu_rtp_history **out, int packets, size_t bytes, int rate_bps)
{
    size_t slots = (size_t)packets;
    struct mcu_rtp_history *h = calloc(1, sizeof(*h) + slots * (sizeof(struct slot) + 2) + bytes);
    if (!h)
        return -ENOMEM;
    h->queue = (uint16_t *)(h->slot + slots);
    h->ring = (uint8_t *)(h->queue + slots);
    h->ring_bytes = bytes;
    h->mask = (uint16_t)(slots - 1);
    h->tokens_bits = INT64_MAX;
    mcu_rtp_history_set_rate(h, rate_bps);
    *out = h;
    return 0;
}

void mcu_rtp_history_free(struct mcu_rtp_history **pp)
{
    free(*pp);
    *pp = NULL;
}

size_t mcu_rtp_history_bytes(const struct mcu_rtp_history *h)
{
    return h->ring_bytes;
}

static int64_t bucket_bits(const struct mcu_rtp_history *h)
{
    int64_t burst = h->rate_bps * (BURST_NS / MCU_NS_PER_MS) / 1000;
    return burst > BURST_MIN ? burst : BURST_MIN;
}

void mcu_rtp_history_set_rate(struct mcu_rtp_history *h, int rate_bps)
{
    h->rate_bps = rate_bps / BUDGET_PART;
    if (h->tokens_bits > bucket_bits(h))
        h->tokens_bits = bucket_bits(h);
}

void mcu_rtp_history_clear(struct mcu_rtp_history *h)
{
    memset(h->slot, 0, ((size_t)h->mask + 1) * sizeof(struct slot));
    h->waiting = 0;
}

void mcu_rtp_history_sent(struct mcu_rtp_history *h, uint16_t seq, const uint8_t *packet,
                          size_t size, int64_t now_ns)
{
    struct slot *s = &h->slot[seq & h->mask];
    size_t at = (size_t)(h->head % h->ring_bytes);
    s->used = size <= h->ring_bytes && size <= UINT16_MAX;
    if (!s->used)
        return;
    if (size > h->ring_bytes - at) { /* in one piece: what is left at the end stays empty */
        h->head += h->ring_bytes - at;
        at = 0;
    }
    memcpy(h->ring + at, packet, size);
    s->pos = h->head;
    s->seq = seq;
    s->size = (uint16_t)size;
    s->sent_ns = now_ns;
    s->repeated_ns = 0; /* one that waits in the queue is passed over there, by its number */
    h->head += size;
}

static bool there(const struct mcu_rtp_history *h, const struct slot *s, uint16_t seq,
                  int64_t now_ns)
{
    return s->used && s->seq == seq && h->head - s->pos <= h->ring_bytes &&
           now_ns - s->sent_ns <= KEPT_NS;
}

static void fill_budget(struct mcu_rtp_history *h, int64_t now_ns)
{
    int64_t elapsed = now_ns - h->filled_ns;
    int64_t most = bucket_bits(h);
    if (elapsed <= 0)
        return;
    h->filled_ns = now_ns;
    if (elapsed > 10 * MCU_NS_PER_S)
        elapsed = 10 * MCU_NS_PER_S;
    h->tokens_bits += elapsed / 1000 * h->rate_bps / 1000000;
    if (h->tokens_bits > most)
        h->tokens_bits = most;
}

bool mcu_rtp_history_ask(struct mcu_rtp_history *h, uint16_t seq, int64_t apart_ns, int64_t now_ns)
{
    struct slot *s = &h->slot[seq & h->mask];
    if (!there(h, s, seq, now_ns) || s->queued ||
        (s->repeated_ns != 0 && now_ns - s->repeated_ns < apart_ns))
        return false;
    fill_budget(h, now_ns);
    if (h->tokens_bits <= 0)
        return false;
    h->tokens_bits -= s->size * 8;
    h->queue[(h->first + h->waiting++) & h->mask] = seq;
    s->queued = true;
    return true;
}

bool mcu_rtp_history_waiting(const struct mcu_rtp_history *h)
{
    return h->waiting > 0;
}

const uint8_t *mcu_rtp_history_next(struct mcu_rtp_history *h, size_t *size, int64_t now_ns)
{
    while (h->waiting > 0) {
        uint16_t seq = h->queue[h->first];
        struct slot *s = &h->slot[seq & h->mask];
        h->first = (h->first + 1) & h->mask;
        h->waiting--;
        s->queued = false;
        if (!there(h, s, seq, now_ns))
            continue;
        s->repeated_ns = now_ns;
        *size = s->size;
        return h->ring + s->pos % h->ring_bytes;
    }
    return NULL;
}
