/* tests/fuzz/rtcp.c - the walk through a compound ends, and every count is within its bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/rtcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
    if (!ok)
        abort();
}

static void check_packet(const struct mcu_rtcp *r)
{
    check(r->block_count <= MCU_RTCP_BLOCKS_MAX && r->bye_count <= MCU_RTCP_BLOCKS_MAX);
    check(r->fir_count <= MCU_RTCP_FCI_MAX && r->tmmbr_count <= MCU_RTCP_FCI_MAX);
    check(strnlen(r->cname, sizeof(r->cname)) < sizeof(r->cname));
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
