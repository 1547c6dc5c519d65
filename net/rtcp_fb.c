#include "net/rtcp_fb.h"

#include <errno.h>

#define REMB_NAME         0x52454d42u /* "REMB" */
#define REMB_MANTISSA     18
#define TMMBR_MANTISSA    17
#define NACK_ENTRIES_MAX  256 /* of one packet: 1 kB */

bool mcu_rtcp_nack_next(struct mcu_cursor *fci, uint16_t *pid, uint16_t *blp)
{
    if (mcu_cursor_left(fci) < 4)
        return false;
    *pid = mcu_cursor_u16(fci);
    *blp = mcu_cursor_u16(fci);
    return true;
}

/* mantissa << exponent where 63 bits hold it. */
static int64_t scaled(uint32_t mantissa, unsigned exponent)
{
    if (mantissa == 0)
        return 0;
    if (exponent > 62 || mantissa > (uint64_t)INT64_MAX >> exponent)
        return INT64_MAX;
    return (int64_t)((uint64_t)mantissa << exponent);
}

int mcu_rtcp_read_remb(struct mcu_remb *out, const uint8_t *fci, size_t size)
{
    struct mcu_cursor c = mcu_cursor(fci, size);
    struct mcu_remb remb = { 0 };
    uint32_t name = mcu_cursor_u32(&c), v = mcu_cursor_u32(&c);
    size_t sources = v >> 24;
    if (c.bad || name != REMB_NAME || sources * 4 > mcu_cursor_left(&c))
        return -EBADMSG;
    remb.bps = scaled(v & 0x3ffff, v >> REMB_MANTISSA & 0x3f);
    while (sources-- > 0 && remb.ssrc_count < MCU_REMB_SSRCS_MAX)
        remb.ssrc[remb.ssrc_count++] = mcu_cursor_u32(&c);
    *out = remb;
    return 0;
}

/* ---- writers ---- */

static void header(struct mcu_wcursor *w, int format, enum mcu_rtcp_type type, size_t fci_words,
                   uint32_t ssrc, uint32_t media_ssrc)
{
    mcu_wcursor_u8(w, (uint8_t)(0x80 | format));
    mcu_wcursor_u8(w, (uint8_t)type);
    mcu_wcursor_u16(w, (uint16_t)(2 + fci_words));
    mcu_wcursor_u32(w, ssrc);
    mcu_wcursor_u32(w, media_ssrc);
}

void mcu_rtcp_write_nack(struct mcu_wcursor *w, uint32_t ssrc, uint32_t media_ssrc,
                         const uint16_t *seq, int n)
{
    uint32_t entry[NACK_ENTRIES_MAX];
    size_t entries = 0;
    for (int i = 0; i < n;) {
        uint16_t pid = seq[i++], blp = 0;
        while (i < n && (uint16_t)(seq[i] - pid) >= 1 && (uint16_t)(seq[i] - pid) <= 16)
            blp |= (uint16_t)(1u << ((uint16_t)(seq[i++] - pid) - 1));
        if (entries == NACK_ENTRIES_MAX)
            break;
        entry[entries++] = (uint32_t)pid << 16 | blp;
    }
    header(w, MCU_RTPFB_NACK, MCU_RTCP_RTPFB, entries, ssrc, media_ssrc);
    for (size_t i = 0; i < entries; i++)
        mcu_wcursor_u32(w, entry[i]);
}

/* bps as exponent and mantissa of so many bits, exponent in front. */
static uint32_t packed(int64_t bps, int mantissa_bits)
{
    uint64_t v = bps > 0 ? (uint64_t)bps : 0;
    unsigned exponent = 0;
    while (v >> mantissa_bits != 0) {
        v >>= 1;
        exponent++;
    }
    return exponent << mantissa_bits | (uint32_t)v;
}

void mcu_rtcp_write_remb(struct mcu_wcursor *w, uint32_t ssrc, int64_t bps, const uint32_t *source,
                         int n)
{
    header(w, MCU_PSFB_ALFB, MCU_RTCP_PSFB, (size_t)(2 + n), ssrc, 0);
    mcu_wcursor_u32(w, REMB_NAME);
    mcu_wcursor_u32(w, (uint32_t)n << 24 | packed(bps, REMB_MANTISSA));
    for (int i = 0; i < n; i++)
        mcu_wcursor_u32(w, source[i]);
}

static void write_tuple(struct mcu_wcursor *w, uint32_t ssrc, int64_t bps, int overhead_bytes)
{
    mcu_wcursor_u32(w, ssrc);
    mcu_wcursor_u32(w, packed(bps, TMMBR_MANTISSA) << 9 | ((uint32_t)overhead_bytes & 0x1ff));
}

void mcu_rtcp_write_tmmbr(struct mcu_wcursor *w, uint32_t ssrc, uint32_t media_ssrc, int64_t bps,
                          int overhead_bytes)
{
    header(w, MCU_RTPFB_TMMBR, MCU_RTCP_RTPFB, 2, ssrc, 0);
    write_tuple(w, media_ssrc, bps, overhead_bytes);
}

void mcu_rtcp_write_tmmbn(struct mcu_wcursor *w, uint32_t ssrc, uint32_t owner, int64_t bps,
                          int overhead_bytes)
{
    header(w, MCU_RTPFB_TMMBN, MCU_RTCP_RTPFB, owner != 0 ? 2 : 0, ssrc, 0);
    if (owner != 0)
        write_tuple(w, owner, bps, overhead_bytes);
}
