/* Which datagrams the socket filter lets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/ice_filter.h"

struct packet {
    uint8_t data[600];
    size_t size;
};

static void add16(struct packet *p, unsigned value)
{
    p->data[p->size++] = (uint8_t)(value >> 8);
    p->data[p->size++] = (uint8_t)value;
}

static struct packet stun(unsigned type)
{
    struct packet p = { .size = 0 };
    add16(&p, type);
    add16(&p, 0);
    p.size = 20;
    return p;
}

/* An attribute of size zeroes; its first 32 bits are value. */
static void attribute(struct packet *p, unsigned type, size_t size, uint32_t value)
{
    add16(p, type);
    add16(p, (unsigned)size);
    size_t at = p->size;
    for (int i = 0; i < 4; i++)
        p->data[at + (size_t)i] = (uint8_t)(value >> (24 - 8 * i));
    p->size = at + (size + 3) / 4 * 4;
}

static bool arrives(const struct packet *p, bool relays, int family)
{
    int in = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0), out = socket(family, SOCK_DGRAM, 0);
    struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct sockaddr *a = family == AF_INET ? (struct sockaddr *)&a4 : (struct sockaddr *)&a6;
    socklen_t size = family == AF_INET ? sizeof(a4) : sizeof(a6);
    uint8_t got[sizeof(p->data)];
    assert_int_equal(bind(in, a, size), 0);
    assert_int_equal(getsockname(in, a, &size), 0);
    assert_int_equal(mcu_ice_filter_attach(in, relays), 0);
    assert_int_equal(sendto(out, p->data, p->size, 0, a, size), p->size);
    ssize_t n = recv(in, got, sizeof(got), 0);
    if (n >= 0) {
        assert_int_equal(n, p->size);
        assert_memory_equal(got, p->data, p->size);
    }
    close(in);
    close(out);
    return n >= 0;
}

static void media_and_checks_pass(void **state)
{
    static const unsigned types[] = { 0x0001, 0x0101, 0x0011, 0x0103, 0x0113, 0x0114, 0x8060, 0x16fe };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct packet p = stun(types[i]);
        attribute(&p, 0x0020, 8, 1);
        attribute(&p, 0x0009, 4, 0x0401); /* 401 is how TURN asks for the password */
        assert_true(arrives(&p, false, AF_INET));
        assert_true(arrives(&p, true, AF_INET));
        assert_true(arrives(&p, true, AF_INET6));
    }
    struct packet small = { .data = { 0x80, 0x60 }, .size = 2 };
    assert_true(arrives(&small, true, AF_INET));
}

static void binding_errors_are_dropped(void **state)
{
    struct packet p = stun(0x0111);
    attribute(&p, 0x0009, 4, 0x0403);
    assert_false(arrives(&p, false, AF_INET));
    assert_false(arrives(&p, false, AF_INET6));
    assert_false(arrives(&p, true, AF_INET));
}

static void binding_errors_within_a_relay_are_dropped(void **state)
{
    struct packet channel = { .size = 0 };
    add16(&channel, 0x4001);
    add16(&channel, 20);
    add16(&channel, 0x0111);
    channel.size = 24;
    assert_true(arrives(&channel, false, AF_INET));
    assert_false(arrives(&channel, true, AF_INET));
    channel.data[4] = 0x80;
    assert_true(arrives(&channel, true, AF_INET));
    for (int before = 0; before < 8; before++) {
        struct packet p = stun(0x0017), good = stun(0x0017);
        for (int i = 0; i < before; i++) {
            attribute(&p, 0x8022, (size_t)(5 + i), 1);
            attribute(&good, 0x8022, (size_t)(5 + i), 1);
        }
        attribute(&p, 0x0013, 20, 0x01110000);
        attribute(&good, 0x0013, 20, 0x01010000);
        assert_false(arrives(&p, true, AF_INET));
        assert_true(arrives(&good, true, AF_INET));
    }
}

static void a_forbidding_server_is_not_heard(void **state)
{
    static const unsigned types[] = { 0x0113, 0x0114, 0x0118, 0x0119 };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct packet p = stun(types[i]);
        attribute(&p, 0x8022, 9, 1);
        attribute(&p, 0x0009, 13, 0x0403);
        assert_false(arrives(&p, true, AF_INET));
    }
}

static void what_hides_behind_many_attributes_is_dropped(void **state)
{
    struct packet p = stun(0x0113), cut = stun(0x0017);
    for (int i = 0; i < 9; i++)
        attribute(&p, 0x8022, 4, 1);
    attribute(&p, 0x0009, 4, 0x0403);
    assert_false(arrives(&p, true, AF_INET));
    attribute(&cut, 0x0013, 4, 0);
    cut.size -= 3; /* an attribute without its value */
    assert_false(arrives(&cut, true, AF_INET));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(media_and_checks_pass),
        cmocka_unit_test(binding_errors_are_dropped),
        cmocka_unit_test(binding_errors_within_a_relay_are_dropped),
        cmocka_unit_test(a_forbidding_server_is_not_heard),
        cmocka_unit_test(what_hides_behind_many_attributes_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
