#include "server/page.h"

#include <stdio.h>
#include <string.h>

#include "mixer/base/util.h"

#define INDEX "/index.html"
#define ROOMS "/r/"

const struct mcu_http_file *mcu_page_file(const char *path)
{
    for (int i = 0; i < mcu_page_file_count; i++)
        if (strcmp(mcu_page_files[i].path, path) == 0)
            return &mcu_page_files[i];
    return NULL;
}

/* Whether it can stand in a policy. Not an IPv6 address, for which CSP has no form. */
static bool is_plain_host(const char *host)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:";
    return *host && strspn(host, letters) == strlen(host);
}

/* 'self' covers WebSockets of the same host and port in CSP level 3 alone; older browsers want them
 * named. */
static void write_policy(const struct mcu_http_request *req, char *out, size_t size)
{
    char host[256], sockets[600] = "";
    if (mcu_http_header(req, MCU_HTTP_HOST, host, sizeof(host)) && is_plain_host(host))
        snprintf(sockets, sizeof(sockets), " ws://%s wss://%s", host, host);
    snprintf(out, size,
             "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
             "media-src 'self' blob: mediastream:; connect-src 'self'%s; font-src 'self'; "
             "manifest-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
             "form-action 'self'",
             sockets);
}

static void get_page(struct mcu_http_request *req, void *arg)
{
    char policy[1024];
    const char *path = mcu_http_path(req);
    bool page = strcmp(path, "/") == 0 || strncmp(path, ROOMS, strlen(ROOMS)) == 0;
    const struct mcu_http_file *file = mcu_page_file(page ? INDEX : path);
    const struct mcu_http_field fields[] = {
        { "Content-Security-Policy", policy },
        { "Referrer-Policy", "no-referrer" },
        { "Permissions-Policy",
          "camera=(self), microphone=(self), fullscreen=(self), autoplay=(self), "
          "display-capture=(), geolocation=(), payment=(), usb=()" },
        { "Cross-Origin-Opener-Policy", "same-origin" },
        { "Cross-Origin-Resource-Policy", "same-origin" },
    };
    if (!file) {
        mcu_http_fail(req, 404, "there is nothing at this path");
        return;
    }
    write_policy(req, policy, sizeof(policy));
    mcu_http_respond_file(req, file, fields, MCU_ARRAY_LEN(fields));
}

const struct mcu_http_route *mcu_page_routes(int *n)
{
    static const struct mcu_http_route routes[] = {
        { "GET", "/", .handler = get_page },
        { "GET", ROOMS "*", .handler = get_page },
        { "GET", "/assets/*", .handler = get_page },
        { "GET", "/favicon.ico", .handler = get_page },
    };
    *n = (int)MCU_ARRAY_LEN(routes);
    return routes;
}
