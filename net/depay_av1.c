/* AV1 payloads (RTP Payload Format For AV1, version 1.0, section 4) > temporal units. */
#include "net/payload_priv.h"

#include <errno.h>
#include <string.h>

#include "mixer/base/obu.h"

/* The aggregation header (4.4): Z Y W (2) N (1) and three that say nothing. */
#define CONTINUES  0x80
#define UNFINISHED 0x40
#define COUNT(head) ((head) >> 4 & 3)

bool mcu_depay_av1_is_tail(const uint8_t *payload, size_t size)
{
    return size > 0 && payload[0] & CONTINUES;
}

void mcu_depay_av1_begin(struct mcu_depay *depay)
{
    depay->av1 = (struct mcu_depay_av1){ 0 };
}

/* Decoders want to be told of temporal units, which is left out on the wire (section 5). */
static int put_delimiter(struct mcu_depay *depay)
{
    static const uint8_t delimiter[] = { MCU_OBU_DELIMITER << 3 | 2, 0 };
    return depay->unit ? 0 : mcu_depay_append(depay, delimiter, sizeof(delimiter));
}

/* Puts the size, which senders leave out (section 5), behind the header of the unit at the end. */
static int insert_size(struct mcu_depay *depay, const struct mcu_obu *obu)
{
    uint8_t size[MCU_LEB128_MAX], *more;
    size_t at = depay->av1.obu_at + (size_t)obu->header_bytes, bytes = obu->size;
    int n = mcu_leb128_write(size, (uint32_t)bytes);
    int rc = mcu_depay_grow(depay, (size_t)n, &more);
    if (rc < 0)
        return rc;
    uint8_t *start = depay->unit->data; /* obu points into what may have moved */
    memmove(start + at + n, start + at, bytes);
    memcpy(start + at, size, (size_t)n);
    start[depay->av1.obu_at] |= 2;
    return 0;
}

/* The element at the end of the unit in hand is whole. Delimiters, tile lists and padding are of no
 * use to the decoder (section 5 wants them dropped). */
static int end_obu(struct mcu_depay *depay)
{
    struct mcu_depay_av1 *a = &depay->av1;
    size_t bytes = depay->unit->size - a->obu_at;
    struct mcu_cursor c = mcu_cursor(depay->unit->data + a->obu_at, bytes);
    struct mcu_obu obu;
    a->in_obu = false;
    if (bytes == 0)
        return 0;
    if (mcu_obu_next(&c, &obu) < 0 || mcu_cursor_left(&c))
        return -EBADMSG;
    if (obu.type == MCU_OBU_DELIMITER || obu.type == MCU_OBU_TILE_LIST ||
        obu.type == MCU_OBU_PADDING) {
        depay->unit->size = a->obu_at;
        return 0;
    }
    a->sequence |= obu.type == MCU_OBU_SEQUENCE;
    if (!a->frames && (obu.type == MCU_OBU_FRAME || obu.type == MCU_OBU_FRAME_HEADER)) {
        a->frames = true;
        depay->keyframe = a->sequence && mcu_obu_is_key(&obu);
    }
    return obu.has_size ? 0 : insert_size(depay, &obu);
}

/* One element of a packet: a whole unit, or a part of one. */
static int take_element(struct mcu_depay *depay, struct mcu_cursor *c, size_t bytes, bool continues,
                        bool unfinished)
{
    struct mcu_depay_av1 *a = &depay->av1;
    const uint8_t *data = mcu_cursor_take(c, bytes);
    if (!data || continues != a->in_obu)
        return -EBADMSG;
    if (!continues)
        a->obu_at = depay->unit->size;
    a->in_obu = true;
    int rc = mcu_depay_append(depay, data, bytes);
    return rc < 0 || unfinished ? rc : end_obu(depay);
}

/* Every element but the last has its size before it; the last one too where W is 0. */
int mcu_depay_av1_take(struct mcu_depay *depay, const uint8_t *payload, size_t size)
{
    struct mcu_cursor c = mcu_cursor(payload, size);
    uint8_t head = mcu_cursor_u8(&c);
    int count = COUNT(head), rc = put_delimiter(depay);
    if (mcu_cursor_left(&c) == 0)
        return -EBADMSG;
    for (int i = 0; rc == 0 && (count ? i < count : mcu_cursor_left(&c) > 0); i++) {
        bool sized = !count || i + 1 < count;
        size_t bytes = sized ? mcu_leb128_read(&c) : mcu_cursor_left(&c);
        bool last = count ? i + 1 == count : !c.bad && bytes == mcu_cursor_left(&c);
        if (c.bad)
            return -EBADMSG;
        rc = take_element(depay, &c, bytes, i == 0 && head & CONTINUES, last && head & UNFINISHED);
    }
    return rc;
}

int mcu_depay_av1_end(struct mcu_depay *depay)
{
    if (depay->av1.in_obu) /* the rest of it never came */
        return -EBADMSG;
    return depay->av1.frames;
}
