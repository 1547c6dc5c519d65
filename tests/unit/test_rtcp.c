/* tests/unit/test_rtcp.c - RTCP compounds, and reception statistics. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "net/rtcp.h"
#include "net/rtp_stats.h"

static void assert_same_block(const struct mcu_rtcp_block *a, const struct mcu_rtcp_block *b)
{
    assert_int_equal(a->ssrc, b->ssrc);
    assert_int_equal(a->fraction_lost, b->fraction_lost);
    assert_int_equal(a->lost, b->lost);
    assert_int_equal(a->highest_seq, b->highest_seq);
    assert_int_equal(a->jitter, b->jitter);
    assert_int_equal(a->lsr, b->lsr);
    assert_int_equal(a->dlsr, b->dlsr);
}

static void rtcp_written_is_read_back(void **state)
{
    uint8_t buf[1024];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    struct mcu_rtcp_sender sender = { UINT64_C(0x0123456789abcdef), 0xcafebabe, 17, 1700 };
    struct mcu_rtcp_block block[31];
    for (int i = 0; i < 31; i++)
        block[i] = (struct mcu_rtcp_block){ (uint32_t)i, (uint8_t)i, i % 2 ? -i : i, 0x10000u + (uint32_t)i,
                                            7, 8, 9 };
    mcu_rtcp_write_sr(&w, 1, &sender, block, 31);
    mcu_rtcp_write_cname(&w, 1, "abc@host");
    mcu_rtcp_write_pli(&w, 1, 2);
    mcu_rtcp_write_fir(&w, 1, 2, 200);
    mcu_rtcp_write_bye(&w, 1);
    assert_false(w.bad);
    assert_int_equal(mcu_rtcp_check(buf, mcu_wcursor_size(&w)), 0);

    struct mcu_cursor c = mcu_cursor(buf, mcu_wcursor_size(&w));
    static struct mcu_rtcp r;
    assert_int_equal(mcu_rtcp_next(&c, &r), 1);
    assert_int_equal(r.type, MCU_RTCP_SR);
    assert_int_equal(r.ssrc, 1);
    assert_true(r.sender.ntp == sender.ntp);
    assert_int_equal(r.sender.rtp_ts, sender.rtp_ts);
    assert_int_equal(r.sender.packets, sender.packets);
    assert_int_equal(r.sender.octets, sender.octets);
    assert_int_equal(r.block_count, 31);
    for (int i = 0; i < 31; i++)
        assert_same_block(&r.block[i], &block[i]);
    assert_int_equal(mcu_rtcp_next(&c, &r), 1);
    assert_int_equal(r.type, MCU_RTCP_SDES);
    assert_string_equal(r.cname, "abc@host");
    assert_int_equal(mcu_rtcp_next(&c, &r), 1);
    assert_int_equal(r.type, MCU_RTCP_PSFB);
    assert_int_equal(r.count, MCU_PSFB_PLI);
    assert_int_equal(r.media_ssrc, 2);
    assert_int_equal(mcu_rtcp_next(&c, &r), 1);
    assert_int_equal(r.count, MCU_PSFB_FIR);
    assert_int_equal(r.fir_count, 1);
    assert_int_equal(r.fir[0].ssrc, 2);
    assert_int_equal(r.fir[0].seq, 200);
    assert_int_equal(mcu_rtcp_next(&c, &r), 1);
    assert_int_equal(r.type, MCU_RTCP_BYE);
    assert_int_equal(r.bye_count, 1);
    assert_int_equal(r.bye[0], 1);
    assert_int_equal(mcu_rtcp_next(&c, &r), 0);
}

static void rtcp_cname_of_any_length_is_padded(void **state)
{
    for (size_t n = 0; n < 63; n++) {
        char cname[64] = { 0 };
        uint8_t buf[128];
        static struct mcu_rtcp r;
        memset(cname, 'x', n);
        struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
        mcu_rtcp_write_cname(&w, 3, cname);
        assert_int_equal(mcu_wcursor_size(&w) % 4, 0);
        assert_int_equal(buf[mcu_wcursor_size(&w) - 1], 0);
        assert_int_equal(mcu_rtcp_check(buf, mcu_wcursor_size(&w)), 0);
        struct mcu_cursor c = mcu_cursor(buf, mcu_wcursor_size(&w));
        assert_int_equal(mcu_rtcp_next(&c, &r), 1);
        assert_string_equal(r.cname, cname);
    }
}

/* APP, XR, TMMBR, an unknown transport feedback, REMB: walked over or read, then a PLI. No report at
 * the front: reduced size (RFC 5506). */
static const uint8_t mixed[] = {
    0x81, 204, 0, 3, 0, 0, 0, 1, 'n', 'a', 'm', 'e', 1, 2, 3, 4,
    0x80, 207, 0, 1, 0, 0, 0, 1,
    0x83, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0x1b, 0x0d, 0x40, 0x28,
    0x8f, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 7, 0, 1, 0, 1,
    0x8f, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'B',
    0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 7,
};

static void rtcp_what_is_not_known_is_walked_over(void **state)
{
    static struct mcu_rtcp r;
    struct mcu_cursor c = mcu_cursor(mixed, sizeof(mixed));
    assert_int_equal(mcu_rtcp_check(mixed, sizeof(mixed)), 0);
    static const uint8_t types[] = { 204, 207, 205, 205, 206, 206 };
    for (int i = 0; i < 6; i++) {
        assert_int_equal(mcu_rtcp_next(&c, &r), 1);
        assert_int_equal(r.type, types[i]);
        if (i == 2) { /* exponent 6, mantissa 0x186a0 = 100000, overhead 40 */
            assert_int_equal(r.tmmbr_count, 1);
            assert_int_equal(r.tmmbr[0].ssrc, 7);
            assert_int_equal(r.tmmbr[0].bps, 6400000);
            assert_int_equal(r.tmmbr[0].overhead_bytes, 40);
        }
    }
    assert_int_equal(r.count, MCU_PSFB_PLI);
    assert_int_equal(mcu_rtcp_next(&c, &r), 0);
}

static void rtcp_datagrams_that_do_not_add_up_are_refused(void **state)
{
    uint8_t b[sizeof(mixed)];
    int whole = 0;
    for (size_t n = 0; n <= sizeof(mixed); n++)
        whole += mcu_rtcp_check(mixed, n) == 0;
    assert_int_equal(whole, 6); /* only at the ends of packets */
    memcpy(b, mixed, sizeof(b));
    b[0] = 0x41; /* version 1 */
    assert_int_equal(mcu_rtcp_check(b, sizeof(b)), -EBADMSG);
    b[0] = 0xa1; /* padding before the end */
    assert_int_equal(mcu_rtcp_check(b, sizeof(b)), -EBADMSG);
    b[0] = 0x81;
    b[1] = 96;
    assert_int_equal(mcu_rtcp_check(b, sizeof(b)), -EBADMSG);
}

static void rtcp_packet_that_lies_about_its_count_spoils_itself_alone(void **state)
{
    static const uint8_t b[] = {
        0x82, 201, 0, 1, 0, 0, 0, 9,               /* RR: two blocks, none there */
        0x81, 206, 0, 2, 0, 0, 0, 9, 0, 0, 0, 7,   /* PLI */
        0xa1, 203, 0, 2, 0, 0, 0, 9, 0, 0, 0, 4,   /* BYE with 4 bytes of padding */
    };
    static struct mcu_rtcp r;
    struct mcu_cursor c = mcu_cursor(b, sizeof(b));
    assert_int_equal(mcu_rtcp_check(b, sizeof(b)), 0);
    assert_int_equal(mcu_rtcp_next(&c, &r), -EBADMSG);
    assert_int_equal(mcu_rtcp_next(&c, &r), 1);
    assert_int_equal(r.media_ssrc, 7);
    assert_int_equal(mcu_rtcp_next(&c, &r), 1);
    assert_int_equal(r.bye_count, 1);
    assert_int_equal(mcu_rtcp_next(&c, &r), 0);
}

static void rtcp_feedback_of_browsers_may_be_filled_up_by_single_bytes(void **state)
{
    uint8_t b[] = {
        0xaf, 205, 0, 5, 0, 0, 0, 9, 0, 0, 0, 7,     /* transport-wide feedback (format 15) */
        0, 1, 0, 1, 0, 0, 9, 3, 0x20, 1, 4, 1,       /* one packet, one delta, one byte more */
    };
    static struct mcu_rtcp r;
    struct mcu_cursor c = mcu_cursor(b, sizeof(b));
    assert_int_equal(mcu_rtcp_check(b, sizeof(b)), 0);
    assert_int_equal(mcu_rtcp_next(&c, &r), 1);
    assert_int_equal(r.fci_bytes, 11);
    b[1] = 206; /* others keep to RFC 3550 */
    c = mcu_cursor(b, sizeof(b));
    assert_int_equal(mcu_rtcp_next(&c, &r), -EBADMSG);
}

static void stats_count_loss_by_interval_and_in_all(void **state)
{
    struct mcu_rtp_stats s;
    struct mcu_rtcp_block b;
    mcu_rtp_stats_init(&s, 0x1fff0);
    for (int i = 0; i < 100; i++)
        if (i % 4 != 3)
            mcu_rtp_stats_packet(&s, 0x1fff0 + i);
    mcu_rtp_stats_report(&s, &b);
    assert_int_equal(mcu_rtp_stats_lost(&s), 24); /* the 25th is not known yet */
    assert_int_equal(b.lost, 24);
    assert_int_equal(b.fraction_lost, 24 * 256 / 99);
    assert_int_equal(b.highest_seq, 0x10000 + 0xfff0 + 98 - 0x10000); /* one cycle */
    for (int i = 0; i < 100; i++) /* now every packet twice */
        for (int k = 0; k < 2; k++)
            mcu_rtp_stats_packet(&s, 0x1fff0 + 99 + i);
    mcu_rtp_stats_report(&s, &b);
    assert_int_equal(b.fraction_lost, 0);
    assert_int_equal(b.lost, 24 - 100);
    mcu_rtp_stats_report(&s, &b); /* nothing came */
    assert_int_equal(b.fraction_lost, 0);
}

static void stats_jitter_converges_as_the_rfc_says(void **state)
{
    struct mcu_rtp_stats s;
    struct mcu_rtcp_block b;
    mcu_rtp_stats_init(&s, 0);
    for (uint32_t i = 0; i < 1000; i++) /* +-5 ms at 8 kHz: |D| is 80 ticks each time */
        mcu_rtp_stats_arrival(&s, 0xffff0000u + i * 160, i * 160 + (i % 2 ? 80 : 0));
    mcu_rtp_stats_report(&s, &b);
    assert_in_range(b.jitter, 78, 81);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rtcp_written_is_read_back),
        cmocka_unit_test(rtcp_cname_of_any_length_is_padded),
        cmocka_unit_test(rtcp_what_is_not_known_is_walked_over),
        cmocka_unit_test(rtcp_datagrams_that_do_not_add_up_are_refused),
        cmocka_unit_test(rtcp_packet_that_lies_about_its_count_spoils_itself_alone),
        cmocka_unit_test(rtcp_feedback_of_browsers_may_be_filled_up_by_single_bytes),
        cmocka_unit_test(stats_count_loss_by_interval_and_in_all),
        cmocka_unit_test(stats_jitter_converges_as_the_rfc_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
