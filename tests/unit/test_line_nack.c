/* tests/unit/test_line_nack.c - what a line does about losses: what it asks for and when, and what is left
 * of the picture at 5 %. */
#include "line_recv.h"

#include <stdio.h>

#include "net/rtcp_fb.h"

static uint64_t rng;

static uint32_t rnd(uint32_t below)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 20) % below;
}

/* Numbers asked for since packet note `from`, into seq; the SSRC asked into *media. */
static int asked(struct harness *h, int from, uint16_t *seq, int64_t *at_ns)
{
    static struct mcu_rtcp r;
    int n = 0;
    for (int i = from; i < h->packets; i++) {
        struct packet_note *p = &h->packet[i % PACKETS_MAX];
        struct mcu_cursor c = mcu_cursor(p->data, p->size);
        for (int k = 0; p->rtcp && mcu_rtcp_next(&c, &r) == 1; k++) {
            if (k == 0) /* compounds begin with a report, and the CNAME follows */
                assert_true(r.type == MCU_RTCP_RR || r.type == MCU_RTCP_SR);
            if (k == 1)
                assert_int_equal(r.type, MCU_RTCP_SDES);
            if (r.type != MCU_RTCP_RTPFB || r.count != 1)
                continue;
            struct mcu_cursor fci = mcu_cursor(r.fci, r.fci_bytes);
            uint16_t pid, blp;
            assert_int_equal(r.media_ssrc, PEER_SSRC);
            while (mcu_rtcp_nack_next(&fci, &pid, &blp))
                for (int b = -1; b < 16; b++)
                    if (b < 0 || blp >> b & 1) {
                        at_ns[n] = p->at_ns;
                        seq[n++] = (uint16_t)(pid + 1 + b);
                    }
        }
    }
    return n;
}

static int plis(struct harness *h, int from)
{
    return harness_count_rtcp(h, from, MCU_RTCP_PSFB, MCU_PSFB_PLI);
}

/* ---- NACK ---- */

static uint16_t seqs[4096];
static int64_t times[4096];

static void a_missing_packet_is_asked_for_soon_and_makes_the_picture_whole(void **state)
{
    struct harness h;
    struct mcu_line_config c = video_config();
    harness_open(&h, &c);
    pictures(&h, 0, 14, 50);
    int64_t gap_at = (1000 + 12 * STEP_MS) * MS;
    assert_int_equal(h.units, 12);
    assert_int_equal(asked(&h, 0, seqs, times), 1);
    assert_int_equal(seqs[0], 50);
    assert_in_range(times[0] - gap_at, 10 * MS, 12 * MS);
    pictures(&h, 14, 20, -1);
    part(&h, 50);
    assert_int_equal(h.units, 20);
    for (int i = 0; i < 20; i++)
        assert_false(h.unit[i].gap);
    assert_int_equal(plis(&h, 0), 0);
    struct mcu_line_stats st = stats_of(&h);
    assert_int_equal(st.recovered, 1);
    assert_int_equal(st.lost, 0); /* a repeat as it was counts for the report */
    assert_int_equal(st.duplicate + st.late, 0);
    assert_int_equal(st.nacks_out, asked(&h, 0, seqs, times));
    harness_close(&h);
}

static void a_missing_packet_is_asked_for_again_until_it_is_given_up(void **state)
{
    struct harness h;
    struct mcu_line_config c = video_config();
    harness_open(&h, &c);
    pictures(&h, 0, 30, 50);
    harness_until(&h, h.now_ns + 500 * MS);
    int n = asked(&h, 0, seqs, times);
    assert_in_range(n, 6, 7); /* no round trip known: each 125 ms, for 450 ms; from the second on twice */
    assert_in_range(times[1] - times[0], 125 * MS, 127 * MS);
    assert_in_range(times[2] - times[1], 10 * MS, 11 * MS);
    assert_in_range(plis(&h, 0), 1, 2);
    assert_int_equal(h.units, 29); /* the one without its packet is not */
    assert_true(h.unit[12].gap);
    assert_in_range(h.unit[12].at_ns - (1000 + 12 * STEP_MS) * MS, 440 * MS, 460 * MS);
    part(&h, 50);
    assert_int_equal(stats_of(&h).recovered, 0);
    assert_int_equal(stats_of(&h).late, 1);
    harness_close(&h);
}

/* Where an answer stayed away, the questions after it are put twice at once: until so many answers came
 * that the way is good again. */
static void after_a_lost_answer_questions_are_put_twice(void **state)
{
    struct harness h;
    struct mcu_line_config c = video_config();
    c.rx[0].rtx_pt = RTX_PT;
    harness_open(&h, &c);
    pictures(&h, 0, 18, 50); /* for 200 ms: the first answer would be there by then */
    part_as_rtx(&h, 50, 0);
    assert_int_equal(asked(&h, 0, seqs, times), 3);
    for (int i = 0; i < 40; i++) {
        int from = h.packets, lost = (18 + i) * PARTS + 1;
        for (int k = 0; k < PARTS; k++)
            if (k != 1)
                part(&h, (uint16_t)(lost - 1 + k));
        harness_until(&h, h.now_ns + STEP_MS * MS);
        int n = asked(&h, from, seqs, times);
        assert_int_equal(n, i < 32 ? 2 : 1);
        assert_int_equal(seqs[0], lost);
        if (n == 2)
            assert_in_range(times[1] - times[0], 10 * MS, 11 * MS);
        part_as_rtx(&h, (uint16_t)lost, (uint16_t)(i + 1));
    }
    harness_close(&h);
}

static void with_a_short_round_trip_it_is_asked_for_more_often(void **state)
{
    struct mcu_line_config c = video_config();
    struct harness h;
    harness_open(&h, &c);
    pictures(&h, 0, 2, -1);
    struct mcu_unit *u = mcu_unit_new(100);
    u->size = 100;
    memset(u->data, 0, 100);
    u->codec = MCU_CODEC_VP8;
    u->keyframe = true;
    u->time_ns = h.now_ns;
    mcu_line_send(h.line, u, h.now_ns);
    mcu_unit_unref(&u);
    static struct mcu_rtcp r = { 0 };
    for (int i = 0; r.type != MCU_RTCP_SR; i++, harness_until(&h, h.now_ns + 10 * MS)) {
        struct packet_note *p = &h.packet[h.packets - 1];
        struct mcu_cursor cur = mcu_cursor(p->data, p->size);
        if (p->rtcp)
            mcu_rtcp_next(&cur, &r);
    }
    h.now_ns = h.packet[h.packets - 1].at_ns + 5 * MS; /* the round trip is 5 ms */
    uint8_t buf[64];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    struct mcu_rtcp_block b = { .ssrc = OUR_SSRC, .lsr = (uint32_t)(r.sender.ntp >> 16) };
    mcu_rtcp_write_rr(&w, PEER_SSRC, &b, 1);
    harness_rtcp(&h, &w);
    assert_true(stats_of(&h).rtt_ms < 6);
    int from = h.packets;
    part(&h, 8);
    part(&h, 10);
    harness_until(&h, h.now_ns + 1000 * MS);
    int n = asked(&h, from, seqs, times);
    assert_in_range(n, 4, 6); /* each 20 ms while 80 ms are waited */
    assert_in_range(times[1] - times[0], 20 * MS, 21 * MS);
    harness_close(&h);
}

static void packets_that_are_only_late_are_not_asked_for(void **state)
{
    struct harness h;
    struct mcu_line_config c = video_config();
    harness_open(&h, &c);
    pictures(&h, 0, 1, -1);
    for (int i = 1; i < 100; i++) { /* two of each picture are swapped, by 8 and later by 25 ms */
        harness_until(&h, (1000 + i * STEP_MS) * MS);
        part(&h, (uint16_t)(i * 4));
        part(&h, (uint16_t)(i * 4 + 2));
        part(&h, (uint16_t)(i * 4 + 3));
        harness_until(&h, h.now_ns + (i < 50 ? 8 : 25) * MS);
        part(&h, (uint16_t)(i * 4 + 1));
        if (i == 49)
            assert_int_equal(asked(&h, 0, seqs, times), 0);
    }
    assert_in_range(asked(&h, 0, seqs, times), 1, 3); /* then it is known */
    assert_int_equal(h.units, 100);
    assert_int_equal(stats_of(&h).recovered, asked(&h, 0, seqs, times));
    harness_close(&h);
}

static void a_burst_is_asked_for_in_one_packet(void **state)
{
    struct harness h;
    struct mcu_line_config c = video_config();
    harness_open(&h, &c);
    pictures(&h, 0, 10, -1);
    int from = h.packets;
    part(&h, 90); /* 40 to 89 are missing */
    harness_until(&h, h.now_ns + 30 * MS);
    assert_int_equal(asked(&h, from, seqs, times), 50);
    assert_true(times[0] == times[49]);
    assert_int_equal(seqs[0], 40);
    assert_int_equal(seqs[49], 89);
    assert_int_equal(harness_count_rtcp(&h, from, MCU_RTCP_RTPFB, 1), 1);
    part(&h, 690); /* 599 more, of which the newest are asked for */
    harness_until(&h, h.now_ns + 30 * MS);
    assert_true(stats_of(&h).nacks_out <= 50 + 2 * 256);
    harness_close(&h);
}

static void nothing_is_asked_for_where_it_was_not_negotiated_or_on_hold(void **state)
{
    for (int k = 0; k < 2; k++) {
        struct harness h;
        struct mcu_line_config c = video_config();
        c.fb_nack = k == 1;
        c.receive = k == 0;
        harness_open(&h, &c);
        pictures(&h, 0, 30, 50);
        harness_until(&h, h.now_ns + 300 * MS);
        assert_int_equal(asked(&h, 0, seqs, times), 0);
        if (k == 0)
            assert_in_range(h.unit[12].at_ns - (1000 + 12 * STEP_MS) * MS, 60 * MS, 100 * MS);
        harness_close(&h);
    }
}

static void sound_is_asked_for_while_its_place_is_not_played(void **state)
{
    struct harness h;
    struct mcu_line_config c = harness_config(MCU_CODEC_PCMU);
    c.fb_nack = true;
    harness_open(&h, &c);
    for (uint32_t i = 0; i < 100; i++) {
        harness_until(&h, (1000 + i * 20) * MS);
        if (i != 50)
            harness_audio(&h, i, (uint16_t)i, i * 160);
        harness_until(&h, h.now_ns + 12 * MS);
        if (i == 51 && asked(&h, 0, seqs, times) > 0)
            assert_int_equal(seqs[0], 50);
    }
    assert_int_equal(asked(&h, 0, seqs, times), 0); /* 30 ms of delay: given up before it is due */
    for (uint32_t i = 100; i < 400; i++) { /* jitter makes room */
        h.now_ns = (1000 + i * 20) * MS + (i % 2 ? 60 * MS : 0);
        if (i != 301 && i != 300)
            harness_audio(&h, i, (uint16_t)i, i * 160);
        mcu_line_poll(h.line, h.now_ns);
        if (i == 302)
            harness_until(&h, h.now_ns + 15 * MS);
    }
    assert_true(asked(&h, 0, seqs, times) >= 1);
    harness_close(&h);
}

/* ---- A lossy way there and back ---- */

struct flight {
    int64_t at_ns;
    uint16_t seq;
    bool rtx;
};

/* 60 s of 30 pictures a second over 25 ms each way, with loss, reordering and repeats that get lost as
 * well. Returns for how many ms the picture stood still for more than 250 ms. (Browsers
 * call 183 ms a freeze; the answer to a second question takes 200.) */
static int64_t watch(int loss_percent, bool rtx, struct mcu_line_stats *st, int *pli)
{
    enum { COUNT = 1800, MOST = 64 };
    struct flight air[4 * MOST];
    struct harness h;
    struct mcu_line_config c = video_config();
    int n = 0, from = 0, next = 0, units = 0;
    int64_t end = 1000 * MS + (int64_t)COUNT * STEP_MS * MS, shown = 0, frozen = 0;
    uint16_t rtx_seq = 1;
    rng = 4711;
    c.rx[0].rtx_pt = rtx ? RTX_PT : 0;
    harness_open(&h, &c);
    for (; h.now_ns < end; harness_until(&h, h.now_ns + MS)) {
        for (; next < COUNT * PARTS && (1000 + next / PARTS * STEP_MS) * MS <= h.now_ns; next++)
            if (next < PARTS || rnd(100) >= (uint32_t)loss_percent)
                air[n++] = (struct flight){ h.now_ns + (25 + (next < PARTS ? 0 : rnd(8))) * MS,
                                            (uint16_t)next, false };
        int m = asked(&h, from, seqs, times);
        if (plis(&h, from) > 0)
            key_from = (uint16_t)((next + PARTS - 1) / PARTS * PARTS);
        from = h.packets;
        for (int i = 0; i < m && n < 4 * MOST - 8; i++)
            if (rnd(100) >= (uint32_t)loss_percent) /* there */
                if (rnd(100) >= (uint32_t)loss_percent) /* and back */
                    air[n++] = (struct flight){ h.now_ns + (50 + rnd(8)) * MS, seqs[i], rtx };
        for (int i = 0; i < n;) {
            if (air[i].at_ns > h.now_ns) {
                i++;
                continue;
            }
            struct flight f = air[i];
            air[i] = air[--n];
            if (f.rtx)
                part_as_rtx(&h, f.seq, rtx_seq++);
            else
                part(&h, f.seq);
        }
        if (h.units > units) {
            if (units > 0 && h.now_ns - shown > 250 * MS)
                frozen += h.now_ns - shown;
            shown = h.now_ns;
            units = h.units;
        }
    }
    for (int i = 1; i < h.units; i++)
        assert_true(h.unit[i].rtp_ts > h.unit[i - 1].rtp_ts);
    *st = stats_of(&h);
    *pli = (int)st->keyframes_asked;
    key_from = 0;
    harness_close(&h);
    return frozen / MS;
}

static void five_percent_of_loss_do_not_stop_the_picture(void **state)
{
    for (int rtx = 0; rtx < 2; rtx++) {
        struct mcu_line_stats st;
        int pli;
        int64_t frozen = watch(5, rtx, &st, &pli);
        print_message("rtx %d: frozen %d ms of 60 s, PLI %d, asked %d, recovered %d, lost %d\n", rtx,
                      (int)frozen, pli, (int)st.nacks_out, (int)st.recovered, (int)st.lost);
        assert_true(frozen <= 600);
        assert_true(st.recovered >= 300);
        assert_true(st.recovered >= st.nacks_out / 2);
        assert_true(pli <= 2);
        if (rtx) /* repeats of their own number do not repair the report (RFC 4588 section 4) */
            assert_true(st.lost >= 300);
        else
            assert_true(st.lost <= 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_packet_is_asked_for_soon_and_makes_the_picture_whole),
        cmocka_unit_test(a_missing_packet_is_asked_for_again_until_it_is_given_up),
        cmocka_unit_test(after_a_lost_answer_questions_are_put_twice),
        cmocka_unit_test(with_a_short_round_trip_it_is_asked_for_more_often),
        cmocka_unit_test(packets_that_are_only_late_are_not_asked_for),
        cmocka_unit_test(a_burst_is_asked_for_in_one_packet),
        cmocka_unit_test(nothing_is_asked_for_where_it_was_not_negotiated_or_on_hold),
        cmocka_unit_test(sound_is_asked_for_while_its_place_is_not_played),
        cmocka_unit_test(five_percent_of_loss_do_not_stop_the_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
