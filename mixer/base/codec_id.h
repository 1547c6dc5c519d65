/* mixer/base/codec_id.h - the codecs by name, with their RTP facts. Threads: any. */
#ifndef MCU_MIXER_BASE_CODEC_ID_H
#define MCU_MIXER_BASE_CODEC_ID_H

#include <stdbool.h>

enum mcu_kind { MCU_AUDIO, MCU_VIDEO };

enum mcu_codec {
    MCU_CODEC_NONE,
    MCU_CODEC_OPUS,
    MCU_CODEC_G722,
    MCU_CODEC_PCMU,
    MCU_CODEC_PCMA,
    MCU_CODEC_H264,
    MCU_CODEC_VP8,
    MCU_CODEC_VP9,
    MCU_CODEC_AV1, /* received only */
    MCU_CODEC_CN,  /* comfort noise (RFC 3389) beside G.711 and G.722: received only */
    MCU_CODEC_COUNT,
};

struct mcu_codec_info {
    const char *name;    /* as in a=rtpmap */
    enum mcu_kind kind;
    int rtp_clock_hz;    /* of the RTP timestamp: 8000 for G.722 (RFC 3551 section 4.5.2) */
    int sample_rate_hz;  /* of the sound itself; 0 for video */
    int rtpmap_channels; /* in a=rtpmap; 2 for Opus always (RFC 7587 section 7) */
    int static_pt;       /* RFC 3551 section 6, or -1 */
};

/* Never NULL for a valid id. */
const struct mcu_codec_info *mcu_codec_info(enum mcu_codec codec);

#endif
