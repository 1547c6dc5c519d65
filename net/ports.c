#include "net/ports.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/udp.h"

struct pair {
    bool taken;
    int64_t free_at_ns;
};

struct mcu_ports {
    int first, count, next, used;
    struct pair *pairs;
};

int mcu_ports_new(struct mcu_ports **out, int first, int last)
{
    first += first & 1;
    int count = (last - first + 1) / 2;
    if (first < 1024 || last > 65535 || count < 1)
        return -EINVAL;
    struct mcu_ports *p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    p->pairs = calloc((size_t)count, sizeof(*p->pairs));
    if (!p->pairs) {
        free(p);
        return -ENOMEM;
    }
    p->first = first;
    p->count = count;
    *out = p;
    return 0;
}

void mcu_ports_free(struct mcu_ports **pp)
{
    struct mcu_ports *p = *pp;
    *pp = NULL;
    if (!p)
        return;
    free(p->pairs);
    free(p);
}

static int open_pair(const struct mcu_addr *local, int port, int fd[2])
{
    struct mcu_addr a = *local;
    for (int i = 0; i < 2; i++) {
        if (a.u.sa.sa_family == AF_INET)
            a.u.in4.sin_port = htons((uint16_t)(port + i));
        else
            a.u.in6.sin6_port = htons((uint16_t)(port + i));
        fd[i] = mcu_udp_open(&a);
        if (fd[i] < 0) {
            int rc = fd[i];
            if (i == 1)
                close(fd[0]);
            fd[0] = fd[1] = -1; /* a number left here is another's file by the time it is closed */
            return rc;
        }
    }
    return 0;
}

int mcu_ports_take(struct mcu_ports *p, const struct mcu_addr *local, int64_t now_ns, int *port,
                   int fd[2])
{
    for (int i = 0; i < p->count; i++) {
        struct pair *pair = &p->pairs[p->next];
        int candidate = p->first + 2 * p->next;
        p->next = (p->next + 1) % p->count;
        if (pair->taken || pair->free_at_ns > now_ns)
            continue;
        int rc = open_pair(local, candidate, fd);
        if (rc == -EADDRINUSE)
            continue; /* another program has it */
        if (rc < 0)
            return rc;
        pair->taken = true;
        p->used++;
        *port = candidate;
        return 0;
    }
    return -EADDRINUSE;
}

void mcu_ports_give(struct mcu_ports *p, int port, int64_t now_ns)
{
    int i = (port - p->first) / 2;
    if (port < p->first || i >= p->count || !p->pairs[i].taken)
        return;
    p->pairs[i].taken = false;
    p->pairs[i].free_at_ns = now_ns + MCU_PORTS_QUARANTINE_NS;
    p->used--;
}

int mcu_ports_used(const struct mcu_ports *p)
{
    return p->used;
}
