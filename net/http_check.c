/* What a request must be before a handler sees it, and which handler that is. Each check answers
 * and returns false, or returns true. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"
#include "net/addr.h"
#include "net/http_priv.h"

static const struct {
    int id;
    const char *name;
} methods[] = {
    { LWSHUMETH_GET, "GET" },         { LWSHUMETH_POST, "POST" },
    { LWSHUMETH_OPTIONS, "OPTIONS" }, { LWSHUMETH_PUT, "PUT" },
    { LWSHUMETH_PATCH, "PATCH" },     { LWSHUMETH_DELETE, "DELETE" },
    { LWSHUMETH_CONNECT, "CONNECT" }, { LWSHUMETH_HEAD, "HEAD" },
};

/* Fields that a handler may ask for; those that may come once only (RFC 9110 section 5.3). */
static const struct {
    enum lws_token_indexes token;
    bool once;
} headers[MCU_HTTP_HEADERS] = {
    [MCU_HTTP_HOST] = { WSI_TOKEN_HOST, true },
    [MCU_HTTP_AUTHORIZATION] = { WSI_TOKEN_HTTP_AUTHORIZATION, true },
    [MCU_HTTP_CONTENT_TYPE] = { WSI_TOKEN_HTTP_CONTENT_TYPE, true },
    [MCU_HTTP_IF_MATCH] = { WSI_TOKEN_HTTP_IF_MATCH, false },
    [MCU_HTTP_IF_NONE_MATCH] = { WSI_TOKEN_HTTP_IF_NONE_MATCH, false },
    [MCU_HTTP_ORIGIN] = { WSI_TOKEN_ORIGIN, true },
    [MCU_HTTP_ACCEPT] = { WSI_TOKEN_HTTP_ACCEPT, false },
    [MCU_HTTP_ACCEPT_ENCODING] = { WSI_TOKEN_HTTP_ACCEPT_ENCODING, false },
    [MCU_HTTP_ACCEPT_LANGUAGE] = { WSI_TOKEN_HTTP_ACCEPT_LANGUAGE, false },
};

static bool refuse(struct mcu_http_request *req, int status, const char *why)
{
    return mcu_http_refuse(req, status, why, NULL, NULL);
}

static bool header_is_twice(struct lws *wsi, enum lws_token_indexes token)
{
    return lws_hdr_fragment_length(wsi, token, 1) > 0;
}

/* ---- reading the head ---- */

static const char *trimmed(char *s)
{
    size_t n = strlen(s);
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        s[--n] = '\0';
    return s + strspn(s, " \t");
}

static bool copy_headers(struct mcu_http_request *req, struct lws *wsi)
{
    size_t size = 0, used = 0;
    for (int i = 0; i < MCU_HTTP_HEADERS; i++)
        size += (size_t)lws_hdr_total_length(wsi, headers[i].token) + 2;
    req->head_text = malloc(size);
    if (!req->head_text)
        return refuse(req, 503, "out of memory");
    req->head_size = size;
    for (int i = 0; i < MCU_HTTP_HEADERS; i++) {
        char *at = req->head_text + used;
        if (headers[i].once && header_is_twice(wsi, headers[i].token))
            return refuse(req, 400,
                          i == MCU_HTTP_HOST ? "one Host header is needed"
                                             : "a header field stands there twice");
        int n = lws_hdr_copy(wsi, at, (int)(size - used), headers[i].token);
        if (n <= 0)
            continue;
        at[n] = '\0';
        used += (size_t)n + 1;
        req->headers[i] = trimmed(at);
    }
    return true;
}

static bool copy_query(struct mcu_http_request *req, struct lws *wsi)
{
    size_t used = 0;
    for (int i = 0;; i++) {
        int len = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (len <= 0)
            return true;
        size_t left = sizeof(req->query) - 1 - used; /* the empty one at the end */
        if ((size_t)len + 1 > left || lws_hdr_copy_fragment(wsi, req->query + used, (int)left,
                                                            WSI_TOKEN_HTTP_URI_ARGS, i) < 0)
            return refuse(req, 414, "the query is too long");
        used += strlen(req->query + used) + 1;
    }
}

static bool copy_path(struct mcu_http_request *req, const char *path, size_t len)
{
    if (len >= sizeof(req->path))
        return refuse(req, 414, "the path is too long");
    memcpy(req->path, path, len);
    if (strlen(req->path) != len || req->path[0] != '/')
        return refuse(req, 400, "the path is not one");
    return true;
}

/* libwebsockets 4.1 decodes "%0a" in a path or query, then takes it for the end of the request
 * line: what follows would be header fields, which a page of another site could write with a link.
 * Then the version is not where it must be; a browser has no way to put it there. */
static bool check_version(struct mcu_http_request *req, struct lws *wsi)
{
    char text[64];
    int n = lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP);
    bool one = n > 0 && strcmp(text, "HTTP/1.1") == 0;
    if (!one && (n <= 0 || strcmp(text, "HTTP/1.0") != 0))
        return refuse(req, 400, "the request line is none");
    req->close_after = !one || (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_CONNECTION) > 0 &&
                                strcasestr(text, "close"));
    return true;
}

/* ---- checks ---- */

/* name, with or without a port. */
static bool is_host(const char *host, const char *name)
{
    size_t n = strlen(name);
    return strncasecmp(host, name, n) == 0 &&
           (!host[n] ||
            (host[n] == ':' && strspn(host + n + 1, "0123456789") == strlen(host + n + 1)));
}

static bool names_us(const struct mcu_http *http, const char *host)
{
    static const char *const loopback[] = { "localhost", "127.0.0.1", "[::1]" };
    for (size_t i = 0; i < MCU_ARRAY_LEN(loopback); i++)
        if (is_host(host, loopback[i]))
            return true;
    for (int i = 0; i < http->config.host_name_count; i++) {
        const char *name = http->config.host_names[i];
        char v6[64];
        snprintf(v6, sizeof(v6), "[%s]", name);
        if (is_host(host, strchr(name, ':') ? v6 : name))
            return true;
    }
    return false;
}

static bool check_host(struct mcu_http_request *req)
{
    const char *host = req->headers[MCU_HTTP_HOST];
    if (!host || !*host)
        return refuse(req, 400, "one Host header is needed");
    if (req->conn->http->loopback && !names_us(req->conn->http, host))
        return refuse(req, 403, "Host must be localhost, 127.0.0.1 or [::1] here");
    return true;
}

/* Of the address that we listen on comes only who is here too. A proxy on this machine speaks for
 * others: it must not pass such paths on. */
static bool check_local(struct mcu_http_request *req)
{
    const struct mcu_http *http = req->conn->http;
    const char *own = http->address, *host = req->headers[MCU_HTTP_HOST];
    struct mcu_addr from;
    if (!req->route->local)
        return true;
    bool here = mcu_addr_parse(&from, req->source, 0) == 0 &&
                (mcu_addr_is_loopback(&from) || strcmp(req->source, own) == 0);
    char v6[64];
    snprintf(v6, sizeof(v6), "[%s]", own);
    if (here && (names_us(http, host) || is_host(host, strchr(own, ':') ? v6 : own)))
        return true;
    return refuse(req, 403, "only this machine may ask for that");
}

static bool check_length(struct mcu_http_request *req, struct lws *wsi)
{
    char text[32];
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
        return refuse(req, 411, "send the body with Content-Length, not Transfer-Encoding");
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) == 0)
        return true;
    if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0 ||
        header_is_twice(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) ||
        strspn(text, "0123456789") != strlen(text) || strlen(text) > 18)
        return refuse(req, 400, "Content-Length must be one number");
    unsigned long long n = strtoull(text, NULL, 10);
    if (n > (unsigned long long)req->conn->http->config.max_body_bytes)
        return refuse(req, 413, "the body is too large");
    req->body_expected = (size_t)n;
    return true;
}

static bool has_body_type(const struct mcu_http_route *row)
{
    return !row->accepts || *row->accepts;
}

static bool check_type(struct mcu_http_request *req)
{
    const char *wanted = req->route->accepts ? req->route->accepts : "application/json";
    const char *type = req->headers[MCU_HTTP_CONTENT_TYPE];
    char why[160];
    size_t len = strlen(wanted);
    if (strcmp(req->method, "GET") == 0 || req->head || !has_body_type(req->route))
        return true;
    if (type && strncasecmp(type, wanted, len) == 0 && (!type[len] || strchr("; \t", type[len])))
        return true;
    snprintf(why, sizeof(why), "Content-Type must be %s", wanted);
    const char *name = strcmp(req->method, "POST") == 0    ? "Accept-Post"
                       : strcmp(req->method, "PATCH") == 0 ? "Accept-Patch"
                                                           : NULL;
    return mcu_http_refuse(req, 415, why, name, wanted);
}

/* ---- WebSocket (RFC 6455 section 4.2.1) ---- */

/* Whether a comma-separated list has the word. */
static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);
    while (*list) {
        list += strspn(list, ", \t");
        size_t n = strcspn(list, ", \t");
        if (n == len && strncasecmp(list, word, len) == 0)
            return true;
        list += n;
    }
    return false;
}

/* "http://host:port" of the page that opens it, and "host:port" that it opens. */
static bool is_same_site(const char *origin, const char *host)
{
    const char *rest = strstr(origin, "://");
    return rest && strcasecmp(rest + 3, host) == 0;
}

static bool check_upgrade(struct mcu_http_request *req, struct lws *wsi)
{
    char text[128];
    const struct mcu_ws_route *ws = req->route->ws;
    const char *origin = req->headers[MCU_HTTP_ORIGIN];
    if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_CONNECTION) <= 0 ||
        !has_word(text, "upgrade") || strcmp(req->method, "GET") != 0 ||
        lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_KEY) != 24 ||
        header_is_twice(wsi, WSI_TOKEN_KEY) || req->body_expected)
        return refuse(req, 400, "that is no upgrade to a WebSocket");
    if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_VERSION) <= 0 || strcmp(text, "13") != 0)
        return mcu_http_refuse(req, 426, "Sec-WebSocket-Version must be 13",
                               "Sec-WebSocket-Version", "13");
    if (!ws->any_origin && origin && !is_same_site(origin, req->headers[MCU_HTTP_HOST]))
        return refuse(req, 403, "a page of another site must not open this WebSocket");
    if (ws->subprotocol && (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_PROTOCOL) <= 0 ||
                            !has_word(text, ws->subprotocol))) {
        snprintf(text, sizeof(text), "the subprotocol %s must be offered", ws->subprotocol);
        return refuse(req, 400, text);
    }
    return true;
}

/* ---- routing ---- */

static bool path_matches(const char *pattern, const char *path)
{
    size_t n = strlen(pattern);
    if (n && pattern[n - 1] == '*')
        return strncmp(pattern, path, n - 1) == 0;
    return strcmp(pattern, path) == 0;
}

static bool method_matches(const struct mcu_http_route *row, const struct mcu_http_request *req)
{
    return strcmp(row->method, req->method) == 0 || (req->head && strcmp(row->method, "GET") == 0);
}

/* The rows of a path, in words. */
struct offer {
    char methods[96];      /* of rows with a handler */
    char cors_methods[96]; /* of those that other sites may use */
    const char *post_type; /* of such a one */
    bool ws;
};

static void list_method(char *list, size_t size, const char *method)
{
    size_t n = strlen(list);
    if (!strstr(list, method))
        snprintf(list + n, size - n, "%s%s%s", n ? ", " : "", method,
                 strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

static void note_row(struct mcu_http_request *req, const struct mcu_http_route *row,
                     struct offer *offer)
{
    offer->ws |= row->ws != NULL;
    if (row->handler)
        list_method(offer->methods, sizeof(offer->methods), row->method);
    if (!row->cors)
        return;
    req->cors = true;
    list_method(offer->cors_methods, sizeof(offer->cors_methods), row->method);
    if (strcmp(row->method, "POST") == 0 && has_body_type(row))
        offer->post_type = row->accepts ? row->accepts : "application/json";
}

/* What a browser asks before it sends what another site may not send unasked (Fetch section 3.2.2),
 * and what WHIP's clients may ask (RFC 9725 section 4.2). */
static bool answer_options(struct mcu_http_request *req, const struct offer *offer)
{
    char allow[112];
    snprintf(allow, sizeof(allow), "%s, OPTIONS", offer->methods);
    struct mcu_http_field fields[5] = {
        { "Access-Control-Allow-Methods", offer->cors_methods },
        { "Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match" },
        { "Access-Control-Max-Age", "600" },
        { "Allow", allow },
        { "Accept-Post", offer->post_type },
    };
    req->handed = true;
    req->close_after |= lws_hdr_total_length(req->conn->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0;
    mcu_http_respond_with(req, 204, fields, offer->post_type ? 5 : 4, NULL, NULL, 0);
    return false;
}

static bool find_route(struct mcu_http_request *req)
{
    const struct mcu_http *http = req->conn->http;
    struct offer offer = { .ws = false };
    for (int i = 0; i < http->route_count; i++) {
        const struct mcu_http_route *r = &http->routes[i];
        if (!path_matches(r->path, req->path))
            continue;
        note_row(req, r, &offer);
        if (!req->route && method_matches(r, req) && (req->upgrade ? r->ws != NULL : !!r->handler))
            req->route = r;
    }
    if (req->route) {
        req->cors = req->route->cors;
        return true;
    }
    if (req->cors && strcmp(req->method, "OPTIONS") == 0)
        return answer_options(req, &offer);
    if (offer.ws && !req->upgrade && (strcmp(req->method, "GET") == 0 || req->head))
        return mcu_http_refuse(req, 426, "only a WebSocket is here", "Upgrade", "websocket");
    if (!offer.methods[0] && !offer.ws)
        return refuse(req, 404, "there is nothing at this path");
    return mcu_http_refuse(req, 405,
                           req->upgrade ? "there is no WebSocket at this path"
                                        : "this path does not take that method",
                           "Allow", offer.methods[0] ? offer.methods : "GET");
}

bool mcu_http_check(struct mcu_http_request *req, struct lws *wsi, const char *path, size_t len)
{
    char *uri = NULL;
    int uri_len = 0, method = lws_http_get_uri_and_method(wsi, &uri, &uri_len);
    for (size_t i = 0; i < MCU_ARRAY_LEN(methods); i++)
        if (methods[i].id == method)
            req->method = methods[i].name;
    if (!path) {
        path = uri ? uri : "";
        len = uri && uri_len > 0 ? (size_t)uri_len : 0;
    }
    req->head = method == LWSHUMETH_HEAD;
    return check_version(req, wsi) && copy_headers(req, wsi) && check_host(req) &&
           copy_path(req, path, len) && copy_query(req, wsi) && find_route(req) &&
           check_local(req) && check_length(req, wsi) && (req->upgrade ? check_upgrade(req, wsi) : check_type(req));
}
