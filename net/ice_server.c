#include "net/ice_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PORT 3478

/* RFC 3986 3.2.2, as far as a server's name or address goes. */
static bool host_char(char c, bool bracketed)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           (bracketed ? c == ':' : c == '-');
}

/* Returns what follows the host, or NULL. */
static const char *parse_host(struct mcu_ice_server *out, const char *p)
{
    bool bracketed = *p == '[';
    size_t n = 0;
    p += bracketed;
    while (host_char(p[n], bracketed))
        n++;
    if (n == 0 || n >= sizeof(out->host) || (bracketed && p[n] != ']'))
        return NULL;
    snprintf(out->host, sizeof(out->host), "%.*s", (int)n, p);
    return p + n + bracketed;
}

static const char *parse_port(struct mcu_ice_server *out, const char *p)
{
    char *end;
    out->port = DEFAULT_PORT;
    if (*p != ':')
        return p;
    if (p[1] < '0' || p[1] > '9') /* strtol takes blanks and signs */
        return NULL;
    long port = strtol(p + 1, &end, 10);
    if (port < 1 || port > 65535)
        return NULL;
    out->port = (int)port;
    return end;
}

static const char *parse_transport(struct mcu_ice_server *out, const char *p)
{
    static const char udp[] = "?transport=udp", tcp[] = "?transport=tcp";
    if (strncmp(p, udp, sizeof(udp) - 1) == 0)
        return p + sizeof(udp) - 1;
    out->tcp = strncmp(p, tcp, sizeof(tcp) - 1) == 0;
    return out->tcp ? p + sizeof(tcp) - 1 : p;
}

/* They go into an HTTP header field in quotes, so quotes and controls have no place in them. */
static const char *parse_word(char *out, size_t size, const char *p)
{
    size_t n = 0;
    if (*p++ != ' ')
        return NULL;
    while ((unsigned char)p[n] > ' ' && p[n] != 0x7f && p[n] != '"' && p[n] != '\\')
        n++;
    if (n == 0 || n >= size)
        return NULL;
    snprintf(out, size, "%.*s", (int)n, p);
    return p + n;
}

int mcu_ice_server_parse(struct mcu_ice_server *out, const char *text)
{
    const char *p = text + 5;
    memset(out, 0, sizeof(*out));
    out->turn = strncmp(text, "turn:", 5) == 0;
    if (!out->turn && strncmp(text, "stun:", 5) != 0)
        return -EINVAL;
    p = parse_host(out, p);
    p = p ? parse_port(out, p) : NULL;
    if (p && out->turn)
        p = parse_transport(out, p);
    if (p && out->turn)
        p = parse_word(out->user, sizeof(out->user), p);
    if (p && out->turn)
        p = parse_word(out->password, sizeof(out->password), p);
    return p && *p == '\0' ? 0 : -EINVAL;
}
