/* net/negotiate_priv.h - what choosing (negotiate.c) and writing (nego_write.c) share.
 * Threads: any; values only. */
#ifndef MCU_NET_NEGOTIATE_PRIV_H
#define MCU_NET_NEGOTIATE_PRIV_H

#include "net/h264_params.h"
#include "net/negotiate.h"

/* One format of an offer of ours. */
struct mcu_nego_own {
    enum mcu_codec codec;
    int pt;
    int profile_idc, constraint_flags; /* H.264 */
    bool mode1;
};

#define MCU_NEGO_OWN_MAX (MCU_NEGO_MAX_CODECS * 3 + 1)

/* Our formats for one kind, in the order of our offer; the same for the same caps, so that an
 * answer can be told from caps alone. Returns the count. */
int mcu_nego_own_formats(struct mcu_nego_own out[MCU_NEGO_OWN_MAX],
                         const struct mcu_nego_caps *caps, enum mcu_kind kind);

/* The numbers under which we offer telephone-event at 8000 and 48000 Hz; -1: not offered. */
void mcu_nego_own_dtmf(const struct mcu_nego_caps *caps, int *pt_8000, int *pt_48000);

/* The level that we can receive by caps. */
const struct mcu_h264_level *mcu_nego_own_level(const struct mcu_nego_caps *caps);

/* The codec of a format, if it is one of this kind that we know; else NONE. */
enum mcu_codec mcu_nego_codec_of(const struct mcu_sdp_format *format, enum mcu_kind kind);

/* The level to put into our answer to an H.264 format, and into h->max_* what that level allows. */
void mcu_nego_h264_answer(struct mcu_nego_h264 *h, const char *offered_fmtp,
                          const struct mcu_nego_caps *caps);

/* Whether its pictures are like ours, 8 bits and 4:2:0: profile 0 of VP9 (RFC 9628 6.1) and AV1 (RTP
 * Payload Format For AV1, 7.2). Other codecs fit. */
bool mcu_nego_profile_fits(const struct mcu_sdp_format *format, enum mcu_codec codec);

/* The enum mcu_kind of an m= line, or -1. */
int mcu_nego_kind_of(const struct mcu_sdp_media *media);

/* With l->kind and l->codec (NONE: nothing is sent): what the peer says about the format that we
 * send with, about tones and packet times. */
void mcu_nego_set_params(struct mcu_nego_line *l, const struct mcu_sdp_media *media,
                         const struct mcu_sdp_format *format, const struct mcu_nego_caps *caps);

/* Parts of an answer, for the writer of another kind of answer: rtpmap and fmtp of a format; b= lines;
 * tones; a whole line that is refused. Bytes, or -ENOSPC. */
int mcu_nego_write_format(char *buf, size_t size, const struct mcu_sdp_format *format,
                          enum mcu_codec codec, const struct mcu_nego_caps *caps);
int mcu_nego_write_bandwidth(char *buf, size_t size, const struct mcu_nego_line *line,
                             const struct mcu_nego_caps *caps);
int mcu_nego_write_dtmf(char *buf, size_t size, const struct mcu_nego_line *line);
int mcu_nego_write_refused(char *buf, size_t size, const struct mcu_sdp_media *media);

const struct mcu_sdp_format *mcu_nego_find_pt(const struct mcu_sdp_media *media, int pt);

#endif
