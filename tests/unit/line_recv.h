/* tests/unit/line_recv.h - what the tests of a receiving line's repairs and layers share: VP8 pictures of
 * four packets, repeats (RFC 4588), packets with one header extension. */
#ifndef MCU_TESTS_UNIT_LINE_RECV_H
#define MCU_TESTS_UNIT_LINE_RECV_H

#include "line_harness.h"

#include "net/rtp_ext.h"

#define RTX_PT   97
#define RTX_SSRC 0x77777777u
#define PARTS    4 /* packets of a picture */
#define STEP_MS  33

static inline struct mcu_line_config video_config(void)
{
    struct mcu_line_config c = harness_config(MCU_CODEC_VP8);
    c.fb_pli = c.fb_nack = true;
    c.rx[0].rtx_pt = RTX_PT;
    return c;
}

/* One packet of VP8: the first of a picture has its header, with the height. */
static inline size_t payload(uint8_t *p, size_t size, bool first, bool key, int rows)
{
    memset(p, 0x33, size);
    p[0] = first ? 0x10 : 0;
    if (!first)
        return size;
    p[1] = key ? 0x10 : 0x11;
    p[2] = p[3] = 0;
    memcpy(p + 4, "\x9d\x01\x2a\x40\x01", 5);
    p[9] = (uint8_t)rows;
    p[10] = (uint8_t)(rows >> 8);
    return size;
}

/* The keyframe that was asked for, after the first one. */
static uint16_t key_from;

/* Packet `seq` of a stream of pictures in four packets, the first of them a keyframe. */
static inline void part(struct harness *h, uint16_t seq)
{
    uint8_t p[200];
    size_t n = payload(p, sizeof(p), seq % PARTS == 0, seq < PARTS || seq == key_from, 240);
    harness_rtp(h, PEER_SSRC, 96, seq, seq / PARTS * 3000u, seq % PARTS == PARTS - 1, p, n);
}

static inline void part_as_rtx(struct harness *h, uint16_t seq, uint16_t rtx_seq)
{
    uint8_t p[202] = { (uint8_t)(seq >> 8), (uint8_t)seq };
    payload(p + 2, 200, seq % PARTS == 0, seq < PARTS || seq == key_from, 240);
    harness_rtp(h, RTX_SSRC, RTX_PT, rtx_seq, seq / PARTS * 3000u, seq % PARTS == PARTS - 1, p,
                sizeof(p));
}

/* Whole pictures from `from` to `to`, each at its time; packet `lost` does not come. */
static inline void pictures(struct harness *h, int from, int to, int lost)
{
    for (int i = from * PARTS; i < to * PARTS; i++) {
        if (i % PARTS == 0)
            harness_until(h, (1000 + i / PARTS * STEP_MS) * MS);
        if (i != lost)
            part(h, (uint16_t)i);
    }
}

static inline struct mcu_line_stats stats_of(struct harness *h)
{
    struct mcu_line_stats st;
    mcu_line_get_stats(h->line, &st);
    return st;
}

static inline struct mcu_line_ext ext_ids(void)
{
    return (struct mcu_line_ext){ .audio_level = 1, .abs_send_time = 2, .transport_cc = 3, .rid = 10,
                                  .repaired_rid = 11 };
}

/* A packet with one element. */
static inline void rtp_with(struct harness *h, const struct mcu_rtp *r, uint8_t id, const void *data,
                     size_t bytes, const void *load, size_t size)
{
    uint8_t buf[1600];
    int n = mcu_rtp_write(r, buf, sizeof(buf));
    struct mcu_rtp_ext_writer x = mcu_rtp_ext_writer(buf, (size_t)n, sizeof(buf), false);
    memcpy(mcu_rtp_ext_put(&x, id, bytes), data, bytes);
    n = mcu_rtp_ext_end(&x);
    memcpy(buf + n, load, size);
    mcu_line_rtp(h->line, buf, (size_t)n + size, h->now_ns);
}

#endif
