/* The transport that the lines of a WebRTC leg share (BUNDLE, RFC 8843):
 *
 *   ICE > DTLS and SRTP (one association, one session) > which line? > line
 *   line > SRTP > ICE
 *
 * Datagrams come from checked addresses alone, so DTLS does too. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "server/leg_notice.h"
#include "server/leg_priv.h"

#define COME_NS (15 * MCU_NS_PER_S) /* for ICE and DTLS to be there at first */
#define AWAY_NS (15 * MCU_NS_PER_S) /* without consent, until the leg is given up */

static int64_t now_of(const struct mcu_leg *leg)
{
    return mcu_loop_now(leg->media->loop);
}

static void run(struct mcu_leg *leg)
{
    leg->bundle.due_ns = mcu_leg_run_bundle(leg);
    mcu_leg_set_timer(leg);
}

/* ---- out ---- */

static void on_sealed(int component, const uint8_t *data, size_t size, void *arg)
{
    struct mcu_leg *leg = arg;
    if (!leg->bundle.connected)
        return;
    if (leg->aside) /* both count what they drop */
        mcu_ice_queue(leg->bundle.ice, data, size);
    else
        mcu_ice_send(leg->bundle.ice, data, size);
}

/* ---- in ---- */

/* A compound of one association may speak of any line: each takes what names its SSRCs. */
static void on_rtcp(struct mcu_leg *leg, const uint8_t *data, size_t size, int64_t now)
{
    for (int i = 0; i < MCU_ROLES; i++) {
        if (!leg->line[i].used)
            continue;
        mcu_leg_packet(&leg->line[i], true, data, size, now);
        mcu_leg_poll_line(&leg->line[i]);
    }
}

static void on_rtp(struct mcu_leg *leg, const uint8_t *data, size_t size, int64_t now)
{
    int i = mcu_bundle_line(leg->bundle.lines, data, size);
    if (i < 0 || i >= MCU_ROLES || !leg->line[i].used) {
        mcu_count(MCU_CNT_RTP_FOREIGN);
        return;
    }
    mcu_leg_packet(&leg->line[i], false, data, size, now);
    mcu_leg_poll_line(&leg->line[i]);
}

static void on_opened(bool rtcp, const uint8_t *data, size_t size, int64_t now, void *arg)
{
    if (rtcp)
        on_rtcp(arg, data, size, now);
    else
        on_rtp(arg, data, size, now);
}

/* DTLS is done: he is who his description says, at an address that answers. */
static void on_ready(void *arg)
{
    mcu_leg_peer_is_there(arg);
}

static const struct mcu_seal_events seal_events = {
    .datagram = on_sealed,
    .packet = on_opened,
    .ready = on_ready,
};

static void on_datagram(const uint8_t *data, size_t size, int64_t came_ns, void *arg)
{
    struct mcu_leg *leg = arg;
    if (leg->bundle.twcc)
        mcu_twcc_datagram(leg->bundle.twcc, came_ns);
    mcu_seal_in(leg->bundle.seal, 0, data, size, now_of(leg));
    run(leg);
}

/* ---- ICE's words ---- */

static void add_text(const char *text, void *arg)
{
    struct mcu_leg_description *d = arg;
    if (d->candidate_count < MCU_LEG_CANDIDATES && strlen(text) < MCU_LEG_CANDIDATE_BYTES)
        snprintf(d->candidate[d->candidate_count++], MCU_LEG_CANDIDATE_BYTES, "%s", text);
}

static void describe(void *arg)
{
    struct mcu_leg *leg = arg;
    struct mcu_leg_description *d = calloc(1, sizeof(*d));
    const char *ufrag, *pwd;
    if (!d)
        abort();
    mcu_ice_local(leg->bundle.ice, &ufrag, &pwd);
    snprintf(d->ufrag, sizeof(d->ufrag), "%s", ufrag);
    snprintf(d->pwd, sizeof(d->pwd), "%s", pwd);
    mcu_ice_each_candidate(leg->bundle.ice, add_text, d);
    mcu_leg_tell_description(leg->control, d, leg->events, leg->arg);
    free(d);
}

static void on_state(enum mcu_ice_state state, void *arg)
{
    struct mcu_leg *leg = arg;
    struct leg_bundle *b = &leg->bundle;
    b->connected = state == MCU_ICE_CONNECTED;
    if (b->connected)
        mcu_seal_start(b->seal, now_of(leg));
    else if (state == MCU_ICE_DISCONNECTED)
        b->away_ns = now_of(leg);
    else if (state == MCU_ICE_FAILED)
        mcu_leg_fail(leg, leg->peer_there ? "checks came from too many addresses"
                                          : "ICE found no way to the peer");
    run(leg);
}

static const struct mcu_ice_events ice_events = {
    .gathered = describe,
    .state = on_state,
    .datagram = on_datagram,
};

/* ---- life ---- */

static int open_parts(struct mcu_leg *leg, const struct mcu_leg_ice *p)
{
    struct leg_bundle *b = &leg->bundle;
    struct mcu_seal_config seal = { .sealing = MCU_DTLS, .rtcp_mux = true, .peer = p->peer,
                                    .active = p->dtls_active };
    int rc = leg->media->ice ? 0 : mcu_ice_loop_new(&leg->media->ice, leg->media->loop, 0);
    if (rc == 0)
        rc = mcu_seal_new(&b->seal, 0, &seal_events, leg);
    if (rc == 0)
        rc = mcu_seal_set(b->seal, &seal);
    if (rc == 0)
        rc = mcu_bundle_new(&b->lines);
    if (rc == 0 && p->transport_cc)
        rc = mcu_twcc_new(&b->twcc);
    if (rc == 0)
        rc = mcu_ice_new(&b->ice, leg->media->ice, &p->config, &ice_events, leg);
    return rc;
}

static int begin(struct mcu_leg *leg, const struct mcu_leg_ice *p)
{
    struct leg_bundle *b = &leg->bundle;
    for (int i = 0; i < p->named_count; i++)
        mcu_bundle_learn(b->lines, p->named[i].ssrc, p->named[i].role);
    int rc = mcu_ice_gather(b->ice);
    if (rc == 0)
        rc = mcu_ice_set_remote(b->ice, p->ufrag, p->pwd);
    for (int i = 0; i < p->candidate_count && rc == 0; i++)
        mcu_ice_add_candidate(b->ice, p->candidate[i]); /* a strange one does no harm */
    if (rc == 0 && p->end_of_candidates)
        mcu_ice_end_of_candidates(b->ice);
    return rc;
}

int mcu_leg_open_bundle(struct mcu_leg *leg)
{
    leg->bundle.due_ns = INT64_MAX;
    leg->bundle.away_ns = leg->bundle.opened_ns = now_of(leg);
    int rc = open_parts(leg, leg->params.ice);
    if (rc == 0)
        mcu_leg_set_lines(leg);
    return rc < 0 ? rc : begin(leg, leg->params.ice);
}

void mcu_leg_free_bundle(struct mcu_leg *leg)
{
    struct leg_bundle *b = &leg->bundle;
    mcu_ice_free(&b->ice);
    mcu_seal_free(&b->seal);
    mcu_bundle_free(&b->lines);
    mcu_twcc_free(&b->twcc);
    if (leg->params.ice)
        mcu_srtp_wipe(leg->params.ice, sizeof(*leg->params.ice));
    free(leg->params.ice);
    leg->params.ice = NULL;
}

int mcu_leg_set_bundle_line(struct leg_line *l)
{
    const struct mcu_leg_line *p = &l->leg->params.line[l->role];
    l->remote_known = p->used;
    l->rtcp_mux = true;
    return mcu_bundle_set(l->leg->bundle.lines, l->role, p->used ? &p->config : NULL);
}

/* ---- time ---- */

/* What came, by the transport's numbers: from any line of ours, about any of his. */
static void send_transport_feedback(struct mcu_leg *leg)
{
    uint8_t buf[1200];
    int n;
    const struct leg_line *l = NULL;
    struct mcu_line_stats stats = { 0 };
    for (int i = 0; i < MCU_ROLES; i++) /* the picture's, where there is one */
        if (leg->line[i].used && leg->params.line[i].config.ext.transport_cc)
            l = &leg->line[i];
    if (!l)
        return;
    mcu_line_get_stats(l->line, &stats);
    while ((n = mcu_twcc_write(leg->bundle.twcc, leg->params.line[l->role].config.ssrc,
                               stats.ssrc_in, buf, sizeof(buf), now_of(leg))) > 0)
        mcu_seal_out(leg->bundle.seal, true, buf, (size_t)n);
}

int64_t mcu_leg_run_bundle(struct mcu_leg *leg)
{
    struct leg_bundle *b = &leg->bundle;
    int64_t due = mcu_seal_poll(b->seal, now_of(leg));
    if (!b->twcc)
        return due;
    send_transport_feedback(leg);
    return due < mcu_twcc_due(b->twcc) ? due : mcu_twcc_due(b->twcc);
}

void mcu_leg_check_bundle(struct mcu_leg *leg)
{
    struct leg_bundle *b = &leg->bundle;
    int64_t away = now_of(leg) - b->away_ns;
    if (!b->ice)
        return;
    if (!leg->peer_there && now_of(leg) - b->opened_ns > COME_NS)
        mcu_leg_fail(leg, b->connected ? "DTLS did not come up" : "ICE found no way to the peer");
    else if (leg->peer_there && !b->connected && away > AWAY_NS)
        mcu_leg_fail(leg, "the peer is out of reach");
}

/* ---- trickle and restart ---- */

void mcu_leg_add_candidate(struct mcu_leg *leg, const char *text)
{
    if (!leg->bundle.ice)
        return;
    if (text)
        mcu_ice_add_candidate(leg->bundle.ice, text);
    else
        mcu_ice_end_of_candidates(leg->bundle.ice);
}

void mcu_leg_restart_bundle(struct mcu_leg *leg, const char *ufrag, const char *pwd)
{
    if (!leg->bundle.ice)
        return;
    mcu_ice_restart(leg->bundle.ice);
    if (mcu_ice_set_remote(leg->bundle.ice, ufrag, pwd) < 0)
        mcu_leg_fail(leg, "ICE credentials are not legal");
    else
        describe(leg);
}
