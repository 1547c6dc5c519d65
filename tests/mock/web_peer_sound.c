#include "web_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/g711.h"
#include "mixer/base/clock.h"
#include "net/rtp.h"
#include "peer_measure.h"

#define RATE_HZ 8000
#define WIDE    6 /* what is measured has 48 kHz */

struct wp_sound {
    double hz;
    int16_t *pcm;
    uint8_t *there; /* samples that came */
    int64_t size, end;
    uint32_t first_ts;
    int64_t last_ns, late_ns;
    int packets;
};

struct wp_sound *wp_sound_new(double seconds, double hz)
{
    struct wp_sound *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->hz = hz;
    s->size = (int64_t)(seconds + 2) * RATE_HZ;
    s->pcm = calloc((size_t)s->size, sizeof(*s->pcm));
    s->there = calloc((size_t)s->size, 1);
    if (!s->pcm || !s->there)
        abort();
    return s;
}

void wp_sound_packet(struct wp_sound *s, const uint8_t *data, size_t size, int64_t now_ns)
{
    struct mcu_rtp rtp;
    if (mcu_rtp_parse(&rtp, data, size) < 0)
        return;
    if (!s->packets++)
        s->first_ts = rtp.ts;
    else if (now_ns - s->last_ns > s->late_ns)
        s->late_ns = now_ns - s->last_ns;
    s->last_ns = now_ns;
    int64_t at = (int32_t)(rtp.ts - s->first_ts), n = (int64_t)rtp.payload_bytes;
    if (at < 0 || at + n > s->size)
        return;
    mcu_g711_decode(MCU_G711_ULAW, rtp.payload, rtp.payload_bytes, s->pcm + at);
    memset(s->there + at, 1, (size_t)n);
    if (at + n > s->end)
        s->end = at + n;
}

/* The longest stretch of the stream for which nothing came. */
static double longest_gap_ms(const struct wp_sound *s)
{
    int64_t run = 0, longest = 0;
    for (int64_t i = 0; i < s->end; i++) {
        run = s->there[i] ? 0 : run + 1;
        if (run > longest)
            longest = run;
    }
    return (double)longest * 1000 / RATE_HZ;
}

static struct peer_holes holes(const struct wp_sound *s)
{
    int64_t from = s->end < 2 * RATE_HZ ? s->end : RATE_HZ, n = (s->end - from) * WIDE;
    int16_t *wide = malloc(sizeof(*wide) * (size_t)(n + 1));
    if (!wide)
        abort();
    for (int64_t i = 0; i < n; i++) {
        int64_t a = from + i / WIDE, b = a + 1 < s->end ? a + 1 : a;
        wide[i] = (int16_t)(s->pcm[a] + (s->pcm[b] - s->pcm[a]) * (int)(i % WIDE) / WIDE);
    }
    struct peer_holes found = peer_tone_holes(wide, n, s->hz);
    free(wide);
    return found;
}

void wp_sound_print(const struct wp_sound *s)
{
    struct peer_holes h = holes(s);
    printf("{\"packets\": %d, \"seconds\": %.2f, \"gap_ms\": %.1f, \"late_ms\": %.1f, "
           "\"holes\": %d, \"hole_ms\": %.1f, \"hole_at_s\": %.1f}",
           s->packets, (double)s->end / RATE_HZ, longest_gap_ms(s),
           (double)s->late_ns / MCU_NS_PER_MS, h.count, h.longest_ms, h.at_s);
}

void wp_sound_free(struct wp_sound **sp)
{
    struct wp_sound *s = *sp;
    *sp = NULL;
    if (!s)
        return;
    free(s->pcm);
    free(s->there);
    free(s);
}
