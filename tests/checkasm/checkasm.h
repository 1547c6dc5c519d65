/* tests/checkasm/checkasm.h - kernels of mixer/dsp against their plain C reference.
 * A file of tests defines one table, ended by a NULL name; checkasm.c runs every row at every
 * level of the processor, with --bench its bench as well. One thread. */
#ifndef MCU_TESTS_CHECKASM_H
#define MCU_TESTS_CHECKASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct checkasm_test {
    const char *name;
    void (*run)(void);   /* compares; reports by checkasm_fail */
    void (*bench)(void); /* may be NULL */
};

extern const struct checkasm_test checkasm_picture[];
extern const struct checkasm_test checkasm_paint[];
extern const struct checkasm_test checkasm_audio[];

/* A fast, repeatable random number. */
uint32_t checkasm_rnd(void);

/* Fills n bytes with one of: random, all 0, all 255, alternating 0 and 255, a slope; chosen at
 * random. */
void checkasm_fill(void *buf, size_t bytes);

/* Counts a failure of the running test and says what it was (the first few). */
void checkasm_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Fails when the two differ anywhere. Give whole buffers, guard bytes behind the output included:
 * both start with equal content, so a kernel that writes past its end shows. */
bool checkasm_equal(const char *what, const void *c, const void *simd, size_t bytes);

/* Monotonic nanoseconds, for benches. */
int64_t checkasm_now_ns(void);

/* Runs `call` about 0.1 s and prints nanoseconds a call. */
#define CHECKASM_BENCH(label, call)                                                                \
    do {                                                                                           \
        int64_t bench_start = checkasm_now_ns(), bench_calls = 0;                                  \
        do {                                                                                       \
            for (int bench_i = 0; bench_i < 16; bench_i++) {                                       \
                call;                                                                              \
            }                                                                                      \
            bench_calls += 16;                                                                     \
        } while (checkasm_now_ns() - bench_start < 100000000);                                     \
        checkasm_bench_line(label, bench_calls, checkasm_now_ns() - bench_start);                  \
    } while (0)
void checkasm_bench_line(const char *label, int64_t calls, int64_t ns);

#endif
