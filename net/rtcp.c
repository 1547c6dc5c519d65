#include "net/rtcp.h"

#include <errno.h>
#include <string.h>

int mcu_rtcp_check(const uint8_t *data, size_t size)
{
    struct mcu_cursor c = mcu_cursor(data, size);
    if (size < 4)
        return -EBADMSG;
    while (mcu_cursor_left(&c) > 0) {
        uint8_t first = mcu_cursor_u8(&c);
        uint8_t type = mcu_cursor_u8(&c);
        size_t bytes = (size_t)mcu_cursor_u16(&c) * 4;
        mcu_cursor_take(&c, bytes);
        if (c.bad || first >> 6 != 2 || type < 192 || type > 223)
            return -EBADMSG;
        if ((first & 0x20) && mcu_cursor_left(&c) > 0)
            return -EBADMSG;
    }
    return 0;
}

static struct mcu_rtcp_block read_block(struct mcu_cursor *c)
{
    struct mcu_rtcp_block b = { .ssrc = mcu_cursor_u32(c) };
    uint32_t loss = mcu_cursor_u32(c);
    b.fraction_lost = (uint8_t)(loss >> 24);
    b.lost = (int32_t)(loss & 0xffffff);
    if (b.lost & 0x800000)
        b.lost -= 0x1000000;
    b.highest_seq = mcu_cursor_u32(c);
    b.jitter = mcu_cursor_u32(c);
    b.lsr = mcu_cursor_u32(c);
    b.dlsr = mcu_cursor_u32(c);
    return b;
}

static void read_report(struct mcu_rtcp *r, struct mcu_cursor *c)
{
    r->ssrc = mcu_cursor_u32(c);
    if (r->type == MCU_RTCP_SR) {
        r->sender.ntp = mcu_cursor_u64(c);
        r->sender.rtp_ts = mcu_cursor_u32(c);
        r->sender.packets = mcu_cursor_u32(c);
        r->sender.octets = mcu_cursor_u32(c);
    }
    for (r->block_count = 0; r->block_count < r->count; r->block_count++)
        r->block[r->block_count] = read_block(c);
}

/* The first chunk's CNAME; other items and chunks are of no use here (RFC 3550 section 6.5). */
static void read_sdes(struct mcu_rtcp *r, struct mcu_cursor *c)
{
    if (r->count == 0)
        return;
    r->ssrc = mcu_cursor_u32(c);
    while (!c->bad && mcu_cursor_left(c) > 0) {
        uint8_t item = mcu_cursor_u8(c);
        if (item == 0)
            return;
        uint8_t n = mcu_cursor_u8(c);
        const uint8_t *text = mcu_cursor_take(c, n);
        if (!text || item != 1)
            continue;
        size_t cut = n < sizeof(r->cname) - 1 ? n : sizeof(r->cname) - 1;
        memcpy(r->cname, text, cut);
        r->cname[cut] = '\0';
    }
}

static void read_bye(struct mcu_rtcp *r, struct mcu_cursor *c)
{
    for (r->bye_count = 0; r->bye_count < r->count; r->bye_count++)
        r->bye[r->bye_count] = mcu_cursor_u32(c);
    r->ssrc = r->bye_count > 0 ? r->bye[0] : 0;
}

/* RFC 5104 section 4.3.1.1: SSRC, sequence number, 24 reserved bits. */
static void read_fir(struct mcu_rtcp *r, struct mcu_cursor *c)
{
    while (mcu_cursor_left(c) >= 8 && r->fir_count < MCU_RTCP_FCI_MAX) {
        r->fir[r->fir_count].ssrc = mcu_cursor_u32(c);
        r->fir[r->fir_count++].seq = (uint8_t)(mcu_cursor_u32(c) >> 24);
    }
}

/* RFC 5104 section 4.2.1.1: SSRC; exponent (6), mantissa (17), overhead (9). */
static void read_tmmbr(struct mcu_rtcp *r, struct mcu_cursor *c)
{
    while (mcu_cursor_left(c) >= 8 && r->tmmbr_count < MCU_RTCP_FCI_MAX) {
        int i = r->tmmbr_count++;
        r->tmmbr[i].ssrc = mcu_cursor_u32(c);
        uint32_t v = mcu_cursor_u32(c);
        uint64_t mantissa = v >> 9 & 0x1ffff;
        unsigned exponent = v >> 26;
        /* More than 2^63 is no limit at all. */
        r->tmmbr[i].bps = exponent > 46 && mantissa ? UINT64_MAX : mantissa << (exponent & 63);
        r->tmmbr[i].overhead_bytes = (int)(v & 0x1ff);
    }
}

static void read_feedback(struct mcu_rtcp *r, struct mcu_cursor *c)
{
    r->ssrc = mcu_cursor_u32(c);
    r->media_ssrc = mcu_cursor_u32(c);
    r->fci = c->p;
    r->fci_bytes = mcu_cursor_left(c);
    if (r->type == MCU_RTCP_PSFB && r->count == MCU_PSFB_FIR)
        read_fir(r, c);
    else if (r->type == MCU_RTCP_RTPFB &&
             (r->count == MCU_RTPFB_TMMBR || r->count == MCU_RTPFB_TMMBN))
        read_tmmbr(r, c);
}

int mcu_rtcp_next(struct mcu_cursor *c, struct mcu_rtcp *out)
{
    static const struct {
        uint8_t type;
        void (*read)(struct mcu_rtcp *r, struct mcu_cursor *c);
    } readers[] = {
        { MCU_RTCP_SR, read_report },      { MCU_RTCP_RR, read_report },
        { MCU_RTCP_SDES, read_sdes },      { MCU_RTCP_BYE, read_bye },
        { MCU_RTCP_RTPFB, read_feedback }, { MCU_RTCP_PSFB, read_feedback },
    };
    if (c->bad || mcu_cursor_left(c) == 0)
        return 0;
    memset(out, 0, sizeof(*out));
    uint8_t first = mcu_cursor_u8(c);
    out->type = mcu_cursor_u8(c);
    out->count = first & 0x1f;
    size_t bytes = (size_t)mcu_cursor_u16(c) * 4;
    struct mcu_cursor body = mcu_cursor_sub(c, bytes);
    /* RFC 3550 section 6.4.1: whole words, counted by the last byte. Browsers fill up transport-wide
     * feedback with 1 to 3 bytes and say so here. */
    if (first & 0x20) {
        uint8_t pad = !body.bad && bytes ? body.end[-1] : 0;
        if (pad == 0 || (pad % 4 && out->type != MCU_RTCP_RTPFB) || pad > bytes)
            return -EBADMSG;
        body.end -= pad;
    }
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
        if (readers[i].type == out->type)
            readers[i].read(out, &body);
    return body.bad ? -EBADMSG : 1;
}

static void header(struct mcu_wcursor *w, int count, enum mcu_rtcp_type type, int words)
{
    mcu_wcursor_u8(w, (uint8_t)(0x80 | count));
    mcu_wcursor_u8(w, (uint8_t)type);
    mcu_wcursor_u16(w, (uint16_t)words);
}

static void write_blocks(struct mcu_wcursor *w, const struct mcu_rtcp_block *block, int n)
{
    for (int i = 0; i < n; i++) {
        mcu_wcursor_u32(w, block[i].ssrc);
        mcu_wcursor_u32(w, (uint32_t)block[i].fraction_lost << 24 |
                               ((uint32_t)block[i].lost & 0xffffff));
        mcu_wcursor_u32(w, block[i].highest_seq);
        mcu_wcursor_u32(w, block[i].jitter);
        mcu_wcursor_u32(w, block[i].lsr);
        mcu_wcursor_u32(w, block[i].dlsr);
    }
}

void mcu_rtcp_write_sr(struct mcu_wcursor *w, uint32_t ssrc, const struct mcu_rtcp_sender *sender,
                       const struct mcu_rtcp_block *block, int n)
{
    header(w, n, MCU_RTCP_SR, 6 + 6 * n);
    mcu_wcursor_u32(w, ssrc);
    mcu_wcursor_be(w, sender->ntp, 8);
    mcu_wcursor_u32(w, sender->rtp_ts);
    mcu_wcursor_u32(w, sender->packets);
    mcu_wcursor_u32(w, sender->octets);
    write_blocks(w, block, n);
}

void mcu_rtcp_write_rr(struct mcu_wcursor *w, uint32_t ssrc, const struct mcu_rtcp_block *block,
                       int n)
{
    header(w, n, MCU_RTCP_RR, 1 + 6 * n);
    mcu_wcursor_u32(w, ssrc);
    write_blocks(w, block, n);
}

void mcu_rtcp_write_cname(struct mcu_wcursor *w, uint32_t ssrc, const char *cname)
{
    size_t n = strnlen(cname, 255);
    size_t text = 2 + n;
    size_t padded = (text / 4 + 1) * 4; /* at least one zero byte ends the list of items */
    header(w, 1, MCU_RTCP_SDES, (int)(1 + padded / 4));
    mcu_wcursor_u32(w, ssrc);
    mcu_wcursor_u8(w, 1);
    mcu_wcursor_u8(w, (uint8_t)n);
    mcu_wcursor_bytes(w, cname, n);
    for (size_t i = text; i < padded; i++)
        mcu_wcursor_u8(w, 0);
}

void mcu_rtcp_write_bye(struct mcu_wcursor *w, uint32_t ssrc)
{
    header(w, 1, MCU_RTCP_BYE, 1);
    mcu_wcursor_u32(w, ssrc);
}

void mcu_rtcp_write_pli(struct mcu_wcursor *w, uint32_t ssrc, uint32_t media_ssrc)
{
    header(w, MCU_PSFB_PLI, MCU_RTCP_PSFB, 2);
    mcu_wcursor_u32(w, ssrc);
    mcu_wcursor_u32(w, media_ssrc);
}

/* RFC 5104 section 4.3.1.2: the media source of the header is 0, the target stands in the FCI. */
void mcu_rtcp_write_fir(struct mcu_wcursor *w, uint32_t ssrc, uint32_t media_ssrc, uint8_t seq)
{
    header(w, MCU_PSFB_FIR, MCU_RTCP_PSFB, 4);
    mcu_wcursor_u32(w, ssrc);
    mcu_wcursor_u32(w, 0);
    mcu_wcursor_u32(w, media_ssrc);
    mcu_wcursor_u32(w, (uint32_t)seq << 24);
}
