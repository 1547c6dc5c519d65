/* tests/unit/test_negotiate_security.c - which lines are secured, how, and what the answer says. The
 * offers of real devices are in test_negotiate.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/negotiate.h"

#define CRYPTO(tag, suite) "a=crypto:" #tag " " suite " inline:" KEY "\r\n"
#define KEY                "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
#define SHA1_80            "AES_CM_128_HMAC_SHA1_80"
#define SHA1_32            "AES_CM_128_HMAC_SHA1_32"
#define HEX8               "00:11:22:33:44:55:66:77"
#define FINGERPRINT        "a=fingerprint:sha-256 " HEX8 ":" HEX8 ":" HEX8 ":" HEX8 "\r\n"
#define DTLS               "m=audio 1000 UDP/TLS/RTP/SAVPF 0\r\n"

static struct mcu_nego_caps caps;
static struct mcu_nego_local local;
static struct mcu_nego nego;
static char text[8192];

static int setup(void **state)
{
    caps = (struct mcu_nego_caps){
        .audio = { MCU_CODEC_PCMU }, .audio_count = 1, .video = { MCU_CODEC_VP8 },
        .address = "192.0.2.1", .dtmf_pt = 101, .security = MCU_SECURITY_OPTIONAL,
        .fingerprint = { .hash = MCU_HASH_SHA256, .bytes = { 0xab } },
    };
    local = (struct mcu_nego_local){ .session_id = 7, .session_version = 1 };
    for (int i = 0; i < MCU_SDP_MAX_LINES; i++)
        local.port[i] = 20000 + 2 * i;
    return 0;
}

static struct mcu_sdp *parse(const char *media)
{
    static char sdp[4096];
    struct mcu_sdp *s = NULL;
    snprintf(sdp, sizeof(sdp), "v=0\r\nc=IN IP4 192.0.2.7\r\n%s", media);
    assert_int_equal(mcu_sdp_parse(&s, sdp, strlen(sdp), NULL), 0);
    return s;
}

static int offer(const char *media)
{
    struct mcu_sdp *s = parse(media);
    int rc = mcu_nego_offer(&nego, s, &caps);
    for (int i = 0; i < nego.line_count; i++)
        local.key[i].suite = nego.line[i].sdes.key.suite;
    assert_true(mcu_nego_write_answer(&nego, s, &caps, &local, text, sizeof(text)) > 0);
    mcu_sdp_free(&s);
    return rc;
}

static void answers(const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
}

static void answers_not(const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" in:\n%s", part, text);
}

static void a_key_is_answered_under_the_peers_tag(void **state)
{
    assert_int_equal(offer("m=audio 1000 RTP/SAVP 0\r\n" CRYPTO(7, SHA1_80)), 0);
    assert_int_equal(nego.line[0].sealing, MCU_SDES);
    assert_memory_equal(nego.line[0].sdes.key.bytes, "YS___semctl () {\t220;}\n}\nunles", 30);
    answers("m=audio 20000 RTP/SAVP 0\r\n");
    answers("\r\na=crypto:7 " SHA1_80 " inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n");
    answers_not(KEY);
    answers_not("a=setup");
}

static void the_short_tag_is_taken_only_when_alone(void **state)
{
    assert_int_equal(offer("m=audio 1000 RTP/SAVPF 0\r\n" CRYPTO(1, SHA1_32) CRYPTO(2, SHA1_80)), 0);
    answers("m=audio 20000 RTP/SAVPF 0\r\n");
    answers("a=crypto:2 " SHA1_80);
    assert_int_equal(offer("m=audio 1000 RTP/SAVP 0\r\n" CRYPTO(1, SHA1_32)), 0);
    answers("a=crypto:1 " SHA1_32);
}

static void unusable_crypto_lines_are_passed_over(void **state)
{
    assert_int_equal(offer("m=audio 1000 RTP/SAVP 0\r\na=crypto:1 F8_128_HMAC_SHA1_80 inline:" KEY
                           "\r\na=crypto:2 " SHA1_80 " inline:" KEY "|1:4\r\na=crypto:x\r\n"
                           CRYPTO(3, SHA1_80)), 0);
    answers("a=crypto:3 ");
}

static void many_crypto_lines_are_bounded(void **state)
{
    char media[4096] = "m=audio 1000 RTP/SAVP 0\r\n";
    for (int i = 0; i < 20; i++)
        strcat(media, CRYPTO(5, SHA1_80));
    assert_int_equal(offer(media), 0);
}

static void secured_without_a_key_is_refused(void **state)
{
    static const char *const media[] = {
        "m=audio 1000 RTP/SAVP 0\r\n",
        "m=audio 1000 RTP/SAVPF 0\r\na=crypto:1 " SHA1_80 " inline:AAAA\r\n",
        "m=audio 1000 UDP/TLS/RTP/SAVP 0\r\n",
        DTLS "a=setup:actpass\r\n",
        DTLS CRYPTO(1, SHA1_80), /* a key in the SDP is no key for DTLS */
        DTLS "a=fingerprint:md5 00:11\r\n",
        CRYPTO(1, SHA1_80) "m=audio 1000 RTP/SAVP 0\r\n", /* not a session's attribute */
    };
    for (size_t i = 0; i < sizeof(media) / sizeof(media[0]); i++) {
        assert_int_equal(offer(media[i]), -ENOENT);
        assert_true(nego.security_missing);
        answers("m=audio 0 ");
        answers_not("a=crypto");
    }
    assert_int_equal(offer("m=audio 1000 RTP/AVP 18\r\n"), -ENOENT);
    assert_false(nego.security_missing);
}

static void dtls_is_answered_with_a_role_and_our_fingerprint(void **state)
{
    static const struct {
        const char *offered, *answered;
        bool active;
    } rows[] = {
        { "a=setup:actpass\r\n", "a=setup:active\r\n", true },
        { "a=setup:active\r\n", "a=setup:passive\r\n", false },
        { "a=setup:passive\r\n", "a=setup:active\r\n", true },
        { "", "a=setup:passive\r\n", false },
    };
    for (size_t i = 0; i < 4; i++) {
        char media[512];
        snprintf(media, sizeof(media), DTLS FINGERPRINT "%s", rows[i].offered);
        assert_int_equal(offer(media), 0);
        assert_int_equal(nego.line[0].sealing, MCU_DTLS);
        assert_int_equal(nego.line[0].dtls_active, rows[i].active);
        assert_int_equal(nego.line[0].fingerprint.bytes[1], 0x11);
        answers("m=audio 20000 UDP/TLS/RTP/SAVPF 0\r\n");
        answers(rows[i].answered);
        answers("a=fingerprint:sha-256 AB:00:00:");
    }
}

static void fingerprint_and_setup_may_stand_for_the_session(void **state)
{
    assert_int_equal(offer(FINGERPRINT "a=setup:active\r\n" DTLS), 0);
    answers("a=setup:passive\r\n");
    assert_int_equal(offer(FINGERPRINT "a=setup:active\r\n" DTLS "a=setup:actpass\r\n"), 0);
    answers("a=setup:active\r\n");
}

static void the_strongest_fingerprint_counts(void **state)
{
    assert_int_equal(offer(DTLS FINGERPRINT "a=fingerprint:sha-1 " HEX8 ":" HEX8 ":00:11:22:33\r\n"),
                     0);
    assert_int_equal(nego.line[0].fingerprint.hash, MCU_HASH_SHA256);
}

/* RFC 8643: what a peer can besides plain RTP is used. */
static void plain_offers_with_a_key_are_secured(void **state)
{
    assert_int_equal(offer("m=audio 1000 RTP/AVP 0\r\n" CRYPTO(1, SHA1_80)), 0);
    assert_int_equal(nego.line[0].sealing, MCU_SDES);
    answers("m=audio 20000 RTP/AVP 0\r\n");
    answers("a=crypto:1 ");
    assert_int_equal(offer("m=audio 1000 RTP/AVPF 0\r\na=setup:actpass\r\n" FINGERPRINT), 0);
    assert_int_equal(nego.line[0].sealing, MCU_DTLS);
    assert_int_equal(offer("m=audio 1000 RTP/AVP 0\r\na=crypto:1 nonsense\r\n"), 0);
    assert_int_equal(nego.line[0].sealing, MCU_PLAIN);
    answers_not("a=crypto");
}

static void the_configuration_decides(void **state)
{
    static const char *const media[] = {
        "m=audio 1000 RTP/AVP 0\r\n", "m=audio 1000 RTP/AVP 0\r\n" CRYPTO(1, SHA1_80),
        "m=audio 1000 RTP/SAVP 0\r\n" CRYPTO(1, SHA1_80), DTLS FINGERPRINT,
    };
    static const int want[3][4] = { /* -1: refused */
        [MCU_SECURITY_OFF] = { MCU_PLAIN, MCU_PLAIN, -1, -1 },
        [MCU_SECURITY_OPTIONAL] = { MCU_PLAIN, MCU_SDES, MCU_SDES, MCU_DTLS },
        [MCU_SECURITY_REQUIRED] = { -1, MCU_SDES, MCU_SDES, MCU_DTLS },
    };
    for (int security = 0; security < 3; security++)
        for (int i = 0; i < 4; i++) {
            caps.security = (enum mcu_security)security;
            int rc = offer(media[i]);
            assert_int_equal(rc < 0 ? -1 : (int)nego.line[0].sealing, want[security][i]);
            assert_int_equal(nego.security_missing, rc < 0);
        }
}

/* Best effort of room systems: the same line twice, first secured. */
static void of_two_lines_the_secured_one_is_taken(void **state)
{
    assert_int_equal(offer("m=audio 1000 RTP/SAVP 0\r\n" CRYPTO(1, SHA1_80)
                           "m=audio 1002 RTP/AVP 0\r\n"), 0);
    assert_true(nego.line[0].accepted && !nego.line[1].accepted);
    caps.security = MCU_SECURITY_OFF;
    assert_int_equal(offer("m=audio 1000 RTP/SAVP 0\r\n" CRYPTO(1, SHA1_80)
                           "m=audio 1002 RTP/AVP 0\r\n"), 0);
    assert_true(!nego.line[0].accepted && nego.line[1].accepted);
}

static void without_our_key_or_certificate_the_line_is_refused(void **state)
{
    struct mcu_sdp *s = parse("m=audio 1000 RTP/SAVP 0\r\n" CRYPTO(1, SHA1_80));
    assert_int_equal(mcu_nego_offer(&nego, s, &caps), 0);
    assert_true(mcu_nego_write_answer(&nego, s, &caps, &local, text, sizeof(text)) > 0);
    answers("m=audio 0 RTP/SAVP");
    mcu_sdp_free(&s);
    caps.fingerprint.hash = MCU_HASH_NONE;
    assert_int_equal(offer(DTLS FINGERPRINT), -ENOENT);
}

static void roles_stay_where_the_peer_leaves_them_to_us(void **state)
{
    static struct mcu_nego before;
    struct mcu_sdp *s = parse(DTLS FINGERPRINT "a=setup:active\r\n");
    assert_int_equal(mcu_nego_offer(&before, s, &caps), 0);
    mcu_sdp_free(&s);
    s = parse(DTLS FINGERPRINT "a=setup:actpass\r\n");
    assert_int_equal(mcu_nego_offer(&nego, s, &caps), 0);
    assert_true(nego.line[0].dtls_active);
    mcu_nego_keep_roles(&nego, s, &before);
    assert_false(nego.line[0].dtls_active);
    before.line[0].fingerprint.bytes[0] ^= 1; /* another peer: another association */
    assert_int_equal(mcu_nego_offer(&nego, s, &caps), 0);
    mcu_nego_keep_roles(&nego, s, &before);
    assert_true(nego.line[0].dtls_active);
    mcu_nego_write_reoffer(&nego, s, &caps, &local, text, sizeof(text));
    answers("a=setup:actpass\r\n");
    mcu_sdp_free(&s);
}

static int answer(const char *media)
{
    struct mcu_sdp *s = parse(media);
    int rc = mcu_nego_answer(&nego, s, &caps);
    mcu_sdp_free(&s);
    return rc;
}

static void our_offers_carry_a_key(void **state)
{
    local.key[0].suite = MCU_NEGO_OFFER_SUITE;
    assert_true(mcu_nego_write_offer(&caps, &local, text, sizeof(text)) > 0);
    answers("m=audio 20000 RTP/AVP 0");
    answers("a=crypto:1 " SHA1_80 " inline:AAAA");
    assert_int_equal(answer("m=audio 1000 RTP/AVP 0\r\n"), 0);
    assert_int_equal(nego.line[0].sealing, MCU_PLAIN);
    caps.security = MCU_SECURITY_REQUIRED;
    assert_true(mcu_nego_write_offer(&caps, &local, text, sizeof(text)) > 0);
    answers("m=audio 20000 RTP/SAVP 0");
    assert_int_equal(answer("m=audio 1000 RTP/SAVP 0\r\n" CRYPTO(1, SHA1_80)), 0);
    assert_int_equal(nego.line[0].sealing, MCU_SDES);
    assert_int_equal(answer("m=audio 1000 RTP/SAVP 0\r\n" CRYPTO(2, SHA1_80)), -ENOENT);
    assert_int_equal(answer("m=audio 1000 RTP/SAVP 0\r\n" CRYPTO(1, SHA1_32)), -ENOENT);
    assert_int_equal(answer("m=audio 1000 RTP/AVP 0\r\n"), -ENOENT);
    assert_int_equal(answer(DTLS FINGERPRINT), -ENOENT);
    caps.security = MCU_SECURITY_OFF;
    assert_true(mcu_nego_write_offer(&caps, &local, text, sizeof(text)) > 0);
    answers_not("a=crypto");
}

static void our_reoffer_keeps_the_key(void **state)
{
    struct mcu_sdp *s = parse("m=audio 1000 RTP/SAVP 0\r\n" CRYPTO(4, SHA1_80));
    assert_int_equal(mcu_nego_offer(&nego, s, &caps), 0);
    local.key[0].suite = MCU_SRTP_AES128_SHA1_80;
    assert_true(mcu_nego_write_reoffer(&nego, s, &caps, &local, text, sizeof(text)) > 0);
    answers("m=audio 20000 RTP/SAVP 0\r\n");
    answers("a=crypto:1 " SHA1_80 " inline:AAAA");
    mcu_sdp_free(&s);
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_key_is_answered_under_the_peers_tag),
        T(the_short_tag_is_taken_only_when_alone),
        T(unusable_crypto_lines_are_passed_over),
        T(many_crypto_lines_are_bounded),
        T(secured_without_a_key_is_refused),
        T(dtls_is_answered_with_a_role_and_our_fingerprint),
        T(fingerprint_and_setup_may_stand_for_the_session),
        T(the_strongest_fingerprint_counts),
        T(plain_offers_with_a_key_are_secured),
        T(the_configuration_decides),
        T(of_two_lines_the_secured_one_is_taken),
        T(without_our_key_or_certificate_the_line_is_refused),
        T(roles_stay_where_the_peer_leaves_them_to_us),
        T(our_offers_carry_a_key),
        T(our_reoffer_keeps_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
