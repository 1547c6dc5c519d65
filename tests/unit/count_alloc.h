/* tests/unit/count_alloc.h - counts what our own code allocates, and lets one allocation fail; a
 * sanitizer has its own allocator, and then nothing is counted. For one file of a test program. */
#ifndef MCU_TESTS_UNIT_COUNT_ALLOC_H
#define MCU_TESTS_UNIT_COUNT_ALLOC_H

#include <stddef.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

static long allocations;
static long fail_at __attribute__((unused)) = -1; /* the number of the one that fails */
#ifndef SANITIZED
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t n, size_t bytes);
extern void *__libc_memalign(size_t align, size_t bytes);

void *malloc(size_t bytes)
{
    if (allocations++ == fail_at)
        return NULL;
    return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
    if (allocations++ == fail_at)
        return NULL;
    return __libc_calloc(n, bytes);
}

void *aligned_alloc(size_t align, size_t bytes)
{
    if (allocations++ == fail_at)
        return NULL;
    return __libc_memalign(align, bytes);
}
#endif

#endif
