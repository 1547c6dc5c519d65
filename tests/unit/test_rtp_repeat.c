/* tests/unit/test_rtp_repeat.c - what a line sends again when it is asked, and the header extensions
 * of what it sends. */
#include "line_harness.h"

#include "net/rtcp_fb.h"
#include "net/rtp_ext.h"
#include "net/twcc.h"

#define RTX_SSRC 0x33333333u
#define RTX_PT   97

static void send_picture(struct harness *h, size_t size, bool key)
{
    struct mcu_unit *u = mcu_unit_new(size);
    for (size_t i = 0; i < size; i++)
        u->data[i] = (uint8_t)(i * 7 + i / 256);
    u->data[0] = key ? 0x10 : 0x11;
    memcpy(u->data + 3, "\x9d\x01\x2a\x40\x01\xf0\x00", 7);
    u->size = size;
    u->codec = MCU_CODEC_VP8;
    u->keyframe = key;
    u->time_ns = h->now_ns;
    mcu_line_send(h->line, u, h->now_ns);
    mcu_unit_unref(&u);
}

static void send_sound(struct harness *h, int level)
{
    struct mcu_unit *u = mcu_unit_new(160);
    u->codec = MCU_CODEC_PCMU;
    u->time_ns = h->now_ns;
    u->duration_ns = 20 * MS;
    u->size = 160;
    u->level_dbov = (int8_t)level;
    u->csrc_count = 3;
    u->csrc_level[1] = -30;
    u->csrc_level[2] = 1;
    memset(u->data, 5, 160);
    mcu_line_send(h->line, u, h->now_ns);
    mcu_unit_unref(&u);
}

static struct mcu_line_config video_config(bool rtx)
{
    struct mcu_line_config c = harness_config(MCU_CODEC_VP8);
    c.fb_nack = true;
    c.pace_bps = 1000000;
    c.tx_rtx_pt = rtx ? RTX_PT : 0;
    c.rtx_ssrc = RTX_SSRC;
    return c;
}

static void nack(struct harness *h, uint32_t media, const uint16_t *seq, int n)
{
    uint8_t buf[600];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    mcu_rtcp_write_nack(&w, PEER_SSRC, media, seq, n);
    harness_rtcp(h, &w);
}

static struct mcu_rtp parsed(struct harness *h, int i)
{
    struct mcu_rtp r;
    assert_int_equal(mcu_rtp_parse(&r, h->packet[i].data, h->packet[i].size), 0);
    return r;
}

/* The packets of RTP from `from` on. */
static int rtp_from(struct harness *h, int from, int *index, int max)
{
    int n = 0;
    for (int i = from; i < h->packets && n < max; i++)
        if (!h->packet[i].rtcp)
            index[n++] = i;
    return n;
}

static struct mcu_line_stats stats_of(struct harness *h)
{
    struct mcu_line_stats s;
    mcu_line_get_stats(h->line, &s);
    return s;
}

static void repeats_without_rtx_are_bit_for_bit_what_was_sent(void **state)
{
    struct harness h;
    struct mcu_line_config c = video_config(false);
    c.ext.abs_send_time = 3;
    harness_open(&h, &c);
    send_picture(&h, 5000, true);
    harness_until(&h, h.now_ns + 50 * MS);
    int at = h.packets, out[8], first[8];
    rtp_from(&h, 0, first, 8);
    uint16_t s0 = parsed(&h, first[0]).seq;
    uint16_t lost[] = { (uint16_t)(s0 + 1), (uint16_t)(s0 + 3), (uint16_t)(s0 + 900) };
    nack(&h, OUR_SSRC, lost, 3);
    nack(&h, PEER_SSRC, lost, 3); /* of another stream */
    harness_until(&h, h.now_ns + 10 * MS);
    assert_int_equal(rtp_from(&h, at, out, 8), 2);
    for (int i = 0; i < 2; i++) {
        const struct packet_note *a = &h.packet[out[i]], *b = &h.packet[first[1 + 2 * i]];
        assert_int_equal(a->size, b->size);
        assert_memory_equal(a->data, b->data, a->size);
    }
    assert_int_equal(stats_of(&h).nacks_in, 3);
    assert_int_equal(stats_of(&h).repeated, 2);
    nack(&h, OUR_SSRC, lost, 2); /* too soon */
    harness_until(&h, h.now_ns + 5 * MS);
    assert_int_equal(stats_of(&h).repeated, 2);
    harness_until(&h, h.now_ns + 30 * MS);
    nack(&h, OUR_SSRC, lost, 1);
    harness_until(&h, h.now_ns + 5 * MS);
    assert_int_equal(stats_of(&h).repeated, 3);
    harness_close(&h);
}

static void rtx_carries_the_number_and_the_payload(void **state)
{
    struct harness h;
    struct mcu_line_config c = video_config(true);
    struct mcu_rtp_ext_element e;
    c.ext.mid = 2;
    c.ext.abs_send_time = 3;
    memcpy(c.mid, "v1", 3);
    harness_open(&h, &c);
    send_picture(&h, 9000, true);
    harness_until(&h, h.now_ns + 60 * MS);
    int at = h.packets, out[16], first[16];
    rtp_from(&h, 0, first, 16);
    struct mcu_rtp was = parsed(&h, first[2]);
    uint16_t lost[] = { was.seq, (uint16_t)(was.seq + 1) };
    nack(&h, OUR_SSRC, lost, 2);
    harness_until(&h, h.now_ns + 10 * MS);
    assert_int_equal(rtp_from(&h, at, out, 8), 2);
    struct mcu_rtp r = parsed(&h, out[0]), r2 = parsed(&h, out[1]);
    assert_int_equal(r.ssrc, RTX_SSRC);
    assert_int_equal(r.pt, RTX_PT);
    assert_int_equal(r.ts, was.ts);
    assert_int_equal(r.marker, was.marker);
    assert_int_equal(r.payload[0] << 8 | r.payload[1], was.seq);
    assert_int_equal(r.payload_bytes, was.payload_bytes + 2);
    assert_memory_equal(r.payload + 2, was.payload, was.payload_bytes);
    assert_int_equal((uint16_t)(r2.seq - r.seq), 1);
    assert_int_equal(r2.payload[0] << 8 | r2.payload[1], was.seq + 1);
    assert_true(mcu_rtp_ext_find(&r, 2, &e));
    assert_memory_equal(e.data, "v1", 2);
    uint8_t sent_then[3];
    assert_true(mcu_rtp_ext_find(&was, 3, &e));
    memcpy(sent_then, e.data, 3);
    assert_true(mcu_rtp_ext_find(&r, 3, &e));
    assert_memory_not_equal(e.data, sent_then, 3); /* the time is that of the repeat */
    at = h.packets;
    mcu_line_bye(h.line, h.now_ns);
    assert_int_equal(harness_count_rtcp(&h, at, MCU_RTCP_BYE, -1), 2);
    assert_int_equal(harness_count_rtcp(&h, at, MCU_RTCP_SDES, -1), 2);
    harness_close(&h);
}

/* The newest compound's sender report of this stream; false: there is none in it. */
static bool newest_sr(struct harness *h, uint32_t ssrc, struct mcu_rtcp_sender *sender)
{
    static struct mcu_rtcp r;
    int i = h->packets - 1;
    while (!h->packet[i].rtcp)
        i--;
    struct mcu_cursor c = mcu_cursor(h->packet[i].data, h->packet[i].size);
    assert_int_equal(mcu_rtcp_check(h->packet[i].data, h->packet[i].size), 0);
    while (mcu_rtcp_next(&c, &r) == 1) {
        *sender = r.sender;
        if (r.type == MCU_RTCP_SR && r.ssrc == ssrc)
            return true;
    }
    return false;
}

static void repeats_of_their_own_type_have_a_senders_report(void **state)
{
    struct harness h;
    struct mcu_line_config c = video_config(true);
    struct mcu_rtcp_sender own, rtx;
    int out[8];
    harness_open(&h, &c);
    send_picture(&h, 9000, true);
    harness_until(&h, h.now_ns + 4000 * MS);
    assert_true(newest_sr(&h, OUR_SSRC, &own));
    assert_false(newest_sr(&h, RTX_SSRC, &rtx)); /* it has sent nothing yet */
    int at = h.packets;
    send_picture(&h, 9000, false);
    harness_until(&h, h.now_ns + 60 * MS);
    assert_int_equal(rtp_from(&h, at, out, 2), 2);
    uint16_t lost[] = { parsed(&h, out[0]).seq, parsed(&h, out[1]).seq };
    size_t octets = parsed(&h, out[0]).payload_bytes + parsed(&h, out[1]).payload_bytes + 4;
    nack(&h, OUR_SSRC, lost, 2);
    harness_until(&h, h.now_ns + 4000 * MS);
    assert_true(newest_sr(&h, OUR_SSRC, &own));
    assert_true(newest_sr(&h, RTX_SSRC, &rtx));
    assert_int_equal(rtx.packets, 2);
    assert_int_equal(rtx.octets, octets);
    assert_true(rtx.ntp == own.ntp && rtx.rtp_ts == own.rtp_ts); /* one clock */
    harness_until(&h, h.now_ns + 8000 * MS);
    assert_true(newest_sr(&h, OUR_SSRC, &own));
    assert_false(newest_sr(&h, RTX_SSRC, &rtx)); /* and nothing since two reports */
    harness_close(&h);
}

static void repeats_go_before_new_pictures_at_the_paced_rate(void **state)
{
    struct harness h;
    struct mcu_line_config c = video_config(false);
    harness_open(&h, &c);
    send_picture(&h, 20000, true);
    harness_until(&h, h.now_ns + 200 * MS);
    int first[32], out[64], n = rtp_from(&h, 0, first, 32), at = h.packets;
    uint16_t lost[10];
    for (int i = 0; i < 10; i++)
        lost[i] = parsed(&h, first[i]).seq;
    assert_in_range(n, 17, 18);
    send_picture(&h, 20000, false);
    int begun = rtp_from(&h, at, out, 64);
    nack(&h, OUR_SSRC, lost, 10);
    harness_until(&h, h.now_ns + 200 * MS);
    n = rtp_from(&h, at, out, 64);
    assert_int_equal(n - begun, 10 + 17 - begun);
    for (int i = 0; i < 10; i++)
        assert_int_equal(parsed(&h, out[begun + i]).seq, lost[i]);
    int64_t took = h.packet[out[n - 1]].at_ns - h.packet[out[0]].at_ns;
    assert_in_range(took, 80 * MS, 130 * MS); /* 27 packets at 2.5 Mbit/s: 104 ms */
    harness_close(&h);
}

static void a_storm_of_nacks_gets_a_quarter_of_the_rate(void **state)
{
    struct harness h;
    struct mcu_line_config c = video_config(true);
    harness_open(&h, &c);
    uint16_t all[200];
    for (int i = 0; i < 250; i++) { /* 10 s at 1 Mbit/s */
        send_picture(&h, 5000, i == 0);
        harness_until(&h, h.now_ns + 40 * MS);
        int index[1] = { 0 };
        rtp_from(&h, 0, index, 1);
        for (int k = 0; k < 200; k++)
            all[k] = (uint16_t)(h.packet[index[0]].data[2] << 8 | h.packet[index[0]].data[3]) +
                     (uint16_t)(i * 5 - 100 + k);
        for (int k = 0; k < 10; k++)
            nack(&h, OUR_SSRC, all, 200);
    }
    struct mcu_line_stats s = stats_of(&h);
    assert_true(s.nacks_in == 250 * 2000);
    assert_in_range(s.repeated, 200, 330); /* of 1250 packets; the burst included */
    harness_close(&h);
}

static void nacks_that_were_not_negotiated_are_passed_over(void **state)
{
    struct harness h;
    struct mcu_line_config c = video_config(true);
    c.fb_nack = false;
    harness_open(&h, &c);
    send_picture(&h, 3000, true);
    harness_until(&h, h.now_ns + 50 * MS);
    uint16_t lost = parsed(&h, 0).seq;
    nack(&h, OUR_SSRC, &lost, 1);
    assert_int_equal(stats_of(&h).repeated, 0);
    c.fb_nack = true; /* a re-INVITE brings it */
    assert_int_equal(mcu_line_reconfigure(h.line, &c), 0);
    int at = h.packets, out[1] = { 0 };
    send_picture(&h, 1000, false);
    harness_until(&h, h.now_ns + 20 * MS);
    assert_int_equal(rtp_from(&h, at, out, 1), 1);
    lost = parsed(&h, out[0]).seq;
    nack(&h, OUR_SSRC, &lost, 1);
    harness_until(&h, h.now_ns + 20 * MS);
    assert_int_equal(stats_of(&h).repeated, 1);
    harness_close(&h);
}

static void sound_says_its_levels_and_its_line(void **state)
{
    for (int two_byte = 0; two_byte <= 1; two_byte++) {
        struct harness h;
        struct mcu_line_config c = harness_config(MCU_CODEC_PCMU);
        struct mcu_rtp_ext_element e;
        c.ext = (struct mcu_line_ext){ .audio_level = 1, .mixer_levels = 2,
                                       .mid = two_byte ? 20 : 4 };
        memcpy(c.mid, "audio", 6);
        harness_open(&h, &c);
        send_sound(&h, -20);
        send_sound(&h, 1);
        struct mcu_rtp r = parsed(&h, 0);
        assert_int_equal(r.payload_bytes, 160);
        assert_int_equal(r.ext_profile, two_byte ? 0x1000 : 0xbede);
        assert_true(mcu_rtp_ext_find(&r, 1, &e));
        assert_int_equal(e.data[0], 0x80 | 20);
        assert_true(mcu_rtp_ext_find(&r, 2, &e));
        assert_int_equal(e.size, 3);
        assert_memory_equal(e.data, "\x00\x1e\x7f", 3);
        assert_true(mcu_rtp_ext_find(&r, c.ext.mid, &e));
        assert_memory_equal(e.data, "audio", 5);
        h.now_ns += 20 * MS;
        send_sound(&h, -90);
        r = parsed(&h, h.packets - 1);
        assert_true(mcu_rtp_ext_find(&r, 1, &e));
        assert_int_equal(e.data[0], 90); /* no voice */
        uint8_t buf[64]; /* his report names our stream: the MID is known now */
        struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
        struct mcu_rtcp_block block = { .ssrc = OUR_SSRC };
        mcu_rtcp_write_rr(&w, PEER_SSRC, &block, 1);
        harness_rtcp(&h, &w);
        h.now_ns += 20 * MS;
        send_sound(&h, -90);
        r = parsed(&h, h.packets - 1);
        assert_false(mcu_rtp_ext_find(&r, c.ext.mid, &e));
        assert_true(mcu_rtp_ext_find(&r, 1, &e));
        harness_close(&h);
    }
}

static void an_unknown_level_is_not_said(void **state)
{
    struct harness h;
    struct mcu_line_config c = harness_config(MCU_CODEC_PCMU);
    c.ext.audio_level = 1;
    harness_open(&h, &c);
    send_sound(&h, 1);
    assert_false(parsed(&h, 0).has_ext);
    harness_close(&h);
}

static void transport_numbers_run_through_repeats_of_two_lines(void **state)
{
    struct harness h, other;
    struct mcu_line_config c = video_config(true), a = harness_config(MCU_CODEC_PCMU);
    struct mcu_rtp_ext_element e;
    assert_int_equal(mcu_twcc_new(&c.twcc), 0);
    c.ext.transport_cc = a.ext.transport_cc = 5;
    a.twcc = c.twcc;
    harness_open(&h, &c);
    harness_open(&other, &a);
    send_picture(&h, 900, true);
    send_sound(&other, 1);
    struct mcu_rtp r = parsed(&h, 0);
    assert_true(mcu_rtp_ext_find(&r, 5, &e));
    assert_int_equal(e.data[1], 0);
    uint16_t lost = r.seq;
    r = parsed(&other, 0);
    assert_true(mcu_rtp_ext_find(&r, 5, &e));
    assert_int_equal(e.data[1], 1);
    nack(&h, OUR_SSRC, &lost, 1);
    harness_until(&h, h.now_ns + 5 * MS);
    r = parsed(&h, 1);
    assert_int_equal(r.ssrc, RTX_SSRC);
    assert_true(mcu_rtp_ext_find(&r, 5, &e));
    assert_int_equal(e.data[1], 2);
    struct mcu_twcc_stats s;
    mcu_twcc_get_stats(c.twcc, &s);
    assert_int_equal(s.sent, 3);
    harness_close(&h);
    harness_close(&other);
    mcu_twcc_free(&c.twcc);
}

static void datagrams_are_no_larger_with_extensions(void **state)
{
    size_t most[2] = { 0, 0 };
    for (int with = 0; with <= 1; with++) {
        struct harness h;
        struct mcu_line_config c = video_config(with);
        if (with) {
            c.ext = (struct mcu_line_ext){ .abs_send_time = 3, .mid = 40 };
            memset(c.mid, 'm', MCU_LINE_ID - 1);
        }
        harness_open(&h, &c);
        send_picture(&h, 20000, true);
        harness_until(&h, h.now_ns + 300 * MS);
        for (int i = 0, n = h.packets; i < n; i++) {
            uint16_t lost = (uint16_t)(h.packet[i].data[2] << 8 | h.packet[i].data[3]);
            if (!h.packet[i].rtcp)
                nack(&h, OUR_SSRC, &lost, 1);
        }
        harness_until(&h, h.now_ns + 300 * MS);
        assert_true(stats_of(&h).repeated > 8);
        for (int i = 0; i < h.packets; i++)
            if (h.packet[i].size > most[with])
                most[with] = h.packet[i].size;
        harness_close(&h);
    }
    assert_int_equal(most[0], 1212);
    assert_in_range(most[1], 1200, 1212);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats_without_rtx_are_bit_for_bit_what_was_sent),
        cmocka_unit_test(rtx_carries_the_number_and_the_payload),
        cmocka_unit_test(repeats_of_their_own_type_have_a_senders_report),
        cmocka_unit_test(repeats_go_before_new_pictures_at_the_paced_rate),
        cmocka_unit_test(a_storm_of_nacks_gets_a_quarter_of_the_rate),
        cmocka_unit_test(nacks_that_were_not_negotiated_are_passed_over),
        cmocka_unit_test(sound_says_its_levels_and_its_line),
        cmocka_unit_test(an_unknown_level_is_not_said),
        cmocka_unit_test(transport_numbers_run_through_repeats_of_two_lines),
        cmocka_unit_test(datagrams_are_no_larger_with_extensions),
    };
    return cmocka_run_group_tests_name("rtp_repeat", tests, NULL, NULL);
}
