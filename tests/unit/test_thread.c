/* tests/unit/test_thread.c - a prompt thread has short slices where the kernel knows them, and is else what
 * it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "mixer/base/thread.h"

/* Of the calling thread, ns: struct sched_attr's member at byte 24. */
static uint64_t slice_ns(void)
{
    uint64_t attributes[6] = { sizeof(attributes) };
    assert_int_equal(syscall(SYS_sched_getattr, 0, attributes, sizeof(attributes), 0), 0);
    return attributes[3];
}

static bool kernel_knows_slices(void)
{
    struct utsname u;
    int major = 0, minor = 0;
    uname(&u);
    sscanf(u.release, "%d.%d", &major, &minor);
    return major > 6 || (major == 6 && minor >= 12);
}

static void *be_prompt(void *arg)
{
    struct sched_param none = { 0 };
    assert_int_equal(pthread_setschedparam(pthread_self(), SCHED_OTHER, &none), 0);
    int nice_before = getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
    uint64_t before = slice_ns();
    mcu_thread_be_prompt();
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
    assert_int_equal(getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid)), nice_before);
    if (kernel_knows_slices()) {
        assert_true(before > 100000);
        assert_int_equal(slice_ns(), 100000);
    }
    return NULL;
}

static void *be_prompt_at_idle(void *arg)
{
    struct sched_param none = { 0 };
    assert_int_equal(pthread_setschedparam(pthread_self(), SCHED_IDLE, &none), 0);
    mcu_thread_be_prompt();
    assert_int_equal(sched_getscheduler(0), SCHED_IDLE);
    return NULL;
}

static void in_a_thread(void *(*fn)(void *))
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, fn, NULL), 0);
    pthread_join(thread, NULL);
}

static void a_prompt_thread_has_short_slices(void **state)
{
    in_a_thread(be_prompt);
}

static void another_policy_is_kept(void **state)
{
    in_a_thread(be_prompt_at_idle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prompt_thread_has_short_slices),
        cmocka_unit_test(another_policy_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
