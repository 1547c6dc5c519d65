/* VP9 frames > payloads (RFC 9628 section 4). */
#include "net/payload_priv.h"

#include <errno.h>

#include "mixer/base/cursor.h"

#define DESCRIPTOR_BYTES 3

/* Non-flexible mode without layers: which pictures lean on which is left unsaid, so they are to be
 * decoded in order, by the picture id of 15 bits. P of 4.2 is "predicted from other pictures". */
int mcu_pay_vp9_next(struct mcu_pay *pay, uint8_t *buf, size_t buf_bytes, bool *last)
{
    size_t limit = buf_bytes < (size_t)pay->max_bytes ? buf_bytes : (size_t)pay->max_bytes;
    size_t left = pay->unit->size - pay->at;
    if (limit <= DESCRIPTOR_BYTES) {
        pay->unit = NULL;
        return -EMSGSIZE;
    }
    size_t n = limit - DESCRIPTOR_BYTES;
    n = n < left ? n : left;
    bool first = pay->at == 0, end = n == left;
    struct mcu_wcursor w = mcu_wcursor(buf, limit);
    mcu_wcursor_u8(&w, (uint8_t)(0x80 | (pay->unit->keyframe ? 0 : 0x40) | (first ? 0x08 : 0) |
                                 (end ? 0x04 : 0)));   /* I, P, B, E */
    mcu_wcursor_u16(&w, 0x8000 | pay->vp9_picture_id); /* M: 15 bits */
    mcu_wcursor_bytes(&w, pay->unit->data + pay->at, n);
    pay->at += n;
    *last = end;
    if (end)
        pay->unit = NULL;
    return (int)mcu_wcursor_size(&w);
}
