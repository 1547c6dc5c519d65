/* net/nego_web_write.c - our answer to a WebRTC offer (RFC 8829 section 5.3), and what a media line
 * is told of it. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "mixer/base/util.h"
#include "net/negotiate_priv.h"
#include "net/negotiate_web_priv.h"
#include "net/text_out.h"

/* Where we can be reached at first: c=, o= and the ports of m=. */
struct destination {
    char address[64];
    bool ipv6;
    int port;
};

/* The fifth and sixth words of our first UDP candidate (RFC 8839 5.1); without one, the address
 * that stands for "will come by trickling" (RFC 8840 4.1.1). */
static struct destination default_destination(const struct mcu_nego_web_local *local)
{
    struct destination d = { .address = "0.0.0.0", .port = 9 };
    for (int i = 0; i < local->candidate_count; i++) {
        struct mcu_cursor c = mcu_cursor(local->candidates[i], strlen(local->candidates[i]));
        struct mcu_cursor word[6];
        uint8_t raw[16];
        char address[64];
        int port;
        for (int w = 0; w < 6; w++)
            word[w] = mcu_text_word(&c);
        bool ipv6 = mcu_cursor_left(&word[4]) && memchr(word[4].p, ':', mcu_cursor_left(&word[4]));
        if (!mcu_text_is(word[2], "UDP") || !mcu_text_copy(address, sizeof(address), word[4]) ||
            inet_pton(ipv6 ? AF_INET6 : AF_INET, address, raw) != 1 ||
            !mcu_text_int(&word[5], &port) || port < 1 || port > 65535)
            continue;
        d.ipv6 = ipv6;
        d.port = port;
        memcpy(d.address, address, sizeof(address));
        break;
    }
    return d;
}

static void put_session(struct mcu_text_out *t, const struct mcu_nego_web *w,
                        const struct mcu_sdp *offer, const struct mcu_nego_web_local *local,
                        const struct destination *d)
{
    const char *net = d->ipv6 ? "IP6" : "IP4";
    /* c= here is for the refused lines, which have none of their own: RFC 8866 5.7 wants it
     * somewhere, and Firefox does too. */
    mcu_put(t, "v=0\r\no=- %llu %llu IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n",
            (unsigned long long)local->session_id, (unsigned long long)local->session_version, net,
            d->address, net, d->address);
    if (w->bundle) {
        mcu_put(t, "a=group:BUNDLE");
        for (int i = 0; i < w->group_count; i++)
            mcu_put(t, " %s", offer->media[w->group[i]].mid);
        mcu_put(t, "\r\n");
    }
    if (w->extmap_allow_mixed)
        mcu_put(t, "a=extmap-allow-mixed\r\n");
    /* ice2 (RFC 8839 5.6, RFC 8445 10): we never nominate aggressively, as we do not where he
     * controls; with a lite peer we control, and leave it away. */
    const struct mcu_sdp_media *tagged = &offer->media[w->group[0]];
    mcu_put(t, "a=ice-options:trickle%s\r\n",
            tagged->ice_ice2 && !w->transport.lite ? " ice2" : "");
}

/* ---- transport ---- */

void mcu_nego_web_put_candidates(struct mcu_text_out *t, const struct mcu_nego_web_local *local)
{
    for (int i = 0; i < local->candidate_count; i++) {
        const char *c = local->candidates[i];
        mcu_put(t, "%s%s\r\n", strncmp(c, "a=", 2) == 0 ? "" : "a=", c);
    }
    if (local->end_of_candidates)
        mcu_put(t, "a=end-of-candidates\r\n");
}

/* In every line, though RFC 8843 7.1.3 would have it in the tagged one alone: browsers write it so,
 * and GStreamer refuses a line without. */
static void put_transport(struct mcu_text_out *t, const struct mcu_nego_web *w, bool tagged,
                          const struct mcu_nego_caps *caps, const struct mcu_nego_web_local *local)
{
    char text[MCU_FINGERPRINT_TEXT];
    mcu_put(t, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", local->ufrag, local->pwd);
    mcu_put(t, "a=fingerprint:%s\r\na=setup:%s\r\n", mcu_fingerprint_text(text, &caps->fingerprint),
            w->transport.dtls_active ? "active" : "passive");
    if (tagged)
        mcu_nego_web_put_candidates(t, local);
}

/* ---- formats ---- */

static void put_feedback(struct mcu_text_out *t, const struct mcu_nego_web_line *line,
                         const struct mcu_sdp_format *f)
{
    const struct {
        bool offered;
        const char *text;
    } all[] = {
        { f->fb_remb, "goog-remb" },
        { f->fb_transport_cc && line->fb_transport_cc, "transport-cc" },
        { f->fb_fir, "ccm fir" },
        { f->fb_tmmbr, "ccm tmmbr" },
        { f->fb_nack, "nack" },
        { f->fb_pli, "nack pli" },
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(all); i++)
        if (all[i].offered)
            mcu_put(t, "a=rtcp-fb:%d %s\r\n", f->pt, all[i].text);
}

static void put_formats(struct mcu_text_out *t, const struct mcu_nego_web_line *line,
                        const struct mcu_sdp_media *m, const struct mcu_nego_caps *caps)
{
    const struct mcu_nego_line *l = &line->base;
    for (int i = 0; i < l->rx_count; i++) {
        const struct mcu_line_rx *rx = &l->rx[i];
        const struct mcu_sdp_format *f = mcu_nego_find_pt(m, rx->pt);
        mcu_put_part(
            t, mcu_nego_write_format(t->buf + t->used, t->size - t->used, f, rx->codec, caps));
        put_feedback(t, line, f);
        if (rx->rtx_pt)
            mcu_put(t, "a=rtpmap:%d rtx/%d\r\na=fmtp:%d apt=%d\r\n", rx->rtx_pt, f->clock_hz,
                    rx->rtx_pt, rx->pt);
    }
    mcu_put_part(t, mcu_nego_write_dtmf(t->buf + t->used, t->size - t->used, l));
}

static void put_media(struct mcu_text_out *t, const struct mcu_nego_web_line *line,
                      const struct mcu_sdp_media *m, const struct destination *d)
{
    const struct mcu_nego_line *l = &line->base;
    mcu_put(t, "m=%s %d %s", m->kind, d->port, m->proto);
    for (int i = 0; i < l->rx_count; i++) {
        mcu_put(t, " %d", l->rx[i].pt);
        if (l->rx[i].rtx_pt)
            mcu_put(t, " %d", l->rx[i].rtx_pt);
    }
    if (l->dtmf_pt >= 0)
        mcu_put(t, " %d", l->dtmf_pt);
    mcu_put(t, "\r\nc=IN %s %s\r\n", d->ipv6 ? "IP6" : "IP4", d->address);
}

/* ---- header extensions, layers, sources ---- */

static void put_ext(struct mcu_text_out *t, const struct mcu_line_ext *ext,
                    const struct mcu_sdp_media *m)
{
    static const char *const directions[] = { "", "/recvonly", "/sendonly", "/inactive" };
    const uint8_t ids[MCU_EXT_COUNT] = {
        [MCU_EXT_AUDIO_LEVEL] = ext->audio_level,
        [MCU_EXT_MIXER_LEVELS] = ext->mixer_levels,
        [MCU_EXT_ABS_SEND_TIME] = ext->abs_send_time,
        [MCU_EXT_TRANSPORT_CC] = ext->transport_cc,
        [MCU_EXT_MID] = ext->mid,
        [MCU_EXT_RID] = ext->rid,
        [MCU_EXT_REPAIRED_RID] = ext->repaired_rid,
        [MCU_EXT_COLOUR] = ext->colour,
        [MCU_EXT_PLAYOUT_DELAY] = ext->playout_delay,
    };
    for (int i = 0; i < MCU_EXT_COUNT; i++)
        if (ids[i])
            mcu_put(t, "a=extmap:%d%s %s\r\n", ids[i], directions[m->ext[i].direction],
                    mcu_sdp_ext_uri((enum mcu_sdp_ext_kind)i));
}

/* The restrictions of a layer as offered, with those formats that we take. */
static void put_restrictions(struct mcu_text_out *t, const struct mcu_nego_line *l,
                             const char *restrictions)
{
    struct mcu_cursor c = mcu_cursor(restrictions, strlen(restrictions));
    for (const char *before = " "; mcu_cursor_left(&c); before = ";") {
        struct mcu_cursor one = mcu_text_trim(mcu_text_until(&c, ';')), value = one;
        char pts[MCU_WEB_RID_PTS];
        if (mcu_text_is(mcu_text_trim(mcu_text_until(&value, '=')), "pt") &&
            mcu_nego_web_rid_pts(l, value, pts, sizeof(pts)))
            mcu_put(t, "%spt=%s", before, pts);
        else
            mcu_put(t, "%s%.*s", before, (int)mcu_cursor_left(&one), (const char *)one.p);
    }
}

static bool paused(const struct mcu_sdp_media *m, const char *rid)
{
    for (int i = 0; i < m->send_layer_count; i++)
        if (strcmp(m->send_layers[i].rid, rid) == 0)
            return m->send_layers[i].paused;
    return false;
}

static void put_simulcast(struct mcu_text_out *t, const struct mcu_nego_web_line *line,
                          const struct mcu_sdp_media *m)
{
    for (int i = 0; i < line->rid_count; i++) {
        const struct mcu_sdp_rid *r = mcu_nego_web_find_rid(m, line->rid[i]);
        mcu_put(t, "a=rid:%s recv", line->rid[i]);
        put_restrictions(t, &line->base, r ? r->restrictions : "");
        mcu_put(t, "\r\n");
    }
    for (int i = 0; i < line->rid_count; i++)
        mcu_put(t, "%s%s%s", i ? ";" : "a=simulcast:recv ", paused(m, line->rid[i]) ? "~" : "",
                line->rid[i]);
    if (line->rid_count)
        mcu_put(t, "\r\n");
}

/* RFC 5576, RFC 8830: what we send, and what it is repeated under. */
static void put_sources(struct mcu_text_out *t, const struct mcu_nego_web_line *line,
                        const struct mcu_nego_web_local *local)
{
    enum mcu_kind kind = line->base.kind;
    uint32_t ssrc = local->ssrc[kind], rtx = line->tx_rtx_pt ? local->rtx_ssrc[kind] : 0;
    if (!line->base.we_send)
        return;
    mcu_put(t, "a=msid:%s %s-%s\r\n", local->stream, local->stream,
            kind == MCU_AUDIO ? "audio" : "video");
    if (rtx)
        mcu_put(t, "a=ssrc-group:FID %lu %lu\r\n", (unsigned long)ssrc, (unsigned long)rtx);
    mcu_put(t, "a=ssrc:%lu cname:%s\r\n", (unsigned long)ssrc, local->cname);
    if (rtx)
        mcu_put(t, "a=ssrc:%lu cname:%s\r\n", (unsigned long)rtx, local->cname);
}

static void put_direction(struct mcu_text_out *t, const struct mcu_nego_line *l)
{
    mcu_put(t, "a=%s\r\n", !l->we_send ? "recvonly" : !l->we_receive ? "sendonly" : "sendrecv");
}

/* All layers of a simulcast together: the lower ones come along, as server/leg_line.c has it. */
static int put_bandwidth(struct mcu_text_out *t, const struct mcu_nego_web_line *line,
                         const struct mcu_nego_caps *caps)
{
    struct mcu_nego_caps all = *caps;
    if (line->rid_count > 1)
        all.video_bps += all.video_bps * (line->rid_count == 2 ? 35 : 48) / 100;
    return mcu_nego_write_bandwidth(t->buf + t->used, t->size - t->used, &line->base, &all);
}

static void put_line(struct mcu_text_out *t, const struct mcu_nego_web *w,
                     const struct mcu_nego_web_line *line, const struct mcu_sdp_media *m,
                     const struct mcu_nego_caps *caps, const struct mcu_nego_web_local *local,
                     const struct destination *d)
{
    put_media(t, line, m, d);
    mcu_put_part(t, put_bandwidth(t, line, caps));
    if (line->mid[0])
        mcu_put(t, "a=mid:%s\r\n", line->mid);
    put_direction(t, &line->base);
    mcu_put(t, "a=rtcp-mux\r\n");
    if (line->rtcp_rsize)
        mcu_put(t, "a=rtcp-rsize\r\n");
    put_transport(t, w, line->index == w->group[0], caps, local);
    put_ext(t, &line->ext, m);
    put_formats(t, line, m, caps);
    if (line->base.kind == MCU_AUDIO)
        mcu_put(t, "a=ptime:%d\r\n", line->base.ptime_ms);
    put_simulcast(t, line, m);
    put_sources(t, line, local);
}

int mcu_nego_web_write_answer(const struct mcu_nego_web *nego, const struct mcu_sdp *offer,
                              const struct mcu_nego_caps *caps,
                              const struct mcu_nego_web_local *local, char *buf, size_t size)
{
    struct mcu_text_out t = { .buf = buf, .size = size };
    struct destination d = default_destination(local);
    put_session(&t, nego, offer, local, &d);
    for (int i = 0; i < offer->media_count; i++) {
        const struct mcu_sdp_media *m = &offer->media[i];
        const struct mcu_nego_web_line *line = NULL;
        for (int k = MCU_AUDIO; k <= MCU_VIDEO; k++)
            if (nego->line[k].index == i)
                line = &nego->line[k];
        if (line)
            put_line(&t, nego, line, m, caps, local, &d);
        else
            mcu_put_part(&t, mcu_nego_write_refused(t.buf + t.used, t.size - t.used, m));
    }
    return mcu_text_out_end(&t);
}

void mcu_nego_web_line_config(const struct mcu_nego_web_line *line, struct mcu_line_config *out)
{
    mcu_nego_line_config(&line->base, out);
    out->fb_remb = line->fb_remb;
    out->tx_rtx_pt = line->tx_rtx_pt;
    out->ext = line->ext;
    out->rid_count = line->rid_count;
    memcpy(out->mid, line->mid, sizeof(out->mid));
    memcpy(out->rid, line->rid, sizeof(out->rid));
}
