#include "net/rtp_out.h"

#include <errno.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "net/rtp.h"

#define BYTES_PER_MS   8 /* PCMU, PCMA and G.722: 64 kbit/s */
#define SILENCE_NS     (100 * MCU_NS_PER_MS)
#define CONTIGUOUS_NS  MCU_NS_PER_MS
#define HEAD_MAX       ((MCU_RTP_HEADER_MAX + MCU_RTP_OUT_EXT_MAX + 15) / 16 * 16)
#define PAYLOAD_MAX    (MCU_RTP_OUT_PACKET_MAX - HEAD_MAX)
#define RTX_BYTES      2 /* the number that a packet had (RFC 4588 section 4) */

#define HISTORY_PACKETS_VIDEO 512
#define HISTORY_PACKETS_AUDIO 64    /* over a second */
#define HISTORY_BYTES_AUDIO   16384
#define HISTORY_BYTES_LEAST   65536 /* a keyframe at a low rate */
#define HISTORY_BYTES_MOST    (1 << 20)
#define UNPACED_BPS_VIDEO     2000000
#define UNPACED_BPS_AUDIO     100000
#define PACE_LEAST_BPS        60000

static bool is_cut(enum mcu_codec codec)
{
    return codec == MCU_CODEC_PCMU || codec == MCU_CODEC_PCMA || codec == MCU_CODEC_G722;
}

static uint32_t ts_at(const struct mcu_rtp_out *o, int64_t time_ns)
{
    return o->ts_offset +
           (uint32_t)mcu_clock_to_ticks(time_ns, mcu_codec_info(o->codec)->rtp_clock_hz);
}

/* A packet with room for its header, so that a payload is written where it leaves from: header and
 * payload end up behind each other, aligned to 4 as the header's size is. */
struct packet {
    _Alignas(16) uint8_t bytes[HEAD_MAX + PAYLOAD_MAX];
};

static uint8_t *payload_of(struct packet *p)
{
    return p->bytes + HEAD_MAX;
}

/* levels: of sound; NULL for a picture's packet. */
static void send_packet(struct mcu_rtp_out *o, struct mcu_rtp *rtp, struct packet *p, size_t size,
                        const struct mcu_rtp_out_levels *levels)
{
    uint8_t head[HEAD_MAX];
    rtp->pt = o->pt;
    rtp->seq = o->seq;
    rtp->ssrc = o->ssrc;
    int n = mcu_rtp_write(rtp, head, sizeof(head));
    if (n >= 0)
        n = mcu_rtp_out_ext_write(&o->ext, head, (size_t)n, sizeof(head), size, levels, false, o->now_ns);
    if (n < 0 || (size_t)n > sizeof(head))
        return;
    const uint8_t *data = memcpy(payload_of(p) - n, head, (size_t)n);
    size_t bytes = (size_t)n + size;
    if (o->repeat.history)
        mcu_rtp_history_sent(o->repeat.history, o->seq, data, bytes, o->now_ns);
    o->seq++;
    o->packets++;
    o->bytes += bytes;
    o->report_packets++;
    o->report_octets += (uint32_t)size;
    mcu_count(MCU_CNT_RTP_OUT);
    o->events.send(data, bytes, o->arg);
}

/* ---- Audio ---- */

/* The marker bit stands at the begin of a talk spurt (RFC 3551 section 4.1). */
static void send_audio(struct mcu_rtp_out *o, const uint8_t *payload, size_t size, int64_t time_ns,
                       int64_t duration_ns)
{
    struct mcu_rtp rtp = { .ts = ts_at(o, time_ns), .csrc_count = o->levels.csrc_count };
    memcpy(rtp.csrc, o->csrc, sizeof(o->csrc));
    struct packet p;
    if (size > PAYLOAD_MAX)
        return;
    memcpy(payload_of(&p), payload, size);
    rtp.marker = !o->spoke || time_ns - o->until_ns >= SILENCE_NS;
    send_packet(o, &rtp, &p, size, &o->levels);
    o->spoke = true;
    o->until_ns = time_ns + duration_ns;
}

static void flush_gathered(struct mcu_rtp_out *o)
{
    if (o->gathered > 0)
        send_audio(o, o->gather, o->gathered, o->gather_ns,
                   (int64_t)o->gathered * MCU_NS_PER_MS / BYTES_PER_MS);
    o->gathered = 0;
}

/* Fills packets of ptime; what does not follow on what was gathered starts a new one. */
static void cut_audio(struct mcu_rtp_out *o, const struct mcu_unit *unit)
{
    size_t packet = (size_t)o->ptime_ms * BYTES_PER_MS;
    int64_t end_ns = o->gather_ns + (int64_t)o->gathered * MCU_NS_PER_MS / BYTES_PER_MS;
    int64_t off = unit->time_ns - end_ns;
    if (o->gathered > 0 && (off > CONTIGUOUS_NS || off < -CONTIGUOUS_NS))
        flush_gathered(o);
    if (o->gathered == 0)
        o->gather_ns = unit->time_ns;
    for (size_t at = 0; at < unit->size;) {
        size_t n = unit->size - at < packet - o->gathered ? unit->size - at : packet - o->gathered;
        memcpy(o->gather + o->gathered, unit->data + at, n);
        o->gathered += n;
        at += n;
        if (o->gathered < packet)
            continue;
        flush_gathered(o);
        o->gather_ns += (int64_t)o->ptime_ms * MCU_NS_PER_MS;
    }
}

static void audio_unit(struct mcu_rtp_out *o, const struct mcu_unit *unit)
{
    /* A leg that moves to a conference whose ticks are late would hear a stretch of time twice. */
    if (o->spoke && unit->time_ns < o->unit_end_ns - CONTIGUOUS_NS)
        return;
    o->unit_end_ns = unit->time_ns + unit->duration_ns;
    o->ahead_ns = unit->ahead_ns;
    o->levels.level_dbov = unit->level_dbov;
    o->levels.csrc_count = unit->csrc_count <= MCU_UNIT_CSRC_MAX ? unit->csrc_count : 0;
    memcpy(o->levels.csrc, unit->csrc_level, sizeof(o->levels.csrc));
    memcpy(o->csrc, unit->csrc, sizeof(o->csrc));
    if (is_cut(o->codec) && o->ptime_ms > 0)
        cut_audio(o, unit);
    else
        send_audio(o, unit->data, unit->size, unit->time_ns,
                   unit->duration_ns > 0 ? unit->duration_ns : 20 * MCU_NS_PER_MS);
}

/* ---- Video ---- */

static void finish_head(struct mcu_rtp_out *o)
{
    mcu_pacer_pop(&o->pacer);
    o->pay_begun = false;
}

/* Sends one packet of the first unit that waits; a unit without any more is done. */
static void video_packet(struct mcu_rtp_out *o, const struct mcu_unit *unit)
{
    struct packet p;
    bool last = false;
    if (!o->pay_begun && mcu_pay_begin(&o->pay, unit) < 0) {
        finish_head(o);
        return;
    }
    o->pay_begun = true;
    int n = mcu_pay_next(&o->pay, payload_of(&p), PAYLOAD_MAX, &last);
    if (n == -EMSGSIZE)
        return; /* a NAL unit that cannot be sent in mode 0: the packetiser has gone past it */
    if (n > 0) {
        struct mcu_rtp rtp = { .ts = ts_at(o, unit->time_ns), .marker = last };
        send_packet(o, &rtp, &p, (size_t)n, NULL);
        mcu_pacer_sent(&o->pacer, (size_t)n + 12);
    }
    if (n <= 0 || last)
        finish_head(o);
}

int64_t mcu_rtp_out_poll(struct mcu_rtp_out *o, int64_t now_ns)
{
    const struct mcu_unit *unit;
    o->now_ns = now_ns;
    int64_t next = mcu_rtp_out_repeat(o);
    while ((unit = mcu_pacer_head(&o->pacer)) && mcu_pacer_may_send(&o->pacer, now_ns))
        video_packet(o, unit);
    int64_t pacer_next = mcu_pacer_next_ns(&o->pacer);
    return pacer_next < next ? pacer_next : next;
}

/* Too much waits: the pictures that have not begun are given up with this one, as the viewer gains
 * nothing from seeing them a second late. */
static void overflow(struct mcu_rtp_out *o, struct mcu_unit *unit)
{
    int dropped = mcu_pacer_clear(&o->pacer, o->pay_begun ? 1 : 0);
    bool kept = unit->keyframe && mcu_pacer_push(&o->pacer, unit) == 0;
    mcu_count_add(MCU_CNT_PACER_DROPPED, (uint64_t)dropped + (kept ? 0 : 1));
    o->skip_to_key = !kept;
    if (!kept)
        o->events.keyframe_wanted(o->arg);
}

static void video_unit(struct mcu_rtp_out *o, struct mcu_unit *unit)
{
    if (o->skip_to_key && !unit->keyframe) {
        mcu_count(MCU_CNT_PACER_DROPPED);
        return;
    }
    if (mcu_pacer_push(&o->pacer, unit) < 0)
        overflow(o, unit);
    else
        o->skip_to_key = false;
}

int64_t mcu_rtp_out_unit(struct mcu_rtp_out *o, struct mcu_unit *unit, int64_t now_ns)
{
    if (!o->send || unit->codec != o->codec || unit->codec == MCU_CODEC_NONE || unit->size == 0)
        return INT64_MAX;
    o->now_ns = now_ns;
    if (mcu_codec_info(unit->codec)->kind == MCU_AUDIO) {
        audio_unit(o, unit);
        return INT64_MAX;
    }
    video_unit(o, unit);
    return mcu_rtp_out_poll(o, now_ns);
}

/* ---- Configuration and reports ---- */

/* What the extensions and the number of a repeat take is taken from the payload: datagrams stay as
 * large as they would be without. */
static int max_payload(const struct mcu_rtp_out *o, const struct mcu_line_config *config)
{
    int most = PAYLOAD_MAX - RTX_BYTES;
    int payload = config->max_payload_bytes > 0 ? mcu_min(config->max_payload_bytes, most) : 1200;
    int extra = (int)mcu_rtp_out_ext_room(&o->ext) + (config->tx_rtx_pt ? RTX_BYTES : 0);
    return payload > 4 * extra ? payload - extra : payload;
}

/* About 1.2 s of the stream. */
static size_t history_bytes(const struct mcu_line_config *config)
{
    int bps = config->pace_bps > 0 ? config->pace_bps : UNPACED_BPS_VIDEO;
    if (config->kind == MCU_AUDIO)
        return HISTORY_BYTES_AUDIO;
    return (size_t)mcu_clamp(bps / 20 * 3, HISTORY_BYTES_LEAST, HISTORY_BYTES_MOST);
}

static int repeat_rate(const struct mcu_line_config *config)
{
    if (config->pace_bps > 0)
        return config->pace_bps;
    return config->kind == MCU_AUDIO ? UNPACED_BPS_AUDIO : UNPACED_BPS_VIDEO;
}

int mcu_rtp_out_prepare(struct mcu_rtp_out *o, const struct mcu_line_config *config)
{
    struct mcu_rtp_history *h = o->repeat.history;
    if (!config->fb_nack || (h && mcu_rtp_history_bytes(h) >= history_bytes(config)))
        return 0;
    int packets = config->kind == MCU_AUDIO ? HISTORY_PACKETS_AUDIO : HISTORY_PACKETS_VIDEO;
    int rc = mcu_rtp_history_new(&h, packets, history_bytes(config), repeat_rate(config));
    if (rc < 0)
        return rc;
    mcu_rtp_history_free(&o->repeat.history);
    o->repeat.history = h;
    return 0;
}

static void configure_repeats(struct mcu_rtp_out *o, const struct mcu_line_config *config)
{
    if (!config->fb_nack)
        mcu_rtp_history_free(&o->repeat.history);
    if (o->repeat.history) {
        mcu_rtp_history_set_rate(o->repeat.history, repeat_rate(config));
        if (o->codec != config->tx_codec || o->pt != config->tx_pt)
            mcu_rtp_history_clear(o->repeat.history);
    }
    o->repeat.rtx_pt = config->tx_rtx_pt;
    o->repeat.rtx_ssrc = config->rtx_ssrc;
}

void mcu_rtp_out_clear(struct mcu_rtp_out *o)
{
    mcu_pacer_clear(&o->pacer, 0);
    o->pay_begun = false;
    o->gathered = 0;
}

void mcu_rtp_out_free(struct mcu_rtp_out *o)
{
    mcu_rtp_out_clear(o);
    mcu_rtp_history_free(&o->repeat.history);
}

/* No rendition is smaller than the least, so that below it pictures would only be thrown away. */
static void set_pace(struct mcu_rtp_out *o)
{
    int64_t bps = o->pace_bps;
    if (bps > 0 && o->limit_bps > 0 && o->limit_bps < bps)
        bps = o->limit_bps > PACE_LEAST_BPS ? o->limit_bps : mcu_min((int)bps, PACE_LEAST_BPS);
    mcu_pacer_set_rate(&o->pacer, (int)bps, o->max_payload_bytes + 12);
}

void mcu_rtp_out_limit(struct mcu_rtp_out *o, int64_t bps)
{
    o->limit_bps = bps;
    set_pace(o);
}

void mcu_rtp_out_configure(struct mcu_rtp_out *o, const struct mcu_line_config *config)
{
    mcu_rtp_out_ext_configure(&o->ext, config);
    configure_repeats(o, config);
    int payload = max_payload(o, config);
    if (o->codec != config->tx_codec || o->h264_mode1 != config->tx_h264_mode1 ||
        o->max_payload_bytes != payload || !config->send) {
        mcu_rtp_out_clear(o);
        uint16_t picture_id = o->pay.vp8_picture_id;
        mcu_pay_init(&o->pay, config->tx_codec, config->tx_h264_mode1, payload);
        if (o->max_payload_bytes > 0)
            o->pay.vp8_picture_id = picture_id; /* goes on, as the sequence numbers do */
    }
    if (o->ptime_ms != config->tx_ptime_ms)
        flush_gathered(o);
    o->codec = config->tx_codec;
    o->pt = config->tx_pt;
    o->ptime_ms = config->tx_ptime_ms > 0 ? mcu_clamp(config->tx_ptime_ms, 10, 60) : 20;
    o->h264_mode1 = config->tx_h264_mode1;
    o->max_payload_bytes = payload;
    o->pace_bps = config->pace_bps;
    o->send = config->send;
    set_pace(o);
}

void mcu_rtp_out_init(struct mcu_rtp_out *o, const struct mcu_line_config *config, uint16_t seq,
                      uint16_t rtx_seq, uint32_t ts_offset, const struct mcu_rtp_out_events *events,
                      void *arg)
{
    struct mcu_rtp_history *history = o->repeat.history;
    memset(o, 0, sizeof(*o));
    o->repeat.history = history;
    o->events = *events;
    o->arg = arg;
    o->ssrc = config->ssrc;
    o->seq = seq;
    o->repeat.rtx_seq = rtx_seq;
    o->ts_offset = ts_offset;
    o->max_payload_bytes = -1; /* so that the packetiser is set up */
    mcu_pacer_init(&o->pacer, config->pace_bps, max_payload(o, config) + 12);
    mcu_rtp_out_configure(o, config);
}

bool mcu_rtp_out_report(const struct mcu_rtp_out *o, struct mcu_rtcp_sender *sender, int64_t now_ns)
{
    if (o->report_packets == 0 || o->codec == MCU_CODEC_NONE || !o->send)
        return false;
    sender->ntp = mcu_clock_to_ntp(now_ns);
    /* What is heard of a timestamp is older than it by what the encoder looks ahead: lips stay with it. */
    sender->rtp_ts = ts_at(o, now_ns + o->ahead_ns);
    sender->packets = o->report_packets;
    sender->octets = o->report_octets;
    return true;
}
