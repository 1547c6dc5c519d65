/* tests/fuzz/http_check.c - what is checked of a request before a handler sees it
 * (net/http_check.c), over heads of any content. libwebsockets is left out: the input is the head
 * as it has it after its own parser, so that fields may come in fragments and hold any byte. What
 * is let through keeps what net/http.h promises; what is not is answered once, with a status of
 * those and a reason.
 *
 * First byte: bit 0 listening on loopback, bit 1 an upgrade, bit 2 the path where libwebsockets
 * keeps it, bits 3 and 4 where it comes from. Then lines: method, path, version, parameters of the
 * query with "?" before each; fields as "Name:value". */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mixer/base/util.h"
#include "net/http_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)  ((x) ? (void)0 : abort())
#define OWN       "192.0.2.9"
#define MOST_BODY 65536
#define FRAGMENTS 24

/* ---- a head, as libwebsockets tells of it ---- */

struct fragment {
    enum lws_token_indexes token;
    const char *text;
    int len;
};

struct lws {
    int method;
    char *path;
    int path_len;
    struct fragment fragments[FRAGMENTS];
    int count;
};

static const struct fragment *fragment_at(const struct lws *wsi, enum lws_token_indexes token,
                                          int index)
{
    for (int i = 0; i < wsi->count; i++)
        if (wsi->fragments[i].token == token && index-- == 0)
            return &wsi->fragments[i];
    return NULL;
}

int lws_hdr_fragment_length(struct lws *wsi, enum lws_token_indexes token, int index)
{
    const struct fragment *f = fragment_at(wsi, token, index);
    return f ? f->len : 0;
}

/* Those of one name, with a comma between two. */
int lws_hdr_total_length(struct lws *wsi, enum lws_token_indexes token)
{
    int sum = 0;
    for (int i = 0; fragment_at(wsi, token, i); i++)
        sum += fragment_at(wsi, token, i)->len + (i > 0);
    return sum;
}

int lws_hdr_copy(struct lws *wsi, char *dst, int room, enum lws_token_indexes token)
{
    int total = lws_hdr_total_length(wsi, token);
    *dst = '\0';
    if (total == 0)
        return 0;
    if (total >= room)
        return -1;
    for (int i = 0; fragment_at(wsi, token, i); i++) {
        const struct fragment *f = fragment_at(wsi, token, i);
        if (i > 0)
            *dst++ = ',';
        memcpy(dst, f->text, (size_t)f->len);
        dst += f->len;
    }
    *dst = '\0';
    return total;
}

int lws_hdr_copy_fragment(struct lws *wsi, char *dst, int room, enum lws_token_indexes token,
                          int index)
{
    const struct fragment *f = fragment_at(wsi, token, index);
    if (!f || f->len >= room)
        return -1;
    memcpy(dst, f->text, (size_t)f->len);
    dst[f->len] = '\0';
    return f->len;
}

int lws_http_get_uri_and_method(struct lws *wsi, char **uri, int *len)
{
    *uri = wsi->path;
    *len = wsi->path_len;
    return wsi->method;
}

/* ---- answers, which are only counted ---- */

static int answers;

bool mcu_http_refuse(struct mcu_http_request *req, int status, const char *why, const char *name,
                     const char *value)
{
    CHECK(status >= 400 && status <= 431 && why[0] && (!name || (name[0] && value[0])));
    CHECK(status != 405 || strcmp(name, "Allow") == 0);
    answers++;
    return false;
}

void mcu_http_respond_with(struct mcu_http_request *req, int status,
                           const struct mcu_http_field *fields, int count, const char *content_type,
                           const void *body, size_t size)
{
    CHECK(status == 204 && req->handed && strcmp(req->method, "OPTIONS") == 0 && size == 0);
    for (int i = 0; i < count; i++)
        CHECK(fields[i].name[0] && fields[i].value && fields[i].value[0]);
    answers++;
}

/* ---- a server ---- */

static void handler(struct mcu_http_request *req, void *arg)
{
}

static const struct mcu_ws_events events;
static const struct mcu_ws_route page = { &events, "tessera.v1", false };
static const struct mcu_ws_route any = { &events, NULL, true };

static const struct mcu_http_route routes[] = {
    { "GET", "/", handler, .local = false },
    { "GET", "/api/*", handler, .local = true },
    { "POST", "/api/*", handler, .local = true },
    { "DELETE", "/api/*", handler, .accepts = "", .local = true },
    { "GET", "/join/*", NULL, .ws = &page },
    { "GET", "/any", handler, .ws = &any },
    { "POST", "/whip/*", handler, .accepts = "application/sdp", .cors = true },
    { "PATCH", "/whip/*", handler, .accepts = "application/trickle-ice-sdpfrag", .cors = true },
    { "DELETE", "/whip/*", handler, .accepts = "", .cors = true },
};

static const char *const names[] = { "conference.example", "2001:db8::5" };

static struct mcu_http server = {
    .routes = routes,
    .route_count = MCU_ARRAY_LEN(routes),
    .address = OWN,
    .config = { .max_body_bytes = MOST_BODY, .host_names = names, .host_name_count = 2 }
};

/* ---- reading the input ---- */

static const struct {
    const char *name;
    enum lws_token_indexes token;
} fields[] = {
    { "Host", WSI_TOKEN_HOST },
    { "Connection", WSI_TOKEN_CONNECTION },
    { "Content-Length", WSI_TOKEN_HTTP_CONTENT_LENGTH },
    { "Content-Type", WSI_TOKEN_HTTP_CONTENT_TYPE },
    { "Transfer-Encoding", WSI_TOKEN_HTTP_TRANSFER_ENCODING },
    { "Authorization", WSI_TOKEN_HTTP_AUTHORIZATION },
    { "Origin", WSI_TOKEN_ORIGIN },
    { "If-Match", WSI_TOKEN_HTTP_IF_MATCH },
    { "Sec-WebSocket-Key", WSI_TOKEN_KEY },
    { "Sec-WebSocket-Version", WSI_TOKEN_VERSION },
    { "Sec-WebSocket-Protocol", WSI_TOKEN_PROTOCOL },
};

static const struct {
    const char *name;
    int id;
} methods[] = { { "GET", LWSHUMETH_GET },         { "POST", LWSHUMETH_POST },
                { "PATCH", LWSHUMETH_PATCH },     { "DELETE", LWSHUMETH_DELETE },
                { "HEAD", LWSHUMETH_HEAD },       { "PUT", LWSHUMETH_PUT },
                { "OPTIONS", LWSHUMETH_OPTIONS }, { "CONNECT", LWSHUMETH_CONNECT } };

/* The next line of the text, which ends with a zero byte where the line does. */
static char *next_line(char **at, char *end, size_t *len)
{
    char *line = *at, *stop = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;
    if (line >= end)
        return NULL;
    stop = stop ? stop : end;
    *len = (size_t)(stop - line);
    *stop = '\0';
    *at = stop + 1;
    return line;
}

static void add(struct lws *wsi, enum lws_token_indexes token, const char *text, size_t len)
{
    if (wsi->count < FRAGMENTS && len > 0)
        wsi->fragments[wsi->count++] = (struct fragment){ token, text, (int)len };
}

static void take_field(struct lws *wsi, const char *line, size_t len)
{
    if (line[0] == '?')
        add(wsi, WSI_TOKEN_HTTP_URI_ARGS, line + 1, len - 1);
    for (size_t i = 0; i < MCU_ARRAY_LEN(fields); i++) {
        size_t n = strlen(fields[i].name);
        if (len > n && line[n] == ':' && strncasecmp(line, fields[i].name, n) == 0)
            add(wsi, fields[i].token, line + n + 1, len - n - 1);
    }
}

static void take_head(struct lws *wsi, char *at, char *end)
{
    size_t len;
    char *line = next_line(&at, end, &len);
    for (size_t i = 0; line && i < MCU_ARRAY_LEN(methods); i++)
        if (strcmp(line, methods[i].name) == 0)
            wsi->method = methods[i].id;
    if ((line = next_line(&at, end, &len))) {
        wsi->path = line;
        wsi->path_len = (int)len;
    }
    if ((line = next_line(&at, end, &len)))
        add(wsi, WSI_TOKEN_HTTP, line, len);
    while ((line = next_line(&at, end, &len)))
        take_field(wsi, line, len);
}

/* ---- what must hold of a request that is let through ---- */

/* name, or name and a port. */
static bool host_is(const char *host, const char *name)
{
    size_t n = strlen(name);
    if (strncasecmp(host, name, n) != 0)
        return false;
    for (const char *p = host + n; *p; p++)
        if (p == host + n ? *p != ':' : *p < '0' || *p > '9')
            return false;
    return true;
}

static bool host_is_ours(const char *host)
{
    return host_is(host, "localhost") || host_is(host, "127.0.0.1") || host_is(host, "[::1]") ||
           host_is(host, names[0]) || host_is(host, "[2001:db8::5]");
}

static void check_texts(const struct mcu_http_request *req, const struct lws *wsi)
{
    for (int i = 0; i < MCU_HTTP_HEADERS; i++)
        if (req->headers[i])
            CHECK(req->headers[i] >= req->head_text &&
                  req->headers[i] + strlen(req->headers[i]) < req->head_text + req->head_size);
    CHECK(memchr(req->path, 0, sizeof(req->path)) && req->path[0] == '/');
    CHECK(strlen(req->path) == (size_t)wsi->path_len); /* all of it was judged */
    const char *end = req->query + sizeof(req->query), *at = req->query;
    while (at < end && *at)
        at += strnlen(at, (size_t)(end - at)) + 1;
    CHECK(at < end);
}

static void check_body(const struct mcu_http_request *req, struct lws *wsi)
{
    const struct fragment *length = fragment_at(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, 0);
    const char *wanted = req->route->accepts ? req->route->accepts : "application/json";
    bool form = strcmp(req->method, "GET") != 0 && !req->head;
    CHECK(!fragment_at(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING, 0));
    CHECK(!fragment_at(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, 1) && req->body_expected <= MOST_BODY);
    CHECK(length || req->body_expected == 0);
    CHECK(!length || strtoull(length->text, NULL, 10) == req->body_expected);
    if (!req->upgrade && form && *wanted)
        CHECK(req->headers[MCU_HTTP_CONTENT_TYPE] &&
              strncasecmp(req->headers[MCU_HTTP_CONTENT_TYPE], wanted, strlen(wanted)) == 0);
}

static void check_upgrade(const struct mcu_http_request *req, struct lws *wsi)
{
    const char *origin = req->headers[MCU_HTTP_ORIGIN];
    CHECK(req->route->ws && strcmp(req->method, "GET") == 0 && req->body_expected == 0);
    CHECK(lws_hdr_total_length(wsi, WSI_TOKEN_KEY) == 24);
    if (!req->route->ws->any_origin && origin) {
        size_t n = strlen(origin), host = strlen(req->headers[MCU_HTTP_HOST]);
        CHECK(n >= host + 3 && strcasecmp(origin + n - host, req->headers[MCU_HTTP_HOST]) == 0);
        CHECK(memcmp(origin + n - host - 3, "://", 3) == 0);
    }
}

static void check_let_through(const struct mcu_http_request *req, struct lws *wsi)
{
    const struct mcu_http_route *r = req->route;
    const char *host = req->headers[MCU_HTTP_HOST];
    CHECK(answers == 0 && r >= routes && r < routes + MCU_ARRAY_LEN(routes));
    size_t prefix = strcspn(r->path, "*");
    CHECK(strncmp(req->path, r->path, prefix) == 0 && (r->path[prefix] || !req->path[prefix]));
    CHECK(strcmp(req->method, r->method) == 0 || (req->head && strcmp(r->method, "GET") == 0));
    CHECK(host && *host && !fragment_at(wsi, WSI_TOKEN_HOST, 1));
    CHECK(!server.loopback || host_is_ours(host));
    if (r->local) /* none of another machine, nor through a name that is none of ours */
        CHECK(strcmp(req->source, "203.0.113.1") != 0 &&
              (host_is_ours(host) || host_is(host, OWN)));
    CHECK(!fragment_at(wsi, WSI_TOKEN_HTTP, 1));
    check_texts(req, wsi);
    check_body(req, wsi);
    if (req->upgrade)
        check_upgrade(req, wsi);
    else
        CHECK(r->handler);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const sources[] = { "127.0.0.1", "::1", OWN, "203.0.113.1" };
    static struct mcu_http_request req;
    struct lws wsi = { .method = -1 };
    struct mcu_http_conn conn = { .http = &server, .wsi = &wsi };
    if (size < 2)
        return 0;
    char *text = malloc(size);
    CHECK(text);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    memset(&req, 0, sizeof(req));
    req.conn = &conn;
    server.loopback = data[0] & 1;
    req.upgrade = data[0] & 2;
    strcpy(req.source, sources[data[0] >> 3 & 3]);
    answers = 0;
    take_head(&wsi, text, text + size - 1);
    bool kept = data[0] & 4 || !wsi.path;
    if (wsi.method >= 0) { /* others end the connection */
        if (mcu_http_check(&req, &wsi, kept ? NULL : wsi.path, (size_t)wsi.path_len))
            check_let_through(&req, &wsi);
        else
            CHECK(answers == 1);
    }
    free(req.head_text);
    free(text);
    return 0;
}
