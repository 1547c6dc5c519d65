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
    return syscall(SYS_sched_getattr, 0, attributes, sizeof(attributes), 0) == 0 ? attributes[3] : 0;
}

static bool kernel_knows_slices(void)
{
    struct utsname u;
    int major = 0, minor = 0;
    uname(&u);
    sscanf(u.release, "%d.%d", &major, &minor);
    return major > 6 || (major == 6 && minor >= 12);
}

/* What a thread was and has become; asserted by the one that made it. */
struct seen {
    int policy; /* that it takes at its start */
    int policy_after, nice_before, nice_after;
    uint64_t slice_before_ns, slice_after_ns;
};

static int own_nice(void)
{
    return getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
}

static void *be_prompt(void *arg)
{
    struct seen *seen = arg;
    pthread_setschedparam(pthread_self(), seen->policy, &(struct sched_param){ 0 });
    seen->nice_before = own_nice();
    seen->slice_before_ns = slice_ns();
    mcu_thread_be_prompt();
    seen->policy_after = sched_getscheduler(0);
    seen->nice_after = own_nice();
    seen->slice_after_ns = slice_ns();
    return NULL;
}

static struct seen in_a_thread(int policy)
{
    pthread_t thread;
    struct seen seen = { .policy = policy };
    assert_int_equal(pthread_create(&thread, NULL, be_prompt, &seen), 0);
    pthread_join(thread, NULL);
    assert_int_equal(seen.policy_after, policy);
    assert_int_equal(seen.nice_after, seen.nice_before);
    return seen;
}

static void a_prompt_thread_has_short_slices(void **state)
{
    struct seen seen = in_a_thread(SCHED_OTHER);
    if (!kernel_knows_slices())
        skip();
    assert_true(seen.slice_before_ns > 100000);
    assert_int_equal(seen.slice_after_ns, 100000);
}

static void another_policy_is_kept(void **state)
{
    struct seen seen = in_a_thread(SCHED_BATCH);
    assert_int_equal(seen.slice_after_ns, seen.slice_before_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prompt_thread_has_short_slices),
        cmocka_unit_test(another_policy_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
