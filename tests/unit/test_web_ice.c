/* What an ICE agent is given: addresses and servers. A thread appears only where a name is looked up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mixer/base/clock.h"
#include "net/loop_priv.h"
#include "server/web_ice.h"

static struct mcu_config config;
static struct mcu_web_ice *ice;
static struct mcu_ice_config got;

static void set(const char *assignment)
{
    char error[256] = "";
    if (mcu_config_set(&config, assignment, error, sizeof(error)) < 0)
        fail_msg("%s", error);
}

static int setup(void **state)
{
    mcu_config_defaults(&config);
    memset(&got, 0, sizeof(got));
    return 0;
}

/* With nothing to look up. */
static void fill(void)
{
    struct mcu_loop *loop;
    assert_int_equal(mcu_loop_new(&loop, "t", true), 0);
    assert_int_equal(mcu_web_ice_new(&ice, loop, &config), 0);
    if (!config.web_server_count)
        assert_int_equal(mcu_loop_next_due(loop), INT64_MAX);
    mcu_web_ice_fill(ice, &got);
    mcu_web_ice_free(&ice);
    mcu_loop_free(&loop);
}

static void host_candidates_are_the_listening_address_or_those_named(void **state)
{
    char ip[MCU_ADDR_TEXT];
    fill();
    assert_int_equal(got.local_count, 1);
    assert_string_equal(mcu_addr_ip(&got.local[0], ip), "127.0.0.1");
    set("web.addresses=192.0.2.1,2001:db8::1");
    fill();
    assert_int_equal(got.local_count, 2);
    assert_string_equal(mcu_addr_ip(&got.local[1], ip), "2001:db8::1");
}

static void a_server_of_a_family_that_we_do_not_have_is_left_out(void **state)
{
    set("web.ice_servers=stun:192.0.2.7:3479,turn:[2001:db8::7]:3480 u p");
    fill();
    assert_int_equal(got.server_count, 1);
    assert_string_equal(got.servers[0].host, "192.0.2.7");
    assert_int_equal(got.servers[0].port, 3479);
    set("listen.address=::1");
    fill();
    assert_int_equal(got.server_count, 1);
    assert_string_equal(got.servers[0].host, "2001:db8::7");
    assert_string_equal(got.servers[0].password, "p");
}

/* Rounds of a loop whose time is the test's, so that sockets have been looked at. */
static void rounds(struct mcu_loop *loop, int64_t now_ns)
{
    for (int i = 0; i < 4; i++) {
        uv_run(mcu_loop_uv(loop), UV_RUN_NOWAIT);
        mcu_loop_step(loop, now_ns);
    }
}

/* Answers one question with the type, or takes it without a word (0). */
static bool answer(int fd, int type)
{
    uint8_t data[200];
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    ssize_t n = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from, &size);
    if (n <= 0 || !type)
        return n > 0;
    data[0] = (uint8_t)(type >> 8);
    data[1] = (uint8_t)type;
    assert_int_equal(sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&from, size), n);
    assert_int_equal(sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&from, size), n); /* twice */
    return true;
}

static int servers_now(void)
{
    mcu_web_ice_fill(ice, &got);
    return got.server_count;
}

static void a_dead_server_is_left_out_until_it_is_back(void **state)
{
    struct mcu_loop *loop;
    char text[64];
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(here);
    int fd = socket(AF_INET, SOCK_DGRAM, 0), asked = 0;
    assert_int_equal(bind(fd, (struct sockaddr *)&here, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &size), 0);
    snprintf(text, sizeof(text), "web.ice_servers=turn:127.0.0.1:%d u p", ntohs(here.sin_port));
    set(text);
    assert_int_equal(mcu_loop_new(&loop, "t", true), 0);
    assert_int_equal(mcu_web_ice_new(&ice, loop, &config), 0);
    assert_int_equal(servers_now(), 1); /* not known yet */
    for (int ms = 0; ms < 1500; ms += 100) {
        assert_int_equal(servers_now(), 1);
        rounds(loop, ms * MCU_NS_PER_MS);
        asked += answer(fd, 0);
    }
    rounds(loop, 1600 * MCU_NS_PER_MS);
    assert_int_equal(asked, 3);
    assert_int_equal(servers_now(), 0);
    rounds(loop, 29 * MCU_NS_PER_S);
    assert_false(answer(fd, 0));
    rounds(loop, 30 * MCU_NS_PER_S);
    assert_true(answer(fd, 0x0113)); /* 401 is an answer */
    rounds(loop, 30 * MCU_NS_PER_S);
    assert_int_equal(servers_now(), 1);
    rounds(loop, 60 * MCU_NS_PER_S);
    assert_true(answer(fd, 0)); /* one is on its way at the end */
    mcu_web_ice_free(&ice);
    rounds(loop, 61 * MCU_NS_PER_S);
    mcu_loop_free(&loop);
    close(fd);
}

static struct mcu_loop *control;

static void begin(void *arg)
{
    assert_int_equal(mcu_web_ice_new(&ice, control, &config), 0);
    mcu_web_ice_fill(ice, &got);
}

static void look(void *arg)
{
    mcu_web_ice_fill(ice, &got);
}

static void end(void *arg)
{
    mcu_web_ice_free(&ice);
}

/* Of localhost's addresses the one of our family, under the configuration's port. */
static void look_up_localhost(const char *address, const char *wanted)
{
    char servers[64];
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(here);
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* a dead server would be left out again */
    assert_int_equal(bind(fd, (struct sockaddr *)&here, size), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &size), 0);
    snprintf(servers, sizeof(servers), "web.ice_servers=turn:localhost:%d?transport=tcp u p",
             ntohs(here.sin_port));
    set(servers);
    set(address);
    assert_int_equal(mcu_loop_new(&control, "t", false), 0);
    assert_int_equal(mcu_loop_start(control), 0);
    mcu_loop_call(control, begin, NULL);
    assert_true(got.server_count <= 1); /* a name alone is never given out */
    int64_t give_up = mcu_clock_now_ns() + 10 * MCU_NS_PER_S;
    while (got.server_count == 0 && mcu_clock_now_ns() < give_up) {
        sched_yield();
        mcu_loop_call(control, look, NULL);
    }
    mcu_loop_call(control, end, NULL);
    mcu_loop_stop(control);
    mcu_loop_free(&control);
    assert_int_equal(got.server_count, 1);
    assert_string_equal(got.servers[0].host, wanted);
    assert_int_equal(got.servers[0].port, ntohs(here.sin_port));
    assert_true(got.servers[0].tcp);
    close(fd);
}

static void a_name_becomes_an_address_of_our_family(void **state)
{
    look_up_localhost("listen.address=127.0.0.1", "127.0.0.1");
}

static void a_server_with_a_name_that_is_none_is_left_out(void **state)
{
    set("web.ice_servers=turn:a..b:3481 u p,stun:192.0.2.7");
    assert_int_equal(mcu_loop_new(&control, "t", false), 0);
    assert_int_equal(mcu_loop_start(control), 0);
    mcu_loop_call(control, begin, NULL);
    assert_int_equal(got.server_count, 1);
    assert_string_equal(got.servers[0].host, "192.0.2.7");
    mcu_loop_call(control, end, NULL);
    mcu_loop_stop(control);
    mcu_loop_free(&control);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(host_candidates_are_the_listening_address_or_those_named, setup),
        cmocka_unit_test_setup(a_server_of_a_family_that_we_do_not_have_is_left_out, setup),
        cmocka_unit_test_setup(a_dead_server_is_left_out_until_it_is_back, setup),
        cmocka_unit_test_setup(a_name_becomes_an_address_of_our_family, setup),
        cmocka_unit_test_setup(a_server_with_a_name_that_is_none_is_left_out, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
