/* net/nego_write.c - writes our offers and answers. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mixer/base/util.h"
#include "net/negotiate_priv.h"
#include "net/text_out.h"

#define REFUSED_FORMATS_MAX 8 /* of a refused line: one would do (RFC 3264 section 6) */

static void put_session(struct mcu_text_out *t, const struct mcu_nego_caps *caps,
                        const struct mcu_nego_local *local)
{
    const char *net = caps->ipv6 ? "IP6" : "IP4";
    char name[sizeof(caps->name)];
    snprintf(name, sizeof(name), "%s", caps->name[0] ? caps->name : "-");
    for (char *p = name; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    mcu_put(t, "v=0\r\no=- %llu %llu IN %s %s\r\ns=%s\r\nc=IN %s %s\r\nt=0 0\r\n",
            (unsigned long long)local->session_id, (unsigned long long)local->session_version, net,
            caps->address, name, net, caps->address);
}

static int asked_bps(const struct mcu_nego_caps *caps)
{
    return caps->ask.width ? mcu_min(caps->ask.bps, caps->video_bps) : caps->video_bps;
}

/* b=AS with the headers that b=TIAS leaves out, as mcu_sdp_parse takes them off again. */
static void put_bandwidth(struct mcu_text_out *t, const struct mcu_nego_caps *caps,
                          enum mcu_kind kind, int ptime_ms)
{
    int64_t bps = kind == MCU_AUDIO ? caps->audio_bps : asked_bps(caps);
    int header_bytes = caps->ipv6 ? 60 : 40;
    if (bps <= 0)
        return;
    int64_t as = kind == MCU_AUDIO ? bps + header_bytes * 8 * 1000 / ptime_ms
                                   : bps * (1200 + header_bytes) / 1200;
    mcu_put(t, "b=AS:%lld\r\nb=TIAS:%lld\r\n", (long long)((as + 999) / 1000), (long long)bps);
}

static int64_t macroblocks(int width, int height)
{
    return (int64_t)((width + 15) / 16) * ((height + 15) / 16);
}

static int64_t own_fs(const struct mcu_nego_caps *caps)
{
    return macroblocks(caps->max_width, caps->max_height);
}

static int64_t asked_fs(const struct mcu_nego_caps *caps)
{
    int64_t own = own_fs(caps), asked = macroblocks(caps->ask.width, caps->ask.height);
    return asked > 0 && asked < own ? asked : own;
}

/* h: what our fmtp is to say, with the limits of its level; we say where we can do more, unless the
 * level was lowered to ask for less. */
static void put_h264_fmtp(struct mcu_text_out *t, int pt, const struct mcu_nego_h264 *h,
                          bool say_mode, bool asymmetric, const struct mcu_nego_caps *caps)
{
    bool less = caps->ask.width && asymmetric;
    int64_t fs = less ? asked_fs(caps) : own_fs(caps), mbps = fs * caps->max_fps;
    int bps = less ? asked_bps(caps) : caps->video_bps;
    mcu_put(t, "a=fmtp:%d profile-level-id=%02x%02x%02x", pt, (unsigned)h->profile_idc,
            (unsigned)h->constraint_flags, (unsigned)h->level_idc);
    if (say_mode)
        mcu_put(t, ";packetization-mode=%d", h->mode1);
    if (asymmetric)
        mcu_put(t, ";level-asymmetry-allowed=1");
    if (fs > h->max_fs)
        mcu_put(t, ";max-fs=%lld", (long long)fs);
    if (mbps > h->max_mbps)
        mcu_put(t, ";max-mbps=%lld", (long long)mbps);
    if (bps / 1000 > h->max_br_kbps)
        mcu_put(t, ";max-br=%d", bps / 1000);
    mcu_put(t, "\r\n");
}

/* RFC 7587 6.1: what we can receive. Stereo only where the peer has it too: a mono mix is what
 * phones are sent, and then they should not spend bits on two channels either. */
static void put_opus_fmtp(struct mcu_text_out *t, int pt, bool stereo, bool dtx,
                          const struct mcu_nego_caps *caps)
{
    mcu_put(t, "a=fmtp:%d useinbandfec=1", pt);
    if (stereo)
        mcu_put(t, ";stereo=1");
    if (dtx)
        mcu_put(t, ";usedtx=1");
    if (caps->audio_bps >= 6000 && caps->audio_bps <= 510000)
        mcu_put(t, ";maxaveragebitrate=%d", caps->audio_bps);
    mcu_put(t, "\r\n");
}

/* RFC 7741 6.1 and RFC 9628 6.1: who receives gives both, max-fs and max-fr. */
static void put_vpx_fmtp(struct mcu_text_out *t, int pt, enum mcu_codec codec,
                         const struct mcu_nego_caps *caps)
{
    const char *profile = codec == MCU_CODEC_VP9 ? "profile-id=0;" : "";
    if (own_fs(caps) > 0 && caps->max_fps > 0)
        mcu_put(t, "a=fmtp:%d %smax-fs=%lld;max-fr=%d\r\n", pt, profile, (long long)asked_fs(caps),
                caps->max_fps);
}

/* RTP Payload Format For AV1, 7.2: level 3.1 has room for 720p, 4.0 for 1080p, 5.1 for 2160p, each
 * at 30 pictures/s (AV1 A.3). */
static void put_av1_fmtp(struct mcu_text_out *t, int pt, const struct mcu_nego_caps *caps)
{
    int64_t samples = own_fs(caps) * 256;
    int level = samples <= 1065024 ? 5 : samples <= 2359296 ? 8 : 13;
    mcu_put(t, "a=fmtp:%d profile=0;level-idx=%d;tier=0\r\n", pt, level);
}

static void put_rtpmap(struct mcu_text_out *t, int pt, enum mcu_codec codec, int clock_hz)
{
    const struct mcu_codec_info *info = mcu_codec_info(codec);
    mcu_put(t, "a=rtpmap:%d %s/%d", pt, info->name, clock_hz);
    if (info->kind == MCU_AUDIO && info->rtpmap_channels > 1)
        mcu_put(t, "/%d", info->rtpmap_channels);
    mcu_put(t, "\r\n");
}

static void put_dtmf(struct mcu_text_out *t, int pt, int clock_hz)
{
    if (pt >= 0)
        mcu_put(t, "a=rtpmap:%d telephone-event/%d\r\na=fmtp:%d 0-15\r\n", pt, clock_hz, pt);
}

static void put_direction(struct mcu_text_out *t, bool send, bool receive)
{
    static const char *const names[] = { "inactive", "recvonly", "sendonly", "sendrecv" };
    mcu_put(t, "a=%s\r\n", names[send * 2 + receive]);
}

/* ---- Answers ---- */

/* dtx: that the peer may stop sending in silence is said where he asks for it (RFC 7587 6.1). */
static void put_answer_format(struct mcu_text_out *t, const struct mcu_sdp_format *f,
                              enum mcu_codec codec, bool dtx, const struct mcu_nego_caps *caps)
{
    struct mcu_nego_h264 h;
    char unused[16];
    put_rtpmap(t, f->pt, codec, f->clock_hz);
    if (codec == MCU_CODEC_OPUS) {
        bool stereo = mcu_sdp_fmtp_int(f->fmtp, "stereo", 0) == 1 ||
                      mcu_sdp_fmtp_int(f->fmtp, "sprop-stereo", 0) == 1;
        put_opus_fmtp(t, f->pt, stereo, dtx && mcu_sdp_fmtp_int(f->fmtp, "usedtx", 0) == 1, caps);
    } else if (codec == MCU_CODEC_VP8 || codec == MCU_CODEC_VP9) {
        put_vpx_fmtp(t, f->pt, codec, caps);
    } else if (codec == MCU_CODEC_AV1) {
        put_av1_fmtp(t, f->pt, caps);
    } else if (codec == MCU_CODEC_H264 && mcu_h264_parse(&h, f->fmtp) == 0) {
        bool mode = mcu_sdp_fmtp_get(f->fmtp, "packetization-mode", unused, sizeof(unused));
        bool asymmetric = mcu_sdp_fmtp_int(f->fmtp, "level-asymmetry-allowed", 0) == 1;
        mcu_nego_h264_answer(&h, f->fmtp, caps);
        if (asymmetric && caps->ask.width)
            mcu_h264_set_level(&h, mcu_h264_level_for(caps->ask.width, caps->ask.height,
                                                      caps->max_fps, asked_bps(caps)));
        put_h264_fmtp(t, f->pt, &h, mode, asymmetric, caps);
    }
}

static const struct {
    size_t at; /* in struct mcu_sdp_format */
    const char *text;
} feedback[] = {
    { offsetof(struct mcu_sdp_format, fb_nack), "nack" },
    { offsetof(struct mcu_sdp_format, fb_pli), "nack pli" },
    { offsetof(struct mcu_sdp_format, fb_fir), "ccm fir" },
    { offsetof(struct mcu_sdp_format, fb_tmmbr), "ccm tmmbr" },
};

static bool has_feedback(const struct mcu_sdp_format *f, size_t at)
{
    return f && *(const bool *)((const char *)f + at);
}

/* What the peer offered of it, under plain AVP too, as room systems do. */
static void put_feedback(struct mcu_text_out *t, const struct mcu_nego_line *l,
                         const struct mcu_sdp_media *m)
{
    for (size_t k = 0; k < MCU_ARRAY_LEN(feedback); k++) {
        int n = 0;
        for (int i = 0; i < l->rx_count; i++)
            n += has_feedback(mcu_nego_find_pt(m, l->rx[i].pt), feedback[k].at);
        if (n > 0 && n == l->rx_count) {
            mcu_put(t, "a=rtcp-fb:* %s\r\n", feedback[k].text);
            continue;
        }
        for (int i = 0; i < l->rx_count && n > 0; i++)
            if (has_feedback(mcu_nego_find_pt(m, l->rx[i].pt), feedback[k].at))
                mcu_put(t, "a=rtcp-fb:%d %s\r\n", l->rx[i].pt, feedback[k].text);
    }
}

/* Of the video line that we offer. No NACK for sound: it is played 40 to 80 ms after it came, so a repeat comes
 * in time on the shortest ways alone, and Opus carries the last frame along (FEC). */
static void put_own_feedback(struct mcu_text_out *t)
{
    for (size_t k = 0; k < MCU_ARRAY_LEN(feedback); k++)
        mcu_put(t, "a=rtcp-fb:* %s\r\n", feedback[k].text);
}

/* At least one format is needed (RFC 8866 5.14), also where none of the offer's could be read. */
static void put_refused(struct mcu_text_out *t, const struct mcu_sdp_media *m)
{
    bool rtp = strcasestr(m->proto, "RTP/") != NULL;
    mcu_put(t, "m=%s 0 %s", m->kind, m->proto);
    for (int i = 0; i < m->format_count && i < REFUSED_FORMATS_MAX; i++)
        mcu_put(t, " %s", m->formats[i].text);
    mcu_put(t, "%s\r\n", m->format_count ? "" : rtp ? " 0" : " *");
    if (m->mid[0])
        mcu_put(t, "a=mid:%s\r\n", m->mid);
}

static void put_crypto(struct mcu_text_out *t, int tag, const struct mcu_srtp_key *key)
{
    char line[MCU_SDES_LINE_BYTES];
    if (mcu_sdes_write(line, sizeof(line), tag, key) < 0)
        t->full = true;
    else
        mcu_put(t, "%s", line);
    mcu_srtp_wipe(line, sizeof(line));
}

/* An answer takes the peer's tag (RFC 4568 5.1.2) and a role (RFC 5763 5); an offer leaves the role
 * open. */
static void put_security(struct mcu_text_out *t, const struct mcu_nego_line *l,
                         const struct mcu_nego_caps *caps, const struct mcu_srtp_key *key,
                         bool offer)
{
    char text[MCU_FINGERPRINT_TEXT];
    if (l->sealing == MCU_SDES)
        put_crypto(t, offer ? 1 : l->sdes.tag, key);
    else if (l->sealing == MCU_DTLS)
        mcu_put(t, "a=setup:%s\r\na=fingerprint:%s\r\n",
                offer            ? "actpass"
                : l->dtls_active ? "active"
                                 : "passive",
                mcu_fingerprint_text(text, &caps->fingerprint));
}

/* What one call of write_lines says of one line. */
struct line_words {
    int port;
    const struct mcu_srtp_key *key;
    bool send, receive, offer;
};

static void put_accepted(struct mcu_text_out *t, const struct mcu_nego_line *l,
                         const struct mcu_sdp_media *m, const struct mcu_nego_caps *caps,
                         const struct line_words *w)
{
    mcu_put(t, "m=%s %d %s", m->kind, w->port, m->proto);
    for (int i = 0; i < l->rx_count; i++)
        mcu_put(t, " %d", l->rx[i].pt);
    if (l->dtmf_pt >= 0)
        mcu_put(t, " %d", l->dtmf_pt);
    mcu_put(t, "\r\n");
    put_bandwidth(t, caps, l->kind, l->ptime_ms);
    for (int i = 0; i < l->rx_count; i++) {
        const struct mcu_sdp_format *f = mcu_nego_find_pt(m, l->rx[i].pt);
        if (f)
            put_answer_format(t, f, l->rx[i].codec, false, caps);
        else /* a number of ours that the peer's answer changed */
            put_rtpmap(t, l->rx[i].pt, l->rx[i].codec,
                       mcu_codec_info(l->rx[i].codec)->rtp_clock_hz);
    }
    put_dtmf(t, l->dtmf_pt, l->dtmf_clock_hz);
    if (l->kind == MCU_AUDIO)
        mcu_put(t, "a=ptime:%d\r\n", l->ptime_ms);
    else
        put_feedback(t, l, m);
    if (l->rtcp_mux)
        mcu_put(t, "a=rtcp-mux\r\n");
    put_security(t, l, caps, w->key, w->offer);
    if (strcasecmp(m->content, "main") == 0)
        mcu_put(t, "a=content:main\r\n");
    if (m->mid[0])
        mcu_put(t, "a=mid:%s\r\n", m->mid);
    put_direction(t, w->send, w->receive);
}

static int write_lines(const struct mcu_nego *nego, const struct mcu_sdp *remote,
                       const struct mcu_nego_caps *caps, const struct mcu_nego_local *local,
                       bool offer, char *buf, size_t size)
{
    struct mcu_text_out t = { .buf = buf, .size = size };
    put_session(&t, caps, local);
    for (int i = 0; i < remote->media_count && i < nego->line_count; i++) {
        const struct mcu_nego_line *l = &nego->line[i];
        bool keyed = l->sealing != MCU_SDES || local->key[i].suite == l->sdes.key.suite;
        struct line_words w = { .port = local->port[i],
                                .key = &local->key[i],
                                .send = ((offer && l->codec != MCU_CODEC_NONE) || l->we_send) &&
                                        !local->hold[i],
                                .receive = (offer || l->we_receive) && !local->hold[i],
                                .offer = offer };
        if (l->accepted && w.port > 0 && keyed)
            put_accepted(&t, l, &remote->media[i], caps, &w);
        else
            put_refused(&t, &remote->media[i]);
    }
    return mcu_text_out_end(&t);
}

int mcu_nego_write_answer(const struct mcu_nego *nego, const struct mcu_sdp *offer,
                          const struct mcu_nego_caps *caps, const struct mcu_nego_local *local,
                          char *buf, size_t size)
{
    return write_lines(nego, offer, caps, local, false, buf, size);
}

int mcu_nego_write_reoffer(const struct mcu_nego *nego, const struct mcu_sdp *last,
                           const struct mcu_nego_caps *caps, const struct mcu_nego_local *local,
                           char *buf, size_t size)
{
    return write_lines(nego, last, caps, local, true, buf, size);
}

/* ---- Parts, for other answers ---- */

int mcu_nego_write_format(char *buf, size_t size, const struct mcu_sdp_format *format,
                          enum mcu_codec codec, const struct mcu_nego_caps *caps)
{
    struct mcu_text_out t = { .buf = buf, .size = size };
    put_answer_format(&t, format, codec, true, caps);
    return mcu_text_out_end(&t);
}

int mcu_nego_write_bandwidth(char *buf, size_t size, const struct mcu_nego_line *line,
                             const struct mcu_nego_caps *caps)
{
    struct mcu_text_out t = { .buf = buf, .size = size };
    put_bandwidth(&t, caps, line->kind, line->ptime_ms);
    return mcu_text_out_end(&t);
}

int mcu_nego_write_dtmf(char *buf, size_t size, const struct mcu_nego_line *line)
{
    struct mcu_text_out t = { .buf = buf, .size = size };
    put_dtmf(&t, line->dtmf_pt, line->dtmf_clock_hz);
    return mcu_text_out_end(&t);
}

int mcu_nego_write_refused(char *buf, size_t size, const struct mcu_sdp_media *media)
{
    struct mcu_text_out t = { .buf = buf, .size = size };
    put_refused(&t, media);
    return mcu_text_out_end(&t);
}

/* ---- Offers ---- */

void mcu_nego_own_dtmf(const struct mcu_nego_caps *caps, int *pt_8000, int *pt_48000)
{
    bool opus = false;
    for (int i = 0; i < caps->audio_count; i++)
        opus |= caps->audio[i] == MCU_CODEC_OPUS;
    bool any = caps->dtmf_pt >= 96 && caps->dtmf_pt <= 126;
    *pt_8000 = any ? caps->dtmf_pt : -1;
    *pt_48000 = any && opus ? caps->dtmf_pt + 1 : -1;
}

/* One format more, with its static number or the next dynamic one that keys do not have. */
static int add_own(struct mcu_nego_own *out, struct mcu_nego_own own,
                   const struct mcu_nego_caps *caps, int *next_pt)
{
    int dtmf[2], static_pt = mcu_codec_info(own.codec)->static_pt;
    mcu_nego_own_dtmf(caps, &dtmf[0], &dtmf[1]);
    while (static_pt < 0 && (*next_pt == dtmf[0] || *next_pt == dtmf[1]))
        (*next_pt)++;
    *out = own;
    out->pt = static_pt >= 0 ? static_pt : (*next_pt)++;
    return 1;
}

/* Silence of G.711 and G.722, whose clock it has (RFC 3389 4). */
static bool has_low_clock(const struct mcu_nego_caps *caps)
{
    for (int i = 0; i < caps->audio_count && i < MCU_NEGO_MAX_CODECS; i++)
        if (caps->audio[i] == MCU_CODEC_G722 || caps->audio[i] == MCU_CODEC_PCMU ||
            caps->audio[i] == MCU_CODEC_PCMA)
            return true;
    return false;
}

/* H.264: high first, for its better pictures from room systems, then constrained baseline in both
 * modes. */
static int own_formats(struct mcu_nego_own out[MCU_NEGO_OWN_MAX], const struct mcu_nego_caps *caps,
                       enum mcu_kind kind, int *next_pt)
{
    static const struct mcu_nego_own h264[] = {
        { MCU_CODEC_H264, 0, 100, 0x00, true },
        { MCU_CODEC_H264, 0, 66, 0xe0, true },
        { MCU_CODEC_H264, 0, 66, 0xe0, false },
    };
    const enum mcu_codec *codecs = kind == MCU_AUDIO ? caps->audio : caps->video;
    int codec_count = kind == MCU_AUDIO ? caps->audio_count : caps->video_count, count = 0;
    for (int i = 0; i < codec_count && i < MCU_NEGO_MAX_CODECS; i++) {
        if (codecs[i] != MCU_CODEC_H264)
            count +=
                add_own(&out[count], (struct mcu_nego_own){ .codec = codecs[i] }, caps, next_pt);
        for (size_t n = 0; codecs[i] == MCU_CODEC_H264 && n < MCU_ARRAY_LEN(h264); n++)
            count += add_own(&out[count], h264[n], caps, next_pt);
    }
    if (kind == MCU_AUDIO && has_low_clock(caps))
        count += add_own(&out[count], (struct mcu_nego_own){ .codec = MCU_CODEC_CN }, caps, next_pt);
    return count;
}

/* One run of dynamic numbers from 96 over sound, then pictures: none means two things. */
int mcu_nego_own_formats(struct mcu_nego_own out[MCU_NEGO_OWN_MAX],
                         const struct mcu_nego_caps *caps, enum mcu_kind kind)
{
    int next_pt = 96, count = own_formats(out, caps, MCU_AUDIO, &next_pt);
    return kind == MCU_AUDIO ? count : own_formats(out, caps, MCU_VIDEO, &next_pt);
}

static void put_own_format(struct mcu_text_out *t, const struct mcu_nego_own *own,
                           const struct mcu_nego_caps *caps)
{
    struct mcu_nego_h264 h = { .profile_idc = own->profile_idc,
                               .constraint_flags = own->constraint_flags,
                               .mode1 = own->mode1 };
    put_rtpmap(t, own->pt, own->codec, mcu_codec_info(own->codec)->rtp_clock_hz);
    if (own->codec == MCU_CODEC_OPUS) {
        put_opus_fmtp(t, own->pt, true, false, caps);
    } else if (own->codec == MCU_CODEC_VP8 || own->codec == MCU_CODEC_VP9) {
        put_vpx_fmtp(t, own->pt, own->codec, caps);
    } else if (own->codec == MCU_CODEC_H264) {
        mcu_h264_set_level(&h, mcu_nego_own_level(caps));
        put_h264_fmtp(t, own->pt, &h, true, true, caps);
    }
}

static const char *kind_name(enum mcu_kind kind)
{
    return kind == MCU_AUDIO ? "audio" : "video";
}

static void put_own_line(struct mcu_text_out *t, const struct mcu_nego_caps *caps,
                         enum mcu_kind kind, const struct mcu_nego_local *local)
{
    const struct mcu_srtp_key *key = &local->key[kind == MCU_VIDEO];
    bool sealed = key->suite != MCU_SRTP_NONE && caps->security != MCU_SECURITY_OFF;
    struct mcu_nego_own own[MCU_NEGO_OWN_MAX];
    int count = mcu_nego_own_formats(own, caps, kind), dtmf_8000 = -1, dtmf_48000 = -1;
    if (kind == MCU_AUDIO)
        mcu_nego_own_dtmf(caps, &dtmf_8000, &dtmf_48000);
    mcu_put(t, "m=%s %d RTP/%s", kind_name(kind), local->port[kind == MCU_VIDEO],
            sealed && caps->security == MCU_SECURITY_REQUIRED ? "SAVP" : "AVP");
    for (int i = 0; i < count; i++)
        mcu_put(t, " %d", own[i].pt);
    if (dtmf_8000 >= 0)
        mcu_put(t, " %d", dtmf_8000);
    if (dtmf_48000 >= 0)
        mcu_put(t, " %d", dtmf_48000);
    mcu_put(t, "%s\r\n", count ? "" : " 0");
    put_bandwidth(t, caps, kind, 20);
    for (int i = 0; i < count; i++)
        put_own_format(t, &own[i], caps);
    put_dtmf(t, dtmf_8000, 8000);
    put_dtmf(t, dtmf_48000, 48000);
    if (kind == MCU_AUDIO)
        mcu_put(t, "a=ptime:20\r\n");
    else
        put_own_feedback(t);
    if (sealed)
        put_crypto(t, 1, key);
    put_direction(t, !local->hold[kind == MCU_VIDEO], !local->hold[kind == MCU_VIDEO]);
}

int mcu_nego_write_offer(const struct mcu_nego_caps *caps, const struct mcu_nego_local *local,
                         char *buf, size_t size)
{
    struct mcu_text_out t = { .buf = buf, .size = size };
    put_session(&t, caps, local);
    put_own_line(&t, caps, MCU_AUDIO, local);
    if (caps->video_count > 0)
        put_own_line(&t, caps, MCU_VIDEO, local);
    return mcu_text_out_end(&t);
}
