/* net/http.h - the HTTP/1.1 server, on libwebsockets behind this interface.
 * Threads: the control loop makes every call and receives every callback.
 *
 * What is refused here, before a handler sees it (RFC 9110 section 15.5), with {"error":"..."}:
 *   400 no Host or more than one (RFC 9112 section 3.2), or a Content-Length that is no number
 *   403 listening on loopback, and Host is none of localhost, 127.0.0.1 and [::1] (any port): a web
 *       page whose name was pointed at this machine (DNS rebinding) must not read it
 *   404, 405 with Allow, by the routing table; 414 path or query too long
 *   411 Transfer-Encoding (libwebsockets 4.1 does not decode it); 413 body too large
 *   415 a method other than GET and HEAD without Content-Type: application/json, so that no form of
 *       another site can change anything (a browser asks first, and is never allowed)
 * A peer that sends its next request before it has the answer (pipelining, RFC 9112 section 9.3.2)
 * gets the first answer with Connection: close. Header lines of more than 4096 bytes in all, unknown methods and upgrades end the connection.
 * No answer may be stored or sniffed, and none carries a CORS header. */
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
    int max_connections;  /* 0: 256; when full, the peer that is silent longest gives way */
    int timeout_ms;       /* 0: 10000; for a whole request to come, and for each piece of an answer
                             to go */
};

/* Called when a request and its whole body are there. Answer exactly once, now or later, with
 * mcu_http_respond: the request lives until then. path: percent-decoded, starts with "/", no query; method: "GET", ... */
typedef void (*mcu_http_handler_cb)(struct mcu_http_request *req, void *arg);

/* One row of the routing table. path ends with "*" to match a prefix. */
struct mcu_http_route {
    const char *method, *path;
    mcu_http_handler_cb handler;
};

/* routes[n] and arg: borrowed. The first row that matches serves; a GET row serves HEAD too. config
 * is copied; port 0: any free one. Returns 0, -EADDRINUSE, -EACCES, -EINVAL, -ENOMEM or another
 * negative errno of the socket. */
int mcu_http_new(struct mcu_http **out, struct mcu_loop *loop, const struct mcu_http_config *config,
                 const struct mcu_http_route *routes, int n, void *arg);
/* Closes listening socket and connections; done (may be NULL) is called when the loop holds nothing
 * of it. Not from within a handler. Requests not yet answered stay valid, as without a peer. */
void mcu_http_close(struct mcu_http **http, void (*done)(void *arg), void *arg);

/* The port it listens on. */
int mcu_http_port(const struct mcu_http *http);

const char *mcu_http_path(const struct mcu_http_request *req);
const char *mcu_http_method(const struct mcu_http_request *req);
/* The query parameter's value, decoded, into buf; false if it is not there. */
bool mcu_http_query(const struct mcu_http_request *req, const char *name, char *buf, size_t size);
const char *mcu_http_body(const struct mcu_http_request *req, size_t *size);

/* Answers once, and ends req for the caller; body is copied. Without effect but that when the peer
 * has gone meanwhile. content_type: a constant; NULL with size 0. */
void mcu_http_respond(struct mcu_http_request *req, int status, const char *content_type,
                      const void *body, size_t size);

#endif
