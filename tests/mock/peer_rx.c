#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"
#include "tests/mock/peer.h"
#include "tests/mock/peer_picture.h"

#define GAP_MS    20  /* of sound */
#define PLAYOUT_NS (200 * MCU_NS_PER_MS)

int peer_rx_begin(struct peer_call *c)
{
    enum mcu_codec audio = c->rx[PEER_AUDIO].codec, video = c->rx[PEER_VIDEO].codec;
    int rc = 0;
    if (c->accepted[PEER_VIDEO])
        rc = mcu_depay_new(&c->eye.depay, video, NULL, 0, 0);
    if (rc == 0 && c->accepted[PEER_VIDEO] && !c->o->no_decode)
        rc = mcu_vdec_new(&c->eye.dec, video, 3840, 2160);
    if (rc < 0 || !c->accepted[PEER_AUDIO] || c->o->no_decode)
        return rc;
    c->ear.capacity = (int64_t)((c->o->seconds + 10) * 48000);
    c->ear.pcm = calloc((size_t)c->ear.capacity, sizeof(int16_t));
    return c->ear.pcm ? mcu_adec_new(&c->ear.dec, audio, 1) : -ENOMEM;
}

void peer_rx_free(struct peer_call *c)
{
    peer_nack_free(c);
    mcu_depay_free(&c->eye.depay);
    mcu_vdec_free(&c->eye.dec);
    mcu_adec_free(&c->ear.dec);
    free(c->ear.pcm);
}

/* ms: by how much something was missed; counted above limit_ms. */
static void note_gap(struct peer_gaps *g, double ms, double limit_ms, int64_t since_ns)
{
    if (ms > g->max_ms) {
        g->max_ms = ms;
        g->at_s = (double)since_ns / 1e9;
    }
    g->count += ms > limit_ms;
    g->sum_ms += ms > limit_ms ? ms : 0;
}

/* ---- sound ---- */

static void keep_sound(struct peer_call *c, const int16_t *pcm, int frames)
{
    struct peer_rx *rx = &c->rx[PEER_AUDIO];
    int64_t at = (rx->rtp - rx->first_rtp) * 48000 / rx->clock_hz;
    if (at < 0 || at + frames > c->ear.capacity)
        return;
    memcpy(c->ear.pcm + at, pcm, (size_t)frames * sizeof(*pcm));
    c->ear.frames = at + frames > c->ear.frames ? at + frames : c->ear.frames;
}

static void take_sound(struct peer_call *c, const struct mcu_rtp *rtp, int64_t before_ns,
                       int64_t now_ns)
{
    struct peer_rx *rx = &c->rx[PEER_AUDIO];
    struct peer_ear *ear = &c->ear;
    int16_t pcm[MCU_ADEC_MAX_FRAMES];
    int frames = ear->dec ? mcu_adec_decode(ear->dec, rtp->payload, rtp->payload_bytes, pcm) : 960;
    if (frames < 0) {
        ear->errors++;
        return;
    }
    if (rx->packets > 1) {
        double missing = (double)(rx->rtp - ear->until) * 1000 / rx->clock_hz;
        double late = (double)(now_ns - before_ns) / 1e6 - frames / 48.0;
        note_gap(&ear->by_rtp, missing, GAP_MS, now_ns - rx->first_ns);
        note_gap(&ear->by_arrival, late, GAP_MS, now_ns - rx->first_ns);
    }
    ear->until = rx->rtp + (int64_t)frames * rx->clock_hz / 48000;
    if (ear->dec)
        keep_sound(c, pcm, frames);
}

/* ---- pictures ---- */

static void look_for_flash(struct peer_call *c, const struct mcu_pic *pic, int64_t rtp)
{
    struct peer_eye *eye = &c->eye;
    double white = peer_picture_white(pic);
    if (white - eye->white_before > 0.02 && !eye->in_flash) {
        eye->in_flash = true;
        if (eye->frames > 1 && eye->flashes < PEER_MAX_FLASHES)
            eye->flash_rtp[eye->flashes++] = rtp;
    } else if (eye->white_before - white > 0.02) {
        eye->in_flash = false;
    }
    eye->white_before = white;
}

static void dump(struct peer_call *c, const struct mcu_pic *pic, int64_t now_ns)
{
    char path[512];
    if (!c->o->dump_frames || c->index || now_ns < c->eye.next_dump_ns)
        return;
    c->eye.next_dump_ns = now_ns + c->o->dump_every_ms * MCU_NS_PER_MS;
    snprintf(path, sizeof(path), "%.400s/%.60s-%03d.ppm", c->o->dump_frames, c->o->name,
             c->eye.dumped++);
    if (peer_write_ppm(path, pic) < 0)
        perror(path);
}

/* Who asks for packets again waits for them: his pictures are shown so long after the quickest of
 * them. All others' at once. */
static int64_t shown_ns(struct peer_call *c, int64_t rtp, int64_t now_ns)
{
    struct peer_eye *eye = &c->eye;
    int64_t sent_ns = mcu_clock_from_ticks(rtp, 90000);
    if (!c->o->nack)
        return now_ns;
    if (!eye->frames || now_ns - sent_ns < eye->quickest_ns)
        eye->quickest_ns = now_ns - sent_ns;
    int64_t due_ns = sent_ns + eye->quickest_ns + PLAYOUT_NS;
    return now_ns > due_ns ? now_ns : due_ns;
}

static void take_picture(struct peer_call *c, const struct mcu_pic *pic, int64_t rtp, int64_t came_ns)
{
    struct peer_eye *eye = &c->eye;
    int64_t now_ns = shown_ns(c, rtp, came_ns);
    if (pic && (pic->width != eye->width || pic->height != eye->height)) {
        eye->size_changes += eye->frames > 0;
        eye->width = pic->width;
        eye->height = pic->height;
        eye->tiles = 0;
    }
    if (eye->frames++) {
        note_gap(&eye->by_rtp, (double)(rtp - eye->last_rtp) / 90, PEER_FREEZE_MS, now_ns - eye->first_ns);
        note_gap(&eye->by_arrival, (double)(now_ns - eye->last_ns) / 1e6, PEER_FREEZE_MS,
                 now_ns - eye->first_ns);
    } else {
        eye->first_ns = now_ns;
        eye->first_rtp = rtp;
    }
    eye->last_ns = now_ns;
    eye->last_rtp = rtp;
    if (now_ns - eye->first_ns < PEER_MAX_SECONDS * MCU_NS_PER_S)
        eye->in_second[(now_ns - eye->first_ns) / MCU_NS_PER_S]++;
    if (!pic)
        return;
    look_for_flash(c, pic, rtp);
    peer_tiles_look(c, pic, now_ns);
    dump(c, pic, now_ns);
}

static void decode(struct peer_call *c, struct mcu_unit *unit, int64_t now_ns)
{
    struct peer_eye *eye = &c->eye;
    struct peer_rx *rx = &c->rx[PEER_VIDEO];
    struct mcu_pic *pic = NULL;
    int64_t rtp = rx->rtp + (int32_t)(unit->rtp_ts - (uint32_t)rx->rtp);
    eye->units++;
    eye->keyframes += unit->keyframe;
    if (!eye->dec) {
        take_picture(c, NULL, rtp, now_ns);
    } else if (mcu_vdec_decode(eye->dec, unit, &pic) < 0) {
        eye->errors += eye->frames > 0 || !unit->gap_before;
        if (now_ns >= eye->next_pli_ns) {
            eye->next_pli_ns = now_ns + MCU_NS_PER_S / 2;
            peer_tx_pli(c);
        }
    } else if (pic) {
        take_picture(c, pic, rtp, now_ns);
        mcu_pic_unref(&pic);
    }
    mcu_unit_unref(&unit);
}

static void take_video(struct peer_call *c, const struct mcu_rtp *rtp, bool lost, int64_t now_ns)
{
    struct peer_eye *eye = &c->eye;
    struct mcu_unit *unit;
    int rc = mcu_depay_push(eye->depay, rtp->payload, rtp->payload_bytes, rtp->ts, rtp->marker, lost,
                            rtp->seq, &unit);
    eye->errors += rc < 0;
    if (rc == 1)
        decode(c, unit, now_ns);
    while (mcu_depay_pull(eye->depay, &unit) == 1)
        decode(c, unit, now_ns);
}

/* ---- packets ---- */

static void note_csrc(struct peer_rx *rx, uint32_t csrc)
{
    for (int i = 0; i < rx->csrcs; i++)
        if (rx->csrc[i] == csrc)
            return;
    if (rx->csrcs < (int)MCU_ARRAY_LEN(rx->csrc))
        rx->csrc[rx->csrcs++] = csrc;
}

static void begin_stream(struct peer_rx *rx, const struct mcu_rtp *rtp, int64_t now_ns)
{
    if (rx->started) {
        rx->ssrc_changes++;
        rx->seq = (uint16_t)(rtp->seq - 1);
        rx->ssrc = rtp->ssrc;
        return;
    }
    rx->started = true;
    rx->ssrc = rtp->ssrc;
    rx->seq = (uint16_t)(rtp->seq - 1);
    rx->rtp = rx->first_rtp = rtp->ts;
    rx->first_ns = now_ns;
}

static void note_jitter(struct peer_rx *rx, int64_t now_ns)
{
    int64_t transit = mcu_clock_to_ticks(now_ns, rx->clock_hz) - rx->rtp;
    if (rx->packets > 1) /* RFC 3550 A.8 */
        rx->jitter_ticks += (fabs((double)(transit - rx->last_transit)) - rx->jitter_ticks) / 16;
    rx->last_transit = transit;
}

static bool known_pt(const struct peer_rx *rx, int pt)
{
    for (int i = 0; i < rx->pt_count; i++)
        if (rx->pt[i] == pt)
            return true;
    return false;
}

void peer_rx_rtp(struct peer_call *c, int kind, const uint8_t *data, size_t size, int64_t now_ns)
{
    struct peer_rx *rx = &c->rx[kind];
    struct mcu_rtp rtp;
    if (!c->accepted[kind] || (c->state != PEER_UP && c->state != PEER_LEAVING))
        return;
    if (mcu_rtp_parse(&rtp, data, size) < 0) {
        rx->malformed++;
        return;
    }
    if (peer_chance(c->o->drop_in_pct)) {
        rx->dropped_here++;
        return;
    }
    if (!known_pt(rx, rtp.pt)) {
        rx->other_pt++;
        return;
    }
    if (kind == PEER_VIDEO && c->o->nack)
        peer_nack_take(c, &rtp, data, size, now_ns);
    else
        peer_rx_packet(c, kind, &rtp, size, now_ns);
}

void peer_rx_packet(struct peer_call *c, int kind, const struct mcu_rtp *rtp, size_t size,
                    int64_t now_ns)
{
    struct peer_rx *rx = &c->rx[kind];
    if (!rx->started || rtp->ssrc != rx->ssrc)
        begin_stream(rx, rtp, now_ns);
    int16_t step = (int16_t)(rtp->seq - rx->seq);
    if (step <= 0) {
        rx->late++;
        return;
    }
    int64_t before_ns = rx->last_ns;
    rx->lost += (uint64_t)step - 1;
    rx->seq = rtp->seq;
    rx->rtp += (int32_t)(rtp->ts - (uint32_t)rx->rtp);
    rx->last_ns = now_ns;
    rx->packets++;
    rx->bytes += size;
    note_jitter(rx, now_ns);
    for (int i = 0; i < rtp->csrc_count; i++)
        note_csrc(rx, rtp->csrc[i]);
    if (kind == PEER_AUDIO)
        take_sound(c, rtp, before_ns, now_ns);
    else
        take_video(c, rtp, step > 1, now_ns);
}

static void note_sr(struct peer_rx *rx, const struct mcu_rtcp *p, int64_t now_ns)
{
    rx->sr_count++;
    rx->last_sr_ns = now_ns;
    rx->last_sr_mid = (uint32_t)(p->sender.ntp >> 16);
    if (rx->started && rx->srs < PEER_MAX_SRS)
        rx->sr[rx->srs++] = (struct peer_sr){ rx->rtp + (int32_t)(p->sender.rtp_ts - (uint32_t)rx->rtp),
                                              mcu_ntp_to_ns(p->sender.ntp) };
}

static void note_feedback(struct peer_call *c, struct peer_rx *rx, const struct mcu_rtcp *p,
                          int64_t now_ns)
{
    if (p->type == MCU_RTCP_RTPFB && p->count == MCU_RTPFB_TMMBR) {
        rx->tmmbr++;
        peer_tx_obey(c, p, now_ns);
    }
    rx->tmmbn += p->type == MCU_RTCP_RTPFB && p->count == MCU_RTPFB_TMMBN;
    if (p->type != MCU_RTCP_PSFB || (p->count != MCU_PSFB_PLI && p->count != MCU_PSFB_FIR))
        return;
    rx->pli += p->count == MCU_PSFB_PLI;
    rx->fir += p->count == MCU_PSFB_FIR;
    peer_source_keyframe(c->source);
}

void peer_rx_rtcp(struct peer_call *c, int kind, const uint8_t *data, size_t size, int64_t now_ns)
{
    struct peer_rx *rx = &c->rx[kind];
    struct mcu_cursor cursor = mcu_cursor(data, size);
    struct mcu_rtcp p;
    if (mcu_rtcp_check(data, size) < 0) {
        rx->malformed++;
        return;
    }
    for (int rc; (rc = mcu_rtcp_next(&cursor, &p)) != 0;) {
        rx->malformed += rc < 0;
        if (rc < 0)
            continue;
        if (p.type == MCU_RTCP_SR)
            note_sr(rx, &p, now_ns);
        rx->bye += p.type == MCU_RTCP_BYE;
        note_feedback(c, rx, &p, now_ns);
    }
}
