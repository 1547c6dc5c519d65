/* Gathers what all loops know into one picture: one message to each media loop in turn, then back.
 * In turn, so that nothing needs a lock or a count of answers. */
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "server/load.h"
#include "server/server.h"

struct gathering {
    struct mcu_server *server;
    struct mcu_snapshot snapshot;
    int next_loop;
    bool failed;
    mcu_snapshot_cb cb;
    void *arg;
};

static void *append(void *array, int *count, int extra, size_t size)
{
    void *p = realloc(array, (size_t)(*count + extra + 1) * size);
    if (p)
        memset((char *)p + (size_t)*count * size, 0, (size_t)(extra + 1) * size);
    return p;
}

static void gather_confs(struct gathering *g, struct mcu_media *media)
{
    struct mcu_snapshot *s = &g->snapshot;
    size_t pos = 0;
    struct mcu_conf *conf;
    void *p = append(s->confs, &s->conf_count, (int)media->conferences.used, sizeof(*s->confs));
    if (!p) {
        g->failed = true;
        return;
    }
    s->confs = p;
    while ((conf = mcu_handle_next(&media->conferences, &pos)))
        if (mcu_conf_get_info(conf, &s->confs[s->conf_count]) == 0)
            s->conf_count++;
}

static void gather_legs(struct gathering *g, struct mcu_media *media)
{
    struct mcu_snapshot *s = &g->snapshot;
    int n = (int)media->legs.used;
    void *p = append(s->legs, &s->leg_count, n, sizeof(*s->legs));
    if (!p) {
        g->failed = true;
        return;
    }
    s->legs = p;
    s->leg_count += mcu_leg_list(media, &s->legs[s->leg_count], n);
}

static void finish(void *arg)
{
    struct gathering *g = arg;
    struct mcu_snapshot *s = &g->snapshot;
    mcu_workers_get_stats(g->server->workers, &s->workers);
    s->taken_ns = mcu_loop_now(g->server->control);
    s->uptime_ns = s->taken_ns - g->server->started_ns;
    s->provider_count = mcu_sip_side_providers(g->server->calls, s->providers);
    struct mcu_overload overload;
    mcu_load_get(g->server->load, &overload);
    s->overload_level = overload.level;
    s->refuses = overload.refuses;
    s->rtp_ports_used = mcu_ports_used(g->server->ports);
    g->cb(g->failed ? NULL : s, g->arg);
    for (int i = 0; i < s->conf_count; i++)
        free(s->confs[i].legs);
    free(s->confs);
    free(s->legs);
    free(g);
}

static void gather_here(void *arg)
{
    struct gathering *g = arg;
    struct mcu_media *media = g->server->media[g->next_loop++];
    gather_confs(g, media);
    gather_legs(g, media);
    if (g->next_loop < g->server->media_count)
        mcu_post_call(g->server->media[g->next_loop]->loop, gather_here, g);
    else
        mcu_post_call(g->server->control, finish, g);
}

void mcu_snapshot_take(struct mcu_server *server, mcu_snapshot_cb cb, void *arg)
{
    struct gathering *g = calloc(1, sizeof(*g));
    if (!g) {
        cb(NULL, arg);
        return;
    }
    g->server = server;
    g->cb = cb;
    g->arg = arg;
    mcu_post_call(server->media[0]->loop, gather_here, g);
}
