#include "server/leg_notice.h"

#include <stdlib.h>

struct notice {
    enum mcu_leg_notice what;
    const struct mcu_leg_events *events;
    void *arg;
    const char *reason;
    struct mcu_shown shown;
    struct mcu_leg_description description[]; /* one of DESCRIBED */
};

static void deliver(void *p)
{
    struct notice *n = p;
    if (n->what == MCU_LEG_FAILED)
        n->events->failed(n->reason, n->arg);
    else if (n->what == MCU_LEG_ASKS_KEYFRAME)
        n->events->ask_keyframe(n->arg);
    else if (n->what == MCU_LEG_DESCRIBED)
        n->events->described(n->description, n->arg);
    else if (n->what == MCU_LEG_SHOWN)
        n->events->shown(&n->shown, n->arg);
    else if (n->what == MCU_LEG_THERE)
        n->events->there(n->arg);
    else
        n->events->ended(n->arg);
    free(n);
}

void mcu_leg_tell(struct mcu_loop *control, enum mcu_leg_notice what, const char *reason,
                  const struct mcu_leg_events *events, void *arg)
{
    struct notice *n = malloc(sizeof(*n));
    if (!n)
        abort();
    *n = (struct notice){ .what = what, .events = events, .arg = arg, .reason = reason };
    mcu_post_call(control, deliver, n);
}

void mcu_leg_tell_description(struct mcu_loop *control,
                              const struct mcu_leg_description *description,
                              const struct mcu_leg_events *events, void *arg)
{
    struct notice *n = malloc(sizeof(*n) + sizeof(*description));
    if (!n)
        abort();
    *n = (struct notice){ .what = MCU_LEG_DESCRIBED, .events = events, .arg = arg };
    n->description[0] = *description;
    mcu_post_call(control, deliver, n);
}

void mcu_leg_tell_there(struct mcu_loop *control, const struct mcu_leg_events *events, void *arg)
{
    if (events->there)
        mcu_leg_tell(control, MCU_LEG_THERE, NULL, events, arg);
}

void mcu_leg_tell_shown(struct mcu_loop *control, const struct mcu_shown *shown,
                        const struct mcu_leg_events *events, void *arg)
{
    if (!events->shown)
        return;
    struct notice *n = malloc(sizeof(*n));
    if (!n)
        abort();
    *n = (struct notice){ .what = MCU_LEG_SHOWN, .events = events, .arg = arg, .shown = *shown };
    mcu_post_call(control, deliver, n);
}
