/* tests/unit/depay_rig.h - packets written by hand into a depacketiser. For one file of a test
 * program, which includes cmocka.h before. */
#ifndef MCU_TESTS_UNIT_DEPAY_RIG_H
#define MCU_TESTS_UNIT_DEPAY_RIG_H

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

#endif
