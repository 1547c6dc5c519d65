/* tests/unit/video_rig.h - legs of tests/unit/conf_rig.h that see and are seen. Include in one .c only. */
#ifndef MCU_TESTS_UNIT_VIDEO_RIG_H
#define MCU_TESTS_UNIT_VIDEO_RIG_H

#include "tests/unit/conf_rig.h"

#define FRAME_NS (100 * MCU_NS_PER_MS)

/* A leg that wants the picture and decodes it. */
static inline struct rig_leg *viewer(struct rig *r, enum mcu_codec codec)
{
    struct rig_leg *l = rig_leg(r, MCU_CODEC_NONE);
    l->join.sends_audio = false;
    l->join.hidden = true;
    l->join.video.codec = codec;
    l->watches = true;
    return l;
}

/* A leg with a camera. */
static inline struct rig_leg *sender(struct rig *r, enum mcu_codec codec, uint8_t y, uint8_t u, uint8_t v)
{
    struct rig_leg *l = rig_leg(r, MCU_CODEC_NONE);
    l->join.sends_audio = false;
    l->join.sends_video = true;
    rig_camera(l, 64, 36, y, u, v);
    l->shows = codec;
    return l;
}

/* A conference of one sender and one viewer, and so many ms of it. */
static inline void open_pair(struct rig *r, struct rig_leg **s, enum mcu_codec shows, struct rig_leg **v,
                             enum mcu_codec sees, int ms)
{
    rig_new(r);
    *s = sender(r, shows, 150, 60, 190);
    *v = viewer(r, sees);
    rig_join(*s);
    rig_join(*v);
    rig_run(r, ms);
}

static inline int sample(const struct mcu_pic *p, int plane, int x, int y)
{
    return plane ? p->plane[plane][y / 2 * p->stride[plane] + x / 2]
                 : p->plane[0][y * p->stride[0] + x];
}

/* The middle of what the viewer sees: with one sender his tile. */
static inline bool middle_is(const struct rig_leg *viewer_, int y, int u, int v)
{
    const struct mcu_pic *p = viewer_->seen;
    int x = p->width / 2, row = p->height / 2;
    return abs(sample(p, 0, x, row) - y) < 14 && abs(sample(p, 1, x, row) - u) < 14 &&
           abs(sample(p, 2, x, row) - v) < 14;
}

static inline int keyframes(const struct rig_leg *l, int from)
{
    int n = 0;
    for (int i = from; i < l->video_count; i++)
        n += l->video[i].keyframe;
    return n;
}

static inline uint64_t video_jobs(struct rig *r)
{
    struct mcu_workers_stats stats;
    mcu_workers_get_stats(r->workers, &stats);
    return stats.jobs[MCU_JOB_VIDEO];
}

/* What holds for every stream that a leg gets, whatever happens to it. */
static inline void check_stream(const struct rig_leg *l)
{
    assert_int_equal(l->undecodable, 0);
    for (int i = 1; i < l->video_count; i++) {
        if (l->video[i].time_ns <= l->video[i - 1].time_ns)
            fail_msg("unit %d of leg %u goes back by %.0f ms", i, l->join.leg,
                     (double)(l->video[i - 1].time_ns - l->video[i].time_ns) / 1e6);
    }
}

#endif
