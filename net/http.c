/* The HTTP server's life: listening socket, accept, timeouts, close. We accept ourselves and hand
 * the socket to libwebsockets: so errno of bind is ours to report, and the number of peers is ours
 * to limit. */
#include "net/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/log.h"
#include "net/addr.h"
#include "net/http_priv.h"
#include "net/loop_priv.h"

#define BACKLOG          128
#define ACCEPTS_A_ROUND  32
#define HEADER_BYTES     4096
#define READ_BYTES       32768 /* more than a TLS record: what OpenSSL has read already wakes no poll */
#define WS_BYTES         4096 /* of a message that libwebsockets holds at a time */
#define DEFAULT_BODY     65536
#define DEFAULT_CONNS    256
#define DEFAULT_TIMEOUT  10000
#define DEFAULT_PING     20000
#define SWEEPS_A_TIMEOUT 8
#define CLOSING_ROUNDS   100000 /* of the loop, without waiting between them */

/* ---- libwebsockets' log ---- */

static void on_lws_log(int level, const char *line)
{
    char quoted[512], text[400];
    snprintf(text, sizeof(text), "%.*s", (int)strcspn(line, "\n"), line);
    mcu_log(MCU_LOG_DEBUG, "http-library", "level=%d text=%s", level,
            mcu_log_quote(quoted, sizeof(quoted), text));
}

/* ---- connections ---- */

void mcu_http_touch(struct mcu_http_conn *conn)
{
    conn->deadline_ns = mcu_loop_now(conn->http->loop) + conn->http->timeout_ns;
}

/* libwebsockets sees the end of the stream and frees the connection in its own time; where it does
 * not read just now, its own timeout does it. */
void mcu_http_cut(struct mcu_http_conn *conn)
{
    if (conn->cut)
        return;
    conn->cut = true;
    shutdown(lws_get_socket_fd(conn->wsi), SHUT_RDWR);
    lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

/* Of those who have not sent a whole request and are no WebSockets, the one who has waited longest;
 * or NULL. */
static struct mcu_http_conn *longest_silent(struct mcu_http *http)
{
    struct mcu_http_conn *oldest = NULL;
    for (struct mcu_http_conn *c = http->conns; c; c = c->next)
        if (!c->cut && !c->ws && !(c->req && c->req->handed) &&
            (!oldest || c->deadline_ns < oldest->deadline_ns))
            oldest = c;
    return oldest;
}

static int live_count(const struct mcu_http *http)
{
    int n = 0;
    for (const struct mcu_http_conn *c = http->conns; c; c = c->next)
        n += !c->cut;
    return n;
}

static void note_source(struct mcu_http_conn *c, int fd)
{
    struct mcu_addr a;
    socklen_t len = sizeof(a.u);
    if (getpeername(fd, &a.u.sa, &len) < 0)
        return;
    const void *ip = a.u.sa.sa_family == AF_INET ? (const void *)&a.u.in4.sin_addr
                                                 : (const void *)&a.u.in6.sin6_addr;
    inet_ntop(a.u.sa.sa_family, ip, c->source, sizeof(c->source));
}

/* fd is ours or closed afterwards. */
static void take_peer(struct mcu_http *http, int fd)
{
    struct mcu_http_conn *silent;
    bool room = live_count(http) < http->config.max_connections;
    if (!room && (silent = longest_silent(http))) {
        mcu_http_cut(silent);
        room = http->conn_count < 2 * http->config.max_connections;
    }
    struct mcu_http_conn *c = room ? calloc(1, sizeof(*c)) : NULL;
    if (!c) {
        mcu_count(MCU_CNT_HTTP_BAD);
        close(fd);
        return;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    note_source(c, fd);
    c->http = http;
    c->wsi = lws_adopt_descriptor_vhost(
        http->vhost, LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | (http->keys ? LWS_ADOPT_ALLOW_SSL : 0),
        (lws_sock_file_fd_type){ .sockfd = fd }, NULL, NULL);
    if (!c->wsi) {
        free(c);
        return;
    }
    lws_set_opaque_user_data(c->wsi, c);
    c->next = http->conns;
    c->prev = &http->conns;
    if (c->next)
        c->next->prev = &c->next;
    http->conns = c;
    http->conn_count++;
    mcu_http_touch(c);
}

static void on_accept(uv_poll_t *poll, int status, int events);

static void listen_again(struct mcu_http *http)
{
    if (http->listener && !uv_is_active((uv_handle_t *)http->listener))
        uv_poll_start(http->listener, UV_READABLE, on_accept);
}

static void on_accept(uv_poll_t *poll, int status, int events)
{
    struct mcu_http *http = poll->data;
    for (int i = 0; i < ACCEPTS_A_ROUND; i++) {
        int fd = accept4(http->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take_peer(http, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* It would be readable again at once, for ever: the sweep starts it anew. */
            uv_poll_stop(poll);
            return;
        }
        if (errno != ECONNABORTED && errno != EINTR)
            break;
    }
    listen_again(http); /* libuv stops a handle that reports an error */
}

static int64_t sweep_ns(const struct mcu_http *http)
{
    int64_t shortest = http->timeout_ns < http->ping_ns ? http->timeout_ns : http->ping_ns;
    return shortest / SWEEPS_A_TIMEOUT;
}

static void on_sweep(struct mcu_timer *timer)
{
    struct mcu_http *http = mcu_container_of(timer, struct mcu_http, sweep);
    int64_t now = mcu_loop_now(http->loop);
    for (struct mcu_http_conn *c = http->conns, *next; c; c = next) {
        next = c->next;
        if (c->ws)
            mcu_ws_sweep(c, now);
        if (c->deadline_ns <= now && !c->cut) {
            if (c->ws)
                mcu_count(MCU_CNT_WS_DEAD);
            mcu_http_cut(c);
        }
    }
    listen_again(http);
    mcu_timer_start(timer, now + sweep_ns(http));
}

/* ---- life ---- */

static void on_listener_closed(uv_handle_t *handle)
{
    free(handle);
}

static int open_socket(struct mcu_http *http, const struct mcu_addr *addr)
{
    int on = 1;
    http->listen_fd = socket(addr->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (http->listen_fd < 0)
        return -errno;
    setsockopt(http->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(http->listen_fd, &addr->u.sa, mcu_addr_len(addr)) < 0 ||
        listen(http->listen_fd, BACKLOG) < 0)
        return -errno;
    return 0;
}

static int start_listener(struct mcu_http *http)
{
    http->listener = calloc(1, sizeof(*http->listener));
    if (!http->listener)
        return -ENOMEM;
    int rc = uv_poll_init(mcu_loop_uv(http->loop), http->listener, http->listen_fd);
    if (rc < 0) {
        free(http->listener);
        http->listener = NULL;
        return rc;
    }
    http->listener->data = http;
    return uv_poll_start(http->listener, UV_READABLE, on_accept);
}

/* libwebsockets 4.1 leaves a foreign loop in two steps: the first lws_context_destroy closes
 * connections, then the timer and the idle handle that it had from its start; only when libuv has
 * called back for these may the second one free the context that they lie in. */
struct handle_search {
    struct mcu_http *http;
    int skip, count; /* creating: handles that were there before */
    bool found;      /* closing: one is there yet */
};

static void count_handle(uv_handle_t *handle, void *arg)
{
    (*(int *)arg)++;
}

/* uv_walk goes in the order of creation. */
static void note_handle(uv_handle_t *handle, void *arg)
{
    struct handle_search *h = arg;
    bool lasting = handle->type == UV_IDLE || handle->type == UV_TIMER;
    if (h->skip-- <= 0 && lasting && h->count < (int)MCU_ARRAY_LEN(h->http->lws_handles))
        h->http->lws_handles[h->count++] = handle;
}

static void find_handle(uv_handle_t *handle, void *arg)
{
    struct handle_search *h = arg;
    for (size_t i = 0; i < MCU_ARRAY_LEN(h->http->lws_handles); i++)
        h->found |= handle == h->http->lws_handles[i];
}

/* libwebsockets takes the first subprotocol of the peer's that it finds in this table. */
static int fill_protocols(struct mcu_http *http)
{
    int n = 0;
    http->protocols[n++] = (struct lws_protocols){ .name = "-",
                                                   .callback = mcu_http_on_lws,
                                                   .rx_buffer_size = WS_BYTES };
    for (int i = 0; i < http->route_count; i++) {
        const struct mcu_ws_route *ws = http->routes[i].ws;
        bool known = !ws || !ws->subprotocol;
        for (int k = 1; k < n && !known; k++)
            known = strcmp(http->protocols[k].name, ws->subprotocol) == 0;
        if (!known && n > MCU_HTTP_SUBPROTOCOLS)
            return -EINVAL;
        if (!known)
            http->protocols[n++] = (struct lws_protocols){ .name = ws->subprotocol,
                                                           .callback = mcu_http_on_lws,
                                                           .rx_buffer_size = WS_BYTES };
    }
    return 0;
}

static uint64_t lws_options(const struct mcu_http *http)
{
    uint64_t tls = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX;
    return LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_NO_LWS_SYSTEM_STATES |
           LWS_SERVER_OPTION_EXPLICIT_VHOSTS | (http->keys ? tls : 0);
}

/* HTTP/2 is not offered: our heads and close frames are bytes of HTTP/1.1, where libwebsockets 4.1
 * needs its own, and pages that ask for so little gain nothing by it. */
static int start_lws(struct mcu_http *http)
{
    void *loops[1] = { mcu_loop_uv(http->loop) };
    int timeout_s = http->config.timeout_ms / 1000 + 2; /* ours, finer, comes first */
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = http->protocols,
        .foreign_loops = loops,
        .options = lws_options(http),
        .pcontext = &http->lws,
        .user = http,
        .max_http_header_data2 = HEADER_BYTES,
        .pt_serv_buf_size = READ_BYTES,
        .keepalive_timeout = timeout_s,
        .timeout_secs = (unsigned)timeout_s,
        .timeout_secs_ah_idle = (unsigned)timeout_s,
        .gid = -1,
        .uid = -1,
        .vhost_name = "default",
        .alpn = "http/1.1",
    };
    struct handle_search search = { .http = http };
    lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
    uv_walk(loops[0], count_handle, &search.skip);
    http->lws = lws_create_context(&info);
    if (!http->lws)
        return -ENOMEM;
    uv_walk(loops[0], note_handle, &search);
    http->vhost = lws_create_vhost(http->lws, &info);
    return http->vhost ? 0 : -ENOMEM;
}

static void fill_defaults(struct mcu_http_config *c)
{
    c->address = NULL; /* not ours beyond _new */
    c->max_body_bytes = c->max_body_bytes ? c->max_body_bytes : DEFAULT_BODY;
    c->max_connections = c->max_connections ? c->max_connections : DEFAULT_CONNS;
    c->timeout_ms = c->timeout_ms ? c->timeout_ms : DEFAULT_TIMEOUT;
    c->ping_ms = c->ping_ms ? c->ping_ms : DEFAULT_PING;
    c->tls_cert = c->tls_key = NULL;
}

int mcu_http_new(struct mcu_http **out, struct mcu_loop *loop, const struct mcu_http_config *config,
                 const struct mcu_http_route *routes, int n, void *arg)
{
    struct mcu_addr addr;
    if (mcu_addr_parse(&addr, config->address, config->port) < 0)
        return -EINVAL;
    struct mcu_http *http = calloc(1, sizeof(*http));
    if (!http)
        return -ENOMEM;
    http->loop = loop;
    http->config = *config;
    fill_defaults(&http->config);
    http->timeout_ns = http->config.timeout_ms * MCU_NS_PER_MS;
    http->ping_ns = http->config.ping_ms * MCU_NS_PER_MS;
    http->loopback = mcu_addr_is_loopback(&addr);
    snprintf(http->address, sizeof(http->address), "%s", config->address);
    http->routes = routes;
    http->route_count = n;
    http->arg = arg;
    mcu_timer_init(&http->sweep, loop, on_sweep);
    http->listen_fd = -1;
    int rc = fill_protocols(http);
    if (rc == 0)
        rc = mcu_http_tls_open(http, config);
    if (rc == 0)
        rc = open_socket(http, &addr);
    if (rc == 0)
        rc = start_lws(http);
    if (rc == 0)
        rc = mcu_http_tls_attach(http);
    if (rc == 0)
        rc = start_listener(http);
    if (rc < 0) {
        mcu_http_close(&http, NULL, NULL);
        return rc;
    }
    mcu_timer_start(&http->sweep, mcu_loop_now(loop) + sweep_ns(http));
    *out = http;
    return 0;
}

int mcu_http_port(const struct mcu_http *http)
{
    struct mcu_addr a;
    socklen_t len = sizeof(a.u);
    return getsockname(http->listen_fd, &a.u.sa, &len) == 0 ? mcu_addr_port(&a) : 0;
}

static void on_closer_closed(uv_handle_t *handle)
{
    struct mcu_http *http = handle->data;
    if (http->done)
        http->done(http->done_arg);
    mcu_http_tls_close(http);
    free(http);
}

static void on_closing(uv_idle_t *idle)
{
    struct mcu_http *http = idle->data;
    struct handle_search search = { .http = http };
    uv_walk(mcu_loop_uv(http->loop), find_handle, &search);
    if (search.found && ++http->closing_rounds < CLOSING_ROUNDS)
        return;
    if (search.found) /* rather a leak than a use after free */
        mcu_log(MCU_LOG_ERROR, "http-close", "error=\"libwebsockets keeps its handles\"");
    else if (http->lws)
        lws_context_destroy(http->lws);
    uv_idle_stop(idle);
    uv_close((uv_handle_t *)idle, on_closer_closed);
}

void mcu_http_close(struct mcu_http **pp, void (*done)(void *arg), void *arg)
{
    struct mcu_http *http = *pp;
    *pp = NULL;
    if (!http)
        return;
    mcu_timer_stop(&http->sweep);
    if (http->listener) {
        uv_poll_stop(http->listener);
        uv_close((uv_handle_t *)http->listener, on_listener_closed);
        http->listener = NULL;
    }
    if (http->listen_fd >= 0)
        close(http->listen_fd);
    http->done = done;
    http->done_arg = arg;
    for (struct mcu_http_conn *c = http->conns; c; c = c->next)
        if (c->ws)
            mcu_ws_gone(c);
    if (http->lws)
        lws_context_destroy(http->lws);
    uv_idle_init(mcu_loop_uv(http->loop), &http->closer);
    http->closer.data = http;
    uv_idle_start(&http->closer, on_closing);
}
