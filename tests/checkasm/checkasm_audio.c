/* Kernels of sound: mixer/dsp/sum.h. Every length up to a tick and a bit, one and two channels,
 * samples at random and at both ends of the range, guard samples behind each output. */
#include "tests/checkasm/checkasm.h"

#include <string.h>

#include "mixer/base/util.h"
#include "mixer/dsp/sum.h"

#define FRAMES  1000
#define GUARD   16
#define LONGEST (FRAMES * 2 + GUARD)

static int16_t pcm[LONGEST], out_c[LONGEST], out_simd[LONGEST];
static float voice[LONGEST];
static int32_t acc[LONGEST], acc_c[LONGEST], acc_simd[LONGEST];

/* The sum of up to 100 full-scale voices, or one about full scale. */
static void fill(void)
{
    int32_t scale = checkasm_rnd() % 2 ? 100 : 1;
    checkasm_fill(pcm, sizeof(pcm));
    for (int i = 0; i < LONGEST; i++) {
        acc[i] = (int16_t)checkasm_rnd() * scale;
        if (checkasm_rnd() % 16 == 0)
            acc[i] = checkasm_rnd() % 2 ? INT32_MAX : -INT32_MAX;
        acc_c[i] = acc_simd[i] = acc[i] / 2;
        out_c[i] = out_simd[i] = 77;
        voice[i] = (float)((int32_t)checkasm_rnd()) / (scale == 1 ? 2.2e9f : 1e9f);
        if (checkasm_rnd() % 64 == 0) /* halves between two samples, both ends, far outside */
            voice[i] = (float[]){ 0.5f / 32768, -1.5f / 32768, 1, -1, 1.0000001f, 32767.5f / 32768, 1e30f,
                                  -1e30f }[checkasm_rnd() % (scale == 1 ? 4 : 8)];
    }
}

static struct mcu_sum_ramp random_ramp(int frames)
{
    int32_t from = (int32_t)(checkasm_rnd() % (MCU_SUM_GAIN_ONE + 1u));
    int32_t to = (int32_t)(checkasm_rnd() % (MCU_SUM_GAIN_ONE + 1u));
    if (checkasm_rnd() % 4 == 0)
        from = to = MCU_SUM_GAIN_ONE;
    return (struct mcu_sum_ramp){ from, (to - from) / mcu_max(frames, 1) };
}

typedef void one_fn(const struct mcu_sum_dsp *simd, int frames, int channels);

static void each_length(one_fn *one)
{
    for (int frames = 0; frames < FRAMES; frames += 1 + (int)(checkasm_rnd() % 7))
        for (int channels = 1; channels <= 2; channels++) {
            fill();
            one(mcu_sum_get(), frames, channels);
        }
}

static void one_add(const struct mcu_sum_dsp *simd, int frames, int channels)
{
    struct mcu_sum_ramp ramp = random_ramp(frames);
    mcu_sum_c.add(acc_c, pcm, frames, channels, ramp);
    simd->add(acc_simd, pcm, frames, channels, ramp);
    checkasm_equal("add", acc_c, acc_simd, sizeof(acc_c));
}

static void one_sub(const struct mcu_sum_dsp *simd, int frames, int channels)
{
    struct mcu_sum_ramp ramp = random_ramp(frames);
    for (int i = 0; i < LONGEST; i++)
        acc[i] /= 2;
    mcu_sum_c.sub(acc_c, acc, pcm, frames, channels, ramp);
    simd->sub(acc_simd, acc, pcm, frames, channels, ramp);
    checkasm_equal("sub", acc_c, acc_simd, sizeof(acc_c));
}

static void one_peak(const struct mcu_sum_dsp *simd, int frames, int channels)
{
    int n = frames * channels;
    if (mcu_sum_c.peak(acc, n) != simd->peak(acc, n))
        checkasm_fail("peak of %d", n);
}

static void one_clip(const struct mcu_sum_dsp *simd, int frames, int channels)
{
    mcu_sum_c.clip(out_c, acc, frames * channels);
    simd->clip(out_simd, acc, frames * channels);
    checkasm_equal("clip", out_c, out_simd, sizeof(out_c));
}

static void one_limit(const struct mcu_sum_dsp *simd, int frames, int channels)
{
    float from = (float)(checkasm_rnd() % 1001) / 1000, to = (float)(checkasm_rnd() % 1001) / 1000;
    float step = (to - from) / (float)mcu_max(frames, 1);
    mcu_sum_c.limit(out_c, acc, frames, channels, from, step);
    simd->limit(out_simd, acc, frames, channels, from, step);
    checkasm_equal("limit", out_c, out_simd, sizeof(out_c));
}

static void one_energy(const struct mcu_sum_dsp *simd, int frames, int channels)
{
    int n = frames * channels;
    if (mcu_sum_c.energy(pcm, n) != simd->energy(pcm, n))
        checkasm_fail("energy of %d", n);
}

static void one_whole(const struct mcu_sum_dsp *simd, int frames, int channels)
{
    bool outside = mcu_sum_c.whole(out_c, voice, frames * channels);
    if (simd->whole(out_simd, voice, frames * channels) != outside)
        checkasm_fail("whole of %d: outside is %d", frames * channels, outside);
    checkasm_equal("whole", out_c, out_simd, sizeof(out_c));
}

static void run_add(void)
{
    each_length(one_add);
}

static void run_sub(void)
{
    each_length(one_sub);
}

static void run_peak(void)
{
    each_length(one_peak);
}

static void run_clip(void)
{
    each_length(one_clip);
}

static void run_limit(void)
{
    each_length(one_limit);
}

static void run_energy(void)
{
    each_length(one_energy);
}

static void run_whole(void)
{
    each_length(one_whole);
}

static const struct mcu_sum_ramp unity = { MCU_SUM_GAIN_ONE, 0 };

static void bench_add(void)
{
    fill();
    memset(acc, 0, sizeof(acc));
    CHECKASM_BENCH("sub 960", mcu_sum_get()->sub(acc_simd, acc, pcm, 960, 1, unity));
}

static void bench_peak(void)
{
    fill();
    static volatile int32_t keep;
    CHECKASM_BENCH("peak 960", keep = mcu_sum_get()->peak(acc, 960));
    (void)keep;
}

static void bench_clip(void)
{
    fill();
    CHECKASM_BENCH("clip 960", mcu_sum_get()->clip(out_simd, acc, 960));
}

static void bench_limit(void)
{
    fill();
    CHECKASM_BENCH("limit 960", mcu_sum_get()->limit(out_simd, acc, 960, 1, 1, -1e-4f));
}

static void bench_energy(void)
{
    fill();
    static volatile uint64_t keep;
    CHECKASM_BENCH("energy 960", keep = mcu_sum_get()->energy(pcm, 960));
    (void)keep;
}

static void bench_whole(void)
{
    fill();
    CHECKASM_BENCH("whole 960", mcu_sum_get()->whole(out_simd, voice, 960));
}

const struct checkasm_test checkasm_audio[] = {
    { "sum.add", run_add, bench_add },
    { "sum.sub", run_sub, NULL },
    { "sum.peak", run_peak, bench_peak },
    { "sum.clip", run_clip, bench_clip },
    { "sum.limit", run_limit, bench_limit },
    { "sum.energy", run_energy, bench_energy },
    { "sum.whole", run_whole, bench_whole },
    { NULL, NULL, NULL },
};
