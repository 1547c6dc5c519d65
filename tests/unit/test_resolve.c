/* Names to addresses. Real threads: they are the subject. Only names that need no name server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "net/resolve.h"

struct asked {
    struct mcu_loop *loop;
    const char *host;
    struct mcu_resolve *lookup;
    int rc, error, count, calls;
    struct mcu_addr addr[MCU_RESOLVE_MAX];
    sem_t done;
};

static void on_done(int error, const struct mcu_addr *addr, int count, void *arg)
{
    struct asked *a = arg;
    a->error = error;
    a->count = count;
    a->calls++;
    memcpy(a->addr, addr, (size_t)count * sizeof(*addr));
    sem_post(&a->done);
}

static void start(void *arg)
{
    struct asked *a = arg;
    a->rc = mcu_resolve_start(&a->lookup, a->loop, a->host, on_done, a);
}

static void start_and_cancel(void *arg)
{
    struct asked *a = arg;
    start(a);
    mcu_resolve_cancel(&a->lookup);
}

static struct asked ask(const char *host)
{
    struct asked a = { .host = host };
    sem_init(&a.done, 0, 0);
    assert_int_equal(mcu_loop_new(&a.loop, "t", false), 0);
    assert_int_equal(mcu_loop_start(a.loop), 0);
    mcu_loop_call(a.loop, start, &a);
    assert_int_equal(a.rc, 0);
    sem_wait(&a.done);
    mcu_loop_stop(a.loop);
    mcu_loop_free(&a.loop);
    return a;
}

static void a_literal_address_is_its_own(void **state)
{
    char ip[MCU_ADDR_TEXT];
    struct asked a = ask("192.0.2.7");
    assert_int_equal(a.error, 0);
    assert_int_equal(a.count, 1);
    assert_string_equal(mcu_addr_ip(&a.addr[0], ip), "192.0.2.7");
    a = ask("2001:db8::7");
    assert_int_equal(a.count, 1);
    assert_string_equal(mcu_addr_ip(&a.addr[0], ip), "2001:db8::7");
}

static void localhost_is_loopback(void **state)
{
    struct asked a = ask("localhost");
    assert_int_equal(a.error, 0);
    assert_true(a.count >= 1);
    for (int i = 0; i < a.count; i++)
        assert_true(mcu_addr_is_loopback(&a.addr[i]));
}

static void what_is_no_name_has_no_address(void **state)
{
    struct asked a = ask("a..b");
    assert_true(a.error < 0);
    assert_int_equal(a.count, 0);
}

static void a_cancelled_lookup_is_silent_and_outlives_the_loop(void **state)
{
    struct asked a = { .host = "localhost" };
    for (int i = 0; i < 50; i++) {
        assert_int_equal(mcu_loop_new(&a.loop, "t", false), 0);
        assert_int_equal(mcu_loop_start(a.loop), 0);
        mcu_loop_call(a.loop, start_and_cancel, &a);
        assert_int_equal(a.rc, 0);
        assert_null(a.lookup);
        mcu_loop_stop(a.loop);
        mcu_loop_free(&a.loop);
    }
    assert_int_equal(a.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_literal_address_is_its_own),
        cmocka_unit_test(localhost_is_loopback),
        cmocka_unit_test(what_is_no_name_has_no_address),
        cmocka_unit_test(a_cancelled_lookup_is_silent_and_outlives_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
