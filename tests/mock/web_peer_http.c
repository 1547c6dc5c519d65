#include "web_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_BYTES (WP_SDP_BYTES + 4096)

static int open_tcp(const struct wp_options *o)
{
    struct mcu_addr to;
    struct timeval limit = { 10, 0 };
    if (mcu_addr_parse(&to, o->host, o->port) < 0)
        return -1;
    int fd = socket(to.u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (fd >= 0 && connect(fd, &to.u.sa, mcu_addr_len(&to)) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool put(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

static bool ask(int fd, const struct wp_options *o, const char *method, const char *path,
                const char *type, const char *body)
{
    char head[2048];
    int n = snprintf(head, sizeof(head),
                     "%s %s HTTP/1.1\r\nHost: %s:%d\r\nConnection: close\r\n"
                     "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                     method, path, o->host, o->port, type, body ? strlen(body) : 0);
    return put(fd, head, (size_t)n) && (!body || put(fd, body, strlen(body)));
}

static void read_answer(char *text, struct wp_answer *out)
{
    char *body = strstr(text, "\r\n\r\n"), *location;
    if (!body || sscanf(text, "HTTP/1.%*d %d", &out->status) != 1)
        return;
    *body = '\0';
    location = strcasestr(text, "\r\nlocation:");
    if (location)
        sscanf(location + 11, " %511[^\r]", out->location);
    snprintf(out->body, sizeof(out->body), "%s", body + 4);
}

void wp_http(const struct wp_options *o, const char *method, const char *path, const char *type,
             const char *body, struct wp_answer *out)
{
    char *text = calloc(1, ANSWER_BYTES + 1);
    int fd = open_tcp(o);
    size_t size = 0;
    ssize_t n = 0;
    memset(out, 0, sizeof(*out));
    if (text && fd >= 0 && ask(fd, o, method, path, type, body)) {
        while (size < ANSWER_BYTES && (n = recv(fd, text + size, ANSWER_BYTES - size, 0)) > 0)
            size += (size_t)n;
        read_answer(text, out);
    }
    if (fd >= 0)
        close(fd);
    free(text);
}
