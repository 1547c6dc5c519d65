/* net/sdp_priv.h - what the files of the SDP parser share.
 * Threads: a parser belongs to one call of mcu_sdp_parse. */
#ifndef MCU_NET_SDP_PRIV_H
#define MCU_NET_SDP_PRIV_H

#include "net/sdp.h"
#include "net/sdp_text.h"

#define MCU_SDP_MAX_GROUPS 4

struct mcu_sdp_parser {
    struct mcu_sdp *sdp;
    size_t text_room; /* bytes of sdp->texts */
    struct mcu_sdp_media *media; /* the one in hand; NULL: still the session part */
    int line;
    const char *what; /* the mistake, when a line function returns < 0 */
    bool version_seen;

    /* Session level; each media line begins with these. */
    char address[64];
    bool ipv6;
    enum mcu_sdp_direction direction;
    int session_tias_bps, session_as_bps;
    struct mcu_fingerprint fingerprint;
    enum mcu_sdp_setup setup;
    const char *ice_ufrag, *ice_pwd;
    bool ice_trickle, ice_ice2, end_of_candidates, extmap_allow_mixed;
    struct mcu_sdp_ext ext[MCU_EXT_COUNT];
    struct mcu_cursor groups[MCU_SDP_MAX_GROUPS]; /* mids of a=group:BUNDLE, for the end */
    int group_count;

    /* Of the media in hand. Attributes find their format through index, so that time stays linear
     * in the input however often a number is named. */
    int8_t index[128];          /* payload type to formats[], -1 none */
    struct mcu_sdp_format star; /* a=rtcp-fb:*, applied when the media ends */
    bool address_seen;
    int tias_bps, as_bps;
    struct mcu_cursor simulcast; /* for when the media's a=rid are all known */
};

/* A copy in the description's own texts, prefix before it; "" for an empty one. The room is that of
 * the whole description, and each text is shorter than the words that it comes from, so it cannot
 * run out; should it ever, the text is lost. */
const char *mcu_sdp_keep(struct mcu_sdp_parser *p, const char *prefix, struct mcu_cursor value);

/* The value of an a= line. Never fails: attributes that make no sense are skipped (RFC 8866 5.13).
 */
void mcu_sdp_attribute(struct mcu_sdp_parser *p, struct mcu_cursor value);

/* The same for those of WebRTC (sdp_web.c). */
void mcu_sdp_web_attribute(struct mcu_sdp_parser *p, struct mcu_cursor name,
                           struct mcu_cursor value);
/* What of them needs the whole media section, and the whole description. */
void mcu_sdp_web_open(struct mcu_sdp_media *m);
void mcu_sdp_web_close(struct mcu_sdp_parser *p);
void mcu_sdp_web_groups(struct mcu_sdp_parser *p);

/* Fills in encoding and clock of a static payload type (RFC 3551 section 6). */
void mcu_sdp_static_format(struct mcu_sdp_format *format);

#endif
