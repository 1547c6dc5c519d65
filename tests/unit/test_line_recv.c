/* tests/unit/test_line_recv.c - what a line does about losses (NACK, RTX), header extensions, and a
 * simulcast that it receives. */
#include "count_alloc.h"
#include "line_harness.h"

#include <stdio.h>

#include "net/rtcp_fb.h"
#include "net/rtp_ext.h"
#include "net/twcc.h"

#define RTX_PT   97
#define RTX_SSRC 0x77777777u
#define PARTS    4 /* packets of a picture */
#define STEP_MS  33

static uint64_t rng;

static uint32_t rnd(uint32_t below)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 20) % below;
}

static struct mcu_line_config video_config(void)
{
    struct mcu_line_config c = harness_config(MCU_CODEC_VP8);
    c.fb_pli = c.fb_nack = true;
    c.rx[0].rtx_pt = RTX_PT;
    return c;
}

/* One packet of VP8: the first of a picture has its header, with the height. */
static size_t payload(uint8_t *p, size_t size, bool first, bool key, int rows)
{
    memset(p, 0x33, size);
    p[0] = first ? 0x10 : 0;
    if (!first)
        return size;
    p[1] = key ? 0x10 : 0x11;
    p[2] = p[3] = 0;
    memcpy(p + 4, "\x9d\x01\x2a\x40\x01", 5);
    p[9] = (uint8_t)rows;
    p[10] = (uint8_t)(rows >> 8);
    return size;
}

/* The keyframe that was asked for, after the first one. */
static uint16_t key_from;

/* Packet `seq` of a stream of pictures in four packets, the first of them a keyframe. */
static void part(struct harness *h, uint16_t seq)
{
    uint8_t p[200];
    size_t n = payload(p, sizeof(p), seq % PARTS == 0, seq < PARTS || seq == key_from, 240);
    harness_rtp(h, PEER_SSRC, 96, seq, seq / PARTS * 3000u, seq % PARTS == PARTS - 1, p, n);
}

static void part_as_rtx(struct harness *h, uint16_t seq, uint16_t rtx_seq)
{
    uint8_t p[202] = { (uint8_t)(seq >> 8), (uint8_t)seq };
    payload(p + 2, 200, seq % PARTS == 0, seq < PARTS || seq == key_from, 240);
    harness_rtp(h, RTX_SSRC, RTX_PT, rtx_seq, seq / PARTS * 3000u, seq % PARTS == PARTS - 1, p,
                sizeof(p));
}

/* Whole pictures from `from` to `to`, each at its time; packet `lost` does not come. */
static void pictures(struct harness *h, int from, int to, int lost)
{
    for (int i = from * PARTS; i < to * PARTS; i++) {
        if (i % PARTS == 0)
            harness_until(h, (1000 + i / PARTS * STEP_MS) * MS);
        if (i != lost)
            part(h, (uint16_t)i);
    }
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

static struct mcu_line_stats stats_of(struct harness *h)
{
    struct mcu_line_stats st;
    mcu_line_get_stats(h->line, &st);
    return st;
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

/* ---- RTX ---- */

static void a_repeat_under_its_own_type_takes_its_place(void **state)
{
    struct harness h;
    struct mcu_line_config c = video_config();
    harness_open(&h, &c);
    pictures(&h, 0, 20, 50);
    part_as_rtx(&h, 50, 900);
    assert_int_equal(h.units, 20);
    for (int i = 0; i < 20; i++)
        assert_false(h.unit[i].gap);
    struct mcu_line_stats st = stats_of(&h);
    assert_int_equal(st.recovered, 1);
    assert_int_equal(st.lost, 1);
    assert_true(st.jitter_ms < 2); /* that it took its time is no jitter */
    part_as_rtx(&h, 50, 901); /* what is there already */
    part_as_rtx(&h, 3, 902);
    part_as_rtx(&h, 30000, 903); /* of nowhere */
    harness_rtp(&h, RTX_SSRC, RTX_PT, 904, 0, false, "x", 1); /* no number */
    for (uint16_t i = 0; i < 200; i++) /* probes: padding alone */
        harness_rtp(&h, RTX_SSRC, RTX_PT, (uint16_t)(905 + i), 0, false, NULL, 0);
    pictures(&h, 20, 40, -1);
    assert_int_equal(h.units, 40);
    st = stats_of(&h);
    assert_int_equal(st.duplicate + st.late, 0);
    assert_int_equal(st.malformed, 1);
    assert_int_equal(st.ssrc_in, PEER_SSRC);
    harness_close(&h);
}

static void repeats_have_a_report_of_their_own(void **state)
{
    struct harness h;
    struct mcu_line_config c = video_config();
    static struct mcu_rtcp r;
    harness_open(&h, &c);
    pictures(&h, 0, 20, 50);
    part_as_rtx(&h, 50, 900);
    harness_rtp(&h, RTX_SSRC, RTX_PT, 903, 0, false, NULL, 0);
    pictures(&h, 20, 150, -1);
    for (int i = h.packets - 1; i >= 0; i--) {
        struct mcu_cursor cur = mcu_cursor(h.packet[i].data, h.packet[i].size);
        if (h.packet[i].rtcp && mcu_rtcp_next(&cur, &r) == 1)
            break;
    }
    assert_int_equal(r.block_count, 2);
    assert_int_equal(r.block[0].ssrc, PEER_SSRC);
    assert_int_equal(r.block[0].lost, 1);
    assert_int_equal(r.block[1].ssrc, RTX_SSRC);
    assert_int_equal(r.block[1].lost, 2);
    harness_close(&h);
}

/* ---- Header extensions ---- */

static struct mcu_line_ext ext_ids(void)
{
    return (struct mcu_line_ext){ .audio_level = 1, .abs_send_time = 2, .transport_cc = 3, .rid = 10,
                                  .repaired_rid = 11 };
}

/* A packet with one element. */
static void rtp_with(struct harness *h, const struct mcu_rtp *r, uint8_t id, const void *data,
                     size_t bytes, const void *load, size_t size)
{
    uint8_t buf[1600];
    int n = mcu_rtp_write(r, buf, sizeof(buf));
    struct mcu_rtp_ext_writer x = mcu_rtp_ext_writer(buf, (size_t)n, sizeof(buf), false);
    memcpy(mcu_rtp_ext_put(&x, id, bytes), data, bytes);
    n = mcu_rtp_ext_end(&x);
    memcpy(buf + n, load, size);
    mcu_line_rtp(h->line, buf, (size_t)n + size, h->now_ns);
}

static int8_t level;

static void note_level(struct mcu_unit *u, void *arg)
{
    level = u->level_dbov;
    mcu_unit_unref(&u);
}

static void the_level_of_sound_goes_with_its_unit(void **state)
{
    static const struct mcu_line_events events = { .send = note_send, .unit = note_level };
    struct harness h;
    struct mcu_line_config c = harness_config(MCU_CODEC_PCMU);
    uint8_t voice[160] = { 0 };
    c.ext = ext_ids();
    harness_open(&h, &c);
    struct mcu_line *other = NULL;
    assert_int_equal(mcu_line_new(&other, &c, &h.clock, &events, &h), 0);
    mcu_line_free(&h.line);
    h.line = other;
    for (int i = 0; i < 128; i++) {
        struct mcu_rtp r = { .pt = 96, .seq = (uint16_t)i, .ts = (uint32_t)i * 160, .ssrc = PEER_SSRC };
        uint8_t b = (uint8_t)(i | (i % 2 ? 0x80 : 0)); /* the V bit is no part of it */
        h.now_ns += 20 * MS;
        rtp_with(&h, &r, 1, &b, 1, voice, sizeof(voice));
        if (i > 0)
            assert_int_equal(level, -i);
    }
    h.now_ns += 20 * MS;
    harness_rtp(&h, PEER_SSRC, 96, 128, 128 * 160, false, voice, sizeof(voice));
    assert_int_equal(level, 1);
    harness_close(&h);
}

static void transport_wide_numbers_are_noted_for_all_packets(void **state)
{
    struct harness h;
    struct mcu_line_config c = video_config();
    struct mcu_twcc_stats st;
    struct mcu_twcc *t = NULL;
    assert_int_equal(mcu_twcc_new(&t), 0);
    c.ext = ext_ids();
    c.twcc = t;
    harness_open(&h, &c);
    for (int i = 0; i < 30; i++) {
        struct mcu_rtp r = { .pt = i % 3 == 2 ? RTX_PT : 96, .seq = (uint16_t)i,
                             .ssrc = i % 3 == 2 ? RTX_SSRC : PEER_SSRC };
        uint8_t number[2] = { 1, (uint8_t)i };
        rtp_with(&h, &r, 3, number, 2, "abcd", i % 3 == 1 ? 0 : 4); /* media, padding, repeats */
        h.now_ns += 5 * MS;
    }
    mcu_twcc_get_stats(t, &st);
    assert_int_equal(st.came, 30);
    assert_true(mcu_twcc_due(t) < INT64_MAX);
    harness_close(&h);
    mcu_twcc_free(&t);
}

/* ---- Simulcast ---- */

static const char *const rids[] = { "q", "h", "f" };

struct cast {
    struct harness h;
    int64_t start_ns;
    uint16_t seq[3];
    bool off[3], key[3]; /* layers that are not sent; whose next picture is a keyframe */
    int picture, followed; /* RTCP read so far */
    bool named, deaf;      /* RIDs are said; PLI does nothing */
};

static uint32_t layer_ssrc(int i)
{
    return 0x1000u + (uint32_t)i;
}

static void cast_open(struct cast *s)
{
    struct mcu_line_config c = video_config();
    memset(s, 0, sizeof(*s));
    c.ext = ext_ids();
    c.rid_count = 3;
    for (int i = 0; i < 3; i++) {
        strcpy(c.rid[i], rids[i]);
        s->seq[i] = (uint16_t)(65000 + 250 * i);
        s->key[i] = true;
    }
    s->named = true;
    harness_open(&s->h, &c);
    s->start_ns = s->h.now_ns;
}

/* PLI for a layer makes its next picture a keyframe, as a browser does. Returns them as bits. */
static int cast_obey(struct cast *s)
{
    static struct mcu_rtcp r;
    int mask = 0;
    for (; s->followed < s->h.packets; s->followed++) {
        struct packet_note *p = &s->h.packet[s->followed % PACKETS_MAX];
        struct mcu_cursor c = mcu_cursor(p->data, p->size);
        while (p->rtcp && mcu_rtcp_next(&c, &r) == 1)
            if (r.type == MCU_RTCP_PSFB && r.count == MCU_PSFB_PLI) {
                assert_in_range(r.media_ssrc, 0x1000, 0x1002);
                s->key[r.media_ssrc - 0x1000] = !s->deaf;
                mask |= 1 << (r.media_ssrc - 0x1000);
            }
    }
    return mask;
}

/* One picture of all layers: three packets each, with the number of the picture in front. */
static int cast_picture(struct cast *s)
{
    int asked_for = 0;
    harness_until(&s->h, s->start_ns + (int64_t)s->picture * STEP_MS * MS);
    for (int i = 0; i < 3; i++) {
        asked_for |= cast_obey(s);
        if (s->off[i])
            continue;
        for (int k = 0; k < 3; k++) {
            uint8_t p[100 + 300];
            size_t n = payload(p, (size_t)(100 + 100 * i), k == 0, s->key[i], 180 << i);
            struct mcu_rtp r = { .marker = k == 2, .pt = 96, .seq = s->seq[i]++,
                                 .ts = (uint32_t)(s->picture * 2970 + i * 1000000), .ssrc = layer_ssrc(i) };
            if (s->named && s->picture < 10)
                rtp_with(&s->h, &r, 10, rids[i], 1, p, n);
            else
                harness_rtp(&s->h, r.ssrc, 96, r.seq, r.ts, r.marker, p, n);
        }
        s->key[i] = false;
    }
    s->picture++;
    return asked_for;
}

static void cast_run(struct cast *s, int pictures_more)
{
    while (pictures_more-- > 0)
        cast_picture(s);
}

/* The layer of a unit, by its timestamp. */
static int layer_of(const struct unit_note *u)
{
    return (int)(u->rtp_ts / 1000000u);
}

/* From unit `from` on: every picture once and whole, times and numbers rising, a keyframe where the
 * layer changes. */
static void cast_check(struct cast *s, int from)
{
    for (int i = from; i < s->h.units; i++) {
        struct unit_note *u = &s->h.unit[i], *b = &s->h.unit[i - 1];
        int number = (int)(u->rtp_ts % 1000000u) / 2970, before = (int)(b->rtp_ts % 1000000u) / 2970;
        assert_false(u->gap);
        assert_true(u->seq > b->seq);
        assert_true(u->sent_ns >= b->sent_ns && u->sent_ns <= u->time_ns);
        if (layer_of(u) == layer_of(b)) {
            assert_int_equal(number, before + 1);
        } else {
            assert_true(u->key);
            assert_in_range(number, before, before + 1); /* the same moment may be seen twice */
        }
    }
}

static void simulcast_takes_the_largest_until_it_is_told(void **state)
{
    struct cast s;
    cast_open(&s);
    cast_run(&s, 60);
    struct mcu_line_stats st = stats_of(&s.h);
    assert_int_equal(st.layers, 3);
    assert_int_equal(st.layer, 2);
    assert_int_equal(st.ssrc_in, layer_ssrc(2));
    assert_int_equal(layer_of(&s.h.unit[s.h.units - 1]), 2);
    for (int i = 0; i < 3; i++) /* 3 packets of 100, 200, 300 bytes, and their headers */
        assert_in_range(st.bps_in[i], 3 * (100 + 100 * i) * 8 * 29, 3 * (130 + 100 * i) * 8 * 31);
    cast_check(&s, 5);
    harness_close(&s.h);
}

static void simulcast_follows_what_is_shown_without_losing_a_picture(void **state)
{
    static const struct {
        int rows, layer;
    } wish[] = { { 180, 0 }, { 181, 1 }, { 720, 2 }, { 360, 1 }, { 2000, 2 }, { 0, 0 }, { 400, 2 } };
    struct cast s;
    cast_open(&s);
    cast_run(&s, 30);
    for (size_t i = 0; i < sizeof(wish) / sizeof(wish[0]); i++) {
        cast_obey(&s);
        mcu_line_want_rows(s.h.line, wish[i].rows, s.h.now_ns);
        assert_int_equal(cast_obey(&s), 1 << wish[i].layer); /* that one alone is asked */
        cast_run(&s, 30);
        assert_int_equal(layer_of(&s.h.unit[s.h.units - 1]), wish[i].layer);
        assert_int_equal(stats_of(&s.h).layer, wish[i].layer);
    }
    cast_check(&s, 5);
    assert_true(s.h.units >= s.picture);
    assert_int_equal(stats_of(&s.h).lost, 0);
    assert_in_range(stats_of(&s.h).keyframes_asked, 7, 9);
    harness_close(&s.h);
}

static void simulcast_goes_on_until_the_other_layer_has_its_keyframe(void **state)
{
    struct cast s;
    cast_open(&s);
    cast_run(&s, 30);
    mcu_line_want_rows(s.h.line, 100, s.h.now_ns);
    int units = s.h.units, plis_sent = 0;
    s.deaf = true;
    for (int i = 0; i < 60; i++) /* 2 s in which nobody answers */
        plis_sent += cast_picture(&s) != 0;
    s.deaf = false;
    assert_int_equal(s.h.units, units + 60);
    assert_in_range(plis_sent, 3, 5);
    assert_int_equal(stats_of(&s.h).layer, 2);
    s.key[0] = true;
    cast_run(&s, 10);
    assert_int_equal(stats_of(&s.h).layer, 0);
    cast_check(&s, 5);
    harness_close(&s.h);
}

static void simulcast_leaves_an_unfinished_picture_behind(void **state)
{
    struct cast s;
    uint8_t p[100];
    cast_open(&s);
    cast_run(&s, 30);
    mcu_line_want_rows(s.h.line, 100, s.h.now_ns);
    int units = s.h.units;
    uint64_t nacks = stats_of(&s.h).nacks_out;
    uint32_t ts = (uint32_t)(30 * 2970 + 2 * 1000000); /* both layers count time alike */
    harness_until(&s.h, s.h.now_ns + 5 * MS);
    size_t n = payload(p, sizeof(p), true, false, 720);
    harness_rtp(&s.h, layer_ssrc(2), 96, s.seq[2], ts, false, p, n);
    n = payload(p, sizeof(p), false, false, 720);
    harness_rtp(&s.h, layer_ssrc(2), 96, (uint16_t)(s.seq[2] + 2), ts, false, p, n);
    n = payload(p, sizeof(p), true, true, 180);
    harness_rtp(&s.h, layer_ssrc(0), 96, s.seq[0]++, ts, true, p, n);
    assert_int_equal(s.h.units, units + 1);
    assert_true(s.h.unit[units].key);
    assert_false(s.h.unit[units].gap);
    harness_until(&s.h, s.h.now_ns + 200 * MS);
    assert_int_equal(stats_of(&s.h).nacks_out, nacks); /* of a stream that is not received any more */
    harness_close(&s.h);
}

static void simulcast_layer_that_stops_is_replaced_and_comes_back(void **state)
{
    struct cast s;
    cast_open(&s);
    cast_run(&s, 30);
    s.off[2] = true;
    cast_run(&s, 45);
    assert_int_equal(stats_of(&s.h).layer, 1);
    assert_int_equal(stats_of(&s.h).bps_in[2], 0);
    int64_t stood = 0;
    for (int i = 1; i < s.h.units; i++)
        stood = s.h.unit[i].at_ns - s.h.unit[i - 1].at_ns > stood
                    ? s.h.unit[i].at_ns - s.h.unit[i - 1].at_ns : stood;
    assert_in_range(stood, 900 * MS, 1150 * MS);
    s.off[2] = false;
    cast_run(&s, 30);
    assert_int_equal(stats_of(&s.h).layer, 2);
    harness_close(&s.h);
}

static void simulcast_bye_ends_a_layer_and_at_last_the_source(void **state)
{
    struct cast s;
    cast_open(&s);
    cast_run(&s, 30);
    for (int i = 2; i >= 0; i--) {
        uint8_t buf[64];
        struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
        mcu_rtcp_write_rr(&w, layer_ssrc(i), NULL, 0);
        mcu_rtcp_write_bye(&w, layer_ssrc(i));
        s.off[i] = true;
        assert_int_equal(s.h.byes, 0);
        harness_rtcp(&s.h, &w);
        cast_run(&s, 3);
        if (i > 0)
            assert_int_equal(stats_of(&s.h).layer, i - 1);
    }
    assert_int_equal(s.h.byes, 1);
    harness_close(&s.h);
}

static void simulcast_reports_on_every_layer(void **state)
{
    struct cast s;
    static struct mcu_rtcp r;
    cast_open(&s);
    uint8_t buf[64];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    struct mcu_rtcp_sender sender = { UINT64_C(0x1111222233334444), 0, 1, 1 };
    cast_run(&s, 60);
    mcu_rtcp_write_sr(&w, layer_ssrc(1), &sender, NULL, 0);
    harness_rtcp(&s.h, &w);
    mcu_line_want_rows(s.h.line, 100, s.h.now_ns);
    cast_run(&s, 120);
    for (int i = s.h.packets - 1; i >= 0; i--) {
        struct mcu_cursor c = mcu_cursor(s.h.packet[i].data, s.h.packet[i].size);
        if (s.h.packet[i].rtcp && mcu_rtcp_next(&c, &r) == 1)
            break;
    }
    assert_int_equal(r.block_count, 3);
    for (int i = 0; i < 3; i++) {
        int k = (int)(r.block[i].ssrc - 0x1000u);
        assert_in_range(k, 0, 2);
        assert_int_equal(r.block[i].lost, 0);
        assert_int_equal(r.block[i].lsr, k == 1 ? 0x22223333 : 0);
        /* cycles are counted from the first packet on, whichever layer it came in */
        assert_in_range((uint16_t)(s.seq[k] - (uint16_t)r.block[i].highest_seq), 0, 400);
    }
    harness_close(&s.h);
}

static void simulcast_that_never_says_a_rid_is_one_stream(void **state)
{
    struct cast s;
    cast_open(&s);
    s.named = false;
    s.off[0] = s.off[1] = true;
    cast_run(&s, 30);
    assert_int_equal(s.h.units, 30);
    assert_int_equal(stats_of(&s.h).layers, 0);
    assert_int_equal(stats_of(&s.h).ssrc_in, layer_ssrc(2));
    harness_close(&s.h);
}

static void simulcast_repeats_belong_to_the_layer_they_name(void **state)
{
    struct cast s;
    cast_open(&s);
    cast_run(&s, 30);
    int units = s.h.units;
    s.seq[2]++; /* one packet does not come */
    cast_run(&s, 2);
    assert_int_equal(s.h.units, units);
    uint16_t osn = (uint16_t)(s.seq[2] - 7);
    uint8_t p[2] = { (uint8_t)(osn >> 8), (uint8_t)osn };
    struct mcu_rtp r = { .pt = RTX_PT, .seq = 5, .ssrc = RTX_SSRC };
    mcu_line_rtp(s.h.line, (const uint8_t *)"\x80\x61\0\5\0\0\0\0\x77\x77\x77\x77\0\0", 14, s.h.now_ns);
    assert_int_equal(s.h.units, units); /* nobody knows whose */
    r.ssrc++;
    rtp_with(&s.h, &r, 11, "h", 1, p, 2);
    assert_int_equal(s.h.units, units);
    r.ssrc++;
    rtp_with(&s.h, &r, 11, "f", 1, p, 2);
    assert_int_equal(s.h.units, units + 2);
    harness_close(&s.h);
}

/* ---- Memory ---- */

static void steady_state(struct cast *s, int pictures_more)
{
    for (int i = 0; i < pictures_more; i++) {
        if (i % 40 == 0)
            mcu_line_want_rows(s->h.line, 180 << i / 40 % 3, s->h.now_ns);
        if (i % 10 == 5)
            s->seq[rnd(3)]++; /* lost */
        cast_picture(s);
    }
}

static void steady_state_with_losses_and_layers_does_not_allocate(void **state)
{
    struct cast s;
    rng = 5;
    cast_open(&s);
    steady_state(&s, 300);
    long before = allocations;
    steady_state(&s, 1500);
    assert_int_equal(allocations, before);
    assert_true(stats_of(&s.h).nacks_out > 20);
    harness_close(&s.h);
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
        cmocka_unit_test(a_repeat_under_its_own_type_takes_its_place),
        cmocka_unit_test(repeats_have_a_report_of_their_own),
        cmocka_unit_test(the_level_of_sound_goes_with_its_unit),
        cmocka_unit_test(transport_wide_numbers_are_noted_for_all_packets),
        cmocka_unit_test(simulcast_takes_the_largest_until_it_is_told),
        cmocka_unit_test(simulcast_follows_what_is_shown_without_losing_a_picture),
        cmocka_unit_test(simulcast_goes_on_until_the_other_layer_has_its_keyframe),
        cmocka_unit_test(simulcast_leaves_an_unfinished_picture_behind),
        cmocka_unit_test(simulcast_layer_that_stops_is_replaced_and_comes_back),
        cmocka_unit_test(simulcast_bye_ends_a_layer_and_at_last_the_source),
        cmocka_unit_test(simulcast_reports_on_every_layer),
        cmocka_unit_test(simulcast_that_never_says_a_rid_is_one_stream),
        cmocka_unit_test(simulcast_repeats_belong_to_the_layer_they_name),
        cmocka_unit_test(steady_state_with_losses_and_layers_does_not_allocate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
