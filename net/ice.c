#include "net/ice.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <gio/gio.h>
#include <nice/agent.h>

#include "mixer/base/clock.h"
#include "mixer/base/util.h"
#include "net/ice_candidate.h"
#include "net/ice_priv.h"

#define SOCKET_BUFFER (1 << 20) /* as net/udp.c's: room for a burst of pictures */

/* ---- life ---- */

static bool config_valid(const struct mcu_ice_config *config)
{
    if (config->local_count < 1 || config->local_count > (int)MCU_ARRAY_LEN(config->local) ||
        config->server_count < 0 || config->server_count > (int)MCU_ARRAY_LEN(config->servers))
        return false;
    for (int i = 0; i < config->local_count; i++)
        if (mcu_addr_is_any(&config->local[i]))
            return false;
    for (int i = 0; i < config->server_count; i++) {
        const struct mcu_ice_server *s = &config->servers[i];
        if (!s->host[0] || s->port < 1 || s->port > 65535)
            return false;
    }
    return true;
}

static bool wants_tcp(const struct mcu_ice_config *config)
{
    bool tcp = config->tcp;
    for (int i = 0; i < config->server_count; i++)
        tcp = tcp || (config->servers[i].turn && config->servers[i].tcp);
    return tcp;
}

static void add_local(struct mcu_ice *ice, const struct mcu_ice_config *config)
{
    for (int i = 0; i < config->local_count; i++) {
        NiceAddress addr;
        nice_address_init(&addr);
        nice_address_set_from_sockaddr(&addr, &config->local[i].u.sa);
        nice_address_set_port(&addr, 0);
        nice_agent_add_local_address(ice->agent, &addr);
        ice->local_loopback |= mcu_addr_is_loopback(&config->local[i]);
    }
}

static void add_servers(struct mcu_ice *ice, const struct mcu_ice_config *config)
{
    bool have_stun = false;
    for (int i = 0; i < config->server_count; i++) {
        const struct mcu_ice_server *s = &config->servers[i];
        if (s->turn) {
            nice_agent_set_relay_info(ice->agent, ice->stream, MCU_ICE_COMPONENT, s->host, (guint)s->port,
                                      s->user, s->password,
                                      s->tcp ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP);
            ice->relays = true;
        } else if (!have_stun) {
            g_object_set(ice->agent, "stun-server", s->host, "stun-server-port", (guint)s->port,
                         NULL);
            have_stun = true;
        }
    }
}

static NiceAgent *new_agent(const struct mcu_ice_config *config, GMainContext *context)
{
    NiceAgent *agent = nice_agent_new_full(context, NICE_COMPATIBILITY_RFC5245,
                                           NICE_AGENT_OPTION_REGULAR_NOMINATION |
                                               NICE_AGENT_OPTION_ICE_TRICKLE);
    if (!agent)
        return NULL;
    g_object_set(agent, "upnp", FALSE, "ice-udp", TRUE, "ice-tcp", (gboolean)config->tcp,
                 "controlling-mode", (gboolean)config->controlling, "force-relay",
                 (gboolean)config->relay_only, NULL);
    return agent;
}

static void read_local_credentials(struct mcu_ice *ice)
{
    g_free(ice->local_ufrag);
    g_free(ice->local_pwd);
    ice->local_ufrag = ice->local_pwd = NULL;
    nice_agent_get_local_credentials(ice->agent, ice->stream, &ice->local_ufrag, &ice->local_pwd);
}

int mcu_ice_new(struct mcu_ice **out, struct mcu_ice_loop *loop, const struct mcu_ice_config *config,
                const struct mcu_ice_events *events, void *arg)
{
    if (!config_valid(config))
        return -EINVAL;
    struct mcu_ice *ice = calloc(1, sizeof(*ice));
    if (!ice)
        return -ENOMEM;
    ice->group = mcu_ice_group_join(loop, wants_tcp(config));
    if (ice->group)
        ice->agent = new_agent(config, ice->group->context);
    if (!ice->agent) {
        if (ice->group)
            mcu_ice_group_leave(ice->group);
        free(ice);
        return -ENOMEM;
    }
    ice->events = *events;
    ice->arg = arg;
    ice->tcp = config->tcp;
    ice->out.fd = -1;
    add_local(ice, config);
    ice->stream = nice_agent_add_stream(ice->agent, 1);
    nice_agent_set_port_range(ice->agent, ice->stream, MCU_ICE_COMPONENT, (guint)config->port,
                              (guint)config->port);
    add_servers(ice, config);
    read_local_credentials(ice);
    mcu_ice_listen(ice);
    mcu_ice_kick(ice);
    mcu_count(MCU_CNT_ICE_AGENTS);
    *out = ice;
    return 0;
}

static void release(struct mcu_ice *ice)
{
    g_object_unref(ice->agent);
    mcu_ice_kick(ice);
    mcu_ice_group_leave(ice->group);
    g_free(ice->local_ufrag);
    g_free(ice->local_pwd);
    free(ice);
}

static void on_closed(GObject *object, GAsyncResult *result, gpointer arg)
{
    release(arg);
}

/* A relay is given back to its server first, by messages of this agent's. */
static void end(struct mcu_ice *ice)
{
    if (!ice->relays) {
        release(ice);
        return;
    }
    GMainContext *context = ice->group->context;
    g_main_context_push_thread_default(context);
    nice_agent_close_async(ice->agent, on_closed, ice);
    g_main_context_pop_thread_default(context);
    mcu_ice_kick(ice);
}

static void on_late(struct mcu_msg *msg)
{
    end(mcu_container_of(msg, struct mcu_ice, late));
}

void mcu_ice_free(struct mcu_ice **pp)
{
    struct mcu_ice *ice = *pp;
    *pp = NULL;
    if (!ice)
        return;
    struct mcu_loop *loop = mcu_ice_group_loop(ice->group);
    assert(mcu_loop_is_current(loop));
    mcu_ice_deaf(ice);
    if (!ice->depth) {
        end(ice);
        return;
    }
    ice->late.fn = on_late;
    mcu_loop_send(loop, &ice->late);
}

/* ---- local side ---- */

static void prepare_sockets(struct mcu_ice *ice)
{
    GPtrArray *sockets = nice_agent_get_sockets(ice->agent, ice->stream, MCU_ICE_COMPONENT);
    int bytes = SOCKET_BUFFER;
    for (guint i = 0; sockets && i < sockets->len; i++) {
        int fd = g_socket_get_fd(sockets->pdata[i]);
        if (g_socket_get_socket_type(sockets->pdata[i]) != G_SOCKET_TYPE_DATAGRAM)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &(int){ 1 }, sizeof(int));
    }
    if (sockets)
        g_ptr_array_unref(sockets);
}

int mcu_ice_gather(struct mcu_ice *ice)
{
    ice->gathering = true;
    ice->depth++;
    gboolean ok = nice_agent_gather_candidates(ice->agent, ice->stream);
    ice->depth--;
    if (ice->freed)
        return 0;
    if (!ok) {
        ice->gathering = false;
        return -EADDRINUSE;
    }
    prepare_sockets(ice);
    if (ice->gathering)
        mcu_ice_gather_timer(ice);
    mcu_ice_kick(ice);
    return 0;
}

void mcu_ice_local(const struct mcu_ice *ice, const char **ufrag, const char **pwd)
{
    *ufrag = ice->local_ufrag;
    *pwd = ice->local_pwd;
}

void mcu_ice_each_candidate(struct mcu_ice *ice, void (*fn)(const char *text, void *arg), void *arg)
{
    GSList *all = nice_agent_get_local_candidates(ice->agent, ice->stream, MCU_ICE_COMPONENT);
    for (GSList *i = all; i; i = i->next)
        mcu_ice_tell_candidate(ice, i->data, fn, arg);
    g_slist_free_full(all, (GDestroyNotify)nice_candidate_free);
}

void mcu_ice_restart(struct mcu_ice *ice)
{
    ice->depth++;
    nice_agent_restart_stream(ice->agent, ice->stream);
    ice->depth--;
    ice->restarting = true;
    ice->remote_ufrag[0] = ice->remote_pwd[0] = '\0';
    ice->remote_count = ice->waiting_count = 0;
    if (ice->source_count <= MCU_ICE_MAX_SOURCES)
        ice->source_count = 0;
    read_local_credentials(ice);
    mcu_ice_kick(ice);
}

/* ---- remote side ---- */

static NiceCandidate *to_nice(const struct mcu_ice_candidate *c, guint stream)
{
    static const NiceCandidateType types[] = { NICE_CANDIDATE_TYPE_HOST,
                                               NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE,
                                               NICE_CANDIDATE_TYPE_PEER_REFLEXIVE,
                                               NICE_CANDIDATE_TYPE_RELAYED };
    static const NiceCandidateTransport transports[] = { NICE_CANDIDATE_TRANSPORT_UDP,
                                                         NICE_CANDIDATE_TRANSPORT_TCP_ACTIVE,
                                                         NICE_CANDIDATE_TRANSPORT_TCP_PASSIVE };
    NiceCandidate *n = nice_candidate_new(types[c->type]);
    n->transport = transports[c->transport];
    nice_address_set_from_sockaddr(&n->addr, &c->addr.u.sa);
    n->priority = c->priority;
    n->stream_id = stream;
    n->component_id = MCU_ICE_COMPONENT;
    snprintf(n->foundation, sizeof(n->foundation), "%s", c->foundation);
    return n;
}

static void add_candidate(struct mcu_ice *ice, const struct mcu_ice_candidate *c)
{
    NiceCandidate *n = to_nice(c, ice->stream);
    GSList list = { .data = n };
    ice->depth++;
    nice_agent_set_remote_candidates(ice->agent, ice->stream, MCU_ICE_COMPONENT, &list);
    ice->depth--;
    nice_candidate_free(n);
    mcu_ice_kick(ice);
}

int mcu_ice_set_remote(struct mcu_ice *ice, const char *ufrag, const char *pwd)
{
    if (!mcu_ice_credentials_valid(ufrag, pwd))
        return -EINVAL;
    if (ice->remote_ufrag[0]) {
        bool same = !strcmp(ice->remote_ufrag, ufrag) && !strcmp(ice->remote_pwd, pwd);
        return same ? 0 : -EALREADY;
    }
    snprintf(ice->remote_ufrag, sizeof(ice->remote_ufrag), "%s", ufrag);
    snprintf(ice->remote_pwd, sizeof(ice->remote_pwd), "%s", pwd);
    ice->depth++;
    nice_agent_set_remote_credentials(ice->agent, ice->stream, ufrag, pwd);
    ice->depth--;
    for (int i = 0; i < ice->waiting_count; i++)
        add_candidate(ice, &ice->waiting[i]);
    ice->waiting_count = 0;
    mcu_ice_kick(ice);
    return 0;
}

int mcu_ice_add_candidate(struct mcu_ice *ice, const char *text)
{
    struct mcu_ice_candidate c;
    int rc = mcu_ice_candidate_parse(&c, text);
    if (rc == 0 && ((c.transport != MCU_ICE_UDP && !ice->tcp) ||
                    !mcu_ice_candidate_reachable(&c, ice->local_loopback)))
        rc = -ENOTSUP;
    if (rc == 0 && ice->remote_count == MCU_ICE_MAX_REMOTE)
        rc = -ENOSPC;
    if (rc < 0) {
        mcu_count(rc == -EINVAL ? MCU_CNT_ICE_CANDIDATES_BAD : MCU_CNT_ICE_CANDIDATES_IGNORED);
        return rc;
    }
    ice->remote_count++;
    if (ice->remote_ufrag[0])
        add_candidate(ice, &c);
    else
        ice->waiting[ice->waiting_count++] = c;
    return 0;
}

void mcu_ice_end_of_candidates(struct mcu_ice *ice)
{
    ice->depth++;
    nice_agent_peer_candidate_gathering_done(ice->agent, ice->stream);
    ice->depth--;
    mcu_ice_kick(ice);
}

/* ---- data ---- */

int mcu_ice_send(struct mcu_ice *ice, const uint8_t *data, size_t size)
{
    int rc = -EMSGSIZE;
    if (size && size <= MCU_ICE_MAX_BYTES) {
        rc = -ENOTCONN;
        if (ice->state == MCU_ICE_CONNECTED)
            rc = nice_agent_send(ice->agent, ice->stream, MCU_ICE_COMPONENT, (guint)size,
                                 (const gchar *)data) > 0 ? 0 : -EAGAIN;
    }
    if (rc < 0)
        mcu_count(MCU_CNT_ICE_SEND_DROPPED);
    return rc;
}

void mcu_ice_queue(struct mcu_ice *ice, const uint8_t *data, size_t size)
{
    if (ice->out.fd < 0 || ice->state != MCU_ICE_CONNECTED || !size || size > MCU_ICE_MAX_BYTES)
        mcu_ice_send(ice, data, size);
    else
        mcu_count_add(MCU_CNT_ICE_SEND_DROPPED,
                      (uint64_t)mcu_udp_out_queue(&ice->out, &ice->to, data, size));
}

void mcu_ice_flush(struct mcu_ice *ice)
{
    mcu_count_add(MCU_CNT_ICE_SEND_DROPPED, (uint64_t)mcu_udp_out_flush(&ice->out));
}

enum mcu_ice_state mcu_ice_state(const struct mcu_ice *ice)
{
    return ice->state;
}

static enum mcu_ice_type type_of(const NiceCandidate *c)
{
    switch (c->type) {
    case NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE:
        return MCU_ICE_SRFLX;
    case NICE_CANDIDATE_TYPE_PEER_REFLEXIVE:
        return MCU_ICE_PRFLX;
    case NICE_CANDIDATE_TYPE_RELAYED:
        return MCU_ICE_RELAY;
    default:
        return MCU_ICE_HOST;
    }
}

bool mcu_ice_selected(const struct mcu_ice *ice, struct mcu_ice_selected *out)
{
    NiceCandidate *local, *remote;
    if (!nice_agent_get_selected_pair(ice->agent, ice->stream, MCU_ICE_COMPONENT, &local, &remote))
        return false;
    *out = (struct mcu_ice_selected){ .local_type = type_of(local),
                                      .remote_type = type_of(remote),
                                      .tcp = local->transport != NICE_CANDIDATE_TRANSPORT_UDP };
    nice_address_copy_to_sockaddr(&local->addr, &out->local.u.sa);
    nice_address_copy_to_sockaddr(&remote->addr, &out->remote.u.sa);
    return true;
}
