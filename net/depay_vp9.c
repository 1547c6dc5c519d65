/* VP9 payloads (RFC 9628 section 4) > pictures. */
#include "net/payload_priv.h"

#include <errno.h>
#include <string.h>

#include "mixer/base/cursor.h"
#include "mixer/base/util.h"

struct descriptor {
    bool start, end; /* B, E: of a layer frame */
    bool has_id, wide;
    uint16_t picture_id;
};

/* RFC 9628 4.2.1: what layers there are; of no interest to one who decodes them all.
 *
 *    N_S (3) Y G RSV (3) | width, height of N_S + 1 layers (Y) |
 *    N_G (G) | per picture: TID (3) U R (2) RSV (2), R times P_DIFF
 */
static void skip_structure(struct mcu_cursor *c)
{
    uint8_t first = mcu_cursor_u8(c);
    if (first & 0x10)
        mcu_cursor_take(c, 4 * (size_t)((first >> 5) + 1));
    int pictures = first & 0x08 ? mcu_cursor_u8(c) : 0;
    for (int i = 0; i < pictures && !c->bad; i++)
        mcu_cursor_take(c, mcu_cursor_u8(c) >> 2 & 3);
}

/* RFC 9628 4.2. On 0 the cursor stands at the VP9 bytes, of which there is at least one.
 *
 *    I P L F B E V Z | M PictureID (I), 7 or 15 bits | TID (3) U SID (3) D (L) |
 *    TL0PICIDX (L, not F) | up to 3 times P_DIFF (7) N (P and F) | structure (V)
 */
static int parse_descriptor(struct mcu_cursor *c, struct descriptor *out)
{
    uint8_t first = mcu_cursor_u8(c);
    struct descriptor d = { .has_id = first & 0x80, .start = first & 0x08, .end = first & 0x04 };
    bool layers = first & 0x20, flexible = first & 0x10, predicted = first & 0x40;
    if (d.has_id) {
        d.picture_id = mcu_cursor_u8(c);
        d.wide = d.picture_id & 0x80;
        if (d.wide)
            d.picture_id = (uint16_t)((d.picture_id & 0x7f) << 8 | mcu_cursor_u8(c));
    }
    if (layers)
        mcu_cursor_u8(c);
    if (layers && !flexible)
        mcu_cursor_u8(c);
    for (int i = 0; flexible && predicted && i < 3; i++)
        if (!(mcu_cursor_u8(c) & 1))
            break;
    if (first & 0x02)
        skip_structure(c);
    if (c->bad || mcu_cursor_left(c) == 0)
        return -EBADMSG;
    *out = d;
    return 0;
}

bool mcu_depay_vp9_is_tail(const uint8_t *payload, size_t size)
{
    struct mcu_cursor c = mcu_cursor(payload, size);
    struct descriptor d;
    return parse_descriptor(&c, &d) == 0 && !d.start;
}

/* As with VP8: whole pictures may be missing though no sequence number is. */
static bool id_jumped(const struct mcu_depay_vp9 *last, const struct descriptor *d)
{
    if (!last->known || !d->has_id)
        return false;
    uint16_t mask = last->wide && d->wide ? 0x7fff : 0x7f;
    uint16_t step = (uint16_t)(d->picture_id - last->picture_id) & mask;
    return step > 1;
}

/* VP9 6.2: frame marker 10, profile (2 bits, a third one in profile 3), show_existing_frame,
 * frame_type, where 0 is a keyframe. */
static bool is_key(uint8_t first)
{
    uint8_t bits = (first & 0x30) == 0x30 ? (uint8_t)(first << 1) : first;
    return first >> 6 == 2 && !(bits & 0x0c);
}

static void begin_picture(struct mcu_depay *depay, const struct descriptor *d, uint8_t first)
{
    depay->keyframe = is_key(first);
    if (id_jumped(&depay->vp9, d))
        depay->gap = true;
    depay->vp9 = (struct mcu_depay_vp9){ d->has_id, d->wide, d->picture_id, .frames = 0 };
}

/* A layer frame begins where the picture has so many bytes so far. One whose end bit was forgotten
 * ends there too: lost packets are known by their numbers. */
static int begin_frame(struct mcu_depay_vp9 *v, size_t at)
{
    if (v->frames == MCU_VP9_FRAMES_MAX)
        return -EBADMSG;
    v->frame_at[v->frames++] = (uint32_t)at;
    v->in_frame = true;
    return 0;
}

int mcu_depay_vp9_take(struct mcu_depay *depay, const uint8_t *payload, size_t size)
{
    struct mcu_depay_vp9 *v = &depay->vp9;
    struct mcu_cursor c = mcu_cursor(payload, size);
    struct descriptor d;
    if (parse_descriptor(&c, &d) < 0)
        return -EBADMSG;
    size_t left = mcu_cursor_left(&c);
    const uint8_t *bytes = mcu_cursor_take(&c, left);
    if (depay->fresh)
        begin_picture(depay, &d, bytes[0]);
    else if (d.has_id != v->known || d.picture_id != v->picture_id)
        return -EBADMSG; /* two pictures under one timestamp */
    if (d.start && begin_frame(v, depay->unit ? depay->unit->size : 0) < 0)
        return -EBADMSG;
    if (!v->in_frame)
        return -EBADMSG;
    v->in_frame = !d.end;
    return mcu_depay_append(depay, bytes, left);
}

/* VP9 Annex B: the sizes of the frames behind them, each in as many bytes as the largest needs,
 * between two equal marker bytes. */
static int append_index(struct mcu_depay *depay)
{
    const struct mcu_depay_vp9 *v = &depay->vp9;
    uint8_t index[2 + 4 * MCU_VP9_FRAMES_MAX], *p = index;
    uint32_t sizes[MCU_VP9_FRAMES_MAX], largest = 0;
    for (int i = 0; i < v->frames; i++) {
        uint32_t end = i + 1 < v->frames ? v->frame_at[i + 1] : (uint32_t)depay->unit->size;
        sizes[i] = end - v->frame_at[i];
        largest = largest > sizes[i] ? largest : sizes[i];
    }
    int bytes = largest > 0xffffff ? 4 : largest > 0xffff ? 3 : largest > 0xff ? 2 : 1;
    uint8_t marker = (uint8_t)(0xc0 | (bytes - 1) << 3 | (v->frames - 1));
    *p++ = marker;
    for (int i = 0; i < v->frames; i++)
        for (int k = 0; k < bytes; k++)
            *p++ = (uint8_t)(sizes[i] >> 8 * k);
    *p++ = marker;
    return mcu_depay_append(depay, index, (size_t)(p - index));
}

/* The spatial layers of a picture are frames of their own to the decoder, which is told of them by
 * a superframe index; a single frame goes as it came. */
int mcu_depay_vp9_end(struct mcu_depay *depay)
{
    if (!depay->unit)
        return 0;
    int rc = depay->vp9.frames > 1 ? append_index(depay) : 0;
    return rc < 0 ? rc : 1;
}
