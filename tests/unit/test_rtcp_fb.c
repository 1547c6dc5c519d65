/* tests/unit/test_rtcp_fb.c - NACK, REMB, TMMBR and TMMBN: what is written is read; hostile ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "net/rtcp_fb.h"

static uint8_t buf[2000];
static struct mcu_rtcp r;

static void read_one(const struct mcu_wcursor *w)
{
    assert_false(w->bad);
    assert_int_equal(mcu_rtcp_check(buf, mcu_wcursor_size(w)), 0);
    struct mcu_cursor c = mcu_cursor(buf, mcu_wcursor_size(w));
    assert_int_equal(mcu_rtcp_next(&c, &r), 1);
    assert_int_equal(mcu_rtcp_next(&c, &(struct mcu_rtcp){ 0 }), 0);
}

static void nack_packs_neighbours_across_the_wrap(void **state)
{
    static const uint16_t seq[] = { 65530, 65531, 10, 11, 12, 5000, 5016, 5017, 6000 };
    static const uint16_t pid[] = { 65530, 11, 5000, 5017, 6000 };
    static const uint16_t blp[] = { 0x8001, 0x0001, 0x8000, 0, 0 };
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    uint16_t p, b;
    mcu_rtcp_write_nack(&w, 1, 2, seq, 9);
    read_one(&w);
    assert_int_equal(r.type, MCU_RTCP_RTPFB);
    assert_int_equal(r.count, MCU_RTPFB_NACK);
    assert_int_equal(r.media_ssrc, 2);
    struct mcu_cursor c = mcu_cursor(r.fci, r.fci_bytes);
    for (int i = 0; i < 5; i++) {
        assert_true(mcu_rtcp_nack_next(&c, &p, &b));
        assert_int_equal(p, pid[i]);
        assert_int_equal(b, blp[i]);
    }
    assert_false(mcu_rtcp_nack_next(&c, &p, &b));
}

static void remb_says_what_18_bits_can(void **state)
{
    static const int64_t bps[] = { 0, 1, 262143, 262144, 350000, 1000001, INT64_C(5000000000) };
    for (size_t i = 0; i < sizeof(bps) / sizeof(bps[0]); i++) {
        struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
        struct mcu_remb remb;
        uint32_t source[] = { 7, 8, 9 };
        mcu_rtcp_write_remb(&w, 1, bps[i], source, 3);
        read_one(&w);
        assert_int_equal(r.count, MCU_PSFB_ALFB);
        assert_int_equal(mcu_rtcp_read_remb(&remb, r.fci, r.fci_bytes), 0);
        assert_true(remb.bps <= bps[i] && remb.bps >= bps[i] - bps[i] / 100000);
        assert_int_equal(remb.ssrc_count, 3);
        assert_int_equal(remb.ssrc[2], 9);
    }
}

static void remb_of_a_liar_is_refused_or_bounded(void **state)
{
    uint8_t fci[8 + 4 * 20] = { 'R', 'E', 'M', 'B', 20, 0xff, 0xff, 0xff };
    struct mcu_remb remb = { .bps = 5 };
    assert_int_equal(mcu_rtcp_read_remb(&remb, fci, sizeof(fci) - 1), -EBADMSG);
    assert_int_equal(mcu_rtcp_read_remb(&remb, fci, 7), -EBADMSG);
    assert_int_equal(remb.bps, 5);
    assert_int_equal(mcu_rtcp_read_remb(&remb, fci, sizeof(fci)), 0);
    assert_true(remb.bps == INT64_MAX);
    assert_int_equal(remb.ssrc_count, MCU_REMB_SSRCS_MAX);
    fci[0] = 'r';
    assert_int_equal(mcu_rtcp_read_remb(&remb, fci, sizeof(fci)), -EBADMSG);
}

static void tmmbr_and_tmmbn_carry_the_same_tuple(void **state)
{
    for (int notify = 0; notify <= 1; notify++) {
        struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
        if (notify)
            mcu_rtcp_write_tmmbn(&w, 1, 9, 350000, 40);
        else
            mcu_rtcp_write_tmmbr(&w, 1, 9, 350000, 40);
        read_one(&w);
        assert_int_equal(r.type, MCU_RTCP_RTPFB);
        assert_int_equal(r.count, notify ? MCU_RTPFB_TMMBN : MCU_RTPFB_TMMBR);
        assert_int_equal(r.ssrc, 1);
        assert_int_equal(r.media_ssrc, 0);
        assert_int_equal(r.tmmbr_count, 1);
        assert_int_equal(r.tmmbr[0].ssrc, 9);
        assert_in_range(r.tmmbr[0].bps, 349990, 350000);
        assert_int_equal(r.tmmbr[0].overhead_bytes, 40);
    }
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    mcu_rtcp_write_tmmbn(&w, 1, 0, 0, 0);
    read_one(&w);
    assert_int_equal(r.tmmbr_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nack_packs_neighbours_across_the_wrap),
        cmocka_unit_test(remb_says_what_18_bits_can),
        cmocka_unit_test(remb_of_a_liar_is_refused_or_bounded),
        cmocka_unit_test(tmmbr_and_tmmbn_carry_the_same_tuple),
    };
    return cmocka_run_group_tests_name("rtcp_fb", tests, NULL, NULL);
}
