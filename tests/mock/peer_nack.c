/* Asks for lost packets of the picture again (--nack), as a caller with RFC 4585's generic NACK does:
 * packets wait in a ring until what is missing before them has come or is given up. */
#include <stdlib.h>
#include <string.h>

#include "net/rtcp_fb.h"
#include "tests/mock/peer.h"

#define RING       512
#define AGAIN_NS   (60 * MCU_NS_PER_MS) /* more than a round trip of the tests */
#define FIRST_NS   (10 * MCU_NS_PER_MS) /* it may only be late */
#define GIVE_UP_NS (300 * MCU_NS_PER_MS)
#define POLL_NS    (5 * MCU_NS_PER_MS)

struct place {
    bool here, missing;
    uint16_t seq;
    size_t size;
    int64_t since_ns, ask_ns; /* of one that is missing */
    bool asked;
    uint8_t data[1500];
};

struct peer_nack {
    bool started;
    uint16_t next, end; /* the first that has not been handed on; behind the newest that came */
    struct place place[RING];
};

static struct place *at(struct peer_nack *n, uint16_t seq)
{
    return &n->place[seq % RING];
}

static void mark_missing(struct peer_nack *n, uint16_t seq, int64_t now_ns)
{
    struct place *p = at(n, seq);
    p->here = p->asked = false;
    p->missing = true;
    p->seq = seq;
    p->since_ns = now_ns;
    p->ask_ns = now_ns + FIRST_NS;
}

/* Hands on what is complete, and goes past what nobody brings any more. */
static void deliver(struct peer_call *c, int64_t now_ns)
{
    struct peer_nack *n = c->nack;
    struct mcu_rtp rtp;
    while (n->next != n->end) {
        struct place *p = at(n, n->next);
        if (!p->here && now_ns - p->since_ns < GIVE_UP_NS)
            return;
        if (p->here && mcu_rtp_parse(&rtp, p->data, p->size) == 0)
            peer_rx_packet(c, PEER_VIDEO, &rtp, p->size, now_ns);
        p->here = p->missing = false;
        n->next++;
    }
}

void peer_nack_take(struct peer_call *c, const struct mcu_rtp *rtp, const uint8_t *data, size_t size,
                    int64_t now_ns)
{
    struct peer_nack *n = c->nack ? c->nack : (c->nack = calloc(1, sizeof(*n)));
    if (!n || size > sizeof(n->place[0].data))
        return;
    if (!n->started || (int16_t)(rtp->seq - n->end) > RING / 2)
        n->next = n->end = rtp->seq;
    n->started = true;
    if ((int16_t)(rtp->seq - n->next) < 0)
        return;
    for (; (int16_t)(rtp->seq - n->end) >= 0; n->end++)
        mark_missing(n, n->end, now_ns);
    struct place *p = at(n, rtp->seq);
    c->rx[PEER_VIDEO].recovered += p->missing && p->asked;
    p->missing = false;
    p->here = true;
    p->size = size;
    memcpy(p->data, data, size);
    deliver(c, now_ns);
}

int64_t peer_nack_poll(struct peer_call *c, int64_t now_ns)
{
    struct peer_nack *n = c->nack;
    uint16_t lost[64];
    int count = 0;
    if (!n)
        return INT64_MAX;
    deliver(c, now_ns);
    for (uint16_t seq = n->next; seq != n->end && count < 64; seq++) {
        struct place *p = at(n, seq);
        if (!p->missing || now_ns < p->ask_ns)
            continue;
        p->asked = true;
        p->ask_ns = now_ns + AGAIN_NS;
        lost[count++] = seq;
    }
    if (count > 0)
        peer_tx_nack(c, lost, count);
    return n->next != n->end ? now_ns + POLL_NS : INT64_MAX;
}

void peer_nack_free(struct peer_call *c)
{
    free(c->nack);
    c->nack = NULL;
}
