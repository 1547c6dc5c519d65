#include "net/sip_provider.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"

#define MIN_EXPIRES_S 10
#define MAX_EXPIRES_S 86400

/* The value is not of a string: n bytes. */
static int copy(char *out, size_t size, const char *value, size_t n)
{
    if (n == 0 || n >= size)
        return -EINVAL;
    memcpy(out, value, n);
    out[n] = '\0';
    return 0;
}

/* What goes into headers as it stands. */
static bool is_plain_uri(const char *uri)
{
    const char *host = uri + 4;
    if (strncmp(uri, "sip:", 4) != 0 || !*host)
        return false;
    for (const char *s = uri; *s; s++)
        if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f || strchr("<>\"?,", *s))
            return false;
    return true;
}

static int read_address(struct mcu_sip_provider *p, const char *value, size_t n)
{
    int rc = copy(p->address, sizeof(p->address), value, n);
    const char *at = rc == 0 ? strrchr(p->address, '@') : NULL;
    if (!at || !is_plain_uri(p->address) || at == p->address + 4 || !at[1] || strchr(at, ';'))
        return -EINVAL;
    /* The realm is most often the domain, without its port. Nothing is cut: it would be another's name. */
    size_t host = at[1] == '[' ? strcspn(at + 1, "]") + 1 : strcspn(at + 1, ":");
    if (host > strlen(at + 1) || copy(p->realm, sizeof(p->realm), at + 1, host) < 0 ||
        copy(p->user, sizeof(p->user), p->address + 4, (size_t)(at - p->address - 4)) < 0)
        return -EINVAL;
    memcpy(p->domain, "sip:", 4);
    return copy(p->domain + 4, sizeof(p->domain) - 4, at + 1, strlen(at + 1));
}

static int read_via(struct mcu_sip_provider *p, const char *value, size_t n)
{
    if (p->via_count == MCU_SIP_PROVIDER_VIAS)
        return -EINVAL;
    char *via = p->via[p->via_count];
    if (copy(via, MCU_SIP_PROVIDER_URI, value, n) < 0 || !is_plain_uri(via) || strchr(via, '@'))
        return -EINVAL;
    p->via_count++;
    return 0;
}

static int read_expires(struct mcu_sip_provider *p, const char *value, size_t n)
{
    char text[8], *end;
    if (copy(text, sizeof(text), value, n) < 0)
        return -EINVAL;
    p->expires_s = (int)strtol(text, &end, 10);
    return *end || p->expires_s < MIN_EXPIRES_S || p->expires_s > MAX_EXPIRES_S ? -EINVAL : 0;
}

static int read_room(struct mcu_sip_provider *p, const char *value, size_t n)
{
    return copy(p->room, sizeof(p->room), value, n);
}

static int read_realm(struct mcu_sip_provider *p, const char *value, size_t n)
{
    return copy(p->realm, sizeof(p->realm), value, n);
}

static int read_login(struct mcu_sip_provider *p, const char *value, size_t n)
{
    return copy(p->user, sizeof(p->user), value, n);
}

static int read_password(struct mcu_sip_provider *p, const char *value, size_t n)
{
    return copy(p->password, sizeof(p->password), value, n);
}

static const struct {
    const char *name;
    int (*read)(struct mcu_sip_provider *p, const char *value, size_t n);
} words[] = {
    { "room=", read_room },   { "via=", read_via },         { "realm=", read_realm },
    { "login=", read_login }, { "expires=", read_expires }, { "password=", read_password },
};

static int read_word(struct mcu_sip_provider *p, const char *word, size_t n)
{
    for (size_t i = 0; i < MCU_ARRAY_LEN(words); i++) {
        size_t name = strlen(words[i].name);
        if (n >= name && strncmp(word, words[i].name, name) == 0)
            return words[i].read(p, word + name, n - name);
    }
    return -EINVAL;
}

int mcu_sip_provider_parse(struct mcu_sip_provider *out, const char *text)
{
    struct mcu_sip_provider p;
    memset(&p, 0, sizeof(p)); /* a reload compares all bytes */
    p.expires_s = MCU_SIP_PROVIDER_EXPIRES_S;
    size_t n = strcspn(text, " ");
    int rc = read_address(&p, text, n);
    for (text += n; rc == 0 && *text == ' '; text += n) {
        text++;
        n = strncmp(text, "password=", 9) == 0 ? strlen(text) : strcspn(text, " ");
        rc = read_word(&p, text, n);
    }
    if (rc == 0)
        memcpy(out, &p, sizeof(p));
    mcu_digest_wipe(&p, sizeof(p));
    return rc;
}
