/* net/payload.h for all codecs that are sent: round trips, losses at each place, allocations. The
 * vectors of each format are in test_payload_h264.c, _vp8.c, _vp9.c and _av1.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include <cmocka.h>

#include "mixer/base/util.h"
#include "net/payload.h"
#include "tests/unit/count_alloc.h"

/* ---- Helpers ---- */

static uint32_t seed = 1;

static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(seed >> 8) * below >> 24);
}

static struct mcu_depay *new_depay(enum mcu_codec codec)
{
    struct mcu_depay *d = NULL;
    assert_int_equal(mcu_depay_new(&d, codec, NULL, 0, 0), 0);
    return d;
}

static void assert_unit(struct mcu_unit **u, const uint8_t *data, size_t size)
{
    assert_non_null(*u);
    assert_int_equal((*u)->size, size);
    assert_memory_equal((*u)->data, data, size);
    mcu_unit_unref(u);
}

static struct mcu_unit *make_unit(enum mcu_codec codec, const uint8_t *data, size_t size)
{
    struct mcu_unit *u = mcu_unit_new(size);
    assert_non_null(u);
    u->codec = codec;
    u->size = size;
    if (size)
        memcpy(u->data, data, size);
    return u;
}

struct packet {
    uint8_t data[1500];
    size_t size;
    uint32_t rtp_ts;
    bool marker;
};

static struct packet packets[4096];
static int packet_count;

static void pack(struct mcu_pay *pay, const struct mcu_unit *u, uint32_t rtp_ts)
{
    int n;
    assert_int_equal(mcu_pay_begin(pay, u), 0);
    do {
        struct packet *p = &packets[packet_count];
        assert_true(packet_count < (int)MCU_ARRAY_LEN(packets));
        n = mcu_pay_next(pay, p->data, sizeof(p->data), &p->marker);
        p->size = (size_t)n;
        p->rtp_ts = rtp_ts;
        packet_count += n > 0;
        assert_true(n >= 0);
    } while (n > 0);
    assert_true(packets[packet_count - 1].marker);
}

static int push(struct mcu_depay *d, int i, bool lost, struct mcu_unit **out)
{
    const struct packet *p = &packets[i];
    /* An exact copy on the heap, so that ASan sees a read past the end. */
    uint8_t *copy = malloc(p->size);
    memcpy(copy, p->data, p->size);
    int rc = mcu_depay_push(d, copy, p->size, p->rtp_ts, p->marker, lost, i, out);
    free(copy);
    return rc;
}

static uint8_t random_byte(void)
{
    return (uint8_t)(1 + rnd(255)); /* no zeros: nothing that looks like a start code */
}

static size_t random_nal(uint8_t *to, uint8_t header, size_t size)
{
    memcpy(to, (const uint8_t[]){ 0, 0, 0, 1, header }, 5);
    for (size_t i = 0; i < size; i++)
        to[5 + i] = random_byte();
    return 5 + size;
}

/* SPS id 0, PPS id 0 as openh264 makes them; ids are the first exp-golomb codes. */
#define SPS0 0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40
#define PPS0 0x68, 0xce, 0x3c, 0x80
#define CODE 0, 0, 0, 1

/* A picture of 1 to 4 slices, the first with macroblock 0; a keyframe has its parameter sets. */
static struct mcu_unit *random_h264(bool key, size_t max_slice)
{
    static uint8_t buf[1 << 20];
    static const uint8_t sets[] = { CODE, SPS0, CODE, PPS0 };
    size_t n = 0;
    if (key) {
        memcpy(buf, sets, sizeof(sets));
        n = sizeof(sets);
    }
    for (int i = 0, slices = 1 + (int)rnd(4); i < slices; i++) {
        size_t at = n + 5;
        n += random_nal(buf + n, key ? 0x65 : 0x41, 2 + rnd((uint32_t)max_slice));
        /* first_mb 0, slice_type 5 (P) or 7 (I), PPS 0; or first_mb 1 (010). */
        buf[at] = i ? 0x58 : key ? 0x88 : 0x9a;
        buf[at + 1] |= 0x80;
    }
    struct mcu_unit *u = make_unit(MCU_CODEC_H264, buf, n);
    u->keyframe = key;
    return u;
}

static struct mcu_unit *random_vp8(bool key, size_t max)
{
    static uint8_t buf[1 << 20];
    size_t n = 10 + rnd((uint32_t)max);
    for (size_t i = 0; i < n; i++)
        buf[i] = (uint8_t)rnd(256);
    buf[0] = (uint8_t)((buf[0] & 0xfe) | !key);
    struct mcu_unit *u = make_unit(MCU_CODEC_VP8, buf, n);
    u->keyframe = key;
    return u;
}

/* Frame marker, profile 0, a new frame, its type; the rest does not matter. */
static struct mcu_unit *random_vp9(bool key, size_t max)
{
    struct mcu_unit *u = random_vp8(key, max);
    u->codec = MCU_CODEC_VP9;
    u->data[0] = key ? 0x82 : 0x86;
    return u;
}

/* ---- Round trips ---- */

static struct mcu_unit *random_unit(enum mcu_codec codec, bool key, size_t max)
{
    return codec == MCU_CODEC_H264  ? random_h264(key, max)
           : codec == MCU_CODEC_VP8 ? random_vp8(key, max)
                                    : random_vp9(key, max);
}

static void round_trip(enum mcu_codec codec, bool mode1, int max_bytes)
{
    struct mcu_depay *d = new_depay(codec);
    struct mcu_pay pay;
    mcu_pay_init(&pay, codec, mode1, max_bytes);
    for (uint32_t i = 0; i < 40; i++) {
        /* Mode 0 does not split: its encoder keeps slices small (codec/venc.h). */
        size_t max = codec == MCU_CODEC_H264 && !mode1 ? (size_t)max_bytes - 8 : 1 + rnd(20000);
        struct mcu_unit *u = random_unit(codec, i % 10 == 0, max), *out = NULL;
        packet_count = 0;
        pack(&pay, u, i * 3000);
        for (int p = 0; p < packet_count; p++) {
            assert_true(packets[p].size <= (size_t)max_bytes);
            assert_int_equal(packets[p].marker, p == packet_count - 1);
            assert_int_equal(push(d, p, false, &out), packets[p].marker);
        }
        assert_int_equal(out->keyframe, u->keyframe);
        assert_int_equal(out->rtp_ts, i * 3000);
        assert_int_equal(out->seq, 0);
        assert_int_equal(out->codec, codec);
        assert_false(out->gap_before);
        assert_unit(&out, u->data, u->size);
        mcu_unit_unref(&u);
    }
    mcu_depay_free(&d);
}

static void round_trips_are_exact_at_any_mtu(void **state)
{
    for (int i = 0; i < 40; i++) {
        round_trip(MCU_CODEC_H264, true, 40 + (int)rnd(1400));
        round_trip(MCU_CODEC_H264, false, 40 + (int)rnd(1400));
        round_trip(MCU_CODEC_VP8, false, 40 + (int)rnd(1400));
        round_trip(MCU_CODEC_VP9, false, 40 + (int)rnd(1400));
    }
    assert_int_equal(mcu_unit_alive(), 0);
}

/* ---- Losses ---- */

#define UNITS 8

struct sent {
    struct mcu_unit *unit[UNITS];
    int first[UNITS + 1]; /* packet index of each unit */
};

static void send_all(struct sent *s, enum mcu_codec codec, bool mode1)
{
    struct mcu_pay pay;
    mcu_pay_init(&pay, codec, mode1, 200);
    packet_count = 0;
    for (int i = 0; i < UNITS; i++) {
        s->unit[i] = random_unit(codec, i % 3 == 0, mode1 || codec != MCU_CODEC_H264 ? 900 : 180);
        s->first[i] = packet_count;
        pack(&pay, s->unit[i], (uint32_t)i * 3000);
    }
    s->first[UNITS] = packet_count;
}

static void unsend(struct sent *s)
{
    for (int i = 0; i < UNITS; i++)
        mcu_unit_unref(&s->unit[i]);
}

/* Parameter sets that begin a keyframe may be lost: they are known from an earlier one. */
static bool spares(enum mcu_codec codec, const struct sent *s, int unit, int from, int packet)
{
    int type = packets[packet].data[0] & 0x1f;
    return codec == MCU_CODEC_H264 && unit > 0 && from <= s->first[unit] &&
           (type == 7 || type == 8 || type == 24);
}

/* Is a packet of the unit in [from, to) missing, so that it cannot come out? */
static bool is_hit(enum mcu_codec codec, const struct sent *s, int unit, int from, int to)
{
    for (int p = from; p < to; p++)
        if (p >= s->first[unit] && p < s->first[unit + 1] && !spares(codec, s, unit, from, p))
            return true;
    return false;
}

static void expect_unit(enum mcu_codec codec, const struct sent *s, struct mcu_unit **u, int *next,
                        int from, int to)
{
    while (*next < UNITS && is_hit(codec, s, *next, from, to))
        ++*next;
    assert_true(*next < UNITS);
    /* The first unit whose packets end behind the hole, and no other, is flagged. */
    bool flagged = from < to && s->first[*next + 1] > to && (s->first[*next] <= to ||
                   is_hit(codec, s, *next - 1, from, to));
    assert_int_equal((*u)->gap_before, flagged);
    assert_int_equal((*u)->rtp_ts, *next * 3000);
    assert_int_equal((*u)->keyframe, s->unit[*next]->keyframe);
    assert_int_equal((*u)->size, s->unit[*next]->size);
    assert_memory_equal((*u)->data, s->unit[*next]->data, (*u)->size);
    mcu_unit_unref(u);
    ++*next;
}

/* Packets [from, to) do not arrive. */
static void play_with_hole(enum mcu_codec codec, const struct sent *s, int from, int to)
{
    struct mcu_depay *d = new_depay(codec);
    int next = 0;
    for (int p = 0; p < packet_count; p++) {
        struct mcu_unit *u = NULL;
        if (p >= from && p < to)
            continue;
        int rc = push(d, p, p == to && from < to, &u);
        assert_true(rc >= 0);
        for (; rc == 1; rc = mcu_depay_pull(d, &u))
            expect_unit(codec, s, &u, &next, from, to);
    }
    while (next < UNITS && is_hit(codec, s, next, from, to))
        next++;
    assert_int_equal(next, UNITS);
    mcu_depay_free(&d);
}

static void holes_everywhere(enum mcu_codec codec, bool mode1)
{
    struct sent s;
    for (int round = 0; round < 4; round++) {
        send_all(&s, codec, mode1);
        for (int from = s.first[1]; from < packet_count; from++)
            for (int to = from; to <= packet_count && to < from + 9; to++)
                play_with_hole(codec, &s, from, to);
        unsend(&s);
    }
    assert_int_equal(mcu_unit_alive(), 0);
}

static void a_loss_drops_the_damaged_units_and_flags_the_next(void **state)
{
    holes_everywhere(MCU_CODEC_H264, true);
    holes_everywhere(MCU_CODEC_H264, false);
    holes_everywhere(MCU_CODEC_VP8, false);
    holes_everywhere(MCU_CODEC_VP9, false);
}

static void without_markers_units_end_with_their_timestamp(void **state)
{
    for (int codec = MCU_CODEC_H264; codec <= MCU_CODEC_VP9; codec++) {
        struct sent s;
        struct mcu_depay *d = new_depay((enum mcu_codec)codec);
        send_all(&s, (enum mcu_codec)codec, true);
        int next = 0;
        for (int p = 0; p < packet_count; p++) {
            struct mcu_unit *u = NULL;
            packets[p].marker = false;
            if (push(d, p, false, &u) == 1)
                expect_unit((enum mcu_codec)codec, &s, &u, &next, 0, 0);
        }
        assert_int_equal(next, UNITS - 1); /* nothing has ended the last */
        mcu_depay_free(&d);
        unsend(&s);
    }
    assert_int_equal(mcu_unit_alive(), 0);
}

static void one_packet_can_finish_two_units(void **state)
{
    static const uint8_t p1[] = { 0x41, 0x9a, 1 }, p2[] = { 0x41, 0x9a, 2 };
    struct mcu_depay *d = new_depay(MCU_CODEC_H264);
    struct mcu_unit *u = NULL;
    assert_int_equal(mcu_depay_push(d, p1, 3, 100, false, false, 7, &u), 0);
    assert_int_equal(mcu_depay_push(d, p2, 3, 200, true, false, 8, &u), 1);
    assert_int_equal(u->rtp_ts, 100);
    assert_int_equal(u->seq, 7);
    mcu_unit_unref(&u);
    assert_int_equal(mcu_depay_pull(d, &u), 1);
    assert_int_equal(u->rtp_ts, 200);
    assert_int_equal(u->seq, 8);
    assert_false(u->gap_before);
    mcu_unit_unref(&u);
    assert_int_equal(mcu_depay_pull(d, &u), 0);
    mcu_depay_free(&d);
}

static void a_unit_before_a_malformed_packet_still_comes(void **state)
{
    static const uint8_t good[] = { 0x41, 0x9a, 1 }, bad[] = { 0xc1, 0x9a, 2 };
    struct mcu_depay *d = new_depay(MCU_CODEC_H264);
    struct mcu_unit *u = NULL;
    mcu_depay_push(d, good, 3, 100, false, false, 1, &u);
    assert_int_equal(mcu_depay_push(d, bad, 3, 200, true, false, 2, &u), -EBADMSG);
    assert_null(u);
    assert_int_equal(mcu_depay_pull(d, &u), 1);
    assert_false(u->gap_before);
    mcu_unit_unref(&u);
    assert_int_equal(mcu_depay_push(d, good, 3, 300, true, false, 3, &u), 1);
    assert_true(u->gap_before);
    mcu_unit_unref(&u);
    mcu_depay_free(&d);
}

static void padding_is_ignored_but_its_loss_counts(void **state)
{
    static const uint8_t p[] = { 0x10, 1, 2 };
    struct mcu_depay *d = new_depay(MCU_CODEC_VP8);
    struct mcu_unit *u = NULL;
    assert_int_equal(mcu_depay_push(d, p, 3, 100, true, false, 1, &u), 1);
    mcu_unit_unref(&u);
    assert_int_equal(mcu_depay_push(d, NULL, 0, 100, false, false, 2, &u), 0);
    assert_int_equal(mcu_depay_push(d, p, 3, 200, true, false, 3, &u), 1);
    assert_false(u->gap_before);
    mcu_unit_unref(&u);
    assert_int_equal(mcu_depay_push(d, NULL, 0, 200, false, true, 5, &u), 0);
    assert_int_equal(mcu_depay_push(d, p, 3, 300, true, false, 6, &u), 1);
    assert_true(u->gap_before);
    mcu_unit_unref(&u);
    mcu_depay_free(&d);
}

static void a_unit_over_the_limit_is_dropped(void **state)
{
    static uint8_t p[600] = { 0x10 };
    struct mcu_depay *d = NULL;
    struct mcu_unit *u = NULL;
    assert_int_equal(mcu_depay_new(&d, MCU_CODEC_VP8, NULL, 0, 1198), 0);
    for (int i = 0; i < 3; i++) {
        uint32_t ts = (uint32_t)i * 3000;
        p[0] = 0x10;
        assert_int_equal(mcu_depay_push(d, p, 600, ts, false, false, 2 * i, &u), 0);
        p[0] = 0;
        /* 599 + 599 is the limit, one more is not. */
        int rc = mcu_depay_push(d, p, i == 1 ? 601 : 600, ts, true, false, 2 * i + 1, &u);
        assert_int_equal(rc, i == 1 ? -EBADMSG : 1);
        if (rc == 1) {
            assert_int_equal(u->size, 1198);
            assert_int_equal(u->gap_before, i == 2);
            mcu_unit_unref(&u);
        }
    }
    mcu_depay_free(&d);
}

static void wrong_arguments_are_refused(void **state)
{
    struct mcu_depay *d = NULL;
    struct mcu_pay pay;
    struct mcu_unit *none = make_unit(MCU_CODEC_VP8, NULL, 0);
    struct mcu_unit *one = make_unit(MCU_CODEC_VP8, (const uint8_t *)"x", 1);
    struct mcu_unit *junk = make_unit(MCU_CODEC_H264, (const uint8_t *)"\0\0\1\0\0\1", 6);
    assert_int_equal(mcu_depay_new(&d, MCU_CODEC_OPUS, NULL, 0, 0), -EINVAL);
    mcu_pay_init(&pay, MCU_CODEC_VP8, false, 0);
    assert_int_equal(pay.max_bytes, 1200);
    assert_int_equal(mcu_pay_begin(&pay, none), -EINVAL);
    assert_int_equal(mcu_pay_begin(&pay, junk), -EINVAL);
    assert_int_equal(mcu_pay_begin(&pay, one), 0);
    mcu_pay_init(&pay, MCU_CODEC_H264, true, 1);
    assert_int_equal(mcu_pay_begin(&pay, one), -EINVAL);
    assert_int_equal(mcu_pay_begin(&pay, junk), -EINVAL); /* no NAL unit in it */
    uint8_t buf[8];
    bool last;
    assert_int_equal(mcu_pay_next(&pay, buf, sizeof(buf), &last), 0);
    mcu_unit_unref(&none);
    mcu_unit_unref(&one);
    mcu_unit_unref(&junk);
}

/* ---- Memory ---- */

static void play_some(struct mcu_depay *d, const struct sent *s, int64_t *ts)
{
    for (int p = 0; p < packet_count; p++) {
        const struct packet *k = &packets[p];
        struct mcu_unit *u = NULL;
        bool lost = p % 17 == 5; /* says so; drops what it says */
        int rc = mcu_depay_push(d, k->data, k->size, (uint32_t)*ts + k->rtp_ts, k->marker, lost, p,
                                &u);
        for (; rc == 1; rc = mcu_depay_pull(d, &u))
            mcu_unit_unref(&u);
    }
    *ts += UNITS * 3000;
}

static void nothing_allocates_once_warm(void **state)
{
    for (int codec = MCU_CODEC_H264; codec <= MCU_CODEC_VP9; codec++) {
        struct sent s;
        struct mcu_depay *d = new_depay((enum mcu_codec)codec);
        int64_t ts = 0;
        send_all(&s, (enum mcu_codec)codec, true);
        play_some(d, &s, &ts);
        play_some(d, &s, &ts);
        long before = allocations;
#ifndef SANITIZED
        assert_true(before > 0); /* the counter counts */
#endif
        for (int i = 0; i < 100; i++)
            play_some(d, &s, &ts);
        assert_int_equal(allocations - before, 0);
        mcu_depay_free(&d);
        unsend(&s);
    }
    assert_int_equal(mcu_unit_alive(), 0);
}

/* A keyframe of 300 kB among frames of 3 kB: the copies while it grows are few. */
static void a_large_unit_grows_through_the_classes(void **state)
{
    struct mcu_depay *d = new_depay(MCU_CODEC_VP8);
    struct mcu_unit *u = NULL;
    uint8_t p[1200] = { 0x10 };
    for (int i = 0; i < 250; i++) {
        memset(p + 1, i, sizeof(p) - 1);
        int rc = mcu_depay_push(d, p, sizeof(p), 0, i == 249, false, i, &u);
        assert_int_equal(rc, i == 249);
        p[0] = 0;
    }
    assert_int_equal(u->size, 250 * 1199);
    for (size_t i = 0; i < u->size; i++)
        assert_int_equal(u->data[i], (uint8_t)(i / 1199));
    mcu_unit_unref(&u);
    mcu_depay_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips_are_exact_at_any_mtu),
        cmocka_unit_test(a_loss_drops_the_damaged_units_and_flags_the_next),
        cmocka_unit_test(without_markers_units_end_with_their_timestamp),
        cmocka_unit_test(one_packet_can_finish_two_units),
        cmocka_unit_test(a_unit_before_a_malformed_packet_still_comes),
        cmocka_unit_test(padding_is_ignored_but_its_loss_counts),
        cmocka_unit_test(a_unit_over_the_limit_is_dropped),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(nothing_allocates_once_warm),
        cmocka_unit_test(a_large_unit_grows_through_the_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
