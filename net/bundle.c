#include "net/bundle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/rtp.h"
#include "net/rtp_ext.h"

#define TYPES 128

struct line {
    bool used;
    uint8_t mid_id;      /* of the header extension; 0: none */
    uint8_t mid_bytes;
    char mid[MCU_LINE_ID];
};

struct ssrc {
    uint32_t ssrc;
    uint64_t heard;      /* number of the packet that came last; 0: the row is free */
    uint8_t index;
};

struct mcu_bundle {
    struct line line[MCU_BUNDLE_LINES];
    uint8_t takers[TYPES]; /* of a payload type: one bit a line */
    struct ssrc ssrc[MCU_BUNDLE_SSRCS];
    int last;              /* row of the packet before: streams come in runs */
    uint64_t packets;
};

int mcu_bundle_new(struct mcu_bundle **out)
{
    struct mcu_bundle *b = calloc(1, sizeof(*b));
    if (!b)
        return -ENOMEM;
    *out = b;
    return 0;
}

void mcu_bundle_free(struct mcu_bundle **pp)
{
    free(*pp);
    *pp = NULL;
}

/* ---- What signalling says ---- */

static void add_type(struct mcu_bundle *b, int index, int pt)
{
    if (pt >= 0 && pt < TYPES)
        b->takers[pt] |= (uint8_t)(1u << index);
}

static void clear_line(struct mcu_bundle *b, int index)
{
    memset(&b->line[index], 0, sizeof(b->line[index]));
    for (int i = 0; i < TYPES; i++)
        b->takers[i] &= (uint8_t)~(1u << index);
}

static void forget_ssrcs(struct mcu_bundle *b, int index)
{
    for (int i = 0; i < MCU_BUNDLE_SSRCS; i++)
        if (b->ssrc[i].index == index)
            b->ssrc[i] = (struct ssrc){ 0 };
}

int mcu_bundle_set(struct mcu_bundle *b, int index, const struct mcu_line_config *config)
{
    if (index < 0 || index >= MCU_BUNDLE_LINES ||
        (config && (config->rx_count < 0 || config->rx_count > MCU_LINE_RX_MAX)))
        return -EINVAL;
    clear_line(b, index);
    if (!config) {
        forget_ssrcs(b, index);
        return 0;
    }
    struct line *l = &b->line[index];
    l->used = true;
    l->mid_id = config->ext.mid;
    l->mid_bytes = (uint8_t)strnlen(config->mid, sizeof(config->mid) - 1);
    memcpy(l->mid, config->mid, l->mid_bytes);
    for (int i = 0; i < config->rx_count; i++) {
        add_type(b, index, config->rx[i].pt);
        add_type(b, index, config->rx[i].rtx_pt ? config->rx[i].rtx_pt : -1);
    }
    add_type(b, index, config->dtmf_pt);
    return 0;
}

/* ---- SSRCs ---- */

static struct ssrc *find_ssrc(struct mcu_bundle *b, uint32_t ssrc)
{
    struct ssrc *s = &b->ssrc[b->last];
    if (s->heard && s->ssrc == ssrc)
        return s;
    for (int i = 0; i < MCU_BUNDLE_SSRCS; i++) {
        s = &b->ssrc[i];
        if (!s->heard || s->ssrc != ssrc)
            continue;
        b->last = i;
        return s;
    }
    return NULL;
}

/* A free row, else the one whose stream is silent the longest. */
static struct ssrc *oldest_ssrc(struct mcu_bundle *b)
{
    struct ssrc *oldest = &b->ssrc[0];
    for (int i = 1; i < MCU_BUNDLE_SSRCS; i++)
        if (b->ssrc[i].heard < oldest->heard)
            oldest = &b->ssrc[i];
    return oldest;
}

static void learn(struct mcu_bundle *b, struct ssrc *known, uint32_t ssrc, int index)
{
    struct ssrc *s = known ? known : oldest_ssrc(b);
    *s = (struct ssrc){ ssrc, b->packets, (uint8_t)index };
}

void mcu_bundle_learn(struct mcu_bundle *b, uint32_t ssrc, int index)
{
    if (index < 0 || index >= MCU_BUNDLE_LINES || !b->line[index].used)
        return;
    b->packets++;
    learn(b, find_ssrc(b, ssrc), ssrc, index);
}

/* ---- Packets ---- */

static bool says_mid(const struct line *l, const struct mcu_rtp_ext_element *e)
{
    return l->used && l->mid_id == e->id && l->mid_bytes == e->size &&
           memcmp(l->mid, e->data, e->size) == 0;
}

/* The line that the packet's MID names; -1: it has none; -ENOENT: of no line. */
static int line_by_mid(const struct mcu_bundle *b, const struct mcu_rtp *rtp)
{
    struct mcu_rtp_ext_iter it = mcu_rtp_ext_iter(rtp);
    struct mcu_rtp_ext_element e;
    bool any = false;
    while (rtp->has_ext && mcu_rtp_ext_next(&it, &e)) {
        for (int i = 0; i < MCU_BUNDLE_LINES; i++) {
            const struct line *l = &b->line[i];
            if (e.size > 0 && says_mid(l, &e))
                return i;
            any = any || (l->used && l->mid_bytes && l->mid_id && l->mid_id == e.id);
        }
    }
    return any ? -ENOENT : -1;
}

/* The one line that takes a payload type; -1: none, or several. */
static int line_by_type(const struct mcu_bundle *b, uint8_t pt)
{
    for (int i = 0; i < MCU_BUNDLE_LINES; i++)
        if (b->takers[pt] == 1u << i)
            return i;
    return -1;
}

/* An SSRC is believed unless its payload type is another line's. A type of no line goes to that of
 * the SSRC all the same: comfort noise and the like, which the line knows how to pass over. */
static bool type_fits(const struct mcu_bundle *b, uint8_t pt, int index)
{
    return b->takers[pt] == 0 || b->takers[pt] >> index & 1;
}

int mcu_bundle_line(struct mcu_bundle *b, const uint8_t *data, size_t size)
{
    struct mcu_rtp rtp;
    if (mcu_rtp_parse(&rtp, data, size) < 0)
        return -EBADMSG;
    b->packets++;
    int by_mid = line_by_mid(b, &rtp);
    if (by_mid == -ENOENT)
        return -ENOENT;
    struct ssrc *known = find_ssrc(b, rtp.ssrc);
    int index = by_mid >= 0 ? by_mid : known ? known->index : line_by_type(b, rtp.pt);
    if (index < 0 || !type_fits(b, rtp.pt, index))
        return -ENOENT;
    learn(b, known, rtp.ssrc, index);
    return index;
}
