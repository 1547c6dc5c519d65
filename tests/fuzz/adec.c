/* tests/fuzz/adec.c - any bytes into every audio decoder. First byte: codec (2 bits), channels
 * (1 bit); then packets, each led by a length byte (in units of 4; its lowest bit: conceal first,
 * with the packet as the one after the loss). */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/adec.h"
#include "mixer/base/cursor.h"
#include "mixer/base/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert: the replay in ctest is built with NDEBUG. */
static void expect(int truth)
{
    if (!truth)
        abort();
}

static void one_packet(struct mcu_adec *dec, const uint8_t *data, size_t size, int conceal,
                       int16_t *pcm)
{
    if (conceal > 0)
        expect(mcu_adec_conceal(dec, conceal, data, size, pcm) == conceal);
    int frames = mcu_adec_packet_frames(dec, data, size);
    expect(frames == -EBADMSG || (frames > 0 && frames <= MCU_ADEC_MAX_FRAMES));
    int got = mcu_adec_decode(dec, data, size, pcm);
    expect(got == frames || got == -EBADMSG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum mcu_codec codecs[] = { MCU_CODEC_OPUS, MCU_CODEC_G722, MCU_CODEC_PCMU,
                                             MCU_CODEC_PCMA };
    struct mcu_cursor c = mcu_cursor(data, size);
    struct mcu_adec *dec = NULL;
    uint8_t head = mcu_cursor_u8(&c);
    int channels = 1 + (head >> 2 & 1);

    if (mcu_adec_new(&dec, codecs[head & 3], channels) < 0)
        return 0;
    /* An exact heap block, so that a write past the end is seen. */
    int16_t *pcm = malloc(sizeof(*pcm) * MCU_ADEC_MAX_FRAMES * (size_t)channels);
    for (int packets = 0; pcm && mcu_cursor_left(&c) > 0 && packets < 20; packets++) {
        uint8_t length = mcu_cursor_u8(&c);
        size_t n = (size_t)mcu_min((int)(length >> 1) * 4, (int)mcu_cursor_left(&c));
        const uint8_t *payload = mcu_cursor_take(&c, n);
        one_packet(dec, payload, n, length & 1 ? 1 + head * 23 % MCU_ADEC_MAX_FRAMES : 0, pcm);
        if (length == 0)
            mcu_adec_reset(dec);
    }
    free(pcm);
    mcu_adec_free(&dec);
    return 0;
}
