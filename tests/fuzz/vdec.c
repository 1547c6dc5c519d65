/* tests/fuzz/vdec.c - a stream of units against the decoders, and the header parser alone.
 * Input: one byte (0 to 3: H.264, VP8, VP9, AV1), then units as a 16-bit length (bit 15: gap before) and bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/vdec.h"
#include "codec/vhead.h"
#include "mixer/base/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every sample of a picture that is shown can be read. */
static uint8_t touch(const struct mcu_pic *p)
{
    uint8_t all = 0;
    if (p->width < 2 || p->height < 2 || p->width > 320 || p->height > 320)
        abort();
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < mcu_pic_plane_h(p, i); y++) {
            const uint8_t *row = p->plane[i] + (ptrdiff_t)y * p->stride[i];
            all ^= row[0];
            all ^= row[mcu_pic_plane_w(p, i) - 1];
        }
    return all;
}

/* What the decoder does to a parameter set must leave the sizes as they were. */
static void rewrite_sets(const uint8_t *data, size_t size)
{
    struct mcu_nal nal;
    struct mcu_sps before, after;
    size_t pos = 0;
    while (mcu_annexb_next(data, size, &pos, &nal)) {
        if (mcu_sps_parse(&before, nal.data, nal.size) < 0)
            continue;
        uint8_t *copy = malloc(nal.size);
        memcpy(copy, nal.data, nal.size);
        mcu_sps_drop_restriction(&before, copy, nal.size);
        if (mcu_sps_parse(&after, copy, nal.size) < 0 || before.width != after.width
            || before.height != after.height)
            abort();
        free(copy);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mcu_cursor c = mcu_cursor(data, size);
    static const enum mcu_codec codecs[] = { MCU_CODEC_H264, MCU_CODEC_VP8, MCU_CODEC_VP9,
                                             MCU_CODEC_AV1 };
    enum mcu_codec codec = codecs[mcu_cursor_u8(&c) & 3];
    struct mcu_vdec *d = NULL;
    if (mcu_vdec_new(&d, codec, 320, 240) < 0)
        abort();
    for (int n = 0; n < 32 && mcu_cursor_left(&c) >= 2; n++) {
        uint16_t head = mcu_cursor_u16(&c);
        size_t bytes = head & 0x7fff;
        if (bytes > mcu_cursor_left(&c))
            bytes = mcu_cursor_left(&c);
        const uint8_t *p = mcu_cursor_take(&c, bytes);
        struct mcu_unit *u = mcu_unit_new(bytes);
        struct mcu_pic *pic = NULL;
        if (bytes)
            memcpy(u->data, p, bytes);
        u->size = bytes;
        u->gap_before = head >> 15;
        if (codec == MCU_CODEC_H264)
            rewrite_sets(u->data, u->size);
        if (mcu_vdec_decode(d, u, &pic) < 0 && pic)
            abort();
        mcu_unit_unref(&u);
        if (pic) {
            volatile uint8_t seen = touch(pic);
            (void)seen;
        }
        mcu_pic_unref(&pic);
    }
    mcu_vdec_free(&d);
    return 0;
}
