/* Answers: the head with its fields, and files that are part of the program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/counter.h"
#include "mixer/base/log.h"
#include "net/http_priv.h"
#include "net/text_out.h"

#define JSON_TYPE "application/json"

static const struct {
    int status;
    const char *phrase;
} phrases[] = {
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 304, "Not Modified" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 409, "Conflict" },
    { 411, "Length Required" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 422, "Unprocessable Content" },
    { 426, "Upgrade Required" },
    { 428, "Precondition Required" },
    { 429, "Too Many Requests" },
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

/* ---- the head ---- */

/* RFC 9110 section 8.6: neither has a body, nor says a length. */
static bool has_no_content(int status)
{
    return status == 204 || status == 304;
}

int mcu_http_put_head(struct mcu_http_request *req)
{
    char head[MCU_HTTP_HEAD_BYTES];
    struct mcu_text_out t = { .buf = head, .size = sizeof(head) };
    mcu_put(&t, "HTTP/1.1 %d %s\r\n", req->status, phrase_of(req->status));
    if (req->type)
        mcu_put(&t, "Content-Type: %s\r\n", req->type);
    if (!has_no_content(req->status))
        mcu_put(&t, "Content-Length: %zu\r\n", req->content_length);
    if (!req->storable)
        mcu_put(&t, "Cache-Control: no-store\r\n");
    mcu_put(&t, "X-Content-Type-Options: nosniff\r\n");
    if (req->cors)
        mcu_put(&t, "Access-Control-Allow-Origin: *\r\n"
                "Access-Control-Expose-Headers: Location, ETag, Link\r\n");
    mcu_put(&t, "%s%s\r\n", req->fields ? req->fields : "",
        req->close_after ? "Connection: close\r\n" : "");
    if (t.full)
        return -1;
    req->out_pos = LWS_PRE + MCU_HTTP_HEAD_BYTES - t.used;
    memcpy(req->out + req->out_pos, head, t.used);
    return 0;
}

/* RFC 9110 sections 5.1 and 5.6.2. */
static bool is_name(const char *s)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return *s && strspn(s, token) == strlen(s);
}

/* Section 5.5: no control characters, so that nothing can begin a line of its own. */
static bool is_value(const char *s)
{
    for (; *s; s++)
        if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
            return false;
    return true;
}

static bool add_fields(struct mcu_http_request *req, const struct mcu_http_field *fields, int n)
{
    struct mcu_text_out t = { .size = MCU_HTTP_FIELD_BYTES };
    if (n == 0)
        return true;
    t.buf = req->fields = malloc(t.size);
    if (!t.buf)
        return false;
    *t.buf = '\0';
    for (int i = 0; i < n; i++) {
        if (!is_name(fields[i].name) || !is_value(fields[i].value)) {
            mcu_log(MCU_LOG_ERROR, "http-answer", "error=\"field %d is none\" status=%d", i,
                    req->status);
            return false;
        }
        mcu_put(&t, "%s: %s\r\n", fields[i].name, fields[i].value);
        req->storable |= strcasecmp(fields[i].name, "Cache-Control") == 0;
    }
    if (t.full)
        mcu_log(MCU_LOG_ERROR, "http-answer", "error=\"too many fields\" status=%d", req->status);
    return !t.full;
}

void mcu_http_respond_with(struct mcu_http_request *req, int status,
                           const struct mcu_http_field *fields, int n, const char *content_type,
                           const void *body, size_t size)
{
    struct mcu_http_conn *c = req->conn;
    if (!c) {
        mcu_http_request_free(req);
        return;
    }
    req->status = status;
    req->type = content_type;
    if (!add_fields(req, fields, n)) {
        free(req->fields);
        req->fields = NULL;
        req->storable = false;
        req->status = 500;
        req->type = NULL;
        size = 0;
    }
    if (req->status >= 400 && req->status < 500)
        mcu_count(MCU_CNT_HTTP_BAD);
    req->content_length = size;
    req->answered = true;
    mcu_http_touch(c);
    /* HEAD: the length only (RFC 9110 section 9.3.2) */
    size_t sent = req->head || has_no_content(req->status) ? 0 : size;
    req->out_end = LWS_PRE + MCU_HTTP_HEAD_BYTES + sent;
    req->out = malloc(req->out_end);
    if (!req->out) {
        c->deadline_ns = 0; /* no answer to give: the sweep cuts it */
        return;
    }
    if (sent)
        memcpy(req->out + LWS_PRE + MCU_HTTP_HEAD_BYTES, body, sent);
    if (!req->upgrade) /* else it goes at once */
        lws_callback_on_writable(c->wsi);
}

void mcu_http_respond(struct mcu_http_request *req, int status, const char *content_type,
                      const void *body, size_t size)
{
    mcu_http_respond_with(req, status, NULL, 0, content_type, body, size);
}

static void fail_with(struct mcu_http_request *req, int status, const char *why,
                      const struct mcu_http_field *fields, int n)
{
    char body[256];
    int len = snprintf(body, sizeof(body), "{\"error\":\"%s\"}\n", why);
    mcu_http_respond_with(req, status, fields, n, JSON_TYPE, body, (size_t)len);
}

void mcu_http_fail(struct mcu_http_request *req, int status, const char *why)
{
    fail_with(req, status, why, NULL, 0);
}

bool mcu_http_refuse(struct mcu_http_request *req, int status, const char *why, const char *name,
                     const char *value)
{
    struct mcu_http_field field = { name, value };
    req->close_after = true;
    req->handed = true;
    fail_with(req, status, why, &field, name ? 1 : 0);
    return false;
}

/* ---- files ---- */

/* The next element of a list (RFC 9110 section 5.6.1), without the space around it. */
static size_t next_element(const char **list, const char **element)
{
    const char *s = *list + strspn(*list, ", \t");
    size_t n = 0, end;
    bool quoted = false;
    for (; s[n] && (quoted || s[n] != ','); n++)
        quoted ^= s[n] == '"';
    *list = s + n;
    *element = s;
    for (end = n; end && (s[end - 1] == ' ' || s[end - 1] == '\t'); end--)
        ;
    return end;
}

/* Section 13.1.2; weak comparison: "W/" makes no difference. */
static bool has_it_already(const struct mcu_http_request *req, const char *etag)
{
    const char *list = req->headers[MCU_HTTP_IF_NONE_MATCH], *e;
    etag += strncmp(etag, "W/", 2) == 0 ? 2 : 0;
    for (size_t n; list && (n = next_element(&list, &e)) > 0;) {
        size_t weak = n > 2 && strncmp(e, "W/", 2) == 0 ? 2 : 0;
        if ((n == 1 && *e == '*') ||
            (n - weak == strlen(etag) && strncmp(e + weak, etag, n - weak) == 0))
            return true;
    }
    return false;
}

/* Section 12.5.3; a weight of zero says no. */
static bool takes_gzip(const struct mcu_http_request *req)
{
    const char *list = req->headers[MCU_HTTP_ACCEPT_ENCODING], *e;
    for (size_t n; list && (n = next_element(&list, &e)) > 0;) {
        char one[64];
        snprintf(one, sizeof(one), "%.*s", (int)n, e);
        const char *weight = strcasestr(one, "q=");
        size_t name = strcspn(one, "; \t");
        if (name == 4 && strncasecmp(one, "gzip", 4) == 0)
            return !weight || strtod(weight + 2, NULL) > 0;
    }
    return false;
}

#define FILE_FIELDS 4
#define MORE_FIELDS 12

void mcu_http_respond_file(struct mcu_http_request *req, const struct mcu_http_file *file,
                           const struct mcu_http_field *more, int n)
{
    bool gzip = file->gzip && takes_gzip(req);
    struct mcu_http_field f[FILE_FIELDS + MORE_FIELDS] = {
        { "ETag", file->etag },
        { "Cache-Control", "no-cache" },
        { "Vary", "Accept-Encoding" },
    };
    int count = 3;
    if (has_it_already(req, file->etag)) {
        mcu_http_respond_with(req, 304, f, count, NULL, NULL, 0);
        return;
    }
    if (gzip)
        f[count++] = (struct mcu_http_field){ "Content-Encoding", "gzip" };
    for (int i = 0; i < n && i < MORE_FIELDS; i++)
        f[count++] = more[i];
    mcu_http_respond_with(req, 200, f, count, file->content_type, gzip ? file->gzip : file->data,
                          gzip ? file->gzip_size : file->size);
}
