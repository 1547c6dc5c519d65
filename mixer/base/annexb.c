#include "mixer/base/annexb.h"

#include <string.h>

/* The offset of the next 00 00 01, or size. */
static size_t find_start_code(const uint8_t *data, size_t size, size_t at)
{
    while (at < size && size - at >= 3) {
        const uint8_t *one = memchr(data + at + 2, 1, size - at - 2);
        if (!one)
            break;
        size_t i = (size_t)(one - data);
        if (data[i - 1] == 0 && data[i - 2] == 0)
            return i - 2;
        at = i - 1;
    }
    return size;
}

bool mcu_annexb_next(const uint8_t *data, size_t size, size_t *pos, struct mcu_nal *nal)
{
    size_t start = find_start_code(data, size, *pos);
    while (start < size) {
        start += 3;
        size_t next = find_start_code(data, size, start), end = next;
        /* A NAL unit never ends in a zero byte (7.4.1): those belong to the next start code. */
        while (end > start && data[end - 1] == 0)
            end--;
        if (end > start) {
            *nal = (struct mcu_nal){ data + start, end - start, data[start] & 0x1f };
            *pos = next;
            return true;
        }
        start = next;
    }
    *pos = size;
    return false;
}
