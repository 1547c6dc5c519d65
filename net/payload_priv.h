/* net/payload_priv.h - what net/payload.c shares with the files of each payload format.
 *
 *   payload.c   timestamps, markers, losses, growing units, the queue of finished ones
 *   depay_*.c   one packet's payload > bytes appended to the unit in hand
 *   pay_*.c     one unit > payloads
 *
 * Threads: as net/payload.h. */
#ifndef MCU_NET_PAYLOAD_PRIV_H
#define MCU_NET_PAYLOAD_PRIV_H

#include "mixer/base/annexb.h"
#include "net/payload.h"

/* Parameter sets that are remembered. H.264 7.4.2.1 allows 32 SPS and 256 PPS; conference senders
 * use one or two, and those that count their ids up need only the newest. A set that is larger
 * passes in its unit, but is not remembered. A full table forgets the set that came first. */
#define MCU_H264_SPS_KEPT  8
#define MCU_H264_PPS_KEPT  16
#define MCU_H264_SET_BYTES 512

enum mcu_h264_set_state {
    MCU_SET_OFFERED, /* by the SDP: goes before a keyframe only */
    MCU_SET_WAITING, /* came in a unit not given out (yet): goes before the next that is */
    MCU_SET_GIVEN,   /* was in or before a unit that was given out */
};

struct mcu_h264_set {
    uint16_t bytes;    /* 0: free */
    uint8_t id, sps;   /* sps: the SPS that a PPS refers to */
    enum mcu_h264_set_state state;
    uint32_t age;
    uint8_t data[MCU_H264_SET_BYTES]; /* the NAL unit without start code */
};

struct mcu_depay_h264 {
    struct mcu_h264_set sps[MCU_H264_SPS_KEPT], pps[MCU_H264_PPS_KEPT];
    uint32_t age;
    /* The unit in hand: */
    size_t nal_at;         /* of the NAL unit that is being taken, after its start code */
    size_t aud_end;        /* end of an access unit delimiter that stands first, else 0 */
    bool in_fu;            /* an FU-A waits for its end */
    bool idr, recovery, slices, all_intra;
    uint32_t has_sps;      /* by id */
    uint64_t has_pps[4], uses_pps[4];
};

struct mcu_depay_vp8 {
    bool known, wide;      /* the last frame's picture id: seen, 15 bits */
    uint16_t picture_id;
};

#define MCU_VP9_FRAMES_MAX 8 /* in a superframe (VP9 Annex B) */

struct mcu_depay_vp9 {
    bool known, wide;      /* the last picture's id: seen, 15 bits */
    uint16_t picture_id;
    /* The picture in hand: */
    bool in_frame;         /* a layer frame waits for its end */
    int frames;
    uint32_t frame_at[MCU_VP9_FRAMES_MAX];
};

struct mcu_depay_av1 {
    /* The unit in hand: */
    bool in_obu;           /* a fragment waits for its end */
    bool sequence, frames; /* a sequence header, a frame was in it */
    size_t obu_at;         /* of the last element */
};

#define MCU_DEPAY_QUEUE 2 /* what one packet can finish: the unit before it and its own */

/* What differs between payload formats. */
struct mcu_depay_ops {
    /* Takes one payload of the unit in hand: 0, -EBADMSG or -ENOMEM. */
    int (*take)(struct mcu_depay *d, const uint8_t *payload, size_t size);
    /* True when a well-formed payload cannot be the first of its unit. */
    bool (*is_tail)(const uint8_t *payload, size_t size);
    /* A unit begins; NULL: nothing to do. */
    void (*begin)(struct mcu_depay *d);
    /* A unit ends: 1 (give it out), 0 (nothing to show in it) or an error (incomplete, no room);
     * NULL: it is given out when it has bytes. */
    int (*end)(struct mcu_depay *d);
    bool tail_after_loss;  /* is_tail is only asked where packets are missing */
};

struct mcu_depay {
    enum mcu_codec codec;
    const struct mcu_depay_ops *ops;
    size_t max_bytes;      /* of a unit */
    size_t guess_bytes;    /* room that a new unit starts with, by the last ones */
    struct mcu_unit *queue[MCU_DEPAY_QUEUE];
    int queued;
    bool started;          /* a packet has come */
    bool lost;             /* packets are missing before the next one with a payload */
    bool gap;              /* the next unit given out has gap_before */
    /* The unit in hand: */
    bool open;             /* packets of rtp_ts are being taken */
    bool fresh;            /* none of them yet */
    bool head_lost;        /* packets before the first may be its own */
    bool broken;           /* the rest of it is swallowed */
    uint32_t rtp_ts;
    int64_t seq;
    struct mcu_unit *unit; /* NULL: no bytes yet */
    bool keyframe;
    struct mcu_depay_h264 h264;
    struct mcu_depay_vp8 vp8;
    struct mcu_depay_vp9 vp9;
    struct mcu_depay_av1 av1;
};

/* Room for n more bytes at the end of the unit in hand; its size grows by n. 0, -EBADMSG (over the
 * limit) or -ENOMEM. */
int mcu_depay_grow(struct mcu_depay *d, size_t n, uint8_t **at);
int mcu_depay_append(struct mcu_depay *d, const uint8_t *data, size_t n);

/* As in struct mcu_depay_ops. */
int mcu_depay_h264_take(struct mcu_depay *d, const uint8_t *payload, size_t size);
int mcu_depay_vp8_take(struct mcu_depay *d, const uint8_t *payload, size_t size);
int mcu_depay_vp9_take(struct mcu_depay *d, const uint8_t *payload, size_t size);
int mcu_depay_av1_take(struct mcu_depay *d, const uint8_t *payload, size_t size);
bool mcu_depay_h264_is_tail(const uint8_t *payload, size_t size);
bool mcu_depay_vp8_is_tail(const uint8_t *payload, size_t size);
bool mcu_depay_vp9_is_tail(const uint8_t *payload, size_t size);
bool mcu_depay_av1_is_tail(const uint8_t *payload, size_t size);
void mcu_depay_h264_begin(struct mcu_depay *d);
void mcu_depay_av1_begin(struct mcu_depay *d);
int mcu_depay_h264_end(struct mcu_depay *d);
int mcu_depay_vp9_end(struct mcu_depay *d);
int mcu_depay_av1_end(struct mcu_depay *d);

/* Remembers the parameter sets of an Annex B sequence; what else is in it is ignored. */
void mcu_depay_h264_sprop(struct mcu_depay *d, const uint8_t *sprop, size_t size);

int mcu_pay_h264_begin(struct mcu_pay *pay);
int mcu_pay_h264_next(struct mcu_pay *pay, uint8_t *buf, size_t buf_bytes, bool *last);
int mcu_pay_vp8_next(struct mcu_pay *pay, uint8_t *buf, size_t buf_bytes, bool *last);
int mcu_pay_vp9_next(struct mcu_pay *pay, uint8_t *buf, size_t buf_bytes, bool *last);

#endif
