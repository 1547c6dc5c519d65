/* A page that talks without end and never listens: its WebSocket (RFC 6455), opened by hand. */
#include "web_peer.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mixer/base/util.h"

#define LONGEST 8192

static int shake_hands(struct wp_call *c)
{
    const struct wp_options *o = &c->p->options;
    struct mcu_addr to;
    char head[1024];
    int room = 4096;
    if (mcu_addr_parse(&to, o->host, o->port) < 0)
        return -1;
    int fd = socket(to.u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)); /* what comes piles up there */
    int n = snprintf(head, sizeof(head),
                     "GET %s/events HTTP/1.1\r\nHost: %s:%d\r\nConnection: Upgrade\r\n"
                     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Protocol: tessera.v1\r\n\r\n",
                     c->path, o->host, o->port);
    if (connect(fd, &to.u.sa, mcu_addr_len(&to)) < 0 || send(fd, head, (size_t)n, MSG_NOSIGNAL) != n ||
        recv(fd, head, 12, 0) != 12 || memcmp(head, "HTTP/1.1 101", 12) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* One text frame, masked with zeros (RFC 6455 5.2). */
static size_t frame(uint8_t *out, size_t text)
{
    static const char begin[] = "{\"type\":\"chat\",\"text\":\"", end[] = "\"}";
    size_t n = sizeof(begin) - 1 + text + sizeof(end) - 1;
    out[0] = 0x81;
    out[1] = 0x80 | 126;
    out[2] = (uint8_t)(n >> 8);
    out[3] = (uint8_t)n;
    memset(out + 4, 0, 4);
    memcpy(out + 8, begin, sizeof(begin) - 1);
    memset(out + 8 + sizeof(begin) - 1, 'x', text);
    memcpy(out + 8 + sizeof(begin) - 1 + text, end, sizeof(end) - 1);
    return 8 + n;
}

void wp_page_chat(struct wp_call *c, int *fd)
{
    static const size_t sizes[] = { 1, 1900, 8100, 8200 };
    uint8_t data[LONGEST + 256];
    if (*fd < 0)
        *fd = shake_hands(c);
    size_t size = frame(data, sizes[wp_random(c->p) % MCU_ARRAY_LEN(sizes)]);
    if (*fd >= 0 && send(*fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)size) {
        close(*fd); /* cut, or full: once more */
        *fd = -1;
    }
}
