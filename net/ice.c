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
#include "net/ice_filter.h"
#include "net/ice_priv.h"

#define COMPONENT     1
#define SOCKET_BUFFER (1 << 20) /* as net/udp.c's: room for a burst of pictures */
#define GATHER_NS     (2 * MCU_NS_PER_S)
#define HOLD_NS       (9 * MCU_NS_PER_S)  /* libnice gives up 10 s after hold_on, or sooner */
#define HOLD_END_NS   (24 * MCU_NS_PER_S) /* then there has been an answer meanwhile */

struct mcu_ice {
    struct mcu_ice_group *group;
    struct mcu_ice_events events;
    void *arg;
    NiceAgent *agent;
    guint stream;
    enum mcu_ice_state state;
    gchar *local_ufrag, *local_pwd;
    char remote_ufrag[MCU_ICE_UFRAG_BYTES], remote_pwd[MCU_ICE_PWD_BYTES];
    /* Without credentials libnice lets the pairs fail at once, so candidates wait here for them. */
    struct mcu_ice_candidate waiting[MCU_ICE_MAX_REMOTE];
    int waiting_count, remote_count;
    int source_count; /* addresses that authentic checks came from, unannounced */
    bool tcp, local_loopback, relays;
    bool gathering, restarting;
    bool consent;    /* libnice watches it */
    bool heard;      /* something has come from the peer since held_ns */
    int64_t held_ns; /* when hold_on began to; 0: never */
    struct mcu_timer gather_timer;
    int depth;           /* events of ours on the stack: libnice's frames are below them */
    struct mcu_msg late; /* of a _free within an event */
    bool freed;
};

/* ---- events ---- */

static void tell_any_state(struct mcu_ice *ice, enum mcu_ice_state state)
{
    ice->state = state;
    if (state == MCU_ICE_DISCONNECTED)
        mcu_count(MCU_CNT_ICE_CONSENT_LOST);
    if (state == MCU_ICE_FAILED)
        mcu_count(MCU_CNT_ICE_FAILED);
    if (!ice->events.state)
        return;
    ice->depth++;
    ice->events.state(state, ice->arg);
    ice->depth--;
}

static void tell_state(struct mcu_ice *ice, enum mcu_ice_state state)
{
    if (state == ice->state || ice->freed || ice->source_count > MCU_ICE_MAX_SOURCES)
        return;
    tell_any_state(ice, state);
}

/* libnice 0.1.21 gives a pair up 10 s after the last answer and sends no check of consent again: two
 * lost ones end a good connection, which at 5 % of loss each way is every ten minutes. So the same
 * pair is chosen anew, which sends checks until one is answered: once for a peer of whom nothing at
 * all comes, so that its end is told within RFC 7675's 30 s. True: consent is not lost yet. */
static bool hold_on(struct mcu_ice *ice)
{
    int64_t now = mcu_loop_now(mcu_ice_group_loop(ice->group));
    NiceCandidate *local, *remote;
    if (ice->state != MCU_ICE_CONNECTED || !ice->consent || ice->restarting || ice->freed)
        return false;
    if (!ice->held_ns || ice->heard || now - ice->held_ns > HOLD_END_NS)
        ice->held_ns = now;
    else if (now - ice->held_ns > HOLD_NS)
        return false;
    ice->heard = false;
    return nice_agent_get_selected_pair(ice->agent, ice->stream, COMPONENT, &local, &remote) &&
           nice_agent_set_selected_pair(ice->agent, ice->stream, COMPONENT, local->foundation,
                                        remote->foundation);
}

static void on_nice_state(NiceAgent *agent, guint stream, guint component, guint state,
                          gpointer arg)
{
    struct mcu_ice *ice = arg;
    bool was_up = ice->state == MCU_ICE_CONNECTED || ice->state == MCU_ICE_DISCONNECTED;
    switch (state) {
    case NICE_COMPONENT_STATE_CONNECTING:
        if (!was_up)
            tell_state(ice, MCU_ICE_CONNECTING);
        break;
    case NICE_COMPONENT_STATE_CONNECTED:
    case NICE_COMPONENT_STATE_READY:
        ice->restarting = false;
        tell_state(ice, MCU_ICE_CONNECTED);
        break;
    case NICE_COMPONENT_STATE_FAILED:
        if (hold_on(ice))
            break;
        tell_state(ice, was_up ? MCU_ICE_DISCONNECTED : MCU_ICE_FAILED);
        break;
    default:
        break;
    }
}

/* libnice keeps each address for ever, and walks over all of them at each packet: 10000 cost 30 MB and
 * held up the loop for most of a minute. Only the peer himself, or whoever has his description, can do that. */
static void on_nice_remote(NiceAgent *agent, NiceCandidate *candidate, gpointer arg)
{
    struct mcu_ice *ice = arg;
    if (candidate->type == NICE_CANDIDATE_TYPE_PEER_REFLEXIVE &&
        ++ice->source_count == MCU_ICE_MAX_SOURCES + 1 && !ice->freed)
        tell_any_state(ice, MCU_ICE_FAILED);
}

static void tell_gathered(struct mcu_ice *ice)
{
    if (!ice->gathering || ice->freed)
        return;
    ice->gathering = false;
    mcu_timer_stop(&ice->gather_timer);
    if (!ice->events.gathered)
        return;
    ice->depth++;
    ice->events.gathered(ice->arg);
    ice->depth--;
}

static void on_nice_gathered(NiceAgent *agent, guint stream, gpointer arg)
{
    tell_gathered(arg);
}

static void on_gather_timer(struct mcu_timer *timer)
{
    tell_gathered(mcu_container_of(timer, struct mcu_ice, gather_timer));
}

static void tell_candidate(struct mcu_ice *ice, NiceCandidate *candidate,
                           void (*fn)(const char *text, void *arg), void *arg)
{
    gchar *text = nice_agent_generate_local_candidate_sdp(ice->agent, candidate);
    if (fn && text && strlen(text) > 2 && !ice->freed) {
        ice->depth++;
        fn(text + 2, arg); /* without "a=" */
        ice->depth--;
    }
    g_free(text);
}

static void on_nice_candidate(NiceAgent *agent, NiceCandidate *candidate, gpointer arg)
{
    struct mcu_ice *ice = arg;
    tell_candidate(ice, candidate, ice->events.candidate, ice->arg);
}

static void on_nice_recv(NiceAgent *agent, guint stream, guint component, guint size, gchar *data,
                         gpointer arg)
{
    struct mcu_ice *ice = arg;
    ice->heard = true;
    if (ice->freed || !ice->events.datagram)
        return;
    if (size > MCU_ICE_MAX_BYTES) {
        mcu_count(MCU_CNT_ICE_OVERSIZE);
        return;
    }
    ice->depth++;
    ice->events.datagram((const uint8_t *)data, size, ice->arg);
    ice->depth--;
}

/* ---- life ---- */

/* After every call into libnice from outside its own callbacks (net/glib_pump.h). */
static void kick(struct mcu_ice *ice)
{
    mcu_glib_pump_kick(ice->group->pump);
}

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
            nice_agent_set_relay_info(ice->agent, ice->stream, COMPONENT, s->host, (guint)s->port,
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
    NiceAgentOption options = NICE_AGENT_OPTION_REGULAR_NOMINATION | NICE_AGENT_OPTION_ICE_TRICKLE;
    if (!wants_tcp(config))
        options |= NICE_AGENT_OPTION_CONSENT_FRESHNESS; /* net/ice_filter.h says why only then */
    NiceAgent *agent = nice_agent_new_full(context, NICE_COMPATIBILITY_RFC5245, options);
    if (!agent)
        return NULL;
    g_object_set(agent, "upnp", FALSE, "ice-udp", TRUE, "ice-tcp", (gboolean)config->tcp,
                 "keepalive-conncheck", TRUE, "controlling-mode", (gboolean)config->controlling, "force-relay",
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

static void connect_events(struct mcu_ice *ice)
{
    g_signal_connect(ice->agent, "component-state-changed", G_CALLBACK(on_nice_state), ice);
    g_signal_connect(ice->agent, "candidate-gathering-done", G_CALLBACK(on_nice_gathered), ice);
    g_signal_connect(ice->agent, "new-candidate-full", G_CALLBACK(on_nice_candidate), ice);
    g_signal_connect(ice->agent, "new-remote-candidate-full", G_CALLBACK(on_nice_remote), ice);
    nice_agent_attach_recv(ice->agent, ice->stream, COMPONENT, ice->group->context, on_nice_recv,
                           ice);
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
    ice->consent = !wants_tcp(config);
    mcu_timer_init(&ice->gather_timer, mcu_ice_group_loop(ice->group), on_gather_timer);
    add_local(ice, config);
    ice->stream = nice_agent_add_stream(ice->agent, 1);
    nice_agent_set_port_range(ice->agent, ice->stream, COMPONENT, (guint)config->port,
                              (guint)config->port);
    add_servers(ice, config);
    read_local_credentials(ice);
    connect_events(ice);
    kick(ice);
    mcu_count(MCU_CNT_ICE_AGENTS);
    *out = ice;
    return 0;
}

static void release(struct mcu_ice *ice)
{
    g_object_unref(ice->agent);
    kick(ice);
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
    kick(ice);
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
    ice->freed = true;
    mcu_timer_stop(&ice->gather_timer);
    g_signal_handlers_disconnect_by_data(ice->agent, ice);
    nice_agent_attach_recv(ice->agent, ice->stream, COMPONENT, ice->group->context, NULL, NULL);
    if (!ice->depth) {
        end(ice);
        return;
    }
    ice->late.fn = on_late;
    mcu_loop_send(loop, &ice->late);
}

/* ---- local side ---- */

static int prepare_socket(GSocket *socket, bool relays)
{
    int fd = g_socket_get_fd(socket), bytes = SOCKET_BUFFER;
    if (g_socket_get_socket_type(socket) != G_SOCKET_TYPE_DATAGRAM)
        return 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    return mcu_ice_filter_attach(fd, relays);
}

static int prepare_sockets(struct mcu_ice *ice)
{
    GPtrArray *sockets = nice_agent_get_sockets(ice->agent, ice->stream, COMPONENT);
    int rc = 0;
    for (guint i = 0; sockets && i < sockets->len && rc == 0; i++)
        rc = prepare_socket(sockets->pdata[i], ice->relays);
    if (sockets)
        g_ptr_array_unref(sockets);
    return rc;
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
    int rc = prepare_sockets(ice);
    if (ice->gathering && rc == 0)
        mcu_timer_start(&ice->gather_timer,
                        mcu_loop_now(mcu_ice_group_loop(ice->group)) + GATHER_NS);
    kick(ice);
    return rc;
}

void mcu_ice_local(const struct mcu_ice *ice, const char **ufrag, const char **pwd)
{
    *ufrag = ice->local_ufrag;
    *pwd = ice->local_pwd;
}

void mcu_ice_each_candidate(struct mcu_ice *ice, void (*fn)(const char *text, void *arg), void *arg)
{
    GSList *all = nice_agent_get_local_candidates(ice->agent, ice->stream, COMPONENT);
    for (GSList *i = all; i; i = i->next)
        tell_candidate(ice, i->data, fn, arg);
    g_slist_free_full(all, (GDestroyNotify)nice_candidate_free);
}

void mcu_ice_restart(struct mcu_ice *ice)
{
    ice->depth++;
    nice_agent_restart_stream(ice->agent, ice->stream);
    ice->depth--;
    ice->restarting = true;
    ice->held_ns = 0;
    ice->remote_ufrag[0] = ice->remote_pwd[0] = '\0';
    ice->remote_count = ice->waiting_count = 0;
    if (ice->source_count <= MCU_ICE_MAX_SOURCES)
        ice->source_count = 0;
    read_local_credentials(ice);
    kick(ice);
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
    n->component_id = COMPONENT;
    snprintf(n->foundation, sizeof(n->foundation), "%s", c->foundation);
    return n;
}

static void add_candidate(struct mcu_ice *ice, const struct mcu_ice_candidate *c)
{
    NiceCandidate *n = to_nice(c, ice->stream);
    GSList list = { .data = n };
    ice->depth++;
    nice_agent_set_remote_candidates(ice->agent, ice->stream, COMPONENT, &list);
    ice->depth--;
    nice_candidate_free(n);
    kick(ice);
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
    kick(ice);
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
    kick(ice);
}

/* ---- data ---- */

int mcu_ice_send(struct mcu_ice *ice, const uint8_t *data, size_t size)
{
    int rc = -EMSGSIZE;
    if (size && size <= MCU_ICE_MAX_BYTES) {
        rc = -ENOTCONN;
        if (ice->state == MCU_ICE_CONNECTED)
            rc = nice_agent_send(ice->agent, ice->stream, COMPONENT, (guint)size,
                                 (const gchar *)data) > 0 ? 0 : -EAGAIN;
    }
    if (rc < 0)
        mcu_count(MCU_CNT_ICE_SEND_DROPPED);
    return rc;
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
    if (!nice_agent_get_selected_pair(ice->agent, ice->stream, COMPONENT, &local, &remote))
        return false;
    *out = (struct mcu_ice_selected){ .local_type = type_of(local),
                                      .remote_type = type_of(remote),
                                      .tcp = local->transport != NICE_CANDIDATE_TRANSPORT_UDP };
    nice_address_copy_to_sockaddr(&local->addr, &out->local.u.sa);
    nice_address_copy_to_sockaddr(&remote->addr, &out->remote.u.sa);
    return true;
}
