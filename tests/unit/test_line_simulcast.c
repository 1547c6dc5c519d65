/* tests/unit/test_line_simulcast.c - the layers of one picture, of which one is received at a time. */
#include "count_alloc.h"
#include "line_recv.h"

static uint64_t rng;

static uint32_t rnd(uint32_t below)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 20) % below;
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
