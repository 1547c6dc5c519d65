/* codec/venc.h - video encoders behind one interface: openh264, x264 (libavcodec), libvpx.
 * Threads: new and free anywhere; all other calls from one job at a time.
 *
 * Which one, and how fast: measured (scripts/bench encoders) on a 3x3 canvas of eight moving tiles and a
 * page of text, 1280x720 at 30 pictures/s, one thread, each made to give 1500 kbit/s:
 *                                ms   keyframe   PSNR, worst     SSIM    of the text
 *   openh264, low complexity    6.3     36 kB   36.7, 31.3 dB   0.957     0.991
 *   x264 superfast              6.6     50 kB   36.4, 30.7 dB   0.960     0.986
 *   libvpx VP8, cpu-used -8     9.2     18 kB   36.9, 30.0 dB   0.957     0.986
 *   libvpx VP9, cpu-used 8     12.4     25 kB   37.4, 29.6 dB   0.960     0.982
 * So AUTO is openh264 for H.264: the cheapest and the most legible. */
#ifndef MCU_CODEC_VENC_H
#define MCU_CODEC_VENC_H

#include "mixer/base/picture.h"
#include "mixer/base/unit.h"

enum mcu_venc_backend { MCU_VENC_AUTO, MCU_VENC_OPENH264, MCU_VENC_X264, MCU_VENC_VPX };

struct mcu_venc_config {
    enum mcu_codec codec;          /* H264 (constrained baseline), VP8 or VP9 */
    enum mcu_venc_backend backend; /* AUTO: openh264 for H.264, libvpx for VP8 and VP9 */
    int width, height, fps;
    int bitrate_bps;               /* held within 5 % over a second on ordinary content; up to
                                      25 % above in one with a forced keyframe or a new page */
    int max_nal_bytes;             /* H.264: no NAL unit is larger, so that packetization modes 0
                                      and 1 (RFC 6184 section 6) share the stream; 500 or more, 0: 1180 */
    int level_idc;                 /* H.264: 10 to 52 as in profile-level-id; 0: as needed */
};

struct mcu_venc;

/* Sizes must be even, from 16. The stream says BT.601 limited: pictures are to be that.
 * Returns 0, -EINVAL, -ENOSYS (the backend cannot, or none has the codec) or -ENOMEM. */
int mcu_venc_new(struct mcu_venc **out, const struct mcu_venc_config *config);
void mcu_venc_free(struct mcu_venc **enc);

/* Encodes one picture of the configured size, one unit out at once (no delay, no reordering, no
 * scene-cut keyframes, no frame dropped by the encoder's rate control). keyframe: an IDR or VP8
 * keyframe; H.264 then carries SPS and PPS before it. The unit has the picture's times.
 * Returns 0, -EINVAL (wrong size), -EIO (the encoder failed), -ENOMEM; *out then untouched.
 * A picture must not be changed while it is being encoded; it is not kept. */
int mcu_venc_encode(struct mcu_venc *enc, const struct mcu_pic *pic, bool keyframe,
                    struct mcu_unit **out);

/* The next picture has nothing in common with the last (codec/venc_watch.h): what the encoder has
 * learned of its pictures does not hold, and it begins coarsely. */
void mcu_venc_brace(struct mcu_venc *enc);

/* From the next picture on. */
void mcu_venc_set_bitrate(struct mcu_venc *enc, int bitrate_bps);

/* "openh264", "x264" or "vpx", for logs and metrics. */
const char *mcu_venc_backend_name(const struct mcu_venc *enc);

#endif
