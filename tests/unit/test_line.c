/* tests/unit/test_line.c - a whole media line: reports, keyframe requests, video through a lossy
 * network, what it allocates. */
#include "count_alloc.h"
#include "line_harness.h"

#include <errno.h>
#include <stdlib.h>

/* ---- Helpers ---- */

static uint64_t rng;

static uint32_t rnd(uint32_t below)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 20) % below;
}

static void open_line(struct harness *h, enum mcu_codec codec)
{
    struct mcu_line_config c = harness_config(codec);
    c.fb_pli = true;
    harness_open(h, &c);
}

/* A VP8 picture; its number follows the header. */
static struct mcu_unit *picture(uint32_t number, size_t size, bool key, int64_t time_ns)
{
    struct mcu_unit *u = mcu_unit_new(size);
    memset(u->data, 0x55, size);
    u->data[0] = key ? 0x10 : 0x11;
    u->data[1] = u->data[2] = 0;
    memcpy(u->data + 3, "\x9d\x01\x2a\x40\x01\xf0\x00", 7);
    memcpy(u->data + 10, &number, 4);
    u->size = size;
    u->codec = MCU_CODEC_VP8;
    u->keyframe = key;
    u->time_ns = time_ns;
    return u;
}

static void send_audio(struct harness *h)
{
    struct mcu_unit *u = mcu_unit_new(160);
    memset(u->data, 1, 160);
    u->size = 160;
    u->codec = MCU_CODEC_PCMU;
    u->time_ns = h->now_ns;
    mcu_line_send(h->line, u, h->now_ns);
    mcu_unit_unref(&u);
}

/* The newest report of ours. */
static struct mcu_rtcp *last_report(struct harness *h, int type)
{
    static struct mcu_rtcp r;
    for (int i = h->packets - 1; i >= 0; i--) {
        struct mcu_cursor c = mcu_cursor(h->packet[i].data, h->packet[i].size);
        if (h->packet[i].rtcp && mcu_rtcp_next(&c, &r) == 1 && r.type == type)
            return &r;
    }
    fail_msg("no report of type %d", type);
    return NULL;
}

static void peer_sr(struct harness *h, uint64_t ntp, uint32_t ts)
{
    uint8_t buf[128];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    struct mcu_rtcp_sender s = { ntp, ts, 1, 1 };
    mcu_rtcp_write_sr(&w, PEER_SSRC, &s, NULL, 0);
    harness_rtcp(h, &w);
}

static void peer_fir(struct harness *h, uint32_t from, uint8_t seq)
{
    uint8_t buf[64];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    mcu_rtcp_write_fir(&w, from, OUR_SSRC, seq);
    harness_rtcp(h, &w);
}

static void peer_pli(struct harness *h, uint32_t media)
{
    uint8_t buf[64];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    mcu_rtcp_write_pli(&w, PEER_SSRC, media);
    harness_rtcp(h, &w);
}

/* ---- Reports ---- */

static void reports_come_soon_and_then_at_random_intervals(void **state)
{
    for (int run = 0; run < 20; run++) {
        struct harness h;
        open_line(&h, MCU_CODEC_PCMU);
        int64_t start = h.now_ns, last = 0;
        int reports = 0;
        for (int i = 0; i < 3000; i++) {
            harness_until(&h, start + i * 20 * MS);
            send_audio(&h);
        }
        for (int i = 0; i < h.packets; i++) {
            if (!h.packet[i].rtcp)
                continue;
            int64_t gap = h.packet[i].at_ns - (reports ? last : start);
            assert_in_range(gap, reports ? 1250 * MS : 50 * MS, reports ? 3750 * MS : 500 * MS);
            last = h.packet[i].at_ns;
            reports++;
        }
        assert_in_range(reports, 18, 34); /* a minute */
        harness_close(&h);
    }
}

static void reports_tie_timestamps_to_the_wall_clock(void **state)
{
    struct harness h;
    open_line(&h, MCU_CODEC_PCMU);
    struct mcu_rtp r;
    int64_t start = h.now_ns;
    for (int i = 0; i < 500; i++) {
        harness_until(&h, start + i * 20 * MS);
        send_audio(&h);
    }
    assert_int_equal(mcu_rtp_parse(&r, h.packet[0].data, h.packet[0].size), 0);
    struct mcu_rtcp *sr = last_report(&h, MCU_RTCP_SR);
    int64_t at = mcu_clock_from_ntp(sr->sender.ntp);
    int64_t by_ts = start + (int64_t)(sr->sender.rtp_ts - r.ts) * MCU_NS_PER_S / 8000;
    assert_true(llabs(at - by_ts) < MS);
    assert_int_equal(sr->sender.octets, sr->sender.packets * 160);
    assert_int_equal(harness_count_rtcp(&h, 0, MCU_RTCP_SDES, 1),
                     harness_count_rtcp(&h, 0, MCU_RTCP_SR, -1));
    harness_close(&h);
}

/* What is heard of a block of Opus is older than its timestamp by what its encoder looks ahead. Timestamps
 * stay 20 ms apart when that changes; the reports say it. */
static void reports_say_how_far_the_encoder_looks_ahead(void **state)
{
    static const int64_t ahead_us[] = { 2500, 6500, 2500 };
    struct harness h;
    open_line(&h, MCU_CODEC_OPUS);
    int64_t start = h.now_ns;
    struct mcu_rtp r, before = { 0 };
    for (int k = 0; k < 3; k++) {
        for (int i = k * 500; i < (k + 1) * 500; i++) {
            harness_until(&h, start + i * 20 * MS);
            struct mcu_unit *u = mcu_unit_new(60);
            u->codec = MCU_CODEC_OPUS;
            u->size = 60;
            u->time_ns = h.now_ns;
            u->duration_ns = 20 * MS;
            u->ahead_ns = ahead_us[k] * 1000;
            mcu_line_send(h.line, u, h.now_ns);
            mcu_unit_unref(&u);
            assert_int_equal(mcu_rtp_parse(&r, h.packet[h.packets - 1].data, h.packet[h.packets - 1].size), 0);
            assert_true(i == 0 || r.ts - before.ts == 960);
            before = r;
        }
        struct mcu_rtcp *sr = last_report(&h, MCU_RTCP_SR);
        int64_t at = mcu_clock_from_ntp(sr->sender.ntp);
        int64_t heard = h.now_ns + (int32_t)(sr->sender.rtp_ts - r.ts) * MCU_NS_PER_MS / 48 -
                        ahead_us[k] * 1000;
        assert_true(llabs(at - heard) < MS / 4);
    }
    harness_close(&h);
}

static void reports_say_what_was_lost_and_when_the_last_one_came(void **state)
{
    struct harness h;
    open_line(&h, MCU_CODEC_PCMU);
    for (uint32_t i = 0; i < 1000; i++) {
        harness_until(&h, (1000 + i * 20) * MS);
        if (i % 10 != 5)
            harness_audio(&h, i, (uint16_t)(i + 65000), i * 160);
        if (i == 900)
            peer_sr(&h, UINT64_C(0x1111222233334444), i * 160);
    }
    harness_until(&h, h.now_ns + 4000 * MS);
    struct mcu_rtcp *rr = last_report(&h, MCU_RTCP_RR);
    assert_int_equal(rr->ssrc, OUR_SSRC);
    assert_int_equal(rr->block_count, 1);
    assert_int_equal(rr->block[0].ssrc, PEER_SSRC);
    assert_int_equal(rr->block[0].lost, 100);
    assert_int_equal(rr->block[0].highest_seq, 65000 + 999); /* one cycle */
    assert_int_equal(rr->block[0].lsr, 0x22223333);
    assert_in_range(rr->block[0].dlsr, 2 * 65536, 7 * 65536);
    struct mcu_line_stats st;
    mcu_line_get_stats(h.line, &st);
    assert_int_equal(st.lost, 100);
    assert_true(st.sr_seen);
    harness_close(&h);
}

static void reports_of_the_peer_give_round_trip_and_loss(void **state)
{
    struct harness h;
    open_line(&h, MCU_CODEC_PCMU);
    send_audio(&h);
    harness_until(&h, h.now_ns + 500 * MS);
    uint32_t lsr = (uint32_t)(last_report(&h, MCU_RTCP_SR)->sender.ntp >> 16);
    int64_t sent = h.packet[h.packets - 1].at_ns;
    uint8_t buf[128];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    struct mcu_rtcp_block b = { OUR_SSRC, 64, 3, 9, 0, lsr, 65536 / 2 };
    mcu_rtcp_write_rr(&w, PEER_SSRC, &b, 1);
    h.now_ns = sent + 580 * MS; /* half a second of it at the peer */
    harness_rtcp(&h, &w);
    struct mcu_line_stats st;
    mcu_line_get_stats(h.line, &st);
    assert_true(st.rtt_ms > 79 && st.rtt_ms < 81);
    assert_true(st.fraction_lost_out == 0.25);
    assert_int_equal(st.last_packet_ns, h.now_ns);
    harness_close(&h);
}

static void bye_is_sent_and_heard(void **state)
{
    struct harness h;
    open_line(&h, MCU_CODEC_PCMU);
    uint8_t buf[64];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    mcu_rtcp_write_rr(&w, PEER_SSRC, NULL, 0);
    mcu_rtcp_write_bye(&w, PEER_SSRC);
    harness_rtcp(&h, &w);
    assert_int_equal(h.byes, 0); /* of nobody we know */
    harness_audio(&h, 0, 1, 0);
    harness_audio(&h, 1, 2, 160);
    harness_rtcp(&h, &w);
    assert_int_equal(h.byes, 1);
    mcu_line_bye(h.line, h.now_ns);
    assert_int_equal(harness_count_rtcp(&h, 0, MCU_RTCP_BYE, 1), 1);
    struct mcu_line_stats st;
    mcu_line_rtcp(h.line, (const uint8_t *)"\x80\xc9\x00", 3, h.now_ns);
    mcu_line_rtp(h.line, (const uint8_t *)"\x80\x60\x00", 3, h.now_ns);
    mcu_line_get_stats(h.line, &st);
    assert_int_equal(st.malformed, 2);
    harness_close(&h);
}

/* ---- Keyframes ---- */

static void keyframe_requests_of_the_peer_without_repeats(void **state)
{
    struct harness h;
    open_line(&h, MCU_CODEC_VP8);
    for (int i = 0; i < 5; i++, h.now_ns += 50 * MS)
        peer_fir(&h, PEER_SSRC, 7);
    assert_int_equal(h.keyframes_wanted, 1);
    peer_fir(&h, PEER_SSRC, 8);
    assert_int_equal(h.keyframes_wanted, 2);
    peer_fir(&h, 99, 8); /* somebody else's */
    assert_int_equal(h.keyframes_wanted, 3);
    peer_pli(&h, OUR_SSRC);
    assert_int_equal(h.keyframes_wanted, 4);
    peer_pli(&h, 12345);
    assert_int_equal(h.keyframes_wanted, 4);
    peer_fir(&h, 99, 8);
    h.now_ns += 2500 * MS; /* a device that never raises its number */
    peer_fir(&h, 99, 8);
    assert_int_equal(h.keyframes_wanted, 5);
    harness_close(&h);
}

/* A picture of one packet (RFC 7741: S bit, then the frame). */
static void peer_picture(struct harness *h, uint16_t seq, bool key)
{
    struct mcu_unit *u = picture(seq, 100, key, 0);
    uint8_t p[101] = { 0x10 };
    memcpy(p + 1, u->data, 100);
    mcu_unit_unref(&u);
    harness_rtp(h, PEER_SSRC, 96, seq, seq * 3000u, true, p, sizeof(p));
}

static int plis(struct harness *h, int from)
{
    return harness_count_rtcp(h, from, MCU_RTCP_PSFB, MCU_PSFB_PLI);
}

static void keyframe_is_not_asked_for_when_the_stream_begins_with_one(void **state)
{
    struct harness h;
    open_line(&h, MCU_CODEC_VP8);
    for (uint16_t i = 0; i < 100; i++) {
        harness_until(&h, (1000 + i * 33) * MS);
        peer_picture(&h, (uint16_t)(i + 65500), i == 0);
    }
    assert_int_equal(h.units, 100);
    assert_true(h.unit[0].key);
    assert_false(h.unit[0].gap);
    assert_int_equal(plis(&h, 0), 0);
    harness_close(&h);
}

static void keyframe_is_asked_for_until_it_comes(void **state)
{
    struct harness h;
    open_line(&h, MCU_CODEC_VP8);
    for (uint16_t i = 0; i < 90; i++) { /* 3 s without one */
        harness_until(&h, (1000 + i * 33) * MS);
        peer_picture(&h, i, false);
    }
    assert_in_range(plis(&h, 0), 5, 7); /* one each 500 ms */
    peer_picture(&h, 90, true);
    int from = h.packets;
    for (uint16_t i = 91; i < 150; i++) {
        harness_until(&h, (1000 + i * 33) * MS);
        peer_picture(&h, i, false);
    }
    assert_int_equal(plis(&h, from), 0);
    harness_close(&h);
}

static void keyframe_wish_is_kept_and_limited(void **state)
{
    struct harness h;
    open_line(&h, MCU_CODEC_VP8);
    mcu_line_ask_keyframe(h.line, h.now_ns); /* nobody to ask yet */
    assert_int_equal(plis(&h, 0), 0);
    peer_picture(&h, 0, false);
    peer_picture(&h, 1, true);
    mcu_line_ask_keyframe(h.line, h.now_ns);
    int n = plis(&h, 0);
    assert_in_range(n, 1, 1);
    for (int i = 0; i < 10; i++, h.now_ns += 40 * MS)
        mcu_line_ask_keyframe(h.line, h.now_ns);
    assert_int_equal(plis(&h, 0), 1);
    harness_until(&h, h.now_ns + 90 * MS);
    assert_int_equal(plis(&h, 0), 1);
    harness_until(&h, h.now_ns + 20 * MS); /* 500 ms are over */
    assert_int_equal(plis(&h, 0), 2);
    mcu_line_ask_keyframe(h.line, h.now_ns);
    peer_picture(&h, 2, true); /* comes by itself */
    harness_until(&h, h.now_ns + 1000 * MS);
    assert_int_equal(plis(&h, 0), 2);
    struct mcu_line_stats st;
    mcu_line_get_stats(h.line, &st);
    assert_int_equal(st.keyframes_asked, 2);
    harness_close(&h);
}

static void keyframe_is_asked_for_as_the_peer_understands(void **state)
{
    for (int k = 0; k < 4; k++) {
        struct harness h;
        struct mcu_line_config c = harness_config(MCU_CODEC_VP8);
        c.fb_pli = k & 1;
        c.fb_fir = k & 2;
        harness_open(&h, &c);
        peer_picture(&h, 0, true);
        peer_picture(&h, 1, false);
        mcu_line_ask_keyframe(h.line, h.now_ns);
        assert_int_equal(plis(&h, 0), k != 2);
        assert_int_equal(harness_count_rtcp(&h, 0, MCU_RTCP_PSFB, MCU_PSFB_FIR), k == 2 || k == 0);
        harness_close(&h);
    }
}

static void video_gap_is_given_up_and_a_keyframe_asked(void **state)
{
    struct harness h;
    open_line(&h, MCU_CODEC_VP8);
    for (uint16_t i = 0; i < 60; i++) {
        harness_until(&h, (1000 + i * 33) * MS);
        if (i != 30)
            peer_picture(&h, i, i == 0);
    }
    assert_int_equal(h.unit[30].rtp_ts, 31 * 3000);
    assert_true(h.unit[30].gap);
    assert_in_range(h.unit[30].at_ns - h.unit[30].time_ns, 60 * MS, 100 * MS);
    assert_false(h.unit[31].gap);
    assert_in_range(plis(&h, 0), 1, 2);
    harness_close(&h);
}

static void video_times_are_those_of_the_packets_that_came_last_and_fastest(void **state)
{
    struct harness h;
    uint8_t head[101] = { 0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0 }, tail[51] = { 0 };
    open_line(&h, MCU_CODEC_VP8);
    for (uint16_t i = 0; i < 50; i++) {
        h.now_ns = (1000 + i * 40) * MS; /* the second half comes first */
        if (i > 0)
            harness_rtp(&h, PEER_SSRC, 96, (uint16_t)(2 * i + 1), i * 3600u, true, tail, sizeof(tail));
        h.now_ns += 10 * MS;
        harness_rtp(&h, PEER_SSRC, 96, (uint16_t)(2 * i), i * 3600u, false, head, sizeof(head));
        if (i == 0)
            harness_rtp(&h, PEER_SSRC, 96, 1, 0, true, tail, sizeof(tail));
    }
    assert_int_equal(h.units, 50);
    for (int i = 1; i < 50; i++) {
        assert_int_equal(h.unit[i].time_ns, (1010 + i * 40) * MS);
        assert_int_equal(h.unit[i].sent_ns, (1000 + i * 40) * MS);
    }
    harness_close(&h);
}

/* ---- Two lines and a network ---- */

struct flight {
    int64_t arrival_ns;
    int packet;
};

static int by_arrival(const void *a, const void *b)
{
    const struct flight *x = a, *y = b;
    if (x->arrival_ns != y->arrival_ns)
        return x->arrival_ns < y->arrival_ns ? -1 : 1;
    return x->packet - y->packet;
}

static void check_pictures(struct harness *to, const bool *whole, int count)
{
    int expect = 0;
    for (int i = 0; i < to->units; i++) {
        int n = (int)to->unit[i].tag, prev = i ? (int)to->unit[i - 1].tag : -1;
        assert_in_range(n, prev + 1, count - 1);
        assert_int_equal(to->unit[i].gap, n != prev + 1);
        for (int k = prev + 1; k < n; k++)
            assert_false(whole[k]);
        expect++;
    }
    assert_true(expect > 0);
}

/* Pictures of 1 to 20 packets with loss, reordering within 50 ms and duplicates: those that came whole
 * come out, in order, the others leave a gap that is marked. */
static void video_over_network(uint64_t seed, int loss_permille)
{
    enum { COUNT = 150 };
    static struct flight f[2 * PACKETS_MAX];
    static bool whole[COUNT];
    struct harness from, to;
    struct mcu_line_config c = harness_config(MCU_CODEC_VP8);
    int n = 0;
    rng = seed * 104729 + 7;
    harness_open(&from, &c);
    c.ssrc = PEER_SSRC;
    harness_open(&to, &c);
    for (int i = 0; i < COUNT; i++) {
        from.now_ns = (1000 + i * 33) * MS;
        struct mcu_unit *u = picture((uint32_t)i, 100 + rnd(20000), i % 50 == 0, from.now_ns);
        int first = from.packets;
        mcu_line_send(from.line, u, from.now_ns);
        mcu_unit_unref(&u);
        whole[i] = true;
        for (int k = first; k < from.packets; k++) {
            if (i > 0 && rnd(1000) < (uint32_t)loss_permille) {
                whole[i] = false;
                continue;
            }
            for (int copies = 1 + (i > 0 && rnd(20) == 0); copies > 0; copies--)
                f[n++] = (struct flight){ from.now_ns + (i > 0 ? rnd(50) : 0) * MS, k };
        }
        assert_true(from.packets < PACKETS_MAX);
    }
    qsort(f, (size_t)n, sizeof(f[0]), by_arrival);
    for (int i = 0; i < n; i++) {
        harness_until(&to, f[i].arrival_ns);
        struct packet_note *p = &from.packet[f[i].packet];
        mcu_line_rtp(to.line, p->data, p->size, to.now_ns);
    }
    harness_until(&to, to.now_ns + 1000 * MS);
    for (int i = 0; i < to.units; i++) /* the number of the picture, from its time */
        to.unit[i].tag = (to.unit[i].rtp_ts - to.unit[0].rtp_ts + 1500) / 2970;
    check_pictures(&to, whole, COUNT);
    struct mcu_line_stats st;
    mcu_line_get_stats(to.line, &st);
    assert_int_equal(st.late, 0);
    if (loss_permille == 0)
        assert_int_equal(to.units, COUNT);
    mcu_line_free(&to.line);
    harness_close(&from);
    harness_close(&to);
}

static void video_that_came_whole_comes_out_in_order(void **state)
{
    for (uint64_t seed = 1; seed <= 8; seed++) {
        video_over_network(seed, 0);
        video_over_network(seed, 5);
        video_over_network(seed, 40);
    }
}

static void lips_are_in_sync_over_two_lines(void **state)
{
    /* One peer, sound 40 ms and picture 150 ms on their way, both with up to 30 ms more. */
    struct harness a, v;
    struct mcu_line_config ca = harness_config(MCU_CODEC_PCMU), cv = harness_config(MCU_CODEC_VP8);
    harness_open(&a, &ca);
    harness_open(&v, &cv);
    mcu_line_free(&v.line); /* both on one clock */
    assert_int_equal(mcu_line_new(&v.line, &cv, &a.clock, &harness_events, &v), 0);
    rng = 4711;
    for (int i = 0; i < 1500; i++) { /* each 33 1/3 ms: a picture, and sound of the same moment */
        int64_t t = 2000 * MS + i * 100 * MS / 3;
        uint64_t ntp = (UINT64_C(0xe0000000) << 32) + ((uint64_t)i << 32) / 30;
        uint32_t audio_ts = 777 + (uint32_t)(i * 800 / 3);
        a.now_ns = t + (40 + rnd(30)) * MS;
        harness_audio(&a, (uint32_t)i, (uint16_t)i, audio_ts);
        v.now_ns = t + (150 + rnd(30)) * MS;
        peer_picture(&v, (uint16_t)i, i == 0);
        if (i % 100 == 10) {
            peer_sr(&a, ntp, audio_ts);
            peer_sr(&v, ntp, (uint32_t)i * 3000);
        }
    }
    int64_t worst = 0;
    for (int i = 20, k = 20; i < v.units; i++) {
        while (k < a.units && (int64_t)a.unit[k].tag * 3000 < v.unit[i].rtp_ts)
            k++;
        if (k < a.units && a.unit[k].tag * 3000 == v.unit[i].rtp_ts &&
            llabs(a.unit[k].sent_ns - v.unit[i].sent_ns) > worst)
            worst = llabs(a.unit[k].sent_ns - v.unit[i].sent_ns);
    }
    assert_true(v.units == 1500 && a.units > 1400);
    assert_in_range(worst, 0, 5 * MS);
    mcu_line_free(&v.line);
    mcu_line_free(&a.line);
    harness_close(&v);
    harness_close(&a);
}

static void line_refuses_what_it_cannot_do(void **state)
{
    struct harness h;
    open_line(&h, MCU_CODEC_PCMU);
    struct mcu_line_config c = h.config;
    struct mcu_line *line = NULL;
    c.rx[0].pt = 128;
    assert_int_equal(mcu_line_new(&line, &c, &h.clock, &harness_events, NULL), -EINVAL);
    c = h.config;
    c.rx_count = MCU_LINE_RX_MAX + 1;
    assert_int_equal(mcu_line_new(&line, &c, &h.clock, &harness_events, NULL), -EINVAL);
    c = h.config;
    c.tx_codec = MCU_CODEC_VP8;
    assert_int_equal(mcu_line_reconfigure(h.line, &c), -EINVAL);
    c = h.config;
    c.rx[1] = c.rx[0];
    c.rx_count = 2;
    assert_int_equal(mcu_line_reconfigure(h.line, &c), -EINVAL);
    c = h.config;
    c.ssrc++;
    assert_int_equal(mcu_line_reconfigure(h.line, &c), -EINVAL);
    assert_null(line);
    harness_close(&h);
}

static void line_without_memory_is_refused_and_changes_nothing(void **state)
{
    struct harness h;
    struct mcu_line_config c = harness_config(MCU_CODEC_VP8), more;
    struct mcu_line *line = NULL;
    harness_open(&h, &c);
    more = c;
    more.rx[1] = (struct mcu_line_rx){ .codec = MCU_CODEC_H264, .pt = 97 };
    more.rx_count = 2;
    for (int k = 0; k < 20; k++) {
        fail_at = allocations + k;
        int rc = mcu_line_new(&line, &more, &h.clock, &harness_events, &h);
        fail_at = -1;
        assert_true(rc == 0 || rc == -ENOMEM);
        assert_true((rc == 0) == (line != NULL));
        mcu_line_free(&line);
        fail_at = allocations + k;
        rc = mcu_line_reconfigure(h.line, &more);
        fail_at = -1;
        peer_picture(&h, (uint16_t)k, true);
        assert_int_equal(h.units, k == 0 ? 0 : k + 1); /* 96 is taken before and after */
        assert_int_equal(mcu_line_reconfigure(h.line, &c), 0);
    }
    harness_close(&h);
}

static void steady_state(struct harness *h, int from, int to)
{
    for (int i = from; i < to; i++) {
        h->now_ns = (1000 + i * 33) * MS;
        struct mcu_unit *u = picture((uint32_t)i, 5000, i % 30 == 0, h->now_ns);
        mcu_line_send(h->line, u, h->now_ns);
        mcu_unit_unref(&u);
        if (i % 7 != 3)
            peer_picture(h, (uint16_t)(i % 10 == 4 ? i + 1 : i % 10 == 5 ? i - 1 : i), i % 30 == 0);
        mcu_line_poll(h->line, h->now_ns + 15 * MS);
        if (i % 10 == 0)
            peer_sr(h, ((uint64_t)i << 32) / 30, (uint32_t)i * 3000);
    }
}

static void steady_state_does_not_allocate(void **state)
{
    struct harness h;
    struct mcu_line_config c = harness_config(MCU_CODEC_VP8);
    c.pace_bps = 2000000;
    harness_open(&h, &c);
    steady_state(&h, 0, 300);
    long before = allocations;
    steady_state(&h, 300, 3000);
    assert_int_equal(allocations, before);
    harness_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_come_soon_and_then_at_random_intervals),
        cmocka_unit_test(reports_tie_timestamps_to_the_wall_clock),
        cmocka_unit_test(reports_say_how_far_the_encoder_looks_ahead),
        cmocka_unit_test(reports_say_what_was_lost_and_when_the_last_one_came),
        cmocka_unit_test(reports_of_the_peer_give_round_trip_and_loss),
        cmocka_unit_test(bye_is_sent_and_heard),
        cmocka_unit_test(keyframe_requests_of_the_peer_without_repeats),
        cmocka_unit_test(keyframe_is_not_asked_for_when_the_stream_begins_with_one),
        cmocka_unit_test(keyframe_is_asked_for_until_it_comes),
        cmocka_unit_test(keyframe_wish_is_kept_and_limited),
        cmocka_unit_test(keyframe_is_asked_for_as_the_peer_understands),
        cmocka_unit_test(video_gap_is_given_up_and_a_keyframe_asked),
        cmocka_unit_test(video_times_are_those_of_the_packets_that_came_last_and_fastest),
        cmocka_unit_test(video_that_came_whole_comes_out_in_order),
        cmocka_unit_test(lips_are_in_sync_over_two_lines),
        cmocka_unit_test(line_refuses_what_it_cannot_do),
        cmocka_unit_test(line_without_memory_is_refused_and_changes_nothing),
        cmocka_unit_test(steady_state_does_not_allocate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
