#include "net/rtp_ext.h"

#include <errno.h>

#define ONE_BYTE       0xbede
#define TWO_BYTE       0x1000 /* and four bits for the application, which mean nothing here */
#define TWO_BYTE_MASK  0xfff0
#define ENDS_ONE_BYTE  15     /* RFC 8285 4.2: nothing behind this number is looked at */
#define X_BIT          0x10

struct mcu_rtp_ext_iter mcu_rtp_ext_iter(const struct mcu_rtp *rtp)
{
    bool two_byte = (rtp->ext_profile & TWO_BYTE_MASK) == TWO_BYTE;
    bool known = rtp->has_ext && (two_byte || rtp->ext_profile == ONE_BYTE);
    return (struct mcu_rtp_ext_iter){ mcu_cursor(rtp->ext, known ? rtp->ext_bytes : 0), two_byte };
}

static bool end_walk(struct mcu_rtp_ext_iter *it)
{
    it->c.p = it->c.end;
    return false;
}

/* RFC 8285 4.2. A zero byte is padding; number 0 with a length ends the walk, as 15 does. */
static bool next_one_byte(struct mcu_rtp_ext_iter *it, struct mcu_rtp_ext_element *out)
{
    uint8_t first = 0;
    while (first == 0 && mcu_cursor_left(&it->c) > 0)
        first = mcu_cursor_u8(&it->c);
    out->id = first >> 4;
    out->size = (first & 0x0fu) + 1u;
    if (out->id == 0 || out->id == ENDS_ONE_BYTE)
        return end_walk(it);
    out->data = mcu_cursor_take(&it->c, out->size);
    return out->data != NULL;
}

/* RFC 8285 4.3. */
static bool next_two_byte(struct mcu_rtp_ext_iter *it, struct mcu_rtp_ext_element *out)
{
    out->id = 0;
    while (out->id == 0 && mcu_cursor_left(&it->c) > 0)
        out->id = mcu_cursor_u8(&it->c);
    if (out->id == 0)
        return false;
    out->size = mcu_cursor_u8(&it->c);
    out->data = mcu_cursor_take(&it->c, out->size);
    return out->data != NULL;
}

bool mcu_rtp_ext_next(struct mcu_rtp_ext_iter *it, struct mcu_rtp_ext_element *out)
{
    return it->two_byte ? next_two_byte(it, out) : next_one_byte(it, out);
}

bool mcu_rtp_ext_find(const struct mcu_rtp *rtp, uint8_t id, struct mcu_rtp_ext_element *out)
{
    struct mcu_rtp_ext_iter it = mcu_rtp_ext_iter(rtp);
    struct mcu_rtp_ext_element e;
    while (id != 0 && mcu_rtp_ext_next(&it, &e)) {
        if (e.id != id)
            continue;
        *out = e;
        return true;
    }
    return false;
}

struct mcu_rtp_ext_writer mcu_rtp_ext_writer(uint8_t *packet, size_t head, size_t room,
                                             bool two_byte)
{
    struct mcu_rtp_ext_writer x = { packet, mcu_wcursor(packet, room), two_byte, false };
    mcu_wcursor_take(&x.w, head);
    return x;
}

static bool element_fits(const struct mcu_rtp_ext_writer *x, uint8_t id, size_t size)
{
    if (x->two_byte)
        return id >= 1 && size <= 255;
    return id >= 1 && id <= MCU_RTP_EXT_ONE_BYTE_ID_MAX && size >= 1 &&
           size <= MCU_RTP_EXT_ONE_BYTE_SIZE_MAX;
}

uint8_t *mcu_rtp_ext_put(struct mcu_rtp_ext_writer *x, uint8_t id, size_t size)
{
    if (!element_fits(x, id, size)) {
        x->w.bad = true;
        return NULL;
    }
    if (!x->any)
        mcu_wcursor_u32(&x->w, 0); /* profile and length: mcu_rtp_ext_end writes them */
    x->any = true;
    if (x->two_byte) {
        mcu_wcursor_u8(&x->w, id);
        mcu_wcursor_u8(&x->w, (uint8_t)size);
    } else {
        mcu_wcursor_u8(&x->w, (uint8_t)(id << 4 | (size - 1)));
    }
    return mcu_wcursor_take(&x->w, size);
}

/* Header and CSRCs: where the extension begins. */
static size_t fixed_bytes(const uint8_t *packet)
{
    return 12 + 4u * (packet[0] & 0x0fu);
}

int mcu_rtp_ext_end(struct mcu_rtp_ext_writer *x)
{
    if (!x->any || x->w.bad)
        return x->w.bad ? -EMSGSIZE : (int)mcu_wcursor_size(&x->w);
    size_t start = fixed_bytes(x->packet);
    while (!x->w.bad && (mcu_wcursor_size(&x->w) - start) % 4 != 0)
        mcu_wcursor_u8(&x->w, 0);
    if (x->w.bad)
        return -EMSGSIZE;
    struct mcu_wcursor head = mcu_wcursor(x->packet + start, 4);
    mcu_wcursor_u16(&head, x->two_byte ? TWO_BYTE : ONE_BYTE);
    mcu_wcursor_u16(&head, (uint16_t)((mcu_wcursor_size(&x->w) - start) / 4 - 1));
    x->packet[0] |= X_BIT;
    return (int)mcu_wcursor_size(&x->w);
}
