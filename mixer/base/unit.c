#include "mixer/base/unit.h"

#include <pthread.h>
#include <string.h>

#include "mixer/base/pool.h"
#include "mixer/base/util.h"

/* An audio frame, an MTU, small and large video frames, keyframes. */
static const size_t class_bytes[] = { 512, 2048, 16384, 131072, 1u << 20, MCU_UNIT_MAX_BYTES };
static struct mcu_pool *pools[MCU_ARRAY_LEN(class_bytes)];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic long alive;

#define HEADER_BYTES ((sizeof(struct mcu_unit) + 63) / 64 * 64)

static void make_pools(void)
{
    for (size_t i = 0; i < MCU_ARRAY_LEN(class_bytes); i++)
        if (mcu_pool_new(&pools[i], HEADER_BYTES + class_bytes[i], 0, 0) < 0)
            pools[i] = NULL;
}

struct mcu_unit *mcu_unit_new(size_t capacity)
{
    pthread_once(&once, make_pools);
    for (size_t i = 0; i < MCU_ARRAY_LEN(class_bytes); i++) {
        if (capacity > class_bytes[i])
            continue;
        struct mcu_unit *u = pools[i] ? mcu_pool_get(pools[i]) : NULL;
        if (!u)
            return NULL;
        memset(u, 0, sizeof(*u));
        atomic_init(&u->refs, 1);
        u->pool = pools[i];
        u->data = (uint8_t *)u + HEADER_BYTES;
        u->capacity = class_bytes[i];
        u->level_dbov = 1;
        atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed);
        return u;
    }
    return NULL;
}

struct mcu_unit *mcu_unit_ref(struct mcu_unit *unit)
{
    atomic_fetch_add_explicit(&unit->refs, 1, memory_order_relaxed);
    return unit;
}

void mcu_unit_unref(struct mcu_unit **unit)
{
    struct mcu_unit *u = *unit;
    *unit = NULL;
    if (u && atomic_fetch_sub(&u->refs, 1) == 1) {
        atomic_fetch_sub_explicit(&alive, 1, memory_order_relaxed);
        mcu_pool_put(u->pool, u);
    }
}

long mcu_unit_alive(void)
{
    return atomic_load(&alive);
}
