#include "mixer/base/handle.h"

#include <stdlib.h>

struct mcu_handle_slot {
    void *obj;
    uint32_t generation;
    uint32_t next_free; /* index + 1, or 0 */
};

mcu_handle mcu_handle_add(struct mcu_handle_table *t, void *obj)
{
    uint32_t i;
    if (t->free_head) {
        i = t->free_head - 1;
        t->free_head = t->slots[i].next_free;
    } else {
        if (t->count == t->capacity) {
            size_t cap = t->capacity ? t->capacity * 2 : 16;
            void *p = realloc(t->slots, cap * sizeof(*t->slots));
            if (!p)
                return 0;
            t->slots = p;
            t->capacity = cap;
        }
        i = (uint32_t)t->count++;
    }
    t->slots[i].obj = obj;
    t->slots[i].generation = ++t->next_generation;
    t->used++;
    return (uint64_t)t->slots[i].generation << 32 | (i + 1);
}

static struct mcu_handle_slot *find(const struct mcu_handle_table *t, mcu_handle h)
{
    uint32_t i = (uint32_t)h;
    if (i == 0 || i > t->count)
        return NULL;
    struct mcu_handle_slot *s = &t->slots[i - 1];
    return s->obj && s->generation == (uint32_t)(h >> 32) ? s : NULL;
}

void *mcu_handle_get(const struct mcu_handle_table *t, mcu_handle h)
{
    struct mcu_handle_slot *s = find(t, h);
    return s ? s->obj : NULL;
}

void mcu_handle_remove(struct mcu_handle_table *t, mcu_handle h)
{
    struct mcu_handle_slot *s = find(t, h);
    if (!s)
        return;
    s->obj = NULL;
    s->next_free = t->free_head;
    t->free_head = (uint32_t)h;
    t->used--;
}

void *mcu_handle_next(const struct mcu_handle_table *t, size_t *pos)
{
    while (*pos < t->count) {
        void *obj = t->slots[(*pos)++].obj;
        if (obj)
            return obj;
    }
    return NULL;
}

void mcu_handle_table_deinit(struct mcu_handle_table *t)
{
    free(t->slots);
    *t = (struct mcu_handle_table){ 0 };
}
