#include "mixer/base/codec_id.h"

#include <assert.h>

static const struct mcu_codec_info infos[MCU_CODEC_COUNT] = {
    [MCU_CODEC_NONE] = { "none", MCU_AUDIO, 8000, 8000, 1, -1 },
    [MCU_CODEC_OPUS] = { "opus", MCU_AUDIO, 48000, 48000, 2, -1 },
    [MCU_CODEC_G722] = { "G722", MCU_AUDIO, 8000, 16000, 1, 9 },
    [MCU_CODEC_PCMU] = { "PCMU", MCU_AUDIO, 8000, 8000, 1, 0 },
    [MCU_CODEC_PCMA] = { "PCMA", MCU_AUDIO, 8000, 8000, 1, 8 },
    [MCU_CODEC_H264] = { "H264", MCU_VIDEO, 90000, 0, 1, -1 },
    [MCU_CODEC_VP8] = { "VP8", MCU_VIDEO, 90000, 0, 1, -1 },
    [MCU_CODEC_VP9] = { "VP9", MCU_VIDEO, 90000, 0, 1, -1 },
    [MCU_CODEC_AV1] = { "AV1", MCU_VIDEO, 90000, 0, 1, -1 },
    [MCU_CODEC_CN] = { "CN", MCU_AUDIO, 8000, 8000, 1, 13 },
};

const struct mcu_codec_info *mcu_codec_info(enum mcu_codec codec)
{
    assert(codec >= 0 && codec < MCU_CODEC_COUNT);
    return &infos[codec];
}
