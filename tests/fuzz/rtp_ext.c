/* tests/fuzz/rtp_ext.c - elements lie within the packet, and are read alike when written again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/rtp_ext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t buf[300000];
    struct mcu_rtp r, again, head = { .pt = 96 };
    struct mcu_rtp_ext_element e, f;
    if (mcu_rtp_parse(&r, data, size) < 0)
        return 0;
    struct mcu_rtp_ext_iter it = mcu_rtp_ext_iter(&r), other;
    int n = mcu_rtp_write(&head, buf, sizeof(buf));
    struct mcu_rtp_ext_writer x = mcu_rtp_ext_writer(buf, (size_t)n, sizeof(buf), it.two_byte);
    while (mcu_rtp_ext_next(&it, &e)) {
        check(e.id > 0 && e.data >= r.ext && e.data + e.size <= r.ext + r.ext_bytes);
        uint8_t *p = mcu_rtp_ext_put(&x, e.id, e.size);
        check(p != NULL);
        memcpy(p, e.data, e.size);
    }
    n = mcu_rtp_ext_end(&x);
    check(n >= 12 && mcu_rtp_parse(&again, buf, (size_t)n) == 0);
    it = mcu_rtp_ext_iter(&r);
    other = mcu_rtp_ext_iter(&again);
    while (mcu_rtp_ext_next(&it, &e))
        check(mcu_rtp_ext_next(&other, &f) && f.id == e.id && f.size == e.size &&
              memcmp(f.data, e.data, e.size) == 0);
    check(!mcu_rtp_ext_next(&other, &f));
    return 0;
}
