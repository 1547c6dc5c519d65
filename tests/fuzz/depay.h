/* tests/fuzz/depay.h - what the depacketiser targets share.
 *
 * Input: u8 unit limit in 64 bytes (0: the default), u8 size of sprop, sprop, then packets:
 * u16 with flags and size (bit 15 lost, bit 14 marker, bit 13 a new timestamp, bits 0 to 12 size),
 * bytes. What comes out is packed and unpacked again. */
#ifndef MCU_TESTS_FUZZ_DEPAY_H
#define MCU_TESTS_FUZZ_DEPAY_H

#include <stdlib.h>
#include <string.h>

#include "mixer/base/cursor.h"
#include "net/payload.h"

#define CHECK(x) ((x) ? (void)0 : abort())

typedef void unit_cb(const struct mcu_unit *unit);

/* Every unit that is out, checked, and let go. */
static void take_units(struct mcu_depay *d, int rc, struct mcu_unit *u, size_t max, unit_cb *check)
{
    while (rc == 1) {
        CHECK(u && u->size > 0 && u->size <= max && u->size <= u->capacity);
        check(u);
        mcu_unit_unref(&u);
        rc = mcu_depay_pull(d, &u);
    }
    CHECK(rc <= 0);
}

static void push_packets(struct mcu_depay *d, struct mcu_cursor c, size_t max, unit_cb *check)
{
    uint32_t rtp_ts = 0;
    for (int64_t seq = 0; mcu_cursor_left(&c) >= 2; seq++) {
        unsigned head = mcu_cursor_u16(&c);
        size_t n = head & 0x1fff;
        n = n < mcu_cursor_left(&c) ? n : mcu_cursor_left(&c);
        uint8_t *copy = malloc(n ? n : 1); /* exact, so that a read past the end shows */
        const uint8_t *p = mcu_cursor_take(&c, n);
        if (n)
            memcpy(copy, p, n);
        rtp_ts += head & 0x2000 ? 3000 : 0;
        struct mcu_unit *u = NULL;
        int rc = mcu_depay_push(d, copy, n, rtp_ts, head & 0x4000, head & 0x8000, seq, &u);
        CHECK(rc == 1 || u == NULL);
        free(copy);
        if (rc < 0) /* a unit before the malformed packet may be out */
            rc = mcu_depay_pull(d, &u);
        take_units(d, rc, u, max, check);
    }
}

static void fuzz_depay(enum mcu_codec codec, const uint8_t *data, size_t size, unit_cb *check)
{
    struct mcu_cursor c = mcu_cursor(data, size);
    size_t max = (size_t)mcu_cursor_u8(&c) * 64, sprop_bytes = mcu_cursor_u8(&c);
    struct mcu_cursor sprop = mcu_cursor_sub(&c, sprop_bytes);
    struct mcu_depay *d = NULL;
    CHECK(mcu_depay_new(&d, codec, sprop.p, mcu_cursor_left(&sprop), max) == 0);
    push_packets(d, c, max ? max : 1u << 20, check);
    mcu_depay_free(&d);
    CHECK(mcu_unit_alive() == 0);
}

/* Packs a unit again and feeds a second depacketiser. Returns what comes of it, or NULL. */
static inline struct mcu_unit *repack(const struct mcu_unit *unit, bool mode1, int max_bytes)
{
    static uint8_t buf[65536];
    struct mcu_unit *out = NULL;
    struct mcu_depay *d = NULL;
    struct mcu_pay pay;
    bool last = false;
    int rc = 0;
    mcu_pay_init(&pay, unit->codec, mode1, max_bytes);
    CHECK(mcu_depay_new(&d, unit->codec, NULL, 0, 0) == 0);
    if (mcu_pay_begin(&pay, unit) == 0)
        for (int n; (n = mcu_pay_next(&pay, buf, sizeof(buf), &last)) != 0;) {
            CHECK(n <= (mode1 || unit->codec != MCU_CODEC_H264 ? max_bytes : (int)sizeof(buf)));
            CHECK(rc != 1); /* nothing comes out before the last */
            if (n > 0)
                rc = mcu_depay_push(d, buf, (size_t)n, 1, last, false, 0, &out);
        }
    mcu_depay_free(&d);
    return out;
}

#endif
