#include "net/sip_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mixer/base/cursor.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that an escape at s stands for, or 0. */
static char escaped(const char *s)
{
    if (s[0] != '%' || hex(s[1]) < 0 || hex(s[2]) < 0)
        return 0;
    return (char)(hex(s[1]) << 4 | hex(s[2]));
}

int mcu_sip_user_decode(char *out, size_t size, const char *user)
{
    size_t n = 0;
    for (const char *s = user ? user : ""; *s; n++) {
        if (n + 1 >= size)
            return -ENAMETOOLONG;
        char c = escaped(s);
        out[n] = c ? c : *s;
        s += c ? 3 : 1;
    }
    out[n] = '\0';
    return 0;
}

static bool is_unreserved(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("-_.!~*'()", c));
}

int mcu_sip_user_encode(char *out, size_t size, const char *user)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0;
    for (const char *s = user ? user : ""; *s; s++) {
        bool plain = is_unreserved(*s);
        if (n + (plain ? 1 : 3) >= size)
            return -ENAMETOOLONG;
        if (plain) {
            out[n++] = *s;
            continue;
        }
        out[n++] = '%';
        out[n++] = digits[(uint8_t)*s >> 4];
        out[n++] = digits[(uint8_t)*s & 15];
    }
    out[n] = '\0';
    return 0;
}

/* Bytes of the well-formed character at s (Unicode table 3-7), or 0. The string ends with a NUL,
 * which is never a continuation byte. */
static size_t utf8_length(const char *text)
{
    const uint8_t *s = (const uint8_t *)text;
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xc2 && s[0] <= 0xdf   ? 2
               : s[0] >= 0xe0 && s[0] <= 0xef ? 3
               : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                              : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool beyond = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
    return overlong || beyond ? 0 : n;
}

/* Of a Call-ID and of tags, what real ones have of RFC 3261's "word" and "token". */
static size_t word_bytes(const char *s)
{
    static const char more[] = "-.!*_+`'~:/@[]{}()$&";
    size_t n = 0;
    while (isalnum((unsigned char)s[n]) || (s[n] && strchr(more, s[n])))
        n++;
    return n;
}

/* One of each tag, in any order, and early-only at most once. */
static bool are_replaces_params(const char *s)
{
    static const char *const names[] = { "to-tag=", "from-tag=", "early-only" };
    int seen[3] = { 0 };
    while (*s == ';') {
        int which = 0;
        s++;
        while (which < 3 && strncasecmp(s, names[which], strlen(names[which])) != 0)
            which++;
        if (which == 3 || seen[which]++)
            return false;
        s += strlen(names[which]);
        size_t n = which < 2 ? word_bytes(s) : 0;
        if (which < 2 && n == 0)
            return false;
        s += n;
    }
    return *s == '\0' && seen[0] && seen[1];
}

int mcu_sip_replaces_take(char *out, size_t size, const char *headers)
{
    static const char name[] = "Replaces=";
    char value[MCU_SIP_REPLACES_BYTES];
    if (strncasecmp(headers, name, sizeof(name) - 1) != 0 || strchr(headers, '&'))
        return -EINVAL;
    int rc = mcu_sip_user_decode(value, sizeof(value), headers + sizeof(name) - 1);
    if (rc < 0)
        return rc;
    size_t n = word_bytes(value);
    if (n == 0 || !are_replaces_params(value + n))
        return -EINVAL;
    return snprintf(out, size, "%s", value) < (int)size ? 0 : -ENAMETOOLONG;
}

void mcu_sip_text_clean(char *out, size_t size, const char *text)
{
    size_t used = 0;
    for (const char *s = text ? text : ""; *s;) {
        size_t n = utf8_length(s);
        if (used + (n ? n : 1) >= size)
            break;
        /* 0xc2 0x80-0x9f are the C1 controls. */
        bool control = n == 1 ? iscntrl((uint8_t)*s) : n == 2 && (uint8_t)s[0] == 0xc2 &&
                                                           (uint8_t)s[1] < 0xa0;
        if (!n || control) {
            out[used++] = n ? ' ' : '?';
            s += n ? n : 1;
            continue;
        }
        memcpy(out + used, s, n);
        used += n;
        s += n;
    }
    out[used] = '\0';
}

void mcu_sip_name_clean(char *out, size_t size, const char *display)
{
    char plain[512];
    size_t n = 0;
    const char *s = display ? display : "";
    while (*s && n + 1 < sizeof(plain)) {
        if (*s == '\\' && s[1])
            s++;
        else if (*s == '"') {
            s++;
            continue;
        }
        plain[n++] = *s++;
    }
    while (n && plain[n - 1] == ' ')
        n--;
    plain[n] = '\0';
    mcu_sip_text_clean(out, size, plain + strspn(plain, " "));
}

void mcu_sip_quotable(char *out, size_t size, const char *text)
{
    size_t n = 0;
    for (const char *s = text ? text : ""; *s && n + 1 < size; s++)
        out[n++] = *s >= ' ' && *s <= '~' && *s != '"' && *s != '\\' ? *s : ' ';
    out[n] = '\0';
}

bool mcu_sip_is_fast_update(const char *body, size_t body_bytes)
{
    static const char element[] = "picture_fast_update";
    /* The schema has one place for this element; who sends it anywhere else means it, too. */
    return body && memmem(body, body_bytes, element, sizeof(element) - 1);
}

static bool is_key(char c)
{
    return c && strchr("0123456789*#ABCD", c);
}

/* The next line of the body without its end and the spaces around. */
static struct mcu_cursor next_line(struct mcu_cursor *body)
{
    const uint8_t *end = memchr(body->p, '\n', mcu_cursor_left(body));
    size_t n = end ? (size_t)(end - body->p) + 1 : mcu_cursor_left(body);
    struct mcu_cursor line = mcu_cursor_sub(body, n);
    while (mcu_cursor_left(&line) && isspace(*line.p))
        line.p++;
    while (mcu_cursor_left(&line) && isspace(line.end[-1]))
        line.end--;
    return line;
}

/* "Signal=5" or "Signal = 5" or "5" alone to its key; 0: another line. */
static char key_of_line(struct mcu_cursor line)
{
    static const char signal[] = "signal";
    size_t n = sizeof(signal) - 1;
    if (mcu_cursor_left(&line) > n && strncasecmp((const char *)line.p, signal, n) == 0) {
        line.p += n;
        while (mcu_cursor_left(&line) && (isspace(*line.p) || *line.p == '='))
            line.p++;
    }
    if (mcu_cursor_left(&line) != 1)
        return 0;
    char c = (char)toupper(*line.p);
    return is_key(c) ? c : 0;
}

int mcu_sip_dtmf_parse(char *key, const char *body, size_t body_bytes)
{
    struct mcu_cursor c = mcu_cursor(body, body_bytes);
    for (int lines = 0; mcu_cursor_left(&c) && lines < 8; lines++) {
        char k = key_of_line(next_line(&c));
        if (k) {
            *key = k;
            return 0;
        }
    }
    return -EINVAL;
}
