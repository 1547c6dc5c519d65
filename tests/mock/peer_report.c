#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mock/peer.h"
#include "tests/mock/peer_measure.h"
#include "tests/mock/peer_picture.h"

/* jansson cannot say how many digits; tenths are enough for all that is reported. */
static json_t *number(double value)
{
    return json_real(round(value * 10) / 10);
}

static json_t *since(int64_t ns, int64_t from_ns)
{
    return ns ? number((double)(ns - from_ns) / 1e6) : json_null();
}

static json_t *gaps(const struct peer_gaps *g)
{
    return json_pack("{s:I, s:o, s:o, s:o}", "count", (json_int_t)g->count, "max_ms",
                     number(g->max_ms), "at_s", number(g->at_s), "sum_ms", number(g->sum_ms));
}

static json_t *sip_part(const struct peer_call *c)
{
    const struct peer_sip *s = &c->sip;
    return json_pack(
        "{s:i, s:s, s:b, s:o, s:I, s:I, s:I, s:I, s:i, s:o}", "status", s->status, "reason", s->reason,
        "ended_by_server", s->ended_by_server, "invite_to_200_ms", since(s->ok_ns, s->invite_ns),
        "retransmits", (json_int_t)s->retransmits, "infos", (json_int_t)s->infos, "reinvites_in",
        (json_int_t)s->reinvites_in, "reinvites_ok", (json_int_t)s->reinvites_ok,
        "last_reinvite_status", s->last_reinvite_status, "duration_s",
        number(s->ok_ns ? (double)(s->end_ns - s->ok_ns) / 1e9 : 0));
}

static json_t *packets_part(const struct peer_rx *rx)
{
    double ms = rx->clock_hz ? rx->jitter_ticks * 1000 / rx->clock_hz : 0;
    double span_s = rx->packets > 1 ? (double)(rx->last_ns - rx->first_ns) / 1e9 : 0;
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "span_s",
                     json_real(round(span_s * 1000) / 1000), "packets",
                     (json_int_t)rx->packets, "bytes", (json_int_t)rx->bytes, "lost",
                     (json_int_t)rx->lost, "late", (json_int_t)rx->late, "dropped_here",
                     (json_int_t)rx->dropped_here, "other_pt", (json_int_t)rx->other_pt,
                     "malformed", (json_int_t)rx->malformed, "ssrc_changes",
                     (json_int_t)rx->ssrc_changes, "jitter_ms", number(ms));
}

static json_t *rtcp_part(const struct peer_rx *rx)
{
    json_t *list = json_array();
    for (int i = 0; i < rx->csrcs; i++)
        json_array_append_new(list, json_integer(rx->csrc[i]));
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "sr", (json_int_t)rx->sr_count, "pli",
                     (json_int_t)rx->pli, "fir", (json_int_t)rx->fir, "tmmbr", (json_int_t)rx->tmmbr,
                     "tmmbn", (json_int_t)rx->tmmbn,
                     "bye", (json_int_t)rx->bye, "csrc", list);
}

/* kbit/s of payload up to the newest limit, and after it. */
static double sent_kbps(const struct peer_call *c, const struct peer_tx *tx, bool after)
{
    int64_t from = after ? tx->limited_ns : tx->begun_ns;
    int64_t until = after ? c->sip.end_ns : tx->limited_ns;
    uint64_t octets = after ? tx->octets - tx->octets_before : tx->octets_before;
    return tx->limited_ns && until > from ? (double)octets * 8e6 / (double)(until - from) : 0;
}

static json_t *tx_part(const struct peer_call *c, const struct peer_tx *tx)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "limit_bps", (json_int_t)tx->limit_bps,
                     "packets", (json_int_t)tx->packets, "octets", (json_int_t)tx->octets, "dropped",
                     (json_int_t)tx->dropped, "garbage", (json_int_t)tx->garbage, "ssrc",
                     (json_int_t)tx->ssrc, "kbps_before", number(sent_kbps(c, tx, false)),
                     "kbps_after", number(sent_kbps(c, tx, true)));
}

/* ---- sound ---- */

static json_t *probes(const int16_t *pcm, int64_t n, const struct peer_options *o)
{
    json_t *list = json_array();
    int16_t *ideal = NULL;
    int64_t ideal_n = o->probe_count ? peer_ideal(o, &ideal) : -1;
    for (int i = 0; i < o->probe_count; i++) {
        struct peer_level l = peer_tone_level(pcm, n, o->probe_hz[i]), want = { 0 };
        if (ideal_n > 48000) /* the first second is for the coder to settle */
            want = peer_tone_level(ideal + 48000, ideal_n - 48000, o->probe_hz[i]);
        struct peer_holes h = peer_tone_holes(pcm, n, o->probe_hz[i]);
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:o}", "hz",
                            number(o->probe_hz[i]), "dbfs", number(l.median_dbfs), "ideal_dbfs",
                            want.windows ? number(want.median_dbfs) : json_null(), "min_dbfs", number(l.min_dbfs), "max_dbfs",
                            number(l.max_dbfs), "holes", h.count, "hole_max_ms", number(h.longest_ms),
                            "hole_at_s", number(h.at_s)));
    }
    return list;
}

static json_t *audio_part(const struct peer_call *c)
{
    const struct peer_rx *rx = &c->rx[PEER_AUDIO];
    const struct peer_ear *ear = &c->ear;
    int64_t from = (int64_t)(c->o->steady_s * 48000), n = ear->frames - from - 24000;
    json_t *part = packets_part(rx);
    json_object_set_new(part, "first_ms", since(rx->first_ns, c->sip.invite_ns));
    json_object_set_new(part, "errors", json_integer((json_int_t)ear->errors));
    json_object_set_new(part, "gaps_rtp", gaps(&ear->by_rtp));
    json_object_set_new(part, "gaps_arrival", gaps(&ear->by_arrival));
    json_object_set_new(part, "rtcp", rtcp_part(rx));
    json_object_set_new(part, "sent", tx_part(c, &c->tx[PEER_AUDIO]));
    if (ear->pcm && n > 0) {
        json_object_set_new(part, "steady_s", number((double)n / 48000));
        json_object_set_new(part, "rms_dbfs", number(peer_rms_dbfs(ear->pcm + from, n)));
        json_object_set_new(part, "probes", probes(ear->pcm + from, n, c->o));
    }
    return part;
}

/* ---- pictures ---- */

/* The middle value of each channel: a flash now and then does not move it. */
static json_t *colour(const struct peer_tile *t)
{
    int n = t->samples < PEER_MAX_LOOKS ? (int)t->samples : PEER_MAX_LOOKS;
    json_t *out = json_array();
    for (int k = 0; k < 3; k++) {
        double v[PEER_MAX_LOOKS];
        for (int i = 0; i < n; i++)
            v[i] = t->rgb[i][k];
        json_array_append_new(out, number(peer_median(v, n)));
    }
    return out;
}

static json_t *tiles_part(const struct peer_eye *eye)
{
    json_t *list = json_array();
    for (int i = 0; i < eye->tiles; i++) {
        const struct peer_tile *t = &eye->tile[i];
        json_array_append_new(
            list, json_pack("{s:i, s:o, s:i, s:I, s:I, s:I, s:o, s:o, s:I, s:o, s:[i,i,i,i]}", "tile", i,
                            "rgb", colour(t), "number", t->number, "number_changes",
                            (json_int_t)t->number_changes, "readable", (json_int_t)t->readable,
                            "looked", (json_int_t)t->samples, "still_max_ms", number(t->still_max_ms),
                            "still_at_s", number(t->still_at_s), "still_count",
                            (json_int_t)t->still_count, "still_sum_ms", number(t->still_sum_ms), "rect", t->rect.x, t->rect.y,
                            t->rect.w, t->rect.h));
    }
    return list;
}

static json_t *seconds_part(const struct peer_eye *eye)
{
    json_t *list = json_array();
    int64_t last = eye->frames ? (eye->last_ns - eye->first_ns) / MCU_NS_PER_S : -1;
    for (int i = 0; i <= last && i < PEER_MAX_SECONDS; i++)
        json_array_append_new(list, json_integer(eye->in_second[i]));
    return list;
}

static json_t *video_part(const struct peer_call *c)
{
    const struct peer_rx *rx = &c->rx[PEER_VIDEO];
    const struct peer_eye *eye = &c->eye;
    json_t *part = packets_part(rx);
    double span_s = (double)(eye->last_rtp - eye->first_rtp) / 90000;
    json_object_set_new(part, "first_packet_ms", since(rx->first_ns, c->sip.invite_ns));
    json_object_set_new(part, "first_picture_ms", since(eye->first_ns, c->sip.invite_ns));
    json_object_set_new(part, "frames", json_integer((json_int_t)eye->frames));
    json_object_set_new(part, "in_second", seconds_part(eye));
    json_object_set_new(part, "fps", number(span_s > 0 ? ((double)eye->frames - 1) / span_s : 0));
    json_object_set_new(part, "kbps", number(span_s > 0 ? (double)rx->bytes * 8e-3 / span_s : 0));
    json_object_set_new(part, "keyframes", json_integer((json_int_t)eye->keyframes));
    json_object_set_new(part, "errors", json_integer((json_int_t)eye->errors));
    json_object_set_new(part, "pli_sent", json_integer((json_int_t)eye->pli_sent));
    json_object_set_new(part, "nacks", json_integer((json_int_t)rx->nacks));
    json_object_set_new(part, "recovered", json_integer((json_int_t)rx->recovered));
    json_object_set_new(part, "span_s", number(span_s));
    json_object_set_new(part, "size", json_sprintf("%dx%d", eye->width, eye->height));
    json_object_set_new(part, "size_changes", json_integer((json_int_t)eye->size_changes));
    json_object_set_new(part, "freeze_rtp", gaps(&eye->by_rtp));
    json_object_set_new(part, "freeze_arrival", gaps(&eye->by_arrival));
    json_object_set_new(part, "tail_ms", since(c->sip.end_ns, eye->last_ns));
    json_object_set_new(part, "tiles", tiles_part(eye));
    json_object_set_new(part, "rtcp", rtcp_part(rx));
    json_object_set_new(part, "sent", tx_part(c, &c->tx[PEER_VIDEO]));
    return part;
}

/* ---- lip sync ---- */

/* The sender's time of an RTP time, ns, by the nearest report; false: there was none. */
static bool sender_ns(const struct peer_rx *rx, int64_t rtp, double *ns)
{
    const struct peer_sr *best = NULL;
    for (int i = 0; i < rx->srs; i++)
        if (!best || llabs(rx->sr[i].rtp - rtp) < llabs(best->rtp - rtp))
            best = &rx->sr[i];
    if (best)
        *ns = (double)best->ntp_ns + (double)(rtp - best->rtp) * 1e9 / rx->clock_hz;
    return best != NULL;
}

/* Picture minus sound in ms; `all` has [seconds, offset] of each flash, the rest is of the steady
 * part. */
static json_t *sync_part(const struct peer_call *c)
{
    const struct peer_rx *ar = &c->rx[PEER_AUDIO], *vr = &c->rx[PEER_VIDEO];
    static int64_t beep[PEER_MAX_FLASHES];
    static double offset[PEER_MAX_FLASHES];
    int beeps = c->ear.pcm ? peer_onsets(c->ear.pcm, c->ear.frames, PEER_BEEP_HZ, beep,
                                         PEER_MAX_FLASHES) : 0;
    int pairs = 0;
    double worst = 0;
    json_t *all = json_array();
    for (int i = 0; i < c->eye.flashes; i++) {
        double picture, sound, nearest = INFINITY;
        for (int k = 0; k < beeps && sender_ns(vr, c->eye.flash_rtp[i], &picture); k++)
            if (sender_ns(ar, ar->first_rtp + beep[k] * ar->clock_hz / 48000, &sound) &&
                fabs(picture - sound) < fabs(nearest))
                nearest = picture - sound;
        if (fabs(nearest) > 400e6)
            continue;
        json_array_append_new(all, json_pack("[o,o]", number((double)(c->eye.flash_rtp[i] -
                                                                      c->eye.first_rtp) / 90000),
                                             number(nearest / 1e6)));
        if (c->eye.flash_rtp[i] - c->eye.first_rtp < (int64_t)(c->o->steady_s * 90000))
            continue;
        offset[pairs++] = nearest / 1e6;
        worst = fabs(nearest / 1e6) > fabs(worst) ? nearest / 1e6 : worst;
    }
    return json_pack("{s:i, s:i, s:o, s:i, s:o, s:o}", "flashes", c->eye.flashes, "beeps", beeps,
                     "all", all, "pairs", pairs, "median_ms", pairs ? number(peer_median(offset, pairs)) : json_null(),
                     "worst_ms", pairs ? number(worst) : json_null());
}

json_t *peer_report(struct peer_call *c)
{
    json_t *out = json_pack("{s:s, s:i, s:o}", "name", c->name, "number", c->o->number, "sip",
                            sip_part(c));
    if (c->accepted[PEER_AUDIO])
        json_object_set_new(out, "audio", audio_part(c));
    if (c->accepted[PEER_VIDEO])
        json_object_set_new(out, "video", video_part(c));
    if (c->accepted[PEER_AUDIO] && c->accepted[PEER_VIDEO] && !c->o->no_decode)
        json_object_set_new(out, "sync", sync_part(c));
    return out;
}

/* ---- files ---- */

static void put_le(uint8_t *p, uint32_t v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

int peer_write_wav(const char *path, const int16_t *pcm, int64_t frames)
{
    uint8_t h[44] = "RIFF....WAVEfmt ";
    put_le(h + 4, (uint32_t)(36 + frames * 2), 4);
    put_le(h + 16, 16, 4);
    put_le(h + 20, 1, 2);
    put_le(h + 22, 1, 2);
    put_le(h + 24, 48000, 4);
    put_le(h + 28, 96000, 4);
    put_le(h + 32, 2, 2);
    put_le(h + 34, 16, 2);
    memcpy(h + 36, "data", 4);
    put_le(h + 40, (uint32_t)(frames * 2), 4);
    FILE *f = fopen(path, "wb");
    if (!f)
        return -errno;
    fwrite(h, 1, sizeof(h), f);
    fwrite(pcm, 2, (size_t)frames, f);
    return fclose(f) ? -errno : 0;
}

int peer_write_ppm(const char *path, const struct mcu_pic *pic)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        return -errno;
    fprintf(f, "P6\n%d %d\n255\n", pic->width, pic->height);
    for (int y = 0; y < pic->height; y++) {
        static uint8_t row[3 * MCU_PIC_MAX_SIDE];
        for (int x = 0; x < pic->width; x++) {
            uint8_t rgb[3];
            peer_yuv_to_rgb(pic, pic->plane[0][y * pic->stride[0] + x],
                            pic->plane[1][y / 2 * pic->stride[1] + x / 2],
                            pic->plane[2][y / 2 * pic->stride[2] + x / 2], rgb);
            memcpy(row + 3 * x, rgb, 3);
        }
        fwrite(row, 3, (size_t)pic->width, f);
    }
    return fclose(f) ? -errno : 0;
}
