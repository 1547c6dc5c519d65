/* STUN and TURN servers as the configuration names them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mixer/base/util.h"
#include "net/ice_server.h"

static struct mcu_ice_server s;

static void good(const char *text, bool turn, const char *host, int port, bool tcp)
{
    if (mcu_ice_server_parse(&s, text) != 0)
        fail_msg("refused: %s", text);
    assert_int_equal(s.turn, turn);
    assert_string_equal(s.host, host);
    assert_int_equal(s.port, port);
    assert_int_equal(s.tcp, tcp);
}

static void servers_are_read(void **state)
{
    good("stun:stun.example.org", false, "stun.example.org", 3478, false);
    good("stun:[2001:db8::1]:19302", false, "2001:db8::1", 19302, false);
    good("turn:10.0.0.5 anna secret", true, "10.0.0.5", 3478, false);
    good("turn:turn-1.example:443?transport=tcp anna s:e;c,ret", true, "turn-1.example", 443, true);
    assert_string_equal(s.user, "anna");
    assert_string_equal(s.password, "s:e;c,ret");
    good("turn:h?transport=udp u p", true, "h", 3478, false);
}

static void others_are_refused(void **state)
{
    static const char *const wrong[] = {
        "", "stun", "stun:", "http://x", "stun:a b", "stun:a:0", "stun:a:65536", "stun:a:x", "stun:a:-1",
        "stun:a: 80", "stun:a:+80", "stun:[::1", "stun:a_b", "stun:a:1 user pw", "stun:a?transport=udp",
        "turn:a", "turn:a user", "turn:a  pw", "turn:a user ", "turn:a u p more", "turn:a u \"p",
        "turn:a u p\r\n", "turn:a u\\ p", "turn:a?transport=tls u p", "stun:a\x7f",
    };
    char text[600] = "stun:";
    for (size_t i = 0; i < MCU_ARRAY_LEN(wrong); i++)
        if (mcu_ice_server_parse(&s, wrong[i]) != -EINVAL)
            fail_msg("accepted: %s", wrong[i]);
    memset(text + 5, 'a', sizeof(text) - 6);
    assert_int_equal(mcu_ice_server_parse(&s, text), -EINVAL);
    memcpy(text, "turn:a ", 7);
    assert_int_equal(mcu_ice_server_parse(&s, text), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_are_read),
        cmocka_unit_test(others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
