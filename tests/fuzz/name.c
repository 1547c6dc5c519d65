/* tests/fuzz/name.c - a participant's name, as it came from the network, made into initials and a
 * line of letters. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mcu_text *text;
    char *name = malloc(size + 1);
    if (!name || (!text && mcu_text_new(&text) < 0)) {
        free(name);
        return 0;
    }
    memcpy(name, data, size);
    name[size] = '\0';
    char initials[16];
    struct mcu_mask mask;
    mcu_text_initials(name, initials);
    assert(strlen(initials) <= 8);
    if (mcu_text_render(text, name, 16, size & 1, 120, &mask) == 0) {
        assert(mask.width <= 120 && mask.stride >= mask.width);
        mcu_mask_free(&mask);
    }
    free(name);
    return 0;
}
