/* codec/bits.h - bits of a header, highest first (VP9 and AV1; H.264 has escapes of its own).
 * Threads: a reader belongs to its caller. Past the end it gives zeros and is bad. */
#ifndef MCU_CODEC_BITS_H
#define MCU_CODEC_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mcu_bits {
    const uint8_t *data;
    size_t bits, pos;
    bool bad;
};

static inline struct mcu_bits mcu_bits(const uint8_t *data, size_t size)
{
    return (struct mcu_bits){ .data = data, .bits = size * 8 };
}

static inline unsigned mcu_bits_1(struct mcu_bits *b)
{
    if (b->pos >= b->bits) {
        b->bad = true;
        return 0;
    }
    unsigned v = b->data[b->pos / 8] >> (7 - b->pos % 8) & 1;
    b->pos++;
    return v;
}

/* n: 0 to 32. */
static inline uint32_t mcu_bits_n(struct mcu_bits *b, int n)
{
    uint32_t v = 0;
    while (n-- > 0)
        v = v << 1 | mcu_bits_1(b);
    return v;
}

#endif
