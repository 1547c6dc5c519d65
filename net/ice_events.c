#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "net/ice_intake.h"
#include "net/ice_priv.h"

#define GATHER_NS (500 * MCU_NS_PER_MS) /* two round trips to a TURN server, and some loss */

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

/* ---- consent ---- */

static int64_t now_of(const struct mcu_ice *ice)
{
    return mcu_loop_now(mcu_ice_group_loop(ice->group));
}

/* A restart waits for its new pair: the old one's consent runs on, and out. */
static void set_consent_timer(struct mcu_ice *ice)
{
    int64_t due = mcu_ice_consent_due(&ice->consent);
    if (ice->restarting && due != INT64_MAX)
        due = ice->consent.answered_ns + MCU_ICE_CONSENT_NS;
    gint64 in_us = (due - now_of(ice)) / 1000 + 1;
    g_source_set_ready_time(ice->consent_timer,
                            due == INT64_MAX ? -1 : g_get_monotonic_time() + in_us);
}

static void send_check(struct mcu_ice *ice)
{
    uint8_t data[MCU_STUN_CHECK_MAX];
    gboolean controlling;
    g_object_get(ice->agent, "controlling-mode", &controlling, NULL);
    struct mcu_ice_peer peer = { ice->remote_ufrag, ice->local_ufrag, ice->remote_pwd, controlling };
    size_t n = mcu_ice_consent_check(&ice->consent, &peer, data, sizeof(data), now_of(ice));
    if (n)
        nice_agent_send(ice->agent, ice->stream, MCU_ICE_COMPONENT, (guint)n, (const gchar *)data);
}

static gboolean on_consent_timer(gpointer arg)
{
    struct mcu_ice *ice = arg;
    if (mcu_ice_consent_lost(&ice->consent, now_of(ice)))
        tell_state(ice, MCU_ICE_DISCONNECTED);
    else if (!ice->restarting)
        send_check(ice);
    if (!ice->freed)
        set_consent_timer(ice);
    return G_SOURCE_CONTINUE;
}

/* From within recvmsg(2), libnice's lock held: nothing of libnice's may be called. */
void mcu_ice_see_stun(const uint8_t *data, size_t size, void *arg)
{
    struct mcu_ice_group *group = arg;
    for (struct mcu_ice *ice = group->members; ice; ice = ice->next) {
        if (!mcu_ice_consent_answer(&ice->consent, ice->remote_pwd, data, size, now_of(ice)))
            continue;
        set_consent_timer(ice);
        return;
    }
}

static void grant_consent(struct mcu_ice *ice)
{
    mcu_ice_consent_grant(&ice->consent, now_of(ice));
    set_consent_timer(ice);
}

/* Its checks succeeded, so its peer consents. */
/* A pair without relay and TCP is a socket and an address: the packets of a picture can leave it
 * together. Agents with relays may have one behind any candidate that is not the host's own. */
static void take_path(struct mcu_ice *ice, const NiceCandidate *local, const NiceCandidate *remote)
{
    bool plain = local->transport == NICE_CANDIDATE_TRANSPORT_UDP &&
                 remote->transport == NICE_CANDIDATE_TRANSPORT_UDP &&
                 (local->type == NICE_CANDIDATE_TYPE_HOST || !ice->relays);
    GSocket *s = plain ? nice_agent_get_selected_socket(ice->agent, ice->stream, MCU_ICE_COMPONENT)
                       : NULL;
    mcu_udp_out_flush(&ice->out); /* it is for the old one */
    ice->out.fd = -1;
    if (!s || g_socket_get_socket_type(s) != G_SOCKET_TYPE_DATAGRAM)
        return;
    nice_address_copy_to_sockaddr(&remote->addr, &ice->to.u.sa);
    ice->out = (struct mcu_udp_out){ .fd = g_socket_get_fd(s) };
}

static void on_nice_pair(NiceAgent *agent, guint stream, guint component, NiceCandidate *local,
                         NiceCandidate *remote, gpointer arg)
{
    struct mcu_ice *ice = arg;
    if (!ice->freed)
        take_path(ice, local, remote);
    grant_consent(ice);
}

static gboolean dispatch(GSource *source, GSourceFunc fn, gpointer arg)
{
    return fn(arg);
}

static void open_consent_timer(struct mcu_ice *ice)
{
    static GSourceFuncs funcs = { .dispatch = dispatch };
    ice->consent_timer = g_source_new(&funcs, sizeof(GSource));
    g_source_set_callback(ice->consent_timer, on_consent_timer, ice, NULL);
    g_source_attach(ice->consent_timer, ice->group->context);
}

/* ---- what libnice says ---- */

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
        grant_consent(ice);
        tell_state(ice, MCU_ICE_CONNECTED);
        break;
    case NICE_COMPONENT_STATE_FAILED:
        if (!was_up) /* else consent decides */
            tell_state(ice, MCU_ICE_FAILED);
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

void mcu_ice_tell_gathered(struct mcu_ice *ice)
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
    mcu_ice_tell_gathered(arg);
}

static void on_gather_timer(struct mcu_timer *timer)
{
    mcu_ice_tell_gathered(mcu_container_of(timer, struct mcu_ice, gather_timer));
}

void mcu_ice_tell_candidate(struct mcu_ice *ice, NiceCandidate *candidate,
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
    mcu_ice_tell_candidate(ice, candidate, ice->events.candidate, ice->arg);
}

static void on_nice_recv(NiceAgent *agent, guint stream, guint component, guint size, gchar *data,
                         gpointer arg)
{
    struct mcu_ice *ice = arg;
    if (ice->freed || !ice->events.datagram)
        return;
    if (size > MCU_ICE_MAX_BYTES) {
        mcu_count(MCU_CNT_ICE_OVERSIZE);
        return;
    }
    ice->depth++;
    ice->events.datagram((const uint8_t *)data, size, mcu_ice_intake_came_ns(), ice->arg);
    ice->depth--;
}

/* ---- for net/ice.c ---- */

void mcu_ice_kick(struct mcu_ice *ice)
{
    mcu_glib_pump_kick(ice->group->pump);
}

void mcu_ice_listen(struct mcu_ice *ice)
{
    mcu_timer_init(&ice->gather_timer, mcu_ice_group_loop(ice->group), on_gather_timer);
    ice->next = ice->group->members;
    ice->group->members = ice;
    open_consent_timer(ice);
    g_signal_connect(ice->agent, "component-state-changed", G_CALLBACK(on_nice_state), ice);
    g_signal_connect(ice->agent, "new-selected-pair-full", G_CALLBACK(on_nice_pair), ice);
    g_signal_connect(ice->agent, "candidate-gathering-done", G_CALLBACK(on_nice_gathered), ice);
    g_signal_connect(ice->agent, "new-candidate-full", G_CALLBACK(on_nice_candidate), ice);
    g_signal_connect(ice->agent, "new-remote-candidate-full", G_CALLBACK(on_nice_remote), ice);
    nice_agent_attach_recv(ice->agent, ice->stream, MCU_ICE_COMPONENT, ice->group->context,
                           on_nice_recv, ice);
}

void mcu_ice_deaf(struct mcu_ice *ice)
{
    struct mcu_ice **at = &ice->group->members;
    while (*at != ice)
        at = &(*at)->next;
    *at = ice->next;
    ice->freed = true;
    mcu_udp_out_flush(&ice->out);
    mcu_timer_stop(&ice->gather_timer);
    g_source_destroy(ice->consent_timer);
    g_source_unref(ice->consent_timer);
    g_signal_handlers_disconnect_by_data(ice->agent, ice);
    nice_agent_attach_recv(ice->agent, ice->stream, MCU_ICE_COMPONENT, ice->group->context, NULL, NULL);
}

void mcu_ice_gather_timer(struct mcu_ice *ice)
{
    mcu_timer_start(&ice->gather_timer, now_of(ice) + GATHER_NS);
}
