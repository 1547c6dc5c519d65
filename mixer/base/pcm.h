/* mixer/base/pcm.h - the format of sound inside the mixer, and the refcounted block that taps read.
 * Everything between decoders and encoders is 48 kHz, 16 bit, interleaved, 20 ms at a time.
 * Threads: a block is written by the audio job that made it, read-only once sent; unref on any. */
#ifndef MCU_MIXER_BASE_PCM_H
#define MCU_MIXER_BASE_PCM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define MCU_PCM_RATE_HZ     48000
#define MCU_PCM_TICK_MS     20
#define MCU_PCM_TICK_NS     INT64_C(20000000)
#define MCU_PCM_TICK_FRAMES 960
#define MCU_PCM_CHANNELS_MAX 2

struct mcu_pool;

struct mcu_pcm {
    _Atomic int refs;
    struct mcu_pool *pool;
    int64_t time_ns;   /* conference time of the first sample */
    int channels;      /* 1 or 2 */
    int level_dbov;    /* 0 (loudest) to -127 (silence), RFC 6465 */
    int16_t samples[MCU_PCM_TICK_FRAMES * MCU_PCM_CHANNELS_MAX]; /* [960][channels] */
};

/* pcm[frames] becomes pcm[frames][2], the same in both. */
void mcu_pcm_widen(int16_t *pcm, int frames);

/* A block with refs = 1 and undefined samples, from a pool that the process keeps; NULL when memory
 * is short. */
struct mcu_pcm *mcu_pcm_new(void);
struct mcu_pcm *mcu_pcm_ref(struct mcu_pcm *pcm);
void mcu_pcm_unref(struct mcu_pcm **pcm);
long mcu_pcm_alive(void);

#endif
