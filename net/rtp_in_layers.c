/* Simulcast (RFC 8853, RFC 8852): one camera in up to three sizes, each a stream of its own. One layer is
 * the source; of the others arrival, size and bytes are noted, and where their keyframes begin. The
 * layer that is wanted becomes the source with the first packet of a keyframe: what of the old one is
 * unfinished then is dropped, as the new one shows the same moment. */
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/util.h"
#include "net/key_peek.h"
#include "net/rtp_in_priv.h"

#define ALIVE_NS  MCU_NS_PER_S /* senders short of bandwidth drop layers without a word */
#define FULL_ROWS 720          /* of the largest, until one is known */

/* ---- Which layer is which ---- */

int mcu_rtp_in_find_layer(const struct mcu_rtp_in *in, uint32_t ssrc)
{
    for (int i = 0; i < in->rid_count; i++)
        if (in->layer[i].seen && in->layer[i].ssrc == ssrc)
            return i;
    return -1;
}

int mcu_rtp_in_named_layer(const struct mcu_rtp_in *in, const uint8_t *rid, size_t bytes)
{
    for (int i = 0; rid && i < in->rid_count; i++)
        if (strlen(in->rid[i]) == bytes && memcmp(in->rid[i], rid, bytes) == 0)
            return i;
    return -1;
}

static bool any_seen(const struct mcu_rtp_in *in)
{
    for (int i = 0; i < in->rid_count; i++)
        if (in->layer[i].seen)
            return true;
    return false;
}

/* An SSRC is a layer's when its RID says so (RFC 8852 section 3), until another takes its place. */
static int learn_layer(struct mcu_rtp_in *in, uint32_t ssrc, const struct mcu_rtp_in_info *info)
{
    int i = mcu_rtp_in_named_layer(in, info->rid, info->rid_bytes);
    if (i < 0)
        return -1;
    in->layer[i] = (struct mcu_rtp_in_layer){ .seen = true, .ssrc = ssrc,
                                              .rows = in->layer[i].rows };
    if (in->source.locked && in->source.ssrc == ssrc)
        in->current = in->target = i;
    return i;
}

static bool same_layers(const struct mcu_rtp_in *in, const struct mcu_line_config *config, int n)
{
    bool same = in->rid_count == n;
    for (int i = 0; same && i < n; i++)
        same = strncmp(in->rid[i], config->rid[i], MCU_LINE_ID - 1) == 0;
    return same;
}

void mcu_rtp_in_configure_layers(struct mcu_rtp_in *in, const struct mcu_line_config *config)
{
    int n = config->kind == MCU_VIDEO ? mcu_clamp(config->rid_count, 0, MCU_LINE_RIDS) : 0;
    if (same_layers(in, config, n))
        return;
    memset(in->layer, 0, sizeof(in->layer));
    memset(in->rtx, 0, sizeof(in->rtx));
    memset(in->meter, 0, sizeof(in->meter));
    memset(in->rid, 0, sizeof(in->rid));
    for (int i = 0; i < n; i++)
        memcpy(in->rid[i], config->rid[i], strnlen(config->rid[i], MCU_LINE_ID - 1));
    in->rid_count = n;
    in->current = in->target = -1;
}

/* ---- Which layer is wanted ---- */

static bool is_alive(const struct mcu_rtp_in_layer *l, int64_t now_ns)
{
    return l->seen && l->last_ns > 0 && now_ns - l->last_ns < ALIVE_NS;
}

/* Each layer is taken for half as high as the one after it in the list, which is what browsers do
 * unless they are told otherwise; sizes that are known say which is which. */
static int rows_of(const struct mcu_rtp_in *in, int i)
{
    if (in->layer[i].rows > 0)
        return in->layer[i].rows;
    for (int k = 0; k < in->rid_count; k++)
        if (in->layer[k].rows > 0)
            return k > i ? in->layer[k].rows >> (k - i) : in->layer[k].rows << (i - k);
    return FULL_ROWS >> (in->rid_count - 1 - i);
}

/* The better of two layers for what is shown: the smallest that has the rows, else the largest. */
static bool is_better(const struct mcu_rtp_in *in, int i, int than)
{
    int a = rows_of(in, i), b = rows_of(in, than);
    bool enough_a = in->rows >= 0 && a >= in->rows, enough_b = in->rows >= 0 && b >= in->rows;
    if (enough_a != enough_b)
        return enough_a;
    return enough_a ? a < b : a > b;
}

static void choose(struct mcu_rtp_in *in, int64_t now_ns)
{
    int best = -1;
    for (int i = 0; i < in->rid_count; i++)
        if (is_alive(&in->layer[i], now_ns) && (best < 0 || is_better(in, i, best)))
            best = i;
    if (best < 0 || best == in->target)
        return;
    in->target = best;
    if (best != in->current && in->receive)
        in->events.keyframe_needed(in->arg);
    else if (!in->need_key)
        in->events.keyframe_came(in->arg); /* the one on its way is not waited for any more */
}

void mcu_rtp_in_want_rows(struct mcu_rtp_in *in, int rows, int64_t now_ns)
{
    in->rows = rows;
    in->now_ns = now_ns;
    if (in->current >= 0)
        choose(in, now_ns);
}

int mcu_rtp_in_key_ssrcs(const struct mcu_rtp_in *in, uint32_t ssrc[2])
{
    int n = 0;
    bool pending = in->rid_count > 0 && in->target >= 0 && in->target != in->current;
    if (pending)
        ssrc[n++] = in->layer[in->target].ssrc;
    if (in->source.locked && (!pending || in->need_key))
        ssrc[n++] = in->source.ssrc;
    return n;
}

/* A layer that ends is no longer alive; the stream ends with its last one. */
bool mcu_rtp_in_bye(struct mcu_rtp_in *in, uint32_t ssrc, int64_t now_ns)
{
    int i = mcu_rtp_in_find_layer(in, ssrc);
    bool left = false;
    if (i < 0)
        return in->source.locked && ssrc == in->source.ssrc;
    in->layer[i].last_ns = 0;
    for (int k = 0; k < in->rid_count; k++)
        left = left || is_alive(&in->layer[k], now_ns);
    if (left)
        choose(in, now_ns);
    return !left;
}

/* ---- Changing over ---- */

/* Statistics of a layer that is not received. */
static void count_parked(struct mcu_rtp_in *in, struct mcu_rtp_in_layer *l,
                         const struct mcu_rtp *rtp, int rx, int64_t now_ns)
{
    struct mcu_rtp_in_source *s = &l->parked;
    if (!s->locked || !mcu_rtp_in_sequence(s, rtp->seq)) {
        *s = (struct mcu_rtp_in_source){ .locked = true, .ssrc = l->ssrc, .since_ns = now_ns,
                                         .seq = 0x10000 + rtp->seq };
        mcu_rtp_stats_init(&s->stats, s->seq);
    }
    int64_t seq = s->seq + (int16_t)(rtp->seq - (uint16_t)s->seq);
    s->seq = seq > s->seq ? seq : s->seq;
    s->last_ns = now_ns;
    mcu_rtp_stats_packet(&s->stats, seq);
    if (rx < 0 || rtp->payload_bytes == 0)
        return;
    mcu_rtp_in_use_clock(in, s, &l->sr, mcu_codec_info(in->rx[rx].codec)->rtp_clock_hz);
    mcu_rtp_stats_arrival(&s->stats, rtp->ts, (uint32_t)mcu_clock_to_ticks(now_ns, s->clock_hz));
    mcu_stream_clock_map(&s->time, in->clock, rtp->ts, now_ns);
}

/* The packet that is about to be taken becomes the first one of the source. Numbers of units go on
 * rising: whole cycles are put between (mcu_rtp_in_packet does the same for a source that is new). */
static void load_source(struct mcu_rtp_in *in, struct mcu_rtp_in_layer *l, const struct mcu_rtp *rtp)
{
    int64_t cycle = ((in->source.seq >> 16) + 2) << 16;
    struct mcu_rtp_in_source *s = &in->source;
    *s = l->parked;
    int64_t shift = cycle - (s->seq & ~INT64_C(0xffff));
    s->seq += shift;
    mcu_rtp_stats_shift(&s->stats, shift);
    int64_t seq = s->seq + (int16_t)(rtp->seq - (uint16_t)s->seq);
    s->seq = seq > s->seq ? seq : s->seq;
    mcu_reorder_reset(in->ring, seq);
}

static void change_over(struct mcu_rtp_in *in, int to, const struct mcu_rtp *rtp, int64_t now_ns)
{
    struct mcu_rtp_in_layer *l = &in->layer[to];
    if (in->current >= 0 && in->source.locked && in->source.ssrc == in->layer[in->current].ssrc)
        in->layer[in->current].parked = in->source;
    if (!l->parked.locked || !mcu_rtp_in_sequence(&l->parked, rtp->seq)) {
        l->parked = (struct mcu_rtp_in_source){ .locked = true, .ssrc = l->ssrc, .since_ns = now_ns,
                                                .seq = rtp->seq };
        mcu_rtp_stats_init(&l->parked.stats, rtp->seq);
    }
    load_source(in, l, rtp);
    for (int i = 0; i < in->rx_count; i++)
        mcu_depay_reset(in->rx[i].depay);
    mcu_nack_clear(&in->nack);
    in->sr = l->sr;
    in->candidate.valid = in->lost = in->pictures[0].valid = in->pictures[1].valid = false;
    in->key_seq = in->last_rx = -1;
    in->current = in->target = to;
    in->switched = in->need_key = true; /* until the keyframe is whole */
    in->events.keyframe_came(in->arg);  /* it is on its way: none is asked for */
    in->events.source(l->ssrc, in->arg);
}

/* True: the layers are to be weighed anew. */
static bool note_arrival(struct mcu_rtp_in *in, int i, int rows, size_t bytes, int64_t now_ns)
{
    struct mcu_rtp_in_layer *l = &in->layer[i];
    bool news = !is_alive(l, now_ns) || (rows > 0 && rows != l->rows);
    l->rows = rows > 0 ? rows : l->rows;
    l->last_ns = now_ns;
    mcu_rtp_in_meter(&in->meter[i], bytes, now_ns);
    return news || (in->target >= 0 && !is_alive(&in->layer[in->target], now_ns));
}

bool mcu_rtp_in_take_layer(struct mcu_rtp_in *in, const struct mcu_rtp *rtp,
                           const struct mcu_rtp_in_info *info, size_t bytes, int64_t now_ns)
{
    int i = mcu_rtp_in_find_layer(in, rtp->ssrc), rows = 0;
    int rx = mcu_rtp_in_find_rx(in, rtp->pt);
    if (i < 0)
        i = learn_layer(in, rtp->ssrc, info);
    if (i < 0) /* before any RID was seen it may be a sender that never says one */
        return any_seen(in);
    bool key = rx >= 0 && rtp->payload_bytes > 0 &&
               mcu_key_peek(in->rx[rx].codec, rtp->payload, rtp->payload_bytes, &rows);
    bool news = note_arrival(in, i, rows, bytes, now_ns);
    if (in->current < 0) /* the first one that comes, while better ones are asked for */
        in->current = in->target = i;
    if (news)
        choose(in, now_ns);
    if (i == in->current)
        return false;
    if (i == in->target && key) {
        change_over(in, i, rtp, now_ns);
        return false;
    }
    count_parked(in, &in->layer[i], rtp, rx, now_ns);
    if (i == in->target && rtp->marker && in->receive) /* requests get lost */
        in->events.keyframe_needed(in->arg);
    return true;
}
