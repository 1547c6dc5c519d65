#include "mixer/base/picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/pool.h"

#define ALIGN_UP(n, a) (((n) + (a)-1) / (a) * (a))
#define HEADER_BYTES   ALIGN_UP(sizeof(struct mcu_pic), 64)

struct mcu_pic_pool {
    struct mcu_pool *blocks;
    int width, height;
};

static size_t plane_bytes(int width, int height)
{
    return (size_t)ALIGN_UP(width, 64) * (size_t)height + 64; /* kernels may read 64 past a row */
}

static size_t block_bytes(int width, int height)
{
    size_t luma = plane_bytes(width, height);
    size_t chroma = plane_bytes((width + 1) / 2, (height + 1) / 2);
    return HEADER_BYTES + luma + 2 * ALIGN_UP(chroma, 64);
}

static void put_back(struct mcu_pic *pic)
{
    struct mcu_pool *blocks = pic->owner;
    mcu_pool_put(blocks, pic);
}

static void lay_out(struct mcu_pic *pic, int width, int height)
{
    memset(pic, 0, sizeof(*pic));
    atomic_init(&pic->refs, 1);
    pic->width = width;
    pic->height = height;
    uint8_t *p = (uint8_t *)pic + HEADER_BYTES;
    for (int i = 0; i < 3; i++) {
        pic->plane[i] = p;
        pic->stride[i] = ALIGN_UP(mcu_pic_plane_w(pic, i), 64);
        p += ALIGN_UP(plane_bytes(mcu_pic_plane_w(pic, i), mcu_pic_plane_h(pic, i)), 64);
    }
}

static int check_size(int width, int height)
{
    return width < 2 || height < 2 || width > MCU_PIC_MAX_SIDE || height > MCU_PIC_MAX_SIDE
         ? -EINVAL : 0;
}

int mcu_pic_pool_new(struct mcu_pic_pool **out, int width, int height, int max_pictures)
{
    if (check_size(width, height) < 0 || max_pictures < 1)
        return -EINVAL;
    struct mcu_pic_pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        return -ENOMEM;
    pool->width = width;
    pool->height = height;
    int rc = mcu_pool_new(&pool->blocks, block_bytes(width, height), 0, (size_t)max_pictures);
    if (rc < 0) {
        free(pool);
        return rc;
    }
    *out = pool;
    return 0;
}

void mcu_pic_pool_free(struct mcu_pic_pool **pp)
{
    struct mcu_pic_pool *pool = *pp;
    *pp = NULL;
    if (!pool)
        return;
    mcu_pool_free(&pool->blocks);
    free(pool);
}

struct mcu_pic *mcu_pic_pool_get(struct mcu_pic_pool *pool)
{
    struct mcu_pic *pic = mcu_pool_get(pool->blocks);
    if (!pic)
        return NULL;
    lay_out(pic, pool->width, pool->height);
    pic->owner = pool->blocks;
    pic->release = put_back;
    return pic;
}

int mcu_pic_new(struct mcu_pic **out, int width, int height)
{
    struct mcu_pic_pool *pool = NULL;
    int rc = mcu_pic_pool_new(&pool, width, height, 1);
    if (rc < 0)
        return rc;
    struct mcu_pic *pic = mcu_pic_pool_get(pool);
    mcu_pic_pool_free(&pool); /* the block keeps its pool until it is put back */
    if (!pic)
        return -ENOMEM;
    *out = pic;
    return 0;
}

struct mcu_pic *mcu_pic_ref(struct mcu_pic *pic)
{
    atomic_fetch_add_explicit(&pic->refs, 1, memory_order_relaxed);
    return pic;
}

void mcu_pic_unref(struct mcu_pic **pp)
{
    struct mcu_pic *p = *pp;
    *pp = NULL;
    if (p && atomic_fetch_sub(&p->refs, 1) == 1)
        p->release(p);
}

void mcu_pic_fill(struct mcu_pic *pic, uint8_t y, uint8_t u, uint8_t v)
{
    const uint8_t value[3] = { y, u, v };
    for (int i = 0; i < 3; i++)
        for (int row = 0; row < mcu_pic_plane_h(pic, i); row++)
            memset(pic->plane[i] + (ptrdiff_t)row * pic->stride[i], value[i],
                   (size_t)mcu_pic_plane_w(pic, i));
}

void mcu_pic_copy(struct mcu_pic *dst, const struct mcu_pic *src)
{
    for (int i = 0; i < 3; i++)
        for (int row = 0; row < mcu_pic_plane_h(src, i); row++)
            memcpy(dst->plane[i] + (ptrdiff_t)row * dst->stride[i],
                   src->plane[i] + (ptrdiff_t)row * src->stride[i],
                   (size_t)mcu_pic_plane_w(src, i));
    dst->matrix = src->matrix;
    dst->full_range = src->full_range;
    dst->time_ns = src->time_ns;
    dst->sent_ns = src->sent_ns;
}
