/* Requests on a connection: from libwebsockets' callbacks to a handler, and its answer back.
 *
 *   headers > checks, route > body > handler > mcu_http_respond > written as the socket takes it */
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "net/http_priv.h"

#define WRITE_BYTES 32768

void mcu_http_request_free(struct mcu_http_request *req)
{
    if (!req)
        return;
    if (req->head_text)
        explicit_bzero(req->head_text, req->head_size); /* Authorization is in it */
    free(req->head_text);
    free(req->fields);
    free(req->body);
    free(req->out);
    free(req);
}

/* ---- what a handler may ask ---- */

const char *mcu_http_path(const struct mcu_http_request *req)
{
    return req->path;
}

const char *mcu_http_path_rest(const struct mcu_http_request *req)
{
    size_t n = strlen(req->route->path);
    return n && req->route->path[n - 1] == '*' ? req->path + n - 1 : "";
}

const char *mcu_http_method(const struct mcu_http_request *req)
{
    return req->method;
}

const char *mcu_http_source(const struct mcu_http_request *req)
{
    return req->source;
}

bool mcu_http_header(const struct mcu_http_request *req, enum mcu_http_header header, char *buf,
                     size_t size)
{
    const char *value = req->headers[header];
    if (!value || strlen(value) >= size)
        return false;
    strcpy(buf, value);
    return true;
}

bool mcu_http_query(const struct mcu_http_request *req, const char *name, char *buf, size_t size)
{
    size_t n = strlen(name);
    for (const char *p = req->query; *p; p += strlen(p) + 1) {
        if (strncmp(p, name, n) == 0 && p[n] == '=' && strlen(p + n + 1) < size) {
            strcpy(buf, p + n + 1);
            return true;
        }
    }
    return false;
}

const char *mcu_http_body(const struct mcu_http_request *req, size_t *size)
{
    *size = req->body_size;
    return req->body ? req->body : "";
}

/* ---- libwebsockets' callbacks ---- */

static void hand_over(struct mcu_http_request *req)
{
    struct mcu_http_conn *c = req->conn;
    req->handed = true;
    c->deadline_ns = INT64_MAX;
    req->route->handler(req, c->http->arg);
}

static struct mcu_http_request *new_request(struct mcu_http_conn *c)
{
    struct mcu_http_request *req = c->req ? NULL : calloc(1, sizeof(*req));
    if (!req)
        return NULL; /* libwebsockets hands out one at a time */
    mcu_count(MCU_CNT_HTTP_REQUESTS);
    c->req = req;
    req->conn = c;
    req->method = "?";
    strcpy(req->source, c->source);
    mcu_http_touch(c);
    return req;
}

static int on_headers(struct mcu_http_conn *c, struct lws *wsi, const char *path, size_t len)
{
    struct mcu_http_request *req = new_request(c);
    if (!req)
        return -1;
    if (!mcu_http_check(req, wsi, path, len))
        return 0;
    if (req->body_expected == 0) {
        hand_over(req);
        return 0;
    }
    req->body = malloc(req->body_expected + 1);
    return req->body ? 0 : -1;
}

static int on_body(struct mcu_http_request *req, const void *data, size_t len)
{
    if (!req || req->handed)
        return 0; /* refused: its rest is read over until the connection ends */
    if (!req->body || len > req->body_expected - req->body_size)
        return -1;
    memcpy(req->body + req->body_size, data, len);
    req->body_size += len;
    return 0;
}

static int on_body_end(struct mcu_http_request *req)
{
    if (!req || req->handed)
        return 0;
    if (!req->body || req->body_size != req->body_expected)
        return -1;
    req->body[req->body_size] = '\0';
    hand_over(req);
    return 0;
}

/* libwebsockets 4.1 keeps what came behind a request and takes the next one out of it. When that
 * next one has a body, it reads the body from the wrong place and then loops for ever. So it must
 * never get there: where something is kept (by whichever peer: it does not say which), this
 * connection ends with this answer. */
static bool something_is_kept(struct mcu_http_conn *c)
{
    return lws_service_adjust_timeout(c->http->lws, 1, 0) == 0;
}

static int on_writable(struct mcu_http_conn *c, struct lws *wsi)
{
    struct mcu_http_request *req = c->req;
    if (!req || !req->answered || !req->out)
        return 0;
    req->close_after |= something_is_kept(c);
    if (!req->out_pos && mcu_http_put_head(req) < 0)
        return -1;
    size_t left = req->out_end - req->out_pos;
    size_t n = left < WRITE_BYTES ? left : WRITE_BYTES;
    /* The LWS_PRE bytes before each piece may be written over: they are sent already. */
    if (lws_write(wsi, req->out + req->out_pos, n,
                  n == left ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < (int)n)
        return -1;
    req->out_pos += n;
    mcu_http_touch(c);
    if (n < left) {
        lws_callback_on_writable(wsi);
        return 0;
    }
    bool close_after = req->close_after;
    c->req = NULL;
    mcu_http_request_free(req);
    return close_after || lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* Where libwebsockets would switch over: 0 lets it. A refusal goes at once, as the connection ends
 * with the return. */
static int on_upgrade(struct mcu_http_conn *c, struct lws *wsi, const char *to)
{
    struct mcu_http_request *req = strcasecmp(to, "websocket") == 0 ? new_request(c) : NULL;
    if (!req) {
        mcu_count(MCU_CNT_HTTP_BAD);
        return -1;
    }
    req->upgrade = true;
    bool good = mcu_http_check(req, wsi, NULL, 0);
    int status = good ? mcu_ws_accept(c, req) : 0;
    if (status)
        mcu_http_refuse(req, status, "this WebSocket is not open to you", NULL, NULL);
    if (req->answered && req->out && mcu_http_put_head(req) == 0)
        lws_write(wsi, req->out + req->out_pos, req->out_end - req->out_pos, LWS_WRITE_HTTP_FINAL);
    c->req = NULL;
    mcu_http_request_free(req);
    return good && !status ? 0 : -1;
}

static void on_gone(struct mcu_http_conn *c, struct lws *wsi)
{
    lws_set_opaque_user_data(wsi, NULL);
    if (c->ws)
        mcu_ws_gone(c);
    if (c->req && c->req->handed && !c->req->answered)
        c->req->conn = NULL; /* the handler still has it: freed when it answers */
    else
        mcu_http_request_free(c->req);
    *c->prev = c->next;
    if (c->next)
        c->next->prev = c->prev;
    c->http->conn_count--;
    free(c);
}

int mcu_http_on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS) {
        ((struct mcu_http *)lws_vhost_user(in))->ssl_context = user;
        return 0;
    }
    struct mcu_http_conn *c = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    if (!c)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return on_headers(c, wsi, in, len);
    case LWS_CALLBACK_HTTP_BODY:
        return on_body(c->req, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return on_body_end(c->req);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return on_writable(c, wsi);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return on_upgrade(c, wsi, in);
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_RECEIVE_PONG:
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return mcu_ws_on_lws(c, reason, in, len);
    case LWS_CALLBACK_WSI_DESTROY:
        on_gone(c, wsi);
        return 0;
    default:
        return 0;
    }
}
