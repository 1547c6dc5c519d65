#include "net/dtmf.h"

#include "mixer/base/clock.h"
#include "mixer/base/cursor.h"

#define STALE_NS (5 * MCU_NS_PER_S)
/* A held key sends a packet each 50 ms (RFC 4733 section 2.6.1); two may be lost. */
#define HELD_NS (200 * MCU_NS_PER_MS)

/* A press that goes on under a new timestamp: segments of events longer than the duration field
 * (RFC 4733 section 2.5.1.3), and senders that move the timestamp with every packet. */
static bool continues(const struct mcu_dtmf *d, uint8_t event, bool marker, uint32_t step,
                      int64_t now_ns)
{
    return !d->ended && !marker && d->event == event && now_ns - d->at_ns < HELD_NS &&
           step <= d->duration + 1600u;
}

char mcu_dtmf_push(struct mcu_dtmf *d, const uint8_t *payload, size_t size, bool marker,
                   uint32_t rtp_ts, int64_t now_ns)
{
    static const char keys[] = "0123456789*#ABCD";
    struct mcu_cursor c = mcu_cursor(payload, size);
    uint8_t event = mcu_cursor_u8(&c);
    bool end = mcu_cursor_u8(&c) & 0x80;
    uint16_t duration = mcu_cursor_u16(&c);
    if (c.bad || event >= sizeof(keys) - 1)
        return 0;
    int32_t step = (int32_t)(rtp_ts - d->rtp_ts);
    bool known = d->active && now_ns - d->at_ns < STALE_NS;
    if (known && step < 0)
        return 0; /* a packet of an earlier press, out of order */
    bool same = known && (step == 0 ? d->event == event
                                    : continues(d, event, marker, (uint32_t)step, now_ns));
    bool ended = end || (same && step == 0 && d->ended);
    *d = (struct mcu_dtmf){ true, ended, event, duration, rtp_ts, now_ns };
    return same ? 0 : keys[event];
}
