/* net/http_priv.h - what http.c (life, accept, timeouts) and http_conn.c (requests on libwebsockets)
 * share. Threads: the control loop. */
#ifndef MCU_NET_HTTP_PRIV_H
#define MCU_NET_HTTP_PRIV_H

#include <libwebsockets.h>
#include <uv.h>

#include "net/http.h"
#include "net/loop.h"

#define MCU_HTTP_PATH_BYTES  1024
#define MCU_HTTP_QUERY_BYTES 1024
#define MCU_HTTP_HEAD_BYTES  512 /* of an answer */

struct mcu_http {
    struct mcu_loop *loop;
    struct mcu_http_config config;
    const struct mcu_http_route *routes;
    int route_count;
    void *arg;
    bool loopback;               /* listening there: Host is checked */
    int64_t timeout_ns;

    int listen_fd;
    uv_poll_t *listener;         /* of its own allocation: its close callback frees it */
    struct mcu_timer sweep;
    struct mcu_http_conn *conns; /* all that libwebsockets still has a wsi for */
    int conn_count;
    struct lws_context *lws;     /* set to NULL by libwebsockets when it is wholly gone */
    struct lws_vhost *vhost;
    const uv_handle_t *lws_handles[4]; /* those that libwebsockets holds for its own life */

    uv_idle_t closer;            /* while closing: looks each round whether it is over */
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
    int64_t deadline_ns;          /* cut then; INT64_MAX while a handler works */
    bool cut;
};

struct mcu_http_request {
    struct mcu_http_conn *conn;   /* NULL: the peer has gone */
    const char *method;
    char path[MCU_HTTP_PATH_BYTES];
    char query[MCU_HTTP_QUERY_BYTES]; /* name=value, each with its end, then an empty one */
    char *body;
    size_t body_size, body_expected;
    const char *allow;            /* for a 405 */
    char allow_text[64];
    const struct mcu_http_route *route;
    bool handed;                  /* the handler has it, or had it */
    bool answered, close_after, head;
    int status;
    const char *type;             /* of the answer; a constant of the handler's */
    size_t content_length;
    unsigned char *out;           /* LWS_PRE and MCU_HTTP_HEAD_BYTES, then the answer's body; the head
                                     is written right before it when the first piece goes */
    size_t out_pos, out_end;      /* what is still to be sent; out_pos 0: the head is not written */
};

/* The one protocol of our vhost. */
int mcu_http_on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len);
void mcu_http_request_free(struct mcu_http_request *req);
/* The peer's time starts anew. */
void mcu_http_touch(struct mcu_http_conn *conn);

#endif
