/* codec/writer.h - one recording: a thread of its own that muxes units into a Matroska file.
 * Threads: start, push and stop from one loop; the writer's pthread does the rest. A slow disk
 * holds nobody up: a bounded queue stands before it. */
#ifndef MCU_CODEC_WRITER_H
#define MCU_CODEC_WRITER_H

#include "mixer/base/unit.h"

struct mcu_writer_config {
    const char *path;          /* created; refused with -EEXIST if it is there */
    enum mcu_codec video;      /* H264, VP8, VP9, or NONE */
    int width, height, fps;
    enum mcu_codec audio;      /* OPUS, or NONE */
    int audio_channels;
    const char *title;         /* the conference's name, may be NULL */
};

struct mcu_writer_stats {
    uint64_t bytes, units, dropped;
};

struct mcu_writer;

/* done: called once, on the writer's thread, when the file is closed; error 0, or a negative errno
 * (-ENOSPC, -EIO) when it ended early: the file then holds all that was written. */
typedef void (*mcu_writer_done_cb)(int error, const struct mcu_writer_stats *stats, void *arg);

/* Opens the file at once. Returns 0, -EEXIST, -EACCES, -ENOENT, -EINVAL or -ENOMEM. */
int mcu_writer_start(struct mcu_writer **out, const struct mcu_writer_config *config,
                     mcu_writer_done_cb done, void *arg);

/* Queues a reference to a unit (its time_ns is the file's time, the first one is 0; both kinds
 * share one time line). 0, or -EAGAIN: not taken, because the queue (4 s or 16 MiB) is full, which
 * the counter WRITER_DROPPED counts, or because it is a picture and one before it is missing: the
 * caller asks for a keyframe, with which the picture goes on. Clusters are at most 1 s, so that a
 * killed server leaves a file that plays to within 1 s of its end. */
int mcu_writer_push(struct mcu_writer *writer, struct mcu_unit *unit);

/* Writes what is queued, closes the file, ends the thread. wait: returns when it is done (for
 * shutdown); else the thread frees the writer itself. Clears the pointer. */
void mcu_writer_stop(struct mcu_writer **writer, bool wait);

#endif
