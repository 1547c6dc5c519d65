#include "server/utf8.h"

#include <string.h>

#include "mixer/base/utf8.h"

const char *mcu_utf8_clean(char *buf, size_t size, const char *text)
{
    size_t used = 0;
    for (const char *p = text, *end = text + strlen(text); p < end;) {
        size_t len = mcu_utf8_char_len(p, (size_t)(end - p));
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
