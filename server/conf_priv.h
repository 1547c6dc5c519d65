/* server/conf_priv.h - what the files of a conference share. */
#ifndef MCU_SERVER_CONF_PRIV_H
#define MCU_SERVER_CONF_PRIV_H

#include "codec/adec.h"
#include "codec/aenc.h"
#include "mixer/amix.h"
#include "mixer/base/share.h"
#include "mixer/heard.h"
#include "mixer/level.h"
#include "mixer/playout.h"
#include "server/conf.h"
#include "server/help.h"
#include "server/rung_policy.h"
#include "server/tick_wait.h"

#define MCU_AUDIO_MAX_TICKS 5  /* ticks that one late job makes good; more are given up */
#define MCU_ASOURCE_QUEUE   64 /* coded units waiting for the next tick */

struct mcu_stage; /* stage.c: a view with its renditions */
struct mcu_vsource;
struct mcu_vsub;

/* ---- sound ---- */

#define MCU_AUDIO_END_FRAMES 480 /* 10 ms */

/* A decoded audio input. */
struct mcu_asource {
    struct mcu_asource *next_dead;
    struct mcu_conf_leg *leg;  /* NULL once it has left */
    struct mcu_unit *in[MCU_ASOURCE_QUEUE];
    int in_count;
    int extra_delay_ms;        /* what lip sync adds */
    struct mcu_tap *tap;       /* one reader; NULL: none */
    /* as of the last finished job */
    int64_t delay_ns;          /* sender to mix, as played; 0: not known */
    int64_t alone_ns;          /* sender to mix as it would be without extra_delay_ms */
    int level_dbov, playout_ms;
    bool heard;
    enum mcu_codec codec;
    uint64_t underruns, decode_errors;

    struct { /* the running audio job only */
        struct mcu_unit *queue[MCU_ASOURCE_QUEUE];
        int queue_count;
        struct mcu_adec *decoder;
        enum mcu_codec codec;
        int channels;          /* of what follows: 1 until the first sound in two comes, in a room of two */
        uint32_t ssrc, expected_rtp_ts;
        int64_t expected_seq;
        bool running;
        bool noise, noise_ends, noise_sounds; /* the sender pauses; sound is due; heard now */
        bool asleep, fade_in;  /* his silence is not decoded; what comes next begins softly */
        int64_t quiet_ns;      /* of packets that said silence, up to now */
        int end_frames;        /* of `end`: how the decoder before this one would have gone on */
        int16_t end[MCU_AUDIO_END_FRAMES * MCU_PCM_CHANNELS_MAX];
        struct mcu_playout *playout;
        int extra_delay_ms;
        int conceal_left;      /* frames that may still be concealed in this tick */
        struct mcu_tick_wait tick_wait;
        struct mcu_tap *tap;   /* a reference of its own: the loop may change the reader meanwhile */
        struct mcu_heard heard;
        struct mcu_speech speech;
        int mix_index;         /* in this tick's sum, or -1 */
        int pcm_channels;
        int16_t pcm[MCU_PCM_TICK_FRAMES * MCU_PCM_CHANNELS_MAX]; /* of this tick */
        int64_t delay_ns, alone_ns;
        uint64_t decode_errors;
    } job;
};

/* An audio rendition: one encoder of the shared mix, for all who want the same. */
struct mcu_arendition {
    struct mcu_arendition *next_dead;
    struct mcu_audio_want want; /* the key, normalised */
    int subscribers;

    struct { /* job */
        struct mcu_aenc *encoder;
        int listeners;          /* in this tick */
        int followers;          /* about to come: it must run along with their own encoders */
        bool independent;       /* somebody comes to it now */
        bool running;           /* encoded in the tick before */
        struct mcu_unit *out[MCU_AUDIO_MAX_TICKS];
    } job;
};

/* A subscriber to the sound. */
struct mcu_asub {
    struct mcu_asub *next_dead;
    struct mcu_conf_leg *leg;
    struct mcu_audio_want want;
    struct mcu_asource *source; /* the leg's own, or NULL */
    struct mcu_arendition *shared;
    int loss_percent;           /* what the leg's receiver reports */
    bool own_mix;               /* as of the last finished job */

    struct { /* job */
        struct mcu_aenc *encoder; /* his own, made at the first need */
        bool on_own;
        int alike_ticks;        /* since his own sound is out of both mixes */
        int loss_percent;
        struct mcu_limiter limiter;
        struct mcu_unit *out[MCU_AUDIO_MAX_TICKS];
    } job;
};

struct mcu_audio_graph {
    /* the loop */
    struct mcu_timer timer;
    struct mcu_strand strand;
    struct mcu_job job;
    bool job_running, ended;
    int64_t start_ns, next_tick; /* tick n is due at start_ns + n * 20 ms */
    bool plan_dirty;
    struct mcu_asource *dead_sources;
    struct mcu_arendition *dead_renditions;
    struct mcu_asub *dead_subs;
    uint64_t ticks, late, skipped;
    int64_t cpu_ns;
    int shared_encodes, own_encodes;
    struct mcu_help help;
    int64_t help_cpu_ns;       /* that helpers took since the job before was done */
    int64_t cost_ns;           /* of a tick, smoothed */
    int64_t split_ns;          /* a tick that costs so much is worth a helper */

    /* written by the loop while no job runs, read by the job */
    int channels;
    int helpers;               /* to be asked for */
    struct mcu_heard_config heard_config;
    int opus_bps;
    int64_t job_first_tick;
    int job_ticks;
    struct mcu_asource **sources;
    struct mcu_heard **heard;
    int source_count, source_capacity, heard_capacity;
    struct mcu_asub **subs;
    int sub_count, sub_capacity;
    struct mcu_arendition **renditions;
    int rendition_count, rendition_capacity;

    /* the job only; helpers in what they have in hand */
    struct mcu_share share;
    struct mcu_asub **own;     /* those of subs that hear a mix of their own in this tick */
    int own_count, own_capacity;
    struct mcu_amix *amix;
    int amix_inputs;
    struct mcu_limiter shared_limiter;
    int speaker;               /* index into sources, -1 */
    int job_shared_encodes, job_own_encodes;
};

/* ---- the conference ---- */

struct mcu_conf_leg {
    struct mcu_conf *conf;
    mcu_handle handle;
    struct mcu_join join;
    int64_t joined_ns, spoke_ns;
    int64_t video_sent_ns;      /* time of the newest unit that it was given */
    struct mcu_asource *asource;
    struct mcu_asub *asub;
    struct mcu_vsource *vsource;
    struct mcu_vsub *vsub;
    struct mcu_shown shown;     /* as last told */
    int64_t shown_less_ns;      /* since when it is shown smaller than told; 0: it is not */
    struct mcu_rung_policy rung; /* which size its receiver can take */
    struct {
        bool apart;             /* it gets repair renditions now */
        int asks;
        int64_t window_start_ns, last_ns;
        int64_t counted_ns;     /* the newest that was not a repeat */
        int64_t quiet_ns;       /* how long it must be quiet to come back: doubled each time */
    } keyframes;                /* that it cost others (vsub.c) */
    enum mcu_layout_wish wish;  /* the newest; join.layout is what it sees */
    int64_t wishes_until_ns;    /* changes are used up until then (stages.c) */
};

struct mcu_conf {
    struct mcu_media *media;
    mcu_handle handle;
    char room[MCU_ROOM_MAX];
    struct mcu_config config;
    int64_t started_ns;
    struct mcu_conf_leg **legs; /* in the order of joining */
    int leg_count, leg_capacity;
    struct mcu_conf_leg *speaker;
    struct mcu_audio_graph audio;
    struct mcu_stage *stage;    /* with the conference's own layout */
    struct mcu_stage *other_stages[MCU_LAYOUT_KINDS]; /* that legs asked for; NULL: none now */
    _Atomic unsigned *layouts_seen; /* mcu_conf_tell_layouts; NULL: nobody asked */
    struct mcu_timer sweep;     /* of subscribers and stages, once a second */
    struct mcu_recorder *recorder;
    bool announced;             /* its start is an event, so its end will be */
    bool ending;
    int nodes;                  /* parts that are still to end: audio, stages, sources, renditions */
    void (*ended)(void *arg);
    void *ended_arg;
};

/* conf.c */
struct mcu_conf_leg *mcu_conf_leg_at(struct mcu_conf *conf, int i);
/* A part has gone for good; the last one frees an ending conference. */
void mcu_conf_node_gone(struct mcu_conf *conf);
void mcu_conf_set_speaker(struct mcu_conf *conf, struct mcu_conf_leg *leg);
void mcu_conf_event(struct mcu_conf *conf, const struct mcu_conf_leg *leg, enum mcu_event_type type,
                    const char *detail, ...) MCU_PRINTF(4, 5);

/* conf_audio.c */
int mcu_audio_start(struct mcu_conf *conf);
void mcu_audio_end(struct mcu_conf *conf); /* mcu_conf_node_gone follows, now or later */
int mcu_audio_join(struct mcu_conf_leg *leg);
void mcu_audio_leave(struct mcu_conf_leg *leg);
void mcu_audio_update(struct mcu_conf_leg *leg);
void mcu_audio_unit(struct mcu_conf_leg *leg, struct mcu_unit *unit);

/* audio_in.c: a source's part of it. Pull writes its pcm and level. */
void mcu_audio_in_decode(struct mcu_asource *source, const struct mcu_audio_graph *graph);
void mcu_audio_in_pull(struct mcu_asource *source, const struct mcu_audio_graph *graph,
                       int64_t time_ns);
/* Gives pcm the room's channels, for the sum. */
void mcu_audio_in_widen(struct mcu_asource *source, const struct mcu_audio_graph *graph);

/* audio_job.c: the work of a tick, on a worker. ask and help: arg is the graph. */
void mcu_audio_job_run(struct mcu_job *job);
void mcu_audio_job_ask(void *arg);
void mcu_audio_job_help(void *arg);

/* tap.c: the writing end */
void mcu_tap_write(struct mcu_tap *tap, const int16_t *samples, int channels, int level_dbov,
                   int64_t time_ns);
/* The reader has freed his end: the source may take another reader. */
bool mcu_tap_reader_gone(struct mcu_tap *tap);
struct mcu_tap *mcu_tap_new(void);
struct mcu_tap *mcu_tap_ref(struct mcu_tap *tap);
void mcu_tap_unref(struct mcu_tap **tap);

#endif
