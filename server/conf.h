/* server/conf.h - one conference: its roster and its graph of sources, mixes, views, renditions and
 * subscribers.
 *
 *   units > [asource] > playout > mix > [arendition] > units     one audio job a tick (conf_audio.c)
 *   units > [vsource] > pictures                                 one job a unit       (vsource.c)
 *           pictures > [view] > canvas > [rendition] > units     one job a frame      (stage.c,
 *                                                                                      rendition.c)
 * Threads: the conference's media loop makes every call; its jobs run on workers. */
#ifndef MCU_SERVER_CONF_H
#define MCU_SERVER_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "mixer/base/unit.h"
#include "mixer/layout.h"
#include "server/config.h"
#include "server/event.h"
#include "server/media.h"

struct mcu_conf;
struct mcu_conf_leg; /* the conference's end of a leg */
struct mcu_tap;

/* The media lines of a leg as the conference knows them. */
enum mcu_line_role { MCU_ROLE_AUDIO, MCU_ROLE_VIDEO, MCU_ROLE_CONTENT, MCU_ROLES };

struct mcu_audio_want {
    enum mcu_codec codec;     /* NONE: no sound is wanted */
    int bitrate_bps, channels, frame_ms, max_playback_rate_hz;
    bool fec, dtx;
};

/* Limits: 0 is none. The best rung within them is chosen. */
struct mcu_video_want {
    enum mcu_codec codec;     /* NONE: no picture is wanted */
    int max_bps;
    int max_fs, max_mbps;     /* macroblocks a frame and a second */
    int max_fps;
};

/* Which layout a leg wants to see. */
enum mcu_layout_wish { MCU_WISH_NONE /* the conference's */, MCU_WISH_GRID, MCU_WISH_SPEAKER };

/* "grid", "speaker", or "" for the conference's; false: none of them. Any thread. */
bool mcu_layout_wish_parse(enum mcu_layout_wish *out, const char *text);

/* How a source's picture is shown: more than this is of no use. width 0: nobody sees it. */
struct mcu_shown {
    int width, height, fps; /* of its tile */
    int bps;                /* that such a picture is worth */
    bool follows_floor;     /* some see a layout whose large tile is the speaker's: his, once he speaks */
};

/* What a picture of that size is worth, in bits a second: 720p30 video.in_bps, others by pixel rate to
 * the power 0.75. Any thread. */
int mcu_shown_bps(const struct mcu_config *config, int width, int height, int fps);

/* What the conference calls of a leg, on the conference's loop. */
struct mcu_sink {
    struct mcu_ref ref;       /* the leg, where it is one */
    int generation;           /* of its joining: what comes from a room it has left is not for it */
    void *arg;
    /* A unit for the leg's line; borrowed. */
    void (*unit)(const struct mcu_sink *sink, int role, struct mcu_unit *unit);
    /* The source of that line shall send a keyframe. */
    void (*ask_keyframe)(const struct mcu_sink *sink, int role);
    /* The picture of that line is shown otherwise than before; may be NULL. Smaller only when it has
     * been so for 2 s. */
    void (*shown)(const struct mcu_sink *sink, int role, const struct mcu_shown *shown);
};

struct mcu_join {
    uint32_t leg;             /* its id */
    uint32_t participant;     /* his id */
    char name[MCU_NAME_MAX];
    bool hidden;              /* a recorder or viewer: no tile, not in the roster */
    bool sends_audio, sends_video;
    bool hand, muted;         /* what he shows of himself: a raised hand, a muted microphone */
    enum mcu_layout_wish layout;
    int64_t video_after_ns;   /* newest picture that it was sent by another conference: what comes
                                 from here has a later time. 0: none */
    struct mcu_audio_want audio;
    struct mcu_video_want video;
    struct mcu_sink sink;
};

/* The settings are copied; they change with mcu_conf_set_config. Returns 0 or -ENOMEM. */
int mcu_conf_new(struct mcu_conf **out, struct mcu_media *media, const char *room,
                 const struct mcu_config *config);
/* Stops ticks, drops all legs, waits for jobs in flight, then frees it and calls done (may be
 * NULL) on its loop. */
void mcu_conf_end(struct mcu_conf *conf, void (*done)(void *arg), void *arg);
/* Takes over what may change in a running conference: layout, place of the logo and heard set. */
void mcu_conf_set_config(struct mcu_conf *conf, const struct mcu_config *config);
/* From now on *seen says which layouts somebody sees, a bit each: 1 << enum mcu_layout_kind. Other threads
 * may read it; it must stay until mcu_conf_end is done. */
void mcu_conf_tell_layouts(struct mcu_conf *conf, _Atomic unsigned *seen);
mcu_handle mcu_conf_handle(const struct mcu_conf *conf);

/* Returns the handle of the conference's end (in media->conf_legs), or 0 when memory is short. */
mcu_handle mcu_conf_join(struct mcu_conf *conf, const struct mcu_join *join);
void mcu_conf_leave(struct mcu_conf_leg *leg);
/* A re-INVITE: codecs, directions and limits of `join` replace those of before; sink, ids and
 * name stay. */
void mcu_conf_update(struct mcu_conf_leg *leg, const struct mcu_join *join);

/* A coded unit of the leg's source; borrowed. */
void mcu_conf_unit(struct mcu_conf_leg *leg, int role, struct mcu_unit *unit);
/* The leg's receiver wants a keyframe. */
void mcu_conf_keyframe(struct mcu_conf_leg *leg, int role);
/* What the leg's receiver reports to have lost of a line, in percent. */
void mcu_conf_loss(struct mcu_conf_leg *leg, int role, int percent);
/* What the leg's receiver takes of the picture at most (REMB, TMMBR); 0: no limit. */
void mcu_conf_limit(struct mcu_conf_leg *leg, int64_t bps);
/* What came on one of its lines was our own (RFC 3550 8.2), and is not taken. */
void mcu_conf_loop(struct mcu_conf_leg *leg, int role);
/* His hand is raised, his microphone muted by himself; both are shown on his tile. */
void mcu_conf_signs(struct mcu_conf_leg *leg, bool hand, bool muted);
/* He sees another layout from its next keyframe on; who sees the same shares its encoders. Four changes come
 * at once, each further one waits until 5 s a change have passed; then the newest wish counts. */
void mcu_conf_wish(struct mcu_conf_leg *leg, enum mcu_layout_wish wish);
/* A key was pressed. */
void mcu_conf_key(struct mcu_conf_leg *leg, char key);

/* ---- the PCM tap: a source's sound as blocks with conference time, by reference ---- */

/* Attaches a tap to the leg's audio source; NULL when it has no source, when its tap has a reader
 * already, or when memory is short. From the next tick on, each tick in which it makes sound gives
 * one block. */
struct mcu_tap *mcu_conf_tap(struct mcu_conf_leg *leg);
/* Any one thread: the next block (the caller's to unref), or NULL. */
struct mcu_pcm *mcu_tap_read(struct mcu_tap *tap);
/* Any thread: blocks that were dropped because the reader was more than 50 behind. */
uint64_t mcu_tap_dropped(const struct mcu_tap *tap);
/* Any thread; the tap ends at once for its reader. Clears the pointer. */
void mcu_tap_free(struct mcu_tap **tap);

/* ---- what the API and metrics show ---- */

struct mcu_conf_leg_info {
    uint32_t leg, participant;
    char name[MCU_NAME_MAX];
    bool hidden, heard, speaker, has_picture, frozen, hand;
    int level_dbov, playout_ms;
    enum mcu_codec audio_in, audio_out, video_in, video_out;
    int video_in_w, video_in_h, video_out_w, video_out_h;
    bool own_mix; /* receives a mix-minus of his own now */
    uint64_t underruns, decode_errors, pictures_in; /* decoded */
    int64_t av_delay_ns; /* how much later his picture is shown than his sound; 0 not known */
};

struct mcu_rendition_info {
    enum mcu_codec codec;
    char encoder[16];
    enum mcu_layout_kind layout;
    int width, height, fps, bitrate_bps, subscribers;
    bool repair;
    uint64_t frames, keyframes, bytes;
};

#define MCU_CONF_MAX_RENDITIONS 32

struct mcu_conf_info {
    char room[MCU_ROOM_MAX];
    int64_t started_ns;
    int media_loop;
    bool recording;
    int leg_count;
    struct mcu_conf_leg_info *legs; /* leg_count of them; free() */
    int rendition_count;
    struct mcu_rendition_info renditions[MCU_CONF_MAX_RENDITIONS];
    int audio_encoders_shared, audio_encoders_own; /* that encoded in the last tick */
    uint64_t audio_ticks, audio_late, audio_skipped, video_ticks, video_late, video_skipped;
    uint64_t tiles_drawn, tiles_kept;
    int64_t audio_cpu_ns, video_cpu_ns;
};

/* 0 or -ENOMEM. */
int mcu_conf_get_info(struct mcu_conf *conf, struct mcu_conf_info *out);

#endif
