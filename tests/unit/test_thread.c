/* tests/unit/test_thread.c - a prompt thread has short slices where the kernel knows them and a higher rank
 * where it may, its own threads have not, and it is else what it was. */
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
    int policy, nice; /* that it takes at its start */
    bool humble;      /* it then gives up what lets it rank itself higher */
    bool may;         /* it could have */
    int policy_after, nice_after, nice_of_child;
    uint64_t slice_before_ns, slice_after_ns, slice_of_child_ns;
};

static int own_nice(void)
{
    return getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
}

/* All capabilities of the calling thread: capset(2), which libc has not. */
static void give_up_capabilities(void)
{
    struct {
        uint32_t version;
        int pid;
    } header = { 0x20080522, 0 };
    uint32_t none[6] = { 0 };
    syscall(SYS_capset, &header, none);
}

/* Tried, and taken back. */
static bool may_rank_higher(int nice)
{
    id_t tid = (id_t)syscall(SYS_gettid);
    bool may = setpriority(PRIO_PROCESS, tid, -10) == 0;
    if (may)
        setpriority(PRIO_PROCESS, tid, nice);
    return may;
}

static void *be_child(void *arg)
{
    struct seen *seen = arg;
    seen->nice_of_child = own_nice();
    seen->slice_of_child_ns = slice_ns();
    return NULL;
}

static void *be_prompt(void *arg)
{
    struct seen *seen = arg;
    pthread_t child;
    pthread_setschedparam(pthread_self(), seen->policy, &(struct sched_param){ 0 });
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), seen->nice);
    seen->nice = own_nice(); /* who was started with a higher one may not lower it */
    if (seen->humble)
        give_up_capabilities();
    seen->may = may_rank_higher(seen->nice);
    seen->slice_before_ns = slice_ns();
    mcu_thread_be_prompt();
    seen->policy_after = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
    seen->nice_after = own_nice();
    seen->slice_after_ns = slice_ns();
    seen->nice_of_child = -99;
    if (pthread_create(&child, NULL, be_child, seen) == 0)
        pthread_join(child, NULL);
    return NULL;
}

static struct seen in_a_thread(struct seen how)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, be_prompt, &how), 0);
    pthread_join(thread, NULL);
    assert_int_equal(how.policy_after, how.policy);
    assert_int_equal(how.nice_of_child, how.nice);
    return how;
}

static void check_slices(struct seen seen)
{
    if (!kernel_knows_slices())
        return;
    assert_true(seen.slice_before_ns > 100000);
    assert_int_equal(seen.slice_after_ns, 100000);
    assert_int_equal(seen.slice_of_child_ns, seen.slice_before_ns);
}

static void a_prompt_thread_has_short_slices_and_ranks_higher(void **state)
{
    struct seen seen = in_a_thread((struct seen){ .policy = SCHED_OTHER });
    assert_int_equal(seen.nice_after, seen.may && seen.nice == 0 ? -10 : seen.nice);
    check_slices(seen);
}

/* As a service of its own user. */
static void who_may_not_rank_higher_has_short_slices(void **state)
{
    struct rlimit none = { 0, 0 }, old;
    getrlimit(RLIMIT_NICE, &old);
    none.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_NICE, &none);
    struct seen seen = in_a_thread((struct seen){ .policy = SCHED_OTHER, .humble = true });
    setrlimit(RLIMIT_NICE, &old);
    assert_false(seen.may);
    assert_int_equal(seen.nice_after, seen.nice);
    check_slices(seen);
}

static void a_nice_value_that_was_chosen_is_kept(void **state)
{
    struct seen seen = in_a_thread((struct seen){ .policy = SCHED_OTHER, .nice = 5 });
    assert_true(seen.nice >= 5);
    assert_int_equal(seen.nice_after, seen.nice);
    check_slices(seen);
}

static void another_policy_is_kept(void **state)
{
    struct seen seen = in_a_thread((struct seen){ .policy = SCHED_BATCH });
    assert_int_equal(seen.nice_after, seen.nice);
    assert_int_equal(seen.slice_after_ns, seen.slice_before_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prompt_thread_has_short_slices_and_ranks_higher),
        cmocka_unit_test(who_may_not_rank_higher_has_short_slices),
        cmocka_unit_test(a_nice_value_that_was_chosen_is_kept),
        cmocka_unit_test(another_policy_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
