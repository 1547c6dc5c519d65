/* H.264 access units in Annex B > payloads (RFC 6184 section 5). */
#include "net/payload_priv.h"

#include <errno.h>
#include <string.h>

#include "mixer/base/cursor.h"

#define STAP_A 24
#define FU_A   28

static uint8_t header_of(const struct mcu_pay *pay)
{
    return pay->unit->data[pay->nal_start];
}

static size_t nal_bytes(const struct mcu_pay *pay)
{
    return pay->nal_end - pay->nal_start;
}

/* On to the NAL unit after the one in hand; the unit is let go behind the last. What no payload
 * can carry alone (types 0 and 24 to 31, RFC 6184 section 5.2; the forbidden bit) is skipped. */
static bool advance(struct mcu_pay *pay)
{
    size_t pos = pay->nal_end;
    struct mcu_nal nal;
    while (mcu_annexb_next(pay->unit->data, pay->unit->size, &pos, &nal)) {
        pay->at = pay->nal_start = (size_t)(nal.data - pay->unit->data);
        pay->nal_end = pay->nal_start + nal.size;
        if (!(nal.data[0] & 0x80) && nal.type > 0 && nal.type < STAP_A)
            return true;
    }
    pay->unit = NULL;
    return false;
}

int mcu_pay_h264_begin(struct mcu_pay *pay)
{
    return advance(pay) ? 0 : -EINVAL;
}

/* SEI, SPS, PPS, access unit delimiter: small, and of no use without what follows. */
static bool is_small_kind(const struct mcu_pay *pay)
{
    int type = header_of(pay) & 0x1f;
    return type >= 6 && type <= 9;
}

static int send_single(struct mcu_pay *pay, uint8_t *buf, bool *last)
{
    size_t n = nal_bytes(pay);
    memcpy(buf, pay->unit->data + pay->nal_start, n);
    *last = !advance(pay);
    return (int)n;
}

/* How many NAL units from here on make one STAP-A within limit. */
static int count_stap(struct mcu_pay pay, size_t limit)
{
    size_t bytes = 1;
    int n = 0;
    for (bool more = true; more && is_small_kind(&pay); n++, more = advance(&pay)) {
        bytes += 2 + nal_bytes(&pay);
        if (bytes > limit || nal_bytes(&pay) > UINT16_MAX)
            break;
    }
    return n;
}

/* RFC 6184 section 5.7.1: F is the OR of all, NRI the highest of them. */
static int send_stap(struct mcu_pay *pay, uint8_t *buf, size_t limit, int count, bool *last)
{
    struct mcu_wcursor w = mcu_wcursor(buf, limit);
    uint8_t nri = 0;
    mcu_wcursor_u8(&w, 0);
    while (count-- > 0) {
        size_t n = nal_bytes(pay);
        uint8_t h = header_of(pay) & 0x60;
        nri = h > nri ? h : nri;
        mcu_wcursor_u16(&w, (uint16_t)n);
        mcu_wcursor_bytes(&w, pay->unit->data + pay->nal_start, n);
        *last = !advance(pay);
    }
    buf[0] = nri | STAP_A;
    return (int)mcu_wcursor_size(&w);
}

/* RFC 6184 section 5.8. The NAL header travels in the two FU bytes, so fragments begin behind it;
 * a unit gets here only if it is larger than limit, hence never start and end in one. */
static int send_fu(struct mcu_pay *pay, uint8_t *buf, size_t limit, bool *last)
{
    uint8_t header = header_of(pay);
    bool start = pay->at == pay->nal_start;
    if (start)
        pay->at++;
    size_t left = pay->nal_end - pay->at;
    size_t n = left < limit - 2 ? left : limit - 2;
    struct mcu_wcursor w = mcu_wcursor(buf, limit);
    mcu_wcursor_u8(&w, (header & 0x60) | FU_A);
    mcu_wcursor_u8(&w, (uint8_t)((start ? 0x80 : 0) | (n == left ? 0x40 : 0) | (header & 0x1f)));
    mcu_wcursor_bytes(&w, pay->unit->data + pay->at, n);
    pay->at += n;
    if (n == left)
        *last = !advance(pay);
    return (int)mcu_wcursor_size(&w);
}

int mcu_pay_h264_next(struct mcu_pay *pay, uint8_t *buf, size_t buf_bytes, bool *last)
{
    size_t limit = buf_bytes < (size_t)pay->max_bytes ? buf_bytes : (size_t)pay->max_bytes;
    bool whole = pay->at == pay->nal_start;
    int stap = pay->h264_mode1 && whole ? count_stap(*pay, limit) : 0;
    if (stap > 1)
        return send_stap(pay, buf, limit, stap, last);
    if (whole && nal_bytes(pay) <= limit)
        return send_single(pay, buf, last);
    if (pay->h264_mode1 && limit > 2)
        return send_fu(pay, buf, limit, last);
    if (whole && nal_bytes(pay) <= buf_bytes)
        return send_single(pay, buf, last);
    advance(pay);
    return -EMSGSIZE;
}
