#include "net/negotiate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mixer/base/util.h"
#include "net/negotiate_priv.h"

static const char *const kind_names[] = { [MCU_AUDIO] = "audio", [MCU_VIDEO] = "video" };

const struct mcu_sdp_format *mcu_nego_find_pt(const struct mcu_sdp_media *media, int pt)
{
    for (int i = 0; i < media->format_count; i++)
        if (media->formats[i].pt == pt)
            return &media->formats[i];
    return NULL;
}

/* G.722's clock is 8000 by an old mistake that must stay (RFC 3551 4.5.2), but some devices write
 * the true 16000; Opus is always /2 (RFC 7587 7), which some forget. */
enum mcu_codec mcu_nego_codec_of(const struct mcu_sdp_format *f, enum mcu_kind kind)
{
    for (int i = MCU_CODEC_NONE + 1; i < MCU_CODEC_COUNT; i++) {
        const struct mcu_codec_info *info = mcu_codec_info((enum mcu_codec)i);
        bool clock = f->clock_hz == info->rtp_clock_hz ||
                     (i == MCU_CODEC_G722 && f->clock_hz == info->sample_rate_hz);
        bool channels =
            kind == MCU_VIDEO || f->channels == 1 || f->channels == info->rtpmap_channels;
        if (info->kind == kind && clock && channels && strcasecmp(f->encoding, info->name) == 0)
            return (enum mcu_codec)i;
    }
    return MCU_CODEC_NONE;
}

static bool is_received_only(const struct mcu_nego_caps *caps, enum mcu_codec codec)
{
    if (codec == MCU_CODEC_CN)
        return true;
    for (int i = 0; i < caps->video_in_count; i++)
        if (codec != MCU_CODEC_NONE && caps->video_in[i] == codec)
            return true;
    return false;
}

bool mcu_nego_profile_fits(const struct mcu_sdp_format *f, enum mcu_codec codec)
{
    return codec == MCU_CODEC_VP9   ? mcu_sdp_fmtp_int(f->fmtp, "profile-id", 0) == 0
           : codec == MCU_CODEC_AV1 ? mcu_sdp_fmtp_int(f->fmtp, "profile", 0) == 0
                                    : true;
}

/* Place in our order of preference; -1: not ours. */
static int preference(const struct mcu_nego_caps *caps, enum mcu_kind kind, enum mcu_codec codec)
{
    const enum mcu_codec *list = kind == MCU_AUDIO ? caps->audio : caps->video;
    int count = kind == MCU_AUDIO ? caps->audio_count : caps->video_count;
    for (int i = 0; i < count; i++)
        if (codec != MCU_CODEC_NONE && list[i] == codec)
            return i;
    return -1;
}

const struct mcu_h264_level *mcu_nego_own_level(const struct mcu_nego_caps *caps)
{
    return mcu_h264_level_for(caps->max_width, caps->max_height, caps->max_fps, caps->video_bps);
}

/* RFC 6184 8.2.2: profile and mode as offered. The level is ours where both allow asymmetry, else
 * one level holds for both ways and may not be above the offered one. */
void mcu_nego_h264_answer(struct mcu_nego_h264 *h, const char *offered_fmtp,
                          const struct mcu_nego_caps *caps)
{
    const struct mcu_h264_level *ours = mcu_nego_own_level(caps);
    const struct mcu_h264_level *theirs =
        mcu_h264_level(h->profile_idc, h->constraint_flags, h->level_idc);
    bool asymmetric = mcu_sdp_fmtp_int(offered_fmtp, "level-asymmetry-allowed", 0) == 1;
    /* The table is in order, so the lower level is at the lower address. */
    mcu_h264_set_level(h, !asymmetric && theirs < ours ? theirs : ours);
}

/* What the peer receives of this format from us. Without asymmetry a lower level of ours binds
 * what we send too. */
static int h264_remote(struct mcu_nego_h264 *out, const char *fmtp,
                       const struct mcu_nego_caps *caps)
{
    int rc = mcu_h264_parse(out, fmtp);
    if (rc < 0 || mcu_sdp_fmtp_int(fmtp, "level-asymmetry-allowed", 0) == 1)
        return rc;
    struct mcu_nego_h264 own = *out;
    mcu_nego_h264_answer(&own, fmtp, caps);
    const struct mcu_h264_level *l =
        mcu_h264_level(own.profile_idc, own.constraint_flags, own.level_idc);
    if (l < mcu_h264_level(out->profile_idc, out->constraint_flags, out->level_idc)) {
        out->constraint_flags = own.constraint_flags;
        out->level_idc = own.level_idc;
        out->max_mbps = mcu_max(l->max_mbps, mcu_sdp_fmtp_int(fmtp, "max-mbps", 0));
        out->max_fs = mcu_max(l->max_fs, mcu_sdp_fmtp_int(fmtp, "max-fs", 0));
        out->max_mbps = mcu_min(out->max_mbps, 16711680);
        out->max_fs = mcu_min(out->max_fs, 139264);
    }
    return 0;
}

/* Mode 1 before 0, then the higher profile. */
static int h264_rank(const struct mcu_nego_h264 *h)
{
    int profile = h->profile_idc == 100 ? 2 : h->profile_idc == 77 ? 1 : 0;
    return (h->mode1 ? 4 : 0) + profile;
}

static bool parse_literal(const char *address, bool ipv6, uint8_t out[16])
{
    memset(out, 0, 16);
    return inet_pton(ipv6 ? AF_INET6 : AF_INET, address, out) == 1;
}

static bool is_zero_address(const char *address, bool ipv6)
{
    static const uint8_t zero[16];
    uint8_t raw[16];
    return parse_literal(address, ipv6, raw) && memcmp(raw, zero, sizeof(raw)) == 0;
}

static bool transport_usable(const struct mcu_sdp_media *m, const struct mcu_nego_caps *caps)
{
    uint8_t raw[16];
    return m->port > 0 && parse_literal(m->address, m->ipv6, raw) &&
           (m->ipv6 == caps->ipv6 || is_zero_address(m->address, m->ipv6));
}

static bool proto_is(const struct mcu_sdp_media *m, const char *name)
{
    size_t n = strlen(name);
    return strncasecmp(m->proto, name, n) == 0 &&
           (m->proto[n] == '\0' || strcasecmp(m->proto + n, "F") == 0);
}

/* The key that a secured line travels with. SDES before DTLS where both are offered: it is there at
 * once. False: none that we can use. */
static bool set_key(struct mcu_nego_line *l, const struct mcu_sdp_media *m,
                    const struct mcu_nego_caps *caps, bool sdes_too)
{
    const struct mcu_sdes *sdes = sdes_too ? mcu_sdes_choose(m->sdes, m->sdes_count) : NULL;
    if (sdes) {
        l->sealing = MCU_SDES;
        l->sdes = *sdes;
        return true;
    }
    if (!m->fingerprint.hash || !caps->fingerprint.hash)
        return false;
    l->sealing = MCU_DTLS;
    l->fingerprint = m->fingerprint;
    /* RFC 5763 5: who may choose begins, which spares a round trip. Without a=setup the offerer
     * begins (RFC 4145 4). */
    l->dtls_active = m->setup == MCU_SETUP_ACTPASS || m->setup == MCU_SETUP_PASSIVE;
    return true;
}

static bool set_sealing(struct mcu_nego_line *l, const struct mcu_sdp_media *m,
                        const struct mcu_nego_caps *caps, bool *security_missing)
{
    bool allowed = caps->security != MCU_SECURITY_OFF;
    bool tls = proto_is(m, "UDP/TLS/RTP/SAVP"), secured = tls || proto_is(m, "RTP/SAVP");
    if (!secured && !proto_is(m, "RTP/AVP"))
        return false;
    bool have = allowed && set_key(l, m, caps, !tls);
    bool good = have || (!secured && caps->security != MCU_SECURITY_REQUIRED);
    *security_missing |= !good;
    return good;
}

/* An address family other than the line's, a name, or none: RTCP goes where RTP goes. */
static void set_remote(struct mcu_nego_line *l, const struct mcu_sdp_media *m)
{
    uint8_t raw[16];
    const char *rtcp = m->rtcp_address;
    if (m->rtcp_mux || !rtcp[0] || !parse_literal(rtcp, m->ipv6, raw))
        rtcp = m->address;
    snprintf(l->remote_address, sizeof(l->remote_address), "%s", m->address);
    snprintf(l->remote_rtcp_address, sizeof(l->remote_rtcp_address), "%s", rtcp);
    l->remote_ipv6 = m->ipv6;
    l->remote_port = m->port;
    l->remote_rtcp_port = m->rtcp_mux ? m->port : m->rtcp_port;
    l->rtcp_mux = m->rtcp_mux;
}

/* RFC 3264 5.1 and, for the zero address of old devices, 8.4. */
static void set_direction(struct mcu_nego_line *l, const struct mcu_sdp_media *m)
{
    l->we_send = (m->direction == MCU_SENDRECV || m->direction == MCU_RECVONLY) &&
                 !is_zero_address(m->address, m->ipv6);
    l->we_receive = m->direction == MCU_SENDRECV || m->direction == MCU_SENDONLY;
}

/* One number of a tone clock beside the codec's own: that clock, else 8000, else any. */
static void set_dtmf(struct mcu_nego_line *l, const struct mcu_sdp_media *m)
{
    int want = mcu_codec_info(l->codec)->rtp_clock_hz, best = -1;
    l->dtmf_pt = l->dtmf_clock_hz = -1;
    for (int i = 0; i < m->format_count && l->kind == MCU_AUDIO; i++) {
        const struct mcu_sdp_format *f = &m->formats[i];
        int rank = f->clock_hz == want ? 2 : f->clock_hz == 8000 ? 1 : 0;
        if (f->pt < 0 || strcasecmp(f->encoding, "telephone-event") != 0 || rank <= best)
            continue;
        best = rank;
        l->dtmf_pt = f->pt;
        l->dtmf_clock_hz = f->clock_hz;
    }
}

/* Whole tens, as our units are cut; Opus has no frames of 30 or 50 ms (RFC 6716 2.1.4). */
static void set_ptime(struct mcu_nego_line *l, const struct mcu_sdp_media *m)
{
    int ms = m->ptime_ms > 0 ? m->ptime_ms : 20;
    if (m->maxptime_ms > 0)
        ms = mcu_min(ms, m->maxptime_ms);
    ms = mcu_clamp(ms, 10, 60) / 10 * 10;
    if (l->codec == MCU_CODEC_OPUS && (ms == 30 || ms == 50))
        ms -= 10;
    l->ptime_ms = ms;
}

static void set_opus(struct mcu_nego_line *l, const char *fmtp)
{
    l->opus.stereo = mcu_sdp_fmtp_int(fmtp, "stereo", 0) == 1;
    l->opus.fec = mcu_sdp_fmtp_int(fmtp, "useinbandfec", 0) == 1;
    l->opus.dtx = mcu_sdp_fmtp_int(fmtp, "usedtx", 0) == 1;
    int rate = mcu_sdp_fmtp_int(fmtp, "maxplaybackrate", 0);
    int bps = mcu_sdp_fmtp_int(fmtp, "maxaveragebitrate", 0);
    l->opus.max_playback_rate_hz = rate ? mcu_clamp(rate, 8000, 48000) : 0;
    l->opus.max_average_bps = bps ? mcu_clamp(bps, 6000, 510000) : 0; /* RFC 7587 6.1 */
}

static int lower_limit(int a, int b)
{
    return a == 0 ? b : b == 0 ? a : mcu_min(a, b);
}

/* What the format that we send with says about what the peer can take. */
static void set_codec_params(struct mcu_nego_line *l, const struct mcu_sdp_media *m,
                             const struct mcu_sdp_format *f, const struct mcu_nego_caps *caps)
{
    int codec_bps = 0;
    l->fb_pli = f->fb_pli;
    l->fb_fir = f->fb_fir;
    l->fb_nack = f->fb_nack;
    l->fb_tmmbr = f->fb_tmmbr;
    if (l->codec == MCU_CODEC_OPUS) {
        set_opus(l, f->fmtp);
        codec_bps = l->opus.max_average_bps;
    } else if (l->codec == MCU_CODEC_VP8 || l->codec == MCU_CODEC_VP9) {
        l->vp8_max_fs = mcu_sdp_fmtp_int(f->fmtp, "max-fs", 0);
        l->vp8_max_fr = mcu_sdp_fmtp_int(f->fmtp, "max-fr", 0);
    } else if (l->codec == MCU_CODEC_H264 && h264_remote(&l->h264, f->fmtp, caps) == 0) {
        codec_bps = l->h264.max_br_kbps * 1000;
    }
    l->max_send_bps = lower_limit(m->bandwidth_bps, codec_bps);
}

/* A format that both sides can do; *rank orders them, higher is better; -1: received only. RTCP of a multiplexed
 * line would be taken for RTP types 64 to 95 (RFC 5761 section 4). */
static enum mcu_codec common_codec(const struct mcu_sdp_media *m, const struct mcu_sdp_format *f,
                                   enum mcu_kind kind, const struct mcu_nego_caps *caps, int *rank)
{
    enum mcu_codec codec = mcu_nego_codec_of(f, kind);
    int place = preference(caps, kind, codec);
    struct mcu_nego_h264 h;
    if (f->pt < 0 || (m->rtcp_mux && f->pt >= 64 && f->pt <= 95) || !mcu_nego_profile_fits(f, codec))
        return MCU_CODEC_NONE;
    *rank = -1;
    if (place < 0)
        return is_received_only(caps, codec) ? codec : MCU_CODEC_NONE;
    *rank = (MCU_NEGO_MAX_CODECS - place) * 8;
    if (codec == MCU_CODEC_H264) {
        if (mcu_h264_parse(&h, f->fmtp) < 0)
            return MCU_CODEC_NONE;
        *rank += h264_rank(&h);
    }
    return codec;
}

/* Our number for a format of the peer's; -1: we never offered it. */
typedef int (*our_pt_cb)(const struct mcu_sdp_format *f, enum mcu_codec codec,
                         const struct mcu_nego_caps *caps);

static int pt_as_offered(const struct mcu_sdp_format *f, enum mcu_codec codec,
                         const struct mcu_nego_caps *caps)
{
    return f->pt;
}

/* Same number and codec, else the same codec (for H.264 the same mode) under another number. */
static int pt_as_we_offered(const struct mcu_sdp_format *f, enum mcu_codec codec,
                            const struct mcu_nego_caps *caps)
{
    struct mcu_nego_own own[MCU_NEGO_OWN_MAX];
    struct mcu_nego_h264 h = { 0 };
    int count = mcu_nego_own_formats(own, caps, mcu_codec_info(codec)->kind), found = -1;
    if (codec == MCU_CODEC_H264)
        mcu_h264_parse(&h, f->fmtp);
    for (int i = 0; i < count; i++) {
        if (own[i].codec != codec)
            continue;
        if (own[i].pt == f->pt)
            return f->pt;
        bool same = codec != MCU_CODEC_H264 ||
                    (own[i].mode1 == h.mode1 && own[i].profile_idc == h.profile_idc);
        if (found < 0 && same)
            found = own[i].pt;
    }
    return found;
}

/* The acceptable formats of a line: theirs, the codec, our number. */
struct common {
    const struct mcu_sdp_format *format;
    enum mcu_codec codec;
    int our_pt;
};

/* Comfort noise goes with a codec of its clock that has none of its own (RFC 3389 4). */
static bool has_low_rate(const struct mcu_sdp_media *m, enum mcu_kind kind,
                         const struct mcu_nego_caps *caps, our_pt_cb our_pt)
{
    for (int i = 0, rank; i < m->format_count; i++) {
        enum mcu_codec codec = common_codec(m, &m->formats[i], kind, caps, &rank);
        if ((codec == MCU_CODEC_PCMU || codec == MCU_CODEC_PCMA || codec == MCU_CODEC_G722) &&
            our_pt(&m->formats[i], codec, caps) >= 0)
            return true;
    }
    return false;
}

/* Returns their count; *best is the index of the one that we send with, -1: none. */
static int gather(struct common out[MCU_SDP_MAX_FORMATS], int *best, const struct mcu_sdp_media *m,
                  enum mcu_kind kind, const struct mcu_nego_caps *caps, our_pt_cb our_pt)
{
    int count = 0, best_rank = -1, rank = 0;
    *best = -1;
    for (int i = 0; i < m->format_count; i++) {
        const struct mcu_sdp_format *f = &m->formats[i];
        enum mcu_codec codec = common_codec(m, f, kind, caps, &rank);
        int pt = codec == MCU_CODEC_NONE ? -1 : our_pt(f, codec, caps);
        if (pt < 0 || (codec == MCU_CODEC_CN && !has_low_rate(m, kind, caps, our_pt)))
            continue;
        if (rank > best_rank) {
            best_rank = rank;
            *best = count;
        }
        out[count++] = (struct common){ f, codec, pt };
    }
    return count;
}

static void add_rx(struct mcu_nego_line *l, const struct common *c, size_t *sprop_used)
{
    for (int i = 0; i < l->rx_count; i++)
        if (l->rx[i].pt == c->our_pt)
            return;
    if (l->rx_count == MCU_LINE_RX_MAX)
        return;
    struct mcu_line_rx *rx = &l->rx[l->rx_count++];
    *rx = (struct mcu_line_rx){ .codec = c->codec, .pt = (uint8_t)c->our_pt };
    if (c->codec == MCU_CODEC_H264) {
        uint8_t *room = l->sprop_buf + *sprop_used;
        rx->sprop_bytes = mcu_h264_sprop(c->format->fmtp, room, sizeof(l->sprop_buf) - *sprop_used);
        rx->sprop = rx->sprop_bytes ? room : NULL;
        *sprop_used += rx->sprop_bytes;
    }
}

/* Fills rx, codec and pt; the chosen one is put first, as many devices send with the first format
 * of an answer. Returns the format that we send with (the first where all are received only, codec
 * NONE), or NULL: nothing in common. */
static const struct mcu_sdp_format *choose(struct mcu_nego_line *l, const struct mcu_sdp_media *m,
                                           const struct mcu_nego_caps *caps, our_pt_cb our_pt)
{
    struct common list[MCU_SDP_MAX_FORMATS];
    int best = 0, count = gather(list, &best, m, l->kind, caps, our_pt);
    size_t sprop_used = 0;
    if (count == 0)
        return NULL;
    l->codec = best < 0 ? MCU_CODEC_NONE : list[best].codec;
    best = mcu_max(best, 0);
    l->pt = list[best].format->pt;
    add_rx(l, &list[best], &sprop_used);
    for (int i = 0; i < count; i++)
        if (i != best)
            add_rx(l, &list[i], &sprop_used);
    return list[best].format;
}

void mcu_nego_set_params(struct mcu_nego_line *l, const struct mcu_sdp_media *m,
                         const struct mcu_sdp_format *f, const struct mcu_nego_caps *caps)
{
    set_codec_params(l, m, f, caps);
    if (l->kind == MCU_AUDIO) {
        set_dtmf(l, m);
        set_ptime(l, m);
    }
}

static bool negotiate_line(struct mcu_nego_line *l, const struct mcu_sdp_media *m,
                           enum mcu_kind kind, const struct mcu_nego_caps *caps, our_pt_cb our_pt,
                           bool *security_missing)
{
    l->kind = kind;
    if (!transport_usable(m, caps))
        return false;
    const struct mcu_sdp_format *f = choose(l, m, caps, our_pt);
    if (!f || !set_sealing(l, m, caps, security_missing))
        return false;
    set_remote(l, m);
    set_direction(l, m);
    l->we_send &= l->codec != MCU_CODEC_NONE;
    if (l->codec == MCU_CODEC_NONE && !l->we_receive)
        return false;
    mcu_nego_set_params(l, m, f, caps);
    l->accepted = true;
    return true;
}

int mcu_nego_kind_of(const struct mcu_sdp_media *m)
{
    for (int k = MCU_AUDIO; k <= MCU_VIDEO; k++)
        if (strcasecmp(m->kind, kind_names[k]) == 0)
            return k;
    return -1;
}

static int negotiate_all(struct mcu_nego *out, const struct mcu_sdp *sdp,
                         const struct mcu_nego_caps *caps, our_pt_cb our_pt)
{
    bool have[2] = { false, false };
    memset(out, 0, sizeof(*out));
    for (int i = 0; i < sdp->media_count && i < MCU_SDP_MAX_LINES; i++) {
        const struct mcu_sdp_media *m = &sdp->media[i];
        struct mcu_nego_line *l = &out->line[out->line_count++];
        int kind = mcu_nego_kind_of(m);
        l->dtmf_pt = l->dtmf_clock_hz = -1;
        l->ptime_ms = 20;
        l->content = strcasecmp(m->content, "slides") == 0;
        if (kind >= 0 && !l->content && !have[kind])
            have[kind] = negotiate_line(l, m, (enum mcu_kind)kind, caps, our_pt,
                                        &out->security_missing);
    }
    return have[MCU_AUDIO] || have[MCU_VIDEO] ? 0 : -ENOENT;
}

int mcu_nego_offer(struct mcu_nego *out, const struct mcu_sdp *offer,
                   const struct mcu_nego_caps *caps)
{
    return negotiate_all(out, offer, caps, pt_as_offered);
}

void mcu_nego_keep_roles(struct mcu_nego *nego, const struct mcu_sdp *offer,
                         const struct mcu_nego *before)
{
    for (int i = 0; i < nego->line_count && i < before->line_count; i++) {
        struct mcu_nego_line *now = &nego->line[i];
        const struct mcu_nego_line *old = &before->line[i];
        if (now->accepted && old->accepted && now->sealing == MCU_DTLS &&
            old->sealing == MCU_DTLS && offer->media[i].setup == MCU_SETUP_ACTPASS &&
            mcu_fingerprint_equal(&now->fingerprint, &old->fingerprint))
            now->dtls_active = old->dtls_active;
    }
}

/* telephone-event under another number than ours: sent with theirs is what dtmf_pt is not for, so
 * it is ours, by its clock. */
static void own_dtmf(struct mcu_nego_line *l, const struct mcu_nego_caps *caps)
{
    int pt_8000, pt_48000;
    mcu_nego_own_dtmf(caps, &pt_8000, &pt_48000);
    if (l->dtmf_pt < 0)
        return;
    l->dtmf_pt = l->dtmf_clock_hz == 8000 ? pt_8000 : l->dtmf_clock_hz == 48000 ? pt_48000 : -1;
    if (l->dtmf_pt < 0)
        l->dtmf_clock_hz = -1;
}

/* RFC 4568 5.1.3: the tag and the suite that we offered; DTLS we never offer first. */
static bool answers_our_key(const struct mcu_nego_line *l)
{
    return l->sealing == MCU_SDES && l->sdes.tag == 1 &&
           l->sdes.key.suite == MCU_NEGO_OFFER_SUITE;
}

int mcu_nego_answer(struct mcu_nego *out, const struct mcu_sdp *answer,
                    const struct mcu_nego_caps *caps)
{
    int offered = caps->video_count > 0 ? 2 : 1;
    if (answer->media_count > offered)
        return -EBADMSG;
    for (int i = 0; i < answer->media_count; i++)
        if (strcasecmp(answer->media[i].kind, kind_names[i]) != 0)
            return -EBADMSG;
    bool any = false;
    int rc = negotiate_all(out, answer, caps, pt_as_we_offered);
    for (int i = 0; i < out->line_count; i++) {
        struct mcu_nego_line *l = &out->line[i];
        own_dtmf(l, caps);
        l->accepted &= l->sealing == MCU_PLAIN || answers_our_key(l);
        any |= l->accepted;
    }
    return rc < 0 ? rc : any ? 0 : -ENOENT;
}

void mcu_nego_line_config(const struct mcu_nego_line *line, struct mcu_line_config *out)
{
    *out = (struct mcu_line_config){
        .kind = line->kind,
        .rx_count = line->rx_count,
        .dtmf_pt = line->dtmf_pt,
        .dtmf_clock_hz = line->dtmf_clock_hz,
        .tx_codec = line->codec,
        .tx_pt = (uint8_t)line->pt,
        .tx_ptime_ms = line->ptime_ms,
        .tx_h264_mode1 = line->h264.mode1,
        .send = line->we_send,
        .receive = line->we_receive,
        .fb_pli = line->fb_pli,
        .fb_fir = line->fb_fir,
        .fb_nack = line->fb_nack,
        .fb_tmmbr = line->fb_tmmbr,
    };
    memcpy(out->rx, line->rx, sizeof(out->rx));
}
