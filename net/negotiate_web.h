/* net/negotiate_web.h - offer and answer with a WebRTC peer: one transport for all lines (BUNDLE,
 * RFC 8843; rtcp-mux, RFC 5761), ICE (RFC 8839), DTLS-SRTP (RFC 8842), and what media lines of
 * browsers have besides: RTX, header extensions, simulcast (RFC 8829 tells how it all fits).
 * Threads: any; values only. The offer is hostile. */
#ifndef MCU_NET_NEGOTIATE_WEB_H
#define MCU_NET_NEGOTIATE_WEB_H

#include "net/negotiate.h"

/* Bytes of an ICE user fragment or password, with the end (RFC 8839 5.4). */
#define MCU_WEB_CREDENTIAL 257

/* What the peer came for: bits. */
enum mcu_web_role {
    MCU_WEB_PUBLISH = 1, /* WHIP: he sends */
    MCU_WEB_PLAY = 2,    /* WHEP: he receives */
    MCU_WEB_BOTH = 3,
};

/* An accepted line. */
struct mcu_nego_web_line {
    int index; /* in the offer; -1: none of this kind is accepted */
    /* What a SIP line has too; remote_* of it are empty, sealing is MCU_DTLS. rx[] has what he may
     * send, cheapest for us to decode first (the order of caps: browsers send the first), with
     * rtx_pt. codec NONE: we do not send (codecs of caps->video_in alone in common). */
    struct mcu_nego_line base;
    char mid[MCU_LINE_ID];                  /* "" none: only where there is one line alone */
    uint8_t tx_rtx_pt;                      /* of base.pt; 0: none */
    bool fb_remb, fb_transport_cc;          /* offered for an accepted format, as those of base */
    bool rtcp_rsize;                        /* RFC 5506, both ways */
    struct mcu_line_ext ext; /* answered ones; transport_cc only beside fb_transport_cc */
    char rid[MCU_LINE_RIDS][MCU_LINE_ID]; /* layers that we take, his order; not those beyond */
    int rid_count;                        /* 0: no simulcast; never 1 */
    uint32_t ssrc[MCU_SDP_MAX_SSRCS]; /* that he named for this line, RTX ones too: to be learned */
    int ssrc_count;
};

/* What the peer's side of the transport is. */
struct mcu_nego_web_transport {
    char ufrag[MCU_WEB_CREDENTIAL], pwd[MCU_WEB_CREDENTIAL];
    bool lite, trickle; /* trickle: more candidates may come (RFC 8840) */
    bool end_of_candidates;
    const char *candidates[MCU_SDP_MAX_CANDIDATES]; /* "candidate:..."; texts of the offer */
    int candidate_count;
    struct mcu_fingerprint fingerprint;
    bool dtls_active; /* we begin the handshake: also where he leaves it to us (RFC 8842 5.3) */
};

struct mcu_nego_web {
    struct mcu_nego_web_line line[2]; /* by enum mcu_kind */
    int group[2], group_count; /* indexes in the offer of the accepted lines, in the group's order;
                                  the first is the tagged one (RFC 8843 7.3.1) */
    bool bundle;               /* the offer has a group, so the answer has one too */
    bool extmap_allow_mixed;
    struct mcu_nego_web_transport transport;
};

struct mcu_nego_web_error {
    char what[160]; /* English, for the body of the 4xx */
};

/* Judges an offer. One audio and one video line are accepted at most: for both roles the first that
 * the peer would send and receive on, else the first that is of use; a=content:slides, data
 * channels and whatever else there is are refused in their places. caps as for mcu_nego_offer; of
 * them address, security and name do not matter, fingerprint is needed (also to write).
 * Sent: the first of caps->audio (or video) that he has; H.264 as constrained baseline under
 * mode 1 where he has that. Received: all of caps that he has (VP9 and AV1 of profile 0).
 *
 * -EBADMSG (HTTP 400): the offer breaks a rule: no ICE credentials or illegal ones, no
 * fingerprint or one by SHA-1 alone, no rtcp-mux, lines not bundled, a mid twice.
 * -ENOENT (HTTP 406): it is in order, and there is nothing that both can do.
 * *error is filled then (may be NULL), and *out means nothing. */
int mcu_nego_web_offer(struct mcu_nego_web *out, const struct mcu_sdp *offer,
                       const struct mcu_nego_caps *caps, enum mcu_web_role role,
                       struct mcu_nego_web_error *error);

/* Our side of the transport and of the lines. */
struct mcu_nego_web_local {
    uint64_t session_id, session_version;
    const char *ufrag, *pwd;
    const char *const *candidates; /* "candidate:1 1 UDP ..." or with "a=" before it */
    int candidate_count;
    bool end_of_candidates; /* that was all: no trickling from us */
    const char *cname;
    const char *stream;            /* msid of sound and picture, which are one stream: a token */
    uint32_t ssrc[2], rtx_ssrc[2]; /* by enum mcu_kind */
};

/* Writes our answer: our default address is that of the first candidate of ours, or 0.0.0.0:9.
 * Credentials and fingerprint stand in each accepted line, candidates in the tagged one (as
 * browsers do: some clients look at each line alone). Returns bytes written or -ENOSPC. */
int mcu_nego_web_write_answer(const struct mcu_nego_web *nego, const struct mcu_sdp *offer,
                              const struct mcu_nego_caps *caps,
                              const struct mcu_nego_web_local *local, char *buf, size_t size);

/* What the media line needs to know. Ours alone, and left 0: ssrc, rtx_ssrc (where tx_rtx_pt is
 * set), cname, pace_bps, twcc, max_payload_bytes. rx[].sprop points into the line. */
void mcu_nego_web_line_config(const struct mcu_nego_web_line *line, struct mcu_line_config *out);

/* ---- trickle and restart: application/trickle-ice-sdpfrag (RFC 8840 section 9) ---- */

#define MCU_SDPFRAG_MAX_BYTES 16384

struct mcu_sdpfrag {
    char ufrag[MCU_WEB_CREDENTIAL], pwd[MCU_WEB_CREDENTIAL]; /* the first in it; "" none */
    char mid[MCU_SDP_MID]; /* of the first m= line with one; "" none */
    char candidates[MCU_SDP_MAX_CANDIDATES][MCU_SDP_MAX_CANDIDATE]; /* "candidate:..." */
    int candidate_count; /* of all lines, equal ones once */
    bool end_of_candidates;
};

/* Candidates beyond the limit and unknown lines are passed over. 0; -EBADMSG with *error filled
 * (may be NULL): illegal credentials, or others in another place, or a line that is none; -E2BIG:
 * over MCU_SDPFRAG_MAX_BYTES. */
int mcu_sdpfrag_parse(struct mcu_sdpfrag *out, const char *text, size_t len,
                      struct mcu_nego_web_error *error);

/* Ours, answering a restart: credentials, and candidates under the tagged line of nego. Returns
 * bytes written or -ENOSPC. */
int mcu_sdpfrag_write(const struct mcu_nego_web *nego, const struct mcu_nego_web_local *local,
                      char *buf, size_t size);

#endif
