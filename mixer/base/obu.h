/* mixer/base/obu.h - the open bitstream units of an AV1 temporal unit (AV1 5.3). Threads: any. */
#ifndef MCU_MIXER_BASE_OBU_H
#define MCU_MIXER_BASE_OBU_H

#include "mixer/base/cursor.h"

/* AV1 6.2.2. */
enum {
    MCU_OBU_SEQUENCE = 1,
    MCU_OBU_DELIMITER = 2,
    MCU_OBU_FRAME_HEADER = 3,
    MCU_OBU_FRAME = 6,
    MCU_OBU_TILE_LIST = 8,
    MCU_OBU_PADDING = 15,
};

struct mcu_obu {
    int type;
    bool has_size;
    int header_bytes;    /* 1, or 2 with layer ids */
    const uint8_t *data; /* the payload, behind header and size */
    size_t size;
};

#define MCU_LEB128_MAX 5 /* bytes of one that we write: 32 bits */

/* A variable-length number (AV1 4.10.5); the cursor goes bad where it ends early or is above 32
 * bits. */
uint32_t mcu_leb128_read(struct mcu_cursor *c);
/* Writes the shortest form; returns its bytes. */
int mcu_leb128_write(uint8_t out[MCU_LEB128_MAX], uint32_t value);

/* The next unit; one without a size lasts to the cursor's end. 1, 0 (no more) or -EBADMSG. */
int mcu_obu_next(struct mcu_cursor *c, struct mcu_obu *out);

/* Whether a frame header or frame begins a shown keyframe (AV1 5.9.2; headers of still pictures,
 * which leave these bits out, are not told apart here). */
bool mcu_obu_is_key(const struct mcu_obu *obu);

#endif
