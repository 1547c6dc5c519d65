/* server/video_priv.h - the picture side of a conference: sources, stage (view), renditions. */
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

/* Tells legs whose tile has changed; all others are shown to nobody. From each tick. */
void mcu_shown_tell(struct mcu_conf *conf, struct mcu_conf_leg *const *legs,
                    const struct mcu_rect *rects, int n);

/* ---- stage (stage.c): the main view, ticking ---- */

int mcu_stage_new(struct mcu_conf *conf);
void mcu_stage_end(struct mcu_conf *conf); /* mcu_conf_node_gone follows, now or later */
void mcu_stage_set_config(struct mcu_conf *conf);
void mcu_stage_get_info(const struct mcu_conf *conf, struct mcu_conf_info *info);

/* ---- renditions (rendition.c, vsub.c): canvas > size > encoder > subscribers ---- */

struct mcu_ladder; /* all sizes and renditions of one view */

int mcu_ladder_new(struct mcu_ladder **out, struct mcu_conf *conf);
/* Waits for jobs in flight; mcu_conf_node_gone follows, now or later. */
void mcu_ladder_end(struct mcu_ladder **ladder);
/* A finished canvas: offered to every rendition that is due; borrowed. */
void mcu_ladder_canvas(struct mcu_ladder *ladder, struct mcu_pic *canvas);
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

struct mcu_ladder *mcu_stage_ladder(struct mcu_conf *conf);

#endif
