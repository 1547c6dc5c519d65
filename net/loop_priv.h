/* net/loop_priv.h - what the other files of net/ may see of a loop. */
#ifndef MCU_NET_LOOP_PRIV_H
#define MCU_NET_LOOP_PRIV_H

#include <uv.h>

#include "net/loop.h"

/* The libuv loop, for handles made on its thread (or before its start). Handles must be closed, with
 * their close callbacks run, before mcu_loop_free. */
uv_loop_t *mcu_loop_uv(struct mcu_loop *loop);

#endif
