#include "net/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "mixer/base/util.h"

struct mcu_resolve {
    struct mcu_msg msg; /* to the loop, once */
    struct mcu_loop *loop;
    mcu_resolve_cb done;
    void *arg;
    char host[256];
    int error, count;
    struct mcu_addr addr[MCU_RESOLVE_MAX];
    bool cancelled; /* under the lock */
};

/* Of all lookups: they are few, and one of their own would have to outlive them. Held while the loop
 * is told, so that whoever has cancelled may end the loop. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int error_of(int eai)
{
    return eai == 0 ? 0 : eai == EAI_MEMORY ? -ENOMEM : eai == EAI_AGAIN ? -EAGAIN : -ENOENT;
}

static void look_up(struct mcu_resolve *r)
{
    /* One entry for each address, not one for each kind of socket besides. */
    struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *all = NULL;
    r->error = error_of(getaddrinfo(r->host, NULL, &hints, &all));
    for (const struct addrinfo *i = all; i && r->count < MCU_RESOLVE_MAX; i = i->ai_next)
        r->count += mcu_addr_from_sockaddr(&r->addr[r->count], i->ai_addr) == 0;
    if (all)
        freeaddrinfo(all);
    if (r->error == 0 && r->count == 0)
        r->error = -ENOENT;
}

static void on_answer(struct mcu_msg *msg)
{
    struct mcu_resolve *r = mcu_container_of(msg, struct mcu_resolve, msg);
    pthread_mutex_lock(&lock);
    bool cancelled = r->cancelled;
    pthread_mutex_unlock(&lock);
    if (!cancelled)
        r->done(r->error, r->addr, r->count, r->arg);
    free(r);
}

static void *resolve_thread(void *arg)
{
    struct mcu_resolve *r = arg;
    look_up(r);
    pthread_mutex_lock(&lock);
    bool cancelled = r->cancelled;
    if (!cancelled)
        mcu_loop_send(r->loop, &r->msg);
    pthread_mutex_unlock(&lock);
    if (cancelled)
        free(r);
    return NULL;
}

int mcu_resolve_start(struct mcu_resolve **out, struct mcu_loop *loop, const char *host,
                      mcu_resolve_cb done, void *arg)
{
    struct mcu_resolve *r = calloc(1, sizeof(*r));
    pthread_attr_t detached;
    pthread_t thread;
    if (!r)
        return -ENOMEM;
    r->msg.fn = on_answer;
    r->loop = loop;
    r->done = done;
    r->arg = arg;
    snprintf(r->host, sizeof(r->host), "%s", host);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    int rc = -pthread_create(&thread, &detached, resolve_thread, r);
    pthread_attr_destroy(&detached);
    if (rc < 0)
        free(r);
    else
        *out = r;
    return rc;
}

void mcu_resolve_cancel(struct mcu_resolve **rp)
{
    struct mcu_resolve *r = *rp;
    *rp = NULL;
    if (!r)
        return;
    pthread_mutex_lock(&lock);
    r->cancelled = true; /* whoever comes last, thread or message, frees it */
    pthread_mutex_unlock(&lock);
}
