/* The small texts around a SIP call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "net/sip_text.h"

static void user_part_is_decoded(void **state)
{
    char out[16];
    assert_int_equal(mcu_sip_user_decode(out, sizeof(out), "caf%C3%a9"), 0);
    assert_string_equal(out, "caf\xc3\xa9");
    assert_int_equal(mcu_sip_user_decode(out, sizeof(out), NULL), 0);
    assert_string_equal(out, "");
    /* What is no escape stays; a NUL would cut the name short. */
    assert_int_equal(mcu_sip_user_decode(out, sizeof(out), "a%00b%zz%4"), 0);
    assert_string_equal(out, "a%00b%zz%4");
}

static void user_part_is_never_cut(void **state)
{
    char out[4];
    assert_int_equal(mcu_sip_user_decode(out, sizeof(out), "abc"), 0);
    assert_int_equal(mcu_sip_user_decode(out, sizeof(out), "%61%62%63"), 0);
    assert_string_equal(out, "abc");
    assert_int_equal(mcu_sip_user_decode(out, sizeof(out), "abcd"), -ENAMETOOLONG);
    assert_int_equal(mcu_sip_user_encode(out, sizeof(out), "abcd"), -ENAMETOOLONG);
    assert_int_equal(mcu_sip_user_encode(out, sizeof(out), "a>"), -ENAMETOOLONG);
}

static void user_part_is_encoded(void **state)
{
    char out[64], back[64];
    assert_int_equal(mcu_sip_user_encode(out, sizeof(out), "a>;\r\n@b-c\xc3\xa9"), 0);
    assert_string_equal(out, "a%3E%3B%0D%0A%40b-c%C3%A9");
    assert_int_equal(mcu_sip_user_decode(back, sizeof(back), out), 0);
    assert_string_equal(back, "a>;\r\n@b-c\xc3\xa9");
}

static void text_is_made_clean_utf8(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        { "plain", "plain" },
        { "a\r\nb\tc\x7f", "a  b c " },
        { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
        { "a\xffz", "a?z" },
        { "\xc0\xaf", "??" },         /* overlong */
        { "\xed\xa0\x80", "???" },    /* a surrogate */
        { "\xf4\x90\x80\x80", "????" }, /* beyond Unicode */
        { "\xe2\x82", "??" },         /* cut */
        { "a\xc2\x85z", "a z" },      /* C1 control */
        { NULL, "" },
    };
    char out[32];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        mcu_sip_text_clean(out, sizeof(out), rows[i].in);
        assert_string_equal(out, rows[i].out);
    }
}

static void text_is_cut_between_characters(void **state)
{
    char out[4];
    mcu_sip_text_clean(out, sizeof(out), "ab\xc3\xa9");
    assert_string_equal(out, "ab");
    mcu_sip_text_clean(out, sizeof(out), "abcdef");
    assert_string_equal(out, "abc");
}

static void names_lose_their_quotes(void **state)
{
    char out[32];
    mcu_sip_name_clean(out, sizeof(out), "\"Alice \\\"A\\\" \\\\ B\"");
    assert_string_equal(out, "Alice \"A\" \\ B");
    mcu_sip_name_clean(out, sizeof(out), "  Bob  ");
    assert_string_equal(out, "Bob");
    mcu_sip_name_clean(out, sizeof(out), "\"");
    assert_string_equal(out, "");
    mcu_sip_name_clean(out, sizeof(out), "x\\");
    assert_string_equal(out, "x\\");
}

static void quotable_text_cannot_end_its_quotes(void **state)
{
    char out[32];
    mcu_sip_quotable(out, sizeof(out), "a\"b\\c\r\nd\xc3\xa9");
    assert_string_equal(out, "a b c  d  ");
}

static int key_of(const char *body, char *key)
{
    return mcu_sip_dtmf_parse(key, body, strlen(body));
}

static void dtmf_bodies_give_their_key(void **state)
{
    static const struct {
        const char *body;
        char key;
    } rows[] = {
        { "Signal=5\r\nDuration=160\r\n", '5' }, { "Signal= *\nDuration=100", '*' },
        { "signal = d\r\n", 'D' },               { "#", '#' },
        { " 7 \r\n", '7' },                      { "Duration=160\r\nSignal=1\r\n", '1' },
    };
    char key;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(key_of(rows[i].body, &key), 0);
        assert_int_equal(key, rows[i].key);
    }
}

static void other_dtmf_bodies_are_refused(void **state)
{
    static const char *const rows[] = { "",        "\r\n",       "Signal=",   "Signal=55",
                                        "Signal=x", "Duration=5", "x",         "Signal",
                                        "\n\n\n\n\n\n\n\n5" };
    char key;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(key_of(rows[i], &key), -EINVAL);
    assert_int_equal(mcu_sip_dtmf_parse(&key, NULL, 0), -EINVAL);
    assert_int_equal(mcu_sip_dtmf_parse(&key, "5\0", 2), -EINVAL);
}

static void fast_update_is_found(void **state)
{
    static const char body[] = "<media_control><picture_fast_update/></media_control>";
    assert_true(mcu_sip_is_fast_update(body, sizeof(body) - 1));
    assert_false(mcu_sip_is_fast_update(body, 30));
    assert_false(mcu_sip_is_fast_update(NULL, 0));
}

static void replaces_of_a_uri_is_taken_alone(void **state)
{
    static const struct {
        const char *headers, *value; /* NULL: refused */
    } rows[] = {
        { "Replaces=a%40h%3Bto-tag%3D1%3Bfrom-tag%3D2", "a@h;to-tag=1;from-tag=2" },
        { "replaces=a;from-tag=2;to-tag=1;Early-Only", "a;from-tag=2;to-tag=1;Early-Only" },
        { "Replaces=a;to-tag=1", NULL },
        { "Replaces=a;to-tag=1;to-tag=2;from-tag=3", NULL },
        { "Replaces=a;to-tag=;from-tag=2", NULL },
        { "Replaces=;to-tag=1;from-tag=2", NULL },
        { "Replaces=a;to-tag=1;from-tag=2;other=3", NULL },
        { "Replaces=a;to-tag=1;from-tag=2%0d%0aRoute:x", NULL },
        { "Replaces=a;to-tag=1;from-tag=2%00", NULL },
        { "Replaces=a;to-tag=1;from-tag=2,b", NULL },
        { "Replaces=a%2;to-tag=1;from-tag=2", NULL },
        { "Replaces=a;to-tag=1;from-tag=2&Subject=x", NULL },
        { "Subject=x", NULL },
        { "Replaces", NULL },
        { "", NULL },
    };
    char out[MCU_SIP_REPLACES_BYTES], cut[8];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int rc = mcu_sip_replaces_take(out, sizeof(out), rows[i].headers);
        assert_int_equal(rc, rows[i].value ? 0 : -EINVAL);
        if (rows[i].value)
            assert_string_equal(out, rows[i].value);
    }
    assert_int_equal(mcu_sip_replaces_take(cut, sizeof(cut), rows[0].headers), -ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_part_is_decoded),
        cmocka_unit_test(user_part_is_never_cut),
        cmocka_unit_test(user_part_is_encoded),
        cmocka_unit_test(text_is_made_clean_utf8),
        cmocka_unit_test(text_is_cut_between_characters),
        cmocka_unit_test(names_lose_their_quotes),
        cmocka_unit_test(quotable_text_cannot_end_its_quotes),
        cmocka_unit_test(dtmf_bodies_give_their_key),
        cmocka_unit_test(other_dtmf_bodies_are_refused),
        cmocka_unit_test(fast_update_is_found),
        cmocka_unit_test(replaces_of_a_uri_is_taken_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
