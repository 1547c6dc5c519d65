/* The WebRTC side: legs on the control loop, each with its media on a media loop.
 *
 *   wish > offer > directory > port, leg > described > answer
 *
 * A web leg is freed when its media leg has ended and the directory does not hold it. */
#include "server/web_side.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/hex.h"
#include "mixer/base/util.h"
#include "net/dtls.h"
#include "server/web_priv.h"
#include "server/web_room.h"


/* ---- life ---- */

static void call_shutdown_done(struct mcu_web_side *side)
{
    void (*done)(void *) = side->shutdown_done;
    side->shutdown_done = NULL;
    done(side->shutdown_arg);
}

void mcu_web_check_shutdown(struct mcu_web_side *side)
{
    if (!side->shutdown_done || side->leg_count || side->questions)
        return;
    mcu_timer_stop(&side->shutdown_timer);
    call_shutdown_done(side);
}

static void random_id(char id[WEB_ID_BYTES])
{
    uint8_t bytes[(WEB_ID_BYTES - 1) / 2];
    mcu_srtp_random(bytes, sizeof(bytes));
    mcu_hex(id, bytes, sizeof(bytes));
}

static struct web_leg *new_leg(struct mcu_web_side *side, const struct web_wish *wish)
{
    struct web_leg *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->side = side;
    w->door = wish->door;
    w->hidden = wish->hidden;
    w->layout = wish->layout;
    w->generation = 1;
    w->begun_ns = mcu_loop_now(side->server->control);
    random_id(w->id);
    snprintf(w->room_name, sizeof(w->room_name), "%s", wish->room);
    mcu_leg_identity_new(&w->identity);
    snprintf(w->identity.name, sizeof(w->identity.name), "%s", wish->name);
    mcu_srtp_random(&w->session_id, sizeof(w->session_id));
    w->session_id >>= 2; /* o= wants a number that others can hold in 63 bits */
    w->prev = &side->legs;
    w->next = side->legs;
    if (w->next)
        w->next->prev = &w->next;
    side->legs = w;
    side->leg_count++;
    return w;
}

static void release_if_over(struct web_leg *w)
{
    struct mcu_web_side *side = w->side;
    struct mcu_server *s = side->server;
    if (!w->over || w->leg_alive || w->finding)
        return;
    if (w->port)
        mcu_ports_give(s->ports, w->port, mcu_loop_now(s->control));
    mcu_directory_release(s->directory, &w->room);
    if (w->media)
        atomic_fetch_sub(&w->media->leg_load, 1);
    *w->prev = w->next;
    if (w->next)
        w->next->prev = w->prev;
    side->leg_count--;
    mcu_sdp_free(&w->offer);
    free(w->nego);
    free(w);
    mcu_web_check_shutdown(side);
}

static void refuse_waiting(struct web_leg *w, int status, const char *why)
{
    struct mcu_http_request *req = w->req;
    w->req = NULL;
    if (req)
        mcu_web_refuse(req, status, why);
}

void mcu_web_end(struct web_leg *w, const char *why)
{
    if (!w->over)
        mcu_log(MCU_LOG_INFO, "web-leg-ended", "leg=%u reason=\"%s\"", w->identity.leg, why);
    w->over = true;
    refuse_waiting(w, 503, why);
    mcu_web_room_left(w, why);
    mcu_leg_end(&w->leg);
    release_if_over(w);
}

/* ---- the leg's words ---- */

static void leg_failed(const char *reason, void *arg)
{
    mcu_web_end(arg, reason);
}

static void leg_asks_keyframe(void *arg)
{
    /* Every WebRTC peer understands PLI or FIR. */
}

static void leg_shown(const struct mcu_shown *shown, void *arg)
{
    struct web_leg *w = arg;
    w->shown = *shown;
    mcu_web_room_tell_shown(w);
}

static void leg_there(void *arg)
{
    struct web_leg *w = arg;
    w->there = true;
}

static void leg_ended(void *arg)
{
    struct web_leg *w = arg;
    w->leg_alive = false;
    w->over = true;
    release_if_over(w);
}

/* The same host candidate under another address; "" where it is none, or already says so. */
static void translate(const char *candidate, const char *public, char out[MCU_LEG_CANDIDATE_BYTES])
{
    char foundation[40], address[64], rest[64];
    out[0] = '\0';
    if (sscanf(candidate, "candidate:%39[^ ] 1 UDP %*u %63s %63[^\n]", foundation, address, rest) == 3 &&
        strcmp(address, public) != 0 && strstr(rest, "typ host") &&
        !strchr(address, ':') == !strchr(public, ':'))
        snprintf(out, MCU_LEG_CANDIDATE_BYTES, "candidate:%sp 1 UDP 2130706431 %s %s", foundation,
                 public, rest);
}

/* Where others see us under another address (listen.public_address, a 1:1 NAT), they are told both. */
static void add_public(const struct mcu_server *s, struct mcu_leg_description *d)
{
    const char *public = s->config.public_address;
    int n = d->candidate_count;
    for (int i = 0; i < n && public[0] && d->candidate_count < MCU_LEG_CANDIDATES; i++) {
        char *out = d->candidate[d->candidate_count];
        translate(d->candidate[i], public, out);
        d->candidate_count += out[0] != '\0';
    }
}

/* WebRTC is always secured (RFC 8827 6.5), whatever media.security asks of phones. */
static void fill_caps(const struct mcu_server *s, struct mcu_nego_caps *out)
{
    mcu_leg_caps(out, &s->config, s->config.address);
    out->fingerprint = *mcu_dtls_fingerprint();
}

static void fill_local(const struct web_leg *w, const struct mcu_leg_description *d,
                       const char *candidates[MCU_LEG_CANDIDATES], struct mcu_nego_web_local *out)
{
    for (int i = 0; i < d->candidate_count; i++)
        candidates[i] = d->candidate[i];
    *out = (struct mcu_nego_web_local){
        .session_id = w->session_id, .session_version = w->generation,
        .ufrag = d->ufrag, .pwd = d->pwd, .candidates = candidates,
        .candidate_count = d->candidate_count, .end_of_candidates = true,
        .cname = w->identity.cname, .stream = w->identity.cname,
        .ssrc = { w->identity.ssrc[MCU_ROLE_AUDIO], w->identity.ssrc[MCU_ROLE_VIDEO] },
        .rtx_ssrc = { w->identity.rtx_ssrc[MCU_ROLE_AUDIO], w->identity.rtx_ssrc[MCU_ROLE_VIDEO] },
    };
}

static void leg_described(const struct mcu_leg_description *description, void *arg)
{
    struct web_leg *w = arg;
    struct mcu_leg_description d = *description;
    struct mcu_nego_web_local local;
    struct mcu_nego_caps caps;
    const char *candidates[MCU_LEG_CANDIDATES];
    char *text = malloc(WEB_SDP_BYTES);
    if (!w->req || w->over) { /* gone meanwhile, or libnice found one more */
        free(text);
        return;
    }
    add_public(w->side->server, &d);
    fill_local(w, &d, candidates, &local);
    fill_caps(w->side->server, &caps);
    int n = !text         ? -ENOMEM
            : w->answered ? mcu_sdpfrag_write(w->nego, &local, text, WEB_SDP_BYTES)
                          : mcu_nego_web_write_answer(w->nego, w->offer, &caps, &local, text,
                                                      WEB_SDP_BYTES);
    if (n < 0) {
        mcu_web_end(w, "the answer could not be made");
    } else if (w->answered) {
        mcu_web_respond_restarted(w, text, (size_t)n);
    } else {
        w->answered = true;
        mcu_web_respond_created(w, text, (size_t)n);
    }
    free(text);
}

static const struct mcu_leg_events leg_events = {
    .failed = leg_failed,
    .ask_keyframe = leg_asks_keyframe,
    .described = leg_described,
    .shown = leg_shown,
    .there = leg_there,
    .ended = leg_ended,
};

/* ---- ICE: our addresses, his description ---- */

/* libnice opens the sockets itself: the port is tried with ours, and left to it. */
static int take_port(struct web_leg *w, const struct mcu_addr *local)
{
    struct mcu_server *s = w->side->server;
    int fd[2];
    int rc = mcu_ports_take(s->ports, local, mcu_loop_now(s->control), &w->port, fd);
    if (rc < 0)
        return rc;
    close(fd[0]);
    close(fd[1]);
    return 0;
}

static void fill_lines(struct mcu_leg_ice *ice, const struct mcu_nego_web *nego)
{
    for (int kind = 0; kind < 2; kind++) {
        const struct mcu_nego_web_line *l = &nego->line[kind];
        if (l->index < 0)
            continue;
        ice->transport_cc |= l->ext.transport_cc != 0;
        for (int i = 0; i < l->ssrc_count && ice->named_count < MCU_LEG_NAMED_SSRCS; i++) {
            ice->named[ice->named_count].ssrc = l->ssrc[i];
            ice->named[ice->named_count++].role = mcu_nego_role(&l->base);
        }
    }
}

static int new_ice(struct web_leg *w, struct mcu_leg_ice **out)
{
    const struct mcu_config *k = &w->side->server->config;
    const struct mcu_nego_web_transport *t = &w->nego->transport;
    struct mcu_leg_ice *ice = calloc(1, sizeof(*ice));
    if (!ice)
        return -ENOMEM;
    mcu_web_ice_fill(w->side->ice, &ice->config);
    int rc = ice->config.local_count ? take_port(w, &ice->config.local[0]) : -EADDRNOTAVAIL;
    if (rc < 0) {
        free(ice);
        return rc;
    }
    ice->config.port = w->port;
    ice->config.tcp = k->web_ice_tcp;
    ice->config.controlling = t->lite; /* RFC 8445 6.1.1 */
    snprintf(ice->ufrag, sizeof(ice->ufrag), "%s", t->ufrag);
    snprintf(ice->pwd, sizeof(ice->pwd), "%s", t->pwd);
    for (int i = 0; i < t->candidate_count && i < MCU_LEG_CANDIDATES; i++)
        snprintf(ice->candidate[ice->candidate_count++], MCU_LEG_CANDIDATE_BYTES, "%s",
                 t->candidates[i]);
    ice->end_of_candidates = t->end_of_candidates;
    ice->peer = t->fingerprint;
    ice->dtls_active = t->dtls_active;
    fill_lines(ice, w->nego);
    *out = ice;
    return 0;
}

/* ---- from a wish to a leg ---- */

static int start_leg(struct web_leg *w)
{
    struct mcu_server *s = w->side->server;
    struct mcu_leg_params *p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    mcu_leg_params_fill_web(p, w->nego, &w->identity, w->hidden, &s->config);
    p->join.layout = w->layout;
    int rc = new_ice(w, &p->ice);
    if (rc == 0) {
        w->media = mcu_directory_place_leg(s->directory);
        atomic_fetch_add(&w->media->leg_load, 1);
        rc = mcu_leg_new(&w->leg, w->media, s->control, p, w->conference, &leg_events, w);
        if (rc < 0)
            free(p->ice);
    }
    w->leg_alive = rc == 0;
    free(p);
    return rc;
}

static void found(int error, struct mcu_room *room, struct mcu_ref conference, void *arg)
{
    struct web_leg *w = arg;
    w->finding = false;
    w->room = room;
    w->conference = conference;
    if (w->over) {
        release_if_over(w);
        return;
    }
    if (error)
        mcu_count(MCU_CNT_ADMISSION_REFUSED);
    if (error || (error = start_leg(w)) < 0)
        mcu_web_end(w, error == -EBUSY        ? "the conference or the server is full"
                       : error == -EADDRINUSE ? "no RTP port is free"
                       : error == -EADDRNOTAVAIL
                           ? "no address for ICE: set listen.address or web.addresses"
                           : "out of memory");
}

static int parse_offer(struct web_leg *w, const struct web_wish *wish, struct mcu_http_request *req)
{
    struct mcu_sdp_error at = { 0 };
    struct mcu_nego_web_error error = { { 0 } };
    struct mcu_nego_caps caps;
    char what[256], quoted[300];
    fill_caps(w->side->server, &caps);
    w->nego = calloc(1, sizeof(*w->nego));
    int rc = w->nego ? mcu_sdp_parse(&w->offer, wish->offer, wish->offer_bytes, &at) : -ENOMEM;
    if (rc < 0)
        snprintf(what, sizeof(what), "SDP line %d: %s", at.line, at.what);
    else if ((rc = mcu_nego_web_offer(w->nego, w->offer, &caps, wish->door->role, &error)) < 0)
        snprintf(what, sizeof(what), "%s", error.what);
    if (rc == 0)
        return 0;
    mcu_count(MCU_CNT_SDP_BAD);
    mcu_log(MCU_LOG_INFO, "web-offer-refused", "leg=%u reason=%s", w->identity.leg,
            mcu_log_quote(quoted, sizeof(quoted), rc == -ENOMEM ? "out of memory" : what));
    mcu_web_refuse(req, rc == -ENOENT ? 406 : rc == -ENOMEM ? 503 : 400, what);
    return rc;
}

void mcu_web_open(struct mcu_web_side *side, const struct web_wish *wish,
                  struct mcu_http_request *req)
{
    char room[2 * MCU_ROOM_MAX], name[2 * MCU_NAME_MAX];
    uint8_t source[MCU_SIP_SOURCE_KEY];
    const char *why;
    int status = mcu_web_guard(side, mcu_http_source(req), source, &why);
    if (status) {
        mcu_web_refuse(req, status, why);
        return;
    }
    struct web_leg *w = new_leg(side, wish);
    if (!w) {
        mcu_web_refuse(req, 503, "out of memory");
        return;
    }
    memcpy(w->source, source, sizeof(w->source));
    if (parse_offer(w, wish, req) < 0) {
        w->over = true;
        release_if_over(w);
        return;
    }
    mcu_log(MCU_LOG_INFO, "web-leg", "leg=%u conference=%s name=%s door=%s source=%s",
            w->identity.leg, mcu_log_quote(room, sizeof(room), w->room_name),
            mcu_log_quote(name, sizeof(name), w->identity.name), w->door->prefix,
            mcu_http_source(req));
    w->req = req;
    w->finding = true;
    mcu_directory_find(side->server->directory, w->room_name, found, w);
}

struct web_leg *mcu_web_find(struct mcu_web_side *side, const struct web_door *door,
                             const char *room, const char *id)
{
    for (struct web_leg *w = side->legs; w; w = w->next)
        if (!w->over && w->door == door && strcmp(w->id, id) == 0 &&
            strcmp(w->room_name, room) == 0)
            return w;
    return NULL;
}

void mcu_web_trickle(struct web_leg *w, const struct mcu_sdpfrag *frag,
                     struct mcu_http_request *req)
{
    for (int i = 0; i < frag->candidate_count && w->leg; i++)
        mcu_leg_candidate(w->leg, frag->candidates[i]);
    if (frag->end_of_candidates && w->leg)
        mcu_leg_candidate(w->leg, NULL);
    mcu_http_respond(req, 204, NULL, NULL, 0);
}

void mcu_web_restart(struct web_leg *w, const struct mcu_sdpfrag *frag,
                     struct mcu_http_request *req)
{
    if (!w->leg || w->req) {
        mcu_web_refuse(req, 409, "the answer before this is still on its way");
        return;
    }
    w->req = req;
    w->generation++;
    snprintf(w->nego->transport.ufrag, sizeof(w->nego->transport.ufrag), "%s", frag->ufrag);
    mcu_leg_restart_ice(w->leg, frag->ufrag, frag->pwd);
    for (int i = 0; i < frag->candidate_count; i++)
        mcu_leg_candidate(w->leg, frag->candidates[i]);
    if (frag->end_of_candidates)
        mcu_leg_candidate(w->leg, NULL);
}

/* ---- the side ---- */

int mcu_web_side_new(struct mcu_web_side **out, struct mcu_server *server)
{
    struct mcu_web_side *side = calloc(1, sizeof(*side));
    if (!side)
        return -ENOMEM;
    side->server = server;
    mcu_web_rooms_init(side);
    int rc = mcu_web_ice_new(&side->ice, server->control, &server->config);
    if (rc == 0)
        rc = mcu_web_guard_init(side);
    if (rc == 0)
        *out = side;
    else
        mcu_web_side_free(&side);
    return rc;
}

static void on_shutdown_time(struct mcu_timer *timer)
{
    struct mcu_web_side *side = mcu_container_of(timer, struct mcu_web_side, shutdown_timer);
    mcu_log(MCU_LOG_WARN, "web-legs-remain", "legs=%d", side->leg_count);
    call_shutdown_done(side);
}

void mcu_web_side_shutdown(struct mcu_web_side *side, int timeout_ms, void (*done)(void *arg),
                           void *arg)
{
    struct mcu_loop *control = side->server->control;
    mcu_timer_init(&side->shutdown_timer, control, on_shutdown_time);
    mcu_timer_start(&side->shutdown_timer, mcu_loop_now(control) + timeout_ms * MCU_NS_PER_MS);
    side->stopping = true;
    side->shutdown_done = done;
    side->shutdown_arg = arg;
    for (struct web_leg *w = side->legs, *next; w; w = next) {
        next = w->next;
        mcu_web_end(w, "shutdown");
    }
    mcu_web_check_shutdown(side);
}

void mcu_web_side_reload(struct mcu_web_side *side)
{
    mcu_web_ice_reload(side->ice);
}

void mcu_web_side_free(struct mcu_web_side **sp)
{
    struct mcu_web_side *side = *sp;
    *sp = NULL;
    if (!side)
        return;
    mcu_timer_stop(&side->room_timer);
    mcu_web_ice_free(&side->ice);
    mcu_sip_sources_free(&side->sources);
    free(side);
}

int mcu_web_side_legs(const struct mcu_web_side *side)
{
    return side->leg_count;
}

static struct web_leg *leg_by_number(struct mcu_web_side *side, uint32_t leg)
{
    struct web_leg *w = side->legs;
    while (w && (w->identity.leg != leg || w->over))
        w = w->next;
    return w;
}

struct moving {
    struct mcu_web_side *side;
    uint32_t leg;
};

static void move_found(int error, struct mcu_room *room, struct mcu_ref conference, void *arg)
{
    struct moving *m = arg;
    struct web_leg *w = leg_by_number(m->side, m->leg);
    if (!error && w && w->leg) {
        struct mcu_room *old = w->room;
        w->room = room;
        w->conference = conference;
        mcu_leg_move(w->leg, conference);
        room = old;
    }
    if (room)
        mcu_directory_release(m->side->server->directory, &room);
    free(m);
}

int mcu_web_side_move(struct mcu_web_side *side, uint32_t leg, const char *raw)
{
    char room[MCU_ROOM_NAME_BYTES];
    if (mcu_room_name_parse(room, raw, strlen(raw)) < 0)
        return -EINVAL;
    if (!leg_by_number(side, leg))
        return -ENOENT;
    struct moving *m = malloc(sizeof(*m));
    if (!m)
        return -ENOMEM;
    *m = (struct moving){ side, leg };
    mcu_directory_find(side->server->directory, room, move_found, m);
    return 0;
}

int mcu_web_side_wish(struct mcu_web_side *side, uint32_t leg, enum mcu_layout_wish wish)
{
    struct web_leg *w = leg_by_number(side, leg);
    if (!w || !w->leg)
        return -ENOENT;
    mcu_leg_wish(w->leg, wish);
    return 0;
}

int mcu_web_side_kick(struct mcu_web_side *side, uint32_t leg)
{
    struct web_leg *w = leg_by_number(side, leg);
    if (!w)
        return -ENOENT;
    mcu_web_end(w, "kicked");
    return 0;
}
