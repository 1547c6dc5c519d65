/* tests/unit/test_latch.c - whose packets a line takes, and where it sends to (RFC 7362). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mixer/base/clock.h"
#include "net/latch.h"

#define S MCU_NS_PER_S

static const uint8_t rtp[] = { 0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xff };
static const uint8_t rtcp[] = { 0x80, 201, 0, 1, 0, 0, 0, 1 };
static const uint8_t handshake[] = { 22, 0xfe, 0xfd, 0, 0 };
static const uint8_t stun[20] = { 0, 1 };

static struct mcu_latch latch;
static int64_t now;

static struct mcu_addr at(const char *host, int port)
{
    struct mcu_addr a;
    assert_int_equal(mcu_addr_parse(&a, host, port), 0);
    return a;
}

static void describe(bool on, enum mcu_sealing sealing, int port)
{
    struct mcu_latch_config c = { .on = on, .sealing = sealing, .signalling = at("203.0.113.5", 5060),
                                  .remote = { at("192.168.1.2", port), at("192.168.1.2", port + 1) } };
    mcu_latch_describe(&latch, &c, now);
}

static int begin(void **state)
{
    memset(&latch, 0, sizeof(latch));
    now = 100 * S;
    return 0;
}

static enum mcu_latch_verdict comes(int component, const uint8_t *data, size_t size,
                                    const char *host, int port)
{
    struct mcu_addr from = at(host, port);
    return mcu_latch_check(&latch, component, data, size, &from, now);
}

#define RTP(host, port)  comes(0, rtp, sizeof(rtp), host, port)
#define RTCP(host, port) comes(1, rtcp, sizeof(rtcp), host, port)

static void goes_to(int component, const char *host, int port)
{
    struct mcu_addr want = at(host, port);
    assert_true(mcu_addr_equal(&latch.remote[component], &want));
}

static void off_only_the_described_address_is_taken(void **state)
{
    describe(false, MCU_PLAIN, 4000);
    assert_int_equal(RTP("203.0.113.5", 4000), MCU_LATCH_FOREIGN);
    assert_int_equal(RTP("192.168.1.2", 4001), MCU_LATCH_FOREIGN);
    assert_int_equal(RTP("192.168.1.2", 4000), MCU_LATCH_KNOWN);
    assert_int_equal(RTCP("192.168.1.2", 4001), MCU_LATCH_KNOWN);
    describe(false, MCU_SDES, 4000);
    assert_int_equal(RTP("203.0.113.5", 4000), MCU_LATCH_FOREIGN);
    goes_to(0, "192.168.1.2", 4000);
}

static void the_host_of_the_signalling_is_taken_once(void **state)
{
    describe(true, MCU_PLAIN, 4000);
    assert_int_equal(RTP("203.0.113.6", 4000), MCU_LATCH_FOREIGN);
    assert_int_equal(RTP("203.0.113.5", 61000), MCU_LATCH_TAKE);
    goes_to(0, "203.0.113.5", 61000);
    assert_int_equal(RTP("203.0.113.5", 61000), MCU_LATCH_KNOWN);
    assert_int_equal(RTP("203.0.113.5", 61002), MCU_LATCH_FOREIGN); /* settled */
    assert_int_equal(RTP("192.168.1.2", 4000), MCU_LATCH_FOREIGN);
    now += 60 * S;
    assert_int_equal(RTP("203.0.113.5", 61000), MCU_LATCH_KNOWN);
    goes_to(1, "192.168.1.2", 4001); /* RTCP is another matter */
}

static void the_described_address_settles_it_too(void **state)
{
    describe(true, MCU_PLAIN, 4000);
    assert_int_equal(RTP("192.168.1.2", 4000), MCU_LATCH_KNOWN);
    assert_int_equal(RTP("203.0.113.5", 61000), MCU_LATCH_FOREIGN);
}

static void five_seconds_after_the_answer_it_is_over(void **state)
{
    describe(true, MCU_PLAIN, 4000);
    now += 5 * S;
    assert_int_equal(RTP("203.0.113.5", 61000), MCU_LATCH_FOREIGN);
    assert_int_equal(RTCP("203.0.113.5", 61001), MCU_LATCH_FOREIGN);
    describe(true, MCU_PLAIN, 4000);
    now += 5 * S - 1;
    assert_int_equal(RTP("203.0.113.5", 61000), MCU_LATCH_TAKE);
}

static void rtcp_may_come_later_from_where_the_media_come(void **state)
{
    describe(true, MCU_PLAIN, 4000);
    assert_int_equal(RTP("203.0.113.5", 61000), MCU_LATCH_TAKE);
    now += 14 * S;
    assert_int_equal(RTCP("203.0.113.6", 61001), MCU_LATCH_FOREIGN);
    assert_int_equal(RTCP("203.0.113.5", 61001), MCU_LATCH_TAKE);
    goes_to(1, "203.0.113.5", 61001);
    assert_int_equal(RTCP("203.0.113.5", 61003), MCU_LATCH_FOREIGN);
}

static void a_later_description_lets_it_be_settled_anew(void **state)
{
    describe(true, MCU_PLAIN, 4000);
    assert_int_equal(RTP("203.0.113.5", 61000), MCU_LATCH_TAKE);
    describe(true, MCU_PLAIN, 4000); /* a refresh: the silent are not lost by it */
    goes_to(0, "203.0.113.5", 61000);
    assert_int_equal(RTP("203.0.113.5", 62000), MCU_LATCH_TAKE);
    goes_to(0, "203.0.113.5", 62000);
    describe(true, MCU_PLAIN, 4100);
    goes_to(0, "192.168.1.2", 4100);
}

static void only_media_settle_it(void **state)
{
    static const uint8_t short_one[] = { 0x80, 0 };
    describe(true, MCU_PLAIN, 4000);
    assert_int_equal(comes(0, stun, sizeof(stun), "203.0.113.5", 61000), MCU_LATCH_FOREIGN);
    assert_int_equal(comes(0, short_one, 2, "203.0.113.5", 61000), MCU_LATCH_FOREIGN);
    assert_int_equal(comes(0, NULL, 0, "203.0.113.5", 61000), MCU_LATCH_FOREIGN);
    assert_int_equal(comes(0, handshake, sizeof(handshake), "203.0.113.5", 61000), MCU_LATCH_FOREIGN);
    assert_int_equal(comes(1, rtp, sizeof(rtp), "203.0.113.5", 61000), MCU_LATCH_FOREIGN);
    goes_to(0, "192.168.1.2", 4000);
}

static void secured_media_come_from_anywhere_if_authentic(void **state)
{
    struct mcu_addr from = at("198.51.100.1", 7000);
    describe(true, MCU_SDES, 4000);
    assert_int_equal(RTP("198.51.100.1", 7000), MCU_LATCH_IF_AUTHENTIC);
    goes_to(0, "192.168.1.2", 4000); /* nobody has opened it yet */
    assert_int_equal(RTP("203.0.113.5", 61000), MCU_LATCH_IF_AUTHENTIC);
    assert_true(mcu_latch_authentic(&latch, 0, &from));
    assert_false(mcu_latch_authentic(&latch, 0, &from));
    goes_to(0, "198.51.100.1", 7000);
    assert_int_equal(RTP("203.0.113.5", 61000), MCU_LATCH_FOREIGN);
}

static void a_handshake_comes_from_the_host_of_the_signalling(void **state)
{
    struct mcu_addr from = at("203.0.113.5", 61000);
    describe(true, MCU_DTLS, 4000);
    assert_int_equal(comes(0, handshake, sizeof(handshake), "198.51.100.1", 7000), MCU_LATCH_FOREIGN);
    assert_int_equal(comes(0, handshake, sizeof(handshake), "203.0.113.5", 61002), MCU_LATCH_TAKE);
    assert_int_equal(comes(0, handshake, sizeof(handshake), "203.0.113.5", 61000), MCU_LATCH_TAKE);
    assert_int_equal(RTP("203.0.113.5", 61000), MCU_LATCH_KNOWN);
    mcu_latch_authentic(&latch, 0, &from);
    assert_int_equal(comes(0, handshake, sizeof(handshake), "203.0.113.5", 61002), MCU_LATCH_FOREIGN);
}

static void without_a_known_signalling_address_nothing_plain_is_taken(void **state)
{
    struct mcu_latch_config c = { .on = true, .remote = { at("192.168.1.2", 4000),
                                                          at("192.168.1.2", 4001) } };
    mcu_latch_describe(&latch, &c, now);
    assert_int_equal(RTP("203.0.113.5", 61000), MCU_LATCH_FOREIGN);
    assert_int_equal(RTP("::", 61000), MCU_LATCH_FOREIGN);
    assert_int_equal(RTP("0.0.0.0", 61000), MCU_LATCH_FOREIGN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(off_only_the_described_address_is_taken, begin),
        cmocka_unit_test_setup(the_host_of_the_signalling_is_taken_once, begin),
        cmocka_unit_test_setup(the_described_address_settles_it_too, begin),
        cmocka_unit_test_setup(five_seconds_after_the_answer_it_is_over, begin),
        cmocka_unit_test_setup(rtcp_may_come_later_from_where_the_media_come, begin),
        cmocka_unit_test_setup(a_later_description_lets_it_be_settled_anew, begin),
        cmocka_unit_test_setup(only_media_settle_it, begin),
        cmocka_unit_test_setup(secured_media_come_from_anywhere_if_authentic, begin),
        cmocka_unit_test_setup(a_handshake_comes_from_the_host_of_the_signalling, begin),
        cmocka_unit_test_setup(without_a_known_signalling_address_nothing_plain_is_taken, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
