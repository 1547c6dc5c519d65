/* H.264 payloads (RFC 6184 section 5) > access units in Annex B. */
#include "net/payload_priv.h"

#include <errno.h>
#include <string.h>

#include "mixer/base/cursor.h"
#include "mixer/base/util.h"

/* NAL unit types: H.264 table 7-1, and RFC 6184 table 1. */
enum {
    NAL_SLICE = 1,
    NAL_PART_A = 2,
    NAL_PART_C = 4,
    NAL_IDR = 5,
    NAL_SEI = 6,
    NAL_SPS = 7,
    NAL_PPS = 8,
    NAL_AUD = 9,
    STAP_A = 24,
    STAP_B = 25,
    FU_A = 28,
};

#define SEI_RECOVERY_POINT 6
#define FU_START           0x80
#define FU_END             0x40

static const uint8_t start_code[4] = { 0, 0, 0, 1 };

/* ---- Bits of a NAL unit, emulation prevention bytes left out (H.264 7.3.1) ---- */

struct bits {
    struct mcu_cursor c;
    int zeros; /* zero bytes just read */
    unsigned byte, left;
};

static uint8_t rbsp_byte(struct bits *b)
{
    uint8_t v = mcu_cursor_u8(&b->c);
    if (v == 3 && b->zeros >= 2) {
        b->zeros = 0;
        v = mcu_cursor_u8(&b->c);
    }
    b->zeros = v == 0 ? b->zeros + 1 : 0;
    return v;
}

static unsigned bit(struct bits *b)
{
    if (b->left == 0) {
        b->byte = rbsp_byte(b);
        b->left = 8;
    }
    return b->byte >> --b->left & 1;
}

/* ue(v), H.264 9.1; UINT32_MAX for what is malformed or runs out. */
static uint32_t exp_golomb(struct bits *b)
{
    int n = 0;
    while (!bit(b))
        if (b->c.bad || ++n > 31)
            return UINT32_MAX;
    uint64_t v = 1;
    for (int i = 0; i < n; i++)
        v = v << 1 | bit(b);
    return b->c.bad ? UINT32_MAX : (uint32_t)(v - 1);
}

/* Past the NAL header. */
static struct bits bits_of(const uint8_t *nal, size_t size)
{
    struct bits b = { .c = mcu_cursor(nal, size) };
    mcu_cursor_u8(&b.c);
    return b;
}

/* ---- Parameter sets ---- */

/* Types 1 to 23 with the forbidden bit clear: what may stand alone or in a STAP. */
static bool is_plain(const uint8_t *nal, size_t size)
{
    return size > 0 && !(nal[0] & 0x80) && (nal[0] & 0x1f) > 0 && (nal[0] & 0x1f) < STAP_A;
}

static bool parse_set(const uint8_t *nal, size_t size, uint8_t *id, uint8_t *sps)
{
    struct bits b = bits_of(nal, size);
    bool is_sps = (nal[0] & 0x1f) == NAL_SPS;
    for (int i = 0; is_sps && i < 3; i++)
        rbsp_byte(&b); /* profile, constraints, level: H.264 7.3.2.1 */
    uint32_t a = exp_golomb(&b), ref = is_sps ? a : exp_golomb(&b);
    if (a > 255 || ref > 31) /* an SPS is its own reference */
        return false;
    *id = (uint8_t)a;
    *sps = (uint8_t)ref;
    return true;
}

/* Where a set with this id is kept, or else is to be: a free place, or that of the oldest. */
static struct mcu_h264_set *place_for(struct mcu_h264_set *sets, int count, uint8_t id)
{
    struct mcu_h264_set *best = &sets[0];
    for (int i = 0; i < count; i++) {
        struct mcu_h264_set *s = &sets[i];
        if (s->bytes && s->id == id)
            return s;
        if (best->bytes && (!s->bytes || (int32_t)(s->age - best->age) < 0))
            best = s;
    }
    return best;
}

/* A set that says nothing new stays as it is: senders repeat theirs before every keyframe. */
static void keep_set(struct mcu_depay_h264 *h, const uint8_t *nal, size_t size,
                     enum mcu_h264_set_state state)
{
    uint8_t id, sps;
    bool is_sps = (nal[0] & 0x1f) == NAL_SPS;
    if (size > MCU_H264_SET_BYTES || !parse_set(nal, size, &id, &sps))
        return;
    struct mcu_h264_set *s = is_sps ? place_for(h->sps, MCU_H264_SPS_KEPT, id)
                                    : place_for(h->pps, MCU_H264_PPS_KEPT, id);
    bool same = s->bytes == size && memcmp(s->data, nal, size) == 0;
    s->age = h->age++;
    if (same && s->state == MCU_SET_GIVEN)
        return;
    s->bytes = (uint16_t)size;
    s->id = id;
    s->sps = sps;
    s->state = state;
    memcpy(s->data, nal, size);
}

/* Which sets the unit in hand has itself. */
static void note_set(struct mcu_depay_h264 *h, const uint8_t *nal, size_t size)
{
    uint8_t id, sps;
    if (!parse_set(nal, size, &id, &sps))
        return;
    if ((nal[0] & 0x1f) == NAL_SPS)
        h->has_sps |= 1u << id;
    else
        h->has_pps[id / 64] |= 1ull << id % 64;
}

void mcu_depay_h264_sprop(struct mcu_depay *d, const uint8_t *sprop, size_t size)
{
    size_t pos = 0;
    struct mcu_nal nal;
    while (mcu_annexb_next(sprop, size, &pos, &nal)) {
        if (is_plain(nal.data, nal.size) && (nal.type == NAL_SPS || nal.type == NAL_PPS))
            keep_set(&d->h264, nal.data, nal.size, MCU_SET_OFFERED);
    }
}

/* ---- One whole NAL unit ---- */

/* Slice header, H.264 7.3.3: first_mb_in_slice, slice_type (2, 7: I; 4, 9: SI), the PPS. */
static void note_slice(struct mcu_depay_h264 *h, const uint8_t *nal, size_t size)
{
    struct bits b = bits_of(nal, size);
    exp_golomb(&b);
    uint32_t slice_type = exp_golomb(&b) % 5, pps = exp_golomb(&b);
    h->slices = true;
    h->idr |= (nal[0] & 0x1f) == NAL_IDR;
    h->all_intra &= slice_type == 2 || slice_type == 4;
    if (pps < 256)
        h->uses_pps[pps / 64] |= 1ull << pps % 64;
}

static uint32_t sei_number(struct bits *b)
{
    uint32_t v = 0;
    uint8_t byte;
    do
        v += byte = rbsp_byte(b);
    while (byte == 0xff);
    return v;
}

/* H.264 7.3.2.3 and D.1.8: messages of type, size, bytes, up to the trailing bits. */
static bool has_recovery_point(const uint8_t *nal, size_t size)
{
    struct bits b = bits_of(nal, size);
    while (mcu_cursor_left(&b.c) > 2) {
        uint32_t type = sei_number(&b), bytes = sei_number(&b);
        if (type == SEI_RECOVERY_POINT)
            return !b.c.bad;
        while (bytes-- > 0 && !b.c.bad)
            rbsp_byte(&b);
    }
    return false;
}

static void note_nal(struct mcu_depay *d)
{
    struct mcu_depay_h264 *h = &d->h264;
    const uint8_t *nal = d->unit->data + h->nal_at;
    size_t size = d->unit->size - h->nal_at;
    switch (nal[0] & 0x1f) {
    case NAL_SLICE:
    case NAL_PART_A:
    case NAL_IDR:
        note_slice(h, nal, size);
        break;
    case NAL_SEI:
        h->recovery |= has_recovery_point(nal, size);
        break;
    case NAL_SPS:
    case NAL_PPS:
        note_set(h, nal, size);
        keep_set(h, nal, size, MCU_SET_WAITING);
        break;
    case NAL_AUD:
        if (h->nal_at == sizeof(start_code))
            h->aud_end = d->unit->size;
        break;
    default:
        break;
    }
}

static int begin_nal(struct mcu_depay *d)
{
    int rc = mcu_depay_append(d, start_code, sizeof(start_code));
    if (rc == 0)
        d->h264.nal_at = d->unit->size;
    return rc;
}

static int take_nal(struct mcu_depay *d, const uint8_t *nal, size_t size)
{
    if (!is_plain(nal, size))
        return -EBADMSG;
    int rc = begin_nal(d);
    if (rc == 0)
        rc = mcu_depay_append(d, nal, size);
    if (rc == 0)
        note_nal(d);
    return rc;
}

/* ---- Payloads ---- */

/* RFC 6184 section 5.7.1: sizes of 16 bits, each before its NAL unit, to the end of the packet. */
static int take_stap(struct mcu_depay *d, struct mcu_cursor c)
{
    do {
        size_t n = mcu_cursor_u16(&c);
        const uint8_t *nal = mcu_cursor_take(&c, n);
        int rc = c.bad ? -EBADMSG : take_nal(d, nal, n);
        if (rc < 0)
            return rc;
    } while (mcu_cursor_left(&c) > 0);
    return 0;
}

/* RFC 6184 section 5.8. Fragments may be empty. Start and end in one packet is forbidden to
 * senders, but what it means is plain, and some do it. */
static int take_fu(struct mcu_depay *d, uint8_t indicator, struct mcu_cursor c)
{
    struct mcu_depay_h264 *h = &d->h264;
    uint8_t fu = mcu_cursor_u8(&c);
    uint8_t header = (indicator & 0x60) | (fu & 0x1f);
    bool start = fu & FU_START;
    int rc = 0;
    if (c.bad || start == h->in_fu || !is_plain(&header, 1))
        return -EBADMSG;
    if (start && (rc = begin_nal(d)) == 0)
        rc = mcu_depay_append(d, &header, 1);
    else if (!start && (d->unit->data[h->nal_at] & 0x1f) != (fu & 0x1f))
        rc = -EBADMSG;
    if (rc == 0)
        rc = mcu_depay_append(d, c.p, mcu_cursor_left(&c));
    if (rc < 0)
        return rc;
    h->in_fu = !(fu & FU_END);
    if (!h->in_fu)
        note_nal(d);
    return 0;
}

int mcu_depay_h264_take(struct mcu_depay *d, const uint8_t *payload, size_t size)
{
    struct mcu_cursor c = mcu_cursor(payload, size);
    uint8_t indicator = mcu_cursor_u8(&c);
    int type = indicator & 0x1f;
    if (c.bad || indicator & 0x80)
        return -EBADMSG;
    if (type == FU_A)
        return take_fu(d, indicator, c);
    if (d->h264.in_fu) /* its end never came */
        return -EBADMSG;
    if (type == STAP_B)
        mcu_cursor_u16(&c); /* decoding order number: packets come in that order already */
    if (type == STAP_A || type == STAP_B)
        return take_stap(d, c);
    return take_nal(d, payload, size); /* refuses MTAP, FU-B and what is not defined */
}

/* A picture's first slice holds macroblock 0; first_mb_in_slice is then the single bit 1. Arbitrary
 * slice order (baseline) can begin elsewhere: such a unit is dropped if a loss precedes it. */
static bool is_later_slice(uint8_t header, struct mcu_cursor c)
{
    int type = header & 0x1f;
    if (type > NAL_PART_A && type <= NAL_PART_C)
        return true;
    if (type != NAL_SLICE && type != NAL_PART_A && type != NAL_IDR)
        return false;
    return mcu_cursor_left(&c) > 0 && !(mcu_cursor_u8(&c) & 0x80);
}

bool mcu_depay_h264_is_tail(const uint8_t *payload, size_t size)
{
    struct mcu_cursor c = mcu_cursor(payload, size);
    uint8_t header = mcu_cursor_u8(&c);
    int type = header & 0x1f;
    if (type == FU_A) {
        header = mcu_cursor_u8(&c);
        return !c.bad && (!(header & FU_START) || is_later_slice(header, c));
    }
    if (type == STAP_A || type == STAP_B) {
        mcu_cursor_take(&c, type == STAP_A ? 2 : 4);
        header = mcu_cursor_u8(&c);
    }
    return is_later_slice(header, c);
}

void mcu_depay_h264_begin(struct mcu_depay *d)
{
    struct mcu_depay_h264 *h = &d->h264;
    h->nal_at = h->aud_end = 0;
    h->in_fu = h->idr = h->recovery = h->slices = false;
    h->all_intra = true;
    h->has_sps = 0;
    memset(h->has_pps, 0, sizeof(h->has_pps));
    memset(h->uses_pps, 0, sizeof(h->uses_pps));
}

/* ---- The end of a unit: parameter sets that it lacks ---- */

static bool has_bit(const uint64_t *mask, int i)
{
    return mask[i / 64] >> i % 64 & 1;
}

struct missing {
    const struct mcu_h264_set *set[MCU_H264_SPS_KEPT + MCU_H264_PPS_KEPT];
    int count;
    size_t bytes;
};

static void add_missing(struct missing *m, const struct mcu_h264_set *s)
{
    m->set[m->count++] = s;
    m->bytes += sizeof(start_code) + s->bytes;
}

/* What the unit lacks: sets that came in units which were not given out, and those that a
 * keyframe's slices refer to. SPS stand before PPS. */
static void find_missing(const struct mcu_depay *d, struct missing *m)
{
    const struct mcu_depay_h264 *h = &d->h264;
    uint32_t uses_sps = 0;
    for (int i = 0; i < MCU_H264_PPS_KEPT; i++)
        if (h->pps[i].bytes && has_bit(h->uses_pps, h->pps[i].id))
            uses_sps |= 1u << h->pps[i].sps;
    for (int i = 0; i < MCU_H264_SPS_KEPT; i++) {
        const struct mcu_h264_set *s = &h->sps[i];
        bool wanted = s->state == MCU_SET_WAITING || (d->keyframe && uses_sps >> s->id & 1);
        if (s->bytes && wanted && !(h->has_sps >> s->id & 1))
            add_missing(m, s);
    }
    for (int i = 0; i < MCU_H264_PPS_KEPT; i++) {
        const struct mcu_h264_set *s = &h->pps[i];
        bool wanted = s->state == MCU_SET_WAITING || (d->keyframe && has_bit(h->uses_pps, s->id));
        if (s->bytes && wanted && !has_bit(h->has_pps, s->id))
            add_missing(m, s);
    }
}

static int insert_missing(struct mcu_depay *d)
{
    struct missing m = { .count = 0 };
    uint8_t *at;
    find_missing(d, &m);
    int rc = m.count ? mcu_depay_grow(d, m.bytes, &at) : 0;
    if (rc < 0 || !m.count)
        return rc;
    /* An access unit delimiter stays first (H.264 7.4.1.2.3). */
    at = d->unit->data + d->h264.aud_end;
    memmove(at + m.bytes, at, d->unit->size - m.bytes - d->h264.aud_end);
    struct mcu_wcursor w = mcu_wcursor(at, m.bytes);
    for (int i = 0; i < m.count; i++) {
        mcu_wcursor_bytes(&w, start_code, sizeof(start_code));
        mcu_wcursor_bytes(&w, m.set[i]->data, m.set[i]->bytes);
    }
    return 0;
}

static void mark_given(struct mcu_h264_set *sets, int count)
{
    for (int i = 0; i < count; i++)
        if (sets[i].state == MCU_SET_WAITING)
            sets[i].state = MCU_SET_GIVEN;
}

int mcu_depay_h264_end(struct mcu_depay *d)
{
    struct mcu_depay_h264 *h = &d->h264;
    if (h->in_fu)
        return -EBADMSG;
    if (!h->slices) /* decoders take a unit without a picture for an error */
        return 0;
    d->keyframe = h->idr || (h->recovery && h->all_intra);
    int rc = insert_missing(d);
    if (rc < 0)
        return rc;
    mark_given(h->sps, MCU_H264_SPS_KEPT);
    mark_given(h->pps, MCU_H264_PPS_KEPT);
    return 1;
}
