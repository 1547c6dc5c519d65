/* tests/unit/test_playout_wish.c - a receiver that loses packets is asked to hold pictures back, and
 * nobody else is. */
#include "line_harness.h"

#include "net/playout_wish.h"
#include "net/rtp_ext.h"

#define WISH_ID 6

/* n reports, one a second. */
static void reports(struct mcu_playout_wish *w, int n, int fraction_lost, double rtt_ms, int64_t *now_ns)
{
    for (int i = 0; i < n; i++)
        mcu_playout_wish_report(w, (uint8_t)fraction_lost, rtt_ms, *now_ns += 1000 * MS);
}

static void who_loses_nothing_is_asked_for_nothing(void **state)
{
    struct mcu_playout_wish w = { 0 };
    int64_t now = 0;
    reports(&w, 100, 0, 120, &now);
    reports(&w, 1, 25, 120, &now); /* one packet of ten */
    reports(&w, 20, 0, 120, &now);
    reports(&w, 1, 25, 120, &now);
    assert_false(w.said);
    assert_int_equal(w.ms, 0);
}

static void who_loses_gets_time_for_two_questions(void **state)
{
    struct mcu_playout_wish w = { 0 };
    int64_t now = 0;
    reports(&w, 6, 13, 115, &now); /* 5 % */
    assert_true(w.said);
    assert_in_range(w.ms, 310, 340);
    int before = w.ms;
    reports(&w, 50, 13, 110, &now); /* not for every ms of a round trip */
    assert_int_equal(w.ms, before);
    reports(&w, 2, 13, 20, &now);
    assert_in_range(w.ms, 100, 130);
    reports(&w, 2, 13, 0, &now);
    assert_in_range(w.ms, 290, 310);
    reports(&w, 2, 255, 50000, &now);
    assert_int_equal(w.ms, MCU_PLAYOUT_WISH_MAX_MS);
}

static void the_wish_ends_when_the_losses_do(void **state)
{
    struct mcu_playout_wish w = { 0 };
    int64_t now = 0;
    reports(&w, 20, 13, 100, &now);
    int before = w.ms;
    reports(&w, 20, 0, 100, &now);
    assert_int_equal(w.ms, before);
    reports(&w, 16, 0, 100, &now);
    assert_int_equal(w.ms, 0);
    assert_true(w.said);
}

static void it_is_written_in_tens_of_milliseconds(void **state)
{
    struct mcu_playout_wish w = { .ms = 330, .said = true };
    uint8_t b[MCU_PLAYOUT_WISH_BYTES];
    mcu_playout_wish_write(&w, b);
    assert_int_equal(b[0] << 4 | b[1] >> 4, 33);
    assert_int_equal((b[1] & 15) << 8 | b[2], 1000);
}

static void send_picture(struct harness *h)
{
    struct mcu_unit *u = mcu_unit_new(500);
    memset(u->data, 1, 500);
    memcpy(u->data, "\x10\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00", 10);
    u->size = 500;
    u->codec = MCU_CODEC_VP8;
    u->keyframe = true;
    u->time_ns = h->now_ns;
    mcu_line_send(h->line, u, h->now_ns);
    mcu_unit_unref(&u);
}

static void report_loss(struct harness *h, int fraction)
{
    uint8_t buf[128];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    struct mcu_rtcp_block b = { OUR_SSRC, (uint8_t)fraction, 3, 9, 0, 0, 0 };
    mcu_rtcp_write_rr(&w, PEER_SSRC, &b, 1);
    mcu_line_rtcp(h->line, buf, mcu_wcursor_size(&w), h->now_ns);
}

/* The delay asked for by the newest picture, in ms; -1: none. */
static int asked(struct harness *h)
{
    struct mcu_rtp rtp;
    struct mcu_rtp_ext_element e;
    int i = h->packets - 1;
    while (i >= 0 && h->packet[i].rtcp)
        i--;
    assert_true(i >= 0);
    assert_int_equal(mcu_rtp_parse(&rtp, h->packet[i].data, h->packet[i].size), 0);
    if (!mcu_rtp_ext_find(&rtp, WISH_ID, &e))
        return -1;
    assert_int_equal(e.size, MCU_PLAYOUT_WISH_BYTES);
    return (e.data[0] << 4 | e.data[1] >> 4) * 10;
}

static void pictures_carry_it_after_reports_of_loss(void **state)
{
    struct harness h;
    struct mcu_line_config c = harness_config(MCU_CODEC_VP8);
    c.ext.playout_delay = WISH_ID;
    harness_open(&h, &c);
    send_picture(&h);
    assert_int_equal(asked(&h), -1);
    for (int i = 0; i < 6; i++) {
        harness_until(&h, h.now_ns + 1000 * MS);
        report_loss(&h, 20);
    }
    send_picture(&h);
    assert_int_equal(asked(&h), 300);
    for (int i = 0; i < 45; i++) {
        harness_until(&h, h.now_ns + 1000 * MS);
        report_loss(&h, 0);
    }
    send_picture(&h);
    assert_int_equal(asked(&h), 0);
    c.ext.playout_delay = 0; /* another offer */
    assert_int_equal(mcu_line_reconfigure(h.line, &c), 0);
    send_picture(&h);
    assert_int_equal(asked(&h), -1);
    harness_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_loses_nothing_is_asked_for_nothing),
        cmocka_unit_test(who_loses_gets_time_for_two_questions),
        cmocka_unit_test(the_wish_ends_when_the_losses_do),
        cmocka_unit_test(it_is_written_in_tens_of_milliseconds),
        cmocka_unit_test(pictures_carry_it_after_reports_of_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
