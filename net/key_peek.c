#include "net/key_peek.h"

#include "mixer/base/cursor.h"
#include "mixer/base/util.h"

/* ---- VP8 ---- */

/* RFC 7741 4.2: X R N S R PID; then I L T K and what they announce. The cursor is then at the frame. */
static bool vp8_starts(struct mcu_cursor *c)
{
    uint8_t first = mcu_cursor_u8(c);
    uint8_t ext = first & 0x80 ? mcu_cursor_u8(c) : 0;
    if (ext & 0x80 && mcu_cursor_u8(c) & 0x80)
        mcu_cursor_u8(c);
    if (ext & 0x40)
        mcu_cursor_u8(c);
    if (ext & 0x30)
        mcu_cursor_u8(c);
    return (first & 0x17) == 0x10;
}

/* RFC 6386 9.1: frame tag, start code, width and height of 14 bits with a scale of 2. */
static bool peek_vp8(struct mcu_cursor c, int *rows)
{
    if (!vp8_starts(&c) || mcu_cursor_u8(&c) & 1 || c.bad)
        return false;
    mcu_cursor_u16(&c);
    bool code = mcu_cursor_be(&c, 3) == 0x9d012a;
    mcu_cursor_u16(&c);
    unsigned low = mcu_cursor_u8(&c), high = mcu_cursor_u8(&c);
    if (!c.bad && code)
        *rows = (int)(low | (high & 0x3f) << 8);
    return true;
}

/* ---- VP9 ---- */

enum { VP9_I = 0x80, VP9_P = 0x40, VP9_L = 0x20, VP9_F = 0x10, VP9_B = 0x08, VP9_V = 0x02 };

/* RFC 9628 4.2.1: the scalability structure has the sizes of all spatial layers, the largest last. */
static void vp9_sizes(struct mcu_cursor *c, int *rows)
{
    uint8_t ss = mcu_cursor_u8(c);
    int height = 0;
    for (int i = 0; ss & 0x10 && i <= ss >> 5; i++) {
        mcu_cursor_u16(c);
        height = mcu_cursor_u16(c);
    }
    if (!c->bad && height > 0)
        *rows = height;
}

static bool peek_vp9(struct mcu_cursor c, int *rows)
{
    uint8_t d = mcu_cursor_u8(&c), layer = 0;
    if (d & VP9_I && mcu_cursor_u8(&c) & 0x80)
        mcu_cursor_u8(&c);
    if (d & VP9_L)
        layer = mcu_cursor_u8(&c) >> 1 & 7;
    if (d & VP9_L && !(d & VP9_F))
        mcu_cursor_u8(&c); /* TL0PICIDX */
    if (c.bad || d & VP9_P || !(d & VP9_B) || layer != 0)
        return false;
    if (d & VP9_V)
        vp9_sizes(&c, rows);
    return true;
}

/* ---- H.264 ---- */

/* Bits, emulation prevention left out (H.264 7.3.1). */
struct bits {
    struct mcu_cursor c;
    int zeros;
    unsigned byte, left;
};

static unsigned bit(struct bits *b)
{
    if (b->left == 0) {
        b->byte = mcu_cursor_u8(&b->c);
        if (b->byte == 3 && b->zeros >= 2) {
            b->zeros = 0;
            b->byte = mcu_cursor_u8(&b->c);
        }
        b->zeros = b->byte == 0 ? b->zeros + 1 : 0;
        b->left = 8;
    }
    return b->byte >> --b->left & 1;
}

static unsigned bits_of(struct bits *b, int n)
{
    unsigned v = 0;
    while (n-- > 0)
        v = v << 1 | bit(b);
    return v;
}

static unsigned ue(struct bits *b)
{
    int n = 0;
    while (!bit(b) && n < 24 && !b->c.bad)
        n++;
    return (1u << n) - 1 + bits_of(b, n);
}

/* H.264 7.3.2.1.1 up to the height. Scaling matrices, which conference senders do not use, hide it. */
static int sps_rows(struct mcu_cursor nal)
{
    struct bits b = { .c = nal };
    unsigned profile = bits_of(&b, 8), chroma = 1;
    bits_of(&b, 16);
    ue(&b);
    if (profile >= 100 && (profile == 100 || profile == 110 || profile == 122 || profile == 244)) {
        chroma = ue(&b);
        if (chroma == 3)
            bit(&b);
        ue(&b), ue(&b), bit(&b);
        if (bit(&b))
            return 0;
    }
    ue(&b);
    unsigned order = ue(&b);
    if (order == 0)
        ue(&b);
    if (order == 1) /* offsets for each frame of a cycle: nobody's in conferences */
        return 0;
    ue(&b), bit(&b), ue(&b);
    unsigned units = ue(&b) + 1, frames = bit(&b), cut = 0;
    if (!frames)
        bit(&b);
    bit(&b);
    if (bit(&b)) {
        ue(&b), ue(&b);
        cut = ue(&b) + ue(&b);
    }
    unsigned step = (chroma == 1 ? 2 : 1) * (2 - frames);
    long rows = (long)units * 16 * (2 - (long)frames) - (long)cut * step;
    return b.c.bad || rows < 16 || rows > 16384 ? 0 : (int)rows;
}

/* The parameter sets begin it: alone, or first in a STAP-A (RFC 6184 5.7.1). An IDR slice without
 * them is of no use to who joins here. */
static bool peek_h264(struct mcu_cursor c, int *rows)
{
    int type = mcu_cursor_u8(&c) & 0x1f;
    if (type == 24) {
        c = mcu_cursor_sub(&c, mcu_cursor_u16(&c));
        type = mcu_cursor_u8(&c) & 0x1f;
    }
    if (c.bad || type != 7)
        return false;
    int height = sps_rows(c);
    if (height > 0)
        *rows = height;
    return true;
}

/* ---- AV1 ---- */

/* The aggregation header is Z Y W N: a new coded video sequence begins, and no fragment goes on. */
static bool peek_av1(struct mcu_cursor c, int *rows)
{
    return (mcu_cursor_u8(&c) & 0x88) == 0x08;
}

bool mcu_key_peek(enum mcu_codec codec, const uint8_t *payload, size_t size, int *rows)
{
    static const struct {
        enum mcu_codec codec;
        bool (*peek)(struct mcu_cursor c, int *rows);
    } peeks[] = {
        { MCU_CODEC_VP8, peek_vp8 },
        { MCU_CODEC_H264, peek_h264 },
        { MCU_CODEC_VP9, peek_vp9 },
        { MCU_CODEC_AV1, peek_av1 },
    };
    for (size_t i = 0; size > 0 && i < MCU_ARRAY_LEN(peeks); i++)
        if (peeks[i].codec == codec)
            return peeks[i].peek(mcu_cursor(payload, size), rows);
    return false;
}
