/* tests/unit/test_rtp_in.c - the receiving half of a line: order, gaps, sources, jitter. */
#include "line_harness.h"

#include <errno.h>
#include <stdio.h>

#include "net/jitter.h"

static uint64_t rng;

static uint32_t rnd(uint32_t below)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 20) % below;
}

static void open_audio(struct harness *h)
{
    struct mcu_line_config c = harness_config(MCU_CODEC_PCMU);
    harness_open(h, &c);
}

static void audio_steady_stream_passes_whole_and_in_order(void **state)
{
    struct harness h;
    open_audio(&h);
    for (uint32_t i = 0; i < 200; i++) {
        harness_until(&h, (1000 + i * 20) * MS);
        harness_audio(&h, i, (uint16_t)(65500 + i), 0xffffff00u + i * 160);
    }
    assert_int_equal(h.units, 200);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(h.unit[i].tag, i);
        assert_int_equal(h.unit[i].seq - h.unit[0].seq, i);
        assert_false(h.unit[i].gap);
        assert_int_equal(h.unit[i].size, 160);
        if (i > 1) {
            assert_int_equal(h.unit[i].at_ns, h.unit[i].time_ns);
            assert_int_equal(h.unit[i].delay_ms, 5);
        }
    }
    struct mcu_line_stats st;
    mcu_line_get_stats(h.line, &st);
    assert_int_equal(st.packets_in, 200);
    assert_int_equal(st.lost + st.late + st.duplicate + st.malformed, 0);
    assert_int_equal(st.ssrc_in, PEER_SSRC);
    assert_true(st.jitter_ms < 0.1);
    harness_close(&h);
}

static void audio_swapped_packets_are_put_right(void **state)
{
    struct harness h;
    open_audio(&h);
    for (uint32_t i = 0; i < 100; i += 2) {
        harness_until(&h, (1000 + i * 20) * MS);
        uint32_t first = i >= 10 && i % 10 == 0 ? i + 1 : i, second = first == i ? i + 1 : i;
        harness_audio(&h, first, (uint16_t)first, first * 160);
        harness_until(&h, (1002 + i * 20) * MS);
        harness_audio(&h, second, (uint16_t)second, second * 160);
    }
    assert_int_equal(h.units, 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(h.unit[i].tag, i);
        assert_false(h.unit[i].gap);
    }
    harness_close(&h);
}

static void audio_gap_is_waited_for_as_long_as_the_delay_allows(void **state)
{
    struct harness h;
    open_audio(&h);
    for (uint32_t i = 0; i < 60; i++) {
        harness_until(&h, (1000 + i * 20) * MS);
        if (i != 50)
            harness_audio(&h, i, (uint16_t)i, i * 160);
    }
    assert_int_equal(h.units, 59);
    struct unit_note *u = &h.unit[50];
    assert_int_equal(u->tag, 51);
    assert_true(u->gap);
    assert_in_range(u->at_ns - u->time_ns, 1, 30 * MS);
    assert_false(h.unit[51].gap);
    harness_audio(&h, 50, 50, 50 * 160); /* much too late */
    assert_int_equal(h.units, 59);
    struct mcu_line_stats st;
    mcu_line_get_stats(h.line, &st);
    assert_int_equal(st.late, 1);
    assert_int_equal(st.lost, 0);
    harness_close(&h);
}

/* What a packet on its way is. */
struct flight {
    int64_t arrival_ns;
    uint32_t number;
};

static int by_arrival(const void *a, const void *b)
{
    const struct flight *x = a, *y = b;
    return x->arrival_ns < y->arrival_ns ? -1 : x->arrival_ns > y->arrival_ns;
}

/* Loss, reordering, duplicates, bursts: whatever comes, units are in order, none twice, and a unit
 * says gap exactly where one is missing. */
static void hostile_network(uint64_t seed)
{
    enum { COUNT = 3000 };
    static struct flight f[2 * COUNT];
    static bool sent[COUNT];
    struct harness h;
    int n = 0, loss = (int)(seed % 20), jitter = 1 + (int)(seed * 37 % 150), burst = 0;
    rng = seed * 7919 + 1;
    open_audio(&h);
    for (uint32_t i = 0; i < COUNT; i++) {
        sent[i] = i < 2 || burst-- > 0 ? i < 2 : rnd(100) >= (uint32_t)loss;
        if (burst < 0 && rnd(200) == 0)
            burst = (int)rnd(40);
        for (int copies = sent[i] ? 1 + (i > 1 && rnd(10) == 0) : 0; copies > 0; copies--)
            f[n++] = (struct flight){ (1000 + i * 20 + (i < 2 ? 0 : rnd((uint32_t)jitter))) * MS, i };
    }
    qsort(f, (size_t)n, sizeof(f[0]), by_arrival);
    for (int i = 0; i < n; i++) {
        harness_until(&h, f[i].arrival_ns);
        harness_audio(&h, f[i].number, (uint16_t)(f[i].number + 65000), 0xfffff000u + f[i].number * 160);
    }
    harness_until(&h, h.now_ns + 2000 * MS);
    struct mcu_line_stats st;
    mcu_line_get_stats(h.line, &st);
    for (int i = 0; i < h.units; i++) {
        int64_t step = i == 0 ? 1 : (int64_t)h.unit[i].tag - (int64_t)h.unit[i - 1].tag;
        assert_true(sent[h.unit[i].tag]);
        assert_true(step >= 1);
        assert_int_equal(h.unit[i].gap, step > 1);
        assert_true(h.unit[i].at_ns - h.unit[i].time_ns <= 400 * MS);
        assert_true(h.unit[i].sent_ns <= h.unit[i].time_ns);
        assert_int_equal((h.unit[i].seq - h.unit[0].seq), h.unit[i].tag - h.unit[0].tag);
    }
    int expect = 0;
    for (int i = 0; i < COUNT; i++)
        expect += sent[i];
    assert_int_equal(h.units + (int)st.late, expect);
    assert_int_equal((int)st.duplicate, n - expect);
    /* The delay follows the jitter: few come too late. */
    assert_true((int)st.late <= expect * 8 / 100);
    harness_close(&h);
}

static void audio_order_and_gaps_hold_on_any_network(void **state)
{
    for (uint64_t seed = 1; seed <= 40; seed++)
        hostile_network(seed);
}

static void jitter_delay_rises_fast_and_comes_down_slowly(void **state)
{
    struct mcu_jitter j;
    int64_t t = 0;
    uint32_t ts = 5;
    rng = 99;
    mcu_jitter_init(&j, 8000);
    for (int i = 0; i < 500; i++, t += 20 * MS, ts += 160)
        mcu_jitter_packet(&j, ts, t);
    assert_int_equal(mcu_jitter_delay_ms(&j), 5);
    assert_int_equal(mcu_jitter_spare_ms(&j), 4);
    int reached = -1;
    for (int i = 0; i < 250; i++, t += 20 * MS, ts += 160) { /* 5 s of up to 100 ms */
        mcu_jitter_packet(&j, ts, t + rnd(100) * MS);
        if (reached < 0 && mcu_jitter_delay_ms(&j) >= 80)
            reached = i;
    }
    assert_in_range(reached, 1, 50);
    assert_in_range(mcu_jitter_delay_ms(&j), 90, 120);
    assert_int_equal(mcu_jitter_spare_ms(&j), 4);
    int before = mcu_jitter_delay_ms(&j);
    for (int i = 0; i < 50; i++, t += 20 * MS, ts += 160)
        mcu_jitter_packet(&j, ts, t);
    assert_true(mcu_jitter_delay_ms(&j) >= before - 25);
    for (int i = 0; i < 1450; i++, t += 20 * MS, ts += 160)
        mcu_jitter_packet(&j, ts, t);
    assert_in_range(mcu_jitter_delay_ms(&j), 5, 24);
    for (int i = 0; i < 1000; i++, t += 20 * MS, ts += 160)
        mcu_jitter_packet(&j, ts, t);
    assert_int_equal(mcu_jitter_delay_ms(&j), 5);
}

/* 12 ms once in three seconds: far below the tail, but cheaper to wait for than to conceal. Not the first
 * and the second time: they may stay alone, and delay would be paid for ten seconds. */
static void jitter_of_a_rare_late_packet_is_waited_for(void **state)
{
    struct mcu_jitter j;
    mcu_jitter_init(&j, 8000);
    for (int i = 0; i < 2000; i++) {
        mcu_jitter_packet(&j, (uint32_t)i * 160, i * 20 * MS + (i % 150 == 100 ? 12 : 0) * MS);
        if (i > 400)
            assert_in_range(mcu_jitter_delay_ms(&j), 12, 17);
        else if (i < 400)
            assert_int_equal(mcu_jitter_delay_ms(&j), 5);
    }
    for (int i = 2000; i < 4000; i++)
        mcu_jitter_packet(&j, (uint32_t)i * 160, i * 20 * MS);
    for (int i = 4000; i < 4050; i++) { /* but not 300 ms */
        mcu_jitter_packet(&j, (uint32_t)i * 160, i * 20 * MS + (i == 4000 ? 300 : 0) * MS);
        assert_int_equal(mcu_jitter_delay_ms(&j), 5);
    }
}

static void jitter_timestamp_jump_is_not_jitter(void **state)
{
    struct mcu_jitter j;
    int64_t t = 0;
    uint32_t ts = 5;
    mcu_jitter_init(&j, 48000);
    for (int i = 0; i < 500; i++, t += 20 * MS, ts += 960) {
        ts += i == 200 ? 0x40000000u : i == 300 ? 0u - 4 * 48000u : 0;
        mcu_jitter_packet(&j, ts, t);
        assert_int_equal(mcu_jitter_delay_ms(&j), 5);
    }
    rng = 3; /* and it is still measured after it */
    for (int i = 0; i < 100; i++, t += 20 * MS, ts += 960)
        mcu_jitter_packet(&j, ts, t + rnd(100) * MS);
    assert_in_range(mcu_jitter_delay_ms(&j), 80, 120);
}

static void jitter_delay_is_bounded_whatever_the_packets_length(void **state)
{
    struct mcu_jitter j;
    mcu_jitter_init(&j, 8000);
    rng = 5;
    for (int i = 0; i < 500; i++)
        mcu_jitter_packet(&j, (uint32_t)i * 480, i * 60 * MS);
    assert_int_equal(mcu_jitter_delay_ms(&j), 5);
    for (int i = 500; i < 1000; i++)
        mcu_jitter_packet(&j, (uint32_t)i * 480, i * 60 * MS + rnd(900) * MS);
    assert_int_equal(mcu_jitter_delay_ms(&j), 400);
}

static void source_is_taken_after_two_packets_in_order(void **state)
{
    struct harness h;
    open_audio(&h);
    harness_audio(&h, 0, 10, 0);
    assert_int_equal(h.units, 0);
    harness_audio(&h, 1, 12, 320); /* not in order */
    assert_int_equal(h.units, 0);
    harness_audio(&h, 2, 13, 480);
    assert_int_equal(h.units, 2); /* and neither is lost */
    assert_int_equal(h.unit[0].tag, 1);
    for (uint32_t i = 0; i < 100; i++) {
        h.now_ns += 20 * MS;
        harness_audio(&h, 3 + i, (uint16_t)(14 + i), 640 + i * 160);
        harness_rtp(&h, 0xbad, 96, (uint16_t)(7 * i), i, false, "stray", 5); /* never in order */
    }
    assert_int_equal(h.units, 102);
    h.now_ns += 20 * MS;
    harness_rtp(&h, 0x333, 96, 65535, 0, false, "new0", 4);
    harness_rtp(&h, 0x333, 96, 0, 160, false, "new1", 4);
    harness_rtp(&h, 0x333, 96, 1, 320, false, "new2", 4);
    assert_int_equal(h.units, 105);
    assert_memory_equal(&h.unit[102].tag, "new0", 4);
    assert_true(h.unit[102].gap);
    assert_true(h.unit[102].seq > h.unit[101].seq);
    assert_false(h.unit[103].gap);
    assert_int_equal(h.unit[104].seq - h.unit[102].seq, 2);
    harness_close(&h);
}

static void source_two_senders_at_once_do_not_take_turns(void **state)
{
    struct harness h;
    open_audio(&h);
    int changes = 0;
    for (uint32_t i = 0; i < 500; i++) { /* 10 s of two packets each, in turn */
        for (uint32_t k = 0; k < 2; k++)
            harness_rtp(&h, 1, 96, (uint16_t)(2 * i + k), (2 * i + k) * 80, false, "AAAA", 4);
        for (uint32_t k = 0; k < 2; k++)
            harness_rtp(&h, 2, 96, (uint16_t)(2 * i + k), (2 * i + k) * 80, false, "BBBB", 4);
        h.now_ns += 20 * MS;
    }
    for (int i = 1; i < h.units; i++)
        changes += h.unit[i].tag != h.unit[i - 1].tag;
    assert_true(changes <= 10);
    harness_close(&h);
}

static void source_sequence_that_begins_anew_is_followed(void **state)
{
    struct harness h;
    open_audio(&h);
    for (uint32_t i = 0; i < 100; i++, h.now_ns += 20 * MS)
        harness_audio(&h, i, (uint16_t)(i < 50 ? i + 30000 : i), i * 160);
    assert_int_equal(h.units, 100);
    assert_true(h.unit[50].gap);
    for (int i = 1; i < 100; i++)
        assert_true(h.unit[i].seq > h.unit[i - 1].seq);
    harness_close(&h);
}

static void source_outage_longer_than_the_ring_goes_on(void **state)
{
    struct harness h;
    open_audio(&h);
    for (uint32_t i = 0; i < 2000; i++) {
        harness_until(&h, (1000 + i * 20) * MS);
        if (i < 100 || i >= 1500)
            harness_audio(&h, i, (uint16_t)i, i * 160);
    }
    assert_int_equal(h.units, 600);
    assert_int_equal(h.unit[100].tag, 1500);
    assert_true(h.unit[100].gap);
    struct mcu_line_stats st;
    mcu_line_get_stats(h.line, &st);
    assert_int_equal(st.lost, 1400);
    harness_close(&h);
}

static void source_our_own_packets_are_not_heard(void **state)
{
    struct harness h;
    open_audio(&h);
    for (uint16_t i = 0; i < 10; i++)
        harness_rtp(&h, OUR_SSRC, 96, i, i * 160u, false, "echo", 4);
    assert_int_equal(h.units, 0);
    harness_close(&h);
}

static void audio_dtx_ptime_and_other_types_leave_no_gaps(void **state)
{
    struct harness h;
    struct mcu_line_config c = harness_config(MCU_CODEC_PCMU);
    c.rx[1].codec = MCU_CODEC_PCMA;
    c.rx[1].pt = 8;
    c.rx_count = 2;
    harness_open(&h, &c);
    uint8_t voice[480] = { 0 };
    uint16_t seq = 0;
    uint32_t ts = 0;
    for (int i = 0; i < 400; i++) {
        int ms = i < 100 ? 20 : i < 200 ? 10 : 60; /* ptime changes */
        harness_until(&h, h.now_ns + ms * MS);
        if (i % 50 < 40) /* the rest is silence: no packet, no number */
            harness_rtp(&h, PEER_SSRC, i % 100 < 50 ? 96 : 8, seq++, ts, i % 50 == 0, voice,
                        (size_t)ms * 8);
        else if (i % 50 == 40)
            harness_rtp(&h, PEER_SSRC, 13, seq++, ts, false, "\x40", 1); /* RFC 3389: not known */
        else if (i % 50 == 41)
            harness_rtp(&h, PEER_SSRC, 96, seq++, ts, false, NULL, 0); /* keeps a NAT open */
        ts += (uint32_t)ms * 8;
    }
    assert_int_equal(h.units, 320);
    for (int i = 0; i < h.units; i++)
        assert_false(h.unit[i].gap);
    assert_int_equal(h.unit[0].codec, MCU_CODEC_PCMU);
    assert_int_equal(h.unit[45].codec, MCU_CODEC_PCMA);
    assert_in_range(h.unit[319].delay_ms, 4, 70); /* of the changes */
    harness_close(&h);
}

static void dtmf_key_in_the_stream_is_heard_once_and_leaves_no_gap(void **state)
{
    struct harness h;
    open_audio(&h);
    for (uint32_t i = 0; i < 100; i++, h.now_ns += 20 * MS) {
        uint8_t ev[4] = { 7, i >= 28 ? 0x8a : 10, (uint8_t)((i - 19) * 160 >> 8),
                          (uint8_t)((i - 19) * 160) };
        if (i == 24)
            continue; /* lost */
        if (i >= 20 && i < 31)
            harness_rtp(&h, PEER_SSRC, 101, (uint16_t)i, 20 * 160, i == 20, ev, 4);
        else
            harness_audio(&h, i, (uint16_t)i, i * 160);
        mcu_line_poll(h.line, h.now_ns);
    }
    assert_string_equal(h.keys, "7");
    assert_int_equal(h.units, 89);
    harness_close(&h);
}

static void line_on_hold_receives_nothing(void **state)
{
    struct harness h;
    open_audio(&h);
    struct mcu_line_config c = h.config;
    c.receive = false;
    assert_int_equal(mcu_line_reconfigure(h.line, &c), 0);
    for (uint32_t i = 0; i < 10; i++, h.now_ns += 20 * MS)
        harness_audio(&h, i, (uint16_t)i, i * 160);
    assert_int_equal(h.units, 0);
    c.receive = true;
    assert_int_equal(mcu_line_reconfigure(h.line, &c), 0);
    for (uint32_t i = 10; i < 20; i++, h.now_ns += 20 * MS)
        harness_audio(&h, i, (uint16_t)i, i * 160);
    assert_int_equal(h.units, 10);
    assert_true(h.unit[0].gap);
    assert_false(h.unit[1].gap);
    harness_close(&h);
}

static void line_refreshed_by_a_reinvite_loses_nothing(void **state)
{
    struct harness h;
    open_audio(&h);
    for (uint32_t i = 0; i < 100; i++, h.now_ns += 20 * MS) {
        uint32_t n = i < 50 ? i : i == 50 ? 51 : i == 51 ? 50 : i; /* one waits while it happens */
        harness_audio(&h, n, (uint16_t)n, n * 160);
        if (i == 50)
            assert_int_equal(mcu_line_reconfigure(h.line, &h.config), 0);
        h.now_ns -= i == 50 ? 18 * MS : 0;
        h.now_ns += i == 51 ? 18 * MS : 0;
    }
    assert_int_equal(h.units, 100);
    for (int i = 0; i < 100; i++)
        assert_false(h.unit[i].gap);
    harness_close(&h);
}

static void line_new_payload_types_take_over(void **state)
{
    struct harness h;
    open_audio(&h);
    struct mcu_line_config c = h.config;
    for (uint32_t i = 0; i < 20; i++, h.now_ns += 20 * MS)
        harness_audio(&h, i, (uint16_t)i, i * 160);
    c.rx[0].codec = MCU_CODEC_G722;
    c.rx[0].pt = 9;
    assert_int_equal(mcu_line_reconfigure(h.line, &c), 0);
    for (uint16_t i = 20; i < 40; i++, h.now_ns += 20 * MS) {
        harness_rtp(&h, PEER_SSRC, i < 30 ? 96 : 9, i, i * 160u, false, "word", 4);
        mcu_line_poll(h.line, h.now_ns);
    }
    assert_int_equal(h.units, 30);
    assert_int_equal(h.unit[29].codec, MCU_CODEC_G722);
    assert_int_equal(h.unit[29].seq - h.unit[0].seq, 39);
    harness_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(audio_steady_stream_passes_whole_and_in_order),
        cmocka_unit_test(audio_swapped_packets_are_put_right),
        cmocka_unit_test(audio_gap_is_waited_for_as_long_as_the_delay_allows),
        cmocka_unit_test(audio_order_and_gaps_hold_on_any_network),
        cmocka_unit_test(jitter_delay_rises_fast_and_comes_down_slowly),
        cmocka_unit_test(jitter_timestamp_jump_is_not_jitter),
        cmocka_unit_test(jitter_of_a_rare_late_packet_is_waited_for),
        cmocka_unit_test(jitter_delay_is_bounded_whatever_the_packets_length),
        cmocka_unit_test(source_is_taken_after_two_packets_in_order),
        cmocka_unit_test(source_two_senders_at_once_do_not_take_turns),
        cmocka_unit_test(source_sequence_that_begins_anew_is_followed),
        cmocka_unit_test(source_outage_longer_than_the_ring_goes_on),
        cmocka_unit_test(source_our_own_packets_are_not_heard),
        cmocka_unit_test(audio_dtx_ptime_and_other_types_leave_no_gaps),
        cmocka_unit_test(dtmf_key_in_the_stream_is_heard_once_and_leaves_no_gap),
        cmocka_unit_test(line_on_hold_receives_nothing),
        cmocka_unit_test(line_refreshed_by_a_reinvite_loses_nothing),
        cmocka_unit_test(line_new_payload_types_take_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
