#include "server/overload.h"

#include <math.h>

#include "mixer/base/clock.h"
#include "mixer/base/util.h"

#define LATE_NS          (2 * MCU_NS_PER_S)
#define SETTLE_NS        MCU_NS_PER_S /* of LATE_NS that is left after a step: what it helps must show */
#define CALM_NS          (5 * MCU_NS_PER_S)
#define CALM_MAX_NS      (80 * MCU_NS_PER_S)
#define LASTED_NS        (20 * MCU_NS_PER_S)
#define SMOOTH_NS        (2 * MCU_NS_PER_S)
#define LONGEST_NS       MCU_NS_PER_S /* a longer time between samples says nothing of its parts */
#define LATE_WAIT_MS     60
#define CALM_WAIT_MS     25
#define SHARED_LEGS      4
#define UNKNOWN_PART     0.25 /* of the known: of more, what they will cost is a guess */
#define FULL_PERCENT     97 /* of the cores, with the newcomer */
#define NOT_FULL_PERCENT 90

static int64_t at_least(int64_t a, int64_t least)
{
    return a > least ? a : least;
}

static int64_t at_most(int64_t a, int64_t most)
{
    return a < most ? a : most;
}

static bool is_late(const struct mcu_overload_sample *s)
{
    return (s->sound_late * 4 > s->sound_ticks) ||
           (s->pictures_late * 4 > s->pictures) || s->picture_wait_ms > LATE_WAIT_MS;
}

static bool is_calm(const struct mcu_overload_sample *s)
{
    return s->sound_late * 20 <= s->sound_ticks && s->pictures_late * 10 <= s->pictures &&
           s->picture_wait_ms < CALM_WAIT_MS;
}

static void step_up(struct mcu_overload *o, int64_t now_ns)
{
    bool failed = o->lowered_ns && now_ns - o->lowered_ns < LASTED_NS;
    o->wait_ns = failed ? at_most(2 * o->wait_ns, CALM_MAX_NS) : at_least(o->wait_ns, CALM_NS);
    o->lowered_ns = 0;
    o->heat_ns = LATE_NS - SETTLE_NS;
    o->calm_ns = 0;
    if (o->level < MCU_OVERLOAD_LEVELS - 1)
        o->level++;
}

static void step_down(struct mcu_overload *o, int64_t now_ns)
{
    o->level--;
    o->calm_ns = 0;
    o->lowered_ns = now_ns;
}

static void follow(struct mcu_overload *o, const struct mcu_overload_sample *s, int64_t elapsed_ns)
{
    bool late = is_late(s);
    o->heat_ns = late ? o->heat_ns + elapsed_ns : at_least(o->heat_ns - elapsed_ns, 0);
    o->calm_ns = late ? 0 : is_calm(s) ? o->calm_ns + elapsed_ns : o->calm_ns;
    double part = (double)elapsed_ns / SMOOTH_NS; /* at most a half */
    o->cores_used += (s->cores_used - o->cores_used) * part;
    o->newest = (o->newest + 1) % MCU_OVERLOAD_RECENT;
    o->legs[o->newest] = s->legs;
    o->cores = s->cores;
}

/* By what the legs have cost so far: the first few carry what all share (canvas, encoders), which a
 * newcomer adds nothing to. Who is there already is not asked to leave. */
static bool is_full(const struct mcu_overload *o, int known, double newcomers, int percent)
{
    double with_them = o->cores_used * (1 + newcomers / mcu_max(known, SHARED_LEGS));
    return with_them * 100 > o->cores * percent;
}

bool mcu_overload_update(struct mcu_overload *o, const struct mcu_overload_sample *s)
{
    int level = o->level;
    bool refuses = o->refuses;
    int64_t elapsed_ns = o->at_ns ? at_most(at_least(s->now_ns - o->at_ns, 0), LONGEST_NS) : 0;
    o->at_ns = s->now_ns;
    follow(o, s, elapsed_ns);
    if (o->lowered_ns && s->now_ns - o->lowered_ns >= LASTED_NS) {
        o->lowered_ns = 0;
        o->wait_ns = CALM_NS;
    }
    if (o->heat_ns >= LATE_NS)
        step_up(o, s->now_ns);
    else if (o->level > 0 && o->calm_ns >= o->wait_ns)
        step_down(o, s->now_ns);
    int percent = o->refuses ? NOT_FULL_PERCENT : FULL_PERCENT;
    o->refuses = o->level > 0 || (s->legs > 0 && is_full(o, s->legs, 1, percent));
    return o->level != level || o->refuses != refuses;
}

/* Those of the last two seconds are taken to cost as much as the others, though it is not seen yet: many come
 * at once when a meeting begins. */
bool mcu_overload_admits(const struct mcu_overload *o, int legs)
{
    int known = o->legs[(o->newest + 1) % MCU_OVERLOAD_RECENT];
    double unknown = fmin(fmax(legs - known, 0), UNKNOWN_PART * known);
    return !o->refuses && (legs == 0 || !is_full(o, known, unknown + 1, FULL_PERCENT));
}

int mcu_overload_fps(int level, int fps)
{
    static const int most[MCU_OVERLOAD_LEVELS] = { 0, 15, 10, 5, 5 };
    level = mcu_clamp(level, 0, MCU_OVERLOAD_LEVELS - 1);
    return level ? mcu_min(fps, most[level]) : fps;
}
