/* tests/bench/clip.h - what the programs of scripts/bench share: the clip as raw I420, coded streams
 * in files, processor time.
 * Threads: one; programs end (exit 1) where memory or a file is missing.
 *
 * A stream file is the payloads of one RTP stream: for each the RTP time since the start (32 bits),
 * the size (16), the marker (16), the bytes; numbers in the machine's order. */
#ifndef MCU_BENCH_CLIP_H
#define MCU_BENCH_CLIP_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mixer/base/picture.h"
#include "mixer/base/unit.h"
#include "mixer/layout.h"

#define CLIP_WIDTH  1280
#define CLIP_HEIGHT 720
#define CLIP_FPS    30
#define CLIP_MOST   90
#define CLIP_APART  4 /* pictures between what two senders show at a time */

static inline _Noreturn void clip_die(const char *what, const char *which)
{
    fprintf(stderr, "bench: %s %s\n", what, which);
    exit(1);
}

static inline void *clip_must(void *p)
{
    if (!p)
        clip_die("out of memory", "");
    return p;
}

/* Of this process, user and system. */
static inline double clip_cpu_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* Pictures read into pics; 0 to most. */
static inline int clip_read(const char *path, struct mcu_pic **pics, int most)
{
    FILE *f = fopen(path, "rb");
    int n = 0;
    for (bool whole = f != NULL; whole && n < most; n += whole) {
        if (mcu_pic_new(&pics[n], CLIP_WIDTH, CLIP_HEIGHT) < 0)
            clip_die("out of memory", "");
        for (int k = 0; k < 3; k++)
            for (int y = 0; y < mcu_pic_plane_h(pics[n], k); y++) {
                size_t w = (size_t)mcu_pic_plane_w(pics[n], k);
                whole &= fread(pics[n]->plane[k] + (ptrdiff_t)y * pics[n]->stride[k], 1, w, f) == w;
            }
        if (!whole)
            mcu_pic_unref(&pics[n]);
    }
    if (f)
        fclose(f);
    if (n == 0)
        clip_die("no picture of 1280x720 in", path);
    return n;
}

/* The clip runs forth and back: the picture of a moment out of n. A round has 2 n - 2. */
static inline int clip_at(int64_t moment, int n)
{
    int round = n > 1 ? 2 * n - 2 : 1, at = (int)(moment % round);
    return at < n ? at : round - at;
}

struct clip_packet {
    uint32_t ts;
    uint16_t size, marker;
    const uint8_t *data;
};

struct clip_stream {
    uint8_t *bytes;
    struct clip_packet *packet;
    int count;
};

static inline void clip_write(FILE *f, uint32_t ts, bool marker, const uint8_t *data, size_t size)
{
    uint16_t head[2] = { (uint16_t)size, marker };
    fwrite(&ts, 4, 1, f);
    fwrite(head, 4, 1, f);
    fwrite(data, 1, size, f);
}

static inline uint8_t *clip_load(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END))
        clip_die("cannot read", path);
    *size = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = clip_must(malloc(*size + 1));
    if (fread(bytes, 1, *size, f) != *size)
        clip_die("cannot read", path);
    fclose(f);
    return bytes;
}

/* Kept to the process's end. */
static inline void clip_open(struct clip_stream *s, const char *path)
{
    size_t size, at = 0;
    *s = (struct clip_stream){ .bytes = clip_load(path, &size) };
    s->packet = clip_must(calloc(size / 8 + 1, sizeof(*s->packet)));
    while (at + 8 <= size) {
        struct clip_packet *p = &s->packet[s->count];
        memcpy(p, s->bytes + at, 8);
        p->data = s->bytes + at + 8;
        at += 8u + p->size;
        s->count += at <= size;
    }
    if (!s->count)
        clip_die("no packets in", path);
}

#endif
