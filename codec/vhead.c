#include "codec/vhead.h"

#include <errno.h>
#include <string.h>

#include "codec/vhead_priv.h"
#include "mixer/base/cursor.h"
#include "mixer/base/util.h"

/* Bits of a NAL unit without its emulation prevention bytes (H.264 7.3.1: 00 00 03). Reading past
 * the end gives zeros and marks the reader bad. */
struct bits {
    const uint8_t *data;
    size_t size, pos; /* bytes */
    int bit;          /* next bit of data[pos], 0 is the highest */
    int zeros;        /* zero bytes just before pos, up to 2 */
    bool bad;
};

static struct bits bits_of(const uint8_t *nal, size_t size)
{
    return (struct bits){ .data = nal, .size = size, .pos = 1 };
}

static void next_byte(struct bits *b)
{
    b->zeros = b->data[b->pos] ? 0 : mcu_min(b->zeros + 1, 2);
    b->pos++;
    b->bit = 0;
}

static unsigned u1(struct bits *b)
{
    if (b->bit == 0 && b->zeros == 2 && b->pos < b->size && b->data[b->pos] == 3)
        next_byte(b);
    if (b->pos >= b->size) {
        b->bad = true;
        return 0;
    }
    unsigned v = b->data[b->pos] >> (7 - b->bit) & 1;
    if (++b->bit == 8)
        next_byte(b);
    return v;
}

static unsigned un(struct bits *b, int n)
{
    unsigned v = 0;
    while (n-- > 0)
        v = v << 1 | u1(b);
    return v;
}

/* ue(v), H.264 9.1; more than 31 leading zeros are refused. */
static unsigned ue(struct bits *b)
{
    int zeros = 0;
    while (!b->bad && u1(b) == 0)
        zeros++;
    if (b->bad || zeros > 31) {
        b->bad = true;
        return 0;
    }
    return (unsigned)((UINT64_C(1) << zeros) - 1 + un(b, zeros));
}

static int se(struct bits *b)
{
    unsigned k = ue(b);
    int half = (int)(k / 2);
    return k & 1 ? half + 1 : -half;
}

/* H.264 7.3.2.1.1.1. */
static void skip_scaling_list(struct bits *b, int n)
{
    int last = 8, next = 8;
    for (int i = 0; i < n && !b->bad; i++) {
        if (next)
            next = (int)(((unsigned)last + (unsigned)se(b)) & 255);
        last = next ? next : last;
    }
}

static bool has_chroma_format(unsigned profile)
{
    static const uint8_t with[] = { 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135 };
    return memchr(with, (int)profile, sizeof(with));
}

/* Returns chroma_format_idc. */
static unsigned read_high_profile(struct bits *b)
{
    unsigned chroma = ue(b);
    if (chroma > 3)
        b->bad = true;
    if (chroma == 3)
        u1(b); /* separate_colour_plane_flag */
    ue(b);
    ue(b); /* bit depths */
    u1(b);
    if (u1(b))
        for (int i = 0; i < (chroma == 3 ? 12 : 8) && !b->bad; i++)
            if (u1(b))
                skip_scaling_list(b, i < 6 ? 16 : 64);
    return chroma;
}

static void skip_poc(struct bits *b)
{
    unsigned type = ue(b);
    if (type == 0) {
        ue(b);
    } else if (type == 1) {
        u1(b);
        se(b);
        se(b);
        unsigned cycle = ue(b);
        if (cycle > 255)
            b->bad = true;
        for (unsigned i = 0; i < cycle && !b->bad; i++)
            se(b);
    }
}

/* H.264 E.1.2. */
static void skip_hrd(struct bits *b)
{
    unsigned count = ue(b) + 1;
    if (count > 32)
        b->bad = true;
    un(b, 8);
    for (unsigned i = 0; i < count && !b->bad; i++) {
        ue(b);
        ue(b);
        u1(b);
    }
    un(b, 20);
}

/* H.264 E.1.1, up to the bitstream restriction, which alone is kept. */
static void read_vui(struct mcu_sps *out, struct bits *b)
{
    if (u1(b) && un(b, 8) == 255) /* aspect_ratio_idc, Extended_SAR */
        un(b, 32);
    if (u1(b))
        u1(b); /* overscan */
    if (u1(b)) {
        un(b, 4); /* video_format, full range */
        if (u1(b))
            un(b, 24);
    }
    if (u1(b)) {
        ue(b);
        ue(b); /* chroma location */
    }
    if (u1(b)) {
        un(b, 32);
        un(b, 32);
        u1(b); /* timing */
    }
    bool nal_hrd = u1(b);
    if (nal_hrd)
        skip_hrd(b);
    bool vcl_hrd = u1(b);
    if (vcl_hrd)
        skip_hrd(b);
    if (nal_hrd || vcl_hrd)
        u1(b);
    u1(b); /* pic_struct_present_flag */
    size_t at = b->pos * 8 + (size_t)b->bit;
    /* An emulation prevention byte may stand just before the flag. */
    if (b->bit == 0 && b->zeros == 2 && b->pos < b->size && b->data[b->pos] == 3)
        at += 8;
    if (!u1(b) || b->bad)
        return;
    u1(b);
    for (int i = 0; i < 4; i++)
        ue(b);
    int reorder = (int)mcu_min((int)(ue(b) & 0xff), 16);
    ue(b);
    if (b->bad)
        return;
    out->restriction_bit = at;
    out->reorder_frames = reorder;
}

static int set_sizes(struct mcu_sps *out, unsigned mbs_w, unsigned map_h, bool frame_only)
{
    /* 16384 is far above every limit, and keeps the products below in range. */
    if (mbs_w > 1024 || map_h > 1024)
        return -EBADMSG;
    out->coded_width = out->width = (int)mbs_w * 16;
    out->coded_height = out->height = (int)map_h * 16 * (frame_only ? 1 : 2);
    return 0;
}

static int read_crop(struct mcu_sps *out, struct bits *b, unsigned chroma, bool frame_only)
{
    unsigned c[4];
    for (int i = 0; i < 4; i++)
        c[i] = ue(b);
    unsigned ux = chroma == 1 || chroma == 2 ? 2 : 1;
    unsigned uy = (chroma == 1 ? 2 : 1) * (frame_only ? 1 : 2);
    for (int i = 0; i < 4; i++)
        if (c[i] > 16384)
            return -EBADMSG;
    int w = out->coded_width - (int)(ux * (c[0] + c[1]));
    int h = out->coded_height - (int)(uy * (c[2] + c[3]));
    if (w < 1 || h < 1)
        return -EBADMSG;
    out->width = w;
    out->height = h;
    return 0;
}

int mcu_sps_parse(struct mcu_sps *out, const uint8_t *nal, size_t size)
{
    struct bits b = bits_of(nal, size);
    struct mcu_sps s = { .reorder_frames = -1 };
    unsigned chroma = 1;
    s.profile_idc = (int)un(&b, 8);
    un(&b, 8);
    s.level_idc = (int)un(&b, 8);
    ue(&b);
    if (has_chroma_format((unsigned)s.profile_idc))
        chroma = read_high_profile(&b);
    ue(&b);
    skip_poc(&b);
    ue(&b);
    u1(&b);
    unsigned mbs_w = ue(&b), map_h = ue(&b);
    bool frame_only = u1(&b);
    if (b.bad || mbs_w >= 1024 || map_h >= 1024)
        return -EBADMSG;
    int rc = set_sizes(&s, mbs_w + 1, map_h + 1, frame_only);
    if (!frame_only)
        u1(&b);
    u1(&b);
    if (rc == 0 && u1(&b))
        rc = read_crop(&s, &b, chroma, frame_only);
    bool vui = u1(&b);
    if (rc < 0 || b.bad)
        return -EBADMSG;
    if (vui)
        read_vui(&s, &b); /* many are broken; the picture does not hang on it */
    *out = s;
    return 0;
}

void mcu_sps_drop_restriction(const struct mcu_sps *sps, uint8_t *nal, size_t size)
{
    size_t flag = sps->restriction_bit, stop = flag + 1;
    if (!flag || stop / 8 >= size)
        return;
    uint8_t keep = (uint8_t)(0xff00 >> flag % 8); /* the bits before the flag */
    uint8_t last = flag % 8 == 7 ? 0x80 : (uint8_t)((nal[flag / 8] & keep) | 0x40 >> flag % 8);
    if (last <= 3 && nal[stop / 8 - 1] == 0 && nal[stop / 8 - 2] == 0)
        return;
    nal[flag / 8] &= keep;
    nal[stop / 8] = last;
    memset(nal + stop / 8 + 1, 0, size - stop / 8 - 1);
}

/* Whether an SEI NAL unit carries a recovery point (H.264 D.1.8, payloadType 6). */
static bool has_recovery_point(const struct mcu_nal *nal)
{
    struct bits b = bits_of(nal->data, nal->size);
    while (!b.bad && b.pos + 2 < b.size) {
        unsigned type = 0, bytes = 0, v;
        while ((v = un(&b, 8)) == 255 && !b.bad)
            type += 255;
        type += v;
        while ((v = un(&b, 8)) == 255 && !b.bad)
            bytes += 255;
        bytes += v;
        if (type == 6)
            return !b.bad;
        for (unsigned i = 0; i < bytes && !b.bad; i++)
            un(&b, 8);
    }
    return false;
}

/* slice_type of H.264 table 7-6, 0 to 4; -1 when it cannot be read. */
static int slice_type(const struct mcu_nal *nal)
{
    struct bits b = bits_of(nal->data, nal->size);
    ue(&b); /* first_mb_in_slice */
    unsigned type = ue(&b);
    return b.bad || type > 9 ? -1 : (int)(type % 5);
}

static void add_slice(struct mcu_vhead *out, const struct mcu_nal *nal, int *intra, int *idr)
{
    int type = slice_type(nal);
    out->slices++;
    out->bidirectional |= type == 1;
    *intra += type == 2 || type == 4; /* I, SI */
    *idr += nal->type == MCU_NAL_IDR;
}

static int parse_h264(struct mcu_vhead *out, const uint8_t *data, size_t size)
{
    struct mcu_nal nal;
    struct mcu_sps sps;
    size_t pos = 0;
    int intra = 0, idr = 0;
    bool recovery = false;
    while (mcu_annexb_next(data, size, &pos, &nal)) {
        if (nal.type == MCU_NAL_SPS) {
            if (mcu_sps_parse(&sps, nal.data, nal.size) < 0)
                return -EBADMSG;
            out->coded_width = mcu_max(out->coded_width, sps.coded_width);
            out->coded_height = mcu_max(out->coded_height, sps.coded_height);
            out->reorders |= sps.reorder_frames > 0;
        } else if (nal.type == MCU_NAL_SEI) {
            recovery |= has_recovery_point(&nal);
        } else if (nal.type == MCU_NAL_SLICE || nal.type == MCU_NAL_IDR || nal.type == 2) {
            add_slice(out, &nal, &intra, &idr);
        }
    }
    if (out->slices)
        out->start = idr == out->slices     ? MCU_VSTART_KEY
                     : recovery             ? MCU_VSTART_RECOVERY
                     : intra == out->slices ? MCU_VSTART_INTRA
                                            : MCU_VSTART_NONE;
    return 0;
}

/* RFC 6386 9.1: a 3-byte frame tag; keyframes go on with a start code and two 14-bit sizes. */
static int parse_vp8(struct mcu_vhead *out, const uint8_t *data, size_t size)
{
    struct mcu_cursor c = mcu_cursor(data, size);
    uint8_t tag = mcu_cursor_u8(&c);
    mcu_cursor_u16(&c);
    if (c.bad)
        return -EBADMSG;
    out->slices = 1;
    if (tag & 1)
        return 0;
    if (mcu_cursor_be(&c, 3) != 0x9d012a)
        return -EBADMSG;
    uint16_t w = mcu_cursor_u16(&c), h = mcu_cursor_u16(&c);
    out->coded_width = (w >> 8 | w << 8) & 0x3fff;
    out->coded_height = (h >> 8 | h << 8) & 0x3fff;
    out->start = MCU_VSTART_KEY;
    return c.bad || !out->coded_width || !out->coded_height ? -EBADMSG : 0;
}

int mcu_vhead_parse(struct mcu_vhead *out, enum mcu_codec codec, const uint8_t *data, size_t size)
{
    *out = (struct mcu_vhead){ 0 };
    return codec == MCU_CODEC_VP8   ? parse_vp8(out, data, size)
           : codec == MCU_CODEC_VP9 ? mcu_vhead_vp9(out, data, size)
           : codec == MCU_CODEC_AV1 ? mcu_vhead_av1(out, data, size)
                                    : parse_h264(out, data, size);
}
