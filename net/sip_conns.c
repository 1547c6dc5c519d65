#include "net/sip_conns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/log.h"
#include "net/sip_source.h"

struct conn {
    int fd;
    bool tls, spoken, keep;
    bool closing; /* shut down: the stack is about to notice */
    struct sockaddr_storage peer;
    uint8_t source[MCU_SIP_SOURCE_KEY];
    int64_t opened_ns, heard_ns;
};

struct mcu_sip_conns {
    struct mcu_sip_conns_config config;
    struct conn *list; /* in no order */
    int count, capacity;
};

int mcu_sip_conns_new(struct mcu_sip_conns **out, const struct mcu_sip_conns_config *config)
{
    struct mcu_sip_conns *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->config = *config;
    *out = c;
    return 0;
}

void mcu_sip_conns_free(struct mcu_sip_conns **pp)
{
    struct mcu_sip_conns *c = *pp;
    *pp = NULL;
    if (c)
        free(c->list);
    free(c);
}

/* ---- addresses ---- */

static int port_of(const struct sockaddr_storage *a)
{
    return a->ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)a)->sin6_port)
                                    : ntohs(((const struct sockaddr_in *)a)->sin_port);
}

/* IPv4 as IPv6 writes it, for a socket of both families does. */
static void bytes_of(uint8_t out[16], const struct sockaddr_storage *a)
{
    memset(out, 0, 16);
    if (a->ss_family == AF_INET6) {
        memcpy(out, &((const struct sockaddr_in6 *)a)->sin6_addr, 16);
    } else {
        out[10] = out[11] = 0xff;
        memcpy(out + 12, &((const struct sockaddr_in *)a)->sin_addr, 4);
    }
}

bool mcu_sip_conns_same_peer(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    uint8_t x[16], y[16];
    if (port_of(a) != port_of(b))
        return false;
    bytes_of(x, a);
    bytes_of(y, b);
    return memcmp(x, y, 16) == 0;
}

static void print_peer(char out[INET6_ADDRSTRLEN], const struct sockaddr_storage *a)
{
    const void *bytes = a->ss_family == AF_INET6
                            ? (const void *)&((const struct sockaddr_in6 *)a)->sin6_addr
                            : (const void *)&((const struct sockaddr_in *)a)->sin_addr;
    if (!inet_ntop(a->ss_family, bytes, out, INET6_ADDRSTRLEN))
        strcpy(out, "?");
}

/* ---- the list ---- */

static struct conn *by_fd(const struct mcu_sip_conns *c, int fd)
{
    for (int i = 0; i < c->count; i++)
        if (c->list[i].fd == fd)
            return &c->list[i];
    return NULL;
}

static struct conn *by_peer(const struct mcu_sip_conns *c, const struct sockaddr_storage *peer)
{
    for (int i = 0; i < c->count; i++)
        if (mcu_sip_conns_same_peer(&c->list[i].peer, peer))
            return &c->list[i];
    return NULL;
}

static struct conn *append(struct mcu_sip_conns *c)
{
    if (c->count == c->capacity) {
        int capacity = c->capacity ? 2 * c->capacity : 64;
        struct conn *list = realloc(c->list, (size_t)capacity * sizeof(*list));
        if (!list)
            return NULL;
        c->list = list;
        c->capacity = capacity;
    }
    return &c->list[c->count++];
}

static int of_source(const struct mcu_sip_conns *c, const uint8_t *source)
{
    int n = 0;
    for (int i = 0; i < c->count; i++)
        n += !c->list[i].closing && memcmp(c->list[i].source, source, MCU_SIP_SOURCE_KEY) == 0;
    return n;
}

/* Whether fd is a connection that a peer has opened; fills what it tells. */
static bool describe(const struct mcu_sip_conns *c, struct conn *conn, int fd)
{
    struct sockaddr_storage own;
    int type = 0;
    socklen_t size = sizeof(type), own_size = sizeof(own), peer_size = sizeof(conn->peer);
    memset(conn, 0, sizeof(*conn));
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM ||
        getsockname(fd, (struct sockaddr *)&own, &own_size) < 0 ||
        getpeername(fd, (struct sockaddr *)&conn->peer, &peer_size) < 0 ||
        (own.ss_family != AF_INET && own.ss_family != AF_INET6))
        return false;
    conn->fd = fd;
    conn->tls = c->config.tls_port && port_of(&own) == c->config.tls_port;
    return conn->tls || port_of(&own) == c->config.port;
}

static void shut(struct conn *conn)
{
    conn->closing = true;
    shutdown(conn->fd, SHUT_RDWR);
}

/* ---- what the event loop tells ---- */

void mcu_sip_conns_opened(struct mcu_sip_conns *c, int fd, int64_t now_ns)
{
    static struct mcu_log_limit limit;
    char address[INET6_ADDRSTRLEN];
    struct conn fresh;
    if (!describe(c, &fresh, fd))
        return;
    print_peer(address, &fresh.peer);
    mcu_sip_source_key(fresh.source, address);
    fresh.opened_ns = fresh.heard_ns = now_ns;
    bool full = c->config.max_per_source &&
                of_source(c, fresh.source) >= c->config.max_per_source;
    struct conn *conn = append(c);
    if (!conn || full) {
        mcu_count(MCU_CNT_SIP_CONNECTIONS_REFUSED);
        mcu_log_limited(&limit, MCU_LOG_WARN, "sip-source-limited",
                        "source=%s limit=connections_per_source", address);
        shut(&fresh);
    }
    if (conn)
        *conn = fresh;
}

void mcu_sip_conns_ready(struct mcu_sip_conns *c, int fd, int64_t now_ns)
{
    struct conn *conn = by_fd(c, fd);
    if (conn)
        conn->heard_ns = now_ns;
}

void mcu_sip_conns_closed(struct mcu_sip_conns *c, int fd)
{
    struct conn *conn = by_fd(c, fd);
    if (conn)
        *conn = c->list[--c->count];
}

static bool is_over(const struct mcu_sip_conns *c, const struct conn *conn, int64_t now_ns)
{
    const struct mcu_sip_conns_config *k = &c->config;
    if (!conn->spoken)
        return k->silent_ms && now_ns - conn->opened_ns > k->silent_ms * MCU_NS_PER_MS;
    return k->idle_ms && !conn->keep && now_ns - conn->heard_ns > k->idle_ms * MCU_NS_PER_MS &&
           !(k->in_use && k->in_use(&conn->peer, k->arg));
}

void mcu_sip_conns_tick(struct mcu_sip_conns *c, int64_t now_ns)
{
    for (int i = 0; i < c->count; i++) {
        struct conn *conn = &c->list[i];
        if (conn->closing || !is_over(c, conn, now_ns))
            continue;
        mcu_count(MCU_CNT_SIP_CONNECTIONS_IDLE);
        shut(conn);
    }
}

/* ---- what the stack tells ---- */

void mcu_sip_conns_spoke(struct mcu_sip_conns *c, const struct sockaddr_storage *peer, bool keep)
{
    struct conn *conn = by_peer(c, peer);
    if (!conn)
        return;
    conn->spoken = true;
    conn->keep |= keep;
}

int mcu_sip_conns_is_tls(const struct mcu_sip_conns *c, const struct sockaddr_storage *peer)
{
    const struct conn *conn = by_peer(c, peer);
    return conn ? conn->tls : -1;
}

int mcu_sip_conns_count(const struct mcu_sip_conns *c)
{
    return c->count;
}
