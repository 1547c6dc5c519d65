/* tests/fuzz/rtp.c - mcu_rtp_parse: what is read lies within the packet, and is written back alike. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/line.h"
#include "net/opus_toc.h"
#include "net/rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mcu_rtp r, again;
    uint8_t buf[MCU_RTP_HEADER_MAX];
    mcu_rtp_is_rtcp(data, size);
    if (mcu_rtp_parse(&r, data, size) < 0)
        return 0;
    check(r.payload >= data && r.payload + r.payload_bytes <= data + size);
    check(!r.has_ext || (r.ext >= data && r.ext + r.ext_bytes <= r.payload));
    int us = mcu_opus_packet_us(r.payload, r.payload_bytes);
    check(us < 0 || (us >= 2500 && us <= 120000));
    int n = mcu_rtp_write(&r, buf, sizeof(buf));
    check(n >= 12);
    check(mcu_rtp_parse(&again, buf, (size_t)n) == 0);
    check(again.seq == r.seq && again.ts == r.ts && again.ssrc == r.ssrc && again.pt == r.pt &&
          again.marker == r.marker && again.csrc_count == r.csrc_count &&
          memcmp(again.csrc, r.csrc, sizeof(r.csrc)) == 0);
    return 0;
}
