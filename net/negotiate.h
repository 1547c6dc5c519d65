/* net/negotiate.h - offer and answer (RFC 3264) between a peer's SDP and what a leg of ours can do.
 * Threads: any; values only. SIP today, WebRTC on top of it later. */
#ifndef MCU_NET_NEGOTIATE_H
#define MCU_NET_NEGOTIATE_H

#include "net/line.h"
#include "net/sdp.h"
#include "net/seal.h"

#define MCU_NEGO_MAX_CODECS  8
#define MCU_NEGO_OFFER_SUITE MCU_SRTP_AES128_SHA1_80 /* of an offer of ours: everybody has it */

/* How media may travel (the configuration's media.security). */
enum mcu_security {
    MCU_SECURITY_OFF,      /* plain RTP alone */
    MCU_SECURITY_OPTIONAL, /* as the peer offers; what he offers secured is secured */
    MCU_SECURITY_REQUIRED, /* plain lines are refused */
};

/* What we are and can: the same for every leg of an address family. */
struct mcu_nego_caps {
    enum mcu_codec audio[MCU_NEGO_MAX_CODECS]; /* in order of preference */
    int audio_count;
    enum mcu_codec video[MCU_NEGO_MAX_CODECS];
    int video_count;
    /* Received, never sent, and in no list above; not in an offer of ours alone. Formats of these
     * are accepted in rx, after those of video[]. They choose nothing: codec is always one of
     * video[]. A line whose only common codecs are these is accepted when the peer sends, with
     * we_send false and codec NONE (the answer says recvonly). */
    enum mcu_codec video_in[MCU_NEGO_MAX_CODECS];
    int video_in_count;
    char address[64];      /* ours, for c= and o= */
    bool ipv6;
    int audio_bps, video_bps; /* what we would like to receive: b=TIAS and b=AS of our side */
    int max_width, max_height, max_fps; /* video we want to receive: H.264 level, max-fs; VP8 max-fs */
    /* Less than that, of this leg for the time being; width 0: no less. Written, never part of what is
     * chosen. b= takes bps. VP8, VP9: max-fs, which tells what a receiver can decode and nothing else
     * (RFC 7741 6.1, RFC 9628 6.1), each side of itself: so this call is told of a smaller decoder
     * than we have, and who sends more is decoded all the same. H.264: max-fs could only raise (RFC
     * 6184 8.1), so the level is lowered, where both sides allow the levels to differ: else it would
     * bind what we send, too (8.2.2). */
    struct {
        int width, height, bps;
    } ask;
    int dtmf_pt;           /* 101 when we offer */
    char name[48];         /* s= */
    enum mcu_security security;
    struct mcu_fingerprint fingerprint; /* ours; hash NONE: no DTLS */
};

/* H.264 as one side may receive it (RFC 6184 section 8.1). */
struct mcu_nego_h264 {
    int profile_idc, constraint_flags, level_idc;
    bool mode1;
    int max_mbps, max_fs, max_br_kbps; /* macroblocks/s, macroblocks, kbit/s: the level's own, or
                                          more where the parameters say so */
};

/* One line of the outcome. Lines are in SDP order; a line not accepted answers with port 0.
 * rx[].sprop points into the same struct: do not copy it by value. */
struct mcu_nego_line {
    bool accepted;
    enum mcu_kind kind;      /* when accepted */
    bool content;            /* a=content:slides */
    char remote_address[64]; /* a literal; 0.0.0.0 or :: is a hold: send neither RTP nor RTCP */
    bool remote_ipv6;
    int remote_port, remote_rtcp_port;
    char remote_rtcp_address[64];
    bool rtcp_mux;
    bool we_send, we_receive; /* after holding (0.0.0.0 and direction, RFC 3264 8.4) */
    enum mcu_codec codec;    /* what we send */
    int pt;                  /* its number at the peer */
    struct mcu_line_rx rx[MCU_LINE_RX_MAX]; /* what the peer may send; sprop points into sprop_buf */
    int rx_count;
    uint8_t sprop_buf[1024];
    int dtmf_pt, dtmf_clock_hz; /* -1: none */
    int ptime_ms;            /* 10 to 60: the peer's wish within its maxptime; 20 when none */
    int max_send_bps;        /* the peer's b=, and max-br of its codec; 0: no limit */
    bool fb_pli, fb_fir, fb_nack, fb_tmmbr; /* what the peer announced for it */
    struct {
        bool stereo, fec, dtx; /* stereo=1, useinbandfec=1, usedtx=1 */
        int max_playback_rate_hz, max_average_bps; /* 0: none given */
    } opus;
    struct mcu_nego_h264 h264;
    int vp8_max_fs, vp8_max_fr; /* RFC 7741 6.1, VP9 the same (RFC 9628 6.1); 0: none given */
    enum mcu_sealing sealing;
    struct mcu_sdes sdes;    /* SDES: tag and key of the peer's line */
    struct mcu_fingerprint fingerprint; /* DTLS: the peer's */
    bool dtls_active;        /* DTLS: we begin the handshake */
};

struct mcu_nego {
    struct mcu_nego_line line[MCU_SDP_MAX_LINES];
    int line_count;
    bool security_missing;   /* a line was refused for its security alone: plain where it is
                                required, or secured without a key that we can use */
};

/* What we know about our own side of each line: index as in the peer's offer. */
struct mcu_nego_local {
    int port[MCU_SDP_MAX_LINES];     /* RTP port ours; 0: do not accept this line */
    bool hold[MCU_SDP_MAX_LINES];    /* an offer: we hold the line, nothing is to flow (inactive) */
    uint64_t session_id, session_version; /* o=; raise the version with each change */
    /* SDES: ours, of the suite of line[i].sdes (an answer) or any (an offer of ours). A line whose
     * suite is another is refused. */
    struct mcu_srtp_key key[MCU_SDP_MAX_LINES];
};

/* First look at an offer: which lines could be accepted and need ports (local ports are not known
 * yet). At most one audio and one video line (content lines are refused in order until content
 * exists); no common codec or unknown kinds and protos: not accepted. RTP/SAVP(F) is taken with a
 * key (a=crypto, RFC 4568) or a fingerprint, UDP/TLS/RTP/SAVP(F) with a fingerprint (RFC 5763);
 * RTP/AVP(F) with either is secured too (RFC 8643), without it is plain. caps->security decides
 * which of them may be. The address must be a literal one of caps' family (0.0.0.0 and ::
 * are holds). The codec is the first of caps' order that both have. H.264 with several formats: the
 * best common one is chosen (mode 1 before 0, then higher profile that our constrained-baseline
 * encoder fits into), every acceptable one is in rx. Returns 0, or -ENOENT: nothing acceptable
 * (SIP 488); *out is filled in both cases. */
int mcu_nego_offer(struct mcu_nego *out, const struct mcu_sdp *offer,
                   const struct mcu_nego_caps *caps);

/* After mcu_nego_offer in a running session: where the peer leaves the DTLS roles to us (actpass) and
 * shows the certificate that he had before, they stay as they are (RFC 8842 5.3). */
void mcu_nego_keep_roles(struct mcu_nego *nego, const struct mcu_sdp *offer,
                         const struct mcu_nego *before);

/* What the media line needs to know of it. Ours alone, and left 0: ssrc, cname, pace_bps and the like.
 * rx[].sprop points into the line. */
void mcu_nego_line_config(const struct mcu_nego_line *line, struct mcu_line_config *out);

/* Writes our answer to that offer. Formats and their numbers as the peer offered them; proto
 * echoed. Returns bytes written or -ENOSPC. */
int mcu_nego_write_answer(const struct mcu_nego *nego, const struct mcu_sdp *offer,
                          const struct mcu_nego_caps *caps, const struct mcu_nego_local *local,
                          char *buf, size_t size);

/* Our offer: one audio line, one video line when caps have video, all codecs, our numbers. With a
 * local->key the line carries it under tag 1: RTP/SAVP where security is required, else RTP/AVP, which
 * a peer may take or leave (RFC 8643). */
int mcu_nego_write_offer(const struct mcu_nego_caps *caps, const struct mcu_nego_local *local,
                         char *buf, size_t size);

/* The peer's answer to the offer just written (delayed offer: in its ACK). A codec that we offered
 * may come back under the peer's own number (RFC 3264 6.1): we send with that, and receive with
 * ours; formats never offered are ignored. A secured line must
 * come back with tag 1 and MCU_NEGO_OFFER_SUITE, or plain where that is allowed. -EBADMSG: more lines than offered, or of another kind;
 * -ENOENT: everything refused. */
int mcu_nego_answer(struct mcu_nego *out, const struct mcu_sdp *answer,
                    const struct mcu_nego_caps *caps);

/* An offer of ours in a running session (a re-INVITE that came without SDP, RFC 3264 section 8):
 * the lines of the last negotiation, with the peer's numbers, and sendrecv, or inactive where held.
 * last: the peer's latest description, out of which nego was made. Its answer goes to
 * mcu_nego_offer. */
int mcu_nego_write_reoffer(const struct mcu_nego *nego, const struct mcu_sdp *last,
                           const struct mcu_nego_caps *caps, const struct mcu_nego_local *local,
                           char *buf, size_t size);

#endif
