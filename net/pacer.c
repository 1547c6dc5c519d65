#include "net/pacer.h"

#include <errno.h>
#include <string.h>

#include "mixer/base/clock.h"

#define BURST_PACKETS 2
#define BURST_NS      (15 * MCU_NS_PER_MS)

void mcu_pacer_set_rate(struct mcu_pacer *pacer, int pace_bps, int max_packet_bytes)
{
    pacer->rate_bps = pace_bps > 0 ? (int64_t)pace_bps * 5 / 2 : 0;
    int64_t picture = pacer->rate_bps * BURST_NS / MCU_NS_PER_S;
    int64_t burst = (int64_t)max_packet_bytes * 8 * BURST_PACKETS;
    pacer->bucket_bits = picture > burst ? picture : burst;
    if (pacer->tokens_bits > pacer->bucket_bits)
        pacer->tokens_bits = pacer->bucket_bits;
}

void mcu_pacer_init(struct mcu_pacer *pacer, int pace_bps, int max_packet_bytes)
{
    memset(pacer, 0, sizeof(*pacer));
    mcu_pacer_set_rate(pacer, pace_bps, max_packet_bytes);
    pacer->tokens_bits = pacer->bucket_bits;
}

static int slot(const struct mcu_pacer *pacer, int i)
{
    return (pacer->first + i) % MCU_PACER_UNITS;
}

int mcu_pacer_clear(struct mcu_pacer *pacer, int keep)
{
    int dropped = 0;
    while (pacer->count > keep) {
        struct mcu_unit **last = &pacer->unit[slot(pacer, --pacer->count)];
        pacer->waiting_bytes -= (*last)->size;
        mcu_unit_unref(last);
        dropped++;
    }
    return dropped;
}

int mcu_pacer_push(struct mcu_pacer *pacer, struct mcu_unit *unit)
{
    bool full = pacer->rate_bps > 0 && (int64_t)pacer->waiting_bytes * 8 > pacer->rate_bps;
    if (full || pacer->count == MCU_PACER_UNITS)
        return -ENOBUFS;
    pacer->unit[slot(pacer, pacer->count++)] = mcu_unit_ref(unit);
    pacer->waiting_bytes += unit->size;
    return 0;
}

struct mcu_unit *mcu_pacer_head(const struct mcu_pacer *pacer)
{
    return pacer->count > 0 ? pacer->unit[pacer->first] : NULL;
}

void mcu_pacer_pop(struct mcu_pacer *pacer)
{
    if (pacer->count == 0)
        return;
    pacer->waiting_bytes -= pacer->unit[pacer->first]->size;
    mcu_unit_unref(&pacer->unit[pacer->first]);
    pacer->first = slot(pacer, 1);
    pacer->count--;
}

static void fill(struct mcu_pacer *pacer, int64_t now_ns)
{
    int64_t elapsed = pacer->started ? now_ns - pacer->at_ns : 0;
    if (elapsed > MCU_NS_PER_S)
        elapsed = MCU_NS_PER_S; /* more than any bucket, and no overflow */
    if (elapsed > 0)
        pacer->tokens_bits += elapsed / 1000 * pacer->rate_bps / 1000000;
    if (pacer->tokens_bits > pacer->bucket_bits)
        pacer->tokens_bits = pacer->bucket_bits;
    if (elapsed >= 0)
        pacer->at_ns = now_ns;
    pacer->started = true;
}

bool mcu_pacer_may_send(struct mcu_pacer *pacer, int64_t now_ns)
{
    if (pacer->rate_bps == 0)
        return true;
    fill(pacer, now_ns);
    return pacer->tokens_bits > 0;
}

void mcu_pacer_sent(struct mcu_pacer *pacer, size_t bytes)
{
    if (pacer->rate_bps > 0)
        pacer->tokens_bits -= (int64_t)bytes * 8;
}

int64_t mcu_pacer_ready_ns(const struct mcu_pacer *pacer)
{
    if (pacer->rate_bps == 0 || pacer->tokens_bits > 0)
        return pacer->at_ns;
    int64_t wait = (1 - pacer->tokens_bits) * MCU_NS_PER_S / pacer->rate_bps;
    int64_t rounds = (wait + MCU_PACER_ROUND_NS - 1) / MCU_PACER_ROUND_NS;
    return pacer->at_ns + rounds * MCU_PACER_ROUND_NS;
}

int64_t mcu_pacer_next_ns(const struct mcu_pacer *pacer)
{
    return pacer->count > 0 ? mcu_pacer_ready_ns(pacer) : INT64_MAX;
}
