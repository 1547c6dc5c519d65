/* One value of each kind that the configuration has, as text. */
#include "server/config_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/addr.h"
#include "net/ice_server.h"

int mcu_value_wrong(const struct mcu_config_place *at, const char *fmt, ...)
{
    char what[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    if (at->line)
        snprintf(at->error, at->size, "%s:%lu: %s: %s", at->file, at->line, at->key, what);
    else
        snprintf(at->error, at->size, "%s: %s: %s", at->file, at->key, what);
    return -EINVAL;
}

int mcu_value_int(const struct mcu_config_place *at, const char *text, int min, int max, int *out)
{
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (errno || end == text || *end || v < min || v > max)
        return mcu_value_wrong(at, "expected a number from %d to %d, not '%.40s'", min, max, text);
    *out = (int)v;
    return 0;
}

int mcu_value_bool(const struct mcu_config_place *at, const char *text, bool *out)
{
    bool yes = !strcmp(text, "true") || !strcmp(text, "yes") || !strcmp(text, "on");
    if (!yes && strcmp(text, "false") && strcmp(text, "no") && strcmp(text, "off"))
        return mcu_value_wrong(at, "expected true or false, not '%.40s'", text);
    *out = yes;
    return 0;
}

int mcu_value_text(const struct mcu_config_place *at, const char *text, char *out, size_t size)
{
    if (strlen(text) >= size)
        return mcu_value_wrong(at, "longer than %zu bytes", size - 1);
    memset(out, 0, size); /* the reload compares all bytes */
    memcpy(out, text, strlen(text));
    return 0;
}

int mcu_value_address(const struct mcu_config_place *at, const char *text, char *out, size_t size)
{
    struct mcu_addr a;
    if (*text && mcu_addr_parse(&a, text, 0) < 0)
        return mcu_value_wrong(at, "expected a numeric IPv4 or IPv6 address, not '%.40s'", text);
    return mcu_value_text(at, text, out, size);
}

int mcu_value_choice(const struct mcu_config_place *at, const char *text, const char *first,
                     const char *second, int *out)
{
    if (strcmp(text, first) && strcmp(text, second))
        return mcu_value_wrong(at, "expected '%s' or '%s', not '%.40s'", first, second, text);
    *out = strcmp(text, second) == 0;
    return 0;
}

int mcu_value_security(const struct mcu_config_place *at, const char *text, enum mcu_security *out)
{
    static const char *const names[] = { "off", "optional", "required" };
    for (size_t i = 0; i < MCU_ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum mcu_security)i;
            return 0;
        }
    }
    return mcu_value_wrong(at, "expected off, optional or required, not '%.40s'", text);
}

int mcu_value_corner(const struct mcu_config_place *at, const char *text, enum mcu_corner *out)
{
    static const char *const names[] = { "top-left", "top-right", "bottom-left", "bottom-right" };
    for (size_t i = 0; i < MCU_ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum mcu_corner)i;
            return 0;
        }
    }
    return mcu_value_wrong(at, "expected top-left, top-right, bottom-left or bottom-right, not '%.40s'",
                           text);
}

int mcu_value_nat(const struct mcu_config_place *at, const char *text, bool *out)
{
    if (strcmp(text, "off") != 0 && strcmp(text, "latch") != 0)
        return mcu_value_wrong(at, "expected off or latch, not '%.40s'", text);
    *out = strcmp(text, "latch") == 0;
    return 0;
}

int mcu_value_codec(const struct mcu_config_place *at, const char *text, enum mcu_kind kind,
                    enum mcu_codec *out)
{
    for (int i = MCU_CODEC_NONE + 1; i < MCU_CODEC_COUNT; i++) {
        const struct mcu_codec_info *info = mcu_codec_info((enum mcu_codec)i);
        if (i != MCU_CODEC_CN && info->kind == kind && strcasecmp(info->name, text) == 0) {
            *out = (enum mcu_codec)i;
            return 0;
        }
    }
    return mcu_value_wrong(at, "expected a list of %s, not '%.40s'",
                           kind == MCU_AUDIO ? "opus, G722, PCMU, PCMA" : "H264, VP8, VP9, AV1",
                           text);
}

int mcu_value_sent_codec(const struct mcu_config_place *at, const char *text, enum mcu_codec *out)
{
    int rc = mcu_value_codec(at, text, MCU_VIDEO, out);
    if (rc == 0 && *out == MCU_CODEC_AV1)
        return mcu_value_wrong(
            at, "AV1 is received only and cannot be sent: it stands in video.decode");
    return rc;
}

/* "1280x720@30 1500k" */
int mcu_value_rung(const struct mcu_config_place *at, const char *text, struct mcu_config_rung *out)
{
    struct mcu_config_rung r = { 0 };
    int kbps = 0, used = 0;
    if (sscanf(text, "%4dx%4d@%3d %6dk%n", &r.width, &r.height, &r.fps, &kbps, &used) != 4 ||
        text[used] || r.width < 16 || r.height < 16 || r.width % 2 || r.height % 2 || r.fps < 1 ||
        r.fps > 60 || kbps < 16 || kbps > 50000)
        return mcu_value_wrong(
            at, "expected rungs like '1280x720@30 1500k' (even sizes), not '%.40s'", text);
    r.bitrate_bps = kbps * 1000;
    *out = r;
    return 0;
}

int mcu_value_realm(const struct mcu_config_place *at, const char *text, char *out, size_t size)
{
    for (const char *s = text; *s; s++)
        if (*s == '"' || *s == '\\' || (unsigned char)*s < ' ' || *s == 0x7f)
            return mcu_value_wrong(at, "must not hold quotes, backslashes or control characters");
    return *text ? mcu_value_text(at, text, out, size) : mcu_value_wrong(at, "must not be empty");
}

int mcu_value_auth(const struct mcu_config_place *at, const char *text, enum mcu_sip_auth_mode *out)
{
    static const char *const names[] = {
        [MCU_SIP_AUTH_OFF] = "off", [MCU_SIP_AUTH_INVITE] = "invite", [MCU_SIP_AUTH_ALL] = "all"
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum mcu_sip_auth_mode)i;
            return 0;
        }
    return mcu_value_wrong(at, "expected off, invite or all, not '%.40s'", text);
}

int mcu_value_refer(const struct mcu_config_place *at, const char *text, enum mcu_refer *out)
{
    static const char *const names[] = {
        [MCU_REFER_OFF] = "off", [MCU_REFER_ACCOUNTS] = "accounts", [MCU_REFER_ALL] = "all"
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum mcu_refer)i;
            return 0;
        }
    return mcu_value_wrong(at, "expected off, accounts or all, not '%.40s'", text);
}

/* Whoever knows one algorithm alone should find it once. */
int mcu_value_digest(const struct mcu_config_place *at, const char *text, enum mcu_digest *list,
                     int index)
{
    for (int i = 0; i < MCU_DIGESTS; i++) {
        if (strcmp(text, mcu_digest_name((enum mcu_digest)i)) != 0)
            continue;
        if (index && list[0] == (enum mcu_digest)i)
            return mcu_value_wrong(at, "%s stands there twice", text);
        list[index] = (enum mcu_digest)i;
        return 0;
    }
    return mcu_value_wrong(at, "expected a list of SHA-256, MD5, not '%.40s'", text);
}

/* The message never shows the text: it may be a password. */
int mcu_value_account(const struct mcu_config_place *at, const char *text, char *out, size_t size)
{
    if (mcu_sip_account_check(text) < 0)
        return mcu_value_wrong(at,
                               "expected 'user:password' or 'user:{SHA-256}' and 64 lower-case hex "
                               "digits ({MD5}: 32)");
    return mcu_value_text(at, text, out, size);
}

int mcu_value_provider(const struct mcu_config_place *at, const char *text,
                       struct mcu_sip_provider *out)
{
    return mcu_sip_provider_parse(out, text) == 0
               ? 0
               : mcu_value_wrong(at,
                                 "expected 'sip:USER@DOMAIN', then of room=, via=sip:HOST:PORT, "
                                 "realm=, login=, expires=, and password= as the last");
}

/* As for accounts, what is wrong is not shown. RFC 6750 2.1. */
int mcu_value_token(const struct mcu_config_place *at, const char *text, char *out, size_t size)
{
    for (const char *s = text; *s; s++)
        if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f)
            return mcu_value_wrong(at, "must be plain ASCII without spaces");
    return mcu_value_text(at, text, out, size);
}

int mcu_value_ice_server(const struct mcu_config_place *at, const char *text,
                         struct mcu_ice_server *out)
{
    return mcu_ice_server_parse(out, text) == 0
               ? 0
               : mcu_value_wrong(at, "expected 'stun:HOST:PORT' or "
                                     "'turn:HOST:PORT?transport=udp USER PASSWORD'");
}

/* A name of DNS, or an address: as a page's address may have it, without port. */
int mcu_value_host(const struct mcu_config_place *at, const char *text, char *out, size_t size)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    struct mcu_addr a;
    if (mcu_addr_parse(&a, text, 0) < 0 && (!*text || strspn(text, letters) != strlen(text)))
        return mcu_value_wrong(at, "expected names like 'mcu.example' or addresses, not '%.40s'",
                               text);
    return mcu_value_text(at, text, out, size);
}
