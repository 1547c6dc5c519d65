/* Offers and answers of a call (RFC 3264), its ports and keys, and what they make of its leg. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mixer/base/counter.h"
#include "mixer/base/hash.h"
#include "server/sip_side_priv.h"

/* ---- life ---- */

void mcu_call_close_sockets(struct call *c)
{
    for (int i = 0; i < MCU_ROLES; i++)
        for (int k = 0; k < 2; k++) {
            if (c->fd[i][k] >= 0)
                close(c->fd[i][k]);
            c->fd[i][k] = -1;
        }
}

/* It holds keys. */
static void free_nego(struct mcu_nego **np)
{
    if (*np)
        mcu_srtp_wipe(*np, sizeof(**np));
    free(*np);
    *np = NULL;
}

void mcu_call_free_media(struct call *c)
{
    mcu_sdp_free(&c->peer);
    free_nego(&c->nego);
}

/* ---- what we can ---- */

static void fill_caps(const struct call *c, struct mcu_nego_caps *caps)
{
    const struct mcu_config *k = &c->side->server->config;
    mcu_leg_caps(caps, k, k->public_address[0] ? k->public_address : c->local_address);
}

static int take_port(struct call *c, int role)
{
    struct mcu_server *s = c->side->server;
    struct mcu_addr local;
    if (c->port[role])
        return 0;
    int rc = mcu_addr_parse(&local, s->config.address, 0);
    return rc < 0 ? rc
                  : mcu_ports_take(s->ports, &local, mcu_loop_now(s->control), &c->port[role],
                                   c->fd[role]);
}

/* Our key of a line lives as long as the peer's: one that he changes begins a new context on both
 * sides, whatever his idea of a rollover counter is then. */
static const struct mcu_srtp_key *take_key(struct call *c, const struct mcu_nego_line *line)
{
    int role = mcu_nego_role(line);
    const struct mcu_srtp_key *peer = &line->sdes.key;
    if (c->tx_key[role].suite != peer->suite || !mcu_srtp_key_equal(&c->rx_key[role], peer))
        mcu_srtp_key_random(&c->tx_key[role], peer->suite);
    c->rx_key[role] = *peer;
    return &c->tx_key[role];
}

static int take_ports(struct call *c, const struct mcu_nego *nego, struct mcu_nego_local *local)
{
    memset(local, 0, sizeof(*local));
    for (int i = 0; i < nego->line_count; i++) {
        if (!nego->line[i].accepted)
            continue;
        int rc = take_port(c, mcu_nego_role(&nego->line[i]));
        if (rc < 0)
            return rc;
        local->port[i] = c->port[mcu_nego_role(&nego->line[i])];
        if (nego->line[i].sealing == MCU_SDES)
            local->key[i] = *take_key(c, &nego->line[i]);
    }
    return 0;
}

/* ---- from the outcome to the leg ---- */

static void fill_params(struct call *c, const struct mcu_nego *nego)
{
    struct mcu_leg_params *p = &c->params;
    mcu_leg_params_fill(p, nego, &c->identity, &c->side->server->config);
    p->signalling = c->signalling;
    for (int i = 0; i < MCU_ROLES; i++) {
        if (p->line[i].seal.sealing == MCU_SDES)
            p->line[i].seal.tx = c->tx_key[i];
        for (int k = 0; k < 2; k++) {
            p->line[i].fd[k] = p->line[i].used ? c->fd[i][k] : -1;
            if (p->line[i].used)
                c->fd[i][k] = -1; /* the leg's from now on */
        }
    }
}

/* Starts the leg, or changes it. */
static int apply(struct call *c, const struct mcu_nego *nego)
{
    struct mcu_server *s = c->side->server;
    fill_params(c, nego);
    if (c->leg) {
        mcu_leg_update(c->leg, &c->params);
        return 0;
    }
    if (!c->media) {
        c->media = mcu_directory_place_leg(s->directory);
        atomic_fetch_add(&c->media->leg_load, 1);
    }
    int rc = mcu_leg_new(&c->leg, c->media, s->control, &c->params, c->conference,
                         &mcu_call_leg_events, c);
    if (rc == 0) {
        c->leg_alive = c->joined = true;
        return 0;
    }
    for (int i = 0; i < MCU_ROLES; i++)
        memcpy(c->fd[i], c->params.line[i].fd, sizeof(c->fd[i]));
    return rc;
}

/* ---- offers and answers ---- */

/* What we write: a first offer, or lines of the peer's description and what came of it. */
struct words {
    const struct mcu_nego *nego; /* NULL: a first offer */
    const struct mcu_sdp *peer;
    bool offer;
};

static int write_once(const struct words *w, const struct mcu_nego_caps *caps,
                      const struct mcu_nego_local *local, char *sdp)
{
    return !w->nego   ? mcu_nego_write_offer(caps, local, sdp, SDP_BYTES)
           : w->offer ? mcu_nego_write_reoffer(w->nego, w->peer, caps, local, sdp, SDP_BYTES)
                      : mcu_nego_write_answer(w->nego, w->peer, caps, local, sdp, SDP_BYTES);
}

/* Of all lines but v= and o=. */
static uint64_t hash_of(const char *sdp)
{
    const char *s = strstr(sdp, "\r\ns=");
    return mcu_fnv1a(MCU_FNV1A_START, s, s ? strlen(s) : 0);
}

/* The version in o= tells whether anything has changed (RFC 3264 8), against the last description
 * that we sent, even if it was refused: no number means two things. */
static int write_sdp(struct call *c, const struct words *w, const struct mcu_nego_caps *caps,
                     struct mcu_nego_local *local, char *sdp)
{
    local->session_id = c->session_id;
    local->session_version = c->session_version;
    int rc = write_once(w, caps, local, sdp);
    uint64_t hash = rc < 0 ? 0 : hash_of(sdp);
    if (rc < 0 || hash == c->sent_hash)
        return rc;
    c->sent_hash = hash;
    local->session_version = ++c->session_version;
    return write_once(w, caps, local, sdp);
}

/* A line that we hold carries nothing either way, whatever the peer says of it. */
static void hold_lines(struct mcu_nego *nego)
{
    for (int i = 0; i < nego->line_count; i++)
        nego->line[i].we_send = nego->line[i].we_receive = false;
}

/* Keeps what is agreed now: the next offer of ours starts from it. Takes both. */
static void keep(struct call *c, struct mcu_sdp **peer, struct mcu_nego **nego)
{
    mcu_sdp_free(&c->peer);
    free_nego(&c->nego);
    c->peer = *peer;
    c->nego = *nego;
    *peer = NULL;
    *nego = NULL;
}

static int parse_sdp(struct call *c, const char *text, size_t len, struct mcu_sdp **out)
{
    static struct mcu_log_limit limit;
    struct mcu_sdp_error error = { 0 };
    int rc = mcu_sdp_parse(out, text, len, &error);
    if (rc == 0)
        return 0;
    char warning[160], quoted[200];
    snprintf(warning, sizeof(warning), "SDP line %d: %s", error.line, error.what);
    mcu_count(MCU_CNT_SDP_BAD);
    mcu_log_limited(&limit, MCU_LOG_WARN, "sdp-malformed", "leg=%u error=%s", c->identity.leg,
                    mcu_log_quote(quoted, sizeof(quoted), warning));
    mcu_call_refuse(c, rc == -ENOMEM ? 500 : 400, warning, 0);
    return rc;
}

/* What we wrote for the wire; it may hold our keys. */
static void free_sdp(char *sdp)
{
    if (sdp)
        mcu_srtp_wipe(sdp, SDP_BYTES);
    free(sdp);
}

void mcu_call_answer(struct call *c, const char *text, size_t len)
{
    struct mcu_nego_caps caps;
    struct mcu_nego_local local;
    struct mcu_sdp *offer = NULL;
    char *sdp = malloc(SDP_BYTES);
    struct mcu_nego *nego = calloc(1, sizeof(*nego));
    if (!sdp || !nego) {
        mcu_call_refuse(c, 500, "out of memory", 0);
        goto out;
    }
    if (parse_sdp(c, text, len, &offer) < 0)
        goto out;
    fill_caps(c, &caps);
    if (mcu_nego_offer(nego, offer, &caps) < 0) {
        mcu_call_refuse(c, 488,
                        !nego->security_missing ? "no common audio or video codec"
                        : caps.security == MCU_SECURITY_REQUIRED
                            ? "media must be secured, with a usable key"
                            : "secured media without a usable key",
                        0);
        goto out;
    }
    if (c->nego)
        mcu_nego_keep_roles(nego, offer, c->nego);
    if (c->held)
        hold_lines(nego);
    if (take_ports(c, nego, &local) < 0) {
        mcu_call_refuse(c, 503, "no RTP port is free", CALL_RETRY_AFTER_S);
        goto out;
    }
    struct words words = { .nego = nego, .peer = offer };
    mcu_call_ask(c, nego, &caps);
    if (write_sdp(c, &words, &caps, &local, sdp) < 0 || apply(c, nego) < 0) {
        mcu_call_refuse(c, 500, "the answer could not be made", 0);
        goto out;
    }
    keep(c, &offer, &nego);
    mcu_call_size_settled(c);
    mcu_sip_accept(c->sip, sdp);
    mcu_call_replace(c);
out:
    mcu_sdp_free(&offer);
    free_nego(&nego);
    free_sdp(sdp);
    mcu_srtp_wipe(&local, sizeof(local));
}

/* Ports for a first offer: one audio and one video line. */
static int first_offer(struct call *c, const struct mcu_nego_caps *caps, char *sdp)
{
    struct mcu_nego_local local = { .session_id = 0 };
    struct words words = { .offer = true };
    int rc = take_port(c, MCU_ROLE_AUDIO);
    if (rc == 0 && caps->video_count)
        rc = take_port(c, MCU_ROLE_VIDEO);
    local.port[0] = c->port[MCU_ROLE_AUDIO];
    local.port[1] = c->port[MCU_ROLE_VIDEO];
    for (int i = 0; i < 2 && caps->security != MCU_SECURITY_OFF; i++) {
        int role = i ? MCU_ROLE_VIDEO : MCU_ROLE_AUDIO;
        mcu_srtp_key_random(&c->tx_key[role], MCU_NEGO_OFFER_SUITE);
        local.key[i] = c->tx_key[role];
    }
    rc = rc < 0 ? rc : write_sdp(c, &words, caps, &local, sdp);
    mcu_srtp_wipe(&local, sizeof(local));
    return rc;
}

int mcu_call_offer(struct call *c, char *sdp)
{
    struct mcu_nego_caps caps;
    fill_caps(c, &caps);
    return first_offer(c, &caps, sdp);
}

/* In a running session the lines stay what they are (RFC 3264 section 8). */
static int next_offer(struct call *c, struct mcu_nego_caps *caps, bool hold, char *sdp)
{
    struct mcu_nego_local local;
    struct words words = { .nego = c->nego, .peer = c->peer, .offer = true };
    int rc = take_ports(c, c->nego, &local);
    mcu_call_ask(c, c->nego, caps);
    for (int i = 0; i < MCU_SDP_MAX_LINES; i++)
        local.hold[i] = hold;
    rc = rc < 0 ? rc : write_sdp(c, &words, caps, &local, sdp);
    mcu_srtp_wipe(&local, sizeof(local));
    return rc;
}

void mcu_call_make_offer(struct call *c)
{
    struct mcu_nego_caps caps;
    char *sdp = malloc(SDP_BYTES);
    fill_caps(c, &caps);
    int rc = !sdp      ? -ENOMEM
             : c->nego ? next_offer(c, &caps, c->held, sdp)
                       : first_offer(c, &caps, sdp);
    if (rc == -EADDRINUSE) {
        mcu_call_refuse(c, 503, "no RTP port is free", CALL_RETRY_AFTER_S);
    } else if (rc < 0) {
        mcu_call_refuse(c, 500, "the offer could not be made", 0);
    } else {
        c->offered = true;
        mcu_sip_accept(c->sip, sdp);
        mcu_call_replace(c);
    }
    free_sdp(sdp);
}

/* Our key stands: it was in the offer that is answered here. */
static void accept_keys(struct call *c, struct mcu_nego *nego, const struct mcu_sdp *answer,
                        bool first)
{
    for (int i = 0; i < nego->line_count; i++)
        if (nego->line[i].accepted && nego->line[i].sealing == MCU_SDES)
            c->rx_key[mcu_nego_role(&nego->line[i])] = nego->line[i].sdes.key;
    if (!first)
        mcu_nego_keep_roles(nego, answer, c->nego);
}

/* Our first offer asked for the whole canvas, of a caller that was not known yet. */
static void first_told(struct call *c, const struct mcu_nego *nego)
{
    struct mcu_nego_caps caps;
    fill_caps(c, &caps);
    mcu_call_ask(c, nego, &caps);
    c->size.offered_bps = c->size.offered_bps ? caps.video_bps : 0;
    mcu_call_size_settled(c);
}

void mcu_call_take_answer(struct call *c, const char *text, size_t len)
{
    struct mcu_nego_caps caps;
    struct mcu_sdp *answer = NULL;
    struct mcu_nego *nego = calloc(1, sizeof(*nego));
    bool first = !c->nego;
    c->offered = false;
    fill_caps(c, &caps);
    int rc = !nego ? -ENOMEM : !text ? -EBADMSG : mcu_sdp_parse(&answer, text, len, NULL);
    if (rc == 0)
        rc = first ? mcu_nego_answer(nego, answer, &caps) : mcu_nego_offer(nego, answer, &caps);
    if (rc == 0)
        accept_keys(c, nego, answer, first);
    if (rc == 0 && c->held)
        hold_lines(nego);
    if (rc == 0)
        rc = apply(c, nego);
    if (rc < 0) {
        mcu_count(MCU_CNT_SDP_BAD);
        mcu_call_hang_up(c, "the answer to our offer is of no use");
    } else {
        if (first)
            first_told(c, nego);
        else
            mcu_call_size_settled(c);
        keep(c, &answer, &nego);
        mcu_leg_confirm(c->leg); /* it came in the ACK */
    }
    mcu_sdp_free(&answer);
    free_nego(&nego);
}

/* ---- later offers of ours ---- */

void mcu_call_offer_due(struct call *c)
{
    struct mcu_nego_caps caps;
    char *sdp = c->nego && c->leg ? malloc(SDP_BYTES) : NULL;
    fill_caps(c, &caps);
    c->hold_offered = c->hold_wanted;
    bool made = sdp && next_offer(c, &caps, c->hold_offered, sdp) >= 0;
    mcu_sip_offer(c->sip, made ? sdp : NULL);
    free_sdp(sdp);
}

/* Nothing has changed here before the answer comes, so that a refusal leaves all as it was. */
void mcu_call_offer_done(struct call *c, int status, const char *sdp, size_t size)
{
    bool changes = c->hold_offered != c->held;
    char detail[40];
    if (status < 300) {
        c->held = c->hold_offered;
        mcu_call_take_answer(c, sdp, size);
        if (changes && !c->over)
            mcu_call_emit(c, c->held ? MCU_EVENT_LEG_HELD : MCU_EVENT_LEG_RESUMED, "");
    } else {
        snprintf(detail, sizeof(detail), "status=%d", status);
        mcu_call_emit(c, MCU_EVENT_LEG_OFFER_REFUSED, detail);
        if (!changes)
            mcu_call_size_refused(c);
        if (c->hold_wanted == c->hold_offered)
            c->hold_wanted = c->held;
    }
    if (!c->over && c->hold_wanted != c->held) /* asked for meanwhile */
        mcu_sip_reoffer(c->sip);
}
