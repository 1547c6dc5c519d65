#include "net/opus_toc.h"

#include <errno.h>

/* RFC 6716 section 3.1, table 2: SILK, hybrid and CELT configurations. */
static int frame_us(uint8_t toc)
{
    static const int silk[] = { 10000, 20000, 40000, 60000 };
    static const int celt[] = { 2500, 5000, 10000, 20000 };
    int config = toc >> 3;
    if (config < 12)
        return silk[config & 3];
    return config < 16 ? 10000 << (config & 1) : celt[config & 3];
}

int mcu_opus_packet_us(const uint8_t *data, size_t size)
{
    if (size < 1)
        return -EBADMSG;
    int code = data[0] & 3, frames = code == 0 ? 1 : 2;
    if (code == 3) { /* section 3.2.5 */
        if (size < 2)
            return -EBADMSG;
        frames = data[1] & 0x3f;
    }
    int us = frames * frame_us(data[0]);
    return us > 0 && us <= 120000 ? us : -EBADMSG;
}
