/* net/own_ids.h - what this process calls itself in RTP: the SSRCs and CNAMEs of all its legs, so that
 * a leg knows its own mixer's sound when it comes back (RFC 3550 section 8.2): a room that has called
 * itself, or a bridge that sends us what we sent.
 * Threads: any; a short lock, which is taken for a new source and for its reports, not for packets. */
#ifndef MCU_NET_OWN_IDS_H
#define MCU_NET_OWN_IDS_H

#include <stdbool.h>
#include <stdint.h>

/* One name, kept by its owner while it is used. All zero at first. */
struct mcu_own_id {
    struct mcu_own_id *next;
    uint64_t key;
    bool listed;
};

/* Lists a name; another one that the id stood for before is taken off. ssrc 0, cname "": none. */
void mcu_own_ssrc(struct mcu_own_id *id, uint32_t ssrc);
void mcu_own_cname(struct mcu_own_id *id, const char *cname);
/* Takes it off the list, if it is there. */
void mcu_own_forget(struct mcu_own_id *id);

bool mcu_own_is_ssrc(uint32_t ssrc);
bool mcu_own_is_cname(const char *cname);

#endif
