/* tests/fuzz/depay_vp8.c - VP8 payloads to frames (net/payload.h). */
#include "tests/fuzz/depay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct mcu_unit *u)
{
    CHECK(u->keyframe == !(u->data[0] & 1));
    struct mcu_unit *again = repack(u, false, 32 + (int)(u->size % 1200));
    CHECK(again && again->size == u->size && !memcmp(again->data, u->data, u->size));
    mcu_unit_unref(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_depay(MCU_CODEC_VP8, data, size, check);
    return 0;
}
