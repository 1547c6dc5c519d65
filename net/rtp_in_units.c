#include "net/rtp_in.h"

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "net/rtp_in_priv.h"

#define HAND_ON_MS 1 /* from a packet to the tick that takes it */
#define VIDEO_GAP_NS      (80 * MCU_NS_PER_MS)
#define REPEAT_SLACK_NS   (40 * MCU_NS_PER_MS)
#define REPEAT_GAP_MAX_NS (450 * MCU_NS_PER_MS)
#define OVERLAP_NS        (500 * MCU_NS_PER_MS)

void mcu_rtp_in_need_key(struct mcu_rtp_in *in)
{
    if (in->kind != MCU_VIDEO || !in->receive)
        return;
    in->need_key = true;
    in->events.keyframe_needed(in->arg);
}

static void emit(struct mcu_rtp_in *in, struct mcu_unit *unit)
{
    if (in->receive)
        in->events.unit(unit, in->arg);
    else
        mcu_unit_unref(&unit);
}

static void deliver_audio(struct mcu_rtp_in *in, struct mcu_reorder_slot *slot)
{
    slot->unit->gap_before = in->lost;
    slot->unit->delay_ms = mcu_jitter_delay_ms(&in->source.jitter);
    slot->unit->spare_ms = mcu_jitter_spare_ms(&in->source.jitter);
    slot->unit->play_ns =
        slot->arrival_ns + (slot->unit->delay_ms - slot->rel_ms) * MCU_NS_PER_MS;
    in->lost = false;
    emit(in, slot->unit);
    slot->unit = NULL;
}

static const struct mcu_rtp_in_picture *find_picture(const struct mcu_rtp_in *in, uint32_t rtp_ts)
{
    for (size_t i = 0; i < MCU_ARRAY_LEN(in->pictures); i++)
        if (in->pictures[i].valid && in->pictures[i].rtp_ts == rtp_ts)
            return &in->pictures[i];
    return NULL;
}

/* Where layers change, the first unit of the new one is a keyframe and nothing is missing before it.
 * Layers show one camera: times never fall, though each layer's clock is read apart. */
static void join_layers(struct mcu_rtp_in *in, struct mcu_unit *unit)
{
    if (in->switched && unit->keyframe)
        unit->gap_before = false;
    in->switched = false;
    if (unit->sent_ns <= in->last_sent_ns && in->last_sent_ns - unit->sent_ns < OVERLAP_NS)
        unit->sent_ns = in->last_sent_ns < unit->time_ns ? in->last_sent_ns : unit->time_ns;
    in->last_sent_ns = unit->sent_ns;
}

static void emit_picture(struct mcu_rtp_in *in, struct mcu_unit *unit, const struct mcu_unit *packet)
{
    const struct mcu_rtp_in_picture *p = find_picture(in, unit->rtp_ts);
    unit->ssrc = in->source.ssrc;
    unit->time_ns = p ? p->arrival_ns : packet->time_ns;
    unit->sent_ns = p ? p->sent_ns : packet->sent_ns;
    /* Said with keyframes, and with what changes it; a keyframe without a word takes it back. */
    if (unit->keyframe || (p && p->colour.known))
        in->colour = p ? p->colour : (struct mcu_colour){ 0 };
    unit->colour = in->colour;
    if (in->rid_count > 0)
        join_layers(in, unit);
    if (unit->keyframe) {
        in->need_key = false;
        if (in->target == in->current) /* else another layer's is waited for */
            in->events.keyframe_came(in->arg);
    } else if (unit->gap_before || in->need_key) {
        mcu_rtp_in_need_key(in); /* again with each picture, until one comes: requests get lost */
    }
    emit(in, unit);
}

/* The least delayed packet says when the picture was sent, the last one to come when it arrived:
 * not the last one in order, when that waited for another. */
static void note_picture(struct mcu_rtp_in *in, const struct mcu_unit *packet)
{
    struct mcu_rtp_in_picture *p = &in->pictures[0];
    if (!p->valid || p->rtp_ts != packet->rtp_ts) {
        in->pictures[1] = in->pictures[0];
        *p = (struct mcu_rtp_in_picture){ true, packet->rtp_ts, packet->sent_ns, packet->time_ns,
                                          packet->colour };
    }
    if (packet->colour.known)
        p->colour = packet->colour;
    if (packet->sent_ns < p->sent_ns)
        p->sent_ns = packet->sent_ns;
    if (packet->time_ns > p->arrival_ns)
        p->arrival_ns = packet->time_ns;
}

static void deliver_video(struct mcu_rtp_in *in, struct mcu_reorder_slot *slot)
{
    struct mcu_unit *packet = slot->unit, *done = NULL;
    struct mcu_depay *depay = in->rx[slot->rx].depay;
    bool lost = in->lost || (in->last_rx >= 0 && slot->rx != in->last_rx);
    note_picture(in, packet);
    int rc = mcu_depay_push(depay, packet->data, packet->size, packet->rtp_ts, packet->marker, lost,
                            packet->seq, &done);
    if (rc < 0) {
        mcu_count(MCU_CNT_PAYLOAD_BAD);
        mcu_rtp_in_need_key(in);
    }
    in->lost = false;
    if (rc > 0)
        emit_picture(in, done, packet);
    while (mcu_depay_pull(depay, &done) > 0) /* after an error too */
        emit_picture(in, done, packet);
    mcu_unit_unref(&slot->unit);
}

void mcu_rtp_in_drain(struct mcu_rtp_in *in)
{
    struct mcu_reorder_slot slot;
    int64_t seq;
    while (mcu_reorder_take(in->ring, &slot, &seq)) {
        if (!slot.unit)
            continue;
        if (in->kind == MCU_VIDEO)
            deliver_video(in, &slot);
        else
            deliver_audio(in, &slot);
        in->last_rx = slot.rx;
    }
    mcu_nack_give_up(&in->nack, mcu_reorder_next(in->ring));
}

/* Time for three questions, each of which or its answer may get lost. */
static int64_t repeat_wait_ns(const struct mcu_rtp_in *in)
{
    if (in->need_key && mcu_reorder_next(in->ring) < in->key_seq)
        return in->nack.reorder_ns; /* what is missing cannot be decoded, and a keyframe waits */
    int64_t ns = (int64_t)(mcu_nack_rtt_ms(&in->nack, in->rtt_ms) * 4 * MCU_NS_PER_MS) +
                 REPEAT_SLACK_NS;
    return ns < VIDEO_GAP_NS ? VIDEO_GAP_NS : ns > REPEAT_GAP_MAX_NS ? REPEAT_GAP_MAX_NS : ns;
}

/* When a gap is given up, seen from the first packet behind it. */
static int64_t gap_deadline(const struct mcu_rtp_in *in, const struct mcu_reorder_slot *behind)
{
    if (in->kind == MCU_VIDEO)
        return behind->arrival_ns + (in->nack_on ? repeat_wait_ns(in) : VIDEO_GAP_NS);
    /* Until what is behind it is to be played itself, it waits for nothing. */
    int wait = mcu_jitter_delay_ms(&in->source.jitter) - behind->rel_ms - HAND_ON_MS;
    return behind->arrival_ns + mcu_clamp(wait, 0, MCU_JITTER_MAX_MS) * MCU_NS_PER_MS;
}

void mcu_rtp_in_skip_gap(struct mcu_rtp_in *in)
{
    mcu_reorder_skip(in->ring);
    in->lost = true;
    mcu_rtp_in_need_key(in);
    mcu_rtp_in_drain(in);
}

int64_t mcu_rtp_in_poll(struct mcu_rtp_in *in, int64_t now_ns)
{
    const struct mcu_reorder_slot *behind;
    in->now_ns = now_ns;
    while ((behind = mcu_reorder_behind_gap(in->ring))) {
        int64_t due = gap_deadline(in, behind);
        if (due > now_ns)
            return in->receive && in->nack.due_ns < due ? in->nack.due_ns : due;
        mcu_rtp_in_skip_gap(in);
    }
    return INT64_MAX;
}
