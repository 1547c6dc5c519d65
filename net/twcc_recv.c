/* The receiving half: when each number came, and the feedback that says so. Sections are those of
 * draft-holmer-rmcat-transport-wide-cc-extensions-01. */
#include "net/twcc_priv.h"

#include <errno.h>

#include "mixer/base/clock.h"
#include "mixer/base/cursor.h"
#include "mixer/base/util.h"
#include "net/rtcp.h"

#define INTERVAL_NS   (100 * MCU_NS_PER_MS)
#define MANY          100 /* packets that do not wait for the interval */
#define TICK_NS       250000
#define REFERENCE     256 /* ticks: 64 ms (3.1) */
#define NOT_CAME      INT64_MIN
#define FORMAT        15
#define HEAD_BYTES    20
#define RUN_MAX       0x1fff
#define ONE_BIT_SPAN  14
#define TWO_BIT_SPAN  7
#define RUN_WORTH     14 /* a run this long beats any vector */

enum symbol { MISSING, SMALL, LARGE }; /* 3.1.1 */

void mcu_twcc_recv_init(struct mcu_twcc_recv *r)
{
    r->due_ns = INT64_MAX;
}

/* ---- Arrival ---- */

static int64_t *came_at(struct mcu_twcc_recv *r, int64_t seq)
{
    return &r->came[seq & (MCU_TWCC_CAME_MAX - 1)];
}

static void begin_at(struct mcu_twcc_recv *r, int64_t seq)
{
    for (int i = 0; i < MCU_TWCC_CAME_MAX; i++)
        r->came[i] = NOT_CAME;
    r->any = true;
    r->base = r->highest = seq;
    r->waiting = 0;
}

static void move_on(struct mcu_twcc_recv *r, int64_t seq)
{
    if (seq - r->highest >= MCU_TWCC_CAME_MAX) {
        begin_at(r, seq);
        return;
    }
    while (r->highest < seq)
        *came_at(r, ++r->highest) = NOT_CAME;
    if (r->base <= r->highest - MCU_TWCC_CAME_MAX)
        r->base = r->highest - MCU_TWCC_CAME_MAX + 1;
}

void mcu_twcc_datagram(struct mcu_twcc *t, int64_t came_ns)
{
    t->recv.datagram_ns = came_ns;
}

/* A number that comes late is reported, with all that follow it, once more: the sender took it for
 * lost. Of two with one number the first counts. */
void mcu_twcc_came(struct mcu_twcc *t, uint16_t number, int64_t now_ns)
{
    struct mcu_twcc_recv *r = &t->recv;
    t->stats.came++;
    if (!r->any)
        begin_at(r, number);
    int64_t seq = r->highest + (int16_t)(number - (uint16_t)r->highest);
    if (seq > r->highest)
        move_on(r, seq);
    if (seq <= r->highest - MCU_TWCC_CAME_MAX || *came_at(r, seq) != NOT_CAME)
        return;
    *came_at(r, seq) = (r->datagram_ns ? r->datagram_ns : now_ns) / TICK_NS;
    r->base = seq < r->base ? seq : r->base;
    if (r->waiting++ == 0)
        r->due_ns = now_ns + INTERVAL_NS;
    if (r->waiting >= MANY)
        r->due_ns = now_ns;
}

/* ---- Feedback ---- */

/* What one message tells: symbols and deltas of `count` numbers from the base on. */
struct message {
    uint8_t symbol[MCU_TWCC_CAME_MAX];
    int16_t delta[MCU_TWCC_CAME_MAX];
    int count;
    int64_t reference; /* ticks; a multiple of REFERENCE */
};

/* Ends before an arrival that is too far from the one before it for 16 bits (3.1.5): it begins the
 * next message. */
static void gather(struct mcu_twcc_recv *r, struct message *m, int most, int64_t now_ns)
{
    int n = mcu_min((int)(r->highest - r->base + 1), most);
    bool any = false;
    int64_t before = 0;
    m->reference = now_ns / TICK_NS; /* where all are missing */
    for (m->count = 0; m->count < n; m->count++) {
        int64_t at = *came_at(r, r->base + m->count);
        m->symbol[m->count] = MISSING;
        if (at == NOT_CAME)
            continue;
        if (!any)
            m->reference = before = at - (at & (REFERENCE - 1));
        any = true;
        int64_t delta = at - before;
        if (delta < INT16_MIN || delta > INT16_MAX)
            return;
        m->symbol[m->count] = delta >= 0 && delta <= UINT8_MAX ? SMALL : LARGE;
        m->delta[m->count] = (int16_t)delta;
        before = at;
    }
}

static int run_length(const struct message *m, int from)
{
    int n = 1;
    while (from + n < m->count && n < RUN_MAX && m->symbol[from + n] == m->symbol[from])
        n++;
    return n;
}

/* 3.1.4. What the vector has beyond the last number stays 0. */
static int write_vector(struct mcu_wcursor *w, const struct message *m, int from)
{
    int n = mcu_min(m->count - from, ONE_BIT_SPAN), bits = 1;
    for (int i = 0; i < n; i++)
        if (m->symbol[from + i] == LARGE)
            bits = 2;
    n = bits == 2 ? mcu_min(n, TWO_BIT_SPAN) : n;
    unsigned chunk = bits == 2 ? 0xc000 : 0x8000;
    for (int i = 0; i < n; i++)
        chunk |= (unsigned)m->symbol[from + i] << (14 - bits * (i + 1));
    mcu_wcursor_u16(w, (uint16_t)chunk);
    return n;
}

/* 3.1.3 and 3.1.4: runs where they are long, or all that is left; else vectors. */
static void write_chunks(struct mcu_wcursor *w, const struct message *m)
{
    for (int at = 0; at < m->count;) {
        int run = run_length(m, at);
        if (run >= RUN_WORTH || at + run == m->count) {
            mcu_wcursor_u16(w, (uint16_t)(m->symbol[at] << 13 | run));
            at += run;
        } else {
            at += write_vector(w, m, at);
        }
    }
}

static void write_deltas(struct mcu_wcursor *w, const struct message *m)
{
    for (int i = 0; i < m->count; i++) {
        if (m->symbol[i] == SMALL)
            mcu_wcursor_u8(w, (uint8_t)m->delta[i]);
        else if (m->symbol[i] == LARGE)
            mcu_wcursor_u16(w, (uint16_t)m->delta[i]);
    }
    while (mcu_wcursor_size(w) % 4 != 0) /* zeros, 3.1 */
        mcu_wcursor_u8(w, 0);
}

static void write_message(struct mcu_wcursor *w, const struct mcu_twcc_recv *r,
                          const struct message *m, uint32_t sender, uint32_t media)
{
    mcu_wcursor_u8(w, 0x80 | FORMAT);
    mcu_wcursor_u8(w, MCU_RTCP_RTPFB);
    mcu_wcursor_u16(w, 0); /* the length, below */
    mcu_wcursor_u32(w, sender);
    mcu_wcursor_u32(w, media);
    mcu_wcursor_u16(w, (uint16_t)r->base);
    mcu_wcursor_u16(w, (uint16_t)m->count);
    mcu_wcursor_be(w, (uint64_t)(m->reference / REFERENCE) & 0xffffff, 3);
    mcu_wcursor_u8(w, r->feedbacks);
    write_chunks(w, m);
    write_deltas(w, m);
    struct mcu_wcursor length = mcu_wcursor(w->start + 2, 2);
    mcu_wcursor_u16(&length, (uint16_t)(mcu_wcursor_size(w) / 4 - 1));
}

/* What did not fit, or was too far off, is due at once. */
static void went_out(struct mcu_twcc_recv *r, const struct message *m, int64_t now_ns)
{
    r->feedbacks++;
    r->base += m->count;
    r->waiting = 0;
    for (int64_t seq = r->base; seq <= r->highest; seq++)
        r->waiting += *came_at(r, seq) != NOT_CAME;
    r->due_ns = r->waiting > 0 ? now_ns : INT64_MAX;
}

int mcu_twcc_write(struct mcu_twcc *t, uint32_t sender, uint32_t media, uint8_t *buf, size_t size,
                   int64_t now_ns)
{
    struct mcu_twcc_recv *r = &t->recv;
    struct message m;
    /* At worst 7 numbers need a chunk of 2 bytes and 14 of deltas; up to 3 of zeros follow. */
    size_t most = size > HEAD_BYTES + 5 ? (size - HEAD_BYTES - 5) * 7 / 16 : 0;
    if (r->waiting == 0 || r->due_ns > now_ns)
        return 0;
    if (most == 0)
        return -ENOSPC;
    gather(r, &m, most > MCU_TWCC_CAME_MAX ? MCU_TWCC_CAME_MAX : (int)most, now_ns);
    struct mcu_wcursor w = mcu_wcursor(buf, size);
    write_message(&w, r, &m, sender, media);
    if (w.bad)
        return -ENOSPC;
    went_out(r, &m, now_ns);
    t->stats.feedback_out++;
    return (int)mcu_wcursor_size(&w);
}

int64_t mcu_twcc_due(const struct mcu_twcc *t)
{
    return t->recv.due_ns;
}
