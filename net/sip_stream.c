/* The connections that peers open: what the stack's event loop and the stack tell of them. */
#include <string.h>

#include <sofia-sip/msg_addr.h>

#include "mixer/base/clock.h"
#include "mixer/base/util.h"
#include "net/glib_pump.h"
#include "net/sip_priv.h"
#include "net/sip_strict.h"

#define TICK_NS MCU_NS_PER_S

static void on_opened(int fd, void *arg)
{
    struct mcu_sip *sip = arg;
    mcu_sip_conns_opened(sip->conns, fd, mcu_loop_now(sip->loop));
}

static void on_ready(int fd, void *arg)
{
    struct mcu_sip *sip = arg;
    mcu_sip_conns_ready(sip->conns, fd, mcu_loop_now(sip->loop));
}

static void on_closed(int fd, void *arg)
{
    struct mcu_sip *sip = arg;
    mcu_sip_conns_closed(sip->conns, fd);
}

static void on_tick(struct mcu_timer *timer)
{
    struct mcu_sip *sip = mcu_container_of(timer, struct mcu_sip, conns_timer);
    int64_t now = mcu_loop_now(sip->loop);
    mcu_sip_conns_tick(sip->conns, now);
    mcu_timer_start(timer, now + TICK_NS);
}

static void storage_of(struct sockaddr_storage *out, const su_sockaddr_t *a)
{
    memset(out, 0, sizeof(*out));
    memcpy(out, a, sizeof(*a) < sizeof(*out) ? sizeof(*a) : sizeof(*out));
}

static bool peer_of(struct sockaddr_storage *out, msg_t *msg)
{
    su_sockaddr_t peer = { 0 };
    socklen_t size = sizeof(peer);
    if (!msg || msg_get_address(msg, &peer, &size) < 0 ||
        (peer.su_family != AF_INET && peer.su_family != AF_INET6))
        return false;
    storage_of(out, &peer);
    return true;
}

/* A call needs the connection for its BYE and its session refreshes. */
static bool in_use(const struct sockaddr_storage *peer, void *arg)
{
    const struct mcu_sip *sip = arg;
    for (const struct mcu_sip_call *c = sip->calls; c; c = c->next)
        if (c->peer.ss_family && mcu_sip_conns_same_peer(&c->peer, peer))
            return true;
    return false;
}

static int is_tls(const su_sockaddr_t *source, void *arg)
{
    const struct mcu_sip *sip = arg;
    struct sockaddr_storage peer;
    storage_of(&peer, source);
    return mcu_sip_conns_is_tls(sip->conns, &peer);
}

void mcu_sip_stream_note(const struct sip_event *e)
{
    struct sockaddr_storage peer;
    if (!peer_of(&peer, e->request))
        return;
    mcu_sip_conns_spoke(e->sip->conns, &peer, false);
    if (e->call && e->call != &mcu_sip_call_gone)
        e->call->peer = peer;
}

void mcu_sip_stream_keep(const struct sip_event *e)
{
    struct sockaddr_storage peer;
    if (peer_of(&peer, e->request))
        mcu_sip_conns_spoke(e->sip->conns, &peer, true);
}

int mcu_sip_stream_open(struct mcu_sip *sip, const struct mcu_sip_config *c)
{
    const struct mcu_sip_conns_config config = {
        .port = c->port,
        .tls_port = c->tls_port,
        .max_per_source = c->max_connections_per_source,
        .silent_ms = c->silent_connection_s * 1000,
        .idle_ms = c->idle_connection_s * 1000,
        .in_use = in_use,
        .arg = sip,
    };
    const struct mcu_glib_pump_files files = { on_opened, on_ready, on_closed, sip };
    int rc = mcu_sip_conns_new(&sip->conns, &config);
    if (rc < 0)
        return rc;
    mcu_glib_pump_watch_files(sip->pump, &files);
    mcu_sip_strict_on_stream(is_tls, sip);
    mcu_timer_init(&sip->conns_timer, sip->loop, on_tick);
    mcu_timer_start(&sip->conns_timer, mcu_loop_now(sip->loop) + TICK_NS);
    return 0;
}

void mcu_sip_stream_close(struct mcu_sip *sip)
{
    mcu_sip_strict_on_stream(NULL, NULL);
    mcu_timer_stop(&sip->conns_timer);
    mcu_sip_conns_free(&sip->conns);
}
