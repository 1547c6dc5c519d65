/* tests/checkasm/checkasm_widths.h - kernels over rows of pictures: which widths are tried, and the room around
 * their outputs. */
#ifndef MCU_TESTS_CHECKASM_WIDTHS_H
#define MCU_TESTS_CHECKASM_WIDTHS_H

#include <string.h>

#include "mixer/base/util.h"
#include "tests/checkasm/checkasm.h"

#define GUARD 64 /* bytes before and behind each output, which must stay */
#define MAX_W 1300

/* All of 1 to 70, then some large; 0 ends. */
static inline int next_width(int w)
{
    static const int large[] = { 127, 128, 213, 256, 320, 426, 427, 640, 1279, 1280, MAX_W };
    if (w < 70)
        return w + 1;
    for (size_t i = 0; i < MCU_ARRAY_LEN(large); i++)
        if (large[i] > w)
            return large[i];
    return 0;
}

#define FOR_WIDTHS(w) for (int w = 1; w; w = next_width(w))

/* The outputs of both, guards included: what neither writes stays equal. */
static inline void fill_both(void *c, void *simd, size_t bytes)
{
    checkasm_fill(c, bytes);
    memcpy(simd, c, bytes);
}

#endif
