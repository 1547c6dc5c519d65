/* What packets carry beside their media: header extensions (RFC 8285), and repeats (RFC 4588). */
#include <limits.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "net/rtp_ext.h"
#include "net/rtp_in_priv.h"
#include "net/twcc.h"

#define OSN_BYTES 2 /* RFC 4588 section 4: the original sequence number */

/* ---- Header extensions ---- */

/* WebRTC's color-space: primaries, transfer and matrix by ITU-T H.273, then range (bits 5 and 4) and
 * where chroma samples lie; what may follow is of HDR. Matrices that we do not know are no word. */
static struct mcu_colour colour_of(const uint8_t *data, size_t size)
{
    enum { H273_BT709 = 1, H273_BT470BG = 5, H273_SMPTE170M = 6, RANGE_FULL = 2 };
    struct mcu_colour c = { 0 };
    if (size < 4)
        return c;
    c.known = data[2] == H273_BT709 || data[2] == H273_BT470BG || data[2] == H273_SMPTE170M;
    c.matrix = data[2] == H273_BT709 ? MCU_MATRIX_BT709 : MCU_MATRIX_BT601;
    c.full_range = (data[3] >> 4 & 3) == RANGE_FULL;
    return c;
}

static uint32_t value_of(const struct mcu_rtp_ext_element *e)
{
    uint32_t v = 0;
    for (size_t i = 0; i < e->size && i < 4; i++)
        v = v << 8 | e->data[i];
    return v;
}

static void read_element(struct mcu_rtp_in *in, const struct mcu_rtp_ext_element *e,
                         struct mcu_rtp_in_info *info, int64_t now_ns)
{
    if (e->size == 0)
        return;
    if (e->id == in->ext.audio_level) { /* RFC 6464 section 3: V, then -dBov */
        info->level_dbov = (int8_t)-(e->data[0] & 0x7f);
    } else if (e->id == in->ext.transport_cc) {
        if (in->twcc && e->size == 2)
            mcu_twcc_came(in->twcc, (uint16_t)value_of(e), now_ns);
    } else if (e->id == in->ext.abs_send_time) {
        in->abs_send.value = value_of(e) & 0xffffff;
        in->abs_send.arrival_ns = now_ns;
    } else if (e->id == in->ext.colour) {
        info->colour = colour_of(e->data, e->size);
    } else if (e->id == in->ext.rid) {
        info->rid = e->data;
        info->rid_bytes = e->size;
    } else if (e->id == in->ext.repaired_rid) {
        info->repaired_rid = e->data;
        info->repaired_rid_bytes = e->size;
    }
}

void mcu_rtp_in_read_ext(struct mcu_rtp_in *in, const struct mcu_rtp *rtp,
                         struct mcu_rtp_in_info *info, int64_t now_ns)
{
    struct mcu_rtp_ext_iter it = mcu_rtp_ext_iter(rtp);
    struct mcu_rtp_ext_element e;
    while (mcu_rtp_ext_next(&it, &e))
        read_element(in, &e, info, now_ns);
}

void mcu_rtp_in_meter(struct mcu_rtp_in_meter *m, size_t bytes, int64_t now_ns)
{
    int64_t span = now_ns - m->since_ns;
    if (span >= MCU_NS_PER_S) {
        int64_t bps = span < 2 * MCU_NS_PER_S ? (int64_t)m->bytes * 8 * MCU_NS_PER_S / span : 0;
        m->bps = bps > INT_MAX ? INT_MAX : (int)bps;
        m->bytes = 0;
        m->since_ns = now_ns;
    }
    m->bytes += (int)bytes;
}

/* ---- Repeats ---- */

/* The row of the payload type that is repeated under pt; -1: pt is not one of repeats. */
static int repeated_type(const struct mcu_rtp_in *in, uint8_t pt)
{
    for (int i = 0; i < in->rx_count; i++)
        if (in->rx[i].rtx_pt == pt && pt != 0)
            return i;
    return -1;
}

/* Which stream of repeats it is: known already, or named by the layer that it repairs; without
 * simulcast the payload type says all, and the newest one counts. */
static struct mcu_rtp_in_rtx *find_rtx(struct mcu_rtp_in *in, const struct mcu_rtp *rtp,
                                       const struct mcu_rtp_in_info *info)
{
    for (int i = 0; i < MCU_LINE_RIDS; i++)
        if (in->rtx[i].used && in->rtx[i].ssrc == rtp->ssrc)
            return &in->rtx[i];
    if (in->rid_count == 0)
        return &in->rtx[0];
    int i = mcu_rtp_in_named_layer(in, info->repaired_rid, info->repaired_rid_bytes);
    return i >= 0 ? &in->rtx[i] : NULL;
}

static void count_rtx(struct mcu_rtp_in_rtx *r, const struct mcu_rtp *rtp, int64_t now_ns)
{
    int16_t step = (int16_t)(rtp->seq - (uint16_t)r->seq);
    if (!r->used || r->ssrc != rtp->ssrc || step > 3000 || step < -3000) {
        *r = (struct mcu_rtp_in_rtx){ .used = true, .ssrc = rtp->ssrc, .seq = 0x10000 + rtp->seq };
        mcu_rtp_stats_init(&r->stats, r->seq);
        step = 0;
    }
    int64_t seq = r->seq + step;
    r->seq = seq > r->seq ? seq : r->seq;
    r->last_ns = now_ns;
    mcu_rtp_stats_packet(&r->stats, seq);
}

/* Probes for bandwidth are padding alone, or send again what came long ago: neither does anything. */
bool mcu_rtp_in_take_rtx(struct mcu_rtp_in *in, const struct mcu_rtp *rtp,
                         const struct mcu_rtp_in_info *info, int64_t now_ns)
{
    int row = repeated_type(in, rtp->pt);
    if (row < 0)
        return false;
    struct mcu_rtp_in_rtx *r = find_rtx(in, rtp, info);
    bool received = r && (in->rid_count == 0 || r - in->rtx == in->current);
    if (r)
        count_rtx(r, rtp, now_ns);
    if (rtp->payload_bytes == 0 || !received)
        return true;
    if (rtp->payload_bytes < OSN_BYTES) {
        in->totals.malformed++;
        mcu_count(MCU_CNT_RTP_BAD);
        return true;
    }
    struct mcu_rtp original = *rtp;
    struct mcu_rtp_in_info repeat = { .level_dbov = info->level_dbov, .colour = info->colour,
                                      .repeat = true };
    original.pt = in->rx[row].pt;
    original.ssrc = in->source.ssrc;
    original.seq = (uint16_t)(rtp->payload[0] << 8 | rtp->payload[1]);
    original.payload += OSN_BYTES;
    original.payload_bytes -= OSN_BYTES;
    mcu_rtp_in_repeat(in, &original, &repeat, now_ns);
    return true;
}
