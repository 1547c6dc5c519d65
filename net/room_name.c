#include "net/room_name.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

static int hex(char c)
{
    return g_ascii_isxdigit(c) ? g_ascii_xdigit_value(c) : -1;
}

/* Percent-decoding (RFC 3986 section 2.1). Returns bytes, or -EINVAL. */
static int decode(char *out, size_t size, const char *raw, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = raw[i];
        if (c == '%') {
            if (i + 2 >= len || hex(raw[i + 1]) < 0 || hex(raw[i + 2]) < 0)
                return -EINVAL;
            c = (char)(hex(raw[i + 1]) << 4 | hex(raw[i + 2]));
            i += 2;
        }
        if (n + 1 >= size)
            return -EINVAL;
        out[n++] = c;
    }
    out[n] = '\0';
    return (int)n;
}

static int check(const char *name)
{
    if (!*name || strspn(name, ".") == strlen(name))
        return -EINVAL;
    for (const char *p = name; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        if (g_unichar_iscntrl(c) || c == '*' || c == '/' || c == '\\')
            return -EINVAL;
    }
    return 0;
}

int mcu_room_name_parse(char out[MCU_ROOM_NAME_BYTES], const char *raw, size_t len)
{
    char decoded[4 * MCU_ROOM_NAME_BYTES];
    int n = decode(decoded, sizeof(decoded), raw, len);
    if (n < 0 || !g_utf8_validate(decoded, n, NULL))
        return -EINVAL;
    char *normal = g_utf8_normalize(decoded, n, G_NORMALIZE_NFC);
    if (!normal)
        return -EINVAL;
    int rc = strlen(normal) < MCU_ROOM_NAME_BYTES ? check(normal) : -EINVAL;
    if (rc == 0)
        strcpy(out, normal);
    g_free(normal);
    return rc;
}

/* The parser decodes: percent signs are coded again before. */
int mcu_room_name_decoded(char out[MCU_ROOM_NAME_BYTES], const char *name)
{
    char coded[4 * MCU_ROOM_NAME_BYTES];
    size_t n = 0;
    for (; *name; name++) {
        if (n + 4 > sizeof(coded))
            return -EINVAL;
        coded[n++] = *name;
        if (*name == '%') {
            coded[n++] = '2';
            coded[n++] = '5';
        }
    }
    return mcu_room_name_parse(out, coded, n);
}
