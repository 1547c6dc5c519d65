/* mixer/base/pool.h - blocks of one size, handed out and taken back without touching malloc once
 * warm. Threads: any; a short mutex guards the list of free blocks. */
#ifndef MCU_MIXER_BASE_POOL_H
#define MCU_MIXER_BASE_POOL_H

#include <stddef.h>

struct mcu_pool;

/* block_bytes: size of one block, returned aligned to 64 bytes. max_blocks bounds what may be out
 * at once (0: unbounded). warm_blocks are allocated now. Returns 0 or -ENOMEM. */
int mcu_pool_new(struct mcu_pool **out, size_t block_bytes, size_t warm_blocks, size_t max_blocks);

/* Drops the owner's hold. Blocks still out stay valid; the last one put back frees the pool. */
void mcu_pool_free(struct mcu_pool **pool);

/* A block with undefined content, or NULL: the bound is reached or memory is short. */
void *mcu_pool_get(struct mcu_pool *pool);
void mcu_pool_put(struct mcu_pool *pool, void *block);

/* Blocks out now. For tests and metrics. */
size_t mcu_pool_used(struct mcu_pool *pool);

#endif
