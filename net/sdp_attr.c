/* net/sdp_attr.c - the a= lines that we know, one function each. */
#include "net/sdp_priv.h"

#include "mixer/base/util.h"

/* RFC 3551 section 6, tables 4 and 5. */
static const struct {
    int pt;
    const char *encoding;
    int clock_hz, channels;
} static_formats[] = {
    { 0, "PCMU", 8000, 1 },   { 3, "GSM", 8000, 1 },    { 4, "G723", 8000, 1 },
    { 5, "DVI4", 8000, 1 },   { 6, "DVI4", 16000, 1 },  { 7, "LPC", 8000, 1 },
    { 8, "PCMA", 8000, 1 },   { 9, "G722", 8000, 1 },   { 10, "L16", 44100, 2 },
    { 11, "L16", 44100, 1 },  { 12, "QCELP", 8000, 1 }, { 13, "CN", 8000, 1 },
    { 14, "MPA", 90000, 1 },  { 15, "G728", 8000, 1 },  { 16, "DVI4", 11025, 1 },
    { 17, "DVI4", 22050, 1 }, { 18, "G729", 8000, 1 },  { 25, "CelB", 90000, 1 },
    { 26, "JPEG", 90000, 1 }, { 28, "nv", 90000, 1 },   { 31, "H261", 90000, 1 },
    { 32, "MPV", 90000, 1 },  { 33, "MP2T", 90000, 1 }, { 34, "H263", 90000, 1 },
};

void mcu_sdp_static_format(struct mcu_sdp_format *f)
{
    for (size_t i = 0; i < MCU_ARRAY_LEN(static_formats); i++) {
        if (static_formats[i].pt != f->pt)
            continue;
        f->encoding = static_formats[i].encoding;
        f->clock_hz = static_formats[i].clock_hz;
        f->channels = static_formats[i].channels;
    }
}

/* The format that "96 ..." speaks of, with its number consumed; NULL if the m= line lacks it. */
static struct mcu_sdp_format *take_format(struct mcu_sdp_parser *p, struct mcu_cursor *value)
{
    struct mcu_cursor word = mcu_text_word(value);
    int pt;
    if (!p->media || !mcu_text_int(&word, &pt) || mcu_cursor_left(&word) || pt > 127 ||
        p->index[pt] < 0)
        return NULL;
    return &p->media->formats[p->index[pt]];
}

/* a=rtpmap:<pt> <encoding>/<clock>[/<channels>] (RFC 8866 6.6). */
static void rtpmap(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    struct mcu_sdp_format *f = take_format(p, &value);
    struct mcu_cursor map = mcu_text_trim(value);
    struct mcu_cursor name = mcu_text_until(&map, '/'), clock = mcu_text_until(&map, '/');
    int clock_hz, channels = 1;
    if (!f || !mcu_text_is_token(name) || mcu_cursor_left(&name) >= MCU_SDP_TOKEN ||
        !mcu_text_int(&clock, &clock_hz) || clock_hz < 1)
        return;
    if (!mcu_text_int(&map, &channels) || channels < 1)
        channels = 1;
    f->encoding = mcu_sdp_keep(p, "", name);
    f->clock_hz = clock_hz;
    f->channels = channels;
}

/* a=fmtp:<pt> <parameters> (RFC 8866 6.15). What is too long loses whole parameters at its end:
 * half a number would be worse than none. */
static void fmtp(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    struct mcu_sdp_format *f = take_format(p, &value);
    if (!f)
        return;
    value = mcu_text_trim(value);
    size_t n = mcu_cursor_left(&value);
    if (n >= MCU_SDP_FMTP) {
        n = MCU_SDP_FMTP - 1;
        while (n > 0 && value.p[n] != ';')
            n--;
    }
    f->fmtp = mcu_sdp_keep(p, "", mcu_cursor_sub(&value, n));
}

/* a=rtcp-fb:<pt or *> <type> [<parameter>] (RFC 4585 4.2). */
static void rtcp_fb(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    struct mcu_cursor rest = value, star = mcu_text_word(&rest);
    struct mcu_sdp_format *f = NULL;
    if (!mcu_text_is(star, "*"))
        f = take_format(p, &value);
    else if (p->media)
        f = &p->star;
    struct mcu_cursor type = mcu_text_word(&rest), param = mcu_text_word(&rest);
    if (!f)
        return;
    bool nack = mcu_text_is(type, "nack"), ccm = mcu_text_is(type, "ccm");
    f->fb_nack |= nack && !mcu_cursor_left(&param);
    f->fb_pli |= nack && mcu_text_is(param, "pli");
    f->fb_fir |= ccm && mcu_text_is(param, "fir");
    f->fb_tmmbr |= ccm && mcu_text_is(param, "tmmbr");
    f->fb_remb |= mcu_text_is(type, "goog-remb");
    f->fb_transport_cc |= mcu_text_is(type, "transport-cc");
}

static void set_direction(struct mcu_sdp_parser *p, enum mcu_sdp_direction direction)
{
    *(p->media ? &p->media->direction : &p->direction) = direction;
}

static void sendrecv(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    set_direction(p, MCU_SENDRECV);
}

static void sendonly(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    set_direction(p, MCU_SENDONLY);
}

static void recvonly(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    set_direction(p, MCU_RECVONLY);
}

static void inactive(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    set_direction(p, MCU_INACTIVE);
}

/* a=rtcp:<port> [IN IP4 <address>] (RFC 3605 section 2.1). */
static void rtcp(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    struct mcu_cursor port_word = mcu_text_word(&value);
    int port;
    if (!p->media || !mcu_text_int(&port_word, &port) || port < 1 || port > 65535)
        return;
    p->media->rtcp_port = port;
    struct mcu_cursor net = mcu_text_word(&value);
    mcu_text_word(&value);
    struct mcu_cursor address = mcu_text_word(&value);
    if (mcu_text_is(net, "IN"))
        mcu_text_copy(p->media->rtcp_address, sizeof(p->media->rtcp_address), address);
}

static void rtcp_mux(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    if (p->media)
        p->media->rtcp_mux = true;
}

static void ptime(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    if (p->media)
        mcu_text_int(&value, &p->media->ptime_ms);
}

static void maxptime(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    if (p->media)
        mcu_text_int(&value, &p->media->maxptime_ms);
}

/* a=content:<type>[,<type>] (RFC 4796 section 5): slides anywhere in the list wins, as it decides
 * the line's role; else the first. */
static void content(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    if (!p->media)
        return;
    p->media->content[0] = '\0';
    while (mcu_cursor_left(&value)) {
        struct mcu_cursor one = mcu_text_trim(mcu_text_until(&value, ','));
        if (!p->media->content[0] || mcu_text_is(one, "slides"))
            mcu_text_copy_token(p->media->content, sizeof(p->media->content), one);
    }
}

static void mid(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    if (p->media)
        mcu_text_copy_token(p->media->mid, sizeof(p->media->mid), value);
}

static void label(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    if (p->media)
        mcu_text_copy_token(p->media->label, sizeof(p->media->label), value);
}

/* a=crypto (RFC 4568): lines that we cannot use, and those beyond the limit, are passed over. */
static void crypto(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    struct mcu_sdp_media *m = p->media;
    if (m && m->sdes_count < MCU_SDES_MAX && mcu_sdes_parse(&m->sdes[m->sdes_count], value) == 0)
        m->sdes_count++;
}

/* a=fingerprint (RFC 8122 5): of several the strongest hash counts. */
static void fingerprint(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    struct mcu_fingerprint *to = p->media ? &p->media->fingerprint : &p->fingerprint, f;
    if (mcu_fingerprint_parse(&f, value) == 0 && f.hash > to->hash)
        *to = f;
}

/* a=setup (RFC 4145 4); holdconn says nothing about who begins. */
static void setup(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    static const char *const names[] = { "", "active", "passive", "actpass" };
    for (int i = MCU_SETUP_ACTIVE; i <= MCU_SETUP_ACTPASS; i++)
        if (mcu_text_is(value, names[i]))
            *(p->media ? &p->media->setup : &p->setup) = (enum mcu_sdp_setup)i;
}

static const struct {
    const char *name;
    void (*parse)(struct mcu_sdp_parser *p, struct mcu_cursor value);
} attributes[] = {
    { "rtpmap", rtpmap },     { "fmtp", fmtp },         { "rtcp-fb", rtcp_fb },
    { "sendrecv", sendrecv }, { "sendonly", sendonly }, { "recvonly", recvonly },
    { "inactive", inactive }, { "rtcp", rtcp },         { "rtcp-mux", rtcp_mux },
    { "ptime", ptime },       { "maxptime", maxptime }, { "content", content },
    { "mid", mid },           { "label", label },       { "crypto", crypto },
    { "setup", setup },       { "fingerprint", fingerprint },
};

void mcu_sdp_attribute(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    struct mcu_cursor name = mcu_text_trim(mcu_text_until(&value, ':'));
    value = mcu_text_trim(value);
    for (size_t i = 0; i < MCU_ARRAY_LEN(attributes); i++) {
        if (mcu_text_is(name, attributes[i].name)) {
            attributes[i].parse(p, value);
            return;
        }
    }
    mcu_sdp_web_attribute(p, name, value);
}
