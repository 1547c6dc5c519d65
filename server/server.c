#include "server/server.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "net/dtls.h"
#include "net/ice.h"
#include "server/load.h"
#include "server/logo.h"
#include "server/recorder.h"
#include "server/web_side.h"

#define CALLS_END_MS  4000 /* BYE to all and their answers */
#define DRAIN_MS      800  /* conferences end, recordings are closed */
#define DRAIN_STEP_NS (10 * MCU_NS_PER_MS)

/* One server a process; what only this file needs of it. */
struct running {
    struct mcu_server server; /* first: a struct mcu_server * is a struct running * */
    struct mcu_timer drain_timer;
    int64_t drain_until_ns;
    bool incomplete; /* something did not end in time */
    int sides_left;  /* whose legs are still ending */
    sem_t over;
    int start_error;
    char start_what[128];
};

static struct running *running_of(struct mcu_server *s)
{
    return (struct running *)s;
}

/* ---- stop ---- */

static void on_drain(struct mcu_timer *timer)
{
    struct running *r = mcu_container_of(timer, struct running, drain_timer);
    int64_t now = mcu_loop_now(timer->loop);
    bool idle = mcu_directory_alive(r->server.directory) == 0 && mcu_recorder_open_files() == 0;
    if (idle || now >= r->drain_until_ns) {
        if (!idle)
            mcu_log(MCU_LOG_WARN, "stop-incomplete", "conferences=%d recordings=%d",
                    mcu_directory_alive(r->server.directory), mcu_recorder_open_files());
        r->incomplete = !idle;
        sem_post(&r->over);
        return;
    }
    mcu_timer_start(timer, now + DRAIN_STEP_NS);
}

static void api_closed(void *arg)
{
    struct running *r = arg;
    int64_t now = mcu_loop_now(r->server.control);
    r->drain_until_ns = now + DRAIN_MS * MCU_NS_PER_MS;
    mcu_timer_init(&r->drain_timer, r->server.control, on_drain);
    mcu_timer_start(&r->drain_timer, now);
}

static void http_closed(void *arg)
{
    struct running *r = arg;
    mcu_api_close(&r->server.api, api_closed, r);
}

/* HTTP goes after the legs: /healthz says "stopping" while they end. */
static void legs_ended(void *arg)
{
    struct running *r = arg;
    if (--r->sides_left > 0)
        return;
    if (r->server.http)
        mcu_http_side_close(&r->server.http, http_closed, r);
    else
        api_closed(r);
}

static void on_stop_signal(int signum, void *arg)
{
    struct running *r = arg;
    if (r->server.stopping)
        return;
    r->server.stopping = true;
    mcu_log(MCU_LOG_INFO, "stopping", "signal=%d legs=%d", signum, mcu_server_legs(&r->server));
    r->sides_left = r->server.web ? 2 : 1;
    mcu_sip_side_shutdown(r->server.calls, CALLS_END_MS, legs_ended, r);
    if (r->server.web)
        mcu_web_side_shutdown(r->server.web, CALLS_END_MS, legs_ended, r);
}

/* ---- reload ---- */

static void on_reload_signal(int signum, void *arg)
{
    struct mcu_server *s = arg;
    struct mcu_config fresh;
    struct mcu_image *logo = NULL;
    char error[512], list[512], quoted[1200];
    if (mcu_config_read(&fresh, s->origin, error, sizeof(error)) < 0 ||
        mcu_logo_read(&logo, &fresh, error, sizeof(error)) < 0) {
        mcu_log(MCU_LOG_ERROR, "reload-refused", "error=%s",
                mcu_log_quote(quoted, sizeof(quoted), error));
        return;
    }
    int left = mcu_config_reload(&s->config, &fresh, list, sizeof(list));
    mcu_log_set_level(s->config.log_level);
    mcu_logo_give(s->media, s->media_count, logo);
    mcu_directory_reload(s->directory);
    mcu_sip_side_reload(s->calls);
    if (s->http)
        mcu_http_side_reload(s->http);
    if (s->web)
        mcu_web_side_reload(s->web);
    mcu_log(left ? MCU_LOG_WARN : MCU_LOG_INFO, "reloaded", "needs_restart=%s",
            mcu_log_quote(quoted, sizeof(quoted), left ? list : ""));
}

/* ---- start ---- */

static int media_loops(const struct mcu_config *config, int cores)
{
    int n = config->media_loops ? config->media_loops : cores <= 8 ? 1 : cores / 8;
    return mcu_clamp(n, 1, MCU_MAX_MEDIA_LOOPS);
}

static int start_media(struct mcu_server *s)
{
    int n = media_loops(&s->config, mcu_workers_cores(s->workers));
    for (int i = 0; i < n; i++) {
        struct mcu_loop *loop = NULL;
        char name[24];
        snprintf(name, sizeof(name), "mcu-media%d", i);
        struct mcu_media *m = calloc(1, sizeof(*m));
        int rc = m ? mcu_loop_new(&loop, name, false) : -ENOMEM;
        if (rc == 0)
            rc = mcu_media_init(m, loop, i, s->workers, s->bus);
        if (rc == 0)
            rc = mcu_loop_start(loop);
        if (rc < 0) {
            mcu_loop_free(&loop);
            free(m);
            return rc;
        }
        s->media[s->media_count++] = m;
    }
    return 0;
}

static int start_basics(struct mcu_server *s)
{
    int rc = mcu_workers_new(&s->workers, s->config.worker_cores, false);
    if (rc == 0)
        rc = mcu_loop_new(&s->control, "mcu-control", false);
    if (rc == 0)
        rc = mcu_bus_new(&s->bus, s->control);
    if (rc == 0)
        rc = start_media(s);
    if (rc == 0)
        rc = mcu_directory_new(&s->directory, s->control, s->media, s->media_count, &s->config);
    if (rc == 0)
        rc = mcu_ports_new(&s->ports, s->config.rtp_first, s->config.rtp_last);
    return rc;
}

/* On the control loop: the network comes last, when everything stands. */
static void start_network(void *arg)
{
    struct running *r = arg;
    struct mcu_server *s = &r->server;
    bool web = s->config.web && s->config.http_port;
    if ((web || s->config.security != MCU_SECURITY_OFF) && mcu_dtls_start() < 0)
        mcu_log(MCU_LOG_WARN, "dtls-unavailable", NULL); /* SDES works without it */
    int rc = mcu_load_new(&s->load, s);
    if (rc == 0)
        rc = mcu_sip_side_new(&s->calls, s);
    if (rc < 0)
        snprintf(r->start_what, sizeof(r->start_what), "SIP on %s port %d", s->config.address,
                 s->config.sip_port);
    if (rc == 0 && web)
        rc = mcu_web_side_new(&s->web, s);
    if (rc == 0 && s->config.http_port) {
        rc = mcu_api_new(&s->api, s);
        if (rc == 0)
            rc = mcu_http_side_new(&s->http, s);
        if (rc < 0)
            snprintf(r->start_what, sizeof(r->start_what), "HTTP on %s port %d",
                     s->config.http_address[0] ? s->config.http_address : s->config.address,
                     s->config.http_port);
    }
    if (rc == 0)
        rc = mcu_loop_on_signal(s->control, SIGTERM, on_stop_signal, r);
    if (rc == 0)
        rc = mcu_loop_on_signal(s->control, SIGINT, on_stop_signal, r);
    if (rc == 0)
        rc = mcu_loop_on_signal(s->control, SIGHUP, on_reload_signal, s);
    r->start_error = rc;
}

int mcu_server_new(struct mcu_server **out, const struct mcu_config *config,
                   const struct mcu_config_origin *origin, char *error, size_t size)
{
    struct mcu_image *logo = NULL;
    int rc = mcu_logo_read(&logo, config, error, size);
    if (rc < 0)
        return rc;
    struct running *r = calloc(1, sizeof(*r));
    if (!r) {
        mcu_image_unref(&logo);
        snprintf(error, size, "out of memory");
        return -ENOMEM;
    }
    struct mcu_server *s = &r->server;
    sem_init(&r->over, 0, 0);
    s->config = *config;
    s->origin = origin;
    s->started_ns = mcu_clock_now_ns();
    snprintf(r->start_what, sizeof(r->start_what), "the server");
    rc = start_basics(s);
    mcu_logo_give(s->media, s->media_count, logo);
    if (rc == 0)
        rc = mcu_loop_start(s->control);
    if (rc == 0) {
        mcu_loop_call(s->control, start_network, r);
        rc = r->start_error;
    }
    if (rc < 0) {
        snprintf(error, size, "%s could not start: %s", r->start_what, strerror(-rc));
        mcu_server_free(&s);
        return rc;
    }
    *out = s;
    return 0;
}

bool mcu_server_run(struct mcu_server *s)
{
    struct running *r = running_of(s);
    while (sem_wait(&r->over) < 0 && errno == EINTR)
        ;
    return !r->incomplete;
}

int mcu_server_legs(const struct mcu_server *s)
{
    return mcu_sip_side_calls(s->calls) + (s->web ? mcu_web_side_legs(s->web) : 0);
}

static void close_ice(void *arg)
{
    struct mcu_media *m = arg;
    if (m->ice)
        mcu_ice_loop_free(&m->ice);
}

static void nothing(void *arg)
{
}

static void close_network(void *arg)
{
    struct mcu_server *s = arg;
    if (s->http)
        mcu_http_side_close(&s->http, NULL, NULL);
    if (s->api)
        mcu_api_close(&s->api, nothing, NULL);
    mcu_load_free(&s->load);
    mcu_web_side_free(&s->web);
    mcu_sip_side_free(&s->calls);
}

/* Last messages from one loop to another, while all of them are there. */
static void drain_loops(struct mcu_server *s)
{
    int ran = 1;
    while (ran) {
        ran = s->control ? mcu_loop_drain(s->control) : 0;
        for (int i = 0; i < s->media_count; i++)
            ran += mcu_loop_drain(s->media[i]->loop);
    }
}

void mcu_server_free(struct mcu_server **sp)
{
    struct mcu_server *s = *sp;
    *sp = NULL;
    if (!s)
        return;
    if (s->control) {
        mcu_loop_call(s->control, close_network, s);
        mcu_loop_stop(s->control);
    }
    for (int i = 0; i < s->media_count; i++) {
        mcu_loop_call(s->media[i]->loop, close_ice, s->media[i]);
        mcu_loop_stop(s->media[i]->loop);
    }
    mcu_workers_free(&s->workers); /* finishes jobs in flight, whose results go to the loops */
    drain_loops(s);
    for (int i = 0; i < s->media_count; i++) {
        mcu_loop_free(&s->media[i]->loop);
        mcu_media_deinit(s->media[i]);
        free(s->media[i]);
    }
    mcu_directory_free(&s->directory);
    mcu_ports_free(&s->ports);
    mcu_loop_free(&s->control);
    mcu_bus_free(&s->bus);
    sem_destroy(&running_of(s)->over);
    free(running_of(s));
}
