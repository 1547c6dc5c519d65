/* The web page as a part of the program: what is there, and what browsers are told with it. */
#include "http_rig.h"

#include "server/page.h"

static void open_site(struct site *s, struct mcu_http_config config)
{
    int n;
    const struct mcu_http_route *rows = mcu_page_routes(&n);
    start_with(s, config, rows, (size_t)n);
}

static void every_file_is_served_whole(void **state)
{
    struct site s;
    open_site(&s, (struct mcu_http_config){ 0 });
    assert_non_null(mcu_page_file("/index.html"));
    for (int i = 0; i < mcu_page_file_count; i++) {
        const struct mcu_http_file *f = &mcu_page_files[i];
        char request[512];
        bool index = strcmp(f->path, "/index.html") == 0;
        if (!index && strncmp(f->path, "/assets/", 8) != 0)
            fail_msg("%s: nobody could ask for it", f->path);
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" HOST "\r\n",
                 index ? "/r/room%20a?kiosk" : f->path);
        struct reply r = ask(&s, request);
        assert_int_equal(r.status, 200);
        assert_int_equal(r.size, f->size);
        assert_memory_equal(r.body, f->data, f->size);
        assert_string_equal(field(&r, "Content-Type"), f->content_type);
        free(r.body);
    }
    stop(&s);
}

static void the_page_may_do_what_it_needs_and_no_more(void **state)
{
    struct site s;
    open_site(&s, (struct mcu_http_config){ 0 });
    struct reply r = ask(&s, "HEAD / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n");
    assert_int_equal(r.status, 200);
    assert_string_equal(field(&r, "Content-Type"), "text/html; charset=utf-8");
    const char *policy = field(&r, "Content-Security-Policy");
    assert_non_null(strstr(policy, "default-src 'none'; script-src 'self'; style-src 'self';"));
    assert_non_null(strstr(policy, "connect-src 'self' ws://localhost:8080 wss://localhost:8080;"));
    assert_null(strstr(policy, "unsafe"));
    assert_non_null(strstr(policy, "frame-ancestors 'none'"));
    assert_string_equal(field(&r, "Referrer-Policy"), "no-referrer");
    assert_string_equal(field(&r, "Cross-Origin-Opener-Policy"), "same-origin");
    assert_non_null(strstr(field(&r, "Permissions-Policy"), "camera=(self), microphone=(self)"));
    free(r.body);
    stop(&s);
}

static void a_strange_host_does_not_get_into_the_policy(void **state)
{
    struct site s;
    open_site(&s, (struct mcu_http_config){ .address = "0.0.0.0" });
    s.config.address = "127.0.0.1";
    struct reply r = ask(&s, "GET / HTTP/1.1\r\nHost: a; script-src *\r\n\r\n");
    assert_int_equal(r.status, 200);
    assert_null(strstr(field(&r, "Content-Security-Policy"), "*"));
    free(r.body);
    stop(&s);
}

static void other_paths_are_not_found(void **state)
{
    static const char *const paths[] = { "/index.html", "/assets/", "/assets/nothing.js", "/assets",
                                         "/assets/../index.html", "/assets/%2e%2e/index.html",
                                         "/assets/..%2findex.html", "/r" };
    struct site s;
    open_site(&s, (struct mcu_http_config){ 0 });
    for (size_t i = 0; i < MCU_ARRAY_LEN(paths); i++) {
        char request[128];
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" HOST "\r\n", paths[i]);
        struct reply r = ask(&s, request);
        if (r.status != 404)
            fail_msg("%s: %d", paths[i], r.status);
        free(r.body);
    }
    stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_is_served_whole),
        cmocka_unit_test(the_page_may_do_what_it_needs_and_no_more),
        cmocka_unit_test(a_strange_host_does_not_get_into_the_policy),
        cmocka_unit_test(other_paths_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
