/* server/rendition_priv.h - what the two halves of a ladder share: rendition.c (rungs and encoders) and
 * vsub.c (their subscribers).
 * Threads: the conference's loop, but for what only a running job touches. */
#ifndef MCU_SERVER_RENDITION_PRIV_H
#define MCU_SERVER_RENDITION_PRIV_H

#include "codec/venc_watch.h"
#include "mixer/base/clock.h"
#include "server/video_priv.h"

#define MCU_RENDITION_HISTORY 64
#define MCU_KEYFRAME_APART_NS MCU_NS_PER_S

struct mcu_rung;

/* One encoder of a rung's pictures. */
struct mcu_rendition {
    struct mcu_rendition *next;
    struct mcu_rung *rung;
    enum mcu_codec codec;
    bool repair;
    int subscribers;
    bool dead;

    struct mcu_strand strand;
    struct mcu_job job;
    bool running;
    struct mcu_pic *waiting;

    bool keyframe_wanted;
    int64_t last_keyframe_ns; /* 0: none yet */
    struct mcu_unit *history[MCU_RENDITION_HISTORY]; /* since the last keyframe, while it is short enough */
    int history_count;
    size_t history_bytes;
    uint64_t frames, keyframes, bytes;
    char encoder_name[16];

    struct { /* the running job only */
        struct mcu_venc *encoder;
        struct mcu_venc_watch watch;
        struct mcu_pic *pic;
        bool keyframe; /* as wished */
        struct mcu_unit *unit;
        int result;
    } in;
};

/* A size of the view, with its renditions. */
struct mcu_rung {
    struct mcu_ladder *ladder;
    struct mcu_config_rung spec;
    bool scaled;             /* not the canvas's own size */
    int64_t next_due_ns;
    struct mcu_rendition *renditions;

    struct mcu_strand strand;
    struct mcu_job job;
    bool running;
    struct mcu_pic *waiting;
    struct mcu_scaler *scaler;
    struct mcu_pic_pool *pool;
    struct mcu_pic *in, *out; /* the running job only */
};

struct mcu_ladder {
    struct mcu_conf *conf;
    struct mcu_rung rungs[MCU_CONFIG_RUNGS];
    int rung_count;
    int in_flight; /* jobs of rungs and renditions */
    bool ended;
};

struct mcu_vsub {
    struct mcu_conf_leg *leg;
    struct mcu_rendition *now, *next; /* next: waits for a keyframe there; holds a subscription too */
};

/* ---- rendition.c ---- */

/* One more subscriber of the rung's rendition for the codec, made where there is none; NULL: no memory. */
struct mcu_rendition *mcu_rendition_take(struct mcu_rung *rung, enum mcu_codec codec, bool repair);
/* One less; the last one ends it. NULL is nobody. */
void mcu_rendition_drop(struct mcu_rendition *rendition);

/* ---- vsub.c ---- */

void mcu_vsub_send(const struct mcu_vsub *sub, struct mcu_unit *unit);
/* The rendition that he waited for has a keyframe now. */
void mcu_vsub_arrive(struct mcu_vsub *sub);

#endif
