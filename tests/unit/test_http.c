/* Requests and answers of the HTTP server. */
#include "http_rig.h"

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
