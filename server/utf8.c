#include "server/utf8.h"

#include <string.h>

/* Bytes of the well-formed character at s, or 0 (RFC 3629 section 4). */
static size_t char_len(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    unsigned char lo = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char hi = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < lo || s[1] > hi)
        return 0;
    size_t n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    for (size_t i = 2; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

const char *mcu_utf8_clean(char *buf, size_t size, const char *text)
{
    size_t used = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        size_t len = char_len(p);
        const void *from = len ? (const void *)p : (const void *)"\xef\xbf\xbd";
        size_t n = len ? len : 3;
        if (used + n >= size)
            break;
        memcpy(buf + used, from, n);
        used += n;
        p += len ? len : 1;
    }
    if (size)
        buf[used] = '\0';
    return buf;
}
