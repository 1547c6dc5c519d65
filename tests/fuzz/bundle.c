/* tests/fuzz/bundle.c - packets of a shared transport: commands of one byte with their arguments. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/cursor.h"
#include "net/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void set_line(struct mcu_bundle *b, struct mcu_cursor *c)
{
    struct mcu_line_config config = { .rx_count = 2 };
    int index = (int8_t)mcu_cursor_u8(c);
    config.rx[0].pt = mcu_cursor_u8(c);
    config.rx[0].rtx_pt = mcu_cursor_u8(c);
    config.rx[1].pt = mcu_cursor_u8(c);
    config.dtmf_pt = (int8_t)mcu_cursor_u8(c);
    config.ext.mid = mcu_cursor_u8(c);
    const uint8_t *mid = mcu_cursor_take(c, 3);
    if (mid)
        memcpy(config.mid, mid, 3);
    int rc = mcu_bundle_set(b, index, config.ext.mid == 0xff ? NULL : &config);
    if ((rc == 0) != (index >= 0 && index < MCU_BUNDLE_LINES))
        abort();
}

static void packet(struct mcu_bundle *b, struct mcu_cursor *c)
{
    size_t n = mcu_cursor_u8(c);
    const uint8_t *p = mcu_cursor_take(c, n);
    if (!p)
        return;
    int rc = mcu_bundle_line(b, p, n), again = mcu_bundle_line(b, p, n);
    if (rc != again || rc >= MCU_BUNDLE_LINES || (rc < 0 && rc != -ENOENT && rc != -EBADMSG))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mcu_cursor c = mcu_cursor(data, size);
    struct mcu_bundle *b = NULL;
    if (mcu_bundle_new(&b) < 0)
        return 0;
    while (!c.bad && mcu_cursor_left(&c) > 0) {
        switch (mcu_cursor_u8(&c) & 7) {
        case 0:
            set_line(b, &c);
            break;
        case 1:
            mcu_bundle_learn(b, mcu_cursor_u32(&c), (int8_t)mcu_cursor_u8(&c));
            break;
        default:
            packet(b, &c);
            break;
        }
    }
    mcu_bundle_free(&b);
    return 0;
}
