#include "net/playout_wish.h"

#include "mixer/base/clock.h"

#define SMOOTHING      8     /* reports, each of some 20 packets: one loss among them says little */
#define LOSSY          0.015
#define QUIET_NS       (20 * MCU_NS_PER_S)
#define RTT_UNKNOWN_MS 100.0
#define TRIPS          2.2   /* as askers wait a little longer than a round trip */
#define SEEN_MS        80.0  /* until a loss is seen: by the next picture, when it was the last packet */
#define STEP_MS        50    /* a wish that changes all the time would be heard */
#define UNIT_MS        10
#define MOST_UNITS     1000  /* the receiver may wait as long as it likes */

void mcu_playout_wish_report(struct mcu_playout_wish *w, uint8_t fraction_lost, double rtt_ms,
                             int64_t now_ns)
{
    w->loss += (fraction_lost / 256.0 - w->loss) / SMOOTHING;
    if (w->loss >= LOSSY) {
        double ms = (rtt_ms > 0 ? rtt_ms : RTT_UNKNOWN_MS) * TRIPS + SEEN_MS;
        int want = ms < MCU_PLAYOUT_WISH_MAX_MS ? (int)ms / UNIT_MS * UNIT_MS
                                                : MCU_PLAYOUT_WISH_MAX_MS;
        if (want > w->ms || want < w->ms - STEP_MS)
            w->ms = want;
        w->said = true;
        w->lossy_ns = now_ns;
    } else if (now_ns - w->lossy_ns >= QUIET_NS) {
        w->ms = 0;
    }
}

void mcu_playout_wish_write(const struct mcu_playout_wish *w, uint8_t out[MCU_PLAYOUT_WISH_BYTES])
{
    unsigned least = (unsigned)(w->ms / UNIT_MS);
    out[0] = (uint8_t)(least >> 4);
    out[1] = (uint8_t)(least << 4 | MOST_UNITS >> 8);
    out[2] = (uint8_t)MOST_UNITS;
}
