#include "net/ice_probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#include "mixer/base/clock.h"
#include "mixer/base/util.h"
#include "net/loop_priv.h"
#include "net/srtp.h"
#include "net/stun.h"
#include "net/udp.h"

#define TRIES   3
#define WAIT_NS (500 * MCU_NS_PER_MS) /* after each */

struct mcu_ice_probe {
    struct mcu_loop *loop;
    mcu_ice_probe_cb done; /* NULL: it is over */
    struct mcu_msg late;   /* frees it: the socket may have more for it in this round */
    void *arg;
    bool turn;
    struct mcu_addr to;
    struct mcu_timer timer;
    int tries;
    uint8_t id[MCU_STUN_ID_BYTES];
    struct mcu_udp *udp; /* NULL: TCP */
    uv_tcp_t tcp;
    uv_connect_t connecting;
};

static void on_tcp_closed(uv_handle_t *handle)
{
    free(mcu_container_of((uv_tcp_t *)handle, struct mcu_ice_probe, tcp));
}

static void on_late(struct mcu_msg *msg)
{
    free(mcu_container_of(msg, struct mcu_ice_probe, late));
}

void mcu_ice_probe_cancel(struct mcu_ice_probe **pp)
{
    struct mcu_ice_probe *p = *pp;
    *pp = NULL;
    if (!p)
        return;
    mcu_timer_stop(&p->timer);
    p->done = NULL;
    if (p->udp) {
        mcu_udp_free(&p->udp);
        p->late.fn = on_late;
        mcu_loop_send(p->loop, &p->late);
    } else {
        uv_close((uv_handle_t *)&p->tcp, on_tcp_closed);
    }
}

static void finish(struct mcu_ice_probe *p, bool there)
{
    mcu_ice_probe_cb done = p->done;
    void *arg = p->arg;
    mcu_ice_probe_cancel(&p);
    done(there, arg);
}

static void ask(struct mcu_ice_probe *p)
{
    uint8_t data[64];
    int n = mcu_stun_write_question(p->turn, p->id, data, sizeof(data));
    mcu_udp_send(p->udp, &p->to, data, (size_t)n);
}

static void on_timer(struct mcu_timer *timer)
{
    struct mcu_ice_probe *p = mcu_container_of(timer, struct mcu_ice_probe, timer);
    if (++p->tries == TRIES) {
        finish(p, false);
        return;
    }
    if (p->udp)
        ask(p);
    mcu_timer_start(timer, timer->due_ns + WAIT_NS);
}

/* Any answer will do, an error too: who answers is there. */
static void on_datagram(const uint8_t *data, size_t size, const struct mcu_addr *from, void *arg)
{
    struct mcu_ice_probe *p = arg;
    struct mcu_stun m;
    if (p->done && mcu_addr_equal(from, &p->to) && mcu_stun_parse(&m, data, size) == 0 &&
        (m.type & 0x0100) && memcmp(m.id, p->id, sizeof(p->id)) == 0)
        finish(p, true);
}

static void on_connected(uv_connect_t *connecting, int status)
{
    struct mcu_ice_probe *p = mcu_container_of(connecting, struct mcu_ice_probe, connecting);
    if (p->done) /* else cancelled, and on its way to its end */
        finish(p, status == 0);
}

static int open_udp(struct mcu_ice_probe *p)
{
    struct mcu_addr any;
    mcu_addr_parse(&any, mcu_addr_is_ipv6(&p->to) ? "::" : "0.0.0.0", 0);
    int fd = mcu_udp_open(&any);
    int rc = fd < 0 ? fd : mcu_udp_new(&p->udp, p->loop, fd, on_datagram, p);
    if (rc < 0 && fd >= 0)
        close(fd);
    if (rc == 0)
        ask(p);
    return rc;
}

/* Takes p, also when it fails. */
static int open_tcp(struct mcu_ice_probe *p)
{
    int rc = uv_tcp_init(mcu_loop_uv(p->loop), &p->tcp);
    if (rc < 0) {
        free(p);
        return rc;
    }
    rc = uv_tcp_connect(&p->connecting, &p->tcp, &p->to.u.sa, on_connected);
    if (rc < 0)
        mcu_ice_probe_cancel(&p);
    return rc;
}

int mcu_ice_probe_start(struct mcu_ice_probe **out, struct mcu_loop *loop,
                        const struct mcu_ice_server *server, mcu_ice_probe_cb done, void *arg)
{
    struct mcu_ice_probe *p = calloc(1, sizeof(*p));
    int rc = p ? mcu_addr_parse(&p->to, server->host, server->port) : -ENOMEM;
    if (rc < 0) {
        free(p);
        return rc;
    }
    p->loop = loop;
    p->done = done;
    p->arg = arg;
    p->turn = server->turn;
    mcu_srtp_random(p->id, sizeof(p->id));
    mcu_timer_init(&p->timer, loop, on_timer);
    if (server->turn && server->tcp) {
        rc = open_tcp(p);
    } else if ((rc = open_udp(p)) < 0) {
        free(p);
    }
    if (rc < 0)
        return rc;
    mcu_timer_start(&p->timer, mcu_loop_now(loop) + WAIT_NS);
    *out = p;
    return 0;
}
