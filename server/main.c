/* tessera: command line, configuration, start. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mixer/text.h"
#include "net/addr.h"
#include "server/logo.h"
#include "server/server.h"
#include "server/words.h"

struct options {
    const char *config;
    const char *set[64];
    int set_count;
    bool check;
};

enum { OPT_CHECK = 256, OPT_VERSION };

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' },
    { "set", required_argument, NULL, 's' },
    { "check-config", no_argument, NULL, OPT_CHECK },
    { "version", no_argument, NULL, OPT_VERSION },
    { "help", no_argument, NULL, 'h' },
    { 0 },
};

/* Returns -1 to go on, else the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
    for (int c; (c = getopt_long(argc, argv, "c:s:h", long_options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            o->config = optarg;
            break;
        case 's':
            if (o->set_count == (int)MCU_ARRAY_LEN(o->set)) {
                fprintf(stderr, mcu_words()->too_many_set, o->set_count);
                return 2;
            }
            o->set[o->set_count++] = optarg;
            break;
        case OPT_CHECK:
            o->check = true;
            break;
        case OPT_VERSION:
            printf("tessera %s\n", MCU_VERSION);
            return 0;
        case 'h':
            fputs(mcu_words()->help, stdout);
            return 0;
        default:
            fputs(mcu_words()->help, stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, mcu_words()->what_is, argv[optind]);
        fputs(mcu_words()->help, stderr);
        return 2;
    }
    return -1;
}

/* A wildcard is no address to call: any of the machine's own stands for it. */
static const char *callable(const struct mcu_config *c, const char *address)
{
    struct mcu_addr a;
    if (mcu_addr_parse(&a, address, 0) == 0 && !mcu_addr_is_any(&a))
        return c->public_address[0] && !mcu_addr_is_loopback(&a) ? c->public_address : address;
    return c->public_address[0] ? c->public_address : mcu_words()->this_machine;
}

static void print_look(const struct mcu_config *c)
{
    const char *scheme = mcu_config_http_tls(c) == MCU_HTTP_PLAIN ? "http" : "https";
    const char *address = c->http_address[0] ? c->http_address : c->address;
    const char *host = callable(c, address);
    struct mcu_addr a;
    bool v6 = strchr(host, ':') != NULL;
    if (c->web)
        printf(mcu_words()->page, scheme, v6 ? "[" : "", host, v6 ? "]" : "", c->http_port);
    if (!c->http_api_all && mcu_addr_parse(&a, address, 0) == 0 && mcu_addr_is_any(&a)) {
        host = mcu_addr_is_ipv6(&a) ? "::1" : "127.0.0.1"; /* it answers to this machine alone */
        v6 = mcu_addr_is_ipv6(&a);
    }
    printf(mcu_words()->look, scheme, v6 ? "[" : "", host, v6 ? "]" : "", c->http_port);
}

static void print_addresses(const struct mcu_config *c)
{
    struct mcu_addr a;
    const char *host = callable(c, c->address);
    bool v6 = strchr(host, ':') != NULL;
    const struct mcu_words *w = mcu_words();
    const char *open = v6 ? "[" : "", *close = v6 ? "]" : "";
    printf(w->ready, MCU_VERSION);
    printf(w->call, open, host, close, c->sip_port);
    if (c->tls_cert[0])
        printf(w->call_tls, open, host, close, c->sip_tls_port);
    if (c->http_port)
        print_look(c);
    if (mcu_addr_parse(&a, c->address, 0) == 0 && mcu_addr_is_loopback(&a))
        fputs(w->only_here, stdout);
    fflush(stdout);
}

/* The first text of a process scans the fonts: now, not at the first caller's first canvas. */
static void warm_up_text(void)
{
    struct mcu_text *text = NULL;
    if (mcu_text_new(&text) < 0)
        mcu_log(MCU_LOG_WARN, "no-fonts", NULL);
    mcu_text_free(&text);
}

/* Pictures and what encoders hold go back to the system when they are freed: left alone, glibc raises
 * the size from which it maps memory, up to 32 MB, and keeps them between what lives on. */
static void set_up_allocator(void)
{
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

/* Each leg has up to four sockets; the usual soft limit is 1024. */
static void raise_descriptor_limit(const struct mcu_config *c)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < 4u * (rlim_t)c->max_legs + 100)
        mcu_log(MCU_LOG_WARN, "few-descriptors", "limit=%llu legs=%d hint=\"raise LimitNOFILE\"",
                (unsigned long long)limit.rlim_cur, c->max_legs);
}

int main(int argc, char **argv)
{
    struct options options = { 0 };
    struct mcu_config *config = calloc(1, sizeof(*config));
    struct mcu_server *server = NULL;
    struct mcu_config_origin origin;
    char error[512];
    set_up_allocator();
    int status = parse_options(argc, argv, &options);
    if (status >= 0 || !config)
        goto out;
    origin = (struct mcu_config_origin){ options.config, options.set, options.set_count };
    if (mcu_config_read(config, &origin, error, sizeof(error)) < 0) {
        fprintf(stderr, "tessera: %s\n", error);
        status = 2;
        goto out;
    }
    status = 0;
    if (options.check) {
        struct mcu_image *logo = NULL;
        if (mcu_logo_read(&logo, config, error, sizeof(error)) < 0) {
            fprintf(stderr, "tessera: %s\n", error);
            status = 2;
            goto out;
        }
        mcu_image_unref(&logo);
        fputs(mcu_words()->config_good, stdout);
        goto out;
    }
    signal(SIGPIPE, SIG_IGN);
    mcu_log_set_level(config->log_level);
    mcu_log_start();
    raise_descriptor_limit(config);
    warm_up_text();
    if (mcu_server_new(&server, config, &origin, error, sizeof(error)) < 0) {
        fprintf(stderr, "tessera: %s\n", error);
        status = 1;
        goto out;
    }
    print_addresses(config);
    if (!mcu_server_run(server)) {
        mcu_log_stop();
        _exit(1); /* what still runs must not lose the ground under its feet */
    }
    mcu_server_free(&server);
out:
    mcu_log_stop();
    free(config);
    return status;
}
