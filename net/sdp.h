/* net/sdp.h - session descriptions (RFC 8866): one bounded parser and one writer for SIP and WebRTC.
 * Threads: any; values only. What is parsed is hostile: every list and text has a limit, what is
 * beyond it or not understood is skipped where the RFC allows and refused where it does not. */
#ifndef MCU_NET_SDP_H
#define MCU_NET_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mixer/base/codec_id.h"
#include "net/fingerprint.h"
#include "net/sdes.h"

#define MCU_SDP_MAX_BYTES   65536
#define MCU_SDP_MAX_LINES   32 /* m= lines */
#define MCU_SDP_MAX_FORMATS 48 /* per m= line */
#define MCU_SDP_TOKEN       32 /* bytes of a format's text or encoding, with its end */
#define MCU_SDP_FMTP        512 /* the same of its parameters */
#define MCU_SDP_MID         32 /* bytes of a mid or rid, with its end */

/* Per m= line; those beyond are passed over. */
#define MCU_SDP_MAX_CANDIDATES 32
#define MCU_SDP_MAX_CANDIDATE  256 /* bytes with the end; longer ones are passed over */
#define MCU_SDP_MAX_SSRCS      16
#define MCU_SDP_MAX_RIDS       8

/* a=setup (RFC 4145 section 4). */
enum mcu_sdp_setup { MCU_SETUP_NONE, MCU_SETUP_ACTIVE, MCU_SETUP_PASSIVE, MCU_SETUP_ACTPASS };

enum mcu_sdp_direction { MCU_SENDRECV, MCU_SENDONLY, MCU_RECVONLY, MCU_INACTIVE };

/* RTP header extensions that we know (a=extmap, RFC 8285 section 5). */
enum mcu_sdp_ext_kind {
    MCU_EXT_AUDIO_LEVEL,   /* RFC 6464 */
    MCU_EXT_MIXER_LEVELS,  /* RFC 6465 */
    MCU_EXT_ABS_SEND_TIME, /* WebRTC */
    MCU_EXT_TRANSPORT_CC,  /* draft-holmer-rmcat-transport-wide-cc-extensions-01 */
    MCU_EXT_MID,           /* RFC 8843 section 15 */
    MCU_EXT_RID,           /* RFC 8852 */
    MCU_EXT_REPAIRED_RID,  /* RFC 8852 */
    MCU_EXT_COLOUR,        /* WebRTC: color-space */
    MCU_EXT_PLAYOUT_DELAY, /* WebRTC: playout-delay */
    MCU_EXT_COUNT,
};

/* The URI in a=extmap. */
const char *mcu_sdp_ext_uri(enum mcu_sdp_ext_kind kind);

struct mcu_sdp_ext {
    uint8_t id; /* 1 to 14, or to 255 (two-byte form); 0: not there */
    enum mcu_sdp_direction direction;
};

/* a=ssrc (RFC 5576). */
struct mcu_sdp_ssrc {
    uint32_t ssrc;
    uint32_t repaired_by; /* the second of a=ssrc-group:FID with this first (RFC 5888); 0: none */
    bool repairs;         /* itself the second of one */
    const char *cname;    /* "" none */
};

/* a=rid (RFC 8851). */
struct mcu_sdp_rid {
    char id[MCU_SDP_MID];
    bool send;                /* the describing side sends it */
    const char *restrictions; /* "pt=97;max-width=1280;...", "" none */
};

/* One stream of a=simulcast (RFC 8853 section 5.1): of its alternatives the first that has an
 * a=rid of that direction. */
struct mcu_sdp_layer {
    char rid[MCU_SDP_MID];
    bool paused;
};

struct mcu_sdp_format {
    /* Texts belong to the mcu_sdp. */
    const char *text;       /* as in the m= line: "96", or a token of non-RTP lines (the longest in
                               use is "webrtc-datachannel") */
    const char *encoding;   /* from rtpmap, or the static table (RFC 3551); "" unknown */
    const char *fmtp;       /* raw parameters, "" none */
    int pt;                 /* 0 to 127, or -1 */
    int clock_hz, channels;
    bool fb_nack, fb_pli, fb_fir, fb_tmmbr, fb_remb, fb_transport_cc; /* a=rtcp-fb, "*" applied */
};

struct mcu_sdp_media {
    char kind[24];          /* "audio", "video", "application", ... */
    int port, port_count;
    char proto[32];         /* "RTP/AVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVPF", "TCP/BFCP", ... */
    struct mcu_sdp_format formats[MCU_SDP_MAX_FORMATS];
    int format_count;
    char address[64];       /* c=, the media's or the session's; "" none */
    bool ipv6;
    enum mcu_sdp_direction direction;
    int bandwidth_bps;      /* RTP payload rate: from b=TIAS (RFC 3890), else b=AS less overhead; 0 none */
    int rtcp_port;          /* a=rtcp (RFC 3605), else port + 1; 0: none */
    char rtcp_address[64];  /* a=rtcp, else "" */
    bool rtcp_mux;
    int ptime_ms, maxptime_ms;
    char content[24];       /* a=content (RFC 4796), "" none */
    char mid[MCU_SDP_MID], label[32];
    struct mcu_sdes sdes[MCU_SDES_MAX]; /* the a=crypto lines that we can use, in order */
    int sdes_count;
    struct mcu_fingerprint fingerprint; /* the strongest of the media's, else of the session's */
    enum mcu_sdp_setup setup;           /* the media's, else the session's */

    /* ICE (RFC 8839). Texts are "" where there are none, and belong to the mcu_sdp. Credentials and
     * options are the media's, else the session's; length and characters are not checked. */
    const char *ice_ufrag, *ice_pwd;
    bool ice_trickle, ice_ice2;         /* of a=ice-options */
    const char *candidates[MCU_SDP_MAX_CANDIDATES]; /* "candidate:1 1 udp ...", without "a=" */
    int candidate_count;
    bool end_of_candidates;             /* RFC 8840 section 4.2 */

    /* Grouping (RFC 8843): the number of the a=group:BUNDLE that names this mid, from 1, and the
     * place in it, from 0. Of lines with the same mid only the first is in. */
    int bundle, bundle_place;
    bool bundle_only, rtcp_mux_only, rtcp_rsize;
    struct mcu_sdp_ext ext[MCU_EXT_COUNT]; /* the media's, else the session's */
    bool extmap_allow_mixed;
    const char *msid;                   /* the first a=msid (RFC 8830): "stream track" */
    struct mcu_sdp_ssrc ssrcs[MCU_SDP_MAX_SSRCS]; /* in order of their first mention */
    int ssrc_count;
    struct mcu_sdp_rid rids[MCU_SDP_MAX_RIDS];
    int rid_count;
    struct mcu_sdp_layer send_layers[MCU_SDP_MAX_RIDS], recv_layers[MCU_SDP_MAX_RIDS];
    int send_layer_count, recv_layer_count; /* a=simulcast; 0: none */
};

struct mcu_sdp {
    uint64_t session_id, session_version; /* o= */
    char origin_user[64], origin_address[64];
    bool origin_ipv6;
    char session_name[64];
    struct mcu_sdp_media *media; /* one block, media_count long */
    int media_count;
    bool ice_lite;
    char *texts; /* what the texts above point into: no longer than the description */
    size_t text_bytes;
};

struct mcu_sdp_error {
    int line;               /* from 1 */
    char what[96];          /* English, for the Warning header and the log */
};

/* Parses text[len] (CRLF, LF, CR, or a mix; blank lines and spaces before a line are passed over).
 * It must begin with v=0; o=, s=, t= may be missing. Unknown lines and attributes, formats beyond
 * the limit or that are no tokens, and values that make no sense are skipped. What an answer could
 * not mirror is refused: an m= line without kind, port or proto, more than MCU_SDP_MAX_LINES.
 * On 0, *out is the caller's to free with mcu_sdp_free.
 * -EBADMSG with *error filled (may be NULL), -E2BIG (over a limit), -ENOMEM. Time and memory are
 * linear in len. */
int mcu_sdp_parse(struct mcu_sdp **out, const char *text, size_t len, struct mcu_sdp_error *error);
/* Keys are wiped. */
void mcu_sdp_free(struct mcu_sdp **sdp);

/* One parameter of an fmtp: "name=value" parted by ";", names without case. The value is copied to
 * buf, "" where there is none. False (buf is then "") if it is not there or does not fit. */
bool mcu_sdp_fmtp_get(const char *fmtp, const char *name, char *buf, size_t size);

/* The same as a decimal number from 0 to INT_MAX (larger ones are cut to it); absent or not a
 * number: fallback. */
int mcu_sdp_fmtp_int(const char *fmtp, const char *name, int fallback);

#endif
