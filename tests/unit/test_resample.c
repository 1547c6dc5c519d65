/* Raising to 48 kHz: every kernel gives the same bits, whatever the lengths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/resample.h"

#define SAMPLES 4000

static int16_t in[SAMPLES], plain[SAMPLES * 6], out[SAMPLES * 6 + 8];

/* In parts of 1 to `most` samples. */
static void raise(int kernel, int ratio, int most, int16_t *to)
{
    struct mcu_upsampler up;
    mcu_upsampler_init(&up, ratio);
    mcu_upsample_use(kernel);
    srand(1);
    for (int at = 0; at < SAMPLES;) {
        int n = 1 + rand() % most;
        n = n < SAMPLES - at ? n : SAMPLES - at;
        to[(at + n) * ratio] = 12345;
        mcu_upsample(&up, in + at, n, to + at * ratio);
        assert_int_equal(to[(at + n) * ratio], 12345); /* and nothing behind it */
        at += n;
    }
}

static void all_kernels_give_the_same_bits(void **state)
{
    static int16_t room[SAMPLES * 6 + 1];
    for (int i = 0; i < SAMPLES; i++)
        in[i] = (int16_t)(i < 500 ? (i & 4 ? INT16_MAX : INT16_MIN) : rand());
    for (int ratio = 3; ratio <= 6; ratio += 3) {
        raise(0, ratio, SAMPLES, room);
        memcpy(plain, room, sizeof(plain));
        for (int kernel = 0; kernel <= 2; kernel++)
            for (int most = 1; most <= SAMPLES; most = most * 3 + 1) {
                if (mcu_upsample_use(kernel) != kernel)
                    continue; /* not on this machine */
                raise(kernel, ratio, most, out);
                assert_memory_equal(out, plain, sizeof(plain[0]) * SAMPLES * (size_t)ratio);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(all_kernels_give_the_same_bits) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
