/* net/negotiate_web_priv.h - what judging a WebRTC offer (negotiate_web.c), answering it
 * (nego_web_write.c) and trickling (nego_web_frag.c) share. Threads: any; values only. */
#ifndef MCU_NET_NEGOTIATE_WEB_PRIV_H
#define MCU_NET_NEGOTIATE_WEB_PRIV_H

#include "net/negotiate_web.h"
#include "net/sdp_text.h"
#include "net/text_out.h"

/* Characters of ICE credentials (RFC 8839 section 5.4). */
#define MCU_WEB_UFRAG_MIN 4
#define MCU_WEB_PWD_MIN   22

#define MCU_WEB_RID_PTS 96 /* bytes of all numbers that a line may accept, with commas and end */

/* NULL: legal; else how it is not, for "... is %s". */
const char *mcu_nego_web_credential_fault(const char *text, size_t least);

/* What the peer would send under that id; NULL: nothing. */
const struct mcu_sdp_rid *mcu_nego_web_find_rid(const struct mcu_sdp_media *media, const char *id);

/* The numbers of a "pt=" restriction that the line accepts, parted by commas. False: none of them,
 * or it cannot be read. */
bool mcu_nego_web_rid_pts(const struct mcu_nego_line *line, struct mcu_cursor list, char *buf,
                          size_t size);

/* a=candidate of ours, and a=end-of-candidates when that was all. */
void mcu_nego_web_put_candidates(struct mcu_text_out *t, const struct mcu_nego_web_local *local);

#endif
