/* tests/fuzz/png.c - an operator's logo: whatever the file is, what comes out is small enough, has its colours
 * premultiplied, and can be scaled. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "mixer/png.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

static void look(const uint32_t *argb, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t alpha = argb[i] >> 24;
        must((argb[i] >> 16 & 255) <= alpha && (argb[i] >> 8 & 255) <= alpha && (argb[i] & 255) <= alpha);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint32_t scaled[48 * 27];
    struct mcu_image *i = NULL;
    int rc = mcu_image_parse(&i, data, size);
    must(rc == 0 ? i != NULL : !i && (rc == -EFBIG || rc == -EBADMSG || rc == -ENOMEM));
    if (!i)
        return 0;
    must(i->width > 0 && i->width <= MCU_IMAGE_MAX_SIDE && i->height > 0 && i->height <= MCU_IMAGE_MAX_SIDE);
    look(i->argb, (size_t)i->width * (size_t)i->height);
    must(mcu_image_scale(i, 48, 27, scaled) == 0);
    look(scaled, 48 * 27);
    mcu_image_unref(&i);
    return 0;
}
