/* tests/fuzz/vhead.c - headers of coded pictures (codec/vhead.h), without the decoders behind them: vdec.c
 * has those. First byte: H.264, VP8, VP9 or AV1. What is announced is a picture or nothing, cutting
 * restrictions off a parameter set leaves its sizes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/vhead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) ((x) ? (void)0 : abort())

static void check_sps(const uint8_t *nal, size_t size)
{
    struct mcu_sps before, after;
    if (mcu_sps_parse(&before, nal, size) < 0)
        return;
    uint8_t *copy = malloc(size); /* exact */
    memcpy(copy, nal, size);
    CHECK(before.width > 0 && before.width <= before.coded_width);
    CHECK(before.height > 0 && before.height <= before.coded_height);
    mcu_sps_drop_restriction(&before, copy, size);
    CHECK(mcu_sps_parse(&after, copy, size) == 0);
    CHECK(before.width == after.width && before.height == after.height);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum mcu_codec codecs[] = { MCU_CODEC_H264, MCU_CODEC_VP8, MCU_CODEC_VP9,
                                             MCU_CODEC_AV1 };
    struct mcu_vhead head;
    if (!size)
        return 0;
    enum mcu_codec codec = codecs[data[0] & 3];
    uint8_t *exact = malloc(size);
    memcpy(exact, data + 1, size - 1);
    if (mcu_vhead_parse(&head, codec, exact, size - 1) == 0) {
        CHECK(head.coded_width >= 0 && head.coded_height >= 0 && head.slices >= 0);
        CHECK(head.start >= MCU_VSTART_NONE && head.start <= MCU_VSTART_KEY);
    }
    struct mcu_nal nal;
    for (size_t pos = 0; codec == MCU_CODEC_H264 && mcu_annexb_next(exact, size - 1, &pos, &nal);)
        check_sps(nal.data, nal.size);
    free(exact);
    return 0;
}
