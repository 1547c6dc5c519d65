#include "net/peer_clock.h"

#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"

#define WINDOW_NS    (4 * MCU_NS_PER_S)
#define JUMP_NS      (10 * MCU_NS_PER_S)
#define STEP_NS      (500 * MCU_NS_PER_MS)
/* Streams of one peer whose NTP times are further apart than this do not share a clock. */
#define FOREIGN_NS   (2 * MCU_NS_PER_S)
#define SLEW_DIVISOR 100 /* 1 ms per 100 ms */

static bool filter_fresh(const struct mcu_min_filter *f, int64_t now_ns)
{
    return f->valid && now_ns - f->window_start_ns < 2 * WINDOW_NS;
}

int64_t mcu_min_filter_value(const struct mcu_min_filter *f)
{
    return f->current < f->previous ? f->current : f->previous;
}

void mcu_min_filter_add(struct mcu_min_filter *f, int64_t value, int64_t now_ns)
{
    if (!filter_fresh(f, now_ns)) {
        *f = (struct mcu_min_filter){ value, value, now_ns, true };
    } else if (now_ns - f->window_start_ns >= WINDOW_NS) {
        f->previous = f->current;
        f->current = value;
        f->window_start_ns = now_ns;
    } else if (value < f->current) {
        f->current = value;
    }
}

/* Upwards at 1 %; downwards at once: media cannot have been sent after it arrived, and a smaller
 * offset found by one stream must move its fellows with it. */
static int64_t slew(int64_t *slewed_ns, int64_t *at_ns, bool *valid, int64_t target, int64_t now_ns)
{
    int64_t elapsed = *valid && now_ns > *at_ns ? now_ns - *at_ns : 0;
    int64_t most = elapsed / SLEW_DIVISOR;
    int64_t off = target - *slewed_ns;
    if (!*valid || off > STEP_NS || off <= most)
        *slewed_ns = target;
    else
        *slewed_ns += most;
    if (!*valid || now_ns > *at_ns)
        *at_ns = now_ns;
    *valid = true;
    return *slewed_ns;
}

void mcu_peer_clock_init(struct mcu_peer_clock *peer)
{
    memset(peer, 0, sizeof(*peer));
}

void mcu_stream_clock_init(struct mcu_stream_clock *stream, int rate_hz)
{
    memset(stream, 0, sizeof(*stream));
    stream->rate_hz = rate_hz > 0 ? rate_hz : 8000;
}

static int64_t ticks_ns(const struct mcu_stream_clock *s, int64_t ticks)
{
    return mcu_clock_from_ticks(ticks, s->rate_hz);
}

static int64_t unwrap(const struct mcu_stream_clock *s, uint32_t rtp_ts)
{
    return s->base_ticks + (int32_t)(rtp_ts - s->base_rtp_ts);
}

/* Whether two sender reports lie on one line: NTP advanced as RTP did, within 5 %. 2 ms more are
 * granted for reports that follow each other closely. */
static bool advances(const struct mcu_stream_clock *s, int64_t ticks, int64_t ntp_ns)
{
    int64_t rtp = ticks_ns(s, ticks - s->seen_ticks);
    int64_t ntp = ntp_ns - s->seen_ntp_ns;
    return ntp > 0 && llabs(ntp - rtp) <= ntp / 20 + 2 * MCU_NS_PER_MS;
}

/* What this stream learned from arrivals holds for the peer's clock too, so that the shared offset
 * does not begin with one packet's jitter. */
static void seed_peer(const struct mcu_stream_clock *s, struct mcu_peer_clock *peer, int64_t now_ns)
{
    if (!filter_fresh(&s->offset, now_ns))
        return;
    int64_t v = mcu_min_filter_value(&s->offset) - (s->sr_ntp_ns - ticks_ns(s, s->sr_ticks));
    if (!filter_fresh(&peer->offset, now_ns) ||
        llabs(v - mcu_min_filter_value(&peer->offset)) < FOREIGN_NS)
        mcu_min_filter_add(&peer->offset, v, now_ns);
}

void mcu_stream_clock_sr(struct mcu_stream_clock *s, struct mcu_peer_clock *peer, uint64_t ntp,
                         uint32_t rtp_ts, int64_t arrival_ns)
{
    if (ntp == 0)
        return;
    if (!s->has_base) {
        s->has_base = true;
        s->base_rtp_ts = rtp_ts;
    }
    int64_t ticks = unwrap(s, rtp_ts), ntp_ns = mcu_ntp_to_ns(ntp);
    int64_t since = s->slewed_valid ? arrival_ns - s->slewed_at_ns : 0;
    if (llabs(ticks_ns(s, ticks - s->base_ticks) - since) > JUMP_NS)
        return; /* an RTP time that is not the stream's */
    bool good = !s->has_seen || advances(s, ticks, ntp_ns);
    /* Reports are held against the last one received, not the last one believed: a peer whose clock
     * was set gets through with its second report. */
    s->has_seen = true;
    s->seen_ticks = ticks;
    s->seen_ntp_ns = ntp_ns;
    if (!good)
        return;
    bool first = !s->has_sr;
    s->has_sr = true;
    s->sr_ticks = ticks;
    s->sr_ntp_ns = ntp_ns;
    if (first)
        seed_peer(s, peer, arrival_ns);
}

static void restart(struct mcu_stream_clock *s, uint32_t rtp_ts)
{
    mcu_stream_clock_init(s, s->rate_hz);
    s->has_base = true;
    s->base_rtp_ts = rtp_ts;
}

/* By arrival alone. Kept up even when sender reports are believed: it is what is fallen back to. */
static int64_t map_by_arrival(struct mcu_stream_clock *s, int64_t ticks, int64_t arrival_ns)
{
    int64_t rtp_ns = ticks_ns(s, ticks);
    mcu_min_filter_add(&s->offset, arrival_ns - rtp_ns, arrival_ns);
    return rtp_ns + slew(&s->slewed_ns, &s->slewed_at_ns, &s->slewed_valid,
                         mcu_min_filter_value(&s->offset), arrival_ns);
}

int64_t mcu_stream_clock_map(struct mcu_stream_clock *s, struct mcu_peer_clock *peer,
                             uint32_t rtp_ts, int64_t arrival_ns)
{
    if (!s->has_base)
        restart(s, rtp_ts);
    int64_t ticks = unwrap(s, rtp_ts);
    /* Silence without packets moves RTP time and arrival alike: only their difference is a jump. */
    if (s->slewed_valid && llabs(ticks_ns(s, ticks - s->base_ticks) -
                                 (arrival_ns - s->slewed_at_ns)) > JUMP_NS) {
        restart(s, rtp_ts);
        ticks = 0;
    }
    s->base_ticks = ticks;
    s->base_rtp_ts = rtp_ts;
    int64_t sent = map_by_arrival(s, ticks, arrival_ns);
    if (s->has_sr) {
        int64_t peer_ns = s->sr_ntp_ns + ticks_ns(s, ticks - s->sr_ticks);
        int64_t sample = arrival_ns - peer_ns;
        bool fresh = filter_fresh(&peer->offset, arrival_ns);
        if (!fresh)
            peer->slewed_valid = false;
        if (!fresh || llabs(sample - mcu_min_filter_value(&peer->offset)) < FOREIGN_NS) {
            mcu_min_filter_add(&peer->offset, sample, arrival_ns);
            sent = peer_ns + slew(&peer->slewed_ns, &peer->slewed_at_ns, &peer->slewed_valid,
                                  mcu_min_filter_value(&peer->offset), arrival_ns);
        }
    }
    return sent < arrival_ns ? sent : arrival_ns;
}
