#include "mixer/base/pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#define BLOCK_ALIGN 64

struct free_block {
    struct free_block *next;
};

struct mcu_pool {
    pthread_mutex_t lock;
    struct free_block *free_list;
    size_t block_bytes, max_blocks, used;
    bool closed;
};

static void *new_block(const struct mcu_pool *pool)
{
    return aligned_alloc(BLOCK_ALIGN, pool->block_bytes);
}

static void destroy(struct mcu_pool *pool)
{
    while (pool->free_list) {
        struct free_block *b = pool->free_list;
        pool->free_list = b->next;
        free(b);
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

int mcu_pool_new(struct mcu_pool **out, size_t block_bytes, size_t warm_blocks, size_t max_blocks)
{
    struct mcu_pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        return -ENOMEM;
    if (block_bytes < sizeof(struct free_block))
        block_bytes = sizeof(struct free_block);
    pthread_mutex_init(&pool->lock, NULL);
    pool->block_bytes = (block_bytes + BLOCK_ALIGN - 1) / BLOCK_ALIGN * BLOCK_ALIGN;
    pool->max_blocks = max_blocks;
    for (size_t i = 0; i < warm_blocks; i++) {
        struct free_block *b = new_block(pool);
        if (!b) {
            destroy(pool);
            return -ENOMEM;
        }
        b->next = pool->free_list;
        pool->free_list = b;
    }
    *out = pool;
    return 0;
}

void mcu_pool_free(struct mcu_pool **pp)
{
    struct mcu_pool *pool = *pp;
    *pp = NULL;
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closed = true;
    bool last = pool->used == 0;
    pthread_mutex_unlock(&pool->lock);
    if (last)
        destroy(pool);
}

void *mcu_pool_get(struct mcu_pool *pool)
{
    struct free_block *b = NULL;
    pthread_mutex_lock(&pool->lock);
    bool allowed = !pool->max_blocks || pool->used < pool->max_blocks;
    if (allowed) {
        pool->used++;
        b = pool->free_list;
        if (b)
            pool->free_list = b->next;
    }
    pthread_mutex_unlock(&pool->lock);
    if (allowed && !b) {
        b = new_block(pool);
        if (!b) {
            pthread_mutex_lock(&pool->lock);
            pool->used--;
            pthread_mutex_unlock(&pool->lock);
        }
    }
    return b;
}

void mcu_pool_put(struct mcu_pool *pool, void *block)
{
    if (!block)
        return;
    struct free_block *b = block;
    pthread_mutex_lock(&pool->lock);
    assert(pool->used > 0);
    b->next = pool->free_list;
    pool->free_list = b;
    bool last = --pool->used == 0 && pool->closed;
    pthread_mutex_unlock(&pool->lock);
    if (last)
        destroy(pool);
}

size_t mcu_pool_used(struct mcu_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    size_t n = pool->used;
    pthread_mutex_unlock(&pool->lock);
    return n;
}
