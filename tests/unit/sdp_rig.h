/* tests/unit/sdp_rig.h - what the tests of offers and answers share: descriptions from files, and what must
 * stand in an answer. Needs cmocka's headers before it, and MCU_SOURCE_DIR. */
#ifndef MCU_TESTS_UNIT_SDP_RIG_H
#define MCU_TESTS_UNIT_SDP_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/sdp.h"

/* tests/unit/data/sdp/NAME SUFFIX; the caller frees it. */
static inline char *sdp_rig_read(const char *name, const char *suffix)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/tests/unit/data/sdp/%s%s", MCU_SOURCE_DIR, name, suffix);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("no %s", path);
    char *data = calloc(1, 65536);
    data[fread(data, 1, 65535, f)] = '\0';
    fclose(f);
    return data;
}

static inline void sdp_rig_strip_cr(char *s)
{
    char *to = s;
    for (; *s; s++)
        if (*s != '\r')
            *to++ = *s;
    *to = '\0';
}

/* It must be one. */
static inline struct mcu_sdp *sdp_rig_parse(const char *sdp, size_t len)
{
    struct mcu_sdp *s = NULL;
    struct mcu_sdp_error e = { 0 };
    if (mcu_sdp_parse(&s, sdp, len, &e) != 0)
        fail_msg("line %d: %s", e.line, e.what);
    return s;
}

/* The whole line stands in the text. */
static inline void sdp_rig_has(const char *text, const char *line)
{
    char whole[512];
    snprintf(whole, sizeof(whole), "\r\n%s\r\n", line);
    if (!strstr(text, whole))
        fail_msg("no line \"%s\" in:\n%s", line, text);
}

static inline void sdp_rig_has_not(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" in:\n%s", part, text);
}

#endif
