/* server/media.h - one media loop with the objects that live on it, and the messages between legs
 * and conferences. A leg stays on its loop for life, a conference on its own; what passes between
 * them is a direct call where the loop is the same, else a message with a handle.
 * Threads: the media loop, but for mcu_media_post (any). */
#ifndef MCU_SERVER_MEDIA_H
#define MCU_SERVER_MEDIA_H

#include <stdatomic.h>

#include "mixer/base/handle.h"
#include "mixer/base/unit.h"
#include "mixer/png.h"
#include "net/loop.h"
#include "net/workers.h"
#include "server/event.h"

struct mcu_pool;
struct mcu_ice_loop;

/* How the ticks of its conferences go; written by the loop, read by the control loop. */
struct mcu_media_ticks {
    _Atomic uint64_t sound, sound_late, pictures, pictures_late; /* see server/overload.h */
};

struct mcu_media {
    struct mcu_loop *loop;
    int index;
    struct mcu_workers *workers;
    struct mcu_bus *bus;
    struct mcu_pool *messages;
    struct mcu_handle_table conferences; /* struct mcu_conf */
    struct mcu_handle_table conf_legs;   /* struct mcu_conf_leg, of all its conferences */
    struct mcu_handle_table legs;        /* struct mcu_leg */
    struct mcu_image *logo;              /* the operator's; NULL: none */
    struct mcu_ice_loop *ice;            /* made by the first leg that needs it */
    _Atomic int leg_load, conf_load;     /* for placement; written by the control loop */
    _Atomic int overload_level;          /* server/overload.h; written by the control loop */
    struct mcu_media_ticks ticks;
};

/* So many more of them; relaxed, for sums. */
static inline void mcu_media_tick(_Atomic uint64_t *ticks, int64_t n)
{
    atomic_fetch_add_explicit(ticks, (uint64_t)n, memory_order_relaxed);
}

/* An object on a media loop, from anywhere. */
struct mcu_ref {
    struct mcu_media *media;
    mcu_handle handle;
};

int mcu_media_init(struct mcu_media *media, struct mcu_loop *loop, int index,
                   struct mcu_workers *workers, struct mcu_bus *bus);
void mcu_media_deinit(struct mcu_media *media);

/* What is done on the other loop: obj is the object that the handle stands for. unit is borrowed. */
typedef void (*mcu_media_fn)(void *obj, int line, struct mcu_unit *unit);

/* Calls fn on the object now if its loop is the current one, else by a message. table: offset of
 * the handle table in struct mcu_media (MCU_LEGS, MCU_CONF_LEGS, ...). A handle that has ended is
 * counted. Media messages are dropped, counted, when too many are on their way; sound comes before all
 * else that waits there. */
void mcu_media_post(struct mcu_ref to, size_t table, mcu_media_fn fn, int line,
                    struct mcu_unit *unit);

#define MCU_CONFERENCES offsetof(struct mcu_media, conferences)
#define MCU_CONF_LEGS   offsetof(struct mcu_media, conf_legs)
#define MCU_LEGS        offsetof(struct mcu_media, legs)

/* Any thread: runs fn(arg) on the loop, by a message of its own (allocated; control path only).
 * Aborts when memory is gone: a control message that is lost would leave objects behind. */
void mcu_post_call(struct mcu_loop *loop, void (*fn)(void *arg), void *arg);

#endif
