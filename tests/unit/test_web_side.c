/* tests/unit/test_web_side.c - who is let in by the web doors, and how the side ends. Requests here
 * have lost their peer, so an answer is seen by nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mixer/base/clock.h"
#include "net/http_priv.h"
#include "server/leg_priv.h"
#include "server/sip_side_priv.h"
#include "server/web_priv.h"

#define SECOND MCU_NS_PER_S

static struct mcu_server server;
static struct mcu_sip_side calls;
static struct mcu_media *no_media[1];
static int64_t now;
static int ended;

/* No conference can be made here: legs end when the directory has said so. */
static int begin(void **state)
{
    memset(&server, 0, sizeof(server));
    memset(&calls, 0, sizeof(calls));
    ended = 0;
    now = SECOND;
    server.calls = &calls;
    mcu_config_defaults(&server.config);
    server.config.max_conferences = 0;
    if (mcu_loop_new(&server.control, "control", true) < 0 ||
        mcu_directory_new(&server.directory, server.control, no_media, 0, &server.config) < 0)
        return -1;
    mcu_loop_step(server.control, now);
    return 0;
}

static int end(void **state)
{
    mcu_loop_step(server.control, now);
    mcu_web_side_free(&server.web);
    mcu_loop_step(server.control, now += SECOND);
    mcu_directory_free(&server.directory);
    mcu_loop_free(&server.control);
    return 0;
}

static void new_side(void)
{
    assert_int_equal(mcu_web_side_new(&server.web, &server), 0);
}

static struct mcu_http_request *request_from(const char *source)
{
    struct mcu_http_request *req = calloc(1, sizeof(*req));
    assert_non_null(req);
    strcpy(req->source, source);
    return req;
}

static const char offer[] =
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtcp-mux\r\n"
    "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=setup:actpass\r\n"
    "a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:"
    "10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=sendrecv\r\n";

/* Returns whether there is one leg more. */
static bool open_from(const char *source)
{
    static const struct web_door door = { "/join/", MCU_WEB_BOTH, "Guest", "web", false, false };
    const struct web_wish wish = { .door = &door, .room = "r", .name = "Ana", .offer = offer,
                                   .offer_bytes = sizeof(offer) - 1 };
    int before = mcu_web_side_legs(server.web);
    mcu_web_open(server.web, &wish, request_from(source));
    return mcu_web_side_legs(server.web) > before;
}

static bool may(const char *source)
{
    struct mcu_http_request *req = request_from(source);
    bool yes = mcu_web_source_may(server.web, req);
    free(req);
    return yes;
}

static void one_source_has_so_many_legs(void **state)
{
    server.config.max_legs_per_source = 2;
    new_side();
    assert_true(open_from("192.0.2.1"));
    assert_true(open_from("192.0.2.1"));
    assert_false(open_from("192.0.2.1"));
    assert_true(open_from("192.0.2.2"));
    assert_true(open_from("2001:db8::1"));
    assert_true(open_from("2001:db8::2"));
    assert_false(open_from("2001:db8::3")); /* a /64 is one source */
    mcu_loop_step(server.control, now); /* the directory has refused them all */
    assert_int_equal(mcu_web_side_legs(server.web), 0);
    assert_true(open_from("192.0.2.1"));
}

static void one_source_makes_so_many_offers_a_second(void **state)
{
    server.config.max_calls_per_source_s = 3;
    new_side();
    for (int i = 0; i < 3; i++)
        assert_true(may("192.0.2.1"));
    assert_false(may("192.0.2.1"));
    assert_true(may("192.0.2.2"));
    mcu_loop_step(server.control, now += SECOND);
    assert_true(may("192.0.2.1"));
}

static void without_such_limits_nobody_is_refused(void **state)
{
    server.config.max_calls_per_source_s = server.config.max_legs_per_source = 0;
    server.config.max_connecting_per_source = 0;
    server.config.max_calls_per_s = 100000;
    new_side();
    for (int i = 0; i < 500; i++)
        assert_true(may("192.0.2.1") && open_from("192.0.2.1"));
}

static void calls_and_web_legs_share_one_limit(void **state)
{
    server.config.max_legs = 3;
    new_side();
    calls.call_count = 2;
    assert_true(open_from("192.0.2.1"));
    assert_false(open_from("192.0.2.1"));
    uint32_t leg;
    calls.server = &server;
    assert_int_equal(mcu_sip_side_call(&calls, "r", "sip:a@b", NULL, &leg), -EBUSY);
}

/* It was still in the loop's heap when the side was freed. */
static void the_pages_timer_ends_with_the_side(void **state)
{
    new_side();
    mcu_timer_start(&server.web->room_timer, now + SECOND / 4);
    mcu_web_side_free(&server.web);
    assert_int_equal(mcu_loop_next_due(server.control), INT64_MAX);
}

static void note_end(void *arg)
{
    ended++;
}

static void a_leg_that_does_not_end_holds_nobody_up_for_ever(void **state)
{
    new_side();
    assert_true(open_from("192.0.2.1"));
    mcu_web_side_shutdown(server.web, 4000, note_end, NULL);
    assert_int_equal(ended, 0);
    server.web->legs->leg_alive = true; /* its media loop does not answer */
    mcu_loop_step(server.control, now += 3 * SECOND);
    assert_int_equal(ended, 0);
    mcu_loop_step(server.control, now += 2 * SECOND);
    assert_int_equal(ended, 1);
    assert_false(open_from("192.0.2.2"));
    server.web->legs->leg_alive = false;
    mcu_web_end(server.web->legs, "test");
    assert_int_equal(ended, 1);
}

static void the_last_leg_ends_a_shutdown(void **state)
{
    new_side();
    assert_true(open_from("192.0.2.1"));
    mcu_web_side_shutdown(server.web, 4000, note_end, NULL);
    assert_int_equal(ended, 0);
    mcu_loop_step(server.control, now);
    assert_int_equal(ended, 1);
    mcu_loop_step(server.control, now += 10 * SECOND);
    assert_int_equal(ended, 1);
}

/* A request to the page's door. query: one "name=value". */
static void ask_with(const char *method, const char *path, const char *query, const char *if_match,
                     const char *body)
{
    int n;
    const struct mcu_http_route *row = mcu_web_routes(&n);
    while (n-- > 0 && (strcmp(row->method, method) != 0 || strcmp(row->path, "/join/*") != 0))
        row++;
    assert_true(n >= 0);
    struct mcu_http_request *req = request_from("192.0.2.1");
    req->route = row;
    req->headers[MCU_HTTP_IF_MATCH] = if_match;
    snprintf(req->path, sizeof(req->path), "/join/%s", path);
    snprintf(req->query, sizeof(req->query) - 1, "%s", query);
    req->body = strdup(body);
    req->body_size = strlen(body);
    row->handler(req, &server);
}

static void ask(const char *method, const char *path, const char *if_match, const char *body)
{
    ask_with(method, path, "", if_match, body);
}

static void a_layout_that_is_not_known_is_refused_however_long_it_is(void **state)
{
    static const struct {
        const char *query;
        bool good;
        enum mcu_layout_wish layout;
    } cases[] = {
        { "", true, MCU_WISH_NONE },
        { "layout=", true, MCU_WISH_NONE },
        { "layout=grid", true, MCU_WISH_GRID },
        { "layout=speaker", true, MCU_WISH_SPEAKER },
        { "layouts=speaker", true, MCU_WISH_NONE },
        { "layout=mosaic", false, MCU_WISH_NONE },
        { "layout=speakers-and-all-the-others", false, MCU_WISH_NONE },
    };
    server.config.max_calls_per_source_s = 0;
    new_side();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int before = mcu_web_side_legs(server.web);
        ask_with("POST", "r", cases[i].query, NULL, offer);
        assert_int_equal(mcu_web_side_legs(server.web) - before, cases[i].good);
        if (cases[i].good)
            assert_int_equal(server.web->legs->layout, cases[i].layout);
        mcu_loop_step(server.control, now); /* the directory has refused it */
    }
}

/* A new name without its password made the leg fail: RFC 8445 has no such pair. */
static void half_a_pair_of_credentials_restarts_nothing(void **state)
{
    static struct mcu_media media;
    static struct mcu_leg leg; /* without a transport; it hears of the restart after the test */
    char path[64];
    media.loop = server.control;
    leg.media = &media;
    new_side();
    ask("POST", "r", NULL, offer);
    struct web_leg *w = server.web->legs;
    assert_non_null(w);
    mcu_http_respond(w->req, 200, NULL, NULL, 0);
    w->req = NULL;
    w->leg = &leg;
    snprintf(path, sizeof(path), "r/%s", w->id);
    ask("PATCH", path, "*", "a=ice-ufrag:efgh\r\n");
    assert_int_equal(w->generation, 1);
    assert_null(w->req);
    ask("PATCH", path, "*", "a=ice-ufrag:efgh\r\na=ice-pwd:vutsrqponmlkjihgfedcba\r\n");
    assert_int_equal(w->generation, 2);
    assert_non_null(w->req);
    w->leg = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_source_has_so_many_legs, begin, end),
        cmocka_unit_test_setup_teardown(one_source_makes_so_many_offers_a_second, begin, end),
        cmocka_unit_test_setup_teardown(without_such_limits_nobody_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(calls_and_web_legs_share_one_limit, begin, end),
        cmocka_unit_test_setup_teardown(the_pages_timer_ends_with_the_side, begin, end),
        cmocka_unit_test_setup_teardown(a_leg_that_does_not_end_holds_nobody_up_for_ever, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_layout_that_is_not_known_is_refused_however_long_it_is, begin,
                                        end),
        cmocka_unit_test_setup_teardown(half_a_pair_of_credentials_restarts_nothing, begin, end),
        cmocka_unit_test_setup_teardown(the_last_leg_ends_a_shutdown, begin, end),
    };
    return cmocka_run_group_tests_name("web_side", tests, NULL, NULL);
}
