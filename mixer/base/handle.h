/* mixer/base/handle.h - numbers that stand for objects across threads, with a generation each.
 * Messages carry handles, never pointers: one that comes too late finds nothing.
 * Threads: a table belongs to one; the handles travel freely. */
#ifndef MCU_MIXER_BASE_HANDLE_H
#define MCU_MIXER_BASE_HANDLE_H

#include <stddef.h>
#include <stdint.h>

typedef uint64_t mcu_handle; /* 0 is no handle; else generation << 32 | index + 1 */

struct mcu_handle_table {
    struct mcu_handle_slot *slots;
    size_t count, capacity;
    uint32_t free_head; /* index + 1, or 0 */
    uint32_t next_generation;
    size_t used;
};

/* A zeroed table is an empty one. Adds obj (not NULL): its handle, or 0 when memory is short. */
mcu_handle mcu_handle_add(struct mcu_handle_table *table, void *obj);

/* The object, or NULL if the handle has ended. */
void *mcu_handle_get(const struct mcu_handle_table *table, mcu_handle handle);

void mcu_handle_remove(struct mcu_handle_table *table, mcu_handle handle);

/* Walks all objects: start with *pos = 0; NULL at the end. Removing the returned one is allowed. */
void *mcu_handle_next(const struct mcu_handle_table *table, size_t *pos);

void mcu_handle_table_deinit(struct mcu_handle_table *table);

#endif
