/* tests/fuzz/rtcp.c - the walk through a compound ends, and every count is within its bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/rtcp_fb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
    if (!ok)
        abort();
}

static void check_feedback(const struct mcu_rtcp *r)
{
    static uint8_t buf[8 + 8 + 4 * MCU_REMB_SSRCS_MAX + 4];
    struct mcu_cursor c = mcu_cursor(r->fci, r->fci_bytes);
    struct mcu_remb remb, again;
    uint16_t pid, blp;
    size_t entries = 0;
    while (mcu_rtcp_nack_next(&c, &pid, &blp))
        entries++;
    check(entries == r->fci_bytes / 4);
    if (mcu_rtcp_read_remb(&remb, r->fci, r->fci_bytes) < 0)
        return;
    check(remb.bps >= 0 && remb.ssrc_count <= MCU_REMB_SSRCS_MAX);
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    mcu_rtcp_write_remb(&w, 1, remb.bps, remb.ssrc, remb.ssrc_count);
    check(!w.bad && mcu_rtcp_read_remb(&again, buf + 12, mcu_wcursor_size(&w) - 12) == 0);
    check(again.ssrc_count == remb.ssrc_count && again.bps <= remb.bps &&
          again.bps >= remb.bps - remb.bps / 100000);
}

static void check_packet(const struct mcu_rtcp *r)
{
    check(r->block_count <= MCU_RTCP_BLOCKS_MAX && r->bye_count <= MCU_RTCP_BLOCKS_MAX);
    check(r->fir_count <= MCU_RTCP_FCI_MAX && r->tmmbr_count <= MCU_RTCP_FCI_MAX);
    check(strnlen(r->cname, sizeof(r->cname)) < sizeof(r->cname));
    if (r->type == MCU_RTCP_RTPFB || r->type == MCU_RTCP_PSFB)
        check_feedback(r);
    for (int i = 0; i < r->block_count; i++)
        check(r->block[i].lost >= -0x800000 && r->block[i].lost <= 0x7fffff);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mcu_rtcp r;
    struct mcu_cursor c = mcu_cursor(data, size);
    int rc, packets = 0, whole = mcu_rtcp_check(data, size) == 0;
    while ((rc = mcu_rtcp_next(&c, &r)) != 0) { /* unchecked datagrams too must be harmless */
        check(++packets <= (int)size);
        if (rc > 0)
            check_packet(&r);
    }
    check(!whole || packets > 0);
    return 0;
}
