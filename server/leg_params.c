#include "server/leg_params.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "mixer/base/util.h"
#include "net/dtls.h"

#define PACE_DEFAULT 1500000
#define DTMF_PT      101

static _Atomic uint32_t next_id = 1;

void mcu_leg_identity_new(struct mcu_leg_identity *out)
{
    uint64_t cname;
    memset(out, 0, sizeof(*out));
    out->leg = atomic_fetch_add(&next_id, 1);
    out->participant = out->leg;
    mcu_srtp_random(out->ssrc, sizeof(out->ssrc));
    mcu_srtp_random(out->rtx_ssrc, sizeof(out->rtx_ssrc));
    mcu_srtp_random(&cname, sizeof(cname));
    snprintf(out->cname, sizeof(out->cname), "%016llx", (unsigned long long)cname);
}

void mcu_leg_caps(struct mcu_nego_caps *caps, const struct mcu_config *k, const char *address)
{
    memset(caps, 0, sizeof(*caps));
    for (int i = 0; i < k->audio_codec_count; i++)
        caps->audio[caps->audio_count++] = k->audio_codecs[i];
    for (int i = 0; i < k->video_codec_count; i++)
        caps->video[caps->video_count++] = k->video_codecs[i];
    caps->video_in_count = mcu_config_video_in(k, caps->video_in);
    snprintf(caps->address, sizeof(caps->address), "%s", address);
    caps->ipv6 = strchr(caps->address, ':') != NULL;
    caps->audio_bps = 64000;
    caps->video_bps = k->video_in_bps;
    caps->max_width = mcu_min(k->width, k->max_in_width);
    caps->max_height = mcu_min(k->height, k->max_in_height);
    caps->max_fps = k->fps;
    caps->dtmf_pt = DTMF_PT;
    snprintf(caps->name, sizeof(caps->name), "tessera");
    caps->security = k->security;
    if (k->security != MCU_SECURITY_OFF)
        caps->fingerprint = *mcu_dtls_fingerprint();
}

int mcu_nego_role(const struct mcu_nego_line *line)
{
    return line->kind == MCU_AUDIO ? MCU_ROLE_AUDIO : line->content ? MCU_ROLE_CONTENT
                                                                    : MCU_ROLE_VIDEO;
}

static void fill_remote(struct mcu_leg_line *p, const struct mcu_nego_line *n)
{
    p->remote_known =
        n->remote_port > 0 &&
        mcu_addr_parse(&p->remote[0], n->remote_address, n->remote_port) == 0 &&
        !mcu_addr_is_any(&p->remote[0]);
    const char *rtcp = n->remote_rtcp_address[0] ? n->remote_rtcp_address : n->remote_address;
    if (p->remote_known && mcu_addr_parse(&p->remote[1], rtcp, n->remote_rtcp_port) < 0)
        p->remote[1] = p->remote[0];
    p->rtcp_mux = n->rtcp_mux;
}

static int pace_of(const struct mcu_nego_line *n, const struct mcu_config *config)
{
    int top = config->rung_count ? config->rungs[0].bitrate_bps : PACE_DEFAULT;
    return n->max_send_bps ? mcu_min(top, n->max_send_bps) : top;
}

static void fill_line(struct mcu_leg_line *p, const struct mcu_nego_line *n, int role,
                      const struct mcu_leg_identity *id, const struct mcu_config *config)
{
    struct mcu_line_config *l = &p->config;
    p->used = true;
    fill_remote(p, n);
    mcu_nego_line_config(n, l);
    l->ssrc = id->ssrc[role];
    p->seal = (struct mcu_seal_config){ .sealing = n->sealing, .rx = n->sdes.key,
                                        .peer = n->fingerprint, .active = n->dtls_active };
    memcpy(l->cname, id->cname, sizeof(l->cname));
    memcpy(p->sprop, n->sprop_buf, sizeof(p->sprop));
    p->sprop_origin = n->sprop_buf;
    if (n->kind == MCU_VIDEO)
        l->pace_bps = pace_of(n, config);
}

static void fill_audio_want(struct mcu_join *j, const struct mcu_nego_line *n)
{
    j->sends_audio = n->we_receive;
    j->audio = (struct mcu_audio_want){
        .codec = n->we_send ? n->codec : MCU_CODEC_NONE,
        .bitrate_bps = n->max_send_bps,
        .channels = n->opus.stereo ? 2 : 1,
        .frame_ms = n->ptime_ms,
        .max_playback_rate_hz = n->opus.max_playback_rate_hz,
        .fec = n->opus.fec,
        .dtx = n->opus.dtx,
    };
    if (n->opus.max_average_bps && (!j->audio.bitrate_bps ||
                                    n->opus.max_average_bps < j->audio.bitrate_bps))
        j->audio.bitrate_bps = n->opus.max_average_bps;
}

static void fill_video_want(struct mcu_join *j, const struct mcu_nego_line *n)
{
    bool h264 = n->codec == MCU_CODEC_H264;
    j->sends_video = n->we_receive;
    j->video = (struct mcu_video_want){
        .codec = n->we_send ? n->codec : MCU_CODEC_NONE,
        .max_bps = n->max_send_bps,
        .max_fs = h264 ? n->h264.max_fs : n->vp8_max_fs,
        .max_mbps = h264 ? n->h264.max_mbps : 0,
        .max_fps = h264 ? 0 : n->vp8_max_fr,
    };
    int level_bps = h264 ? n->h264.max_br_kbps * 1000 : 0;
    if (level_bps && (!j->video.max_bps || level_bps < j->video.max_bps))
        j->video.max_bps = level_bps;
}

static void fill_common(struct mcu_leg_params *p, const struct mcu_leg_identity *id,
                        const struct mcu_config *config)
{
    memset(p, 0, sizeof(*p));
    p->timeout_s = config->leg_timeout_s;
    p->latch = config->nat_latch;
    p->join.leg = id->leg;
    p->join.participant = id->participant;
    memcpy(p->join.name, id->name, sizeof(p->join.name));
}

void mcu_leg_params_fill(struct mcu_leg_params *p, const struct mcu_nego *nego,
                         const struct mcu_leg_identity *id, const struct mcu_config *config)
{
    fill_common(p, id, config);
    for (int i = 0; i < nego->line_count; i++) {
        const struct mcu_nego_line *n = &nego->line[i];
        if (!n->accepted)
            continue;
        int role = mcu_nego_role(n);
        fill_line(&p->line[role], n, role, id, config);
        if (role == MCU_ROLE_AUDIO)
            fill_audio_want(&p->join, n);
        else if (role == MCU_ROLE_VIDEO)
            fill_video_want(&p->join, n);
    }
}

/* ---- a bundle ---- */

static void fill_web_line(struct mcu_leg_line *p, const struct mcu_nego_web_line *n,
                          const struct mcu_leg_identity *id, const struct mcu_config *config)
{
    int role = mcu_nego_role(&n->base);
    struct mcu_line_config *l = &p->config;
    p->used = p->remote_known = p->rtcp_mux = true;
    p->fd[0] = p->fd[1] = -1;
    mcu_nego_web_line_config(n, l);
    l->ssrc = id->ssrc[role];
    l->rtx_ssrc = n->tx_rtx_pt ? id->rtx_ssrc[role] : 0;
    memcpy(l->cname, id->cname, sizeof(l->cname));
    memcpy(p->sprop, n->base.sprop_buf, sizeof(p->sprop));
    p->sprop_origin = n->base.sprop_buf;
    if (l->kind == MCU_VIDEO)
        l->pace_bps = pace_of(&n->base, config);
}

void mcu_leg_params_fill_web(struct mcu_leg_params *p, const struct mcu_nego_web *nego,
                             const struct mcu_leg_identity *id, bool hidden,
                             const struct mcu_config *config)
{
    fill_common(p, id, config);
    p->join.hidden = hidden;
    for (int kind = 0; kind < 2; kind++) {
        const struct mcu_nego_web_line *n = &nego->line[kind];
        if (n->index < 0)
            continue;
        fill_web_line(&p->line[mcu_nego_role(&n->base)], n, id, config);
        if (kind == MCU_AUDIO)
            fill_audio_want(&p->join, &n->base);
        else
            fill_video_want(&p->join, &n->base);
    }
}
