/* tests/unit/test_addr.c - addresses as numbers, from text that came from outside and back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "mixer/base/util.h"
#include "net/addr.h"

static struct mcu_addr at(const char *text, int port)
{
    struct mcu_addr a;
    assert_int_equal(mcu_addr_parse(&a, text, port), 0);
    return a;
}

static void a_text_is_read_and_written_as_the_same(void **state)
{
    static const struct {
        const char *text, *ip, *with_port;
        bool ipv6;
    } rows[] = {
        { "192.0.2.1", "192.0.2.1", "192.0.2.1:5060", false },
        { "255.255.255.255", "255.255.255.255", "255.255.255.255:5060", false },
        { "2001:0DB8:0:0::1", "2001:db8::1", "[2001:db8::1]:5060", true },
        { "::ffff:192.0.2.1", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:5060", true },
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(rows); i++) {
        char buf[MCU_ADDR_TEXT];
        struct mcu_addr a = at(rows[i].text, 5060);
        assert_string_equal(mcu_addr_ip(&a, buf), rows[i].ip);
        assert_string_equal(mcu_addr_text(&a, buf), rows[i].with_port);
        assert_int_equal(mcu_addr_is_ipv6(&a), rows[i].ipv6);
        assert_int_equal(mcu_addr_port(&a), 5060);
    }
}

/* Nothing is looked up, and what is not wholly an address is none. */
static void what_is_no_number_is_refused(void **state)
{
    static const char *const texts[] = {
        "",      "localhost", "192.0.2", "192.0.2.1.5", "192.0.2.256",  " 192.0.2.1", "0x7f.1",
        "[::1]", "1:2:3:4:5", "::1%lo",  ":::",         "192.0.2.1:80", "127.1",      "fe80::g"
    };
    struct mcu_addr a = at("192.0.2.9", 9), before = a;
    for (size_t i = 0; i < MCU_ARRAY_LEN(texts); i++)
        assert_int_equal(mcu_addr_parse(&a, texts[i], 0), -EINVAL);
    assert_int_equal(mcu_addr_parse(&a, "192.0.2.1", -1), -EINVAL);
    assert_int_equal(mcu_addr_parse(&a, "192.0.2.1", 65536), -EINVAL);
    assert_memory_equal(&a, &before, sizeof(a));
}

static void hosts_are_compared_without_ports(void **state)
{
    struct mcu_addr a = at("192.0.2.1", 1), b = at("192.0.2.1", 2), c = at("192.0.2.2", 1);
    struct mcu_addr d = at("2001:db8::1", 1), e = at("2001:db8::2", 1), f = at("2001:db8::1", 2);
    assert_true(mcu_addr_same_host(&a, &b) && !mcu_addr_equal(&a, &b));
    assert_true(mcu_addr_equal(&a, &a) && !mcu_addr_same_host(&a, &c));
    assert_true(mcu_addr_same_host(&d, &f) && !mcu_addr_equal(&d, &f));
    assert_true(mcu_addr_equal(&d, &d) && !mcu_addr_same_host(&d, &e));
    assert_true(!mcu_addr_equal(&a, &c) && !mcu_addr_equal(&d, &e));
    struct mcu_addr any4 = at("0.0.0.0", 1), any6 = at("::", 1);
    assert_true(!mcu_addr_same_host(&a, &d) && !mcu_addr_same_host(&any4, &any6));
}

static void kinds_of_addresses_are_told_apart(void **state)
{
    static const struct {
        const char *text;
        bool any, loopback, link_local;
    } rows[] = {
        { "0.0.0.0", true, false, false },     { "::", true, false, false },
        { "127.0.0.1", false, true, false },   { "127.255.0.9", false, true, false },
        { "126.0.0.1", false, false, false },  { "128.0.0.1", false, false, false },
        { "::1", false, true, false },         { "::2", false, false, false },
        { "169.254.0.1", false, false, true }, { "169.253.0.1", false, false, false },
        { "fe80::1", false, false, true },     { "febf::1", false, false, true },
        { "fec0::1", false, false, false },    { "192.0.2.1", false, false, false },
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(rows); i++) {
        struct mcu_addr a = at(rows[i].text, 0);
        assert_int_equal(mcu_addr_is_any(&a), rows[i].any);
        assert_int_equal(mcu_addr_is_loopback(&a), rows[i].loopback);
        assert_int_equal(mcu_addr_is_link_local(&a), rows[i].link_local);
    }
}

static void the_system_s_addresses_are_taken(void **state)
{
    struct mcu_addr a, v4 = at("192.0.2.1", 4), v6 = at("2001:db8::1", 6);
    struct sockaddr other = { .sa_family = AF_UNIX };
    assert_int_equal(mcu_addr_from_sockaddr(&a, &v4.u.sa), 0);
    assert_true(mcu_addr_equal(&a, &v4) && mcu_addr_len(&a) == sizeof(struct sockaddr_in));
    assert_int_equal(mcu_addr_from_sockaddr(&a, &v6.u.sa), 0);
    assert_true(mcu_addr_equal(&a, &v6) && mcu_addr_len(&a) == sizeof(struct sockaddr_in6));
    assert_int_equal(mcu_addr_from_sockaddr(&a, &other), -EINVAL);
}

static void interfaces_give_none_that_others_cannot_reach(void **state)
{
    struct mcu_addr all[32];
    int n = mcu_addr_interfaces(all, 32, true), v4 = 0;
    for (int i = 0; i < n; i++) {
        assert_false(mcu_addr_is_loopback(&all[i]) || mcu_addr_is_link_local(&all[i]));
        v4 += !mcu_addr_is_ipv6(&all[i]);
    }
    assert_int_equal(mcu_addr_interfaces(all, 32, false), v4);
    assert_int_equal(mcu_addr_interfaces(all, 0, true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_read_and_written_as_the_same),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(hosts_are_compared_without_ports),
        cmocka_unit_test(kinds_of_addresses_are_told_apart),
        cmocka_unit_test(the_system_s_addresses_are_taken),
        cmocka_unit_test(interfaces_give_none_that_others_cannot_reach),
    };
    return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
