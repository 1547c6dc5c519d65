/* tests/unit/test_srtp_evp.c - OpenSSL's ciphers in libsrtp2 give, bit for bit, what its own give, and each
 * opens what the other has sealed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include <srtp2/srtp.h>

#include "mixer/base/util.h"
#include "net/srtp_evp.h"

#define SSRC  0x0a0b0c0du
#define SIZES 5

static void (*const policies[])(srtp_crypto_policy_t *p) = {
    srtp_crypto_policy_set_rtp_default, srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
    srtp_crypto_policy_set_aes_gcm_128_16_auth, srtp_crypto_policy_set_aes_gcm_256_16_auth
};
#define POLICIES MCU_ARRAY_LEN(policies)
static const int sizes[SIZES] = { 12, 13, 28, 172, 1212 };

struct packet {
    _Alignas(16) uint8_t data[1400];
    int size;
};

/* Of a suite and a direction, made before and after the ciphers are replaced. */
static struct ends {
    srtp_t tx, rx;
} theirs[POLICIES], ours[POLICIES];

static struct ends new_ends(size_t k)
{
    uint8_t key[44];
    srtp_policy_t p;
    struct ends e;
    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)(3 * i + k);
    memset(&p, 0, sizeof(p));
    policies[k](&p.rtp);
    policies[k](&p.rtcp);
    p.key = key;
    p.window_size = 128;
    p.ssrc = (srtp_ssrc_t){ .type = ssrc_any_outbound };
    assert_int_equal(srtp_create(&e.tx, &p), srtp_err_status_ok);
    p.ssrc = (srtp_ssrc_t){ .type = ssrc_any_inbound };
    assert_int_equal(srtp_create(&e.rx, &p), srtp_err_status_ok);
    return e;
}

static struct packet packet(bool rtcp, int number)
{
    struct packet p = { .size = sizes[number % SIZES] };
    int at = rtcp ? 4 : 8;
    for (int i = 0; i < p.size; i++)
        p.data[i] = (uint8_t)(i * 5 + number);
    p.data[0] = 0x80;
    p.data[1] = rtcp ? 200 : 96;
    p.data[2] = 0;
    p.data[3] = rtcp ? (uint8_t)(p.size / 4 - 1) : (uint8_t)number;
    for (int i = 0; i < 4; i++)
        p.data[at + i] = (uint8_t)(SSRC >> (24 - 8 * i));
    return p;
}

static void seal(srtp_t s, bool rtcp, struct packet *p)
{
    assert_int_equal(rtcp ? srtp_protect_rtcp(s, p->data, &p->size) : srtp_protect(s, p->data, &p->size),
                     srtp_err_status_ok);
}

static srtp_err_status_t open_packet(srtp_t s, bool rtcp, struct packet *p)
{
    return rtcp ? srtp_unprotect_rtcp(s, p->data, &p->size) : srtp_unprotect(s, p->data, &p->size);
}

static int setup(void **state)
{
    assert_int_equal(srtp_init(), srtp_err_status_ok);
    for (size_t k = 0; k < POLICIES; k++)
        theirs[k] = new_ends(k);
    assert_int_equal(mcu_srtp_evp_install(), 0);
    for (size_t k = 0; k < POLICIES; k++)
        ours[k] = new_ends(k);
    return 0;
}

static int teardown(void **state)
{
    for (size_t k = 0; k < POLICIES; k++) {
        srtp_dealloc(theirs[k].tx);
        srtp_dealloc(theirs[k].rx);
        srtp_dealloc(ours[k].tx);
        srtp_dealloc(ours[k].rx);
    }
    return srtp_shutdown() != srtp_err_status_ok;
}

static void round_of(size_t k, bool rtcp, int number)
{
    struct packet clear = packet(rtcp, number), a = clear, b = clear;
    seal(theirs[k].tx, rtcp, &a);
    seal(ours[k].tx, rtcp, &b);
    assert_int_equal(a.size, b.size);
    assert_true(a.size > clear.size);
    assert_memory_equal(a.data, b.data, (size_t)a.size);
    struct packet bad = a;
    bad.data[(number * 37 + 12) % a.size] ^= 4;
    assert_int_not_equal(open_packet(ours[k].rx, rtcp, &bad), srtp_err_status_ok);
    assert_int_equal(open_packet(ours[k].rx, rtcp, &a), srtp_err_status_ok);
    assert_int_equal(open_packet(theirs[k].rx, rtcp, &b), srtp_err_status_ok);
    assert_int_equal(a.size, clear.size);
    assert_int_equal(b.size, clear.size);
    assert_memory_equal(a.data, clear.data, (size_t)a.size);
    assert_memory_equal(b.data, clear.data, (size_t)b.size);
}

static void both_seal_the_same_bits_and_open_each_other(void **state)
{
    for (size_t k = 0; k < POLICIES; k++)
        for (int number = 0; number < 40; number++)
            round_of(k, false, number);
}

static void so_they_do_with_rtcp(void **state)
{
    for (size_t k = 0; k < POLICIES; k++)
        for (int number = 2; number < 40; number += number % SIZES == 4 ? 3 : 1) /* whole words alone */
            round_of(k, true, number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_seal_the_same_bits_and_open_each_other),
        cmocka_unit_test(so_they_do_with_rtcp),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
