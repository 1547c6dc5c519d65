#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/h264_params.h"
#include "tests/mock/peer.h"

struct text {
    char *buf;
    size_t size, at;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->buf + t->at, t->size - t->at, format, args);
    va_end(args);
    if (n > 0)
        t->at = t->at + (size_t)n < t->size ? t->at + (size_t)n : t->size - 1;
}

static int offered_pt(enum mcu_codec codec)
{
    int fixed = mcu_codec_info(codec)->static_pt;
    return fixed >= 0 ? fixed : codec == MCU_CODEC_OPUS ? 111 : codec == MCU_CODEC_H264 ? 97 : 98;
}

static const char *default_fmtp(enum mcu_codec codec)
{
    return codec == MCU_CODEC_H264 ? "profile-level-id=42e01f;packetization-mode=1"
           : codec == MCU_CODEC_OPUS ? "useinbandfec=1"
                                     : NULL;
}

static void put_line(const struct peer_call *c, struct text *t, int kind)
{
    static const char *const directions[] = { "sendrecv", "sendonly", "recvonly", "inactive" };
    const struct peer_options *o = c->o;
    const struct mcu_codec_info *info = mcu_codec_info(o->codec[kind]);
    const char *fmtp = o->fmtp[kind] ? o->fmtp[kind] : default_fmtp(o->codec[kind]);
    int pt = offered_pt(o->codec[kind]);
    int port = o->relay ? o->relay + 2 * kind : c->port[kind];
    put(t, "m=%s %d %s %d", kind ? "video" : "audio", port,
        o->avpf ? "RTP/AVPF" : "RTP/AVP", pt);
    put(t, kind ? "\r\n" : " %d\r\n", PEER_DTMF_PT);
    if (kind && o->as_kbps)
        put(t, "b=AS:%d\r\n", o->as_kbps);
    if (kind && o->tias_kbps)
        put(t, "b=TIAS:%d\r\n", o->tias_kbps * 1000);
    put(t, "a=rtpmap:%d %s/%d%s\r\n", pt, info->name, info->rtp_clock_hz,
        info->rtpmap_channels == 2 ? "/2" : "");
    if (fmtp && fmtp[0])
        put(t, "a=fmtp:%d %s\r\n", pt, fmtp);
    if (!kind)
        put(t, "a=rtpmap:%d telephone-event/%d\r\na=fmtp:%d 0-15\r\na=ptime:%d\r\n", PEER_DTMF_PT,
            info->rtp_clock_hz, PEER_DTMF_PT, o->ptime_ms);
    else
        put(t, "%s%sa=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\n",
            o->nack ? "a=rtcp-fb:* nack\r\n" : "",
            o->tmmbr || o->limit_bps ? "a=rtcp-fb:* ccm tmmbr\r\n" : "");
    enum mcu_sdp_direction d = c->sip.direction;
    if (o->recvonly[kind])
        d = d == MCU_SENDRECV ? MCU_RECVONLY : d == MCU_SENDONLY ? MCU_INACTIVE : d;
    put(t, "a=%s\r\n", directions[d]);
}

size_t peer_sdp_write(const struct peer_call *c, char *buf, size_t size)
{
    struct text t = { buf, size, 0 };
    put(&t, "v=0\r\no=- %d %u IN IP4 %s\r\ns=peer\r\nc=IN IP4 %s\r\nt=0 0\r\n", 1000 + c->index,
        c->sip.version, c->local, c->local);
    for (int kind = 0; kind < 2; kind++)
        if (c->o->codec[kind] != MCU_CODEC_NONE)
            put_line(c, &t, kind);
    return t.at;
}

static void take_formats(struct peer_call *c, int kind, const struct mcu_sdp_media *m)
{
    const struct mcu_codec_info *info = mcu_codec_info(c->o->codec[kind]);
    struct peer_rx *rx = &c->rx[kind];
    rx->codec = c->o->codec[kind];
    rx->clock_hz = c->tx[kind].clock_hz = info->rtp_clock_hz;
    rx->pt[0] = offered_pt(rx->codec); /* RFC 3264 5.1: numbers of our offer */
    rx->pt_count = 1;
    c->tx[kind].pt = -1;
    for (int i = 0; i < m->format_count; i++) {
        const struct mcu_sdp_format *f = &m->formats[i];
        if (c->tx[kind].pt >= 0 || strcasecmp(f->encoding, info->name))
            continue;
        c->tx[kind].pt = f->pt;
        if (rx->codec == MCU_CODEC_H264)
            c->h264_mode1 = mcu_sdp_fmtp_int(f->fmtp, "packetization-mode", 0) == 1;
    }
}

/* RFC 7741 6.1; RFC 6184 8.1: the level's, or more. 0: any. */
static int frame_size_of(const struct peer_call *c, const struct mcu_sdp_media *m)
{
    struct mcu_nego_h264 h;
    for (int i = 0; i < m->format_count; i++) {
        const struct mcu_sdp_format *f = &m->formats[i];
        if (f->pt != c->tx[PEER_VIDEO].pt)
            continue;
        if (c->o->codec[PEER_VIDEO] != MCU_CODEC_H264)
            return mcu_sdp_fmtp_int(f->fmtp, "max-fs", 0);
        return mcu_h264_parse(&h, f->fmtp) == 0 ? h.max_fs : 0;
    }
    return 0;
}

static void obey(struct peer_call *c, const struct mcu_sdp_media *m)
{
    if (!c->o->obey) /* one source for all callers of the process: the newest word holds */
        return;
    peer_source_shrink(c->source, frame_size_of(c, m));
    if (m->bandwidth_bps > 0) {
        peer_tx_limited(c, m->bandwidth_bps, mcu_clock_now_ns());
        peer_source_limit(c->source, m->bandwidth_bps);
    }
}

static void take_line(struct peer_call *c, int kind, const struct mcu_sdp *sdp,
                      const struct mcu_sdp_media *m)
{
    c->accepted[kind] = m->port > 0;
    if (!c->accepted[kind])
        return;
    const char *host = m->address[0] ? m->address : sdp->origin_address;
    take_formats(c, kind, m);
    int relay = c->o->relay + 4 + 2 * kind; /* where it plays the server */
    int rtcp = m->rtcp_port > 0 ? m->rtcp_port : m->port + 1;
    mcu_addr_parse(&c->rtp_to[kind], host, c->o->relay ? relay : m->port);
    mcu_addr_parse(&c->rtcp_to[kind], host, c->o->relay ? relay + 1 : rtcp);
    c->may_send[kind] = m->direction == MCU_SENDRECV || m->direction == MCU_RECVONLY;
    if (kind) {
        c->max_bps = m->bandwidth_bps;
        obey(c, m);
    } else {
        c->ptime_ms = c->o->ptime_ms;
    }
}

int peer_sdp_take(struct peer_call *c, const char *text, size_t size)
{
    struct mcu_sdp_error error;
    struct mcu_sdp *sdp;
    if (mcu_sdp_parse(&sdp, text, size, &error) < 0) {
        fprintf(stderr, "%s: SDP line %d: %s\n", c->name, error.line, error.what);
        return -EBADMSG;
    }
    for (int i = 0; i < sdp->media_count; i++) {
        int kind = !strcmp(sdp->media[i].kind, "video");
        if (c->o->codec[kind] != MCU_CODEC_NONE)
            take_line(c, kind, sdp, &sdp->media[i]);
    }
    mcu_sdp_free(&sdp);
    return 0;
}
