/* How a registration with a provider is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net/sip_provider.h"

static void an_address_is_enough(void **state)
{
    struct mcu_sip_provider p;
    assert_int_equal(mcu_sip_provider_parse(&p, "sip:desk@sip.example:5062"), 0);
    assert_string_equal(p.address, "sip:desk@sip.example:5062");
    assert_string_equal(p.domain, "sip:sip.example:5062");
    assert_string_equal(p.realm, "sip.example");
    assert_string_equal(p.user, "desk");
    assert_string_equal(p.password, "");
    assert_string_equal(p.room, "");
    assert_int_equal(p.via_count, 0);
    assert_int_equal(p.expires_s, 300);
    assert_int_equal(mcu_sip_provider_parse(&p, "sip:desk@[2001:db8::1]:5062"), 0);
    assert_string_equal(p.realm, "[2001:db8::1]");
}

static void nothing_of_an_address_is_cut(void **state)
{
    static const char port[] = ":000000000000000000000000000000000000000000000000000000000000000005060";
    struct mcu_sip_provider p;
    char text[300];
    snprintf(text, sizeof(text), "sip:u@%0123d%s", 7, port); /* 199 bytes */
    assert_int_equal(strlen(text), MCU_SIP_PROVIDER_URI - 1);
    assert_int_equal(mcu_sip_provider_parse(&p, text), 0);
    assert_string_equal(p.domain + 4, text + 6);
    snprintf(text, sizeof(text), "sip:u@%0128d", 7); /* no realm is as long */
    assert_true(mcu_sip_provider_parse(&p, text) < 0);
    snprintf(text, sizeof(text), "sip:%0128d@a.example", 7); /* nor a login */
    assert_true(mcu_sip_provider_parse(&p, text) < 0);
}

static void every_word_is_read_and_the_password_is_the_rest(void **state)
{
    struct mcu_sip_provider p;
    assert_int_equal(mcu_sip_provider_parse(
                         &p, "sip:desk@a.example room=support via=sip:192.0.2.1:5070;transport=tcp "
                             "via=sip:[2001:db8::1] realm=example login=me expires=60 "
                             "password=a b room=x "),
                     0);
    assert_string_equal(p.room, "support");
    assert_int_equal(p.via_count, 2);
    assert_string_equal(p.via[0], "sip:192.0.2.1:5070;transport=tcp");
    assert_string_equal(p.via[1], "sip:[2001:db8::1]");
    assert_string_equal(p.realm, "example");
    assert_string_equal(p.user, "me");
    assert_int_equal(p.expires_s, 60);
    assert_string_equal(p.password, "a b room=x ");
}

static void what_is_wrong_is_refused(void **state)
{
    static const char *const bad[] = {
        "", " ", "desk@a.example", "sip:a.example", "sip:@a.example", "sip:desk@", "tel:1@a",
        "sip:desk@a;transport=tcp", "sip:d<sk@a", "sip:desk@a  room=x", "sip:desk@a room=",
        "sip:desk@a what=ever", "sip:desk@a expires=9", "sip:desk@a expires=86401",
        "sip:desk@a expires=6o", "sip:desk@a via=192.0.2.1", "sip:desk@a via=sip:u@b",
        "sip:desk@a via=sip:a via=sip:b via=sip:c via=sip:d via=sip:e", "sip:desk@a password=",
        "sip:desk@a?x=y", "sip:desk@a,b", "sip:desk@[::1", "sip:desk@a\r\nX: y",
    };
    struct mcu_sip_provider p, before;
    memset(&p, 7, sizeof(p));
    before = p;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (mcu_sip_provider_parse(&p, bad[i]) == 0)
            fail_msg("'%s' was taken", bad[i]);
    assert_memory_equal(&p, &before, sizeof(p));
    char longer[600] = "sip:desk@";
    memset(longer + 9, 'a', 500);
    assert_true(mcu_sip_provider_parse(&p, longer) < 0);
    snprintf(longer, sizeof(longer), "sip:desk@a password=");
    memset(longer + 20, 'p', 300);
    assert_true(mcu_sip_provider_parse(&p, longer) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_enough),
        cmocka_unit_test(nothing_of_an_address_is_cut),
        cmocka_unit_test(every_word_is_read_and_the_password_is_the_rest),
        cmocka_unit_test(what_is_wrong_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
