/* tests/unit/test_rtp.c - RTP headers, telephone events, Opus durations. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "mixer/base/clock.h"
#include "net/dtmf.h"
#include "net/line.h"
#include "net/opus_toc.h"
#include "net/rtp.h"

static const uint8_t full[] = {
    0xb2, 0xe0, 0x12, 0x34, 0xde, 0xad, 0xbe, 0xef, 0x11, 0x22, 0x33, 0x44, /* P, X, CC=2, M, PT 96 */
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02,                         /* CSRCs */
    0xbe, 0xde, 0x00, 0x01, 0x10, 0xaa, 0x00, 0x00,                         /* extension */
    'a',  'b',  'c',  0x00, 0x02,                                           /* 2 bytes of padding */
};

static void rtp_reads_every_part_of_a_header(void **state)
{
    struct mcu_rtp r;
    assert_int_equal(mcu_rtp_parse(&r, full, sizeof(full)), 0);
    assert_true(r.marker);
    assert_int_equal(r.pt, 96);
    assert_int_equal(r.seq, 0x1234);
    assert_int_equal(r.ts, 0xdeadbeef);
    assert_int_equal(r.ssrc, 0x11223344);
    assert_int_equal(r.csrc_count, 2);
    assert_int_equal(r.csrc[1], 2);
    assert_true(r.has_ext);
    assert_int_equal(r.ext_profile, 0xbede);
    assert_int_equal(r.ext_bytes, 4);
    assert_int_equal(r.ext[1], 0xaa);
    assert_int_equal(r.payload_bytes, 3);
    assert_memory_equal(r.payload, "abc", 3);
}

static void rtp_refuses_what_is_cut_short(void **state)
{
    struct mcu_rtp r;
    uint8_t copy[sizeof(full)];
    for (size_t n = 0; n < 28; n++) /* up to the end of the extension */
        assert_int_equal(mcu_rtp_parse(&r, full, n), -EBADMSG);
    memcpy(copy, full, sizeof(full));
    copy[0] = 0x72; /* version 1 */
    assert_int_equal(mcu_rtp_parse(&r, copy, sizeof(copy)), -EBADMSG);
    memcpy(copy, full, sizeof(full));
    copy[sizeof(copy) - 1] = 6; /* more padding than payload */
    assert_int_equal(mcu_rtp_parse(&r, copy, sizeof(copy)), -EBADMSG);
    copy[sizeof(copy) - 1] = 0;
    assert_int_equal(mcu_rtp_parse(&r, copy, sizeof(copy)), -EBADMSG);
    copy[sizeof(copy) - 1] = 5; /* padding alone: an empty payload is allowed */
    assert_int_equal(mcu_rtp_parse(&r, copy, sizeof(copy)), 0);
    assert_int_equal(r.payload_bytes, 0);
}

static void rtp_written_is_read_back(void **state)
{
    struct mcu_rtp w = { .marker = true, .pt = 111, .seq = 65535, .ts = 1, .ssrc = 0xffffffff,
                         .csrc_count = 15 }, r;
    uint8_t buf[MCU_RTP_HEADER_MAX];
    for (int i = 0; i < 15; i++)
        w.csrc[i] = 1000u + (uint32_t)i;
    assert_int_equal(mcu_rtp_write(&w, buf, sizeof(buf)), 72);
    assert_int_equal(mcu_rtp_parse(&r, buf, sizeof(buf)), 0);
    assert_true(r.marker);
    assert_int_equal(r.pt, 111);
    assert_int_equal(r.seq, 65535);
    assert_int_equal(r.csrc[14], 1014);
    assert_int_equal(r.payload_bytes, 0);
    assert_int_equal(mcu_rtp_write(&w, buf, 71), -EMSGSIZE);
    w.csrc_count = 16;
    assert_int_equal(mcu_rtp_write(&w, buf, sizeof(buf)), -EINVAL);
}

static void rtp_is_told_from_rtcp_by_its_type(void **state)
{
    for (int type = 0; type < 256; type++) { /* RFC 5761 section 4 */
        uint8_t p[2] = { 0x80, (uint8_t)type };
        assert_int_equal(mcu_rtp_is_rtcp(p, 2), type >= 192 && type <= 223);
    }
    assert_false(mcu_rtp_is_rtcp((const uint8_t[]){ 0x80 }, 1));
}

static char event(struct mcu_dtmf *d, int key, bool end, int duration, uint32_t ts, int64_t ms)
{
    uint8_t p[4] = { (uint8_t)key, end ? 0x8a : 0x0a, (uint8_t)(duration >> 8), (uint8_t)duration };
    return mcu_dtmf_push(d, p, 4, duration == 160, ts, ms * MCU_NS_PER_MS);
}

static void dtmf_says_a_key_once_per_press(void **state)
{
    /* RFC 4733 section 5: '9' and '1', '1' of "911", with end packets sent three times. */
    struct mcu_dtmf d = { 0 };
    assert_int_equal(event(&d, 9, false, 160, 1000, 0), '9');
    for (int i = 1; i < 10; i++)
        assert_int_equal(event(&d, 9, i >= 7, 160 + 400 * (i > 7 ? 7 : i), 1000, 50 * i), 0);
    assert_int_equal(event(&d, 1, false, 160, 12200, 1400), '1');
    assert_int_equal(event(&d, 1, true, 1600, 12200, 1600), 0);
    assert_int_equal(event(&d, 1, true, 1600, 12200, 1605), 0);
    assert_int_equal(event(&d, 1, false, 160, 27200, 3275), '1');
}

static void dtmf_lost_beginning_is_made_up_for(void **state)
{
    struct mcu_dtmf d = { 0 };
    assert_int_equal(event(&d, 11, true, 1600, 500, 0), '#');
    assert_int_equal(event(&d, 11, true, 1600, 500, 5), 0);
    assert_int_equal(event(&d, 11, false, 800, 500, 6), 0); /* out of order */
    assert_int_equal(event(&d, 10, false, 560, 9000, 1000), '*');
    assert_int_equal(event(&d, 11, true, 1600, 500, 1010), 0); /* a very late copy */
    assert_int_equal(event(&d, 10, true, 960, 9000, 1050), 0);
}

static void dtmf_long_press_is_one_press(void **state)
{
    /* RFC 4733 section 2.5.1.3: segments of 0xffff, each with a timestamp of its own. */
    struct mcu_dtmf d = { 0 };
    assert_int_equal(event(&d, 5, false, 160, 100, 0), '5');
    for (int i = 1; i <= 300; i++)
        assert_int_equal(event(&d, 5, false, 400 * i > 65535 ? 400 * i - 65535 : 400 * i,
                               400 * i > 65535 ? 100 + 65535 : 100, 50 * i), 0);
}

static void dtmf_other_events_are_no_keys(void **state)
{
    struct mcu_dtmf d = { 0 };
    assert_int_equal(event(&d, 16, false, 160, 0, 0), 0);
    assert_int_equal(event(&d, 255, false, 160, 0, 0), 0);
    assert_int_equal(event(&d, 15, false, 160, 0, 0), 'D');
    assert_int_equal(mcu_dtmf_push(&d, (const uint8_t *)"\1\2\3", 3, true, 9, 9), 0);
}

static void opus_durations_follow_the_toc(void **state)
{
    /* RFC 6716 section 3.1, table 2. */
    static const int us[32] = { 10000, 20000, 40000, 60000, 10000, 20000, 40000, 60000,
                                10000, 20000, 40000, 60000, 10000, 20000, 10000, 20000,
                                2500,  5000,  10000, 20000, 2500,  5000,  10000, 20000,
                                2500,  5000,  10000, 20000, 2500,  5000,  10000, 20000 };
    for (int config = 0; config < 32; config++) {
        uint8_t p[2] = { (uint8_t)(config << 3), 0 };
        assert_int_equal(mcu_opus_packet_us(p, 1), us[config]);
        p[0] |= 1;
        assert_int_equal(mcu_opus_packet_us(p, 1), 2 * us[config]);
        p[0] |= 3;
        p[1] = 0xc0 | 3;
        assert_int_equal(mcu_opus_packet_us(p, 2), us[config] == 60000 ? -EBADMSG : 3 * us[config]);
    }
    assert_int_equal(mcu_opus_packet_us(NULL, 0), -EBADMSG);
    assert_int_equal(mcu_opus_packet_us((const uint8_t *)"\3", 1), -EBADMSG);
    assert_int_equal(mcu_opus_packet_us((const uint8_t *)"\3\0", 2), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rtp_reads_every_part_of_a_header),
        cmocka_unit_test(rtp_refuses_what_is_cut_short),
        cmocka_unit_test(rtp_written_is_read_back),
        cmocka_unit_test(rtp_is_told_from_rtcp_by_its_type),
        cmocka_unit_test(dtmf_says_a_key_once_per_press),
        cmocka_unit_test(dtmf_lost_beginning_is_made_up_for),
        cmocka_unit_test(dtmf_long_press_is_one_press),
        cmocka_unit_test(dtmf_other_events_are_no_keys),
        cmocka_unit_test(opus_durations_follow_the_toc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
