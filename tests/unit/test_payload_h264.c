/* net/payload.h, H.264: payloads by hand from RFC 6184 sections 5.6 to 5.8, parameter sets. */
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

/* Parameter sets with ids 0 and 1: ue(v) codes 1 and 010 (H.264 9.1), as all below. */
#define SPS0  0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40
#define SPS0B 0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x99, 0x40
#define SPS1  0x67, 0x42, 0xc0, 0x1f, 0x4c, 0x8d, 0x40
#define PPS0  0x68, 0xce, 0x3c, 0x80
#define PPS1  0x68, 0x4b, 0x3c, 0x80
#define IDR0  0x65, 0x88, 0x80, 0x11 /* macroblock 0, I (7), PPS 0 */
#define IDR1  0x65, 0x88, 0x40, 0x11 /* PPS 1 */
#define INTRA 0x41, 0xb8, 0x80, 0x11 /* I (2), PPS 0, not IDR */
#define INTER 0x41, 0x9a, 0x11, 0x12 /* P (5), PPS 0 */
#define AUD   0x09, 0x10
#define POINT 0x06, 0x06, 0x01, 0xc4, 0x80 /* SEI: recovery point (H.264 D.1.8) */
#define CODE  0, 0, 0, 1

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static uint32_t now; /* rtp_ts, one for each unit; also the sequence number */

static struct mcu_depay *new_depay(const uint8_t *sprop, size_t sprop_bytes)
{
    struct mcu_depay *d = NULL;
    assert_int_equal(mcu_depay_new(&d, MCU_CODEC_H264, sprop, sprop_bytes, 0), 0);
    return d;
}

/* An exact copy on the heap, so that ASan sees a read past the end. */
static int push(struct mcu_depay *d, const uint8_t *p, size_t n, bool marker, bool lost,
                struct mcu_unit **u)
{
    uint8_t *copy = malloc(n ? n : 1);
    memcpy(copy, p, n);
    int rc = mcu_depay_push(d, copy, n, now, marker, lost, now, u);
    now += marker;
    free(copy);
    return rc;
}

static void more(struct mcu_depay *d, const uint8_t *p, size_t n)
{
    struct mcu_unit *u = NULL;
    assert_int_equal(push(d, p, n, false, false, &u), 0);
}

/* The last packet of a unit. */
static struct mcu_unit *end(struct mcu_depay *d, const uint8_t *p, size_t n)
{
    struct mcu_unit *u = NULL;
    assert_int_equal(push(d, p, n, true, false, &u), 1);
    assert_non_null(u);
    return u;
}

static void is(struct mcu_unit *u, bool keyframe, const uint8_t *data, size_t size)
{
    assert_int_equal(u->size, size);
    assert_memory_equal(u->data, data, size);
    assert_int_equal(u->keyframe, keyframe);
    mcu_unit_unref(&u);
}

static void refused(struct mcu_depay *d, const uint8_t *p, size_t n)
{
    struct mcu_unit *u = NULL;
    assert_int_equal(push(d, p, n, false, false, &u), -EBADMSG);
    /* The rest of the unit is swallowed, the next one flagged. */
    assert_int_equal(push(d, BYTES(INTER), true, false, &u), 0);
    u = end(d, BYTES(INTER));
    assert_true(u->gap_before);
    mcu_unit_unref(&u);
}

static void single_nal_units(void **state)
{
    struct mcu_depay *d = new_depay(NULL, 0);
    more(d, BYTES(SPS0));
    more(d, BYTES(PPS0));
    is(end(d, BYTES(IDR0)), true, BYTES(CODE, SPS0, CODE, PPS0, CODE, IDR0));
    is(end(d, BYTES(INTER)), false, BYTES(CODE, INTER));
    mcu_depay_free(&d);
}

/* RFC 6184 section 5.7.1, figure 7: two units behind their sizes; figure 8 with a DON. */
static void stap_a_and_b(void **state)
{
    struct mcu_depay *d = new_depay(NULL, 0);
    more(d, BYTES(0x78, 0, 7, SPS0, 0, 4, PPS0));
    is(end(d, BYTES(IDR0)), true, BYTES(CODE, SPS0, CODE, PPS0, CODE, IDR0));
    is(end(d, BYTES(0x79, 0x12, 0x34, 0, 7, SPS0, 0, 4, PPS0, 0, 4, IDR0)), true,
       BYTES(CODE, SPS0, CODE, PPS0, CODE, IDR0));
    mcu_depay_free(&d);
}

/* RFC 6184 section 5.8, figures 14 and 15: indicator, then S E R and the type. */
static void fu_a(void **state)
{
    struct mcu_depay *d = new_depay(NULL, 0);
    more(d, BYTES(0x5c, 0x81, 0x9a)); /* NRI 2, S, type 1 */
    more(d, BYTES(0x5c, 0x01));       /* fragments may be empty */
    more(d, BYTES(0x5c, 0x01, 0x11));
    is(end(d, BYTES(0x5c, 0x41, 0x12)), false, BYTES(CODE, INTER));
    more(d, BYTES(0x78, 0, 7, SPS0, 0, 4, PPS0));
    more(d, BYTES(0x7c, 0x85, 0x88));
    is(end(d, BYTES(0x7c, 0x45, 0x80, 0x11)), true, BYTES(CODE, SPS0, CODE, PPS0, CODE, IDR0));
    /* Start and end at once: forbidden to senders, plain all the same. */
    is(end(d, BYTES(0x5c, 0xc1, 0x9a, 0x11, 0x12)), false, BYTES(CODE, INTER));
    mcu_depay_free(&d);
}

static void what_cannot_be_is_refused(void **state)
{
    static const struct {
        uint8_t data[12];
        size_t size;
    } cases[] = {
        { { 0xc1, 0x9a }, 2 },                   /* forbidden bit (section 5.3) */
        { { 0x40, 0x9a }, 2 },                   /* type 0 */
        { { 0x5a, 0, 0, 0, 5, 0, 0, 0, INTER }, 12 }, /* MTAP16 */
        { { 0x5b, 0, 0, 0, 5, 0, 0, 0, INTER }, 12 }, /* MTAP24 */
        { { 0x5d, 0x81, 0, 0, 0x9a }, 5 },       /* FU-B */
        { { 0x5e, 1 }, 2 },
        { { 0x5f, 1 }, 2 },
        { { 0x58 }, 1 },                         /* STAP-A with nothing */
        { { 0x58, 0 }, 2 },                      /* half a size */
        { { 0x58, 0, 0 }, 3 },                   /* an empty unit */
        { { 0x58, 0, 5, INTER }, 7 },            /* running over */
        { { 0x58, 0, 4, INTER, 0 }, 8 },         /* half a size behind */
        { { 0x58, 0, 4, INTER, 0xff, 0xff }, 9 },
        { { 0x58, 0, 4, INTER, 0, 0 }, 9 },
        { { 0x58, 0, 4, 0xc1, 0x9a, 1, 2 }, 7 }, /* the forbidden bit inside */
        { { 0x59 }, 1 },                         /* STAP-B */
        { { 0x59, 0 }, 2 },
        { { 0x59, 0, 0 }, 3 },
        { { 0x5c }, 1 },                         /* FU-A without its header */
        { { 0x5c, 0x01, 0x11 }, 3 },             /* without a start */
        { { 0x5c, 0x80, 0x11 }, 3 },             /* of type 0 */
        { { 0x5c, 0x98, 0x11 }, 3 },             /* of a STAP */
        { { 0x5c, 0x9c, 0x11 }, 3 },             /* of an FU */
    };
    struct mcu_depay *d = new_depay(NULL, 0);
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++) {
        more(d, BYTES(INTER));
        refused(d, cases[i].data, cases[i].size);
    }
    for (int type = 0; type < 32; type == 0 ? type = 24 : type++) {
        more(d, BYTES(INTER));
        refused(d, BYTES(0x58, 0, 2, (uint8_t)(0x40 | type), 0x9a));
    }
    mcu_depay_free(&d);
    assert_int_equal(mcu_unit_alive(), 0);
}

static void fragments_must_begin_and_end(void **state)
{
    struct mcu_depay *d = new_depay(NULL, 0);
    struct mcu_unit *u = NULL;
    more(d, BYTES(0x5c, 0x81, 0x9a));
    refused(d, BYTES(0x5c, 0x81, 0x9a)); /* a second start */
    more(d, BYTES(0x5c, 0x81, 0x9a));
    refused(d, BYTES(INTER));            /* another unit before the end */
    more(d, BYTES(0x5c, 0x81, 0x9a));
    refused(d, BYTES(0x5c, 0x05, 0x11)); /* another type */
    more(d, BYTES(0x5c, 0x81, 0x9a));
    more(d, BYTES(0x5c, 0x41, 0x9a));
    refused(d, BYTES(0x5c, 0x41, 0x11)); /* a second end */
    assert_int_equal(push(d, BYTES(0x5c, 0x81, 0x9a), true, false, &u), -EBADMSG);
    u = end(d, BYTES(INTER));            /* the marker came before the end */
    assert_true(u->gap_before);
    mcu_unit_unref(&u);
    more(d, BYTES(0x5c, 0x81, 0x9a));
    now++;                               /* neither an end nor a marker */
    u = end(d, BYTES(INTER));
    assert_true(u->gap_before);
    mcu_unit_unref(&u);
    mcu_depay_free(&d);
    assert_int_equal(mcu_unit_alive(), 0);
}

/* After a loss the first slice seen must hold macroblock 0. */
static void a_unit_whose_head_is_lost_is_dropped(void **state)
{
    static const struct {
        uint8_t data[12];
        size_t size;
        int given;
    } cases[] = {
        { { INTER }, 4, 1 },
        { { 0x41, 0x58, 0x11 }, 3, 0 },                 /* first_mb_in_slice 1 */
        { { 0x5c, 0x01, 0x11 }, 3, 0 },                 /* in the middle of an FU-A */
        { { 0x5c, 0x41, 0x11 }, 3, 0 },
        { { 0x5c, 0xc1, 0x58, 0x11 }, 4, 0 },           /* an FU-A of a later slice */
        { { 0x58, 0, 3, 0x41, 0x58, 0x11 }, 6, 0 },     /* the same in STAP-A, -B */
        { { 0x59, 0, 0, 0, 3, 0x41, 0x58, 0x11 }, 8, 0 },
        { { 0x58, 0, 4, INTER }, 7, 1 },
        { { 0x58, 0, 2, 0x43, 0x9a, 0, 4, INTER }, 11, 0 }, /* data partition B without its A */
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++) {
        struct mcu_depay *d = new_depay(NULL, 0);
        struct mcu_unit *u = end(d, BYTES(INTER));
        mcu_unit_unref(&u);
        assert_int_equal(push(d, cases[i].data, cases[i].size, true, true, &u), cases[i].given);
        assert_true(!u || u->gap_before);
        mcu_unit_unref(&u);
        u = end(d, BYTES(INTER));
        assert_int_equal(u->gap_before, !cases[i].given);
        mcu_unit_unref(&u);
        mcu_depay_free(&d);
    }
}

static void sets_of_the_sdp_go_before_a_keyframe(void **state)
{
    /* Start codes of 3 and 4 bytes; what is not a parameter set is ignored. */
    struct mcu_depay *d = new_depay(BYTES(0, 0, 1, SPS0, CODE, PPS0, CODE, IDR0, CODE, CODE));
    is(end(d, BYTES(INTER)), false, BYTES(CODE, INTER));
    is(end(d, BYTES(IDR0)), true, BYTES(CODE, SPS0, CODE, PPS0, CODE, IDR0));
    is(end(d, BYTES(IDR0)), true, BYTES(CODE, SPS0, CODE, PPS0, CODE, IDR0));
    is(end(d, BYTES(0x78, 0, 2, AUD, 0, 4, IDR0)), true,
       BYTES(CODE, AUD, CODE, SPS0, CODE, PPS0, CODE, IDR0)); /* the delimiter stays first */
    is(end(d, BYTES(0x78, 0, 4, PPS0, 0, 4, IDR0)), true,
       BYTES(CODE, SPS0, CODE, PPS0, CODE, IDR0)); /* only what lacks */
    mcu_depay_free(&d);
}

/* The forbidden bit (H.264 7.4.1): such a PPS would go into a unit that no receiver takes. */
static void sets_of_the_sdp_that_cannot_be_are_left_out(void **state)
{
    struct mcu_depay *d = new_depay(BYTES(CODE, SPS0, CODE, 0xe8, 0xce, 0x3c, 0x80));
    is(end(d, BYTES(IDR0)), true, BYTES(CODE, IDR0));
    mcu_depay_free(&d);
}

static void newer_sets_replace_older_ones(void **state)
{
    struct mcu_depay *d = new_depay(BYTES(CODE, SPS0, CODE, PPS0));
    is(end(d, BYTES(0x78, 0, 7, SPS0B, 0, 4, PPS0, 0, 4, IDR0)), true,
       BYTES(CODE, SPS0B, CODE, PPS0, CODE, IDR0));
    is(end(d, BYTES(IDR0)), true, BYTES(CODE, SPS0B, CODE, PPS0, CODE, IDR0));
    mcu_depay_free(&d);
}

static void a_keyframe_gets_the_sets_that_it_refers_to(void **state)
{
    struct mcu_depay *d = new_depay(BYTES(CODE, SPS0, CODE, PPS0, CODE, SPS1, CODE, PPS1));
    is(end(d, BYTES(IDR1)), true, BYTES(CODE, SPS1, CODE, PPS1, CODE, IDR1));
    is(end(d, BYTES(IDR0)), true, BYTES(CODE, SPS0, CODE, PPS0, CODE, IDR0));
    mcu_depay_free(&d);
}

static void sets_without_a_picture_wait_for_one(void **state)
{
    struct mcu_depay *d = new_depay(NULL, 0);
    struct mcu_unit *u = NULL;
    assert_int_equal(push(d, BYTES(0x78, 0, 7, SPS0, 0, 4, PPS0), true, false, &u), 0);
    is(end(d, BYTES(IDR0)), true, BYTES(CODE, SPS0, CODE, PPS0, CODE, IDR0));
    assert_int_equal(push(d, BYTES(PPS1), true, false, &u), 0);
    is(end(d, BYTES(INTER)), false, BYTES(CODE, PPS1, CODE, INTER));
    is(end(d, BYTES(INTER)), false, BYTES(CODE, INTER));
    assert_int_equal(push(d, BYTES(PPS1), true, false, &u), 0); /* nothing new */
    is(end(d, BYTES(INTER)), false, BYTES(CODE, INTER));
    more(d, BYTES(SPS0B)); /* in a unit that is dropped */
    refused(d, BYTES(0xc1, 0));
    is(end(d, BYTES(IDR0)), true, BYTES(CODE, SPS0B, CODE, PPS0, CODE, IDR0));
    mcu_depay_free(&d);
}

/* More ids than are kept: the newest eight SPS; the 33rd id is none (H.264 7.4.2.1.1). */
static void the_newest_sets_are_kept(void **state)
{
    struct mcu_depay *d = new_depay(NULL, 0);
    struct mcu_unit *u = NULL;
    for (uint8_t id = 0; id < 33; id++) {
        /* ue(v) of ids 0 to 32 in 16 bits: leading zeros, then id + 1. */
        int bits = id + 1 >= 32 ? 6 : id + 1 >= 16 ? 5 : id + 1 >= 8 ? 4 : id + 1 >= 4 ? 3
                   : id + 1 >= 2 ? 2 : 1;
        unsigned code = (unsigned)(id + 1) << (16 - (2 * bits - 1));
        const uint8_t sps[] = { 0x67, 1, 2, 3, (uint8_t)(code >> 8), (uint8_t)(code | 1), id };
        assert_int_equal(push(d, sps, sizeof(sps), true, false, &u), 0);
    }
    u = end(d, BYTES(INTER));
    /* 33 came, 32 are possible, the newest 8 of these wait for the unit. */
    assert_int_equal(u->size, 8 * (4 + 7) + 8);
    for (int i = 0; i < 8; i++)
        assert_in_range(u->data[11 * i + 10], 24, 31);
    mcu_unit_unref(&u);
    mcu_depay_free(&d);
}

static void a_recovery_point_of_intra_slices_is_a_keyframe(void **state)
{
    struct mcu_depay *d = new_depay(BYTES(CODE, SPS0, CODE, PPS0));
    is(end(d, BYTES(INTRA)), false, BYTES(CODE, INTRA));
    is(end(d, BYTES(0x58, 0, 5, POINT, 0, 4, INTRA)), true,
       BYTES(CODE, SPS0, CODE, PPS0, CODE, POINT, CODE, INTRA));
    is(end(d, BYTES(0x58, 0, 5, POINT, 0, 4, INTER)), false, BYTES(CODE, POINT, CODE, INTER));
    is(end(d, BYTES(0x58, 0, 5, POINT, 0, 4, INTRA, 0, 4, INTER)), false,
       BYTES(CODE, POINT, CODE, INTRA, CODE, INTER));
    /* Behind a message of 4 bytes that holds an emulation prevention byte (H.264 7.3.1). */
    struct mcu_unit *u = end(
        d, BYTES(0x58, 0, 12, 6, 5, 4, 0, 0, 3, 1, 0xaa, 6, 1, 0xc4, 0x80, 0, 4, INTRA));
    assert_true(u->keyframe);
    mcu_unit_unref(&u);
    u = end(d, BYTES(0x58, 0, 5, 6, 1, 1, 0xc4, 0x80, 0, 4, INTRA)); /* another message */
    assert_false(u->keyframe);
    mcu_unit_unref(&u);
    mcu_depay_free(&d);
}

/* ---- Packetising ---- */

static struct mcu_unit *unit_of(const uint8_t *data, size_t size)
{
    struct mcu_unit *u = mcu_unit_new(size);
    u->codec = MCU_CODEC_H264;
    u->size = size;
    memcpy(u->data, data, size);
    return u;
}

static void next_is(struct mcu_pay *pay, bool last, const uint8_t *data, size_t size)
{
    uint8_t buf[64];
    bool is_last = !last;
    assert_int_equal(mcu_pay_next(pay, buf, sizeof(buf), &is_last), size);
    assert_memory_equal(buf, data, size);
    assert_int_equal(is_last, last);
}

static void mode_1_gathers_and_splits(void **state)
{
    uint8_t big[40] = { 0x65, 0x88 };
    memset(big + 2, 7, sizeof(big) - 2);
    uint8_t data[4 + 7 + 4 + 4 + 4 + 5 + 3 + sizeof(big)];
    memcpy(data, BYTES(CODE, SPS0, CODE, PPS0, CODE, POINT, 0, 0, 1));
    memcpy(data + 31, big, sizeof(big));
    struct mcu_unit *u = unit_of(data, sizeof(data));
    struct mcu_pay pay;
    mcu_pay_init(&pay, MCU_CODEC_H264, true, 32);
    assert_int_equal(mcu_pay_begin(&pay, u), 0);
    next_is(&pay, false, BYTES(0x78, 0, 7, SPS0, 0, 4, PPS0, 0, 5, POINT)); /* the highest NRI */
    uint8_t fu[32] = { 0x7c, 0x85, 0x88 };
    memset(fu + 3, 7, 29);
    next_is(&pay, false, fu, 32);
    fu[1] = 0x45;
    memset(fu + 2, 7, 9);
    next_is(&pay, true, fu, 2 + 39 - 30);
    next_is(&pay, false, NULL, 0);
    mcu_unit_unref(&u);
}

/* 1 + 2 + 7 + 2 + 20 bytes are the limit; one more and each goes alone. */
static void a_stap_never_exceeds_the_limit(void **state)
{
    for (size_t sei = 20; sei <= 21; sei++) {
        uint8_t data[64] = { CODE, SPS0, CODE, 6 }, stap[64] = { 0x78, 0, 7, SPS0, 0, 20, 6 };
        memset(data + 16, 7, sei - 1);
        memset(stap + 13, 7, 19);
        memcpy(data + 15 + sei, BYTES(CODE, IDR0));
        struct mcu_unit *u = unit_of(data, 15 + sei + 8);
        struct mcu_pay pay;
        mcu_pay_init(&pay, MCU_CODEC_H264, true, 32);
        assert_int_equal(mcu_pay_begin(&pay, u), 0);
        if (sei == 20) {
            next_is(&pay, false, stap, 32);
        } else {
            next_is(&pay, false, BYTES(SPS0));
            next_is(&pay, false, data + 15, sei);
        }
        next_is(&pay, true, BYTES(IDR0));
        mcu_unit_unref(&u);
    }
}

static void mode_0_sends_every_unit_alone(void **state)
{
    struct mcu_unit *u = unit_of(BYTES(CODE, SPS0, 0, 0, 0, CODE, PPS0, 0, 0, 1, IDR0, 0));
    struct mcu_pay pay;
    mcu_pay_init(&pay, MCU_CODEC_H264, false, 32);
    assert_int_equal(mcu_pay_begin(&pay, u), 0);
    next_is(&pay, false, BYTES(SPS0));
    next_is(&pay, false, BYTES(PPS0));
    next_is(&pay, true, BYTES(IDR0));
    next_is(&pay, false, NULL, 0);
    mcu_unit_unref(&u);
}

static void mode_0_sends_what_is_too_large_as_long_as_it_fits(void **state)
{
    uint8_t data[150] = { CODE, 0x65 };
    memset(data + 5, 7, 44);                       /* 45 bytes: over 32, in the buffer of 64 */
    memcpy(data + 49, BYTES(CODE, 0x65));
    memset(data + 54, 7, 88);                      /* 89: too large for that */
    memcpy(data + 142, BYTES(CODE, INTER));
    struct mcu_unit *u = unit_of(data, sizeof(data));
    struct mcu_pay pay;
    uint8_t buf[64];
    bool last;
    mcu_pay_init(&pay, MCU_CODEC_H264, false, 32);
    assert_int_equal(mcu_pay_begin(&pay, u), 0);
    next_is(&pay, false, data + 4, 45);
    assert_int_equal(mcu_pay_next(&pay, buf, sizeof(buf), &last), -EMSGSIZE);
    next_is(&pay, true, BYTES(INTER));
    next_is(&pay, false, NULL, 0);
    mcu_unit_unref(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_nal_units),
        cmocka_unit_test(stap_a_and_b),
        cmocka_unit_test(fu_a),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(fragments_must_begin_and_end),
        cmocka_unit_test(a_unit_whose_head_is_lost_is_dropped),
        cmocka_unit_test(sets_of_the_sdp_go_before_a_keyframe),
        cmocka_unit_test(sets_of_the_sdp_that_cannot_be_are_left_out),
        cmocka_unit_test(newer_sets_replace_older_ones),
        cmocka_unit_test(a_keyframe_gets_the_sets_that_it_refers_to),
        cmocka_unit_test(sets_without_a_picture_wait_for_one),
        cmocka_unit_test(the_newest_sets_are_kept),
        cmocka_unit_test(a_recovery_point_of_intra_slices_is_a_keyframe),
        cmocka_unit_test(mode_1_gathers_and_splits),
        cmocka_unit_test(a_stap_never_exceeds_the_limit),
        cmocka_unit_test(mode_0_sends_every_unit_alone),
        cmocka_unit_test(mode_0_sends_what_is_too_large_as_long_as_it_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
