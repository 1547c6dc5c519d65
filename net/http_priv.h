/* net/http_priv.h - what the files of the HTTP server share. Threads: the control loop.
 *
 *   http.c         life: listening socket, accept, timeouts, close
 *   http_tls.c     certificate and key, and reading them again
 *   http_conn.c    libwebsockets' callbacks: requests come in, answers go out
 *   http_check.c   what a request must be before a handler sees it; the routing table
 *   http_answer.c  heads of answers; files
 *   http_ws.c      WebSockets */
#ifndef MCU_NET_HTTP_PRIV_H
#define MCU_NET_HTTP_PRIV_H

#include <libwebsockets.h>
#include <netinet/in.h>
#include <uv.h>

#include "net/http.h"
#include "net/loop.h"

#define MCU_HTTP_PATH_BYTES   1024
#define MCU_HTTP_HEAD_BYTES   4096 /* of an answer */
#define MCU_HTTP_FIELD_BYTES  3072 /* in it, of those that the handler gave */
#define MCU_HTTP_SUBPROTOCOLS 4

struct mcu_tls_keys;

struct mcu_http {
    struct mcu_loop *loop;
    struct mcu_http_config config;
    const struct mcu_http_route *routes;
    int route_count;
    void *arg;
    bool loopback; /* listening there: Host is checked */
    char address[INET6_ADDRSTRLEN]; /* listened on */
    int64_t timeout_ns, ping_ns;

    int listen_fd;
    uv_poll_t *listener; /* of its own allocation: its close callback frees it */
    struct mcu_timer sweep;
    struct mcu_http_conn *conns; /* all that libwebsockets still has a wsi for */
    int conn_count;
    struct lws_context *lws; /* set to NULL by libwebsockets when it is wholly gone */
    struct lws_vhost *vhost;
    const uv_handle_t *lws_handles[4]; /* those that libwebsockets holds for its own life */
    /* Ours without a name that anybody offers, one for each subprotocol, and an empty one. */
    struct lws_protocols protocols[MCU_HTTP_SUBPROTOCOLS + 2];

    char *cert_file, *key_file;
    struct mcu_tls_keys *keys; /* NULL: without TLS */
    void *ssl_context;          /* SSL_CTX of libwebsockets' vhost */

    uv_idle_t closer; /* while closing: looks each round whether it is over */
    int closing_rounds;
    void (*done)(void *arg);
    void *done_arg;
};

/* One TCP connection. */
struct mcu_http_conn {
    struct mcu_http_conn *next, **prev;
    struct mcu_http *http;
    struct lws *wsi;
    struct mcu_http_request *req; /* from its headers until its answer is sent */
    struct mcu_ws *ws;            /* or this, from its upgrade on */
    int64_t deadline_ns;          /* cut then; INT64_MAX while a handler works */
    bool cut;
    char source[INET6_ADDRSTRLEN];
};

struct mcu_http_request {
    struct mcu_http_conn *conn; /* NULL: the peer has gone */
    const char *method;
    char path[MCU_HTTP_PATH_BYTES];
    char query[MCU_HTTP_QUERY_BYTES]; /* name=value, each with its end, then an empty one */
    char source[INET6_ADDRSTRLEN];
    char *head_text; /* what headers point into; wiped when freed */
    size_t head_size;
    const char *headers[MCU_HTTP_HEADERS];
    char *body;
    size_t body_size, body_expected;
    const struct mcu_http_route *route;
    bool cors;    /* its path has a row that any site may use */
    bool upgrade; /* to a WebSocket */
    bool handed;  /* the handler has it, or had it */
    bool answered, close_after, head;
    int status;
    const char *type; /* of the answer; a constant of the handler's */
    char *fields;     /* of the answer: lines; NULL: none */
    bool storable;    /* they tell how long it may be stored */
    size_t content_length;
    unsigned char *out;      /* LWS_PRE and MCU_HTTP_HEAD_BYTES, then the answer's body; the head
                                is written right before it when the first piece goes */
    size_t out_pos, out_end; /* what is still to be sent; out_pos 0: the head is not written */
};

/* ---- http.c ---- */

/* The peer's time starts anew. */
void mcu_http_touch(struct mcu_http_conn *conn);
void mcu_http_cut(struct mcu_http_conn *conn);

/* ---- http_conn.c ---- */

/* The callback of all our protocols. */
int mcu_http_on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len);
void mcu_http_request_free(struct mcu_http_request *req);

/* ---- http_check.c ---- */

/* Reads what libwebsockets has of the head into req. False: refused and answered, now or soon.
 * path: decoded, or NULL: where libwebsockets keeps it. */
bool mcu_http_check(struct mcu_http_request *req, struct lws *wsi, const char *path, size_t len);

/* ---- http_answer.c ---- */

/* Answers, and closes the connection then: what of the request was not read must not be taken for
 * the next one. name, value: a further field; NULL none. Returns false. */
bool mcu_http_refuse(struct mcu_http_request *req, int status, const char *why, const char *name,
                     const char *value);
/* Writes the head right before the body in out. */
int mcu_http_put_head(struct mcu_http_request *req);

/* ---- http_tls.c ---- */

/* Reads or makes certificate and key. */
int mcu_http_tls_open(struct mcu_http *http, const struct mcu_http_config *config);
/* Makes libwebsockets' SSL_CTX use them. */
int mcu_http_tls_attach(struct mcu_http *http);
void mcu_http_tls_close(struct mcu_http *http);

/* ---- http_ws.c ---- */

/* Asks the row; 0 and c->ws, or the status to refuse with. */
int mcu_ws_accept(struct mcu_http_conn *c, struct mcu_http_request *req);
/* libwebsockets' callbacks of c, which has a ws: not 0 ends the connection. */
int mcu_ws_on_lws(struct mcu_http_conn *c, enum lws_callback_reasons reason, const void *in,
                  size_t len);
/* A ping where it is time. */
void mcu_ws_sweep(struct mcu_http_conn *c, int64_t now_ns);
/* The connection is gone. */
void mcu_ws_gone(struct mcu_http_conn *c);

#endif
