#include "net/sdp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mixer/base/util.h"
#include "net/sdp_priv.h"

static int mistake(struct mcu_sdp_parser *p, int code, const char *what)
{
    p->what = what;
    return code;
}

const char *mcu_sdp_keep(struct mcu_sdp_parser *p, const char *prefix, struct mcu_cursor value)
{
    struct mcu_sdp *s = p->sdp;
    size_t before = strlen(prefix), n = mcu_cursor_left(&value);
    if (n == 0 || before + n + 1 > p->text_room - s->text_bytes)
        return "";
    char *text = s->texts + s->text_bytes;
    memcpy(text, prefix, before);
    memcpy(text + before, value.p, n);
    text[before + n] = '\0';
    s->text_bytes += before + n + 1;
    return text;
}

static bool is_audio(const struct mcu_sdp_media *m)
{
    return strcasecmp(m->kind, "audio") == 0;
}

/* b=AS counts IP, UDP and RTP headers (RFC 3890 section 4), we want the payload. Sound: one header
 * a packet. Pictures: packets of about 1200 bytes. Half is always left, for devices whose
 * b=AS means the payload already ("b=AS:64" with G.711). */
static int as_payload_bps(const struct mcu_sdp_media *m, int as_bps)
{
    int header_bytes = m->ipv6 ? 60 : 40;
    if (!is_audio(m))
        return (int)((int64_t)as_bps * 1200 / (1200 + header_bytes));
    int ptime_ms = m->ptime_ms > 0 ? m->ptime_ms : 20;
    return mcu_max(as_bps - header_bytes * 8 * 1000 / ptime_ms, as_bps / 2);
}

/* A session-level b= is for all media together (RFC 8866 5.8); sound takes its part first. */
static int inherited_bps(const struct mcu_sdp_parser *p, const struct mcu_sdp_media *m)
{
    int whole = p->session_tias_bps ? p->session_tias_bps : as_payload_bps(m, p->session_as_bps);
    return is_audio(m) ? whole : mcu_max(whole - 64000, whole / 2);
}

static void apply_star(struct mcu_sdp_media *m, const struct mcu_sdp_format *star)
{
    for (int i = 0; i < m->format_count; i++) {
        struct mcu_sdp_format *f = &m->formats[i];
        f->fb_nack |= star->fb_nack;
        f->fb_pli |= star->fb_pli;
        f->fb_fir |= star->fb_fir;
        f->fb_tmmbr |= star->fb_tmmbr;
        f->fb_remb |= star->fb_remb;
        f->fb_transport_cc |= star->fb_transport_cc;
    }
}

/* Everything that needs the whole media section (and may look at the session's). */
static void close_media(struct mcu_sdp_parser *p)
{
    struct mcu_sdp_media *m = p->media;
    if (!m)
        return;
    apply_star(m, &p->star);
    mcu_sdp_web_close(p);
    if (!m->fingerprint.hash)
        m->fingerprint = p->fingerprint;
    if (!m->setup)
        m->setup = p->setup;
    if (!m->rtcp_port && m->port && m->port < 65535)
        m->rtcp_port = m->port + 1;
    if (p->tias_bps)
        m->bandwidth_bps = p->tias_bps;
    else if (p->as_bps)
        m->bandwidth_bps = as_payload_bps(m, p->as_bps);
    else if (p->session_tias_bps || p->session_as_bps)
        m->bandwidth_bps = inherited_bps(p, m);
}

/* A format that is no token, too long, or named twice is skipped: nothing can refer to it. */
static void add_format(struct mcu_sdp_parser *p, struct mcu_cursor word, bool rtp)
{
    struct mcu_sdp_media *m = p->media;
    if (m->format_count == MCU_SDP_MAX_FORMATS)
        return;
    size_t n = mcu_cursor_left(&word);
    if (!mcu_text_is_token(word) || n >= MCU_SDP_TOKEN || memchr(word.p, '/', n))
        return;
    struct mcu_cursor rest = word;
    int pt;
    if (!rtp || !mcu_text_int(&rest, &pt) || mcu_cursor_left(&rest) || pt > 127)
        pt = -1;
    else if (p->index[pt] >= 0)
        return;
    else
        p->index[pt] = (int8_t)m->format_count;
    struct mcu_sdp_format *f = &m->formats[m->format_count++];
    f->text = mcu_sdp_keep(p, "", word);
    f->encoding = f->fmtp = "";
    f->pt = pt;
    mcu_sdp_static_format(f);
}

static int parse_port(struct mcu_sdp_parser *p, struct mcu_cursor word)
{
    struct mcu_sdp_media *m = p->media;
    m->port_count = 1;
    if (!mcu_text_int(&word, &m->port) || m->port > 65535)
        return mistake(p, -EBADMSG, "m= with a port that is none");
    if (!mcu_cursor_left(&word))
        return 0;
    if (mcu_cursor_u8(&word) != '/' || !mcu_text_int(&word, &m->port_count) ||
        mcu_cursor_left(&word) || m->port_count < 1 || m->port_count > 65535)
        return mistake(p, -EBADMSG, "m= with a port count that is none");
    return 0;
}

static void open_media(struct mcu_sdp_parser *p)
{
    close_media(p);
    struct mcu_sdp_media *m = &p->sdp->media[p->sdp->media_count];
    p->media = m;
    memset(p->index, -1, sizeof(p->index));
    memset(&p->star, 0, sizeof(p->star));
    p->address_seen = false;
    p->tias_bps = p->as_bps = 0;
    p->simulcast = mcu_cursor(NULL, 0);
    mcu_sdp_web_open(m);
    memcpy(m->address, p->address, sizeof(m->address));
    m->ipv6 = p->ipv6;
    m->direction = p->direction;
}

/* m=<media> <port>[/<count>] <proto> <fmt> ... (RFC 8866 5.14). A line without formats is kept:
 * it is refused later, in its place. */
static int parse_media(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    open_media(p);
    struct mcu_sdp_media *m = p->media;
    if (!mcu_text_copy_token(m->kind, sizeof(m->kind), mcu_text_word(&value)))
        return mistake(p, -EBADMSG, "m= without a media name");
    int rc = parse_port(p, mcu_text_word(&value));
    if (rc < 0)
        return rc;
    if (!mcu_text_copy_token(m->proto, sizeof(m->proto), mcu_text_word(&value)))
        return mistake(p, -EBADMSG, "m= without a protocol");
    bool rtp = strcasestr(m->proto, "RTP/") != NULL;
    for (;;) {
        struct mcu_cursor word = mcu_text_word(&value);
        if (!mcu_cursor_left(&word))
            break;
        add_format(p, word, rtp);
    }
    p->sdp->media_count++;
    return 0;
}

/* "IN IP4 192.0.2.1[/ttl[/n]]" (RFC 8866 5.7); false where it cannot be read. */
static bool parse_address(struct mcu_cursor *value, char *out, size_t size, bool *ipv6)
{
    struct mcu_cursor net = mcu_text_word(value), type = mcu_text_word(value);
    struct mcu_cursor word = mcu_text_word(value);
    struct mcu_cursor address = mcu_text_until(&word, '/');
    for (size_t i = 0; i < mcu_cursor_left(&address); i++)
        if (!mcu_text_token_char(address.p[i]) && address.p[i] != ':')
            return false;
    *ipv6 = mcu_text_is(type, "IP6");
    return mcu_text_is(net, "IN") && (*ipv6 || mcu_text_is(type, "IP4")) &&
           mcu_cursor_left(&address) && mcu_text_copy(out, size, address);
}

/* The first c= of a media section counts; further ones are multicast layers. */
static int parse_connection(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    struct mcu_sdp_media *m = p->media;
    char *address = m ? m->address : p->address;
    bool *ipv6 = m ? &m->ipv6 : &p->ipv6;
    if (m && p->address_seen)
        return 0;
    p->address_seen = m != NULL;
    /* One that cannot be read must not leave another's address in its place. */
    if (!parse_address(&value, address, sizeof(p->address), ipv6))
        address[0] = '\0';
    return 0;
}

static int parse_version(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    if (!mcu_text_is(mcu_text_trim(value), "0"))
        return mistake(p, -EBADMSG, "v= is not 0");
    p->version_seen = true;
    return 0;
}

/* o=<user> <id> <version> IN IP4 <address>: nothing hangs on it, so what cannot be read stays
 * empty. */
static int parse_origin(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    struct mcu_sdp *s = p->sdp;
    mcu_text_copy_token(s->origin_user, sizeof(s->origin_user), mcu_text_word(&value));
    struct mcu_cursor id = mcu_text_word(&value), version = mcu_text_word(&value);
    mcu_text_u64(&id, UINT64_MAX, &s->session_id);
    mcu_text_u64(&version, UINT64_MAX, &s->session_version);
    if (!parse_address(&value, s->origin_address, sizeof(s->origin_address), &s->origin_ipv6))
        s->origin_address[0] = '\0';
    return 0;
}

static int parse_name(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    value = mcu_text_trim(value);
    for (size_t i = 0; i < mcu_cursor_left(&value); i++)
        if (value.p[i] < ' ' || value.p[i] == 0x7f)
            return 0;
    mcu_text_copy(p->sdp->session_name, sizeof(p->sdp->session_name), value);
    return 0;
}

/* b=<type>:<value>; AS in kbit/s (RFC 8866 5.8), TIAS in bit/s (RFC 3890 section 6.2). */
static int parse_bandwidth(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    struct mcu_cursor type = mcu_text_trim(mcu_text_until(&value, ':'));
    int n;
    mcu_text_skip_spaces(&value);
    if (!mcu_text_int(&value, &n))
        return 0;
    if (mcu_text_is(type, "TIAS"))
        *(p->media ? &p->tias_bps : &p->session_tias_bps) = n;
    else if (mcu_text_is(type, "AS") || (!p->media && mcu_text_is(type, "CT")))
        *(p->media ? &p->as_bps : &p->session_as_bps) = mcu_min(n, INT_MAX / 1000) * 1000;
    return 0;
}

static int parse_attribute(struct mcu_sdp_parser *p, struct mcu_cursor value)
{
    mcu_sdp_attribute(p, value);
    return 0;
}

static const struct {
    uint8_t letter;
    int (*parse)(struct mcu_sdp_parser *p, struct mcu_cursor value);
} line_types[] = {
    { 'a', parse_attribute },  { 'm', parse_media },  { 'b', parse_bandwidth },
    { 'c', parse_connection }, { 'o', parse_origin }, { 's', parse_name },
    { 'v', parse_version },
};

static int parse_line(struct mcu_sdp_parser *p, struct mcu_cursor line)
{
    mcu_text_skip_spaces(&line);
    if (!mcu_cursor_left(&line))
        return 0;
    uint8_t letter = mcu_cursor_u8(&line);
    if (mcu_cursor_u8(&line) != '=')
        return mistake(p, -EBADMSG, "not a line of the form x=...");
    if (!p->version_seen && letter != 'v')
        return mistake(p, -EBADMSG, "does not begin with v=0");
    for (size_t i = 0; i < MCU_ARRAY_LEN(line_types); i++)
        if (line_types[i].letter == letter)
            return line_types[i].parse(p, line);
    return 0;
}

/* Counts the m= lines first, so that media is one block of the right size. */
static int count_media(struct mcu_sdp_parser *p, struct mcu_cursor text)
{
    int count = 0;
    for (p->line = 1; mcu_cursor_left(&text); p->line++) {
        struct mcu_cursor line = mcu_text_line(&text);
        if (mcu_cursor_left(&line) && memchr(line.p, 0, mcu_cursor_left(&line)))
            return mistake(p, -EBADMSG, "contains a zero byte");
        mcu_text_skip_spaces(&line);
        if (mcu_cursor_left(&line) < 2 || line.p[0] != 'm' || line.p[1] != '=')
            continue;
        if (++count > MCU_SDP_MAX_LINES)
            return mistake(p, -E2BIG, "too many m= lines");
    }
    return count;
}

static int parse_all(struct mcu_sdp_parser *p, struct mcu_cursor text)
{
    int count = count_media(p, text), rc = mcu_min(count, 0);
    p->text_room = mcu_cursor_left(&text) + 1;
    p->sdp->texts = malloc(p->text_room);
    if (!p->sdp->texts)
        return mistake(p, -ENOMEM, "no memory");
    if (count > 0) {
        p->sdp->media = calloc((size_t)count, sizeof(*p->sdp->media));
        if (!p->sdp->media)
            return mistake(p, -ENOMEM, "no memory");
    }
    for (int line = 1; rc == 0 && mcu_cursor_left(&text); line++) {
        p->line = line;
        rc = parse_line(p, mcu_text_line(&text));
    }
    if (rc == 0 && !p->version_seen)
        rc = mistake(p, -EBADMSG, "is empty");
    if (rc == 0) {
        close_media(p);
        mcu_sdp_web_groups(p);
    }
    return rc;
}

int mcu_sdp_parse(struct mcu_sdp **out, const char *text, size_t len, struct mcu_sdp_error *error)
{
    struct mcu_sdp_parser p = { .line = 1, .what = "no memory", .ice_ufrag = "", .ice_pwd = "" };
    int rc = -ENOMEM;
    /* Some devices send the end of their C string along. */
    while (len > 0 && text[len - 1] == '\0')
        len--;
    if (len > MCU_SDP_MAX_BYTES)
        rc = mistake(&p, -E2BIG, "longer than 64 KiB");
    else if ((p.sdp = calloc(1, sizeof(*p.sdp))))
        rc = parse_all(&p, mcu_cursor(text, len));
    if (rc < 0) {
        mcu_sdp_free(&p.sdp);
        if (error) {
            error->line = p.line;
            snprintf(error->what, sizeof(error->what), "%s", p.what);
        }
        return rc;
    }
    *out = p.sdp;
    return 0;
}

void mcu_sdp_free(struct mcu_sdp **sdp)
{
    struct mcu_sdp *s = *sdp;
    *sdp = NULL;
    if (!s)
        return;
    if (s->media)
        mcu_srtp_wipe(s->media, (size_t)s->media_count * sizeof(*s->media));
    if (s->texts)
        mcu_srtp_wipe(s->texts, s->text_bytes);
    free(s->media);
    free(s->texts);
    free(s);
}
