/* The PCM tap: a ring between the audio job (writer) and one reader on any thread. Its two ends
 * hold a reference each; whichever leaves first, the other goes on without harm. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/counter.h"
#include "server/conf_priv.h"

#define TAP_BLOCKS 50 /* one second */

struct mcu_tap {
    pthread_mutex_t lock;
    struct mcu_pcm *blocks[TAP_BLOCKS];
    unsigned first, count;
    uint64_t dropped;
    bool reader_gone;
    _Atomic int refs;
};

struct mcu_tap *mcu_tap_new(void)
{
    struct mcu_tap *tap = calloc(1, sizeof(*tap));
    if (!tap)
        return NULL;
    pthread_mutex_init(&tap->lock, NULL);
    atomic_init(&tap->refs, 1);
    return tap;
}

struct mcu_tap *mcu_tap_ref(struct mcu_tap *tap)
{
    atomic_fetch_add(&tap->refs, 1);
    return tap;
}

static void drain(struct mcu_tap *tap)
{
    struct mcu_pcm *pcm;
    while ((pcm = mcu_tap_read(tap)))
        mcu_pcm_unref(&pcm);
}

void mcu_tap_unref(struct mcu_tap **tp)
{
    struct mcu_tap *tap = *tp;
    *tp = NULL;
    if (!tap || atomic_fetch_sub(&tap->refs, 1) != 1)
        return;
    drain(tap);
    pthread_mutex_destroy(&tap->lock);
    free(tap);
}

void mcu_tap_write(struct mcu_tap *tap, const int16_t *samples, int channels, int level_dbov,
                   int64_t time_ns)
{
    struct mcu_pcm *pcm = mcu_pcm_new();
    if (!pcm)
        return;
    pcm->time_ns = time_ns;
    pcm->channels = channels;
    pcm->level_dbov = level_dbov;
    memcpy(pcm->samples, samples, sizeof(int16_t) * MCU_PCM_TICK_FRAMES * (size_t)channels);
    pthread_mutex_lock(&tap->lock);
    bool gone = tap->reader_gone, full = tap->count == TAP_BLOCKS;
    if (!gone && !full) {
        tap->blocks[(tap->first + tap->count++) % TAP_BLOCKS] = pcm;
        pcm = NULL;
    } else if (!gone) {
        tap->dropped++;
        mcu_count(MCU_CNT_TAP_DROPPED);
    }
    pthread_mutex_unlock(&tap->lock);
    mcu_pcm_unref(&pcm);
}

bool mcu_tap_reader_gone(struct mcu_tap *tap)
{
    pthread_mutex_lock(&tap->lock);
    bool gone = tap->reader_gone;
    pthread_mutex_unlock(&tap->lock);
    return gone;
}

struct mcu_pcm *mcu_tap_read(struct mcu_tap *tap)
{
    struct mcu_pcm *pcm = NULL;
    pthread_mutex_lock(&tap->lock);
    if (tap->count) {
        pcm = tap->blocks[tap->first];
        tap->first = (tap->first + 1) % TAP_BLOCKS;
        tap->count--;
    }
    pthread_mutex_unlock(&tap->lock);
    return pcm;
}

uint64_t mcu_tap_dropped(const struct mcu_tap *tap)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&tap->lock; /* the lock itself is no content */
    pthread_mutex_lock(lock);
    uint64_t n = tap->dropped;
    pthread_mutex_unlock(lock);
    return n;
}

void mcu_tap_free(struct mcu_tap **tp)
{
    if (!*tp)
        return;
    pthread_mutex_lock(&(*tp)->lock);
    (*tp)->reader_gone = true;
    pthread_mutex_unlock(&(*tp)->lock);
    drain(*tp); /* the source may live long, and nobody will read them */
    mcu_tap_unref(tp);
}
