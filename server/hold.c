#include "server/hold.h"

#include "mixer/base/clock.h"

#define LATE_NS      (80 * MCU_NS_PER_MS) /* jitter stays below, a repeat does not */
#define MEMORY_NS    (10 * MCU_NS_PER_S)
#define EVENTS       3.0
#define FOLLOW       2                    /* a late one takes the hold so much nearer */
#define FADE_PER_S   (3 * MCU_NS_PER_MS)
#define QUICK_DOWN   4
#define QUICK_UP     128
#define LEAST_NS     (20 * MCU_NS_PER_MS) /* less is no hold */

static void forget(struct mcu_hold *h, int64_t now_ns)
{
    int64_t elapsed = h->at_ns ? now_ns - h->at_ns : 0;
    h->at_ns = now_ns;
    if (elapsed <= 0)
        return;
    if (elapsed >= MEMORY_NS) {
        h->events = 0;
        h->hold_ns = 0;
        return;
    }
    h->events -= h->events * (double)elapsed / (double)MEMORY_NS;
    /* Faster when what it is for has not happened for some time. */
    int64_t fade = h->events < 1 ? 5 * FADE_PER_S : FADE_PER_S;
    h->hold_ns -= fade * (elapsed / MCU_NS_PER_MS) / 1000;
    if (h->hold_ns < 0)
        h->hold_ns = 0;
}

static void follow(struct mcu_hold *h, int64_t over_ns)
{
    int64_t want = over_ns;
    if (want > MCU_HOLD_MAX_MS * MCU_NS_PER_MS)
        want = MCU_HOLD_MAX_MS * MCU_NS_PER_MS;
    if (h->events >= EVENTS && want > h->hold_ns)
        h->hold_ns += (want - h->hold_ns) / FOLLOW;
}

void mcu_hold_picture(struct mcu_hold *h, int64_t delay_ns, int64_t now_ns)
{
    forget(h, now_ns);
    if (h->quick_ns == 0)
        h->quick_ns = delay_ns;
    int64_t over = delay_ns - h->quick_ns;
    h->quick_ns += over / (over < 0 ? QUICK_DOWN : QUICK_UP);
    bool late = over > LATE_NS;
    if (late && !h->late) { /* those behind it had to wait for it */
        h->events++;
        follow(h, over);
    }
    h->late = late;
}

int64_t mcu_hold_delay_ns(const struct mcu_hold *h)
{
    return h->hold_ns >= LEAST_NS ? h->quick_ns + h->hold_ns : 0;
}
