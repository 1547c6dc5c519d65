/* Requests on a connection: from libwebsockets' callbacks to a handler, and its answer back.
 *
 *   headers > checks, route > body > handler > mcu_http_respond > written as the socket takes it */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/log.h"
#include "net/http_priv.h"

#define WRITE_BYTES 32768

static const struct {
    int id;
    const char *name;
} methods[] = {
    { LWSHUMETH_GET, "GET" },       { LWSHUMETH_POST, "POST" },   { LWSHUMETH_OPTIONS, "OPTIONS" },
    { LWSHUMETH_PUT, "PUT" },       { LWSHUMETH_PATCH, "PATCH" }, { LWSHUMETH_DELETE, "DELETE" },
    { LWSHUMETH_CONNECT, "CONNECT" }, { LWSHUMETH_HEAD, "HEAD" },
};

static const struct {
    int status;
    const char *phrase;
} phrases[] = {
    { 200, "OK" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 400, "Bad Request" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 411, "Length Required" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 500, "Internal Server Error" },
    { 503, "Service Unavailable" },
};

static const char *phrase_of(int status)
{
    for (size_t i = 0; i < MCU_ARRAY_LEN(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Status"; /* the phrase means nothing (RFC 9112 section 4) */
}

void mcu_http_request_free(struct mcu_http_request *req)
{
    if (!req)
        return;
    free(req->body);
    free(req->out);
    free(req);
}

/* ---- what a handler may ask ---- */

const char *mcu_http_path(const struct mcu_http_request *req)
{
    return req->path;
}

const char *mcu_http_method(const struct mcu_http_request *req)
{
    return req->method;
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

/* ---- answers ---- */

static int write_head(const struct mcu_http_request *req, char *head)
{
    const char *type = req->type;
    return snprintf(head, MCU_HTTP_HEAD_BYTES,
                    "HTTP/1.1 %d %s\r\n%s%s%sContent-Length: %zu\r\nCache-Control: no-store\r\n"
                    "X-Content-Type-Options: nosniff\r\n%s%s%s%s\r\n",
                    req->status, phrase_of(req->status), type ? "Content-Type: " : "",
                    type ? type : "", type ? "\r\n" : "", req->content_length,
                    req->allow ? "Allow: " : "", req->allow ? req->allow : "",
                    req->allow ? "\r\n" : "", req->close_after ? "Connection: close\r\n" : "");
}

/* The head goes right before the body: they leave as one piece. */
static int put_head(struct mcu_http_request *req)
{
    char head[MCU_HTTP_HEAD_BYTES];
    int n = write_head(req, head);
    if (n < 0 || n >= (int)sizeof(head))
        return -EINVAL;
    req->out_pos = LWS_PRE + MCU_HTTP_HEAD_BYTES - (size_t)n;
    memcpy(req->out + req->out_pos, head, (size_t)n);
    return 0;
}

void mcu_http_respond(struct mcu_http_request *req, int status, const char *content_type,
                      const void *body, size_t size)
{
    struct mcu_http_conn *c = req->conn;
    if (!c) {
        mcu_http_request_free(req);
        return;
    }
    if (status >= 400 && status < 500)
        mcu_count(MCU_CNT_HTTP_BAD);
    req->status = status;
    req->type = content_type;
    req->content_length = size;
    req->answered = true;
    mcu_http_touch(c);
    size_t sent = req->head ? 0 : size; /* HEAD: the length only (RFC 9110 section 9.3.2) */
    req->out_end = LWS_PRE + MCU_HTTP_HEAD_BYTES + sent;
    req->out = malloc(req->out_end);
    if (!req->out) {
        c->deadline_ns = 0; /* no answer to give: the sweep cuts it */
        return;
    }
    if (sent)
        memcpy(req->out + LWS_PRE + MCU_HTTP_HEAD_BYTES, body, sent);
    lws_callback_on_writable(c->wsi);
}

void mcu_http_fail(struct mcu_http_request *req, int status, const char *why)
{
    char body[160];
    int n = snprintf(body, sizeof(body), "{\"error\":\"%s\"}\n", why);
    mcu_http_respond(req, status, "application/json", body, (size_t)n);
}

static void refuse(struct mcu_http_request *req, int status, const char *why)
{
    req->handed = true;
    mcu_http_fail(req, status, why);
}

/* ---- checks: each answers and returns false, or returns true ---- */

/* What it does not read must not be taken for the next request. */
static bool refuse_and_close(struct mcu_http_request *req, int status, const char *why)
{
    req->close_after = true;
    refuse(req, status, why);
    return false;
}

static bool header_is_twice(struct lws *wsi, enum lws_token_indexes token)
{
    return lws_hdr_fragment_length(wsi, token, 1) > 0;
}

/* localhost, 127.0.0.1 or [::1], with or without a port. */
static bool names_loopback(const char *host)
{
    static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };
    for (size_t i = 0; i < MCU_ARRAY_LEN(names); i++) {
        size_t n = strlen(names[i]);
        if (strncasecmp(host, names[i], n) == 0 &&
            (!host[n] || (host[n] == ':' && strspn(host + n + 1, "0123456789") == strlen(host + n + 1))))
            return true;
    }
    return false;
}

static bool check_host(struct mcu_http_request *req, struct lws *wsi)
{
    char host[256];
    if (lws_hdr_copy(wsi, host, sizeof(host), WSI_TOKEN_HOST) <= 0 ||
        header_is_twice(wsi, WSI_TOKEN_HOST))
        return refuse_and_close(req, 400, "one Host header is needed");
    if (req->conn->http->loopback && !names_loopback(host))
        return refuse_and_close(req, 403, "Host must be localhost, 127.0.0.1 or [::1] here");
    return true;
}

static bool check_length(struct mcu_http_request *req, struct lws *wsi)
{
    char text[32];
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
        return refuse_and_close(req, 411, "send the body with Content-Length, not Transfer-Encoding");
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) == 0)
        return true;
    if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0 ||
        header_is_twice(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) ||
        strspn(text, "0123456789") != strlen(text) || strlen(text) > 18)
        return refuse_and_close(req, 400, "Content-Length must be one number");
    unsigned long long n = strtoull(text, NULL, 10);
    if (n > (unsigned long long)req->conn->http->config.max_body_bytes)
        return refuse_and_close(req, 413, "the body is too large");
    req->body_expected = (size_t)n;
    return true;
}

static bool check_type(struct mcu_http_request *req, struct lws *wsi)
{
    static const char json[] = "application/json";
    char type[128] = "";
    if (strcmp(req->method, "GET") == 0 || req->head)
        return true;
    int n = lws_hdr_copy(wsi, type, sizeof(type), WSI_TOKEN_HTTP_CONTENT_TYPE);
    size_t len = sizeof(json) - 1;
    if (n > 0 && strncasecmp(type, json, len) == 0 && (!type[len] || strchr("; \t", type[len])))
        return true;
    return refuse_and_close(req, 415, "Content-Type must be application/json");
}

/* ---- routing ---- */

static bool path_matches(const char *pattern, const char *path)
{
    size_t n = strlen(pattern);
    if (n && pattern[n - 1] == '*')
        return strncmp(pattern, path, n - 1) == 0;
    return strcmp(pattern, path) == 0;
}

static bool method_matches(const char *row, const struct mcu_http_request *req)
{
    return strcmp(row, req->method) == 0 || (req->head && strcmp(row, "GET") == 0);
}

static void allow(struct mcu_http_request *req, const char *method)
{
    size_t n = strlen(req->allow_text);
    if (!strstr(req->allow_text, method))
        snprintf(req->allow_text + n, sizeof(req->allow_text) - n, "%s%s%s", n ? ", " : "", method,
                 strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

static bool find_route(struct mcu_http_request *req)
{
    const struct mcu_http *http = req->conn->http;
    for (int i = 0; i < http->route_count; i++) {
        const struct mcu_http_route *r = &http->routes[i];
        if (!path_matches(r->path, req->path))
            continue;
        if (method_matches(r->method, req)) {
            req->route = r;
            return true;
        }
        allow(req, r->method);
    }
    if (!req->allow_text[0])
        return refuse_and_close(req, 404, "there is nothing at this path");
    req->allow = req->allow_text;
    return refuse_and_close(req, 405, "this path does not take that method");
}

/* ---- libwebsockets' callbacks ---- */

static bool copy_query(struct mcu_http_request *req, struct lws *wsi)
{
    size_t used = 0;
    for (int i = 0;; i++) {
        int len = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (len <= 0)
            return true;
        size_t left = sizeof(req->query) - 1 - used; /* the empty one at the end */
        if ((size_t)len + 1 > left ||
            lws_hdr_copy_fragment(wsi, req->query + used, (int)left, WSI_TOKEN_HTTP_URI_ARGS, i) < 0)
            return refuse_and_close(req, 414, "the query is too long");
        used += strlen(req->query + used) + 1;
    }
}

static bool copy_path(struct mcu_http_request *req, const char *path, size_t len)
{
    if (len >= sizeof(req->path))
        return refuse_and_close(req, 414, "the path is too long");
    memcpy(req->path, path, len);
    if (strlen(req->path) != len || req->path[0] != '/')
        return refuse_and_close(req, 400, "the path is not one");
    return true;
}

static bool wants_close(struct lws *wsi)
{
    char text[64];
    if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_CONNECTION) > 0 && strcasestr(text, "close"))
        return true;
    return lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP) <= 0 ||
           strcmp(text, "HTTP/1.1") != 0;
}

static void hand_over(struct mcu_http_request *req)
{
    struct mcu_http_conn *c = req->conn;
    req->handed = true;
    c->deadline_ns = INT64_MAX;
    req->route->handler(req, c->http->arg);
}

static int on_headers(struct mcu_http_conn *c, struct lws *wsi, const char *path, size_t len)
{
    char *uri;
    int uri_len;
    if (c->req)
        return -1; /* libwebsockets hands out one at a time */
    struct mcu_http_request *req = calloc(1, sizeof(*req));
    if (!req)
        return -1;
    mcu_count(MCU_CNT_HTTP_REQUESTS);
    c->req = req;
    req->conn = c;
    req->method = "?";
    int method = lws_http_get_uri_and_method(wsi, &uri, &uri_len);
    for (size_t i = 0; i < MCU_ARRAY_LEN(methods); i++)
        if (methods[i].id == method)
            req->method = methods[i].name;
    req->head = method == LWSHUMETH_HEAD;
    req->close_after = wants_close(wsi);
    mcu_http_touch(c);
    if (!check_host(req, wsi) || !check_length(req, wsi) || !copy_path(req, path, len) ||
        !copy_query(req, wsi) || !find_route(req) || !check_type(req, wsi))
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
    if (!req->out_pos && put_head(req) < 0)
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

static void on_gone(struct mcu_http_conn *c, struct lws *wsi)
{
    lws_set_opaque_user_data(wsi, NULL);
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
        mcu_count(MCU_CNT_HTTP_BAD);
        return -1;
    case LWS_CALLBACK_WSI_DESTROY:
        on_gone(c, wsi);
        return 0;
    default:
        return 0;
    }
}
