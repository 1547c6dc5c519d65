/* tests/unit/test_line_rtx.c - repeats under a type of their own (RFC 4588), and the header extensions that
 * a line receives. */
#include "line_recv.h"

#include "net/twcc.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeat_under_its_own_type_takes_its_place),
        cmocka_unit_test(repeats_have_a_report_of_their_own),
        cmocka_unit_test(the_level_of_sound_goes_with_its_unit),
        cmocka_unit_test(transport_wide_numbers_are_noted_for_all_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
