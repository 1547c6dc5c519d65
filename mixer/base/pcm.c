#include "mixer/base/pcm.h"

#include <pthread.h>

#include "mixer/base/pool.h"

static struct mcu_pool *pool;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_pool(void)
{
    if (mcu_pool_new(&pool, sizeof(struct mcu_pcm), 0, 0) < 0)
        pool = NULL;
}

/* From the end, because in and out overlap. */
void mcu_pcm_widen(int16_t *pcm, int frames)
{
    for (int i = frames - 1; i >= 0; i--)
        pcm[2 * i] = pcm[2 * i + 1] = pcm[i];
}

struct mcu_pcm *mcu_pcm_new(void)
{
    pthread_once(&once, make_pool);
    struct mcu_pcm *pcm = pool ? mcu_pool_get(pool) : NULL;
    if (!pcm)
        return NULL;
    atomic_init(&pcm->refs, 1);
    pcm->pool = pool;
    pcm->time_ns = 0;
    pcm->channels = 1;
    pcm->level_dbov = -127;
    return pcm;
}

struct mcu_pcm *mcu_pcm_ref(struct mcu_pcm *pcm)
{
    atomic_fetch_add_explicit(&pcm->refs, 1, memory_order_relaxed);
    return pcm;
}

void mcu_pcm_unref(struct mcu_pcm **pp)
{
    struct mcu_pcm *p = *pp;
    *pp = NULL;
    if (p && atomic_fetch_sub(&p->refs, 1) == 1)
        mcu_pool_put(p->pool, p);
}

long mcu_pcm_alive(void)
{
    return pool ? (long)mcu_pool_used(pool) : 0;
}
