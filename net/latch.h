/* net/latch.h - where a line's media go to and come from: the address of the session description, or,
 * where that is allowed (RFC 7362), the one that its first packets really come from.
 * Threads: the leg's loop. Values; time is an argument.
 *
 * A line behind a NAT describes an address that nobody reaches. For 5 s after each description packets
 * from elsewhere are taken too when they are authentic (SRTP), or come from the host that the signalling
 * came from; the first one settles it, be it from the described address or another. RTCP has 10 s
 * more, from the host that RTP has settled on: its first report may take so long. */
#ifndef MCU_NET_LATCH_H
#define MCU_NET_LATCH_H

#include <stdint.h>

#include "net/addr.h"
#include "net/seal.h"

struct mcu_latch_config {
    bool on;                    /* else the described addresses hold for good */
    enum mcu_sealing sealing;
    struct mcu_addr signalling; /* its host; the port is of no account. All zero: not known */
    struct mcu_addr remote[2];  /* as described: RTP, RTCP */
};

struct mcu_latch {
    struct mcu_latch_config config;
    struct mcu_addr remote[2]; /* RTP, RTCP: where media go to */
    bool locked[2];
    int64_t until_ns;
    bool described;
};

enum mcu_latch_verdict {
    MCU_LATCH_FOREIGN,      /* not to be looked at */
    MCU_LATCH_KNOWN,        /* from `remote` */
    MCU_LATCH_IF_AUTHENTIC, /* good, and to be taken, if its seal is */
    MCU_LATCH_TAKE,         /* good, and taken by this call: `remote` is its address now */
};

/* A description, first or later. What was settled stays where it names the same addresses as before,
 * but may be settled anew. */
void mcu_latch_describe(struct mcu_latch *latch, const struct mcu_latch_config *config,
                        int64_t now_ns);

/* A datagram to the socket of RTP (0) or RTCP (1; under rtcp-mux all is 0). */
enum mcu_latch_verdict mcu_latch_check(struct mcu_latch *latch, int component, const uint8_t *data,
                                       size_t size, const struct mcu_addr *from, int64_t now_ns);

/* What was KNOWN or IF_AUTHENTIC has been opened by the seal: it is settled. True: it is another
 * address than before. */
bool mcu_latch_authentic(struct mcu_latch *latch, int component, const struct mcu_addr *from);

#endif
