#include "server/leg_notice.h"

#include <stdlib.h>

struct notice {
    enum mcu_leg_notice what;
    const struct mcu_leg_events *events;
    void *arg;
    const char *reason;
};

static void deliver(void *p)
{
    struct notice n = *(struct notice *)p;
    free(p);
    if (n.what == MCU_LEG_FAILED)
        n.events->failed(n.reason, n.arg);
    else if (n.what == MCU_LEG_ASKS_KEYFRAME)
        n.events->ask_keyframe(n.arg);
    else
        n.events->ended(n.arg);
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
