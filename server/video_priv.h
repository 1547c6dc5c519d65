/* server/video_priv.h - the picture side of a conference: sources, stages (views), renditions. */
#ifndef MCU_SERVER_VIDEO_PRIV_H
#define MCU_SERVER_VIDEO_PRIV_H

#include "codec/vdec.h"
#include "codec/venc.h"
#include "mixer/scale.h"
#include "mixer/view.h"
#include "server/conf_priv.h"

/* ---- sources (vsource.c) ---- */

int mcu_vsource_join(struct mcu_conf_leg *leg);
void mcu_vsource_leave(struct mcu_conf_leg *leg);
void mcu_vsource_update(struct mcu_conf_leg *leg);
void mcu_vsource_unit(struct mcu_vsource *source, struct mcu_unit *unit);

enum mcu_vsource_state { MCU_VSOURCE_NONE, MCU_VSOURCE_LIVE, MCU_VSOURCE_FROZEN };

/* The newest picture that is due at now_ns (borrowed until the next call), its id, and whether it
 * is live, frozen (older than 2 s: shown grey) or gone (older than 10 s, or none yet). */
enum mcu_vsource_state mcu_vsource_due(struct mcu_vsource *source, int64_t now_ns,
                                       const struct mcu_pic **pic, uint64_t *id);
/* Only these legs' pictures are decoded from now on; the others cost nothing. */
void mcu_vsource_show_only(struct mcu_conf *conf, struct mcu_conf_leg *const *legs, int n);
/* Of its newest picture; false: there was none yet. */
bool mcu_vsource_size(const struct mcu_vsource *source, int *width, int *height);
void mcu_vsource_get_info(const struct mcu_vsource *source, struct mcu_conf_leg_info *info);

/* ---- how each source is shown (shown.c) ---- */

/* Tells legs whose tile has changed; all others are shown to nobody. follows_floor: the large tile of a
 * layout that somebody sees is the speaker's. From each tick. */
void mcu_shown_tell(struct mcu_conf *conf, struct mcu_conf_leg *const *legs,
                    const struct mcu_rect *rects, int n, bool follows_floor);

/* ---- a stage (stage.c): one view, ticking ---- */

/* Starts to tick. 0 or -ENOMEM. */
int mcu_stage_new(struct mcu_stage **out, struct mcu_conf *conf, enum mcu_layout_kind layout);
/* Nobody may subscribe to it any more; mcu_conf_node_gone follows, now or later. Clears the pointer. */
void mcu_stage_end(struct mcu_stage **stage);
enum mcu_layout_kind mcu_stage_layout(const struct mcu_stage *stage);
/* From its next tick on. */
void mcu_stage_set_layout(struct mcu_stage *stage, enum mcu_layout_kind layout);
struct mcu_ladder *mcu_stage_ladder(struct mcu_stage *stage);
/* Somebody subscribes to one of its renditions. */
bool mcu_stage_watched(const struct mcu_stage *stage);
/* Who would stand where in a tick now; how many. */
int mcu_stage_arrange(const struct mcu_stage *stage, struct mcu_conf_leg *legs[MCU_LAYOUT_MAX_TILES],
                      struct mcu_rect rects[MCU_LAYOUT_MAX_TILES]);
/* Adds its figures to those that stand there. */
void mcu_stage_get_info(const struct mcu_stage *stage, struct mcu_conf_info *info);

/* ---- all stages of a conference (stages.c) ---- */

int mcu_stages_start(struct mcu_conf *conf);
void mcu_stages_end(struct mcu_conf *conf);
/* The layout has changed. */
void mcu_stages_set_config(struct mcu_conf *conf);
/* Of the stage that shows what the leg wants to see, made where there is none; the conference's own
 * when memory is short. */
struct mcu_ladder *mcu_stages_ladder(const struct mcu_conf_leg *leg);
/* The leg's layout or its codec has changed. */
void mcu_stages_update(struct mcu_conf_leg *leg);
/* Gives the leg the layout that it wishes for (leg->wish), now or, who changes too often, at a later sweep. */
void mcu_stages_wish(struct mcu_conf_leg *leg);
/* From each tick: sources are told how large they are seen, and those that are not seen cost nothing. */
void mcu_stages_tell_sources(struct mcu_conf *conf);
void mcu_stages_get_info(const struct mcu_conf *conf, struct mcu_conf_info *info);

/* ---- renditions (rendition.c, vsub.c): canvas > size > encoder > subscribers ---- */

struct mcu_ladder; /* all sizes and renditions of one view */

int mcu_ladder_new(struct mcu_ladder **out, struct mcu_conf *conf);
/* Waits for jobs in flight; mcu_conf_node_gone follows, now or later. */
void mcu_ladder_end(struct mcu_ladder **ladder);
/* A finished canvas: offered to every rendition that is due; borrowed. */
void mcu_ladder_canvas(struct mcu_ladder *ladder, struct mcu_pic *canvas);
/* Somebody subscribes to one of its renditions, or is about to. */
bool mcu_ladder_used(const struct mcu_ladder *ladder);
void mcu_ladder_get_info(const struct mcu_ladder *ladder, struct mcu_conf_info *info);

/* Subscribes the leg as its join.video wants; none wanted is fine. */
int mcu_vsub_join(struct mcu_ladder *ladder, struct mcu_conf_leg *leg);
void mcu_vsub_leave(struct mcu_conf_leg *leg);
void mcu_vsub_update(struct mcu_ladder *ladder, struct mcu_conf_leg *leg);
void mcu_vsub_keyframe(struct mcu_conf_leg *leg);
/* Wants a keyframe for a subscriber of our own making (a recorder), at no charge to him. */
void mcu_vsub_refresh(struct mcu_conf_leg *leg);
/* Called about once a second: moves a leg that has healed back from its repair rendition. */
void mcu_vsub_heal(struct mcu_conf_leg *leg);
void mcu_vsub_get_info(const struct mcu_conf_leg *leg, struct mcu_conf_leg_info *info);

#endif
