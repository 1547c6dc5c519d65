#include "server/rung_policy.h"

#include "mixer/base/clock.h"
#include "mixer/base/util.h"

#define BAD_PERCENT   5
#define GOOD_PERCENT  2
#define DOWN_NS       (2 * MCU_NS_PER_S)
#define SETTLE_NS     (3 * MCU_NS_PER_S) /* until a report speaks of the new one (net/line.c) */
#define UP_NS         (6 * MCU_NS_PER_S)
#define UP_MAX_NS     (96 * MCU_NS_PER_S)
#define LASTED_NS     (30 * MCU_NS_PER_S) /* a step up that holds so long was right */
#define ROOM_PERCENT  110 /* of the higher rung's rate that the limit must leave */

/* Keeps the begin of a state that lasts. */
static bool lasts(int64_t *since_ns, bool is, int64_t now_ns, int64_t for_ns)
{
    if (!is)
        *since_ns = 0;
    else if (*since_ns == 0)
        *since_ns = now_ns;
    return is && now_ns - *since_ns >= for_ns;
}

static int first_that_fits(const int *bps, int count, int from, int64_t limit_bps)
{
    int i = from;
    while (i < count - 1 && bps[i] > limit_bps)
        i++;
    return i;
}

static void step_down(struct mcu_rung_policy *p, const int *bps, int count, bool limited,
                      int64_t now_ns)
{
    bool failed = p->raised_ns && now_ns - p->raised_ns < LASTED_NS;
    p->wait_ns = failed ? 2 * p->wait_ns : UP_NS;
    if (p->wait_ns > UP_MAX_NS)
        p->wait_ns = UP_MAX_NS;
    p->index = limited ? first_that_fits(bps, count, p->index + 1, p->limit_bps) : p->index + 1;
    p->bad_since_ns = 0;
    p->lowered_ns = now_ns;
    p->raised_ns = 0;
}

static void step_up(struct mcu_rung_policy *p, int64_t now_ns)
{
    p->index--;
    p->good_since_ns = now_ns;
    p->raised_ns = now_ns;
}

int mcu_rung_policy_choose(struct mcu_rung_policy *p, const int *bps, int count, int first,
                           int64_t now_ns)
{
    int last = mcu_max(count - 1, first);
    p->index = mcu_clamp(p->index + first - p->first, first, last); /* as far below as before */
    p->first = first;
    if (p->wait_ns == 0)
        p->wait_ns = UP_NS;
    bool limited = p->limit_bps > 0 && bps[p->index] > p->limit_bps;
    bool settled = p->lowered_ns == 0 || now_ns - p->lowered_ns >= SETTLE_NS;
    bool lossy = settled && p->index < last && p->loss_percent > BAD_PERCENT;
    bool room = p->index > first &&
                (p->limit_bps == 0 || bps[p->index - 1] / 100 * ROOM_PERCENT <= p->limit_bps);
    bool good = room && !limited && p->loss_percent < GOOD_PERCENT;
    if (lasts(&p->bad_since_ns, limited && p->index < last, now_ns, DOWN_NS) || lossy)
        step_down(p, bps, count, limited, now_ns);
    else if (lasts(&p->good_since_ns, good, now_ns, p->wait_ns))
        step_up(p, now_ns);
    return p->index;
}
