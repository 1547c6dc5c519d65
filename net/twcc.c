#include "net/twcc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/cursor.h"
#include "mixer/base/util.h"
#include "net/twcc_priv.h"

#define REFERENCE_NS  (64 * MCU_NS_PER_MS)
#define DELTA_NS      INT64_C(250000)
#define JUMP          (10 * MCU_NS_PER_S / REFERENCE_NS) /* of his clock: all begins anew */
#define SLICE_NS      (100 * MCU_NS_PER_MS)
#define SECOND_SLICES 10
#define SMOOTH        16

enum symbol { NOT_RECEIVED, SMALL_DELTA, LARGE_DELTA, RESERVED };

int mcu_twcc_new(struct mcu_twcc **out)
{
    struct mcu_twcc *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    mcu_twcc_recv_init(&t->recv);
    *out = t;
    return 0;
}

void mcu_twcc_free(struct mcu_twcc **pp)
{
    free(*pp);
    *pp = NULL;
}

uint16_t mcu_twcc_sent(struct mcu_twcc *t, size_t bytes, int64_t now_ns)
{
    struct mcu_twcc_sent *s = &t->send.sent[t->send.next % MCU_TWCC_SENT_MAX];
    *s = (struct mcu_twcc_sent){ now_ns, (uint32_t)bytes, t->send.next, MCU_TWCC_WAITS };
    t->send.budget = mcu_min(t->send.budget + MCU_TWCC_TELLINGS, MCU_TWCC_SAVED);
    t->stats.sent++;
    return t->send.next++;
}

/* ---- the message (section 3.1 of the draft) ---- */

struct message {
    uint16_t base, count;
    uint8_t number;
    int32_t reference; /* 24 bits, signed */
    struct mcu_cursor chunks, deltas;
};

/* Symbols one after the other out of chunks of 16 bits. */
struct symbols {
    struct mcu_cursor c;
    uint16_t chunk;
    int left; /* in the chunk */
};

/* 0: a run of one symbol, 13 bits long; 10: fourteen symbols of a bit; 11: seven of two bits. The
 * next symbol, or RESERVED where the chunks have ended. */
static enum symbol next_symbol(struct symbols *s)
{
    while (s->left == 0) {
        s->chunk = mcu_cursor_u16(&s->c);
        if (s->c.bad)
            return RESERVED;
        s->left = !(s->chunk & 0x8000) ? s->chunk & 0x1fff : s->chunk & 0x4000 ? 7 : 14;
    }
    s->left--;
    if (!(s->chunk & 0x8000))
        return (enum symbol)(s->chunk >> 13 & 3);
    if (s->chunk & 0x4000)
        return (enum symbol)(s->chunk >> (2 * s->left) & 3);
    return (s->chunk >> s->left & 1) ? SMALL_DELTA : NOT_RECEIVED;
}

static int read_head(struct message *m, const uint8_t *fci, size_t size)
{
    struct mcu_cursor c = mcu_cursor(fci, size);
    m->base = mcu_cursor_u16(&c);
    m->count = mcu_cursor_u16(&c);
    uint32_t word = mcu_cursor_u32(&c);
    m->number = (uint8_t)word;
    m->reference = (int32_t)(word >> 8);
    if (m->reference & 0x800000)
        m->reference -= 0x1000000;
    if (c.bad || m->count == 0 || m->count > MCU_TWCC_SENT_MAX)
        return -EBADMSG;
    m->chunks = c;
    return 0;
}

/* Finds where the deltas begin, and that there are as many as the symbols say. */
static int find_deltas(struct message *m)
{
    size_t delta_bytes = 0;
    struct symbols s = { .c = m->chunks };
    for (int i = 0; i < m->count; i++) {
        enum symbol symbol = next_symbol(&s);
        if (symbol == RESERVED)
            return -EBADMSG;
        delta_bytes += symbol; /* one byte for a small one, two for a large one */
    }
    m->deltas = mcu_cursor_sub(&s.c, delta_bytes);
    return m->deltas.bad ? -EBADMSG : 0;
}

/* ---- what it says of the way ---- */

static struct mcu_twcc_slice *slice_at(struct mcu_twcc_send *s, int64_t index)
{
    struct mcu_twcc_slice *slice = &s->slice[(uint64_t)index % MCU_TWCC_SLICES];
    if (slice->index != index)
        *slice = (struct mcu_twcc_slice){ .index = index };
    return slice;
}

static void begin_anew(struct mcu_twcc_send *s, int64_t reference)
{
    s->running = false;
    s->reference = reference;
    memset(s->slice, 0, sizeof(s->slice));
    for (int i = 0; i < MCU_TWCC_BASES; i++)
        s->base[i].second = -1;
}

/* His reference time of 24 bits, unwrapped. A jump is another clock, or a long silence. */
static void follow_reference(struct mcu_twcc_send *s, int32_t reference)
{
    int32_t step = (int32_t)((uint32_t)(reference - (int32_t)s->reference) << 8) >> 8;
    if (!s->running || step > JUMP || step < -JUMP)
        begin_anew(s, reference);
    else
        s->reference += step;
}

static void note_delay(struct mcu_twcc_send *s, int64_t delay_ns, int64_t now_ns)
{
    int64_t second = now_ns / MCU_NS_PER_S;
    int i = (int)((uint64_t)second % MCU_TWCC_BASES);
    if (s->base[i].second != second || delay_ns < s->base[i].least_ns)
        s->base[i].least_ns = delay_ns;
    s->base[i].second = second;
    s->delay_ns = s->running ? s->delay_ns + (delay_ns - s->delay_ns) / SMOOTH : delay_ns;
}

static void arrived(struct mcu_twcc *t, struct mcu_twcc_sent *p, int64_t arrival_ns, int64_t now_ns)
{
    struct mcu_twcc_send *s = &t->send;
    int64_t index = arrival_ns / SLICE_NS;
    t->stats.lost -= p->fate == MCU_TWCC_LOST;
    t->stats.acknowledged++;
    p->fate = MCU_TWCC_ARRIVED;
    note_delay(s, arrival_ns - p->at_ns, now_ns);
    if (!s->running) {
        s->first_slice = s->newest_slice = index;
        s->running = true;
    }
    if (index > s->newest_slice)
        s->newest_slice = index;
    struct mcu_twcc_slice *slice = slice_at(s, index);
    slice->bytes += p->bytes;
    slice->came++;
}

/* It may still be named as received by a later message. */
static void lost(struct mcu_twcc *t, struct mcu_twcc_sent *p)
{
    p->fate = MCU_TWCC_LOST;
    t->stats.lost++;
    if (t->send.running)
        slice_at(&t->send, t->send.newest_slice)->lost++;
}

static int64_t next_delta_ns(struct mcu_cursor *deltas, enum symbol symbol)
{
    if (symbol == SMALL_DELTA)
        return mcu_cursor_u8(deltas) * DELTA_NS;
    return (int16_t)mcu_cursor_u16(deltas) * DELTA_NS;
}

static void apply(struct mcu_twcc *t, struct message *m, int64_t now_ns)
{
    struct symbols s = { .c = m->chunks };
    int64_t arrival_ns = t->send.reference * REFERENCE_NS;
    for (int i = 0; i < m->count; i++) {
        uint16_t seq = (uint16_t)(m->base + i);
        struct mcu_twcc_sent *p = &t->send.sent[seq % MCU_TWCC_SENT_MAX];
        bool known = p->seq == seq && (p->fate == MCU_TWCC_WAITS || p->fate == MCU_TWCC_LOST);
        enum symbol symbol = next_symbol(&s);
        if (symbol != NOT_RECEIVED)
            arrival_ns += next_delta_ns(&m->deltas, symbol);
        if (known && symbol != NOT_RECEIVED)
            arrived(t, p, arrival_ns, now_ns);
        else if (known && p->fate == MCU_TWCC_WAITS)
            lost(t, p);
    }
}

/* Each line of the transport hears it: all of a compound that one has heard come again. */
static bool heard_before(const struct mcu_twcc *t, const struct message *m)
{
    uint64_t n = t->stats.feedback_in < MCU_TWCC_HEARD ? t->stats.feedback_in : MCU_TWCC_HEARD;
    for (uint64_t i = 0; i < n; i++)
        if (t->send.heard[i].number == m->number && t->send.heard[i].base_seq == m->base)
            return true;
    return false;
}

static int take_message(struct mcu_twcc *t, struct message *m)
{
    struct mcu_twcc_send *s = &t->send;
    if (m->count > s->budget)
        return -EBADMSG;
    s->budget -= m->count;
    if (find_deltas(m) < 0)
        return -EBADMSG;
    uint64_t at = t->stats.feedback_in++ % MCU_TWCC_HEARD;
    s->heard[at].number = m->number;
    s->heard[at].base_seq = m->base;
    return 0;
}

/* A few bytes can speak of 4096 packets: who says more than there was to say is not listened to, or
 * a thousand such packets a second would be all that this loop does. */
int mcu_twcc_feedback(struct mcu_twcc *t, const uint8_t *fci, size_t size, int64_t now_ns)
{
    struct message m;
    int rc = read_head(&m, fci, size);
    if (rc == 0 && heard_before(t, &m))
        return 0;
    if (rc == 0)
        rc = take_message(t, &m);
    if (rc < 0) {
        t->stats.malformed++;
        return rc;
    }
    follow_reference(&t->send, m.reference);
    apply(t, &m, now_ns);
    return 0;
}

/* ---- statistics ---- */

/* The last second of his clock that is whole, or what there was of it yet. */
static void sum_slices(const struct mcu_twcc_send *s, struct mcu_twcc_stats *out)
{
    int64_t bytes = 0, came = 0, lost_packets = 0;
    int64_t from = s->newest_slice - SECOND_SLICES, slices = s->newest_slice - s->first_slice;
    for (int i = 0; i < MCU_TWCC_SLICES; i++) {
        const struct mcu_twcc_slice *slice = &s->slice[i];
        if (slice->index < from || slice->index > s->newest_slice)
            continue;
        came += slice->came;
        lost_packets += slice->lost;
        if (slice->index < s->newest_slice)
            bytes += slice->bytes;
    }
    if (slices > SECOND_SLICES)
        slices = SECOND_SLICES;
    if (slices > 1)
        out->delivered_bps = bytes * 8 * SECOND_SLICES / slices;
    if (came + lost_packets > 0)
        out->loss_out = (double)lost_packets / (double)(came + lost_packets);
}

static int64_t least_delay(const struct mcu_twcc_send *s)
{
    int64_t newest = -1, least = INT64_MAX;
    for (int i = 0; i < MCU_TWCC_BASES; i++)
        if (s->base[i].second > newest)
            newest = s->base[i].second;
    for (int i = 0; i < MCU_TWCC_BASES; i++)
        if (s->base[i].second > newest - MCU_TWCC_BASES && s->base[i].second >= 0 &&
            s->base[i].least_ns < least)
            least = s->base[i].least_ns;
    return least;
}

void mcu_twcc_get_stats(const struct mcu_twcc *t, struct mcu_twcc_stats *out)
{
    *out = t->stats;
    if (!t->send.running)
        return;
    sum_slices(&t->send, out);
    int64_t least = least_delay(&t->send);
    if (t->send.delay_ns > least)
        out->queue_delay_ns = t->send.delay_ns - least;
}
