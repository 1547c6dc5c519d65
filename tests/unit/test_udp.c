/* Packets that leave together arrive one by one, in order, whatever their sizes. Loopback delivers
 * before sendmsg returns, so nothing is waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/udp.h"

struct pair {
    struct mcu_loop *loop;
    struct mcu_udp *udp;
    int from_fd, fd[2]; /* two receivers */
    struct mcu_addr to[2];
};

static void ignore(const uint8_t *data, size_t size, const struct mcu_addr *from, void *arg)
{
}

static int open_at(const char *ip, struct mcu_addr *addr)
{
    struct mcu_addr local;
    assert_int_equal(mcu_addr_parse(&local, ip, 0), 0);
    int fd = mcu_udp_open(&local);
    if (fd < 0)
        return fd;
    socklen_t len = sizeof(addr->u);
    *addr = local;
    assert_int_equal(getsockname(fd, &addr->u.sa, &len), 0);
    return fd;
}

/* False where the machine has no such address. */
static bool open_pair(struct pair *p, const char *ip)
{
    struct mcu_addr own;
    p->from_fd = open_at(ip, &own);
    if (p->from_fd < 0)
        return false;
    assert_int_equal(mcu_loop_new(&p->loop, "t", true), 0);
    assert_int_equal(mcu_udp_new(&p->udp, p->loop, p->from_fd, ignore, NULL), 0);
    for (int i = 0; i < 2; i++)
        assert_true((p->fd[i] = open_at(ip, &p->to[i])) >= 0);
    return true;
}

static void close_pair(struct pair *p)
{
    mcu_udp_free(&p->udp);
    mcu_loop_free(&p->loop);
    close(p->fd[0]);
    close(p->fd[1]);
}

static int queue(struct pair *p, int receiver, int number, size_t size)
{
    uint8_t data[MCU_UDP_MAX_BYTES];
    memset(data, number, sizeof(data));
    return mcu_udp_queue(p->udp, &p->to[receiver], data, size);
}

static void expect(struct pair *p, int receiver, int number, size_t size)
{
    uint8_t want[MCU_UDP_MAX_BYTES], got[4 * MCU_UDP_MAX_BYTES];
    memset(want, number, sizeof(want));
    assert_int_equal(recv(p->fd[receiver], got, sizeof(got), MSG_DONTWAIT), (ssize_t)size);
    assert_memory_equal(got, want, size);
}

static void expect_no_more(struct pair *p)
{
    uint8_t byte;
    for (int i = 0; i < 2; i++)
        assert_int_equal(recv(p->fd[i], &byte, 1, MSG_DONTWAIT), -1);
}

static void send_and_check_all_sizes(struct pair *p)
{
    static const size_t sizes[] = { 1200, 1200, 1200, 700, 1200, 1200, 90, 90, 1300, 1, 2048,
                                    2048 };
    int n = (int)(sizeof(sizes) / sizeof(sizes[0]));
    for (int i = 0; i < n; i++)
        assert_int_equal(queue(p, 0, i + 1, sizes[i]), 0);
    assert_int_equal(mcu_udp_flush(p->udp), 0);
    for (int i = 0; i < n; i++)
        expect(p, 0, i + 1, sizes[i]);
    expect_no_more(p);
}

static void packets_that_leave_together_arrive_as_they_were(void **state)
{
    static const char *const ips[] = { "127.0.0.1", "::1" };
    for (int i = 0; i < 2; i++) {
        struct pair p;
        if (!open_pair(&p, ips[i]))
            continue;
        send_and_check_all_sizes(&p);
        close_pair(&p);
    }
}

static void a_path_that_does_not_cut_gets_them_one_by_one(void **state)
{
    struct pair p;
    int on = 1;
    assert_true(open_pair(&p, "127.0.0.1"));
    /* Without checksums the kernel refuses to cut. */
    assert_int_equal(setsockopt(p.from_fd, SOL_SOCKET, SO_NO_CHECK, &on, sizeof(on)), 0);
    send_and_check_all_sizes(&p);
    send_and_check_all_sizes(&p);
    close_pair(&p);
}

static void more_than_fits_leaves_at_once(void **state)
{
    struct pair p;
    assert_true(open_pair(&p, "127.0.0.1"));
    for (int i = 0; i < 100; i++)
        assert_int_equal(queue(&p, 0, i, 500), 0);
    mcu_udp_flush(p.udp);
    for (int i = 0; i < 100; i++)
        expect(&p, 0, i, 500);
    expect_no_more(&p);
    close_pair(&p);
}

static void another_address_does_not_get_what_is_aside(void **state)
{
    struct pair p;
    assert_true(open_pair(&p, "127.0.0.1"));
    queue(&p, 0, 1, 300);
    queue(&p, 1, 2, 300);
    queue(&p, 0, 3, 300);
    mcu_udp_flush(p.udp);
    expect(&p, 0, 1, 300);
    expect(&p, 0, 3, 300);
    expect(&p, 1, 2, 300);
    expect_no_more(&p);
    close_pair(&p);
}

static void what_is_aside_leaves_before_a_packet_sent_at_once(void **state)
{
    struct pair p;
    uint8_t last = 9;
    assert_true(open_pair(&p, "127.0.0.1"));
    queue(&p, 0, 1, 300);
    queue(&p, 0, 2, 300);
    expect_no_more(&p);
    assert_int_equal(mcu_udp_send(p.udp, &p.to[0], &last, 1), 0);
    expect(&p, 0, 1, 300);
    expect(&p, 0, 2, 300);
    expect(&p, 0, 9, 1);
    assert_int_equal(mcu_udp_flush(p.udp), 0);
    expect_no_more(&p);
    close_pair(&p);
}

static void a_closing_socket_sends_what_is_aside(void **state)
{
    struct pair p;
    assert_true(open_pair(&p, "127.0.0.1"));
    queue(&p, 0, 1, 300);
    mcu_udp_free(&p.udp);
    expect(&p, 0, 1, 300);
    close_pair(&p);
}

static void packets_too_large_are_refused(void **state)
{
    struct pair p;
    uint8_t data[MCU_UDP_MAX_BYTES + 1] = { 0 };
    assert_true(open_pair(&p, "127.0.0.1"));
    assert_int_equal(mcu_udp_queue(p.udp, &p.to[0], data, sizeof(data)), 1);
    assert_int_equal(mcu_udp_queue(p.udp, &p.to[0], data, 0), 1);
    mcu_udp_flush(p.udp);
    expect_no_more(&p);
    close_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_that_leave_together_arrive_as_they_were),
        cmocka_unit_test(a_path_that_does_not_cut_gets_them_one_by_one),
        cmocka_unit_test(more_than_fits_leaves_at_once),
        cmocka_unit_test(another_address_does_not_get_what_is_aside),
        cmocka_unit_test(what_is_aside_leaves_before_a_packet_sent_at_once),
        cmocka_unit_test(a_closing_socket_sends_what_is_aside),
        cmocka_unit_test(packets_too_large_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
