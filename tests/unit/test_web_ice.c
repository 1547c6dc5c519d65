/* What an ICE agent is given: addresses and servers. A thread appears only where a name is looked up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
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
    assert_int_equal(got.servers[0].port, 3481);
    assert_true(got.servers[0].tcp);
}

static void a_name_becomes_an_address_of_our_family(void **state)
{
    set("web.ice_servers=turn:localhost:3481?transport=tcp u p");
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
        cmocka_unit_test_setup(a_name_becomes_an_address_of_our_family, setup),
        cmocka_unit_test_setup(a_server_with_a_name_that_is_none_is_left_out, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
