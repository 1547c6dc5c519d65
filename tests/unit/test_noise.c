/* codec/noise.h: level and spectrum of comfort noise, and payloads that are out of order. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "codec/noise.h"
#include "mixer/base/util.h"

enum { N = 80000 };
static int16_t pcm[N];

static double level(const int16_t *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return 10 * log10(sum / n / (32768.0 * 32768) + 1e-12);
}

/* Correlation of neighbours: 1 is all low, -1 all high. */
static double tilt(const int16_t *x, int n)
{
    double r0 = 0, r1 = 0;
    for (int i = 1; i < n; i++) {
        r0 += (double)x[i] * x[i];
        r1 += (double)x[i] * x[i - 1];
    }
    return r1 / r0;
}

static void noise_has_the_level_of_its_payload(void **state)
{
    static const uint8_t cases[][11] = {
        { 0 }, { 1, 127, 127 }, { 2, 60 }, { 3, 200, 60, 150 },
        { 10, 90, 160, 100, 140, 110, 135, 120, 130, 126, 127 },
    };
    static const size_t sizes[] = { 1, 3, 2, 4, 11 };
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++)
        for (int dbov = 20; dbov <= 70; dbov += 25) {
            struct mcu_noise noise = { 0 };
            uint8_t payload[11];
            for (size_t k = 0; k < sizes[i]; k++)
                payload[k] = cases[i][k];
            payload[0] = (uint8_t)(dbov | (i == 1 ? 0x80 : 0)); /* the high bit is ignored */
            assert_int_equal(mcu_noise_set(&noise, payload, sizes[i]), 0);
            mcu_noise_fill(&noise, pcm, N);
            assert_true(fabs(level(pcm + 1000, N - 1000) + dbov) < 0.5);
        }
}

/* One coefficient k: the correlation of neighbours is -k. */
static void coefficients_shape_the_spectrum(void **state)
{
    for (int n = 30; n <= 220; n += 38) {
        struct mcu_noise noise = { 0 };
        uint8_t payload[] = { 30, (uint8_t)n };
        mcu_noise_set(&noise, payload, sizeof(payload));
        mcu_noise_fill(&noise, pcm, N);
        assert_true(fabs(tilt(pcm, N) + 258.0 * (n - 127) / 32768) < 0.03);
    }
}

static void any_payload_gives_bounded_noise(void **state)
{
    struct mcu_noise noise = { 0 };
    uint8_t payload[80] = { 0 };
    uint32_t seed = 1;
    assert_int_equal(mcu_noise_set(&noise, payload, 0), -EBADMSG);
    mcu_noise_fill(&noise, pcm, 160);
    for (int i = 0; i < 160; i++)
        assert_int_equal(pcm[i], 0);
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof(payload); i++)
            payload[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
        if (round % 2)
            for (size_t i = 1; i < sizeof(payload); i++)
                payload[i] = payload[i] & 1 ? 0xff : 0;
        assert_int_equal(mcu_noise_set(&noise, payload, 1 + seed % sizeof(payload)), 0);
        mcu_noise_fill(&noise, pcm, 160);
    }
    payload[0] = 60;
    mcu_noise_set(&noise, payload, 1); /* what was before leaves nothing behind */
    mcu_noise_fill(&noise, pcm, N);
    assert_true(fabs(level(pcm + 1000, N - 1000) + 60) < 0.5);
    payload[0] = 127;
    mcu_noise_set(&noise, payload, 1);
    mcu_noise_fill(&noise, pcm, 160);
    assert_int_equal(pcm[159], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_has_the_level_of_its_payload),
        cmocka_unit_test(coefficients_shape_the_spectrum),
        cmocka_unit_test(any_payload_gives_bounded_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
