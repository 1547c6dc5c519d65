#include "net/payload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/payload_priv.h"

#define DEFAULT_UNIT_BYTES ((size_t)1 << 20)
#define FIRST_GUESS_BYTES  2048
#define DEFAULT_MAX_BYTES  1200
#define MIN_MAX_BYTES      32 /* room for every header, and some use left */

static const struct mcu_depay_ops all_ops[MCU_CODEC_COUNT] = {
    [MCU_CODEC_H264] = { mcu_depay_h264_take, mcu_depay_h264_is_tail, mcu_depay_h264_begin,
                         mcu_depay_h264_end, true },
    [MCU_CODEC_VP8] = { mcu_depay_vp8_take, mcu_depay_vp8_is_tail, NULL, NULL, false },
    [MCU_CODEC_VP9] = { mcu_depay_vp9_take, mcu_depay_vp9_is_tail, NULL, mcu_depay_vp9_end, false },
    [MCU_CODEC_AV1] = { mcu_depay_av1_take, mcu_depay_av1_is_tail, mcu_depay_av1_begin,
                        mcu_depay_av1_end, false },
};

int mcu_depay_new(struct mcu_depay **out, enum mcu_codec codec, const uint8_t *sprop,
                  size_t sprop_bytes, size_t max_unit_bytes)
{
    if (codec <= MCU_CODEC_NONE || codec >= MCU_CODEC_COUNT || !all_ops[codec].take)
        return -EINVAL;
    struct mcu_depay *d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->codec = codec;
    d->ops = &all_ops[codec];
    d->max_bytes = max_unit_bytes ? max_unit_bytes : DEFAULT_UNIT_BYTES;
    if (d->max_bytes > MCU_UNIT_MAX_BYTES)
        d->max_bytes = MCU_UNIT_MAX_BYTES;
    d->guess_bytes = FIRST_GUESS_BYTES;
    if (codec == MCU_CODEC_H264 && sprop)
        mcu_depay_h264_sprop(d, sprop, sprop_bytes);
    *out = d;
    return 0;
}

void mcu_depay_free(struct mcu_depay **depay)
{
    struct mcu_depay *d = *depay;
    *depay = NULL;
    if (!d)
        return;
    mcu_unit_unref(&d->unit);
    for (int i = 0; i < d->queued; i++)
        mcu_unit_unref(&d->queue[i]);
    free(d);
}

/* A unit begins in a class that the last ones would have fitted, and moves to a larger one when it
 * must: at most four copies for a megabyte, and none in the usual case. */
static int make_room(struct mcu_depay *d, size_t bytes)
{
    if (bytes > d->max_bytes)
        return -EBADMSG;
    if (d->unit && bytes <= d->unit->capacity)
        return 0;
    struct mcu_unit *u = mcu_unit_new(d->unit || bytes > d->guess_bytes ? bytes : d->guess_bytes);
    if (!u)
        return -ENOMEM;
    if (d->unit) {
        memcpy(u->data, d->unit->data, d->unit->size);
        u->size = d->unit->size;
        mcu_unit_unref(&d->unit);
    }
    d->unit = u;
    return 0;
}

int mcu_depay_grow(struct mcu_depay *d, size_t n, uint8_t **at)
{
    size_t size = d->unit ? d->unit->size : 0;
    int rc = n > d->max_bytes ? -EBADMSG : make_room(d, size + n);
    if (rc < 0)
        return rc;
    *at = d->unit->data + size;
    d->unit->size = size + n;
    return 0;
}

int mcu_depay_append(struct mcu_depay *d, const uint8_t *data, size_t n)
{
    uint8_t *at;
    int rc = mcu_depay_grow(d, n, &at);
    if (rc == 0 && n)
        memcpy(at, data, n);
    return rc;
}

static void break_unit(struct mcu_depay *d)
{
    mcu_unit_unref(&d->unit);
    d->broken = true;
    d->gap = true;
}

static void begin_unit(struct mcu_depay *d, uint32_t rtp_ts, int64_t seq, bool lost)
{
    d->open = d->fresh = true;
    d->broken = d->keyframe = false;
    /* A stream may be joined in the middle of a unit. */
    d->head_lost = lost || !d->started;
    d->started = true;
    d->rtp_ts = rtp_ts;
    d->seq = seq;
    if (d->ops->begin)
        d->ops->begin(d);
}

/* Moves the unit in hand to the queue of finished ones. */
static void give_out(struct mcu_depay *d)
{
    struct mcu_unit *u = d->unit;
    if (d->queued == MCU_DEPAY_QUEUE) { /* the caller does not pull */
        break_unit(d);
        return;
    }
    u->codec = d->codec;
    u->rtp_ts = d->rtp_ts;
    u->seq = d->seq;
    u->keyframe = d->keyframe;
    u->gap_before = d->gap;
    d->gap = false;
    /* Falls slowly, so that one small frame among large ones does not cost a copy. */
    d->guess_bytes -= d->guess_bytes / 8;
    if (d->guess_bytes < u->size)
        d->guess_bytes = u->size;
    d->queue[d->queued++] = u;
    d->unit = NULL;
}

/* The unit in hand has had its last packet, if all of them came. */
static int end_unit(struct mcu_depay *d)
{
    int rc = 0;
    d->open = false;
    if (d->broken)
        return 0;
    rc = d->ops->end ? d->ops->end(d) : d->unit != NULL;
    if (rc < 0)
        break_unit(d);
    else if (rc == 1)
        give_out(d);
    else
        mcu_unit_unref(&d->unit);
    return rc < 0 ? rc : 0;
}

static bool is_tail(const struct mcu_depay *d, const uint8_t *payload, size_t size)
{
    return (d->head_lost || !d->ops->tail_after_loss) && d->ops->is_tail(payload, size);
}

static int take(struct mcu_depay *d, const uint8_t *payload, size_t size)
{
    if (d->broken)
        return 0;
    if (d->fresh && is_tail(d, payload, size)) {
        break_unit(d);
        return 0;
    }
    int rc = d->ops->take(d, payload, size);
    d->fresh = false;
    if (rc < 0)
        break_unit(d);
    return rc;
}

/* What this packet says of the unit before it: with a packet lost in between, that unit is not
 * known to be whole, whatever the new timestamp is. */
static void settle(struct mcu_depay *d, uint32_t rtp_ts, bool lost)
{
    if (lost)
        d->gap = true;
    if (!d->open)
        return;
    if (lost && !d->broken)
        break_unit(d);
    if (rtp_ts != d->rtp_ts)
        end_unit(d);
}

int mcu_depay_pull(struct mcu_depay *d, struct mcu_unit **out)
{
    if (!d->queued)
        return 0;
    *out = d->queue[0];
    d->queued--;
    memmove(d->queue, d->queue + 1, (size_t)d->queued * sizeof(d->queue[0]));
    return 1;
}

void mcu_depay_reset(struct mcu_depay *d)
{
    mcu_unit_unref(&d->unit);
    while (d->queued > 0)
        mcu_unit_unref(&d->queue[--d->queued]);
    d->open = d->broken = d->lost = d->gap = d->started = false;
    memset(&d->vp8, 0, sizeof(d->vp8));
}

int mcu_depay_push(struct mcu_depay *d, const uint8_t *payload, size_t size, uint32_t rtp_ts,
                   bool marker, bool lost, int64_t seq, struct mcu_unit **out)
{
    d->lost |= lost;
    if (size == 0) /* padding alone, as bandwidth probes send it */
        return mcu_depay_pull(d, out);
    lost = d->lost;
    d->lost = false;
    settle(d, rtp_ts, lost);
    if (!d->open)
        begin_unit(d, rtp_ts, seq, lost);
    int rc = take(d, payload, size);
    if (marker) {
        int end = end_unit(d);
        rc = rc < 0 ? rc : end;
    }
    return rc < 0 ? rc : mcu_depay_pull(d, out);
}

void mcu_pay_init(struct mcu_pay *pay, enum mcu_codec codec, bool h264_mode1, int max_bytes)
{
    *pay = (struct mcu_pay){ .codec = codec, .h264_mode1 = h264_mode1 };
    pay->max_bytes = max_bytes <= 0 ? DEFAULT_MAX_BYTES : max_bytes;
    if (pay->max_bytes < MIN_MAX_BYTES)
        pay->max_bytes = MIN_MAX_BYTES;
}

int mcu_pay_begin(struct mcu_pay *pay, const struct mcu_unit *unit)
{
    pay->unit = NULL;
    if (!unit || unit->size == 0 || unit->codec != pay->codec)
        return -EINVAL;
    pay->unit = unit;
    pay->at = pay->nal_start = pay->nal_end = 0;
    if (pay->codec == MCU_CODEC_H264)
        return mcu_pay_h264_begin(pay);
    if (pay->codec == MCU_CODEC_VP8) {
        pay->vp8_picture_id = (pay->vp8_picture_id + 1) & 0x7fff;
        return 0;
    }
    if (pay->codec == MCU_CODEC_VP9) {
        pay->vp9_picture_id = (pay->vp9_picture_id + 1) & 0x7fff;
        return 0;
    }
    pay->unit = NULL;
    return -EINVAL;
}

int mcu_pay_next(struct mcu_pay *pay, uint8_t *buf, size_t buf_bytes, bool *last)
{
    *last = false;
    if (!pay->unit)
        return 0;
    return pay->codec == MCU_CODEC_H264  ? mcu_pay_h264_next(pay, buf, buf_bytes, last)
           : pay->codec == MCU_CODEC_VP8 ? mcu_pay_vp8_next(pay, buf, buf_bytes, last)
                                         : mcu_pay_vp9_next(pay, buf, buf_bytes, last);
}
