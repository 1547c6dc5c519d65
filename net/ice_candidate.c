#include "net/ice_candidate.h"

#include <errno.h>
#include <string.h>

#include "mixer/base/util.h"
#include "net/sdp_text.h"

#define PRIORITY_MAX 0x7fffffff /* RFC 8445 5.1.2 */

static bool is_ice_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
           c == '/';
}

/* Base64's other alphabet and its padding are seen in the field and mean no harm. */
static bool credential_fits(const char *text, size_t min, size_t max)
{
    size_t n = strnlen(text, max + 1);
    if (n < min || n > max)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_ice_char((uint8_t)text[i]) && !strchr("-_=", text[i]))
            return false;
    return true;
}

bool mcu_ice_credentials_valid(const char *ufrag, const char *pwd)
{
    return credential_fits(ufrag, 4, MCU_ICE_UFRAG_BYTES - 1) &&
           credential_fits(pwd, 22, MCU_ICE_PWD_BYTES - 1);
}

/* The whole word is a number up to max. */
static bool number(struct mcu_cursor word, uint64_t max, uint64_t *out)
{
    return mcu_text_u64(&word, max + 1, out) && !mcu_cursor_left(&word) && *out <= max;
}

static int parse_type(struct mcu_cursor word, enum mcu_ice_type *out)
{
    static const char *const names[] = { "host", "srflx", "prflx", "relay" };
    for (size_t i = 0; i < MCU_ARRAY_LEN(names); i++) {
        if (mcu_text_is(word, names[i])) {
            *out = (enum mcu_ice_type)i;
            return 0;
        }
    }
    return mcu_cursor_left(&word) ? -ENOTSUP : -EINVAL;
}

/* What stands behind the type, in pairs (RFC 8839 5.1): only tcptype matters here. */
static bool parse_extensions(struct mcu_cursor *c, struct mcu_cursor *tcp_type)
{
    for (;;) {
        struct mcu_cursor name = mcu_text_word(c), value = mcu_text_word(c);
        if (!mcu_cursor_left(&name))
            return true;
        if (!mcu_cursor_left(&value))
            return false;
        if (mcu_text_is(name, "tcptype"))
            *tcp_type = value;
    }
}

/* tcptype so (simultaneous open) is left out: nobody offers it alone. */
static int parse_transport(struct mcu_cursor word, struct mcu_cursor tcp_type,
                           enum mcu_ice_transport *out)
{
    if (mcu_text_is(word, "udp"))
        *out = MCU_ICE_UDP;
    else if (mcu_text_is(word, "tcp") && mcu_text_is(tcp_type, "active"))
        *out = MCU_ICE_TCP_ACTIVE;
    else if (mcu_text_is(word, "tcp") && mcu_text_is(tcp_type, "passive"))
        *out = MCU_ICE_TCP_PASSIVE;
    else
        return mcu_cursor_left(&word) ? -ENOTSUP : -EINVAL;
    return 0;
}

static bool copy_foundation(struct mcu_ice_candidate *out, struct mcu_cursor word)
{
    for (size_t i = 0; i < mcu_cursor_left(&word); i++)
        if (!is_ice_char(word.p[i]))
            return false;
    return mcu_cursor_left(&word) && mcu_text_copy(out->foundation, sizeof(out->foundation), word);
}

static int parse_addr(struct mcu_ice_candidate *out, struct mcu_cursor word, int port)
{
    char text[MCU_ADDR_TEXT];
    if (!mcu_cursor_left(&word))
        return -EINVAL;
    /* A name, mDNS (RFC 8828) or not: nobody makes us ask a resolver. */
    if (!mcu_text_copy(text, sizeof(text), word) || mcu_addr_parse(&out->addr, text, port) < 0)
        return -ENOTSUP;
    return 0;
}

static bool skip_prefix(struct mcu_cursor *c)
{
    if (mcu_text_begins(c, "a="))
        mcu_cursor_take(c, 2);
    if (!mcu_text_begins(c, "candidate:"))
        return false;
    mcu_cursor_take(c, 10);
    return true;
}

int mcu_ice_candidate_parse(struct mcu_ice_candidate *out, const char *text)
{
    struct mcu_ice_candidate v = { 0 };
    size_t size = strnlen(text, MCU_ICE_CANDIDATE_MAX + 1);
    struct mcu_cursor all = mcu_cursor(text, size), c = mcu_text_line(&all);
    uint64_t component = 0, priority = 0, port = 0;
    if (size > MCU_ICE_CANDIDATE_MAX || mcu_cursor_left(&all) || !skip_prefix(&c))
        return -EINVAL;
    bool ok = copy_foundation(&v, mcu_text_word(&c));
    ok = ok && number(mcu_text_word(&c), 256, &component) && component > 0;
    struct mcu_cursor transport = mcu_text_word(&c), tcp_type = { 0 };
    ok = ok && number(mcu_text_word(&c), PRIORITY_MAX, &priority) && priority > 0;
    struct mcu_cursor host = mcu_text_word(&c);
    ok = ok && number(mcu_text_word(&c), 65535, &port) && mcu_text_is(mcu_text_word(&c), "typ");
    struct mcu_cursor type = mcu_text_word(&c);
    if (!ok || !parse_extensions(&c, &tcp_type))
        return -EINVAL;
    int rc = parse_type(type, &v.type);
    if (rc == 0)
        rc = parse_transport(transport, tcp_type, &v.transport);
    if (rc == 0)
        rc = component == 1 ? parse_addr(&v, host, (int)port) : -ENOTSUP;
    if (rc < 0)
        return rc;
    v.priority = (uint32_t)priority;
    *out = v;
    return 0;
}

static bool reachable4(const struct in_addr *in, bool local_loopback)
{
    uint32_t a = ntohl(in->s_addr);
    if (a >> 24 == 127)
        return local_loopback;
    return a >> 24 != 0 && a >> 28 < 0xe; /* neither this network, multicast, reserved, broadcast */
}

static bool reachable6(const struct in6_addr *a, bool local_loopback)
{
    if (IN6_IS_ADDR_LOOPBACK(a))
        return local_loopback;
    /* Mapped ones are IPv4 in disguise; link-local ones need a scope that the text cannot tell. */
    return !IN6_IS_ADDR_UNSPECIFIED(a) && !IN6_IS_ADDR_MULTICAST(a) && !IN6_IS_ADDR_V4MAPPED(a) &&
           !IN6_IS_ADDR_V4COMPAT(a) && !IN6_IS_ADDR_LINKLOCAL(a);
}

bool mcu_ice_candidate_reachable(const struct mcu_ice_candidate *c, bool local_loopback)
{
    /* The port of an active TCP candidate means nothing (RFC 6544 4.5 says 9). */
    if (c->transport != MCU_ICE_TCP_ACTIVE && mcu_addr_port(&c->addr) == 0)
        return false;
    if (c->addr.u.sa.sa_family == AF_INET)
        return reachable4(&c->addr.u.in4.sin_addr, local_loopback);
    return reachable6(&c->addr.u.in6.sin6_addr, local_loopback);
}
