/* RTP payloads looked at for keyframes; the first byte chooses the codec. A height that is told is one
 * that a picture can have. */
#include <stdint.h>
#include <stdlib.h>

#include "mixer/base/util.h"
#include "net/key_peek.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum mcu_codec codecs[] = { MCU_CODEC_VP8, MCU_CODEC_VP9, MCU_CODEC_H264,
                                             MCU_CODEC_AV1 };
    int rows = -1;
    if (size == 0)
        return 0;
    bool key = mcu_key_peek(codecs[data[0] % MCU_ARRAY_LEN(codecs)], data + 1, size - 1, &rows);
    if ((!key && rows != -1) || rows < -1 || rows > 65535)
        abort();
    return 0;
}
