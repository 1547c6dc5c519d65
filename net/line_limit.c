#include "net/line_limit.h"

#include "mixer/base/clock.h"

#define AGAIN_NS       MCU_NS_PER_S
#define ANSWER_NS      (50 * MCU_NS_PER_MS)
#define TMMBR_TRIES    5
#define OVERHEAD_BYTES 40     /* IPv4, UDP and RTP, which our wish does not count */
#define LEAST_BPS      1000   /* none at all cannot be asked for; 0 means no limit here */
#define NO_LIMIT_BPS   INT64_C(1000000000)
#define PAYLOAD_BYTES  1200   /* of a typical picture's packet */

/* ---- from him ---- */

static bool set_in(struct mcu_line_limit *l, int64_t bps)
{
    bps = bps >= NO_LIMIT_BPS ? 0 : bps < LEAST_BPS ? LEAST_BPS : bps;
    bool other = l->in_bps != bps;
    l->in_bps = bps;
    return other;
}

/* It holds for all sources that it names together, so for ours at most. */
static bool take_remb(struct mcu_line_limit *l, const struct mcu_line_config *config,
                      const struct mcu_rtcp *r)
{
    struct mcu_remb remb;
    if (mcu_rtcp_read_remb(&remb, r->fci, r->fci_bytes) < 0)
        return false;
    for (int i = 0; i < remb.ssrc_count; i++)
        if (remb.ssrc[i] == config->ssrc)
            return set_in(l, remb.bps);
    return false;
}

/* RFC 5104 4.2.2: it is answered, each time. What its packets need below RTP is not ours to spend. */
static bool take_tmmbr(struct mcu_line_limit *l, const struct mcu_line_config *config,
                       const struct mcu_rtcp *r)
{
    bool other = false;
    for (int i = 0; i < r->tmmbr_count; i++) {
        if (r->tmmbr[i].ssrc != config->ssrc)
            continue;
        int64_t bps = r->tmmbr[i].bps < (uint64_t)NO_LIMIT_BPS ? (int64_t)r->tmmbr[i].bps
                                                               : NO_LIMIT_BPS;
        l->answer = true;
        l->owner = r->ssrc;
        l->owner_bps = bps;
        l->owner_overhead = r->tmmbr[i].overhead_bytes;
        other |= set_in(l, bps == NO_LIMIT_BPS
                               ? bps
                               : bps * PAYLOAD_BYTES / (PAYLOAD_BYTES + l->owner_overhead));
    }
    return other;
}

/* He keeps to our request, or to one of somebody else that is lower still. */
static void take_tmmbn(struct mcu_line_limit *l, const struct mcu_line_config *config,
                       const struct mcu_rtcp *r)
{
    l->heard |= l->out_bps == 0;
    for (int i = 0; i < r->tmmbr_count; i++)
        if (r->tmmbr[i].ssrc == config->ssrc || r->tmmbr[i].bps <= (uint64_t)l->out_bps)
            l->heard = true;
}

bool mcu_line_limit_take(struct mcu_line_limit *l, const struct mcu_line_config *config,
                         const struct mcu_rtcp *r)
{
    if (r->type == MCU_RTCP_PSFB && r->count == MCU_PSFB_ALFB)
        return take_remb(l, config, r);
    if (r->type == MCU_RTCP_RTPFB && r->count == MCU_RTPFB_TMMBR)
        return take_tmmbr(l, config, r);
    if (r->type == MCU_RTCP_RTPFB && r->count == MCU_RTPFB_TMMBN)
        take_tmmbn(l, config, r);
    return false;
}

/* ---- from us ---- */

void mcu_line_limit_set(struct mcu_line_limit *l, int64_t bps, int64_t now_ns)
{
    bps = bps < 0 ? 0 : bps;
    if (bps == l->out_bps)
        return;
    l->out_bps = bps;
    l->wanted = true;
    l->heard = false;
    l->tries = 0;
    l->due_ns = now_ns;
}

int64_t mcu_line_limit_due(const struct mcu_line_limit *l)
{
    int64_t due = l->wanted ? l->due_ns : INT64_MAX;
    return l->answer && l->answer_ns < due ? l->answer_ns : due;
}

/* A second has gone by: whether he sent more than he may by a fifth. */
static bool exceeded(const struct mcu_line_limit *l, uint64_t bytes_in, int64_t now_ns)
{
    int64_t ms = (now_ns - l->since_ns) / MCU_NS_PER_MS;
    int64_t bits = (int64_t)(bytes_in - l->bytes_since) * 8;
    return l->out_bps > 0 && ms >= 900 && bits / ms * 1000 > l->out_bps + l->out_bps / 5;
}

/* Each second while media come; that there is no limit any more is said three times. */
static void write_remb(struct mcu_line_limit *l, const struct mcu_line_config *config,
                       struct mcu_wcursor *w, uint32_t source, uint64_t bytes_in)
{
    if (l->tries > 0 && bytes_in == l->bytes_since)
        return;
    mcu_rtcp_write_remb(w, config->ssrc, l->out_bps > 0 ? l->out_bps : NO_LIMIT_BPS, &source, 1);
    l->tries += l->tries < TMMBR_TRIES;
    l->wanted = l->out_bps > 0 || l->tries < 3;
}

/* Until he has answered, or five times; anew while he does not keep to it. */
static void write_tmmbr(struct mcu_line_limit *l, const struct mcu_line_config *config,
                        struct mcu_wcursor *w, uint32_t source, uint64_t bytes_in, int64_t now_ns)
{
    if (l->tries > 0 && exceeded(l, bytes_in, now_ns)) {
        l->heard = false;
        l->tries = l->tries >= TMMBR_TRIES ? TMMBR_TRIES - 1 : l->tries;
    }
    l->wanted = l->out_bps > 0 || (!l->heard && l->tries + 1 < TMMBR_TRIES);
    if (l->heard || l->tries >= TMMBR_TRIES)
        return;
    mcu_rtcp_write_tmmbr(w, config->ssrc, source, l->out_bps > 0 ? l->out_bps : NO_LIMIT_BPS,
                         OVERHEAD_BYTES);
    l->tries++;
}

void mcu_line_limit_write(struct mcu_line_limit *l, const struct mcu_line_config *config,
                          struct mcu_wcursor *w, uint32_t source, uint64_t bytes_in, int64_t now_ns)
{
    if (l->answer && l->answer_ns <= now_ns) {
        mcu_rtcp_write_tmmbn(w, config->ssrc, l->owner, l->owner_bps, l->owner_overhead);
        l->answer = false;
        l->answer_ns = now_ns + ANSWER_NS;
    }
    if (!l->wanted || l->due_ns > now_ns)
        return;
    l->due_ns = now_ns + AGAIN_NS;
    if (source == 0)
        return;
    if (config->fb_remb)
        write_remb(l, config, w, source, bytes_in);
    else if (config->fb_tmmbr)
        write_tmmbr(l, config, w, source, bytes_in, now_ns);
    else
        l->wanted = false;
    l->bytes_since = bytes_in;
    l->since_ns = now_ns;
}
