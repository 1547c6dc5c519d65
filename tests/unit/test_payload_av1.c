/* net/payload.h, AV1: payloads by hand from the RTP Payload Format For AV1, section 4, and units
 * cut at random as section 5 allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include <cmocka.h>

#include "mixer/base/obu.h"
#include "mixer/base/util.h"
#include "net/payload.h"
#include "tests/unit/depay_rig.h"

#define SEQ   "\x08" /* headers of OBUs without a size */
#define FRAME "\x30"

static void assert_unit(struct mcu_unit **u, const void *data, size_t size, bool key)
{
    assert_non_null(*u);
    assert_int_equal((*u)->size, size);
    assert_memory_equal((*u)->data, data, size);
    assert_int_equal((*u)->keyframe, key);
    mcu_unit_unref(u);
}

/* The same three units in every way of writing them: what comes out has a delimiter and sizes. */
static void every_way_of_aggregation_is_read(void **state)
{
    static const struct {
        const char *data;
        size_t size;
    } cases[] = {
        { "\x30\x02" SEQ "\x55\x03" FRAME "\x10\x11\x28\x77", 10 },     /* W 3 */
        { "\x08\x02" SEQ "\x55\x03" FRAME "\x10\x11\x02\x28\x77", 11 }, /* W 0, and N */
        { "\x30\x82\x00" SEQ "\x55\x03" FRAME "\x10\x11\x28\x77", 11 }, /* a padded size */
        { "\x30\x03\x0a\x01\x55\x04\x32\x02\x10\x11\x2a\x01\x77", 13 }, /* with sizes */
        { "\x00\x02\x12\x00\x02" SEQ "\x55\x03" FRAME "\x10\x11\x02\x28\x77", 14 }, /* delimiter */
        { "\x00\x02" SEQ "\x55\x03" FRAME "\x10\x11\x02\x28\x77\x03\x78\x00\x80",
          15 },                                                             /* padding */
        { "\x00\x02" SEQ "\x55\x00\x03" FRAME "\x10\x11\x02\x28\x77", 12 }, /* one of nothing */
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++) {
        struct mcu_depay *d = new_depay(MCU_CODEC_AV1, 0);
        struct mcu_unit *u = NULL;
        assert_int_equal(push_packet(d, cases[i].data, cases[i].size, 9, true, false, &u), 1);
        assert_unit(&u, "\x12\0\x0a\x01\x55\x32\x02\x10\x11\x2a\x01\x77", 12, true);
        mcu_depay_free(&d);
    }
}

static void layer_ids_stay_before_the_size(void **state)
{
    struct mcu_depay *d = new_depay(MCU_CODEC_AV1, 0);
    struct mcu_unit *u = NULL;
    assert_int_equal(push_packet(d, "\x10\x34\x28\x30\xaa", 5, 0, true, false, &u), 1);
    assert_unit(&u, "\x12\0\x36\x28\x02\x30\xaa", 7, false);
    mcu_depay_free(&d);
}

static void fragments_are_joined(void **state)
{
    struct mcu_depay *d = new_depay(MCU_CODEC_AV1, 0);
    struct mcu_unit *u = NULL;
    assert_int_equal(push_packet(d, "\x60\x02" SEQ "\x55" FRAME, 5, 0, false, false, &u),
                     0);                                                                /* Y, W 2 */
    assert_int_equal(push_packet(d, "\xd0\x10", 2, 0, false, false, &u), 0);            /* Z, Y */
    assert_int_equal(push_packet(d, "\xc0\x01\x11", 3, 0, false, false, &u), 0);        /* W 0 */
    assert_int_equal(push_packet(d, "\xa0\x01\x12\x28\x77", 5, 0, true, false, &u), 1); /* Z */
    assert_unit(&u, "\x12\0\x0a\x01\x55\x32\x03\x10\x11\x12\x2a\x01\x77", 13, true);
    mcu_depay_free(&d);
}

static void keyframes_need_their_sequence_header(void **state)
{
    static const struct {
        const char *data;
        size_t size;
        bool key;
    } cases[] = {
        { "\x20\x02" SEQ "\x55" FRAME "\x10", 6, true },
        { "\x10" FRAME "\x10", 3, false },                /* no sequence header */
        { "\x20\x02" SEQ "\x55" FRAME "\x30", 6, false }, /* predicted */
        { "\x20\x02" SEQ "\x55" FRAME "\x50", 6, false }, /* intra only */
        { "\x20\x02" SEQ "\x55" FRAME "\x00", 6, false }, /* a keyframe that is not shown */
        { "\x20\x02" SEQ "\x55" FRAME "\x90", 6, false }, /* an existing frame again */
        { "\x20\x02" FRAME "\x30" SEQ "\x55", 6, false }, /* too late */
        { "\x20\x02" SEQ "\x55\x18\x10", 6, true },       /* header and tiles apart */
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++) {
        struct mcu_depay *d = new_depay(MCU_CODEC_AV1, 0);
        struct mcu_unit *u = NULL;
        assert_int_equal(push_packet(d, cases[i].data, cases[i].size, 9, true, false, &u), 1);
        assert_int_equal(u->keyframe, cases[i].key);
        mcu_unit_unref(&u);
        mcu_depay_free(&d);
    }
}

static void malformed_payloads_are_refused(void **state)
{
    static const struct {
        const char *data;
        size_t size;
    } cases[] = {
        { "\x10", 1 },                                      /* nothing but the header */
        { "\x20\x05" SEQ "\x55", 4 },                       /* longer than the packet */
        { "\x00\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10 }, /* a size that never ends */
        { "\x10\xb0\x10", 3 },                              /* the forbidden bit */
        { "\x10\x32\x05\x10", 4 },                          /* a size of its own that lies */
        { "\x10\x32\x00\x10", 4 },
        { "\x10\x34", 2 },            /* no room for layer ids */
        { "\x50" FRAME "\x10", 3 },   /* a fragment, and the unit is over */
        { "\x30\x02" SEQ "\x55", 4 }, /* fewer elements than W */
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++) {
        struct mcu_depay *d = new_depay(MCU_CODEC_AV1, 0);
        struct mcu_unit *u = NULL;
        assert_int_equal(push_packet(d, cases[i].data, cases[i].size, 0, true, false, &u),
                         -EBADMSG);
        assert_null(u);
        assert_int_equal(push_packet(d, "\x10" FRAME "\x30", 3, 1, true, false, &u), 1);
        assert_true(u->gap_before);
        mcu_unit_unref(&u);
        mcu_depay_free(&d);
    }
}

static void fragments_without_their_other_half_are_refused(void **state)
{
    struct mcu_depay *d = new_depay(MCU_CODEC_AV1, 0);
    struct mcu_unit *u = NULL;
    assert_int_equal(push_packet(d, "\x90\x10", 2, 0, true, false, &u),
                     0); /* joined in the middle */
    assert_int_equal(push_packet(d, "\x10" FRAME "\x30", 3, 1, false, false, &u), 0);
    assert_int_equal(push_packet(d, "\x90\x10", 2, 1, true, false, &u),
                     -EBADMSG); /* nothing to go on */
    assert_int_equal(push_packet(d, "\x50" FRAME "\x30", 3, 2, false, false, &u), 0);
    assert_int_equal(push_packet(d, "\x10" FRAME "\x30", 3, 2, true, false, &u), -EBADMSG);
    assert_int_equal(push_packet(d, "\x10" FRAME "\x30", 3, 3, true, false, &u), 1);
    assert_true(u->gap_before);
    mcu_unit_unref(&u);
    mcu_depay_free(&d);
}

/* A metadata unit alone shows nothing. */
static void a_unit_without_a_frame_is_not_given_out(void **state)
{
    struct mcu_depay *d = new_depay(MCU_CODEC_AV1, 0);
    struct mcu_unit *u = NULL;
    assert_int_equal(push_packet(d, "\x10\x28\x77", 3, 0, true, false, &u), 0);
    assert_int_equal(push_packet(d, "\x10" FRAME "\x30", 3, 1, true, false, &u), 1);
    assert_false(u->gap_before);
    mcu_unit_unref(&u);
    mcu_depay_free(&d);
}

static uint32_t seed = 1;

static uint32_t rnd(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

struct packet {
    uint8_t data[1500];
    size_t size;
};

/* Cuts units at random, with W 0 and W as it falls. Returns the packets. */
static int cut(struct packet *out, uint8_t *const obu[], const size_t bytes[], int count)
{
    int packets = 0, i = 0;
    size_t at = 0;
    bool fragment = false;
    while (i < count) {
        struct packet *p = &out[packets++];
        int elements = 1 + (int)rnd(4), n = 0;
        bool counted = elements <= 3 && i + elements <= count;
        uint8_t body[1400];
        size_t used = 0;
        p->data[0] = fragment ? 0x80 : 0;
        for (; n < elements && i < count && used < 1200; n++) {
            size_t left = bytes[i] - at, take = rnd(3) ? left : 1 + rnd((uint32_t)left);
            take = mcu_min((int)take, (int)(1300 - used));
            bool last = n + 1 == elements || i + 1 == count || take < left || used + take >= 1190;
            if (counted && last && n + 1 < elements)
                counted = false;
            if (!(counted && last))
                used += (size_t)mcu_leb128_write(body + used, (uint32_t)take);
            memcpy(body + used, obu[i] + at, take);
            used += take;
            fragment = take < left;
            at = fragment ? at + take : 0;
            i += !fragment;
            if (last) {
                n++;
                break;
            }
        }
        p->data[0] |= (uint8_t)((fragment ? 0x40 : 0) | (counted ? n << 4 : 0));
        memcpy(p->data + 1, body, used);
        p->size = used + 1;
    }
    return packets;
}

/* Whole units come out as they were, and units of which any packet is missing do not. */
static void units_survive_any_cut_and_die_of_any_loss(void **state)
{
    static struct packet packets[4096];
    for (int round = 0; round < 400; round++) {
        struct mcu_depay *d = new_depay(MCU_CODEC_AV1, 0);
        struct mcu_unit *u = NULL;
        int count = 1 + (int)rnd(6);
        uint8_t *obu[6], expected[65536] = { 0x12, 0 };
        size_t bytes[6], total = 2;
        for (int i = 0; i < count; i++) {
            bytes[i] = 2 + rnd(round % 2 ? 5000 : 200);
            obu[i] = malloc(bytes[i]);
            for (size_t k = 0; k < bytes[i]; k++)
                obu[i][k] = (uint8_t)rnd(256);
            obu[i][0] = i ? 0x20 : 0x30; /* a frame, then what a decoder would take for tiles */
            expected[total++] = obu[i][0] | 2;
            total += (size_t)mcu_leb128_write(expected + total, (uint32_t)bytes[i] - 1);
            memcpy(expected + total, obu[i] + 1, bytes[i] - 1);
            total += bytes[i] - 1;
        }
        int n = cut(packets, obu, bytes, count), gone = (int)rnd((uint32_t)n);
        for (int i = 0; i < n; i++)
            assert_int_equal(
                push_packet(d, packets[i].data, packets[i].size, 1, i == n - 1, false, &u),
                i == n - 1);
        assert_unit(&u, expected, total, false);
        for (int i = 0; i < n; i++)
            if (i != gone)
                assert_true(push_packet(d, packets[i].data, packets[i].size, 2, i == n - 1,
                                        i == gone + 1, &u) <= 0);
        assert_null(u);
        assert_int_equal(push_packet(d, "\x10" FRAME "\x30", 3, 3, true, gone == n - 1, &u), 1);
        assert_true(u->gap_before);
        mcu_unit_unref(&u);
        for (int i = 0; i < count; i++)
            free(obu[i]);
        mcu_depay_free(&d);
    }
    assert_int_equal(mcu_unit_alive(), 0);
}

/* Sizes that are put back count too. */
static void a_unit_over_the_limit_is_dropped(void **state)
{
    static uint8_t p[300] = { 0x10, 0x30, 0x30 };
    for (size_t over = 0; over < 2; over++) {
        struct mcu_depay *d = new_depay(MCU_CODEC_AV1, 256);
        struct mcu_unit *u = NULL;
        int rc = push_packet(d, p, 253 + over, 0, true, false, &u); /* with 2 + 2 bytes of ours */
        assert_int_equal(rc, over ? -EBADMSG : 1);
        assert_true(over || u->size == 256);
        mcu_unit_unref(&u);
        mcu_depay_free(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_of_aggregation_is_read),
        cmocka_unit_test(layer_ids_stay_before_the_size),
        cmocka_unit_test(fragments_are_joined),
        cmocka_unit_test(keyframes_need_their_sequence_header),
        cmocka_unit_test(malformed_payloads_are_refused),
        cmocka_unit_test(fragments_without_their_other_half_are_refused),
        cmocka_unit_test(a_unit_without_a_frame_is_not_given_out),
        cmocka_unit_test(units_survive_any_cut_and_die_of_any_loss),
        cmocka_unit_test(a_unit_over_the_limit_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
