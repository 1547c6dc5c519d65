#include "net/own_ids.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "mixer/base/hash.h"

#define BUCKETS 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mcu_own_id *bucket[BUCKETS];

/* CNAMEs and SSRCs share the table: the top bit keeps them apart. */
static uint64_t key_of_cname(const char *cname)
{
    return mcu_fnv1a(MCU_FNV1A_START, cname, strlen(cname)) | UINT64_C(1) << 63;
}

static struct mcu_own_id **place_of(uint64_t key)
{
    return &bucket[(key ^ key >> 10 ^ key >> 20) % BUCKETS];
}

static void list(struct mcu_own_id *id, uint64_t key, bool named)
{
    if (id->listed && named && id->key == key)
        return;
    mcu_own_forget(id);
    if (!named)
        return;
    pthread_mutex_lock(&lock);
    struct mcu_own_id **p = place_of(key);
    *id = (struct mcu_own_id){ .next = *p, .key = key, .listed = true };
    *p = id;
    pthread_mutex_unlock(&lock);
}

void mcu_own_ssrc(struct mcu_own_id *id, uint32_t ssrc)
{
    list(id, ssrc, ssrc != 0);
}

void mcu_own_cname(struct mcu_own_id *id, const char *cname)
{
    list(id, key_of_cname(cname), cname[0] != '\0');
}

void mcu_own_forget(struct mcu_own_id *id)
{
    if (!id->listed)
        return;
    pthread_mutex_lock(&lock);
    struct mcu_own_id **p = place_of(id->key);
    while (*p != id)
        p = &(*p)->next;
    *p = id->next;
    pthread_mutex_unlock(&lock);
    *id = (struct mcu_own_id){ .next = NULL };
}

static bool has(uint64_t key)
{
    pthread_mutex_lock(&lock);
    const struct mcu_own_id *id = *place_of(key);
    while (id && id->key != key)
        id = id->next;
    pthread_mutex_unlock(&lock);
    return id != NULL;
}

bool mcu_own_is_ssrc(uint32_t ssrc)
{
    return has(ssrc);
}

bool mcu_own_is_cname(const char *cname)
{
    return cname[0] && has(key_of_cname(cname));
}
