#include "net/line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "net/line_priv.h"
#include "net/nack.h"
#include "net/own_ids.h"
#include "net/rtcp.h"
#include "net/rtcp_fb.h"

#define RTCP_INTERVAL_MS   2500 /* +- 50 % (RFC 3550 6.3.1); 5 s are for groups, a pair may halve it */
#define FIRST_SENT_MS      100  /* the first report follows the first packet after 100 to 450 ms, */
#define FIRST_SENT_SPAN_MS 350  /* so that lip sync does not wait for it */
#define FIRST_RECEIVED_MS  500
#define REPORTS_APART_MS   20   /* those of many lines leave at one waking */
#define REPORT_BLOCKS      (2 * MCU_LINE_RIDS) /* layers, and their repeats */
#define ASK_NS             (500 * MCU_NS_PER_MS)
#define POLL_MIN_NS        MCU_NS_PER_MS

/* xorshift64*: spreads reports and hides offsets from guessing; nothing secret hangs on it. */
static uint32_t next_random(struct mcu_line *line)
{
    line->rng ^= line->rng >> 12;
    line->rng ^= line->rng << 25;
    line->rng ^= line->rng >> 27;
    return (uint32_t)((line->rng * UINT64_C(2685821657736338717)) >> 32);
}

static void seed_random(struct mcu_line *line)
{
    if (getrandom(&line->rng, sizeof(line->rng), GRND_NONBLOCK) != sizeof(line->rng))
        line->rng = (uint64_t)mcu_clock_now_ns() ^ (uint64_t)(uintptr_t)line;
    line->rng |= 1; /* never zero, from which xorshift would not come back */
}

/* ---- RTCP out ---- */

static void schedule_report(struct mcu_line *line, int64_t least_ms, uint32_t span_ms)
{
    uint32_t span = span_ms - REPORTS_APART_MS; /* what rounding up may add */
    int64_t due = line->now_ns + (least_ms + next_random(line) % span) * MCU_NS_PER_MS;
    due += REPORTS_APART_MS * MCU_NS_PER_MS - 1;
    due -= due % (REPORTS_APART_MS * MCU_NS_PER_MS);
    if (due < line->report_due_ns)
        line->report_due_ns = due;
}

/* Every compound begins with a report and our CNAME (RFC 3550 section 6.1). */
static void begin_compound(struct mcu_line *line, struct mcu_wcursor *w)
{
    struct mcu_rtcp_sender sender;
    struct mcu_rtcp_block block[REPORT_BLOCKS];
    int n = mcu_rtp_in_reports(line->in, block, REPORT_BLOCKS, line->now_ns);
    if (mcu_rtp_out_report(&line->out, &sender, line->now_ns))
        mcu_rtcp_write_sr(w, line->config.ssrc, &sender, block, n);
    else
        mcu_rtcp_write_rr(w, line->config.ssrc, block, n);
    if (mcu_rtp_out_report_rtx(&line->out, &sender, line->now_ns))
        mcu_rtcp_write_sr(w, line->config.rtx_ssrc, &sender, NULL, 0);
    mcu_rtcp_write_cname(w, line->config.ssrc, line->config.cname);
    if (line->out.repeat.rtx_sent > 0) /* RFC 4588 5.2: the same CNAME ties the two together */
        mcu_rtcp_write_cname(w, line->config.rtx_ssrc, line->config.cname);
}

static void end_compound(struct mcu_line *line, const struct mcu_wcursor *w)
{
    if (w->bad)
        return;
    mcu_count(MCU_CNT_RTCP_OUT);
    line->events->send(true, w->start, mcu_wcursor_size(w), line->arg);
}

static void send_report(struct mcu_line *line)
{
    uint8_t buf[512];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    begin_compound(line, &w);
    end_compound(line, &w);
    line->report_due_ns = INT64_MAX;
    schedule_report(line, RTCP_INTERVAL_MS / 2, RTCP_INTERVAL_MS);
}

/* PLI where it is understood, else FIR; both when the peer said nothing about either. */
static void write_request(struct mcu_line *line, struct mcu_wcursor *w)
{
    uint32_t source[2];
    int n = mcu_rtp_in_key_ssrcs(line->in, source);
    bool neither = !line->config.fb_pli && !line->config.fb_fir;
    for (int i = 0; i < n && (line->config.fb_pli || neither); i++)
        mcu_rtcp_write_pli(w, line->config.ssrc, source[i]);
    for (int i = 0; i < n && ((line->config.fb_fir && !line->config.fb_pli) || neither); i++)
        mcu_rtcp_write_fir(w, line->config.ssrc, source[i], ++line->fir_seq);
}

static void ask_if_due(struct mcu_line *line)
{
    if (!line->wish || line->now_ns < line->may_ask_ns || mcu_rtp_in_ssrc(line->in) == 0 ||
        !line->config.receive)
        return;
    uint8_t buf[512];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    line->wish = false;
    line->may_ask_ns = line->now_ns + ASK_NS;
    line->asked++;
    if (line->events->keyframe_asked)
        line->events->keyframe_asked(line->arg);
    mcu_count(MCU_CNT_KEYFRAMES_ASKED);
    begin_compound(line, &w);
    write_request(line, &w);
    end_compound(line, &w);
}

void mcu_line_ask_keyframe(struct mcu_line *line, int64_t now_ns)
{
    if (line->config.kind != MCU_VIDEO)
        return;
    line->now_ns = now_ns;
    line->wish = true;
    ask_if_due(line);
}

static void say_limit_if_due(struct mcu_line *line)
{
    if (mcu_line_limit_due(&line->limit) > line->now_ns)
        return;
    uint8_t what[128], buf[512];
    struct mcu_wcursor body = mcu_wcursor(what, sizeof(what)), w = mcu_wcursor(buf, sizeof(buf));
    struct mcu_line_stats stats = { 0 };
    mcu_rtp_in_get_stats(line->in, &stats);
    mcu_line_limit_write(&line->limit, &line->config, &body, mcu_rtp_in_ssrc(line->in),
                         stats.bytes_in, line->now_ns);
    if (body.bad || mcu_wcursor_size(&body) == 0)
        return;
    begin_compound(line, &w);
    mcu_wcursor_bytes(&w, what, mcu_wcursor_size(&body));
    end_compound(line, &w);
}

void mcu_line_limit(struct mcu_line *line, int64_t bps, int64_t now_ns)
{
    line->now_ns = now_ns;
    mcu_line_limit_set(&line->limit, bps, now_ns);
    say_limit_if_due(line);
}

/* Immediate feedback (RFC 4585 section 3.1): what is missing, in one packet. */
static void send_nacks(struct mcu_line *line)
{
    uint16_t seq[MCU_NACK_MAX];
    uint8_t buf[512 + 4 * MCU_NACK_MAX];
    int n = mcu_rtp_in_nacks(line->in, seq, line->now_ns);
    if (n == 0)
        return;
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    begin_compound(line, &w);
    mcu_rtcp_write_nack(&w, line->config.ssrc, mcu_rtp_in_ssrc(line->in), seq, n);
    end_compound(line, &w);
}

void mcu_line_want_rows(struct mcu_line *line, int rows, int64_t now_ns)
{
    line->now_ns = now_ns;
    mcu_rtp_in_want_rows(line->in, rows, now_ns);
}

void mcu_line_bye(struct mcu_line *line, int64_t now_ns)
{
    uint8_t buf[512];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    line->now_ns = now_ns;
    begin_compound(line, &w);
    mcu_rtcp_write_bye(&w, line->config.ssrc);
    if (line->out.repeat.rtx_sent > 0)
        mcu_rtcp_write_bye(&w, line->config.rtx_ssrc);
    end_compound(line, &w);
}

/* ---- From the receiving half ---- */

static void on_unit(struct mcu_unit *unit, void *arg)
{
    struct mcu_line *line = arg;
    if (line->looped)
        mcu_unit_unref(&unit);
    else
        line->events->unit(unit, line->arg);
}

static void on_dtmf(char key, void *arg)
{
    struct mcu_line *line = arg;
    line->events->dtmf(key, line->arg);
}

static void on_keyframe_needed(void *arg)
{
    struct mcu_line *line = arg;
    line->wish = true;
    ask_if_due(line);
}

static void on_keyframe_came(void *arg)
{
    struct mcu_line *line = arg;
    line->wish = false;
}

void mcu_line_loop_found(struct mcu_line *line, bool *once)
{
    if (*once)
        return;
    *once = true;
    mcu_count(MCU_CNT_RTP_LOOPS);
    if (line->events->looped)
        line->events->looped(line->arg);
}

static void on_own(void *arg)
{
    struct mcu_line *line = arg;
    mcu_line_loop_found(line, &line->own_came);
}

static void on_source(uint32_t ssrc, void *arg)
{
    struct mcu_line *line = arg;
    line->looped = false;
    if (mcu_own_is_ssrc(ssrc))
        mcu_line_loop_found(line, &line->looped);
    line->fir_in.valid = false;
    line->may_ask_ns = 0; /* the limit was that of another encoder */
}

static const struct mcu_rtp_in_events in_events = {
    .unit = on_unit,
    .dtmf = on_dtmf,
    .keyframe_needed = on_keyframe_needed,
    .keyframe_came = on_keyframe_came,
    .source = on_source,
    .own = on_own,
};

/* ---- From the sending half ---- */

static void on_send(const uint8_t *data, size_t size, void *arg)
{
    struct mcu_line *line = arg;
    if (!line->sent_any)
        schedule_report(line, FIRST_SENT_MS, FIRST_SENT_SPAN_MS);
    line->sent_any = true;
    line->events->send(false, data, size, line->arg);
}

static void on_keyframe_wanted(void *arg)
{
    struct mcu_line *line = arg;
    line->events->keyframe_wanted(line->arg);
}

static const struct mcu_rtp_out_events out_events = {
    .send = on_send,
    .keyframe_wanted = on_keyframe_wanted,
};

/* ---- RTP, time ---- */

void mcu_line_rtp(struct mcu_line *line, const uint8_t *data, size_t size, int64_t now_ns)
{
    line->now_ns = now_ns;
    mcu_rtp_in_packet(line->in, data, size, now_ns);
    if (!line->received_any && mcu_rtp_in_ssrc(line->in) != 0) {
        line->received_any = true;
        schedule_report(line, FIRST_RECEIVED_MS, FIRST_RECEIVED_MS);
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t later_than_now(const struct mcu_line *line, int64_t ns)
{
    return ns > line->now_ns + POLL_MIN_NS ? ns : line->now_ns + POLL_MIN_NS;
}

int64_t mcu_line_send(struct mcu_line *line, struct mcu_unit *unit, int64_t now_ns)
{
    line->now_ns = now_ns;
    int64_t next = mcu_rtp_out_unit(&line->out, unit, now_ns);
    return later_than_now(line, earlier(next, line->report_due_ns));
}

int64_t mcu_line_poll(struct mcu_line *line, int64_t now_ns)
{
    line->now_ns = now_ns;
    if (line->report_due_ns == INT64_MAX)
        schedule_report(line, RTCP_INTERVAL_MS / 2, RTCP_INTERVAL_MS);
    int64_t next = mcu_rtp_out_poll(&line->out, now_ns);
    if (line->received_any) { /* who only watches costs nothing here */
        send_nacks(line);
        next = earlier(next, mcu_rtp_in_poll(line->in, now_ns));
    }
    ask_if_due(line);
    say_limit_if_due(line);
    next = earlier(next, mcu_line_limit_due(&line->limit));
    if (line->wish && line->config.receive && mcu_rtp_in_ssrc(line->in) != 0)
        next = earlier(next, line->may_ask_ns);
    if (line->report_due_ns <= now_ns)
        send_report(line);
    next = earlier(next, line->report_due_ns);
    return later_than_now(line, next);
}

/* ---- Life ---- */

static bool codec_fits(enum mcu_codec codec, enum mcu_kind kind)
{
    return codec > MCU_CODEC_NONE && codec < MCU_CODEC_COUNT && mcu_codec_info(codec)->kind == kind;
}

static bool rx_fits(const struct mcu_line_config *config)
{
    if (config->rx_count < 0 || config->rx_count > MCU_LINE_RX_MAX)
        return false;
    for (int i = 0; i < config->rx_count; i++) {
        if (config->rx[i].pt > 127 || config->rx[i].rtx_pt > 127 ||
            !codec_fits(config->rx[i].codec, config->kind))
            return false;
        for (int k = 0; k < i; k++)
            if (config->rx[k].pt == config->rx[i].pt)
                return false;
    }
    return true;
}

static bool config_fits(const struct mcu_line_config *config)
{
    bool tx = config->tx_codec == MCU_CODEC_NONE || codec_fits(config->tx_codec, config->kind);
    bool rtx = config->tx_rtx_pt <= 127 && (!config->tx_rtx_pt || config->rtx_ssrc != config->ssrc);
    return tx && rtx && config->tx_pt <= 127 && config->dtmf_pt >= -1 && config->dtmf_pt <= 127 &&
           config->max_payload_bytes >= 0 && config->pace_bps >= 0 && config->tx_ptime_ms >= 0 &&
           config->tx_ptime_ms <= 200 && config->rid_count >= 0 &&
           config->rid_count <= MCU_LINE_RIDS && rx_fits(config);
}

/* Borrowed pointers of the caller's must not outlive the call. */
static void keep_config(struct mcu_line *line, const struct mcu_line_config *config)
{
    line->config = *config;
    line->config.cname[sizeof(line->config.cname) - 1] = '\0';
    for (int i = 0; i < MCU_LINE_RX_MAX; i++)
        line->config.rx[i].sprop = NULL;
}

int mcu_line_new(struct mcu_line **out, const struct mcu_line_config *config,
                 struct mcu_peer_clock *clock, const struct mcu_line_events *events, void *arg)
{
    if (!config_fits(config))
        return -EINVAL;
    struct mcu_line *line = calloc(1, sizeof(*line));
    if (!line)
        return -ENOMEM;
    seed_random(line);
    line->events = events;
    line->arg = arg;
    line->report_due_ns = INT64_MAX;
    int rc = mcu_rtp_in_new(&line->in, config, clock, &in_events, line);
    if (rc == 0)
        rc = mcu_rtp_out_prepare(&line->out, config);
    if (rc < 0) {
        mcu_rtp_in_free(&line->in);
        free(line);
        return rc;
    }
    keep_config(line, config);
    /* The first sequence number stays below 2^15, so that SRTP's roll-over counter is not guessed
     * wrong when the first packets are lost (RFC 3711 section 3.3.1). */
    mcu_rtp_out_init(&line->out, config, next_random(line) & 0x7fff, next_random(line) & 0x7fff,
                     next_random(line), &out_events, line);
    *out = line;
    return 0;
}

void mcu_line_free(struct mcu_line **pp)
{
    struct mcu_line *line = *pp;
    *pp = NULL;
    if (!line)
        return;
    mcu_rtp_out_free(&line->out);
    mcu_rtp_in_free(&line->in);
    free(line);
}

int mcu_line_reconfigure(struct mcu_line *line, const struct mcu_line_config *config)
{
    if (!config_fits(config) || config->kind != line->config.kind ||
        config->ssrc != line->config.ssrc)
        return -EINVAL;
    int rc = mcu_rtp_out_prepare(&line->out, config);
    if (rc == 0)
        rc = mcu_rtp_in_reconfigure(line->in, config);
    if (rc < 0)
        return rc;
    keep_config(line, config);
    mcu_rtp_out_configure(&line->out, config);
    return 0;
}

void mcu_line_get_stats(const struct mcu_line *line, struct mcu_line_stats *out)
{
    memset(out, 0, sizeof(*out));
    mcu_rtp_in_get_stats(line->in, out);
    out->packets_out = line->out.packets;
    out->bytes_out = line->out.bytes;
    out->malformed += line->rtcp_malformed;
    out->fraction_lost_out = line->fraction_lost_out;
    out->certain_loss_out = mcu_loss_window_certain(&line->lost_out);
    out->rtt_ms = line->rtt_ms;
    out->nacks_in = line->out.repeat.asked;
    out->repeated = line->out.repeat.sent;
    out->limit_in_bps = line->limit.in_bps;
    out->limit_out_bps = line->limit.out_bps;
    if (line->last_rtcp_ns > out->last_packet_ns)
        out->last_packet_ns = line->last_rtcp_ns;
    out->keyframes_asked = line->asked;
    out->looped = line->looped;
}
