/* Fields of requests and answers, media types, other sites (CORS), files. */
#include "http_rig.h"

static void say_headers(struct mcu_http_request *req, void *arg)
{
    char text[1024] = "", value[256];
    for (int i = 0; i < MCU_HTTP_HEADERS; i++) {
        bool there = mcu_http_header(req, (enum mcu_http_header)i, value, sizeof(value));
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "[%s]", there ? value : "-");
    }
    mcu_http_respond(req, 200, "text/plain", text, strlen(text));
}

static void say_short_header(struct mcu_http_request *req, void *arg)
{
    char value[5] = "-";
    mcu_http_header(req, MCU_HTTP_AUTHORIZATION, value, sizeof(value));
    mcu_http_respond(req, 200, "text/plain", value, strlen(value));
}

static void say_rest(struct mcu_http_request *req, void *arg)
{
    char text[2200];
    snprintf(text, sizeof(text), "%s %s %s", mcu_http_method(req), mcu_http_path_rest(req),
             mcu_http_source(req));
    mcu_http_respond(req, 200, "text/plain", text, strlen(text));
}

static void create(struct mcu_http_request *req, void *arg)
{
    static const struct mcu_http_field fields[] = {
        { "Location", "/whip/r/1" },
        { "ETag", "\"1\"" },
        { "Link", "<stun:a.example>; rel=\"ice-server\"" },
        { "Link", "<stun:b.example>; rel=\"ice-server\"" },
    };
    size_t size;
    const char *body = mcu_http_body(req, &size);
    mcu_http_respond_with(req, 201, fields, 4, "application/sdp", body, size);
}

static void trickle(struct mcu_http_request *req, void *arg)
{
    mcu_http_respond(req, 204, NULL, NULL, 0);
}

/* The status in the path, with a field that the query gives. */
static void say_status(struct mcu_http_request *req, void *arg)
{
    char value[256] = "x", name[64] = "X-Field";
    mcu_http_query(req, "value", value, sizeof(value));
    mcu_http_query(req, "name", name, sizeof(name));
    struct mcu_http_field field = { name, value };
    mcu_http_respond_with(req, atoi(mcu_http_path_rest(req)), &field, 1, "text/plain", "body", 4);
}

static void say_long_head(struct mcu_http_request *req, void *arg)
{
    struct mcu_http_field fields[20];
    char value[200];
    memset(value, 'v', sizeof(value));
    value[199] = '\0';
    for (int i = 0; i < 20; i++)
        fields[i] = (struct mcu_http_field){ "X-Long", value };
    mcu_http_respond_with(req, 200, fields, 20, "text/plain", "body", 4);
}

static void say_file(struct mcu_http_request *req, void *arg)
{
    static const struct mcu_http_file file = {
        .path = "/file", .content_type = "text/css", .etag = "W/\"abc\"",
        .data = (const unsigned char *)"plain bytes", .size = 11,
        .gzip = (const unsigned char *)"zipped", .gzip_size = 6,
    };
    static const struct mcu_http_field policy = { "Content-Security-Policy", "default-src 'none'" };
    mcu_http_respond_file(req, &file, &policy, 1);
}

static const struct mcu_http_route rows[] = {
    { "GET", "/headers", .handler = say_headers },
    { "GET", "/short", .handler = say_short_header },
    { "GET", "/rest/*", .handler = say_rest },
    { "POST", "/whip/*", .handler = create, .accepts = "application/sdp", .cors = true },
    { "PATCH", "/whip/*", .handler = trickle, .accepts = "application/trickle-ice-sdpfrag",
      .cors = true },
    { "DELETE", "/whip/*", .handler = say_rest, .accepts = "", .cors = true },
    { "GET", "/status/*", .handler = say_status },
    { "GET", "/long", .handler = say_long_head },
    { "GET", "/file", .handler = say_file },
};

static void open_site(struct site *s)
{
    start_with(s, (struct mcu_http_config){ 0 }, rows, MCU_ARRAY_LEN(rows));
}

static void handlers_read_the_fields_of_a_request(void **state)
{
    struct site s;
    open_site(&s);
    struct reply r = ask(&s, "GET /headers HTTP/1.1\r\n" HOST "\r\n");
    assert_string_equal(r.body, "[localhost:8080][-][-][-][-][-][-][-][-]");
    free(r.body);
    r = ask(&s, "GET /headers HTTP/1.1\r\n" HOST "Authorization:  Bearer abc \r\n"
                "Content-Type: a/b\r\nIf-Match: \"1\"\r\nIf-None-Match: *\r\n"
                "Origin: https://a.example\r\nAccept: x/y\r\nAccept-Encoding: gzip\r\n"
                "Accept-Language: fr, en;q=0.5\r\n\r\n");
    assert_string_equal(r.body, "[localhost:8080][Bearer abc][a/b][\"1\"][*][https://a.example][x/y]"
                                "[gzip][fr, en;q=0.5]");
    free(r.body);
    r = ask(&s, "GET /short HTTP/1.1\r\n" HOST "Authorization: Bearer abc\r\n\r\n");
    assert_string_equal(r.body, "-"); /* never a part of it */
    free(r.body);
    stop(&s);
}

static void fields_that_come_once_may_not_come_twice(void **state)
{
    static const char *const twice[] = { "Authorization: Bearer ", "Content-Type: a/", "Origin: o://" };
    struct site s;
    open_site(&s);
    for (size_t i = 0; i < MCU_ARRAY_LEN(twice); i++) {
        char request[256];
        snprintf(request, sizeof(request), "GET /headers HTTP/1.1\r\n" HOST "%s1\r\n%s2\r\n\r\n",
                 twice[i], twice[i]);
        refused(&s, request, 400, "twice");
    }
    stop(&s);
}

/* libwebsockets took the decoded line end for one: a link could bring fields along. */
static void a_path_or_query_brings_no_fields(void **state)
{
    static const char *const paths[] = {
        "/headers%0aAuthorization:x", "/headers%0d%0aAuthorization:x", "/headers?a%0aAuthorization:x",
        "/headers?a=b%0d%0aAuthorization:x", "/headers?a=b%0dAuthorization:x",
        "/headers?a=b%0aHTTP/1.1%20HTTP/1.1%0d%0aAuthorization:x",
        "/headers%20HTTP/1.1%0d%0aAuthorization:x", "/headers?a=b%20HTTP/1.1%0aAuthorization:x",
        "/headers%0aHTTP/1.1+HTTP/1.1%0aAuthorization:x", "/headers%0a%0a",
    };
    struct site s;
    open_site(&s);
    for (size_t i = 0; i < MCU_ARRAY_LEN(paths); i++) {
        char request[256];
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" HOST "\r\n", paths[i]);
        struct reply r = ask(&s, request);
        if (r.status < 400)
            fail_msg("%s: %s", paths[i], r.body);
        free(r.body);
    }
    refused(&s, "POST /whip/r%0aContent-Type:application/sdp HTTP/1.1\r\n" HOST
                "Content-Length: 1\r\n\r\nx", 400, "line");
    stop(&s);
}

static void a_prefix_row_tells_the_rest(void **state)
{
    struct site s;
    open_site(&s);
    struct reply r = ask(&s, "GET /rest/a/b%20c HTTP/1.1\r\n" HOST "\r\n");
    assert_string_equal(r.body, "GET a/b c 127.0.0.1");
    free(r.body);
    r = ask(&s, "DELETE /whip/r/1 HTTP/1.1\r\n" HOST "\r\n");
    assert_string_equal(r.body, "DELETE r/1 127.0.0.1");
    free(r.body);
    stop(&s);
}

static void answers_carry_their_fields(void **state)
{
    struct site s;
    open_site(&s);
    struct reply r = ask(&s, "POST /whip/r HTTP/1.1\r\n" HOST "Content-Type: application/sdp\r\n"
                             "Content-Length: 3\r\n\r\nv=0");
    assert_int_equal(r.status, 201);
    assert_non_null(strstr(r.head, "HTTP/1.1 201 Created\r\n"));
    assert_string_equal(field(&r, "Location"), "/whip/r/1");
    assert_string_equal(field(&r, "ETag"), "\"1\"");
    assert_string_equal(field(&r, "Content-Type"), "application/sdp");
    assert_non_null(strstr(r.head, "\r\nLink: <stun:a.example>; rel=\"ice-server\"\r\n"
                                   "Link: <stun:b.example>; rel=\"ice-server\"\r\n"));
    assert_string_equal(field(&r, "Access-Control-Allow-Origin"), "*");
    assert_string_equal(field(&r, "Access-Control-Expose-Headers"), "Location, ETag, Link");
    assert_string_equal(field(&r, "Cache-Control"), "no-store");
    assert_string_equal(r.body, "v=0");
    free(r.body);
    stop(&s);
}

static void every_status_has_its_phrase(void **state)
{
    static const int all[] = { 200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 406, 409,
                               411, 412, 413, 415, 422, 428, 429, 500, 503 };
    struct site s;
    open_site(&s);
    int fd = dial(&s);
    for (size_t i = 0; i < MCU_ARRAY_LEN(all); i++) {
        char request[128];
        snprintf(request, sizeof(request), "GET /status/%d HTTP/1.1\r\n" HOST "\r\n", all[i]);
        say(fd, request);
        struct reply r = hear(fd, true);
        assert_int_equal(r.status, all[i]);
        assert_null(strstr(r.head, "Status\r\n"));
        bool bare = all[i] == 204 || all[i] == 304;
        assert_true(bare == !field(&r, "Content-Length"));
        assert_int_equal(r.size, bare ? 0 : 4);
        free(r.body);
    }
    close(fd);
    stop(&s);
}

static void nothing_gets_into_a_head_that_is_no_value(void **state)
{
    static const char *const bad[] = { "value=%7f", "value=a%01b", "value=%1b[0m", "name=A%20B",
                                       "name=A:", "name=" };
    struct site s;
    open_site(&s);
    char request[256];
    for (size_t i = 0; i < MCU_ARRAY_LEN(bad); i++) {
        snprintf(request, sizeof(request), "GET /status/200?%s HTTP/1.1\r\n" HOST "\r\n", bad[i]);
        struct reply r = ask(&s, request);
        if (r.status != 500)
            fail_msg("%s: %s", bad[i], r.head);
        assert_int_equal(r.size, 0);
        free(r.body);
    }
    struct reply r = ask(&s, "GET /long HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(r.status, 500);
    free(r.body);
    r = ask(&s, "GET /status/200?value=a%20%22caf%C3%A9%22 HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(r.status, 200);
    assert_string_equal(field(&r, "X-Field"), "a \"caf\xc3\xa9\"");
    free(r.body);
    stop(&s);
}

static void an_own_cache_control_takes_the_place_of_ours(void **state)
{
    struct site s;
    open_site(&s);
    struct reply r = ask(&s, "GET /status/200?name=cache-control&value=max-age=5 HTTP/1.1\r\n" HOST
                             "\r\n");
    assert_string_equal(field(&r, "Cache-Control"), "max-age=5");
    assert_null(strstr(r.head, "no-store"));
    free(r.body);
    stop(&s);
}

static void each_row_takes_its_own_media_type(void **state)
{
    struct site s;
    open_site(&s);
    struct reply r = ask(&s, "POST /whip/r HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}");
    assert_int_equal(r.status, 415);
    assert_string_equal(field(&r, "Accept-Post"), "application/sdp");
    assert_string_equal(field(&r, "Access-Control-Allow-Origin"), "*");
    assert_non_null(strstr(r.body, "application/sdp"));
    free(r.body);
    r = ask(&s, "PATCH /whip/r/1 HTTP/1.1\r\n" HOST "Content-Type: application/sdp\r\n"
                "Content-Length: 2\r\n\r\n{}");
    assert_int_equal(r.status, 415);
    assert_string_equal(field(&r, "Accept-Patch"), "application/trickle-ice-sdpfrag");
    free(r.body);
    int fd = dial(&s);
    say(fd, "PATCH /whip/r/1 HTTP/1.1\r\n" HOST "Content-Type: application/trickle-ice-sdpfrag\r\n"
            "Content-Length: 2\r\n\r\na=");
    expect(fd, 204, "");
    say(fd, "DELETE /whip/r/1 HTTP/1.1\r\n" HOST "\r\n"); /* 204 ended where it ends */
    expect(fd, 200, "DELETE r/1 127.0.0.1");
    close(fd);
    stop(&s);
}

static void other_sites_may_use_what_is_theirs_alone(void **state)
{
    struct site s;
    open_site(&s);
    int fd = dial(&s);
    say(fd, "OPTIONS /whip/r HTTP/1.1\r\n" HOST "Origin: https://a.example\r\n"
            "Access-Control-Request-Method: POST\r\n\r\n");
    struct reply r = hear(fd, true);
    assert_int_equal(r.status, 204);
    assert_string_equal(field(&r, "Access-Control-Allow-Origin"), "*");
    assert_string_equal(field(&r, "Access-Control-Allow-Methods"), "POST, PATCH, DELETE");
    assert_string_equal(field(&r, "Access-Control-Allow-Headers"),
                        "Authorization, Content-Type, If-Match");
    assert_string_equal(field(&r, "Accept-Post"), "application/sdp");
    assert_string_equal(field(&r, "Allow"), "POST, PATCH, DELETE, OPTIONS");
    free(r.body);
    say(fd, "GET /whip/r HTTP/1.1\r\n" HOST "\r\n");
    r = hear(fd, true);
    assert_int_equal(r.status, 405); /* and a page can read why */
    assert_string_equal(field(&r, "Access-Control-Allow-Origin"), "*");
    assert_string_equal(field(&r, "Allow"), "POST, PATCH, DELETE");
    free(r.body);
    close(fd);
    r = ask(&s, "OPTIONS /headers HTTP/1.1\r\n" HOST "Origin: https://a.example\r\n\r\n");
    assert_int_equal(r.status, 405);
    assert_null(strcasestr(r.head, "Access-Control"));
    free(r.body);
    stop(&s);
}

static void a_file_is_sent_once_and_zipped_where_that_is_taken(void **state)
{
    static const struct {
        const char *fields;
        int status;
        const char *body;
    } cases[] = {
        { "", 200, "plain bytes" },
        { "Accept-Encoding: gzip\r\n", 200, "zipped" },
        { "Accept-Encoding: br, GZIP;q=0.5, *;q=0\r\n", 200, "zipped" },
        { "Accept-Encoding: gzip;q=0\r\n", 200, "plain bytes" },
        { "Accept-Encoding: gzip; q=0.000, br\r\n", 200, "plain bytes" },
        { "Accept-Encoding: xgzip, gzipx\r\n", 200, "plain bytes" },
        { "If-None-Match: \"abc\"\r\n", 304, "" },
        { "If-None-Match: W/\"abc\"\r\n", 304, "" },
        { "If-None-Match: \"x,abc\", W/\"abc\" \r\n", 304, "" },
        { "If-None-Match: *\r\n", 304, "" },
        { "If-None-Match: \"ab\"\r\n", 200, "plain bytes" },
        { "If-None-Match: abc, \"abc\r\n", 200, "plain bytes" },
    };
    struct site s;
    open_site(&s);
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++) {
        char request[256];
        snprintf(request, sizeof(request), "GET /file HTTP/1.1\r\n" HOST "%s\r\n", cases[i].fields);
        struct reply r = ask(&s, request);
        if (r.status != cases[i].status || strcmp(r.body, cases[i].body) != 0)
            fail_msg("%s: %d '%s'", cases[i].fields, r.status, r.body);
        assert_string_equal(field(&r, "ETag"), "W/\"abc\"");
        assert_string_equal(field(&r, "Cache-Control"), "no-cache");
        assert_string_equal(field(&r, "Vary"), "Accept-Encoding");
        assert_true(!field(&r, "Content-Encoding") == (strcmp(cases[i].body, "zipped") != 0));
        assert_true(!field(&r, "Content-Security-Policy") == (r.status == 304));
        free(r.body);
    }
    struct reply r = ask(&s, "HEAD /file HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(r.size, 11);
    free(r.body);
    stop(&s);
}

static const char *const names[] = { "mcu.example", "fd00::1" };

static void configured_names_are_ours_on_loopback(void **state)
{
    struct site s;
    start_with(&s, (struct mcu_http_config){ .host_names = names, .host_name_count = 2 }, rows,
               MCU_ARRAY_LEN(rows));
    static const char *const hosts[] = { "mcu.example", "MCU.example:444", "[fd00::1]:8080",
                                         "localhost" };
    for (size_t i = 0; i < MCU_ARRAY_LEN(hosts); i++) {
        char request[128];
        snprintf(request, sizeof(request), "GET /rest/ HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i]);
        struct reply r = ask(&s, request);
        assert_int_equal(r.status, 200);
        free(r.body);
    }
    refused(&s, "GET /rest/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "Host");
    refused(&s, "GET /rest/ HTTP/1.1\r\nHost: mcu.example.evil\r\n\r\n", 403, "Host");
    stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handlers_read_the_fields_of_a_request),
        cmocka_unit_test(fields_that_come_once_may_not_come_twice),
        cmocka_unit_test(a_path_or_query_brings_no_fields),
        cmocka_unit_test(a_prefix_row_tells_the_rest),
        cmocka_unit_test(answers_carry_their_fields),
        cmocka_unit_test(every_status_has_its_phrase),
        cmocka_unit_test(nothing_gets_into_a_head_that_is_no_value),
        cmocka_unit_test(an_own_cache_control_takes_the_place_of_ours),
        cmocka_unit_test(each_row_takes_its_own_media_type),
        cmocka_unit_test(other_sites_may_use_what_is_theirs_alone),
        cmocka_unit_test(a_file_is_sent_once_and_zipped_where_that_is_taken),
        cmocka_unit_test(configured_names_are_ours_on_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
