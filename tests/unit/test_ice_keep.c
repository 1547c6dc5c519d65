/* Consent to send (RFC 7675) by itself: when checks are due, what grants it anew, when it is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "net/ice_consent.h"

#define S   MCU_NS_PER_S
#define PWD "0123456789012345678901"

static const struct mcu_ice_peer peer = { "them", "us", PWD, true };

/* The answer to a check: the same attributes do, its type is another one. */
static size_t answer_to(const uint8_t *check, uint8_t *out, const char *password)
{
    struct mcu_stun m;
    struct mcu_stun_check c = { "x", password, false, 1, { 0 } };
    assert_int_equal(mcu_stun_parse(&m, check, MCU_STUN_HEADER_BYTES + (check[2] << 8 | check[3])), 0);
    memcpy(c.id, m.id, sizeof(c.id));
    return (size_t)mcu_stun_write(&c, MCU_STUN_BINDING_ANSWER, out, MCU_STUN_CHECK_MAX);
}

static void checks_go_out_each_four_to_six_seconds(void **state)
{
    struct mcu_ice_consent c = { 0 };
    uint8_t out[MCU_STUN_CHECK_MAX], answer[MCU_STUN_CHECK_MAX];
    int64_t now = 100 * S, last = now, shortest = INT64_MAX, longest = 0;
    assert_int_equal(mcu_ice_consent_due(&c), INT64_MAX);
    assert_int_equal(mcu_ice_consent_check(&c, &peer, out, sizeof(out), now), 0);
    mcu_ice_consent_grant(&c, now);
    for (int i = 0; i < 300; i++) {
        now = mcu_ice_consent_due(&c);
        assert_int_equal(mcu_ice_consent_check(&c, &peer, out, sizeof(out), now - 1), 0);
        assert_true(mcu_ice_consent_check(&c, &peer, out, sizeof(out), now) > 0);
        shortest = now - last < shortest ? now - last : shortest;
        longest = now - last > longest ? now - last : longest;
        last = now;
        assert_true(mcu_ice_consent_answer(&c, PWD, answer, answer_to(out, answer, PWD), now));
        assert_false(mcu_ice_consent_lost(&c, now));
    }
    assert_in_range(shortest, 4 * S, 4.2 * S);
    assert_in_range(longest, 5.8 * S, 6 * S);
}

static void thirty_seconds_without_an_answer_end_it(void **state)
{
    struct mcu_ice_consent c = { 0 };
    uint8_t out[MCU_STUN_CHECK_MAX];
    int64_t now = 100 * S;
    int sent = 0;
    mcu_ice_consent_grant(&c, now);
    while (!mcu_ice_consent_lost(&c, now)) {
        sent += mcu_ice_consent_check(&c, &peer, out, sizeof(out), now) > 0;
        now = mcu_ice_consent_due(&c);
    }
    assert_int_equal(now, 130 * S);
    assert_in_range(sent, 4, 7);
    assert_false(mcu_ice_consent_lost(&c, now + S)); /* told once */
    assert_int_equal(mcu_ice_consent_due(&c), INT64_MAX);
    assert_int_equal(mcu_ice_consent_check(&c, &peer, out, sizeof(out), now + S), 0);
    mcu_ice_consent_grant(&c, now + 2 * S); /* a restart */
    assert_int_equal(c.answered_ns, now + 2 * S);
    assert_true(mcu_ice_consent_due(&c) <= now + 8 * S);
}

static void only_an_authentic_answer_to_our_own_check_counts(void **state)
{
    struct mcu_ice_consent c = { 0 };
    uint8_t out[MCU_STUN_CHECK_MAX], a[MCU_STUN_CHECK_MAX];
    int64_t now = 100 * S;
    mcu_ice_consent_grant(&c, now);
    now = mcu_ice_consent_due(&c);
    size_t n = mcu_ice_consent_check(&c, &peer, out, sizeof(out), now);
    assert_true(mcu_stun_authentic(out, n, PWD));
    assert_false(mcu_ice_consent_answer(&c, PWD, out, n, now)); /* a request is none */
    size_t size = answer_to(out, a, "another password, 22 long");
    assert_false(mcu_ice_consent_answer(&c, PWD, a, size, now));
    size = answer_to(out, a, PWD);
    assert_false(mcu_ice_consent_answer(&c, "", a, size, now));
    for (size_t i = 0; i < size - 8; i++) { /* a bit of any byte but the fingerprint's */
        a[i] ^= 4;
        assert_false(mcu_ice_consent_answer(&c, PWD, a, size, now));
        a[i] ^= 4;
    }
    for (size_t i = 0; i < size; i++)
        assert_false(mcu_ice_consent_answer(&c, PWD, a, i, now));
    assert_true(mcu_ice_consent_answer(&c, PWD, a, size, now));
    assert_false(mcu_ice_consent_answer(&c, PWD, a, size, now + S)); /* again */
    assert_int_equal(c.answered_ns, now);
}

static void a_late_answer_counts(void **state)
{
    struct mcu_ice_consent c = { 0 };
    uint8_t first[MCU_STUN_CHECK_MAX], out[MCU_STUN_CHECK_MAX], a[MCU_STUN_CHECK_MAX];
    int64_t now = 100 * S;
    mcu_ice_consent_grant(&c, now);
    now = mcu_ice_consent_due(&c);
    mcu_ice_consent_check(&c, &peer, first, sizeof(first), now);
    for (; now < 129 * S; now = mcu_ice_consent_due(&c))
        mcu_ice_consent_check(&c, &peer, out, sizeof(out), now);
    assert_true(mcu_ice_consent_answer(&c, PWD, a, answer_to(first, a, PWD), 129 * S));
    assert_false(mcu_ice_consent_lost(&c, 150 * S));
    assert_true(mcu_ice_consent_lost(&c, 159 * S));
}

/* Twenty calls of an hour where each check, or its answer, is lost with 9.75 % (5 % each way). */
static void five_percent_of_loss_end_no_call(void **state)
{
    uint8_t out[MCU_STUN_CHECK_MAX], a[MCU_STUN_CHECK_MAX];
    uint64_t rng = 88172645463325252u;
    int lost = 0;
    for (int call = 0; call < 20; call++) {
        struct mcu_ice_consent c = { 0 };
        mcu_ice_consent_grant(&c, 0);
        for (int64_t now = 0; now < 3600 * S; now = mcu_ice_consent_due(&c)) {
            size_t n = mcu_ice_consent_check(&c, &peer, out, sizeof(out), now);
            rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
            if (n && rng % 10000 >= 975)
                assert_true(mcu_ice_consent_answer(&c, PWD, a, answer_to(out, a, PWD), now));
            lost += mcu_ice_consent_lost(&c, now);
        }
    }
    assert_int_equal(lost, 0);
}

static void the_longest_names_fit(void **state)
{
    struct mcu_ice_consent c = { 0 };
    char name[257];
    uint8_t out[MCU_STUN_CHECK_MAX];
    memset(name, 'a', 256);
    name[256] = '\0';
    struct mcu_ice_peer longest = { name, name, name, false };
    mcu_ice_consent_grant(&c, 0);
    size_t n = mcu_ice_consent_check(&c, &longest, out, sizeof(out), 6 * S);
    assert_true(n > 513);
    assert_true(mcu_stun_authentic(out, n, name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_go_out_each_four_to_six_seconds),
        cmocka_unit_test(thirty_seconds_without_an_answer_end_it),
        cmocka_unit_test(only_an_authentic_answer_to_our_own_check_counts),
        cmocka_unit_test(a_late_answer_counts),
        cmocka_unit_test(five_percent_of_loss_end_no_call),
        cmocka_unit_test(the_longest_names_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
