/* tests/unit/http_rig.h - an HTTP server on a real loop, and a client of raw sockets. Nothing sleeps:
 * every wait is a read that ends with the answer or the end of the connection.
 * Threads: the test's, and the loop's for handlers. */
#ifndef MCU_TESTS_UNIT_HTTP_RIG_H
#define MCU_TESTS_UNIT_HTTP_RIG_H

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "net/addr.h"
#include "net/http.h"
#include "net/loop.h"

#define PATIENCE_MS 20000 /* of a read: a test that waits so long has failed */
#define BIG_BYTES   3000000

struct site {
    struct mcu_loop *loop;
    struct mcu_http *http;
    struct mcu_http_config config;
    const struct mcu_http_route *routes;
    int route_count;
    int port, rc;
    struct mcu_http_request *kept[8]; /* by /later */
    _Atomic int kept_count;
    int closed;
};

/* ---- handlers ---- */

static inline void say_hello(struct mcu_http_request *req, void *arg)
{
    mcu_http_respond(req, 200, "text/plain", "hello", 5);
}

static inline void say_query(struct mcu_http_request *req, void *arg)
{
    char a[64] = "-", b[64] = "-", text[160];
    mcu_http_query(req, "a", a, sizeof(a));
    mcu_http_query(req, "b", b, sizeof(b));
    int n = snprintf(text, sizeof(text), "a=%s b=%s", a, b);
    mcu_http_respond(req, 200, "text/plain", text, (size_t)n);
}

static inline void say_path(struct mcu_http_request *req, void *arg)
{
    mcu_http_respond(req, 200, "text/plain", mcu_http_path(req), strlen(mcu_http_path(req)));
}

static inline void say_body(struct mcu_http_request *req, void *arg)
{
    size_t size;
    const char *body = mcu_http_body(req, &size);
    mcu_http_respond(req, 200, "text/plain", body, size);
}

static inline void say_much(struct mcu_http_request *req, void *arg)
{
    char *big = malloc(BIG_BYTES);
    for (int i = 0; i < BIG_BYTES; i++)
        big[i] = (char)('a' + i % 23);
    mcu_http_respond(req, 200, "text/plain", big, BIG_BYTES);
    free(big);
}

static inline void keep(struct mcu_http_request *req, void *arg)
{
    struct site *s = arg;
    s->kept[s->kept_count++] = req;
}

static const struct mcu_http_route basic_routes[] = {
    { "GET", "/hello", .handler = say_hello },
    { "GET", "/query", .handler = say_query },
    { "GET", "/path/*", .handler = say_path },
    { "POST", "/echo", .handler = say_body },
    { "DELETE", "/echo", .handler = say_body },
    { "GET", "/much", .handler = say_much },
    { "GET", "/later", .handler = keep },
};

/* ---- a site ---- */

static inline void open_here(void *arg)
{
    struct site *s = arg;
    s->rc = mcu_http_new(&s->http, s->loop, &s->config, s->routes, s->route_count, s);
    s->port = s->rc == 0 ? mcu_http_port(s->http) : 0;
}

static inline void start_with(struct site *s, struct mcu_http_config config,
                              const struct mcu_http_route *routes, size_t n)
{
    *s = (struct site){ .config = config, .routes = routes, .route_count = (int)n };
    if (!s->config.address)
        s->config.address = "127.0.0.1";
    assert_int_equal(mcu_loop_new(&s->loop, "http", false), 0);
    assert_int_equal(mcu_loop_start(s->loop), 0);
    mcu_loop_call(s->loop, open_here, s);
    assert_int_equal(s->rc, 0);
}

static inline void start(struct site *s, struct mcu_http_config config)
{
    start_with(s, config, basic_routes, MCU_ARRAY_LEN(basic_routes));
}

static int closing_pipe[2];

static inline void on_closed(void *arg)
{
    struct site *s = arg;
    s->closed++;
    assert_int_equal(write(closing_pipe[1], "x", 1), 1);
}

static inline void close_here(void *arg)
{
    struct site *s = arg;
    mcu_http_close(&s->http, on_closed, s);
}

static inline void stop(struct site *s)
{
    char x;
    assert_int_equal(pipe(closing_pipe), 0);
    mcu_loop_call(s->loop, close_here, s);
    assert_int_equal(read(closing_pipe[0], &x, 1), 1);
    close(closing_pipe[0]);
    close(closing_pipe[1]);
    mcu_loop_stop(s->loop);
    mcu_loop_free(&s->loop);
    assert_int_equal(s->closed, 1);
}

/* A round of the loop. */
static inline void no_op(void *arg)
{
}

/* ---- a client ---- */

static inline int dial(const struct site *s)
{
    struct mcu_addr a;
    assert_int_equal(mcu_addr_parse(&a, s->config.address, s->port), 0);
    int fd = socket(a.u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = { PATIENCE_MS / 1000, 0 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, &a.u.sa, mcu_addr_len(&a)), 0);
    return fd;
}

static inline void say(int fd, const char *text)
{
    size_t len = strlen(text);
    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

struct reply {
    int status;
    char head[4096];
    char *body;
    size_t size;
    bool ended; /* nothing came but the end */
};

static inline bool read_head(int fd, struct reply *r)
{
    size_t n = 0;
    while (n + 1 < sizeof(r->head)) {
        ssize_t k = recv(fd, r->head + n, 1, 0);
        if (k <= 0) {
            assert_false(k < 0 && errno == EAGAIN);
            return false;
        }
        r->head[++n] = '\0';
        if (n >= 4 && strcmp(r->head + n - 4, "\r\n\r\n") == 0)
            return true;
    }
    fail_msg("the head does not end: %s", r->head);
    return false;
}

/* One answer; with_body false after HEAD. */
static inline struct reply hear(int fd, bool with_body)
{
    struct reply r = { 0 };
    if (!read_head(fd, &r)) {
        r.ended = true;
        return r;
    }
    assert_int_equal(sscanf(r.head, "HTTP/1.1 %d ", &r.status), 1);
    const char *length = strstr(r.head, "Content-Length: ");
    assert_true(length || r.status == 204 || r.status == 304);
    r.size = length ? strtoul(length + 16, NULL, 10) : 0;
    r.body = calloc(1, r.size + 1);
    for (size_t n = 0; with_body && n < r.size;) {
        ssize_t k = recv(fd, r.body + n, r.size - n, 0);
        assert_true(k > 0);
        n += (size_t)k;
    }
    return r;
}

static inline bool ended(int fd)
{
    char c;
    ssize_t k = recv(fd, &c, 1, 0);
    return k == 0 || (k < 0 && errno == ECONNRESET);
}

static inline void expect(int fd, int status, const char *body)
{
    struct reply r = hear(fd, true);
    assert_false(r.ended);
    assert_int_equal(r.status, status);
    if (body)
        assert_string_equal(r.body, body);
    free(r.body);
}

/* A connection of its own for one request; the answer's error names what is wrong. */
static inline void refused(const struct site *s, const char *request, int status, const char *part)
{
    int fd = dial(s);
    say(fd, request);
    struct reply r = hear(fd, true);
    assert_false(r.ended);
    assert_int_equal(r.status, status);
    assert_non_null(strstr(r.head, "Content-Type: application/json"));
    assert_memory_equal(r.body, "{\"error\":\"", 10);
    if (!strstr(r.body, part))
        fail_msg("'%s' does not say '%s'", r.body, part);
    assert_true(ended(fd));
    free(r.body);
    close(fd);
}

#define HOST "Host: localhost:8080\r\n"
#define JSON "Content-Type: application/json\r\n"

/* The field of a head: its value, without the line's end; or NULL. */
static inline const char *field(const struct reply *r, const char *name)
{
    static char value[1024];
    char line[128];
    snprintf(line, sizeof(line), "\r\n%s: ", name);
    const char *at = strcasestr(r->head, line);
    if (!at)
        return NULL;
    at += strlen(line);
    snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

/* A request on a connection of its own. */
static inline struct reply ask(const struct site *s, const char *request)
{
    int fd = dial(s);
    say(fd, request);
    struct reply r = hear(fd, strncmp(request, "HEAD", 4) != 0);
    assert_false(r.ended);
    close(fd);
    return r;
}

#endif
