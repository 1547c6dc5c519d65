/* The API's routes: each asks for what it needs, and answers when it is there. The answers' texts
 * are made in api_json.c and metrics.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/log.h"
#include "net/room_name.h"
#include "server/api_json.h"
#include "server/metrics.h"
#include "server/server.h"
#include "server/web_side.h"

#define JSON_TYPE   "application/json"
#define EVENTS_MAX  256
#define LEGS_PREFIX "/api/v1/legs/"
#define CONF_PREFIX "/api/v1/conferences/"

struct mcu_api {
    struct mcu_server *server;
    int pending; /* snapshots on their way */
    void (*done)(void *arg); /* it is closing */
    void *done_arg;
};

/* What a handler gets is the server: its routing table is that of all sides (http_side.c). */
static struct mcu_api *api_of(void *arg)
{
    return ((struct mcu_server *)arg)->api;
}

/* Answers with text, which it frees; NULL: memory was short. */
static void answer(struct mcu_http_request *req, int status, const char *type, char *body)
{
    static const char short_of_memory[] = "{\"error\":\"out of memory\"}";
    if (body)
        mcu_http_respond(req, status, type, body, strlen(body));
    else
        mcu_http_respond(req, 503, JSON_TYPE, short_of_memory, sizeof(short_of_memory) - 1);
    free(body);
}

static void fail(struct mcu_http_request *req, int status, const char *what)
{
    answer(req, status, JSON_TYPE, mcu_api_error_json(what));
}

/* ---- answers out of a snapshot ---- */

struct question {
    struct mcu_api *api;
    struct mcu_http_request *req;
    void (*answer)(struct question *q, const struct mcu_snapshot *snapshot);
    char room[MCU_ROOM_NAME_BYTES];
};

static void end_if_closed(struct mcu_api *api)
{
    if (!api->done || api->pending)
        return;
    api->done(api->done_arg);
    free(api);
}

static void on_snapshot(const struct mcu_snapshot *snapshot, void *arg)
{
    struct question *q = arg;
    struct mcu_api *api = q->api;
    if (snapshot)
        q->answer(q, snapshot);
    else
        answer(q->req, 503, JSON_TYPE, NULL);
    free(q);
    api->pending--;
    end_if_closed(api);
}

static struct question *new_question(struct mcu_http_request *req, void *arg,
                                     void (*fn)(struct question *, const struct mcu_snapshot *))
{
    struct question *q = calloc(1, sizeof(*q));
    if (!q) {
        answer(req, 503, JSON_TYPE, NULL);
        return NULL;
    }
    q->api = api_of(arg);
    q->req = req;
    q->answer = fn;
    return q;
}

static void ask(struct question *q)
{
    q->api->pending++;
    mcu_snapshot_take(q->api->server, on_snapshot, q);
}

static void answer_metrics(struct question *q, const struct mcu_snapshot *s)
{
    size_t size;
    answer(q->req, 200, MCU_METRICS_TYPE, mcu_metrics_text(s, &size));
}

static void get_metrics(struct mcu_http_request *req, void *arg)
{
    struct question *q = new_question(req, arg, answer_metrics);
    if (q)
        ask(q);
}

static void answer_conferences(struct question *q, const struct mcu_snapshot *s)
{
    answer(q->req, 200, JSON_TYPE, mcu_api_conferences_json(s));
}

static void get_conferences(struct mcu_http_request *req, void *arg)
{
    struct question *q = new_question(req, arg, answer_conferences);
    if (q)
        ask(q);
}

static void answer_providers(struct question *q, const struct mcu_snapshot *s)
{
    answer(q->req, 200, JSON_TYPE, mcu_api_providers_json(s));
}

static void get_providers(struct mcu_http_request *req, void *arg)
{
    struct question *q = new_question(req, arg, answer_providers);
    if (q)
        ask(q);
}

static void answer_conference(struct question *q, const struct mcu_snapshot *s)
{
    bool found;
    char *body = mcu_api_conference_json(s, q->room, &found);
    if (found)
        answer(q->req, 200, JSON_TYPE, body);
    else
        fail(q->req, 404, "there is no such conference");
}

static void get_conference(struct mcu_http_request *req, void *arg)
{
    char room[MCU_ROOM_NAME_BYTES];
    if (mcu_room_name_decoded(room, mcu_http_path(req) + strlen(CONF_PREFIX)) < 0) {
        fail(req, 404, "no conference can have that name");
        return;
    }
    struct question *q = new_question(req, arg, answer_conference);
    if (!q)
        return;
    strcpy(q->room, room);
    ask(q);
}

/* ---- answers at once ---- */

static void get_health(struct mcu_http_request *req, void *arg)
{
    const struct mcu_api *api = api_of(arg);
    const struct mcu_server *s = api->server;
    answer(req, s->stopping ? 503 : 200, JSON_TYPE,
           mcu_api_health_json(s->stopping, mcu_loop_now(s->control) - s->started_ns,
                               mcu_server_legs(s)));
}

/* A whole decimal number, of at most 18 digits. */
static int read_number(const char *text, size_t len, uint64_t *out)
{
    uint64_t v = 0;
    if (len == 0 || len > 18)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -EINVAL;
        v = v * 10 + (uint64_t)(text[i] - '0');
    }
    *out = v;
    return 0;
}

static void get_events(struct mcu_http_request *req, void *arg)
{
    const struct mcu_api *api = api_of(arg);
    char after_text[32];
    uint64_t after = 0;
    if (mcu_http_query(req, "after", after_text, sizeof(after_text)) &&
        read_number(after_text, strlen(after_text), &after) < 0) {
        fail(req, 400, "after must be the number of an event");
        return;
    }
    struct mcu_event *events = calloc(EVENTS_MAX, sizeof(*events));
    int n = events ? mcu_bus_history(api->server->bus, after, events, EVENTS_MAX) : 0;
    answer(req, 200, JSON_TYPE, events ? mcu_api_events_json(events, n, after) : NULL);
    free(events);
}

/* ---- control ---- */

/* "/api/v1/legs/17" + tail to 17; false: it is another path. */
static bool leg_of_path(const struct mcu_http_request *req, const char *tail, uint32_t *leg)
{
    const char *id = mcu_http_path(req) + strlen(LEGS_PREFIX);
    size_t len = strlen(id), tail_len = strlen(tail);
    uint64_t n;
    if (len <= tail_len || strcmp(id + len - tail_len, tail) != 0 ||
        read_number(id, len - tail_len, &n) < 0 || !n || n > UINT32_MAX)
        return false;
    *leg = (uint32_t)n;
    return true;
}

/* bad: what -EINVAL means here. */
static void done_or_failed(struct mcu_http_request *req, int rc, const char *what, uint32_t leg,
                           const char *bad)
{
    mcu_log(MCU_LOG_INFO, "http-control", "what=%s leg=%u result=%d", what, leg, rc);
    if (rc == -ENOENT || rc == -ENOTCONN)
        fail(req, 404, "there is no such leg");
    else if (rc == -EINVAL)
        fail(req, 400, bad);
    else if (rc == -EBUSY)
        fail(req, 409, "the last one is still under way");
    else if (rc == -ENOTSUP)
        fail(req, 409, "the leg's phone does not know how");
    else if (rc < 0)
        answer(req, 503, JSON_TYPE, NULL);
    else
        mcu_http_respond(req, 202, JSON_TYPE, "{}", 2);
}

static bool refuse_when_stopping(struct mcu_http_request *req, const struct mcu_api *api)
{
    if (api->server->stopping)
        fail(req, 503, "the server is stopping");
    return api->server->stopping;
}

/* A leg belongs to one of the sides. */
static int move_any(struct mcu_server *s, uint32_t leg, const char *room)
{
    int rc = mcu_sip_side_move(s->calls, leg, room);
    return rc == -ENOENT && s->web ? mcu_web_side_move(s->web, leg, room) : rc;
}

static int kick_any(struct mcu_server *s, uint32_t leg)
{
    int rc = mcu_sip_side_kick(s->calls, leg);
    return rc == -ENOENT && s->web ? mcu_web_side_kick(s->web, leg) : rc;
}

static void move_leg(struct mcu_http_request *req, struct mcu_api *api, uint32_t leg)
{
    char room[3 * MCU_ROOM_NAME_BYTES], error[160];
    size_t size;
    const char *body = mcu_http_body(req, &size);
    if (mcu_api_read_move(body, size, room, sizeof(room), error, sizeof(error)) < 0)
        fail(req, 400, error);
    else
        done_or_failed(req, move_any(api->server, leg, room), "move", leg,
                       "no conference can have that name");
}

static int wish_any(struct mcu_server *s, uint32_t leg, enum mcu_layout_wish wish)
{
    int rc = mcu_sip_side_wish(s->calls, leg, wish);
    return rc == -ENOENT && s->web ? mcu_web_side_wish(s->web, leg, wish) : rc;
}

static void show_leg(struct mcu_http_request *req, struct mcu_api *api, uint32_t leg)
{
    enum mcu_layout_wish wish;
    char error[160];
    size_t size;
    const char *body = mcu_http_body(req, &size);
    if (mcu_api_read_layout(body, size, &wish, error, sizeof(error)) < 0)
        fail(req, 400, error);
    else
        done_or_failed(req, wish_any(api->server, leg, wish), "layout", leg, "");
}

static void hold_leg(struct mcu_http_request *req, struct mcu_api *api, uint32_t leg)
{
    done_or_failed(req, mcu_sip_side_hold(api->server->calls, leg, true), "hold", leg, "");
}

static void resume_leg(struct mcu_http_request *req, struct mcu_api *api, uint32_t leg)
{
    done_or_failed(req, mcu_sip_side_hold(api->server->calls, leg, false), "resume", leg, "");
}

static void transfer_leg(struct mcu_http_request *req, struct mcu_api *api, uint32_t leg)
{
    char uri[512], error[160];
    size_t size;
    const char *body = mcu_http_body(req, &size);
    if (mcu_api_read_uri(body, size, uri, sizeof(uri), error, sizeof(error)) < 0)
        fail(req, 400, error);
    else
        done_or_failed(req, mcu_sip_side_transfer(api->server->calls, leg, uri), "transfer", leg,
                       "that is no address to call");
}

/* POST /api/v1/legs/LEG/... */
static const struct {
    const char *tail;
    void (*fn)(struct mcu_http_request *req, struct mcu_api *api, uint32_t leg);
} leg_actions[] = {
    { "/move", move_leg },
    { "/layout", show_leg },
    { "/hold", hold_leg },
    { "/resume", resume_leg },
    { "/transfer", transfer_leg },
};

static void post_leg(struct mcu_http_request *req, void *arg)
{
    struct mcu_api *api = api_of(arg);
    uint32_t leg;
    for (size_t i = 0; i < MCU_ARRAY_LEN(leg_actions); i++) {
        if (!leg_of_path(req, leg_actions[i].tail, &leg))
            continue;
        if (!refuse_when_stopping(req, api))
            leg_actions[i].fn(req, api, leg);
        return;
    }
    fail(req, 404, "there is nothing at this path");
}

static void delete_leg(struct mcu_http_request *req, void *arg)
{
    struct mcu_api *api = api_of(arg);
    uint32_t leg;
    if (!leg_of_path(req, "", &leg))
        fail(req, 404, "there is nothing at this path");
    else if (!refuse_when_stopping(req, api))
        done_or_failed(req, kick_any(api->server, leg), "kick", leg, "");
}

/* Calls for a room; the answer is not waited for, an event tells of it. */
static void call_for(struct mcu_http_request *req, struct mcu_api *api, const char *room,
                     const struct mcu_api_call *call)
{
    const struct mcu_digest_login login = { call->realm, call->user, call->password };
    uint32_t leg = 0;
    int rc = mcu_sip_side_call(api->server->calls, room, call->uri, call->user[0] ? &login : NULL,
                               &leg);
    mcu_log(MCU_LOG_INFO, "http-control", "what=call leg=%u result=%d", leg, rc);
    if (rc == -EINVAL)
        fail(req, 400, "that is no address to call");
    else if (rc < 0)
        fail(req, 503, "no more calls are possible now");
    else
        answer(req, 202, JSON_TYPE, mcu_api_leg_json(leg));
}

/* POST /api/v1/conferences/ROOM/call */
static void post_conference(struct mcu_http_request *req, void *arg)
{
    static const char tail[] = "/call";
    struct mcu_api *api = api_of(arg);
    struct mcu_api_call call;
    char name[2 * MCU_ROOM_NAME_BYTES], room[MCU_ROOM_NAME_BYTES], error[160];
    const char *path = mcu_http_path(req) + strlen(CONF_PREFIX);
    size_t size, len = strlen(path), tail_len = sizeof(tail) - 1;
    const char *body = mcu_http_body(req, &size);
    if (len <= tail_len || strcmp(path + len - tail_len, tail) != 0 ||
        len - tail_len >= sizeof(name)) {
        fail(req, 404, "there is nothing at this path");
        return;
    }
    snprintf(name, sizeof(name), "%.*s", (int)(len - tail_len), path);
    if (refuse_when_stopping(req, api))
        return;
    if (mcu_room_name_decoded(room, name) < 0)
        fail(req, 404, "no conference can have that name");
    else if (mcu_api_read_call(body, size, &call, error, sizeof(error)) < 0)
        fail(req, 400, error);
    else
        call_for(req, api, room, &call);
    mcu_digest_wipe(&call, sizeof(call));
}

/* ---- life ---- */

static const struct mcu_http_route routes[] = {
    { "GET", "/healthz", .handler = get_health },
    { "GET", "/metrics", .handler = get_metrics },
    { "GET", "/api/v1/conferences", .handler = get_conferences },
    { "GET", CONF_PREFIX "*", .handler = get_conference },
    { "GET", "/api/v1/providers", .handler = get_providers },
    { "GET", "/api/v1/events", .handler = get_events },
    /* listen.http_control; they stay last */
    { "POST", LEGS_PREFIX "*", .handler = post_leg },
    { "DELETE", LEGS_PREFIX "*", .handler = delete_leg },
    { "POST", CONF_PREFIX "*", .handler = post_conference },
};
#define CONTROL_ROUTES 3

const struct mcu_http_route *mcu_api_routes(const struct mcu_config *config, int *n)
{
    *n = (int)MCU_ARRAY_LEN(routes) - (config->http_control ? 0 : CONTROL_ROUTES);
    return routes;
}

int mcu_api_new(struct mcu_api **out, struct mcu_server *server)
{
    struct mcu_api *api = calloc(1, sizeof(*api));
    if (!api)
        return -ENOMEM;
    api->server = server;
    *out = api;
    return 0;
}

void mcu_api_close(struct mcu_api **pp, void (*done)(void *arg), void *arg)
{
    struct mcu_api *api = *pp;
    *pp = NULL;
    api->done = done;
    api->done_arg = arg;
    end_if_closed(api);
}
