/* tests/unit/test_srtp.c - sealing and opening, counters over the wrap, replays and forgeries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdalign.h>
#include <string.h>

#include "mixer/base/util.h"
#include "net/srtp.h"

#define SSRC 0xcafebabeu

struct pair {
    struct mcu_srtp *a, *b; /* a sends to b */
};

static struct mcu_srtp_key key_of(enum mcu_srtp_suite suite, uint8_t seed)
{
    struct mcu_srtp_key k = { .suite = suite };
    for (size_t i = 0; i < mcu_srtp_key_bytes(suite) + mcu_srtp_salt_bytes(suite); i++)
        k.bytes[i] = (uint8_t)(seed + i * 7);
    return k;
}

static struct pair new_pair(enum mcu_srtp_suite suite)
{
    struct pair p;
    struct mcu_srtp_key k = key_of(suite, 1), back = key_of(suite, 99);
    assert_int_equal(mcu_srtp_new(&p.a, SSRC), 0);
    assert_int_equal(mcu_srtp_new(&p.b, 0x11223344), 0);
    assert_int_equal(mcu_srtp_set_tx(p.a, &k), 0);
    assert_int_equal(mcu_srtp_set_rx(p.b, &k), 0);
    assert_int_equal(mcu_srtp_set_tx(p.b, &back), 0);
    assert_int_equal(mcu_srtp_set_rx(p.a, &back), 0);
    return p;
}

static void free_pair(struct pair *p)
{
    mcu_srtp_free(&p->a);
    mcu_srtp_free(&p->b);
}

struct packet {
    alignas(16) uint8_t data[512];
    int size;
};

static struct packet rtp(uint16_t seq, uint32_t ssrc)
{
    struct packet p = { .data = { 0x80, 0x60, (uint8_t)(seq >> 8), (uint8_t)seq, 0, 0, 0, 1,
                                  (uint8_t)(ssrc >> 24), (uint8_t)(ssrc >> 16),
                                  (uint8_t)(ssrc >> 8), (uint8_t)ssrc } };
    for (int i = 12; i < 172; i++)
        p.data[i] = (uint8_t)(i + seq);
    p.size = 172;
    return p;
}

static struct packet sealed(struct mcu_srtp *s, uint16_t seq)
{
    struct packet p = rtp(seq, SSRC);
    p.size = mcu_srtp_protect(s, false, p.data, 172, sizeof(p.data));
    assert_true(p.size > 172);
    return p;
}

static int open_packet(struct mcu_srtp *s, const struct packet *p)
{
    struct packet copy = *p;
    int n = mcu_srtp_unprotect(s, false, copy.data, (size_t)p->size);
    if (n > 0) {
        uint16_t seq = (uint16_t)(copy.data[2] << 8 | copy.data[3]);
        struct packet clear = rtp(seq, SSRC);
        assert_int_equal(n, 172);
        assert_memory_equal(copy.data, clear.data, 172);
    }
    return n;
}

/* Master key, salt and the session keys out of them are those of RFC 3711 B.3; the packet was
 * encrypted (4.1.1) and authenticated (4.2.1) with those by hand. */
static void rfc_3711_keys_give_the_known_packet(void **state)
{
    static const uint8_t master[] = {
        0xE1, 0xF9, 0x7A, 0x0D, 0x3E, 0x01, 0x8B, 0xE0, 0xD6, 0x4F, 0xA3, 0x2C, 0x06, 0xDE, 0x41,
        0x39, 0x0E, 0xC6, 0x75, 0xAD, 0x49, 0x8A, 0xFE, 0xEB, 0xB6, 0x96, 0x0B, 0x3A, 0xAB, 0xE6,
    };
    static const uint8_t want[38] = {
        0x80, 0x0f, 0x12, 0x34, 0xde, 0xca, 0xfb, 0xad, 0xca, 0xfe, 0xba, 0xbe, 0x4e,
        0x55, 0xdc, 0x4c, 0xe7, 0x99, 0x78, 0xd8, 0x8c, 0xa4, 0xd2, 0x15, 0x94, 0x9d,
        0x24, 0x02, 0xb7, 0x8d, 0x6a, 0xcc, 0x99, 0xea, 0x17, 0x9b, 0x8d, 0xbb,
    };
    struct mcu_srtp *s;
    struct mcu_srtp_key k = { .suite = MCU_SRTP_AES128_SHA1_80 };
    alignas(16) uint8_t buf[256] = { 0x80, 0x0f, 0x12, 0x34, 0xde, 0xca,
                                     0xfb, 0xad, 0xca, 0xfe, 0xba, 0xbe };
    memset(buf + 12, 0xab, 16);
    memcpy(k.bytes, master, sizeof(master));
    assert_int_equal(mcu_srtp_new(&s, SSRC), 0);
    assert_int_equal(mcu_srtp_set_tx(s, &k), 0);
    assert_int_equal(mcu_srtp_protect(s, false, buf, 28, sizeof(buf)), 38);
    assert_memory_equal(buf, want, sizeof(want));
    mcu_srtp_free(&s);
}

static void every_suite_goes_round(void **state)
{
    static const int tag[MCU_SRTP_SUITES] = { 0, 10, 4, 16, 16 };
    for (int i = 1; i < MCU_SRTP_SUITES; i++) {
        if (!mcu_srtp_supported((enum mcu_srtp_suite)i)) {
            print_message("%s is not in this libsrtp2\n", mcu_srtp_suite_name(i));
            continue;
        }
        struct pair p = new_pair((enum mcu_srtp_suite)i);
        for (uint16_t seq = 100; seq < 200; seq++) {
            struct packet k = sealed(p.a, seq);
            assert_int_equal(k.size, 172 + tag[i]);
            assert_int_equal(open_packet(p.b, &k), 172);
        }
        free_pair(&p);
    }
    assert_true(mcu_srtp_supported(MCU_SRTP_AES128_SHA1_80));
    assert_false(mcu_srtp_supported(MCU_SRTP_NONE));
}

/* RFC 4568 6.2.2: the short tag is for RTP alone. */
static void rtcp_goes_round_with_the_long_tag(void **state)
{
    alignas(16) uint8_t buf[256] = { 0x80, 201, 0, 1, 0xca, 0xfe, 0xba, 0xbe };
    struct pair p = new_pair(MCU_SRTP_AES128_SHA1_32);
    int n = mcu_srtp_protect(p.a, true, buf, 8, sizeof(buf));
    assert_int_equal(n, 8 + 4 + 10);
    assert_int_equal(mcu_srtp_unprotect(p.b, true, buf, (size_t)n), 8);
    static const uint8_t want[] = { 0x80, 201, 0, 1, 0xca, 0xfe, 0xba, 0xbe };
    assert_memory_equal(buf, want, 8);
    free_pair(&p);
}

static void the_rollover_counter_goes_on_over_wraps_and_losses(void **state)
{
    struct pair p = new_pair(MCU_SRTP_AES128_SHA1_80);
    uint32_t lcg = 1;
    for (uint32_t i = 60000; i < 60000 + 3 * 65536; i += 1) {
        struct packet k = sealed(p.a, (uint16_t)i);
        lcg = lcg * 1664525 + 1013904223;
        if (lcg >> 31)
            continue; /* lost */
        assert_int_equal(open_packet(p.b, &k), 172);
    }
    free_pair(&p);
}

static void the_same_keys_again_change_nothing(void **state)
{
    struct pair p = new_pair(MCU_SRTP_AES128_SHA1_80);
    struct mcu_srtp_key same = key_of(MCU_SRTP_AES128_SHA1_80, 1);
    struct packet first = sealed(p.a, 65535), k = sealed(p.a, 0); /* the counter is 1 now */
    assert_int_equal(open_packet(p.b, &first), 172);
    assert_int_equal(open_packet(p.b, &k), 172);
    assert_int_equal(mcu_srtp_set_tx(p.a, &same), 0);
    k = sealed(p.a, 1);
    assert_int_equal(open_packet(p.b, &k), 172); /* the sender's counter has lived on */
    assert_int_equal(mcu_srtp_set_rx(p.b, &same), 0);
    k = sealed(p.a, 2);
    assert_int_equal(open_packet(p.b, &k), 172); /* the receiver's too */
    assert_int_equal(open_packet(p.b, &first), -EALREADY); /* and its window */
    free_pair(&p);
}

static void another_key_begins_anew(void **state)
{
    struct pair p = new_pair(MCU_SRTP_AES128_SHA1_80);
    struct mcu_srtp_key other = key_of(MCU_SRTP_AES128_SHA1_80, 2);
    struct packet k = sealed(p.a, 7);
    assert_int_equal(open_packet(p.b, &k), 172);
    assert_int_equal(mcu_srtp_set_tx(p.a, &other), 0);
    k = sealed(p.a, 8);
    assert_int_equal(open_packet(p.b, &k), -EBADMSG);
    assert_int_equal(mcu_srtp_set_rx(p.b, &other), 0);
    assert_int_equal(open_packet(p.b, &k), 172);
    free_pair(&p);
}

static void a_replay_is_told_and_counted_but_order_does_not_matter(void **state)
{
    struct pair p = new_pair(MCU_SRTP_AES128_SHA1_80);
    struct packet k[300];
    for (int i = 0; i < 300; i++)
        k[i] = sealed(p.a, (uint16_t)(1000 + i));
    for (int i = 299; i >= 0; i--)
        assert_int_equal(open_packet(p.b, &k[i]), 172);
    for (int i = 0; i < 300; i++)
        assert_int_equal(open_packet(p.b, &k[i]), -EALREADY);
    struct mcu_srtp_stats stats;
    mcu_srtp_get_stats(p.b, &stats);
    assert_int_equal(stats.opened, 300);
    assert_int_equal(stats.replayed, 300);
    assert_int_equal(stats.unauthentic, 0);
    free_pair(&p);
}

static void every_flipped_bit_is_found_and_costs_nothing(void **state)
{
    for (int suite = 1; suite < MCU_SRTP_SUITES; suite++) {
        if (!mcu_srtp_supported((enum mcu_srtp_suite)suite))
            continue;
        struct pair p = new_pair((enum mcu_srtp_suite)suite);
        struct packet k = sealed(p.a, 50);
        for (int bit = 0; bit < k.size * 8; bit += 3) {
            struct packet forged = k;
            forged.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_true(open_packet(p.b, &forged) < 0);
        }
        assert_int_equal(open_packet(p.b, &k), 172);
        free_pair(&p);
    }
}

static void every_length_is_harmless(void **state)
{
    struct pair p = new_pair(MCU_SRTP_AES128_SHA1_80);
    struct packet k = sealed(p.a, 50);
    for (int n = 0; n < k.size; n++) {
        struct packet cut = k;
        cut.size = n;
        assert_int_equal(open_packet(p.b, &cut), -EBADMSG);
        cut = k;
        assert_int_equal(mcu_srtp_unprotect(p.b, true, cut.data, (size_t)n), -EBADMSG);
    }
    assert_int_equal(open_packet(p.b, &k), 172);
    free_pair(&p);
}

static void more_sources_than_we_keep_still_work(void **state)
{
    struct mcu_srtp_key k = key_of(MCU_SRTP_AES128_SHA1_80, 1);
    struct pair p = new_pair(MCU_SRTP_AES128_SHA1_80);
    struct packet first = { .size = 0 };
    for (uint32_t i = 0; i < 100; i++) {
        struct mcu_srtp *other;
        assert_int_equal(mcu_srtp_new(&other, i), 0);
        assert_int_equal(mcu_srtp_set_tx(other, &k), 0);
        struct packet q = rtp(1, i);
        int n = mcu_srtp_protect(other, false, q.data, 172, sizeof(q.data));
        struct packet again = q;
        if (i == 1) /* another number in the other order */
            first = q;
        assert_int_equal(mcu_srtp_unprotect(p.b, false, q.data, (size_t)n), 172);
        assert_int_equal(mcu_srtp_unprotect(p.b, false, again.data, (size_t)n), -EALREADY);
        mcu_srtp_free(&other);
    }
    struct packet q = sealed(p.a, 9);
    assert_int_equal(open_packet(p.b, &q), 172);
    /* Of those before the last ones nothing is left, not even that this was there. */
    assert_int_equal(mcu_srtp_unprotect(p.b, false, first.data, (size_t)(172 + 10)), 172);
    free_pair(&p);
}

static void without_a_key_nothing_leaves(void **state)
{
    struct mcu_srtp *s;
    struct packet k = rtp(1, SSRC);
    assert_int_equal(mcu_srtp_new(&s, SSRC), 0);
    assert_false(mcu_srtp_ready(s));
    assert_int_equal(mcu_srtp_protect(s, false, k.data, 172, sizeof(k.data)), -ENOKEY);
    assert_int_equal(mcu_srtp_unprotect(s, false, k.data, 172), -ENOKEY);
    struct mcu_srtp_key none = { 0 };
    assert_int_equal(mcu_srtp_set_tx(s, &none), -ENOTSUP);
    mcu_srtp_free(&s);
}

static void misuse_is_refused(void **state)
{
    struct pair p = new_pair(MCU_SRTP_AES128_SHA1_80);
    struct packet k = rtp(1, SSRC), other = rtp(1, 5);
    assert_int_equal(mcu_srtp_protect(p.a, false, k.data, 172, 172), -EINVAL); /* no room */
    assert_int_equal(mcu_srtp_protect(p.a, false, k.data, 4, sizeof(k.data)), -EINVAL);
    assert_int_equal(mcu_srtp_protect(p.a, false, other.data, 172, sizeof(k.data)), -EINVAL);
    free_pair(&p);
}

static void random_keys_differ(void **state)
{
    struct mcu_srtp_key a, b;
    mcu_srtp_key_random(&a, MCU_SRTP_AES128_SHA1_80);
    mcu_srtp_key_random(&b, MCU_SRTP_AES128_SHA1_80);
    assert_false(mcu_srtp_key_equal(&a, &b));
    b = a;
    assert_true(mcu_srtp_key_equal(&a, &b));
    b.suite = MCU_SRTP_AES128_SHA1_32;
    assert_false(mcu_srtp_key_equal(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_3711_keys_give_the_known_packet),
        cmocka_unit_test(every_suite_goes_round),
        cmocka_unit_test(rtcp_goes_round_with_the_long_tag),
        cmocka_unit_test(the_rollover_counter_goes_on_over_wraps_and_losses),
        cmocka_unit_test(the_same_keys_again_change_nothing),
        cmocka_unit_test(another_key_begins_anew),
        cmocka_unit_test(a_replay_is_told_and_counted_but_order_does_not_matter),
        cmocka_unit_test(every_flipped_bit_is_found_and_costs_nothing),
        cmocka_unit_test(every_length_is_harmless),
        cmocka_unit_test(more_sources_than_we_keep_still_work),
        cmocka_unit_test(without_a_key_nothing_leaves),
        cmocka_unit_test(misuse_is_refused),
        cmocka_unit_test(random_keys_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
