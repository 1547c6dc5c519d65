/* The allocator of RTP ports: pairs, rest, and files that belong to others. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "mixer/base/clock.h"
#include "net/addr.h"
#include "net/ports.h"
#include "net/udp.h"

static struct mcu_addr local(int port)
{
    struct mcu_addr a;
    assert_int_equal(mcu_addr_parse(&a, "127.0.0.1", port), 0);
    return a;
}

/* An even port that is free with its odd neighbour. */
static int free_pair(void)
{
    for (int port = 61000; port < 65000; port += 2) {
        struct mcu_addr even = local(port), odd = local(port + 1);
        int a = mcu_udp_open(&even), b = mcu_udp_open(&odd);
        if (a >= 0)
            close(a);
        if (b >= 0)
            close(b);
        if (a >= 0 && b >= 0)
            return port;
    }
    fail();
    return 0;
}

static void ports_that_fail_name_no_file(void **state)
{
    int first = free_pair(), port = 0, fd[2] = { -1, -1 };
    struct mcu_addr any = local(0), odd = local(first + 1);
    struct mcu_ports *ports;
    int other = mcu_udp_open(&odd); /* another program has the RTCP port */
    assert_true(other >= 0);
    assert_int_equal(mcu_ports_new(&ports, first, first + 1), 0);
    assert_int_equal(mcu_ports_take(ports, &any, 0, &port, fd), -EADDRINUSE);
    assert_int_equal(fd[0], -1);
    assert_int_equal(fd[1], -1);
    assert_int_equal(port, 0);
    close(other);
    mcu_ports_free(&ports);
}

static void ports_rest_after_use(void **state)
{
    int first = free_pair(), port = 0, fd[2];
    struct mcu_addr any = local(0);
    struct mcu_ports *ports;
    assert_int_equal(mcu_ports_new(&ports, first, first + 1), 0);
    assert_int_equal(mcu_ports_take(ports, &any, 0, &port, fd), 0);
    assert_int_equal(port, first);
    assert_int_equal(mcu_ports_used(ports), 1);
    close(fd[0]);
    close(fd[1]);
    mcu_ports_give(ports, port, MCU_NS_PER_S);
    assert_int_equal(mcu_ports_used(ports), 0);
    int64_t rested = MCU_NS_PER_S + MCU_PORTS_QUARANTINE_NS;
    assert_int_equal(mcu_ports_take(ports, &any, rested - 1, &port, fd), -EADDRINUSE);
    assert_int_equal(mcu_ports_take(ports, &any, rested, &port, fd), 0);
    close(fd[0]);
    close(fd[1]);
    mcu_ports_free(&ports);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ports_that_fail_name_no_file),
        cmocka_unit_test(ports_rest_after_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
