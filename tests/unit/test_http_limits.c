/* The HTTP server and peers that are slow, silent, hostile or too many. */
#include "http_rig.h"

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
    t = (struct site){ .loop = s.loop, .config = s.config, .routes = s.routes,
                       .route_count = s.route_count };
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
