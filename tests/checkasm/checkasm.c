#include "tests/checkasm/checkasm.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mixer/dsp/cpu.h"

static uint32_t state = 0x1234567;
static int failures;
static const char *running = "";

uint32_t checkasm_rnd(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

void checkasm_fill(void *buf, size_t bytes)
{
    uint8_t *p = buf;
    unsigned kind = checkasm_rnd() % 6;
    for (size_t i = 0; i < bytes; i++) {
        switch (kind) {
        case 0:
            p[i] = 0;
            break;
        case 1:
            p[i] = 255;
            break;
        case 2:
            p[i] = i & 1 ? 255 : 0;
            break;
        case 3:
            p[i] = (uint8_t)i;
            break;
        default:
            p[i] = (uint8_t)(checkasm_rnd() >> 11);
            break;
        }
    }
}

void checkasm_fail(const char *fmt, ...)
{
    if (failures++ > 10)
        return;
    va_list ap;
    va_start(ap, fmt);
    printf("  %s: ", running);
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
}

bool checkasm_equal(const char *what, const void *c, const void *simd, size_t bytes)
{
    if (!memcmp(c, simd, bytes))
        return true;
    const uint8_t *a = c, *b = simd;
    size_t at = 0;
    while (a[at] == b[at])
        at++;
    checkasm_fail("%s: byte %zu of %zu is %d, in C %d", what, at, bytes, b[at], a[at]);
    return false;
}

int64_t checkasm_now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void checkasm_bench_line(const char *label, int64_t calls, int64_t ns)
{
    printf("  %-28s %10.1f ns\n", label, (double)ns / (double)calls);
}

static int run_table(const struct checkasm_test *tests, bool check, bool bench)
{
    int n = 0;
    for (; tests->name; tests++, n++) {
        int before = failures;
        running = tests->name;
        if (check) {
            tests->run();
            printf("%s %s\n", failures == before ? "ok    " : "FAILED", tests->name);
        }
        if (bench && tests->bench)
            tests->bench();
    }
    return n;
}

static int run_level(const struct mcu_cpu_level *level, bool bench)
{
    printf("%s (cpu flags 0x%x)\n", level->name, level->flags);
    mcu_cpu_mask(level->flags);
    /* The reference would be compared with itself. */
    return run_table(checkasm_picture, level->flags != 0, bench) +
           run_table(checkasm_paint, level->flags != 0, bench) +
           run_table(checkasm_audio, level->flags != 0, bench);
}

/* checkasm [--bench] [LEVEL]: every level that this machine has, or one. */
int main(int argc, char **argv)
{
    bool bench = argc > 1 && !strcmp(argv[1], "--bench");
    const char *only = argc > 1 + bench ? argv[1 + bench] : NULL;
    const struct mcu_cpu_level *level;
    int n = 0;
    for (size_t i = 0; (level = mcu_cpu_level(i)) != NULL; i++)
        if (!only || !strcmp(only, level->name))
            n += run_level(level, bench);
    printf("%d kernels, %d failures\n", n, failures);
    return failures || !n ? 1 : 0;
}
