/* net/http.h - the HTTP/1.1 and WebSocket server, plain or with TLS, on libwebsockets behind this
 * interface.
 * Threads: the control loop makes every call and receives every callback.
 *
 *   request > checks below > row of the routing table > handler > mcu_http_respond...
 *                                                     > WebSocket: accept > message... > closed
 *
 * What is refused here, before a handler sees it (RFC 9110 section 15.5), with {"error":"..."}:
 *   400 no Host or more than one (RFC 9112 section 3.2), a Content-Length that is no number, or
 *       twice a header field that may stand there once
 *   403 listening on loopback, and Host is none of localhost, 127.0.0.1, [::1] (any port) and
 *       host_names: a web page whose name was pointed at this machine (DNS rebinding) must not read
 *       it; or a WebSocket that a page of another site opens; or a row for this machine alone
 *   404, 405 with Allow, by the routing table; 414 path or query too long
 *   411 Transfer-Encoding (libwebsockets 4.1 does not decode it); 413 body too large
 *   415 a method other than GET, HEAD and OPTIONS without the Content-Type of its row (the text and
 *       Accept-Post or Accept-Patch name it), so that no form of another site can change anything
 *       (a browser asks first, and where the row has no cors is not allowed)
 *   426 a plain request to a row that is a WebSocket's alone
 * A peer that sends its next request before it has the answer (pipelining, RFC 9112 section 9.3.2)
 * gets the first answer with Connection: close. Header lines of more than 4096 bytes in all,
 * unknown methods and other upgrades end the connection. No answer may be sniffed; none may be
 * stored unless its own Cache-Control says so. */
#ifndef MCU_NET_HTTP_H
#define MCU_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>

struct mcu_loop;
struct mcu_http;
struct mcu_http_request; /* lives until it is answered and sent, or its peer is gone */
struct mcu_ws;           /* one WebSocket, from accept until mcu_ws_release */

enum mcu_http_tls {
    MCU_HTTP_PLAIN,
    MCU_HTTP_TLS_FILES,      /* tls_cert and tls_key */
    MCU_HTTP_TLS_SELF_SIGNED /* a certificate made at start, for trying out; browsers warn */
};

struct mcu_http_config {
    const char *address;
    int port;
    int max_body_bytes;  /* 0: 65536; larger gets 413 */
    int max_connections; /* 0: 256, WebSockets counted; when full, the peer that is silent longest
                            gives way, but never a WebSocket */
    int timeout_ms;      /* 0: 10000; for a whole request to come, and for each piece of an answer
                            to go */
    int ping_ms;         /* 0: 20000; WebSockets: a ping so often; a peer from whom nothing came for
                            two and a half times as long is cut */
    const char *const *host_names; /* further names or addresses of this server, without port; */
    int host_name_count;           /* borrowed until close */
    enum mcu_http_tls tls;
    const char *tls_cert, *tls_key; /* PEM: the certificate and what completes its chain; its key */
};

/* Called when a request and its whole body are there. Answer exactly once, now or later, with one
 * of mcu_http_respond...: the request lives until then. */
typedef void (*mcu_http_handler_cb)(struct mcu_http_request *req, void *arg);

/* The WebSockets of a row. Text messages only, at most 8 kB, whole and valid UTF-8; at most 50 a
 * second. Who breaks this is closed (RFC 6455 section 7.4.1: 1003 binary, 1007 not UTF-8, 1008 too
 * many, 1009 too long; broken frames 1002). No compression. That a client's frames are masked is
 * not checked: libwebsockets 4.1 takes others too, which hurts nobody but a proxy between. */
struct mcu_ws_events {
    /* An upgrade that passed the checks; req has path, query and headers, and is good during the
     * call only. Returns 0: ws is the caller's, who gives it back with mcu_ws_release some time;
     * what is sent already goes right behind the handshake. Or the status to refuse with (4xx,
     * 5xx): then ws was never there. */
    int (*accept)(struct mcu_http_request *req, struct mcu_ws *ws, void *arg);
    /* text: followed by a zero byte that size does not count; good during the call. */
    void (*message)(struct mcu_ws *ws, const char *text, size_t size, void *peer);
    /* Once, unless released before: no message comes any more and what is sent is dropped. code: of
     * the peer's close frame, 1005 (it said none) or 1006 (it just went, or was cut). */
    void (*closed)(struct mcu_ws *ws, int code, void *peer);
};

struct mcu_ws_route {
    const struct mcu_ws_events *events;
    const char *subprotocol; /* the peer must offer it (else 400); NULL: none */
    bool any_origin;         /* else Origin, where there is one, must name the same host and port as
                                Host (else 403): browsers ask nobody before they open a WebSocket */
};

/* One row of the routing table. */
struct mcu_http_route {
    const char *method;
    const char *path;            /* ends with "*" to match a prefix */
    mcu_http_handler_cb handler; /* NULL: only WebSockets here */
    const char *accepts;         /* media type of a request's body; NULL: application/json; "": any,
                                    or none, for DELETE on a row with cors */
    bool cors; /* pages of any site may use it: its answers allow it, and OPTIONS is
                  answered here with 204, also with Accept-Post */
    const struct mcu_ws_route *ws; /* of a GET row: upgrades come here */
    bool local;                  /* for this machine alone: asked from another one, or by a Host that
                                    is none of those above, it is 403 */
};

/* routes[n] and arg: borrowed. The first row that matches serves; a GET row serves HEAD too. config
 * is copied; port 0: any free one. Returns 0, -EADDRINUSE, -EACCES, -EINVAL (also: certificate or
 * key are none, or do not belong together; the log says which), -ENOMEM or another negative errno
 * of the socket or of a file. */
int mcu_http_new(struct mcu_http **out, struct mcu_loop *loop, const struct mcu_http_config *config,
                 const struct mcu_http_route *routes, int n, void *arg);
/* Closes listening socket and connections (WebSockets see closed before this returns); done (may be
 * NULL) is called when the loop holds nothing of it. Not from within a handler. Requests not yet
 * answered and WebSockets not yet released stay valid, as without a peer. */
void mcu_http_close(struct mcu_http **http, void (*done)(void *arg), void *arg);

/* The port it listens on. */
int mcu_http_port(const struct mcu_http *http);

/* Reads certificate and key files again: connections from now on get the new ones, open ones go on.
 * Returns 0 (also without TLS files: nothing to do), or as _new: then the old ones stay, and the
 * log says why. */
int mcu_http_reload_tls(struct mcu_http *http);

/* ---- what a handler may ask; good until it answers ---- */

/* Percent-decoded, starts with "/", no query. */
const char *mcu_http_path(const struct mcu_http_request *req);
/* What stands for the "*" of its row; "" where there is none. */
const char *mcu_http_path_rest(const struct mcu_http_request *req);
const char *mcu_http_method(const struct mcu_http_request *req); /* "GET", ... */
#define MCU_HTTP_QUERY_BYTES 1024 /* of a query as a whole: what is longer is refused */
/* The query parameter's value, decoded, into buf; false if it is not there or does not fit. */
bool mcu_http_query(const struct mcu_http_request *req, const char *name, char *buf, size_t size);
const char *mcu_http_body(const struct mcu_http_request *req, size_t *size);
/* The peer's numeric address, without port. */
const char *mcu_http_source(const struct mcu_http_request *req);

enum mcu_http_header {
    MCU_HTTP_HOST,
    MCU_HTTP_AUTHORIZATION, /* a secret: wipe your copy, and never log it */
    MCU_HTTP_CONTENT_TYPE,
    MCU_HTTP_IF_MATCH,
    MCU_HTTP_IF_NONE_MATCH,
    MCU_HTTP_ORIGIN,
    MCU_HTTP_ACCEPT,
    MCU_HTTP_ACCEPT_ENCODING,
    MCU_HTTP_ACCEPT_LANGUAGE,
    MCU_HTTP_HEADERS
};

/* The header field's value into buf; false if it is not there or does not fit. */
bool mcu_http_header(const struct mcu_http_request *req, enum mcu_http_header header, char *buf,
                     size_t size);

/* ---- answers: each ends req for the caller, and has no effect but that when the peer has gone
 * meanwhile. body is copied. content_type: a constant; NULL with size 0. ---- */

struct mcu_http_field {
    const char *name, *value;
};

void mcu_http_respond(struct mcu_http_request *req, int status, const char *content_type,
                      const void *body, size_t size);
/* With fields[n] of the head (Location, ETag, Link several times, Retry-After, ...), copied. A
 * Cache-Control takes the place of "no-store". A name or value that is not of RFC 9110 section 5
 * (a line end in it, say), or more than 3 kB of them, is a mistake of ours: logged, and answered
 * with a bare 500. */
void mcu_http_respond_with(struct mcu_http_request *req, int status,
                           const struct mcu_http_field *fields, int n, const char *content_type,
                           const void *body, size_t size);
/* {"error":"why"}; why: a constant without quotes and backslashes. */
void mcu_http_fail(struct mcu_http_request *req, int status, const char *why);

/* A file that is part of the program; all of it is borrowed for ever. */
struct mcu_http_file {
    const char *path;                /* "/assets/app.js" */
    const char *content_type, *etag; /* etag: quotes included */
    const unsigned char *data;
    size_t size;
    const unsigned char *gzip; /* the same compressed; NULL: it would not be smaller */
    size_t gzip_size;
};

/* 200 with the file, gzip where the client takes it, or 304 where it has this one already (ETag);
 * with fields[n] besides, as in mcu_http_respond_with. The client asks each time whether it is
 * still the same (Cache-Control: no-cache), so a new version of the server shows at once. */
void mcu_http_respond_file(struct mcu_http_request *req, const struct mcu_http_file *file,
                           const struct mcu_http_field *fields, int n);

/* ---- WebSockets ---- */

/* What message and closed get. NULL until it is set. */
void mcu_ws_set_peer(struct mcu_ws *ws, void *peer);
/* Queues a text message; copied. 0, -EPIPE (closed, or closing), -ENOMEM, or -ENOBUFS: 64 messages
 * or 256 kB wait for this slow peer, who is counted and cut; closed follows from the loop, not from
 * within this call. */
int mcu_ws_send(struct mcu_ws *ws, const char *text, size_t size);
/* Sends what is queued, then a close frame with code (1000, 1001, 4000 to 4999) and reason (at most
 * 123 bytes, or NULL); closed follows when the peer has answered or 2 s are over. */
void mcu_ws_close(struct mcu_ws *ws, int code, const char *reason);
/* Gives ws back; NULL is accepted. A WebSocket that is open yet is closed (1001). No callback comes
 * any more. From within callbacks too. */
void mcu_ws_release(struct mcu_ws **ws);

#endif
