/* net/sip_source.h - how many requests a second each source address may bring.
 * Threads: one at a time, whoever owns the object (the control loop).
 *
 * A table of fixed size: who has been quiet longest makes place. An IPv6 source is its /64, for
 * whoever has one address there has them all. */
#ifndef MCU_NET_SIP_SOURCE_H
#define MCU_NET_SIP_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

struct mcu_sip_sources;

#define MCU_SIP_SOURCE_KEY 16

/* Address in text ("192.0.2.1", "2001:db8::1") to what counts as one source. Another text gives
 * all zeros, a source like any other. */
void mcu_sip_source_key(uint8_t key[MCU_SIP_SOURCE_KEY], const char *address);

/* per_s: at least 1; as many may come at once. seed: random, so that nobody chooses who shares a
 * place. Returns 0 or -ENOMEM. */
int mcu_sip_sources_new(struct mcu_sip_sources **out, int per_s, uint64_t seed);
void mcu_sip_sources_free(struct mcu_sip_sources **sources);

/* Takes one request from the source's allowance; false: it has none left. now_ns never goes back. */
bool mcu_sip_sources_take(struct mcu_sip_sources *sources, const uint8_t key[MCU_SIP_SOURCE_KEY],
                          int64_t now_ns);

#endif
