/* tests/bench/load - the callers of tests/bench: stored packets out, counting in, so that a thousand
 * of them cost a few percent of a core. Signalling is Python's (tests/bench/calls.py).
 *
 *   load.c   commands, sockets, the loop
 *   clip.c   sound and pictures coded once, before anything is measured
 *   judge.c  what comes back: arrival times, sound level, onsets, bar codes in tiles
 *
 * All lines share one RTP port and are told apart by the server's port: it has a socket for each of
 * them, as always, while the callers need one system call for many packets. Arrival is the kernel's
 * time. Threads: one, but for the bare timer (load.c). Times are ns of mcu_clock_now_ns. */
#ifndef MCU_TESTS_LOAD_H
#define MCU_TESTS_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/adec.h"
#include "codec/vdec.h"
#include "mixer/layout.h"
#include "net/payload.h"
#include "net/rtp.h"
#include "net/srtp.h"

#define LOAD_CODE_BLOCKS 10 /* white, black, seven bits, parity */
#define LOAD_CODE_FRAMES 128
#define LOAD_ONSETS      16
#define LOAD_TILES       MCU_LAYOUT_MAX_TILES

/* ---- clip.c ---- */

struct load_packet {
    const uint8_t *data;
    uint16_t size;
    bool marker;
    int frame;        /* packets of one time have the same */
    int onset_frames; /* where in the packet, at 48 kHz, a burst begins; -1: nowhere */
};

struct load_clip {
    char name[32];
    enum mcu_codec codec;
    int frames;       /* times */
    uint32_t ts_step; /* from one to the next, in RTP ticks */
    int64_t step_ns;
    struct load_packet *packets;
    int count, capacity;
};

/* Finds where bursts begin in decoded sound: LOAD_LOUD after a while of LOAD_QUIET. */
struct load_onset {
    int64_t quiet; /* frames in a row */
};
/* Frame of the first onset in pcm[frames], or -1. */
int load_onset_find(struct load_onset *o, const int16_t *pcm, int frames);

/* Sound: file of s16 mono at 48 kHz, from from_s on; "bursts" and "noise" are made here. 0 or
 * negative errno. */
int load_clip_sound(struct load_clip *clip, enum mcu_codec codec, const char *file, double from_s,
                    double seconds);
/* Pictures: file of I420; each gets the bar code of its number, where code is set. */
int load_clip_pictures(struct load_clip *clip, enum mcu_codec codec, const char *file, int width,
                       int height, int fps, int bps, bool code);
/* The number in the tile, or -1. */
int load_code_read(const struct mcu_pic *pic, struct mcu_rect tile);

/* ---- judge.c ---- */

/* Times of something, in ms, for quantiles. */
struct load_samples {
    float *ms;
    int count, capacity;
};
void load_samples_add(struct load_samples *s, double ms);
/* "name":{"n":...,"p50":...} on stdout; sorts them. */
void load_samples_print(const char *name, struct load_samples *s);

struct load_line;

struct load_ear {
    struct mcu_adec *dec;
    struct load_onset onset;
    const struct load_line *from; /* whose bursts, or NULL */
    double sum;                   /* of squares, since the mark */
    int64_t frames;
};

struct load_eye {
    struct mcu_depay *depay;
    struct mcu_vdec *dec;
    const struct load_line *from[LOAD_TILES];
    int last[LOAD_TILES];
    int tiles, width, height;
    bool sees;                    /* it has had a keyframe */
    uint64_t pictures, readable, fresh; /* since the mark: decoded; tiles read; that had changed */
};

struct load_line {
    int id, pt;
    char kind;                /* 'a', 'v', or 't': the bare timer's packets */
    char group[16];           /* whose inter-arrival is judged together; "": nobody's */
    uint16_t port;            /* the server's */
    enum mcu_codec codec;
    const struct load_clip *clip;
    int at;                   /* the next packet of it */
    int64_t next_ns;
    uint16_t seq, picture_id;
    uint32_t ts, ssrc;
    struct mcu_srtp *srtp;
    int64_t onset_ns[LOAD_ONSETS]; /* as sent, the newest ones */
    int onsets;
    int64_t code_ns[LOAD_CODE_FRAMES];
    /* received, since the mark */
    bool started;
    uint16_t seq_in;
    uint32_t ssrc_in;
    uint64_t packets, bytes, lost, frames, keys_asked;
    int64_t first_ns, last_ns;
    struct load_samples delay; /* from the sender's burst or picture to this ear or eye */
    struct load_ear *ear;
    struct load_eye *eye;
};

int load_ear_new(struct load_line *l, const struct load_line *from);
int load_eye_new(struct load_line *l);
void load_ear_take(struct load_line *l, const struct mcu_rtp *rtp, int64_t now_ns);
void load_eye_take(struct load_line *l, const struct mcu_rtp *rtp, bool lost, int64_t now_ns);
double load_ear_dbov(const struct load_ear *ear);

#endif
