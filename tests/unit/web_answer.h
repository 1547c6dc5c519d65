/* tests/unit/web_answer.h - what any answer to a WebRTC offer must obey (RFC 3264, 8829, 8843,
 * 8285, 8853), checked on what a parser makes of both. For the unit tests and the fuzz target. */
#ifndef MCU_TESTS_WEB_ANSWER_H
#define MCU_TESTS_WEB_ANSWER_H

#include <string.h>
#include <strings.h>

#include "net/negotiate_web.h"

/* What we can, as an initializer: every audio codec, three of video, AV1 received. */
#define WEB_ANSWER_CAPS                                                                            \
    .audio = { MCU_CODEC_OPUS, MCU_CODEC_G722, MCU_CODEC_PCMU, MCU_CODEC_PCMA }, .audio_count = 4, \
    .video = { MCU_CODEC_H264, MCU_CODEC_VP8, MCU_CODEC_VP9 }, .video_count = 3,                   \
    .video_in = { MCU_CODEC_AV1 }, .video_in_count = 1, .audio_bps = 64000, .video_bps = 2000000,  \
    .max_width = 1280, .max_height = 720, .max_fps = 30,                                           \
    .fingerprint = { .hash = MCU_HASH_SHA256 }

static inline const struct mcu_sdp_format *web_format(const struct mcu_sdp_media *m, int pt)
{
    for (int i = 0; i < m->format_count; i++)
        if (m->formats[i].pt == pt)
            return &m->formats[i];
    return NULL;
}

static inline const char *web_formats_fault(const struct mcu_sdp_media *o,
                                            const struct mcu_sdp_media *a)
{
    for (int i = 0; i < a->format_count; i++) {
        const struct mcu_sdp_format *f = &a->formats[i], *g = web_format(o, f->pt);
        if (!g || strcasecmp(f->encoding, g->encoding) != 0 || f->clock_hz != g->clock_hz)
            return "a format that was not offered";
        if ((f->fb_nack && !g->fb_nack) || (f->fb_pli && !g->fb_pli) ||
            (f->fb_fir && !g->fb_fir) || (f->fb_tmmbr && !g->fb_tmmbr) ||
            (f->fb_remb && !g->fb_remb) || (f->fb_transport_cc && !g->fb_transport_cc))
            return "feedback that was not offered";
        if (strcasecmp(f->encoding, "rtx") != 0)
            continue;
        int apt = mcu_sdp_fmtp_int(f->fmtp, "apt", -1);
        if (apt != mcu_sdp_fmtp_int(g->fmtp, "apt", -2) || !web_format(a, apt))
            return "rtx of a format that is not there";
    }
    return a->format_count > 0 ? NULL : "a line without formats";
}

/* What he may do of what was offered: the answer's sending is the offer's receiving. */
static inline bool web_direction_fits(enum mcu_sdp_direction o, enum mcu_sdp_direction a)
{
    bool send = a == MCU_SENDRECV || a == MCU_SENDONLY;
    bool receive = a == MCU_SENDRECV || a == MCU_RECVONLY;
    return (!send || o == MCU_SENDRECV || o == MCU_RECVONLY) &&
           (!receive || o == MCU_SENDRECV || o == MCU_SENDONLY);
}

static inline const char *web_ext_fault(const struct mcu_sdp_media *o,
                                        const struct mcu_sdp_media *a)
{
    for (int i = 0; i < MCU_EXT_COUNT; i++)
        if (a->ext[i].id && (a->ext[i].id != o->ext[i].id ||
                             !web_direction_fits(o->ext[i].direction, a->ext[i].direction)))
            return "a header extension that was not offered so";
    return NULL;
}

static inline const char *web_simulcast_fault(const struct mcu_sdp_media *o,
                                              const struct mcu_sdp_media *a)
{
    if (a->send_layer_count || a->recv_layer_count > MCU_LINE_RIDS || a->recv_layer_count == 1 ||
        a->rid_count != a->recv_layer_count)
        return "layers that make no sense";
    for (int i = 0; i < a->recv_layer_count; i++) {
        int found = 0;
        for (int k = 0; k < o->send_layer_count; k++)
            found += strcmp(o->send_layers[k].rid, a->recv_layers[i].rid) == 0 &&
                     o->send_layers[k].paused == a->recv_layers[i].paused;
        if (!found)
            return "a layer that was not offered";
    }
    return NULL;
}

static inline const char *web_accepted_fault(const struct mcu_sdp_media *o,
                                             const struct mcu_sdp_media *a)
{
    const char *fault = web_formats_fault(o, a);
    fault = fault ? fault : web_ext_fault(o, a);
    fault = fault ? fault : web_simulcast_fault(o, a);
    if (fault)
        return fault;
    if (o->port == 0 && !o->bundle_only)
        return "a line accepted that was offered as refused";
    if (!web_direction_fits(o->direction, a->direction))
        return "a direction that was not offered";
    if (!a->ice_ufrag[0] || !a->ice_pwd[0] || !a->fingerprint.hash || !a->rtcp_mux)
        return "a line without transport";
    if (a->setup != MCU_SETUP_ACTIVE && a->setup != MCU_SETUP_PASSIVE)
        return "no DTLS role";
    /* Of a group only the tagged line's counts (RFC 8843 section 7.1.3). */
    if (a->bundle_place == 0 && o->ice_ufrag[0] && o->setup == a->setup)
        return "the peer's own DTLS role";
    return a->rtcp_rsize && !o->rtcp_rsize ? "rtcp-rsize that was not offered" : NULL;
}

/* NULL: it obeys; else what is wrong. */
static inline const char *web_answer_fault(const struct mcu_sdp *offer,
                                           const struct mcu_sdp *answer)
{
    int accepted[2] = { 0, 0 }, group = 0, all = 0;
    if (answer->media_count != offer->media_count)
        return "another number of lines";
    for (int i = 0; i < offer->media_count; i++) {
        const struct mcu_sdp_media *o = &offer->media[i], *a = &answer->media[i];
        if (strcmp(o->kind, a->kind) != 0 || strcmp(o->proto, a->proto) != 0)
            return "lines of another kind";
        if (strcmp(o->mid, a->mid) != 0)
            return "another mid";
        if (a->bundle && (!o->bundle || a->port == 0))
            return "a mid in the group that does not belong there";
        if (a->port == 0)
            continue;
        const char *fault = web_accepted_fault(o, a);
        if (fault)
            return fault;
        if (all++ > 0 && (!a->bundle || o->bundle != group))
            return "accepted lines of two transports";
        group = o->bundle;
        accepted[strcasecmp(o->kind, "video") == 0]++;
    }
    return accepted[0] > 1 || accepted[1] > 1 || all == 0 ? "a wrong number of lines" : NULL;
}

#endif
