#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "mixer/base/util.h"
#include "net/rtcp_fb.h"
#include "tests/mock/peer.h"

#define RTCP_EVERY_NS MCU_NS_PER_S
#define KEY_TICKS     5 /* packets of a press; then three ends, then a pause of the same length */

bool peer_chance(double percent)
{
    return percent > 0 && rand() / (RAND_MAX + 1.0) * 100 < percent;
}

void peer_tx_init(struct peer_call *c)
{
    for (int kind = 0; kind < 2; kind++) {
        struct peer_tx *tx = &c->tx[kind];
        tx->ssrc = (uint32_t)rand() << 1 ^ (uint32_t)c->index;
        tx->ts_offset = (uint32_t)rand() << 1;
        tx->seq = (uint16_t)rand();
        tx->pt = -1;
    }
}

static void transmit(struct peer_call *c, int kind, bool rtcp, const uint8_t *data, size_t size)
{
    const struct mcu_addr *to = rtcp ? &c->rtcp_to[kind] : &c->rtp_to[kind];
    int fd = c->fd[(kind ? PEER_FD_VRTP : PEER_FD_ARTP) + rtcp];
    if (peer_chance(c->o->loss_pct))
        c->tx[kind].dropped++;
    else
        sendto(fd, data, size, MSG_DONTWAIT, &to->u.sa, mcu_addr_len(to));
}

static bool garbage_now(const struct peer_call *c, int which, int64_t now_ns)
{
    double from = c->o->garbage_s[which];
    return from >= 0 && now_ns - c->sip.ok_ns >= (int64_t)(from * 1e9);
}

/* Half of it has the header of a good packet, so that it gets as far as a decoder. */
static void spoil(uint8_t *packet, size_t header, size_t size)
{
    for (size_t i = rand() & 1 ? header : 0; i < size; i++)
        packet[i] = (uint8_t)rand();
}

/* RTP time of a moment on this line's clock. */
static uint32_t rtp_time(const struct peer_call *c, int kind, int64_t media_ns)
{
    return c->tx[kind].ts_offset +
           (uint32_t)mcu_clock_to_ticks(media_ns - c->t0_ns, c->tx[kind].clock_hz);
}

static void send_rtp(struct peer_call *c, int kind, int pt, bool marker, uint32_t ts,
                     const uint8_t *payload, size_t size, int64_t now_ns)
{
    struct peer_tx *tx = &c->tx[kind];
    uint8_t packet[4200];
    struct mcu_rtp rtp = { .marker = marker, .pt = (uint8_t)pt, .seq = tx->seq++, .ts = ts,
                           .ssrc = tx->ssrc };
    int header = mcu_rtp_write(&rtp, packet, sizeof(packet));
    if (header < 0 || (size_t)header + size > sizeof(packet))
        return;
    memcpy(packet + header, payload, size);
    if (garbage_now(c, kind, now_ns)) {
        spoil(packet, (size_t)header, (size_t)header + size);
        tx->garbage++;
    }
    tx->begun_ns = tx->packets ? tx->begun_ns : now_ns;
    tx->packets++;
    tx->octets += size;
    transmit(c, kind, false, packet, (size_t)header + size);
}

/* ---- keys: RFC 4733 ---- */

static int key_event(char key)
{
    static const char keys[] = "0123456789*#ABCD";
    const char *at = key ? strchr(keys, key) : NULL;
    return at ? (int)(at - keys) : -1;
}

/* One packet each audio packet's time: the press, three times its end, a pause. True while a key is
 * down: sound waits (RFC 4733 2.5.1.2 lets it). */
static bool send_key(struct peer_call *c, uint32_t ts, int64_t now_ns)
{
    const char *keys = c->o->dtmf;
    if (!keys || now_ns - c->sip.ok_ns < (int64_t)(c->o->dtmf_at_s * 1e9) || !keys[c->key_at])
        return false;
    int event = key_event(keys[c->key_at]), tick = c->key_tick++;
    if (event >= 0 && tick < KEY_TICKS + 3) {
        if (tick == 0)
            c->key_ts = ts;
        bool over = tick >= KEY_TICKS;
        int held = mcu_min(tick + 1, KEY_TICKS) * c->tx[PEER_AUDIO].clock_hz / 50;
        uint8_t payload[4] = { (uint8_t)event, (uint8_t)(10 | (over ? 0x80 : 0)),
                               (uint8_t)(held >> 8), (uint8_t)held };
        send_rtp(c, PEER_AUDIO, PEER_DTMF_PT, tick == 0, c->key_ts, payload, 4, now_ns);
        return true;
    }
    if (event < 0 || tick >= 2 * KEY_TICKS + 3) {
        c->key_at++;
        c->key_tick = 0;
    }
    return false;
}

/* ---- what the loop calls ---- */

void peer_tx_payload(struct peer_call *c, const struct peer_payload *p, int64_t now_ns)
{
    struct peer_tx *tx = &c->tx[p->kind];
    const struct peer_options *o = c->o;
    if (c->state != PEER_UP || !c->accepted[p->kind] || !c->may_send[p->kind] || tx->pt < 0 ||
        o->recvonly[p->kind])
        return;
    if (c->sip.direction == MCU_RECVONLY || c->sip.direction == MCU_INACTIVE)
        return;
    if (o->stop_after_s > 0 && now_ns - c->sip.ok_ns > (int64_t)(o->stop_after_s * 1e9))
        return;
    uint32_t ts = rtp_time(c, p->kind, p->media_ns);
    if (p->kind == PEER_AUDIO && send_key(c, ts, now_ns))
        return;
    bool marker = p->kind == PEER_VIDEO ? p->marker : !tx->spoke;
    tx->spoke = true;
    tx->last_media_ns = p->media_ns;
    send_rtp(c, p->kind, tx->pt, marker, ts, p->data, p->size, now_ns);
}

static int make_block(struct peer_rx *rx, int64_t now_ns, struct mcu_rtcp_block *b)
{
    if (!rx->started)
        return 0;
    *b = (struct mcu_rtcp_block){ .ssrc = rx->ssrc, .lost = (int32_t)rx->lost,
                                  .highest_seq = rx->seq, .jitter = (uint32_t)rx->jitter_ticks,
                                  .lsr = rx->last_sr_mid };
    uint64_t came = rx->packets - rx->reported_packets, lost = rx->lost - rx->reported_lost;
    if (came + lost > 0) /* RFC 3550 6.4.1 */
        b->fraction_lost = (uint8_t)(lost * 255 / (came + lost));
    rx->reported_packets = rx->packets;
    rx->reported_lost = rx->lost;
    if (rx->last_sr_ns)
        b->dlsr = (uint32_t)((now_ns - rx->last_sr_ns) * 65536 / MCU_NS_PER_S);
    return 1;
}

static void write_report(struct peer_call *c, int kind, struct mcu_wcursor *w, int64_t now_ns)
{
    struct peer_tx *tx = &c->tx[kind];
    struct mcu_rtcp_block block;
    char cname[96];
    int n = make_block(&c->rx[kind], now_ns, &block);
    int64_t media = peer_media_ns(c->o, c->t0_ns, now_ns);
    int64_t skew = kind ? c->o->sr_skew_ms * MCU_NS_PER_MS : 0;
    struct mcu_rtcp_sender sender = { .ntp = mcu_clock_to_ntp(now_ns + skew),
                                      .rtp_ts = rtp_time(c, kind, media),
                                      .packets = (uint32_t)tx->packets,
                                      .octets = (uint32_t)tx->octets };
    if (tx->packets)
        mcu_rtcp_write_sr(w, tx->ssrc, &sender, &block, n);
    else
        mcu_rtcp_write_rr(w, tx->ssrc, &block, n);
    snprintf(cname, sizeof(cname), "%.40s-%d@%.20s", c->o->name, c->index, c->sip.call_id);
    mcu_rtcp_write_cname(w, tx->ssrc, cname);
}

static void report(struct peer_call *c, int kind, int64_t now_ns)
{
    uint8_t buf[512];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    write_report(c, kind, &w, now_ns);
    size_t size = mcu_wcursor_size(&w);
    if (garbage_now(c, 2, now_ns))
        spoil(buf, 2, size);
    transmit(c, kind, true, buf, size);
}

void peer_tx_limited(struct peer_call *c, int64_t bps, int64_t now_ns)
{
    struct peer_tx *tx = &c->tx[PEER_VIDEO];
    if (tx->limit_bps == bps)
        return;
    tx->limited_ns = now_ns;
    tx->octets_before = tx->octets;
    tx->limit_bps = bps;
}

/* RFC 5104 4.2.1.2; only of our picture, and only if we said that we would. */
void peer_tx_obey(struct peer_call *c, const struct mcu_rtcp *p, int64_t now_ns)
{
    struct peer_tx *tx = &c->tx[PEER_VIDEO];
    uint8_t buf[128];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    if (!c->o->tmmbr || p->tmmbr_count < 1 || p->tmmbr[0].ssrc != tx->ssrc)
        return;
    peer_tx_limited(c, (int64_t)p->tmmbr[0].bps, now_ns);
    peer_source_limit(c->source, tx->limit_bps < 1000000000 ? (int)tx->limit_bps : 1000000000);
    mcu_rtcp_write_rr(&w, tx->ssrc, NULL, 0);
    mcu_rtcp_write_tmmbn(&w, tx->ssrc, p->ssrc, tx->limit_bps, p->tmmbr[0].overhead_bytes);
    transmit(c, PEER_VIDEO, true, buf, mcu_wcursor_size(&w));
}

static void ask_limit(struct peer_call *c, int64_t now_ns)
{
    const struct peer_rx *rx = &c->rx[PEER_VIDEO];
    uint8_t buf[128];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    if (!c->o->limit_bps || c->tx[PEER_VIDEO].limit_sent || !rx->started ||
        now_ns - c->sip.ok_ns < (int64_t)(c->o->limit_at_s * 1e9))
        return;
    c->tx[PEER_VIDEO].limit_sent = true;
    mcu_rtcp_write_rr(&w, c->tx[PEER_VIDEO].ssrc, NULL, 0);
    mcu_rtcp_write_tmmbr(&w, c->tx[PEER_VIDEO].ssrc, rx->ssrc, c->o->limit_bps, 40);
    transmit(c, PEER_VIDEO, true, buf, mcu_wcursor_size(&w));
}

int64_t peer_tx_poll(struct peer_call *c, int64_t now_ns)
{
    int64_t next = c->state == PEER_UP ? peer_nack_poll(c, now_ns) : INT64_MAX;
    if (c->state == PEER_UP && c->accepted[PEER_VIDEO])
        ask_limit(c, now_ns);
    bool storm = garbage_now(c, 2, now_ns); /* garbage comes ten times as often */
    for (int kind = 0; kind < 2 && c->state == PEER_UP; kind++) {
        struct peer_tx *tx = &c->tx[kind];
        if (!c->accepted[kind] ||
            (c->o->stop_after_s > 0 && now_ns - c->sip.ok_ns > (int64_t)(c->o->stop_after_s * 1e9)))
            continue;
        if (!tx->next_rtcp_ns)
            tx->next_rtcp_ns = now_ns + MCU_NS_PER_S / 4;
        if (now_ns >= tx->next_rtcp_ns) {
            report(c, kind, now_ns);
            tx->next_rtcp_ns = now_ns + RTCP_EVERY_NS / (storm ? 10 : 1);
        }
        next = tx->next_rtcp_ns < next ? tx->next_rtcp_ns : next;
    }
    return next;
}

void peer_tx_bye(struct peer_call *c, int64_t now_ns)
{
    for (int kind = 0; kind < 2; kind++) {
        uint8_t buf[512];
        struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
        if (!c->accepted[kind])
            continue;
        write_report(c, kind, &w, now_ns);
        mcu_rtcp_write_bye(&w, c->tx[kind].ssrc);
        transmit(c, kind, true, buf, mcu_wcursor_size(&w));
    }
}

void peer_tx_pli(struct peer_call *c)
{
    uint8_t buf[128];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    mcu_rtcp_write_rr(&w, c->tx[PEER_VIDEO].ssrc, NULL, 0);
    mcu_rtcp_write_pli(&w, c->tx[PEER_VIDEO].ssrc, c->rx[PEER_VIDEO].ssrc);
    c->eye.pli_sent++;
    transmit(c, PEER_VIDEO, true, buf, mcu_wcursor_size(&w));
}

void peer_tx_nack(struct peer_call *c, const uint16_t *seq, int n)
{
    uint8_t buf[512];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    mcu_rtcp_write_rr(&w, c->tx[PEER_VIDEO].ssrc, NULL, 0);
    mcu_rtcp_write_nack(&w, c->tx[PEER_VIDEO].ssrc, c->rx[PEER_VIDEO].ssrc, seq, n);
    c->rx[PEER_VIDEO].nacks += (uint64_t)n;
    transmit(c, PEER_VIDEO, true, buf, mcu_wcursor_size(&w));
}
