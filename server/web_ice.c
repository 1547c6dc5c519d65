#include "server/web_ice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/log.h"
#include "mixer/base/util.h"
#include "net/addr.h"
#include "net/ice_probe.h"
#include "net/resolve.h"
#include "net/srtp.h"

#define AGAIN_NS (600 * MCU_NS_PER_S) /* addresses move without our being told */
#define RETRY_NS (30 * MCU_NS_PER_S)
#define PROBE_NS (30 * MCU_NS_PER_S)

/* A server of the configuration. */
struct server {
    struct mcu_web_ice *ice;
    struct mcu_ice_server given, literal; /* literal.host[0] == 0: not known */
    struct mcu_resolve *lookup;           /* on its way */
    struct mcu_ice_probe *probe;          /* likewise */
    bool dead;                            /* it did not answer the last one */
};

struct mcu_web_ice {
    struct mcu_loop *control;
    const struct mcu_config *config;
    struct server server[MCU_ARRAY_LEN(((struct mcu_config *)0)->web_servers)];
    int server_count;
    bool names; /* some are not literal */
    struct mcu_timer timer, probe_timer;
};

/* ---- our addresses ---- */

static void fill_addresses(const struct mcu_config *k, struct mcu_ice_config *out)
{
    struct mcu_addr a;
    out->local_count = 0;
    for (int i = 0; i < k->web_address_count && out->local_count < 4; i++)
        if (mcu_addr_parse(&out->local[out->local_count], k->web_addresses[i], 0) == 0)
            out->local_count++;
    if (out->local_count || mcu_addr_parse(&a, k->address, 0) < 0)
        return;
    if (mcu_addr_is_any(&a))
        out->local_count = mcu_addr_interfaces(out->local, 4, mcu_addr_is_ipv6(&a));
    else
        out->local[out->local_count++] = a;
}

/* Whether one of ours can talk to it. */
static bool same_family(const struct mcu_ice_config *ours, const struct mcu_addr *a)
{
    for (int i = 0; i < ours->local_count; i++)
        if (mcu_addr_is_ipv6(&ours->local[i]) == mcu_addr_is_ipv6(a))
            return true;
    return false;
}

/* ---- names ---- */

static void failed(const struct server *s, int error)
{
    mcu_log(MCU_LOG_WARN, "ice-server-unknown", "host=%s error=\"%s\" address=%s", s->given.host,
            error == -ENOENT ? "there is no such name" : strerror(-error), s->literal.host[0] ? s->literal.host : "none");
    mcu_timer_start(&s->ice->timer, mcu_loop_now(s->ice->control) + RETRY_NS);
}

static void known(struct server *s, const struct mcu_addr *addr)
{
    char ip[MCU_ADDR_TEXT];
    mcu_addr_ip(addr, ip);
    if (strcmp(ip, s->literal.host) == 0)
        return;
    s->dead = false; /* that was another one */
    mcu_ice_probe_cancel(&s->probe);
    mcu_timer_start(&s->ice->probe_timer, mcu_loop_now(s->ice->control));
    s->literal = s->given;
    snprintf(s->literal.host, sizeof(s->literal.host), "%s", ip);
    mcu_log(MCU_LOG_INFO, "ice-server", "host=%s address=%s port=%d", s->given.host, ip,
            s->given.port);
}

static void on_found(int error, const struct mcu_addr *addr, int count, void *arg)
{
    struct server *s = arg;
    struct mcu_ice_config ours = { 0 };
    int i = 0;
    s->lookup = NULL;
    fill_addresses(s->ice->config, &ours);
    while (i < count && !same_family(&ours, &addr[i]))
        i++;
    if (error == 0 && i == count)
        error = -EAFNOSUPPORT;
    if (error)
        failed(s, error);
    else
        known(s, &addr[i]);
}

static void look_up(struct server *s)
{
    struct mcu_addr literal;
    if (s->lookup || mcu_addr_parse(&literal, s->given.host, 0) == 0)
        return;
    int rc = mcu_resolve_start(&s->lookup, s->ice->control, s->given.host, on_found, s);
    if (rc < 0)
        failed(s, rc);
}

void mcu_web_ice_reload(struct mcu_web_ice *ice)
{
    if (!ice->names)
        return;
    mcu_timer_start(&ice->timer, mcu_loop_now(ice->control) + AGAIN_NS);
    for (int i = 0; i < ice->server_count; i++)
        look_up(&ice->server[i]);
}

static void on_timer(struct mcu_timer *timer)
{
    mcu_web_ice_reload(mcu_container_of(timer, struct mcu_web_ice, timer));
}

/* ---- dead servers ---- */

static void on_probed(bool there, void *arg)
{
    struct server *s = arg;
    s->probe = NULL;
    if (s->dead != there)
        return;
    s->dead = !there;
    mcu_log(there ? MCU_LOG_INFO : MCU_LOG_WARN, there ? "ice-server-back" : "ice-server-dead",
            "host=%s address=%s port=%d", s->given.host, s->literal.host, s->given.port);
}

static void on_probe_timer(struct mcu_timer *timer)
{
    struct mcu_web_ice *ice = mcu_container_of(timer, struct mcu_web_ice, probe_timer);
    mcu_timer_start(timer, mcu_loop_now(ice->control) + PROBE_NS);
    for (int i = 0; i < ice->server_count; i++) {
        struct server *s = &ice->server[i];
        if (!s->probe && s->literal.host[0])
            mcu_ice_probe_start(&s->probe, ice->control, &s->literal, on_probed, s); /* else in 30 s */
    }
}

/* ---- life ---- */

int mcu_web_ice_new(struct mcu_web_ice **out, struct mcu_loop *control,
                    const struct mcu_config *config)
{
    struct mcu_web_ice *ice = calloc(1, sizeof(*ice));
    struct mcu_addr literal;
    if (!ice)
        return -ENOMEM;
    ice->control = control;
    ice->config = config;
    ice->server_count = config->web_server_count;
    mcu_timer_init(&ice->timer, control, on_timer);
    for (int i = 0; i < ice->server_count; i++) {
        struct server *s = &ice->server[i];
        s->ice = ice;
        s->given = config->web_servers[i];
        if (mcu_addr_parse(&literal, s->given.host, 0) == 0)
            s->literal = s->given;
        else
            ice->names = true;
    }
    mcu_web_ice_reload(ice);
    mcu_timer_init(&ice->probe_timer, control, on_probe_timer);
    if (ice->server_count)
        mcu_timer_start(&ice->probe_timer, mcu_loop_now(control));
    *out = ice;
    return 0;
}

void mcu_web_ice_free(struct mcu_web_ice **pp)
{
    struct mcu_web_ice *ice = *pp;
    *pp = NULL;
    if (!ice)
        return;
    mcu_timer_stop(&ice->timer);
    mcu_timer_stop(&ice->probe_timer);
    for (int i = 0; i < ice->server_count; i++) {
        mcu_resolve_cancel(&ice->server[i].lookup);
        mcu_ice_probe_cancel(&ice->server[i].probe);
    }
    mcu_srtp_wipe(ice->server, sizeof(ice->server)); /* passwords */
    free(ice);
}

/* A dead server, or one of a family that we have no address of, would only cost its time-out. */
void mcu_web_ice_fill(const struct mcu_web_ice *ice, struct mcu_ice_config *out)
{
    struct mcu_addr a;
    fill_addresses(ice->config, out);
    out->server_count = 0;
    for (int i = 0; i < ice->server_count; i++)
        if (!ice->server[i].dead && mcu_addr_parse(&a, ice->server[i].literal.host, 0) == 0 &&
            same_family(out, &a))
            out->servers[out->server_count++] = ice->server[i].literal;
}
