#include "net/seal.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/counter.h"
#include "net/dtls.h"
#include "net/line.h"
#include "net/udp.h"

struct component {
    struct mcu_seal *seal;
    int index;
    struct mcu_srtp *srtp;
    struct mcu_dtls *dtls;
};

struct mcu_seal {
    const struct mcu_seal_events *events;
    void *arg;
    uint32_t ssrc;
    struct mcu_seal_config config;
    /* [1] is used by DTLS without rtcp-mux alone, where each port has its own association and keys
     * (RFC 5764 3); SDES has one key for RTP and RTCP (RFC 4568 6.1). */
    struct component component[2];
    bool started, broken;
};

static void on_dtls_datagram(const uint8_t *data, size_t size, void *arg)
{
    struct component *c = arg;
    if (c->seal->started)
        c->seal->events->datagram(c->index, data, size, c->seal->arg);
}

static void on_keys(const struct mcu_srtp_key *tx, const struct mcu_srtp_key *rx, void *arg)
{
    struct component *c = arg;
    if (mcu_srtp_set_tx(c->srtp, tx) < 0 || mcu_srtp_set_rx(c->srtp, rx) < 0)
        c->seal->broken = true;
    else if (c->index == 0)
        c->seal->events->ready(c->seal->arg);
}

static const struct mcu_dtls_events dtls_events = { .send = on_dtls_datagram, .keys = on_keys };

int mcu_seal_new(struct mcu_seal **out, uint32_t ssrc, const struct mcu_seal_events *events,
                 void *arg)
{
    struct mcu_seal *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->events = events;
    s->arg = arg;
    s->ssrc = ssrc;
    for (int i = 0; i < 2; i++)
        s->component[i] = (struct component){ .seal = s, .index = i };
    *out = s;
    return 0;
}

static void clear(struct mcu_seal *s)
{
    for (int i = 0; i < 2; i++) {
        mcu_dtls_free(&s->component[i].dtls);
        mcu_srtp_free(&s->component[i].srtp);
    }
}

void mcu_seal_free(struct mcu_seal **sp)
{
    struct mcu_seal *s = *sp;
    *sp = NULL;
    if (!s)
        return;
    clear(s);
    mcu_srtp_wipe(&s->config, sizeof(s->config));
    free(s);
}

static int set_sdes(struct mcu_seal *s, const struct mcu_seal_config *config)
{
    struct mcu_srtp **srtp = &s->component[0].srtp;
    int rc = *srtp ? 0 : mcu_srtp_new(srtp, s->ssrc);
    if (rc == 0)
        rc = mcu_srtp_set_tx(*srtp, &config->tx);
    if (rc == 0)
        rc = mcu_srtp_set_rx(*srtp, &config->rx);
    return rc;
}

/* A new association leaves the keys of the old one in force until it has its own: media go on. */
static int set_dtls(struct mcu_seal *s, const struct mcu_seal_config *config)
{
    bool anew = config->moved || config->active != s->config.active ||
                !mcu_fingerprint_equal(&config->peer, &s->config.peer);
    for (int i = 0; i < 2; i++) {
        struct component *c = &s->component[i];
        int rc = 0;
        if (i == 1 && config->rtcp_mux) {
            mcu_dtls_free(&c->dtls);
            mcu_srtp_free(&c->srtp);
            continue;
        }
        if (anew)
            mcu_dtls_free(&c->dtls);
        if (!c->srtp)
            rc = mcu_srtp_new(&c->srtp, s->ssrc);
        if (rc == 0 && !c->dtls)
            rc = mcu_dtls_new(&c->dtls, config->active, &config->peer, &dtls_events, c);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int mcu_seal_set(struct mcu_seal *s, const struct mcu_seal_config *config)
{
    int rc = 0;
    if (config->sealing != s->config.sealing)
        clear(s);
    if (config->sealing == MCU_SDES)
        rc = set_sdes(s, config);
    else if (config->sealing == MCU_DTLS)
        rc = set_dtls(s, config);
    s->config = *config;
    s->broken = rc < 0; /* never fall back to plain by accident */
    return rc;
}

void mcu_seal_start(struct mcu_seal *s, int64_t now_ns)
{
    s->started = true;
    mcu_seal_poll(s, now_ns);
}

static struct component *srtp_component(struct mcu_seal *s, bool rtcp)
{
    bool own = rtcp && s->config.sealing == MCU_DTLS && !s->config.rtcp_mux;
    return &s->component[own ? 1 : 0];
}

static void count_failure(int rc)
{
    mcu_count(rc == -ENOKEY     ? MCU_CNT_SRTP_UNKEYED
              : rc == -EALREADY ? MCU_CNT_SRTP_REPLAYED
                                : MCU_CNT_SRTP_UNAUTHENTIC);
}

static void open_packet(struct mcu_seal *s, bool rtcp, const uint8_t *data, size_t size,
                        int64_t now_ns)
{
    alignas(16) uint8_t buf[MCU_UDP_MAX_BYTES];
    struct component *c = srtp_component(s, rtcp);
    int rc = -ENOKEY;
    if (size > sizeof(buf)) {
        rc = -EBADMSG;
    } else if (c->srtp) {
        memcpy(buf, data, size);
        rc = mcu_srtp_unprotect(c->srtp, rtcp, buf, size);
    }
    if (rc < 0)
        count_failure(rc);
    else
        s->events->packet(rtcp, buf, (size_t)rc, now_ns, s->arg);
}

void mcu_seal_in(struct mcu_seal *s, int component, const uint8_t *data, size_t size,
                 int64_t now_ns)
{
    bool rtcp = component == 1 || (s->config.rtcp_mux && mcu_rtp_is_rtcp(data, size));
    uint8_t first = size ? data[0] : 0;
    if (s->broken)
        return;
    if (s->config.sealing == MCU_PLAIN) {
        s->events->packet(rtcp, data, size, now_ns, s->arg);
    } else if (first >= 128 && first <= 191) { /* RFC 7983 section 7 */
        open_packet(s, rtcp, data, size, now_ns);
    } else if (first >= 20 && first <= 63 && s->config.sealing == MCU_DTLS) {
        struct component *c = &s->component[component == 1 && !s->config.rtcp_mux];
        if (c->dtls)
            mcu_dtls_in(c->dtls, data, size, now_ns);
    } else if (first > 3) { /* STUN (0 to 3) is nobody's fault */
        mcu_count(MCU_CNT_SRTP_UNKEYED);
    }
}

void mcu_seal_out(struct mcu_seal *s, bool rtcp, const uint8_t *data, size_t size)
{
    alignas(16) uint8_t buf[MCU_UDP_MAX_BYTES + MCU_SRTP_TRAILER_MAX];
    int to = rtcp && !s->config.rtcp_mux ? 1 : 0;
    if (s->broken)
        return;
    if (s->config.sealing == MCU_PLAIN) {
        s->events->datagram(to, data, size, s->arg);
        return;
    }
    struct component *c = srtp_component(s, rtcp);
    if (!c->srtp || size > MCU_UDP_MAX_BYTES)
        return;
    memcpy(buf, data, size);
    int n = mcu_srtp_protect(c->srtp, rtcp, buf, size, sizeof(buf));
    if (n > 0)
        s->events->datagram(to, buf, (size_t)n, s->arg);
    else if (n != -ENOKEY) /* before the handshake is over there is none: not worth a count */
        mcu_count(MCU_CNT_RTP_SEND_FAILED);
}

int64_t mcu_seal_poll(struct mcu_seal *s, int64_t now_ns)
{
    int64_t next = INT64_MAX;
    for (int i = 0; i < 2 && s->started; i++) {
        int64_t due = s->component[i].dtls ? mcu_dtls_poll(s->component[i].dtls, now_ns)
                                           : INT64_MAX;
        if (due < next)
            next = due;
    }
    return next;
}

bool mcu_seal_is_open(const struct mcu_seal *s)
{
    const struct mcu_srtp *srtp = s->component[0].srtp;
    return !s->broken && (s->config.sealing == MCU_PLAIN || (srtp && mcu_srtp_ready(srtp)));
}
