/* net/addr.h - an IP address with a port. Plain value. Threads: any. */
#ifndef MCU_NET_ADDR_H
#define MCU_NET_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct mcu_addr {
    union {
        struct sockaddr sa;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
    } u;
};

#define MCU_ADDR_TEXT 64

/* text: numeric IPv4 or IPv6 (no names: nothing is looked up). 0 or -EINVAL. */
int mcu_addr_parse(struct mcu_addr *out, const char *text, int port);
/* Same family, address and port. */
bool mcu_addr_equal(const struct mcu_addr *a, const struct mcu_addr *b);
/* Same family and address, whatever the ports. */
bool mcu_addr_same_host(const struct mcu_addr *a, const struct mcu_addr *b);
/* 0.0.0.0 or ::. */
bool mcu_addr_is_any(const struct mcu_addr *a);
bool mcu_addr_is_loopback(const struct mcu_addr *a);
bool mcu_addr_is_ipv6(const struct mcu_addr *a);
/* fe80::/10, 169.254.0.0/16: good on one wire alone. */
bool mcu_addr_is_link_local(const struct mcu_addr *a);
/* Of a socket address of the system; -EINVAL: another family. */
int mcu_addr_from_sockaddr(struct mcu_addr *out, const struct sockaddr *sa);
/* Addresses of this machine that others can reach: of interfaces that are up, neither loopback nor
 * link-local, IPv6 only if asked for. How many of max there are. */
int mcu_addr_interfaces(struct mcu_addr *out, int max, bool ipv6);
socklen_t mcu_addr_len(const struct mcu_addr *a);
int mcu_addr_port(const struct mcu_addr *a);
/* "1.2.3.4:5" or "[::1]:5"; returns buf. */
const char *mcu_addr_text(const struct mcu_addr *a, char buf[MCU_ADDR_TEXT]);

#endif
