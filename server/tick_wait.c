#include "server/tick_wait.h"

#include "mixer/base/clock.h"
#include "mixer/base/pcm.h"

#define WINDOW_NS (3 * MCU_NS_PER_S)

/* To the next tick, or to the one before where the stream is played there and may stay. */
static int64_t to_tick_ns(const struct mcu_tick_wait *w, const struct mcu_unit *unit, int64_t tick_ns)
{
    int64_t way = (tick_ns - unit->play_ns) % MCU_PCM_TICK_NS;
    way += way < 0 ? MCU_PCM_TICK_NS : 0;
    bool later = w->delay_ns > 0 && unit->delay_ms * MCU_NS_PER_MS + way > w->delay_ns;
    bool may_stay = MCU_PCM_TICK_NS - way <= unit->spare_ms * MCU_NS_PER_MS;
    return later && may_stay ? way - MCU_PCM_TICK_NS : way;
}

int64_t mcu_tick_wait_ns(struct mcu_tick_wait *w, const struct mcu_unit *unit, int64_t tick_ns)
{
    int64_t way = to_tick_ns(w, unit, tick_ns);
    bool first = w->delay_ns == 0;
    if (first || tick_ns - w->since_ns > WINDOW_NS) {
        w->longest_ns[1] = first ? way : w->longest_ns[0];
        w->longest_ns[0] = way;
        w->since_ns = tick_ns;
    }
    if (way > w->longest_ns[0])
        w->longest_ns[0] = way;
    int64_t longest = w->longest_ns[0] > w->longest_ns[1] ? w->longest_ns[0] : w->longest_ns[1];
    w->delay_ns = unit->delay_ms * MCU_NS_PER_MS + longest;
    return longest;
}
