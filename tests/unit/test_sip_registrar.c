/* Places of registered accounts, and the allowance of each source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mixer/base/clock.h"
#include "net/sip_registrar.h"
#include "net/sip_source.h"

static struct mcu_sip_registrar *reg;
static char list[MCU_REG_LIST];

static int fresh(void **state)
{
    mcu_sip_registrar_free(&reg);
    return mcu_sip_registrar_new(&reg);
}

static int done(void **state)
{
    mcu_sip_registrar_free(&reg);
    return 0;
}

static int bind(const char *user, const char *uri, int expires_s, uint32_t cseq, int64_t now_ms)
{
    struct mcu_reg_request q = { .user = user, .call_id = "id", .cseq = cseq, .contact_count = 1 };
    snprintf(q.contact[0].uri, sizeof(q.contact[0].uri), "%s", uri);
    q.contact[0].expires_s = expires_s;
    return mcu_sip_registrar_update(reg, &q, now_ms);
}

static const char *listed(const char *user, int64_t now_ms)
{
    mcu_sip_registrar_list(reg, user, now_ms, list);
    return list;
}

static void a_contact_stays_until_its_time_is_over(void **state)
{
    assert_string_equal(listed("alice", 0), "");
    assert_int_equal(bind("alice", "sip:a@h", 90, 1, 0), 200);
    assert_string_equal(listed("alice", 1000), "<sip:a@h>;expires=89");
    assert_string_equal(listed("bob", 1000), "");
    assert_int_equal(bind("alice", "sip:a@h", 90, 2, 60000), 200);
    assert_string_equal(listed("alice", 100000), "<sip:a@h>;expires=50");
    assert_string_equal(listed("alice", 150000), "");
}

static void intervals_are_held_to_their_bounds(void **state)
{
    assert_int_equal(bind("alice", "sip:a@h", 59, 1, 0), 423);
    assert_int_equal(bind("alice", "sip:a@h", 60, 2, 0), 200);
    assert_int_equal(bind("alice", "sip:a@h", 2000000000, 3, 0), 200);
    assert_string_equal(listed("alice", 0), "<sip:a@h>;expires=3600");
}

static void a_contact_can_be_taken_out(void **state)
{
    struct mcu_reg_request all = { .user = "alice", .call_id = "id", .cseq = 9, .remove_all = 1 };
    assert_int_equal(bind("alice", "sip:a@h", 60, 1, 0), 200);
    assert_int_equal(bind("alice", "sip:b@h", 60, 1, 0), 200);
    assert_int_equal(bind("alice", "sip:a@h", 0, 2, 0), 200);
    assert_string_equal(listed("alice", 0), "<sip:b@h>;expires=60");
    assert_int_equal(mcu_sip_registrar_update(reg, &all, 0), 200);
    assert_string_equal(listed("alice", 0), "");
}

static void a_late_request_changes_nothing(void **state)
{
    struct mcu_reg_request all = { .user = "alice", .call_id = "id", .cseq = 5, .remove_all = 1 };
    assert_int_equal(bind("alice", "sip:a@h", 60, 5, 0), 200);
    assert_int_equal(bind("alice", "sip:a@h", 0, 5, 0), 500);
    assert_int_equal(bind("alice", "sip:a@h", 100, 4, 0), 500);
    assert_int_equal(mcu_sip_registrar_update(reg, &all, 0), 500);
    assert_string_equal(listed("alice", 0), "<sip:a@h>;expires=60");
}

static void there_are_so_many_places(void **state)
{
    char uri[MCU_REG_URI], user[16];
    memset(uri, 'x', sizeof(uri));
    uri[sizeof(uri) - 1] = '\0';
    for (int i = 0; i < MCU_REG_MAX_CONTACTS; i++) {
        uri[0] = (char)('a' + i);
        assert_int_equal(bind("alice", uri, 3600, 1, 0), 200);
    }
    assert_true(strlen(listed("alice", 0)) > MCU_REG_MAX_CONTACTS * (MCU_REG_URI - 1));
    assert_int_equal(bind("alice", "sip:more@h", 60, 2, 0), 403);
    assert_int_equal(bind("alice", "sip:more@h", 60, 2, 3600 * 1000), 200); /* they have ended */
    for (int i = 1; i < MCU_REG_MAX_ACCOUNTS; i++) {
        snprintf(user, sizeof(user), "u%d", i);
        assert_int_equal(bind(user, "sip:a@h", 60, 1, 0), 200);
    }
    assert_int_equal(bind("one-more", "sip:a@h", 60, 1, 0), 403);
}

static bool take(struct mcu_sip_sources *s, const char *address, int64_t now_ns)
{
    uint8_t key[MCU_SIP_SOURCE_KEY];
    mcu_sip_source_key(key, address);
    return mcu_sip_sources_take(s, key, now_ns);
}

static void each_source_has_its_own_allowance(void **state)
{
    struct mcu_sip_sources *s;
    assert_int_equal(mcu_sip_sources_new(&s, 4, 1), 0);
    for (int i = 0; i < 4; i++)
        assert_true(take(s, "192.0.2.1", 0));
    assert_false(take(s, "192.0.2.1", 0));
    assert_false(take(s, "::ffff:192.0.2.1", 0));
    assert_true(take(s, "192.0.2.2", 0));
    assert_false(take(s, "192.0.2.1", MCU_NS_PER_S / 4 - 1));
    assert_true(take(s, "192.0.2.1", MCU_NS_PER_S / 4));
    assert_false(take(s, "192.0.2.1", MCU_NS_PER_S / 4));
    for (int i = 0; i < 4; i++)
        assert_true(take(s, "192.0.2.1", 100 * MCU_NS_PER_S));
    assert_false(take(s, "192.0.2.1", 100 * MCU_NS_PER_S));
    for (int i = 0; i < 4; i++) /* a /64 is one */
        assert_true(take(s, i % 2 ? "2001:db8::1" : "2001:db8::ffff:2", 0));
    assert_false(take(s, "2001:db8::3", 0));
    assert_true(take(s, "2001:db8:0:1::3", 0));
    mcu_sip_sources_free(&s);
}

static void a_flood_of_sources_makes_nobody_wait(void **state)
{
    struct mcu_sip_sources *s;
    char address[32];
    assert_int_equal(mcu_sip_sources_new(&s, 1, 99), 0);
    for (int i = 0; i < 100000; i++) {
        snprintf(address, sizeof(address), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        assert_true(take(s, address, i));
    }
    assert_false(take(s, address, 100000)); /* the newest is still known */
    assert_true(take(s, "192.0.2.1", 100000));
    mcu_sip_sources_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_contact_stays_until_its_time_is_over, fresh),
        cmocka_unit_test_setup(intervals_are_held_to_their_bounds, fresh),
        cmocka_unit_test_setup(a_contact_can_be_taken_out, fresh),
        cmocka_unit_test_setup(a_late_request_changes_nothing, fresh),
        cmocka_unit_test_setup_teardown(there_are_so_many_places, fresh, done),
        cmocka_unit_test(each_source_has_its_own_allowance),
        cmocka_unit_test(a_flood_of_sources_makes_nobody_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
