#include "net/h264_params.h"

#include <errno.h>

#include "mixer/base/util.h"
#include "net/sdp_text.h"

#define BASELINE 66
#define MAIN     77
#define EXTENDED 88
#define HIGH     100
#define SET0     0x80 /* constraint_set flags, as in profile-iop */
#define SET1     0x40
#define SET3     0x10
#define LEVEL_1B 9

/* H.264 (08/2021) table A-1; bit rates of the VCL in baseline and main. */
static const struct mcu_h264_level levels[] = {
    { 10, 1485, 99, 64 },
    { LEVEL_1B, 1485, 99, 128 },
    { 11, 3000, 396, 192 },
    { 12, 6000, 396, 384 },
    { 13, 11880, 396, 768 },
    { 20, 11880, 396, 2000 },
    { 21, 19800, 792, 4000 },
    { 22, 20250, 1620, 4000 },
    { 30, 40500, 1620, 10000 },
    { 31, 108000, 3600, 14000 },
    { 32, 216000, 5120, 20000 },
    { 40, 245760, 8192, 20000 },
    { 41, 245760, 8192, 50000 },
    { 42, 522240, 8704, 50000 },
    { 50, 589824, 22080, 135000 },
    { 51, 983040, 36864, 240000 },
    { 52, 2073600, 36864, 240000 },
    { 60, 4177920, 139264, 240000 },
    { 61, 8355840, 139264, 480000 },
    { 62, 16711680, 139264, 800000 },
};

/* Where level 1b is written as level 1.1 with constraint_set3 (H.264 7.4.2.1.1). */
static bool level_1b_by_flag(int profile_idc)
{
    return profile_idc == BASELINE || profile_idc == MAIN || profile_idc == EXTENDED;
}

const struct mcu_h264_level *mcu_h264_level(int profile_idc, int constraint_flags, int level_idc)
{
    bool flag = level_1b_by_flag(profile_idc) && (constraint_flags & SET3) && level_idc == 11;
    if (flag || level_idc == LEVEL_1B)
        return &levels[1];
    const struct mcu_h264_level *found = &levels[0];
    for (size_t i = 2; i < MCU_ARRAY_LEN(levels); i++)
        if (levels[i].level_idc <= level_idc)
            found = &levels[i];
    return found;
}

const struct mcu_h264_level *mcu_h264_level_for(int width, int height, int fps, int bitrate_bps)
{
    int64_t w = (width + 15) / 16, h = (height + 15) / 16;
    size_t last = MCU_ARRAY_LEN(levels) - 1;
    for (size_t i = 0; i < last; i++) {
        const struct mcu_h264_level *l = &levels[i];
        /* A.3.1: neither side above sqrt(8 MaxFS) macroblocks. */
        if (w * h <= l->max_fs && w * h * fps <= l->max_mbps && w * w <= 8 * (int64_t)l->max_fs &&
            h * h <= 8 * (int64_t)l->max_fs && bitrate_bps <= l->max_br_kbps * 1000LL)
            return l;
    }
    return &levels[last];
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = mcu_text_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly `digits` of them; -1 else. */
static int hex(const char *text, size_t digits)
{
    int v = 0;
    if (strlen(text) != digits)
        return -1;
    for (size_t i = 0; i < digits; i++) {
        int d = hex_digit((uint8_t)text[i]);
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

/* Constrained baseline, main and high, and what promises to be decodable as one of these: extended
 * with constraint_set0 or 1 (RFC 6184 table 5). */
static bool decodable(int profile_idc, int flags)
{
    return profile_idc == BASELINE || profile_idc == MAIN || profile_idc == HIGH ||
           (profile_idc == EXTENDED && (flags & (SET0 | SET1)));
}

static int parse_profile(struct mcu_nego_h264 *h, const char *fmtp)
{
    char text[MCU_SDP_FMTP];
    int id = 0x42000a;
    if (mcu_sdp_fmtp_get(fmtp, "profile-level-id", text, sizeof(text)))
        id = hex(text, 6);
    if (id < 0)
        return -EINVAL;
    h->profile_idc = id >> 16;
    h->constraint_flags = id >> 8 & 0xff;
    h->level_idc = id & 0xff;
    return decodable(h->profile_idc, h->constraint_flags) ? 0 : -EINVAL;
}

/* max-recv-level: the last two bytes of a profile-level-id, above the one given (RFC 6184 8.1). */
static const struct mcu_h264_level *receive_level(const struct mcu_nego_h264 *h, const char *fmtp)
{
    char text[16];
    const struct mcu_h264_level *l =
        mcu_h264_level(h->profile_idc, h->constraint_flags, h->level_idc);
    int v = mcu_sdp_fmtp_get(fmtp, "max-recv-level", text, sizeof(text)) ? hex(text, 4) : -1;
    if (v >= 0) {
        const struct mcu_h264_level *more = mcu_h264_level(h->profile_idc, v >> 8, v & 0xff);
        l = more > l ? more : l;
    }
    return l;
}

int mcu_h264_parse(struct mcu_nego_h264 *out, const char *fmtp)
{
    struct mcu_nego_h264 h = { 0 };
    int mode = mcu_sdp_fmtp_int(fmtp, "packetization-mode", 0);
    int rc = parse_profile(&h, fmtp);
    if (rc < 0 || mode > 1)
        return -EINVAL;
    h.mode1 = mode == 1;
    const struct mcu_h264_level *l = receive_level(&h, fmtp);
    /* These may only raise what the level allows; and high takes a quarter more bits (table A-2).
     * The bounds keep sums of them far from overflow. */
    int br = h.profile_idc == HIGH ? l->max_br_kbps / 4 * 5 : l->max_br_kbps;
    h.max_mbps = mcu_max(l->max_mbps, mcu_min(mcu_sdp_fmtp_int(fmtp, "max-mbps", 0), 16711680));
    h.max_fs = mcu_max(l->max_fs, mcu_min(mcu_sdp_fmtp_int(fmtp, "max-fs", 0), 139264));
    h.max_br_kbps = mcu_max(br, mcu_min(mcu_sdp_fmtp_int(fmtp, "max-br", 0), 1000000));
    *out = h;
    return 0;
}

void mcu_h264_set_level(struct mcu_nego_h264 *h, const struct mcu_h264_level *level)
{
    if (level_1b_by_flag(h->profile_idc)) {
        bool is_1b = level->level_idc == LEVEL_1B;
        h->constraint_flags = is_1b ? h->constraint_flags | SET3 : h->constraint_flags & ~SET3;
        h->level_idc = is_1b ? 11 : level->level_idc;
    } else {
        h->level_idc = level->level_idc;
    }
    h->max_mbps = level->max_mbps;
    h->max_fs = level->max_fs;
    h->max_br_kbps = level->max_br_kbps;
}

static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 section 4; the padding may be missing. False on any other character. */
static bool base64(struct mcu_cursor text, struct mcu_wcursor *w)
{
    uint32_t bits = 0;
    int have = 0;
    while (mcu_cursor_left(&text)) {
        uint8_t c = mcu_cursor_u8(&text);
        if (c == '=')
            break;
        int d = base64_digit(c);
        if (d < 0)
            return false;
        bits = bits << 6 | (uint32_t)d;
        have += 6;
        if (have >= 8) {
            have -= 8;
            mcu_wcursor_u8(w, (uint8_t)(bits >> have));
        }
    }
    return !w->bad;
}

size_t mcu_h264_sprop(const char *fmtp, uint8_t *buf, size_t size)
{
    char text[MCU_SDP_FMTP];
    if (!mcu_sdp_fmtp_get(fmtp, "sprop-parameter-sets", text, sizeof(text)))
        return 0;
    struct mcu_cursor c = mcu_cursor(text, strlen(text));
    struct mcu_wcursor w = mcu_wcursor(buf, size);
    while (mcu_cursor_left(&c)) {
        struct mcu_cursor one = mcu_text_trim(mcu_text_until(&c, ','));
        if (!mcu_cursor_left(&one))
            continue;
        mcu_wcursor_be(&w, 1, 4);
        size_t at = mcu_wcursor_size(&w);
        if (!base64(one, &w) || mcu_wcursor_size(&w) < at + 2)
            return 0;
        int type = buf[at] & 0x1f;
        if (type != 7 && type != 8)
            return 0;
    }
    return w.bad ? 0 : mcu_wcursor_size(&w);
}
