/* mixer/base/unit.h - one coded frame, the value that crosses folders and threads.
 * Threads: made and filled by one, then read-only and shared by reference; unref on any.
 * The bytes come from pools by size class that the process keeps, so a warm server does not
 * allocate. */
#ifndef MCU_MIXER_BASE_UNIT_H
#define MCU_MIXER_BASE_UNIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mixer/base/codec_id.h"
#include "mixer/base/picture.h"

#define MCU_UNIT_MAX_BYTES (4u << 20)
#define MCU_UNIT_CSRC_MAX  15 /* RFC 3550 section 5.1: CC has four bits */

struct mcu_pool;

struct mcu_unit {
    _Atomic int refs;
    struct mcu_pool *pool;
    uint8_t *data;   /* `size` bytes are the coded frame; H.264 is Annex B (4-byte start codes) */
    size_t size, capacity;
    enum mcu_codec codec;
    int64_t time_ns;  /* output: conference time of the first sample or of the picture; input: the
                         arrival of its last packet */
    int64_t sent_ns;  /* input: the sender's time of it on the conference clock (net/peer_clock.h) */
    int delay_ms;     /* input audio: playout delay wanted now, from the measured jitter */
    int spare_ms;     /* input audio: how much of that is margin */
    int64_t play_ns;  /* input audio: when it may be played at the earliest: as it would have come
                         without jitter, and that delay; 0: not known */
    int64_t ahead_ns; /* output audio: what a decoder makes of it begins so long before time_ns */
    int64_t duration_ns;
    int64_t seq;      /* input: extended RTP sequence number of its (first) packet */
    uint32_t rtp_ts;  /* input: as received */
    uint32_t ssrc;    /* input: its stream */
    bool keyframe;    /* video: decoding can start here */
    bool gap_before;  /* input video: something before this unit is lost */
    struct mcu_colour colour; /* input video: the sender's word, which goes above the stream's own */
    bool marker;      /* input audio: first of a talk spurt (RFC 3551 section 4.1) */
    int8_t level_dbov; /* RFC 6464: 0 to -127, or 1 when not known */
    uint8_t csrc_count; /* output audio: who is in the sound */
    uint32_t csrc[MCU_UNIT_CSRC_MAX];
    int8_t csrc_level[MCU_UNIT_CSRC_MAX]; /* of each, as level_dbov */
};

/* A unit with refs = 1, size 0, level 1 (not known), all else zero. capacity: at most MCU_UNIT_MAX_BYTES.
 * NULL when too large or memory is short. */
struct mcu_unit *mcu_unit_new(size_t capacity);
struct mcu_unit *mcu_unit_ref(struct mcu_unit *unit);
void mcu_unit_unref(struct mcu_unit **unit);

/* Units alive in the process, for leak checks. */
long mcu_unit_alive(void);

#endif
