#include "net/loss_window.h"

#include <math.h>

#include "mixer/base/clock.h"

#define FADE_S      3.0
#define PACKETS_MAX 10000
#define CHANCE      0.65 /* three times the root of 0.05 * 0.95 */

void mcu_loss_window_report(struct mcu_loss_window *w, uint8_t fraction_lost, uint32_t highest_seq,
                            int64_t now_ns)
{
    bool first = w->at_ns == 0;
    int32_t more = (int32_t)(highest_seq - w->highest_seq);
    double packets = first || more < 0 ? 0 : more > PACKETS_MAX ? PACKETS_MAX : more;
    double fade = first ? 0 : exp(-(double)(now_ns - w->at_ns) / (FADE_S * (double)MCU_NS_PER_S));
    if (fade > 1)
        fade = 1;
    w->packets = w->packets * fade + packets;
    w->lost = w->lost * fade + packets * fraction_lost / 256.0;
    w->highest_seq = highest_seq;
    w->at_ns = now_ns;
}

double mcu_loss_window_lost(const struct mcu_loss_window *w)
{
    return w->packets >= 1 ? w->lost / w->packets : 0;
}

double mcu_loss_window_certain(const struct mcu_loss_window *w)
{
    double part = mcu_loss_window_lost(w) - (w->packets >= 1 ? CHANCE / sqrt(w->packets) : 0);
    return part > 0 ? part : 0;
}
