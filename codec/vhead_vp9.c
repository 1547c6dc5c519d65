/* VP9: uncompressed frame headers (VP9 bitstream specification 6.2) and superframes (Annex B). */
#include <errno.h>

#include "codec/bits.h"
#include "codec/vhead_priv.h"
#include "mixer/base/util.h"

#define SYNC_CODE  0x498342
#define FRAMES_MAX 8
#define CS_RGB     7

static void read_sync(struct mcu_bits *b)
{
    b->bad |= mcu_bits_n(b, 24) != SYNC_CODE;
}

/* color_config, 6.2.2. */
static void skip_colour(struct mcu_bits *b, unsigned profile)
{
    if (profile >= 2)
        mcu_bits_1(b); /* depth */
    if (mcu_bits_n(b, 3) != CS_RGB) {
        mcu_bits_1(b); /* range */
        if (profile & 1)
            mcu_bits_n(b, 3);
    } else if (profile & 1) {
        mcu_bits_1(b);
    }
}

/* frame_size, 6.2.3. */
static void read_size(struct mcu_vhead *out, struct mcu_bits *b)
{
    int w = (int)mcu_bits_n(b, 16) + 1, h = (int)mcu_bits_n(b, 16) + 1;
    if (b->bad)
        return;
    out->coded_width = mcu_max(out->coded_width, w);
    out->coded_height = mcu_max(out->coded_height, h);
}

/* What is predicted takes its size from one of three references, or says one (6.2.4). */
static void read_inter(struct mcu_vhead *out, struct mcu_bits *b)
{
    mcu_bits_n(b, 8 + 3 * 4); /* refresh_frame_flags, the references */
    for (int i = 0; i < 3; i++)
        if (mcu_bits_1(b))
            return;
    read_size(out, b);
}

static void read_predicted(struct mcu_vhead *out, struct mcu_bits *b, unsigned profile, bool shown,
                           bool resilient)
{
    bool intra = shown ? false : mcu_bits_1(b);
    if (!resilient)
        mcu_bits_n(b, 2); /* reset_frame_context */
    if (!intra) {
        read_inter(out, b);
        return;
    }
    read_sync(b);
    if (profile > 0)
        skip_colour(b, profile);
    mcu_bits_n(b, 8);
    read_size(out, b);
}

static int parse_frame(struct mcu_vhead *out, const uint8_t *data, size_t size)
{
    struct mcu_bits b = mcu_bits(data, size);
    if (mcu_bits_n(&b, 2) != 2)
        return -EBADMSG;
    unsigned profile = mcu_bits_1(&b);
    profile |= mcu_bits_1(&b) << 1;
    if (profile == 3 && mcu_bits_1(&b))
        return -EBADMSG;
    bool existing = mcu_bits_1(&b), first = out->slices == 0;
    out->slices++;
    if (existing)
        return b.bad ? -EBADMSG : 0;
    bool key = !mcu_bits_1(&b), shown = mcu_bits_1(&b), resilient = mcu_bits_1(&b);
    if (key) {
        read_sync(&b);
        skip_colour(&b, profile);
        read_size(out, &b);
        if (first) /* spatial layers above a keyframe are predicted from it */
            out->start = MCU_VSTART_KEY;
    } else {
        read_predicted(out, &b, profile, shown, resilient);
    }
    return b.bad ? -EBADMSG : 0;
}

/* The frames that the index at the end of a superframe names; 0: there is none. Returns their
 * count, or -EBADMSG where they are larger than it. */
static int read_index(size_t sizes[FRAMES_MAX], const uint8_t *data, size_t size)
{
    uint8_t marker = data[size - 1];
    int count = (marker & 7) + 1, bytes = (marker >> 3 & 3) + 1;
    size_t index = 2 + (size_t)(count * bytes), total = 0;
    if ((marker & 0xe0) != 0xc0 || size < index || data[size - index] != marker)
        return 0;
    const uint8_t *p = data + size - index + 1;
    for (int i = 0; i < count; i++) {
        sizes[i] = 0;
        for (int k = 0; k < bytes; k++)
            sizes[i] |= (size_t)*p++ << 8 * k;
        total += sizes[i];
    }
    return total <= size - index ? count : -EBADMSG;
}

int mcu_vhead_vp9(struct mcu_vhead *out, const uint8_t *data, size_t size)
{
    size_t sizes[FRAMES_MAX];
    if (size == 0)
        return -EBADMSG;
    int count = read_index(sizes, data, size);
    if (count == 0)
        return parse_frame(out, data, size);
    int rc = count < 0 ? count : 0;
    for (int i = 0; i < count && rc == 0; i++) {
        if (sizes[i])
            rc = parse_frame(out, data, sizes[i]);
        data += sizes[i];
    }
    return rc == 0 && !out->slices ? -EBADMSG : rc;
}
