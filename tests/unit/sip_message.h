/* tests/unit/sip_message.h - a SIP message as the stack reads one: through a message class, from a source.
 * Threads: any. Speaks of sofia-sip's types, as net/sip_strict.h does. */
#ifndef MCU_TESTS_UNIT_SIP_MESSAGE_H
#define MCU_TESTS_UNIT_SIP_MESSAGE_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/su.h>

/* 192.0.2.7 or 2001:db8::7, port 5070. */
static inline su_sockaddr_t sip_message_source(bool ipv6)
{
    su_sockaddr_t source;
    memset(&source, 0, sizeof(source));
    source.su_family = ipv6 ? AF_INET6 : AF_INET;
    source.su_port = htons(5070);
    if (ipv6)
        inet_pton(AF_INET6, "2001:db8::7", &source.su_sin6.sin6_addr);
    else
        inet_pton(AF_INET, "192.0.2.7", &source.su_sin.sin_addr);
    return source;
}

/* One whole message; NULL: no memory. msg_destroy() it. from NULL: not known. */
static inline msg_t *sip_message_read(const msg_mclass_t *mc, const su_sockaddr_t *from, bool stream,
                                      const void *data, size_t size)
{
    msg_iovec_t part[8];
    msg_t *msg = msg_create(mc, 0);
    if (!msg)
        return NULL;
    if (from)
        msg_set_address(msg, from, from->su_family == AF_INET6 ? sizeof(from->su_sin6)
                                                               : sizeof(from->su_sin));
    msg_addrinfo(msg)->ai_socktype = stream ? SOCK_STREAM : SOCK_DGRAM;
    issize_t parts = msg_recv_iovec(msg, part, 8, size, 1);
    size_t at = 0;
    for (issize_t i = 0; i < parts && at < size; i++) {
        size_t n = part[i].mv_len < size - at ? part[i].mv_len : size - at;
        memcpy(part[i].mv_base, (const char *)data + at, n);
        at += n;
    }
    msg_recv_commit(msg, at, 1);
    msg_extract(msg);
    return msg;
}

#endif
