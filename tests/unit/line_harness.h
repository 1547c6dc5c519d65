/* tests/unit/line_harness.h - a media line on a test's clock: everything that comes out of it is
 * written down. */
#ifndef MCU_TESTS_UNIT_LINE_HARNESS_H
#define MCU_TESTS_UNIT_LINE_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mixer/base/clock.h"
#include "net/line.h"
#include "net/peer_clock.h"
#include "net/rtcp.h"
#include "net/rtp.h"

#define MS          MCU_NS_PER_MS
#define PEER_SSRC   0x11111111u
#define OUR_SSRC    0x22222222u
#define NOTES_MAX   20000
#define PACKETS_MAX 4096

struct unit_note {
    int64_t seq, time_ns, sent_ns, at_ns;
    uint32_t rtp_ts, tag; /* tag: first four bytes */
    size_t size;
    int delay_ms;
    bool gap, key, marker;
    enum mcu_codec codec;
};

struct packet_note {
    bool rtcp;
    size_t size;
    int64_t at_ns;
    uint8_t data[1600];
};

struct harness {
    struct mcu_line *line;
    struct mcu_line_config config;
    struct mcu_peer_clock clock;
    int64_t now_ns;
    struct unit_note *unit;
    int units;
    struct packet_note *packet;
    int packets;
    char keys[64];
    int key_count, keyframes_wanted, byes;
};

static inline void note_send(bool rtcp, const uint8_t *data, size_t size, void *arg)
{
    struct harness *h = arg;
    assert_in_range(size, 1, 1600);
    struct packet_note *p = &h->packet[h->packets++ % PACKETS_MAX];
    p->rtcp = rtcp;
    p->size = size;
    p->at_ns = h->now_ns;
    memcpy(p->data, data, size);
}

static inline void note_unit(struct mcu_unit *u, void *arg)
{
    struct harness *h = arg;
    struct unit_note *n = &h->unit[h->units++ % NOTES_MAX];
    *n = (struct unit_note){ u->seq, u->time_ns, u->sent_ns, h->now_ns, u->rtp_ts, 0, u->size,
                             u->delay_ms, u->gap_before, u->keyframe, u->marker, u->codec };
    if (u->size >= 4)
        memcpy(&n->tag, u->data, 4);
    mcu_unit_unref(&u);
}

static inline void note_key(char key, void *arg)
{
    struct harness *h = arg;
    h->keys[h->key_count++ % 63] = key;
}

static inline void note_keyframe(void *arg)
{
    ((struct harness *)arg)->keyframes_wanted++;
}

static inline void note_bye(void *arg)
{
    ((struct harness *)arg)->byes++;
}

static const struct mcu_line_events harness_events = {
    .send = note_send, .unit = note_unit, .dtmf = note_key, .keyframe_wanted = note_keyframe,
    .bye = note_bye
};

static inline struct mcu_line_config harness_config(enum mcu_codec codec)
{
    struct mcu_line_config c = { .kind = mcu_codec_info(codec)->kind, .ssrc = OUR_SSRC,
                                 .cname = "us@test", .rx_count = 1, .dtmf_pt = 101,
                                 .dtmf_clock_hz = 8000, .tx_codec = codec, .tx_pt = 96,
                                 .tx_ptime_ms = 20, .tx_h264_mode1 = true, .send = true,
                                 .receive = true };
    c.rx[0].codec = codec;
    c.rx[0].pt = 96;
    return c;
}

static inline void harness_open(struct harness *h, const struct mcu_line_config *config)
{
    memset(h, 0, sizeof(*h));
    h->now_ns = 1000 * MS;
    h->config = *config;
    h->unit = calloc(NOTES_MAX, sizeof(h->unit[0]));
    h->packet = calloc(PACKETS_MAX, sizeof(h->packet[0]));
    mcu_peer_clock_init(&h->clock);
    assert_int_equal(mcu_line_new(&h->line, config, &h->clock, &harness_events, h), 0);
}

static inline void harness_close(struct harness *h)
{
    mcu_line_free(&h->line);
    free(h->unit);
    free(h->packet);
    assert_int_equal(mcu_unit_alive(), 0);
}

/* Runs the line up to a time, at the moments it asks for. */
static inline void harness_until(struct harness *h, int64_t until_ns)
{
    while (true) {
        int64_t next = mcu_line_poll(h->line, h->now_ns);
        assert_true(next > h->now_ns);
        if (next > until_ns)
            break;
        h->now_ns = next;
    }
    h->now_ns = until_ns;
}

/* An audio packet or one piece of video from the peer, now. */
static inline void harness_rtp(struct harness *h, uint32_t ssrc, uint8_t pt, uint16_t seq, uint32_t ts,
                               bool marker, const void *payload, size_t size)
{
    uint8_t buf[1600];
    struct mcu_rtp r = { .marker = marker, .pt = pt, .seq = seq, .ts = ts, .ssrc = ssrc };
    int n = mcu_rtp_write(&r, buf, sizeof(buf));
    if (size > 0)
        memcpy(buf + n, payload, size);
    mcu_line_rtp(h->line, buf, (size_t)n + size, h->now_ns);
}

/* 20 ms of G.711 whose first bytes are the number. */
static inline void harness_audio(struct harness *h, uint32_t number, uint16_t seq, uint32_t ts)
{
    uint8_t payload[160] = { 0 };
    memcpy(payload, &number, 4);
    harness_rtp(h, PEER_SSRC, 96, seq, ts, false, payload, sizeof(payload));
}

static inline void harness_rtcp(struct harness *h, struct mcu_wcursor *w)
{
    assert_false(w->bad);
    mcu_line_rtcp(h->line, w->start, mcu_wcursor_size(w), h->now_ns);
}

/* How many packets of a type (and format, for feedback) lie in what was sent since `from`. */
static inline int harness_count_rtcp(struct harness *h, int from, int type, int count)
{
    static struct mcu_rtcp r;
    int n = 0;
    for (int i = from; i < h->packets; i++) {
        struct packet_note *p = &h->packet[i % PACKETS_MAX];
        struct mcu_cursor c = mcu_cursor(p->data, p->size);
        if (!p->rtcp)
            continue;
        assert_int_equal(mcu_rtcp_check(p->data, p->size), 0);
        while (mcu_rtcp_next(&c, &r) == 1)
            n += r.type == type && (count < 0 || r.count == count);
    }
    return n;
}

#endif
