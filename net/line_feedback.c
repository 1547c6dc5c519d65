#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "net/line_priv.h"
#include "net/own_ids.h"
#include "net/rtcp.h"
#include "net/rtcp_fb.h"
#include "net/twcc.h"

#define FIR_REPEAT_NS (2 * MCU_NS_PER_S)

/* RFC 3550 6.4.1: what the peer says of our stream; middle 32 bits of NTP, in 1/65536 s. */
static void take_blocks(struct mcu_line *line, const struct mcu_rtcp *r)
{
    for (int i = 0; i < r->block_count; i++) {
        const struct mcu_rtcp_block *b = &r->block[i];
        if (b->ssrc != line->config.ssrc)
            continue;
        line->out.ext.mid_known = true;
        line->fraction_lost_out = b->fraction_lost / 256.0;
        mcu_loss_window_report(&line->lost_out, b->fraction_lost, b->highest_seq, line->now_ns);
        uint32_t now = (uint32_t)(mcu_clock_to_ntp(line->now_ns) >> 16);
        int32_t rtt = (int32_t)(now - b->lsr - b->dlsr);
        if (b->lsr != 0 && rtt >= 0 && rtt < 60 * 65536)
            mcu_rtp_in_rtt(line->in, line->rtt_ms = rtt * 1000.0 / 65536);
        mcu_playout_wish_report(&line->out.ext.wish, b->fraction_lost, line->rtt_ms, line->now_ns);
    }
}

static void take_report(struct mcu_line *line, const struct mcu_rtcp *r)
{
    if (r->type == MCU_RTCP_SR)
        mcu_rtp_in_sr(line->in, r->ssrc, &r->sender, line->now_ns);
    take_blocks(line, r);
}

static void take_bye(struct mcu_line *line, const struct mcu_rtcp *r)
{
    for (int i = 0; i < r->bye_count; i++) {
        if (!mcu_rtp_in_bye(line->in, r->bye[i], line->now_ns))
            continue;
        line->events->bye(line->arg);
        return;
    }
}

/* Whoever gives our packets another SSRC on their way may still pass on what we call ourselves. */
static void take_names(struct mcu_line *line, const struct mcu_rtcp *r)
{
    if (r->ssrc != 0 && r->ssrc == mcu_rtp_in_ssrc(line->in) && mcu_own_is_cname(r->cname))
        mcu_line_loop_found(line, &line->looped);
}

static void peer_wants_keyframe(struct mcu_line *line)
{
    line->events->keyframe_wanted(line->arg);
}

/* A request is repeated with its number until the keyframe is there (RFC 5104 section 4.3.1.1). After
 * 2 s the same number is taken for a new request: some devices never raise it. */
static void take_fir(struct mcu_line *line, const struct mcu_rtcp *r)
{
    for (int i = 0; i < r->fir_count; i++) {
        if (r->fir[i].ssrc != line->config.ssrc)
            continue;
        bool repeat = line->fir_in.valid && line->fir_in.ssrc == r->ssrc &&
                      line->fir_in.seq == r->fir[i].seq &&
                      line->now_ns - line->fir_in.at_ns < FIR_REPEAT_NS;
        if (repeat)
            continue;
        line->fir_in.valid = true;
        line->fir_in.ssrc = r->ssrc;
        line->fir_in.seq = r->fir[i].seq;
        line->fir_in.at_ns = line->now_ns;
        peer_wants_keyframe(line);
    }
}

static void take_limit(struct mcu_line *line, const struct mcu_rtcp *r)
{
    if (!mcu_line_limit_take(&line->limit, &line->config, r))
        return;
    mcu_rtp_out_limit(&line->out, line->limit.in_bps);
    if (line->events->limit)
        line->events->limit(line->limit.in_bps, line->arg);
}

static void take_transport_feedback(struct mcu_line *line, const struct mcu_rtcp *r)
{
    if (r->count == MCU_RTPFB_NACK && r->media_ssrc == line->config.ssrc)
        mcu_rtp_out_nack(&line->out, r->fci, r->fci_bytes, line->rtt_ms, line->now_ns);
    else if (r->count == MCU_RTPFB_TWCC && line->config.twcc)
        mcu_twcc_feedback(line->config.twcc, r->fci, r->fci_bytes, line->now_ns);
    else
        take_limit(line, r);
}

static void take_feedback(struct mcu_line *line, const struct mcu_rtcp *r)
{
    take_limit(line, r);
    if (line->config.kind != MCU_VIDEO)
        return;
    if (r->count == MCU_PSFB_PLI && r->media_ssrc == line->config.ssrc)
        peer_wants_keyframe(line);
    else if (r->count == MCU_PSFB_FIR)
        take_fir(line, r);
}

static void take_rtcp(struct mcu_line *line, const struct mcu_rtcp *r)
{
    static const struct {
        uint8_t type;
        void (*take)(struct mcu_line *line, const struct mcu_rtcp *r);
    } takers[] = {
        { MCU_RTCP_SR, take_report },
        { MCU_RTCP_RR, take_report },
        { MCU_RTCP_SDES, take_names },
        { MCU_RTCP_BYE, take_bye },
        { MCU_RTCP_RTPFB, take_transport_feedback },
        { MCU_RTCP_PSFB, take_feedback },
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(takers); i++)
        if (takers[i].type == r->type)
            takers[i].take(line, r);
}

static void bad_rtcp(struct mcu_line *line)
{
    line->rtcp_malformed++;
    mcu_count(MCU_CNT_RTCP_BAD);
}

void mcu_line_rtcp(struct mcu_line *line, const uint8_t *data, size_t size, int64_t now_ns)
{
    struct mcu_cursor c = mcu_cursor(data, size);
    struct mcu_rtcp r;
    int rc;
    line->now_ns = now_ns;
    if (mcu_rtcp_check(data, size) < 0) {
        bad_rtcp(line);
        return;
    }
    line->last_rtcp_ns = now_ns;
    mcu_count(MCU_CNT_RTCP_IN);
    while ((rc = mcu_rtcp_next(&c, &r)) != 0) {
        if (rc < 0)
            bad_rtcp(line);
        else
            take_rtcp(line, &r);
    }
}
