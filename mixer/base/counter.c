#include "mixer/base/counter.h"

#include <stdatomic.h>

/* A cache line each: media loops and workers count on the hot path. */
static struct {
    _Alignas(64) _Atomic uint64_t n;
} values[MCU_CNT_COUNT];

static const struct {
    const char *name, *help;
} rows[MCU_CNT_COUNT] = {
#define MCU_COUNTER_ROW(id, name, help) { name, help },
    MCU_COUNTERS(MCU_COUNTER_ROW)
#undef MCU_COUNTER_ROW
};

void mcu_count_add(enum mcu_counter counter, uint64_t n)
{
    if (n) /* mostly there is nothing to count, and a locked bus is not free */
        atomic_fetch_add_explicit(&values[counter].n, n, memory_order_relaxed);
}

void mcu_count(enum mcu_counter counter)
{
    mcu_count_add(counter, 1);
}

uint64_t mcu_counter_get(enum mcu_counter counter)
{
    return atomic_load_explicit(&values[counter].n, memory_order_relaxed);
}

const char *mcu_counter_name(enum mcu_counter counter)
{
    return rows[counter].name;
}

const char *mcu_counter_help(enum mcu_counter counter)
{
    return rows[counter].help;
}
