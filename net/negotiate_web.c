/* net/negotiate_web.c - which lines of a WebRTC offer are taken, with what. */
#include "net/negotiate_web.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mixer/base/util.h"
#include "net/negotiate_priv.h"
#include "net/negotiate_web_priv.h"

/* One offer being judged. */
struct judge {
    struct mcu_nego_web *out;
    const struct mcu_sdp *offer;
    const struct mcu_nego_caps *caps;
    enum mcu_web_role role;
    bool direction_fits, codec_fits; /* of some line so far: to say what was missing */
    char what[sizeof(((struct mcu_nego_web_error *)0)->what)];
};

static int refuse(struct judge *j, int code, const char *format, ...) MCU_PRINTF(3, 4);

static int refuse(struct judge *j, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(j->what, sizeof(j->what), format, args);
    va_end(args);
    return code;
}

/* ---- formats ---- */

static bool is_usable(const struct mcu_sdp_format *f, enum mcu_codec codec)
{
    struct mcu_nego_h264 h;
    return codec == MCU_CODEC_H264 ? mcu_h264_parse(&h, f->fmtp) == 0
                                   : mcu_nego_profile_fits(f, codec);
}

/* Our encoder writes constrained baseline, so that label first, and mode 1 before all. */
static int variant(const struct mcu_sdp_format *f, enum mcu_codec codec)
{
    struct mcu_nego_h264 h;
    if (codec != MCU_CODEC_H264 || mcu_h264_parse(&h, f->fmtp) < 0)
        return 0;
    bool constrained = h.profile_idc == 66 && (h.constraint_flags & 0x40);
    int profile = constrained ? 3 : h.profile_idc == 66 ? 2 : h.profile_idc == 77 ? 1 : 0;
    return h.mode1 * 4 + profile;
}

static int place_in(const enum mcu_codec *list, int count, enum mcu_codec codec)
{
    for (int i = 0; i < count; i++)
        if (list[i] == codec)
            return i;
    return -1;
}

/* The codec of a format that we can receive, and its rank, higher is better. RTCP that is not apart
 * would be taken for the types 64 to 95 (RFC 5761 section 4). */
static enum mcu_codec acceptable(const struct mcu_sdp_format *f, enum mcu_kind kind,
                                 const struct mcu_nego_caps *caps, int *rank, bool *sendable)
{
    const enum mcu_codec *list = kind == MCU_AUDIO ? caps->audio : caps->video;
    int count = kind == MCU_AUDIO ? caps->audio_count : caps->video_count;
    enum mcu_codec codec = mcu_nego_codec_of(f, kind);
    if (codec == MCU_CODEC_NONE || f->pt < 0 || (f->pt >= 64 && f->pt <= 95) ||
        !is_usable(f, codec))
        return MCU_CODEC_NONE;
    int place = place_in(list, count, codec);
    *sendable = place >= 0;
    if (place < 0 && kind == MCU_VIDEO) {
        place = place_in(caps->video_in, caps->video_in_count, codec);
        place += place < 0 ? 0 : MCU_NEGO_MAX_CODECS;
    }
    if (place < 0)
        return MCU_CODEC_NONE;
    *rank = (2 * MCU_NEGO_MAX_CODECS - place) * 8 + variant(f, codec);
    return codec;
}

/* The number that repeats of a format come under (RFC 4588 section 8.6); 0: none. */
static uint8_t rtx_of(const struct mcu_sdp_media *m, const struct mcu_sdp_format *of)
{
    for (int i = 0; i < m->format_count; i++) {
        const struct mcu_sdp_format *f = &m->formats[i];
        if (f->pt > 0 && !(f->pt >= 64 && f->pt <= 95) && f->clock_hz == of->clock_hz &&
            strcasecmp(f->encoding, "rtx") == 0 && mcu_sdp_fmtp_int(f->fmtp, "apt", -1) == of->pt)
            return (uint8_t)f->pt;
    }
    return 0;
}

struct ranked {
    const struct mcu_sdp_format *format;
    enum mcu_codec codec;
    int rank;
};

/* Best first, equal ones as offered; the best MCU_LINE_RX_MAX of them stay. */
static void insert(struct ranked list[MCU_LINE_RX_MAX], int *count, struct ranked one)
{
    int at = *count;
    while (at > 0 && list[at - 1].rank < one.rank)
        at--;
    if (at == MCU_LINE_RX_MAX)
        return;
    if (*count < MCU_LINE_RX_MAX)
        (*count)++;
    memmove(&list[at + 1], &list[at], (size_t)(*count - at - 1) * sizeof(*list));
    list[at] = one;
}

static void fill_rx(struct mcu_nego_line *l, const struct mcu_sdp_media *m,
                    const struct ranked *list, int count)
{
    size_t used = 0;
    for (int i = 0; i < count; i++) {
        const struct mcu_sdp_format *f = list[i].format;
        struct mcu_line_rx *rx = &l->rx[l->rx_count++];
        *rx = (struct mcu_line_rx){ .codec = list[i].codec, .pt = (uint8_t)f->pt };
        rx->rtx_pt = rtx_of(m, f);
        if (rx->codec != MCU_CODEC_H264)
            continue;
        uint8_t *room = l->sprop_buf + used;
        rx->sprop_bytes = mcu_h264_sprop(f->fmtp, room, sizeof(l->sprop_buf) - used);
        rx->sprop = rx->sprop_bytes ? room : NULL;
        used += rx->sprop_bytes;
    }
}

/* Fills rx, and codec and pt of what we send. The rank puts all that we can send before what we
 * cannot, so the first decides. Returns its format, or NULL: nothing in common. */
static const struct mcu_sdp_format *choose_formats(struct mcu_nego_web_line *line,
                                                   const struct mcu_sdp_media *m,
                                                   const struct mcu_nego_caps *caps)
{
    struct mcu_nego_line *l = &line->base;
    struct ranked list[MCU_LINE_RX_MAX];
    int count = 0, rank = 0;
    bool sendable = false, first_sendable = false;
    for (int i = 0; i < m->format_count; i++) {
        const struct mcu_sdp_format *f = &m->formats[i];
        enum mcu_codec codec = acceptable(f, l->kind, caps, &rank, &sendable);
        if (codec == MCU_CODEC_NONE)
            continue;
        insert(list, &count, (struct ranked){ f, codec, rank });
        first_sendable = list[0].format == f ? sendable : first_sendable;
    }
    if (count == 0)
        return NULL;
    fill_rx(l, m, list, count);
    if (first_sendable) {
        l->codec = list[0].codec;
        l->pt = list[0].format->pt;
        line->tx_rtx_pt = l->rx[0].rtx_pt;
    }
    return list[0].format;
}

/* ---- what comes with them ---- */

static void set_feedback(struct mcu_nego_web_line *line, const struct mcu_sdp_media *m)
{
    struct mcu_nego_line *l = &line->base;
    l->fb_pli = l->fb_fir = l->fb_nack = l->fb_tmmbr = false;
    for (int i = 0; i < l->rx_count; i++) {
        const struct mcu_sdp_format *f = mcu_nego_find_pt(m, l->rx[i].pt);
        l->fb_nack |= f->fb_nack;
        l->fb_tmmbr |= f->fb_tmmbr;
        line->fb_remb |= f->fb_remb;
        line->fb_transport_cc |= f->fb_transport_cc;
        l->fb_pli |= f->fb_pli;
        l->fb_fir |= f->fb_fir;
    }
}

/* Its number, where it is offered for the ways that we would use it (RFC 8285 section 6); else 0.
 */
static uint8_t ext_id(const struct mcu_sdp_media *m, enum mcu_sdp_ext_kind kind, bool we_send,
                      bool we_receive)
{
    const struct mcu_sdp_ext *e = &m->ext[kind];
    bool out = e->direction == MCU_SENDRECV || e->direction == MCU_RECVONLY;
    bool in = e->direction == MCU_SENDRECV || e->direction == MCU_SENDONLY;
    return (we_receive && !in) || (we_send && !out) ? 0 : e->id;
}

static void set_ext(struct mcu_nego_web_line *line, const struct mcu_sdp_media *m)
{
    bool send = line->base.we_send, receive = line->base.we_receive;
    line->ext.mid = m->mid[0] ? ext_id(m, MCU_EXT_MID, send, receive) : 0;
    line->ext.abs_send_time = ext_id(m, MCU_EXT_ABS_SEND_TIME, send, receive);
    if (line->fb_transport_cc)
        line->ext.transport_cc = ext_id(m, MCU_EXT_TRANSPORT_CC, send, receive);
    line->fb_transport_cc = line->ext.transport_cc != 0;
    if (line->base.kind != MCU_AUDIO) {
        line->ext.colour = receive ? ext_id(m, MCU_EXT_COLOUR, false, true) : 0;
        line->ext.playout_delay = send ? ext_id(m, MCU_EXT_PLAYOUT_DELAY, true, false) : 0;
        return;
    }
    line->ext.audio_level = ext_id(m, MCU_EXT_AUDIO_LEVEL, send, receive);
    line->ext.mixer_levels = send ? ext_id(m, MCU_EXT_MIXER_LEVELS, true, false) : 0;
}

const struct mcu_sdp_rid *mcu_nego_web_find_rid(const struct mcu_sdp_media *m, const char *id)
{
    for (int i = 0; i < m->rid_count; i++)
        if (m->rids[i].send && strcmp(m->rids[i].id, id) == 0)
            return &m->rids[i];
    return NULL;
}

static bool accepts_pt(const struct mcu_nego_line *l, int pt)
{
    for (int i = 0; i < l->rx_count; i++)
        if (l->rx[i].pt == pt)
            return true;
    return false;
}

/* The numbers of "pt=97,98" that we accept, in buf, parted by commas. False: none of them, or of
 * another form. */
bool mcu_nego_web_rid_pts(const struct mcu_nego_line *l, struct mcu_cursor list, char *buf,
                          size_t size)
{
    size_t used = 0;
    buf[0] = '\0';
    while (mcu_cursor_left(&list)) {
        struct mcu_cursor one = mcu_text_trim(mcu_text_until(&list, ','));
        int pt;
        if (!mcu_text_int(&one, &pt) || mcu_cursor_left(&one) || pt > 127)
            return false;
        if (!accepts_pt(l, pt) || size - used < 5)
            continue;
        used += (size_t)snprintf(buf + used, size - used, "%s%d", used ? "," : "", pt);
    }
    return used > 0;
}

/* A layer with a restriction that we do not know cannot be answered for (RFC 8851 section 6.3), nor
 * one of formats that we do not take. */
static bool layer_fits(const struct mcu_nego_line *l, const struct mcu_sdp_rid *r)
{
    static const char *const known[] = { "max-width", "max-height", "max-fps", "max-fs",
                                         "max-br",    "max-pps",    "max-bpp" };
    struct mcu_cursor c = mcu_cursor(r->restrictions, strlen(r->restrictions));
    char pts[MCU_WEB_RID_PTS];
    while (mcu_cursor_left(&c)) {
        struct mcu_cursor one = mcu_text_until(&c, ';');
        struct mcu_cursor name = mcu_text_trim(mcu_text_until(&one, '='));
        bool good = mcu_text_is(name, "pt") && mcu_nego_web_rid_pts(l, one, pts, sizeof(pts));
        for (size_t i = 0; i < MCU_ARRAY_LEN(known); i++)
            good |= mcu_text_is(name, known[i]);
        if (!good)
            return false;
    }
    return true;
}

static bool has_layer(const struct mcu_nego_web_line *line, const char *id)
{
    for (int i = 0; i < line->rid_count; i++)
        if (strcmp(line->rid[i], id) == 0)
            return true;
    return false;
}

/* Layers are told apart by their RID in the header alone (RFC 8853 section 5.5), so one that is named
 * twice is one. */
static void set_simulcast(struct mcu_nego_web_line *line, const struct mcu_sdp_media *m)
{
    const struct mcu_nego_line *l = &line->base;
    uint8_t rid = ext_id(m, MCU_EXT_RID, false, true);
    if (l->kind != MCU_VIDEO || !l->we_receive || !rid)
        return;
    for (int i = 0; i < m->send_layer_count && line->rid_count < MCU_LINE_RIDS; i++) {
        const struct mcu_sdp_rid *r = mcu_nego_web_find_rid(m, m->send_layers[i].rid);
        if (r && layer_fits(l, r) && !has_layer(line, r->id))
            memcpy(line->rid[line->rid_count++], r->id, sizeof(line->rid[0]));
    }
    if (line->rid_count < 2) {
        line->rid_count = 0;
        return;
    }
    line->ext.rid = rid;
    line->ext.repaired_rid = ext_id(m, MCU_EXT_REPAIRED_RID, false, true);
}

/* ---- lines ---- */

/* All that RFC 8829 5.1.2 wants taken; the fingerprint says that it is DTLS. */
static bool proto_fits(const struct mcu_sdp_media *m)
{
    static const char *const protos[] = {
        "UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVP",
        "RTP/SAVPF",         "RTP/SAVP",         "RTP/AVPF",           "RTP/AVP",
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(protos); i++)
        if (strcasecmp(m->proto, protos[i]) == 0)
            return true;
    return false;
}

static bool he_sends(const struct mcu_sdp_media *m)
{
    return m->direction == MCU_SENDRECV || m->direction == MCU_SENDONLY;
}

static bool he_receives(const struct mcu_sdp_media *m)
{
    return m->direction == MCU_SENDRECV || m->direction == MCU_RECVONLY;
}

static bool take_line(struct judge *j, int index, enum mcu_kind kind)
{
    const struct mcu_sdp_media *m = &j->offer->media[index];
    struct mcu_nego_web_line *line = &j->out->line[kind];
    struct mcu_nego_line *l = &line->base;
    memset(line, 0, sizeof(*line));
    line->index = -1;
    l->kind = kind;
    l->dtmf_pt = l->dtmf_clock_hz = -1;
    l->ptime_ms = 20;
    const struct mcu_sdp_format *f = choose_formats(line, m, j->caps);
    l->we_receive = he_sends(m) && (j->role & MCU_WEB_PUBLISH);
    l->we_send = he_receives(m) && (j->role & MCU_WEB_PLAY) && l->codec != MCU_CODEC_NONE;
    if (!f || (!l->we_send && !l->we_receive))
        return false;
    line->index = index;
    l->accepted = l->rtcp_mux = true;
    l->sealing = MCU_DTLS;
    mcu_nego_set_params(l, m, f, j->caps);
    memcpy(line->mid, m->mid, sizeof(line->mid));
    line->rtcp_rsize = m->rtcp_rsize;
    set_feedback(line, m);
    set_ext(line, m);
    set_simulcast(line, m);
    for (int i = 0; i < m->ssrc_count; i++)
        line->ssrc[line->ssrc_count++] = m->ssrcs[i].ssrc;
    return true;
}

/* both_ways: only lines that are offered for sending and receiving. */
static bool find_line(struct judge *j, enum mcu_kind kind, bool both_ways)
{
    for (int i = 0; i < j->offer->media_count; i++) {
        const struct mcu_sdp_media *m = &j->offer->media[i];
        bool fits = both_ways ? m->direction == MCU_SENDRECV
                              : (he_sends(m) && (j->role & MCU_WEB_PUBLISH)) ||
                                    (he_receives(m) && (j->role & MCU_WEB_PLAY));
        if (mcu_nego_kind_of(m) != (int)kind || (m->port == 0 && !m->bundle_only) ||
            !proto_fits(m) || strcasecmp(m->content, "slides") == 0)
            continue;
        j->direction_fits |= fits;
        if (fits && take_line(j, i, kind))
            return true;
    }
    return false;
}

/* The names of what we have, for a peer that has none of it. */
static const char *codec_names(char *buf, size_t size, const struct mcu_nego_caps *caps)
{
    size_t used = 0;
    buf[0] = '\0';
    for (int i = 0; i < caps->audio_count + caps->video_count; i++) {
        enum mcu_codec c =
            i < caps->audio_count ? caps->audio[i] : caps->video[i - caps->audio_count];
        int n =
            snprintf(buf + used, size - used, "%s%s", used ? ", " : "", mcu_codec_info(c)->name);
        if (n < 0 || (size_t)n >= size - used)
            break;
        used += (size_t)n;
    }
    return buf;
}

static int choose_lines(struct judge *j)
{
    bool any = false;
    char names[96];
    for (int k = MCU_AUDIO; k <= MCU_VIDEO; k++) {
        enum mcu_kind kind = (enum mcu_kind)k;
        j->out->line[k].index = -1;
        any |= (j->role == MCU_WEB_BOTH && find_line(j, kind, true)) || find_line(j, kind, false);
    }
    if (any)
        return 0;
    if (j->direction_fits)
        return refuse(j, -ENOENT, "no codec in common; there are %s",
                      codec_names(names, sizeof(names), j->caps));
    return refuse(j, -ENOENT, "no audio or video line that %s",
                  j->role == MCU_WEB_PUBLISH ? "you send on"
                  : j->role == MCU_WEB_PLAY  ? "you receive on"
                                             : "you send or receive on");
}

/* ---- the transport ---- */

static int check_mids(struct judge *j)
{
    for (int i = 0; i < j->offer->media_count; i++)
        for (int k = 0; k < i; k++)
            if (j->offer->media[i].mid[0] &&
                strcmp(j->offer->media[i].mid, j->offer->media[k].mid) == 0)
                return refuse(j, -EBADMSG, "a=mid:%s is used by two lines", j->offer->media[i].mid);
    return 0;
}

/* RFC 8843 7.3.1: the first of the group that is accepted and has a port is the tagged one; we put
 * it first, and else keep the group's order. */
static int set_group(struct judge *j)
{
    struct mcu_nego_web *w = j->out;
    for (int k = MCU_AUDIO; k <= MCU_VIDEO; k++)
        if (w->line[k].index >= 0)
            w->group[w->group_count++] = w->line[k].index;
    const struct mcu_sdp_media *a = &j->offer->media[w->group[0]];
    const struct mcu_sdp_media *b = &j->offer->media[w->group[w->group_count - 1]];
    if (w->group_count == 2 && (!a->bundle || a->bundle != b->bundle))
        return refuse(j, -EBADMSG, "audio and video must share one transport (a=group:BUNDLE)");
    bool swap = b->port > 0 && a->port > 0 ? b->bundle_place < a->bundle_place
                                           : b->port > 0 && a->port == 0;
    if (w->group_count == 2 && swap) {
        int first = w->group[0];
        w->group[0] = w->group[1];
        w->group[1] = first;
    }
    w->bundle = a->bundle > 0;
    return 0;
}

/* The line of the offer whose transport it is: the tagged one, or, where that was offered
 * bundle-only and says nothing, whichever of the group speaks first. */
static const struct mcu_sdp_media *transport_line(const struct judge *j)
{
    const struct mcu_sdp_media *tagged = &j->offer->media[j->out->group[0]], *found = tagged;
    if (tagged->ice_ufrag[0] || !tagged->bundle)
        return tagged;
    for (int i = 0; i < j->offer->media_count; i++) {
        const struct mcu_sdp_media *m = &j->offer->media[i];
        if (m->bundle == tagged->bundle && m->ice_ufrag[0] &&
            (found == tagged || m->bundle_place < found->bundle_place))
            found = m;
    }
    return found;
}

const char *mcu_nego_web_credential_fault(const char *text, size_t least)
{
    size_t n = strlen(text);
    if (n < least)
        return n ? "too short" : "missing";
    if (n >= MCU_WEB_CREDENTIAL)
        return "too long";
    for (size_t i = 0; i < n; i++) {
        uint8_t c = mcu_text_lower((uint8_t)text[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/'))
            return "made of other characters than ALPHA, DIGIT, + and /";
    }
    return NULL;
}

static int set_ice(struct judge *j, const struct mcu_sdp_media *m)
{
    struct mcu_nego_web_transport *t = &j->out->transport;
    const char *fault = mcu_nego_web_credential_fault(m->ice_ufrag, MCU_WEB_UFRAG_MIN);
    if (fault)
        return refuse(j, -EBADMSG, "a=ice-ufrag is %s (RFC 8839 5.4)", fault);
    fault = mcu_nego_web_credential_fault(m->ice_pwd, MCU_WEB_PWD_MIN);
    if (fault)
        return refuse(j, -EBADMSG, "a=ice-pwd is %s (RFC 8839 5.4)", fault);
    snprintf(t->ufrag, sizeof(t->ufrag), "%s", m->ice_ufrag);
    snprintf(t->pwd, sizeof(t->pwd), "%s", m->ice_pwd);
    t->lite = j->offer->ice_lite;
    t->trickle = m->ice_trickle;
    t->end_of_candidates = m->end_of_candidates;
    t->candidate_count = m->candidate_count;
    memcpy(t->candidates, m->candidates, sizeof(t->candidates));
    return 0;
}

/* RFC 8842 5.3: where it is left to us we begin, which spares a round trip. Without a=setup the
 * offerer begins (RFC 4145 section 4). */
static int set_dtls(struct judge *j, const struct mcu_sdp_media *m)
{
    struct mcu_nego_web_transport *t = &j->out->transport;
    if (m->fingerprint.hash == MCU_HASH_NONE)
        return refuse(j, -EBADMSG,
                      "no a=fingerprint, or of no hash known here: "
                      "media must be secured by DTLS-SRTP");
    if (m->fingerprint.hash == MCU_HASH_SHA1)
        return refuse(j, -EBADMSG, "a=fingerprint by sha-1 alone is too weak, use sha-256");
    t->fingerprint = m->fingerprint;
    t->dtls_active = m->setup == MCU_SETUP_ACTPASS || m->setup == MCU_SETUP_PASSIVE;
    return 0;
}

static int set_transport(struct judge *j)
{
    const struct mcu_sdp_media *m = transport_line(j);
    bool mux = m->rtcp_mux || m->rtcp_mux_only, mixed = true;
    for (int i = 0; i < j->out->group_count; i++) {
        const struct mcu_sdp_media *one = &j->offer->media[j->out->group[i]];
        if (!mux && !one->rtcp_mux && !one->rtcp_mux_only)
            return refuse(j, -EBADMSG, "RTP and RTCP must share one port (a=rtcp-mux)");
        mixed &= one->extmap_allow_mixed;
    }
    j->out->extmap_allow_mixed = mixed;
    int rc = set_ice(j, m);
    if (rc == 0)
        rc = set_dtls(j, m);
    for (int k = MCU_AUDIO; rc == 0 && k <= MCU_VIDEO; k++) {
        j->out->line[k].base.fingerprint = j->out->transport.fingerprint;
        j->out->line[k].base.dtls_active = j->out->transport.dtls_active;
    }
    return rc;
}

/* The numbers of a line's extensions, one after the other. */
static uint8_t *ext_number(struct mcu_line_ext *e, size_t i)
{
    uint8_t *const all[] = { &e->audio_level, &e->mixer_levels, &e->abs_send_time, &e->transport_cc,
                             &e->mid,         &e->rid,          &e->repaired_rid,  &e->colour,
                             &e->playout_delay };
    return i < MCU_ARRAY_LEN(all) ? all[i] : NULL;
}

/* A number must mean the same in all lines of a bundle (RFC 8843 section 12). Where it does not
 * (aiortc gives 2 to levels of sound and to send times of pictures) neither is answered. Layers whose
 * RID goes that way could not be told apart, so there are none then. */
static void drop_ambiguous(struct mcu_nego_web *out)
{
    struct mcu_nego_web_line *a = &out->line[MCU_AUDIO], *v = &out->line[MCU_VIDEO];
    uint8_t *x, *y;
    for (size_t i = 0; (x = ext_number(&a->ext, i)); i++)
        for (size_t k = 0; (y = ext_number(&v->ext, k)); k++)
            if (i != k && *x && *x == *y)
                *x = *y = 0;
    a->fb_transport_cc &= a->ext.transport_cc != 0;
    v->fb_transport_cc &= v->ext.transport_cc != 0;
    if (!v->ext.rid)
        v->rid_count = v->ext.repaired_rid = 0;
}

int mcu_nego_web_offer(struct mcu_nego_web *out, const struct mcu_sdp *offer,
                       const struct mcu_nego_caps *caps, enum mcu_web_role role,
                       struct mcu_nego_web_error *error)
{
    struct judge j = { .out = out, .offer = offer, .caps = caps, .role = role };
    memset(out, 0, sizeof(*out));
    int rc = check_mids(&j);
    if (rc == 0)
        rc = choose_lines(&j);
    if (rc == 0)
        drop_ambiguous(out);
    if (rc == 0)
        rc = set_group(&j);
    if (rc == 0)
        rc = set_transport(&j);
    if (rc < 0 && error)
        snprintf(error->what, sizeof(error->what), "%s", j.what);
    return rc;
}
