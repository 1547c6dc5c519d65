/* net/opus_toc.h - how long an Opus packet lasts, from its first bytes (RFC 6716 section 3.1).
 * Threads: any. */
#ifndef MCU_NET_OPUS_TOC_H
#define MCU_NET_OPUS_TOC_H

#include <stddef.h>
#include <stdint.h>

/* In microseconds: 2500 to 120000; -EBADMSG: empty, no frames, or longer than 120 ms. */
int mcu_opus_packet_us(const uint8_t *data, size_t size);

#endif
