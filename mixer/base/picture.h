/* mixer/base/picture.h - one raw I420 picture, refcounted.
 * Threads: writable by its one holder while refs is 1, read-only once sent; unref on any. */
#ifndef MCU_MIXER_BASE_PICTURE_H
#define MCU_MIXER_BASE_PICTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MCU_PIC_MAX_SIDE 8192

enum mcu_matrix { MCU_MATRIX_BT601, MCU_MATRIX_BT709 };

/* What samples mean, as said beside a coded stream. known false: nothing was said. */
struct mcu_colour {
    bool known, full_range;
    enum mcu_matrix matrix;
};

struct mcu_pic {
    _Atomic int refs;
    void (*release)(struct mcu_pic *pic); /* called once, by whoever drops the last reference */
    void *owner;                          /* release's own */
    int width, height;                    /* luma; chroma planes are (n + 1) / 2 */
    uint8_t *plane[3];                    /* Y, U, V */
    int stride[3];                        /* bytes, positive */
    enum mcu_matrix matrix;
    bool full_range;
    int64_t time_ns;                      /* conference time at which it is due or was composed */
    int64_t sent_ns;                      /* sender's time, see struct mcu_unit */
};

struct mcu_pic_pool;

/* Pictures of one size, planes aligned to 64 bytes with padded strides. max_pictures bounds what
 * is out at once. Returns 0, -EINVAL (odd or illegal size is fine except < 2 or > MCU_PIC_MAX_SIDE)
 * or -ENOMEM. */
int mcu_pic_pool_new(struct mcu_pic_pool **out, int width, int height, int max_pictures);
void mcu_pic_pool_free(struct mcu_pic_pool **pool);

/* A picture with refs = 1 and undefined samples, BT.601 limited range; NULL when all are out. */
struct mcu_pic *mcu_pic_pool_get(struct mcu_pic_pool *pool);

/* A picture of its own, for tests and stills: 0, -EINVAL or -ENOMEM. */
int mcu_pic_new(struct mcu_pic **out, int width, int height);

struct mcu_pic *mcu_pic_ref(struct mcu_pic *pic);
void mcu_pic_unref(struct mcu_pic **pic);

/* Fills the whole picture with one colour. */
void mcu_pic_fill(struct mcu_pic *pic, uint8_t y, uint8_t u, uint8_t v);

/* Copies samples and times; both of the same size. */
void mcu_pic_copy(struct mcu_pic *dst, const struct mcu_pic *src);

static inline int mcu_pic_plane_w(const struct mcu_pic *p, int i)
{
    return i ? (p->width + 1) / 2 : p->width;
}

static inline int mcu_pic_plane_h(const struct mcu_pic *p, int i)
{
    return i ? (p->height + 1) / 2 : p->height;
}

#endif
