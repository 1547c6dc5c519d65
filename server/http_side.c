/* The HTTP listener: one routing table out of what the API and the web side serve. Every handler gets
 * the server as its argument. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"
#include "server/page.h"
#include "server/server.h"
#include "server/web_side.h"

#define MAX_ROUTES 64

struct mcu_http_side {
    struct mcu_http *http;
    struct mcu_http_route routes[MAX_ROUTES];
    const char *host_names[MCU_CONFIG_HOST_NAMES + 1]; /* they stand in the configuration */
    int route_count;
    void (*done)(void *arg);
    void *done_arg;
};

static void add_routes(struct mcu_http_side *side, const struct mcu_http_route *routes, int n)
{
    if (side->route_count + n > MAX_ROUTES)
        abort(); /* a mistake of ours, seen at the first start */
    memcpy(side->routes + side->route_count, routes, (size_t)n * sizeof(*routes));
    side->route_count += n;
}

/* What a page's address may name us, besides localhost. */
static int name_us(struct mcu_http_side *side, const struct mcu_config *k)
{
    int n = 0;
    for (int i = 0; i < k->http_host_count; i++)
        side->host_names[n++] = k->http_hosts[i];
    if (k->public_address[0])
        side->host_names[n++] = k->public_address;
    return n;
}

int mcu_http_side_new(struct mcu_http_side **out, struct mcu_server *server)
{
    const struct mcu_config *k = &server->config;
    struct mcu_http_config http = {
        .address = k->http_address[0] ? k->http_address : k->address,
        .port = k->http_port,
        .max_connections = 256 + 2 * k->max_legs, /* a page has a WebSocket, and asks besides */
        .tls = mcu_config_http_tls(k),
        .tls_cert = k->http_cert,
        .tls_key = k->http_key,
    };
    struct mcu_http_side *side = calloc(1, sizeof(*side));
    int n;
    if (!side)
        return -ENOMEM;
    http.host_names = side->host_names;
    http.host_name_count = name_us(side, k);
    const struct mcu_http_route *routes = mcu_api_routes(k, &n);
    add_routes(side, routes, n);
    for (int i = 0; i < n; i++) /* whether it lives, everybody may ask */
        side->routes[i].local = !k->http_api_all && strcmp(routes[i].path, "/healthz") != 0;
    if (server->web) {
        routes = mcu_web_routes(&n);
        add_routes(side, routes, n);
        routes = mcu_page_routes(&n);
        add_routes(side, routes, n);
    }
    int rc = mcu_http_new(&side->http, server->control, &http, side->routes, side->route_count,
                          server);
    if (rc < 0)
        free(side);
    else
        *out = side;
    return rc;
}

void mcu_http_side_reload(struct mcu_http_side *side)
{
    mcu_http_reload_tls(side->http); /* the log says what it thinks of the files */
}

static void closed(void *arg)
{
    struct mcu_http_side *side = arg;
    if (side->done)
        side->done(side->done_arg);
    free(side);
}

void mcu_http_side_close(struct mcu_http_side **sp, void (*done)(void *arg), void *arg)
{
    struct mcu_http_side *side = *sp;
    *sp = NULL;
    side->done = done;
    side->done_arg = arg;
    mcu_http_close(&side->http, closed, side);
}
