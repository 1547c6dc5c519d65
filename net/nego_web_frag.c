/* net/nego_web_frag.c - trickle-ice-sdpfrag (RFC 8840 section 9): candidates that come later, and
 * restarts (RFC 9725 section 4.3). */
#include <errno.h>
#include <string.h>

#include "mixer/base/util.h"
#include "net/negotiate_web_priv.h"
#include "net/text_out.h"

struct reader {
    struct mcu_sdpfrag *out;
    const char *what; /* the mistake */
};

static int mistake(struct reader *r, const char *what)
{
    r->what = what;
    return -EBADMSG;
}

/* One transport has one set of credentials, so wherever they stand they are the same. */
static int credential(struct reader *r, char *to, struct mcu_cursor value, size_t least,
                      const char *illegal)
{
    char text[MCU_WEB_CREDENTIAL];
    if (!mcu_text_copy(text, sizeof(text), value) || memchr(value.p, 0, mcu_cursor_left(&value)) ||
        mcu_nego_web_credential_fault(text, least))
        return mistake(r, illegal);
    if (to[0] && strcmp(to, text) != 0)
        return mistake(r, "ICE credentials of two kinds, where there is one transport");
    memcpy(to, text, sizeof(text));
    return 0;
}

static int ufrag(struct reader *r, struct mcu_cursor value)
{
    return credential(r, r->out->ufrag, value, MCU_WEB_UFRAG_MIN,
                      "an illegal a=ice-ufrag (RFC 8839 5.4)");
}

static int pwd(struct reader *r, struct mcu_cursor value)
{
    return credential(r, r->out->pwd, value, MCU_WEB_PWD_MIN,
                      "an illegal a=ice-pwd (RFC 8839 5.4)");
}

static int mid(struct reader *r, struct mcu_cursor value)
{
    if (!r->out->mid[0])
        mcu_text_copy_token(r->out->mid, sizeof(r->out->mid), value);
    return 0;
}

/* The same candidate stands under each line of a bundle with some clients. */
static int candidate(struct reader *r, struct mcu_cursor value)
{
    static const char prefix[] = "candidate:";
    struct mcu_sdpfrag *f = r->out;
    size_t n = mcu_cursor_left(&value), before = sizeof(prefix) - 1;
    if (f->candidate_count == MCU_SDP_MAX_CANDIDATES || n == 0 ||
        n + before >= MCU_SDP_MAX_CANDIDATE)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (value.p[i] < ' ' || value.p[i] > '~')
            return 0;
    char *to = f->candidates[f->candidate_count];
    memcpy(to, prefix, before);
    memcpy(to + before, value.p, n);
    to[before + n] = '\0';
    for (int i = 0; i < f->candidate_count; i++)
        if (strcmp(f->candidates[i], to) == 0)
            return 0;
    f->candidate_count++;
    return 0;
}

static int end_of_candidates(struct reader *r, struct mcu_cursor value)
{
    r->out->end_of_candidates = true;
    return 0;
}

static const struct {
    const char *name;
    int (*read)(struct reader *r, struct mcu_cursor value);
} attributes[] = {
    { "candidate", candidate },
    { "ice-ufrag", ufrag },
    { "ice-pwd", pwd },
    { "mid", mid },
    { "end-of-candidates", end_of_candidates },
};

/* m= lines only part the candidates by mid (RFC 8840 9.1): with one transport there is nothing to
 * part. */
static int read_line(struct reader *r, struct mcu_cursor line)
{
    line = mcu_text_trim(line);
    if (!mcu_cursor_left(&line))
        return 0;
    uint8_t letter = mcu_cursor_u8(&line);
    if (mcu_cursor_u8(&line) != '=')
        return mistake(r, "not a line of the form x=...");
    struct mcu_cursor name = mcu_text_trim(mcu_text_until(&line, ':'));
    for (size_t i = 0; letter == 'a' && i < MCU_ARRAY_LEN(attributes); i++)
        if (mcu_text_is(name, attributes[i].name))
            return attributes[i].read(r, mcu_text_trim(line));
    return 0;
}

int mcu_sdpfrag_parse(struct mcu_sdpfrag *out, const char *text, size_t len,
                      struct mcu_nego_web_error *error)
{
    struct reader r = { .out = out };
    struct mcu_cursor c = mcu_cursor(text, len);
    int rc = 0;
    memset(out, 0, sizeof(*out));
    if (len > MCU_SDPFRAG_MAX_BYTES) {
        rc = mistake(&r, "longer than 16 KiB");
        rc = -E2BIG;
    }
    while (rc == 0 && mcu_cursor_left(&c))
        rc = read_line(&r, mcu_text_line(&c));
    if (rc < 0 && error)
        snprintf(error->what, sizeof(error->what), "%s", r.what);
    return rc;
}

int mcu_sdpfrag_write(const struct mcu_nego_web *nego, const struct mcu_nego_web_local *local,
                      char *buf, size_t size)
{
    struct mcu_text_out t = { .buf = buf, .size = size };
    const struct mcu_nego_web_line *tagged = &nego->line[MCU_AUDIO];
    if (nego->line[MCU_VIDEO].index == nego->group[0])
        tagged = &nego->line[MCU_VIDEO];
    mcu_put(&t, "a=ice-options:trickle\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", local->ufrag,
            local->pwd);
    mcu_put(&t, "m=%s 9 UDP/TLS/RTP/SAVPF 0\r\n",
            tagged->base.kind == MCU_AUDIO ? "audio" : "video");
    if (tagged->mid[0])
        mcu_put(&t, "a=mid:%s\r\n", tagged->mid);
    mcu_nego_web_put_candidates(&t, local);
    return mcu_text_out_end(&t);
}
