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

/* a=setup (RFC 4145 section 4). */
enum mcu_sdp_setup { MCU_SETUP_NONE, MCU_SETUP_ACTIVE, MCU_SETUP_PASSIVE, MCU_SETUP_ACTPASS };

enum mcu_sdp_direction { MCU_SENDRECV, MCU_SENDONLY, MCU_RECVONLY, MCU_INACTIVE };

struct mcu_sdp_format {
    char text[32];          /* as in the m= line: "96", or a token of non-RTP lines (the longest in
                               use is "webrtc-datachannel") */
    int pt;                 /* 0 to 127, or -1 */
    char encoding[32];      /* from rtpmap, or the static table (RFC 3551); "" unknown */
    int clock_hz, channels;
    char fmtp[512];         /* raw parameters, "" none */
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
    char mid[32], label[32];
    struct mcu_sdes sdes[MCU_SDES_MAX]; /* the a=crypto lines that we can use, in order */
    int sdes_count;
    struct mcu_fingerprint fingerprint; /* the strongest of the media's, else of the session's */
    enum mcu_sdp_setup setup;           /* the media's, else the session's */
};

struct mcu_sdp {
    uint64_t session_id, session_version; /* o= */
    char origin_user[64], origin_address[64];
    bool origin_ipv6;
    char session_name[64];
    struct mcu_sdp_media *media; /* one block, media_count long */
    int media_count;
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
