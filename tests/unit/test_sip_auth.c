/* Digest: the examples of RFC 7616, and what a guesser, a listener and a replayer get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mixer/base/util.h"
#include "net/sip_auth.h"

static const uint8_t secret[32] = "thirty-two bytes, known to tests";
static const char accounts[][MCU_SIP_ACCOUNT_SIZE] = {
    "alice:wonderland",
    "bob:{SHA-256}5f7a6fd7a3a2d7ba9f1cf0a4e4e0ee4c0f2e0a3cf5a5f5a0f8f9d6a7b8c9d0e1",
    "carol:{MD5}0123456789abcdef0123456789abcdef",
    "dave:pass:with:colons",
};

static struct mcu_sip_auth *new_auth(void)
{
    struct mcu_sip_auth *auth = NULL;
    assert_int_equal(mcu_sip_auth_new(&auth, "tessera", accounts, 4, secret), 0);
    return auth;
}

/* What a client that knows this password says to a challenge made at issued_ms. */
static void answer(char out[2048], const struct mcu_sip_auth *auth, enum mcu_digest algorithm,
                   const char *user, const char *password, int64_t issued_ms, uint64_t salt)
{
    char challenge[MCU_SIP_CHALLENGE_SIZE];
    struct mcu_digest_params p;
    const struct mcu_digest_login login = { "tessera", user, password };
    assert_int_equal(mcu_sip_auth_challenge(challenge, auth, algorithm, false, issued_ms, salt), 0);
    assert_int_equal(mcu_digest_parse(&p, challenge), 0);
    assert_int_equal(mcu_digest_answer(out, 2048, &p, &login, "INVITE", "sip:r@h", "c0ffee"), 0);
}

static enum mcu_auth_result check(struct mcu_sip_auth *auth, const char *text, int64_t now_ms)
{
    char user[MCU_SIP_USER_SIZE] = "?";
    enum mcu_auth_result result = mcu_sip_auth_check(auth, text, "INVITE", MCU_AUTH_ANY_DIGEST, now_ms, user);
    if (result != MCU_AUTH_OK)
        assert_string_equal(user, "?");
    return result;
}

/* RFC 7616 3.9.1 */
static void responses_are_those_of_the_rfc(void **state)
{
    static const char text[] =
        "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "
        "algorithm=%s, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, "
        "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\"%s\", "
        "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
    static const char *const expected[MCU_DIGESTS] = {
        [MCU_DIGEST_MD5] = "8ca523f5e9506fed4657c9700eebdbec",
        [MCU_DIGEST_SHA256] = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    };
    for (int i = 0; i < MCU_DIGESTS; i++) {
        char header[1024], ha1[MCU_DIGEST_HEX], response[MCU_DIGEST_HEX];
        enum mcu_digest algorithm = (enum mcu_digest)i;
        struct mcu_digest_params p;
        snprintf(header, sizeof(header), text, mcu_digest_name(algorithm), expected[i]);
        assert_int_equal(mcu_digest_parse(&p, header), 0);
        assert_int_equal(p.algorithm, algorithm);
        assert_true(p.qop_auth);
        assert_int_equal(mcu_digest_ha1(ha1, algorithm, p.username, p.realm, "Circle of Life"), 0);
        assert_int_equal(mcu_digest_response(response, &p, ha1, "GET"), 0);
        assert_string_equal(response, expected[i]);
        assert_string_equal(response, p.response);
    }
}

static void parameters_are_read_as_written(void **state)
{
    struct mcu_digest_params p;
    assert_int_equal(mcu_digest_parse(&p, "digest  Username = \"a\\\"b\\\\\" ,\r\n realm=\"\","
                                          "qop=\"auth-int,auth\",stale=TRUE,extra=\"x\""),
                     0);
    assert_string_equal(p.username, "a\"b\\");
    assert_string_equal(p.realm, "");
    assert_int_equal(p.algorithm, MCU_DIGEST_MD5);
    assert_true(p.qop_auth && p.stale);
    assert_int_equal(mcu_digest_parse(&p, "Digest realm=r, qop=\"auth-int\", algorithm=SHA-512"), 0);
    assert_false(p.qop_auth);
    assert_int_equal(p.algorithm, MCU_DIGEST_OTHER);
}

static void what_is_no_digest_is_refused(void **state)
{
    static const char *const texts[] = {
        "", "Digest", "Basic YTpi", "Digestrealm=\"a\"", "Digest realm", "Digest realm=",
        "Digest realm=\"a", "Digest realm=\"a\" nonce=\"b\"", "Digest realm=\"a\",",
        "Digest realm=\"a\",,nonce=\"b\"", "Digest realm=\"a\", realm=\"b\"",
        "Digest algorithm=MD5, algorithm=SHA-256", "Digest =\"a\"", "Digest nc=000000001",
        "Digest realm=\"a\\",
    };
    struct mcu_digest_params p;
    for (size_t i = 0; i < MCU_ARRAY_LEN(texts); i++)
        if (mcu_digest_parse(&p, texts[i]) != -EINVAL)
            fail_msg("accepted: %s", texts[i]);
    char longest[400] = "Digest username=\"";
    memset(longest + strlen(longest), 'x', MCU_DIGEST_TEXT);
    strcat(longest, "\"");
    assert_int_equal(mcu_digest_parse(&p, longest), -EINVAL);
}

static void the_right_password_is_let_in(void **state)
{
    struct mcu_sip_auth *auth = new_auth();
    char text[2048], user[MCU_SIP_USER_SIZE];
    for (int i = 0; i < MCU_DIGESTS; i++) {
        answer(text, auth, (enum mcu_digest)i, "alice", "wonderland", 1000, (uint64_t)i);
        assert_int_equal(mcu_sip_auth_check(auth, text, "INVITE", MCU_AUTH_ANY_DIGEST, 1500, user), MCU_AUTH_OK);
        assert_string_equal(user, "alice");
        answer(text, auth, (enum mcu_digest)i, "dave", "pass:with:colons", 1000, 10 + (uint64_t)i);
        assert_int_equal(mcu_sip_auth_check(auth, text, "INVITE", MCU_AUTH_ANY_DIGEST, 1500, user), MCU_AUTH_OK);
        assert_string_equal(user, "dave");
    }
    mcu_sip_auth_free(&auth);
    assert_null(auth);
}

static void a_stored_hash_stands_for_its_password(void **state)
{
    for (int i = 0; i < MCU_DIGESTS; i++) {
        char account[1][MCU_SIP_ACCOUNT_SIZE], ha1[MCU_DIGEST_HEX], text[2048];
        enum mcu_digest algorithm = (enum mcu_digest)i, other = (enum mcu_digest)(1 - i);
        struct mcu_sip_auth *auth;
        assert_int_equal(mcu_digest_ha1(ha1, algorithm, "eve", "tessera", "secret"), 0);
        snprintf(account[0], sizeof(account[0]), "eve:{%s}%s", mcu_digest_name(algorithm), ha1);
        assert_int_equal(mcu_sip_auth_new(&auth, "tessera", account, 1, secret), 0);
        answer(text, auth, algorithm, "eve", "secret", 0, 1);
        assert_int_equal(check(auth, text, 0), MCU_AUTH_OK);
        answer(text, auth, other, "eve", "secret", 0, 2);
        assert_int_equal(check(auth, text, 0), MCU_AUTH_WRONG);
        mcu_sip_auth_free(&auth);
    }
}

static void wrong_and_unknown_are_the_same(void **state)
{
    static const char *const logins[][2] = { { "alice", "wonderlanD" }, { "alice", "" },
                                             { "nobody", "wonderland" }, { "", "" },
                                             { "alice ", "wonderland" }, { "carol", "x" } };
    struct mcu_sip_auth *auth = new_auth();
    char text[2048];
    for (size_t i = 0; i < MCU_ARRAY_LEN(logins); i++)
        for (int k = 0; k < MCU_DIGESTS; k++) {
            answer(text, auth, (enum mcu_digest)k, logins[i][0], logins[i][1], 0, i);
            assert_int_equal(check(auth, text, 0), MCU_AUTH_WRONG);
        }
    mcu_sip_auth_free(&auth);
}

static void a_digest_is_good_for_one_request(void **state)
{
    struct mcu_sip_auth *auth = new_auth();
    char text[2048], user[MCU_SIP_USER_SIZE];
    answer(text, auth, MCU_DIGEST_SHA256, "alice", "wonderland", 0, 7);
    assert_int_equal(mcu_sip_auth_check(auth, text, "BYE", MCU_AUTH_ANY_DIGEST, 0, user), MCU_AUTH_WRONG);
    assert_int_equal(check(auth, text, 0), MCU_AUTH_OK);
    assert_int_equal(check(auth, text, 0), MCU_AUTH_STALE);
    /* The next count of the same nonce is another request. */
    char *nc = strstr(text, "nc=00000001"), ha1[MCU_DIGEST_HEX], response[MCU_DIGEST_HEX];
    struct mcu_digest_params p;
    memcpy(nc, "nc=00000003", 11);
    assert_int_equal(check(auth, text, 0), MCU_AUTH_WRONG);
    assert_int_equal(mcu_digest_parse(&p, text), 0);
    assert_int_equal(mcu_digest_ha1(ha1, p.algorithm, "alice", "tessera", "wonderland"), 0);
    assert_int_equal(mcu_digest_response(response, &p, ha1, "INVITE"), 0);
    memcpy(strstr(text, "response=\"") + 10, response, 64);
    assert_int_equal(check(auth, text, 0), MCU_AUTH_OK);
    assert_int_equal(check(auth, text, 0), MCU_AUTH_STALE);
    mcu_sip_auth_free(&auth);
}

static void an_old_nonce_is_stale_and_a_foreign_one_too(void **state)
{
    static const uint8_t other[32] = "another process's secret, surely";
    struct mcu_sip_auth *auth = new_auth(), *before;
    char text[2048];
    answer(text, auth, MCU_DIGEST_MD5, "alice", "wonderland", 1000, 1);
    assert_int_equal(check(auth, text, 1000 + 60001), MCU_AUTH_STALE);
    assert_int_equal(check(auth, text, 1000 + 60000), MCU_AUTH_OK);
    answer(text, auth, MCU_DIGEST_MD5, "alice", "wonderland", 2000, 2);
    assert_int_equal(check(auth, text, 1999), MCU_AUTH_STALE); /* not issued yet */
    assert_int_equal(mcu_sip_auth_new(&before, "tessera", accounts, 4, other), 0);
    answer(text, before, MCU_DIGEST_MD5, "alice", "wonderland", 1000, 1);
    assert_int_equal(check(auth, text, 1000), MCU_AUTH_STALE);
    answer(text, before, MCU_DIGEST_MD5, "alice", "wrong", 1000, 1);
    assert_int_equal(check(auth, text, 1000), MCU_AUTH_WRONG); /* never stale for who guesses */
    mcu_sip_auth_free(&before);
    mcu_sip_auth_free(&auth);
}

static void forgotten_nonces_cannot_be_used_again(void **state)
{
    struct mcu_sip_auth *auth = new_auth();
    char first[2048], text[2048];
    answer(first, auth, MCU_DIGEST_MD5, "alice", "wonderland", 1, 1);
    assert_int_equal(check(auth, first, 1), MCU_AUTH_OK);
    for (int i = 0; i < 1500; i++) {
        answer(text, auth, MCU_DIGEST_MD5, "alice", "wonderland", 2 + i, 1);
        assert_int_equal(check(auth, text, 2 + i), MCU_AUTH_OK);
        assert_int_equal(check(auth, text, 2 + i), MCU_AUTH_STALE);
        assert_int_equal(check(auth, first, 2 + i), MCU_AUTH_STALE);
    }
    mcu_sip_auth_free(&auth);
}

static void what_has_no_replay_guard_is_refused(void **state)
{
    struct mcu_sip_auth *auth = new_auth();
    char text[2048], *at;
    answer(text, auth, MCU_DIGEST_MD5, "alice", "wonderland", 0, 1);
    at = strstr(text, "qop=auth");
    memcpy(at, "qop=none", 8);
    assert_int_equal(check(auth, text, 0), MCU_AUTH_WRONG);
    memcpy(at, "qop=auth", 8);
    memcpy(strstr(text, "nc=00000001"), "nc=00000000", 11);
    assert_int_equal(check(auth, text, 0), MCU_AUTH_WRONG);
    assert_int_equal(check(auth, "Digest realm=\"elsewhere\"", 0), MCU_AUTH_NONE);
    assert_int_equal(check(auth, "Bearer x", 0), MCU_AUTH_NONE);
    mcu_sip_auth_free(&auth);
}

static void another_realm_gets_no_digest(void **state)
{
    const struct mcu_digest_login login = { "ours", "user", "password" };
    static const struct {
        const char *challenge;
        int rc;
    } rows[] = {
        { "Digest realm=\"theirs\", nonce=\"n\", qop=\"auth\"", -EACCES },
        { "Digest realm=\"Ours\", nonce=\"n\", qop=\"auth\"", -EACCES },
        { "Digest realm=\"ours\", nonce=\"n\"", -EINVAL },
        { "Digest realm=\"ours\", nonce=\"n\", qop=\"auth-int\"", -EINVAL },
        { "Digest realm=\"ours\", nonce=\"n\", qop=\"auth\", algorithm=SHA-512-256", -EINVAL },
        { "Digest realm=\"ours\", nonce=\"a\\\"b\", qop=\"auth\"", -EINVAL },
        { "Digest realm=\"ours\", nonce=\"n\", qop=\"auth,auth-int\", opaque=\"o\"", 0 },
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(rows); i++) {
        char out[1024] = "";
        struct mcu_digest_params p;
        assert_int_equal(mcu_digest_parse(&p, rows[i].challenge), 0);
        assert_int_equal(mcu_digest_answer(out, sizeof(out), &p, &login, "INVITE", "sip:a@b", "c"),
                         rows[i].rc);
        assert_int_equal(out[0] != '\0', rows[i].rc == 0);
        assert_null(strstr(out, "password"));
        if (rows[i].rc == 0)
            assert_non_null(strstr(out, ", opaque=\"o\""));
    }
}

static void what_was_not_offered_is_not_taken(void **state)
{
    struct mcu_sip_auth *auth = new_auth();
    char text[2048], user[MCU_SIP_USER_SIZE];
    answer(text, auth, MCU_DIGEST_MD5, "alice", "wonderland", 0, 1);
    assert_int_equal(mcu_sip_auth_check(auth, text, "INVITE", 1u << MCU_DIGEST_SHA256, 0, user),
                     MCU_AUTH_WRONG);
    assert_int_equal(mcu_sip_auth_check(auth, text, "INVITE", 1u << MCU_DIGEST_MD5, 0, user),
                     MCU_AUTH_OK);
    mcu_sip_auth_free(&auth);
}

static void accounts_are_checked(void **state)
{
    static const char *const bad[] = { "", "alice", ":x", "alice:", "a b:x", "a\"b:x", "a:x\ny",
                                       "a:{MD5}0123", "a:{SHA-256}0123456789abcdef",
                                       "a:{MD5}0123456789ABCDEF0123456789ABCDEF" };
    for (size_t i = 0; i < MCU_ARRAY_LEN(bad); i++)
        if (mcu_sip_account_check(bad[i]) != -EINVAL)
            fail_msg("accepted: %s", bad[i]);
    for (size_t i = 0; i < MCU_ARRAY_LEN(accounts); i++)
        assert_int_equal(mcu_sip_account_check(accounts[i]), 0);
    assert_int_equal(mcu_sip_account_check("a:{SHA-512}x"), 0); /* a password like another */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(responses_are_those_of_the_rfc),
        cmocka_unit_test(parameters_are_read_as_written),
        cmocka_unit_test(what_is_no_digest_is_refused),
        cmocka_unit_test(the_right_password_is_let_in),
        cmocka_unit_test(a_stored_hash_stands_for_its_password),
        cmocka_unit_test(wrong_and_unknown_are_the_same),
        cmocka_unit_test(a_digest_is_good_for_one_request),
        cmocka_unit_test(an_old_nonce_is_stale_and_a_foreign_one_too),
        cmocka_unit_test(forgotten_nonces_cannot_be_used_again),
        cmocka_unit_test(what_has_no_replay_guard_is_refused),
        cmocka_unit_test(another_realm_gets_no_digest),
        cmocka_unit_test(what_was_not_offered_is_not_taken),
        cmocka_unit_test(accounts_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
