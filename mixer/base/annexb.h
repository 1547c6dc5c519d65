/* mixer/base/annexb.h - the NAL units of an H.264 byte stream (H.264 Annex B.1). Threads: any. */
#ifndef MCU_MIXER_BASE_ANNEXB_H
#define MCU_MIXER_BASE_ANNEXB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mcu_nal {
    const uint8_t *data; /* at the NAL unit header */
    size_t size;         /* without trailing zero bytes; at least 1 */
    int type;
};

/* The next NAL unit at or behind *pos, which starts at 0 and is moved behind it. Bytes before the
 * first start code and empty units are skipped. False: no more. */
bool mcu_annexb_next(const uint8_t *data, size_t size, size_t *pos, struct mcu_nal *nal);

#endif
