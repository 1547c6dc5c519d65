#include "mixer/base/obu.h"

#include <errno.h>

uint32_t mcu_leb128_read(struct mcu_cursor *c)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        uint8_t byte = mcu_cursor_u8(c);
        value |= (uint64_t)(byte & 0x7f) << i * 7;
        if (!(byte & 0x80) && value <= UINT32_MAX)
            return c->bad ? 0 : (uint32_t)value;
    }
    c->bad = true;
    return 0;
}

int mcu_leb128_write(uint8_t out[MCU_LEB128_MAX], uint32_t value)
{
    int n = 0;
    do {
        out[n] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
        n++;
    } while (value);
    return n;
}

/* AV1 5.3.2: forbidden bit, type (4), extension flag, has_size, reserved. */
int mcu_obu_next(struct mcu_cursor *c, struct mcu_obu *out)
{
    if (!c->bad && mcu_cursor_left(c) == 0)
        return 0;
    uint8_t head = mcu_cursor_u8(c);
    bool extension = head & 0x04;
    if (extension)
        mcu_cursor_u8(c);
    *out = (struct mcu_obu){ .type = head >> 3 & 15,
                             .has_size = head & 0x02,
                             .header_bytes = 1 + extension };
    out->size = out->has_size ? mcu_leb128_read(c) : mcu_cursor_left(c);
    out->data = mcu_cursor_take(c, out->size);
    return c->bad || head & 0x80 ? -EBADMSG : 1;
}

bool mcu_obu_is_key(const struct mcu_obu *obu)
{
    /* show_existing_frame 0, frame_type KEY_FRAME 00, show_frame 1 */
    return (obu->type == MCU_OBU_FRAME || obu->type == MCU_OBU_FRAME_HEADER) && obu->size > 0 &&
           (obu->data[0] & 0xf0) == 0x10;
}
