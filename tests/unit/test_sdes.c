/* tests/unit/test_sdes.c - a=crypto lines: what is taken, what is left, what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mixer/base/util.h"
#include "net/sdes.h"

#define KEY30 "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz" /* RFC 4568 section 5.1 */

static struct mcu_sdes sdes;

static int parse(const char *text)
{
    memset(&sdes, 0x5a, sizeof(sdes));
    return mcu_sdes_parse(&sdes, mcu_cursor(text, strlen(text)));
}

static void the_rfcs_example_is_read(void **state)
{
    assert_int_equal(parse("1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|2^20"), 0);
    assert_int_equal(sdes.tag, 1);
    assert_int_equal(sdes.key.suite, MCU_SRTP_AES128_SHA1_80);
    assert_memory_equal(sdes.key.bytes, "YS___semctl () {\t220;}\n}\nunles", 30);
}

static void harmless_variants_are_read(void **state)
{
    assert_int_equal(parse("  12   aes_cm_128_hmac_sha1_32  inline:" KEY30), 0);
    assert_int_equal(sdes.key.suite, MCU_SRTP_AES128_SHA1_32);
    assert_int_equal(parse("1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|1048576"), 0);
    assert_int_equal(parse("1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|2^48 WSH=128 KDR=0 -x"), 0);
    assert_int_equal(parse("999999999 AES_CM_128_HMAC_SHA1_80 inline:" KEY30), 0);
}

static void gcm_keys_have_other_lengths(void **state)
{
    if (!mcu_srtp_supported(MCU_SRTP_AES128_GCM) || !mcu_srtp_supported(MCU_SRTP_AES256_GCM)) {
        assert_int_equal(parse("1 AEAD_AES_128_GCM inline:AAAA"), -ENOTSUP);
        return;
    }
    /* 28 bytes, with and without their padding; 44 bytes. */
    assert_int_equal(parse("1 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="), 0);
    assert_int_equal(parse("1 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw"), 0);
    assert_int_equal(sdes.key.bytes[27], 27);
    assert_int_equal(parse("1 AEAD_AES_256_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gI"
                           "SIjJCUmJygpKis="), 0);
    assert_int_equal(sdes.key.bytes[43], 43);
    assert_int_equal(parse("1 AEAD_AES_128_GCM inline:" KEY30), -EBADMSG);
}

/* RFC 4568 5.1.2: what cannot be obeyed must not be taken. */
static void what_we_cannot_do_is_left(void **state)
{
    static const char *const lines[] = {
        "1 F8_128_HMAC_SHA1_80 inline:" KEY30,
        "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|2^20|1:4",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|1:4",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|2^20|1:4;inline:" KEY30 "|2^20|2:4",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 " UNENCRYPTED_SRTP",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 " UNAUTHENTICATED_SRTP",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 " WSH=64 UNENCRYPTED_SRTCP",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 " KDR=16",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 " FEC_ORDER=FEC_SRTP",
        "1 AES_256_CM_HMAC_SHA1_80 inline:AAAA",
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(lines); i++) {
        int rc = parse(lines[i]);
        if (rc != -ENOTSUP)
            fail_msg("%s: %d", lines[i], rc);
        assert_int_equal(sdes.tag, 0x5a5a5a5a); /* nothing was written */
    }
}

static void malformed_lines_are_told(void **state)
{
    static const char *const lines[] = {
        "", " ", "1", "1 AES_CM_128_HMAC_SHA1_80", "0 AES_CM_128_HMAC_SHA1_80 inline:" KEY30,
        "x AES_CM_128_HMAC_SHA1_80 inline:" KEY30, "1x AES_CM_128_HMAC_SHA1_80 inline:" KEY30,
        "1000000000 AES_CM_128_HMAC_SHA1_80 inline:" KEY30,
        "-1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30,
        "1 AES_CM_128_HMAC_SHA1_80 inline:", "1 AES_CM_128_HMAC_SHA1_80 " KEY30,
        "1 AES_CM_128_HMAC_SHA1_80 uri:" KEY30, "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "AAAA",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "A", "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "=",
        "1 AES_CM_128_HMAC_SHA1_80 inline:WVNf*19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|", "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|x",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|2^49",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|3^20",
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(lines); i++) {
        int rc = parse(lines[i]);
        if (rc != -EBADMSG && i != 16) /* a bar with nothing behind it means nothing */
            fail_msg("%s: %d", lines[i], rc);
    }
}

static void the_peers_first_wins_but_for_the_short_tag(void **state)
{
    struct mcu_sdes list[3] = {
        { .tag = 1, .key.suite = MCU_SRTP_AES128_SHA1_32 },
        { .tag = 2, .key.suite = MCU_SRTP_NONE },
        { .tag = 3, .key.suite = MCU_SRTP_AES128_SHA1_80 },
    };
    assert_int_equal(mcu_sdes_choose(list, 3)->tag, 3);
    assert_int_equal(mcu_sdes_choose(list, 2)->tag, 1);
    assert_null(mcu_sdes_choose(list + 1, 1));
    assert_null(mcu_sdes_choose(list, 0));
}

static void what_is_written_is_read_again(void **state)
{
    char line[MCU_SDES_LINE_BYTES];
    for (int i = 1; i < MCU_SRTP_SUITES; i++) {
        struct mcu_srtp_key key;
        if (!mcu_srtp_supported((enum mcu_srtp_suite)i))
            continue;
        mcu_srtp_key_random(&key, (enum mcu_srtp_suite)i);
        int n = mcu_sdes_write(line, sizeof(line), 999999999, &key);
        assert_true(n > 0);
        assert_string_equal(line + n - 2, "\r\n");
        line[n - 2] = '\0';
        assert_int_equal(parse(line + strlen("a=crypto:")), 0);
        assert_true(mcu_srtp_key_equal(&sdes.key, &key));
        assert_int_equal(mcu_sdes_write(line, (size_t)n, 999999999, &key), -ENOSPC);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rfcs_example_is_read),
        cmocka_unit_test(harmless_variants_are_read),
        cmocka_unit_test(gcm_keys_have_other_lengths),
        cmocka_unit_test(what_we_cannot_do_is_left),
        cmocka_unit_test(malformed_lines_are_told),
        cmocka_unit_test(the_peers_first_wins_but_for_the_short_tag),
        cmocka_unit_test(what_is_written_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
