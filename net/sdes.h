/* net/sdes.h - keys in the session description (RFC 4568): a=crypto lines, read and written.
 * Threads: any; values only. Nothing here is ever logged. */
#ifndef MCU_NET_SDES_H
#define MCU_NET_SDES_H

#include "mixer/base/cursor.h"
#include "net/srtp.h"

#define MCU_SDES_MAX        4   /* lines of one media description that are kept */
#define MCU_SDES_LINE_BYTES 128 /* the longest line that we write, with its end */

struct mcu_sdes {
    int tag;                 /* 1 to 999999999 */
    struct mcu_srtp_key key; /* what its sender seals with; suite NONE: none */
};

/* "1 AES_CM_128_HMAC_SHA1_80 inline:KEY[|2^31] [WSH=64]", as it stands behind "a=crypto:". One that
 * cannot be obeyed to the letter is not taken (RFC 4568 5.1.2): an unknown suite or key length, more
 * than one key or an MKI (we look for none in packets), and any session parameter but WSH and
 * KDR=0. 0, -EBADMSG (malformed), -ENOTSUP (well formed, not ours). */
int mcu_sdes_parse(struct mcu_sdes *out, struct mcu_cursor value);

/* The one to answer with, out of list[count] in the peer's order: his first, but a short tag only
 * where he offers nothing longer. NULL: none. */
const struct mcu_sdes *mcu_sdes_choose(const struct mcu_sdes *list, int count);

/* "a=crypto:TAG SUITE inline:KEY\r\n" with its terminating zero; bytes without it, or -ENOSPC. */
int mcu_sdes_write(char *buf, size_t size, int tag, const struct mcu_srtp_key *key);

#endif
