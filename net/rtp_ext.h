/* net/rtp_ext.h - RTP header extension elements (RFC 8285), one-byte and two-byte form, read and
 * written. What an element means stands where it is used (net/rtp_in.h, net/rtp_out_ext.h).
 * Threads: any; values only. What is read points into the packet. */
#ifndef MCU_NET_RTP_EXT_H
#define MCU_NET_RTP_EXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mixer/base/cursor.h"
#include "net/rtp.h"

#define MCU_RTP_EXT_ONE_BYTE_ID_MAX   14
#define MCU_RTP_EXT_ONE_BYTE_SIZE_MAX 16

/* ---- reading: hostile bytes end the walk early, and do nothing else ---- */

struct mcu_rtp_ext_element {
    uint8_t id;          /* 1 to 14, or 1 to 255 in two-byte form */
    const uint8_t *data; /* size bytes within the packet; size may be 0 in two-byte form */
    size_t size;
};

struct mcu_rtp_ext_iter {
    struct mcu_cursor c;
    bool two_byte;
};

/* A walk over the elements of a parsed packet; none where the profile is neither form. */
struct mcu_rtp_ext_iter mcu_rtp_ext_iter(const struct mcu_rtp *rtp);
/* True with the next element. */
bool mcu_rtp_ext_next(struct mcu_rtp_ext_iter *iter, struct mcu_rtp_ext_element *out);
/* The first element with this number (0: never), in one call. */
bool mcu_rtp_ext_find(const struct mcu_rtp *rtp, uint8_t id, struct mcu_rtp_ext_element *out);

/* ---- writing ---- */

struct mcu_rtp_ext_writer {
    uint8_t *packet;
    struct mcu_wcursor w;
    bool two_byte, any;
};

/* Begins an extension behind the `head` bytes that mcu_rtp_write wrote to packet[room]. two_byte: one
 * of its elements needs it, having a number over 14, or 0 or more than 16 bytes (RFC 8285 4.3). */
struct mcu_rtp_ext_writer mcu_rtp_ext_writer(uint8_t *packet, size_t head, size_t room,
                                             bool two_byte);
/* Room for the data of one element, or NULL: it does not fit the form or the packet; the writer is
 * bad then. */
uint8_t *mcu_rtp_ext_put(struct mcu_rtp_ext_writer *writer, uint8_t id, size_t size);
/* Pads, and sets the lengths and the X bit. Returns the bytes of the whole header with its extension
 * (head, where no element was put), or -EMSGSIZE. */
int mcu_rtp_ext_end(struct mcu_rtp_ext_writer *writer);

#endif
