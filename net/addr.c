#include "net/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

int mcu_addr_parse(struct mcu_addr *out, const char *text, int port)
{
    struct mcu_addr a;
    memset(&a, 0, sizeof(a));
    if (port < 0 || port > 65535)
        return -EINVAL;
    if (inet_pton(AF_INET, text, &a.u.in4.sin_addr) == 1) {
        a.u.in4.sin_family = AF_INET;
        a.u.in4.sin_port = htons((uint16_t)port);
    } else if (inet_pton(AF_INET6, text, &a.u.in6.sin6_addr) == 1) {
        a.u.in6.sin6_family = AF_INET6;
        a.u.in6.sin6_port = htons((uint16_t)port);
    } else {
        return -EINVAL;
    }
    *out = a;
    return 0;
}

bool mcu_addr_same_host(const struct mcu_addr *a, const struct mcu_addr *b)
{
    if (a->u.sa.sa_family != b->u.sa.sa_family)
        return false;
    if (a->u.sa.sa_family == AF_INET)
        return a->u.in4.sin_addr.s_addr == b->u.in4.sin_addr.s_addr;
    return memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr, sizeof(struct in6_addr)) == 0;
}

bool mcu_addr_equal(const struct mcu_addr *a, const struct mcu_addr *b)
{
    return mcu_addr_same_host(a, b) && mcu_addr_port(a) == mcu_addr_port(b);
}

bool mcu_addr_is_any(const struct mcu_addr *a)
{
    if (a->u.sa.sa_family == AF_INET)
        return a->u.in4.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);
}

bool mcu_addr_is_loopback(const struct mcu_addr *a)
{
    if (a->u.sa.sa_family == AF_INET)
        return (ntohl(a->u.in4.sin_addr.s_addr) >> 24) == 127;
    return IN6_IS_ADDR_LOOPBACK(&a->u.in6.sin6_addr);
}

socklen_t mcu_addr_len(const struct mcu_addr *a)
{
    return a->u.sa.sa_family == AF_INET ? sizeof(a->u.in4) : sizeof(a->u.in6);
}

int mcu_addr_port(const struct mcu_addr *a)
{
    return ntohs(a->u.sa.sa_family == AF_INET ? a->u.in4.sin_port : a->u.in6.sin6_port);
}

const char *mcu_addr_text(const struct mcu_addr *a, char buf[MCU_ADDR_TEXT])
{
    char ip[INET6_ADDRSTRLEN] = "?";
    if (a->u.sa.sa_family == AF_INET) {
        inet_ntop(AF_INET, &a->u.in4.sin_addr, ip, sizeof(ip));
        snprintf(buf, MCU_ADDR_TEXT, "%s:%d", ip, mcu_addr_port(a));
    } else {
        inet_ntop(AF_INET6, &a->u.in6.sin6_addr, ip, sizeof(ip));
        snprintf(buf, MCU_ADDR_TEXT, "[%s]:%d", ip, mcu_addr_port(a));
    }
    return buf;
}

bool mcu_addr_is_ipv6(const struct mcu_addr *a)
{
    return a->u.sa.sa_family == AF_INET6;
}

bool mcu_addr_is_link_local(const struct mcu_addr *a)
{
    if (mcu_addr_is_ipv6(a))
        return IN6_IS_ADDR_LINKLOCAL(&a->u.in6.sin6_addr);
    return ntohl(a->u.in4.sin_addr.s_addr) >> 16 == (169u << 8 | 254);
}

int mcu_addr_from_sockaddr(struct mcu_addr *out, const struct sockaddr *sa)
{
    memset(out, 0, sizeof(*out));
    if (sa->sa_family == AF_INET)
        memcpy(&out->u.in4, sa, sizeof(out->u.in4));
    else if (sa->sa_family == AF_INET6)
        memcpy(&out->u.in6, sa, sizeof(out->u.in6));
    else
        return -EINVAL;
    return 0;
}

int mcu_addr_interfaces(struct mcu_addr *out, int max, bool ipv6)
{
    struct ifaddrs *all = NULL;
    int n = 0;
    if (getifaddrs(&all) < 0)
        return 0;
    for (const struct ifaddrs *i = all; i && n < max; i = i->ifa_next) {
        if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || i->ifa_flags & IFF_LOOPBACK ||
            mcu_addr_from_sockaddr(&out[n], i->ifa_addr) < 0 || mcu_addr_is_link_local(&out[n]))
            continue;
        n += ipv6 || !mcu_addr_is_ipv6(&out[n]);
    }
    freeifaddrs(all);
    return n;
}
