/* net/http.h - the HTTP server, on libwebsockets behind this interface.
 * Threads: the control loop makes every call and receives every callback. */
#ifndef MCU_NET_HTTP_H
#define MCU_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>

struct mcu_loop;
struct mcu_http;
struct mcu_http_request; /* lives until it is answered and sent, or its peer is gone */

struct mcu_http_config {
    const char *address;
    int port;
    int max_body_bytes;   /* 0: 65536; larger gets 413 */
    int max_connections;  /* 0: 256 */
};

/* Called when a request and its whole body are there. Answer now or later with
 * mcu_http_respond. path: percent-decoded, starts with "/", no query; method: "GET", ... */
typedef void (*mcu_http_handler_cb)(struct mcu_http_request *req, void *arg);

/* One row of the routing table. path ends with "*" to match a prefix. */
struct mcu_http_route {
    const char *method, *path;
    mcu_http_handler_cb handler;
};

/* routes[n]: borrowed. No row for a path: 404; for its method: 405 with Allow. Bodies sent with
 * Transfer-Encoding get 411 (libwebsockets 4.1 does not decode them). Slow or silent peers are cut
 * after 10 s. Returns 0, -EADDRINUSE, -EACCES, -EINVAL or -ENOMEM. */
int mcu_http_new(struct mcu_http **out, struct mcu_loop *loop, const struct mcu_http_config *config,
                 const struct mcu_http_route *routes, int n, void *arg);
/* Closes listening socket and connections; done is called when the loop holds nothing of it. */
void mcu_http_close(struct mcu_http **http, void (*done)(void *arg), void *arg);

const char *mcu_http_path(const struct mcu_http_request *req);
const char *mcu_http_method(const struct mcu_http_request *req);
/* The query parameter's value, decoded, into buf; false if it is not there. */
bool mcu_http_query(const struct mcu_http_request *req, const char *name, char *buf, size_t size);
const char *mcu_http_body(const struct mcu_http_request *req, size_t *size);

/* Answers once; body is copied. Safe (and without effect) when the peer has gone meanwhile.
 * A request handed to another loop is kept alive by mcu_http_hold until it is answered. */
void mcu_http_respond(struct mcu_http_request *req, int status, const char *content_type,
                      const void *body, size_t size);

#endif
