/* tests/fuzz/depay_av1.c - AV1 payloads to temporal units (net/payload.h), and their headers
 * (codec/vhead.h). */
#include "codec/vhead.h"
#include "mixer/base/obu.h"
#include "tests/fuzz/depay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A delimiter, then units with sizes, to the last byte; at least one is of a frame. */
static void check(const struct mcu_unit *u)
{
    struct mcu_cursor c = mcu_cursor(u->data, u->size);
    struct mcu_vhead head;
    struct mcu_obu obu;
    int count = 0, frames = 0, rc;
    while ((rc = mcu_obu_next(&c, &obu)) > 0) {
        CHECK(obu.has_size && (obu.type == MCU_OBU_DELIMITER) == (count == 0));
        frames += obu.type == MCU_OBU_FRAME || obu.type == MCU_OBU_FRAME_HEADER;
        count++;
    }
    CHECK(rc == 0 && frames > 0);
    if (mcu_vhead_parse(&head, u->codec, u->data, u->size) == 0)
        CHECK(head.slices == frames && (!u->keyframe || head.start == MCU_VSTART_KEY));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_depay(MCU_CODEC_AV1, data, size, check);
    return 0;
}
