/* net/sdp_web.c - the attributes that WebRTC adds to a session description: ICE, BUNDLE, header
 * extensions, sources, simulcast. */
#include "mixer/base/util.h"
#include "net/sdp_priv.h"

static const char *const ext_uris[MCU_EXT_COUNT] = {
    [MCU_EXT_AUDIO_LEVEL] = "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    [MCU_EXT_MIXER_LEVELS] = "urn:ietf:params:rtp-hdrext:csrc-audio-level",
    [MCU_EXT_ABS_SEND_TIME] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    [MCU_EXT_TRANSPORT_CC] =
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    [MCU_EXT_MID] = "urn:ietf:params:rtp-hdrext:sdes:mid",
    [MCU_EXT_RID] = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    [MCU_EXT_REPAIRED_RID] = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    [MCU_EXT_COLOUR] = "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
    [MCU_EXT_PLAYOUT_DELAY] = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
};

const char *mcu_sdp_ext_uri(enum mcu_sdp_ext_kind kind)
{
    return ext_uris[kind];
}

/* mcu_sdp_keep, but "" for what is no printable ASCII. */
static const char *keep(struct mcu_sdp_parser *p, const char *prefix, struct mcu_cursor value)
{
    for (size_t i = 0; i < mcu_cursor_left(&value); i++)
        if (value.p[i] < ' ' || value.p[i] > '~')
            return "";
    return mcu_sdp_keep(p, prefix, value);
}

/* ---- ICE (RFC 8839) ---- */

static void ice_ufrag(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    *(p->media ? &p->media->ice_ufrag : &p->ice_ufrag) = keep(p, "", value);
}

static void ice_pwd(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    *(p->media ? &p->media->ice_pwd : &p->ice_pwd) = keep(p, "", value);
}

/* Parted by spaces; by commas with libdatachannel (OBS). */
static void ice_options(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    bool trickle = false, ice2 = false;
    while (mcu_cursor_left(&value)) {
        struct mcu_cursor words = mcu_text_word(&value);
        while (mcu_cursor_left(&words)) {
            struct mcu_cursor word = mcu_text_until(&words, ',');
            trickle |= mcu_text_is(word, "trickle");
            ice2 |= mcu_text_is(word, "ice2");
        }
    }
    *(p->media ? &p->media->ice_trickle : &p->ice_trickle) = trickle;
    *(p->media ? &p->media->ice_ice2 : &p->ice_ice2) = ice2;
}

static void ice_lite(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    if (!p->media)
        p->sdp->ice_lite = true;
}

static void candidate(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    static const char prefix[] = "candidate:";
    struct mcu_sdp_media *m = p->media;
    if (!m || m->candidate_count == MCU_SDP_MAX_CANDIDATES ||
        mcu_cursor_left(&value) + sizeof(prefix) > MCU_SDP_MAX_CANDIDATE)
        return;
    const char *text = keep(p, prefix, value);
    if (text[0])
        m->candidates[m->candidate_count++] = text;
}

static void end_of_candidates(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    if (p->media)
        p->media->end_of_candidates = true;
    else
        p->end_of_candidates = true;
}

/* ---- one transport (RFC 8843, 8858) ---- */

static void group(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    if (!p->media && p->group_count < MCU_SDP_MAX_GROUPS &&
        mcu_text_is(mcu_text_word(&value), "BUNDLE"))
        p->groups[p->group_count++] = value;
}

static struct mcu_sdp_media *find_mid(struct mcu_sdp *s, struct mcu_cursor mid)
{
    size_t n = mcu_cursor_left(&mid);
    for (int i = 0; i < s->media_count; i++)
        if (n && strlen(s->media[i].mid) == n && memcmp(s->media[i].mid, mid.p, n) == 0)
            return &s->media[i];
    return NULL;
}

void mcu_sdp_web_groups(struct mcu_sdp_parser *p)
{
    for (int i = 0; i < p->group_count; i++) {
        struct mcu_cursor mids = p->groups[i];
        /* More words than lines are none of ours; the limit keeps the time linear. */
        for (int place = 0; place < 2 * MCU_SDP_MAX_LINES && mcu_cursor_left(&mids); place++) {
            struct mcu_sdp_media *m = find_mid(p->sdp, mcu_text_word(&mids));
            if (m && !m->bundle) {
                m->bundle = i + 1;
                m->bundle_place = place;
            }
        }
    }
}

static void bundle_only(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    if (p->media)
        p->media->bundle_only = true;
}

static void rtcp_mux_only(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    if (p->media)
        p->media->rtcp_mux_only = true;
}

static void rtcp_rsize(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    if (p->media)
        p->media->rtcp_rsize = true;
}

/* ---- header extensions (RFC 8285) ---- */

static bool parse_direction(struct mcu_cursor word, enum mcu_sdp_direction *out)
{
    static const char *const names[] = { "sendrecv", "sendonly", "recvonly", "inactive" };
    for (int i = 0; i < (int)MCU_ARRAY_LEN(names); i++) {
        if (mcu_text_is(word, names[i])) {
            *out = (enum mcu_sdp_direction)i;
            return true;
        }
    }
    return false;
}

static bool id_taken(const struct mcu_sdp_ext *ext, int id)
{
    for (int i = 0; i < MCU_EXT_COUNT; i++)
        if (ext[i].id == id)
            return true;
    return false;
}

/* <id>[/<direction>] <URI> [<attributes>]. Numbers above 255 are wishes without a number yet (RFC
 * 8285 section 7): we have no need of them. */
static void extmap(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    struct mcu_sdp_ext *ext = p->media ? p->media->ext : p->ext;
    struct mcu_cursor number = mcu_text_word(&value), uri = mcu_text_word(&value);
    enum mcu_sdp_direction direction = MCU_SENDRECV;
    int id;
    if (!mcu_text_int(&number, &id) || id < 1 || id > 255 || id_taken(ext, id))
        return;
    if (mcu_cursor_left(&number) &&
        (mcu_cursor_u8(&number) != '/' || !parse_direction(number, &direction)))
        return;
    for (int i = 0; i < MCU_EXT_COUNT; i++)
        if (!ext[i].id && mcu_text_is(uri, ext_uris[i]))
            ext[i] = (struct mcu_sdp_ext){ (uint8_t)id, direction };
}

static void extmap_allow_mixed(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    *(p->media ? &p->media->extmap_allow_mixed : &p->extmap_allow_mixed) = true;
}

/* ---- sources (RFC 5576, 8830) ---- */

static struct mcu_sdp_ssrc *take_ssrc(struct mcu_sdp_media *m, struct mcu_cursor *value)
{
    struct mcu_cursor word = mcu_text_word(value);
    uint64_t v;
    if (!m || !mcu_text_u64(&word, UINT64_MAX, &v) || mcu_cursor_left(&word) || v > UINT32_MAX)
        return NULL;
    for (int i = 0; i < m->ssrc_count; i++)
        if (m->ssrcs[i].ssrc == v)
            return &m->ssrcs[i];
    if (m->ssrc_count == MCU_SDP_MAX_SSRCS)
        return NULL;
    struct mcu_sdp_ssrc *s = &m->ssrcs[m->ssrc_count++];
    *s = (struct mcu_sdp_ssrc){ .ssrc = (uint32_t)v, .cname = "" };
    return s;
}

/* <ssrc> <attribute>[:<value>] */
static void ssrc(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    struct mcu_sdp_ssrc *s = take_ssrc(p->media, &value);
    value = mcu_text_trim(value);
    if (s && !s->cname[0] && mcu_text_is(mcu_text_until(&value, ':'), "cname"))
        s->cname = keep(p, "", value);
}

/* FID <ssrc> <ssrc>: the second repeats the first (RFC 4588 section 8.3). */
static void ssrc_group(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    if (!mcu_text_is(mcu_text_word(&value), "FID"))
        return;
    struct mcu_sdp_ssrc *first = take_ssrc(p->media, &value);
    struct mcu_sdp_ssrc *second = take_ssrc(p->media, &value);
    if (!first || !second || first == second)
        return;
    first->repaired_by = second->ssrc;
    second->repairs = true;
}

static void msid(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    if (p->media && !p->media->msid[0])
        p->media->msid = keep(p, "", value);
}

/* ---- simulcast (RFC 8851, 8853) ---- */

static struct mcu_sdp_rid *find_rid(struct mcu_sdp_media *m, struct mcu_cursor id)
{
    size_t n = mcu_cursor_left(&id);
    for (int i = 0; i < m->rid_count; i++)
        if (n && strlen(m->rids[i].id) == n && memcmp(m->rids[i].id, id.p, n) == 0)
            return &m->rids[i];
    return NULL;
}

static bool rid_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || (mcu_text_lower(c) >= 'a' && mcu_text_lower(c) <= 'z') ||
           c == '-' || c == '_';
}

/* <id> send|recv [<restrictions>] */
static void rid(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    struct mcu_cursor id = mcu_text_word(&value), direction = mcu_text_word(&value);
    struct mcu_sdp_media *m = p->media;
    bool send = mcu_text_is(direction, "send");
    for (size_t i = 0; i < mcu_cursor_left(&id); i++)
        if (!rid_char(id.p[i]))
            return;
    if (!m || m->rid_count == MCU_SDP_MAX_RIDS || (!send && !mcu_text_is(direction, "recv")) ||
        find_rid(m, id))
        return;
    struct mcu_sdp_rid *r = &m->rids[m->rid_count];
    if (!mcu_text_copy(r->id, sizeof(r->id), id) || !r->id[0])
        return;
    r->send = send;
    r->restrictions = keep(p, "", mcu_text_trim(value));
    m->rid_count++;
}

static void simulcast(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    p->simulcast = value;
}

/* "h,~i": alternatives of one stream, "~" paused. False: we know none of them. */
static bool choose_layer(struct mcu_sdp_media *m, struct mcu_cursor alternatives, bool send,
                         struct mcu_sdp_layer *out)
{
    while (mcu_cursor_left(&alternatives)) {
        struct mcu_cursor one = mcu_text_until(&alternatives, ',');
        bool paused = mcu_cursor_left(&one) && one.p[0] == '~';
        if (paused)
            mcu_cursor_take(&one, 1);
        const struct mcu_sdp_rid *r = find_rid(m, one);
        if (!r || r->send != send)
            continue;
        memcpy(out->rid, r->id, sizeof(out->rid));
        out->paused = paused;
        return true;
    }
    return false;
}

/* "send h;m;l recv a;b", either part or both, each once. */
static void resolve_simulcast(struct mcu_sdp_media *m, struct mcu_cursor value)
{
    while (mcu_cursor_left(&value)) {
        struct mcu_cursor direction = mcu_text_word(&value), list = mcu_text_word(&value);
        bool send = mcu_text_is(direction, "send");
        struct mcu_sdp_layer *layers = send ? m->send_layers : m->recv_layers;
        int *count = send ? &m->send_layer_count : &m->recv_layer_count;
        if (*count || (!send && !mcu_text_is(direction, "recv")))
            return;
        while (mcu_cursor_left(&list) && *count < MCU_SDP_MAX_RIDS)
            if (choose_layer(m, mcu_text_until(&list, ';'), send, &layers[*count]))
                (*count)++;
    }
}

/* ---- */

void mcu_sdp_web_open(struct mcu_sdp_media *m)
{
    m->ice_ufrag = m->ice_pwd = m->msid = "";
}

/* The session's values are for lines that have none of their own (RFC 8839 5.4, RFC 8285 5). */
void mcu_sdp_web_close(struct mcu_sdp_parser *p)
{
    struct mcu_sdp_media *m = p->media;
    if (!m->ice_ufrag[0])
        m->ice_ufrag = p->ice_ufrag;
    if (!m->ice_pwd[0])
        m->ice_pwd = p->ice_pwd;
    m->ice_trickle |= p->ice_trickle;
    m->ice_ice2 |= p->ice_ice2;
    m->end_of_candidates |= p->end_of_candidates;
    m->extmap_allow_mixed |= p->extmap_allow_mixed;
    for (int i = 0; i < MCU_EXT_COUNT; i++)
        if (!m->ext[i].id && p->ext[i].id && !id_taken(m->ext, p->ext[i].id))
            m->ext[i] = p->ext[i];
    resolve_simulcast(m, p->simulcast);
}

static const struct {
    const char *name;
    void (*parse)(struct mcu_sdp_parser *p, struct mcu_cursor value);
} attributes[] = {
    { "candidate", candidate },
    { "ssrc", ssrc },
    { "extmap", extmap },
    { "ice-ufrag", ice_ufrag },
    { "ice-pwd", ice_pwd },
    { "ice-options", ice_options },
    { "ice-lite", ice_lite },
    { "end-of-candidates", end_of_candidates },
    { "group", group },
    { "bundle-only", bundle_only },
    { "rtcp-mux-only", rtcp_mux_only },
    { "rtcp-rsize", rtcp_rsize },
    { "extmap-allow-mixed", extmap_allow_mixed },
    { "ssrc-group", ssrc_group },
    { "msid", msid },
    { "rid", rid },
    { "simulcast", simulcast },
};

void mcu_sdp_web_attribute(struct mcu_sdp_parser *p, struct mcu_cursor name,
                           struct mcu_cursor value)
{
    for (size_t i = 0; i < MCU_ARRAY_LEN(attributes); i++) {
        if (mcu_text_is(name, attributes[i].name)) {
            attributes[i].parse(p, value);
            return;
        }
    }
}
