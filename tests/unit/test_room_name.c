/* Room names as they come in URIs: one decoding, one spelling, and nothing that could leave a folder
 * or a log line. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mixer/base/util.h"
#include "net/room_name.h"

static char out[MCU_ROOM_NAME_BYTES];

static void good(const char *raw, const char *want)
{
    if (mcu_room_name_parse(out, raw, strlen(raw)) != 0)
        fail_msg("refused: %s", raw);
    assert_string_equal(out, want);
}

static void bad(const char *raw, size_t len)
{
    memset(out, 'u', sizeof(out));
    if (mcu_room_name_parse(out, raw, len) != -EINVAL)
        fail_msg("accepted: %.*s", (int)len, raw);
    assert_int_equal(out[0], 'u'); /* written on success only */
}

static void plain_names_stay(void **state)
{
    static const char *const names[] = { "room1", "a", "A.b-c_d", "1234", "r\xc3\xa9union",
                                         "\xe4\xbc\x9a\xe8\xad\xb0", "\xf0\x9f\x98\x80", ".a", "a..",
                                         "a b", "+33;x=y" };
    for (size_t i = 0; i < MCU_ARRAY_LEN(names); i++)
        good(names[i], names[i]);
}

static void percent_signs_are_decoded_once(void **state)
{
    good("caf%C3%A9", "caf\xc3\xa9");
    good("a%20b", "a b");
    good("%61%62", "ab");
    good("100%25", "100%");
    good("%2541", "%41"); /* RFC 3986 section 2.4: not twice */
}

static void one_name_has_one_spelling(void **state)
{
    good("e\xcc\x81", "\xc3\xa9");   /* combining acute: NFC */
    good("e%CC%81", "\xc3\xa9");
    good("\xe2\x84\xab", "\xc3\x85"); /* angstrom sign */
}

static void broken_coding_is_refused(void **state)
{
    static const char *const names[] = { "%", "a%", "a%4", "a%zz", "a%4g", "%%20", "\xff", "\xc3",
                                         "\xc0\xaf", "\xed\xa0\x80", "%FF", "%C3", "%C0%AF",
                                         "%F4%90%80%80" };
    for (size_t i = 0; i < MCU_ARRAY_LEN(names); i++)
        bad(names[i], strlen(names[i]));
}

static void what_could_escape_is_refused(void **state)
{
    static const char *const names[] = { "", ".", "..", "...", "a/b", "a%2Fb", "..%2F..%2Fetc", "a\\b",
                                         "a%5cb", "*", "a*b", "a%2Ab", "a\nb", "a%0Ab", "a%0D%0Ab",
                                         "a%00b", "%00", "\x7f", "a%1bb", "\xc2\x85", "%2E%2E" };
    for (size_t i = 0; i < MCU_ARRAY_LEN(names); i++)
        bad(names[i], strlen(names[i]));
    bad("a\0b", 3);
}

static void the_length_is_bounded_after_decoding(void **state)
{
    char raw[4 * MCU_ROOM_NAME_BYTES];
    memset(raw, 'x', sizeof(raw));
    assert_int_equal(mcu_room_name_parse(out, raw, MCU_ROOM_NAME_BYTES - 1), 0);
    assert_int_equal(strlen(out), MCU_ROOM_NAME_BYTES - 1);
    bad(raw, MCU_ROOM_NAME_BYTES);
    bad(raw, sizeof(raw));
    for (size_t i = 0; i < 3 * (MCU_ROOM_NAME_BYTES - 1); i += 3)
        memcpy(raw + i, "%61", 3);
    assert_int_equal(mcu_room_name_parse(out, raw, 3 * (MCU_ROOM_NAME_BYTES - 1)), 0);
    assert_int_equal(strlen(out), MCU_ROOM_NAME_BYTES - 1);
    /* U+0958 grows under NFC (three bytes to six). */
    for (size_t i = 0; i < 120; i += 3)
        memcpy(raw + i, "\xe0\xa5\x98", 3);
    bad(raw, 120);
}

static void only_the_given_length_counts(void **state)
{
    assert_int_equal(mcu_room_name_parse(out, "room;transport=tcp", 4), 0);
    assert_string_equal(out, "room");
    bad("a%41", 3); /* the percent code is cut */
    bad("a%41", 2);
}

static void decoded_names_are_not_decoded_again(void **state)
{
    char longest[4 * MCU_ROOM_NAME_BYTES + 2];
    assert_int_equal(mcu_room_name_decoded(out, "50%41 r\xc3\xa9union"), 0);
    assert_string_equal(out, "50%41 r\xc3\xa9union");
    assert_int_equal(mcu_room_name_decoded(out, ""), -EINVAL);
    assert_int_equal(mcu_room_name_decoded(out, "a/b"), -EINVAL);
    memset(longest, '%', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(mcu_room_name_decoded(out, longest), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_names_stay),
        cmocka_unit_test(percent_signs_are_decoded_once),
        cmocka_unit_test(one_name_has_one_spelling),
        cmocka_unit_test(broken_coding_is_refused),
        cmocka_unit_test(what_could_escape_is_refused),
        cmocka_unit_test(the_length_is_bounded_after_decoding),
        cmocka_unit_test(only_the_given_length_counts),
        cmocka_unit_test(decoded_names_are_not_decoded_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
