/* Repeats of what the peer has missed (RFC 4585 6.2.1): as RTX packets (RFC 4588) where he understands
 * them, else bit for bit as they were sent. The latter matters under SRTP: the same number with other
 * bytes would use a key stream twice (RFC 3711 9.1, RFC 7714 10.2), so not even times are renewed. */
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "net/rtcp_fb.h"
#include "net/rtp.h"
#include "net/rtp_out.h"

#define APART_LEAST_NS (20 * MCU_NS_PER_MS)
#define APART_MOST_NS  (100 * MCU_NS_PER_MS) /* whatever round trip his reports pretend */
#define SENDER_NS      (6 * MCU_NS_PER_S)     /* of two reports, about (RFC 3550 6.4) */

/* What is gone, was just repeated or exceeds the budget is only counted: a storm costs a look each. */
void mcu_rtp_out_nack(struct mcu_rtp_out *o, const uint8_t *fci, size_t size, double rtt_ms,
                      int64_t now_ns)
{
    struct mcu_cursor c = mcu_cursor(fci, size);
    uint16_t pid, blp;
    /* Half a round trip: who asks again has waited for the first repeat. At a whole one, measured a
     * little too long, his second question would be passed over, and a picture come too late. */
    int64_t apart = (int64_t)(rtt_ms * (double)MCU_NS_PER_MS / 2);
    uint64_t asked = 0, taken = 0;
    apart = apart < APART_LEAST_NS ? APART_LEAST_NS : apart > APART_MOST_NS ? APART_MOST_NS : apart;
    while (o->repeat.history && o->send && mcu_rtcp_nack_next(&c, &pid, &blp)) {
        uint32_t lost = 1u | (uint32_t)blp << 1;
        for (uint16_t seq = pid; lost != 0; lost >>= 1, seq++) {
            if (!(lost & 1))
                continue;
            asked++;
            taken += mcu_rtp_history_ask(o->repeat.history, seq, apart, now_ns);
        }
    }
    o->repeat.asked += asked;
    mcu_count_add(MCU_CNT_NACKS_IN, asked);
    mcu_count_add(MCU_CNT_NACKS_IGNORED, asked - taken);
}

/* RFC 4588 4: another SSRC, sequence and type; the packet's own number before its payload. Returns the
 * bytes in buf, or 0. */
static size_t make_rtx(struct mcu_rtp_out *o, const uint8_t *packet, size_t size, uint8_t *buf,
                       size_t room)
{
    struct mcu_rtp rtp;
    if (mcu_rtp_parse(&rtp, packet, size) < 0)
        return 0;
    uint8_t osn[2] = { (uint8_t)(rtp.seq >> 8), (uint8_t)rtp.seq };
    rtp.pt = o->repeat.rtx_pt;
    rtp.ssrc = o->repeat.rtx_ssrc;
    rtp.seq = o->repeat.rtx_seq;
    size_t payload = rtp.payload_bytes + sizeof(osn);
    int head = mcu_rtp_write(&rtp, buf, room);
    if (head < 0 || payload > room - (size_t)head)
        return 0;
    head = mcu_rtp_out_ext_write(&o->ext, buf, (size_t)head, room - payload, payload, NULL, true,
                                 o->now_ns);
    if (head < 0)
        return 0;
    memcpy(buf + head, osn, sizeof(osn));
    memcpy(buf + head + sizeof(osn), rtp.payload, rtp.payload_bytes);
    o->repeat.rtx_seq++;
    o->repeat.rtx_sent++;
    o->repeat.rtx_octets += (uint32_t)payload;
    o->repeat.rtx_ns = o->now_ns;
    return (size_t)head + payload;
}

static void send_repeat(struct mcu_rtp_out *o)
{
    uint8_t buf[MCU_RTP_OUT_PACKET_MAX];
    size_t size;
    const uint8_t *packet = mcu_rtp_history_next(o->repeat.history, &size, o->now_ns);
    if (packet && o->repeat.rtx_pt) {
        size = make_rtx(o, packet, size, buf, sizeof(buf));
        packet = size > 0 ? buf : NULL;
    }
    if (!packet)
        return;
    o->repeat.sent++;
    o->packets++;
    o->bytes += size;
    mcu_pacer_sent(&o->pacer, size);
    mcu_count(MCU_CNT_RTP_REPEATED);
    o->events.send(packet, size, o->arg);
}

int64_t mcu_rtp_out_repeat(struct mcu_rtp_out *o)
{
    while (o->repeat.history && mcu_rtp_history_waiting(o->repeat.history)) {
        if (!mcu_pacer_may_send(&o->pacer, o->now_ns))
            return mcu_pacer_ready_ns(&o->pacer);
        send_repeat(o);
    }
    return INT64_MAX;
}

bool mcu_rtp_out_report_rtx(const struct mcu_rtp_out *o, struct mcu_rtcp_sender *sender, int64_t now_ns)
{
    if (o->repeat.rtx_sent == 0 || now_ns - o->repeat.rtx_ns > SENDER_NS ||
        !mcu_rtp_out_report(o, sender, now_ns))
        return false;
    sender->packets = (uint32_t)o->repeat.rtx_sent;
    sender->octets = o->repeat.rtx_octets;
    return true;
}
