/* VP8 payloads (RFC 7741 section 4) > frames. */
#include "net/payload_priv.h"

#include <errno.h>

#include "mixer/base/cursor.h"

struct descriptor {
    bool start; /* S with PID 0: the first packet of a frame */
    bool has_id, wide;
    uint16_t picture_id;
};

/* RFC 7741 section 4.2. On 0 the cursor stands at the VP8 bytes, of which there is at least one.
 *
 *    X R N S R PID | I L T K RSV (X) | M PictureID (I), 7 or 15 bits | TL0PICIDX (L) |
 *    TID Y KEYIDX (T or K)
 */
static int parse_descriptor(struct mcu_cursor *c, struct descriptor *out)
{
    struct descriptor d = { 0 };
    uint8_t first = mcu_cursor_u8(c);
    uint8_t ext = first & 0x80 ? mcu_cursor_u8(c) : 0;
    d.start = (first & 0x17) == 0x10;
    if (ext & 0x80) {
        d.has_id = true;
        d.picture_id = mcu_cursor_u8(c);
        d.wide = d.picture_id & 0x80;
        if (d.wide)
            d.picture_id = (uint16_t)((d.picture_id & 0x7f) << 8 | mcu_cursor_u8(c));
    }
    if (ext & 0x40)
        mcu_cursor_u8(c); /* TL0PICIDX: layers are all decoded */
    if (ext & 0x30)
        mcu_cursor_u8(c); /* TID, Y, KEYIDX */
    if (c->bad || mcu_cursor_left(c) == 0)
        return -EBADMSG;
    *out = d;
    return 0;
}

bool mcu_depay_vp8_is_tail(const uint8_t *payload, size_t size)
{
    struct mcu_cursor c = mcu_cursor(payload, size);
    struct descriptor d;
    return parse_descriptor(&c, &d) == 0 && !d.start;
}

/* Whole frames may be missing though no sequence number is: a relay dropped them and renumbered.
 * The width may change between frames: the value is then extended or cut (RFC 7741 section 4.2),
 * so the seven low bits compare. One that never moves is a sender's fault and says nothing. */
static bool id_jumped(const struct mcu_depay_vp8 *last, const struct descriptor *d)
{
    if (!last->known || !d->has_id)
        return false;
    uint16_t mask = last->wide && d->wide ? 0x7fff : 0x7f;
    uint16_t step = (uint16_t)(d->picture_id - last->picture_id) & mask;
    return step > 1;
}

int mcu_depay_vp8_take(struct mcu_depay *depay, const uint8_t *payload, size_t size)
{
    struct mcu_cursor c = mcu_cursor(payload, size);
    struct descriptor d;
    if (parse_descriptor(&c, &d) < 0)
        return -EBADMSG;
    if (d.start != depay->fresh) /* a second frame begins under one timestamp */
        return -EBADMSG;
    size_t left = mcu_cursor_left(&c);
    const uint8_t *bytes = mcu_cursor_take(&c, left);
    if (d.start) {
        depay->keyframe = !(bytes[0] & 1); /* P, RFC 7741 section 4.3 */
        if (id_jumped(&depay->vp8, &d))
            depay->gap = true;
        depay->vp8 = (struct mcu_depay_vp8){ d.has_id, d.wide, d.picture_id };
    }
    return mcu_depay_append(depay, bytes, left);
}
