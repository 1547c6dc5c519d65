/* codec/vhead.h - what the headers of a coded picture say before any decoder sees it.
 * Threads: pure functions, any. Everything read here is hostile: any bytes, any length. */
#ifndef MCU_CODEC_VHEAD_H
#define MCU_CODEC_VHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mixer/base/annexb.h"
#include "mixer/base/codec_id.h"

/* NAL unit types, H.264 table 7-1. */
enum { MCU_NAL_SLICE = 1, MCU_NAL_IDR = 5, MCU_NAL_SEI = 6, MCU_NAL_SPS = 7, MCU_NAL_PPS = 8,
       MCU_NAL_AUD = 9 };

struct mcu_sps {
    int profile_idc, level_idc;
    int coded_width, coded_height; /* whole macroblocks, before cropping */
    int width, height;             /* after cropping */
    size_t restriction_bit;        /* in the NAL, emulation prevention bytes included: where
                                      bitstream_restriction_flag stands; 0 without a VUI */
    int reorder_frames;            /* max_num_reorder_frames, or -1 when the SPS does not say */
};

/* Reads a sequence parameter set (H.264 7.3.2.1.1, VUI Annex E.1.1). Returns 0, or -EBADMSG when
 * it is cut short or out of range. */
int mcu_sps_parse(struct mcu_sps *out, const uint8_t *nal, size_t size);

/* Ends the parameter set that `sps` was parsed from before its bitstream restriction, in place:
 * the bytes after it become trailing zeros. Decoders then know of no reordering to wait for.
 * Does nothing without one, and in the rare case that it would make a start code. */
void mcu_sps_drop_restriction(const struct mcu_sps *sps, uint8_t *nal, size_t size);

/* How decoding may start at a unit, from worst to best. */
enum mcu_vstart {
    MCU_VSTART_NONE,
    MCU_VSTART_INTRA,    /* all slices intra, but no IDR: what follows may still lean on the past */
    MCU_VSTART_RECOVERY, /* H.264 recovery point: right after some more pictures (D.2.8) */
    MCU_VSTART_KEY,      /* IDR, keyframe; AV1: with its sequence header */
};

struct mcu_vhead {
    int coded_width, coded_height; /* the largest that the unit announces; 0: it announces none */
    int slices;                    /* coded slices; 0: parameter sets or SEI alone. VP8: 1;
                                      VP9, AV1: frames, shown or not */
    bool bidirectional;            /* some of them are B slices */
    bool reorders;                 /* a parameter set announces reordering */
    enum mcu_vstart start;
};

/* Any codec of video. Returns 0, or -EBADMSG when a header that the decoder would need is broken. */
int mcu_vhead_parse(struct mcu_vhead *out, enum mcu_codec codec, const uint8_t *data, size_t size);

#endif
