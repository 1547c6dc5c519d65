/* tests/unit/test_sdpfrag.c - trickle-ice-sdpfrag (RFC 8840): later candidates, restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/negotiate_web.h"

static struct mcu_nego_web_error error;
static char text[16384];

static int frag(struct mcu_sdpfrag *f, const char *sdp)
{
    memset(&error, 0, sizeof(error));
    return mcu_sdpfrag_parse(f, sdp, strlen(sdp), &error);
}

static void fragment_of_rfc_8840_is_read(void **state)
{
    static struct mcu_sdpfrag f;
    /* Shape of RFC 9725 section 4.3.2. */
    assert_int_equal(frag(&f, "a=group:BUNDLE 0 1\r\n"
                              "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
                              "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
                              "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host\r\n"
                              "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host\r\n"
                              "a=candidate:3471623853 1 udp 2122194687 192.0.2.2 61765 typ host\n"
                              "a=end-of-candidates\r\n"),
                     0);
    assert_string_equal(f.ufrag, "EsAw");
    assert_string_equal(f.pwd, "P2uYro0UCOQ4zxjKXaWCBui1");
    assert_string_equal(f.mid, "0");
    assert_true(f.candidate_count == 2 && f.end_of_candidates);
    assert_string_equal(f.candidates[1],
                        "candidate:3471623853 1 udp 2122194687 192.0.2.2 61765 typ host");
    assert_int_equal(frag(&f, ""), 0);
    assert_true(f.candidate_count == 0 && !f.ufrag[0]);
}

static void fragments_that_break_rules_are_refused(void **state)
{
    static struct mcu_sdpfrag f;
    static char big[MCU_SDPFRAG_MAX_BYTES + 2];
    assert_int_equal(frag(&f, "a=ice-ufrag:abc\r\n"), -EBADMSG);
    assert_non_null(strstr(error.what, "ice-ufrag"));
    assert_int_equal(frag(&f, "a=ice-pwd:short\r\n"), -EBADMSG);
    assert_int_equal(frag(&f, "a=ice-ufrag:abcd\r\na=ice-ufrag:abce\r\n"), -EBADMSG);
    assert_int_equal(frag(&f, "{\"candidate\":\"x\"}"), -EBADMSG);
    memset(big, '\n', sizeof(big) - 1);
    assert_int_equal(frag(&f, big), -E2BIG);
    big[MCU_SDPFRAG_MAX_BYTES] = '\0';
    assert_int_equal(frag(&f, big), 0);
}

static void more_candidates_than_the_limit_are_passed_over(void **state)
{
    static struct mcu_sdpfrag f;
    size_t used = 0;
    for (int i = 0; i < 100; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used,
                                 "a=candidate:%d 1 udp 1 192.0.2.1 9 typ host\r\n", i);
    assert_int_equal(frag(&f, text), 0);
    assert_int_equal(f.candidate_count, MCU_SDP_MAX_CANDIDATES);
    memset(text, 'x', 400);
    memcpy(text, "a=candidate:", 12);
    text[400] = '\0';
    assert_int_equal(frag(&f, text), 0);
    assert_int_equal(f.candidate_count, 0);
}

static void our_fragment_reads_back(void **state)
{
    static struct mcu_sdpfrag f;
    struct mcu_nego_web nego = { .line = { { .index = 1 }, { .index = 0, .mid = "video0" } },
                                 .group = { 0, 1 },
                                 .group_count = 2 };
    const char *const candidates[] = { "candidate:1 1 UDP 1 192.0.2.1 40000 typ host",
                                       "a=candidate:2 1 UDP 1 2001:db8::1 40001 typ host" };
    struct mcu_nego_web_local local = { .ufrag = "abcd",
                                        .pwd = "0123456789abcdefghijkl",
                                        .candidates = candidates,
                                        .candidate_count = 2,
                                        .end_of_candidates = true };
    int n = mcu_sdpfrag_write(&nego, &local, text, sizeof(text));
    assert_int_equal(n, strlen(text));
    assert_int_equal(frag(&f, text), 0);
    assert_string_equal(f.ufrag, local.ufrag);
    assert_string_equal(f.pwd, local.pwd);
    assert_string_equal(f.mid, "video0");
    assert_true(f.candidate_count == 2 && f.end_of_candidates);
    assert_int_equal(mcu_sdpfrag_write(&nego, &local, text, 60), -ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fragment_of_rfc_8840_is_read),
        cmocka_unit_test(fragments_that_break_rules_are_refused),
        cmocka_unit_test(more_candidates_than_the_limit_are_passed_over),
        cmocka_unit_test(our_fragment_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
