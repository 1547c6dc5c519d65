/* tests/fuzz/depay_h264.c - H.264 payloads to access units (net/payload.h). */
#include "tests/fuzz/depay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A hostile NAL unit may hold start codes, so a unit need not come back the same; once it has been
 * through, it must. */
static void check(const struct mcu_unit *u)
{
    CHECK(u->size > 4 && !memcmp(u->data, (const uint8_t[]){ 0, 0, 0, 1 }, 4));
    CHECK(!(u->data[4] & 0x80) && (u->data[4] & 0x1f) > 0 && (u->data[4] & 0x1f) < 24);
    struct mcu_unit *mode0 = repack(u, false, 1200);
    mcu_unit_unref(&mode0);
    int max_bytes = 32 + (int)(u->size % 1200);
    struct mcu_unit *once = repack(u, true, max_bytes);
    struct mcu_unit *twice = once ? repack(once, true, max_bytes) : NULL;
    if (once)
        CHECK(twice && twice->size == once->size && twice->keyframe == once->keyframe &&
              !memcmp(twice->data, once->data, once->size));
    mcu_unit_unref(&once);
    mcu_unit_unref(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_depay(MCU_CODEC_H264, data, size, check);
    return 0;
}
