/* tests/unit/test_peer_clock.c - a peer's media on the conference clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "mixer/base/clock.h"
#include "net/peer_clock.h"

static uint64_t rng = 88172645463325252u;

static int64_t random_ns(int64_t below)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (int64_t)(rng % (uint64_t)below);
}

/* A peer: its NTP clock is somewhere else, and runs ppm off ours. */
struct peer {
    struct mcu_peer_clock clock;
    double ppm;
};

static uint64_t peer_ntp(const struct peer *p, int64_t true_ns)
{
    double s = (double)true_ns * (1 + p->ppm * 1e-6);
    return mcu_clock_to_ntp((int64_t)s) + (UINT64_C(12345) << 32);
}

struct stream {
    struct mcu_stream_clock clock;
    int rate;
    uint32_t offset;
    int64_t delay_ns, jitter_ns, last_arrival_ns;
};

static uint32_t stream_ts(const struct peer *p, const struct stream *s, int64_t true_ns)
{
    return s->offset + (uint32_t)mcu_clock_to_ticks((int64_t)((double)true_ns * (1 + p->ppm * 1e-6)),
                                                    s->rate);
}

/* Sends what was captured at true_ns; returns where it is placed. */
static int64_t packet(struct peer *p, struct stream *s, int64_t true_ns)
{
    int64_t arrival = true_ns + s->delay_ns + (s->jitter_ns ? random_ns(s->jitter_ns) : 0);
    int64_t sent = mcu_stream_clock_map(&s->clock, &p->clock, stream_ts(p, s, true_ns), arrival);
    assert_true(sent <= arrival);
    return sent;
}

static void report(struct peer *p, struct stream *s, int64_t true_ns)
{
    mcu_stream_clock_sr(&s->clock, &p->clock, peer_ntp(p, true_ns), stream_ts(p, s, true_ns),
                        true_ns + s->delay_ns);
}

static void start(struct peer *p, struct stream *a, struct stream *v)
{
    mcu_peer_clock_init(&p->clock);
    *a = (struct stream){ .rate = 48000, .offset = 0xfffff000, .delay_ns = 30 * MCU_NS_PER_MS,
                          .jitter_ns = 60 * MCU_NS_PER_MS };
    *v = (struct stream){ .rate = 90000, .offset = 0x7fffff00, .delay_ns = 90 * MCU_NS_PER_MS,
                          .jitter_ns = 100 * MCU_NS_PER_MS };
    mcu_stream_clock_init(&a->clock, a->rate);
    mcu_stream_clock_init(&v->clock, v->rate);
}

/* Worst distance of sound and picture captured at the same moment, and of both from the truth plus
 * the least delay, over `seconds`, from settle_s on. */
static void run(struct peer *p, struct stream *a, struct stream *v, int seconds, int settle_s,
                int64_t *worst_sync, int64_t *worst_place)
{
    *worst_sync = *worst_place = 0;
    for (int64_t ms = 0; ms < seconds * INT64_C(1000); ms += 20) {
        int64_t t = (1000 + ms) * MCU_NS_PER_MS;
        int64_t sa = packet(p, a, t), sv = packet(p, v, t);
        if (ms % 5000 == 400)
            report(p, a, t);
        if (ms % 5000 == 460)
            report(p, v, t);
        if (ms < settle_s * 1000)
            continue;
        if (llabs(sa - sv) > *worst_sync)
            *worst_sync = llabs(sa - sv);
        if (llabs(sa - t - a->delay_ns) > *worst_place)
            *worst_place = llabs(sa - t - a->delay_ns);
    }
}

static void peer_clock_keeps_lips_in_sync_through_jitter(void **state)
{
    struct peer p = { .ppm = 0 };
    struct stream a, v;
    int64_t sync, place;
    start(&p, &a, &v);
    run(&p, &a, &v, 60, 1, &sync, &place);
    assert_in_range(sync, 0, 5 * MCU_NS_PER_MS);
    assert_in_range(place, 0, 10 * MCU_NS_PER_MS);
}

static void peer_clock_places_by_arrival_before_reports(void **state)
{
    struct peer p = { .ppm = 0 };
    struct stream a, v;
    start(&p, &a, &v);
    int64_t worst = 0;
    for (int64_t ms = 0; ms < 10000; ms += 20) {
        int64_t t = (1000 + ms) * MCU_NS_PER_MS;
        int64_t off = packet(&p, &a, t) - t - a.delay_ns;
        if (ms > 2000 && llabs(off) > worst)
            worst = llabs(off);
    }
    assert_in_range(worst, 0, 5 * MCU_NS_PER_MS);
}

static void peer_clock_follows_200_ppm_for_an_hour(void **state)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        struct peer p = { .ppm = 200.0 * sign };
        struct stream a, v;
        int64_t sync, place;
        start(&p, &a, &v);
        run(&p, &a, &v, 3600, 10, &sync, &place);
        assert_in_range(sync, 0, 5 * MCU_NS_PER_MS);
        assert_in_range(place, 0, 10 * MCU_NS_PER_MS);
    }
}

static void peer_clock_ignores_reports_that_are_nonsense(void **state)
{
    struct peer p = { .ppm = 0 };
    struct stream a, v;
    start(&p, &a, &v);
    int64_t worst = 0;
    for (int64_t ms = 0; ms < 30000; ms += 20) {
        int64_t t = (1000 + ms) * MCU_NS_PER_MS;
        int64_t sa = packet(&p, &a, t), sv = packet(&p, &v, t);
        if (ms % 2000 == 400)
            report(&p, &a, t);
        if (ms == 420)
            report(&p, &v, t);
        uint64_t ntp = peer_ntp(&p, t);
        uint32_t ts = stream_ts(&p, &v, t);
        if (ms % 2000 == 1000) { /* none of these must move the picture */
            mcu_stream_clock_sr(&v.clock, &p.clock, 0, ts, t);
            mcu_stream_clock_sr(&v.clock, &p.clock, ntp + (UINT64_C(3) << 31), ts, t);
            mcu_stream_clock_sr(&v.clock, &p.clock, UINT64_C(1) << 32 | ms, ts + 90000, t);
            mcu_stream_clock_sr(&v.clock, &p.clock, ntp, ts + 0x40000000, t);
        }
        if (ms > 1500 && llabs(sa - sv) > worst)
            worst = llabs(sa - sv);
    }
    assert_in_range(worst, 0, 5 * MCU_NS_PER_MS);
}

static void peer_clock_stream_of_another_era_goes_by_arrival(void **state)
{
    /* The camera's NTP time counts from its start, the microphone's is right. */
    struct peer p = { .ppm = 0 }, camera = { .ppm = 0 };
    struct stream a, v;
    start(&p, &a, &v);
    int64_t worst = 0;
    for (int64_t ms = 0; ms < 30000; ms += 20) {
        int64_t t = (1000 + ms) * MCU_NS_PER_MS;
        int64_t sa = packet(&p, &a, t), sv = packet(&p, &v, t);
        if (ms % 2000 == 400)
            report(&p, &a, t);
        if (ms % 2000 == 500)
            mcu_stream_clock_sr(&v.clock, &p.clock, peer_ntp(&camera, t) - (UINT64_C(77777) << 32),
                                stream_ts(&p, &v, t), t + v.delay_ns);
        if (ms > 2000 && llabs(sa - sv) > worst)
            worst = llabs(sa - sv);
    }
    /* What remains is the difference of the least delays. */
    assert_in_range(worst, 0, 70 * MCU_NS_PER_MS);
}

static void peer_clock_timestamp_jump_starts_anew(void **state)
{
    struct peer p = { .ppm = 0 };
    struct stream a, v;
    start(&p, &a, &v);
    a.jitter_ns = 0;
    for (int64_t ms = 0; ms < 5000; ms += 20)
        packet(&p, &a, (1000 + ms) * MCU_NS_PER_MS);
    a.offset += 48000 * 60;
    for (int64_t ms = 5000; ms < 6000; ms += 20) {
        int64_t t = (1000 + ms) * MCU_NS_PER_MS;
        assert_in_range(packet(&p, &a, t), t + a.delay_ns - MCU_NS_PER_MS, t + a.delay_ns);
    }
}

static void peer_clock_longer_way_is_followed_slowly(void **state)
{
    struct peer p = { .ppm = 0 };
    struct stream a, v;
    start(&p, &a, &v);
    a.jitter_ns = 0;
    int64_t before = 0, off = 0;
    for (int64_t ms = 0; ms < 60000; ms += 20) {
        int64_t t = (1000 + ms) * MCU_NS_PER_MS;
        a.delay_ns = (ms < 10000 ? 30 : 230) * MCU_NS_PER_MS;
        off = packet(&p, &a, t) - t;
        if (ms > 0) /* 1 % of the time between two arrivals */
            assert_true(off - before <= (ms == 10000 ? 220 : 20) * MCU_NS_PER_MS / 100 + 2000);
        before = off;
    }
    assert_in_range(off, 229 * MCU_NS_PER_MS, 230 * MCU_NS_PER_MS);
}

static void peer_clock_long_silence_is_no_jump(void **state)
{
    struct peer p = { .ppm = 0 };
    struct stream a, v;
    start(&p, &a, &v);
    a.jitter_ns = 0;
    report(&p, &a, 1000 * MCU_NS_PER_MS);
    packet(&p, &a, 1000 * MCU_NS_PER_MS);
    packet(&p, &a, 601000 * MCU_NS_PER_MS);
    assert_true(a.clock.has_sr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peer_clock_keeps_lips_in_sync_through_jitter),
        cmocka_unit_test(peer_clock_places_by_arrival_before_reports),
        cmocka_unit_test(peer_clock_follows_200_ppm_for_an_hour),
        cmocka_unit_test(peer_clock_ignores_reports_that_are_nonsense),
        cmocka_unit_test(peer_clock_stream_of_another_era_goes_by_arrival),
        cmocka_unit_test(peer_clock_timestamp_jump_starts_anew),
        cmocka_unit_test(peer_clock_longer_way_is_followed_slowly),
        cmocka_unit_test(peer_clock_long_silence_is_no_jump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
