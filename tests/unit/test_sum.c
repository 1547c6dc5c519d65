/* The sound kernels: what the reference does, and that the chosen version does the same. */
#include "mixer/dsp/sum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "mixer/dsp/cpu.h"
#include "tests/unit/sound.h"

#define N 2000

static int16_t x[N];
static int32_t acc[N], acc_c[N], acc_b[N];
static int16_t out_c[N], out_b[N];

static void fill(int32_t range)
{
    int kind = (int)(sound_rnd() % 4);
    for (int i = 0; i < N; i++) {
        int16_t r = (int16_t)sound_rnd();
        x[i] = kind == 0 ? r : kind == 1 ? -32768 : kind == 2 ? 32767 : i % 2 ? 32767 : -32768;
        acc[i] = (int32_t)((int64_t)r * range >> 15);
    }
    memset(out_c, 7, sizeof(out_c));
    memset(out_b, 7, sizeof(out_b));
}

static struct mcu_sum_ramp random_ramp(int frames)
{
    int32_t from = (int32_t)(sound_rnd() << 6), to = (int32_t)(sound_rnd() << 6);
    if (sound_rnd() % 4 == 0)
        from = to = MCU_SUM_GAIN_ONE;
    return (struct mcu_sum_ramp){ from, (to - from) / (frames > 0 ? frames : 1) };
}

static void compare(const struct mcu_sum_dsp *best, int frames, int channels)
{
    int n = frames * channels;
    struct mcu_sum_ramp ramp = random_ramp(frames);
    fill(sound_rnd() % 2 ? 40000 : 100 * 32768);
    memcpy(acc_c, acc, sizeof(acc));
    memcpy(acc_b, acc, sizeof(acc));
    mcu_sum_c.add(acc_c, x, frames, channels, ramp);
    best->add(acc_b, x, frames, channels, ramp);
    assert_memory_equal(acc_c, acc_b, sizeof(acc));
    best->sub(acc_b, acc_b, x, frames, channels, ramp);
    assert_memory_equal(acc, acc_b, sizeof(acc));
    assert_int_equal(mcu_sum_c.peak(acc, n), best->peak(acc, n));
    assert_true(mcu_sum_c.energy(x, n) == best->energy(x, n));
    mcu_sum_c.clip(out_c, acc, n);
    best->clip(out_b, acc, n);
    assert_memory_equal(out_c, out_b, sizeof(out_c));
    float gain = (float)(sound_rnd() % 1000) / 1000, step = (0.5f - gain) / (float)(frames + 1);
    mcu_sum_c.limit(out_c, acc, frames, channels, gain, step);
    best->limit(out_b, acc, frames, channels, gain, step);
    assert_memory_equal(out_c, out_b, sizeof(out_c));
}

static void every_version_matches_the_reference(void **state)
{
    (void)state;
    for (int frames = 0; frames < N / 2; frames += 1 + (int)(sound_rnd() % 7))
        for (int channels = 1; channels <= 2; channels++)
            compare(mcu_sum_get(), frames, channels);
}

static void the_mask_chooses_the_reference(void **state)
{
    (void)state;
    mcu_cpu_mask(0);
    assert_ptr_equal(mcu_sum_get(), &mcu_sum_c);
    mcu_cpu_mask(~0u);
}

static void the_reference_keeps_its_contract(void **state)
{
    (void)state;
    const int32_t in[] = { 0, 29204, -29204, 30000, 32767, 100000, -100000, 3276800, -3276800 };
    int16_t out[9];
    mcu_sum_c.limit(out, in, 9, 1, 1, 0);
    assert_true(out[0] == 0 && out[1] == 29204 && out[2] == -29204);
    assert_true(out[3] > 29800 && out[3] < 30000 && out[4] > out[3] && out[5] > out[4]);
    assert_true(out[6] == -out[5] && out[7] > 32700 && out[8] == -out[7]);
    mcu_sum_c.clip(out, in, 9);
    assert_true(out[4] == 32767 && out[5] == 32767 && out[6] == -32768);
    assert_int_equal(mcu_sum_c.peak(in, 9), 3276800);
    assert_int_equal(mcu_sum_c.peak(in, 0), 0);
    const int16_t low[2] = { -32768, -32768 };
    assert_int_equal(mcu_sum_c.energy(low, 2), INT64_C(2) << 30);
    int32_t sum[2] = { 5, 5 };
    mcu_sum_c.add(sum, low, 2, 1, (struct mcu_sum_ramp){ MCU_SUM_GAIN_ONE, -MCU_SUM_GAIN_ONE / 2 });
    assert_true(sum[0] == 5 - 32768 && sum[1] == 5 - 16384);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_keeps_its_contract),
        cmocka_unit_test(every_version_matches_the_reference),
        cmocka_unit_test(the_mask_chooses_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
