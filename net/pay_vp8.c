/* VP8 frames > payloads (RFC 7741 section 4). */
#include "net/payload_priv.h"

#include <errno.h>

#include "mixer/base/cursor.h"

#define DESCRIPTOR_BYTES 4

/* Every packet carries a picture id of 15 bits, by which relays and receivers see whole frames
 * missing. Partitions are not told apart: PID is 0 throughout, S on the first packet alone. */
int mcu_pay_vp8_next(struct mcu_pay *pay, uint8_t *buf, size_t buf_bytes, bool *last)
{
    size_t limit = buf_bytes < (size_t)pay->max_bytes ? buf_bytes : (size_t)pay->max_bytes;
    size_t left = pay->unit->size - pay->at;
    if (limit <= DESCRIPTOR_BYTES) {
        pay->unit = NULL;
        return -EMSGSIZE;
    }
    size_t n = limit - DESCRIPTOR_BYTES;
    n = n < left ? n : left;
    struct mcu_wcursor w = mcu_wcursor(buf, limit);
    mcu_wcursor_u8(&w, pay->at == 0 ? 0x90 : 0x80);    /* X, S, PID 0 */
    mcu_wcursor_u8(&w, 0x80);                          /* I */
    mcu_wcursor_u16(&w, 0x8000 | pay->vp8_picture_id); /* M: 15 bits */
    mcu_wcursor_bytes(&w, pay->unit->data + pay->at, n);
    pay->at += n;
    *last = pay->at == pay->unit->size;
    if (*last)
        pay->unit = NULL;
    return (int)mcu_wcursor_size(&w);
}
