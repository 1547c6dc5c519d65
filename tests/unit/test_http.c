/* The HTTP server on a real loop, against raw sockets. Nothing sleeps: every wait is a read that ends
 * with the answer or the end of the connection. */
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
    int port, rc;
    struct mcu_http_request *kept[8]; /* by /later */
    _Atomic int kept_count;
    int closed;
};

/* ---- handlers ---- */

static void say_hello(struct mcu_http_request *req, void *arg)
{
    mcu_http_respond(req, 200, "text/plain", "hello", 5);
}

static void say_query(struct mcu_http_request *req, void *arg)
{
    char a[64] = "-", b[64] = "-", text[160];
    mcu_http_query(req, "a", a, sizeof(a));
    mcu_http_query(req, "b", b, sizeof(b));
    int n = snprintf(text, sizeof(text), "a=%s b=%s", a, b);
    mcu_http_respond(req, 200, "text/plain", text, (size_t)n);
}

static void say_path(struct mcu_http_request *req, void *arg)
{
    mcu_http_respond(req, 200, "text/plain", mcu_http_path(req), strlen(mcu_http_path(req)));
}

static void say_body(struct mcu_http_request *req, void *arg)
{
    size_t size;
    const char *body = mcu_http_body(req, &size);
    mcu_http_respond(req, 200, "text/plain", body, size);
}

static void say_much(struct mcu_http_request *req, void *arg)
{
    char *big = malloc(BIG_BYTES);
    for (int i = 0; i < BIG_BYTES; i++)
        big[i] = (char)('a' + i % 23);
    mcu_http_respond(req, 200, "text/plain", big, BIG_BYTES);
    free(big);
}

static void keep(struct mcu_http_request *req, void *arg)
{
    struct site *s = arg;
    s->kept[s->kept_count++] = req;
}

static const struct mcu_http_route routes[] = {
    { "GET", "/hello", .handler = say_hello },   { "GET", "/query", .handler = say_query }, { "GET", "/path/*", .handler = say_path },
    { "POST", "/echo", .handler = say_body },    { "DELETE", "/echo", .handler = say_body }, { "GET", "/much", .handler = say_much },
    { "GET", "/later", .handler = keep },
};

/* ---- a site ---- */

static void open_here(void *arg)
{
    struct site *s = arg;
    s->rc = mcu_http_new(&s->http, s->loop, &s->config, routes, (int)MCU_ARRAY_LEN(routes), s);
    s->port = s->rc == 0 ? mcu_http_port(s->http) : 0;
}

static void start(struct site *s, struct mcu_http_config config)
{
    *s = (struct site){ .config = config };
    if (!s->config.address)
        s->config.address = "127.0.0.1";
    assert_int_equal(mcu_loop_new(&s->loop, "http", false), 0);
    assert_int_equal(mcu_loop_start(s->loop), 0);
    mcu_loop_call(s->loop, open_here, s);
    assert_int_equal(s->rc, 0);
}

static int closing_pipe[2];

static void on_closed(void *arg)
{
    struct site *s = arg;
    s->closed++;
    assert_int_equal(write(closing_pipe[1], "x", 1), 1);
}

static void close_here(void *arg)
{
    struct site *s = arg;
    mcu_http_close(&s->http, on_closed, s);
}

static void stop(struct site *s)
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

/* ---- a client ---- */

static int dial(const struct site *s)
{
    struct mcu_addr a;
    assert_int_equal(mcu_addr_parse(&a, s->config.address, s->port), 0);
    int fd = socket(a.u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = { PATIENCE_MS / 1000, 0 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, &a.u.sa, mcu_addr_len(&a)), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    size_t len = strlen(text);
    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

struct reply {
    int status;
    char head[1024];
    char *body;
    size_t size;
    bool ended; /* nothing came but the end */
};

static bool read_head(int fd, struct reply *r)
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
static struct reply hear(int fd, bool with_body)
{
    struct reply r = { 0 };
    if (!read_head(fd, &r)) {
        r.ended = true;
        return r;
    }
    assert_int_equal(sscanf(r.head, "HTTP/1.1 %d ", &r.status), 1);
    const char *length = strstr(r.head, "Content-Length: ");
    assert_non_null(length);
    r.size = strtoul(length + 16, NULL, 10);
    r.body = calloc(1, r.size + 1);
    for (size_t n = 0; with_body && n < r.size;) {
        ssize_t k = recv(fd, r.body + n, r.size - n, 0);
        assert_true(k > 0);
        n += (size_t)k;
    }
    return r;
}

static bool ended(int fd)
{
    char c;
    ssize_t k = recv(fd, &c, 1, 0);
    return k == 0 || (k < 0 && errno == ECONNRESET);
}

static void expect(int fd, int status, const char *body)
{
    struct reply r = hear(fd, true);
    assert_false(r.ended);
    assert_int_equal(r.status, status);
    if (body)
        assert_string_equal(r.body, body);
    free(r.body);
}

/* A connection of its own for one request; the answer's error names what is wrong. */
static void refused(const struct site *s, const char *request, int status, const char *part)
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

/* ---- tests ---- */

static void a_connection_serves_many_requests(void **state)
{
    struct site s;
    start(&s, (struct mcu_http_config){ 0 });
    int fd = dial(&s);
    for (int i = 0; i < 200; i++) {
        say(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
        expect(fd, 200, "hello");
        say(fd, "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 3\r\n\r\nabc");
        expect(fd, 200, "abc");
    }
    close(fd);
    stop(&s);
}

static void every_answer_forbids_sniffing_and_storing(void **state)
{
    struct site s;
    start(&s, (struct mcu_http_config){ 0 });
    static const char *const requests[] = { "GET /hello HTTP/1.1\r\n" HOST "\r\n",
                                            "GET /nothing HTTP/1.1\r\n" HOST "\r\n" };
    for (int i = 0; i < 2; i++) {
        int fd = dial(&s);
        say(fd, requests[i]);
        struct reply r = hear(fd, true);
        assert_non_null(strstr(r.head, "X-Content-Type-Options: nosniff\r\n"));
        assert_non_null(strstr(r.head, "Cache-Control: no-store\r\n"));
        assert_null(strcasestr(r.head, "access-control"));
        assert_null(strcasestr(r.head, "server:"));
        free(r.body);
        close(fd);
    }
    stop(&s);
}

/* A request with a body behind another one once kept libwebsockets in a loop for ever. */
static void pipelining_ends_with_the_first_answer(void **state)
{
    struct site s;
    start(&s, (struct mcu_http_config){ 0 });
    static const char get[] = "GET /path/1 HTTP/1.1\r\n" HOST "\r\n";
    static const char post[] = "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 3\r\n\r\ntwo";
    static const char much[] = "GET /much HTTP/1.1\r\n" HOST "\r\n";
    static const char *const pairs[][2] = {
        { get, get }, { get, post }, { post, get }, { post, post }, { much, post }, { get, "GE" },
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(pairs); i++) {
        char both[512];
        int fd = dial(&s);
        snprintf(both, sizeof(both), "%s%s", pairs[i][0], pairs[i][1]);
        say(fd, both);
        struct reply r = hear(fd, true);
        assert_int_equal(r.status, 200);
        assert_non_null(strstr(r.head, "Connection: close\r\n"));
        assert_true(ended(fd));
        free(r.body);
        close(fd);
    }
    int fd = dial(&s);
    say(fd, get);
    expect(fd, 200, "/path/1");
    close(fd);
    stop(&s);
}

static void a_request_may_come_byte_by_byte(void **state)
{
    struct site s;
    start(&s, (struct mcu_http_config){ 0 });
    int fd = dial(&s), on = 1;
    setsockopt(fd, 6 /* TCP */, 1 /* TCP_NODELAY */, &on, sizeof(on));
    static const char request[] = "POST /echo HTTP/1.1\r\n" HOST JSON
                                  "Content-Length: 10\r\n\r\n0123456789";
    for (size_t i = 0; i < sizeof(request) - 1; i++)
        assert_int_equal(send(fd, request + i, 1, MSG_NOSIGNAL), 1);
    expect(fd, 200, "0123456789");
    say(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    expect(fd, 200, "hello");
    close(fd);
    stop(&s);
}

static void head_has_the_length_and_no_body(void **state)
{
    struct site s;
    start(&s, (struct mcu_http_config){ 0 });
    int fd = dial(&s);
    say(fd, "HEAD /much HTTP/1.1\r\n" HOST "\r\n");
    struct reply r = hear(fd, false);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.size, BIG_BYTES);
    free(r.body);
    say(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    expect(fd, 200, "hello");
    close(fd);
    stop(&s);
}

static void large_answers_come_whole(void **state)
{
    struct site s;
    start(&s, (struct mcu_http_config){ 0 });
    int fd = dial(&s);
    for (int k = 0; k < 2; k++) {
        say(fd, "GET /much HTTP/1.1\r\n" HOST "\r\n");
        struct reply r = hear(fd, true);
        assert_int_equal(r.size, BIG_BYTES);
        for (int i = 0; i < BIG_BYTES; i++)
            if (r.body[i] != (char)('a' + i % 23))
                fail_msg("byte %d", i);
        free(r.body);
    }
    close(fd);
    stop(&s);
}

static void paths_and_queries_are_decoded_once(void **state)
{
    struct site s;
    start(&s, (struct mcu_http_config){ 0 });
    int fd = dial(&s);
    say(fd, "GET /path/caf%C3%A9%2525 HTTP/1.1\r\n" HOST "\r\n");
    expect(fd, 200, "/path/caf\xc3\xa9%25");
    say(fd, "GET /query?a=1%202%263&b=x HTTP/1.1\r\n" HOST "\r\n");
    expect(fd, 200, "a=1 2&3 b=x");
    say(fd, "GET /query?aa=1&b HTTP/1.1\r\n" HOST "\r\n");
    expect(fd, 200, "a=- b=-");
    close(fd);
    stop(&s);
}

static void http_1_0_and_close_end_the_connection(void **state)
{
    struct site s;
    start(&s, (struct mcu_http_config){ 0 });
    static const char *const requests[] = {
        "GET /hello HTTP/1.0\r\n" HOST "\r\n",
        "GET /hello HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
    };
    for (int i = 0; i < 2; i++) {
        int fd = dial(&s);
        say(fd, requests[i]);
        expect(fd, 200, "hello");
        assert_true(ended(fd));
        close(fd);
    }
    stop(&s);
}

static void unknown_paths_and_methods_are_refused(void **state)
{
    struct site s;
    start(&s, (struct mcu_http_config){ 0 });
    uint64_t bad = mcu_counter_get(MCU_CNT_HTTP_BAD);
    refused(&s, "GET /nothing HTTP/1.1\r\n" HOST "\r\n", 404, "path");
    refused(&s, "GET /hell HTTP/1.1\r\n" HOST "\r\n", 404, "path");
    refused(&s, "GET /hello/ HTTP/1.1\r\n" HOST "\r\n", 404, "path");
    refused(&s, "PUT /hello HTTP/1.1\r\n" HOST JSON "\r\n", 405, "method");
    assert_int_equal(mcu_counter_get(MCU_CNT_HTTP_BAD), bad + 4);
    static const char *const requests[] = { "OPTIONS /hello HTTP/1.1\r\n" HOST "\r\n",
                                            "GET /echo HTTP/1.1\r\n" HOST "\r\n" };
    static const char *const allowed[] = { "Allow: GET, HEAD\r\n", "Allow: POST, DELETE\r\n" };
    for (int i = 0; i < 2; i++) {
        int fd = dial(&s);
        say(fd, requests[i]);
        struct reply r = hear(fd, true);
        assert_int_equal(r.status, 405);
        assert_non_null(strstr(r.head, allowed[i]));
        free(r.body);
        close(fd);
    }
    stop(&s);
}

static void bodies_are_bounded_and_have_a_length(void **state)
{
    struct site s;
    start(&s, (struct mcu_http_config){ .max_body_bytes = 100 });
    refused(&s, "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 101\r\n\r\n", 413, "large");
    refused(&s, "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 99999999999999999\r\n\r\nx", 413,
            "large");
    refused(&s, "POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n"
                "3\r\nabc\r\n0\r\n\r\n", 411, "Content-Length");
    refused(&s, "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 3\r\n"
                "Transfer-Encoding: chunked\r\n\r\nabc", 411, "Content-Length");
    refused(&s, "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: -3\r\n\r\nabc", 400, "number");
    refused(&s, "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 3x\r\n\r\nabc", 400, "number");
    refused(&s, "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 3\r\nContent-Length: 3\r\n\r\n"
                "abc", 400, "number");
    int fd = dial(&s);
    char request[512];
    snprintf(request, sizeof(request), "POST /echo HTTP/1.1\r\n" HOST JSON
             "Content-Length: 100\r\n\r\n%0100d", 7);
    say(fd, request);
    expect(fd, 200, request + strlen(request) - 100);
    say(fd, "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 0\r\n\r\n");
    expect(fd, 200, "");
    say(fd, "DELETE /echo HTTP/1.1\r\n" HOST JSON "\r\n");
    expect(fd, 200, "");
    say(fd, "GET /hello HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
    expect(fd, 200, "hello");
    close(fd);
    stop(&s);
}

static void forms_of_other_sites_are_refused(void **state)
{
    struct site s;
    start(&s, (struct mcu_http_config){ 0 });
    refused(&s, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 415, "application/json");
    refused(&s, "DELETE /echo HTTP/1.1\r\n" HOST "\r\n", 415, "application/json");
    refused(&s, "POST /echo HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx",
            415, "application/json");
    refused(&s, "POST /echo HTTP/1.1\r\n" HOST "Content-Type: application/jsonx\r\n"
                "Content-Length: 1\r\n\r\nx", 415, "application/json");
    int fd = dial(&s);
    say(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Type: Application/JSON; charset=utf-8\r\n"
            "Content-Length: 1\r\n\r\nx");
    expect(fd, 200, "x");
    close(fd);
    stop(&s);
}

static void other_hosts_are_refused_on_loopback(void **state)
{
    struct site s;
    start(&s, (struct mcu_http_config){ 0 });
    static const char *const good[] = { "localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8080",
                                        "[::1]", "[::1]:8080", "localhost:" };
    static const char *const bad[] = { "evil.example", "localhost.evil.example", "127.0.0.1.nip.io",
                                       "localhost:80x", "127.0.0.2", "xlocalhost", "[::1", "::1" };
    char request[256];
    for (size_t i = 0; i < MCU_ARRAY_LEN(good); i++) {
        int fd = dial(&s);
        snprintf(request, sizeof(request), "GET /hello HTTP/1.1\r\nHost: %s\r\n\r\n", good[i]);
        say(fd, request);
        expect(fd, 200, "hello");
        close(fd);
    }
    for (size_t i = 0; i < MCU_ARRAY_LEN(bad); i++) {
        snprintf(request, sizeof(request), "GET /hello HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
        refused(&s, request, 403, "Host");
    }
    refused(&s, "GET /hello HTTP/1.1\r\n\r\n", 400, "Host");
    refused(&s, "GET /hello HTTP/1.1\r\n" HOST HOST "\r\n", 400, "Host");
    stop(&s);
}

static void any_host_is_good_elsewhere(void **state)
{
    struct site s;
    start(&s, (struct mcu_http_config){ .address = "0.0.0.0" });
    s.config.address = "127.0.0.1"; /* to dial */
    int fd = dial(&s);
    say(fd, "GET /hello HTTP/1.1\r\nHost: mcu.example\r\n\r\n");
    expect(fd, 200, "hello");
    close(fd);
    stop(&s);
}

static void ipv6_is_served(void **state)
{
    struct mcu_addr a;
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    assert_int_equal(mcu_addr_parse(&a, "::1", 0), 0);
    bool have = fd >= 0 && bind(fd, &a.u.sa, mcu_addr_len(&a)) == 0;
    if (fd >= 0)
        close(fd);
    if (!have)
        skip();
    struct site s;
    start(&s, (struct mcu_http_config){ .address = "::1" });
    fd = dial(&s);
    say(fd, "GET /hello HTTP/1.1\r\nHost: [::1]\r\n\r\n");
    expect(fd, 200, "hello");
    refused(&s, "GET /hello HTTP/1.1\r\nHost: [::2]\r\n\r\n", 403, "Host");
    close(fd);
    stop(&s);
}

/* Whatever does not become a request ends without hurting the others. */
static void garbage_ends_the_connection(void **state)
{
    struct site s;
    start(&s, (struct mcu_http_config){ .timeout_ms = 300 });
    char *huge = calloc(1, 70000);
    memset(huge, 'x', 60000);
    memcpy(huge, "GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Huge: ", 46);
    static const char *const garbage[] = {
        "\r\n\r\n\r\n", "BREW /pot HTTP/1.1\r\n" HOST "\r\n", "GET\r\n\r\n", "GET /hello\r\n\r\n",
        "\x16\x03\x01\x02\x01\x01\xfc\x03", "GET /%zz HTTP/1.1\r\n" HOST "\r\n",
        "GET hello HTTP/1.1\r\n" HOST "\r\n", "GET /../../etc/passwd HTTP/1.1\r\n" HOST "\r\n",
        "GET /path/%00x HTTP/1.1\r\n" HOST "\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /hello HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        "GET /hello HTTP/1.1\r\n" HOST "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
        "CONNECT localhost:80 HTTP/1.1\r\n" HOST "\r\n",
    };
    for (size_t i = 0; i <= MCU_ARRAY_LEN(garbage); i++) {
        int fd = dial(&s);
        const char *text = i < MCU_ARRAY_LEN(garbage) ? garbage[i] : huge;
        if (send(fd, text, strlen(text), MSG_NOSIGNAL) > 0) {
            char buf[4096];
            ssize_t n = 0, k;
            while ((k = recv(fd, buf + n, sizeof(buf) - 1 - (size_t)n, 0)) > 0)
                n += k;
            assert_false(k < 0 && errno == EAGAIN); /* it ended, if only by the timeout */
            buf[n] = '\0';
            if (strncmp(buf, "HTTP/1.1 200", 12) == 0)
                fail_msg("accepted: %.60s", text);
        }
        close(fd);
    }
    free(huge);
    int fd = dial(&s);
    say(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    expect(fd, 200, "hello");
    close(fd);
    stop(&s);
}

static void silent_and_slow_peers_are_cut(void **state)
{
    struct site s;
    int fd[40];
    start(&s, (struct mcu_http_config){ .timeout_ms = 150 });
    for (int i = 0; i < 40; i++) {
        fd[i] = dial(&s);
        if (i % 4 == 1)
            say(fd[i], "GET /hel");
        if (i % 4 == 2)
            say(fd[i], "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 10\r\n\r\nabc");
        if (i % 4 == 3) {
            say(fd[i], "GET /hello HTTP/1.1\r\n" HOST "\r\n");
            expect(fd[i], 200, "hello"); /* and idle from now on */
        }
    }
    for (int i = 0; i < 40; i++) {
        assert_true(ended(fd[i]));
        close(fd[i]);
    }
    stop(&s);
}

/* One who sends a byte now and then never has a whole request: his time does not start anew. */
static void a_trickle_does_not_hold_a_connection(void **state)
{
    struct site s;
    start(&s, (struct mcu_http_config){ .timeout_ms = 150 });
    int fd = dial(&s), sent = 0;
    say(fd, "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 60000\r\n\r\n");
    for (; sent < 2000; sent++) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (poll(&p, 1, 5) > 0 || send(fd, "x", 1, MSG_NOSIGNAL) != 1)
            break;
    }
    assert_in_range(sent, 1, 1999);
    close(fd);
    stop(&s);
}

static void newcomers_push_out_the_silent(void **state)
{
    struct site s;
    int fd[12];
    start(&s, (struct mcu_http_config){ .max_connections = 8 });
    for (int i = 0; i < 12; i++)
        fd[i] = dial(&s);
    say(fd[11], "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    expect(fd[11], 200, "hello");
    for (int i = 0; i < 4; i++)
        assert_true(ended(fd[i]));
    for (int i = 0; i < 12; i++)
        close(fd[i]);
    stop(&s);
}

static void answer_kept(void *arg)
{
    struct site *s = arg;
    for (int i = 0; i < s->kept_count; i++)
        mcu_http_respond(s->kept[i], 200, "text/plain", "late", 4);
    s->kept_count = 0;
}

static void no_op(void *arg)
{
}

static void wait_for_kept(struct site *s, int n)
{
    while (s->kept_count < n)
        mcu_loop_call(s->loop, no_op, NULL); /* a round of the loop */
}

static void answers_may_come_later_or_after_the_peer_left(void **state)
{
    struct site s;
    start(&s, (struct mcu_http_config){ 0 });
    int fd[3];
    for (int i = 0; i < 3; i++) {
        fd[i] = dial(&s);
        say(fd[i], "GET /later HTTP/1.1\r\n" HOST "\r\n");
        wait_for_kept(&s, i + 1);
    }
    close(fd[1]);
    int other = dial(&s); /* a whole exchange: the end of the other one was seen before */
    say(other, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    expect(other, 200, "hello");
    close(other);
    mcu_loop_call(s.loop, answer_kept, &s);
    expect(fd[0], 200, "late");
    expect(fd[2], 200, "late");
    close(fd[0]);
    close(fd[2]);
    stop(&s);
}

static void close_ends_all_and_late_answers_are_harmless(void **state)
{
    struct site s;
    start(&s, (struct mcu_http_config){ 0 });
    int fd[20];
    for (int i = 0; i < 20; i++)
        fd[i] = dial(&s);
    say(fd[0], "GET /later HTTP/1.1\r\n" HOST "\r\n");
    say(fd[1], "GET /much HTTP/1.1\r\n" HOST "\r\n");
    say(fd[2], "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 10\r\n\r\nabc");
    wait_for_kept(&s, 1);
    stop(&s);
    answer_kept(&s);
    for (int i = 0; i < 20; i++) {
        if (i != 1)
            assert_true(ended(fd[i]));
        close(fd[i]);
    }
}

static void a_port_in_use_is_named(void **state)
{
    struct site s, t;
    start(&s, (struct mcu_http_config){ 0 });
    t = (struct site){ .loop = s.loop, .config = s.config };
    t.config.port = s.port;
    mcu_loop_call(s.loop, open_here, &t);
    assert_int_equal(t.rc, -EADDRINUSE);
    t.config.address = "localhost";
    mcu_loop_call(s.loop, open_here, &t);
    assert_int_equal(t.rc, -EINVAL);
    int fd = dial(&s);
    say(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    expect(fd, 200, "hello");
    close(fd);
    stop(&s);
}

static void the_process_keeps_its_signals(void **state)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGSEGV, SIGFPE, SIGCHLD, SIGUSR1 };
    struct sigaction before[MCU_ARRAY_LEN(signals)], after;
    struct site s;
    for (size_t i = 0; i < MCU_ARRAY_LEN(signals); i++)
        sigaction(signals[i], NULL, &before[i]);
    start(&s, (struct mcu_http_config){ 0 });
    for (size_t i = 0; i < MCU_ARRAY_LEN(signals); i++) {
        sigaction(signals[i], NULL, &after);
        assert_ptr_equal(before[i].sa_handler, after.sa_handler);
    }
    stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_serves_many_requests),
        cmocka_unit_test(every_answer_forbids_sniffing_and_storing),
        cmocka_unit_test(pipelining_ends_with_the_first_answer),
        cmocka_unit_test(a_request_may_come_byte_by_byte),
        cmocka_unit_test(head_has_the_length_and_no_body),
        cmocka_unit_test(large_answers_come_whole),
        cmocka_unit_test(paths_and_queries_are_decoded_once),
        cmocka_unit_test(http_1_0_and_close_end_the_connection),
        cmocka_unit_test(unknown_paths_and_methods_are_refused),
        cmocka_unit_test(bodies_are_bounded_and_have_a_length),
        cmocka_unit_test(forms_of_other_sites_are_refused),
        cmocka_unit_test(other_hosts_are_refused_on_loopback),
        cmocka_unit_test(any_host_is_good_elsewhere),
        cmocka_unit_test(ipv6_is_served),
        cmocka_unit_test(garbage_ends_the_connection),
        cmocka_unit_test(silent_and_slow_peers_are_cut),
        cmocka_unit_test(a_trickle_does_not_hold_a_connection),
        cmocka_unit_test(newcomers_push_out_the_silent),
        cmocka_unit_test(answers_may_come_later_or_after_the_peer_left),
        cmocka_unit_test(close_ends_all_and_late_answers_are_harmless),
        cmocka_unit_test(a_port_in_use_is_named),
        cmocka_unit_test(the_process_keeps_its_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
