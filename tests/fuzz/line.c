/* tests/fuzz/line.c - a whole line fed with packets: the first byte chooses its kind, then come
 * commands of one byte with their arguments. Raw datagrams test the edge; made-up RTP packets, whose
 * headers are mostly right, reach what lies behind it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/cursor.h"
#include "net/line.h"
#include "net/peer_clock.h"
#include "net/rtp.h"
#include "net/rtp_ext.h"
#include "net/twcc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
    struct mcu_line *line;
    struct mcu_line_config config;
    struct mcu_twcc *twcc;
    int64_t now_ns, last_seq;
    uint16_t seq, sent_seq; /* theirs, ours */
    uint32_t ts;
};

static void check(int ok)
{
    if (!ok)
        abort();
}

static void on_send(bool rtcp, const uint8_t *data, size_t size, void *arg)
{
    struct fuzz *f = arg;
    check(size > 0 && size <= 2048 && mcu_rtp_is_rtcp(data, size) == rtcp);
    if (!rtcp && data[11] == 1) /* our SSRC, not that of repeats */
        f->sent_seq = (uint16_t)(data[2] << 8 | data[3]);
}

static void on_unit(struct mcu_unit *unit, void *arg)
{
    struct fuzz *f = arg;
    check(unit->size > 0 && unit->sent_ns <= unit->time_ns && unit->time_ns <= f->now_ns);
    check(unit->seq > f->last_seq || f->config.kind == MCU_VIDEO);
    check(unit->seq >= f->last_seq);
    f->last_seq = unit->seq;
    mcu_unit_unref(&unit);
}

static void on_dtmf(char key, void *arg)
{
    check(memchr("0123456789*#ABCD", key, 16) != NULL);
}

static void on_event(void *arg)
{
    check(arg != NULL);
}

static const struct mcu_line_events events = { on_send,  on_unit,  on_dtmf,
                                               on_event, on_event, on_event, NULL, NULL };

/* What is negotiated for sending besides, by the same byte. */
static void configure_sending(struct mcu_line_config *c, uint8_t how)
{
    uint8_t first = how & 4 ? 12 : 1; /* 12 to 18 need the two-byte form */
    c->fb_nack = how & 8;
    c->tx_rtx_pt = how & 16 ? 99 : 0;
    c->rtx_ssrc = 2;
    c->fb_remb = how & 32;
    c->fb_tmmbr = how & 64;
    if (how & 2)
        c->ext = (struct mcu_line_ext){ first, first + 1, first + 2, 0, first + 4, 0, 0, first + 5,
                                        first + 6 };
    memcpy(c->mid, "mid", 4);
}

static void configure(struct mcu_line_config *c, uint8_t how)
{
    static const enum mcu_codec codecs[] = { MCU_CODEC_OPUS, MCU_CODEC_PCMU, MCU_CODEC_H264,
                                             MCU_CODEC_VP8 };
    enum mcu_codec codec = codecs[how & 3];
    *c = (struct mcu_line_config){ .kind = mcu_codec_info(codec)->kind, .ssrc = 1, .cname = "x",
                                   .rx_count = 2, .dtmf_pt = 98, .dtmf_clock_hz = 8000,
                                   .tx_codec = codec, .tx_pt = 96, .tx_ptime_ms = 10 + how % 50,
                                   .tx_h264_mode1 = how & 4, .send = true, .receive = !(how & 128),
                                   .fb_pli = how & 8, .fb_fir = how & 16,
                                   .pace_bps = how & 32 ? 100000 : 0 };
    configure_sending(c, how);
    c->rx[0] = (struct mcu_line_rx){ .codec = codec, .pt = 96 };
    c->rx[1] = (struct mcu_line_rx){ .codec = how & 64 ? codecs[(how & 3) ^ 1] : codec, .pt = 97 };
}

/* NACK, repeats, header extensions, layers. */
static void configure_receiving(struct fuzz *f, struct mcu_line_config *c, uint8_t how)
{
    c->fb_nack = how & 1;
    c->rx[0].rtx_pt = how & 2 ? 99 : 0;
    c->twcc = how & 4 ? f->twcc : NULL;
    if (how & 8)
        c->ext = (struct mcu_line_ext){ .audio_level = 1, .abs_send_time = 2, .transport_cc = 3,
                                        .rid = 4, .repaired_rid = 5 };
    c->rid_count = how >> 4 & 3;
    for (int i = 0; i < c->rid_count; i++)
        c->rid[i][0] = (char)('a' + i);
}

/* One element: its number and length, and what it holds. */
static int put_ext(struct mcu_cursor *c, uint8_t *packet, int head, size_t room)
{
    struct mcu_rtp_ext_writer x = mcu_rtp_ext_writer(packet, (size_t)head, room, false);
    uint8_t what = mcu_cursor_u8(c);
    size_t n = 1 + (what & 3);
    const uint8_t *data = mcu_cursor_take(c, n);
    uint8_t *to = mcu_rtp_ext_put(&x, 1 + (what >> 4) % 6, n);
    if (data && to)
        memcpy(to, data, n);
    int rc = mcu_rtp_ext_end(&x);
    return rc > 0 ? rc : head;
}

/* Type and marker, step of sequence number, step of timestamp, SSRC, payload. */
static void made_up(struct fuzz *f, struct mcu_cursor *c, bool ext)
{
    uint8_t what = mcu_cursor_u8(c), buf[1500];
    f->seq = (uint16_t)(f->seq + (int8_t)mcu_cursor_u8(c));
    if (what & 0x20)
        f->seq = mcu_cursor_u16(c);
    f->ts += (uint32_t)(int16_t)mcu_cursor_u16(c);
    struct mcu_rtp r = { .marker = what & 0x80, .pt = 96 + (what & 3), .seq = f->seq, .ts = f->ts,
                         .ssrc = 5 + (what >> 2 & 3) };
    int head = mcu_rtp_write(&r, buf, sizeof(buf));
    if (ext)
        head = put_ext(c, buf, head, sizeof(buf));
    size_t n = mcu_cursor_u8(c);
    const uint8_t *payload = mcu_cursor_take(c, n);
    if (payload && n > 0)
        memcpy(buf + head, payload, n);
    if (payload)
        mcu_line_rtp(f->line, buf, (size_t)head + n, f->now_ns);
}

static void raw(struct fuzz *f, struct mcu_cursor *c, bool rtcp)
{
    size_t n = mcu_cursor_u8(c);
    const uint8_t *p = mcu_cursor_take(c, n);
    if (p && rtcp)
        mcu_line_rtcp(f->line, p, n, f->now_ns);
    else if (p)
        mcu_line_rtp(f->line, p, n, f->now_ns);
}

static void send_unit(struct fuzz *f, struct mcu_cursor *c)
{
    struct mcu_unit *u = mcu_unit_new(16384);
    size_t n = mcu_cursor_u8(c), repeat = 1 + (n & 63);
    const uint8_t *p = mcu_cursor_take(c, n);
    for (size_t i = 0; p && i < repeat && n > 0; i++, u->size += n)
        memcpy(u->data + u->size, p, n);
    u->codec = f->config.tx_codec;
    u->keyframe = n & 1;
    u->time_ns = f->now_ns;
    u->csrc_count = n & 15;
    mcu_line_send(f->line, u, f->now_ns);
    mcu_unit_unref(&u);
}

/* A NACK about what we have sent: how far back, which of the sixteen behind it. */
static void nack(struct fuzz *f, struct mcu_cursor *c)
{
    uint8_t buf[16];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    uint16_t pid = (uint16_t)(f->sent_seq - mcu_cursor_u8(c));
    mcu_wcursor_u32(&w, 0x81cd0003);
    mcu_wcursor_u32(&w, 5);
    mcu_wcursor_u32(&w, 1);
    mcu_wcursor_u32(&w, (uint32_t)pid << 16 | mcu_cursor_u16(c));
    mcu_line_rtcp(f->line, buf, sizeof(buf), f->now_ns);
}

static void command(struct fuzz *f, struct mcu_cursor *c)
{
    struct mcu_line_config other;
    struct mcu_line_stats stats;
    uint8_t feedback[1200];
    switch (mcu_cursor_u8(c) & 15) {
    case 0:
    case 1:
        raw(f, c, false);
        break;
    case 2:
    case 3:
        raw(f, c, true);
        break;
    case 4:
        send_unit(f, c);
        break;
    case 5:
        mcu_line_ask_keyframe(f->line, f->now_ns);
        mcu_line_limit(f->line, mcu_cursor_u8(c) * 10000, f->now_ns);
        break;
    case 10:
        nack(f, c);
        break;
    case 6:
        configure(&other, mcu_cursor_u8(c));
        if (mcu_line_reconfigure(f->line, &other) == 0)
            f->config = other;
        break;
    case 7:
        mcu_line_bye(f->line, f->now_ns);
        mcu_line_get_stats(f->line, &stats);
        check(stats.delay_ms >= 0 && stats.delay_ms <= 400 && stats.jitter_ms >= 0);
        check(stats.layer >= 0 && stats.layer <= MCU_LINE_RIDS && stats.recovered <= stats.nacks_out);
        mcu_line_want_rows(f->line, (int)(stats.packets_in % 1000), f->now_ns);
        break;
    case 8:
    case 9:
        f->now_ns += (int64_t)mcu_cursor_u16(c) * MCU_NS_PER_MS;
        check(mcu_line_poll(f->line, f->now_ns) > f->now_ns);
        break;
    case 14:
        other = f->config;
        if (!f->twcc)
            check(mcu_twcc_new(&f->twcc) == 0);
        configure_receiving(f, &other, mcu_cursor_u8(c));
        if (mcu_line_reconfigure(f->line, &other) == 0)
            f->config = other;
        mcu_twcc_write(f->twcc, 1, 5, feedback, sizeof(feedback), f->now_ns);
        break;
    case 12:
    case 13:
        made_up(f, c, true);
        f->now_ns += 5 * MCU_NS_PER_MS;
        break;
    default:
        made_up(f, c, false);
        f->now_ns += 5 * MCU_NS_PER_MS;
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mcu_cursor c = mcu_cursor(data, size);
    struct fuzz f = { .now_ns = MCU_NS_PER_S, .last_seq = -1 };
    struct mcu_peer_clock clock;
    mcu_peer_clock_init(&clock);
    configure(&f.config, mcu_cursor_u8(&c));
    check(mcu_line_new(&f.line, &f.config, &clock, &events, &f) == 0);
    while (!c.bad && mcu_cursor_left(&c) > 0)
        command(&f, &c);
    mcu_line_free(&f.line);
    mcu_twcc_free(&f.twcc);
    check(mcu_unit_alive() == 0);
    return 0;
}
