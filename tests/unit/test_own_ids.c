/* tests/unit/test_own_ids.c - loops: a line knows what its own mixer sent (RFC 3550 8.2). */
#include "line_harness.h"

#include "net/own_ids.h"

static struct mcu_line_events events;
static int loops;

static void note_loop(void *arg)
{
    loops++;
}

static void open_line(struct harness *h)
{
    struct mcu_line_config c = harness_config(MCU_CODEC_PCMU);
    harness_open(h, &c);
    mcu_line_free(&h->line);
    events = harness_events;
    events.looped = note_loop;
    loops = 0;
    assert_int_equal(mcu_line_new(&h->line, &c, &h->clock, &events, h), 0);
}

static void send(struct harness *h, uint32_t ssrc, int count)
{
    static uint16_t seq;
    uint8_t payload[160] = { 0 };
    for (int i = 0; i < count; i++) {
        seq++;
        harness_rtp(h, ssrc, 96, seq, seq * 160u, false, payload, sizeof(payload));
        harness_until(h, h->now_ns + 20 * MS);
    }
}

static void say_cname(struct harness *h, uint32_t ssrc, const char *cname)
{
    uint8_t buf[200];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    mcu_rtcp_write_rr(&w, ssrc, NULL, 0);
    mcu_rtcp_write_cname(&w, ssrc, cname);
    harness_rtcp(h, &w);
}

static void names_are_known_while_they_are_listed(void **state)
{
    struct mcu_own_id id[3] = { { 0 } };
    mcu_own_ssrc(&id[0], 7);
    mcu_own_ssrc(&id[1], 7 + 1024); /* of the same row */
    mcu_own_cname(&id[2], "us@here");
    assert_true(mcu_own_is_ssrc(7) && mcu_own_is_ssrc(7 + 1024) && mcu_own_is_cname("us@here"));
    assert_false(mcu_own_is_ssrc(8) || mcu_own_is_cname("us@there") || mcu_own_is_cname(""));
    mcu_own_ssrc(&id[0], 9);
    mcu_own_ssrc(&id[0], 9);
    assert_true(mcu_own_is_ssrc(9) && !mcu_own_is_ssrc(7));
    mcu_own_ssrc(&id[0], 0);
    mcu_own_cname(&id[2], "");
    mcu_own_forget(&id[1]);
    mcu_own_forget(&id[1]);
    assert_false(mcu_own_is_ssrc(9) || mcu_own_is_ssrc(7 + 1024) || mcu_own_is_cname("us@here") ||
                 mcu_own_is_ssrc(0));
}

static void a_source_of_ours_is_held_back_until_another_comes(void **state)
{
    struct harness h;
    struct mcu_own_id id = { 0 };
    struct mcu_line_stats stats;
    mcu_own_ssrc(&id, 0x777);
    open_line(&h);
    send(&h, 0x777, 50);
    mcu_line_get_stats(h.line, &stats);
    assert_int_equal(h.units, 0);
    assert_int_equal(loops, 1);
    assert_true(stats.looped);
    send(&h, PEER_SSRC, 50);
    mcu_line_get_stats(h.line, &stats);
    assert_in_range(h.units, 45, 50);
    assert_false(stats.looped);
    assert_int_equal(loops, 1);
    harness_close(&h);
    mcu_own_forget(&id);
}

static void a_source_with_our_cname_is_ours(void **state)
{
    struct harness h;
    struct mcu_own_id id = { 0 };
    mcu_own_cname(&id, "us@here");
    open_line(&h);
    send(&h, PEER_SSRC, 10);
    say_cname(&h, PEER_SSRC, "him@there");
    say_cname(&h, 0x999, "us@here"); /* of another than the source */
    assert_int_equal(loops, 0);
    int before = h.units;
    assert_true(before > 5);
    say_cname(&h, PEER_SSRC, "us@here");
    say_cname(&h, PEER_SSRC, "us@here");
    send(&h, PEER_SSRC, 50);
    assert_int_equal(loops, 1);
    assert_int_equal(h.units, before);
    harness_close(&h);
    mcu_own_forget(&id);
}

static void packets_of_the_lines_own_number_are_told_of_once(void **state)
{
    struct harness h;
    open_line(&h);
    send(&h, OUR_SSRC, 20);
    assert_int_equal(loops, 1);
    assert_int_equal(h.units, 0);
    send(&h, PEER_SSRC, 20); /* they do not stop the real source */
    assert_true(h.units > 15);
    harness_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_known_while_they_are_listed),
        cmocka_unit_test(a_source_of_ours_is_held_back_until_another_comes),
        cmocka_unit_test(a_source_with_our_cname_is_ours),
        cmocka_unit_test(packets_of_the_lines_own_number_are_told_of_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
