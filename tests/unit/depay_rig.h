/* tests/unit/depay_rig.h - packets written by hand into a depacketiser. For one file of a test
 * program, which includes cmocka.h before. */
#ifndef MCU_TESTS_UNIT_DEPAY_RIG_H
#define MCU_TESTS_UNIT_DEPAY_RIG_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "net/payload.h"

static int64_t seq; /* of the next packet */

/* max: bytes of a unit; 0: the default. */
static struct mcu_depay *new_depay(enum mcu_codec codec, size_t max)
{
    struct mcu_depay *d = NULL;
    assert_int_equal(mcu_depay_new(&d, codec, NULL, 0, max), 0);
    return d;
}

/* An exact copy on the heap, so that ASan sees a read past the end. */
static int push_packet(struct mcu_depay *d, const void *p, size_t n, uint32_t rtp_ts, bool marker,
                       bool lost, struct mcu_unit **u)
{
    uint8_t *copy = malloc(n ? n : 1);
    memcpy(copy, p, n);
    int rc = mcu_depay_push(d, copy, n, rtp_ts, marker, lost, seq++, u);
    free(copy);
    return rc;
}

/* A packet that is a whole picture: its payload, a keyframe of two bytes, comes out alone. */
static inline void packet_is_keyframe(enum mcu_codec codec, const void *p, size_t n, const char *frame)
{
    struct mcu_depay *d = new_depay(codec, 0);
    struct mcu_unit *u = NULL;
    assert_int_equal(push_packet(d, p, n, 9, true, false, &u), 1);
    assert_int_equal(u->size, 2);
    assert_memory_equal(u->data, frame, 2);
    assert_true(u->keyframe);
    assert_false(u->gap_before);
    mcu_unit_unref(&u);
    mcu_depay_free(&d);
}

/* Whatever of a packet is missing at its end, it is refused, and the whole one that follows is taken. */
static inline void cut_short_is_refused(enum mcu_codec codec, const uint8_t *full, size_t size)
{
    for (size_t n = 1; n < size; n++) {
        struct mcu_depay *d = new_depay(codec, 0);
        struct mcu_unit *u = NULL;
        assert_int_equal(push_packet(d, full, n, 0, true, false, &u), -EBADMSG);
        assert_int_equal(push_packet(d, full, size, 1, true, false, &u), 1);
        assert_true(u->gap_before);
        mcu_unit_unref(&u);
        mcu_depay_free(&d);
    }
}

#endif
