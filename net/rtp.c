#include "net/rtp.h"

#include <errno.h>

#include "mixer/base/cursor.h"
#include "net/line.h"

bool mcu_rtp_is_rtcp(const uint8_t *data, size_t size)
{
    return size >= 2 && data[1] >= 192 && data[1] <= 223;
}

static void parse_ext(struct mcu_rtp *rtp, struct mcu_cursor *c)
{
    rtp->has_ext = true;
    rtp->ext_profile = mcu_cursor_u16(c);
    rtp->ext_bytes = (size_t)mcu_cursor_u16(c) * 4;
    rtp->ext = mcu_cursor_take(c, rtp->ext_bytes);
}

/* The last byte counts the padding, itself included (RFC 3550 section 5.1). */
static bool cut_padding(struct mcu_rtp *rtp)
{
    if (rtp->payload_bytes == 0)
        return false;
    uint8_t n = rtp->payload[rtp->payload_bytes - 1];
    if (n == 0 || n > rtp->payload_bytes)
        return false;
    rtp->payload_bytes -= n;
    return true;
}

int mcu_rtp_parse(struct mcu_rtp *out, const uint8_t *data, size_t size)
{
    struct mcu_cursor c = mcu_cursor(data, size);
    struct mcu_rtp rtp = { 0 };
    uint8_t first = mcu_cursor_u8(&c), second = mcu_cursor_u8(&c);
    rtp.marker = second & 0x80;
    rtp.pt = second & 0x7f;
    rtp.seq = mcu_cursor_u16(&c);
    rtp.ts = mcu_cursor_u32(&c);
    rtp.ssrc = mcu_cursor_u32(&c);
    rtp.csrc_count = first & 0x0f;
    for (int i = 0; i < rtp.csrc_count; i++)
        rtp.csrc[i] = mcu_cursor_u32(&c);
    if (first & 0x10)
        parse_ext(&rtp, &c);
    rtp.payload_bytes = mcu_cursor_left(&c);
    rtp.payload = mcu_cursor_take(&c, rtp.payload_bytes);
    if (c.bad || first >> 6 != 2)
        return -EBADMSG;
    if ((first & 0x20) && !cut_padding(&rtp))
        return -EBADMSG;
    *out = rtp;
    return 0;
}

int mcu_rtp_write(const struct mcu_rtp *rtp, uint8_t *buf, size_t size)
{
    if (rtp->pt > 127 || rtp->csrc_count < 0 || rtp->csrc_count > MCU_RTP_CSRC_MAX)
        return -EINVAL;
    struct mcu_wcursor w = mcu_wcursor(buf, size);
    mcu_wcursor_u8(&w, (uint8_t)(0x80 | rtp->csrc_count));
    mcu_wcursor_u8(&w, (uint8_t)((rtp->marker ? 0x80 : 0) | rtp->pt));
    mcu_wcursor_u16(&w, rtp->seq);
    mcu_wcursor_u32(&w, rtp->ts);
    mcu_wcursor_u32(&w, rtp->ssrc);
    for (int i = 0; i < rtp->csrc_count; i++)
        mcu_wcursor_u32(&w, rtp->csrc[i]);
    return w.bad ? -EMSGSIZE : (int)mcu_wcursor_size(&w);
}
