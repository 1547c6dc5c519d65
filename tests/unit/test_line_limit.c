/* tests/unit/test_line_limit.c - REMB, TMMBR and TMMBN of a line, both ways. */
#include "line_harness.h"

#include "net/rtcp_fb.h"

static int64_t limits[16];
static int limit_count;

static void note_limit(int64_t bps, void *arg)
{
    limits[limit_count++ % 16] = bps;
}

static struct mcu_line_events events;

static void open_line(struct harness *h, bool remb, bool tmmbr)
{
    struct mcu_line_config c = harness_config(MCU_CODEC_VP8);
    c.fb_remb = remb;
    c.fb_tmmbr = tmmbr;
    harness_open(h, &c);
    mcu_line_free(&h->line);
    events = harness_events;
    events.limit = note_limit;
    limit_count = 0;
    assert_int_equal(mcu_line_new(&h->line, &c, &h->clock, &events, h), 0);
}

/* Media of about kbps come from the peer for so long. */
static void receive(struct harness *h, int ms, int kbps, uint16_t *seq)
{
    uint8_t payload[1250] = { 0x10, 0x10 };
    for (int i = 0; i < ms / 20; i++) {
        ++*seq;
        harness_rtp(h, PEER_SSRC, 96, *seq, *seq * 1800u, true, payload, (size_t)kbps * 20 / 8);
        harness_until(h, h->now_ns + 20 * MS);
    }
}

static int sent(struct harness *h, int from, bool remb)
{
    return remb ? harness_count_rtcp(h, from, MCU_RTCP_PSFB, MCU_PSFB_ALFB)
                : harness_count_rtcp(h, from, MCU_RTCP_RTPFB, MCU_RTPFB_TMMBR);
}

static void remb_from_the_peer_is_told(void **state)
{
    struct harness h;
    uint8_t buf[100];
    struct mcu_line_stats stats;
    uint32_t ours[] = { 5, OUR_SSRC }, other[] = { 5, 6 };
    open_line(&h, true, false);
    static const struct {
        int64_t bps, told;
        bool for_us;
    } cases[] = { { 350000, 350000, true }, { 350000, 0, true }, { 200000, 0, false },
                  { 0, 1000, true }, { INT64_C(1) << 62, -1, true } };
    for (size_t i = 0, told = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
        mcu_rtcp_write_remb(&w, PEER_SSRC, cases[i].bps, cases[i].for_us ? ours : other, 2);
        harness_rtcp(&h, &w);
        told += cases[i].told != 0;
        assert_int_equal(limit_count, told);
        if (cases[i].told != 0)
            assert_true(limits[told - 1] == (cases[i].told < 0 ? 0 : cases[i].told));
    }
    mcu_line_get_stats(h.line, &stats);
    assert_int_equal(stats.limit_in_bps, 0);
    harness_close(&h);
}

static void tmmbr_from_the_peer_is_answered_and_told(void **state)
{
    struct harness h;
    uint8_t buf[100];
    static struct mcu_rtcp r;
    open_line(&h, false, true);
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    mcu_rtcp_write_tmmbr(&w, PEER_SSRC, OUR_SSRC, 500000, 40);
    for (int i = 0; i < 100; i++)
        harness_rtcp(&h, &w);
    w = mcu_wcursor(buf, sizeof(buf));
    mcu_rtcp_write_tmmbr(&w, PEER_SSRC, 99, 7000, 40); /* not for us */
    harness_rtcp(&h, &w);
    harness_until(&h, h.now_ns + 10 * MS);
    assert_int_equal(limit_count, 1);
    assert_in_range(limits[0], 480000, 485000); /* without what lies below RTP */
    assert_int_equal(harness_count_rtcp(&h, 0, MCU_RTCP_RTPFB, MCU_RTPFB_TMMBN), 1);
    struct packet_note *p = &h.packet[h.packets - 1];
    struct mcu_cursor c = mcu_cursor(p->data, p->size);
    while (mcu_rtcp_next(&c, &r) == 1 && r.type != MCU_RTCP_RTPFB)
        ;
    assert_int_equal(r.ssrc, OUR_SSRC);
    assert_int_equal(r.tmmbr_count, 1);
    assert_int_equal(r.tmmbr[0].ssrc, PEER_SSRC);
    assert_in_range(r.tmmbr[0].bps, 499990, 500000);
    for (int i = 0; i < 50; i++) { /* who asks all the time is answered twenty times a second */
        w = mcu_wcursor(buf, sizeof(buf));
        mcu_rtcp_write_tmmbr(&w, PEER_SSRC, OUR_SSRC, 500000 + i, 40);
        harness_rtcp(&h, &w);
        harness_until(&h, h.now_ns + 10 * MS);
    }
    assert_in_range(harness_count_rtcp(&h, 0, MCU_RTCP_RTPFB, MCU_RTPFB_TMMBN), 8, 12);
    harness_close(&h);
}

static void remb_is_said_each_second_while_media_come(void **state)
{
    struct harness h;
    uint16_t seq = 100;
    open_line(&h, true, true);
    receive(&h, 100, 300, &seq);
    mcu_line_limit(h.line, 350000, h.now_ns);
    assert_int_equal(sent(&h, 0, true), 1);
    receive(&h, 5000, 300, &seq);
    assert_in_range(sent(&h, 0, true), 5, 7);
    assert_int_equal(sent(&h, 0, false), 0);
    int at = h.packets;
    harness_until(&h, h.now_ns + 5000 * MS); /* nothing comes */
    assert_in_range(sent(&h, at, true), 0, 1);
    receive(&h, 1500, 300, &seq);
    mcu_line_limit(h.line, 0, h.now_ns);
    at = h.packets;
    receive(&h, 10000, 300, &seq);
    assert_int_equal(sent(&h, at, true), 2); /* one was said at once, before */
    struct mcu_line_stats stats;
    mcu_line_get_stats(h.line, &stats);
    assert_int_equal(stats.limit_out_bps, 0);
    harness_close(&h);
}

static void tmmbr_is_said_until_it_is_heard_and_when_it_is_exceeded(void **state)
{
    struct harness h;
    uint16_t seq = 100;
    uint8_t buf[100];
    open_line(&h, false, true);
    mcu_line_limit(h.line, 200000, h.now_ns); /* nobody is there yet */
    assert_int_equal(sent(&h, 0, false), 0);
    receive(&h, 9000, 190, &seq);
    assert_int_equal(sent(&h, 0, false), 5);
    receive(&h, 4000, 300, &seq); /* too much: again, each second */
    assert_in_range(sent(&h, 0, false), 8, 10);
    receive(&h, 2000, 190, &seq);
    mcu_line_limit(h.line, 100000, h.now_ns);
    int at = h.packets;
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    mcu_rtcp_write_tmmbn(&w, PEER_SSRC, OUR_SSRC, 100000, 40);
    harness_rtcp(&h, &w);
    receive(&h, 4000, 100, &seq);
    assert_int_equal(sent(&h, at, false), 0);
    receive(&h, 3000, 190, &seq); /* he forgot */
    assert_in_range(sent(&h, at, false), 1, 4);
    harness_close(&h);
}

static void a_peer_who_knows_neither_hears_nothing(void **state)
{
    struct harness h;
    uint16_t seq = 100;
    open_line(&h, false, false);
    receive(&h, 100, 300, &seq);
    mcu_line_limit(h.line, 200000, h.now_ns);
    receive(&h, 3000, 300, &seq);
    assert_int_equal(sent(&h, 0, false) + sent(&h, 0, true), 0);
    harness_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remb_from_the_peer_is_told),
        cmocka_unit_test(tmmbr_from_the_peer_is_answered_and_told),
        cmocka_unit_test(remb_is_said_each_second_while_media_come),
        cmocka_unit_test(tmmbr_is_said_until_it_is_heard_and_when_it_is_exceeded),
        cmocka_unit_test(a_peer_who_knows_neither_hears_nothing),
    };
    return cmocka_run_group_tests_name("line_limit", tests, NULL, NULL);
}
