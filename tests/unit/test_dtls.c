/* tests/unit/test_dtls.c - handshakes between two of ours over a network that loses, on a clock of the
 * test's own: OpenSSL's timers ask gettimeofday, which is this file's here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "net/dtls.h"
#include "net/seal.h"

#define DELAY_NS (20 * MCU_NS_PER_MS)
#define QUEUE    256

static int64_t now;

__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict tv,
                                                        void *restrict zone)
{
    tv->tv_sec = 1000000 + now / MCU_NS_PER_S;
    tv->tv_usec = now % MCU_NS_PER_S / 1000;
    return 0;
}

/* ---- two associations and the network between them ---- */

struct datagram {
    int64_t due;
    int to;
    size_t size;
    uint8_t data[2048];
};

struct side {
    int index;
    struct mcu_dtls *dtls;
    struct mcu_srtp_key tx, rx;
    int keyed;
};

static struct side side[2];
static struct datagram queue[QUEUE];
static int queued, sent, lost, loss_percent;
static uint32_t lcg;

static bool loses(void)
{
    lcg = lcg * 1664525 + 1013904223;
    return (int)(lcg >> 16) % 100 < loss_percent;
}

static void on_send(const uint8_t *data, size_t size, void *arg)
{
    struct side *s = arg;
    assert_true(size > 0 && size <= 1200);
    assert_true(data[0] >= 20 && data[0] <= 63); /* RFC 7983 */
    sent++;
    if (loses() || queued == QUEUE) {
        lost++;
        return;
    }
    struct datagram *d = &queue[queued++];
    *d = (struct datagram){ .due = now + DELAY_NS, .to = !s->index, .size = size };
    memcpy(d->data, data, size);
}

static void on_keys(const struct mcu_srtp_key *tx, const struct mcu_srtp_key *rx, void *arg)
{
    struct side *s = arg;
    s->tx = *tx;
    s->rx = *rx;
    s->keyed++;
}

static const struct mcu_dtls_events events = { .send = on_send, .keys = on_keys };

static void deliver(void)
{
    static struct datagram d;
    for (int i = 0; i < queued;) {
        if (queue[i].due > now) {
            i++;
            continue;
        }
        d = queue[i];
        memmove(&queue[i], &queue[i + 1], (size_t)(--queued - i) * sizeof(queue[0]));
        mcu_dtls_in(side[d.to].dtls, d.data, d.size, now);
    }
}

static void run(int64_t seconds)
{
    for (int64_t end = now + seconds * MCU_NS_PER_S; now < end; now += 5 * MCU_NS_PER_MS) {
        deliver();
        for (int i = 0; i < 2; i++)
            assert_true(mcu_dtls_poll(side[i].dtls, now) > now);
        if (side[0].keyed && side[1].keyed && !queued)
            return;
    }
}

static void open_sides(int loss, uint32_t seed, const struct mcu_fingerprint *expected)
{
    memset(side, 0, sizeof(side));
    queued = sent = lost = 0;
    loss_percent = loss;
    lcg = seed;
    for (int i = 0; i < 2; i++) {
        side[i].index = i;
        assert_int_equal(mcu_dtls_new(&side[i].dtls, i == 0, expected, &events, &side[i]), 0);
    }
}

static void close_sides(void)
{
    mcu_dtls_free(&side[0].dtls);
    mcu_dtls_free(&side[1].dtls);
}

static void assert_same_keys(void)
{
    assert_int_equal(side[0].keyed, 1);
    assert_int_equal(side[1].keyed, 1);
    assert_true(mcu_srtp_key_equal(&side[0].tx, &side[1].rx));
    assert_true(mcu_srtp_key_equal(&side[1].tx, &side[0].rx));
    assert_false(mcu_srtp_key_equal(&side[0].tx, &side[0].rx));
}

static void both_sides_get_the_same_keys(void **state)
{
    int64_t began = now;
    open_sides(0, 1, mcu_dtls_fingerprint());
    run(5);
    assert_same_keys();
    assert_true(now - began < MCU_NS_PER_S / 4); /* no timer was needed */
    assert_true(mcu_dtls_is_done(side[0].dtls) && mcu_dtls_is_done(side[1].dtls));
    assert_int_equal(mcu_dtls_poll(side[0].dtls, now), INT64_MAX);
    close_sides();
}

static void losses_are_made_good(void **state)
{
    int64_t slowest = 0;
    for (uint32_t seed = 1; seed <= 40; seed++) {
        int64_t began = now;
        open_sides(30, seed * 7919, mcu_dtls_fingerprint());
        run(60);
        assert_same_keys();
        slowest = now - began > slowest ? now - began : slowest;
        close_sides();
    }
    print_message("30 %% loss, 40 handshakes: the slowest took %.2f s\n", (double)slowest / 1e9);
    assert_true(slowest < 30 * MCU_NS_PER_S);
}

static void silence_is_met_with_fewer_and_fewer_tries(void **state)
{
    open_sides(100, 1, mcu_dtls_fingerprint());
    run(5);
    assert_true(sent >= 4 && sent <= 7); /* 0, 250, 750, 1750, 3750 ms */
    int before = sent;
    run(20);
    assert_true(sent - before >= 4 && sent - before <= 7); /* every 4 s */
    loss_percent = 0;
    run(10);
    assert_same_keys();
    close_sides();
}

/* For a minute and longer nobody answers: OpenSSL gives up, we do not. */
static void a_peer_who_comes_late_is_not_too_late(void **state)
{
    open_sides(100, 1, mcu_dtls_fingerprint());
    run(120);
    loss_percent = 0;
    run(20);
    assert_same_keys();
    close_sides();
}

static void another_certificate_gets_no_keys(void **state)
{
    struct mcu_fingerprint wrong = *mcu_dtls_fingerprint();
    uint64_t failed = mcu_counter_get(MCU_CNT_DTLS_FAILED);
    wrong.bytes[31] ^= 1;
    open_sides(0, 1, &wrong);
    run(10);
    assert_int_equal(side[0].keyed, 0);
    assert_int_equal(side[1].keyed, 0);
    assert_true(mcu_counter_get(MCU_CNT_DTLS_FAILED) > failed);
    assert_true(sent < 100); /* tries are a second apart */
    close_sides();
}

static void garbage_and_forged_alerts_do_not_stop_it(void **state)
{
    static const uint8_t alert[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40 };
    uint8_t junk[64];
    open_sides(0, 1, mcu_dtls_fingerprint());
    mcu_dtls_poll(side[0].dtls, now);
    for (int i = 0; i < 500; i++) {
        for (size_t n = 0; n < sizeof(junk); n++) {
            lcg = lcg * 1664525 + 1013904223;
            junk[n] = (uint8_t)(lcg >> 24);
        }
        junk[0] = (uint8_t)(20 + i % 44);
        mcu_dtls_in(side[i % 2].dtls, junk, sizeof(junk), now);
    }
    mcu_dtls_in(side[0].dtls, alert, sizeof(alert), now);
    mcu_dtls_in(side[1].dtls, alert, sizeof(alert), now);
    run(60);
    assert_same_keys();
    mcu_dtls_in(side[0].dtls, alert, sizeof(alert), now); /* in the clear, after the handshake */
    mcu_dtls_in(side[0].dtls, junk, sizeof(junk), now);
    assert_true(mcu_dtls_is_done(side[0].dtls));
    close_sides();
}

static void without_a_fingerprint_nothing_begins(void **state)
{
    struct mcu_fingerprint none = { .hash = MCU_HASH_NONE };
    struct mcu_dtls *d = NULL;
    assert_int_equal(mcu_dtls_new(&d, true, &none, &events, &side[0]), -EINVAL);
    assert_null(d);
}

/* ---- the whole seal, both ports ---- */

static struct mcu_seal *seal[2];
static int opened[2][2], seal_ready[2], deaf; /* deaf: datagrams get lost */
static uint8_t last[2][64];

static void on_datagram(int component, const uint8_t *data, size_t size, void *arg)
{
    int from = arg == &seal[1];
    if (queued == QUEUE || deaf)
        return;
    struct datagram *d = &queue[queued++];
    *d = (struct datagram){ .due = now, .to = (!from) | component << 1, .size = size };
    memcpy(d->data, data, size);
}

static void on_packet(bool rtcp, const uint8_t *data, size_t size, int64_t at, void *arg)
{
    int to = arg == &seal[1];
    opened[to][rtcp]++;
    memcpy(last[to], data, size < 64 ? size : 64);
}

static void on_ready(void *arg)
{
    seal_ready[arg == &seal[1]]++;
}

static const struct mcu_seal_events seal_events = { on_datagram, on_packet, on_ready };

static void pump(void)
{
    static struct datagram d;
    for (int round = 0; round < 400; round++, now += 5 * MCU_NS_PER_MS) {
        while (queued) {
            d = queue[0];
            memmove(queue, queue + 1, (size_t)--queued * sizeof(queue[0]));
            mcu_seal_in(seal[d.to & 1], d.to >> 1, d.data, d.size, now);
        }
        mcu_seal_poll(seal[0], now);
        mcu_seal_poll(seal[1], now);
    }
}

static struct mcu_seal_config config_of(int i, enum mcu_sealing sealing, bool mux)
{
    struct mcu_seal_config c = { .sealing = sealing, .rtcp_mux = mux, .active = i == 1,
                                 .peer = *mcu_dtls_fingerprint() };
    c.tx.suite = c.rx.suite = MCU_SRTP_AES128_SHA1_80;
    memset(i ? c.tx.bytes : c.rx.bytes, 7, 30);
    memset(i ? c.rx.bytes : c.tx.bytes, 8, 30);
    return c;
}

static void set_both(enum mcu_sealing sealing, bool mux, bool moved)
{
    for (int i = 0; i < 2; i++) {
        struct mcu_seal_config c = config_of(i, sealing, mux);
        c.moved = moved;
        assert_int_equal(mcu_seal_set(seal[i], &c), 0);
        mcu_seal_start(seal[i], now);
    }
}

static void open_seals(void)
{
    queued = deaf = 0;
    memset(opened, 0, sizeof(opened));
    memset(seal_ready, 0, sizeof(seal_ready));
    assert_int_equal(mcu_seal_new(&seal[0], 100, &seal_events, &seal[0]), 0);
    assert_int_equal(mcu_seal_new(&seal[1], 101, &seal_events, &seal[1]), 0);
}

static void close_seals(void)
{
    mcu_seal_free(&seal[0]);
    mcu_seal_free(&seal[1]);
}

/* One RTP and one RTCP packet each way; what came is counted from zero. */
static void talk(uint8_t seq)
{
    memset(opened, 0, sizeof(opened));
    for (uint8_t i = 0; i < 2; i++) {
        const uint8_t rtp[] = { 0x80, 96, 0, seq, 0, 0, 0, 1, 0, 0, 0, (uint8_t)(100 + i), 1, 2, 3 };
        const uint8_t rtcp[] = { 0x80, 201, 0, 1, 0, 0, 0, (uint8_t)(100 + i) };
        mcu_seal_out(seal[i], false, rtp, sizeof(rtp));
        mcu_seal_out(seal[i], true, rtcp, sizeof(rtcp));
    }
    pump();
}

static void assert_heard(int packets)
{
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            assert_int_equal(opened[i][k], packets);
}

static void seals_pass_packets_in_every_way(void **state)
{
    for (int sealing = MCU_PLAIN; sealing <= MCU_DTLS; sealing++) {
        for (int mux = 0; mux < 2; mux++) {
            open_seals();
            set_both((enum mcu_sealing)sealing, mux, false);
            pump();
            assert_true(mcu_seal_is_open(seal[0]) && mcu_seal_is_open(seal[1]));
            talk(1);
            assert_heard(1);
            assert_int_equal(last[0][7], 101); /* RTCP came last */
            assert_int_equal(seal_ready[0], sealing == MCU_DTLS);
            close_seals();
        }
    }
}

static void nothing_passes_in_the_clear_before_the_keys(void **state)
{
    open_seals();
    struct mcu_seal_config c = config_of(0, MCU_DTLS, false);
    assert_int_equal(mcu_seal_set(seal[0], &c), 0);
    mcu_seal_start(seal[0], now);
    talk(1);
    assert_heard(0); /* the other one is plain: nothing was sent to it, its own was not let in */
    close_seals();
}

static void a_reinvite_that_changes_nothing_keeps_the_association(void **state)
{
    open_seals();
    set_both(MCU_DTLS, false, false);
    pump();
    set_both(MCU_DTLS, false, false);
    deaf = 0;
    talk(1);
    assert_heard(1);
    assert_int_equal(seal_ready[0], 1);
    close_seals();
}

static void a_move_begins_anew_and_media_go_on_meanwhile(void **state)
{
    open_seals();
    set_both(MCU_DTLS, false, false);
    pump();
    deaf = 1;
    set_both(MCU_DTLS, false, true); /* the first flight is lost */
    deaf = 0;
    memset(opened, 0, sizeof(opened));
    const uint8_t rtp[] = { 0x80, 96, 0, 9, 0, 0, 0, 1, 0, 0, 0, 100, 1, 2, 3 };
    mcu_seal_out(seal[0], false, rtp, sizeof(rtp));
    struct datagram d = queue[0];
    queued = 0;
    mcu_seal_in(seal[1], 0, d.data, d.size, now);
    assert_int_equal(opened[1][0], 1); /* with the old keys */
    pump();
    assert_int_equal(seal_ready[0], 2);
    talk(10);
    assert_heard(1);
    close_seals();
}

static void a_change_of_kind_takes_new_keys(void **state)
{
    open_seals();
    set_both(MCU_SDES, false, false);
    talk(1);
    assert_heard(1);
    set_both(MCU_DTLS, true, false);
    pump();
    talk(2);
    assert_heard(1);
    set_both(MCU_PLAIN, true, false);
    talk(3);
    assert_heard(1);
    close_seals();
}

static void a_seal_that_could_not_be_set_is_shut(void **state)
{
    open_seals();
    struct mcu_seal_config c = config_of(0, MCU_SDES, false);
    c.rx.suite = MCU_SRTP_NONE;
    assert_int_equal(mcu_seal_set(seal[0], &c), -ENOTSUP);
    talk(1);
    assert_heard(0);
    close_seals();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_get_the_same_keys),
        cmocka_unit_test(losses_are_made_good),
        cmocka_unit_test(silence_is_met_with_fewer_and_fewer_tries),
        cmocka_unit_test(a_peer_who_comes_late_is_not_too_late),
        cmocka_unit_test(another_certificate_gets_no_keys),
        cmocka_unit_test(garbage_and_forged_alerts_do_not_stop_it),
        cmocka_unit_test(without_a_fingerprint_nothing_begins),
        cmocka_unit_test(seals_pass_packets_in_every_way),
        cmocka_unit_test(nothing_passes_in_the_clear_before_the_keys),
        cmocka_unit_test(a_reinvite_that_changes_nothing_keeps_the_association),
        cmocka_unit_test(a_move_begins_anew_and_media_go_on_meanwhile),
        cmocka_unit_test(a_change_of_kind_takes_new_keys),
        cmocka_unit_test(a_seal_that_could_not_be_set_is_shut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
