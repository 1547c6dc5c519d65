/* net/h264_params.h - H.264 in SDP: profile-level-id, levels, sprop-parameter-sets (RFC 6184 8).
 * Threads: any; values only. The parameters are the peer's and hostile. */
#ifndef MCU_NET_H264_PARAMS_H
#define MCU_NET_H264_PARAMS_H

#include "net/negotiate.h"

/* H.264 table A-1, in order; level 1b has idc 9 here (as high profiles write it). */
struct mcu_h264_level {
    int level_idc, max_mbps, max_fs, max_br_kbps;
};

/* The level that profile-level-id names: the highest in the table that is not above it. Never
 * NULL. constraint_flags tells 1b from 1.1 (constraint_set3, in baseline, main and extended). */
const struct mcu_h264_level *mcu_h264_level(int profile_idc, int constraint_flags, int level_idc);

/* The lowest level that can hold pictures of this size, rate and bitrate (0: any); never NULL. */
const struct mcu_h264_level *mcu_h264_level_for(int width, int height, int fps, int bitrate_bps);

/* What an fmtp says that its sender can receive. Absent: baseline level 1, packetization-mode 0
 * (RFC 6184 8.1). Returns 0, or -EINVAL: no profile-level-id of three hex bytes, a profile that we
 * cannot decode (constrained baseline to high can), or packetization-mode above 1. */
int mcu_h264_parse(struct mcu_nego_h264 *out, const char *fmtp);

/* The constraint flags and level to write for one level of a profile: the inverse of
 * mcu_h264_level. */
void mcu_h264_set_level(struct mcu_nego_h264 *h, const struct mcu_h264_level *level);

/* sprop-parameter-sets as Annex B (4-byte start codes) into buf; SPS and PPS only. Returns the
 * bytes written, 0 when there are none, some cannot be read, or they do not fit. */
size_t mcu_h264_sprop(const char *fmtp, uint8_t *buf, size_t size);

#endif
