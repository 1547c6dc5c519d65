/* tests/fuzz/depay_vp9.c - VP9 payloads to pictures (net/payload.h), and their headers
 * (codec/vhead.h). */
#include "codec/vhead.h"
#include "tests/fuzz/depay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct mcu_unit *u)
{
    struct mcu_vhead head;
    struct mcu_unit *again = repack(u, false, 32 + (int)(u->size % 1200));
    CHECK(again && again->size == u->size && !memcmp(again->data, u->data, u->size));
    CHECK(again->keyframe == u->keyframe);
    if (mcu_vhead_parse(&head, u->codec, u->data, u->size) == 0 && head.start == MCU_VSTART_KEY)
        CHECK(head.coded_width > 0 && head.coded_height > 0 && u->keyframe);
    mcu_unit_unref(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_depay(MCU_CODEC_VP9, data, size, check);
    return 0;
}
